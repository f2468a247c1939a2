// Large chains kept by the loop and reused by its bufferevents.
#include "bufferevent/loop_chunks.h"

#include "bufferevents.h"
#include "support/fault_alloc.h"

using test::Bev;

namespace {

evi::Chain *make_chain(std::size_t size) {
  evi::Chain *chain = evi::chain_new(size);
  EXPECT_NE(chain, nullptr);
  return chain;
}

struct LoopChunksTest : testing::Test {
  test::Base base = test::make_base();
  void SetUp() override { ASSERT_TRUE(evi::prepare_loop_chunks(*base)); }
  bool keep(std::size_t size) {
    evi::Chain *chain = make_chain(size);
    if (evi::keep_loop_chunk(*base, *chain)) return true;
    evi::chain_release(chain);
    return false;
  }
};

TEST_F(LoopChunksTest, large_chains_are_kept_up_to_a_limit) {
  EXPECT_FALSE(keep(evi::kSmallestKept / 2));
  EXPECT_FALSE(keep(evi::kLargestKept + 1));
  EXPECT_TRUE(keep(evi::kLargestKept));
  EXPECT_TRUE(keep(evi::kMostKeptBytes - evi::kLargestKept));
  EXPECT_FALSE(keep(evi::kSmallestKept));
  EXPECT_EQ(evi::loop_chunks(*base)->kept_bytes, evi::kMostKeptBytes);
}

TEST_F(LoopChunksTest, a_kept_chain_is_returned_if_it_fits_and_is_not_much_too_large) {
  ASSERT_TRUE(keep(262144));
  EXPECT_EQ(evi::take_loop_chunk(*base, 262145), nullptr);
  EXPECT_EQ(evi::take_loop_chunk(*base, 65535), nullptr);
  evi::Chain *chain = evi::take_loop_chunk(*base, 65536);
  ASSERT_NE(chain, nullptr);
  EXPECT_EQ(chain->length(), 0u);
  EXPECT_EQ(chain->next, nullptr);
  EXPECT_EQ(evi::loop_chunks(*base)->kept_bytes, 0u);
  EXPECT_EQ(evi::take_loop_chunk(*base, 65536), nullptr);
  evi::chain_release(chain);
}

TEST_F(LoopChunksTest, shared_chains_are_not_kept) {
  evi::Chain *chain = make_chain(65536);
  chain->tail += 10;
  evi::Chain *view = evi::chain_new_shared(*chain);
  ASSERT_NE(view, nullptr);
  EXPECT_FALSE(evi::keep_loop_chunk(*base, *chain));
  evi::chain_release(view);
  EXPECT_TRUE(evi::keep_loop_chunk(*base, *chain));
}

TEST_F(LoopChunksTest, sending_bulk_data_allocates_once) {
  test::Pair fds = test::socket_pair();
  Bev bev(*base, fds.a);
  const std::string block(65536, 'b');
  const auto send = [&] {
    bev.put(block);
    std::string got;
    while (got.size() < block.size()) {
      base->loop(EVLOOP_ONCE | EVLOOP_NONBLOCK);
      got += test::read_all(fds.b);
    }
    EXPECT_EQ(got, block);
  };
  send();
  {
    test::FaultAlloc memory;
    for (int i = 0; i < 10; ++i) send();
    EXPECT_EQ(memory.requests(), 0);
  }
}

TEST(LoopChunks, exist_from_the_first_bufferevent_until_the_base_is_freed) {
  test::FaultAlloc memory;
  {
    test::Base base = test::make_base();
    EXPECT_EQ(evi::loop_chunks(*base), nullptr);
    EXPECT_EQ(evi::take_loop_chunk(*base, 65536), nullptr);
    evi::Chain *chain = make_chain(65536);
    EXPECT_FALSE(evi::keep_loop_chunk(*base, *chain));
    Bev bev(*base, -1);
    EXPECT_TRUE(evi::keep_loop_chunk(*base, *chain));
  }
  EXPECT_EQ(memory.live(), 0u);
}

}  // namespace

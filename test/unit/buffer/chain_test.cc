#include "buffer/chain.h"

#include <gtest/gtest.h>

#include "buffers.h"
#include "support/fault_alloc.h"

namespace {

using evi::Chain;

constexpr std::size_t kFirst = test::kFirstRoom;
constexpr std::size_t kSecond = 2048 - sizeof(Chain);

TEST(Chain, sizes_are_small_powers_of_two_with_header_then_whole_pages_of_data) {
  constexpr struct {
    std::size_t size, grow_from, capacity;
  } cases[] = {
      {1, 0, kFirst},          {kFirst, 0, kFirst}, {kFirst + 1, 0, kSecond}, {kSecond, 0, kSecond},
      {kSecond + 1, 0, 4096},  {4096, 0, 4096},     {4097, 0, 8192},          {16384, 0, 16384},
      {16385, 0, 20480},       {100000, 0, 102400}, {1, kFirst, kSecond},     {1, kSecond, 4096},
      {1, 4096, 8192},         {1, 8192, 16384},    {1, 16384, 16384},        {1, 1 << 20, 16384},
      {20000, 1 << 20, 20480},
  };
  for (const auto &c : cases) {
    SCOPED_TRACE(testing::Message() << c.size << " after " << c.grow_from);
    Chain *chain = evi::chain_new(c.size, c.grow_from);
    ASSERT_NE(chain, nullptr);
    EXPECT_EQ(chain->capacity(), c.capacity);
    EXPECT_EQ(chain->length(), 0u);
    EXPECT_EQ(chain->room(), c.capacity);
    evi::chain_release(chain);
  }
}

TEST(Chain, oversized_requests_fail_without_calling_the_allocator) {
  test::FaultAlloc memory;
  for (const std::size_t size : {SIZE_MAX, SIZE_MAX - 48, SIZE_MAX / 2 + 1, evi::kMaxBufferLength,
                                 evi::kMaxBufferLength - sizeof(Chain)}) {
    EXPECT_EQ(evi::chain_new(size), nullptr) << size;
  }
  EXPECT_EQ(memory.requests(), 0);
}

TEST(Chain, cleanup_receives_the_original_pointer_and_the_whole_length_once) {
  test::Cleanup cleanup;
  const char data[] = "0123456789";
  Chain *chain = evi::chain_new_reference(data, 3, 5, test::Cleanup::run, &cleanup);
  ASSERT_NE(chain, nullptr);
  EXPECT_EQ(std::string(reinterpret_cast<char *>(chain->head), chain->length()), "34567");
  EXPECT_EQ(chain->front_room(), 0u);
  chain->head += 2;
  evi::chain_release(chain);
  EXPECT_EQ(cleanup.calls, 1);
  EXPECT_EQ(cleanup.data, data);
  EXPECT_EQ(cleanup.size, 8u);
}

TEST(Chain, shared_bytes_are_freed_with_the_last_chain_that_refers_to_them) {
  test::Cleanup cleanup;
  const char data[] = "abc";
  Chain *parent = evi::chain_new_reference(data, 0, 3, test::Cleanup::run, &cleanup);
  Chain *first = evi::chain_new_shared(*parent);
  Chain *second = evi::chain_new_shared(*parent);
  EXPECT_EQ(parent->holders.load(), 3u);
  evi::chain_release(parent);
  evi::chain_release(first);
  EXPECT_EQ(cleanup.calls, 0);
  EXPECT_EQ(second->head, reinterpret_cast<const unsigned char *>(data));
  evi::chain_release(second);
  EXPECT_EQ(cleanup.calls, 1);
}

TEST(Chain, a_held_chain_has_space_after_its_bytes_but_not_before) {
  Chain *chain = evi::chain_new(10);
  chain->tail += 8;
  chain->head += 4;
  EXPECT_EQ(chain->front_room(), 4u);
  Chain *shared = evi::chain_new_shared(*chain);
  EXPECT_EQ(chain->front_room(), 0u);
  EXPECT_FALSE(chain->exclusive_memory());
  EXPECT_EQ(chain->room(), kFirst - 8);
  evi::chain_release(shared);
  EXPECT_EQ(chain->front_room(), 4u);
  evi::chain_release(chain);
}

TEST(Chain, shrinking_keeps_the_bytes_and_survives_a_failure) {
  for (const bool fails : {false, true}) {
    SCOPED_TRACE(fails);
    test::FaultAlloc memory;
    const std::string bytes = test::pattern(5000);
    Chain *chain = evi::chain_new(60000);
    std::memcpy(chain->tail, bytes.data(), bytes.size());
    chain->tail += bytes.size();
    chain->head += 100;
    memory.fail_at(fails ? 1 : 0);
    chain = evi::chain_shrink(chain);
    EXPECT_EQ(std::string(reinterpret_cast<char *>(chain->head), chain->length()), bytes.substr(100));
    EXPECT_EQ(chain->room(), fails ? 61440u - 5000u : 0u);
    evi::chain_release(chain);
    EXPECT_EQ(memory.live(), 0u);
  }
}

}  // namespace

#include <gtest/gtest.h>

#include "buffers.h"
#include "support/fault_alloc.h"

namespace {

using test::Buffer;
using test::extents;
using test::kFirstRoom;
using test::text;
using Pieces = std::vector<std::string>;

TEST(Add, keeps_order_across_chains) {
  Buffer buffer;
  std::string want;
  for (unsigned i = 0; i < 300; ++i) {
    const std::string piece = test::pattern(i * 3, i);
    ASSERT_TRUE(test::add(buffer, piece));
    want += piece;
  }
  EXPECT_EQ(text(buffer), want);
  EXPECT_GT(extents(buffer).size(), 1u);
}

// #335, #340: the check for overflow must neither reorder data nor stop chains from growing.
TEST(Add, small_pieces_make_few_chains) {
  Buffer buffer;
  for (int i = 0; i < 100000; ++i) ASSERT_TRUE(test::add(buffer, "0123456789"));
  EXPECT_LT(extents(buffer).size(), 1000000u / 16384u + 8u);
}

TEST(Add, fills_the_free_space_of_the_last_chain_before_allocating_one) {
  Buffer buffer(test::pattern(900));
  ASSERT_TRUE(test::add(buffer, test::pattern(200)));
  EXPECT_EQ(extents(buffer)[0].size(), kFirstRoom);
  EXPECT_EQ(buffer.length(), 1100u);
}

TEST(Add, accepts_bytes_of_the_buffer_itself) {
  Buffer buffer("abcd");
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(buffer.add(buffer.pullup(-1), buffer.length()));
  EXPECT_EQ(buffer.length(), 4u << 12);
  EXPECT_EQ(text(buffer).substr(16380), "abcd");
}

TEST(Add, adding_zero_bytes_allocates_nothing) {
  test::FaultAlloc memory;
  Buffer buffer;
  EXPECT_TRUE(buffer.add(nullptr, 0));
  EXPECT_TRUE(buffer.prepend(nullptr, 0));
  EXPECT_EQ(buffer.add_iovec(nullptr, 0), 0u);
  EXPECT_TRUE(buffer.expand(0));
  EXPECT_EQ(memory.requests(), 0);
}

TEST(Add, add_iovec_adds_everything_or_as_much_as_the_length_limit_allows) {
  Buffer buffer("<");
  test::ChangeLog log;
  log.watch(buffer);
  const std::string big = test::pattern(3000);
  evbuffer_iovec vec[3] = {
      {const_cast<char *>("ab"), 2}, {nullptr, 0}, {const_cast<char *>(big.data()), 3000}};
  EXPECT_EQ(buffer.add_iovec(vec, 3), 3002u);
  EXPECT_EQ(text(buffer), "<ab" + big);
  EXPECT_EQ(log.take(), "1+2-0 3+3000-0 ");
  test::FaultAlloc memory{1};
  vec[0].iov_base = vec[2].iov_base;
  vec[0].iov_len = 3000;
  EXPECT_EQ(buffer.add_iovec(vec, 3), 0u);
  EXPECT_EQ(buffer.length(), 3003u);
}

// --- prepend ---

TEST(Prepend, inserts_bytes_in_front_of_any_content) {
  for (const std::size_t size : {0u, 1u, 5u, 900u, 976u, 977u, 5000u}) {
    for (const std::size_t drained : {0u, 1u, 5u}) {
      SCOPED_TRACE(testing::Message() << size << " drained " << drained);
      Buffer buffer("abcdefgh");
      ASSERT_TRUE(buffer.drain(drained));
      const std::string piece = test::pattern(size);
      ASSERT_TRUE(buffer.prepend(piece.data(), size));
      EXPECT_EQ(text(buffer), piece + std::string("abcdefgh").substr(drained));
      ASSERT_TRUE(buffer.prepend("!", 1));
      EXPECT_EQ(text(buffer), "!" + piece + std::string("abcdefgh").substr(drained));
    }
  }
}

TEST(Prepend, reuses_space_freed_by_drain) {
  Buffer buffer("0123456789");
  ASSERT_TRUE(buffer.drain(4));
  ASSERT_TRUE(buffer.prepend("abcd", 4));
  EXPECT_EQ(extents(buffer), Pieces({"abcd456789"}));
}

TEST(Prepend, repeated_prepends_share_a_chain) {
  Buffer buffer;
  for (int i = 0; i < 900; ++i) ASSERT_TRUE(buffer.prepend(i % 2 ? "a" : "b", 1));
  EXPECT_EQ(extents(buffer).size(), 1u);
  EXPECT_EQ(text(buffer).substr(0, 4), "abab");
}

// The bytes before the shared ones are still shown to the other buffer.
TEST(Prepend, never_writes_into_bytes_shared_with_another_buffer) {
  Buffer buffer("0123456789"), other;
  ASSERT_TRUE(other.append_shared(buffer));
  ASSERT_TRUE(buffer.drain(5));
  ASSERT_TRUE(buffer.prepend("abc", 3));
  ASSERT_TRUE(test::add(buffer, "behind"));
  EXPECT_EQ(text(buffer), "abc56789behind");
  EXPECT_EQ(text(other), "0123456789");
}

TEST(Prepend, never_writes_into_referenced_memory) {
  const char data[] = "0123456789";
  Buffer buffer;
  ASSERT_TRUE(buffer.add_reference(data, 2, 6, nullptr, nullptr));
  ASSERT_TRUE(buffer.drain(2));
  ASSERT_TRUE(buffer.prepend("ab", 2));
  ASSERT_TRUE(test::add(buffer, "cd"));
  EXPECT_EQ(text(buffer), "ab4567cd");
  EXPECT_STREQ(data, "0123456789");
}

// --- reserve and commit ---

TEST(Reserve, the_first_extent_of_a_new_buffer_and_its_header_take_1024_bytes) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, kFirstRoom}) {
    for (const int count : {1, 2, 3}) {
      Buffer buffer;
      evbuffer_iovec vec[3];
      ASSERT_EQ(buffer.reserve(size, vec, count), 1);
      EXPECT_EQ(vec[0].iov_len, kFirstRoom);
    }
  }
  Buffer buffer;
  evbuffer_iovec vec[2];
  ASSERT_EQ(buffer.reserve(kFirstRoom + 1, vec, 2), 1);
  EXPECT_GE(vec[0].iov_len, kFirstRoom + 1);
}

TEST(Reserve, rejects_zero_vectors) {
  Buffer buffer;
  evbuffer_iovec vec;
  EXPECT_EQ(buffer.reserve(1, &vec, 0), -1);
  EXPECT_EQ(buffer.reserve(1, &vec, -1), -1);
}

TEST(Reserve, zero_bytes_needs_no_extent_unless_only_one_is_requested) {
  Buffer buffer;
  evbuffer_iovec vec[2];
  EXPECT_EQ(buffer.reserve(0, vec, 2), 0);
  EXPECT_EQ(buffer.reserve(0, vec, 1), 1);
}

TEST(Reserve, returns_the_rest_of_the_last_chain_and_a_new_one) {
  Buffer buffer(test::pattern(900));
  constexpr std::size_t kRest = kFirstRoom - 900;
  evbuffer_iovec vec[2];
  ASSERT_EQ(buffer.reserve(500, vec, 2), 2);
  EXPECT_EQ(vec[0].iov_len, kRest);
  EXPECT_GE(vec[1].iov_len, 500u - kRest);
  // Again, the same: nothing was committed.
  evbuffer_iovec again[2];
  ASSERT_EQ(buffer.reserve(500, again, 2), 2);
  EXPECT_EQ(again[0].iov_base, vec[0].iov_base);
  EXPECT_EQ(again[1].iov_base, vec[1].iov_base);
  std::memset(vec[0].iov_base, 'a', kRest);
  std::memset(vec[1].iov_base, 'b', 24);
  vec[1].iov_len = 24;
  ASSERT_TRUE(buffer.commit(vec, 2));
  EXPECT_EQ(text(buffer), test::pattern(900) + std::string(kRest, 'a') + std::string(24, 'b'));
}

TEST(Reserve, with_one_vector_is_contiguous) {
  Buffer buffer(test::pattern(900));
  evbuffer_iovec vec;
  ASSERT_EQ(buffer.reserve(500, &vec, 1), 1);
  ASSERT_GE(vec.iov_len, 500u);
  std::memset(vec.iov_base, 'a', 500);
  vec.iov_len = 500;
  ASSERT_TRUE(buffer.commit(&vec, 1));
  EXPECT_EQ(text(buffer), test::pattern(900) + std::string(500, 'a'));
}

TEST(Commit, zero_bytes_changes_nothing) {
  Buffer buffer("abc");
  test::ChangeLog log;
  log.watch(buffer);
  evbuffer_iovec vec[2];
  ASSERT_EQ(buffer.reserve(2000, vec, 2), 2);
  ASSERT_TRUE(buffer.commit(vec, 0));
  ASSERT_TRUE(buffer.commit(nullptr, 0));
  vec[0].iov_len = vec[1].iov_len = 0;
  ASSERT_TRUE(buffer.commit(vec, 1));
  ASSERT_TRUE(buffer.commit(vec, 2));
  EXPECT_EQ(text(buffer), "abc");
  EXPECT_EQ(log.text, "");
  // An empty first extent before a full second one leaves no hole.
  std::memcpy(vec[1].iov_base, "def", 3);
  vec[1].iov_len = 3;
  ASSERT_TRUE(buffer.commit(vec, 2));
  EXPECT_EQ(text(buffer), "abcdef");
  EXPECT_EQ(log.text, "3+3-0 ");
}

TEST(Commit, rejects_space_not_returned_by_reserve) {
  Buffer buffer("abc");
  evbuffer_iovec vec[2], wrong[3];
  char elsewhere[8] = "";
  ASSERT_EQ(buffer.reserve(2000, vec, 2), 2);
  wrong[0] = {elsewhere, 1};
  EXPECT_FALSE(buffer.commit(wrong, 1));
  wrong[0] = {vec[0].iov_base, vec[0].iov_len + 1};
  EXPECT_FALSE(buffer.commit(wrong, 1));
  wrong[0] = vec[0];
  wrong[1] = {elsewhere, 1};
  EXPECT_FALSE(buffer.commit(wrong, 2));
  wrong[1] = {vec[1].iov_base, vec[1].iov_len + 1};
  EXPECT_FALSE(buffer.commit(wrong, 2));
  wrong[0] = vec[1];
  wrong[1] = vec[0];
  EXPECT_FALSE(buffer.commit(wrong, 2));
  wrong[0] = vec[0];
  wrong[1] = wrong[2] = vec[1];
  EXPECT_FALSE(buffer.commit(wrong, 3));
  EXPECT_EQ(text(buffer), "abc");
}

TEST(Commit, rejects_space_used_by_a_later_call) {
  Buffer buffer("abc");
  evbuffer_iovec vec[2];
  ASSERT_EQ(buffer.reserve(10, vec, 2), 1);
  ASSERT_TRUE(test::add(buffer, "def"));
  vec[0].iov_len = 3;
  EXPECT_FALSE(buffer.commit(vec, 1));
  EXPECT_EQ(text(buffer), "abcdef");
}

TEST(Expand, lets_the_next_addition_allocate_nothing) {
  for (const std::size_t size : {1u, 76u, 77u, 1000u, 100000u}) {
    Buffer buffer(test::pattern(900));
    ASSERT_TRUE(buffer.expand(size));
    test::FaultAlloc memory;
    ASSERT_TRUE(test::add(buffer, test::pattern(size)));
    EXPECT_EQ(memory.requests(), 0) << size;
  }
}

TEST(Expand, makes_contiguous_space) {
  Buffer buffer(test::pattern(900));
  ASSERT_TRUE(buffer.expand(500));
  test::FaultAlloc memory;
  evbuffer_iovec vec;
  ASSERT_EQ(buffer.reserve(500, &vec, 1), 1);
  EXPECT_GE(vec.iov_len, 500u);
  EXPECT_EQ(memory.requests(), 0);
}

// --- lack of memory ---

TEST(Add, leaves_the_buffer_unchanged_when_out_of_memory) {
  const std::string big = test::pattern(5000);
  test::sweep([&] {
    Buffer buffer;
    bool good = test::add(buffer, "0123456789");
    const std::string before = text(buffer);
    std::string want = before;
    const auto step = [&](bool done, const std::string &after) {
      good = good && done;
      if (done) want = after;
      EXPECT_EQ(text(buffer), want);
    };
    step(test::add(buffer, big), want + big);
    step(buffer.prepend(big.data(), big.size()), big + want);
    evbuffer_iovec vec[2] = {{const_cast<char *>(big.data()), 3000}, {const_cast<char *>(big.data()), 5000}};
    step(buffer.add_iovec(vec, 2) == 8000, want + big.substr(0, 3000) + big);
    step(buffer.expand(30000), want);
    const int count = buffer.reserve(60000, vec, 2);
    step(count > 0, want);
    if (count > 0) {
      for (int i = 0; i < count; ++i) vec[i].iov_len = 0;
      step(buffer.commit(vec, count), want);
    }
    return good;
  });
}

}  // namespace

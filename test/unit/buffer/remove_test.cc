#include <gtest/gtest.h>

#include "buffers.h"
#include "support/fault_alloc.h"

namespace {

using test::Buffer;
using test::extents;
using test::text;
using Pieces = std::vector<std::string>;

TEST(Drain, removes_any_number_of_bytes_from_the_front) {
  const std::string all = "abcdefghij";
  for (std::size_t size = 0; size <= 12; ++size) {
    Buffer buffer{"abc", "d", "efg", "hij"};
    ASSERT_TRUE(buffer.drain(size));
    EXPECT_EQ(text(buffer), all.substr(std::min(size, all.size()))) << size;
    ASSERT_TRUE(test::add(buffer, "+"));
    EXPECT_EQ(text(buffer), all.substr(std::min(size, all.size())) + "+");
  }
}

TEST(Remove, copies_the_bytes_it_removes) {
  for (std::size_t size = 0; size <= 12; ++size) {
    Buffer buffer{"abc", "d", "efg", "hij"};
    char out[16] = "";
    ASSERT_EQ(buffer.remove(out, size), static_cast<ev_ssize_t>(std::min<std::size_t>(size, 10)));
    EXPECT_EQ(std::string(out), std::string("abcdefghij").substr(0, size));
    EXPECT_EQ(buffer.length(), 10 - std::min<std::size_t>(size, 10));
  }
}

TEST(Copyout, copies_from_any_position_and_removes_nothing) {
  const std::string all = "abcdefghij";
  Buffer buffer{"abc", "d", "efg", "hij"};
  for (std::size_t from = 0; from <= 10; ++from) {
    evbuffer_ptr ptr;
    ASSERT_TRUE(buffer.set_position(ptr, from, EVBUFFER_PTR_SET));
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{20}, SIZE_MAX}) {
      char out[16] = "";
      const std::string want = all.substr(from, size);
      ASSERT_EQ(buffer.copyout(&ptr, out, size), static_cast<ev_ssize_t>(want.size()));
      EXPECT_EQ(std::string(out), want);
    }
  }
  EXPECT_EQ(text(buffer), all);
  const evbuffer_ptr nowhere = {-1, {nullptr, 0}}, beyond = {11, {nullptr, 0}};
  char out[1];
  EXPECT_EQ(buffer.copyout(&nowhere, out, 1), -1);
  EXPECT_EQ(buffer.copyout(&beyond, out, 1), -1);
}

// --- pullup ---

TEST(Pullup, makes_any_number_of_bytes_contiguous) {
  const std::string all = "abcdefghij";
  for (ev_ssize_t size = -2; size <= 12; ++size) {
    SCOPED_TRACE(size);
    Buffer buffer{"abc", "d", "efg", "hij"};
    const unsigned char *bytes = buffer.pullup(size);
    if (size == 0 || size > 10) {
      EXPECT_EQ(bytes, nullptr);
    } else {
      const std::size_t want = size < 0 ? 10 : static_cast<std::size_t>(size);
      ASSERT_NE(bytes, nullptr);
      EXPECT_EQ(std::string(reinterpret_cast<const char *>(bytes), want), all.substr(0, want));
      EXPECT_GE(buffer.first_length(), want);
    }
    EXPECT_EQ(text(buffer), all);
  }
  Buffer empty;
  EXPECT_EQ(empty.pullup(-1), nullptr);
  EXPECT_EQ(empty.pullup(0), nullptr);
}

TEST(Pullup, moves_nothing_that_is_contiguous_already) {
  test::FaultAlloc memory;
  Buffer buffer{"abc", "def"};
  const unsigned char *first = buffer.first_chain()->head;
  const long before = memory.requests();
  EXPECT_EQ(buffer.pullup(3), first);
  EXPECT_EQ(buffer.pullup(2), first);
  // Room behind the first chain's data serves, too.
  EXPECT_EQ(buffer.pullup(5), first);
  EXPECT_EQ(extents(buffer), Pieces({"abcde", "f"}));
  EXPECT_EQ(memory.requests(), before);
}

TEST(Pullup, does_not_modify_referenced_memory_and_runs_its_cleanup) {
  test::Cleanup cleanup;
  const char data[] = "0123456789";
  Buffer buffer;
  ASSERT_TRUE(buffer.add_reference(data, 0, 10, test::Cleanup::run, &cleanup));
  ASSERT_TRUE(test::add(buffer, "abc"));
  EXPECT_EQ(buffer.pullup(10), reinterpret_cast<const unsigned char *>(data));
  EXPECT_EQ(cleanup.calls, 0);
  ASSERT_NE(buffer.pullup(11), nullptr);
  EXPECT_EQ(cleanup.calls, 1);
  EXPECT_EQ(text(buffer), "0123456789abc");
}

TEST(Pullup, does_not_change_bytes_shared_with_another_buffer) {
  Buffer buffer{"abc", "def"}, other;
  ASSERT_TRUE(other.append_shared(buffer));
  ASSERT_NE(buffer.pullup(-1), nullptr);
  ASSERT_NE(other.pullup(-1), nullptr);
  ASSERT_TRUE(buffer.drain(6));
  ASSERT_TRUE(test::add(buffer, "xyzxyz"));
  EXPECT_EQ(text(other), "abcdef");
}

TEST(Pullup, repeated_pullups_of_everything_copy_little) {
  test::FaultAlloc memory;
  Buffer buffer;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(test::add(buffer, test::pattern(500)));
    ASSERT_NE(buffer.pullup(-1), nullptr);
  }
  EXPECT_LT(memory.requests(), 200);
}

TEST(Pullup, changes_nothing_when_out_of_memory) {
  const std::string a = test::pattern(970), b = test::pattern(3000, 1);
  test::sweep([&] {
    Buffer buffer;
    if (!test::add(buffer, a)) return false;
    Buffer more;
    if (!test::add(more, b) || !buffer.append_all(more)) return false;
    const unsigned char *all = buffer.pullup(-1);
    EXPECT_EQ(text(buffer), a + b);
    return all != nullptr;
  });
}

// --- peek ---

TEST(Peek, counts_and_fills_vectors_as_libevent_does) {
  // Four extents of five bytes. `from` -1: no position given.
  constexpr struct {
    ev_ssize_t size, from;
    int count, want;
    std::size_t first;
  } cases[] = {
      {-1, -1, 4, 4, 5},  {-1, -1, 2, 2, 5},  {-1, -1, 0, 4, 0}, {12, -1, 1, 3, 5}, {12, -1, 0, 3, 0},
      {100, -1, 2, 4, 5}, {100, -1, 8, 4, 5}, {0, -1, 8, 0, 0},  {5, -1, 8, 1, 5},  {6, -1, 8, 2, 5},
      {-1, 7, 8, 3, 3},   {4, 7, 8, 2, 3},    {3, 7, 8, 1, 3},   {-1, 7, 0, 3, 0},  {0, 7, 8, 1, 3},
      {-1, 20, 8, 0, 0},  {3, 20, 8, 0, 0},   {3, 20, 0, 0, 0},  {-1, 5, 1, 1, 5},  {-1, 0, 9, 4, 5},
  };
  Buffer buffer{"abcde", "fghij", "klmno", "pqrst"};
  for (const auto &c : cases) {
    SCOPED_TRACE(testing::Message() << c.size << " from " << c.from << " into " << c.count);
    evbuffer_ptr ptr{};
    if (c.from >= 0) {
      ASSERT_TRUE(buffer.set_position(ptr, static_cast<std::size_t>(c.from), EVBUFFER_PTR_SET));
    }
    evbuffer_iovec vec[9] = {};
    EXPECT_EQ(buffer.peek(c.size, c.from >= 0 ? &ptr : nullptr, vec, c.count), c.want);
    EXPECT_EQ(vec[0].iov_len, c.first);
    std::string seen;
    for (int i = 0; i < std::min(c.want, c.count); ++i) {
      seen.append(static_cast<char *>(vec[i].iov_base), vec[i].iov_len);
    }
    const std::size_t start = c.from < 0 ? 0 : static_cast<std::size_t>(c.from);
    EXPECT_EQ(seen, std::string("abcdefghijklmnopqrst").substr(start, seen.size()));
  }
}

TEST(Peek, returns_no_vectors_for_an_empty_buffer) {
  Buffer buffer;
  evbuffer_iovec vec[2];
  EXPECT_EQ(buffer.peek(-1, nullptr, vec, 2), 0);
  EXPECT_EQ(buffer.peek(10, nullptr, vec, 2), 0);
  EXPECT_EQ(buffer.peek(-1, nullptr, nullptr, 0), 0);
  const evbuffer_ptr nowhere = {-1, {nullptr, 0}};
  EXPECT_EQ(buffer.peek(-1, &nowhere, vec, 2), 0);
}

TEST(Pullup, terminates_contiguous_bytes_with_a_nul) {
  evbuffer buffer;
  const std::string far(5000, 'b');
  ASSERT_TRUE(test::add(buffer, "aaa"));
  ASSERT_TRUE(buffer.prepend("front ", 6));
  ASSERT_TRUE(test::add(buffer, far));
  const auto *all = reinterpret_cast<const char *>(buffer.pullup(-1));
  ASSERT_NE(all, nullptr);
  EXPECT_STREQ(all, ("front aaa" + far).c_str());
}

}  // namespace

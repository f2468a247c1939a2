#include "util/alloc.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "support/fault_alloc.h"

namespace {

TEST(Alloc, a_size_of_zero_returns_null_without_an_error) {
  errno = 0;
  EXPECT_EQ(evi::mm_malloc(0), nullptr);
  EXPECT_EQ(evi::mm_calloc(0, 8), nullptr);
  EXPECT_EQ(evi::mm_calloc(8, 0), nullptr);
  EXPECT_EQ(errno, 0);
}

TEST(Alloc, calloc_rejects_a_product_that_overflows) {
  errno = 0;
  EXPECT_EQ(evi::mm_calloc(SIZE_MAX / 2 + 1, 2), nullptr);
  EXPECT_EQ(errno, ENOMEM);
}

TEST(Alloc, calloc_overflow_is_rejected_with_user_functions) {
  test::FaultAlloc memory;
  EXPECT_EQ(evi::mm_calloc(SIZE_MAX / 2 + 1, 2), nullptr);
  EXPECT_EQ(memory.requests(), 0);
}

TEST(Alloc, calloc_zeroes_memory_from_user_functions) {
  test::FaultAlloc memory;
  evi::OwnedMemory<unsigned char> bytes{static_cast<unsigned char *>(evi::mm_calloc(4, 16))};
  ASSERT_NE(bytes, nullptr);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(bytes.get()[i], 0);
}

TEST(Alloc, a_failure_returns_null_with_enomem) {
  test::FaultAlloc memory;
  for (int kind = 0; kind < 4; ++kind) {
    memory.fail_at(1);
    errno = 0;
    void *got = kind == 0   ? evi::mm_malloc(8)
                : kind == 1 ? evi::mm_calloc(1, 8)
                : kind == 2 ? evi::mm_realloc(nullptr, 8)
                            : evi::mm_strdup("text");
    EXPECT_EQ(got, nullptr) << kind;
    EXPECT_EQ(errno, ENOMEM) << kind;
  }
}

TEST(Alloc, realloc_that_fails_keeps_the_old_block) {
  test::FaultAlloc memory;
  char *text = evi::mm_strdup("kept");
  ASSERT_NE(text, nullptr);
  memory.fail_at(1);
  EXPECT_EQ(evi::mm_realloc(text, 100), nullptr);
  EXPECT_STREQ(text, "kept");
  evi::mm_free(text);
  EXPECT_EQ(memory.live(), 0u);
}

TEST(Alloc, strdup_copies_up_to_the_nul) {
  evi::OwnedMemory<char> copy{evi::mm_strdup("abc")};
  EXPECT_STREQ(copy.get(), "abc");
  evi::OwnedMemory<char> empty{evi::mm_strdup("")};
  EXPECT_STREQ(empty.get(), "");
}

TEST(Alloc, free_accepts_null) {
  test::FaultAlloc memory;
  evi::mm_free(nullptr);
  EXPECT_EQ(memory.live(), 0u);
}

struct Counted {
  static int alive;
  explicit Counted(int v) noexcept : value(v) { ++alive; }
  ~Counted() { --alive; }
  int value;
};
int Counted::alive = 0;

TEST(Alloc, make_constructs_and_owned_destroys) {
  test::FaultAlloc memory;
  {
    evi::Owned<Counted> one{evi::make<Counted>(7)};
    ASSERT_NE(one, nullptr);
    EXPECT_EQ(one->value, 7);
    EXPECT_EQ(Counted::alive, 1);
    EXPECT_EQ(memory.live(), 1u);
  }
  EXPECT_EQ(Counted::alive, 0);
  EXPECT_EQ(memory.live(), 0u);
  evi::destroy<Counted>(nullptr);
}

TEST(Alloc, make_constructs_nothing_when_out_of_memory) {
  test::FaultAlloc memory{1};
  EXPECT_EQ(evi::make<Counted>(7), nullptr);
  EXPECT_EQ(Counted::alive, 0);
}

TEST(Alloc, sweep_counts_allocations_and_fails_each_once) {
  int runs = 0;
  const long needed = test::sweep([&] {
    ++runs;
    evi::OwnedMemory<void> first{evi::mm_malloc(1)};
    if (!first) return false;
    evi::OwnedMemory<void> second{evi::mm_malloc(1)};
    return second != nullptr;
  });
  EXPECT_EQ(needed, 2);
  EXPECT_EQ(runs, 3);
}

}  // namespace

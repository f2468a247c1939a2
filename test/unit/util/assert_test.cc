#include "util/assert.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "util/log.h"

namespace {

// Counts its checks, and is sound or not as the test says.
struct Checked {
  bool sound = true;
  int checks = 0;

  bool check_invariants(std::size_t limit) {
    EXPECT_GT(limit, 0u);
    ++checks;
    return sound;
  }
};

void make_unsound(Checked &object) {
  EVI_CHECK_INVARIANTS(object);
  object.sound = false;
}

#ifndef NDEBUG

// How abort() ends a process.
#ifdef _WIN32
const testing::ExitedWithCode kAborted(3);
#else
const testing::KilledBySignal kAborted(SIGABRT);
#endif

TEST(Assert, false_condition_logs_its_place_and_aborts) {
  EXPECT_EXIT(EVI_ASSERT(1 + 1 == 3), kAborted,
              "\\[err\\] .*assert_test\\.cc:.*: assertion 1 \\+ 1 == 3 failed");
}

TEST(Assert, false_condition_calls_the_fatal_callback) {
  EXPECT_EXIT(
      {
        evi::set_fatal_callback([](int) { std::_Exit(42); });
        EVI_ASSERT(false);
      },
      testing::ExitedWithCode(42), "");
}

TEST(Assert, true_condition_is_evaluated_once_and_ignored) {
  int evaluated = 0;
  EVI_ASSERT(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(Assert, invariants_are_checked_when_the_scope_ends) {
  Checked object;
  {
    EVI_CHECK_INVARIANTS(object);
    EXPECT_EQ(object.checks, 0);
  }
  EXPECT_EQ(object.checks, 1);
}

TEST(Assert, broken_invariant_logs_the_public_call_and_aborts) {
  Checked object;
  EXPECT_EXIT(make_unsound(object), kAborted, "assert_test\\.cc:.*: assertion check_invariants\\(\\)");
}

TEST(Assert, one_check_in_an_interval_is_long) {
  unsigned long_checks = 0;
  for (unsigned i = 0; i < evi::kLongCheckInterval; ++i) {
    const std::size_t limit = evi::next_check_limit();
    if (limit == evi::kLongCheckElements) {
      ++long_checks;
    } else {
      EXPECT_EQ(limit, evi::kCheckedElements);
    }
  }
  EXPECT_EQ(long_checks, 1u);
}

#else

TEST(Assert, conditions_are_compiled_but_not_evaluated_with_NDEBUG) {
  int evaluated = 0;
  EVI_ASSERT(++evaluated == 2);
  EXPECT_EQ(evaluated, 0);
}

TEST(Assert, invariants_are_not_checked_with_NDEBUG) {
  Checked object;
  make_unsound(object);
  EXPECT_EQ(object.checks, 0);
}

#endif

}  // namespace

// The native mutexes and conditions of POSIX.
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "event2/thread.h"
#include "support/fault_alloc.h"
#include "thread/lock.h"

namespace native = evi::native;

namespace {

TEST(NativePosix, a_plain_mutex_is_not_recursive) {
  void *lock = native::lock_new(false);
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(native::lock_acquire(lock), 0);
  EXPECT_EQ(native::lock_try(lock), EBUSY);
  EXPECT_EQ(native::lock_release(lock), 0);
  EXPECT_EQ(native::lock_try(lock), 0);
  EXPECT_EQ(native::lock_release(lock), 0);
  native::lock_free(lock);
}

TEST(NativePosix, a_recursive_mutex_can_be_locked_again) {
  for (const int flags : {0, EVTHREAD_PTHREAD_PRIO_INHERIT}) {
    native::set_lock_flags(flags);
    void *lock = native::lock_new(true);
    ASSERT_NE(lock, nullptr);
    EXPECT_EQ(native::lock_acquire(lock), 0);
    EXPECT_EQ(native::lock_try(lock), 0);
    EXPECT_EQ(native::lock_release(lock), 0);
    std::thread([&] { EXPECT_EQ(native::lock_try(lock), EBUSY); }).join();
    EXPECT_EQ(native::lock_release(lock), 0);
    native::lock_free(lock);
  }
  native::set_lock_flags(0);
}

// The record of a thread's locks is bounded: beyond the bound it says "held" rather than make false alarm.
TEST(NativePosix, held_locks_are_recorded_up_to_a_bound) {
  if (!evi::kAssertions) GTEST_SKIP() << "nothing is recorded without assertions";
  constexpr int kBound = 32;
  void *other = native::lock_new(true);
  void *lock = native::lock_new(true);
  for (int i = 0; i < kBound; ++i) EXPECT_EQ(native::lock_acquire(lock), 0);
  EXPECT_FALSE(native::lock_held(other));
  EXPECT_EQ(native::lock_acquire(other), 0);
  EXPECT_EQ(native::lock_acquire(other), 0);
  EXPECT_TRUE(native::lock_held(other));
  EXPECT_EQ(native::lock_release(other), 0);
  EXPECT_EQ(native::lock_release(other), 0);
  EXPECT_FALSE(native::lock_held(other));
  EXPECT_TRUE(native::lock_held(lock));
  for (int i = 0; i < kBound; ++i) EXPECT_EQ(native::lock_release(lock), 0);
  EXPECT_FALSE(native::lock_held(lock));
  native::lock_free(lock);
  native::lock_free(other);
}

TEST(NativePosix, a_timed_wait_returns_in_time) {
  void *lock = native::lock_new(true);
  void *condition = native::condition_new();
  native::lock_acquire(lock);
  for (const timeval timeout : {timeval{0, 0}, timeval{0, 2000}, timeval{0, 999'999}}) {
    if (timeout.tv_usec > 500'000) {
      // Carries into the next second; another thread signals long before.
      std::thread other([&] {
        native::lock_acquire(lock);
        native::condition_signal(condition, false);
        native::lock_release(lock);
      });
      EXPECT_EQ(native::condition_wait(condition, lock, &timeout), 0);
      other.join();
    } else {
      const auto start = std::chrono::steady_clock::now();
      EXPECT_EQ(native::condition_wait(condition, lock, &timeout), 1);
      EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::microseconds(timeout.tv_usec) / 2);
    }
  }
  native::lock_release(lock);
  native::condition_free(condition);
  native::lock_free(lock);
}

TEST(NativePosix, locks_and_conditions_survive_allocation_failures) {
  test::sweep([] {
    void *lock = native::lock_new(true);
    void *condition = native::condition_new();
    const bool good = lock && condition;
    if (lock) native::lock_free(lock);
    if (condition) native::condition_free(condition);
    return good;
  });
}

TEST(NativePosix, thread_ids_are_nonzero_and_distinct) {
  const unsigned long mine = native::thread_id();
  EXPECT_NE(mine, 0u);
  std::thread([&] { EXPECT_NE(native::thread_id(), mine); }).join();
}

}  // namespace

#include "util/monotonic_timer.h"

#include <gtest/gtest.h>

#include "support/fault_alloc.h"

namespace {

// A clock set by the test.
struct HandClock : evi::Clock {
  HandClock() : evi::Clock{read_monotonic, read_wall} {}
  evi::Micros monotonic_us = 1000;
  evi::Micros wall_us = 5000000;

 private:
  static evi::Micros read_monotonic(const evi::Clock &self) noexcept {
    return static_cast<const HandClock &>(self).monotonic_us;
  }
  static evi::Micros read_wall(const evi::Clock &self) noexcept {
    return static_cast<const HandClock &>(self).wall_us;
  }
};

TEST(MonotonicTimer, uses_the_monotonic_clock) {
  HandClock clock;
  evutil_monotonic_timer timer{clock};
  timer.configure(EV_MONOT_PRECISE);
  EXPECT_EQ(timer.now(), 1000);
  clock.monotonic_us += 7;
  clock.wall_us -= 1000000;
  EXPECT_EQ(timer.now(), 1007);
}

TEST(MonotonicTimer, the_fallback_uses_the_time_of_day) {
  HandClock clock;
  evutil_monotonic_timer timer{clock};
  timer.configure(EV_MONOT_FALLBACK);
  EXPECT_EQ(timer.now(), 5000000);
  clock.wall_us += 3;
  EXPECT_EQ(timer.now(), 5000003);
}

TEST(MonotonicTimer, pauses_when_the_clock_is_set_back_and_then_continues) {
  HandClock clock;
  evutil_monotonic_timer timer{clock};
  timer.configure(EV_MONOT_FALLBACK);
  EXPECT_EQ(timer.now(), 5000000);
  clock.wall_us = 2000000;
  EXPECT_EQ(timer.now(), 5000000);
  clock.wall_us += 10;
  EXPECT_EQ(timer.now(), 5000010);
  clock.wall_us = 1;
  EXPECT_EQ(timer.now(), 5000010);
  clock.wall_us += 5;
  EXPECT_EQ(timer.now(), 5000015);
}

TEST(MonotonicTimer, a_clock_before_1970_is_returned_unchanged) {
  HandClock clock;
  clock.wall_us = -1000;
  evutil_monotonic_timer timer{clock};
  timer.configure(EV_MONOT_FALLBACK);
  EXPECT_EQ(timer.now(), -1000);
}

TEST(MonotonicTimer, never_runs_backwards_whatever_the_clock_does) {
  HandClock clock;
  evutil_monotonic_timer timer{clock};
  timer.configure(EV_MONOT_FALLBACK);
  evi::Micros last = timer.now();
  unsigned state = 1;
  for (int i = 0; i < 10000; ++i) {
    state = state * 1103515245 + 12345;
    clock.wall_us += static_cast<int>(state >> 16) % 2001 - 1000;
    const evi::Micros now = timer.now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(MonotonicTimer, configuring_again_restarts) {
  HandClock clock;
  evutil_monotonic_timer timer{clock};
  timer.configure(EV_MONOT_FALLBACK);
  EXPECT_EQ(timer.now(), 5000000);
  timer.configure(0);
  EXPECT_EQ(timer.now(), 1000);
}

TEST(MonotonicTimer, new_reports_out_of_memory) {
  const long needed = test::sweep([] {
    evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
    evutil_monotonic_timer_free(timer);
    return timer != nullptr;
  });
  EXPECT_EQ(needed, 1);
}

}  // namespace

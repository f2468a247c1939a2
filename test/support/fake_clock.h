// A clock that stands still until the test moves it.
#ifndef EVENTIDE_TEST_SUPPORT_FAKE_CLOCK_H
#define EVENTIDE_TEST_SUPPORT_FAKE_CLOCK_H

#include "util/clock.h"

namespace test {

struct FakeClock : evi::Clock {
  FakeClock() : evi::Clock{read_monotonic, read_wall} {}
  FakeClock(const FakeClock &) = delete;
  FakeClock &operator=(const FakeClock &) = delete;

  evi::Micros t = 1'000'000'000;                                    // what the base measures timeouts on
  evi::Micros wall_ahead = evi::Micros{1'700'000'000} * 1'000'000;  // the time of day is that much more
  mutable int reads = 0;                                            // of the monotonic clock

 private:
  static evi::Micros read_monotonic(const evi::Clock &self) noexcept {
    const auto &clock = static_cast<const FakeClock &>(self);
    ++clock.reads;
    return clock.t;
  }
  static evi::Micros read_wall(const evi::Clock &self) noexcept {
    const auto &clock = static_cast<const FakeClock &>(self);
    return clock.t + clock.wall_ahead;
  }
};

}  // namespace test

#endif

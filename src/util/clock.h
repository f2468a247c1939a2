// Clocks are passed as arguments to code that needs the time, so that tests can pass their own.
#ifndef EVI_UTIL_CLOCK_H
#define EVI_UTIL_CLOCK_H

#include "util/time.h"

namespace evi {

// The two clocks of a base: monotonic for deadlines, wall for the time of day.
struct Clock {
  Micros (*monotonic)(const Clock &self) noexcept;
  Micros (*wall)(const Clock &self) noexcept;
  // The monotonic clock in nanoseconds. Null if it has microseconds only.
  Nanos (*precise)(const Clock &self) noexcept = nullptr;
};

inline Nanos precise_now(const Clock &clock) noexcept {
  return clock.precise ? clock.precise(clock) : clock.monotonic(clock) * 1000;
}

// Microseconds of CLOCK_MONOTONIC (never the coarse one) and of the time of day.
const Clock &system_clock() noexcept;

}  // namespace evi

#endif

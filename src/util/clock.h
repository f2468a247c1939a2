// A clock is handed to whoever needs the time, so that tests can hand in theirs; the system's is one of them.
#ifndef EVI_UTIL_CLOCK_H
#define EVI_UTIL_CLOCK_H

#include "util/time.h"

namespace evi {

// The two clocks of a base: monotonic for deadlines, wall for what users ask as time of day.
struct Clock {
  Micros (*monotonic)(const Clock &self) noexcept;
  Micros (*wall)(const Clock &self) noexcept;
  // The monotonic clock again, as finely as it goes. Null where microseconds are all there is.
  Nanos (*precise)(const Clock &self) noexcept = nullptr;
};

inline Nanos precise_now(const Clock &clock) noexcept {
  return clock.precise ? clock.precise(clock) : clock.monotonic(clock) * 1000;
}

// Microseconds of CLOCK_MONOTONIC (never the coarse one) and of the time of day.
const Clock &system_clock() noexcept;

}  // namespace evi

#endif

// A method's time to wait as the kernel takes it.
#ifndef EVI_BACKENDS_TIMESPEC_H
#define EVI_BACKENDS_TIMESPEC_H

#include <algorithm>
#include <climits>
#include <cstdint>
#include <ctime>
#include <limits>

#include "util/time.h"

namespace evi {

// Zero for a timeout below zero. A time_t of 32 bits ends after 68 years: longer waits end early there, which
// the loop takes for a turn in which nothing happened.
constexpr timespec to_timespec(Nanos timeout) noexcept {
  using Seconds = decltype(timespec::tv_sec);
  constexpr std::int64_t most = std::numeric_limits<Seconds>::max();
  timespec ts{};
  if (timeout > 0) {
    ts.tv_sec = static_cast<Seconds>(std::min<std::int64_t>(timeout / 1'000'000'000, most));
    ts.tv_nsec = static_cast<decltype(ts.tv_nsec)>(timeout % 1'000'000'000);
  }
  return ts;
}

// Whole milliseconds, rounded up so that a wait is never short, for calls that take no less; -1 for
// kWaitForever.
constexpr int to_milliseconds(Nanos timeout) noexcept {
  if (timeout <= 0) return timeout < 0 ? -1 : 0;
  const Nanos rounded = (timeout - 1) / 1'000'000 + 1;
  return rounded < INT_MAX ? static_cast<int>(rounded) : INT_MAX;
}

// Whole microseconds, rounded up, of a timeout that is not kWaitForever. Some systems take no more than 10^8
// seconds, after which the loop waits again.
constexpr timeval to_select_timeval(Nanos timeout) noexcept {
  constexpr Micros longest = 100'000'000 * kMicrosPerSecond;
  return to_timeval(timeout > 0 ? std::min<Micros>((timeout - 1) / 1000 + 1, longest) : 0);
}

}  // namespace evi

#endif

// A method's time to wait as the kernel takes it.
#ifndef EVI_BACKENDS_TIMESPEC_H
#define EVI_BACKENDS_TIMESPEC_H

#include <algorithm>
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

}  // namespace evi

#endif

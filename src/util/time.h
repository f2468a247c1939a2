// Durations and points in time in microseconds, and their saturating conversion from and to timeval;
// nanoseconds where the kernel or a measurement uses them.
#ifndef EVI_UTIL_TIME_H
#define EVI_UTIL_TIME_H

#include <sys/time.h>

#include <cstdint>
#include <limits>

#include "util/assert.h"

namespace evi {

using Micros = std::int64_t;
using Nanos = std::int64_t;

inline constexpr Micros kMicrosPerSecond = 1'000'000;
// About 146 000 years: any longer duration counts as this one, so that sums of two never overflow.
inline constexpr Micros kForever = INT64_MAX / 2;

constexpr Micros to_micros(const timeval &tv) noexcept {
  constexpr Micros max_seconds = kForever / kMicrosPerSecond - 1;
  const Micros seconds = static_cast<Micros>(tv.tv_sec);
  if (seconds >= max_seconds) return kForever;
  if (seconds <= -max_seconds) return -kForever;
  const Micros micros = static_cast<Micros>(tv.tv_usec);
  if (micros >= kForever || micros <= -kForever) return micros > 0 ? kForever : -kForever;
  return seconds * kMicrosPerSecond + micros;
}

// tv_usec is in [0, 1 000 000) also for times before zero.
constexpr timeval to_timeval(Micros us) noexcept {
  Micros seconds = us / kMicrosPerSecond;
  Micros rest = us % kMicrosPerSecond;
  if (rest < 0) {
    rest += kMicrosPerSecond;
    --seconds;
  }
  EVI_ASSERT(rest >= 0 && rest < kMicrosPerSecond);
  timeval tv{};
  // A long of 32 bits on Windows.
  using Seconds = decltype(tv.tv_sec);
  constexpr Micros most = std::numeric_limits<Seconds>::max();
  tv.tv_sec = static_cast<Seconds>(seconds < -most ? -most : seconds > most ? most : seconds);
  tv.tv_usec = static_cast<decltype(tv.tv_usec)>(rest);
  return tv;
}

constexpr Micros add_saturating(Micros a, Micros b) noexcept {
  Micros sum = 0;
  if (__builtin_add_overflow(a, b, &sum) || sum > kForever) return a > 0 || b > 0 ? kForever : -kForever;
  return sum < -kForever ? -kForever : sum;
}

}  // namespace evi

#endif

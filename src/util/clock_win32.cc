// The clocks of Windows: the performance counter, and the system time to 100 nanoseconds;
// evutil_gettimeofday.
#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <windows.h>

#include "event2/util.h"
#include "util/clock.h"

namespace evi {
namespace {

constexpr Nanos kNanosPerSecond = 1'000'000'000;
// From 1601 to 1970, in the 100 nanoseconds of a FILETIME.
constexpr std::int64_t kUnixEpoch = 116'444'736'000'000'000;

// Fixed at boot, so that two threads which read it first write the same.
Nanos ticks_per_second() noexcept {
  static Nanos known = 0;
  Nanos frequency = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (frequency == 0) {
    LARGE_INTEGER asked;
    QueryPerformanceFrequency(&asked);
    frequency = asked.QuadPart;
    __atomic_store_n(&known, frequency, __ATOMIC_RELAXED);
  }
  return frequency;
}

// Converts seconds and the remainder separately: the product of all ticks would overflow after months.
Nanos scaled(Nanos units_per_second) noexcept {
  const Nanos frequency = ticks_per_second();
  LARGE_INTEGER ticks;
  QueryPerformanceCounter(&ticks);
  const Nanos seconds = ticks.QuadPart / frequency;
  return seconds * units_per_second + ticks.QuadPart % frequency * units_per_second / frequency;
}

Micros monotonic_now(const Clock &) noexcept { return scaled(kMicrosPerSecond); }
Nanos monotonic_nanos(const Clock &) noexcept { return scaled(kNanosPerSecond); }

Micros wall_now(const Clock &) noexcept {
  FILETIME now;
  GetSystemTimePreciseAsFileTime(&now);
  const std::int64_t since_1601 = static_cast<std::int64_t>(now.dwHighDateTime) << 32 | now.dwLowDateTime;
  return (since_1601 - kUnixEpoch) / 10;
}

constinit const Clock windows_clock{monotonic_now, wall_now, monotonic_nanos};

}  // namespace

const Clock &system_clock() noexcept { return windows_clock; }

}  // namespace evi

// The time zone is not written: the argument is obsolete on POSIX systems too.
extern "C" int evutil_gettimeofday(struct timeval *tv, struct timezone *) {
  if (!tv) return -1;
  *tv = evi::to_timeval(evi::wall_now(evi::system_clock()));
  return 0;
}

// The system clocks of POSIX: CLOCK_MONOTONIC and gettimeofday.
#include <sys/time.h>
#include <time.h>

#include "util/clock.h"

namespace evi {
namespace {

Micros monotonic_now(const Clock &) noexcept {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<Micros>(ts.tv_sec) * kMicrosPerSecond + ts.tv_nsec / 1000;
}

Micros wall_now(const Clock &) noexcept {
  timeval tv{};
  gettimeofday(&tv, nullptr);
  return to_micros(tv);
}

Nanos monotonic_nanos(const Clock &) noexcept {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<Nanos>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

constinit const Clock posix_clock{monotonic_now, wall_now, monotonic_nanos};

}  // namespace

const Clock &system_clock() noexcept { return posix_clock; }

}  // namespace evi

// The clocks of macOS: CLOCK_UPTIME_RAW, which is mach_absolute_time() in nanoseconds, and gettimeofday.
//
// CLOCK_MONOTONIC has a resolution of a microsecond there and continues while the machine sleeps. The
// kernel's own timeouts stop, and a loop's deadlines must agree with them.
#include <sys/time.h>
#include <time.h>

#include "util/clock.h"

namespace evi {
namespace {

Nanos monotonic_nanos(const Clock &) noexcept {
  return static_cast<Nanos>(clock_gettime_nsec_np(CLOCK_UPTIME_RAW));
}

Micros monotonic_now(const Clock &clock) noexcept { return monotonic_nanos(clock) / 1000; }

Micros wall_now(const Clock &) noexcept {
  timeval tv{};
  gettimeofday(&tv, nullptr);
  return to_micros(tv);
}

constinit const Clock darwin_clock{monotonic_now, wall_now, monotonic_nanos};

}  // namespace

const Clock &system_clock() noexcept { return darwin_clock; }

}  // namespace evi

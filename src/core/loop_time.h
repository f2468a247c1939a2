// The time that a loop goes by: read when it is first needed after a wait, and kept until the next wait.
#ifndef EVI_CORE_LOOP_TIME_H
#define EVI_CORE_LOOP_TIME_H

#include "util/clock.h"
#include "util/platform.h"
#include "util/time.h"

namespace evi {

// Requires: the base's lock is held, except for the functions that read the clock itself.
class LoopTime {
 public:
  // `caches`: false for EVENT_BASE_FLAG_NO_CACHE_TIME.
  LoopTime(const Clock &clock, bool caches) noexcept : clock_(clock), caches_(caches) {}
  LoopTime(const LoopTime &) = delete;
  LoopTime &operator=(const LoopTime &) = delete;

  // The clock itself.
  const Clock &clock() const noexcept { return clock_; }
  Micros monotonic() const noexcept { return clock_.monotonic(clock_); }
  Micros wall() const noexcept { return clock_.wall(clock_); }
  Nanos precise() const noexcept { return precise_now(clock_); }

  // The monotonic time of this iteration.
  Micros now() noexcept { return EVI_LIKELY(now_ != 0) ? now_ : read(); }
  // The time of day at that moment; outside an iteration the clock's.
  Micros time_of_day() noexcept;
  // Reads the clock again, if the time is kept at all now.
  void update() noexcept;

  // Before a wait and outside the loop nothing is kept; after a wait it may be.
  void forget() noexcept {
    now_ = 0;
    wall_is_known_ = false;
    may_keep_ = false;
  }
  void allow_cache() noexcept { may_keep_ = caches_; }

 private:
  Micros read() noexcept;

  const Clock &clock_;
  Micros now_ = 0;  // 0: not read in this iteration
  Micros wall_ = 0;
  bool wall_is_known_ = false;
  bool may_keep_ = false;
  const bool caches_;
};

}  // namespace evi

#endif

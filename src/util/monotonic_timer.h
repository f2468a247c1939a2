// struct evutil_monotonic_timer: a clock for users that never goes backwards.
#ifndef EVI_UTIL_MONOTONIC_TIMER_H
#define EVI_UTIL_MONOTONIC_TIMER_H

#include "event2/util.h"
#include "util/assert.h"
#include "util/clock.h"

// Thread: one at a time, see event2/util.h. Made with evi::make.
struct evutil_monotonic_timer final {
 public:
  explicit evutil_monotonic_timer(const evi::Clock &clock = evi::system_clock()) noexcept : clock_(clock) {}

  // EV_MONOT_PRECISE changes nothing: the coarse clock is never used. EV_MONOT_FALLBACK reads the time of
  // day. Resets the timer: earlier readings are no lower bound of later ones.
  void configure(int flags) noexcept {
    wall_ = (flags & EV_MONOT_FALLBACK) != 0;
    started_ = false;
    shift_ = 0;
  }

  // Returns: microseconds. If the underlying clock was set back, time continues from the last reading.
  evi::Micros now() noexcept {
    const evi::Micros raw = wall_ ? clock_.wall(clock_) : clock_.monotonic(clock_);
    if (!started_) {
      started_ = true;
      last_ = raw;
    }
    if (raw + shift_ < last_) shift_ = last_ - raw;
    EVI_ASSERT(raw + shift_ >= last_);
    last_ = raw + shift_;
    return last_;
  }

 private:
  const evi::Clock &clock_;
  bool wall_ = false;
  bool started_ = false;
  evi::Micros last_ = 0;
  evi::Micros shift_ = 0;  // added to the clock's time
};

#endif

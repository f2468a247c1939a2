// Reading the clock for an iteration of the loop.
#include "core/loop_time.h"

namespace evi {

Micros LoopTime::read() noexcept {
  const Micros now = monotonic();
  if (may_keep_) now_ = now;
  return now;
}

Micros LoopTime::time_of_day() noexcept {
  if (!may_keep_) return wall();
  if (!wall_is_known_) {
    wall_ = wall() - (monotonic() - now());
    wall_is_known_ = true;
  }
  return wall_;
}

void LoopTime::update() noexcept {
  if (!may_keep_) return;
  now_ = monotonic();
  wall_is_known_ = false;
}

}  // namespace evi

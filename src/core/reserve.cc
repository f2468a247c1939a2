// Opening and closing the descriptor in reserve.
#include "core/reserve.h"

#include "core/event_base.h"
#include "core/waker.h"

using evi::LockGuard;

namespace evi {

bool Reserve::take() noexcept {
  if (fd_.is_open() && fd_.is_intact()) return true;
  fd_.forget();
  fd_.reset(open_placeholder());
  return fd_.is_open();
}

bool Reserve::give() noexcept {
  const bool held = fd_.is_open() && fd_.is_intact();
  fd_.close();
  return held;
}

}  // namespace evi

bool event_base::take_reserve() noexcept {
  const LockGuard held(lock_);
  return reserve_.take();
}

bool event_base::give_reserve() noexcept {
  const LockGuard held(lock_);
  return reserve_.give();
}

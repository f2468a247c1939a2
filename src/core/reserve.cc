// Opening and closing the descriptor in reserve.
#include "core/reserve.h"

#include "core/waker.h"

namespace evi {

bool Reserve::take() noexcept {
  const LockGuard held(lock_);
  if (fd_.is_open() && fd_.is_intact()) return true;
  fd_.forget();
  fd_.reset(open_placeholder());
  return fd_.is_open();
}

bool Reserve::give() noexcept {
  const LockGuard locked(lock_);
  const bool held = fd_.is_open() && fd_.is_intact();
  fd_.close();
  return held;
}

}  // namespace evi

// The channel by which a loop is woken: opening it, using it, and replacing it after a fork.
#include "core/notifier.h"

#include "core/event_base.h"
#include "util/log.h"
#include "util/socket.h"

namespace evi {

bool Notifier::open(event_base &base) noexcept {
  EVI_ASSERT(!is_open());
  wanted_ = true;
  event_.drop(base);  // it may be left of a waker that was lost in a child
  pending_ = wake_due_;
  by_method_ = base.method_.prepare_wake();
  if (by_method_) return true;
  if (!waker_.open()) {
    log_warn_socket(last_socket_error(),
                    "evthread_make_base_notifiable: no descriptor to wake the loop with");
    pending_ = wake_due_ = false;
    return false;
  }
  if (event_.add_waker(base, waker_.read_fd(), on_wake)) return true;
  waker_.close();
  pending_ = wake_due_ = false;
  return false;
}

// A wake-up that the system refuses is not pending: the next one tries again.
void Notifier::wake(Method &method) noexcept {
  // Finalizers may run when the method has been destroyed already.
  if (pending_ || !is_open() || !method.has_state()) return;
  if (by_method_) {
    pending_ = method.wake();
  } else if (calls_ > 0) {
    pending_ = wake_due_ = true;
  } else {
    pending_ = Waker::wake(waker_.write_fd());
  }
}

// The woken loop may run a callback that frees the base before this call returns: dispose() waits for wakes
// in flight.
void Notifier::release_and_wake(const Lock &lock) noexcept {
  EVI_ASSERT(pending_);
  wake_due_ = false;
  const int fd = waker_.write_fd();
  wakes_in_flight_.fetch_add(1, std::memory_order_relaxed);
  lock.release();
  if (EVI_UNLIKELY(!Waker::wake(fd))) {
    const LockGuard held(lock);
    pending_ = false;
  }
  wakes_in_flight_.fetch_sub(1, std::memory_order_release);
}

void Notifier::on_wake(evutil_socket_t, short, void *arg) noexcept {
  auto &base = *static_cast<event_base *>(arg);
  const LockGuard held(base.lock_);
  if (!wakes_are_edges(base.method_)) base.notifier_.waker_.drain();
  base.notifier_.woken();
}

void BackendHost::woken() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS {
  static_cast<event_base &>(*this).notifier_.woken();
}

bool Notifier::disown_if_lost(const Method &method) noexcept {
  bool set_is_known = true;
  if (waker_.is_open() && !event_.still_refers(method, waker_.is_intact(), set_is_known)) waker_.forget();
  return set_is_known;
}

// Also repeats an attempt that could not open another channel.
bool Notifier::renew_after_fork(event_base &base) noexcept {
  if (!wanted_) return true;
  event_.drop(base);
  waker_.close();
  by_method_ = false;
  return open(base);
}

void Notifier::wait_for_wakes_in_flight() const noexcept {
  while (wakes_in_flight_.load(std::memory_order_acquire) != 0) yield_thread();
}

bool Notifier::check_invariants() const noexcept {
  return calls_ >= 0 && (!wake_due_ || pending_) && (!pending_ || is_open()) &&
         !(by_method_ && waker_.is_open());
}

}  // namespace evi

// Wakes the loop of a base from another thread: the channel, the wake-ups in flight, and the guard of the
// public methods that may cause one.
#ifndef EVI_CORE_NOTIFIER_H
#define EVI_CORE_NOTIFIER_H

#include <atomic>

#include "core/internal_event.h"
#include "core/method.h"
#include "core/waker.h"
#include "thread/lock.h"

namespace evi {

// In a public method's parameters: the call may wake the loop, which waits in another thread. Only such a
// method can hold the lock by a WakingCall.
struct MayWake {};

// Requires: the base's lock is held, unless a function says otherwise.
class Notifier {
 public:
  Notifier() noexcept = default;
  Notifier(const Notifier &) = delete;
  Notifier &operator=(const Notifier &) = delete;
  ~Notifier() = default;

  // Opens the channel: the method's own, or a waker. False, with a log line, if the system refuses.
  [[nodiscard]] bool open(event_base &base) noexcept;
  bool is_open() const noexcept { return by_method_ || waker_.is_open(); }
  // Ends the wait of the loop, or its next one. Several wake-ups before the loop sees the first cost one
  // system call. Within a WakingCall the system call is made after the lock was released.
  void wake(Method &method) noexcept;
  // The loop saw the wake-up: the next one has to reach the system again.
  void woken() noexcept { pending_ = wake_due_; }

  // In a forked child, which shares the channel with its parent: forgets the waker if its fds refer to other
  // files by now. False if the method's set proved to be lost as well.
  [[nodiscard]] bool disown_if_lost(const Method &method) noexcept;
  // Replaces the channel, if there was one, by another. False, with a log line, if the system refuses.
  [[nodiscard]] bool renew_after_fork(event_base &base) noexcept;

  // Before the base is freed. No more events, but other threads may still be waking.
  void close_event(event_base &base) noexcept { event_.drop(base); }
  // Those threads exist in the parent process only.
  void forget_wakes_in_flight() noexcept { wakes_in_flight_.store(0, std::memory_order_relaxed); }
  // Requires: the lock is not held, and no call begins any more.
  void wait_for_wakes_in_flight() const noexcept;

  bool check_invariants() const noexcept;

 private:
  friend class WakingCall;

  void begin_call() noexcept { ++calls_; }
  void end_call(const Lock &lock) noexcept EVI_RELEASE(lock) {
    EVI_ASSERT(calls_ > 0);
    --calls_;
    wake_due_ ? release_and_wake(lock) : lock.release();
  }
  void release_and_wake(const Lock &lock) noexcept EVI_RELEASE(lock);
  static void on_wake(evutil_socket_t fd, short what, void *base) noexcept;

  int calls_ = 0;           // WakingCalls under way: the one that ends next makes the wake-up that is due
  bool wake_due_ = false;   // implies pending_
  bool pending_ = false;    // the loop was woken, or will be as a call ends, and has not seen it yet
  bool wanted_ = false;     // open() was called: a renewal that fails is repeated by the next one
  bool by_method_ = false;  // Method::wake in place of waker_
  std::atomic<int> wakes_in_flight_{0};  // writes to waker_ by threads that do not hold the lock
  Waker waker_;
  InternalEvent event_;
};

// The lock during a public method that may wake the loop. The loop is woken after the lock was released; else
// it would run into the lock.
class EVI_SCOPED_CAPABILITY WakingCall {
 public:
  WakingCall(const Lock &lock, Notifier *notifier, MayWake) noexcept EVI_ACQUIRE(lock)
      : lock_(lock), notifier_(*notifier) {
    lock_.acquire();
    if (EVI_UNLIKELY(lock_)) notifier_.begin_call();
  }
  ~WakingCall() EVI_RELEASE() {
    if (EVI_UNLIKELY(lock_)) notifier_.end_call(lock_);
  }
  WakingCall(const WakingCall &) = delete;
  WakingCall &operator=(const WakingCall &) = delete;

 private:
  const Lock &lock_;
  Notifier &notifier_;
};

}  // namespace evi

#endif

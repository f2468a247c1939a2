// The user's callback that the loop runs right now, its priority, and the threads that wait for its end.
#ifndef EVI_CORE_RUNNING_CALLBACK_H
#define EVI_CORE_RUNNING_CALLBACK_H

#include <cstdint>

#include "core/event_access.h"
#include "thread/lock.h"
#include "util/assert.h"

namespace evi {

// Requires: the base's lock is held.
class RunningCallback {
 public:
  RunningCallback() noexcept = default;
  RunningCallback(const RunningCallback &) = delete;
  RunningCallback &operator=(const RunningCallback &) = delete;

  // For a base with a lock: other threads can wait. False if memory is short.
  [[nodiscard]] bool allow_waiters() noexcept { return done_.init(); }
  bool allows_waiters() const noexcept { return static_cast<bool>(done_); }

  // `cb` is not read after begin(): the callback may free it. Finalizers are not waited for.
  void begin(const event_callback &cb, bool can_be_awaited) noexcept {
    EVI_ASSERT(!callback_);
    if (EVI_LIKELY(can_be_awaited)) callback_ = &cb;
    is_event_ = belongs_to_event(cb);
  }
  void end() noexcept {
    callback_ = nullptr;
    if (EVI_UNLIKELY(waiters_ > 0)) {
      waiters_ = 0;
      done_.broadcast();
    }
  }

  bool is_any() const noexcept { return callback_ != nullptr; }
  bool is(const event &ev) const noexcept { return callback_ == &ev.ev_evcallback; }
  // The event; null if none runs, or a callback that belongs to no event.
  event *running_event() const noexcept {
    return callback_ && is_event_ ? &event_of(const_cast<event_callback &>(*callback_)) : nullptr;
  }
  // Requires: allows_waiters(), and another thread runs the loop. Opens the lock while it waits.
  void wait_until_ended(const event &ev, const Lock &lock) noexcept EVI_REQUIRES(lock) {
    EVI_ASSERT(allows_waiters());
    while (is(ev)) {
      ++waiters_;
      done_.wait(lock);
    }
  }

  // The priority whose callbacks are run, kNone outside of that.
  static constexpr std::int16_t kNone = -1;
  int priority() const noexcept { return priority_; }
  void set_priority(int priority) noexcept { priority_ = static_cast<std::int16_t>(priority); }

 private:
  std::int16_t priority_ = kNone;
  bool is_event_ = false;
  int waiters_ = 0;
  const event_callback *callback_ = nullptr;
  Condition done_;
};

}  // namespace evi

#endif

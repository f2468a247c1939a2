// Queuing of event_callbacks that are not events: deferred callbacks and finalizers.
#include "core/deferred.h"

#include "core/event_base.h"

using evi::LockGuard;
using evi::WakingCall;

namespace {

// Deferred callbacks that deferred callbacks schedule run in the same round up to this many, then wait for
// the next one, so that a chain of them cannot keep the loop from looking at descriptors and timers.
constexpr int kMaxDeferredPerRound = 32;

}  // namespace

namespace evi {

void deferred_init(event_callback &cb, std::uint8_t priority, DeferredFn fn, void *arg) noexcept {
  cb = event_callback{};
  cb.evcb_cb_union.evcb_selfcb = fn;
  cb.evcb_arg = arg;
  cb.evcb_pri = priority;
  cb.evcb_closure = static_cast<unsigned char>(Closure::callback_self);
}

std::uint8_t deferred_default_priority(const event_base &base) noexcept {
  return static_cast<std::uint8_t>(base.default_priority());
}

void deferred_set_priority(event_base &base, event_callback &cb, std::uint8_t priority) noexcept {
  base.set_deferred_priority(cb, priority);
}

bool deferred_schedule(event_base &base, event_callback &cb) noexcept { return base.schedule_deferred(cb); }

void deferred_cancel(event_base &base, event_callback &cb) noexcept { base.cancel(cb); }

}  // namespace evi

bool event_base::schedule(event_callback &cb, evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  return schedule_locked(cb);
}

bool event_base::schedule_deferred(event_callback &cb, evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  if (cb.evcb_flags & (EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) return false;
  if (deferred_this_round_ < kMaxDeferredPerRound) {
    ++deferred_this_round_;
    return schedule_locked(cb);
  }
  cb.evcb_flags |= EVLIST_ACTIVE_LATER;
  later_.push_back(cb);
  counts_.enter_later((cb.evcb_flags & EVLIST_INTERNAL) != 0);
  if (needs_wakeup()) notifier_.wake(method_);
  return true;
}

// The queue finds it by its priority, which changes while it is out of the queue.
void event_base::set_deferred_priority(event_callback &cb, std::uint8_t priority) noexcept {
  const LockGuard held(lock_);
  const bool active = (cb.evcb_flags & EVLIST_ACTIVE) != 0;
  if (active) dequeue_active(cb);
  cb.evcb_pri = priority;
  if (active) queue_active(cb);
}

void event_base::cancel(event_callback &cb, evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  if (cb.evcb_flags & EVLIST_FINALIZING) return;
  if (evi::belongs_to_event(cb)) {
    del_locked(evi::event_of(cb), evi::DelMode::automatic);
  } else if (cb.evcb_flags & (EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) {
    dequeue_active(cb);
  }
}

void event_base::promote_later() noexcept {
  while (event_callback *cb = later_.pop_front()) {
    counts_.leave_later((cb->evcb_flags & EVLIST_INTERNAL) != 0);
    cb->evcb_flags &= static_cast<short>(~EVLIST_ACTIVE_LATER);
    queue_active(*cb);
    // Its turn counts against the new round.
    if (static_cast<evi::Closure>(cb->evcb_closure) == evi::Closure::callback_self) ++deferred_this_round_;
  }
}

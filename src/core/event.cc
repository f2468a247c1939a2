// Adding, deleting and activating events, and what that changes in the tables and queues of their base.
#include <algorithm>
#include <cerrno>

#include "core/debug_mode.h"
#include "core/event_base.h"
#include "util/assert.h"
#include "util/log.h"

using evi::Change;
using evi::DelMode;
using evi::LockGuard;
using evi::WakingCall;

namespace evi {

int assign_event(event &ev, event_base *base, int fd, short what, event_callback_fn callback,
                 void *arg) noexcept {
  if (debug::enabled()) debug::assigned(ev);
  if ((what & EV_SIGNAL) && (what & kIoEvents)) {
    log_warnx("event_assign: EV_SIGNAL is not compatible with EV_READ, EV_WRITE or EV_CLOSED");
    return -1;
  }
  ev.ev_base = base;
  ev.ev_fd = fd;
  ev.ev_events = what;
  ev.ev_res = 0;
  ev.ev_evcallback.evcb_flags = EVLIST_INIT;
  ev.ev_evcallback.evcb_cb_union.evcb_callback = callback;
  ev.ev_evcallback.evcb_arg = arg == &self_cbarg ? &ev : arg;
  ev.ev_evcallback.evcb_pri = static_cast<unsigned char>(base ? base->default_priority() : 0);
  heap_index(ev) = kNotInHeap;
  forget_deadline(ev);
  if (what & EV_SIGNAL) {
    set_closure(ev, Closure::signal);
    ev.ev_.ev_signal.ev_ncalls = 0;
    ev.ev_.ev_signal.ev_pncalls = nullptr;
  } else if (what & EV_PERSIST) {
    period(ev) = timeval{};
    set_closure(ev, Closure::persist);
  } else {
    set_closure(ev, Closure::event);
  }
  return 0;
}

int delete_event(event &ev, DelMode mode) noexcept {
  if (!ev.ev_base || (!threads_enabled() && is_idle(ev))) return 0;
  const BaseCheck check(ev.ev_base);
  return ev.ev_base->del(ev, mode);
}

namespace {

// The commonest call of all: an idle timeout is pushed back by as much again. Nothing but its deadline
// changes.
bool only_moves_timer(const event &ev, const timeval *tv) noexcept {
  constexpr short kBusy = EVLIST_TIMEOUT | EVLIST_ACTIVE | EVLIST_ACTIVE_LATER | EVLIST_FINALIZING;
  if (!tv || (flags(ev) & kBusy) != EVLIST_TIMEOUT) return false;
  const bool nothing_to_insert = !(ev.ev_events & (kIoEvents | EV_SIGNAL)) || has(ev, EVLIST_INSERTED);
  // In seconds; more, also what a small tv_sec might not hold as a deadline, is left to saturating
  // arithmetic.
  constexpr std::uint64_t kYears = std::uint64_t{1} << (sizeof(tv->tv_sec) > 4 ? 40 : 30);
  return nothing_to_insert && !is_signal(ev) && is_plain(ev.ev_timeout) && is_plain(*tv) &&
         static_cast<std::uint64_t>(tv->tv_sec) < kYears;
}

}  // namespace
}  // namespace evi

// --- the public methods: each takes the lock ---

int event_base::add(event &ev, const timeval *tv, evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  if (tv && evi::is_common_timeout(*tv)) {
    evi::CommonTimeout *list = common_.named(*tv);
    if (list && list->only_enters(ev)) return enter_common(*list, ev);
  } else if (evi::only_moves_timer(ev, tv)) {
    return move_timer(ev, *tv);
  }
  return add_locked(ev, tv, false);
}

int event_base::del(event &ev, DelMode mode, evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  return del_locked(ev, mode);
}

void event_base::activate(event &ev, int result, short ncalls, evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  activate_locked(ev, result, ncalls);
}

int event_base::remove_timer(event &ev) noexcept {
  const LockGuard held(lock_);
  if (!evi::has(ev, EVLIST_TIMEOUT)) return 0;
  dequeue_timeout(ev);
  evi::forget_deadline(ev);
  // A signal event has its count of calls there.
  if (!evi::is_signal(ev)) evi::period(ev) = timeval{};
  return 0;
}

int event_base::pending(const event &ev, short what, timeval *tv) noexcept {
  const LockGuard held(lock_);
  int found = 0;
  if (evi::has(ev, EVLIST_INSERTED)) found |= ev.ev_events & (evi::kIoEvents | EV_SIGNAL);
  if (evi::has(ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) found |= ev.ev_res;
  if (evi::has(ev, EVLIST_TIMEOUT)) found |= EV_TIMEOUT;
  // Bufferevents' events have EV_FINALIZE, and few others.
  constexpr short kOutput = EV_WRITE | EV_FINALIZE;
  if (flush_.holds_any() && (what & EV_WRITE) && (ev.ev_events & kOutput) == kOutput &&
      flush_.holds_hook_of(ev))
    found |= EV_WRITE;
  found &= what & (EV_TIMEOUT | evi::kIoEvents | EV_SIGNAL);
  // Of an expired timer it is the deadline that has passed.
  if (tv && (found & EV_TIMEOUT) && evi::has_deadline(ev)) {
    // Returned as time of day: both clocks are read now, so what is left is never more than what was set.
    const evi::Micros left = evi::deadline(ev) - time_.monotonic();
    *tv = evi::to_timeval(evi::add_saturating(time_.wall(), left));
  }
  return found;
}

bool event_base::in_queue(const event &ev) noexcept {
  const LockGuard held(lock_);
  return evi::has(ev, evi::kQueuedFlags);
}

int event_base::set_priority(event &ev, int priority) noexcept {
  const LockGuard held(lock_);
  if (evi::has(ev, EVLIST_ACTIVE)) return -1;
  if (priority < 0 || priority >= active_.priorities()) return -1;
  ev.ev_evcallback.evcb_pri = static_cast<unsigned char>(priority);
  return 0;
}

void event_base::activate_by_fd(int fd, short what, evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  if (what & EV_TIMEOUT) {
    // Also events that have the fd and wait for nothing but time.
    const auto activate_timeout = [&](event &ev) EVI_NO_THREAD_SAFETY_ANALYSIS {
      if (evi::descriptor(ev) == fd && evi::closure(ev) != evi::Closure::common_timeout)
        activate_locked(ev, EV_TIMEOUT, 1);
    };
    timers_.for_each(activate_timeout);
    return common_.for_each_event(activate_timeout);
  }
  const short io = what & evi::kIoEvents;
  if (!io || !fds_.contains(fd)) return;
  for (event *ev = fds_[fd].first; ev; ev = evi::IoHook::of(*ev).le_next) {
    if (ev->ev_events & io) activate_locked(*ev, ev->ev_events & (io | EV_ET), 1);
  }
}

void event_base::activate_by_signal(int signal, evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  for (event *ev = signals_.first(signal); ev; ev = evi::SignalHook::of(*ev).le_next) {
    activate_locked(*ev, EV_SIGNAL, 1);
  }
}

// --- adding ---

int event_base::add_locked(event &ev, const timeval *tv, bool absolute) noexcept {
  if (EVI_UNLIKELY(evi::has(ev, EVLIST_FINALIZING))) return -1;
  // The wait opens the lock: others may take the room that was reserved before it.
  if (evi::is_signal(ev) && running_elsewhere(ev)) running_.wait_until_ended(ev, lock_);
  // What can fail comes first, so that a failure changes nothing.
  if (tv && !timers_.reserve_one()) return -1;

  Change change = Change::none;
  constexpr short kWatched = evi::kIoEvents | EV_SIGNAL;
  // A new timeout cancels an expired one whose callback has not run; other reasons to be active remain.
  const bool taken_back =
      tv && evi::has(ev, EVLIST_ACTIVE) && (ev.ev_res & (EV_TIMEOUT | kWatched)) == EV_TIMEOUT;
  // An active event that does not persist is deleted before it runs: it need not be watched meanwhile.
  const bool lasts =
      taken_back || (ev.ev_events & EV_PERSIST) || !evi::has(ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER);
  if ((ev.ev_events & kWatched) && lasts && !evi::has(ev, EVLIST_INSERTED)) {
    change = insert_io_or_signal(ev);
    if (change == Change::failed) return -1;
  }
  bool earliest = false;
  if (tv) {
    const bool was_queued = evi::has(ev, EVLIST_TIMEOUT);
    // Between the heap and a list, or two lists, it moves by leaving the old place under the old deadline.
    const bool moves = was_queued && (evi::is_common_timeout(ev.ev_timeout) || evi::is_common_timeout(*tv));
    if (moves) dequeue_timeout(ev);
    if (taken_back) {
      evi::SignalEvents::stop_calls(ev);
      dequeue_active(ev.ev_evcallback);
    } else if (evi::has(ev, EVLIST_ACTIVE)) {
      ev.ev_res = static_cast<short>(ev.ev_res & ~EV_TIMEOUT);
    }
    set_timeout(ev, *tv, absolute);
    earliest = enqueue_timeout(ev, was_queued && !moves);
  }
  if ((change == Change::wake || earliest) && needs_wakeup()) notifier_.wake(method_);
  return 0;
}

void event_base::set_timeout(event &ev, const timeval &tv, bool absolute) noexcept {
  if (absolute) {
    ev.ev_timeout = tv;
    return;
  }
  const evi::CommonTimeout *list = common_.named(tv);
  const evi::Micros duration = list ? list->duration : evi::to_micros(tv);
  if (evi::closure(ev) == evi::Closure::persist) evi::period(ev) = list ? tv : evi::to_timeval(duration);
  ev.ev_timeout = evi::to_timeval(std::max<evi::Micros>(evi::add_saturating(now_for_caller(), duration), 0));
  if (list) ev.ev_timeout.tv_usec |= list->tagged.tv_usec & ~evi::kMicrosecondsMask;
}

// Another thread's timer counts from its own now, not from when this loop last looked at the clock.
evi::Micros event_base::now_for_caller() noexcept {
  return EVI_LIKELY(in_loop_thread()) ? time_.now() : time_.monotonic();
}

int event_base::move_timer(event &ev, const timeval &tv) noexcept {
  if (evi::closure(ev) == evi::Closure::persist) evi::period(ev) = tv;
  const evi::Micros due = now_for_caller() + tv.tv_sec * evi::kMicrosPerSecond + tv.tv_usec;
  const bool later = due >= evi::deadline(ev);
  ev.ev_timeout = evi::to_timeval(due);
  if (EVI_LIKELY(later)) {
    timers_.update_later(ev, due);
  } else {
    timers_.update(ev, due);
  }
  if (EVI_UNLIKELY(evi::heap_index(ev) == 0) && needs_wakeup()) notifier_.wake(method_);
  return 0;
}

// True if the loop's wait must be cut short for it.
bool event_base::enqueue_timeout(event &ev, bool in_heap) noexcept {
  if (evi::CommonTimeout *list = common_.of(ev.ev_timeout)) {
    counts_.mark_inserted(ev, EVLIST_TIMEOUT);
    common_.insert(*list, ev);
    return list->events.front() == &ev && evi::heap_index(list->stand_in) == 0;
  }
  if (in_heap) {
    timers_.update(ev, evi::deadline(ev));
  } else {
    counts_.mark_inserted(ev, EVLIST_TIMEOUT);
    timers_.push(ev);
  }
  return evi::heap_index(ev) == 0;
}

int event_base::enter_common(evi::CommonTimeout &list, event &ev) noexcept {
  EVI_ASSERT(list.only_enters(ev));
  if (EVI_UNLIKELY(!timers_.reserve_one())) return -1;
  const bool was_first = list.events.front() == &ev;
  if (evi::has(ev, EVLIST_TIMEOUT)) {
    list.remove(ev);
  } else {
    counts_.mark_inserted(ev, EVLIST_TIMEOUT);
  }
  if (evi::closure(ev) == evi::Closure::persist) evi::period(ev) = list.tagged;
  ev.ev_timeout = list.due(now_for_caller());
  list.insert(ev);
  // The heap's key may stay earlier than the deadline, but not later: another thread may have added the event
  // by the clock, and the loop's thread adds it again by the time of its iteration.
  const bool earlier =
      list.events.front() == &ev && (!was_first || evi::deadline(ev) < evi::deadline(list.stand_in));
  if (EVI_LIKELY(was_first && !earlier)) {
    list.follow_front();
  } else if (EVI_UNLIKELY(earlier)) {
    common_.schedule_stand_in(list);
    if (evi::heap_index(list.stand_in) == 0 && needs_wakeup()) notifier_.wake(method_);
  }
  return 0;
}

Change event_base::insert_io_or_signal(event &ev) noexcept {
  Change change = Change::none;
  if (!evi::is_signal(ev)) {
    change = io_.insert(ev);
  } else if (!signals_.insert(ev)) {
    change = Change::failed;
  }
  if (change != Change::failed) counts_.mark_inserted(ev, EVLIST_INSERTED);
  return change;
}

// --- deleting ---

int event_base::del_locked(event &ev, DelMode mode) noexcept {
  // A finalizer owns the event from now on.
  if (mode != DelMode::even_if_finalizing && evi::has(ev, EVLIST_FINALIZING)) return 0;
  const bool anything_before = counts_.any_added();
  Change change = Change::none;
  evi::SignalEvents::stop_calls(ev);
  if (evi::has(ev, EVLIST_TIMEOUT)) dequeue_timeout(ev);
  if (evi::has(ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) dequeue_active(ev.ev_evcallback);
  if (evi::has(ev, EVLIST_INSERTED)) change = remove_io_or_signal(ev);
  evi::forget_deadline(ev);
  // A loop whose last event went has a reason to return.
  if (change == Change::wake || (anything_before && !counts_.any_added())) {
    if (needs_wakeup()) notifier_.wake(method_);
  }
  const bool wait = mode == DelMode::block || (mode == DelMode::automatic && !(ev.ev_events & EV_FINALIZE));
  if (wait && running_elsewhere(ev)) running_.wait_until_ended(ev, lock_);
  return 0;
}

Change event_base::remove_io_or_signal(event &ev) noexcept {
  counts_.mark_removed(ev, EVLIST_INSERTED);
  if (!evi::is_signal(ev)) return io_.remove(ev);
  signals_.remove(ev);
  return Change::none;
}

void event_base::dequeue_timeout(event &ev) noexcept {
  counts_.mark_removed(ev, EVLIST_TIMEOUT);
  if (evi::CommonTimeout *list = common_.of(ev.ev_timeout)) {
    common_.remove(*list, ev);
  } else {
    timers_.remove(ev);
  }
}

bool event_base::running_elsewhere(const event &ev) const noexcept {
  return running_.is(ev) && running_.allows_waiters() && !in_loop_thread();
}

// --- activating ---

void event_base::activate_locked(event &ev, int result, short ncalls) noexcept {
  if (evi::has(ev, EVLIST_FINALIZING)) return;
  if (evi::has(ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) {
    ev.ev_res = static_cast<short>(ev.ev_res | result);
    if (evi::has(ev, EVLIST_ACTIVE_LATER)) {
      dequeue_active(ev.ev_evcallback);
      queue_active(ev.ev_evcallback);
    }
    return;
  }
  ev.ev_res = static_cast<short>(result);
  if (evi::is_signal(ev)) {
    if (running_elsewhere(ev)) running_.wait_until_ended(ev, lock_);
    ev.ev_.ev_signal.ev_ncalls = ncalls;
    // In its own callback the event still refers to the calls that are left, for a deletion to end them.
    if (!running_.is(ev)) ev.ev_.ev_signal.ev_pncalls = nullptr;
  }
  schedule_locked(ev.ev_evcallback);
}

void evi::BackendHost::report_done(event_callback &cb) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS {
  static_cast<event_base &>(*this).schedule_locked(cb);
}

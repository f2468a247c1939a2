// One iteration of the loop, and the loop around it.
//
//   flush queued output -> anything left to wait for? -> prepare watchers -> wait -> check watchers
//   -> timers that are due become active -> active callbacks run, most urgent priority first -> again
#include <algorithm>

#include "core/event_base.h"
#include "util/log.h"

using evi::Closure;
using evi::LockGuard;
using evi::Micros;
using evi::WakingCall;

int event_base::loop(int loop_flags) noexcept {
  const LockGuard held(lock_);
  if (state_.is_running()) {
    evi::log_warnx("event_base_loop: the loop of this base is running already");
    return -1;
  }
  state_.begin();
  flush_.end_turn();  // one that a callback left by longjmp
  time_.forget();

  Turn turn = Turn::again;
  while (turn == Turn::again) turn = run_iteration(loop_flags);

  time_.forget();
  state_.end();
  recorder_.end_loop();
  switch (turn) {
    case Turn::empty:
      return 1;
    case Turn::failed:
      return -1;
    case Turn::again:
    case Turn::done:
      break;
  }
  return 0;
}

event_base::Turn event_base::run_iteration(int loop_flags) noexcept {
  state_.begin_iteration();
  deferred_this_round_ = 0;
  if (state_.break_requested()) return Turn::done;

  const int flushed = flush_.empty() ? 0 : run_flushes();
  // A reply that was written before the request to exit has had its attempt.
  if (state_.break_requested() || state_.exit_requested()) return Turn::done;
  // Output written just now is an event that happened: the call returns if it asked for one iteration.
  const bool had_turn = flushed && (loop_flags & (EVLOOP_ONCE | EVLOOP_NONBLOCK));
  if (!(loop_flags & EVLOOP_NO_EXIT_ON_EMPTY) && !counts_.any_added() && !anything_to_run())
    return had_turn && (loop_flags & EVLOOP_ONCE) ? Turn::done : Turn::empty;

  if (!wait_for_events(wait_time(loop_flags, had_turn))) return Turn::failed;
  if (EVI_UNLIKELY(!later_.empty())) promote_later();
  expire_timers();

  if (active_.empty()) {
    // Output that the flushed callbacks queued in turn is as ready as an active event.
    if ((loop_flags & EVLOOP_NONBLOCK) && !(loop_flags & EVLOOP_ONCE))
      return flush_.empty() ? Turn::done : Turn::again;
    return had_turn || (loop_flags & EVLOOP_NONBLOCK) ? Turn::done : Turn::again;
  }
  const int ran = process_active();
  // One more iteration after a request to exit writes the output of the callbacks that came before it.
  if ((loop_flags & EVLOOP_ONCE) && active_.empty() && (ran != 0 || had_turn) && !state_.exit_requested())
    return Turn::done;
  return Turn::again;
}

evi::Nanos event_base::wait_time(int loop_flags, bool had_turn) noexcept {
  if ((loop_flags & EVLOOP_NONBLOCK) || had_turn || anything_to_run()) return 0;
  const event *first = timers_.top();
  if (!first) return evi::kWaitForever;
  const Micros left = evi::deadline(*first) - time_.monotonic();
  constexpr Micros kLongestWait = INT64_MAX / 1000;
  return std::clamp<Micros>(left, 0, kLongestWait) * 1000;
}

bool event_base::wait_for_events(evi::Nanos timeout) noexcept {
  if (watchers_.any_prepare()) {
    watchers_.call_prepare(lock_, timeout);
    if (state_.break_requested()) return true;
    // What they added or activated shortens the wait that was computed before.
    if (timeout != 0) timeout = wait_time(0, false);
  }
  time_.forget();
  if (EVI_UNLIKELY(is_shared_with_parent()) && !leave_parent()) return false;
  if (EVI_UNLIKELY(io_.any_deferred())) io_.apply_deferred();
  if (signals_.begin_wait()) timeout = 0;
  recorder_.begin_wait();
  const bool waited = EVI_LIKELY(!recorder_.is_recording()) ? method_.wait(*this, timeout)
                                                            : recorder_.wait(method_, *this, timeout);
  signals_.end_wait();
  if (!waited) return false;
  time_.allow_cache();
  if (EVI_UNLIKELY(watchers_.any_check())) watchers_.call_check(lock_);
  return true;
}

// --- timers ---

void event_base::expire_timers() noexcept {
  if (timers_.empty()) return;
  const Micros now = time_.now();
  if (!timers_.maybe_due(now)) return;
  // A stand-in goes back into the heap with its list's next deadline, which bulk expiry does not allow.
  const bool in_bulk = common_.count() == 0;
  timers_.take_due(now, in_bulk, [this](event &ev) EVI_NO_THREAD_SAFETY_ANALYSIS { expire(ev); });
}

void event_base::expire(event &due) noexcept {
  event *ev = &due;
  if (evi::closure(due) == Closure::common_timeout) {
    ev = &common_.take_first(*static_cast<evi::CommonTimeout *>(due.ev_evcallback.evcb_arg));
  }
  if (EVI_UNLIKELY(recorder_.is_recording())) recorder_.timer_due(time_.now() - evi::deadline(*ev));
  counts_.mark_removed(*ev, EVLIST_TIMEOUT);
  // A periodic event stays on its descriptor; any other one is done with.
  const bool periodic = evi::closure(*ev) == Closure::persist && evutil_timerisset(&evi::period(*ev));
  if (!periodic && evi::has(*ev, EVLIST_INSERTED)) static_cast<void>(remove_io_or_signal(*ev));
  activate_locked(*ev, EV_TIMEOUT, 1);
}

// The next deadline of a periodic event that ran: a period after the last one if its timer fired, else a
// period from now. Periods that were missed altogether are skipped.
void event_base::rearm_period(event &ev) noexcept {
  const timeval period = evi::period(ev);
  const evi::CommonTimeout *list = common_.of(period);
  const Micros duration = list ? list->duration : evi::to_micros(period);
  const Micros now = time_.now();
  const bool on_time = (ev.ev_res & EV_TIMEOUT) && evi::has_deadline(ev);
  Micros next = evi::add_saturating(on_time ? evi::deadline(ev) : now, duration);
  if (next < now) next = evi::add_saturating(now, duration);
  timeval absolute = evi::to_timeval(std::max<Micros>(next, 0));
  if (list) absolute.tv_usec |= list->tagged.tv_usec & ~evi::kMicrosecondsMask;
  if (add_locked(ev, &absolute, true) != 0) evi::log_warnx("event_base_loop: cannot re-arm a periodic event");
}

// --- active callbacks ---

// Runs what was active at its start, and a bounded number of callbacks that these activated: an event that
// activates itself does not starve descriptors and timers.
int event_base::process_active() noexcept {
  const int most = active_.size() + evi::kMaxChainedCallbacks;
  Micros end_time = -1;
  if (limits_.interval >= 0) end_time = evi::add_saturating(time_.now(), limits_.interval);
  int ran = 0;
  for (int pri = active_.first_busy(0); pri >= 0 && ran == 0; pri = active_.first_busy(pri + 1)) {
    running_.set_priority(pri);
    const bool limited = pri >= limits_.from_priority;
    ran = limited ? process_queue(pri, std::min(most, limits_.callbacks), end_time)
                  : process_queue(pri, most, -1);
    if (state_.pass_has_to_end()) break;
  }
  running_.set_priority(evi::RunningCallback::kNone);
  return ran;
}

// Runs one priority's callbacks; returns how many were not internal.
int event_base::process_queue(int priority, int max_callbacks, Micros end_time) noexcept {
  int ran = 0;
  while (event_callback *cb = active_.front(priority)) {
    const bool internal = (cb->evcb_flags & EVLIST_INTERNAL) != 0;
    // A break that came during the wait ends the loop before any callback but ours.
    if (state_.break_requested() && !internal) break;
    ran += !internal;
    run_callback(*cb);
    if (state_.pass_has_to_end()) break;
    if (ran >= max_callbacks) break;
    if (ran && end_time >= 0 && time_.monotonic() >= end_time) break;
  }
  return ran;
}

void event_base::run_callback(event_callback &cb) noexcept {
  const auto kind = static_cast<Closure>(cb.evcb_closure);
  running_.begin(cb, kind != Closure::callback_finalize);
  switch (kind) {
    case Closure::persist:
      run_persistent(evi::event_of(cb));
      break;
    case Closure::event:
      run_plain(evi::event_of(cb));
      break;
    case Closure::signal:
      run_signal(evi::event_of(cb));
      break;
    case Closure::callback_self: {
      dequeue_active(cb);
      if (EVI_UNLIKELY(recorder_.is_recording())) {
        recorder_.call_deferred(*this, lock_, cb);
        break;
      }
      const auto fn = cb.evcb_cb_union.evcb_selfcb;
      void *arg = cb.evcb_arg;
      const evi::Unlocked open(lock_);
      fn(&cb, arg);
      break;
    }
    case Closure::callback_finalize:
    case Closure::event_finalize:
    case Closure::event_finalize_free:
      dequeue_active(cb);
      if (EVI_LIKELY(!recorder_.is_recording())) {
        run_finalizer(cb);
      } else {
        recorder_.finalize(*this, lock_, cb, [&]() EVI_NO_THREAD_SAFETY_ANALYSIS { run_finalizer(cb); });
      }
      break;
    case Closure::common_timeout:
      break;  // never active
  }
  running_.end();
}

// The callback may free the event: what the call needs is copied before the lock opens.
void event_base::call(const event &ev) noexcept {
  if (EVI_UNLIKELY(recorder_.is_recording())) return recorder_.call_event(*this, lock_, ev);
  const event_callback_fn fn = ev.ev_evcallback.evcb_cb_union.evcb_callback;
  const evutil_socket_t fd = ev.ev_fd;
  const short what = ev.ev_res;
  void *arg = ev.ev_evcallback.evcb_arg;
  if (!lock_) return fn(fd, what, arg);  // a jump, with nothing of ours left on the stack
  const evi::Unlocked open(lock_);
  fn(fd, what, arg);
}

void event_base::run_plain(event &ev) noexcept {
  del_locked(ev, evi::DelMode::no_block);
  call(ev);
}

void event_base::run_persistent(event &ev) noexcept {
  dequeue_active(ev.ev_evcallback);
  if (evutil_timerisset(&evi::period(ev))) rearm_period(ev);
  call(ev);
}

// One call for each delivery counted; ev_pncalls lets a deletion inside the callback end the series.
void event_base::run_signal(event &ev) noexcept {
  if (ev.ev_events & EV_PERSIST) {
    dequeue_active(ev.ev_evcallback);
  } else {
    del_locked(ev, evi::DelMode::no_block);
  }
  signals_.begin_calls(ev);
  while (signals_.take_call(ev)) {
    call(ev);
    if (state_.break_requested()) return signals_.abandon_calls(ev);
  }
}

// --- leaving the loop ---

// Stands for the request in the queue of the default priority, and competes by priority as any event does.
void event_base::on_exit_request(evutil_socket_t, short, void *arg) noexcept {
  auto *base = static_cast<event_base *>(arg);
  const LockGuard held(base->lock_);
  base->state_.request_exit();
}

int event_base::loop_exit_after(const timeval *tv, evi::MayWake may_wake) noexcept {
  return once(-1, EV_TIMEOUT, on_exit_request, this, tv, nullptr, may_wake);
}

int event_base::loop_break(evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  state_.request_break();
  if (needs_wakeup()) notifier_.wake(method_);
  return 0;
}

int event_base::loop_break_or_next(evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  state_.request_break_or_next();
  if (needs_wakeup()) notifier_.wake(method_);
  return 0;
}

int event_base::loop_continue(evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  state_.request_continue();
  if (needs_wakeup()) notifier_.wake(method_);
  return 0;
}

bool event_base::loop_runs_elsewhere() noexcept {
  const LockGuard held(lock_);
  return needs_wakeup();
}

bool event_base::got_exit() noexcept {
  const LockGuard held(lock_);
  return state_.exit_requested();
}

bool event_base::got_break() noexcept {
  const LockGuard held(lock_);
  return state_.break_requested();
}

bool event_base::others_wait(int priority) noexcept {
  const LockGuard held(lock_);
  const int first = active_.first_busy(0);
  return state_.pass_has_to_end() || (first >= 0 && first <= priority);
}

event *event_base::running_event() noexcept {
  const LockGuard held(lock_);
  return in_loop_thread() ? running_.running_event() : nullptr;
}

// Waking the loop from other threads and from signals: two internal events on two wakers.
#include <algorithm>

#include "core/event_base.h"
#include "util/log.h"
#include "util/socket.h"

using evi::LockGuard;

bool event_base::make_notifiable() noexcept {
  const LockGuard held(lock_);
  if (wakes_by_method_ || notify_waker_.is_open()) return true;
  return open_notifier();
}

bool event_base::open_notifier() noexcept {
  notify_pending_ = false;
  wakes_by_method_ = method_.prepare_wake();
  if (wakes_by_method_) return true;
  if (!notify_waker_.open()) {
    evi::log_warn_socket(evi::last_socket_error(),
                         "evthread_make_base_notifiable: no descriptor to wake the loop with");
    return false;
  }
  if (add_internal(notify_event_, notify_waker_.read_fd(), waker_edge(), on_notify)) return true;
  notify_waker_.close();
  return false;
}

bool event_base::loop_runs_elsewhere() noexcept {
  const LockGuard held(lock_);
  return lock_ && running_ && loop_thread_ != evi::thread_id();
}

// Several wake-ups before the loop gets to them cost one system call. One that the system refuses is not
// under way: the next tries again.
void event_base::wake_loop() noexcept {
  if (notify_pending_ || !(wakes_by_method_ || notify_waker_.is_open())) return;
  if (wakes_by_method_) {
    notify_pending_ = method_.wake();
  } else if (calls_ > 0) {
    notify_pending_ = wake_due_ = true;
  } else {
    notify_pending_ = evi::Waker::wake(notify_waker_.write_fd());
  }
}

// The base may be freed by a callback that this very call made run: dispose() waits for wake-ups in flight.
void event_base::leave_and_wake() noexcept {
  wake_due_ = false;
  const int fd = notify_waker_.write_fd();
  wakes_in_flight_.fetch_add(1, std::memory_order_relaxed);
  lock_.release();
  if (EVI_UNLIKELY(!evi::Waker::wake(fd))) {
    const LockGuard held(lock_);
    notify_pending_ = false;
  }
  wakes_in_flight_.fetch_sub(1, std::memory_order_release);
}

void event_base::on_notify(evutil_socket_t, short, void *arg) noexcept {
  auto *base = static_cast<event_base *>(arg);
  const LockGuard held(base->lock_);
  if (!base->wakes_are_edges()) base->notify_waker_.drain();
  base->notify_pending_ = false;
}

// It was there to end the wait: after each one collect_signals() looks.
void event_base::on_signals(evutil_socket_t, short, void *arg) noexcept {
  auto *base = static_cast<event_base *>(arg);
  const LockGuard held(base->lock_);
  if (!base->wakes_are_edges()) base->signals_.drain();
}

void event_base::collect_signals() noexcept {
  signals_.collect([this](int signal, std::uint32_t count)
                       EVI_NO_THREAD_SAFETY_ANALYSIS { signal_arrived(signal, count); });
}

// Then a wake-up costs its reader no call.
bool event_base::wakes_are_edges() const noexcept {
  return evi::Waker::kEveryWakeIsAnEdge && method_.has(EV_FEATURE_ET);
}

void event_base::on_signal_fd(evutil_socket_t, short, void *arg) noexcept {
  auto *base = static_cast<event_base *>(arg);
  const LockGuard held(base->lock_);
  // What is pending is at most one of each standard signal; queued real-time signals wait for the next turn.
  for (int reads = 0; reads < evi::kSignals; ++reads) {
    const int signal = base->signal_fd_.next();
    if (signal == 0) return;
    base->signal_arrived(signal, 1);
  }
}

void evi::BackendHost::report_signal(int signal, std::uint32_t count) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS {
  static_cast<event_base &>(*this).signal_arrived(signal, count);
}

void evi::BackendHost::woken() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS {
  static_cast<event_base &>(*this).notify_pending_ = false;
}

void event_base::signal_arrived(int signal, std::uint32_t count) noexcept {
  if (!evi::SignalSource::valid(signal)) return;
  const auto add = [](std::uint32_t calls, std::uint32_t more) {
    return static_cast<short>(std::min<std::uint64_t>(std::uint64_t{calls} + more, SHRT_MAX));
  };
  for (event *ev = signal_events_->first[signal]; ev; ev = evi::SignalHook::of(*ev).le_next) {
    // What came before and is still to be told counts as well.
    if (evi::has(*ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER) && (ev->ev_res & EV_SIGNAL)) {
      short &calls = ev->ev_.ev_signal.ev_ncalls;
      calls = add(static_cast<std::uint32_t>(std::max<short>(calls, 0)), count);
    }
    activate_locked(*ev, EV_SIGNAL, add(0, count));
  }
}

// Internal events do not keep a loop alive, are not counted, and come first.
bool event_base::add_internal(event &ev, int fd, short edge, event_callback_fn callback) noexcept {
  const short what = static_cast<short>(EV_READ | EV_PERSIST | edge);
  static_cast<void>(evi::assign_event(ev, this, fd, what, callback, this));
  evi::flags(ev) |= EVLIST_INTERNAL;
  ev.ev_evcallback.evcb_pri = 0;
  return add_locked(ev, nullptr, false) == 0;
}

// Whether it was added, and not dropped since: also if its descriptor was given up meanwhile.
bool event_base::has_internal(const event &ev) const noexcept {
  return evi::has(ev, EVLIST_INIT) && evi::has(ev, EVLIST_INSERTED);
}

void event_base::drop_internal(event &ev) noexcept {
  if (evi::has(ev, EVLIST_INIT)) del_locked(ev, evi::DelMode::no_block);
}

// Counting of signals: what arrived becomes calls of the signal events.
#include <algorithm>

#include "core/event_base.h"

using evi::LockGuard;

// It was there to end the wait: after each one collect_signals() looks.
void event_base::on_signals(evutil_socket_t, short, void *arg) noexcept {
  auto *base = static_cast<event_base *>(arg);
  const LockGuard held(base->lock_);
  if (!evi::wakes_are_edges(base->method_)) base->signals_.drain();
}

void event_base::collect_signals() noexcept {
  signals_.collect([this](int signal, std::uint32_t count)
                       EVI_NO_THREAD_SAFETY_ANALYSIS { signal_arrived(signal, count); });
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
  static_cast<event_base &>(*this).notifier_.woken();
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

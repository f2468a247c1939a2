// Signal events: their channels, the counting of deliveries, and what a fork does to both.
#include "core/signal_events.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include "core/config.h"
#include "core/event_base.h"
#include "util/alloc.h"
#include "util/log.h"

namespace evi {

using SignalList = HeadList<event, SignalHook>;

SignalEvents::~SignalEvents() { destroy(table_); }

void SignalEvents::choose_channel(const event_config &config) noexcept {
  EVI_ASSERT(!table_);
  uses_fd_ = !base_.method_.reports_signals() && SignalFd::supported() && config.wants_signal_fd();
}

const char *SignalEvents::channel_name() const noexcept {
  const Method &method = base_.method_;
  if (method.reports_signals()) return method.table().signal_name;
  return uses_fd_ ? "signalfd_signal" : "signal";
}

// --- events ---

bool SignalEvents::insert(event &ev) noexcept {
  EVI_ASSERT(is_signal(ev));
  EVI_ASSERT(!has(ev, EVLIST_INSERTED));
  const int signal = ev.ev_fd;
  if (!SignalSource::valid(signal)) {
    errno = EINVAL;
    return false;
  }
  if (EVI_UNLIKELY(base_.is_shared_with_parent()) && !base_.leave_parent()) return false;
  if (!open()) {
    log_warn("event_add: cannot prepare for signals");
    return false;
  }
  event *&head = table_->first[signal];
  if (!head && !watch(signal)) {
    log_warn("event_add: sigaction(%d)", signal);
    return false;
  }
  SignalList::push_front(head, ev);
  return true;
}

void SignalEvents::remove(event &ev) noexcept {
  EVI_ASSERT(is_signal(ev));
  EVI_ASSERT(first(ev.ev_fd));
  SignalList::remove(ev);
  if (!table_->first[ev.ev_fd]) unwatch(ev.ev_fd);
}

// --- channels ---

bool SignalEvents::open() noexcept {
  if (!table_) table_ = make<SignalTable>();
  if (!table_) return false;
  if (base_.method_.reports_signals() || source_.is_open()) return true;
  if (source_.open() && (!uses_fd_ || fd_.open()) && source_event_.add_waker(base_, source_.fd(), on_wake) &&
      (!uses_fd_ || fd_event_.add(base_, fd_.fd(), on_fd))) {
    if (base_.needs_wakeup()) source_.join_wait();
    return true;
  }
  source_event_.drop(base_);
  fd_.close();
  source_.close();
  return false;
}

bool SignalEvents::watch(int signal) noexcept {
  if (base_.method_.reports_signals()) {
    // Caught first: from then on the signal cannot kill the process.
    if (!source_.hold(signal)) return false;
    if (base_.method_.watch_signal(signal)) return true;
    source_.unwatch(signal);
    return false;
  }
  if (!source_.watch(signal)) return false;
  if (!uses_fd_ || fd_.watch(signal)) return true;
  source_.unwatch(signal);
  return false;
}

void SignalEvents::unwatch(int signal) noexcept {
  if (base_.method_.reports_signals()) {
    const bool own = base_.method_.has_state() && !base_.is_shared_with_parent();
    if (EVI_LIKELY(own)) base_.method_.unwatch_signal(signal);
    return source_.unwatch(signal);
  }
  // The signal is unblocked while the handler still stands: one that is pending meets it, not the old
  // disposition.
  if (uses_fd_) fd_.unwatch(signal, base_.is_shared_with_parent());
  source_.unwatch(signal);
}

// --- deliveries ---

// The wake-up ended the wait; end_wait() collects what arrived.
void SignalEvents::on_wake(evutil_socket_t, short, void *arg) noexcept {
  auto &base = *static_cast<event_base *>(arg);
  const LockGuard held(base.lock_);
  if (!wakes_are_edges(base.method_)) base.signals_.source_.drain();
}

void SignalEvents::on_fd(evutil_socket_t, short, void *arg) noexcept {
  auto &base = *static_cast<event_base *>(arg);
  const LockGuard held(base.lock_);
  // At most one of each standard signal is pending; further queued real-time signals are read in the next
  // iteration.
  for (int reads = 0; reads < kSignals; ++reads) {
    const int signal = base.signals_.fd_.next();
    if (signal == 0) return;
    base.signals_.arrived(signal, 1);
  }
}

void SignalEvents::collect() noexcept {
  source_.collect([this](int signal, std::uint32_t count) { arrived(signal, count); });
}

namespace {

short saturating_calls(std::uint32_t calls, std::uint32_t more) noexcept {
  return static_cast<short>(std::min<std::uint64_t>(std::uint64_t{calls} + more, SHRT_MAX));
}

}  // namespace

void SignalEvents::arrived(int signal, std::uint32_t count) noexcept {
  for (event *ev = first(signal); ev; ev = SignalHook::of(*ev).le_next) {
    // Deliveries that were counted before and whose calls have not begun are due as well.
    if (has(*ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER) && (ev->ev_res & EV_SIGNAL)) {
      short &calls = ev->ev_.ev_signal.ev_ncalls;
      calls = saturating_calls(static_cast<std::uint32_t>(std::max<short>(calls, 0)), count);
    }
    base_.activate_locked(*ev, EV_SIGNAL, saturating_calls(0, count));
  }
}

void BackendHost::report_signal(int signal, std::uint32_t count) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS {
  static_cast<event_base &>(*this).signals_.arrived(signal, count);
}

// --- after a fork ---

bool SignalEvents::disown_if_lost() noexcept {
  bool set_is_known = true;
  const Method &method = base_.method_;
  if (source_.is_open() && !source_event_.still_refers(method, source_.waker_is_intact(), set_is_known))
    source_.forget_waker();
  if (fd_.is_open() && !fd_event_.still_refers(method, fd_.is_intact(), set_is_known)) fd_.forget();
  return set_is_known;
}

// Also repeats an attempt that could not open a channel.
bool SignalEvents::renew_channels() noexcept {
  if (!source_.is_linked() || base_.method_.reports_signals()) return true;
  source_event_.drop(base_);
  bool all = source_.reopen_after_fork() && source_event_.add_waker(base_, source_.fd(), on_wake);
  if (uses_fd_) {
    fd_event_.drop(base_);
    if (!fd_.reopen_after_fork() || !fd_event_.add(base_, fd_.fd(), on_fd)) all = false;
  }
  return all;
}

// What the method knew of signals ended with the kernel object that was replaced.
bool SignalEvents::rewatch(bool forked) noexcept {
  if (!base_.method_.reports_signals()) return true;
  bool all = true;
  for (int signal = 1; signal < kSignals; ++signal) {
    if (first(signal) && !base_.method_.watch_signal(signal)) all = false;
  }
  // The handler counted what was delivered to this process while the method could not report it.
  if (forked) collect();
  return all;
}

bool SignalEvents::check_invariants() const noexcept {
  bool right = calls_left_ >= 0;
  for (int signal = 1; table_ && signal < kSignals; ++signal) {
    event *const *slot = &table_->first[signal];
    while (event *ev = *slot) {
      right = right && is_signal(*ev) && ev->ev_fd == signal && has(*ev, EVLIST_INSERTED) &&
              SignalHook::of(*ev).le_prev == slot;
      slot = &SignalHook::of(*ev).le_next;
    }
  }
  return right;
}

}  // namespace evi

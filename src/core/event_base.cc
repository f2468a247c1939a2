// Birth, death and rebirth after fork of an event_base.
#include "core/event_base.h"

#include <cerrno>
#include <cstring>

#include "core/config.h"
#include "core/debug_mode.h"
#include "core/once.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/log.h"

using evi::LockGuard;
using evi::WakingCall;

namespace evi {

event_base *&global_base() noexcept {
  constinit static event_base *base = nullptr;
  return base;
}

}  // namespace evi

event_base::event_base(const evi::Clock &clock, const event_config &config) noexcept
    : BackendHost(config.flags | (config.wants_precise_timer() ? EVENT_BASE_FLAG_PRECISE_TIMER : 0)),
      recorder_(lock_, clock),
      flush_(counts_),
      io_(*this),
      time_(clock, !(config.flags & EVENT_BASE_FLAG_NO_CACHE_TIME)),
      limits_{config.max_dispatch_interval, config.max_dispatch_callbacks, config.limit_from_priority},
      common_(timers_),
      signals_(*this),
      reserve_(lock_),
      watchers_(lock_) {}

event_base *event_base::create(const event_config *config, const evi::BaseSeams &seams) noexcept {
  evi::debug::note_in_use();
  const event_config defaults;
  const event_config &demands = config ? *config : defaults;
  evi::Owned<event_base> base{
      evi::make<event_base>(seams.clock ? *seams.clock : evi::system_clock(), demands)};
  if (!base) {
    evi::log_warn("%s: cannot allocate the base", "event_base_new");
    return nullptr;
  }
  const bool wants_lock = evi::threads_enabled() && !(demands.flags & EVENT_BASE_FLAG_NOLOCK);
  if (!base->start(demands, seams, wants_lock)) return nullptr;
  if (evi::environment("EVENT_SHOW_METHOD")) evi::log_msg("libevent using: %s", base->method());
  const bool overlapped = (demands.flags & EVENT_BASE_FLAG_STARTUP_IOCP) != 0;
  if ((wants_lock && !base->make_notifiable()) ||
      (overlapped &&
       !evi::open_completion_port(*base, base->method_.completion_port(), base->completion_port_))) {
    base.release()->dispose(false);
    return nullptr;
  }
  return base.release();
}

// No other thread knows the base yet.
bool event_base::start(const event_config &config, const evi::BaseSeams &seams, bool wants_lock) noexcept {
  if (wants_lock && (!lock_.init() || !running_.allow_waiters())) return false;
  if (set_priorities(1) != 0 || !evi::watch_forks()) return false;
  if (seams.backend) return method_.use(*this, *seams.backend);
  if (!method_.choose(*this, config, seams.methods ? seams.methods : evi::available_backends())) return false;
  signals_.choose_channel(config);
  return true;
}

event_base::~event_base() {
  method_.destroy();
  if (loop_local_.destroy) loop_local_.destroy(loop_local_.data);
}

namespace {

// Events may be freed by nothing but their owners, so deleting only unlinks them; callbacks that finalize may
// run user code, which may queue more: hence rounds until nothing is left.
constexpr int kMaxTeardownRounds = 1 << 20;

// The callback of a signal event was left by longjmp(), an exception or the end of its thread, so the loop
// never came back from it. The event exists, since its deletion would have ended the calls, and refers to the
// base.
void forget_series(event &ev) noexcept {
  ev.ev_.ev_signal.ev_pncalls = nullptr;
  ev.ev_base = nullptr;
}

}  // namespace

void event_base::dispose(bool run_finalizers, evi::MayWake may_wake) noexcept {
  int deleted = 0;
  // The method's port, which exists still, reports what this cancels.
  evi::close_completion_port(completion_port_);
  completion_port_ = nullptr;
  const evi::Notifier *const notifier = &notifier_;
  {
    const WakingCall call(lock_, &notifier_, may_wake);
    if (is_shared_with_parent()) {
      disown_lost_descriptors();
      notifier_.forget_wakes_in_flight();
    }
    fork_generation_ = evi::forked_generation();
    // First of all, so that nothing is taken out of the kernel's sets one by one: in a forked child that did
    // not call event_reinit they are still the parent's.
    method_.destroy();
    signals_.close_channels();
    notifier_.close_event(*this);
    if (running_.is_any() && signals_.has_calls_left()) forget_series(*running_.running_event());
    for (int round = 0; round < kMaxTeardownRounds; ++round) {
      deleted += delete_all_events();
      if (drain_active(run_finalizers) == 0) break;
    }
    watchers_.free_all();
    evi::OnceEvent::free_all(once_);
    signals_.close();
  }
  if (deleted)
    EVI_DEBUG("event_base_free: %d events were still set in base %p", deleted, static_cast<void *>(this));
  if (evi::global_base() == this) evi::global_base() = nullptr;
  notifier->wait_for_wakes_in_flight();
  evi::destroy(this);
}

int event_base::delete_all_events() noexcept {
  int deleted = 0;
  // The owner may still free the event, which must not refer to a freed base.
  const auto delete_for_good = [&](event &ev) EVI_NO_THREAD_SAFETY_ANALYSIS {
    del_locked(ev, evi::DelMode::even_if_finalizing);
    ev.ev_base = nullptr;
    ++deleted;
  };
  for (int fd = 0; fd < fds_.size(); fd += evi::kDescriptorStep) {
    while (event *ev = fds_[fd].first) delete_for_good(*ev);
  }
  while (event *ev = io_.first_without_fd()) delete_for_good(*ev);
  for (int signal = 1; signal < evi::kSignals; ++signal) {
    while (event *ev = signals_.first(signal)) delete_for_good(*ev);
  }
  for (int i = 0; i < common_.count(); ++i) {
    while (event *ev = common_[i].events.front()) delete_for_good(*ev);
  }
  while (event *ev = timers_.top()) delete_for_good(*ev);
  return deleted;
}

// Empties the queues of what is active; returns how many callbacks that were.
int event_base::drain_active(bool run_finalizers) noexcept {
  int drained = 0;
  promote_later();
  for (int pri = active_.first_busy(0); pri >= 0; pri = active_.first_busy(0)) {
    event_callback &cb = *active_.front(pri);
    const evi::Closure kind = static_cast<evi::Closure>(cb.evcb_closure);
    dequeue_active(cb);
    ++drained;
    const bool finalizer = kind == evi::Closure::callback_finalize || kind == evi::Closure::event_finalize ||
                           kind == evi::Closure::event_finalize_free;
    if (finalizer && run_finalizers) run_finalizer(cb);
    if (!finalizer && evi::belongs_to_event(cb)) evi::event_of(cb).ev_base = nullptr;
    if (kind == evi::Closure::callback_self) {
      const auto fn = cb.evcb_cb_union.evcb_selfcb;
      void *arg = cb.evcb_arg;
      const evi::Unlocked open(lock_);
      fn(nullptr, arg);
    }
  }
  return drained + abandon_flushes();
}

int event_base::reinit(evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  return renew_after_fork();
}

// A loop that goes on in a forked child without event_reinit. False if the method is without its descriptor.
bool event_base::leave_parent() noexcept {
  if (renew_after_fork() == 0) return true;
  evi::log_warnx("event_base_loop: cannot replace everything that a forked child shares with its parent");
  return !is_shared_with_parent();
}

// Closing an inherited descriptor leaves the parent's alone; taking interest away through it would not. Each
// is closed before another is opened in its place, so that a limit on descriptors does not matter.
int event_base::renew_after_fork() noexcept {
  disown_lost_descriptors();
  if (method_.is_shared_by_fork() && !method_.reopen()) return -1;
  const bool forked = is_shared_with_parent();
  fork_generation_ = evi::forked_generation();
  int result = signals_.renew_channels() ? 0 : -1;
  if (!notifier_.renew_after_fork(*this)) result = -1;
  if (!signals_.rewatch(forked)) result = -1;
  if (method_.is_shared_by_fork() && !rearm_all()) result = -1;
  return result;
}

// The application may have closed descriptors that it did not open, and the fds may refer to other files now.
// A descriptor that the method's set has no entry for counts as lost, and so does the set: see
// util/held_fd.h.
void event_base::disown_lost_descriptors() noexcept {
  const bool known_by_signals = signals_.disown_if_lost();
  const bool known_by_notifier = notifier_.disown_if_lost(method_);
  if (!known_by_signals || !known_by_notifier) method_.disown();
}

bool event_base::make_notifiable(evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  return notifier_.is_open() || notifier_.open(*this);
}

const timeval *event_base::init_common_timeout(const timeval &duration) noexcept {
  const LockGuard held(lock_);
  const evi::CommonTimeout *list = common_.find_or_make(*this, duration);
  return list ? &list->tagged : nullptr;
}

int event_base::set_priorities(int count) noexcept {
  const LockGuard held(lock_);
  if (!active_.empty() || !later_.empty() || count < 1 || count >= EVENT_MAX_PRIORITIES) return -1;
  if (count == active_.priorities()) return 0;
  if (!active_.set_priorities(count)) return -1;
  // The pass that the caller's callback belongs to may be over a priority that no longer exists.
  if (running_.priority() >= count) state_.request_continue();
  return 0;
}

int event_base::priorities() noexcept {
  const LockGuard held(lock_);
  return active_.priorities();
}

timeval event_base::cached_time_of_day() noexcept {
  const LockGuard held(lock_);
  return evi::to_timeval(time_.time_of_day());
}

void event_base::update_cached_time() noexcept {
  const LockGuard held(lock_);
  if (state_.is_running()) time_.update();
}

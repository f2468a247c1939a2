// Looking at a base from outside: its events one by one, their counts, and whether all of it is consistent.
#include "core/event_base.h"

using evi::LockGuard;

// Each event once: those on descriptors and signals, then timers that are nowhere else, then active events
// that are in no other queue, then those that queued output stands for.
template <typename F>
int event_base::visit_events(F &&f) noexcept {
  int result = 0;
  const auto visit = [&](event &ev) {
    if (result == 0) result = f(ev);
  };
  for (int fd = 0; fd < fds_.size() && result == 0; fd += evi::kDescriptorStep) {
    for (event *ev = fds_[fd].first; ev && result == 0; ev = evi::IoHook::of(*ev).le_next) visit(*ev);
  }
  signals_.for_each(visit);
  timers_.for_each([&](event &ev) {
    if (evi::closure(ev) != evi::Closure::common_timeout && !evi::has(ev, EVLIST_INSERTED)) visit(ev);
  });
  common_.for_each_event([&](event &ev) {
    if (!evi::has(ev, EVLIST_INSERTED)) visit(ev);
  });
  const auto visit_active = [&](event_callback &cb) {
    // EVLIST_INIT alone distinguishes an event from a bare callback.
    if (!evi::belongs_to_event(cb) || (cb.evcb_flags & (EVLIST_INSERTED | EVLIST_TIMEOUT))) return;
    visit(evi::event_of(cb));
  };
  for_each_active(visit_active);
  flush_.for_each([&](evi::FlushHook &hook) {
    event *ev = hook.counted_event();
    if (ev && !evi::has(*ev, evi::kQueuedFlags)) visit(*ev);
  });
  return result;
}

int event_base::for_each_event(event_base_foreach_event_cb callback, void *arg) noexcept {
  const LockGuard held(lock_);
  return visit_events([&](event &ev) { return callback(this, &ev, arg); });
}

// EVENT_BASE_COUNT_VIRTUAL: there are no virtual events here.
int event_base::count_events(unsigned kinds) noexcept {
  const LockGuard held(lock_);
  int count = 0;
  if (kinds & EVENT_BASE_COUNT_ACTIVE) count += active_.size();
  if (kinds & EVENT_BASE_COUNT_ADDED) count += counts_.added() - flush_.doubles();
  return count;
}

int event_base::max_events(unsigned kinds, bool reset) noexcept {
  const LockGuard held(lock_);
  int count = 0;
  if (kinds & EVENT_BASE_COUNT_ACTIVE) {
    count += counts_.active_max();
    if (reset) counts_.reset_active_max();
  }
  if (kinds & EVENT_BASE_COUNT_ADDED) {
    count += counts_.added_max();
    if (reset) counts_.reset_added_max();
  }
  return count;
}

bool event_base::loop_runs() noexcept {
  const LockGuard held(lock_);
  return state_.is_running();
}

bool event_base::check_invariants(std::size_t limit) noexcept {
  const LockGuard held(lock_);
  if (!notifier_.check_invariants()) return false;
  const auto elements =
      static_cast<std::size_t>(fds_.size()) + timers_.size() + static_cast<std::size_t>(counts_.added());
  if (elements > limit) return true;
  if (!fds_.check_invariants() || !timers_.check_invariants()) return false;
  if (!signals_.check_invariants()) return false;
  if (!io_.check_invariants() || !common_.check_invariants() || !watchers_.check_invariants()) return false;
  int counted = 0;
  bool flags_right = true;
  const auto count = [&](const event &ev) {
    flags_right = flags_right && evi::has(ev, EVLIST_INIT) && ev.ev_base == this;
    if (!evi::is_internal(ev)) {
      counted += evi::has(ev, EVLIST_INSERTED) + evi::has(ev, EVLIST_TIMEOUT);
      counted += evi::has(ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER);
    }
    return 0;
  };
  visit_events(count);
  // As in libevent, event_base_foreach_event() does not report them.
  for (event *ev = io_.first_without_fd(); ev; ev = evi::IoHook::of(*ev).le_next) count(*ev);
  flush_.for_each([&](evi::FlushHook &hook) { counted += hook.flush_kind->event_of != nullptr; });
  int bare = 0;
  const auto count_bare = [&](event_callback &cb) { bare += !evi::belongs_to_event(cb); };
  for_each_active(count_bare);
  return flags_right && counted + bare == counts_.added();
}

// Looking at a base from outside: its events one by one, their counts, and a listing of both.
#include <cinttypes>

#include "core/event_base.h"
#include "util/assert.h"

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
    // EVLIST_INIT alone tells an event from a bare callback.
    if (!evi::belongs_to_event(cb) || (cb.evcb_flags & (EVLIST_INSERTED | EVLIST_TIMEOUT))) return;
    visit(evi::event_of(cb));
  };
  active_.for_each(visit_active);
  for (event_callback *cb = later_.front(); cb; cb = evi::CallbackList::next(*cb)) visit_active(*cb);
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

int event_base::dump_inserted(const event_base *base, const event *ev, void *out) noexcept {
  // One in no queue has output queued for it, and will be added if the kernel does not take that.
  if (!evi::has(*ev, EVLIST_INSERTED | EVLIST_TIMEOUT) && evi::has(*ev, evi::kQueuedFlags)) return 0;
  auto *file = static_cast<std::FILE *>(out);
  const bool internal = evi::is_internal(*ev);
  std::fprintf(file, "  %p [%s %ld]%s%s%s%s%s%s%s", static_cast<const void *>(ev),
               evi::is_signal(*ev) ? "sig" : "fd ", static_cast<long>(evi::descriptor(*ev)),
               (ev->ev_events & EV_READ) ? " Read" : "", (ev->ev_events & EV_WRITE) ? " Write" : "",
               (ev->ev_events & EV_CLOSED) ? " EOF" : "", (ev->ev_events & EV_SIGNAL) ? " Signal" : "",
               (ev->ev_events & EV_PERSIST) ? " Persist" : "", (ev->ev_events & EV_ET) ? " ET" : "",
               internal ? " Internal" : "");
  if (evi::has(*ev, EVLIST_TIMEOUT)) {
    const evi::Micros wall_offset = base->time_.wall() - base->time_.monotonic();
    const timeval due = evi::to_timeval(evi::deadline(*ev) + wall_offset);
    std::fprintf(file, " Timeout=%ld.%06d", static_cast<long>(due.tv_sec), static_cast<int>(due.tv_usec));
  }
  std::fputc('\n', file);
  return 0;
}

int event_base::dump_active(const event_base *, const event *ev, void *out) noexcept {
  if (!evi::has(*ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) return 0;
  std::fprintf(static_cast<std::FILE *>(out), "  %p [%s %ld, priority=%d]%s%s%s%s%s active%s%s\n",
               static_cast<const void *>(ev), evi::is_signal(*ev) ? "sig" : "fd ",
               static_cast<long>(evi::descriptor(*ev)), evi::priority(*ev),
               (ev->ev_res & EV_READ) ? " Read" : "", (ev->ev_res & EV_WRITE) ? " Write" : "",
               (ev->ev_res & EV_CLOSED) ? " EOF" : "", (ev->ev_res & EV_SIGNAL) ? " Signal" : "",
               (ev->ev_res & EV_TIMEOUT) ? " Timeout" : "", evi::is_internal(*ev) ? " [Internal]" : "",
               evi::has(*ev, EVLIST_ACTIVE_LATER) ? " [NextTime]" : "");
  return 0;
}

void event_base::dump(std::FILE *out) noexcept {
  const LockGuard held(lock_);
  std::fprintf(out, "Inserted events:\n");
  visit_events([&](event &ev) { return dump_inserted(this, &ev, out); });
  std::fprintf(out, "Active events:\n");
  visit_events([&](event &ev) { return dump_active(this, &ev, out); });
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

bool event_base::check_invariants() noexcept {
  const LockGuard held(lock_);
  if (!fds_.check_invariants() || !timers_.check_invariants()) return false;
  if (!signals_.check_invariants() || !notifier_.check_invariants()) return false;
  if (!common_.check_invariants() || !watchers_.check_invariants()) return false;
  int counted = 0;
  bool flags_right = true;
  visit_events([&](event &ev) {
    flags_right = flags_right && evi::has(ev, EVLIST_INIT) && ev.ev_base == this;
    if (!evi::is_internal(ev)) {
      counted += evi::has(ev, EVLIST_INSERTED) + evi::has(ev, EVLIST_TIMEOUT);
      counted += evi::has(ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER);
    }
    return 0;
  });
  flush_.for_each([&](evi::FlushHook &hook) { counted += hook.flush_kind->event_of != nullptr; });
  int bare = 0;
  const auto count_bare = [&](event_callback &cb) { bare += !evi::belongs_to_event(cb); };
  active_.for_each(count_bare);
  for (event_callback *cb = later_.front(); cb; cb = evi::CallbackList::next(*cb)) count_bare(*cb);
  return flags_right && counted + bare == counts_.added();
}

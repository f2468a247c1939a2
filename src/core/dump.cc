// The listing of a base's events as text.
#include "core/dump.h"

#include "core/event_base.h"

namespace evi {
namespace {

int write_inserted(const event_base *base, const event *ev, void *out) noexcept {
  // One in no queue has output queued for it, and will be added if the kernel does not take that.
  if (!has(*ev, EVLIST_INSERTED | EVLIST_TIMEOUT) && has(*ev, kQueuedFlags)) return 0;
  auto *file = static_cast<std::FILE *>(out);
  const bool internal = is_internal(*ev);
  std::fprintf(file, "  %p [%s %ld]%s%s%s%s%s%s%s", static_cast<const void *>(ev),
               is_signal(*ev) ? "sig" : "fd ", static_cast<long>(descriptor(*ev)),
               (ev->ev_events & EV_READ) ? " Read" : "", (ev->ev_events & EV_WRITE) ? " Write" : "",
               (ev->ev_events & EV_CLOSED) ? " EOF" : "", (ev->ev_events & EV_SIGNAL) ? " Signal" : "",
               (ev->ev_events & EV_PERSIST) ? " Persist" : "", (ev->ev_events & EV_ET) ? " ET" : "",
               internal ? " Internal" : "");
  if (has(*ev, EVLIST_TIMEOUT)) {
    const Clock &clock = base->clock();
    const Micros wall_offset = clock.wall(clock) - clock.monotonic(clock);
    const timeval due = to_timeval(deadline(*ev) + wall_offset);
    std::fprintf(file, " Timeout=%ld.%06d", static_cast<long>(due.tv_sec), static_cast<int>(due.tv_usec));
  }
  std::fputc('\n', file);
  return 0;
}

int write_active(const event_base *, const event *ev, void *out) noexcept {
  if (!has(*ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) return 0;
  std::fprintf(static_cast<std::FILE *>(out), "  %p [%s %ld, priority=%d]%s%s%s%s%s active%s%s\n",
               static_cast<const void *>(ev), is_signal(*ev) ? "sig" : "fd ",
               static_cast<long>(descriptor(*ev)), priority(*ev), (ev->ev_res & EV_READ) ? " Read" : "",
               (ev->ev_res & EV_WRITE) ? " Write" : "", (ev->ev_res & EV_CLOSED) ? " EOF" : "",
               (ev->ev_res & EV_SIGNAL) ? " Signal" : "", (ev->ev_res & EV_TIMEOUT) ? " Timeout" : "",
               is_internal(*ev) ? " [Internal]" : "", has(*ev, EVLIST_ACTIVE_LATER) ? " [NextTime]" : "");
  return 0;
}

}  // namespace

void dump_events(event_base &base, std::FILE *out) noexcept {
  const LockGuard held(base.lock());
  std::fprintf(out, "Inserted events:\n");
  base.for_each_event(write_inserted, out);
  std::fprintf(out, "Active events:\n");
  base.for_each_event(write_active, out);
}

}  // namespace evi

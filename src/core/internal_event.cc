// Adding and dropping the base's own events.
#include "core/internal_event.h"

#include "core/debug_mode.h"
#include "core/event_base.h"

namespace evi {

InternalEvent::~InternalEvent() { debug::forget(event_); }

bool InternalEvent::add_waker(event_base &base, int fd, event_callback_fn callback) noexcept {
  return add_edge(base, fd, wakes_are_edges(base.method_) ? EV_ET : 0, callback);
}

bool InternalEvent::add(event_base &base, int fd, event_callback_fn callback) noexcept {
  return add_edge(base, fd, 0, callback);
}

bool InternalEvent::add_edge(event_base &base, int fd, short edge, event_callback_fn callback) noexcept {
  EVI_ASSERT(!is_added());
  static_cast<void>(
      assign_event(event_, &base, fd, static_cast<short>(EV_READ | EV_PERSIST | edge), callback, &base));
  flags(event_) |= EVLIST_INTERNAL;
  event_.ev_evcallback.evcb_pri = 0;
  return base.add_locked(event_, nullptr, false) == 0;
}

void InternalEvent::drop(event_base &base) noexcept {
  if (has(event_, EVLIST_INIT)) base.del_locked(event_, DelMode::no_block);
}

bool InternalEvent::still_refers(const Method &method, bool intact, bool &set_is_known) const noexcept {
  if (!is_added() || !method.can_ask_set()) return intact;
  const bool known = intact && method.set_has(static_cast<int>(event_.ev_fd));
  set_is_known = set_is_known && known;
  return known;
}

}  // namespace evi

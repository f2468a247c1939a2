// Debug mode: every event that was assigned is remembered, so that the use of any other one is reported at
// once.
//
// Off, it costs one load of a flag per call of the public interface. The library's own events are known, too:
// a program reaches them as members of struct bufferevent, and by event_base_foreach_event(). What the
// library itself does with them is not checked.
#ifndef EVI_CORE_DEBUG_MODE_H
#define EVI_CORE_DEBUG_MODE_H

#include <atomic>

#include "event2/event_struct.h"
#include "util/platform.h"

namespace evi::debug {

extern std::atomic<bool> on;
inline bool enabled() noexcept { return EVI_UNLIKELY(on.load(std::memory_order_relaxed)); }

// Too late, and a fatal misuse, once a base or an event exists.
void enable() noexcept;
void note_in_use() noexcept;

// An event was filled in: fatal if it is in a queue of its base under its old assignment.
void assigned(const event &ev) noexcept;
// The event's memory is about to be something else.
void unassigned(const event &ev) noexcept;
// The same where the event is the library's own.
inline void forget(const event &ev) noexcept {
  if (enabled()) unassigned(ev);
}
// The same for an event whose owner says so: fatal if it is in a queue.
void given_up(const event &ev, const char *function) noexcept;
// Fatal if the event was never assigned, or was given up.
void check_assigned(const event &ev, const char *function) noexcept;

// Gives the memory of the table back.
void shutdown() noexcept;

}  // namespace evi::debug

#endif

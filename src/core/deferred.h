// Callbacks that a loop runs soon, outside the stack of the caller that scheduled them.
//
// They live in the public struct event_callback, share the queues of active events, and run by priority among
// them. The owner keeps the struct alive until it ran or was cancelled.
#ifndef EVI_CORE_DEFERRED_H
#define EVI_CORE_DEFERRED_H

#include <cstdint>

#include "event2/event_struct.h"

struct event_base;

namespace evi {

// `self` is null if the base is freed while the callback waits: only references are to be let go then.
using DeferredFn = void (*)(event_callback *self, void *arg);

void deferred_init(event_callback &cb, std::uint8_t priority, DeferredFn fn, void *arg) noexcept;
// The middle priority of a base, which deferred callbacks have by default.
std::uint8_t deferred_default_priority(const event_base &base) noexcept;
// A callback that waits goes behind the others of its new priority. `base`: the one it waits in, if it does.
void deferred_set_priority(event_base &base, event_callback &cb, std::uint8_t priority) noexcept;

// True if it was not queued before. From any thread if the base has a lock; wakes the loop.
bool deferred_schedule(event_base &base, event_callback &cb) noexcept;
// Takes it from the queue if it is there; does not wait for a run in flight.
void deferred_cancel(event_base &base, event_callback &cb) noexcept;

}  // namespace evi

#endif

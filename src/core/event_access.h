// Typed access to the fixed fields of struct event and struct event_callback, and what they mean to us.
//
// Callers compile these structs into their own (struct event is 128 bytes for ever), so nothing is derived
// from them and everything the loop knows of an event lies in these fields.
#ifndef EVI_CORE_EVENT_ACCESS_H
#define EVI_CORE_EVENT_ACCESS_H

#include <cstddef>

#include "event2/event.h"
#include "event2/event_struct.h"
#include "util/platform.h"
#include "util/time.h"

namespace evi {

// How an active event_callback is run; kept in evcb_closure.
enum class Closure : unsigned char {
  event = 0,          // once: deleted, then called
  signal = 1,         // called once per delivery counted
  persist = 2,        // re-armed if it has a period, then called
  callback_self = 3,  // an event_callback outside an event: deferred work
  callback_finalize = 4,
  event_finalize = 5,
  event_finalize_free = 6,
  common_timeout = 7,  // the heap's stand-in for a list of equal durations; never active itself
};

// Its address, as a callback's argument, stands for the event itself.
inline constinit char self_cbarg = 0;

inline constexpr short kIoEvents = EV_READ | EV_WRITE | EV_CLOSED;
// An event with one of these is in a queue of its base.
inline constexpr int kQueuedFlags = EVLIST_INSERTED | EVLIST_TIMEOUT | EVLIST_ACTIVE | EVLIST_ACTIVE_LATER;
inline constexpr std::size_t kNotInHeap = static_cast<std::size_t>(-1);

// A timeval of event_base_init_common_timeout carries its list's number in the microseconds' high bits.
inline constexpr long kCommonTimeoutMask = 0xf0000000L;
inline constexpr long kCommonTimeoutMagic = 0x50000000L;
inline constexpr long kCommonTimeoutIndexMask = 0x0ff00000L;
inline constexpr int kCommonTimeoutShift = 20;
inline constexpr long kMicrosecondsMask = 0x000fffffL;

inline short &flags(event &ev) noexcept { return ev.ev_evcallback.evcb_flags; }
inline short flags(const event &ev) noexcept { return ev.ev_evcallback.evcb_flags; }
inline bool has(const event &ev, int flag) noexcept { return (flags(ev) & flag) != 0; }
inline Closure closure(const event &ev) noexcept {
  return static_cast<Closure>(ev.ev_evcallback.evcb_closure);
}
inline void set_closure(event &ev, Closure c) noexcept {
  ev.ev_evcallback.evcb_closure = static_cast<decltype(ev.ev_evcallback.evcb_closure)>(c);
}
// An event that waits for nothing but time may hold the number of a socket that operations serve
// (overlapped.h), as a negative one: so the loop has no descriptor to watch.
inline evutil_socket_t hidden(evutil_socket_t fd) noexcept { return ~fd; }
inline evutil_socket_t descriptor(const event &ev) noexcept {
  return EVI_LIKELY(ev.ev_fd >= -1) ? ev.ev_fd : hidden(ev.ev_fd);
}
inline int priority(const event &ev) noexcept { return ev.ev_evcallback.evcb_pri; }
inline bool is_internal(const event &ev) noexcept { return has(ev, EVLIST_INTERNAL); }
inline bool is_signal(const event &ev) noexcept { return (ev.ev_events & EV_SIGNAL) != 0; }

// An edge may be reported to internal events twice.
inline bool wants_edges(const event &ev) noexcept { return (ev.ev_events & EV_ET) && !is_internal(ev); }

// In no queue, and no series of signal calls under way: there is nothing to delete. A finalizer that has not
// run yet is queued as active.
inline bool is_idle(const event &ev) noexcept {
  return !has(ev, kQueuedFlags) && !(is_signal(ev) && ev.ev_.ev_signal.ev_pncalls);
}

// The event around its callback part, which is its first member.
inline event &event_of(event_callback &cb) noexcept { return reinterpret_cast<event &>(cb); }
inline bool belongs_to_event(const event_callback &cb) noexcept { return (cb.evcb_flags & EVLIST_INIT) != 0; }

inline std::size_t &heap_index(event &ev) noexcept { return ev.ev_timeout_pos.min_heap_idx; }
inline std::size_t heap_index(const event &ev) noexcept { return ev.ev_timeout_pos.min_heap_idx; }

// The point in time at which the event's timeout is due, a common timeout's tag taken off.
inline Micros deadline(const event &ev) noexcept {
  return static_cast<Micros>(ev.ev_timeout.tv_sec) * kMicrosPerSecond +
         (ev.ev_timeout.tv_usec & kMicrosecondsMask);
}

// An event that is made active for EV_TIMEOUT by hand may have had no timer since it was assigned or deleted.
// One whose timer has expired keeps its deadline until it is deleted.
inline constexpr long kNoDeadline = -1;  // in the microseconds
inline void forget_deadline(event &ev) noexcept { ev.ev_timeout.tv_usec = kNoDeadline; }
inline bool has_deadline(const event &ev) noexcept { return ev.ev_timeout.tv_usec != kNoDeadline; }

// A timeval that is a duration or time and no more: no tag, and no odd number of microseconds.
inline bool is_plain(const timeval &tv) noexcept {
  return static_cast<unsigned long>(tv.tv_usec) < static_cast<unsigned long>(kMicrosPerSecond);
}

// The period of a persistent event; zero when it has none.
inline timeval &period(event &ev) noexcept { return ev.ev_.ev_io.ev_timeout; }

struct ActiveHook {
  static auto &of(event_callback &cb) noexcept { return cb.evcb_active_next; }
};
struct IoHook {
  static auto &of(event &ev) noexcept { return ev.ev_.ev_io.ev_io_next; }
};
struct SignalHook {
  static auto &of(event &ev) noexcept { return ev.ev_.ev_signal.ev_signal_next; }
};
struct CommonTimeoutHook {
  static auto &of(event &ev) noexcept { return ev.ev_timeout_pos.ev_next_with_common_timeout; }
};

}  // namespace evi

#endif

/* The 1.x functions, which work on the current base instead of a base argument. Do not use them in new
 * programs.
 *
 * There is one current base per process: the one that event_init() created last. It has no lock, so only one
 * thread may use these functions. Each entry names its replacement in <event2/event.h>. Unless it says
 * otherwise, it does the same on the current base and returns the same; without a current base it returns -1,
 * NULL or nothing.
 */
#ifndef EVENT2_EVENT_COMPAT_H_INCLUDED_
#define EVENT2_EVENT_COMPAT_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>
#ifdef EVENT__HAVE_SYS_TYPES_H
#include <sys/types.h>
#endif
#ifdef EVENT__HAVE_SYS_TIME_H
#include <sys/time.h>
#endif

#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event;
struct event_base;

/* Creates a base and makes it the current one. Returns the base, to be freed with event_base_free(), or NULL
 * on failure. Replaced by event_base_new(). */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *event_init(void);

/* Replaced by event_base_dispatch(). */
EVENT2_CORE_EXPORT_SYMBOL
int event_dispatch(void);

/* Replaced by event_base_loop(). */
EVENT2_CORE_EXPORT_SYMBOL
int event_loop(int flags);

/* Replaced by event_base_loopexit(). */
EVENT2_CORE_EXPORT_SYMBOL
int event_loopexit(const struct timeval *tv);

/* Replaced by event_base_loopbreak(). */
EVENT2_CORE_EXPORT_SYMBOL
int event_loopbreak(void);

/* Replaced by event_base_once(). */
EVENT2_CORE_EXPORT_SYMBOL
int event_once(evutil_socket_t fd, short what, void (*cb)(evutil_socket_t, short, void *), void *arg,
               const struct timeval *tv);

/* Replaced by event_base_get_method(). */
EVENT2_CORE_EXPORT_SYMBOL
const char *event_get_method(void);

/* Replaced by event_base_priority_init(). */
EVENT2_CORE_EXPORT_SYMBOL
int event_priority_init(int count);

/* Initializes an event in the caller's memory for the current base; event_base_set() moves it to another
 * base. Does not report failure. Replaced by event_assign(). */
EVENT2_CORE_EXPORT_SYMBOL
void event_set(struct event *ev, evutil_socket_t fd, short what, void (*cb)(evutil_socket_t, short, void *),
               void *arg);

/* event_set() for timers and signals. Replaced by evtimer_assign() and evsignal_assign(). */
#define evtimer_set(ev, cb, arg) event_set((ev), -1, 0, (cb), (arg))
#define evsignal_set(ev, x, cb, arg) event_set((ev), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))

/* Still older names of the evtimer_ macros. */
#define timeout_set(ev, cb, arg) event_set((ev), -1, 0, (cb), (arg))
#define timeout_add(ev, tv) event_add((ev), (tv))
#define timeout_del(ev) event_del(ev)
#define timeout_pending(ev, tv) event_pending((ev), EV_TIMEOUT, (tv))
#define timeout_initialized(ev) event_initialized(ev)

/* Still older names of the evsignal_ macros. */
#define signal_set(ev, x, cb, arg) event_set((ev), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define signal_add(ev, tv) event_add((ev), (tv))
#define signal_del(ev) event_del(ev)
#define signal_pending(ev, tv) event_pending((ev), EV_SIGNAL, (tv))
#define signal_initialized(ev) event_initialized(ev)

/* Replaced by event_get_fd() and event_get_signal(). */
#define EVENT_FD(ev) ((int)event_get_fd(ev))
#define EVENT_SIGNAL(ev) event_get_signal(ev)

#ifdef __cplusplus
}
#endif

#endif

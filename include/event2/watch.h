/* Watchers: functions that the loop calls just before it waits and just after.
 *
 * In each iteration the loop (1) computes how long it may wait, (2) calls the prepare watchers, (3) waits,
 * (4) calls the check watchers, (5) runs the callbacks that are due. With them a program can measure how long
 * the loop waits and works, or hang another library's loop into this one: the time between a prepare and the
 * next check is spent waiting, that between a check and the next prepare is spent working.
 *
 * Watchers run in the loop's thread, in the order in which they were created, without the base's lock. They
 * do not keep the loop running. The functions here may be called from any thread if the base has a lock.
 *
 * Since 2.2.
 */
#ifndef EVENT2_WATCH_H_INCLUDED_
#define EVENT2_WATCH_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>
#ifdef EVENT__HAVE_SYS_TIME_H
#include <sys/time.h>
#endif

#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;

/* A watcher of either kind. Opaque. */
struct evwatch;

/* What a prepare watcher is told; see evwatch_prepare_get_timeout(). Opaque, valid during the call. */
struct evwatch_prepare_cb_info;

/* What a check watcher is told: nothing yet. Opaque, valid during the call. */
struct evwatch_check_cb_info;

/* What a watcher calls; arg is the program's. */
typedef void (*evwatch_prepare_cb)(struct evwatch *watcher, const struct evwatch_prepare_cb_info *info,
                                   void *arg);
typedef void (*evwatch_check_cb)(struct evwatch *watcher, const struct evwatch_check_cb_info *info,
                                 void *arg);

/* Create a watcher that calls callback in every iteration of the base's loop from the next on. Returns it, to
 * be freed with evwatch_free(), or NULL without memory. */
EVENT2_CORE_EXPORT_SYMBOL
struct evwatch *evwatch_prepare_new(struct event_base *base, evwatch_prepare_cb callback, void *arg);
EVENT2_CORE_EXPORT_SYMBOL
struct evwatch *evwatch_check_new(struct event_base *base, evwatch_check_cb callback, void *arg);

/* The base that the watcher was created for. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *evwatch_base(struct evwatch *watcher);

/* Takes a watcher out of the loop and frees it; allowed in a watcher's own callback. Watchers that are left
 * when their base is freed are freed with it. */
EVENT2_CORE_EXPORT_SYMBOL
void evwatch_free(struct evwatch *watcher);

/* How long the loop is about to wait at most. Returns 1 and fills *timeout, or 0, leaving it alone, if the
 * loop will wait until something happens. */
EVENT2_CORE_EXPORT_SYMBOL
int evwatch_prepare_get_timeout(const struct evwatch_prepare_cb_info *info, struct timeval *timeout);

#ifdef __cplusplus
}
#endif

#endif

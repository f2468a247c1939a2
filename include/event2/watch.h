/* Watchers: callbacks that the loop invokes directly before and directly after it waits.
 *
 * In each iteration the loop (1) computes how long it may wait, (2) invokes the prepare watchers, (3) waits,
 * (4) invokes the check watchers, (5) runs the callbacks of active events. With watchers a program can
 * measure how long the loop waits and works, or integrate another library's loop: the time between a prepare
 * and the next check is spent waiting, the time between a check and the next prepare is spent working.
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

/* The information for a prepare watcher; see evwatch_prepare_get_timeout(). Opaque, valid during the call. */
struct evwatch_prepare_cb_info;

/* The information for a check watcher; empty in this version. Opaque, valid during the call. */
struct evwatch_check_cb_info;

/* The callbacks of watchers; arg is the argument given to the constructor. */
typedef void (*evwatch_prepare_cb)(struct evwatch *watcher, const struct evwatch_prepare_cb_info *info,
                                   void *arg);
typedef void (*evwatch_check_cb)(struct evwatch *watcher, const struct evwatch_check_cb_info *info,
                                 void *arg);

/* Create a watcher that invokes callback in every iteration of the base's loop from the next on. Return the
 * watcher, to be freed with evwatch_free(), or NULL if out of memory. */
EVENT2_CORE_EXPORT_SYMBOL
struct evwatch *evwatch_prepare_new(struct event_base *base, evwatch_prepare_cb callback, void *arg);
EVENT2_CORE_EXPORT_SYMBOL
struct evwatch *evwatch_check_new(struct event_base *base, evwatch_check_cb callback, void *arg);

/* Returns the base for which the watcher was created. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *evwatch_base(struct evwatch *watcher);

/* Removes a watcher from its base and frees it; allowed in the watcher's own callback. Freeing a base frees
 * its remaining watchers. */
EVENT2_CORE_EXPORT_SYMBOL
void evwatch_free(struct evwatch *watcher);

/* Returns 1 and stores the maximum time that the loop is about to wait in *timeout; returns 0, without
 * changing *timeout, if the wait has no timeout. */
EVENT2_CORE_EXPORT_SYMBOL
int evwatch_prepare_get_timeout(const struct evwatch_prepare_cb_info *info, struct timeval *timeout);

#ifdef __cplusplus
}
#endif

#endif

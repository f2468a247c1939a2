#ifndef EVENT2_WATCH_H_INCLUDED_
#define EVENT2_WATCH_H_INCLUDED_

#include <event2/util.h>
#include <event2/visibility.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct evwatch;
struct evwatch_prepare_cb_info;
struct evwatch_check_cb_info;
typedef void (*evwatch_prepare_cb)(struct evwatch *, const struct evwatch_prepare_cb_info *, void *);
typedef void (*evwatch_check_cb)(struct evwatch *, const struct evwatch_check_cb_info *, void *);

EVENT2_CORE_EXPORT_SYMBOL struct event_base *evwatch_base(struct evwatch *);
EVENT2_CORE_EXPORT_SYMBOL struct evwatch *evwatch_check_new(struct event_base *, evwatch_check_cb, void *);
EVENT2_CORE_EXPORT_SYMBOL void evwatch_free(struct evwatch *);
EVENT2_CORE_EXPORT_SYMBOL int evwatch_prepare_get_timeout(const struct evwatch_prepare_cb_info *,
                                                          struct timeval *);
EVENT2_CORE_EXPORT_SYMBOL struct evwatch *evwatch_prepare_new(struct event_base *, evwatch_prepare_cb,
                                                              void *);

#ifdef __cplusplus
}
#endif

#endif

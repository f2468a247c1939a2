#ifndef EVENT2_EVENT_H_INCLUDED_
#define EVENT2_EVENT_H_INCLUDED_

#include <event2/util.h>
#include <event2/visibility.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event;
struct event_base;
struct event_config;
enum event_method_feature {
  EV_FEATURE_ET = 1,
  EV_FEATURE_O1 = 2,
  EV_FEATURE_FDS = 4,
  EV_FEATURE_EARLY_CLOSE = 8
};
enum event_base_config_flag {
  EVENT_BASE_FLAG_NOLOCK = 1,
  EVENT_BASE_FLAG_IGNORE_ENV = 2,
  EVENT_BASE_FLAG_STARTUP_IOCP = 4,
  EVENT_BASE_FLAG_NO_CACHE_TIME = 8,
  EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST = 16,
  EVENT_BASE_FLAG_PRECISE_TIMER = 32,
  EVENT_BASE_FLAG_EPOLL_DISALLOW_TIMERFD = 64,
  EVENT_BASE_FLAG_USE_SIGNALFD = 128
};
typedef void (*event_log_cb)(int, const char *);
typedef void (*event_fatal_cb)(int);
typedef void (*event_callback_fn)(evutil_socket_t, short, void *);
typedef void (*event_finalize_callback_fn)(struct event *, void *);
typedef int (*event_base_foreach_event_cb)(const struct event_base *, const struct event *, void *);
#define EVENT_SET_MEM_FUNCTIONS_IMPLEMENTED
#define EVENT_BASE_COUNT_ACTIVE 1
#define EVENT_BASE_COUNT_ADDED 4
#define EVENT_BASE_COUNT_VIRTUAL 2
#define EVENT_DBG_ALL 0xffffffffu
#define EVENT_DBG_NONE 0
#define EVENT_LOG_DEBUG 0
#define EVENT_LOG_ERR 3
#define EVENT_LOG_MSG 1
#define EVENT_LOG_WARN 2
#define EVENT_MAX_PRIORITIES 256
#define EVLOOP_NONBLOCK 2
#define EVLOOP_NO_EXIT_ON_EMPTY 4
#define EVLOOP_ONCE 1
#define EV_CLOSED 128
#define EV_ET 32
#define EV_FINALIZE 64
#define EV_PERSIST 16
#define EV_READ 2
#define EV_SIGNAL 8
#define EV_TIMEOUT 1
#define EV_WRITE 4
#define LIBEVENT_VERSION_NUMBER EVENT__NUMERIC_VERSION
#define LIBEVENT_VERSION EVENT__VERSION
#define _EVENT_LOG_DEBUG 0
#define _EVENT_LOG_ERR 3
#define _EVENT_LOG_MSG 1
#define _EVENT_LOG_WARN 2
#define evtimer_assign(ev, b, cb, arg) event_assign((ev), (b), -1, 0, (cb), (arg))
#define evtimer_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evtimer_add(ev, tv) event_add((ev), (tv))
#define evtimer_del(ev) event_del(ev)
#define evtimer_pending(ev, tv) event_pending((ev), EV_TIMEOUT, (tv))
#define evtimer_initialized(ev) event_initialized(ev)
#define evsignal_add(ev, tv) event_add((ev), (tv))
#define evsignal_assign(ev, b, x, cb, arg) event_assign((ev), (b), (x), EV_SIGNAL | EV_PERSIST, cb, (arg))
#define evsignal_new(b, x, cb, arg) event_new((b), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define evsignal_del(ev) event_del(ev)
#define evsignal_pending(ev, tv) event_pending((ev), EV_SIGNAL, (tv))
#define evsignal_initialized(ev) event_initialized(ev)
#define evuser_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evuser_del(ev) event_del(ev)
#define evuser_pending(ev, tv) event_pending((ev), 0, (tv))
#define evuser_initialized(ev) event_initialized(ev)
#define evuser_trigger(ev) event_active((ev), 0, 0)
#define event_get_signal(ev) ((int)event_get_fd(ev))

EVENT2_CORE_EXPORT_SYMBOL void event_active(struct event *, int, short);
EVENT2_CORE_EXPORT_SYMBOL int event_add(struct event *, const struct timeval *);
EVENT2_CORE_EXPORT_SYMBOL int event_assign(struct event *, struct event_base *, int, short, event_callback_fn,
                                           void *);
EVENT2_CORE_EXPORT_SYMBOL void event_base_active_by_fd(struct event_base *, int, short);
EVENT2_CORE_EXPORT_SYMBOL void event_base_active_by_signal(struct event_base *, int);
EVENT2_CORE_EXPORT_SYMBOL int event_base_dispatch(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL void event_base_dump_events(struct event_base *, FILE *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_foreach_event(struct event_base *, event_base_foreach_event_cb,
                                                       void *);
EVENT2_CORE_EXPORT_SYMBOL void event_base_free(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL void event_base_free_nofinalize(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_get_features(const struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_get_max_events(struct event_base *, unsigned int, int);
EVENT2_CORE_EXPORT_SYMBOL const char *event_base_get_method(const struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_get_npriorities(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_get_num_events(struct event_base *, unsigned int);
EVENT2_CORE_EXPORT_SYMBOL struct event *event_base_get_running_event(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_gettimeofday_cached(struct event_base *, struct timeval *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_got_break(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_got_exit(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL const struct timeval *event_base_init_common_timeout(struct event_base *,
                                                                               const struct timeval *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_loop(struct event_base *, int);
EVENT2_CORE_EXPORT_SYMBOL int event_base_loopbreak(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_loopcontinue(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_loopexit(struct event_base *, const struct timeval *);
EVENT2_CORE_EXPORT_SYMBOL struct event_base *event_base_new(void);
EVENT2_CORE_EXPORT_SYMBOL struct event_base *event_base_new_with_config(const struct event_config *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_once(struct event_base *, int, short, event_callback_fn, void *,
                                              const struct timeval *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_priority_init(struct event_base *, int);
EVENT2_CORE_EXPORT_SYMBOL int event_base_set(struct event_base *, struct event *);
EVENT2_CORE_EXPORT_SYMBOL int event_base_update_cache_time(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL int event_config_avoid_method(struct event_config *, const char *);
EVENT2_CORE_EXPORT_SYMBOL void event_config_free(struct event_config *);
EVENT2_CORE_EXPORT_SYMBOL struct event_config *event_config_new(void);
EVENT2_CORE_EXPORT_SYMBOL int event_config_require_features(struct event_config *, int);
EVENT2_CORE_EXPORT_SYMBOL int event_config_set_flag(struct event_config *, int);
EVENT2_CORE_EXPORT_SYMBOL int event_config_set_max_dispatch_interval(struct event_config *,
                                                                     const struct timeval *, int, int);
EVENT2_CORE_EXPORT_SYMBOL int event_config_set_num_cpus_hint(struct event_config *, int);
EVENT2_CORE_EXPORT_SYMBOL void event_debug_unassign(struct event *);
EVENT2_CORE_EXPORT_SYMBOL int event_del(struct event *);
EVENT2_CORE_EXPORT_SYMBOL int event_del_block(struct event *);
EVENT2_CORE_EXPORT_SYMBOL int event_del_noblock(struct event *);
EVENT2_CORE_EXPORT_SYMBOL void event_enable_debug_logging(uint32_t);
EVENT2_CORE_EXPORT_SYMBOL void event_enable_debug_mode(void);
EVENT2_CORE_EXPORT_SYMBOL int event_finalize(unsigned int, struct event *, event_finalize_callback_fn);
EVENT2_CORE_EXPORT_SYMBOL void event_free(struct event *);
EVENT2_CORE_EXPORT_SYMBOL int event_free_finalize(unsigned int, struct event *, event_finalize_callback_fn);
EVENT2_CORE_EXPORT_SYMBOL void event_get_assignment(const struct event *, struct event_base **, int *,
                                                    short *, event_callback_fn *, void **);
EVENT2_CORE_EXPORT_SYMBOL struct event_base *event_get_base(const struct event *);
EVENT2_CORE_EXPORT_SYMBOL event_callback_fn event_get_callback(const struct event *);
EVENT2_CORE_EXPORT_SYMBOL void *event_get_callback_arg(const struct event *);
EVENT2_CORE_EXPORT_SYMBOL short event_get_events(const struct event *);
EVENT2_CORE_EXPORT_SYMBOL int event_get_fd(const struct event *);
EVENT2_CORE_EXPORT_SYMBOL int event_get_priority(const struct event *);
EVENT2_CORE_EXPORT_SYMBOL size_t event_get_struct_event_size(void);
EVENT2_CORE_EXPORT_SYMBOL const char **event_get_supported_methods(void);
EVENT2_CORE_EXPORT_SYMBOL const char *event_get_version(void);
EVENT2_CORE_EXPORT_SYMBOL uint32_t event_get_version_number(void);
EVENT2_CORE_EXPORT_SYMBOL int event_gettime_monotonic(struct event_base *, struct timeval *);
EVENT2_CORE_EXPORT_SYMBOL int event_initialized(const struct event *);
EVENT2_CORE_EXPORT_SYMBOL struct event *event_new(struct event_base *, int, short, event_callback_fn, void *);
EVENT2_CORE_EXPORT_SYMBOL int event_pending(const struct event *, short, struct timeval *);
EVENT2_CORE_EXPORT_SYMBOL int event_priority_set(struct event *, int);
EVENT2_CORE_EXPORT_SYMBOL int event_reinit(struct event_base *);
EVENT2_CORE_EXPORT_SYMBOL int event_remove_timer(struct event *);
EVENT2_CORE_EXPORT_SYMBOL void *event_self_cbarg(void);
EVENT2_CORE_EXPORT_SYMBOL void event_set_fatal_callback(event_fatal_cb);
EVENT2_CORE_EXPORT_SYMBOL void event_set_log_callback(event_log_cb);
EVENT2_CORE_EXPORT_SYMBOL void event_set_mem_functions(void *(*)(size_t), void *(*)(void *, size_t),
                                                       void (*)(void *));
EVENT2_CORE_EXPORT_SYMBOL void libevent_global_shutdown(void);
EVENT2_CORE_EXPORT_SYMBOL const char *event_base_get_signal_method(const struct event_base *);

#ifdef __cplusplus
}
#endif

#endif

#ifndef EVENT2_BUFFEREVENT_H_INCLUDED_
#define EVENT2_BUFFEREVENT_H_INCLUDED_

#include <event2/util.h>
#include <event2/visibility.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BEV_EVENT_CONNECTED 128
#define BEV_EVENT_EOF 16
#define BEV_EVENT_ERROR 32
#define BEV_EVENT_READING 1
#define BEV_EVENT_TIMEOUT 64
#define BEV_EVENT_WRITING 2
#define EV_RATE_LIMIT_MAX EV_SSIZE_MAX
struct bufferevent;
struct event_base;
struct evbuffer;
struct sockaddr;
struct evdns_base;
struct evutil_addrinfo;
struct ev_token_bucket_cfg;
struct bufferevent_rate_limit_group;
typedef void (*bufferevent_data_cb)(struct bufferevent *, void *);
typedef void (*bufferevent_event_cb)(struct bufferevent *, short, void *);
enum bufferevent_options {
  BEV_OPT_CLOSE_ON_FREE = 1,
  BEV_OPT_THREADSAFE = 2,
  BEV_OPT_DEFER_CALLBACKS = 4,
  BEV_OPT_UNLOCK_CALLBACKS = 8
};
enum bufferevent_trigger_options { BEV_TRIG_IGNORE_WATERMARKS = 1 << 16, BEV_TRIG_DEFER_CALLBACKS = 4 };
enum bufferevent_flush_mode { BEV_NORMAL = 0, BEV_FLUSH = 1, BEV_FINISHED = 2 };
enum bufferevent_filter_result { BEV_OK = 0, BEV_NEED_MORE = 1, BEV_ERROR = 2 };
typedef enum bufferevent_filter_result (*bufferevent_filter_cb)(struct evbuffer *, struct evbuffer *,
                                                                ev_ssize_t, enum bufferevent_flush_mode,
                                                                void *);

EVENT2_CORE_EXPORT_SYMBOL int bufferevent_add_to_rate_limit_group(struct bufferevent *,
                                                                  struct bufferevent_rate_limit_group *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_base_set(struct event_base *, struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_decref(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_decrement_read_limit(struct bufferevent *, ssize_t);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_decrement_write_limit(struct bufferevent *, ssize_t);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_disable(struct bufferevent *, short);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_enable(struct bufferevent *, short);
EVENT2_CORE_EXPORT_SYMBOL struct bufferevent *bufferevent_filter_new(struct bufferevent *,
                                                                     bufferevent_filter_cb,
                                                                     bufferevent_filter_cb, int,
                                                                     void (*)(void *), void *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_flush(struct bufferevent *, short, enum bufferevent_flush_mode);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_free(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL struct event_base *bufferevent_get_base(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL short bufferevent_get_enabled(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL struct evbuffer *bufferevent_get_input(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL ssize_t bufferevent_get_max_single_read(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL ssize_t bufferevent_get_max_single_write(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL ssize_t bufferevent_get_max_to_read(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL ssize_t bufferevent_get_max_to_write(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL struct evbuffer *bufferevent_get_output(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_get_priority(const struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL ssize_t bufferevent_get_read_limit(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL const struct ev_token_bucket_cfg *bufferevent_get_token_bucket_cfg(
    const struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL struct bufferevent *bufferevent_get_underlying(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL ssize_t bufferevent_get_write_limit(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_getcb(struct bufferevent *, bufferevent_data_cb *,
                                                 bufferevent_data_cb *, bufferevent_event_cb *, void **);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_getfd(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_getwatermark(struct bufferevent *, short, size_t *, size_t *);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_incref(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_lock(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL struct bufferevent *bufferevent_pair_get_partner(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_pair_new(struct event_base *, int, struct bufferevent **);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_priority_set(struct bufferevent *, int);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_rate_limit_group_decrement_read(
    struct bufferevent_rate_limit_group *, ssize_t);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_rate_limit_group_decrement_write(
    struct bufferevent_rate_limit_group *, ssize_t);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_rate_limit_group_free(struct bufferevent_rate_limit_group *);
EVENT2_CORE_EXPORT_SYMBOL ssize_t
bufferevent_rate_limit_group_get_read_limit(struct bufferevent_rate_limit_group *);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_rate_limit_group_get_totals(struct bufferevent_rate_limit_group *,
                                                                       uint64_t *, uint64_t *);
EVENT2_CORE_EXPORT_SYMBOL ssize_t
bufferevent_rate_limit_group_get_write_limit(struct bufferevent_rate_limit_group *);
EVENT2_CORE_EXPORT_SYMBOL struct bufferevent_rate_limit_group *bufferevent_rate_limit_group_new(
    struct event_base *, const struct ev_token_bucket_cfg *);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_rate_limit_group_reset_totals(
    struct bufferevent_rate_limit_group *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_rate_limit_group_set_cfg(struct bufferevent_rate_limit_group *,
                                                                   const struct ev_token_bucket_cfg *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_rate_limit_group_set_min_share(
    struct bufferevent_rate_limit_group *, size_t);
EVENT2_CORE_EXPORT_SYMBOL size_t bufferevent_read(struct bufferevent *, void *, size_t);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_read_buffer(struct bufferevent *, struct evbuffer *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_remove_from_rate_limit_group(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_set_max_single_read(struct bufferevent *, size_t);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_set_max_single_write(struct bufferevent *, size_t);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_set_rate_limit(struct bufferevent *, struct ev_token_bucket_cfg *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_set_timeouts(struct bufferevent *, const struct timeval *,
                                                       const struct timeval *);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_setcb(struct bufferevent *, bufferevent_data_cb,
                                                 bufferevent_data_cb, bufferevent_event_cb, void *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_setfd(struct bufferevent *, int);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_setwatermark(struct bufferevent *, short, size_t, size_t);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_socket_connect(struct bufferevent *, const struct sockaddr *, int);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_socket_connect_hostname(struct bufferevent *, struct evdns_base *,
                                                                  int, const char *, int);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_socket_get_dns_error(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL struct bufferevent *bufferevent_socket_new(struct event_base *, int, int);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_trigger(struct bufferevent *, short, int);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_trigger_event(struct bufferevent *, short, int);
EVENT2_CORE_EXPORT_SYMBOL void bufferevent_unlock(struct bufferevent *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_write(struct bufferevent *, const void *, size_t);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_write_buffer(struct bufferevent *, struct evbuffer *);
EVENT2_CORE_EXPORT_SYMBOL void ev_token_bucket_cfg_free(struct ev_token_bucket_cfg *);
EVENT2_CORE_EXPORT_SYMBOL struct ev_token_bucket_cfg *ev_token_bucket_cfg_new(size_t, size_t, size_t, size_t,
                                                                              const struct timeval *);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_replacefd(struct bufferevent *, int);
EVENT2_CORE_EXPORT_SYMBOL int bufferevent_socket_connect_hostname_hints(struct bufferevent *,
                                                                        struct evdns_base *,
                                                                        const struct addrinfo *, const char *,
                                                                        int);

#ifdef __cplusplus
}
#endif

#endif

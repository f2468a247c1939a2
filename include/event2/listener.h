#ifndef EVENT2_LISTENER_H_INCLUDED_
#define EVENT2_LISTENER_H_INCLUDED_

#include <event2/event.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LEV_OPT_BIND_IPV6ONLY 256u
#define LEV_OPT_CLOSE_ON_EXEC 4u
#define LEV_OPT_CLOSE_ON_FREE 2u
#define LEV_OPT_DEFERRED_ACCEPT 64u
#define LEV_OPT_DISABLED 32u
#define LEV_OPT_LEAVE_SOCKETS_BLOCKING 1u
#define LEV_OPT_REUSEABLE 8u
#define LEV_OPT_REUSEABLE_PORT 128u
#define LEV_OPT_THREADSAFE 16u
#define LEV_OPT_BIND_IPV4_AND_IPV6 512u
struct sockaddr;
struct evconnlistener;
typedef void (*evconnlistener_cb)(struct evconnlistener *, evutil_socket_t, struct sockaddr *, int, void *);
typedef void (*evconnlistener_errorcb)(struct evconnlistener *, void *);

EVENT2_CORE_EXPORT_SYMBOL int evconnlistener_disable(struct evconnlistener *);
EVENT2_CORE_EXPORT_SYMBOL int evconnlistener_enable(struct evconnlistener *);
EVENT2_CORE_EXPORT_SYMBOL void evconnlistener_free(struct evconnlistener *);
EVENT2_CORE_EXPORT_SYMBOL struct event_base *evconnlistener_get_base(struct evconnlistener *);
EVENT2_CORE_EXPORT_SYMBOL int evconnlistener_get_fd(struct evconnlistener *);
EVENT2_CORE_EXPORT_SYMBOL struct evconnlistener *evconnlistener_new(struct event_base *, evconnlistener_cb,
                                                                    void *, unsigned int, int, int);
EVENT2_CORE_EXPORT_SYMBOL struct evconnlistener *evconnlistener_new_bind(struct event_base *,
                                                                         evconnlistener_cb, void *,
                                                                         unsigned int, int,
                                                                         const struct sockaddr *, int);
EVENT2_CORE_EXPORT_SYMBOL void evconnlistener_set_cb(struct evconnlistener *, evconnlistener_cb, void *);
EVENT2_CORE_EXPORT_SYMBOL void evconnlistener_set_error_cb(struct evconnlistener *, evconnlistener_errorcb);

#ifdef __cplusplus
}
#endif

#endif

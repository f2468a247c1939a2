/* The names of the 1.x interface of bufferevents, for old programs. Each entry names its replacement in
 * <event2/bufferevent.h>. */
#ifndef EVENT2_BUFFEREVENT_COMPAT_H_INCLUDED_
#define EVENT2_BUFFEREVENT_COMPAT_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>

#include <event2/bufferevent.h>
#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The callbacks' types. Replaced by bufferevent_data_cb and bufferevent_event_cb. */
#define evbuffercb bufferevent_data_cb
#define everrorcb bufferevent_event_cb

/* Creates a bufferevent for a socket on the current base (event_init()) without options: the caller keeps
 * ownership of the socket. If there is no current base, bufferevent_base_set() must set one before the
 * bufferevent is enabled. Returns NULL if out of memory. Replaced by bufferevent_socket_new() and
 * bufferevent_setcb(). */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent *bufferevent_new(evutil_socket_t fd, evbuffercb readcb, evbuffercb writecb,
                                    everrorcb errorcb, void *arg);

/* Sets both timeouts in whole seconds; 0 for none. Replaced by bufferevent_set_timeouts(). */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_settimeout(struct bufferevent *bev, int timeout_read, int timeout_write);

/* The flags that an error callback receives. Replaced by BEV_EVENT_*. */
#define EVBUFFER_READ BEV_EVENT_READING
#define EVBUFFER_WRITE BEV_EVENT_WRITING
#define EVBUFFER_EOF BEV_EVENT_EOF
#define EVBUFFER_ERROR BEV_EVENT_ERROR
#define EVBUFFER_TIMEOUT BEV_EVENT_TIMEOUT

/* The two buffers. Replaced by bufferevent_get_input() and bufferevent_get_output(). */
#define EVBUFFER_INPUT(x) bufferevent_get_input(x)
#define EVBUFFER_OUTPUT(x) bufferevent_get_output(x)

#ifdef __cplusplus
}
#endif

#endif

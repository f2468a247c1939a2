/* The HTTP functions of 1.4 that work on the current base; not for new programs.
 *
 * Since 2.0 (before that <evhttp.h>).
 */
#ifndef EVENT2_HTTP_COMPAT_H_INCLUDED_
#define EVENT2_HTTP_COMPAT_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>

#include <event2/http.h>
#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Creates a server on the base of event_init() that listens on an address and port: evhttp_new() and
 * evhttp_bind_socket() in one call. Returns the server, to be freed with evhttp_free(), or NULL if either
 * fails. */
EVENT2_EXPORT_SYMBOL
struct evhttp *evhttp_start(const char *address, ev_uint16_t port);

/* The old name of evhttp_request_get_uri(). */
#define evhttp_request_uri evhttp_request_get_uri

#ifdef __cplusplus
}
#endif

#endif

/* Functions for HTTP servers beyond libevent's interface: detecting at once that a client has closed its
 * connection, for long polling and expensive requests.
 *
 *   static void on_gone(struct evhttp_connection *evcon, void *job) { cancel(job); }
 *   static void on_request(struct evhttp_request *req, void *arg) {
 *     struct evhttp_connection *evcon = evhttp_request_get_connection(req);
 *     evhttp_connection_set_closecb(evcon, on_gone, begin_job(req));
 *     eventide_http_connection_set_close_on_eof(evcon, 1);
 *   }
 *
 * How a disconnect is detected. While the program works on a request, from its callback to the reply, the
 * server continues to read what the client sends: further requests, up to 16 KiB, and a reset or EOF.
 *
 * - Reset: the connection is closed at once. The callback of evhttp_connection_set_closecb() runs, and
 *   evhttp_request_get_connection() returns NULL.
 * - EOF (FIN) after a reply in parts was started: the same.
 * - EOF before the reply was started: the client may have shut down only its sending side and wait for the
 *   reply (TCP does not distinguish the two cases, RFC 9293 3.6). The reply is sent, in parts too, then the
 *   connection is closed and the close callback runs. With the setting below: the same as a reset.
 *
 * When 16 KiB of unread input are buffered, the server stops reading, and detects a disconnect when it fails
 * to send a reply.
 *
 * Thread: that of the server's loop only.
 *
 * Since: no version of libevent has these functions. */
#ifndef EVENT2_EVENTIDE_HTTP_H_INCLUDED_
#define EVENT2_EVENTIDE_HTTP_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evhttp;
struct evhttp_connection;

/* Sets whether EOF from a client closes its connection while the program works on a request: 1, or 0, the
 * default. Applies to connections accepted afterwards. With 1, clients that shut down their sending side
 * after the request and wait, as some command line tools do, receive a reply only if it is sent in the
 * request's callback. */
EVENT2_EXPORT_SYMBOL
void eventide_http_set_close_on_eof(struct evhttp *http, int on);

/* The same for one connection, for its present and later requests; may be called in a request's callback. If
 * EOF was already detected, the loop closes the connection, not this call. */
EVENT2_EXPORT_SYMBOL
void eventide_http_connection_set_close_on_eof(struct evhttp_connection *evcon, int on);

#ifdef __cplusplus
}
#endif

#endif

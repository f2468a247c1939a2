/* What Eventide offers for HTTP servers beyond libevent's interface: a server that is notified at once when a
 * client ends its connection, for long polling and expensive requests.
 *
 *   static void on_gone(struct evhttp_connection *evcon, void *job) { cancel(job); }
 *   static void on_request(struct evhttp_request *req, void *arg) {
 *     struct evhttp_connection *evcon = evhttp_request_get_connection(req);
 *     evhttp_connection_set_closecb(evcon, on_gone, begin_job(req));
 *     eventide_http_connection_set_close_on_eof(evcon, 1);
 *   }
 *
 * How a disconnect is noticed. While the program works on a request, from its callback to the reply, the
 * server goes on reading what the client sends: the next requests, up to 16 KiB, and a reset or EOF.
 *
 * - Reset: the connection is closed at once. The callback of evhttp_connection_set_closecb() runs, and
 *   evhttp_request_get_connection() returns NULL.
 * - EOF (FIN) during a reply in parts that was begun before: the same.
 * - EOF before the reply was begun: the client may have shut down its sending side alone and wait for the
 * reply (TCP does not distinguish the two). So it is answered, in parts too, and the connection is closed
 * afterwards; the close callback runs then. With the setting below: the same as a reset.
 *
 * A client with that much unread input is read no further, and its disconnect is noticed when a reply cannot
 * be sent.
 *
 * Threads. All functions belong to the thread of the server's loop.
 *
 * Since: these functions are Eventide's; no version of libevent has them. */
#ifndef EVENT2_EVENTIDE_HTTP_H_INCLUDED_
#define EVENT2_EVENTIDE_HTTP_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evhttp;
struct evhttp_connection;

/* Whether the end of a client's sending side closes its connection also while the program works on a request:
 * 1, or 0 as at first. For connections that are accepted afterwards. Clients that end their side after the
 * request and wait, as some command line tools do, then get no reply unless it is sent in the request's
 * callback. */
EVENT2_EXPORT_SYMBOL
void eventide_http_set_close_on_eof(struct evhttp *http, int on);

/* The same for one connection, for its present request and the later ones; in a request's callback, for
 * instance. If the end was noticed before, the connection is closed by the loop, not by this call. */
EVENT2_EXPORT_SYMBOL
void eventide_http_connection_set_close_on_eof(struct evhttp_connection *evcon, int on);

#ifdef __cplusplus
}
#endif

#endif

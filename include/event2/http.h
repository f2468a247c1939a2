/* HTTP/1.1 and HTTP/1.0: servers, and what they need of URIs, query strings and headers.
 *
 *   static void hello(struct evhttp_request *req, void *arg) {
 *     struct evbuffer *body = evbuffer_new();
 *     evbuffer_add_printf(body, "You asked for %s\n", evhttp_request_get_uri(req));
 *     evhttp_send_reply(req, HTTP_OK, NULL, body);
 *     evbuffer_free(body);
 *   }
 *   ...
 *   struct evhttp *http = evhttp_new(base);
 *   evhttp_set_gencb(http, hello, NULL);
 *   evhttp_bind_socket(http, "127.0.0.1", 8080);
 *   event_base_dispatch(base);
 *   evhttp_free(http);
 *
 * A request belongs to the library until its callback is called, and again once the program has sent its
 * reply with evhttp_send_reply(), evhttp_send_reply_end() or evhttp_send_error(), in the callback or any time
 * later. Then it is freed, not before the callback has returned. If the client goes before the reply, the
 * request stays with the program, and evhttp_request_get_connection() returns NULL; a reply then only frees
 * it.
 *
 * Texts are NUL-terminated. A text that a function makes for the caller is to be freed with free(), or with
 * what event_set_mem_functions() set in its place.
 *
 * Threads. Nothing here has a lock: what is made here belongs to one thread at a time.
 *
 * Since 2.0 (until then <evhttp.h>) unless something else is said.
 */
#ifndef EVENT2_HTTP_H_INCLUDED_
#define EVENT2_HTTP_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>

#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bufferevent;
struct evbuffer;
struct evconnlistener;
struct event_base;
struct evkeyvalq;
struct sockaddr;

/* A server, one of its listening sockets, a connection, a request. The first three are opaque;
 * <event2/http_struct.h> has the layout of the last, which programs should not need. */
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_connection;
struct evhttp_request;

/* --- status codes ------------------------------------------------------------------------------------------
 *
 * Those of RFC 9110 for which there is a name; any other number may be used as well. */

#define HTTP_CONTINUE 100         /* go on with the body. Since 2.2 */
#define HTTP_SWITCH_PROTOCOLS 101 /* another protocol from now on. Since 2.2 */
#define HTTP_PROCESSING 102       /* not yet, but being worked on. Since 2.2 */
#define HTTP_EARLYHINTS 103       /* some headers before the reply proper. Since 2.2 */
#define HTTP_OK 200
#define HTTP_CREATED 201          /* since 2.2 */
#define HTTP_ACCEPTED 202         /* since 2.2 */
#define HTTP_NONAUTHORITATIVE 203 /* since 2.2 */
#define HTTP_NOCONTENT 204        /* done, and there is no body */
#define HTTP_MOVEPERM 301         /* at another address from now on */
#define HTTP_MOVETEMP 302         /* at another address this time */
#define HTTP_NOTMODIFIED 304      /* what the client has is up to date; no body */
#define HTTP_BADREQUEST 400       /* the request is not understood */
#define HTTP_UNAUTHORIZED 401     /* since 2.2 */
#define HTTP_PAYMENTREQUIRED 402  /* since 2.2 */
#define HTTP_FORBIDDEN 403        /* since 2.2 */
#define HTTP_NOTFOUND 404
#define HTTP_BADMETHOD 405      /* not with this method */
#define HTTP_ENTITYTOOLARGE 413 /* the body is larger than the server takes */
#define HTTP_EXPECTATIONFAILED 417
#define HTTP_INTERNAL 500       /* something went wrong in the server */
#define HTTP_NOTIMPLEMENTED 501 /* the server does not know the method */
#define HTTP_BADGATEWAY 502     /* since 2.2 */
#define HTTP_SERVUNAVAIL 503    /* not now */

/* --- methods
 * -----------------------------------------------------------------------------------------------*/

/* A request's method; bits, so that several can be or'ed together. Those after PATCH are WebDAV's, RFC 4918;
 * since 2.2. */
enum evhttp_cmd_type {
  EVHTTP_REQ_GET = 1 << 0,
  EVHTTP_REQ_POST = 1 << 1,
  EVHTTP_REQ_HEAD = 1 << 2,
  EVHTTP_REQ_PUT = 1 << 3,
  EVHTTP_REQ_DELETE = 1 << 4,
  EVHTTP_REQ_OPTIONS = 1 << 5,
  EVHTTP_REQ_TRACE = 1 << 6,
  EVHTTP_REQ_CONNECT = 1 << 7,
  EVHTTP_REQ_PATCH = 1 << 8,
  EVHTTP_REQ_PROPFIND = 1 << 9,
  EVHTTP_REQ_PROPPATCH = 1 << 10,
  EVHTTP_REQ_MKCOL = 1 << 11,
  EVHTTP_REQ_LOCK = 1 << 12,
  EVHTTP_REQ_UNLOCK = 1 << 13,
  EVHTTP_REQ_COPY = 1 << 14,
  EVHTTP_REQ_MOVE = 1 << 15,
  /* The last bit that a program may use for a method of its own. */
  EVHTTP_REQ_LAST_OWN = 1 << 30
};

/* The highest method that has a name here; what a program adds begins above. Since 2.2. */
#define EVHTTP_REQ_MAX EVHTTP_REQ_MOVE

/* A flag of methods: their requests may have a body. Since 2.2. */
#define EVHTTP_METHOD_HAS_BODY 0x0001

/* Whether an evhttp_request is a request to us, or one of ours with its response. */
enum evhttp_request_kind { EVHTTP_REQUEST, EVHTTP_RESPONSE };

/* Why a request failed. */
enum evhttp_request_error {
  EVREQ_HTTP_TIMEOUT,        /* nothing was received, or could be sent, for too long */
  EVREQ_HTTP_EOF,            /* the connection ended before the message did */
  EVREQ_HTTP_INVALID_HEADER, /* what arrived is not HTTP, or is too long a header */
  EVREQ_HTTP_BUFFER_ERROR,   /* the connection broke */
  EVREQ_HTTP_REQUEST_CANCEL, /* evhttp_cancel_request() */
  EVREQ_HTTP_DATA_TOO_LONG   /* the body is larger than allowed */
};

/* --- flags of connections and servers
 * ----------------------------------------------------------------------*/

/* Of a client's connection: connect again to the address that was reached before, without asking for the name
 * another time. Since 2.1. */
#define EVHTTP_CON_REUSE_CONNECTED_ADDR 0x0008
/* Of a client's connection: when writing fails, read the response that the server may have sent before. Since
 * 2.1. */
#define EVHTTP_CON_READ_ON_WRITE_ERROR 0x0010
/* Of a connection: read and discard a body that is too large, rather than closing before the peer has read
 * why. Since 2.1. */
#define EVHTTP_CON_LINGERING_CLOSE 0x0020
/* Flags that programs may set are below. Since 2.1. */
#define EVHTTP_CON_PUBLIC_FLAGS_END 0x100000

/* Of a server: EVHTTP_CON_LINGERING_CLOSE for each of its connections. Since 2.1. */
#define EVHTTP_SERVER_LINGERING_CLOSE 0x0001

/* --- servers
 * -----------------------------------------------------------------------------------------------*/

/* Creates a server, whose connections live in the loop of base and in its thread. NULL is good enough for a
 * virtual host. To be freed with evhttp_free(); NULL without memory. */
EVENT2_EXPORT_SYMBOL
struct evhttp *evhttp_new(struct event_base *base);

/* Closes a server's sockets and connections at once, and frees it with its virtual hosts; replies that have
 * not been sent are lost. Requests that wait for the program's reply stay with the program. Allowed in
 * callbacks of the server. NULL is allowed. */
EVENT2_EXPORT_SYMBOL
void evhttp_free(struct evhttp *http);

/* Listens on an address and port and accepts connections.
 *
 * address   a numeric address or a name, of whose addresses the first one that works is taken; NULL for any
 * port      in the host's byte order; 0 lets the system choose, see evhttp_bound_socket_get_fd()
 *
 * 0, or -1. May be called several times. */
EVENT2_EXPORT_SYMBOL
int evhttp_bind_socket(struct evhttp *http, const char *address, ev_uint16_t port);
/* The same; returns the socket, which belongs to the server, or NULL. Since 2.0.1. */
EVENT2_EXPORT_SYMBOL
struct evhttp_bound_socket *evhttp_bind_socket_with_handle(struct evhttp *http, const char *address,
                                                           ev_uint16_t port);

/* Accepts connections from a socket that listens already and is non-blocking. It is the server's from then
 * on. 0, or -1, and the socket is still the caller's. */
EVENT2_EXPORT_SYMBOL
int evhttp_accept_socket(struct evhttp *http, evutil_socket_t fd);
/* The same; returns the socket, or NULL. Since 2.0.1. */
EVENT2_EXPORT_SYMBOL
struct evhttp_bound_socket *evhttp_accept_socket_with_handle(struct evhttp *http, evutil_socket_t fd);

/* Takes over a listener; its callback is replaced. NULL without memory; then it is still the caller's. Since
 * 2.0.14. */
EVENT2_EXPORT_SYMBOL
struct evhttp_bound_socket *evhttp_bind_listener(struct evhttp *http, struct evconnlistener *listener);

/* The listener, which belongs to the server, and its socket. Since 2.0.14 and 2.0.2. */
EVENT2_EXPORT_SYMBOL
struct evconnlistener *evhttp_bound_socket_get_listener(struct evhttp_bound_socket *bound);
EVENT2_EXPORT_SYMBOL
evutil_socket_t evhttp_bound_socket_get_fd(struct evhttp_bound_socket *bound);

/* Is called for each of a server's sockets, and may remove that one. */
typedef void evhttp_bound_socket_foreach_fn(struct evhttp_bound_socket *bound, void *arg);
EVENT2_EXPORT_SYMBOL
void evhttp_foreach_bound_socket(struct evhttp *http, evhttp_bound_socket_foreach_fn *function, void *arg);

/* Stops to accept from a socket, closes and frees it. Connections stay. */
EVENT2_EXPORT_SYMBOL
void evhttp_del_accept_socket(struct evhttp *http, struct evhttp_bound_socket *bound);

/* --- settings of a server ----------------------------------------------------------------------------------
 *
 * Those that concern connections are for the ones that are accepted afterwards. */

/* How long to wait for the next bytes of a client, and for a client to take some, before the connection is
 * closed; 50 seconds each at first, and with 0, less, or NULL. The first function takes seconds. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_timeout(struct evhttp *http, int seconds);
/* Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_timeout_tv(struct evhttp *http, const struct timeval *tv);
/* Only the one or the other. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_read_timeout_tv(struct evhttp *http, const struct timeval *tv);
EVENT2_EXPORT_SYMBOL
void evhttp_set_write_timeout_tv(struct evhttp *http, const struct timeval *tv);

/* The bytes that request line and headers may have without their line ends, and trailers too; more are
 * refused with 400. 1 MiB at first; less than 0 for no limit. In any case more than 1000 headers are refused.
 */
EVENT2_EXPORT_SYMBOL
void evhttp_set_max_headers_size(struct evhttp *http, ev_ssize_t limit);
/* The bytes that a body may have; more are refused with 413. No limit at first, and with less than 0: a
 * server that strangers reach wants one, since bodies are held in memory. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_max_body_size(struct evhttp *http, ev_ssize_t limit);
/* How many clients are served at a time; others are answered 503. 0, as at first, for no limit. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_max_connections(struct evhttp *http, int limit);
/* How many clients are connected, those included to whom replies are still sent after
 * evhttp_connection_free(). Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evhttp_get_connection_count(struct evhttp *http);

/* The Content-Type of replies for which the program sets none, "text/html; charset=ISO-8859-1" at first; NULL
 * for none. The text is not copied, and must stay. Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_default_content_type(struct evhttp *http, const char *content_type);

/* The methods that are allowed, EVHTTP_REQ_* or'ed together; others are answered 501. At first GET, POST,
 * HEAD, PUT and DELETE. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_allowed_methods(struct evhttp *http, ev_uint16_t methods);

/* A method that the program adds. Since 2.2. */
struct evhttp_ext_method {
  const char *method; /* its name */
  ev_uint32_t type;   /* a bit above EVHTTP_REQ_MAX, up to EVHTTP_REQ_LAST_OWN */
  ev_uint16_t flags;  /* EVHTTP_METHOD_*; any request may have a body, so the server does not look at it */
};
/* Is asked about a method that the library does not know: sets type and returns 0 if it is a method of the
 * program's, and returns -1 if not. Names of more than 32 bytes are not asked about. Since 2.2. */
typedef int (*evhttp_ext_method_cb)(struct evhttp_ext_method *method);
EVENT2_EXPORT_SYMBOL
void evhttp_set_ext_method_cmp(struct evhttp *http, evhttp_ext_method_cb cb);

/* EVHTTP_SERVER_*, or'ed together; replaces those before. 0, or -1 and no change for flags that are not
 * known. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evhttp_set_flags(struct evhttp *http, int flags);

/* Makes the bufferevent of a new connection, one for TLS for instance. It is given the connection's socket,
 * and should close it when it is freed. If cb returns NULL, a plain one is made. NULL for plain ones. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_bevcb(struct evhttp *http, struct bufferevent *(*cb)(struct event_base *, void *), void *arg);
/* The same for one socket; it comes before the server's. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_bound_set_bevcb(struct evhttp_bound_socket *bound,
                            struct bufferevent *(*cb)(struct event_base *, void *), void *arg);

/* Is called for each new request, before any of it is parsed, so that its callbacks can be set. If it returns
 * less than 0, the connection is closed. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_newreqcb(struct evhttp *http, int (*cb)(struct evhttp_request *, void *), void *arg);

/* --- who answers
 * -------------------------------------------------------------------------------------------*/

/* Sets the callback for one path: what is between host and query of the URI, %XX decoded. 0; -1 if the path
 * has a callback already; -2 without memory; -3 if path is NULL. */
EVENT2_EXPORT_SYMBOL
int evhttp_set_cb(struct evhttp *http, const char *path, void (*cb)(struct evhttp_request *, void *),
                  void *arg);
/* Removes it. 0, or -1 if there is none. */
EVENT2_EXPORT_SYMBOL
int evhttp_del_cb(struct evhttp *http, const char *path);
/* Sets the callback for all paths that have none. Without one they are answered 404. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_gencb(struct evhttp *http, void (*cb)(struct evhttp_request *, void *), void *arg);

/* Lets another server answer for hosts that fit a pattern, in which '*' stands for any text; the port is of
 * no account, neither is case. Its callbacks alone count, its settings do not. It must have no sockets; it is
 * freed with this one. The host is that of an absolute URI, else that of the Host header. 0, or -1 if it is a
 * virtual host already, or without memory. */
EVENT2_EXPORT_SYMBOL
int evhttp_add_virtual_host(struct evhttp *http, const char *pattern, struct evhttp *vhost);
/* Takes it back; it is the program's again. 0, or -1 if it is none of this server's. */
EVENT2_EXPORT_SYMBOL
int evhttp_remove_virtual_host(struct evhttp *http, struct evhttp *vhost);
/* Another name by which a server, or a virtual host, is known. 0, or -1 without memory, or if there is no
 * such name. */
EVENT2_EXPORT_SYMBOL
int evhttp_add_server_alias(struct evhttp *http, const char *alias);
EVENT2_EXPORT_SYMBOL
int evhttp_remove_server_alias(struct evhttp *http, const char *alias);

/* --- replies -----------------------------------------------------------------------------------------------
 *
 * To the program's headers, in evhttp_request_get_output_headers(), are added as far as they are not there:
 * Date, Content-Length or Transfer-Encoding, Content-Type, Connection. A reply to HEAD has Content-Length and
 * Content-Type only if the program sets them or gives the body that GET would have. A reply to HEAD, and one
 * of status 1xx, 204 or 304, has no body, whatever is given. A NULL reason stands for the usual words. */

/* Sends an error page, made of code and reason, and closes the connection after it. Headers that the program
 * has set are dropped. See evhttp_set_errorcb(). */
EVENT2_EXPORT_SYMBOL
void evhttp_send_error(struct evhttp_request *req, int error, const char *reason);

/* Makes the error pages of a server, also those that it sends by itself: adds the page to buffer, may set
 * headers of the request, which has Content-Type and Connection then, and returns 0; or less than 0 for the
 * usual page. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_errorcb(struct evhttp *http,
                        int (*cb)(struct evhttp_request *req, struct evbuffer *buffer, int error,
                                  const char *reason, void *arg),
                        void *arg);

/* Sends a whole reply. What is in body is moved and body stays the caller's; NULL for none. What was added to
 * evhttp_request_get_output_buffer() goes in front of it. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply(struct evhttp_request *req, int code, const char *reason, struct evbuffer *body);

/* A reply of which not everything is there yet: its head, then any number of parts, then the end. It is sent
 * in chunks, unless the program has set Content-Length; to HTTP/1.0, which knows none, up to the connection's
 * end. What is in data is moved; nothing happens if it is empty, or if the connection has gone. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_start(struct evhttp_request *req, int code, const char *reason);
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_chunk(struct evhttp_request *req, struct evbuffer *data);
/* The same; cb is called once when all output so far has been sent, so that the program can add more then.
 * Each call replaces the cb of the one before. Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_chunk_with_cb(struct evhttp_request *req, struct evbuffer *data,
                                     void (*cb)(struct evhttp_connection *, void *), void *arg);
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_end(struct evhttp_request *req);

/* --- requests
 * ----------------------------------------------------------------------------------------------*/

/* Creates a request of one's own, with a callback and its argument. NULL without memory. */
EVENT2_EXPORT_SYMBOL
struct evhttp_request *evhttp_request_new(void (*cb)(struct evhttp_request *, void *), void *arg);

/* Frees a request that is the program's: one that it owns, one whose connection has gone, one of its own. If
 * a request that waits for its reply is freed, its connection is closed. During a callback of the request it
 * is freed afterwards. NULL is allowed. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_free(struct evhttp_request *req);

/* Makes the request the program's, to be freed with evhttp_request_free() after its reply. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_own(struct evhttp_request *req);
/* Whether that was called. */
EVENT2_EXPORT_SYMBOL
int evhttp_request_is_owned(struct evhttp_request *req);

/* The request's connection, NULL once that has gone. */
EVENT2_EXPORT_SYMBOL
struct evhttp_connection *evhttp_request_get_connection(struct evhttp_request *req);

/* Is called for each piece of a body that arrives; the piece is in the input buffer, and is dropped
 * afterwards. The argument is the request's. Of use in a header callback. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_chunked_cb(struct evhttp_request *req, void (*cb)(struct evhttp_request *, void *));
/* Is called when all headers have arrived, before the body; if it returns less than 0, the connection is
 * closed. To be set in the callback of evhttp_set_newreqcb(). Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_header_cb(struct evhttp_request *req, int (*cb)(struct evhttp_request *, void *));
/* Is called when a request fails that is not the program's, with the reason and the request's argument. Since
 * 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_error_cb(struct evhttp_request *req, void (*cb)(enum evhttp_request_error, void *));
/* Is called when the reply has been handed to the system, just before the request is freed. Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_on_complete_cb(struct evhttp_request *req,
                                       void (*cb)(struct evhttp_request *, void *), void *arg);

/* The URI as the client wrote it; not to be trusted, and not decoded. */
EVENT2_EXPORT_SYMBOL
const char *evhttp_request_get_uri(const struct evhttp_request *req);
/* The same taken apart. Since 2.0.5. */
EVENT2_EXPORT_SYMBOL
const struct evhttp_uri *evhttp_request_get_evhttp_uri(const struct evhttp_request *req);
EVENT2_EXPORT_SYMBOL
enum evhttp_cmd_type evhttp_request_get_command(const struct evhttp_request *req);
/* The reply's status, and the words for it. Since 2.0.6 and 2.1. */
EVENT2_EXPORT_SYMBOL
int evhttp_request_get_response_code(const struct evhttp_request *req);
EVENT2_EXPORT_SYMBOL
const char *evhttp_request_get_response_code_line(const struct evhttp_request *req);

/* The client's headers, and those of the reply; the body that has arrived, and the one to be sent. They
 * belong to the request. Of each header the value is without blanks around it. */
EVENT2_EXPORT_SYMBOL
struct evkeyvalq *evhttp_request_get_input_headers(struct evhttp_request *req);
EVENT2_EXPORT_SYMBOL
struct evkeyvalq *evhttp_request_get_output_headers(struct evhttp_request *req);
EVENT2_EXPORT_SYMBOL
struct evbuffer *evhttp_request_get_input_buffer(struct evhttp_request *req);
EVENT2_EXPORT_SYMBOL
struct evbuffer *evhttp_request_get_output_buffer(struct evhttp_request *req);

/* The host that the request is for, without its port: that of an absolute URI, else that of the Host header.
 * It belongs to the request; NULL if there is none. Since 2.0.5. */
EVENT2_EXPORT_SYMBOL
const char *evhttp_request_get_host(struct evhttp_request *req);

/* --- a server's connections
 * --------------------------------------------------------------------------------*/

/* Closes a connection and frees it; it must not be used any more. The close callback runs in the call.
 * Replies that were given before are sent first, by the loop, for as long as the write timeout is; a reply in
 * parts that is not complete is not waited for, and neither is output of a bufferevent with callbacks of the
 * program's.
 *
 * A request that waits for its reply stays with the program: a reply to it frees it and does nothing else.
 * But it is freed with the connection if it is freed in the request's own callback, which then returns
 * without a reply, or if the bufferevent has callbacks of the program's; unless evhttp_request_own() was
 * called. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_free(struct evhttp_connection *evcon);

/* Is called when the connection is closed, by the program too, while it can still be looked at. When a client
 * is noticed to have gone: see <event2/eventide_http.h>. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_closecb(struct evhttp_connection *evcon,
                                   void (*cb)(struct evhttp_connection *, void *), void *arg);

/* What belongs to a connection: the base of its loop, its bufferevent, and its server.
 *
 * The program may set callbacks of its own with bufferevent_setcb(), in a request's callback or until its
 * reply. Then the bufferevent is the program's: the server reads, writes and changes nothing more, until the
 * program sends a reply after all, or frees the connection. So programs speak other protocols on it, after a
 * reply of 101 that they write themselves. */
EVENT2_EXPORT_SYMBOL
struct event_base *evhttp_connection_get_base(struct evhttp_connection *evcon);
EVENT2_EXPORT_SYMBOL
struct bufferevent *evhttp_connection_get_bufferevent(struct evhttp_connection *evcon);
EVENT2_EXPORT_SYMBOL
struct evhttp *evhttp_connection_get_server(struct evhttp_connection *evcon);

/* The client's address as a text, which belongs to the connection, and its port; "" and 0 for a Unix socket.
 */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_get_peer(struct evhttp_connection *evcon, char **address, ev_uint16_t *port);
/* The client's address, NULL if it has none. Since 2.1. */
EVENT2_EXPORT_SYMBOL
const struct sockaddr *evhttp_connection_get_addr(struct evhttp_connection *evcon);

/* What the functions of the same names set for a server, for one connection, from now on. Those with tv
 * since 2.1, or 2.2 for reading and writing apart. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_timeout(struct evhttp_connection *evcon, int seconds);
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_timeout_tv(struct evhttp_connection *evcon, const struct timeval *tv);
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_read_timeout_tv(struct evhttp_connection *evcon, const struct timeval *tv);
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_write_timeout_tv(struct evhttp_connection *evcon, const struct timeval *tv);
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_max_headers_size(struct evhttp_connection *evcon, ev_ssize_t limit);
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_max_body_size(struct evhttp_connection *evcon, ev_ssize_t limit);
/* Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_ext_method_cmp(struct evhttp_connection *evcon, evhttp_ext_method_cb cb);

/* --- lists of headers and parameters -----------------------------------------------------------------------
 *
 * struct evkeyvalq is declared in <event2/keyvalq_struct.h>; a list of one's own is made with TAILQ_INIT()
 * and emptied with evhttp_clear_headers(). Names are compared without regard to case. */

/* The value of the first entry of that name, which belongs to the list; NULL if there is none. */
EVENT2_EXPORT_SYMBOL
const char *evhttp_find_header(const struct evkeyvalq *headers, const char *name);

/* Removes and frees the first entry of that name. 0, or -1 if there is none. */
EVENT2_EXPORT_SYMBOL
int evhttp_remove_header(struct evkeyvalq *headers, const char *name);

/* Appends an entry with copies of both texts, whether or not that name is there already. 0, or -1 without
 * memory, if one of the texts is NULL or contains a CR or an LF, or if the name is empty. */
EVENT2_EXPORT_SYMBOL
int evhttp_add_header(struct evkeyvalq *headers, const char *name, const char *value);

/* Frees all entries; the list may be used again. */
EVENT2_EXPORT_SYMBOL
void evhttp_clear_headers(struct evkeyvalq *headers);

/* --- escaping ----------------------------------------------------------------------------------------------
 *
 * Each returns a new text, or NULL without memory. */

/* Writes everything but letters, digits, '-', '.', '_' and '~' as %XX. The same as
 * evhttp_uriencode(text, -1, 0). */
EVENT2_EXPORT_SYMBOL
char *evhttp_encode_uri(const char *text);

/* The same for `length` bytes, NULs among them too; less than 0 means up to the first NUL. With blank_as_plus
 * not 0 a blank becomes '+', as in forms, and not %20. */
EVENT2_EXPORT_SYMBOL
char *evhttp_uriencode(const char *text, ev_ssize_t length, int blank_as_plus);

/* Turns %XX back into bytes; behind the first '?' also '+' into a blank. What follows a '%' and is not
 * hexadecimal stays. Not to be used for new programs: a URI must be taken apart before its parts are decoded,
 * and a %00 cannot be told from the end. */
EVENT2_EXPORT_SYMBOL
char *evhttp_decode_uri(const char *uri);

/* Turns %XX back into bytes, and with plus not 0 each '+' into a blank. The length of the result, which
 * may contain NULs, is stored in *size_out unless that is NULL. */
EVENT2_EXPORT_SYMBOL
char *evhttp_uridecode(const char *text, int plus, size_t *size_out);

/* Writes <, >, ", ' and & so that HTML shows them. NULL for NULL. */
EVENT2_EXPORT_SYMBOL
char *evhttp_htmlescape(const char *text);

/* --- query strings
 * -----------------------------------------------------------------------------------------*/

/* Flags of evhttp_parse_query_str_flags(). Since 2.2. */

/* A parameter without '=' has an empty value, and one without a name is skipped. */
#define EVHTTP_URI_QUERY_NONCONFORMANT 0x01
/* Of several parameters with one name keep the last, not all. */
#define EVHTTP_URI_QUERY_LAST_VAL 0x02

/* Splits the query of a whole URI into parameters.
 *
 * uri         is parsed as by evhttp_uri_parse(); without a query there are no parameters
 * parameters  what was in it is forgotten, not freed; to be emptied with evhttp_clear_headers()
 *
 * Returns 0, or -1 and an empty list if it cannot be parsed, or without memory. For new programs
 * evhttp_uri_parse() and evhttp_parse_query_str() are better. */
EVENT2_EXPORT_SYMBOL
int evhttp_parse_query(const char *uri, struct evkeyvalq *parameters);

/* The same for a query alone, which is "name=value" or several of them with '&' in between. Values are
 * decoded,
 * '+' being a blank; names stay as they are. A '%' that is not followed by hexadecimal digits stays. A
 * parameter without '=' or without a name is an error. Since 2.0.5. */
EVENT2_EXPORT_SYMBOL
int evhttp_parse_query_str(const char *query, struct evkeyvalq *parameters);

/* The same with EVHTTP_URI_QUERY_* or'ed together. Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evhttp_parse_query_str_flags(const char *query, struct evkeyvalq *parameters, unsigned flags);

/* --- URIs --------------------------------------------------------------------------------------------------
 *
 * RFC 3986: scheme://userinfo@host:port/path?query#fragment. A part that is not there is NULL, and the port
 * -1; a part that is there and empty is "". Nothing is encoded or decoded. Since 2.0.5. */

/* A URI, taken apart. Opaque. */
struct evhttp_uri;

/* Flags of evhttp_uri_parse_with_flags() and evhttp_uri_set_flags(). */

/* Path, query and fragment may contain any character but those that end them. */
#define EVHTTP_URI_NONCONFORMANT 0x01
/* The brackets around an IPv6 address are no part of the host; evhttp_uri_join() adds them. Since 2.2. */
#define EVHTTP_URI_HOST_STRIP_BRACKETS 0x04
/* An authority "unix:/path/of/socket:" names a Unix socket. Since 2.2. */
#define EVHTTP_URI_UNIX_SOCKET 0x08

/* A URI without any part, to be freed with evhttp_uri_free(). NULL without memory. */
EVENT2_EXPORT_SYMBOL
struct evhttp_uri *evhttp_uri_new(void);

/* Changes the flags, which later calls heed; parts that are there already stay as they are. */
EVENT2_EXPORT_SYMBOL
void evhttp_uri_set_flags(struct evhttp_uri *uri, unsigned flags);

/* The parts, which belong to the URI and are valid until they are set again or the URI is freed. A path is
 * never NULL after parsing. An IPv6 address as the host is in its brackets. */
EVENT2_EXPORT_SYMBOL
const char *evhttp_uri_get_scheme(const struct evhttp_uri *uri);
EVENT2_EXPORT_SYMBOL
const char *evhttp_uri_get_userinfo(const struct evhttp_uri *uri);
EVENT2_EXPORT_SYMBOL
const char *evhttp_uri_get_host(const struct evhttp_uri *uri);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_get_port(const struct evhttp_uri *uri);
EVENT2_EXPORT_SYMBOL
const char *evhttp_uri_get_path(const struct evhttp_uri *uri);
EVENT2_EXPORT_SYMBOL
const char *evhttp_uri_get_query(const struct evhttp_uri *uri);
EVENT2_EXPORT_SYMBOL
const char *evhttp_uri_get_fragment(const struct evhttp_uri *uri);
/* The socket's path if the authority was "unix:path:", else NULL; the host is then "". Since 2.2. */
EVENT2_EXPORT_SYMBOL
const char *evhttp_uri_get_unixsocket(const struct evhttp_uri *uri);

/* Each sets one part to a copy of the text; NULL, or -1 for the port, takes the part away. 0, or -1 and no
 * change if the part may not be that, or without memory. A port may be any number from -1 on. */
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_scheme(struct evhttp_uri *uri, const char *scheme);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_userinfo(struct evhttp_uri *uri, const char *userinfo);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_host(struct evhttp_uri *uri, const char *host);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_port(struct evhttp_uri *uri, int port);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_path(struct evhttp_uri *uri, const char *path);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_query(struct evhttp_uri *uri, const char *query);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_fragment(struct evhttp_uri *uri, const char *fragment);
/* Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_unixsocket(struct evhttp_uri *uri, const char *unixsocket);

/* Takes a URI apart: the same as evhttp_uri_parse_with_flags(text, 0). */
EVENT2_EXPORT_SYMBOL
struct evhttp_uri *evhttp_uri_parse(const char *text);

/* Takes a URI, or a reference that is relative ("/path?query", "//host/path"), apart.
 *
 * flags   EVHTTP_URI_*, or'ed together; they are the URI's from then on
 *
 * Returns the URI, to be freed with evhttp_uri_free(), or NULL if the text is not one, or without memory.
 * Since 2.0.6. */
EVENT2_EXPORT_SYMBOL
struct evhttp_uri *evhttp_uri_parse_with_flags(const char *text, unsigned flags);

/* Frees the URI and its parts. NULL is allowed. */
EVENT2_EXPORT_SYMBOL
void evhttp_uri_free(struct evhttp_uri *uri);

/* Puts a URI together again.
 *
 * out    receives the text with its NUL
 * size   of out in bytes
 *
 * Returns out, or NULL if the text does not fit or the parts do not: a host needs a path that is empty or
 * begins with '/'. userinfo and port are left out if there is no host. */
EVENT2_EXPORT_SYMBOL
char *evhttp_uri_join(struct evhttp_uri *uri, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif

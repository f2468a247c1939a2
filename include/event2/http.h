/* HTTP/1.1 and HTTP/1.0 (RFC 9110, RFC 9112): servers, URIs, query strings and lists of headers.
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
 * Ownership. The library owns a request until it invokes its callback. The program may use it until it sends
 * a reply with evhttp_send_reply(), evhttp_send_reply_end() or evhttp_send_error(), in the callback or later;
 * then the library frees it, but not before the callback has returned. If the connection is closed before the
 * reply, evhttp_request_get_connection() returns NULL, and a reply only frees the request.
 *
 * Strings are NUL-terminated. The caller frees a string that a function creates for it with free(), or with
 * the function set by event_set_mem_functions().
 *
 * Threads. No object here has a lock; only one thread at a time may use it.
 *
 * Errors. Functions that return int return 0 on success and -1 on failure unless the entry says otherwise.
 *
 * Since 2.0 (before that <evhttp.h>) unless an entry says otherwise.
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

/* A server, one of its listening sockets, a connection, a request. The first three are opaque; the layout of
 * the last is in <event2/http_struct.h>, which programs should not need. */
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_connection;
struct evhttp_request;

/* --- status codes ------------------------------------------------------------------------------------------
 *
 * The status codes of RFC 9110 15 that have a name here; any other code may be used as well. */

#define HTTP_CONTINUE 100         /* the client may send the body. Since 2.2 */
#define HTTP_SWITCH_PROTOCOLS 101 /* the protocol changes after this reply. Since 2.2 */
#define HTTP_PROCESSING 102       /* in progress; RFC 2518 10.1. Since 2.2 */
#define HTTP_EARLYHINTS 103       /* headers before the final reply; RFC 8297. Since 2.2 */
#define HTTP_OK 200
#define HTTP_CREATED 201          /* since 2.2 */
#define HTTP_ACCEPTED 202         /* since 2.2 */
#define HTTP_NONAUTHORITATIVE 203 /* since 2.2 */
#define HTTP_NOCONTENT 204        /* success, without a body */
#define HTTP_MOVEPERM 301         /* the resource has moved permanently */
#define HTTP_MOVETEMP 302         /* the resource has moved temporarily */
#define HTTP_NOTMODIFIED 304      /* the client's copy is up to date; no body */
#define HTTP_BADREQUEST 400       /* the request is malformed */
#define HTTP_UNAUTHORIZED 401     /* since 2.2 */
#define HTTP_PAYMENTREQUIRED 402  /* since 2.2 */
#define HTTP_FORBIDDEN 403        /* since 2.2 */
#define HTTP_NOTFOUND 404
#define HTTP_BADMETHOD 405      /* the resource does not support this method */
#define HTTP_ENTITYTOOLARGE 413 /* the body is larger than the server's limit */
#define HTTP_EXPECTATIONFAILED 417
#define HTTP_INTERNAL 500       /* an error in the server */
#define HTTP_NOTIMPLEMENTED 501 /* the server does not implement the method */
#define HTTP_BADGATEWAY 502     /* since 2.2 */
#define HTTP_SERVUNAVAIL 503    /* temporarily unavailable */

/* --- methods -------------------------------------------------------------------------------------------- */

/* Request methods; bits, so that several can be or'ed together. Those after PATCH are of WebDAV (RFC 4918);
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
  /* The last bit that a program may use for its own methods. */
  EVHTTP_REQ_LAST_OWN = 1 << 30
};

/* The highest method that has a name here; the program's own methods use higher bits. Since 2.2. */
#define EVHTTP_REQ_MAX EVHTTP_REQ_MOVE

/* A flag of a method: its requests may have a body. Since 2.2. */
#define EVHTTP_METHOD_HAS_BODY 0x0001

/* Whether an evhttp_request was received by a server, or is a client's request with its response. */
enum evhttp_request_kind { EVHTTP_REQUEST, EVHTTP_RESPONSE };

/* The reasons for a failed request. */
enum evhttp_request_error {
  EVREQ_HTTP_TIMEOUT,        /* the read or write timeout has expired */
  EVREQ_HTTP_EOF,            /* EOF within the message */
  EVREQ_HTTP_INVALID_HEADER, /* the data is not HTTP, or the headers are too long */
  EVREQ_HTTP_BUFFER_ERROR,   /* the connection failed */
  EVREQ_HTTP_REQUEST_CANCEL, /* evhttp_cancel_request() */
  EVREQ_HTTP_DATA_TOO_LONG   /* the body is larger than allowed */
};

/* --- flags of connections and servers ------------------------------------------------------------------- */

/* Of a client's connection: reconnect to the previous address without resolving the name again. Since 2.1. */
#define EVHTTP_CON_REUSE_CONNECTED_ADDR 0x0008
/* Of a client's connection: when writing fails, read a response that the server may have sent. Since 2.1. */
#define EVHTTP_CON_READ_ON_WRITE_ERROR 0x0010
/* Of a connection: read and discard a body that is too large instead of closing at once, so that the peer can
 * read the reply. Since 2.1. */
#define EVHTTP_CON_LINGERING_CLOSE 0x0020
/* An exclusive upper bound of the flags that programs may set. Since 2.1. */
#define EVHTTP_CON_PUBLIC_FLAGS_END 0x100000

/* Of a server: sets EVHTTP_CON_LINGERING_CLOSE for each of its connections. Since 2.1. */
#define EVHTTP_SERVER_LINGERING_CLOSE 0x0001

/* --- servers -------------------------------------------------------------------------------------------- */

/* Creates a server, whose connections are served by the loop of base and its thread. base may be NULL for a
 * virtual host. Returns the server, to be freed with evhttp_free(), or NULL if out of memory. */
EVENT2_EXPORT_SYMBOL
struct evhttp *evhttp_new(struct event_base *base);

/* Closes a server's sockets and connections at once, and frees it with its virtual hosts; unsent replies are
 * discarded. Ownership of requests without a reply passes to the program. Allowed in callbacks of the server.
 * NULL is allowed. */
EVENT2_EXPORT_SYMBOL
void evhttp_free(struct evhttp *http);

/* Listens on an address and port, and accepts connections.
 *
 * address   a numeric address or a name, of which the first usable address is taken; NULL for any
 * port      in the host's byte order; 0 lets the system choose, see evhttp_bound_socket_get_fd()
 *
 * Returns 0, or -1 if no address can be bound or if out of memory. May be called several times. */
EVENT2_EXPORT_SYMBOL
int evhttp_bind_socket(struct evhttp *http, const char *address, ev_uint16_t port);
/* The same; returns the socket, which the server owns, or NULL on failure. Since 2.0.1. */
EVENT2_EXPORT_SYMBOL
struct evhttp_bound_socket *evhttp_bind_socket_with_handle(struct evhttp *http, const char *address,
                                                           ev_uint16_t port);

/* Accepts connections from a socket that is already listening and non-blocking. Returns 0, and the server
 * owns the socket; -1 on failure, and the caller keeps its ownership. */
EVENT2_EXPORT_SYMBOL
int evhttp_accept_socket(struct evhttp *http, evutil_socket_t fd);
/* The same; returns the socket, which the server owns, or NULL on failure. Since 2.0.1. */
EVENT2_EXPORT_SYMBOL
struct evhttp_bound_socket *evhttp_accept_socket_with_handle(struct evhttp *http, evutil_socket_t fd);

/* Accepts connections from a listener, whose callback is replaced. Returns the socket, and the server owns
 * the listener; NULL if out of memory, and the caller keeps its ownership. Since 2.0.14. */
EVENT2_EXPORT_SYMBOL
struct evhttp_bound_socket *evhttp_bind_listener(struct evhttp *http, struct evconnlistener *listener);

/* Return the listener, which the server owns, and its socket. Since 2.0.14 and 2.0.2. */
EVENT2_EXPORT_SYMBOL
struct evconnlistener *evhttp_bound_socket_get_listener(struct evhttp_bound_socket *bound);
EVENT2_EXPORT_SYMBOL
evutil_socket_t evhttp_bound_socket_get_fd(struct evhttp_bound_socket *bound);

/* evhttp_foreach_bound_socket() calls function for each of a server's sockets; arg is its last argument. The
 * function may remove that socket. */
typedef void evhttp_bound_socket_foreach_fn(struct evhttp_bound_socket *bound, void *arg);
EVENT2_EXPORT_SYMBOL
void evhttp_foreach_bound_socket(struct evhttp *http, evhttp_bound_socket_foreach_fn *function, void *arg);

/* Stops accepting from a socket, closes it and frees it. Existing connections are not affected. */
EVENT2_EXPORT_SYMBOL
void evhttp_del_accept_socket(struct evhttp *http, struct evhttp_bound_socket *bound);

/* --- settings of a server ----------------------------------------------------------------------------------
 *
 * Settings of connections apply to connections accepted afterwards. */

/* Set the read and the write timeout of connections: a connection is closed if no data is received, or sent,
 * for that time. The default is 50 seconds each, which 0, a negative value and NULL select.
 * evhttp_set_timeout() takes seconds. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_timeout(struct evhttp *http, int seconds);
/* The same with a time value. Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_timeout_tv(struct evhttp *http, const struct timeval *tv);
/* Set only one of the two. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_read_timeout_tv(struct evhttp *http, const struct timeval *tv);
EVENT2_EXPORT_SYMBOL
void evhttp_set_write_timeout_tv(struct evhttp *http, const struct timeval *tv);

/* Sets the maximum size in bytes of request line and headers, without line ends, and of trailers; a larger
 * head is answered 400. The default is 1 MiB; a negative value means no limit. More than 1000 headers are
 * answered 400 in any case. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_max_headers_size(struct evhttp *http, ev_ssize_t limit);
/* Sets the maximum size in bytes of a body; a larger body is answered 413. By default, and with a negative
 * value, there is no limit. Bodies are held in memory, so a server that is open to untrusted clients needs a
 * limit. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_max_body_size(struct evhttp *http, ev_ssize_t limit);
/* Sets the maximum number of simultaneous connections; further ones are answered 503. 0, the default, means
 * no limit. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_max_connections(struct evhttp *http, int limit);
/* Returns the number of connections, including those that still send replies after evhttp_connection_free().
 * Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evhttp_get_connection_count(struct evhttp *http);

/* Sets the Content-Type of replies for which the program sets none; the default is "text/html;
 * charset=ISO-8859-1", NULL means none. The string is not copied and must stay valid. Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_default_content_type(struct evhttp *http, const char *content_type);

/* Sets the allowed methods, EVHTTP_REQ_* or'ed together; others are answered 501. The default is GET, POST,
 * HEAD, PUT and DELETE. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_allowed_methods(struct evhttp *http, ev_uint16_t methods);

/* A method that the program adds. Since 2.2. */
struct evhttp_ext_method {
  const char *method; /* the name */
  ev_uint32_t type;   /* a bit above EVHTTP_REQ_MAX, up to EVHTTP_REQ_LAST_OWN */
  ev_uint16_t flags;  /* EVHTTP_METHOD_*; the server ignores it, since any request may have a body */
};
/* A callback for methods that the library does not know: sets type and returns 0 if method is one of the
 * program's, else returns -1. It is not called for names of more than 32 bytes. evhttp_set_ext_method_cmp()
 * sets it for a server; NULL removes it. Since 2.2. */
typedef int (*evhttp_ext_method_cb)(struct evhttp_ext_method *method);
EVENT2_EXPORT_SYMBOL
void evhttp_set_ext_method_cmp(struct evhttp *http, evhttp_ext_method_cb cb);

/* Replaces the flags of a server by flags, EVHTTP_SERVER_* or'ed together. Returns 0, or -1, without any
 * change, for unknown flags. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evhttp_set_flags(struct evhttp *http, int flags);

/* Sets a callback that creates the bufferevent of each new connection, for example one for TLS. The server
 * sets the connection's socket on that bufferevent, which should have BEV_OPT_CLOSE_ON_FREE. If cb returns
 * NULL, a socket bufferevent is created; a NULL cb restores this default. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_bevcb(struct evhttp *http, struct bufferevent *(*cb)(struct event_base *, void *), void *arg);
/* The same for one socket; takes precedence over the server's callback. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_bound_set_bevcb(struct evhttp_bound_socket *bound,
                            struct bufferevent *(*cb)(struct event_base *, void *), void *arg);

/* Sets a callback that is invoked for each new request before any of it is parsed, so that it can set the
 * request's callbacks. If it returns a negative value, the connection is closed. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_newreqcb(struct evhttp *http, int (*cb)(struct evhttp_request *, void *), void *arg);

/* --- callbacks of paths and hosts ----------------------------------------------------------------------- */

/* Sets the callback for one path, which is compared with the path of the URI (RFC 3986 3.3) after decoding
 * %XX; arg is its last argument. Returns 0; -1 if the path already has a callback; -2 if out of memory; -3 if
 * path is NULL. */
EVENT2_EXPORT_SYMBOL
int evhttp_set_cb(struct evhttp *http, const char *path, void (*cb)(struct evhttp_request *, void *),
                  void *arg);
/* Removes the callback of a path. Returns 0, or -1 if there is none. */
EVENT2_EXPORT_SYMBOL
int evhttp_del_cb(struct evhttp *http, const char *path);
/* Sets the callback for all paths without a callback; without it they are answered 404. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_gencb(struct evhttp *http, void (*cb)(struct evhttp_request *, void *), void *arg);

/* Adds a virtual host: requests whose host matches pattern, in which '*' stands for any text, are passed to
 * the callbacks of vhost. The match ignores case and the port. The host is that of an absolute URI, else that
 * of the Host header. Only the callbacks of vhost are used, not its settings; it must have no sockets.
 * Returns 0, and http owns vhost; -1 if it is already a virtual host, or if out of memory. */
EVENT2_EXPORT_SYMBOL
int evhttp_add_virtual_host(struct evhttp *http, const char *pattern, struct evhttp *vhost);
/* Removes a virtual host and passes its ownership to the caller. Returns 0, or -1 if it is not a virtual host
 * of this server. */
EVENT2_EXPORT_SYMBOL
int evhttp_remove_virtual_host(struct evhttp *http, struct evhttp *vhost);
/* Add and remove an alias, another host name of a server or virtual host; alias is copied. Return 0; -1 if
 * out of memory, or if there is no such alias to remove. */
EVENT2_EXPORT_SYMBOL
int evhttp_add_server_alias(struct evhttp *http, const char *alias);
EVENT2_EXPORT_SYMBOL
int evhttp_remove_server_alias(struct evhttp *http, const char *alias);

/* --- replies -----------------------------------------------------------------------------------------------
 *
 * The program sets headers in evhttp_request_get_output_headers(). The server adds Date, Content-Length or
 * Transfer-Encoding, Content-Type and Connection if they are missing. A reply to HEAD has Content-Length and
 * Content-Type only if the program sets them or passes the body that GET would have. Replies to HEAD and of
 * status 1xx, 204 or 304 are sent without a body (RFC 9112 6.3), even if one is passed. A NULL reason selects
 * the standard reason phrase. */

/* Sends an error page made of code and reason, then closes the connection. Headers that the program has set
 * are discarded. The reason is escaped in the page. See evhttp_set_errorcb(). */
EVENT2_EXPORT_SYMBOL
void evhttp_send_error(struct evhttp_request *req, int error, const char *reason);

/* Sets a callback that creates the error pages of a server, including those that the server sends by itself.
 * It adds the page to buffer, may set output headers of the request, in which Content-Type and Connection are
 * already set, and returns 0; a negative value selects the default page. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_errorcb(struct evhttp *http,
                        int (*cb)(struct evhttp_request *req, struct evbuffer *buffer, int error,
                                  const char *reason, void *arg),
                        void *arg);

/* Sends a complete reply. The contents of body are moved, and the caller keeps ownership of body; NULL for
 * none. Data in evhttp_request_get_output_buffer() is sent before it. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply(struct evhttp_request *req, int code, const char *reason, struct evbuffer *body);

/* Send a reply in parts: the head, any number of parts, and the end with evhttp_send_reply_end(). The body is
 * sent in chunks (RFC 9112 7.1) unless the program has set Content-Length; to HTTP/1.0, which has no chunks,
 * closing the connection ends it. The contents of data are moved; there is no effect if data is empty or if
 * the connection was closed. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_start(struct evhttp_request *req, int code, const char *reason);
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_chunk(struct evhttp_request *req, struct evbuffer *data);
/* As evhttp_send_reply_chunk(); cb is called once when all output so far has been sent, so that the program
 * can add more. Each call replaces the cb of an earlier one. Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_chunk_with_cb(struct evhttp_request *req, struct evbuffer *data,
                                     void (*cb)(struct evhttp_connection *, void *), void *arg);
/* Ends a reply in parts; the request is freed when its output has been sent. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_end(struct evhttp_request *req);

/* --- requests ------------------------------------------------------------------------------------------- */

/* Creates a request, with a callback and its argument. Returns the request, to be freed with
 * evhttp_request_free(), or NULL if out of memory. */
EVENT2_EXPORT_SYMBOL
struct evhttp_request *evhttp_request_new(void (*cb)(struct evhttp_request *, void *), void *arg);

/* Frees a request from evhttp_request_new(), an owned one (evhttp_request_own()), or one whose connection was
 * closed. Freeing a request without a reply closes its connection. A call inside a callback of the request
 * frees it after the callback. NULL is allowed. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_free(struct evhttp_request *req);

/* Passes ownership of a request to the program, which frees it with evhttp_request_free() after its reply. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_own(struct evhttp_request *req);
/* Returns non-zero if evhttp_request_own() was called for the request. */
EVENT2_EXPORT_SYMBOL
int evhttp_request_is_owned(struct evhttp_request *req);

/* Returns the request's connection, NULL after it was closed. */
EVENT2_EXPORT_SYMBOL
struct evhttp_connection *evhttp_request_get_connection(struct evhttp_request *req);

/* Sets a callback that is invoked for each piece of a body that arrives; the piece is in the input buffer and
 * is discarded afterwards. Its argument is that of the request's callback. Usually called in a header
 * callback. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_chunked_cb(struct evhttp_request *req, void (*cb)(struct evhttp_request *, void *));
/* Sets a callback that is invoked when all headers have arrived, before the body; if it returns a negative
 * value, the connection is closed. Call this in the callback of evhttp_set_newreqcb(). Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_header_cb(struct evhttp_request *req, int (*cb)(struct evhttp_request *, void *));
/* Sets a callback that is invoked when the connection fails before the request is complete and replied to,
 * with the reason and the argument of the request's callback. Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_error_cb(struct evhttp_request *req, void (*cb)(enum evhttp_request_error, void *));
/* Sets a callback that is invoked when the kernel has accepted the whole reply, directly before the request
 * is freed. Since 2.1. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_on_complete_cb(struct evhttp_request *req,
                                       void (*cb)(struct evhttp_request *, void *), void *arg);

/* Returns the URI as the client sent it, not decoded; the request owns it. It is untrusted input. */
EVENT2_EXPORT_SYMBOL
const char *evhttp_request_get_uri(const struct evhttp_request *req);
/* Returns the parsed URI, which the request owns. Since 2.0.5. */
EVENT2_EXPORT_SYMBOL
const struct evhttp_uri *evhttp_request_get_evhttp_uri(const struct evhttp_request *req);
/* Returns the method of the request. */
EVENT2_EXPORT_SYMBOL
enum evhttp_cmd_type evhttp_request_get_command(const struct evhttp_request *req);
/* Return the status code of the reply, and its reason phrase. Since 2.0.6 and 2.1. */
EVENT2_EXPORT_SYMBOL
int evhttp_request_get_response_code(const struct evhttp_request *req);
EVENT2_EXPORT_SYMBOL
const char *evhttp_request_get_response_code_line(const struct evhttp_request *req);

/* Return the headers of the client and of the reply, and the buffers of the received body and of the body to
 * be sent. The request owns them. Received header values have no leading or trailing white space. */
EVENT2_EXPORT_SYMBOL
struct evkeyvalq *evhttp_request_get_input_headers(struct evhttp_request *req);
EVENT2_EXPORT_SYMBOL
struct evkeyvalq *evhttp_request_get_output_headers(struct evhttp_request *req);
EVENT2_EXPORT_SYMBOL
struct evbuffer *evhttp_request_get_input_buffer(struct evhttp_request *req);
EVENT2_EXPORT_SYMBOL
struct evbuffer *evhttp_request_get_output_buffer(struct evhttp_request *req);

/* Returns the host of the request without its port: that of an absolute URI, else that of the Host header.
 * The request owns the string; NULL if there is none. Since 2.0.5. */
EVENT2_EXPORT_SYMBOL
const char *evhttp_request_get_host(struct evhttp_request *req);

/* --- a server's connections ----------------------------------------------------------------------------- */

/* Closes and frees a connection; the caller must not use it any more. The close callback runs inside the
 * call. The loop first sends complete replies that are not sent yet, limited by the write timeout. It does
 * not wait for an incomplete reply in parts, nor for output of a bufferevent with the program's callbacks.
 *
 * Ownership of a request without a reply passes to the program: a reply to it only frees it. But the request
 * is freed with the connection if the call is made in the request's own callback, which then returns without
 * a reply, or if the bufferevent has the program's callbacks; unless evhttp_request_own() was called. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_free(struct evhttp_connection *evcon);

/* Sets a callback that is invoked when the connection is closed, also by the program, while the connection is
 * still valid. For how a disconnect of the client is detected, see <event2/eventide_http.h>. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_closecb(struct evhttp_connection *evcon,
                                   void (*cb)(struct evhttp_connection *, void *), void *arg);

/* Return the base of a connection, its bufferevent, and its server.
 *
 * In a request's callback, or later before its reply, the program may set its own callbacks with
 * bufferevent_setcb(). The server then neither reads nor writes, nor changes the bufferevent, until the
 * program sends a reply or frees the connection. Programs can thus use another protocol on the connection,
 * after writing a 101 reply themselves. */
EVENT2_EXPORT_SYMBOL
struct event_base *evhttp_connection_get_base(struct evhttp_connection *evcon);
EVENT2_EXPORT_SYMBOL
struct bufferevent *evhttp_connection_get_bufferevent(struct evhttp_connection *evcon);
EVENT2_EXPORT_SYMBOL
struct evhttp *evhttp_connection_get_server(struct evhttp_connection *evcon);

/* Stores the client's address as a string, which the connection owns, and its port; "" and 0 for a Unix
 * socket. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_get_peer(struct evhttp_connection *evcon, char **address, ev_uint16_t *port);
/* Returns the client's address, which the connection owns; NULL if it has none. Since 2.1. */
EVENT2_EXPORT_SYMBOL
const struct sockaddr *evhttp_connection_get_addr(struct evhttp_connection *evcon);

/* Set for one connection what the functions evhttp_set_... set for the connections of a server. Those with tv
 * since 2.1; those for reading or writing alone since 2.2. */
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
/* As evhttp_set_ext_method_cmp(), for one connection. Since 2.2. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_ext_method_cmp(struct evhttp_connection *evcon, evhttp_ext_method_cb cb);

/* --- lists of headers and parameters -----------------------------------------------------------------------
 *
 * struct evkeyvalq is declared in <event2/keyvalq_struct.h>. A program initializes its own list with
 * TAILQ_INIT() and empties it with evhttp_clear_headers(). Names are compared case-insensitively. */

/* Returns the value of the first entry with that name, which the list owns; NULL if there is none. */
EVENT2_EXPORT_SYMBOL
const char *evhttp_find_header(const struct evkeyvalq *headers, const char *name);

/* Removes and frees the first entry with that name. Returns 0, or -1 if there is none. */
EVENT2_EXPORT_SYMBOL
int evhttp_remove_header(struct evkeyvalq *headers, const char *name);

/* Appends an entry with copies of both strings, also if the list already has that name. Returns 0; -1 if out
 * of memory, if a string is NULL or contains CR or LF, or if the name is empty. */
EVENT2_EXPORT_SYMBOL
int evhttp_add_header(struct evkeyvalq *headers, const char *name, const char *value);

/* Frees all entries; the list can be used again. */
EVENT2_EXPORT_SYMBOL
void evhttp_clear_headers(struct evkeyvalq *headers);

/* --- escaping ----------------------------------------------------------------------------------------------
 *
 * Each function returns a new string, which the caller frees, or NULL if out of memory. */

/* Encodes all characters except the unreserved ones (RFC 3986 2.3: letters, digits, '-', '.', '_', '~') as
 * %XX. The same as evhttp_uriencode(text, -1, 0). */
EVENT2_EXPORT_SYMBOL
char *evhttp_encode_uri(const char *text);

/* The same for `length` bytes, which may include NULs; a negative length means up to the first NUL. If
 * blank_as_plus is not 0, a blank becomes '+', as in forms, instead of %20. */
EVENT2_EXPORT_SYMBOL
char *evhttp_uriencode(const char *text, ev_ssize_t length, int blank_as_plus);

/* Decodes %XX; after the first '?' also '+' to a blank. A '%' that is not followed by two hexadecimal digits
 * is kept. Do not use it in new programs: a URI must be parsed before its parts are decoded (RFC 3986 2.4),
 * and a %00 is indistinguishable from the end of the string. */
EVENT2_EXPORT_SYMBOL
char *evhttp_decode_uri(const char *uri);

/* Decodes %XX and, if plus is not 0, each '+' to a blank. *size_out, unless size_out is NULL, receives the
 * length of the result, which may contain NULs. */
EVENT2_EXPORT_SYMBOL
char *evhttp_uridecode(const char *text, int plus, size_t *size_out);

/* Escapes <, >, ", ' and & for HTML. Returns NULL also if text is NULL. */
EVENT2_EXPORT_SYMBOL
char *evhttp_htmlescape(const char *text);

/* --- query strings -------------------------------------------------------------------------------------- */

/* Flags of evhttp_parse_query_str_flags(). Since 2.2. */

/* A parameter without '=' has an empty value, and a parameter without a name is skipped. */
#define EVHTTP_URI_QUERY_NONCONFORMANT 0x01
/* Keep only the last of several parameters with the same name. */
#define EVHTTP_URI_QUERY_LAST_VAL 0x02

/* Splits the query of a whole URI into parameters.
 *
 * uri         is parsed as by evhttp_uri_parse(); without a query there are no parameters
 * parameters  is initialized by the call, without freeing entries; to be emptied with evhttp_clear_headers()
 *
 * Returns 0; -1 and an empty list if it cannot be parsed, or if out of memory. New programs should use
 * evhttp_uri_parse() and evhttp_parse_query_str(). */
EVENT2_EXPORT_SYMBOL
int evhttp_parse_query(const char *uri, struct evkeyvalq *parameters);

/* The same for a query: "name=value" pairs separated by '&'. Values are decoded, '+' to a blank; names are
 * not decoded. A '%' that is not followed by two hexadecimal digits is kept. A parameter without '=' or
 * without a name is an error. Since 2.0.5. */
EVENT2_EXPORT_SYMBOL
int evhttp_parse_query_str(const char *query, struct evkeyvalq *parameters);

/* The same with EVHTTP_URI_QUERY_* or'ed together. Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evhttp_parse_query_str_flags(const char *query, struct evkeyvalq *parameters, unsigned flags);

/* --- URIs --------------------------------------------------------------------------------------------------
 *
 * RFC 3986: scheme://userinfo@host:port/path?query#fragment. A missing part is NULL, a missing port -1; an
 * empty part is "". No part is encoded or decoded. Since 2.0.5. */

/* A parsed URI. Opaque. */
struct evhttp_uri;

/* Flags of evhttp_uri_parse_with_flags() and evhttp_uri_set_flags(). */

/* Path, query and fragment may contain any character except those that end them. */
#define EVHTTP_URI_NONCONFORMANT 0x01
/* The host is an IPv6 address without its brackets; evhttp_uri_join() adds them. Since 2.2. */
#define EVHTTP_URI_HOST_STRIP_BRACKETS 0x04
/* An authority "unix:/path/of/socket:" names a Unix socket. Since 2.2. */
#define EVHTTP_URI_UNIX_SOCKET 0x08

/* Creates a URI without any part. Returns the URI, to be freed with evhttp_uri_free(), or NULL if out of
 * memory. */
EVENT2_EXPORT_SYMBOL
struct evhttp_uri *evhttp_uri_new(void);

/* Sets the flags, EVHTTP_URI_* or'ed together, for later calls; parts that are already set do not change. */
EVENT2_EXPORT_SYMBOL
void evhttp_uri_set_flags(struct evhttp_uri *uri, unsigned flags);

/* Return the parts, which the URI owns; they are valid until the part is set again or the URI is freed. The
 * path is never NULL after parsing. An IPv6 address as the host includes its brackets (unless
 * EVHTTP_URI_HOST_STRIP_BRACKETS is set). */
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
/* Returns the path of the Unix socket if the authority was "unix:path:" (the host is then ""), else NULL.
 * Since 2.2. */
EVENT2_EXPORT_SYMBOL
const char *evhttp_uri_get_unixsocket(const struct evhttp_uri *uri);

/* Set one part to a copy of the string; NULL, or -1 for the port, removes the part. Return 0; -1, without any
 * change, if the value is not valid for the part, or if out of memory. A port may be any number from -1
 * up. */
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
/* Sets the path of the Unix socket to a copy of the string; NULL removes it. Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_unixsocket(struct evhttp_uri *uri, const char *unixsocket);

/* Parses a URI: the same as evhttp_uri_parse_with_flags(text, 0). */
EVENT2_EXPORT_SYMBOL
struct evhttp_uri *evhttp_uri_parse(const char *text);

/* Parses a URI or a relative reference ("/path?query", "//host/path"; RFC 3986 4.2).
 *
 * flags   EVHTTP_URI_*, or'ed together; stored in the URI for later calls
 *
 * Returns the URI, to be freed with evhttp_uri_free(), or NULL if the text is not a URI, or if out of memory.
 * Since 2.0.6. */
EVENT2_EXPORT_SYMBOL
struct evhttp_uri *evhttp_uri_parse_with_flags(const char *text, unsigned flags);

/* Frees the URI and its parts. NULL is allowed. */
EVENT2_EXPORT_SYMBOL
void evhttp_uri_free(struct evhttp_uri *uri);

/* Composes a URI from its parts (RFC 3986 5.3).
 *
 * out    receives the NUL-terminated string
 * size   the size of out in bytes
 *
 * Returns out; NULL if out is too small or if the parts do not make a URI: with a host the path must be empty
 * or begin with '/'. userinfo and port are omitted if there is no host. */
EVENT2_EXPORT_SYMBOL
char *evhttp_uri_join(struct evhttp_uri *uri, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif

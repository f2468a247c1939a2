/* The layout of struct evhttp_request, for programs that access its members.
 *
 * It is part of the binary interface. Programs should use the functions of <event2/http.h>. They may read the
 * members below, but should not write them, and must not allocate a request themselves: a request is larger
 * than this struct. Since 2.0.
 */
#ifndef EVENT2_HTTP_STRUCT_H_INCLUDED_
#define EVENT2_HTTP_STRUCT_H_INCLUDED_

#include <event2/event-config.h>

#include <event2/http.h>
#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef TAILQ_ENTRY
#define EVENT_DEFINED_TAILQ_ENTRY_
#define TAILQ_ENTRY(type)   \
  struct {                  \
    struct type *tqe_next;  \
    struct type **tqe_prev; \
  }
#endif

struct evbuffer;
struct evhttp_connection;
struct evkeyvalq;

struct evhttp_request {
  TAILQ_ENTRY(evhttp_request) next;

  struct evhttp_connection *evcon; /* NULL after the connection was closed */
  int flags;                       /* the following, or'ed together */
/* The request belongs to a connection, which determines its lifetime. */
#define EVHTTP_REQ_OWN_CONNECTION 0x0001
/* The request has an absolute URI of another host: it is for a proxy. */
#define EVHTTP_PROXY_REQUEST 0x0002
/* evhttp_request_own() was called: the program frees the request. */
#define EVHTTP_USER_OWNED 0x0004
/* libevent sets these while a callback runs and the request must be freed after it. This library never sets
 * them. */
#define EVHTTP_REQ_DEFER_FREE 0x0008
#define EVHTTP_REQ_NEEDS_FREE 0x0010

  struct evkeyvalq *input_headers;
  struct evkeyvalq *output_headers;

  /* The peer's address and port. */
  char *remote_host;
  ev_uint16_t remote_port;

  /* The cached result of evhttp_request_get_host(). */
  char *host_cache;

  enum evhttp_request_kind kind;
  enum evhttp_cmd_type type;

  size_t headers_size; /* bytes of the request line and the headers, without line ends */
  size_t body_size;    /* bytes of the body so far */

  char *uri;                    /* as received */
  struct evhttp_uri *uri_elems; /* the same, parsed */

  char major; /* the version, HTTP/major.minor: numbers, not digits */
  char minor;

  int response_code;
  char *response_code_line;

  struct evbuffer *input_buffer; /* the body that was received */
  ev_int64_t ntoread;            /* missing bytes of the body, or of its chunk; -1 if unknown */
  unsigned chunked : 1,          /* the reply is sent in chunks */
      userdone : 1;              /* the program has sent its reply */

  struct evbuffer *output_buffer;

  /* The program's callbacks: for the whole request, for each piece of its body, after the headers, for
   * errors. */
  void (*cb)(struct evhttp_request *, void *);
  void *cb_arg;
  void (*chunk_cb)(struct evhttp_request *, void *);
  int (*header_cb)(struct evhttp_request *, void *);
  void (*error_cb)(enum evhttp_request_error, void *);

  /* Called when the reply has been sent. */
  void (*on_complete_cb)(struct evhttp_request *, void *);
  void *on_complete_cb_arg;
};

#ifdef EVENT_DEFINED_TAILQ_ENTRY_
#undef EVENT_DEFINED_TAILQ_ENTRY_
#undef TAILQ_ENTRY
#endif

#ifdef __cplusplus
}
#endif

#endif

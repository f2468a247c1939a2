/* The layout of struct evhttp_request, for programs that look into requests by hand.
 *
 * It is part of the binary interface. Programs should use the functions of <event2/http.h>; those that do
 * look may read what is below but write only what says so, and never allocate one of their own: a request is
 * larger than this. Since 2.0.
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

  struct evhttp_connection *evcon; /* NULL once the connection has gone */
  int flags;                       /* the following, or'ed together */
/* The request came over a connection, and its life is the connection's affair. */
#define EVHTTP_REQ_OWN_CONNECTION 0x0001
/* The request names another host: it is for a proxy. */
#define EVHTTP_PROXY_REQUEST 0x0002
/* evhttp_request_own() was called: the program frees the request. */
#define EVHTTP_USER_OWNED 0x0004
/* libevent notes by these that a callback runs and the request is to be freed after it. Here they stay 0. */
#define EVHTTP_REQ_DEFER_FREE 0x0008
#define EVHTTP_REQ_NEEDS_FREE 0x0010

  struct evkeyvalq *input_headers;
  struct evkeyvalq *output_headers;

  /* Who is on the other end. */
  char *remote_host;
  ev_uint16_t remote_port;

  /* What evhttp_request_get_host() found. */
  char *host_cache;

  enum evhttp_request_kind kind;
  enum evhttp_cmd_type type;

  size_t headers_size; /* bytes of the request line and the headers, without line ends */
  size_t body_size;    /* bytes of the body so far */

  char *uri;                    /* as it stands in the request */
  struct evhttp_uri *uri_elems; /* the same taken apart */

  char major; /* the version, HTTP/major.minor: numbers, not digits */
  char minor;

  int response_code;
  char *response_code_line;

  struct evbuffer *input_buffer; /* the body that was received */
  ev_int64_t ntoread;            /* bytes of the body, or of its chunk, that are yet to come; -1 if unknown */
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

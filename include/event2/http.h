/* HTTP: URIs, query strings and headers.
 *
 *   struct evhttp_uri *uri = evhttp_uri_parse("http://example.org:8080/search?q=tea");
 *   printf("%s, port %d\n", evhttp_uri_get_host(uri), evhttp_uri_get_port(uri));
 *   evhttp_uri_free(uri);
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

struct evkeyvalq;

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
  EVHTTP_REQ_MOVE = 1 << 15
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
 * memory or if one of the texts contains a CR or an LF. */
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

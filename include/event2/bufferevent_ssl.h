/* TLS bufferevents: over a socket of their own, or as a filter on top of another bufferevent.
 *
 * The program creates and configures the TLS library's session object (certificates, verification, server
 * name, ALPN, tickets) and passes it to the bufferevent, which performs the handshake, encrypts what is
 * written to its output buffer and decrypts into its input buffer. All of <event2/bufferevent.h> works on it:
 * timeouts, watermarks, priorities, deferred callbacks, rate limits, locking.
 *
 * Functions with `openssl` in their name are in the library event_openssl, those with `mbedtls` in
 * event_mbedtls, the others in both. A program that links to one of them does not load the other TLS library.
 *
 * The events that the event callback receives:
 *
 *   BEV_EVENT_CONNECTED                      the handshake is done; not for BUFFEREVENT_SSL_OPEN, and
 *                                            again after each renegotiation that the program requested
 *   BEV_EVENT_EOF | BEV_EVENT_READING        the peer has ended its stream by close_notify (RFC 8446 6.1);
 *                                            writing is still possible
 *   BEV_EVENT_ERROR | BEV_EVENT_READING      the handshake or the decryption failed, the transport failed,
 *                                            or it ended without close_notify, so that data may be missing
 *   BEV_EVENT_ERROR | BEV_EVENT_WRITING      writing failed
 *   BEV_EVENT_ERROR                          the connection was not established: the program may retry
 *   BEV_EVENT_TIMEOUT                        the connection or the handshake took longer than a timeout;
 *                                            later with BEV_EVENT_READING or BEV_EVENT_WRITING
 *
 * With BUFFEREVENT_SSL_DIRTY_SHUTDOWN the end of the connection without close_notify, after the handshake, is
 * reported as BEV_EVENT_EOF | BEV_EVENT_READING. A timeout disables nothing and is reported again each time
 * that it has passed.
 *
 * The handshake proceeds even if EV_READ is not enabled, but is suspended while both directions are disabled.
 *
 * Ownership, the same for all four constructors: with BEV_OPT_CLOSE_ON_FREE the new bufferevent owns the
 * session and the descriptor or the underlying bufferevent, and frees them. Without it the program keeps
 * ownership, but must not use them until bufferevent_free() has returned, also if it is called inside a
 * callback. If a constructor fails, the program keeps ownership of session, descriptor and underlying
 * bufferevent, which are unchanged.
 *
 * When a bufferevent with BEV_OPT_CLOSE_ON_FREE is freed and all its output has been sent, it sends
 * close_notify without blocking, unless the program did so itself or the connection has failed.
 * bufferevent_flush() with EV_WRITE and BEV_FINISHED sends close_notify as soon as the output buffer is
 * empty, and does not affect reading.
 *
 * Threads: as for other bufferevents, with BEV_OPT_THREADSAFE each function may be called from any thread.
 * Hold bufferevent_lock() while using the session itself. A filter shares the lock of its underlying
 * bufferevent.
 *
 * Since 2.0, unless another version is given. */
#ifndef EVENT2_BUFFEREVENT_SSL_H_INCLUDED_
#define EVENT2_BUFFEREVENT_SSL_H_INCLUDED_

#include <event2/bufferevent.h>
#include <event2/event-config.h>
#include <event2/util.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bufferevent;
struct event_base;

/* The state of the session when it is passed to the bufferevent. */
enum bufferevent_ssl_state {
  BUFFEREVENT_SSL_OPEN = 0,       /* its handshake is done */
  BUFFEREVENT_SSL_CONNECTING = 1, /* it will act as the client */
  BUFFEREVENT_SSL_ACCEPTING = 2   /* it will act as the server */
};

/* Flags for bufferevent_ssl_set_flags(). Since 2.2. */

/* Report the end of the connection without close_notify as EOF, not as an error. */
#define BUFFEREVENT_SSL_DIRTY_SHUTDOWN 1
/* Fill every record: coalesce output that the buffer holds in several extents by copying. Without the flag
 * only small extents are coalesced. */
#define BUFFEREVENT_SSL_BATCH_WRITE 2

/* Returns the flags of a TLS bufferevent; UINT64_MAX if `bev` is not a TLS bufferevent. Since 2.2. */
EVENT2_EXPORT_SYMBOL
ev_uint64_t bufferevent_ssl_get_flags(struct bufferevent *bev);
/* Set or clear flags. Return the previous flags; UINT64_MAX, without any change, if `bev` is not a TLS
 * bufferevent or a flag is unknown. Since 2.2. */
EVENT2_EXPORT_SYMBOL
ev_uint64_t bufferevent_ssl_set_flags(struct bufferevent *bev, ev_uint64_t flags);
EVENT2_EXPORT_SYMBOL
ev_uint64_t bufferevent_ssl_clear_flags(struct bufferevent *bev, ev_uint64_t flags);

/* Starts a renegotiation on an open session. Returns 0; -1 if `bev` is not a TLS bufferevent, if its
 * handshake is not done, or if the protocol has no renegotiation (TLS 1.3, RFC 8446). BEV_EVENT_CONNECTED
 * reports its completion; a server over OpenSSL reports it when the request was sent to the client. */
EVENT2_EXPORT_SYMBOL
int bufferevent_ssl_renegotiate(struct bufferevent *bev);

/* --- OpenSSL -------------------------------------------------------------------------------------------- */

struct ssl_st; /* SSL */

/* Creates a TLS bufferevent on top of another one and replaces that one's callbacks. The program must no
 * longer read from or write to the underlying bufferevent.
 *
 * base        the base of `underlying`
 * underlying  may still be connecting
 * ssl         not NULL; its BIOs are replaced
 * options     BEV_OPT_* or'ed together
 *
 * Returns the bufferevent, to be freed with bufferevent_free(); NULL if out of memory, if the options
 * contradict each other, or if `ssl` was set up for the other side. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_openssl_filter_new(struct event_base *base, struct bufferevent *underlying,
                                                   struct ssl_st *ssl, enum bufferevent_ssl_state state,
                                                   int options);

/* Creates a TLS bufferevent on a nonblocking stream socket.
 *
 * fd   -1 if there is no socket yet: bufferevent_setfd(), bufferevent_socket_connect() or
 *      bufferevent_socket_connect_hostname() provide one later. If `ssl` has a BIO with a descriptor, -1
 *      selects that descriptor, and any other value is an error.
 * ssl  not NULL. Its socket BIO (SSL_set_fd()) is replaced, other BIOs are used as they are.
 *
 * Returns as bufferevent_openssl_filter_new() does. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_openssl_socket_new(struct event_base *base, evutil_socket_t fd,
                                                   struct ssl_st *ssl, enum bufferevent_ssl_state state,
                                                   int options);

/* Returns 1 if BUFFEREVENT_SSL_DIRTY_SHUTDOWN is set, else 0; -1 if `bev` is not a TLS bufferevent over
 * OpenSSL. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int bufferevent_openssl_get_allow_dirty_shutdown(struct bufferevent *bev);
/* Sets BUFFEREVENT_SSL_DIRTY_SHUTDOWN, or clears it if allow_dirty_shutdown is 0. Since 2.1. */
EVENT2_EXPORT_SYMBOL
void bufferevent_openssl_set_allow_dirty_shutdown(struct bufferevent *bev, int allow_dirty_shutdown);

/* Returns the session; its ownership does not change. Returns NULL if `bev` is not a TLS bufferevent over
 * OpenSSL. */
EVENT2_EXPORT_SYMBOL
struct ssl_st *bufferevent_openssl_get_ssl(struct bufferevent *bev);

/* Removes and returns one error code of the last failure, in the format of OpenSSL's ERR_get_error(3); 0 if
 * there are no more. The last one is the result of SSL_get_error(3). */
EVENT2_EXPORT_SYMBOL
unsigned long bufferevent_get_openssl_error(struct bufferevent *bev);

/* --- mbedTLS, since 2.2 --------------------------------------------------------------------------------- */

struct mbedtls_ssl_context;
struct mbedtls_ssl_config;

/* A session created by bufferevent_mbedtls_dyncontext_new(), or any other that was set up with a
 * configuration (mbedtls_ssl_setup()). */
typedef struct mbedtls_ssl_context mbedtls_dyncontext;

/* Creates a session for a configuration, which must outlive it. Returns the session, to be freed with
 * bufferevent_mbedtls_dyncontext_free(), or NULL if out of memory. */
EVENT2_EXPORT_SYMBOL
mbedtls_dyncontext *bufferevent_mbedtls_dyncontext_new(struct mbedtls_ssl_config *conf);
/* Frees a session. Requires: no bufferevent owns it. NULL is allowed. */
EVENT2_EXPORT_SYMBOL
void bufferevent_mbedtls_dyncontext_free(mbedtls_dyncontext *ctx);

/* As bufferevent_openssl_filter_new(). With BEV_OPT_CLOSE_ON_FREE the session must come from
 * bufferevent_mbedtls_dyncontext_new(). The session's configuration determines whether it is client or
 * server; returns NULL also if `state` contradicts it. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_mbedtls_filter_new(struct event_base *base, struct bufferevent *underlying,
                                                   mbedtls_dyncontext *ssl, enum bufferevent_ssl_state state,
                                                   int options);

/* As bufferevent_openssl_socket_new(); the session's BIO callbacks (mbedtls_ssl_set_bio()) are replaced. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_mbedtls_socket_new(struct event_base *base, evutil_socket_t fd,
                                                   mbedtls_dyncontext *ssl, enum bufferevent_ssl_state state,
                                                   int options);

/* The same as the functions for OpenSSL with these names. */
EVENT2_EXPORT_SYMBOL
int bufferevent_mbedtls_get_allow_dirty_shutdown(struct bufferevent *bev);
EVENT2_EXPORT_SYMBOL
void bufferevent_mbedtls_set_allow_dirty_shutdown(struct bufferevent *bev, int allow_dirty_shutdown);
EVENT2_EXPORT_SYMBOL
struct mbedtls_ssl_context *bufferevent_mbedtls_get_ssl(struct bufferevent *bev);

/* bufferevent_ssl_renegotiate() for a bufferevent over mbedTLS; -1 for others. */
EVENT2_EXPORT_SYMBOL
int bufferevent_mbedtls_renegotiate(struct bufferevent *bev);

/* Removes and returns one error code of the last failure: the absolute value of an MBEDTLS_ERR_ constant; 0
 * if there are no more. */
EVENT2_EXPORT_SYMBOL
unsigned long bufferevent_get_mbedtls_error(struct bufferevent *bev);

#ifdef __cplusplus
}
#endif

#endif

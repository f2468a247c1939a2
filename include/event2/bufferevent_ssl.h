/* Bufferevents that speak TLS: over a socket of their own, or as a filter on top of another bufferevent.
 *
 * The program makes and configures the TLS library's session object (certificates, verification, server name,
 * ALPN, tickets) and hands it over; the bufferevent does the handshake, encrypts what is written to its
 * output buffer and decrypts into its input buffer. All of <event2/bufferevent.h> works on it: timeouts,
 * watermarks, priorities, deferred callbacks, rate limits, locking.
 *
 * Functions with `openssl` in their name are in the library event_openssl, those with `mbedtls` in
 * event_mbedtls, the others in both. A program that links to one of them gets no other TLS library with it.
 *
 * What the event callback is told:
 *
 *   BEV_EVENT_CONNECTED                      the handshake is done; not told for BUFFEREVENT_SSL_OPEN, and
 *                                            told again after each renegotiation that the program asked for
 *   BEV_EVENT_EOF | BEV_EVENT_READING        the peer has ended its stream properly, by close_notify;
 *                                            writing stays possible
 *   BEV_EVENT_ERROR | BEV_EVENT_READING      the handshake or the decryption failed, the connection broke,
 *                                            or it ended without close_notify, so that data may be missing
 *   BEV_EVENT_ERROR | BEV_EVENT_WRITING      writing failed
 *   BEV_EVENT_ERROR                          the connection could not be made: the program may try again
 *   BEV_EVENT_TIMEOUT                        the connection or the handshake waits longer than a timeout;
 *                                            later with BEV_EVENT_READING or BEV_EVENT_WRITING
 *
 * With BUFFEREVENT_SSL_DIRTY_SHUTDOWN an end without close_notify, after the handshake, is told as
 * BEV_EVENT_EOF | BEV_EVENT_READING. A timeout disables nothing and is told again when it has passed once
 * more.
 *
 * The handshake goes on by itself, also while EV_READ is not enabled, but rests while both directions are
 * disabled.
 *
 * Ownership, the same for all four constructors: with BEV_OPT_CLOSE_ON_FREE the session and the descriptor,
 * or the underlying bufferevent, belong to the new bufferevent and go with it; without, they stay the
 * program's, which must not use them before the bufferevent is freed; once bufferevent_free() has returned,
 * be it inside a callback, it may use and free them. A constructor that fails takes nothing:
 * session, descriptor and underlying bufferevent are the program's, open, and as they were.
 *
 * When a bufferevent with BEV_OPT_CLOSE_ON_FREE is freed and everything that was written has left, it sends
 * close_notify, without waiting for anything, unless the program did so itself or the connection has failed.
 * bufferevent_flush() with EV_WRITE and BEV_FINISHED sends it as soon as the output buffer is empty, and
 * leaves reading as it is.
 *
 * Threads: as for other bufferevents, with BEV_OPT_THREADSAFE each function may be called from any thread.
 * The session itself must then be used under bufferevent_lock(). A filter shares the lock of what is
 * underneath.
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

/* In which state the session is when the bufferevent gets it. */
enum bufferevent_ssl_state {
  BUFFEREVENT_SSL_OPEN = 0,       /* its handshake is done */
  BUFFEREVENT_SSL_CONNECTING = 1, /* it is to be the client */
  BUFFEREVENT_SSL_ACCEPTING = 2   /* it is to be the server */
};

/* Flags for bufferevent_ssl_set_flags(). Since 2.2. */

/* An end of the connection without close_notify is an EOF and no error. */
#define BUFFEREVENT_SSL_DIRTY_SHUTDOWN 1
/* Fill every record: bytes are copied together whenever the output buffer has them in pieces. Without it that
 * is done for small pieces only. */
#define BUFFEREVENT_SSL_BATCH_WRITE 2

/* The flags of a TLS bufferevent. UINT64_MAX if `bev` is none. Since 2.2. */
EVENT2_EXPORT_SYMBOL
ev_uint64_t bufferevent_ssl_get_flags(struct bufferevent *bev);
/* Add flags, or take them away. Return the flags as they were before; UINT64_MAX, without any change, if
 * `bev` is no TLS bufferevent or a flag is unknown. Since 2.2. */
EVENT2_EXPORT_SYMBOL
ev_uint64_t bufferevent_ssl_set_flags(struct bufferevent *bev, ev_uint64_t flags);
EVENT2_EXPORT_SYMBOL
ev_uint64_t bufferevent_ssl_clear_flags(struct bufferevent *bev, ev_uint64_t flags);

/* Begin another handshake on an open session. 0, or -1 if `bev` is no TLS bufferevent, its handshake is not
 * done, or the protocol knows no renegotiation, as TLS 1.3. BEV_EVENT_CONNECTED tells its end; for a server
 * over OpenSSL that is when the client has been asked. */
EVENT2_EXPORT_SYMBOL
int bufferevent_ssl_renegotiate(struct bufferevent *bev);

/* --- OpenSSL -------------------------------------------------------------------------------------------- */

struct ssl_st; /* SSL */

/* Create a TLS bufferevent on top of another one, which it then uses alone: its callbacks are replaced, and
 * the program must not read from or write to it.
 *
 * base        whose loop serves it: that of `underlying`
 * underlying  may be connecting still
 * ssl         not NULL; its BIOs are replaced
 * options     of enum bufferevent_options
 *
 * NULL without memory, if the options contradict each other, or if `ssl` was set up for the other side. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_openssl_filter_new(struct event_base *base, struct bufferevent *underlying,
                                                   struct ssl_st *ssl, enum bufferevent_ssl_state state,
                                                   int options);

/* Create a TLS bufferevent on a nonblocking stream socket.
 *
 * fd   -1 if there is none yet: bufferevent_setfd(), bufferevent_socket_connect() and
 *      bufferevent_socket_connect_hostname() bring one later. If `ssl` has a BIO with a descriptor, that is
 *      taken for -1, and any other number is an error.
 * ssl  not NULL. A socket BIO of its (SSL_set_fd()) is replaced, other BIOs are used as they are.
 *
 * NULL as for bufferevent_openssl_filter_new(). */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_openssl_socket_new(struct event_base *base, evutil_socket_t fd,
                                                   struct ssl_st *ssl, enum bufferevent_ssl_state state,
                                                   int options);

/* Whether BUFFEREVENT_SSL_DIRTY_SHUTDOWN is set: 1 or 0, -1 if `bev` is no TLS bufferevent over OpenSSL.
 * Since 2.1. */
EVENT2_EXPORT_SYMBOL
int bufferevent_openssl_get_allow_dirty_shutdown(struct bufferevent *bev);
/* Set it (not 0) or clear it. Since 2.1. */
EVENT2_EXPORT_SYMBOL
void bufferevent_openssl_set_allow_dirty_shutdown(struct bufferevent *bev, int allow_dirty_shutdown);

/* The session, which stays the bufferevent's; NULL if `bev` is no TLS bufferevent over OpenSSL. */
EVENT2_EXPORT_SYMBOL
struct ssl_st *bufferevent_openssl_get_ssl(struct bufferevent *bev);

/* Take one error code off those of the last failure, in the form of OpenSSL's ERR_get_error(); 0 when there
 * is no other. The last one is what SSL_get_error() said. */
EVENT2_EXPORT_SYMBOL
unsigned long bufferevent_get_openssl_error(struct bufferevent *bev);

/* --- mbedTLS, since 2.2 --------------------------------------------------------------------------------- */

struct mbedtls_ssl_context;
struct mbedtls_ssl_config;

/* A session that bufferevent_mbedtls_dyncontext_new() made, or any other that was set up with a
 * configuration. */
typedef struct mbedtls_ssl_context mbedtls_dyncontext;

/* Create a session for a configuration, which must outlive it. NULL without memory. */
EVENT2_EXPORT_SYMBOL
mbedtls_dyncontext *bufferevent_mbedtls_dyncontext_new(struct mbedtls_ssl_config *conf);
/* Free it, unless a bufferevent has it for its own. Does nothing to NULL. */
EVENT2_EXPORT_SYMBOL
void bufferevent_mbedtls_dyncontext_free(mbedtls_dyncontext *ctx);

/* As bufferevent_openssl_filter_new(). With BEV_OPT_CLOSE_ON_FREE the session must be one of
 * bufferevent_mbedtls_dyncontext_new(). The configuration says which side it is: NULL if `state` says
 * otherwise. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_mbedtls_filter_new(struct event_base *base, struct bufferevent *underlying,
                                                   mbedtls_dyncontext *ssl, enum bufferevent_ssl_state state,
                                                   int options);

/* As bufferevent_openssl_socket_new(); the session's own means of input and output are replaced. */
EVENT2_EXPORT_SYMBOL
struct bufferevent *bufferevent_mbedtls_socket_new(struct event_base *base, evutil_socket_t fd,
                                                   mbedtls_dyncontext *ssl, enum bufferevent_ssl_state state,
                                                   int options);

/* As for OpenSSL. */
EVENT2_EXPORT_SYMBOL
int bufferevent_mbedtls_get_allow_dirty_shutdown(struct bufferevent *bev);
EVENT2_EXPORT_SYMBOL
void bufferevent_mbedtls_set_allow_dirty_shutdown(struct bufferevent *bev, int allow_dirty_shutdown);
EVENT2_EXPORT_SYMBOL
struct mbedtls_ssl_context *bufferevent_mbedtls_get_ssl(struct bufferevent *bev);

/* bufferevent_ssl_renegotiate() for a bufferevent over mbedTLS; -1 for others. */
EVENT2_EXPORT_SYMBOL
int bufferevent_mbedtls_renegotiate(struct bufferevent *bev);

/* Take one error code off those of the last failure: the number of an MBEDTLS_ERR_ constant without its sign;
 * 0 when there is no other. */
EVENT2_EXPORT_SYMBOL
unsigned long bufferevent_get_mbedtls_error(struct bufferevent *bev);

#ifdef __cplusplus
}
#endif

#endif

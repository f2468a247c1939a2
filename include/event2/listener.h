/* Listeners, which accept connections and pass each one to a callback.
 *
 *   listener = evconnlistener_new_bind(base, on_accept, arg, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
 *                                      (struct sockaddr *)&address, sizeof(address));
 *
 * Threads. A listener created with LEV_OPT_THREADSAFE after threads were enabled has a lock, and may be used
 * from any thread; otherwise only the thread of its base's loop may use it. Callbacks run in that thread
 * without the lock held, and may disable or free the listener.
 *
 * Since 2.0.
 */
#ifndef EVENT2_LISTENER_H_INCLUDED_
#define EVENT2_LISTENER_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>

#include <event2/event.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sockaddr;

/* A listening socket with its event and callbacks. Opaque. */
struct evconnlistener;

/* Receives a new connection.
 *
 * fd        its socket, non-blocking unless LEV_OPT_LEAVE_SOCKETS_BLOCKING; the program owns and closes it
 * address   the peer's, valid during the call
 * socklen   the length of address in bytes
 * arg       as given to evconnlistener_new() */
typedef void (*evconnlistener_cb)(struct evconnlistener *listener, evutil_socket_t fd,
                                  struct sockaddr *address, int socklen, void *arg);

/* Is called when accept(2) failed with an error that is not transient; EVUTIL_SOCKET_ERROR() is the reason.
 * When descriptors run out it is called once; the listener resumes by itself when descriptors are available
 * again. arg is that of evconnlistener_new(). Since 2.0.8. */
typedef void (*evconnlistener_errorcb)(struct evconnlistener *listener, void *arg);

/* Flags for the functions that create a listener; to be or'ed together. */

/* Leave accepted sockets in blocking mode. */
#define LEV_OPT_LEAVE_SOCKETS_BLOCKING (1u << 0)
/* Close the listening socket when the listener is freed. */
#define LEV_OPT_CLOSE_ON_FREE (1u << 1)
/* Close the listening socket and the accepted ones when another program is executed (FD_CLOEXEC). */
#define LEV_OPT_CLOSE_ON_EXEC (1u << 2)
/* Let the address be bound again as soon as the socket is closed (SO_REUSEADDR where it means that). */
#define LEV_OPT_REUSEABLE (1u << 3)
/* Give the listener a lock. Since 2.0.8. */
#define LEV_OPT_THREADSAFE (1u << 4)
/* Do not accept until evconnlistener_enable(). Since 2.1. */
#define LEV_OPT_DISABLED (1u << 5)
/* Let the kernel keep a connection back until its first data has arrived, where it can. Not for protocols in
 * which the server speaks first. Since 2.1. */
#define LEV_OPT_DEFERRED_ACCEPT (1u << 6)
/* Let several sockets listen on one address and share its connections (SO_REUSEPORT). Since 2.1. */
#define LEV_OPT_REUSEABLE_PORT (1u << 7)
/* An IPv6 socket accepts IPv6 only, so that another may listen for IPv4 on the same port. Since 2.1. */
#define LEV_OPT_BIND_IPV6ONLY (1u << 8)
/* An IPv6 socket accepts IPv4 too, whatever the system's default. Since 2.2. */
#define LEV_OPT_BIND_IPV4_AND_IPV6 (1u << 9)

/* Creates a listener for a socket that is bound already.
 *
 * base      the base whose loop accepts; must outlive the listener
 * cb        receives the connections; if NULL none are accepted until evconnlistener_set_cb()
 * arg       the last argument of cb and of the error callback
 * flags     LEV_OPT_*; REUSEABLE, REUSEABLE_PORT and the BIND flags have no effect on a bound socket
 * backlog   the backlog of listen(2), the maximum of pending connections; negative selects a default
 *           value, 0 means that the program has already called listen(2)
 * fd        the socket, in non-blocking mode; with LEV_OPT_CLOSE_ON_FREE the listener owns it
 *
 * Returns the listener, to be freed with evconnlistener_free(), or NULL if listen(2) fails or if out of
 * memory; the caller then keeps ownership of fd. */
EVENT2_CORE_EXPORT_SYMBOL
struct evconnlistener *evconnlistener_new(struct event_base *base, evconnlistener_cb cb, void *arg,
                                          unsigned flags, int backlog, evutil_socket_t fd);

/* Creates a listener with a new socket, bound to an address of socklen bytes; port 0 lets the system choose.
 * A NULL address leaves the socket unbound. backlog must not be 0. For an AF_UNIX address LEV_OPT_REUSEABLE
 * and LEV_OPT_REUSEABLE_PORT are errors: the caller must remove the socket's file instead (unix(7)). The
 * other parameters are those of evconnlistener_new(). Returns the listener, or NULL, with nothing left open,
 * if any step fails; EVUTIL_SOCKET_ERROR() is the reason. */
EVENT2_CORE_EXPORT_SYMBOL
struct evconnlistener *evconnlistener_new_bind(struct event_base *base, evconnlistener_cb cb, void *arg,
                                               unsigned flags, int backlog, const struct sockaddr *address,
                                               int socklen);

/* Stops accepting and frees a listener; the socket is closed only with LEV_OPT_CLOSE_ON_FREE. Allowed in the
 * listener's callbacks. */
EVENT2_CORE_EXPORT_SYMBOL
void evconnlistener_free(struct evconnlistener *listener);

/* Start and stop accepting connections; those that arrive while the listener is disabled wait in the kernel's
 * backlog. After evconnlistener_disable() inside a callback no further connection of this iteration is
 * accepted. Return 0, or -1 on failure. */
EVENT2_CORE_EXPORT_SYMBOL
int evconnlistener_enable(struct evconnlistener *listener);
EVENT2_CORE_EXPORT_SYMBOL
int evconnlistener_disable(struct evconnlistener *listener);

/* Return the base, and the listening socket. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *evconnlistener_get_base(struct evconnlistener *listener);
EVENT2_CORE_EXPORT_SYMBOL
evutil_socket_t evconnlistener_get_fd(struct evconnlistener *listener);

/* Replaces the callback and the argument of both callbacks. With NULL no connections are accepted until
 * another call sets one. Since 2.0.8. */
EVENT2_CORE_EXPORT_SYMBOL
void evconnlistener_set_cb(struct evconnlistener *listener, evconnlistener_cb cb, void *arg);

/* Sets the callback for failures of accept(2); with NULL, the default, the failure is logged. The listener
 * stays enabled in either case. Since 2.0.8. */
EVENT2_CORE_EXPORT_SYMBOL
void evconnlistener_set_error_cb(struct evconnlistener *listener, evconnlistener_errorcb cb);

#ifdef __cplusplus
}
#endif

#endif

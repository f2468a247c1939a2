/* Listeners, which accept connections and hand each to a function.
 *
 *   listener = evconnlistener_new_bind(base, on_accept, arg, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
 *                                      (struct sockaddr *)&address, sizeof(address));
 *
 * Threads. A listener created with LEV_OPT_THREADSAFE after threads were enabled has a lock, and may be used
 * from any thread; otherwise it belongs to the thread of its base's loop. Callbacks run in that thread
 * without the lock, and may disable or free the listener.
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

/* A socket that listens, with its event and callbacks. Opaque. */
struct evconnlistener;

/* Receives a new connection.
 *
 * fd        its socket, non-blocking unless LEV_OPT_LEAVE_SOCKETS_BLOCKING; the program owns and closes it
 * address   the peer's, valid during the call
 * socklen   the length of address in bytes
 * arg       as given to evconnlistener_new() */
typedef void (*evconnlistener_cb)(struct evconnlistener *listener, evutil_socket_t fd,
                                  struct sockaddr *address, int socklen, void *arg);

/* Is told that accept() failed for a reason that does not go away by itself, lack of descriptors for
 * instance (then once until connections are accepted again, which happens by itself); EVUTIL_SOCKET_ERROR() is the
 * reason. arg as given to evconnlistener_new(). Since 2.0.8. */
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
 * base      whose loop accepts; must outlive the listener
 * cb        receives the connections; if NULL none are accepted until evconnlistener_set_cb()
 * arg       the last argument of cb and of the error callback
 * flags     LEV_OPT_*; REUSEABLE, REUSEABLE_PORT and the BIND flags come too late here
 * backlog   how many connections the kernel may keep waiting, for listen(); less than 0 chooses a good
 *           number, 0 says that the program has called listen() itself
 * fd        the socket, in non-blocking mode; the listener's own with LEV_OPT_CLOSE_ON_FREE
 *
 * Returns the listener, to be freed with evconnlistener_free(), or NULL if listen() fails or without memory;
 * fd is still the caller's then. */
EVENT2_CORE_EXPORT_SYMBOL
struct evconnlistener *evconnlistener_new(struct event_base *base, evconnlistener_cb cb, void *arg,
                                          unsigned flags, int backlog, evutil_socket_t fd);

/* Creates a listener with a new socket, bound to an address of socklen bytes; port 0 lets the system choose.
 * A NULL address leaves the socket unbound. backlog must not be 0. An AF_UNIX address takes neither
 * LEV_OPT_REUSEABLE nor LEV_OPT_REUSEABLE_PORT: its file has to be removed. The other parameters as with
 * evconnlistener_new(). Returns NULL, with nothing left open, if any step fails; EVUTIL_SOCKET_ERROR() tells
 * why. */
EVENT2_CORE_EXPORT_SYMBOL
struct evconnlistener *evconnlistener_new_bind(struct event_base *base, evconnlistener_cb cb, void *arg,
                                               unsigned flags, int backlog, const struct sockaddr *address,
                                               int socklen);

/* Stops accepting and frees a listener; its socket is closed only with LEV_OPT_CLOSE_ON_FREE. Allowed in its
 * callbacks. */
EVENT2_CORE_EXPORT_SYMBOL
void evconnlistener_free(struct evconnlistener *listener);

/* Starts to accept connections, or stops; those that arrive meanwhile wait in the kernel's backlog. After
 * evconnlistener_disable() inside a callback no more are accepted in that round either. 0, or -1 for
 * failure. */
EVENT2_CORE_EXPORT_SYMBOL
int evconnlistener_enable(struct evconnlistener *listener);
EVENT2_CORE_EXPORT_SYMBOL
int evconnlistener_disable(struct evconnlistener *listener);

/* The base and the listening socket. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *evconnlistener_get_base(struct evconnlistener *listener);
EVENT2_CORE_EXPORT_SYMBOL
evutil_socket_t evconnlistener_get_fd(struct evconnlistener *listener);

/* Replaces the callback and the argument of both callbacks. With NULL no connections are accepted until
 * another call sets one. Since 2.0.8. */
EVENT2_CORE_EXPORT_SYMBOL
void evconnlistener_set_cb(struct evconnlistener *listener, evconnlistener_cb cb, void *arg);

/* Sets what is called when accept() fails; with NULL, as at the start, the failure is logged. The listener
 * stays enabled either way. Since 2.0.8. */
EVENT2_CORE_EXPORT_SYMBOL
void evconnlistener_set_error_cb(struct evconnlistener *listener, evconnlistener_errorcb cb);

#ifdef __cplusplus
}
#endif

#endif

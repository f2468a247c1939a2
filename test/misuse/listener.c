/* Listeners of things that cannot listen. */
#include "misuse.h"

#include <netinet/in.h>
#include <sys/un.h>

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *name) {
  (void)listener, (void)address, (void)length, (void)name;
  say("accepted");
  close(fd);
}
static void on_accept_error(struct evconnlistener *listener, void *name) {
  (void)name;
  say("error-cb[%s]", strerrorname_np(errno));
  evconnlistener_disable(listener);
}

static struct sockaddr_in loopback(void) {
  struct sockaddr_in sin;
  memset(&sin, 0, sizeof sin);
  sin.sin_family = AF_INET;
  sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sin;
}
static struct evconnlistener *listen_on_loopback(struct event_base *base, evconnlistener_cb cb,
                                                 unsigned flags) {
  const struct sockaddr_in sin = loopback();
  return evconnlistener_new_bind(base, cb, NULL, flags, -1, (const struct sockaddr *)&sin, sizeof sin);
}
static int connect_to(struct evconnlistener *listener) {
  struct sockaddr_in sin;
  socklen_t length = sizeof sin;
  getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&sin, &length);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&sin, sizeof sin) != 0) say("no-connection");
  return fd;
}

static void listen_on(int fd, int backlog) {
  struct event_base *base = base_new();
  errno = 0;
  struct evconnlistener *listener = evconnlistener_new(base, on_accept, NULL, 0, backlog, fd);
  const int error = errno;
  PTR("new", listener);
  if (!listener) {
    say("%s", error ? strerrorname_np(error) : "no-errno");
    return;
  }
  evconnlistener_set_error_cb(listener, on_accept_error);
  turn(base);
  DO("free", evconnlistener_free(listener));
}
CASE("listener/of a closed descriptor") { listen_on(closed_fd(), -1); }
CASE("listener/of a closed descriptor, no backlog") { listen_on(closed_fd(), 0); }
CASE("listener/of -1") { listen_on(-1, -1); }
CASE("listener/of -1, no backlog") { listen_on(-1, 0); }
CASE("listener/of dev null") { listen_on(open_fd("/dev/null"), -1); }
CASE("listener/of a regular file, no backlog") { listen_on(file_fd(), 0); }
CASE("listener/of a UDP socket") { listen_on(socket(AF_INET, SOCK_DGRAM, 0), -1); }
CASE("listener/of a UDP socket, no backlog") { listen_on(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), 0); }
CASE("listener/of a socket that does not listen, no backlog") {
  listen_on(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), 0);
}
CASE("listener/of a connected socket") {
  int fds[2];
  pair(fds);
  listen_on(fds[0], -1);
}
CASE("listener/backlog INT_MIN") { listen_on(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), INT_MIN); }
CASE("listener/backlog INT_MAX") { listen_on(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), INT_MAX); }

CASE("listener/bound without a callback, a client comes") {
  struct event_base *base = base_new();
  struct evconnlistener *listener = listen_on_loopback(base, NULL, LEV_OPT_CLOSE_ON_FREE);
  PTR("new", listener);
  if (!listener) return;
  connect_to(listener);
  turn(base);
  evconnlistener_set_cb(listener, on_accept, NULL);
  turn(base);
}
CASE("listener/callback taken away, a client comes") {
  struct event_base *base = base_new();
  struct evconnlistener *listener = listen_on_loopback(base, on_accept, LEV_OPT_CLOSE_ON_FREE);
  DO("set_cb", evconnlistener_set_cb(listener, NULL, NULL));
  connect_to(listener);
  turn(base);
  turn(base);
  evconnlistener_set_cb(listener, on_accept, NULL);
  turn(base);
}
static void bind_to(const struct sockaddr *address, int length, unsigned flags) {
  struct event_base *base = base_new();
  errno = 0;
  struct evconnlistener *listener =
      evconnlistener_new_bind(base, on_accept, NULL, flags, -1, address, length);
  const int error = errno;
  PTR("new", listener);
  if (!listener) say("%s", error ? strerrorname_np(error) : "no-errno");
  if (listener) evconnlistener_free(listener);
}
CASE("listener/bound to an unknown family") {
  struct sockaddr_in sin = loopback();
  sin.sin_family = 250;
  bind_to((struct sockaddr *)&sin, sizeof sin, 0);
}
CASE("listener/bound to no family") {
  struct sockaddr_in sin = loopback();
  sin.sin_family = AF_UNSPEC;
  bind_to((struct sockaddr *)&sin, sizeof sin, 0);
}
CASE("listener/bound to an address of length 0") {
  struct sockaddr_in sin = loopback();
  bind_to((struct sockaddr *)&sin, 0, 0);
}
CASE("listener/bound to an address of length -1") {
  struct sockaddr_in sin = loopback();
  bind_to((struct sockaddr *)&sin, -1, 0);
}
CASE("listener/bound to an address cut short") {
  struct sockaddr_in sin = loopback();
  bind_to((struct sockaddr *)&sin, 4, 0);
}
CASE("listener/bound to an address of another host") {
  struct sockaddr_in sin = loopback();
  sin.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1: for documentation */
  bind_to((struct sockaddr *)&sin, sizeof sin, 0);
}
CASE("listener/bound without an address, length 0") { bind_to(NULL, 0, 0); }
CASE("listener/bound with every flag, IPv4") {
  struct sockaddr_in sin = loopback();
  bind_to((struct sockaddr *)&sin, sizeof sin, 0xffu);
}
CASE("listener/bound with flags unknown") {
  struct sockaddr_in sin = loopback();
  bind_to((struct sockaddr *)&sin, sizeof sin, 0xffff0000u | LEV_OPT_CLOSE_ON_FREE);
}
CASE("listener/bound to IPv4 for IPv6 only") {
  struct sockaddr_in sin = loopback();
  bind_to((struct sockaddr *)&sin, sizeof sin, LEV_OPT_BIND_IPV6ONLY);
}
CASE("listener/bound to a path that exists") {
  struct sockaddr_un sun;
  memset(&sun, 0, sizeof sun);
  sun.sun_family = AF_UNIX;
  strcpy(sun.sun_path, "/dev/null");
  bind_to((struct sockaddr *)&sun, sizeof sun, 0);
}
CASE("listener/bound to a port that is taken") {
  struct event_base *base = base_new();
  struct evconnlistener *first = listen_on_loopback(base, on_accept, 0);
  struct sockaddr_in sin;
  socklen_t length = sizeof sin;
  getsockname(evconnlistener_get_fd(first), (struct sockaddr *)&sin, &length);
  bind_to((struct sockaddr *)&sin, sizeof sin, LEV_OPT_REUSEABLE);
}
CASE("listener/enabled and disabled twice") {
  struct event_base *base = base_new();
  struct evconnlistener *listener = listen_on_loopback(base, on_accept, LEV_OPT_CLOSE_ON_FREE);
  RET("enable", evconnlistener_enable(listener));
  RET("enable", evconnlistener_enable(listener));
  RET("disable", evconnlistener_disable(listener));
  RET("disable", evconnlistener_disable(listener));
  RET("events", event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
  RET("enable", evconnlistener_enable(listener));
  RET("events", event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
}
CASE("listener/made disabled, a client comes") {
  struct event_base *base = base_new();
  struct evconnlistener *listener = listen_on_loopback(base, on_accept, LEV_OPT_DISABLED);
  connect_to(listener);
  turn(base);
  RET("enable", evconnlistener_enable(listener));
  turn(base);
}
static void on_accept_free(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                           int length, void *name) {
  on_accept(listener, fd, address, length, name);
  DO("free", evconnlistener_free(listener));
}
CASE("listener/freed in its callback") {
  struct event_base *base = base_new();
  struct evconnlistener *listener = listen_on_loopback(base, on_accept_free, LEV_OPT_CLOSE_ON_FREE);
  connect_to(listener);
  turn(base);
  turn(base);
}
CASE("listener/freed in its callback, thread-safe, two clients") {
  evthread_use_pthreads();
  struct event_base *base = base_new();
  struct evconnlistener *listener =
      listen_on_loopback(base, on_accept_free, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE);
  connect_to(listener);
  connect_to(listener);
  turn(base);
  turn(base);
}
CASE("listener/its descriptor closed under it") {
  struct event_base *base = base_new();
  struct evconnlistener *listener = listen_on_loopback(base, on_accept, 0);
  close(evconnlistener_get_fd(listener));
  turn(base);
  RET("disable", evconnlistener_disable(listener));
  RET("enable", evconnlistener_enable(listener));
  DO("free", evconnlistener_free(listener));
}
CASE("listener/its descriptor, left open by free") {
  struct event_base *base = base_new();
  struct evconnlistener *listener = listen_on_loopback(base, on_accept, 0);
  const int fd = evconnlistener_get_fd(listener);
  evconnlistener_free(listener);
  RET("open", fcntl(fd, F_GETFD) >= 0);
}
CASE("listener/its base") {
  struct event_base *base = base_new();
  struct evconnlistener *listener = listen_on_loopback(base, on_accept, 0);
  say("base=%d", evconnlistener_get_base(listener) == base);
}
CASE("listener/error callback taken away") {
  struct event_base *base = base_new();
  struct evconnlistener *listener = listen_on_loopback(base, on_accept, 0);
  DO("set", evconnlistener_set_error_cb(listener, on_accept_error));
  DO("set", evconnlistener_set_error_cb(listener, NULL));
  connect_to(listener);
  turn(base);
}
CASE("listener/error callback, socket does not listen any more") {
  struct event_base *base = base_new();
  struct evconnlistener *listener = listen_on_loopback(base, on_accept, 0);
  evconnlistener_set_error_cb(listener, on_accept_error);
  shutdown(evconnlistener_get_fd(listener), SHUT_RD);
  turn(base);
}

/* What 2.2 added: absent from libevent 2.1.12, so each is looked up by name and its result asserted by value.
 */
#include "misuse.h"

#include <netinet/in.h>

#define LOOK_UP(pointer, name)                          \
  do {                                                  \
    *(void **)&(pointer) = dlsym(RTLD_DEFAULT, (name)); \
    if (!(pointer)) {                                   \
      say("absent");                                    \
      return;                                           \
    }                                                   \
  } while (0)

struct evwatch;
typedef void (*watch_cb)(struct evwatch *, const void *info, void *arg);
typedef struct evwatch *(*watch_new)(struct event_base *, watch_cb, void *);
typedef void (*watch_free)(struct evwatch *);
typedef struct event_base *(*watch_base)(struct evwatch *);
typedef int (*watch_timeout)(const void *info, struct timeval *);

static watch_free free_watch;
static watch_timeout get_timeout;

static void on_watch(struct evwatch *watcher, const void *info, void *name) {
  (void)watcher, (void)info;
  say("%s", (const char *)name);
}
static void on_watch_free(struct evwatch *watcher, const void *info, void *name) {
  on_watch(watcher, info, name);
  free_watch(watcher);
}
static void on_prepare_timeout(struct evwatch *watcher, const void *info, void *name) {
  struct timeval tv = {77, 77};
  on_watch(watcher, info, name);
  RET("timeout", get_timeout(info, &tv));
  say("seconds=%ld", (long)tv.tv_sec);
}
static void on_watch_break(struct evwatch *watcher, const void *info, void *base) {
  on_watch(watcher, info, (void *)"break");
  event_base_loopbreak(base);
}

CASE("2.2/watchers without a base") {
  watch_new prepare, check;
  LOOK_UP(prepare, "evwatch_prepare_new");
  LOOK_UP(check, "evwatch_check_new");
  PTR("prepare", prepare(NULL, on_watch, NULL));
  PTR("check", check(NULL, on_watch, NULL));
}
CASE("2.2/watchers without a callback") {
  watch_new prepare, check;
  LOOK_UP(prepare, "evwatch_prepare_new");
  LOOK_UP(check, "evwatch_check_new");
  struct event_base *base = base_new();
  PTR("prepare", prepare(base, NULL, NULL));
  PTR("check", check(base, NULL, NULL));
  turn(base);
}
CASE("2.2/watcher freed as NULL") {
  LOOK_UP(free_watch, "evwatch_free");
  DO("free", free_watch(NULL));
}
CASE("2.2/watcher's base") {
  watch_new prepare;
  watch_base base_of_watch;
  LOOK_UP(prepare, "evwatch_prepare_new");
  LOOK_UP(base_of_watch, "evwatch_base");
  struct event_base *base = base_new();
  say("base=%d", base_of_watch(prepare(base, on_watch, NULL)) == base);
}
CASE("2.2/watchers alone do not keep the loop") {
  watch_new prepare;
  LOOK_UP(prepare, "evwatch_prepare_new");
  struct event_base *base = base_new();
  prepare(base, on_watch, (void *)"prepare");
  RET("loop", event_base_loop(base, 0));
}
CASE("2.2/watchers freed in their callbacks") {
  watch_new prepare, check;
  LOOK_UP(prepare, "evwatch_prepare_new");
  LOOK_UP(check, "evwatch_check_new");
  LOOK_UP(free_watch, "evwatch_free");
  struct event_base *base = base_new();
  prepare(base, on_watch_free, (void *)"prepare");
  prepare(base, on_watch, (void *)"second");
  check(base, on_watch_free, (void *)"check");
  event_active(evtimer_new(base, on_event, NULL), EV_READ, 1);
  event_add(event_new(base, -1, EV_PERSIST, on_event, NULL), NULL);
  RET("loop", event_base_loop(base, EVLOOP_ONCE));
  event_active(evtimer_new(base, on_event, NULL), EV_READ, 1);
  RET("loop", event_base_loop(base, EVLOOP_ONCE));
}
CASE("2.2/prepare, nothing to wait for in time") {
  watch_new prepare;
  LOOK_UP(prepare, "evwatch_prepare_new");
  LOOK_UP(get_timeout, "evwatch_prepare_get_timeout");
  struct event_base *base = base_new();
  prepare(base, on_prepare_timeout, (void *)"prepare");
  event_active(evtimer_new(base, on_event, NULL), EV_READ, 1);
  RET("loop", event_base_loop(base, EVLOOP_ONCE));
}
CASE("2.2/loop broken by a prepare watcher") {
  watch_new prepare;
  LOOK_UP(prepare, "evwatch_prepare_new");
  struct event_base *base = base_new();
  prepare(base, on_watch_break, base);
  event_active(evtimer_new(base, on_event, NULL), EV_READ, 1);
  RET("loop", event_base_loop(base, EVLOOP_NONBLOCK));
  RET("got", event_base_got_break(base));
}
CASE("2.2/base freed with watchers") {
  watch_new prepare;
  LOOK_UP(prepare, "evwatch_prepare_new");
  struct event_base *base = base_new();
  prepare(base, on_watch, NULL);
  DO("free", event_base_free(base));
}
CASE("2.2/signal method of NULL and of a base") {
  const char *(*signal_method)(const struct event_base *);
  LOOK_UP(signal_method, "event_base_get_signal_method");
  PTR("null", signal_method(NULL));
  PTR("base", signal_method(base_new()));
}
CASE("2.2/not_ipv6only of what is no IPv6 socket") {
  int (*not_ipv6only)(evutil_socket_t);
  LOOK_UP(not_ipv6only, "evutil_make_listen_socket_not_ipv6only");
  RET("none", not_ipv6only(-1));
  RET("closed", not_ipv6only(closed_fd()));
  RET("local", not_ipv6only(socket(AF_UNIX, SOCK_STREAM, 0)));
}
CASE("2.2/keepalive of what is no TCP socket") {
  int (*keepalive)(evutil_socket_t, int, int);
  LOOK_UP(keepalive, "evutil_set_tcp_keepalive");
  RET("none", keepalive(-1, 1, 10));
  RET("closed", keepalive(closed_fd(), 1, 10));
  RET("null", keepalive(open_fd("/dev/null"), 0, 0));
  RET("local", keepalive(socket(AF_UNIX, SOCK_STREAM, 0), 1, 10));
}
CASE("2.2/keepalive of odd times") {
  int (*keepalive)(evutil_socket_t, int, int);
  LOOK_UP(keepalive, "evutil_set_tcp_keepalive");
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  RET("off", keepalive(fd, 0, -1));
  RET("ten", keepalive(fd, 1, 10));
  RET("zero", keepalive(fd, 1, 0));
  RET("minus", keepalive(fd, 1, -1));
  RET("max", keepalive(fd, 1, INT_MAX));
  RET("odd", keepalive(fd, 77, 10));
}
CASE("2.2/signalfd asked for") {
  struct event_config *config = event_config_new();
  RET("flag", event_config_set_flag(config, 0x80));
  struct event_base *base = event_base_new_with_config(config);
  const char *(*signal_method)(const struct event_base *);
  LOOK_UP(signal_method, "event_base_get_signal_method");
  say("%s", signal_method(base));
  struct event *ev = evsignal_new(base, SIGUSR1, on_event, NULL);
  RET("add", event_add(ev, NULL));
  raise(SIGUSR1);
  turn(base);
  RET("del", event_del(ev));
  RET("reinit", event_reinit(base));
}
CASE("2.2/listener for IPv4 and IPv6 on an IPv4 address") {
  struct sockaddr_in sin;
  memset(&sin, 0, sizeof sin);
  sin.sin_family = AF_INET;
  sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int (*marker)(evutil_socket_t);
  LOOK_UP(marker, "evutil_make_listen_socket_not_ipv6only");
  PTR("new",
      evconnlistener_new_bind(base_new(), NULL, NULL, 1u << 9, -1, (struct sockaddr *)&sin, sizeof sin));
}

/* With libevent this reads freed memory, so it is not run there. */
CASE("base/freed, and then the events that were added or active") {
  LOOK_UP(free_watch, "evwatch_free");
  evthread_use_pthreads();
  struct event_base *base = base_new();
  const struct timeval long_time = {1000, 0};
  int fds[2];
  pair(fds);
  struct event *events[] = {event_new(base, fds[0], EV_READ, on_event, NULL),
                            evtimer_new(base, on_event, NULL), evsignal_new(base, SIGUSR1, on_event, NULL),
                            evtimer_new(base, on_event, NULL), evtimer_new(base, on_event, NULL)};
  event_add(events[0], NULL);
  event_add(events[1], &long_time);
  event_add(events[2], NULL);
  event_add(events[3], event_base_init_common_timeout(base, &long_time));
  event_active(events[4], EV_READ, 1);
  DO("base_free", event_base_free(base));
  for (int i = 0; i < 5; ++i) DO("free", event_free(events[i]));
}

/* The loop: entered twice, left before it runs, flags without meaning; and event_base_once. */
#include "misuse.h"

static const struct timeval kNone;
static const struct timeval kLong = {1000, 0};

static void on_event_loop(evutil_socket_t fd, short what, void *base) {
  on_event(fd, what, NULL);
  RET("inner", event_base_loop(base, EVLOOP_NONBLOCK));
}
CASE("loop/entered from a callback") {
  struct event_base *base = base_new();
  event_active(evtimer_new(base, on_event_loop, base), EV_READ, 1);
  turn(base);
}
static void on_event_dispatch(evutil_socket_t fd, short what, void *base) {
  on_event(fd, what, NULL);
  RET("inner", event_base_dispatch(base));
}
CASE("loop/dispatch from a callback") {
  struct event_base *base = base_new();
  event_active(evtimer_new(base, on_event_dispatch, base), EV_READ, 1);
  turn(base);
}
static struct event_base *other_base;
static void on_event_other(evutil_socket_t fd, short what, void *base) {
  on_event(fd, what, NULL);
  (void)base;
  RET("inner", event_base_loop(other_base, EVLOOP_NONBLOCK));
}
CASE("loop/another base's from a callback") {
  struct event_base *base = base_new();
  other_base = base_new();
  event_active(evtimer_new(other_base, on_event, (void *)"other"), EV_READ, 1);
  event_active(evtimer_new(base, on_event_other, base), EV_READ, 1);
  turn(base);
}
CASE("loop/nothing to wait for") {
  struct event_base *base = base_new();
  RET("loop", event_base_loop(base, 0));
  RET("once", event_base_loop(base, EVLOOP_ONCE));
  RET("nonblock", event_base_loop(base, EVLOOP_NONBLOCK));
  RET("both", event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK));
  RET("dispatch", event_base_dispatch(base));
}
CASE("loop/nothing to wait for, not to end") {
  struct event_base *base = base_new();
  RET("loop", event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY | EVLOOP_NONBLOCK));
}
CASE("loop/not to end, left by an exit") {
  struct event_base *base = base_new();
  const struct timeval tv = {0, 1000};
  event_base_loopexit(base, &tv);
  RET("loop", event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY));
  RET("got", event_base_got_exit(base));
}
static void loop_with_flags(int flags) {
  struct event_base *base = base_new();
  event_active(evtimer_new(base, on_event, NULL), EV_READ, 1);
  event_add(evtimer_new(base, on_event, NULL), &kLong);
  RET("loop", event_base_loop(base, flags));
}
CASE("loop/flags -1") { loop_with_flags(-1); }
CASE("loop/flags INT_MAX") { loop_with_flags(INT_MAX); }
CASE("loop/flags once and nonblock") { loop_with_flags(EVLOOP_ONCE | EVLOOP_NONBLOCK); }
CASE("loop/flags unknown beside once") { loop_with_flags(EVLOOP_ONCE | 0x7f00); }
CASE("loop/flags INT_MIN on an empty base") { RET("loop", event_base_loop(base_new(), INT_MIN)); }

CASE("loop/break before it") {
  struct event_base *base = base_new();
  event_active(evtimer_new(base, on_event, NULL), EV_READ, 1);
  RET("break", event_base_loopbreak(base));
  RET("got", event_base_got_break(base));
  turn(base);
  RET("got", event_base_got_break(base));
}
CASE("loop/exit without a time before it") {
  struct event_base *base = base_new();
  event_add(evtimer_new(base, on_event, NULL), &kLong);
  RET("exit", event_base_loopexit(base, NULL));
  RET("got", event_base_got_exit(base));
  RET("loop", event_base_loop(base, 0));
  RET("got", event_base_got_exit(base));
  RET("break", event_base_got_break(base));
}
CASE("loop/exit twice before it") {
  struct event_base *base = base_new();
  RET("exit", event_base_loopexit(base, NULL));
  RET("exit", event_base_loopexit(base, NULL));
  RET("loop", event_base_loop(base, 0));
  RET("loop", event_base_loop(base, 0));
}
CASE("loop/exit after -1 s") {
  struct event_base *base = base_new();
  const struct timeval tv = {-1, 0};
  RET("exit", event_base_loopexit(base, &tv));
  RET("loop", event_base_loop(base, 0));
  RET("got", event_base_got_exit(base));
}
CASE("loop/exit after -1 us") {
  struct event_base *base = base_new();
  const struct timeval tv = {0, -1};
  RET("exit", event_base_loopexit(base, &tv));
  RET("loop", event_base_loop(base, 0));
}
CASE("loop/exit after LONG_MAX s") {
  struct event_base *base = base_new();
  const struct timeval tv = {LONG_MAX, 0};
  RET("exit", event_base_loopexit(base, &tv));
  run_for(base, 20);
  RET("got", event_base_got_exit(base));
}
CASE("loop/continue outside") {
  struct event_base *base = base_new();
  event_active(evtimer_new(base, on_event, NULL), EV_READ, 1);
  RET("continue", event_base_loopcontinue(base));
  turn(base);
}
CASE("loop/break with callbacks left, and once more") {
  struct event_base *base = base_new();
  event_active(evtimer_new(base, on_event_break, base), EV_READ, 1);
  event_active(evtimer_new(base, on_event, (void *)"second"), EV_READ, 1);
  turn(base);
  RET("got", event_base_got_break(base));
  turn(base);
  RET("got", event_base_got_break(base));
}
static void on_event_exit(evutil_socket_t fd, short what, void *base) {
  on_event(fd, what, (void *)"cb-exit");
  event_base_loopexit(base, NULL);
}
CASE("loop/exit with callbacks left") {
  struct event_base *base = base_new();
  event_active(evtimer_new(base, on_event_exit, base), EV_READ, 1);
  event_active(evtimer_new(base, on_event, (void *)"second"), EV_READ, 1);
  event_add(evtimer_new(base, on_event, NULL), &kLong);
  RET("loop", event_base_loop(base, 0));
  RET("got", event_base_got_exit(base));
}
static void on_event_break_and_exit(evutil_socket_t fd, short what, void *base) {
  on_event(fd, what, NULL);
  event_base_loopexit(base, NULL);
  event_base_loopbreak(base);
}
CASE("loop/break and exit at once") {
  struct event_base *base = base_new();
  event_active(evtimer_new(base, on_event_break_and_exit, base), EV_READ, 1);
  RET("loop", event_base_loop(base, 0));
  RET("exit", event_base_got_exit(base));
  RET("break", event_base_got_break(base));
  RET("loop", event_base_loop(base, 0));
  RET("exit", event_base_got_exit(base));
}
static void on_event_continue(evutil_socket_t fd, short what, void *base) {
  on_event(fd, what, (void *)"cb-continue");
  event_base_loopcontinue(base);
}
CASE("loop/continue with callbacks left") {
  struct event_base *base = base_new();
  event_active(evtimer_new(base, on_event_continue, base), EV_READ, 1);
  event_active(evtimer_new(base, on_event, (void *)"second"), EV_READ, 1);
  RET("loop", event_base_loop(base, 0));
}
CASE("loop/NULL to all that tolerate it") {
  struct timeval tv = {77, 0};
  RET("break", event_base_loopbreak(NULL));
  RET("continue", event_base_loopcontinue(NULL));
  RET("update", event_base_update_cache_time(NULL));
  RET("monotonic", event_gettime_monotonic(NULL, &tv));
  RET("cached", event_base_gettimeofday_cached(NULL, &tv));
  say("read=%d", tv.tv_sec != 77);
}
CASE("loop/monotonic time to nowhere") { RET("monotonic", event_gettime_monotonic(base_new(), NULL)); }
CASE("loop/exit of no base") { RET("exit", event_base_loopexit(NULL, NULL)); }
CASE("loop/update_cache_time outside") { RET("update", event_base_update_cache_time(base_new())); }
CASE("loop/event_loopbreak without a base") { RET("break", event_loopbreak()); }
CASE("loop/event_loopexit without a base") { RET("exit", event_loopexit(NULL)); }
CASE("loop/event_once without a base") { RET("once", event_once(-1, EV_TIMEOUT, on_event, NULL, &kNone)); }
CASE("loop/event_loop and event_dispatch of an empty global base") {
  event_init();
  RET("loop", event_loop(EVLOOP_NONBLOCK));
  RET("dispatch", event_dispatch());
}
CASE("loop/event_init twice, the last is the global base") {
  struct event_base *first = event_init(), *second = event_init();
  say("differ=%d", first != second);
  struct event ev;
  evtimer_set(&ev, on_event, NULL);
  say("last=%d", event_get_base(&ev) == second);
}
CASE("loop/global base freed, then event_set") {
  struct event_base *base = event_init();
  event_base_free(base);
  struct event ev;
  evtimer_set(&ev, on_event, NULL);
  PTR("base", event_get_base(&ev));
  RET("add", event_add(&ev, &kNone));
}
CASE("loop/freed without any base") { DO("free", event_base_free(NULL)); }
CASE("loop/freed as NULL, the global base") {
  event_init();
  DO("free", event_base_free(NULL));
  DO("free", event_base_free(NULL));
}
CASE("loop/got_exit and got_break before it ran") {
  struct event_base *base = base_new();
  RET("exit", event_base_got_exit(base));
  RET("break", event_base_got_break(base));
}
CASE("loop/base freed with events pending and active") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  event_add(event_new(base, fds[0], EV_READ, on_event, NULL), &kLong);
  event_add(evsignal_new(base, SIGUSR1, on_event, NULL), NULL);
  event_active(evtimer_new(base, on_event, NULL), EV_READ, 1);
  DO("free", event_base_free(base));
}

/* event_base_once. */

static void once(int fd, short what, const struct timeval *tv) {
  struct event_base *base = base_new();
  RET("once", event_base_once(base, fd, what, on_event, NULL, tv));
  turn(base);
}
CASE("once/signal") { once(SIGUSR1, EV_SIGNAL, NULL); }
CASE("once/signal and timeout") { once(SIGUSR1, EV_SIGNAL | EV_TIMEOUT, &kNone); }
CASE("once/persistent") { once(-1, EV_TIMEOUT | EV_PERSIST, &kNone); }
CASE("once/timeout without a time") { once(-1, EV_TIMEOUT, NULL); }
CASE("once/timeout of zero") { once(-1, EV_TIMEOUT, &kNone); }
CASE("once/timeout of -1 s") {
  const struct timeval tv = {-1, 0};
  once(-1, EV_TIMEOUT, &tv);
}
CASE("once/timeout with the descriptor of nothing") { once(12345, EV_TIMEOUT, &kNone); }
CASE("once/no flags") { once(-1, 0, &kNone); }
CASE("once/edge triggered alone") { once(0, EV_ET, &kNone); }
CASE("once/unknown flag alone") { once(0, 0x4000, &kNone); }
CASE("once/read of a closed descriptor") { once(closed_fd(), EV_READ, NULL); }
CASE("once/read of -1") { once(-1, EV_READ, NULL); }
CASE("once/read of a regular file") { once(file_fd(), EV_READ, NULL); }
CASE("once/write, two iterations") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  RET("once", event_base_once(base, fds[0], EV_WRITE, on_event, NULL, NULL));
  turn(base);
  turn(base);
}
CASE("once/read or timeout of zero") {
  int fds[2];
  pair(fds);
  once(fds[0], EV_READ | EV_TIMEOUT, &kNone);
}
CASE("once/read and write") {
  int fds[2];
  pair(fds);
  once(fds[0], EV_READ | EV_WRITE, NULL);
}
CASE("once/closed") {
  int fds[2];
  pair(fds);
  close(fds[1]);
  once(fds[0], EV_CLOSED, NULL);
}
CASE("once/without a base") { RET("once", event_base_once(NULL, -1, EV_TIMEOUT, on_event, NULL, &kNone)); }
CASE("once/many, and the base freed before they fire") {
  struct event_base *base = base_new();
  int failures = 0;
  for (int i = 0; i < 100; ++i)
    failures += event_base_once(base, -1, EV_TIMEOUT, on_event, NULL, i % 2 ? &kLong : &kNone) != 0;
  say("failures=%d", failures);
  DO("free", event_base_free(base));
}

/* Signals out of range, shared, or counted oddly. */
#include "misuse.h"

static void add_signal(int number, short what) {
  struct event_base *base = base_new();
  struct event *ev = event_new(base, number, what, on_event, NULL);
  PTR("new", ev);
  if (!ev) return;
  RET("add", event_add(ev, NULL));
  say_pending(ev);
  turn(base);
  RET("del", event_del(ev));
  event_free(ev);
  event_base_free(base);
}

CASE("signal/-1") { add_signal(-1, EV_SIGNAL); }
CASE("signal/0") { add_signal(0, EV_SIGNAL); }
CASE("signal/64, the last") { add_signal(64, EV_SIGNAL | EV_PERSIST); }
CASE("signal/65, one too many") { add_signal(65, EV_SIGNAL); }
CASE("signal/1000") { add_signal(1000, EV_SIGNAL); }
CASE("signal/INT_MAX") { add_signal(INT_MAX, EV_SIGNAL); }
CASE("signal/INT_MIN") { add_signal(INT_MIN, EV_SIGNAL); }
CASE("signal/SIGKILL") { add_signal(SIGKILL, EV_SIGNAL); }
CASE("signal/SIGSTOP") { add_signal(SIGSTOP, EV_SIGNAL | EV_PERSIST); }
CASE("signal/32, the C library's own") { add_signal(32, EV_SIGNAL); }
CASE("signal/with EV_READ") { add_signal(SIGUSR1, EV_SIGNAL | EV_READ); }
CASE("signal/with EV_WRITE") { add_signal(SIGUSR1, EV_SIGNAL | EV_WRITE); }
CASE("signal/with EV_CLOSED") { add_signal(SIGUSR1, EV_SIGNAL | EV_CLOSED); }
CASE("signal/with EV_ET") { add_signal(SIGUSR1, EV_SIGNAL | EV_ET); }
CASE("signal/with EV_READ, by event_set") {
  event_init();
  struct event ev;
  memset(&ev, 0, sizeof ev);
  DO("set", event_set(&ev, SIGUSR1, EV_SIGNAL | EV_READ, on_event, NULL));
  RET("initialized", event_initialized(&ev));
}
CASE("signal/with a timeout that expires") {
  struct event_base *base = base_new();
  struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL, on_event, NULL);
  const struct timeval tv = {0, 1000};
  RET("add", event_add(ev, &tv));
  say_pending(ev);
  RET("loop", event_base_dispatch(base));
  say_pending(ev);
}
CASE("signal/persistent with a timeout that expires") {
  struct event_base *base = base_new();
  struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, on_event_break, base);
  const struct timeval tv = {0, 1000};
  RET("add", event_add(ev, &tv));
  RET("loop", event_base_dispatch(base));
  say_pending(ev);
}
CASE("signal/added twice, raised once") {
  struct event_base *base = base_new();
  struct event *ev = evsignal_new(base, SIGUSR1, on_event, NULL);
  RET("add", event_add(ev, NULL));
  RET("add", event_add(ev, NULL));
  raise(SIGUSR1);
  turn(base);
  RET("del", event_del(ev));
  RET("del", event_del(ev));
}
CASE("signal/raised three times, one iteration") {
  struct event_base *base = base_new();
  struct event *ev = evsignal_new(base, SIGUSR1, on_event, NULL);
  event_add(ev, NULL);
  for (int i = 0; i < 3; ++i) raise(SIGUSR1);
  turn(base);
}
CASE("signal/not persistent, raised twice in two iterations") {
  struct event_base *base = base_new();
  struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL, on_event, NULL);
  struct event *keeper = evsignal_new(base, SIGUSR2, on_event, NULL);
  event_add(ev, NULL);
  event_add(keeper, NULL);
  raise(SIGUSR1);
  turn(base);
  struct sigaction now;
  sigaction(SIGUSR1, NULL, &now);
  say("default=%d", now.sa_handler == SIG_DFL);
}
CASE("signal/the program's handler comes back after deletion") {
  struct event_base *base = base_new();
  signal(SIGUSR1, SIG_IGN);
  struct event *ev = evsignal_new(base, SIGUSR1, on_event, NULL);
  event_add(ev, NULL);
  struct sigaction now;
  sigaction(SIGUSR1, NULL, &now);
  say("ignored=%d", now.sa_handler == SIG_IGN);
  event_del(ev);
  sigaction(SIGUSR1, NULL, &now);
  say("ignored=%d", now.sa_handler == SIG_IGN);
}
CASE("signal/base freed while it is added") {
  struct event_base *base = base_new();
  struct event *ev = evsignal_new(base, SIGUSR1, on_event, NULL);
  event_add(ev, NULL);
  event_base_free(base);
  struct sigaction now;
  sigaction(SIGUSR1, NULL, &now);
  say("default=%d", now.sa_handler == SIG_DFL);
}
CASE("signal/program replaces the handler while it is added") {
  struct event_base *base = base_new();
  struct event *ev = evsignal_new(base, SIGUSR1, on_event, NULL);
  event_add(ev, NULL);
  signal(SIGUSR1, SIG_IGN);
  raise(SIGUSR1);
  turn(base);
  RET("del", event_del(ev));
  struct sigaction now;
  sigaction(SIGUSR1, NULL, &now);
  say("default=%d", now.sa_handler == SIG_DFL);
}
CASE("signal/one number, two bases") {
  struct event_base *first = base_new(), *second = base_new();
  struct event *one = evsignal_new(first, SIGUSR1, on_event, (void *)"first");
  struct event *two = evsignal_new(second, SIGUSR1, on_event, (void *)"second");
  event_add(one, NULL);
  event_add(two, NULL);
  raise(SIGUSR1);
  turn(first);
  turn(second);
}
CASE("signal/two events of one number") {
  struct event_base *base = base_new();
  event_add(evsignal_new(base, SIGUSR1, on_event, (void *)"first"), NULL);
  event_add(evsignal_new(base, SIGUSR1, on_event, (void *)"second"), NULL);
  raise(SIGUSR1);
  turn(base);
}
CASE("signal/raised, deleted before the iteration") {
  struct event_base *base = base_new();
  struct event *ev = evsignal_new(base, SIGUSR1, on_event, NULL);
  event_add(ev, NULL);
  raise(SIGUSR1);
  RET("del", event_del(ev));
  turn(base);
}

static void activate_signal(short calls) {
  struct event_base *base = base_new();
  struct event *ev = evsignal_new(base, SIGUSR1, on_event, NULL);
  DO("active", event_active(ev, EV_SIGNAL, calls));
  turn(base);
}
CASE("signal/made active 0 times") { activate_signal(0); }
CASE("signal/made active -1 times") { activate_signal(-1); }
CASE("signal/made active 3 times") { activate_signal(3); }

static struct event *deleted_inside;
static void on_signal_delete(evutil_socket_t fd, short what, void *name) {
  on_event(fd, what, name);
  RET("del", event_del(deleted_inside));
}
CASE("signal/deleted inside the first of three calls") {
  struct event_base *base = base_new();
  deleted_inside = evsignal_new(base, SIGUSR1, on_signal_delete, NULL);
  event_active(deleted_inside, EV_SIGNAL, 3);
  turn(base);
}
static void on_signal_free(evutil_socket_t fd, short what, void *name) {
  on_event(fd, what, name);
  DO("free", event_free(deleted_inside));
}
CASE("signal/freed inside the first of three calls") {
  struct event_base *base = base_new();
  deleted_inside = evsignal_new(base, SIGUSR1, on_signal_free, NULL);
  event_add(deleted_inside, NULL);
  event_active(deleted_inside, EV_SIGNAL, 3);
  turn(base);
}
CASE("signal/loop broken inside the first of three calls") {
  struct event_base *base = base_new();
  struct event *ev = evsignal_new(base, SIGUSR1, on_event_break, base);
  event_active(ev, EV_SIGNAL, 3);
  turn(base);
  turn(base);
}

CASE("signal/active_by_signal, nothing there") {
  struct event_base *base = base_new();
  DO("active", event_base_active_by_signal(base, SIGUSR1));
  turn(base);
}
CASE("signal/active_by_signal -1") {
  struct event_base *base = base_new();
  DO("active", event_base_active_by_signal(base, -1));
  turn(base);
}
CASE("signal/active_by_signal 1000") {
  struct event_base *base = base_new();
  DO("active", event_base_active_by_signal(base, 1000));
  turn(base);
}
CASE("signal/active_by_signal reaches what is added") {
  struct event_base *base = base_new();
  event_add(evsignal_new(base, SIGUSR1, on_event, NULL), NULL);
  DO("active", event_base_active_by_signal(base, SIGUSR1));
  turn(base);
}

/* One event: assigned, added, deleted, activated, finalized at the wrong time. */
#include "misuse.h"

static const struct timeval kNone;
static const struct timeval kLong = {1000, 0};
static struct event *the_event;
static struct event_base *the_base;

/* Events without what they need. */

CASE("event/new without a callback") {
  struct event_base *base = base_new();
  struct event *ev = event_new(base, -1, 0, NULL, NULL);
  PTR("new", ev);
  if (ev) RET("add", event_add(ev, &kLong));
}
CASE("event/new without a base, none global") {
  struct event *ev = event_new(NULL, -1, 0, on_event, NULL);
  PTR("new", ev);
  if (!ev) return;
  RET("add", event_add(ev, &kLong));
  RET("del", event_del(ev));
  RET("pending", event_pending(ev, EV_TIMEOUT, NULL));
  RET("priority", event_priority_set(ev, 0));
  DO("active", event_active(ev, EV_READ, 1));
  DO("free", event_free(ev));
}
CASE("event/new without a base, one global") {
  struct event_base *base = event_init();
  struct event *ev = event_new(NULL, -1, 0, on_event, NULL);
  say("global=%d", event_get_base(ev) == base);
}
CASE("event/all zero") {
  struct event ev;
  memset(&ev, 0, sizeof ev);
  RET("initialized", event_initialized(&ev));
  RET("add", event_add(&ev, &kLong));
  RET("del", event_del(&ev));
  RET("del_block", event_del_block(&ev));
  RET("del_noblock", event_del_noblock(&ev));
  RET("remove", event_remove_timer(&ev));
  RET("pending", event_pending(&ev, EV_READ, NULL));
  RET("fd", event_get_fd(&ev));
  RET("events", event_get_events(&ev));
  RET("priority", event_get_priority(&ev));
  PTR("base", event_get_base(&ev));
  DO("active", event_active(&ev, EV_READ, 1));
}
CASE("event/finalize all zero") {
  struct event ev;
  memset(&ev, 0, sizeof ev);
  RET("finalize", event_finalize(0, &ev, NULL));
}
CASE("event/free NULL") { DO("free", event_free(NULL)); }
CASE("event/get_assignment with nothing to fill") {
  struct event *ev = evtimer_new(base_new(), on_event, NULL);
  DO("get", event_get_assignment(ev, NULL, NULL, NULL, NULL, NULL));
}
CASE("event/get_assignment of flags that mean nothing") {
  struct event *ev = event_new(base_new(), 7, EV_READ | 0x4000, on_event, NULL);
  short what = 0;
  evutil_socket_t fd = 0;
  event_get_assignment(ev, NULL, &fd, &what, NULL, NULL);
  say("fd=%d what=%#x", (int)fd, (unsigned)what);
}
CASE("event/self_cbarg by event_new") {
  struct event *ev = evtimer_new(base_new(), on_event, event_self_cbarg());
  say("self=%d", event_get_callback_arg(ev) == ev);
}
CASE("event/self_cbarg by event_set") {
  struct event ev;
  event_set(&ev, -1, 0, on_event, event_self_cbarg());
  say("self=%d", event_get_callback_arg(&ev) == &ev);
}
CASE("event/event_set before any base") {
  struct event ev;
  event_set(&ev, -1, 0, on_event, NULL);
  RET("initialized", event_initialized(&ev));
  RET("add", event_add(&ev, &kLong));
  RET("base_set", event_base_set(base_new(), &ev));
  RET("add", event_add(&ev, &kLong));
}

/* Adding, deleting. */

CASE("event/added twice, deleted twice") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  struct event *ev = event_new(base, fds[0], EV_WRITE, on_event, NULL);
  RET("add", event_add(ev, NULL));
  RET("add", event_add(ev, NULL));
  RET("count", event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
  RET("del", event_del(ev));
  RET("del", event_del(ev));
  RET("count", event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
}
CASE("event/deleted though never added") {
  struct event *ev = event_new(base_new(), 0, EV_READ, on_event, NULL);
  RET("del", event_del(ev));
  RET("block", event_del_block(ev));
  RET("noblock", event_del_noblock(ev));
}
CASE("event/deleted while active") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_active(ev, EV_READ, 1);
  RET("del", event_del(ev));
  say_pending(ev);
  turn(base);
}
CASE("event/freed while active") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_active(ev, EV_READ, 1);
  DO("free", event_free(ev));
  turn(base);
}
CASE("event/added while active") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_active(ev, EV_READ, 1);
  RET("add", event_add(ev, &kLong));
  say_pending(ev);
  turn(base);
  say_pending(ev);
}
CASE("event/expired timer added again before it ran") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_active(ev, EV_TIMEOUT, 1);
  RET("add", event_add(ev, &kLong));
  say_pending(ev);
  turn(base);
  say_pending(ev);
}

static void on_event_free(evutil_socket_t fd, short what, void *name) {
  on_event(fd, what, name);
  DO("free", event_free(the_event));
}
CASE("event/freed in its callback") {
  struct event_base *base = base_new();
  the_event = evtimer_new(base, on_event_free, NULL);
  event_add(the_event, &kNone);
  RET("loop", event_base_dispatch(base));
}
CASE("event/persistent, freed in its callback") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  the_event = event_new(base, fds[0], EV_WRITE | EV_PERSIST, on_event_free, NULL);
  event_add(the_event, &kLong);
  RET("loop", event_base_dispatch(base));
}
CASE("event/freed in another's callback while active") {
  struct event_base *base = base_new();
  struct event *first = evtimer_new(base, on_event_free, (void *)"first");
  the_event = evtimer_new(base, on_event, (void *)"second");
  event_active(first, EV_READ, 1);
  event_active(the_event, EV_READ, 1);
  turn(base);
}
static void on_event_del_block(evutil_socket_t fd, short what, void *name) {
  on_event(fd, what, name);
  RET("block", event_del_block(the_event));
}
CASE("event/del_block in its own callback") {
  RET("threads", evthread_use_pthreads());
  struct event_base *base = base_new();
  the_event = event_new(base, -1, EV_PERSIST, on_event_del_block, NULL);
  const struct timeval tv = {0, 1000};
  event_add(the_event, &tv);
  RET("loop", event_base_dispatch(base));
}
static int adds_left;
static void on_event_add(evutil_socket_t fd, short what, void *name) {
  on_event(fd, what, name);
  if (adds_left-- > 0) RET("add", event_add(the_event, &kNone));
}
CASE("event/adds itself without delay") {
  struct event_base *base = base_new();
  adds_left = 3;
  the_event = evtimer_new(base, on_event_add, NULL);
  event_add(the_event, &kNone);
  turn(base);
  RET("loop", event_base_dispatch(base));
}
static void on_event_activate(evutil_socket_t fd, short what, void *name) {
  on_event(fd, what, name);
  if (adds_left-- > 0) event_active(the_event, EV_WRITE, 1);
}
CASE("event/activates itself, one iteration") {
  struct event_base *base = base_new();
  adds_left = 3;
  the_event = evtimer_new(base, on_event_activate, NULL);
  event_active(the_event, EV_READ, 1);
  turn(base);
  say("left=%d", adds_left);
}

/* Activating. */

CASE("event/active though never added") {
  struct event_base *base = base_new();
  struct event *ev = evuser_new(base, on_event, NULL);
  DO("active", event_active(ev, EV_READ, 1));
  say_pending(ev);
  RET("count", event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE));
  turn(base);
}
CASE("event/active with nothing") {
  struct event_base *base = base_new();
  struct event *ev = evuser_new(base, on_event, NULL);
  DO("active", event_active(ev, 0, 0));
  say_pending(ev);
  RET("user", event_pending(ev, 0, NULL));
  turn(base);
}
CASE("event/active with every bit") {
  struct event_base *base = base_new();
  struct event *ev = evuser_new(base, on_event, NULL);
  DO("active", event_active(ev, 0xffff, 1));
  turn(base);
}
CASE("event/active with flags it was not made for") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  struct event *ev = event_new(base, fds[0], EV_READ, on_event, NULL);
  DO("active", event_active(ev, EV_WRITE | EV_SIGNAL, 1));
  turn(base);
}
CASE("event/active twice merges") {
  struct event_base *base = base_new();
  struct event *ev = evuser_new(base, on_event, NULL);
  event_active(ev, EV_READ, 1);
  event_active(ev, EV_WRITE, 1);
  RET("count", event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE));
  turn(base);
}
CASE("event/pending asked for nothing") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_add(ev, &kLong);
  RET("pending", event_pending(ev, 0, NULL));
}
CASE("event/pending asked for every bit") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST | EV_ET, on_event, NULL);
  event_add(ev, &kLong);
  RET("pending", event_pending(ev, -1, NULL));
}
CASE("event/pending of an active event, other flags") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_active(ev, EV_WRITE | EV_SIGNAL, 1);
  RET("read", event_pending(ev, EV_READ, NULL));
  RET("write", event_pending(ev, EV_WRITE, NULL));
  RET("signal", event_pending(ev, EV_SIGNAL, NULL));
}

/* Bases of events. */

CASE("event/base_set while added") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_add(ev, &kLong);
  RET("set", event_base_set(base_new(), ev));
  say("kept=%d", event_get_base(ev) == base);
}
CASE("event/base_set while active") {
  struct event *ev = evtimer_new(base_new(), on_event, NULL);
  event_active(ev, EV_READ, 1);
  RET("set", event_base_set(base_new(), ev));
}
CASE("event/base_set to NULL") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  RET("set", event_base_set(NULL, ev));
  say("kept=%d", event_get_base(ev) == base);
}
CASE("event/base_set when idle resets the priority") {
  struct event_base *base = base_new(), *other = base_new();
  event_base_priority_init(base, 4);
  event_base_priority_init(other, 8);
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_priority_set(ev, 0);
  RET("set", event_base_set(other, ev));
  RET("priority", event_get_priority(ev));
}
CASE("event/base_set of an all zero event") {
  struct event ev;
  memset(&ev, 0, sizeof ev);
  RET("set", event_base_set(base_new(), &ev));
}

/* Priorities. */

static void set_priority(int count, int priority) {
  struct event_base *base = base_new();
  RET("init", event_base_priority_init(base, count));
  struct event *ev = evtimer_new(base, on_event, NULL);
  RET("default", event_get_priority(ev));
  RET("set", event_priority_set(ev, priority));
  RET("is", event_get_priority(ev));
}
CASE("priority/-1") { set_priority(4, -1); }
CASE("priority/the count") { set_priority(4, 4); }
CASE("priority/255 of 255") { set_priority(255, 255); }
CASE("priority/256, a byte too far") { set_priority(4, 256); }
CASE("priority/INT_MIN") { set_priority(4, INT_MIN); }
CASE("priority/1 of 1") { set_priority(1, 1); }
CASE("priority/changed while active") {
  struct event_base *base = base_new();
  event_base_priority_init(base, 4);
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_active(ev, EV_READ, 1);
  RET("set", event_priority_set(ev, 0));
  RET("is", event_get_priority(ev));
}
CASE("priority/changed while added") {
  struct event_base *base = base_new();
  event_base_priority_init(base, 4);
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_add(ev, &kLong);
  RET("set", event_priority_set(ev, 0));
}
CASE("priority/lower ones wait for the next iteration") {
  struct event_base *base = base_new();
  event_base_priority_init(base, 3);
  struct event *low = evtimer_new(base, on_event, (void *)"low");
  struct event *high = evtimer_new(base, on_event, (void *)"high");
  event_priority_set(low, 2);
  event_priority_set(high, 0);
  event_active(low, EV_READ, 1);
  event_active(high, EV_READ, 1);
  turn(base);
  turn(base);
}
CASE("priority/event of a removed priority") {
  struct event_base *base = base_new();
  event_base_priority_init(base, 8);
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_priority_set(ev, 7);
  RET("init", event_base_priority_init(base, 2));
  DO("active", event_active(ev, EV_READ, 1));
  turn(base);
}
CASE("priority/event of a removed priority, its timer fires") {
  struct event_base *base = base_new();
  event_base_priority_init(base, 8);
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_priority_set(ev, 7);
  event_add(ev, &kNone);
  RET("init", event_base_priority_init(base, 2));
  turn(base);
}

static void init_priorities(int count) {
  struct event_base *base = base_new();
  RET("init", event_base_priority_init(base, count));
  RET("is", event_base_get_npriorities(base));
}
CASE("priority/init 0") { init_priorities(0); }
CASE("priority/init -1") { init_priorities(-1); }
CASE("priority/init 1") { init_priorities(1); }
CASE("priority/init 255") { init_priorities(255); }
CASE("priority/init 256") { init_priorities(256); }
CASE("priority/init 257") { init_priorities(257); }
CASE("priority/init INT_MAX") { init_priorities(INT_MAX); }
CASE("priority/init INT_MIN") { init_priorities(INT_MIN); }
CASE("priority/init twice") {
  struct event_base *base = base_new();
  RET("init", event_base_priority_init(base, 5));
  RET("init", event_base_priority_init(base, 5));
  RET("init", event_base_priority_init(base, 3));
  RET("is", event_base_get_npriorities(base));
}
CASE("priority/init while an event is active") {
  struct event_base *base = base_new();
  event_active(evtimer_new(base, on_event, NULL), EV_READ, 1);
  RET("init", event_base_priority_init(base, 5));
  RET("is", event_base_get_npriorities(base));
}
CASE("priority/init while an event is added") {
  struct event_base *base = base_new();
  event_add(evtimer_new(base, on_event, NULL), &kLong);
  RET("init", event_base_priority_init(base, 5));
}
static void on_event_init(evutil_socket_t fd, short what, void *name) {
  on_event(fd, what, name);
  RET("init", event_base_priority_init(the_base, 5));
}
CASE("priority/init in a callback") {
  the_base = base_new();
  event_active(evtimer_new(the_base, on_event_init, NULL), EV_READ, 1);
  turn(the_base);
  RET("is", event_base_get_npriorities(the_base));
}
CASE("priority/event_priority_init without a base") { RET("init", event_priority_init(3)); }
CASE("priority/event_priority_init of the global base") {
  struct event_base *base = event_init();
  RET("init", event_priority_init(3));
  RET("is", event_base_get_npriorities(base));
}
CASE("priority/get_npriorities of NULL, none global") { RET("is", event_base_get_npriorities(NULL)); }

/* Finalizing. */

static void on_finalize(struct event *ev, void *name) {
  say("finalized(%s)", ev == the_event ? "it" : "other");
  (void)name;
}
static struct event *finalizable(struct event_base *base) {
  return the_event = evtimer_new(base, on_event, NULL);
}

CASE("finalize/odd flags") {
  struct event_base *base = base_new();
  RET("finalize", event_finalize(0xff00, finalizable(base), on_finalize));
  turn(base);
}
CASE("finalize/twice") {
  struct event_base *base = base_new();
  RET("finalize", event_finalize(0, finalizable(base), on_finalize));
  RET("finalize", event_finalize(0, the_event, on_finalize));
  turn(base);
}
CASE("finalize/then add, active, del, pending") {
  struct event_base *base = base_new();
  RET("finalize", event_finalize(0, finalizable(base), on_finalize));
  RET("add", event_add(the_event, &kLong));
  DO("active", event_active(the_event, EV_READ, 1));
  RET("del", event_del(the_event));
  say_pending(the_event);
  turn(base);
}
CASE("finalize/then base_set") {
  struct event_base *base = base_new();
  RET("finalize", event_finalize(0, finalizable(base), on_finalize));
  RET("set", event_base_set(base_new(), the_event));
}
CASE("finalize/then priority_set") {
  struct event_base *base = base_new();
  event_base_priority_init(base, 4);
  RET("finalize", event_finalize(0, finalizable(base), on_finalize));
  RET("set", event_priority_set(the_event, 0));
  turn(base);
}
CASE("finalize/while added") {
  struct event_base *base = base_new();
  event_add(finalizable(base), &kLong);
  RET("finalize", event_finalize(0, the_event, on_finalize));
  say_pending(the_event);
  turn(base);
  RET("loop", event_base_loop(base, EVLOOP_NONBLOCK));
}
CASE("finalize/while active") {
  struct event_base *base = base_new();
  event_active(finalizable(base), EV_READ, 1);
  RET("finalize", event_finalize(0, the_event, on_finalize));
  turn(base);
}
CASE("finalize/after it was finalized, assigned and added again") {
  struct event_base *base = base_new();
  RET("finalize", event_finalize(0, finalizable(base), on_finalize));
  turn(base);
  RET("assign", event_assign(the_event, base, -1, 0, on_event, NULL));
  RET("add", event_add(the_event, &kNone));
  turn(base);
}
static void on_event_finalize(evutil_socket_t fd, short what, void *name) {
  on_event(fd, what, name);
  RET("finalize", event_free_finalize(0, the_event, on_finalize));
}
CASE("finalize/in its own callback") {
  struct event_base *base = base_new();
  the_event = event_new(base, -1, EV_PERSIST, on_event_finalize, NULL);
  event_add(the_event, &kNone);
  const struct timeval tv = {0, 1000};
  event_add(the_event, &tv);
  RET("loop", event_base_dispatch(base));
}
CASE("finalize/pending when the base is freed") {
  struct event_base *base = base_new();
  RET("finalize", event_free_finalize(0, finalizable(base), on_finalize));
  DO("base_free", event_base_free(base));
}
CASE("finalize/pending when the base is freed without finalizers") {
  struct event_base *base = base_new();
  RET("finalize", event_finalize(0, finalizable(base), on_finalize));
  DO("base_free", event_base_free_nofinalize(base));
}
CASE("finalize/EV_FINALIZE event, deleted and freed") {
  struct event_base *base = base_new();
  struct event *ev = event_new(base, -1, EV_FINALIZE, on_event, NULL);
  event_add(ev, &kLong);
  RET("del", event_del(ev));
  DO("free", event_free(ev));
}

/* Absurd durations, and common timeouts. */
#include "misuse.h"

#include <sys/time.h>

static const struct timeval kNone;

/* Adds a timer of that duration beside one of 20 ms, and says which of them fired. */
static void add_timer(long seconds, long micros) {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, (void *)"it");
  const struct timeval tv = {seconds, micros};
  RET("add", event_add(ev, &tv));
  say_pending(ev);
  run_for(base, 20);
  say_pending(ev);
  RET("del", event_del(ev));
}

CASE("timeout/zero") { add_timer(0, 0); }
CASE("timeout/-1 s") { add_timer(-1, 0); }
CASE("timeout/-1 us") { add_timer(0, -1); }
CASE("timeout/-1 million us") { add_timer(0, -1000000); }
CASE("timeout/LONG_MIN s") { add_timer(LONG_MIN, 0); }
CASE("timeout/LONG_MIN us") { add_timer(0, LONG_MIN); }
CASE("timeout/LONG_MAX s") { add_timer(LONG_MAX, 0); }
CASE("timeout/LONG_MAX s and 999999 us") { add_timer(LONG_MAX, 999999); }
CASE("timeout/LONG_MAX us") { add_timer(0, LONG_MAX); }
CASE("timeout/INT_MAX s") { add_timer(INT_MAX, 0); }
CASE("timeout/100 days in us") { add_timer(0, 8640000000000L); }
CASE("timeout/1 million us") { add_timer(0, 1000000); }
CASE("timeout/-5 s and 5005000 us") { add_timer(-5, 5005000); }

CASE("timeout/LONG_MAX s, alone, waits") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  const struct timeval tv = {LONG_MAX, 999999};
  event_add(ev, &tv);
  turn(base);
  struct timeval when = kNone;
  RET("pending", event_pending(ev, EV_TIMEOUT, &when));
  say("future=%d", when.tv_sec > 2000000000L);
}
CASE("timeout/persistent, zero") {
  struct event_base *base = base_new();
  struct event *ev = event_new(base, -1, EV_PERSIST, on_event, NULL);
  RET("add", event_add(ev, &kNone));
  turn(base);
  turn(base);
  say_pending(ev);
}
CASE("timeout/persistent, -1 s") {
  struct event_base *base = base_new();
  struct event *ev = event_new(base, -1, EV_PERSIST, on_event_break, base);
  const struct timeval tv = {-1, 0};
  RET("add", event_add(ev, &tv));
  turn(base);
  turn(base);
  say_pending(ev);
}
CASE("timeout/persistent, LONG_MAX s, made active") {
  struct event_base *base = base_new();
  struct event *ev = event_new(base, -1, EV_PERSIST, on_event, NULL);
  const struct timeval tv = {LONG_MAX, 0};
  RET("add", event_add(ev, &tv));
  event_active(ev, EV_READ, 1);
  turn(base);
  say_pending(ev);
}
CASE("timeout/timer added without one") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  RET("add", event_add(ev, NULL));
  say_pending(ev);
  RET("count", event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
  turn(base);
}
CASE("timeout/kept when added again without one") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  const struct timeval tv = {0, 1000};
  event_add(ev, &tv);
  RET("add", event_add(ev, NULL));
  say_pending(ev);
  RET("loop", event_base_dispatch(base));
}
CASE("timeout/event made with EV_TIMEOUT, added without one") {
  struct event_base *base = base_new();
  struct event *ev = event_new(base, -1, EV_TIMEOUT, on_event, NULL);
  RET("add", event_add(ev, NULL));
  say_pending(ev);
  turn(base);
}
CASE("timeout/expired and ready at once") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  struct event *ev = event_new(base, fds[0], EV_WRITE | EV_TIMEOUT, on_event, NULL);
  RET("add", event_add(ev, &kNone));
  turn(base);
  say_pending(ev);
}
CASE("timeout/remove_timer without one") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  RET("remove", event_remove_timer(ev));
  RET("remove", event_remove_timer(ev));
}
CASE("timeout/remove_timer of a pure timer") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  const struct timeval tv = {10, 0};
  event_add(ev, &tv);
  RET("remove", event_remove_timer(ev));
  say_pending(ev);
  turn(base);
}
CASE("timeout/remove_timer leaves the descriptor") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  struct event *ev = event_new(base, fds[0], EV_READ, on_event, NULL);
  const struct timeval tv = {10, 0};
  event_add(ev, &tv);
  RET("remove", event_remove_timer(ev));
  say_pending(ev);
}
CASE("timeout/remove_timer of an event without a base") {
  struct event ev;
  RET("assign", event_assign(&ev, NULL, -1, 0, on_event, NULL));
  RET("remove", event_remove_timer(&ev));
}
CASE("timeout/pending asks for the time of an idle event") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  struct timeval when = {77, 7};
  RET("pending", event_pending(ev, EV_TIMEOUT, &when));
  say("when=%ld.%ld", (long)when.tv_sec, (long)when.tv_usec);
}
CASE("timeout/pending gives no time unless EV_TIMEOUT is asked") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  const struct timeval tv = {10, 0};
  event_add(ev, &tv);
  struct timeval when = {77, 7};
  RET("pending", event_pending(ev, EV_READ, &when));
  say("when=%ld.%ld", (long)when.tv_sec, (long)when.tv_usec);
}
CASE("timeout/pending gives the time of day") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  const struct timeval tv = {1000, 0};
  event_add(ev, &tv);
  struct timeval when, now;
  RET("pending", event_pending(ev, EV_TIMEOUT, &when));
  gettimeofday(&now, NULL);
  say("near=%d", labs((long)(when.tv_sec - now.tv_sec) - 1000) <= 2);
}

/* Common timeouts. */

static const struct timeval *common(struct event_base *base, long seconds, long micros) {
  const struct timeval tv = {seconds, micros};
  return event_base_init_common_timeout(base, &tv);
}

CASE("common timeout/no duration") { PTR("init", event_base_init_common_timeout(base_new(), NULL)); }
CASE("common timeout/-1 s") { PTR("init", common(base_new(), -1, 0)); }
CASE("common timeout/-1 us") { PTR("init", common(base_new(), 0, -1)); }
CASE("common timeout/1 million us") { PTR("init", common(base_new(), 0, 1000000)); }
CASE("common timeout/1 million us, its seconds") {
  const struct timeval *tv = common(base_new(), 1, 2000000);
  PTR("init", tv);
  if (tv) say("seconds=%ld micros=%ld", (long)tv->tv_sec, (long)tv->tv_usec & 0xfffff);
}
CASE("common timeout/over 20 bits of us") { PTR("init", common(base_new(), 0, 0x100000)); }
CASE("common timeout/zero") {
  struct event_base *base = base_new();
  const struct timeval *tv = common(base, 0, 0);
  PTR("init", tv);
  struct event *ev = evtimer_new(base, on_event, NULL);
  RET("add", event_add(ev, tv));
  turn(base);
}
CASE("common timeout/LONG_MAX s") {
  struct event_base *base = base_new();
  const struct timeval *tv = common(base, LONG_MAX, 0);
  PTR("init", tv);
  struct event *ev = evtimer_new(base, on_event, NULL);
  RET("add", event_add(ev, tv));
  run_for(base, 20);
  say_pending(ev);
}
CASE("common timeout/the same twice") {
  struct event_base *base = base_new();
  const struct timeval *first = common(base, 3, 0);
  say("same=%d", first == common(base, 3, 0));
}
CASE("common timeout/its own result again") {
  struct event_base *base = base_new();
  const struct timeval *first = common(base, 3, 0);
  say("same=%d", first == event_base_init_common_timeout(base, first));
}
CASE("common timeout/256 and 257 of them") {
  struct event_base *base = base_new();
  int made = 0;
  for (int i = 1; i <= 255; ++i) made += common(base, i, 0) != NULL;
  say("made=%d", made);
  PTR("256th", common(base, 256, 0));
  PTR("257th", common(base, 257, 0));
  PTR("known", common(base, 1, 0));
}
CASE("common timeout/tagged garbage, no list") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  const struct timeval tv = {0, 0x50000000 | (7 << 20) | 1000};
  RET("add", event_add(ev, &tv));
  say_pending(ev);
  turn(base);
}
CASE("common timeout/tagged garbage, list of another duration") {
  struct event_base *base = base_new();
  common(base, 0, 1000);
  struct event *ev = evtimer_new(base, on_event, NULL);
  const struct timeval tv = {1000, 0x50000000 | 5};
  RET("add", event_add(ev, &tv));
  run_for(base, 20);
  say_pending(ev);
}
CASE("common timeout/tagged negative seconds") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  const struct timeval tv = {-5, 0x50000000 | (3 << 20)};
  RET("add", event_add(ev, &tv));
  say_pending(ev);
}
CASE("common timeout/of another base") {
  struct event_base *base = base_new(), *other = base_new();
  const struct timeval *tv = common(other, 0, 1000);
  common(base, 500, 0);
  struct event *ev = evtimer_new(base, on_event, NULL);
  RET("add", event_add(ev, tv));
  say_pending(ev);
  RET("del", event_del(ev));
  say_pending(ev);
}
CASE("common timeout/fires, pending in between") {
  struct event_base *base = base_new();
  const struct timeval *tv = common(base, 0, 1000);
  struct event *first = evtimer_new(base, on_event, (void *)"first");
  struct event *second = evtimer_new(base, on_event, (void *)"second");
  RET("add", event_add(first, tv));
  RET("add", event_add(second, tv));
  say_pending(second);
  RET("loop", event_base_dispatch(base));
}
CASE("common timeout/added twice, deleted twice") {
  struct event_base *base = base_new();
  const struct timeval *tv = common(base, 10, 0);
  struct event *ev = evtimer_new(base, on_event, NULL);
  RET("add", event_add(ev, tv));
  RET("add", event_add(ev, tv));
  RET("del", event_del(ev));
  RET("del", event_del(ev));
  turn(base);
}
CASE("common timeout/from common to plain and back") {
  struct event_base *base = base_new();
  const struct timeval *tv = common(base, 10, 0);
  const struct timeval plain = {0, 1000};
  struct event *ev = evtimer_new(base, on_event, NULL);
  RET("add", event_add(ev, tv));
  RET("add", event_add(ev, &plain));
  RET("add", event_add(ev, tv));
  run_for(base, 20);
  RET("add", event_add(ev, &plain));
  RET("loop", event_base_dispatch(base));
}
CASE("common timeout/in loopexit") {
  struct event_base *base = base_new();
  RET("exit", event_base_loopexit(base, common(base, 0, 1000)));
  RET("loop", event_base_loop(base, 0));
  RET("got", event_base_got_exit(base));
}
CASE("common timeout/no base") {
  const struct timeval tv = {1, 0};
  event_init();
  PTR("init", event_base_init_common_timeout(NULL, &tv));
}
CASE("common timeout/base freed with events on it") {
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_add(ev, common(base, 10, 0));
  DO("free", event_base_free(base));
}

/* Idle timers by events: 100 000 equal delays, each postponed at random, as by traffic. */
#include "idle_timers.h"

#include <event2/event.h>
#include <event2/event_struct.h>

static struct event_base *base;
static struct event timers[kIdleTimers], pass, tick;
static struct rng rng = {1};
static struct timeval delay;
static long pushes, goal, expired;
static int64_t began_us;

static void on_idle(evutil_socket_t fd, short what, void *timer) {
  (void)fd;
  (void)what;
  ++expired;
  CHECK(event_add(timer, &delay) == 0);
}

static void push_back(long n) {
  for (long i = 0; i < n; ++i) CHECK(event_add(&timers[rng_below(&rng, kIdleTimers)], &delay) == 0);
  pushes += n;
}

static void start_all(long delay_ms) {
  delay.tv_sec = delay_ms / 1000;
  delay.tv_usec = delay_ms % 1000 * 1000;
  for (int i = 0; i < kIdleTimers; ++i) CHECK(event_add(&timers[i], &delay) == 0);
}

static void on_pass(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  push_back(kPushesPerPass);
}

static void push_flat_out(long n) {
  for (pushes = 0; pushes < n;) {
    event_active(&pass, EV_TIMEOUT, 1);
    CHECK(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
  }
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  long due = ticks_due(began_us) * kPushesPerTick;
  if (due > goal) due = goal;
  if (due > pushes) push_back(due - pushes);
  if (pushes >= goal) CHECK(event_base_loopbreak(base) == 0);
}

static void push_at_rate(long n) {
  const struct timeval period = {0, kTickMs * 1000};
  pushes = 0;
  goal = n;
  began_us = monotonic_us();
  CHECK(event_add(&tick, &period) == 0);
  CHECK(event_base_dispatch(base) == 0);
  CHECK(event_del(&tick) == 0);
}

static void assign_all(void) {
  CHECK(event_assign(&pass, base, -1, 0, on_pass, NULL) == 0);
  CHECK(event_assign(&tick, base, -1, EV_PERSIST, on_tick, NULL) == 0);
  for (int i = 0; i < kIdleTimers; ++i) {
    CHECK(event_assign(&timers[i], base, -1, 0, on_idle, &timers[i]) == 0);
  }
}

int main(int argc, char **argv) {
  struct measure measure;
  const long n = bench_start(argc, argv, kIdlePushes);
  base = event_base_new();
  CHECK(base != NULL);
  assign_all();
  start_all(1000L * kIdleSeconds);
  push_flat_out(n / 10);
  measure_begin(&measure);
  push_flat_out(n);
  measure_end(&measure, "idle_push", pushes);
  CHECK(expired == 0);
  start_all(kShortMs);
  measure_begin(&measure);
  push_at_rate(n);
  measure_end(&measure, "idle_push_due", pushes);
  event_base_free(base);
  bench_finish();
  return 0;
}

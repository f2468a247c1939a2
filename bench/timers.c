/* A million random timers by events: added, moved, deleted, run, and run after a move. */
#include "timers.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

static struct event_base *base;
static struct event *timers;
static long count, fired;
static int measured;
static struct delays delays = {{1}, 0};

static void on_timer(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  ++fired;
}

static void add_all(void) {
  fired = 0;
  for (long i = 0; i < count; ++i) {
    uint32_t seconds, micros;
    delays_next(&delays, &seconds, &micros);
    const struct timeval delay = {(time_t)seconds, (suseconds_t)micros};
    CHECK(event_add(&timers[i], &delay) == 0);
  }
}

static void move_all(void) { add_all(); }

static void delete_all(void) {
  for (long i = 0; i < count; ++i) CHECK(event_del(&timers[i]) == 0);
}

static void expire_all(void) {
  while (fired < count) CHECK(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void on_step(evutil_socket_t fd, short what, void *step) {
  (void)fd;
  (void)what;
  take_step(step, measured, count);
}

/* Runs in a callback, where programs handle their timers: the loop has already read the clock. */
static void run_in_callback(struct timer_step *step) {
  struct event event;
  CHECK(event_assign(&event, base, -1, 0, on_step, step) == 0);
  event_active(&event, EV_TIMEOUT, 1);
  CHECK(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

static void run_steps(long n, int measure) {
  struct timer_step steps[] = {TIMER_STEPS};
  count = n;
  measured = measure;
  for (size_t i = 0; i < sizeof steps / sizeof *steps; ++i) {
    delays.span_ms = steps[i].span_ms;
    if (steps[i].outside)
      take_step(&steps[i], measured, count);
    else
      run_in_callback(&steps[i]);
  }
}

int main(int argc, char **argv) {
  const long n = bench_start(argc, argv, kTimers);
  const long allocated = n > kTimersWarmUp ? n : kTimersWarmUp;
  base = event_base_new();
  timers = calloc((size_t)allocated, sizeof *timers);
  CHECK(base != NULL && timers != NULL);
  for (long i = 0; i < allocated; ++i) {
    CHECK(event_assign(&timers[i], base, -1, 0, on_timer, NULL) == 0);
  }
  run_steps(kTimersWarmUp, 0);
  run_steps(n, 1);
  event_base_free(base);
  free(timers);
  bench_finish();
  return 0;
}

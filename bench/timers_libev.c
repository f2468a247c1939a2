/* A million random timers by libev: the work of timers.c on ev_timer. */
#include <ev.h>
#include <stdlib.h>

#include "timers.h"

static struct ev_loop *loop;
static ev_timer *timers;
static long count, fired;
static struct delays delays = {{1}, 0};

static void on_timer(EV_P_ ev_timer *timer, int what) {
  (void)EV_A;
  (void)timer;
  (void)what;
  ++fired;
}

static ev_tstamp next_delay(void) {
  uint32_t seconds, micros;
  delays_next(&delays, &seconds, &micros);
  return seconds + (micros + 1) * 1e-6; /* as a repeat, 0 would mean stop */
}

static void add_all(void) {
  fired = 0;
  for (long i = 0; i < count; ++i) {
    ev_timer_set(&timers[i], next_delay(), 0.);
    ev_timer_start(loop, &timers[i]);
  }
}

/* ev_timer_again moves a pending timer in place; afterwards it is made to fire once again. */
static void move_all(void) {
  fired = 0;
  for (long i = 0; i < count; ++i) {
    timers[i].repeat = next_delay();
    ev_timer_again(loop, &timers[i]);
    timers[i].repeat = 0.;
  }
}

static void delete_all(void) {
  for (long i = 0; i < count; ++i) ev_timer_stop(loop, &timers[i]);
}

static void expire_all(void) {
  while (fired < count) ev_run(loop, EVRUN_NOWAIT);
}

static void run_steps(long n, int measured) {
  const struct timer_step steps[] = {TIMER_STEPS};
  count = n;
  for (size_t i = 0; i < sizeof steps / sizeof *steps; ++i) {
    delays.span_ms = steps[i].span_ms;
    if (!steps[i].outside) ev_now_update(loop); /* as at the start of a callback */
    take_step(&steps[i], measured, count);
  }
}

int main(int argc, char **argv) {
  const long n = bench_start(argc, argv, kTimers);
  const long allocated = n > kTimersWarmUp ? n : kTimersWarmUp;
  loop = ev_loop_new(EVFLAG_AUTO);
  timers = calloc((size_t)allocated, sizeof *timers);
  CHECK(loop != NULL && timers != NULL);
  for (long i = 0; i < allocated; ++i) ev_timer_init(&timers[i], on_timer, 0., 0.);
  run_steps(kTimersWarmUp, 0);
  run_steps(n, 1);
  ev_loop_destroy(loop);
  free(timers);
  bench_finish();
  return 0;
}

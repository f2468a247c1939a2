/* Idle timers by libev: the work of idle_timers.c by ev_timer_again. */
#include <ev.h>

#include "idle_timers.h"

static struct ev_loop *loop;
static ev_timer timers[kIdleTimers], tick;
static ev_prepare pass;
static struct rng rng = {1};
static long pushes, goal, expired;
static int64_t began_us;

/* A repeating timer is pending again already. */
static void on_idle(EV_P_ ev_timer *timer, int what) {
  (void)EV_A;
  (void)timer;
  (void)what;
  ++expired;
}

static void push_back(long n) {
  for (long i = 0; i < n; ++i) ev_timer_again(loop, &timers[rng_below(&rng, kIdleTimers)]);
  pushes += n;
}

static void start_all(double delay) {
  ev_now_update(loop);
  for (int i = 0; i < kIdleTimers; ++i) {
    timers[i].repeat = delay;
    ev_timer_again(loop, &timers[i]);
  }
}

static void on_pass(EV_P_ ev_prepare *prepare, int what) {
  (void)EV_A;
  (void)prepare;
  (void)what;
  push_back(kPushesPerPass);
}

static void push_flat_out(long n) {
  ev_prepare_start(loop, &pass);
  for (pushes = 0; pushes < n;) ev_run(loop, EVRUN_NOWAIT);
  ev_prepare_stop(loop, &pass);
}

static void on_tick(EV_P_ ev_timer *timer, int what) {
  (void)timer;
  (void)what;
  long due = ticks_due(began_us) * kPushesPerTick;
  if (due > goal) due = goal;
  if (due > pushes) push_back(due - pushes);
  if (pushes >= goal) ev_break(EV_A_ EVBREAK_ALL);
}

static void push_at_rate(long n) {
  pushes = 0;
  goal = n;
  began_us = monotonic_us();
  tick.repeat = kTickMs * 1e-3;
  ev_timer_again(loop, &tick);
  ev_run(loop, 0);
  ev_timer_stop(loop, &tick);
}

int main(int argc, char **argv) {
  struct measure measure;
  const long n = bench_start(argc, argv, kIdlePushes);
  loop = ev_loop_new(EVFLAG_AUTO);
  CHECK(loop != NULL);
  ev_prepare_init(&pass, on_pass);
  ev_init(&tick, on_tick);
  for (int i = 0; i < kIdleTimers; ++i) ev_init(&timers[i], on_idle);
  start_all(kIdleSeconds);
  push_flat_out(n / 10);
  measure_begin(&measure);
  push_flat_out(n);
  measure_end(&measure, "idle_push", pushes);
  CHECK(expired == 0);
  start_all(kShortMs * 1e-3);
  measure_begin(&measure);
  push_at_rate(n);
  measure_end(&measure, "idle_push_due", pushes);
  ev_loop_destroy(loop);
  bench_finish();
  return 0;
}

/* A million random timers by libuv: the work of timers.c on uv_timer_t, whose unit is the millisecond. */
#include <stdlib.h>
#include <uv.h>

#include "timers.h"

static uv_loop_t loop;
static uv_timer_t *timers;
static long count, fired;
static struct delays delays = {{1}, 0};

static void on_timer(uv_timer_t *timer) {
  (void)timer;
  ++fired;
}

/* uv_timer_start also moves a timer that is pending. */
static void add_all(void) {
  fired = 0;
  for (long i = 0; i < count; ++i) {
    uint32_t seconds, micros;
    delays_next(&delays, &seconds, &micros);
    CHECK(uv_timer_start(&timers[i], on_timer, seconds * UINT64_C(1000) + micros / 1000, 0) == 0);
  }
}

static void move_all(void) { add_all(); }

static void delete_all(void) {
  for (long i = 0; i < count; ++i) CHECK(uv_timer_stop(&timers[i]) == 0);
}

static void expire_all(void) {
  while (fired < count) uv_run(&loop, UV_RUN_NOWAIT);
}

static void run_steps(long n, int measured) {
  const struct timer_step steps[] = {TIMER_STEPS};
  count = n;
  for (size_t i = 0; i < sizeof steps / sizeof *steps; ++i) {
    delays.span_ms = steps[i].span_ms;
    if (!steps[i].outside) uv_update_time(&loop); /* as at the start of a callback */
    take_step(&steps[i], measured, count);
  }
}

int main(int argc, char **argv) {
  const long n = bench_start(argc, argv, kTimers);
  const long allocated = n > kTimersWarmUp ? n : kTimersWarmUp;
  CHECK(uv_loop_init(&loop) == 0);
  timers = calloc((size_t)allocated, sizeof *timers);
  CHECK(timers != NULL);
  for (long i = 0; i < allocated; ++i) CHECK(uv_timer_init(&loop, &timers[i]) == 0);
  run_steps(kTimersWarmUp, 0);
  run_steps(n, 1);
  for (long i = 0; i < allocated; ++i) uv_close((uv_handle_t *)&timers[i], NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&loop) == 0);
  free(timers);
  bench_finish();
  return 0;
}

/* The steps that both timer programs take. */
#ifndef EVENTIDE_BENCH_TIMERS_H
#define EVENTIDE_BENCH_TIMERS_H

#include "bench.h"

enum { kTimers = 1000000, kTimersWarmUp = 20000, kSoonMs = 500, kFarMs = 1000000 };

/* Delays are random in [0, span), in microseconds. */
struct delays {
  struct rng rng;
  uint32_t span_ms;
};
static inline void delays_next(struct delays *d, uint32_t *seconds, uint32_t *micros) {
  const uint32_t ms = rng_below(&d->rng, d->span_ms);
  *seconds = ms / 1000;
  *micros = ms % 1000 * 1000 + rng_below(&d->rng, 1000);
}

struct timer_step {
  const char *name; /* NULL: not measured */
  void (*run)(void);
  uint32_t span_ms; /* of the delays that it draws */
  int outside;      /* run it outside callbacks: it runs the loop or waits */
};

static inline void take_step(const struct timer_step *step, int measured, long count) {
  struct measure measure;
  const int measure_it = measured && step->name;
  if (measure_it) measure_begin(&measure);
  step->run();
  if (measure_it) measure_end(&measure, step->name, count);
}

static inline void wait_all_due(void) { sleep_ms(kSoonMs + 100); }

/* The last measure moves each timer before it runs, so that work deferred by a move is counted. */
/* clang-format off */
#define TIMER_STEPS                           \
  {"timers_add", add_all, kFarMs, 0},         \
  {"timers_readd", move_all, kFarMs, 0},      \
  {"timers_delete", delete_all, 0, 0},        \
  {NULL, add_all, kSoonMs, 0},                \
  {NULL, wait_all_due, 0, 1},                 \
  {"timers_expire", expire_all, 0, 1},        \
  {NULL, add_all, kSoonMs, 0},                \
  {NULL, move_all, kSoonMs, 0},               \
  {NULL, wait_all_due, 0, 1},                 \
  {"timers_moved_expire", expire_all, 0, 1}
/* clang-format on */

#endif

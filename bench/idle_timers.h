/* The parameters of both programs that postpone idle timers. */
#ifndef EVENTIDE_BENCH_IDLE_TIMERS_H
#define EVENTIDE_BENCH_IDLE_TIMERS_H

#include "bench.h"

enum {
  kIdleTimers = 100000,
  kIdleSeconds = 30,     /* first measure: at full speed, no timer expires */
  kPushesPerPass = 1000, /* between two passes of the loop */
  kIdlePushes = 2000000,
  kShortMs = 500, /* second measure: at a fixed rate, over several times the delay */
  kPushesPerTick = 2000,
  kTickMs = 1
};

/* Returns the number of ticks of the second measure that have passed since its start. */
static inline long ticks_due(int64_t began_us) {
  return (long)((monotonic_us() - began_us) / (1000 * kTickMs));
}

#endif

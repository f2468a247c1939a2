/* Shared by the activate programs. */
#ifndef EVENTIDE_BENCH_ACTIVATE_H
#define EVENTIDE_BENCH_ACTIVATE_H

#include "bench.h"

enum { kActivateOps = 2000000, kActivated = 1000, kPriorities = 8 };

/* Runs passes of kActivated callbacks each. */
static inline void activate_run(const char *name, void (*pass)(void), long ops) {
  struct progress progress;
  progress_init(&progress, name, ops / 10, ops);
  do pass();
  while (!progress_add(&progress, kActivated));
}

#endif

/* Shared by the soak tests. */
#ifndef EVENTIDE_TEST_SOAK_SOAK_H
#define EVENTIDE_TEST_SOAK_SOAK_H

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program with status 1 unless a step of the soak itself succeeds. */
static inline void must(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "soak: %s\n", what);
  exit(1);
}

/* A thread's function: runs the loop of a base until event_base_loopbreak(). */
static inline void *run_loop(void *base) {
  event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
  return NULL;
}

#endif

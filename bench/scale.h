/* The steps that both scale programs take: descriptors that are registered, and those among them that are
 * active all the time. */
#ifndef EVENTIDE_BENCH_SCALE_H
#define EVENTIDE_BENCH_SCALE_H

#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

enum { kScaleOps = 100000 };

struct scale_step {
  const char *name;
  int registered, active;
};

static const struct scale_step scale_steps[] = {
    {"scale_100_of_100", 100, 100},
    {"scale_100_of_9k", 9000, 100},
    {"scale_9k_of_9k", 9000, 9000},
    {"scale_1_of_10k", 10001, 1},
};
enum { kScaleSteps = sizeof scale_steps / sizeof *scale_steps, kScaleMost = 10001 };

static inline void scale_open(const struct scale_step *step, int *fds) {
  const int every = step->registered / step->active;
  int active = 0;
  for (int i = 0; i < step->registered; ++i) {
    const int is_active = i % every == 0 && active < step->active;
    active += is_active;
    fds[i] = eventfd((unsigned)is_active, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(fds[i] >= 0);
  }
}

static inline void scale_close(const struct scale_step *step, const int *fds) {
  for (int i = 0; i < step->registered; ++i) CHECK(close(fds[i]) == 0);
}

/* Reads the value that made the descriptor readable and makes it readable again. */
static inline void scale_hop(int fd) {
  uint64_t value;
  CHECK(read(fd, &value, sizeof value) == sizeof value);
  CHECK(write(fd, &value, sizeof value) == sizeof value);
}

/* Runs the steps, or reports that they cannot be run. */
static inline void scale_run(void (*run)(const struct scale_step *step, long ops), long ops) {
  for (int i = 0; i < kScaleSteps; ++i) {
    if (allow_descriptors(scale_steps[i].registered))
      run(&scale_steps[i], ops);
    else
      printf("skipped %s the limit of descriptors is too low\n", scale_steps[i].name);
  }
}

#endif

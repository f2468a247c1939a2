/* Shared by both churn programs. */
#ifndef EVENTIDE_BENCH_CHURN_H
#define EVENTIDE_BENCH_CHURN_H

#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

enum { kChurnOps = 100000, kChurnSockets = 100, kChurnsPerPass = 1000 };

/* Both ends of each socket pair stay open; one of them is watched. */
static inline void churn_open_sockets(int *fds) {
  for (int i = 0; i < kChurnSockets; ++i) {
    int pair[2];
    make_pair(pair);
    fds[i] = pair[0];
  }
}

static inline void churn_open_active(int *fds) {
  for (int i = 0; i < kChurnSockets; ++i) {
    fds[i] = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(fds[i] >= 0);
  }
}

/* Reads the byte that made the descriptor readable and makes it readable again. */
static inline void churn_hop(int fd) {
  uint64_t value;
  CHECK(read(fd, &value, sizeof value) == sizeof value);
  CHECK(write(fd, &value, sizeof value) == sizeof value);
}

#endif

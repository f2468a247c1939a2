/* The ring of socket pairs of both dispatch programs. */
#ifndef EVENTIDE_BENCH_DISPATCH_H
#define EVENTIDE_BENCH_DISPATCH_H

#include <unistd.h>

#include "bench.h"
#include "net.h"

enum { kPairs = 1000, kActive = 100, kDispatchOps = 60000 };

struct ring {
  int in[kPairs], out[kPairs];
};

static inline void ring_init(struct ring *ring) {
  for (int i = 0; i < kPairs; ++i) {
    int fds[2];
    make_pair(fds);
    ring->in[i] = fds[0];
    ring->out[i] = fds[1];
  }
}

static inline void ring_start(const struct ring *ring) {
  for (int i = 0; i < kPairs; i += kPairs / kActive) CHECK(write(ring->out[i], "x", 1) == 1);
}

/* Reads the byte that arrived at pair i and sends it to the next pair. */
static inline void ring_hop(const struct ring *ring, int i) {
  char byte;
  CHECK(read(ring->in[i], &byte, 1) == 1);
  CHECK(write(ring->out[(i + 1) % kPairs], &byte, 1) == 1);
}

#endif

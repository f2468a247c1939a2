/* Shared by both send programs: a full TCP stream out of the server, by memory or from a file. */
#ifndef EVENTIDE_BENCH_SEND_H
#define EVENTIDE_BENCH_SEND_H

#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

enum { kSendOps = 8192, kSendBlocks = 4, kFileBlocks = 16, kFileBytes = kFileBlocks * kBulkWrite };

static char send_data[kBulkWrite];

static inline int send_open_file(void) {
  const int fd = memfd_create("bench", MFD_CLOEXEC);
  CHECK(fd >= 0);
  for (int i = 0; i < kFileBlocks; ++i) CHECK(write(fd, send_data, sizeof send_data) == sizeof send_data);
  return fd;
}

/* Calls `run` with a connection whose peer reads all data. */
static inline void send_to_sink(void (*run)(int fd, long ops), long ops) {
  int port;
  const int listener = listen_on_loopback(&port);
  const pid_t load = start_load(sink_load, listener, port);
  run(accept_one(listener), ops); /* closes it */
  CHECK(close(listener) == 0);
  wait_for_load(load);
}

#endif

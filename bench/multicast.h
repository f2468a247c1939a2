/* Shared by both multicast programs. */
#ifndef EVENTIDE_BENCH_MULTICAST_H
#define EVENTIDE_BENCH_MULTICAST_H

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

/* The message consists of several pieces, as if it had been received. */
enum { kMulticastOps = 2000, kPieces = 16, kPiece = 64 * 1024, kMessage = kPieces * kPiece };

struct multicast {
  int listener, fds[kMulticastClients];
  pid_t load;
};

/* The kernel buffers little of the message per connection, so that most of it is queued in the program. */
static inline void multicast_open(struct multicast *m) {
  const int send_buffer = kMulticastSendBuffer;
  int port;
  m->listener = listen_on_loopback(&port);
  m->load = start_load(multicast_load, m->listener, port);
  for (int i = 0; i < kMulticastClients; ++i) {
    m->fds[i] = accept_one(m->listener);
    CHECK(setsockopt(m->fds[i], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer) == 0);
  }
}

static inline void multicast_close(const struct multicast *m) {
  close(m->listener);
  wait_for_load(m->load);
}

#endif

/* One message of 1 MiB to 200 connections by epoll and writev: the work of multicast.c without an event
 * library. */
#define _GNU_SOURCE
#include "multicast.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/uio.h>

static struct multicast multicast;
static char pieces[kPieces][kPiece];
static size_t sent[kMulticastClients];
static int epoll;

/* The rest of the message. */
static int rest(size_t from, struct iovec *parts) {
  int n = 0;
  for (size_t i = from / kPiece; i < kPieces; ++i, ++n) {
    const size_t skip = i == from / kPiece ? from % kPiece : 0;
    parts[n].iov_base = pieces[i] + skip;
    parts[n].iov_len = kPiece - skip;
  }
  return n;
}

static void watch(int i, int what, uint32_t interest) {
  struct epoll_event event = {.events = interest, .data = {.u32 = (uint32_t)i}};
  CHECK(epoll_ctl(epoll, what, multicast.fds[i], &event) == 0);
}

/* Returns 1 when the connection has the whole message. */
static int send_rest(int i) {
  struct iovec parts[kPieces];
  const ssize_t n = writev(multicast.fds[i], parts, rest(sent[i], parts));
  CHECK(n > 0 || errno == EAGAIN);
  if (n > 0) sent[i] += (size_t)n;
  return sent[i] == kMessage;
}

static void send_to_all(void) {
  struct epoll_event events[kMulticastClients];
  int waiting = 0;
  for (int i = 0; i < kMulticastClients; ++i) {
    sent[i] = 0;
    if (send_rest(i)) continue;
    watch(i, EPOLL_CTL_ADD, EPOLLOUT);
    ++waiting;
  }
  while (waiting > 0) {
    const int n = epoll_wait(epoll, events, kMulticastClients, -1);
    CHECK(n > 0);
    for (int k = 0; k < n; ++k) {
      const int i = (int)events[k].data.u32;
      if (!send_rest(i)) continue;
      watch(i, EPOLL_CTL_DEL, 0);
      --waiting;
    }
  }
}

int main(int argc, char **argv) {
  struct progress progress;
  const long ops = bench_start(argc, argv, kMulticastOps);
  multicast_open(&multicast);
  memset(pieces, 1, sizeof pieces);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  progress_init(&progress, "multicast", ops / 10, ops);
  do send_to_all();
  while (!progress_add(&progress, kMulticastClients));
  for (int i = 0; i < kMulticastClients; ++i) close(multicast.fds[i]);
  multicast_close(&multicast);
  bench_finish();
  return 0;
}

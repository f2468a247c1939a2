/* Dispatch by epoll itself: the work of dispatch.c without an event library. */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "dispatch.h"

static struct ring ring;

int main(int argc, char **argv) {
  static struct epoll_event events[kPairs];
  struct progress progress;
  const long ops = bench_start(argc, argv, kDispatchOps);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  ring_init(&ring);
  for (int i = 0; i < kPairs; ++i) {
    struct epoll_event interest = {.events = EPOLLIN, .data = {.u32 = (uint32_t)i}};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ring.in[i], &interest) == 0);
  }
  progress_init(&progress, "dispatch", ops / 10, ops);
  ring_start(&ring);
  for (;;) {
    const int n = epoll_wait(epoll, events, kPairs, -1);
    CHECK(n > 0);
    for (int i = 0; i < n; ++i) {
      ring_hop(&ring, (int)events[i].data.u32);
      if (progress_add(&progress, 1)) {
        bench_finish();
        return 0;
      }
    }
  }
}

/* Active descriptors among many registered ones: the work of scale.c by epoll itself. */
#define _GNU_SOURCE
#include "scale.h"

#include <sys/epoll.h>

static void turn(int epoll, struct progress *progress) {
  static struct epoll_event events[kScaleMost];
  for (;;) {
    const int n = epoll_wait(epoll, events, kScaleMost, -1);
    CHECK(n > 0);
    for (int i = 0; i < n; ++i) {
      scale_hop(events[i].data.fd);
      if (progress_add(progress, 1)) return;
    }
  }
}

static void run_step(const struct scale_step *step, long ops) {
  static int fds[kScaleMost];
  struct progress progress;
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  scale_open(step, fds);
  for (int i = 0; i < step->registered; ++i) {
    struct epoll_event interest = {.events = EPOLLIN, .data = {.fd = fds[i]}};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &interest) == 0);
  }
  progress_init(&progress, step->name, ops / 10 + step->active, ops);
  turn(epoll, &progress);
  scale_close(step, fds);
  CHECK(close(epoll) == 0);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kScaleOps);
  scale_run(run_step, ops);
  bench_finish();
  return 0;
}

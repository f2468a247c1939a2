/* Short-lived descriptors: the work of churn.c by epoll itself. */
#define _GNU_SOURCE
#include "churn.h"

#include <sys/epoll.h>

static int epoll;

static void control(int what, int fd, uint32_t interest) {
  struct epoll_event event = {.events = interest, .data = {.fd = fd}};
  CHECK(epoll_ctl(epoll, what, fd, &event) == 0);
}

static void add_and_delete(long ops) {
  int fds[kChurnSockets];
  struct progress progress;
  struct epoll_event ready;
  churn_open_sockets(fds);
  progress_init(&progress, "churn_add_del", ops / 10, ops);
  do {
    for (int i = 0; i < kChurnsPerPass; ++i) {
      control(EPOLL_CTL_ADD, fds[i % kChurnSockets], EPOLLIN);
      control(EPOLL_CTL_DEL, fds[i % kChurnSockets], 0);
    }
    CHECK(epoll_wait(epoll, &ready, 1, 0) == 0);
  } while (!progress_add(&progress, kChurnsPerPass));
}

static void fire_once_again(long ops) {
  int fds[kChurnSockets];
  struct progress progress;
  struct epoll_event events[kChurnSockets];
  churn_open_active(fds);
  for (int i = 0; i < kChurnSockets; ++i) control(EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLONESHOT);
  progress_init(&progress, "churn_one_shot", ops / 10, ops);
  for (;;) {
    const int n = epoll_wait(epoll, events, kChurnSockets, -1);
    CHECK(n > 0);
    for (int i = 0; i < n; ++i) {
      churn_hop(events[i].data.fd);
      control(EPOLL_CTL_MOD, events[i].data.fd, EPOLLIN | EPOLLONESHOT);
      if (progress_add(&progress, 1)) return;
    }
  }
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kChurnOps);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  add_and_delete(ops);
  fire_once_again(ops);
  bench_finish();
  return 0;
}

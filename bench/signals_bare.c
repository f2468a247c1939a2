/* Signals by epoll: the handler writes to an eventfd that the loop reads. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

static int wake_up;

static void on_signal(int number) {
  const uint64_t one = 1;
  (void)number;
  CHECK(write(wake_up, &one, sizeof one) == sizeof one);
}

int main(int argc, char **argv) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  struct epoll_event interest = {.events = EPOLLIN}, ready;
  struct progress progress;
  const long ops = bench_start(argc, argv, 100000);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  wake_up = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  CHECK(epoll >= 0 && wake_up >= 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, wake_up, &interest) == 0);
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  progress_init(&progress, "signals", ops / 10, ops);
  do {
    uint64_t count;
    CHECK(raise(SIGUSR1) == 0);
    CHECK(epoll_wait(epoll, &ready, 1, -1) == 1);
    CHECK(read(wake_up, &count, sizeof count) == sizeof count);
  } while (!progress_add(&progress, 1));
  bench_finish();
  return 0;
}

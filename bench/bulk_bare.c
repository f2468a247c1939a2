/* Bulk receive by epoll and read: the work of bulk.c without an event library; the same for both
 * maxima. */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

static void receive(const char *name, int fd, int epoll, long ops) {
  static char buffer[64 * 1024];
  struct progress progress;
  size_t bytes = 0;
  progress_init(&progress, name, ops / 10, ops);
  for (;;) {
    struct epoll_event ready;
    CHECK(epoll_wait(epoll, &ready, 1, -1) == 1);
    const ssize_t n = read(fd, buffer, sizeof buffer);
    CHECK(n > 0);
    bytes += (size_t)n;
    if (progress_add(&progress, (long)(bytes / kBulkWrite))) return;
    bytes %= kBulkWrite;
  }
}

static void run(const char *name, long ops) {
  int port;
  const int listener = listen_on_loopback(&port);
  const pid_t load = start_load(bulk_load, listener, port);
  const int fd = accept_one(listener);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event interest = {.events = EPOLLIN, .data = {.fd = fd}};
  CHECK(epoll >= 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest) == 0);
  receive(name, fd, epoll, ops);
  close(fd);
  close(epoll);
  close(listener);
  wait_for_load(load);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, 16384);
  run("bulk", ops);
  run("bulk_large", ops);
  bench_finish();
  return 0;
}

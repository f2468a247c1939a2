/* Echo by epoll, read and write: the work of echo.c without an event library. */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

static struct progress progress;
static long bytes_over;

/* Returns 1 when enough messages went back. */
static int echo(int fd) {
  char buffer[4096];
  const ssize_t n = read(fd, buffer, sizeof buffer);
  CHECK(n > 0);
  CHECK(write(fd, buffer, (size_t)n) == n);
  const long bytes = n + bytes_over;
  bytes_over = bytes % kEchoMessage;
  return progress_add(&progress, bytes / kEchoMessage);
}

static void serve(int epoll) {
  struct epoll_event events[kEchoClients];
  for (;;) {
    const int n = epoll_wait(epoll, events, kEchoClients, -1);
    CHECK(n > 0);
    for (int i = 0; i < n; ++i) {
      if (echo(events[i].data.fd)) return;
    }
  }
}

int main(int argc, char **argv) {
  int connections[kEchoClients], port;
  const long ops = bench_start(argc, argv, 40000);
  const int listener = listen_on_loopback(&port);
  const pid_t load = start_load(echo_load, listener, port);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  for (int i = 0; i < kEchoClients; ++i) {
    const int fd = connections[i] = accept_one(listener);
    struct epoll_event interest = {.events = EPOLLIN, .data = {.fd = fd}};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest) == 0);
  }
  progress_init(&progress, "echo", ops / 10, ops);
  serve(epoll);
  for (int i = 0; i < kEchoClients; ++i) close(connections[i]);
  close(listener);
  wait_for_load(load);
  bench_finish();
  return 0;
}

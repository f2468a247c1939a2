/* A proxy by epoll, read and write: the work of proxy.c without an event library; the same for both
 * maxima. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

static char buffer[kBulkWrite];
static size_t filled, sent;
static struct progress progress;

static void await(int epoll, int fd, uint32_t what) {
  struct epoll_event event = {.events = what, .data = {.fd = fd}};
  CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0);
}

/* Returns 0 when the receiver accepts no more bytes. */
static int forward(int fd) {
  while (sent < filled) {
    const ssize_t n = write(fd, buffer + sent, filled - sent);
    CHECK(n > 0 || errno == EAGAIN);
    if (n < 0) return 0;
    sent += (size_t)n;
  }
  return 1;
}

/* Watches the receiver for writing, not the sender for reading, while bytes are queued. */
static void turn(int epoll, int in, int out) {
  size_t bytes = 0;
  for (;;) {
    struct epoll_event ready;
    CHECK(epoll_wait(epoll, &ready, 1, -1) == 1);
    if (ready.data.fd == out) {
      if (!forward(out)) continue;
      await(epoll, out, 0);
      await(epoll, in, EPOLLIN);
      continue;
    }
    const ssize_t n = read(in, buffer, sizeof buffer);
    CHECK(n > 0);
    filled = (size_t)n;
    sent = 0;
    bytes += filled;
    if (progress_add(&progress, (long)(bytes / kBulkWrite))) return;
    bytes %= kBulkWrite;
    if (forward(out)) continue;
    await(epoll, in, 0);
    await(epoll, out, EPOLLOUT);
  }
}

static void run(const char *name, long ops) {
  int port;
  const int listener = listen_on_loopback(&port);
  const pid_t load = start_load(proxy_load, listener, port);
  const int in = accept_one(listener), out = accept_one(listener);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event read_in = {.events = EPOLLIN, .data = {.fd = in}}, none = {.data = {.fd = out}};
  CHECK(epoll >= 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, in, &read_in) == 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, out, &none) == 0);
  progress_init(&progress, name, ops / 10, ops);
  turn(epoll, in, out);
  close(in);
  close(out);
  close(epoll);
  close(listener);
  wait_for_load(load);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, 8192);
  run("proxy", ops);
  run("proxy_large", ops);
  bench_finish();
  return 0;
}

/* Accepting by epoll and accept4 until EAGAIN: the work of accept.c without an event library. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

/* Accepts all pending connections; returns 1 when the required number is reached. */
static int accept_all(int listener, struct progress *progress) {
  for (;;) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    const int fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      CHECK(errno == EAGAIN);
      return 0;
    }
    CHECK(close(fd) == 0);
    if (progress_add(progress, 1)) return 1;
  }
}

int main(int argc, char **argv) {
  struct progress progress;
  struct epoll_event ready;
  int port;
  const long ops = bench_start(argc, argv, 20000);
  const int listener = listen_on_loopback(&port);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event interest = {.events = EPOLLIN, .data = {.fd = listener}};
  CHECK(epoll >= 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &interest) == 0);
  progress_init(&progress, "accept", ops / 10, ops);
  const pid_t load = start_load(connect_load, listener, port);
  do {
    CHECK(epoll_wait(epoll, &ready, 1, -1) == 1);
  } while (!accept_all(listener, &progress));
  close(epoll);
  close(listener);
  wait_for_load(load);
  bench_finish();
  return 0;
}

/* Bulk send by epoll with write or sendfile: the work of send.c without an event library. */
#define _GNU_SOURCE
#include "send.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>

static const char *name;
static int file;

/* Sends one block, or the rest of it; returns the number of bytes sent. */
static ssize_t send_memory(int fd, size_t sent) { return write(fd, send_data + sent, kBulkWrite - sent); }

static ssize_t send_file(int fd, size_t sent) {
  static long block;
  off_t offset = (off_t)(block % kFileBlocks) * kBulkWrite + (off_t)sent;
  const ssize_t n = sendfile(fd, file, &offset, kBulkWrite - sent);
  if (n > 0 && sent + (size_t)n == kBulkWrite) ++block;
  return n;
}

static ssize_t (*send_some)(int fd, size_t sent);

static void send_blocks(int fd, int epoll, long ops) {
  struct progress progress;
  size_t sent = 0;
  progress_init(&progress, name, ops / 10, ops);
  for (;;) {
    const ssize_t n = send_some(fd, sent);
    if (n < 0) {
      struct epoll_event ready;
      CHECK(errno == EAGAIN);
      CHECK(epoll_wait(epoll, &ready, 1, -1) == 1);
      continue;
    }
    sent += (size_t)n;
    if (sent < kBulkWrite) continue;
    sent = 0;
    if (progress_add(&progress, 1)) return;
  }
}

static void run(int fd, long ops) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event interest = {.events = EPOLLOUT, .data = {.fd = fd}};
  CHECK(epoll >= 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest) == 0);
  send_blocks(fd, epoll, ops);
  CHECK(close(fd) == 0 && close(epoll) == 0);
}

static void measure_send(const char *what, ssize_t (*some)(int fd, size_t sent), long ops) {
  name = what;
  send_some = some;
  send_to_sink(run, ops);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kSendOps);
  file = send_open_file();
  measure_send("send_copy", send_memory, ops);
  measure_send("send_reference", send_memory, ops);
  measure_send("send_file", send_file, ops);
  bench_finish();
  return 0;
}

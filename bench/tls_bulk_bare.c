/* Bulk transfer by epoll, SSL_read and SSL_write: the work of tls_bulk.c without an event library. */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"
#include "tls.h"

static struct progress progress;
static size_t bytes_over;

/* Returns 1 when enough blocks were moved. */
static int count(int bytes) {
  const size_t all = bytes_over + (size_t)bytes;
  bytes_over = all % kBulkWrite;
  return progress_add(&progress, (long)(all / kBulkWrite));
}

static int receive(SSL *ssl) {
  static char block[kBulkWrite];
  int n;
  while ((n = SSL_read(ssl, block, sizeof block)) > 0) {
    if (count(n)) return 1;
  }
  CHECK(SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ);
  return 0;
}

static int send_blocks(SSL *ssl) {
  static const char block[kBulkWrite];
  int n;
  while ((n = SSL_write(ssl, block, sizeof block)) > 0) {
    if (count(n)) return 1;
  }
  CHECK(SSL_get_error(ssl, n) == SSL_ERROR_WANT_WRITE);
  return 0;
}

static void run(SSL_CTX *ctx, const char *name, long ops, int sends) {
  int port;
  const int listener = listen_on_loopback(&port);
  const pid_t load = start_load(sends ? tls_sink_load : tls_bulk_load, listener, port);
  const int fd = accept_one(listener);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event interest = {.events = sends ? EPOLLOUT : EPOLLIN, .data = {.fd = fd}}, ready;
  SSL *ssl = tls_accept(ctx, fd);
  CHECK(epoll >= 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest) == 0);
  bytes_over = 0;
  progress_init(&progress, name, ops / 10, ops);
  do {
    CHECK(epoll_wait(epoll, &ready, 1, -1) == 1);
  } while (!(sends ? send_blocks(ssl) : receive(ssl)));
  SSL_free(ssl);
  close(epoll);
  close(fd);
  close(listener);
  wait_for_load(load);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, 12000);
  SSL_CTX *ctx = tls_server_context();
  run(ctx, "tls_receive", ops, 0);
  run(ctx, "tls_receive_large", ops, 0);
  run(ctx, "tls_send", ops, 1);
  bench_finish();
  SSL_CTX_free(ctx);
  return 0;
}

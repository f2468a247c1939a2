/* Echo by epoll, SSL_read and SSL_write: the work of tls_echo.c without an event library. */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"
#include "tls.h"

static struct progress progress;
static long bytes_over;

/* Returns 1 when enough messages went back. */
static int echo(SSL *ssl) {
  char buffer[4096];
  int n;
  while ((n = SSL_read(ssl, buffer, sizeof buffer)) > 0) {
    const long bytes = n + bytes_over;
    CHECK(SSL_write(ssl, buffer, n) == n);
    bytes_over = bytes % kEchoMessage;
    if (progress_add(&progress, bytes / kEchoMessage)) return 1;
  }
  CHECK(SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ);
  return 0;
}

static void serve(int epoll) {
  struct epoll_event events[kEchoClients];
  for (;;) {
    const int n = epoll_wait(epoll, events, kEchoClients, -1);
    CHECK(n > 0);
    for (int i = 0; i < n; ++i) {
      if (echo(events[i].data.ptr)) return;
    }
  }
}

int main(int argc, char **argv) {
  SSL *connections[kEchoClients];
  int fds[kEchoClients], port;
  const long ops = bench_start(argc, argv, 60000);
  const int listener = listen_on_loopback(&port);
  SSL_CTX *ctx = tls_server_context();
  const pid_t load = start_load(tls_echo_load, listener, port);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  for (int i = 0; i < kEchoClients; ++i) fds[i] = accept_one(listener);
  for (int i = 0; i < kEchoClients; ++i) {
    struct epoll_event interest = {.events = EPOLLIN, .data = {.ptr = NULL}};
    interest.data.ptr = connections[i] = tls_accept(ctx, fds[i]);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &interest) == 0);
  }
  progress_init(&progress, "tls_echo", ops / 10, ops);
  serve(epoll);
  for (int i = 0; i < kEchoClients; ++i) close(fds[i]);
  for (int i = 0; i < kEchoClients; ++i) SSL_free(connections[i]);
  close(listener);
  wait_for_load(load);
  bench_finish();
  SSL_CTX_free(ctx);
  return 0;
}

/* Echo by TLS bufferevents: 50 clients, each with one 64-byte message in flight. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <unistd.h>

#include "bench.h"
#include "tls.h"

static struct event_base *base;
static struct progress progress;
static long bytes_over; /* beyond whole messages */
static int finished;

static void on_read(struct bufferevent *bev, void *arg) {
  struct evbuffer *input = bufferevent_get_input(bev);
  const long bytes = (long)evbuffer_get_length(input) + bytes_over;
  (void)arg;
  if (finished) return;
  CHECK(bufferevent_write_buffer(bev, input) == 0);
  bytes_over = bytes % kEchoMessage;
  if (progress_add(&progress, bytes / kEchoMessage)) {
    finished = 1;
    CHECK(event_base_loopbreak(base) == 0);
  }
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)arg;
  if (what != BEV_EVENT_CONNECTED) fail("a client's connection ended early, event 0x%x", (unsigned)what);
}

static struct bufferevent *serve(SSL_CTX *ctx, int fd) {
  struct bufferevent *bev = bufferevent_openssl_socket_new(base, fd, SSL_new(ctx), BUFFEREVENT_SSL_ACCEPTING,
                                                           BEV_OPT_CLOSE_ON_FREE);
  CHECK(bev != NULL);
  bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
  CHECK(bufferevent_enable(bev, EV_READ) == 0);
  return bev;
}

int main(int argc, char **argv) {
  struct bufferevent *connections[kEchoClients];
  int port;
  const long ops = bench_start(argc, argv, 60000);
  const int listener = listen_on_loopback(&port);
  SSL_CTX *ctx = tls_server_context();
  const pid_t load = start_load(tls_echo_load, listener, port);
  base = event_base_new();
  CHECK(base != NULL);
  for (int i = 0; i < kEchoClients; ++i) connections[i] = serve(ctx, accept_one(listener));
  progress_init(&progress, "tls_echo", ops / 10, ops);
  CHECK(event_base_dispatch(base) == 0);
  CHECK(finished);
  for (int i = 0; i < kEchoClients; ++i) bufferevent_free(connections[i]);
  event_base_free(base);
  close(listener);
  wait_for_load(load);
  bench_finish();
  SSL_CTX_free(ctx);
  return 0;
}

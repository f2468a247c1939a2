/* Bulk transfer by a TLS bufferevent: one full stream in, drained in the read callback, which sees at most 16
 * KiB each time; the same with a large maximum; then one stream out. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <unistd.h>

#include "bench.h"
#include "tls.h"

enum { kLargeRead = 262144 };

static struct event_base *base;
static struct progress progress;
static size_t bytes_over; /* beyond whole blocks */
static int finished;

static void count(size_t bytes) {
  bytes += bytes_over;
  bytes_over = bytes % kBulkWrite;
  if (finished || !progress_add(&progress, (long)(bytes / kBulkWrite))) return;
  finished = 1;
  CHECK(event_base_loopbreak(base) == 0);
}

static void on_read(struct bufferevent *bev, void *arg) {
  struct evbuffer *input = bufferevent_get_input(bev);
  const size_t length = evbuffer_get_length(input);
  (void)arg;
  CHECK(evbuffer_drain(input, length) == 0);
  count(length);
}

/* One block is in flight at a time; it is counted when it was sent. */
static void on_write(struct bufferevent *bev, void *arg) {
  static const char block[kBulkWrite];
  (void)arg;
  count(kBulkWrite);
  if (!finished) CHECK(bufferevent_write(bev, block, sizeof block) == 0);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  if (what != BEV_EVENT_CONNECTED) fail("the peer's connection ended early, event 0x%x", (unsigned)what);
  if (arg) on_write(bev, NULL);
}

static void run(SSL_CTX *ctx, const char *name, long ops, int sends, size_t max_read) {
  int port;
  const int listener = listen_on_loopback(&port);
  const pid_t load = start_load(sends ? tls_sink_load : tls_bulk_load, listener, port);
  struct bufferevent *bev;
  base = event_base_new();
  CHECK(base != NULL);
  bev = bufferevent_openssl_socket_new(base, accept_one(listener), SSL_new(ctx), BUFFEREVENT_SSL_ACCEPTING,
                                       BEV_OPT_CLOSE_ON_FREE);
  CHECK(bev != NULL);
  bufferevent_setcb(bev, on_read, sends ? on_write : NULL, on_event, sends ? ctx : NULL);
  if (max_read > 0) CHECK(bufferevent_set_max_single_read(bev, max_read) == 0);
  CHECK(bufferevent_enable(bev, EV_READ) == 0);
  bytes_over = 0;
  finished = 0;
  progress_init(&progress, name, ops / 10, ops);
  CHECK(event_base_dispatch(base) == 0);
  CHECK(finished);
  bufferevent_free(bev);
  event_base_free(base);
  close(listener);
  wait_for_load(load);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, 12000);
  SSL_CTX *ctx = tls_server_context();
  run(ctx, "tls_receive", ops, 0, 0);
  run(ctx, "tls_receive_large", ops, 0, kLargeRead);
  run(ctx, "tls_send", ops, 1, 0);
  bench_finish();
  SSL_CTX_free(ctx);
  return 0;
}

/* A proxy by two bufferevents: data received by one is moved to the other; reading is suspended while the
 * output is too large. Once with the default maximum for single reads, and once with a large one. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

enum { kHighWater = 512 * 1024 };

static struct event_base *base;
static struct bufferevent *in, *out;
static struct progress progress;
static size_t bytes_over; /* beyond whole blocks */

static void on_read(struct bufferevent *bev, void *arg) {
  struct evbuffer *input = bufferevent_get_input(bev);
  const size_t bytes = evbuffer_get_length(input) + bytes_over;
  (void)arg;
  CHECK(bufferevent_write_buffer(out, input) == 0);
  if (evbuffer_get_length(bufferevent_get_output(out)) >= kHighWater) {
    CHECK(bufferevent_disable(in, EV_READ) == 0);
  }
  bytes_over = bytes % kBulkWrite;
  if (!progress_add(&progress, (long)(bytes / kBulkWrite))) return;
  bufferevent_free(in);
  bufferevent_free(out);
  CHECK(event_base_loopbreak(base) == 0);
}

static void on_written(struct bufferevent *bev, void *arg) {
  (void)bev;
  (void)arg;
  CHECK(bufferevent_enable(in, EV_READ) == 0);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)arg;
  fail("a connection ended early, event 0x%x", (unsigned)what);
}

static struct bufferevent *connection(int fd) {
  struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
  CHECK(bev != NULL);
  return bev;
}

static void run(const char *name, size_t max_single_read, long ops) {
  int port;
  const int listener = listen_on_loopback(&port);
  const pid_t load = start_load(proxy_load, listener, port);
  base = event_base_new();
  CHECK(base != NULL);
  in = connection(accept_one(listener));
  out = connection(accept_one(listener));
  CHECK(bufferevent_set_max_single_read(in, max_single_read) == 0);
  bufferevent_setcb(in, on_read, NULL, on_event, NULL);
  bufferevent_setcb(out, NULL, on_written, on_event, NULL);
  bytes_over = 0;
  progress_init(&progress, name, ops / 10, ops);
  CHECK(bufferevent_enable(in, EV_READ) == 0);
  CHECK(event_base_dispatch(base) == 0);
  event_base_free(base);
  close(listener);
  wait_for_load(load);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, 8192);
  run("proxy", 0, ops);
  run("proxy_large", 1 << 20, ops);
  bench_finish();
  return 0;
}

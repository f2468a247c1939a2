/* Bulk receive by a bufferevent: one full TCP stream, drained in the read callback; once with the default
 * maximum for single reads, and once with a large one. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

static struct event_base *base;
static struct progress progress;
static size_t bytes_over; /* beyond whole blocks */

static void on_read(struct bufferevent *bev, void *arg) {
  struct evbuffer *input = bufferevent_get_input(bev);
  const size_t length = evbuffer_get_length(input), bytes = length + bytes_over;
  (void)arg;
  CHECK(evbuffer_drain(input, length) == 0);
  bytes_over = bytes % kBulkWrite;
  if (progress_add(&progress, (long)(bytes / kBulkWrite))) {
    bufferevent_free(bev);
    CHECK(event_base_loopbreak(base) == 0);
  }
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)arg;
  fail("the sender's connection ended early, event 0x%x", (unsigned)what);
}

static void run(const char *name, size_t max_single_read, long ops) {
  int port;
  const int listener = listen_on_loopback(&port);
  const pid_t load = start_load(bulk_load, listener, port);
  base = event_base_new();
  CHECK(base != NULL);
  struct bufferevent *bev = bufferevent_socket_new(base, accept_one(listener), BEV_OPT_CLOSE_ON_FREE);
  CHECK(bev != NULL);
  CHECK(bufferevent_set_max_single_read(bev, max_single_read) == 0);
  bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
  CHECK(bufferevent_enable(bev, EV_READ) == 0);
  bytes_over = 0;
  progress_init(&progress, name, ops / 10, ops);
  CHECK(event_base_dispatch(base) == 0);
  event_base_free(base);
  close(listener);
  wait_for_load(load);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, 16384);
  run("bulk", 0, ops);
  run("bulk_large", 1 << 20, ops);
  bench_finish();
  return 0;
}

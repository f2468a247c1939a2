/* Bulk receive by a bufferevent: one full TCP stream, drained in the read callback. */
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

int main(int argc, char **argv) {
  int port;
  const long ops = bench_start(argc, argv, 16384);
  const int listener = listen_on_loopback(&port);
  const pid_t load = start_load(bulk_load, listener, port);
  base = event_base_new();
  CHECK(base != NULL);
  struct bufferevent *bev = bufferevent_socket_new(base, accept_one(listener), BEV_OPT_CLOSE_ON_FREE);
  CHECK(bev != NULL);
  bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
  CHECK(bufferevent_enable(bev, EV_READ) == 0);
  progress_init(&progress, "bulk", ops / 10, ops);
  CHECK(event_base_dispatch(base) == 0);
  event_base_free(base);
  close(listener);
  wait_for_load(load);
  bench_finish();
  return 0;
}

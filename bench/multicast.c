/* One message of 1 MiB to 200 connections by evbuffer_add_buffer_reference, and the heap memory that it
 * needs. */
#include "multicast.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "heap.h"

static struct event_base *base;
static struct multicast multicast;
static struct bufferevent *connections[kMulticastClients];
static struct evbuffer *message;
static struct progress progress;
static int waiting, finished;

static void send_to_all(void) {
  for (int i = 0; i < kMulticastClients; ++i) {
    CHECK(evbuffer_add_buffer_reference(bufferevent_get_output(connections[i]), message) == 0);
  }
  waiting = kMulticastClients;
}

static void on_written(struct bufferevent *bev, void *arg) {
  (void)bev;
  (void)arg;
  if (finished || --waiting > 0) return;
  if (progress_add(&progress, kMulticastClients)) {
    finished = 1;
    CHECK(event_base_loopbreak(base) == 0);
    return;
  }
  send_to_all();
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)arg;
  fail("a receiver's connection ended early, event 0x%x", (unsigned)what);
}

static struct bufferevent *serve(int fd) {
  struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
  CHECK(bev != NULL);
  bufferevent_setcb(bev, NULL, on_written, on_event, NULL);
  return bev;
}

static struct evbuffer *make_message(void) {
  static char piece[kPiece];
  struct evbuffer *buffer = evbuffer_new();
  CHECK(buffer != NULL);
  for (int i = 0; i < kPieces; ++i) CHECK(evbuffer_add(buffer, piece, sizeof piece) == 0);
  return buffer;
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kMulticastOps);
  event_set_mem_functions(heap_malloc, heap_realloc, heap_free);
  multicast_open(&multicast);
  base = event_base_new();
  CHECK(base != NULL);
  for (int i = 0; i < kMulticastClients; ++i) connections[i] = serve(multicast.fds[i]);
  message = make_message();
  const struct heap before = heap;
  send_to_all();
  const struct heap after = heap;
  progress_init(&progress, "multicast", ops / 10, ops);
  CHECK(event_base_dispatch(base) == 0);
  CHECK(finished);
  printf("multicast_heap %d %ld\n", kMulticastClients, after.bytes - before.bytes);
  printf("multicast_allocations %d %ld\n", kMulticastClients, after.allocations - before.allocations);
  for (int i = 0; i < kMulticastClients; ++i) bufferevent_free(connections[i]);
  evbuffer_free(message);
  event_base_free(base);
  multicast_close(&multicast);
  bench_finish();
  return 0;
}

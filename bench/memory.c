/* Heap bytes per idle bufferevent: as created, and after each has sent and received one message. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>

#include "bench.h"
#include "heap.h"
#include "net.h"

enum { kMessage = 64 };

static long received;
static struct event_base *base;

/* Each end receives the message that its peer wrote, and is idle again. */
static void on_read(struct bufferevent *bev, void *arg) {
  struct evbuffer *input = bufferevent_get_input(bev);
  (void)arg;
  received += (long)evbuffer_get_length(input);
  CHECK(evbuffer_drain(input, evbuffer_get_length(input)) == 0);
}

static void on_write(struct bufferevent *bev, void *arg) {
  (void)bev;
  (void)arg;
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)arg;
  fail("a connection ended, event 0x%x", (unsigned)what);
}

static struct bufferevent *serve(int fd) {
  struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
  CHECK(bev != NULL);
  bufferevent_setcb(bev, on_read, on_write, on_event, NULL);
  CHECK(bufferevent_enable(bev, EV_READ) == 0);
  return bev;
}

static void exchange_messages(struct bufferevent **connections, long n) {
  static const char message[kMessage];
  for (long i = 0; i < n; ++i) CHECK(bufferevent_write(connections[i], message, sizeof message) == 0);
  while (received < n * kMessage) CHECK(event_base_loop(base, EVLOOP_ONCE) == 0);
}

/* Prints "name count bytes". The loop runs once first: deferred work may allocate. */
static void print_bytes(const char *name, long n, long before) {
  CHECK(event_base_loop(base, EVLOOP_NONBLOCK) == 0);
  printf("%s %ld %ld\n", name, n, heap.bytes - before);
}

int main(int argc, char **argv) {
  const long n = bench_start(argc, argv, 10000) / 2 * 2;
  CHECK(allow_descriptors(n));
  event_set_mem_functions(heap_malloc, heap_realloc, heap_free);
  struct bufferevent **connections = calloc((size_t)n, sizeof *connections);
  base = event_base_new();
  CHECK(connections != NULL && base != NULL);
  const long before = heap.bytes;
  for (long i = 0; i < n; i += 2) {
    int fds[2];
    make_pair(fds);
    connections[i] = serve(fds[0]);
    connections[i + 1] = serve(fds[1]);
  }
  print_bytes("memory_idle", n, before);
  exchange_messages(connections, n);
  print_bytes("memory_after_message", n, before);
  for (long i = 0; i < n; ++i) bufferevent_free(connections[i]);
  event_base_free(base);
  free(connections);
  bench_finish();
  return 0;
}

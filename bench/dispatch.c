/* Dispatch by events: 1000 socket pairs, 100 bytes going round, one persistent read event per pair. */
#include "dispatch.h"

#include <event2/event.h>

static struct ring ring;
static struct event_base *base;
static struct progress progress;
static int finished;

static void on_readable(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  if (finished) return; /* the rest of the batch after the last hop */
  ring_hop(&ring, (int)(intptr_t)arg);
  if (progress_add(&progress, 1)) {
    finished = 1;
    CHECK(event_base_loopbreak(base) == 0);
  }
}

int main(int argc, char **argv) {
  static struct event *events[kPairs];
  const long ops = bench_start(argc, argv, kDispatchOps);
  ring_init(&ring);
  base = event_base_new();
  CHECK(base != NULL);
  for (intptr_t i = 0; i < kPairs; ++i) {
    events[i] = event_new(base, ring.in[i], EV_READ | EV_PERSIST, on_readable, (void *)i);
    CHECK(events[i] != NULL && event_add(events[i], NULL) == 0);
  }
  progress_init(&progress, "dispatch", ops / 10, ops);
  ring_start(&ring);
  CHECK(event_base_dispatch(base) == 0);
  CHECK(finished);
  for (int i = 0; i < kPairs; ++i) event_free(events[i]);
  event_base_free(base);
  bench_finish();
  return 0;
}

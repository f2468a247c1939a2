/* Dispatch by libev: the work of dispatch.c on ev_io. */
#include "dispatch.h"

#include <ev.h>

static struct ring ring;
static struct progress progress;
static int finished;

static void on_readable(EV_P_ ev_io *watcher, int what) {
  (void)what;
  if (finished) return; /* the rest of the batch after the last hop */
  ring_hop(&ring, (int)(intptr_t)watcher->data);
  if (progress_add(&progress, 1)) {
    finished = 1;
    ev_break(EV_A_ EVBREAK_ALL);
  }
}

int main(int argc, char **argv) {
  static ev_io watchers[kPairs];
  const long ops = bench_start(argc, argv, kDispatchOps);
  struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
  CHECK(loop != NULL);
  ring_init(&ring);
  for (intptr_t i = 0; i < kPairs; ++i) {
    ev_io_init(&watchers[i], on_readable, ring.in[i], EV_READ);
    watchers[i].data = (void *)i;
    ev_io_start(loop, &watchers[i]);
  }
  progress_init(&progress, "dispatch", ops / 10, ops);
  ring_start(&ring);
  ev_run(loop, 0);
  CHECK(finished);
  ev_loop_destroy(loop);
  bench_finish();
  return 0;
}

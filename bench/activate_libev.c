/* Events made active by the program itself: the work of activate.c by ev_feed_event. libev has five
 * priorities. */
#include <ev.h>

#include "activate.h"

static struct ev_loop *loop;
static ev_prepare watchers[kActivated];
static long calls, passes;

static void on_active(EV_P_ ev_prepare *watcher, int what) {
  (void)EV_A;
  (void)watcher;
  (void)what;
  ++calls;
}

static void pass(void) {
  for (int i = 0; i < kActivated; ++i) ev_feed_event(loop, &watchers[i], EV_CUSTOM);
  ev_run(loop, EVRUN_NOWAIT);
  CHECK(calls == ++passes * kActivated);
}

static void run(const char *name, int priorities, long ops) {
  calls = passes = 0;
  for (int i = 0; i < kActivated; ++i) {
    ev_prepare_init(&watchers[i], on_active);
    ev_set_priority(&watchers[i], priorities > 1 ? EV_MINPRI + i % (EV_MAXPRI - EV_MINPRI + 1) : 0);
  }
  activate_run(name, pass, ops);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kActivateOps);
  loop = ev_loop_new(EVFLAG_AUTO);
  CHECK(loop != NULL);
  run("activate", 1, ops);
  run("activate_priorities", kPriorities, ops);
  ev_loop_destroy(loop);
  bench_finish();
  return 0;
}

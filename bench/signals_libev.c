/* Signals by libev: the work of signals.c on an ev_signal. */
#include <ev.h>
#include <signal.h>

#include "bench.h"

static struct progress progress;

static void on_signal(EV_P_ ev_signal *watcher, int what) {
  (void)what;
  if (progress_add(&progress, 1))
    ev_break(EV_A_ EVBREAK_ALL);
  else
    CHECK(raise(watcher->signum) == 0);
}

int main(int argc, char **argv) {
  ev_signal watcher;
  const long ops = bench_start(argc, argv, 100000);
  struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
  CHECK(loop != NULL);
  ev_signal_init(&watcher, on_signal, SIGUSR1);
  ev_signal_start(loop, &watcher);
  progress_init(&progress, "signals", ops / 10, ops);
  CHECK(raise(SIGUSR1) == 0);
  ev_run(loop, 0);
  ev_signal_stop(loop, &watcher);
  ev_loop_destroy(loop);
  bench_finish();
  return 0;
}

/* Signals: raised in the callback of the one before. */
#include <event2/event.h>
#include <signal.h>

#include "bench.h"

static struct event_base *base;
static struct progress progress;

static void on_signal(evutil_socket_t number, short what, void *arg) {
  (void)what;
  (void)arg;
  if (progress_add(&progress, 1))
    CHECK(event_base_loopbreak(base) == 0);
  else
    CHECK(raise((int)number) == 0);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, 100000);
  base = event_base_new();
  CHECK(base != NULL);
  struct event *event = event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, on_signal, NULL);
  CHECK(event != NULL && event_add(event, NULL) == 0);
  progress_init(&progress, "signals", ops / 10, ops);
  CHECK(raise(SIGUSR1) == 0);
  CHECK(event_base_dispatch(base) == 0);
  event_free(event);
  event_base_free(base);
  bench_finish();
  return 0;
}

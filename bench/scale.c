/* Active descriptors among many registered ones: persistent read events on eventfds. */
#include "scale.h"

#include <event2/event.h>

static struct event_base *base;
static struct progress progress;
static int finished;

static void on_readable(evutil_socket_t fd, short what, void *arg) {
  (void)what;
  (void)arg;
  if (finished) return; /* the rest of the batch after the last hop */
  scale_hop(fd);
  if (progress_add(&progress, 1)) {
    finished = 1;
    CHECK(event_base_loopbreak(base) == 0);
  }
}

static void run_step(const struct scale_step *step, long ops) {
  static int fds[kScaleMost];
  static struct event *events[kScaleMost];
  base = event_base_new();
  CHECK(base != NULL);
  scale_open(step, fds);
  for (int i = 0; i < step->registered; ++i) {
    events[i] = event_new(base, fds[i], EV_READ | EV_PERSIST, on_readable, NULL);
    CHECK(events[i] != NULL && event_add(events[i], NULL) == 0);
  }
  finished = 0;
  progress_init(&progress, step->name, ops / 10 + step->active, ops);
  CHECK(event_base_dispatch(base) == 0);
  CHECK(finished);
  for (int i = 0; i < step->registered; ++i) event_free(events[i]);
  scale_close(step, fds);
  event_base_free(base);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kScaleOps);
  scale_run(run_step, ops);
  bench_finish();
  return 0;
}

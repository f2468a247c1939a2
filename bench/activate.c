/* Events made active by the program itself, all of one priority and over eight of them. */
#include "activate.h"

#include <event2/event.h>

static struct event_base *base;
static struct event *events[kActivated];
static long calls, passes;

static void on_active(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  ++calls;
}

static void pass(void) {
  for (int i = 0; i < kActivated; ++i) event_active(events[i], EV_TIMEOUT, 1);
  CHECK(event_base_loop(base, 0) == 1); /* until none is active: no event is pending */
  CHECK(calls == ++passes * kActivated);
}

static void run(const char *name, int priorities, long ops) {
  base = event_base_new();
  CHECK(base != NULL && event_base_priority_init(base, priorities) == 0);
  calls = passes = 0;
  for (int i = 0; i < kActivated; ++i) {
    events[i] = event_new(base, -1, 0, on_active, NULL);
    CHECK(events[i] != NULL && event_priority_set(events[i], i % priorities) == 0);
  }
  activate_run(name, pass, ops);
  for (int i = 0; i < kActivated; ++i) event_free(events[i]);
  event_base_free(base);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kActivateOps);
  run("activate", 1, ops);
  run("activate_priorities", kPriorities, ops);
  bench_finish();
  return 0;
}

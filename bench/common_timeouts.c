/* 100 000 timers with one of three common timeouts: added, added again, deleted, run. */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "bench.h"

enum { kCommonTimers = 100000, kDelays = 3 };

static struct event_base *base;
static struct event timers[kCommonTimers];
static const struct timeval *far_delays[kDelays], *soon_delays[kDelays];
static long count, fired;

static void on_timer(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  ++fired;
}

static void make_common(const struct timeval **common, const struct timeval *delays) {
  for (int i = 0; i < kDelays; ++i) {
    common[i] = event_base_init_common_timeout(base, &delays[i]);
    CHECK(common[i] != NULL);
  }
}

static void add_all(const struct timeval **delays) {
  for (long i = 0; i < count; ++i) CHECK(event_add(&timers[i], delays[i % kDelays]) == 0);
}

static void add_far(void) { add_all(far_delays); }
static void add_soon(void) { add_all(soon_delays); }

static void delete_all(void) {
  for (long i = 0; i < count; ++i) CHECK(event_del(&timers[i]) == 0);
}

static void expire_all(void) {
  const long goal = fired + count;
  while (fired < goal) CHECK(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void wait_all_due(void) { sleep_ms(60); }

static void on_step(evutil_socket_t fd, short what, void *step) {
  (void)fd;
  (void)what;
  (*(void (**)(void))step)();
}

/* Adding and deleting happen in a callback, where programs handle their timers. */
static void run_in_callback(void (*step)(void)) {
  struct event event;
  CHECK(event_assign(&event, base, -1, 0, on_step, &step) == 0);
  event_active(&event, EV_TIMEOUT, 1);
  CHECK(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

static void measure(const char *name, void (*run)(void (*step)(void)), void (*step)(void)) {
  struct measure m;
  measure_begin(&m);
  run(step);
  measure_end(&m, name, count);
}

static void run_here(void (*step)(void)) { step(); }

int main(int argc, char **argv) {
  static const struct timeval far_values[kDelays] = {{30, 0}, {60, 0}, {300, 0}};
  static const struct timeval soon_values[kDelays] = {{0, 10000}, {0, 20000}, {0, 30000}};
  count = bench_start(argc, argv, kCommonTimers);
  CHECK(count <= kCommonTimers);
  base = event_base_new();
  CHECK(base != NULL);
  make_common(far_delays, far_values);
  make_common(soon_delays, soon_values);
  for (long i = 0; i < count; ++i) CHECK(event_assign(&timers[i], base, -1, 0, on_timer, NULL) == 0);
  run_in_callback(add_far); /* the warm-up */
  run_in_callback(delete_all);
  measure("common_add", run_in_callback, add_far);
  measure("common_readd", run_in_callback, add_far);
  measure("common_delete", run_in_callback, delete_all);
  run_in_callback(add_soon);
  wait_all_due();
  measure("common_expire", run_here, expire_all);
  event_base_free(base);
  bench_finish();
  return 0;
}

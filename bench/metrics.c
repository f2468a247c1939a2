/* What metrics cost: never enabled, enabled, and disabled again, on our library alone. */
#include <event2/event.h>
#include <event2/eventide.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

enum { kMetricsOps = 100000, kActive = 100, kSlices = 20, kKinds = 3 };
enum { kNever, kOn, kOff };

/* Each variant has its own base, and they run alternately, so that disturbances affect all of them equally.
 */
struct kind {
  const char *name;
  struct event_base *base;
  struct event *events[kActive];
  int fds[kActive];
  long done, goal;
  long long user_us, system_us;
};
static struct kind kinds[kKinds];

static void on_readable(evutil_socket_t fd, short what, void *arg) {
  struct kind *kind = arg;
  uint64_t value;
  (void)what;
  CHECK(read(fd, &value, sizeof value) == sizeof value);
  CHECK(write(fd, &value, sizeof value) == sizeof value);
  if (++kind->done == kind->goal) CHECK(event_base_loopbreak(kind->base) == 0);
}

static void open_kind(struct kind *kind, const char *name) {
  kind->name = name;
  kind->base = event_base_new();
  CHECK(kind->base != NULL);
  for (int i = 0; i < kActive; ++i) {
    kind->fds[i] = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(kind->fds[i] >= 0);
    kind->events[i] = event_new(kind->base, kind->fds[i], EV_READ | EV_PERSIST, on_readable, kind);
    CHECK(kind->events[i] != NULL && event_add(kind->events[i], NULL) == 0);
  }
}

static void close_kind(struct kind *kind) {
  for (int i = 0; i < kActive; ++i) {
    event_free(kind->events[i]);
    CHECK(close(kind->fds[i]) == 0);
  }
  event_base_free(kind->base);
}

static long long micros_between(struct timeval a, struct timeval b) {
  return (b.tv_sec - a.tv_sec) * 1000000LL + (b.tv_usec - a.tv_usec);
}

static void run_slice(struct kind *kind, long ops) {
  struct rusage before, after;
  kind->goal = kind->done + ops;
  CHECK(getrusage(RUSAGE_SELF, &before) == 0);
  CHECK(event_base_dispatch(kind->base) == 0);
  CHECK(getrusage(RUSAGE_SELF, &after) == 0);
  kind->user_us += micros_between(before.ru_utime, after.ru_utime);
  kind->system_us += micros_between(before.ru_stime, after.ru_stime);
}

static void warm_up(long ops) {
  for (int k = 0; k < kKinds; ++k) {
    run_slice(&kinds[k], ops);
    kinds[k].done = kinds[k].user_us = kinds[k].system_us = 0;
  }
}

int main(int argc, char **argv) {
  const long slice = bench_start(argc, argv, kMetricsOps) / kSlices + 1;
  open_kind(&kinds[kNever], "metrics_never");
  open_kind(&kinds[kOn], "metrics_on");
  open_kind(&kinds[kOff], "metrics_off");
  CHECK(eventide_metrics_enable(kinds[kOn].base) == 0);
  CHECK(eventide_metrics_enable(kinds[kOff].base) == 0);
  eventide_metrics_disable(kinds[kOff].base);
  warm_up(slice);
  for (int s = 0; s < kSlices; ++s) {
    for (int k = 0; k < kKinds; ++k) run_slice(&kinds[(s + k) % kKinds], slice);
  }
  for (int k = 0; k < kKinds; ++k) {
    printf("%s %ld %lld %lld\n", kinds[k].name, kinds[k].done, kinds[k].user_us, kinds[k].system_us);
    close_kind(&kinds[k]);
  }
  bench_finish();
  return 0;
}

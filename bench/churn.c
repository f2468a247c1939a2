/* Short-lived events: added and deleted in a callback, and one-shot events that add themselves again. */
#include "churn.h"

#include <event2/event.h>

static struct event_base *base;
static struct event *events[kChurnSockets];
static struct progress progress;
static int finished;

static void stop_when_done(long ops) {
  if (!progress_add(&progress, ops)) return;
  finished = 1;
  CHECK(event_base_loopbreak(base) == 0);
}

/* Between two of these passes the loop polls for ready descriptors, and applies a changelist. */
static void on_pass(evutil_socket_t fd, short what, void *pass) {
  (void)fd;
  (void)what;
  for (int i = 0; i < kChurnsPerPass; ++i) {
    CHECK(event_add(events[i % kChurnSockets], NULL) == 0);
    CHECK(event_del(events[i % kChurnSockets]) == 0);
  }
  event_active(*(struct event **)pass, EV_TIMEOUT, 1);
  stop_when_done(kChurnsPerPass);
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
  (void)what;
  (void)arg;
  fail("nothing was written to %d", (int)fd);
}

static void on_one_shot(evutil_socket_t fd, short what, void *arg) {
  (void)what;
  if (finished) return;
  churn_hop(fd);
  CHECK(event_add(events[(intptr_t)arg], NULL) == 0);
  stop_when_done(1);
}

static void start_base(int flags) {
  struct event_config *config = event_config_new();
  CHECK(config != NULL);
  if (flags) CHECK(event_config_set_flag(config, flags) == 0);
  base = event_base_new_with_config(config);
  CHECK(base != NULL);
  event_config_free(config);
  finished = 0;
}

static void end_base(const int *fds) {
  CHECK(finished);
  for (int i = 0; i < kChurnSockets; ++i) {
    event_free(events[i]);
    CHECK(close(fds[i]) == 0);
  }
  event_base_free(base);
}

static void add_and_delete(const char *name, int flags, long ops) {
  int fds[kChurnSockets];
  struct event *pass;
  start_base(flags);
  churn_open_sockets(fds);
  for (int i = 0; i < kChurnSockets; ++i) {
    events[i] = event_new(base, fds[i], EV_READ | EV_PERSIST, on_readable, NULL);
    CHECK(events[i] != NULL);
  }
  pass = event_new(base, -1, 0, on_pass, &pass);
  CHECK(pass != NULL);
  event_active(pass, EV_TIMEOUT, 1);
  progress_init(&progress, name, ops / 10, ops);
  CHECK(event_base_dispatch(base) == 0);
  event_free(pass);
  end_base(fds);
}

static void fire_once_again(long ops) {
  int fds[kChurnSockets];
  start_base(0);
  churn_open_active(fds);
  for (intptr_t i = 0; i < kChurnSockets; ++i) {
    events[i] = event_new(base, fds[i], EV_READ, on_one_shot, (void *)i);
    CHECK(events[i] != NULL && event_add(events[i], NULL) == 0);
  }
  progress_init(&progress, "churn_one_shot", ops / 10, ops);
  CHECK(event_base_dispatch(base) == 0);
  end_base(fds);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kChurnOps);
  add_and_delete("churn_add_del", 0, ops);
  add_and_delete("churn_changelist", EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, ops);
  fire_once_again(ops);
  bench_finish();
  return 0;
}

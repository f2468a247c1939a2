/* event2/eventide.h as a C program sees it: metrics on a real clock, versions of the struct, slow callbacks,
 * and JSON. */
#include <errno.h>
#include <event2/event.h>
#include <event2/eventide.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/check.h"

static long long now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void busy(long long ns) {
  const long long end = now_ns() + ns;
  while (now_ns() < end) {
  }
}

static void on_event(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  busy(*(long long *)arg);
}

static void on_event_again(evutil_socket_t fd, short what, void *arg) { on_event(fd, what, arg); }

struct reports {
  int count;
  struct event_base *base;
  struct eventide_slow_call last;
};

static void on_slow(struct event_base *base, const struct eventide_slow_call *call, void *arg) {
  struct reports *reports = arg;
  ++reports->count;
  reports->base = base;
  reports->last = *call;
}

static ev_uint64_t sum(const ev_uint64_t *buckets) {
  ev_uint64_t total = 0;
  int i;
  for (i = 0; i < EVENTIDE_METRICS_BUCKETS; ++i) total += buckets[i];
  return total;
}

TEST(null_and_disabled_metrics_are_rejected) {
  struct event_base *base = event_base_new();
  struct eventide_metrics m;
  CHECK(base != NULL);
  CHECK_INT_EQ(eventide_metrics_enable(NULL), -1);
  eventide_metrics_disable(NULL);
  CHECK_INT_EQ(eventide_metrics_reset(NULL), -1);
  CHECK_INT_EQ(eventide_metrics_get(NULL, &m, sizeof(m)), -1);
  CHECK_INT_EQ(eventide_set_slow_callback(NULL, NULL, NULL, NULL), -1);
  CHECK_INT_EQ(eventide_dump_json(NULL, stdout), -1);
  CHECK_INT_EQ(eventide_dump_json(base, NULL), -1);
  CHECK_INT_EQ(eventide_metrics_reset(base), -1);
  CHECK_INT_EQ(eventide_metrics_get(base, &m, sizeof(m)), -1);
  CHECK_INT_EQ(eventide_metrics_enable(base), 0);
  CHECK_INT_EQ(eventide_metrics_get(base, NULL, sizeof(m)), -1);
  CHECK_INT_EQ(eventide_metrics_get(base, &m, 0), -1);
  CHECK_INT_EQ(eventide_metrics_get(base, &m, sizeof(m)), 0);
  CHECK_INT_EQ(eventide_metrics_reset(base), 0);
  eventide_metrics_disable(base);
  CHECK_INT_EQ(eventide_metrics_get(base, &m, sizeof(m)), -1);
  event_base_free(base);
}

/* Struct sizes passed by an older and by a newer application. */
TEST(the_metrics_struct_may_be_shorter_or_longer) {
  struct event_base *base = event_base_new();
  struct {
    struct eventide_metrics m;
    ev_uint64_t unknown[4];
  } out;
  const size_t old_size = offsetof(struct eventide_metrics, wait_ns);
  const unsigned char *bytes = (const unsigned char *)&out;
  size_t i;
  long long duration = 0;
  struct event *ev = event_new(base, -1, 0, on_event, &duration);
  CHECK(base != NULL && ev != NULL);
  CHECK_INT_EQ(eventide_metrics_enable(base), 0);
  event_active(ev, EV_READ, 1);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);

  memset(&out, 0x5a, sizeof(out));
  CHECK_INT_EQ(eventide_metrics_get(base, &out.m, old_size), 0);
  CHECK_INT_EQ(out.m.iterations, 1);
  for (i = old_size; i < sizeof(out); ++i) CHECK_INT_EQ(bytes[i], 0x5a);
  memset(&out, 0x5a, sizeof(out));
  CHECK_INT_EQ(eventide_metrics_get(base, &out.m, sizeof(out)), 0);
  CHECK_INT_EQ(out.m.callbacks, 1);
  for (i = 0; i < 4; ++i) CHECK(out.unknown[i] == 0);
  event_free(ev);
  event_base_free(base);
}

TEST(metrics_measure_real_time_and_counts) {
  struct event_base *base = event_base_new();
  long long quick = 0, slow = 3000000;
  const struct timeval delay = {0, 5000};
  struct eventide_metrics m;
  const long long begin = now_ns();
  struct event *timer = event_new(base, -1, 0, on_event, &quick);
  struct event *reader;
  int fds[2];
  CHECK(base != NULL && timer != NULL);
  CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  reader = event_new(base, fds[0], EV_READ, on_event_again, &slow);
  CHECK(reader != NULL);
  CHECK_INT_EQ(eventide_metrics_enable(base), 0);
  CHECK_INT_EQ(event_add(timer, &delay), 0);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(event_add(reader, NULL), 0);
  CHECK_INT_EQ(write(fds[1], "x", 1), 1);
  CHECK_INT_EQ(event_base_dispatch(base), 1);

  CHECK_INT_EQ(eventide_metrics_get(base, &m, sizeof(m)), 0);
  CHECK_INT_EQ(m.callbacks, 2);
  CHECK_INT_EQ(m.reads, 1);
  CHECK_INT_EQ(m.timeouts, 1);
  CHECK_INT_EQ(m.timers_due, 1);
  CHECK_INT_EQ(sum(m.callback_time), 2);
  CHECK_INT_EQ(sum(m.timer_lateness), 1);
  CHECK(m.iterations >= 2);
  CHECK(m.callback_ns >= 3000000);
  CHECK(m.wait_ns + m.callback_ns <= m.elapsed_ns);
  CHECK(m.elapsed_ns >= 8000000 && m.elapsed_ns <= (ev_uint64_t)(now_ns() - begin));
  CHECK(m.slowest[0].callback == (const void *)(size_t)on_event_again);
  CHECK(m.slowest[0].worst_ns >= 3000000);
  CHECK(m.slowest[1].callback == (const void *)(size_t)on_event);
  CHECK(m.slowest[2].callback == NULL);
  event_free(timer);
  event_free(reader);
  close(fds[0]);
  close(fds[1]);
  event_base_free(base);
}

TEST(slow_callbacks_are_reported) {
  struct event_base *base = event_base_new();
  struct reports reports = {0, NULL, {NULL, NULL, 0, 0, 0}};
  struct timeval threshold = {0, 2000};
  long long slow = 2500000;
  struct event *ev = event_new(base, -1, 0, on_event, &slow);
  CHECK(base != NULL && ev != NULL);
  threshold.tv_usec = 1000000;
  CHECK_INT_EQ(eventide_set_slow_callback(base, &threshold, on_slow, &reports), -1);
  threshold.tv_usec = -1;
  CHECK_INT_EQ(eventide_set_slow_callback(base, &threshold, on_slow, &reports), -1);
  threshold.tv_usec = 0;
  threshold.tv_sec = -1;
  CHECK_INT_EQ(eventide_set_slow_callback(base, &threshold, on_slow, &reports), -1);

  threshold.tv_sec = 0;
  threshold.tv_usec = 2000;
  CHECK_INT_EQ(eventide_set_slow_callback(base, &threshold, on_slow, &reports), 0);
  event_active(ev, EV_WRITE, 1);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(reports.count, 1);
  CHECK(reports.base == base);
  CHECK(reports.last.callback == (const void *)(size_t)on_event);
  CHECK(reports.last.callback_arg == &slow);
  CHECK_INT_EQ(reports.last.fd, -1);
  CHECK_INT_EQ(reports.last.what, EV_WRITE);
  CHECK(reports.last.duration_ns >= 2500000);

  /* Longer than any callback: the largest there is. */
  threshold.tv_sec = sizeof(threshold.tv_sec) > 4 ? (time_t)0x7fffffffffffffffLL : 0x7fffffff;
  CHECK_INT_EQ(eventide_set_slow_callback(base, &threshold, on_slow, &reports), 0);
  event_active(ev, EV_WRITE, 1);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(reports.count, 1);
  threshold.tv_sec = threshold.tv_usec = 0;
  CHECK_INT_EQ(eventide_set_slow_callback(base, &threshold, on_slow, &reports), 0);
  event_active(ev, EV_WRITE, 1);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(reports.count, 2);
  CHECK_INT_EQ(eventide_set_slow_callback(base, NULL, on_slow, &reports), 0);
  event_active(ev, EV_WRITE, 1);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(reports.count, 2);
  event_free(ev);
  event_base_free(base);
}

static char *dump(struct event_base *base) {
  enum { kRoom = 1 << 16 };
  char *text = calloc(1, kRoom);
  FILE *file = tmpfile();
  int result = file && text ? eventide_dump_json(base, file) : -1;
  if (file) rewind(file);
  if (result == 0 && fread(text, 1, kRoom - 1, file) == 0) result = -1;
  if (file) fclose(file);
  if (result == 0) return text;
  free(text);
  return NULL;
}

TEST(dump_json_describes_the_base) {
  struct event_base *base = event_base_new();
  struct event *ev = event_new(base, -1, EV_PERSIST, on_event, NULL);
  const struct timeval hour = {3600, 0};
  char method[64];
  char *text;
  CHECK(base != NULL && ev != NULL);
  CHECK_INT_EQ(event_add(ev, &hour), 0);
  snprintf(method, sizeof(method), "{\"method\":\"%s\",", event_base_get_method(base));
  text = dump(base);
  CHECK(text != NULL);
  CHECK(strncmp(text, method, strlen(method)) == 0);
  CHECK(strstr(text, "\"fd\":-1,\"flags\":[\"persist\"],\"internal\":false") != NULL);
  CHECK(strstr(text, "\"metrics\":null}\n") != NULL);
  free(text);
  CHECK_INT_EQ(eventide_metrics_enable(base), 0);
  text = dump(base);
  CHECK(text != NULL);
  CHECK(strstr(text, "\"metrics\":{\"elapsed_ns\":") != NULL);
  free(text);
  event_free(ev);
  event_base_free(base);
}

TEST(eventide_loopbreak_lasts_until_the_next_loop) {
  struct event_base *base = event_base_new();
  long long nothing = 0;
  const struct timeval now = {0, 0};
  struct event *ev = event_new(base, -1, EV_PERSIST, on_event, &nothing);
  CHECK(base != NULL && ev != NULL && event_add(ev, &now) == 0);
  CHECK_INT_EQ(eventide_loopbreak(NULL), -1);
  CHECK_INT_EQ(eventide_loopbreak(base), 0);
  CHECK_INT_EQ(event_base_dispatch(base), 0); /* it would not return otherwise */
  CHECK(event_base_got_break(base));
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK(!event_base_got_break(base));
  event_free(ev);
  event_base_free(base);
}

#ifndef EVENT__DISABLE_THREAD_SUPPORT

static void *run_loop(void *base) {
  event_base_dispatch(base);
  return NULL;
}

/* Everything at once while the loop runs in another thread: for the sanitizers as well. */
TEST(metrics_can_be_read_from_another_thread) {
  long long nothing = 0;
  const struct timeval tick = {0, 100};
  struct reports reports = {0, NULL, {NULL, NULL, 0, 0, 0}};
  struct eventide_metrics m;
  struct event_base *base;
  struct event *timer;
  pthread_t thread;
  int round;
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  base = event_base_new();
  CHECK(base != NULL);
  timer = event_new(base, -1, EV_PERSIST, on_event, &nothing);
  CHECK(timer != NULL && event_add(timer, &tick) == 0);
  CHECK_INT_EQ(pthread_create(&thread, NULL, run_loop, base), 0);
  for (round = 0; round < 20; ++round) {
    const struct timeval zero = {0, 0};
    char *text;
    CHECK_INT_EQ(eventide_metrics_enable(base), 0);
    CHECK_INT_EQ(eventide_set_slow_callback(base, &zero, round % 2 ? on_slow : NULL, &reports), 0);
    do {
      CHECK_INT_EQ(eventide_metrics_get(base, &m, sizeof(m)), 0);
    } while (m.timeouts < 2);
    CHECK(sum(m.callback_time) == m.callbacks);
    text = dump(base);
    CHECK(text != NULL && strstr(text, "\"running\":true") != NULL);
    free(text);
    if (round % 3) eventide_metrics_disable(base);
  }
  CHECK_INT_EQ(event_base_loopbreak(base), 0);
  CHECK_INT_EQ(pthread_join(thread, NULL), 0);
  CHECK(reports.count > 0);
  event_free(timer);
  event_base_free(base);
}

#define TESTS_OF_THREADS metrics_can_be_read_from_another_thread,
#else
#define TESTS_OF_THREADS
#endif

int main(int argc, char **argv) {
  RUN_TESTS(null_and_disabled_metrics_are_rejected, the_metrics_struct_may_be_shorter_or_longer,
            metrics_measure_real_time_and_counts, slow_callbacks_are_reported,
            TESTS_OF_THREADS dump_json_describes_the_base, eventide_loopbreak_lasts_until_the_next_loop);
}

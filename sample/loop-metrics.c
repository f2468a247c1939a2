/* Prints the metrics of a loop for each second, and the state of its base as JSON on SIGUSR1.
 *
 * The load is a message that is sent back and forth between two sockets as fast as the loop allows, and a
 * timer; one timer callback in sixteen is slow, and is reported at once.
 *
 *   $ ./loop-metrics &                (until SIGINT)
 *   $ kill -USR1 %1                   (the state, as one line of JSON)
 *   $ ./loop-metrics -i 100 -n 20     (a line each 100 ms, 20 lines)
 */
#include <event2/event.h>
#include <event2/eventide.h>
#include <event2/util.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

enum { TICK_MILLISECONDS = 10, SLOW_EACH = 16, TOO_LONG_MICROSECONDS = 1000 };

struct watch {
  struct event_base *base;
  struct event *ends[2]; /* of the socket pair */
  struct event *tick;
  struct event *show;
  struct event *dump;
  struct event *interrupt;
  evutil_socket_t pair[2];
  long ticks;
  long shown;
  long wanted; /* 0: until SIGINT */
  struct timeval interval;
};

static void pass_on(evutil_socket_t fd, short what, void *arg) {
  struct watch *watch = arg;
  char message[16];
  ssize_t count = recv(fd, message, sizeof(message), 0);

  (void)what;
  if (count <= 0 || send(fd, message, (size_t)count, 0) != count) {
    fprintf(stderr, "the message was lost\n");
    event_base_loopbreak(watch->base);
  }
}

/* A slow operation, which no callback should contain. */
static void block(long microseconds) {
  struct timespec pause = {0, microseconds * 1000};
  nanosleep(&pause, NULL);
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
  struct watch *watch = arg;
  (void)fd;
  (void)what;
  if (++watch->ticks % SLOW_EACH == 0) block(2 * TOO_LONG_MICROSECONDS);
}

static void on_slow(struct event_base *base, const struct eventide_slow_call *call, void *arg) {
  (void)base;
  (void)arg;
  fprintf(stderr, "slow: callback %p took %" PRIu64 " us\n", call->callback, call->duration_ns / 1000);
}

/* Returns an upper bound of the duration of `percent` of the callbacks. */
static double percentile_us(const struct eventide_metrics *m, int percent) {
  ev_uint64_t left = (m->callbacks * (ev_uint64_t)percent + 99) / 100;
  int bucket = 0;

  while (bucket < EVENTIDE_METRICS_BUCKETS - 1 && m->callback_time[bucket] < left) {
    left -= m->callback_time[bucket++];
  }
  return (double)((ev_uint64_t)2 << bucket) / 1e3;
}

static void on_show(evutil_socket_t fd, short what, void *arg) {
  struct watch *watch = arg;
  struct eventide_metrics m;

  (void)fd;
  (void)what;
  if (eventide_metrics_get(watch->base, &m, sizeof(m)) != 0) return;
  printf("%" PRIu64 " iterations, %" PRIu64 " reads, %" PRIu64 " timeouts, %" PRIu64
         " slow;"
         " %.1f %% in callbacks, %.1f %% waiting;"
         " half within %.1f us, 99 %% within %.1f us; timers at most %.1f us late\n",
         m.iterations, m.reads, m.timeouts, m.slow_callbacks,
         100.0 * (double)m.callback_ns / (double)m.elapsed_ns,
         100.0 * (double)m.wait_ns / (double)m.elapsed_ns, percentile_us(&m, 50), percentile_us(&m, 99),
         (double)m.worst_lateness_ns / 1e3);
  fflush(stdout);
  eventide_metrics_reset(watch->base);
  if (++watch->shown == watch->wanted) event_base_loopbreak(watch->base);
}

static void on_dump(evutil_socket_t signal_number, short what, void *arg) {
  struct watch *watch = arg;
  (void)signal_number;
  (void)what;
  if (eventide_dump_json(watch->base, stdout) != 0) perror("standard output");
}

static void on_interrupt(evutil_socket_t signal_number, short what, void *arg) {
  struct watch *watch = arg;
  (void)signal_number;
  (void)what;
  event_base_loopbreak(watch->base);
}

static int add(struct event *event, const struct timeval *delay) {
  return event == NULL ? -1 : event_add(event, delay);
}

static int watch_work(struct watch *watch) {
  const struct timeval tick = {0, TICK_MILLISECONDS * 1000};
  int i;

  if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, watch->pair) != 0) return -1;
  for (i = 0; i < 2; ++i) {
    watch->ends[i] = event_new(watch->base, watch->pair[i], EV_READ | EV_PERSIST, pass_on, watch);
    if (add(watch->ends[i], NULL) != 0) return -1;
  }
  watch->tick = event_new(watch->base, -1, EV_PERSIST, on_tick, watch);
  if (add(watch->tick, &tick) != 0) return -1;
  return send(watch->pair[0], "ping", 4, 0) == 4 ? 0 : -1;
}

static int watch_run(struct watch *watch) {
  const struct timeval threshold = {0, TOO_LONG_MICROSECONDS};

  watch->base = event_base_new();
  if (watch->base == NULL || watch_work(watch) != 0) return -1;
  watch->show = event_new(watch->base, -1, EV_PERSIST, on_show, watch);
  watch->dump = evsignal_new(watch->base, SIGUSR1, on_dump, watch);
  watch->interrupt = evsignal_new(watch->base, SIGINT, on_interrupt, watch);
  if (add(watch->show, &watch->interval) != 0) return -1;
  if (add(watch->dump, NULL) != 0 || add(watch->interrupt, NULL) != 0) return -1;
  if (eventide_metrics_enable(watch->base) != 0) return -1;
  if (eventide_set_slow_callback(watch->base, &threshold, on_slow, NULL) != 0) return -1;
  return event_base_dispatch(watch->base);
}

static void watch_clear(struct watch *watch) {
  struct event *events[] = {watch->ends[0], watch->ends[1], watch->tick,
                            watch->show,    watch->dump,    watch->interrupt};
  size_t i;

  for (i = 0; i < sizeof(events) / sizeof(events[0]); ++i) {
    if (events[i] != NULL) event_free(events[i]);
  }
  if (watch->base != NULL) event_base_free(watch->base);
  for (i = 0; i < 2; ++i) {
    if (watch->pair[i] >= 0) evutil_closesocket(watch->pair[i]);
  }
}

int main(int argc, char **argv) {
  struct watch watch = {.pair = {-1, -1}};
  long milliseconds = 1000;
  int option, result;

  while ((option = getopt(argc, argv, "i:n:")) != -1) {
    if (option == 'i') {
      if (parse_number(optarg, 24L * 3600 * 1000, &milliseconds) != 0 || milliseconds == 0) goto usage;
    } else if (option != 'n' || parse_number(optarg, 1000000, &watch.wanted) != 0) {
      goto usage;
    }
  }
  if (optind != argc) goto usage;
  watch.interval.tv_sec = milliseconds / 1000;
  watch.interval.tv_usec = milliseconds % 1000 * 1000;
  result = watch_run(&watch);
  if (result != 0) fprintf(stderr, "%s: the event loop could not run\n", argv[0]);
  watch_clear(&watch);
  libevent_global_shutdown();
  return result == 0 ? 0 : 1;
usage:
  fprintf(stderr, "usage: %s [-i MILLISECONDS] [-n COUNT]\n", argv[0]);
  return 2;
}

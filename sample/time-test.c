/* A clock that ticks: prints a line each second, with the time since the line before.
 *
 * It shows the two ways to make a timer periodic.  Without -p the callback adds the event again, so the next
 * period starts when the callback runs and delays accumulate.  With -p the event is persistent: the library
 * counts the next period from the deadline of the last one.  Elapsed time is measured by a monotonic timer,
 * which changes of the system's date do not affect.
 *
 *   $ ./time-test                      (until Ctrl-C)
 *   $ ./time-test -p -i 50 -n 20       (persistent, each 50 ms, 20 times)
 */
#include <event2/event.h>
#include <event2/util.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server.h"

struct ticker {
  struct event_base *base;
  struct event *timer;
  struct event *interrupt;
  struct evutil_monotonic_timer *clock;
  struct timeval interval;
  struct timeval last;
  int persistent;
  long wanted; /* 0: until SIGINT */
  long ticks;
};

static void on_tick(evutil_socket_t fd, short what, void *arg) {
  struct ticker *ticker = arg;
  struct timeval now, elapsed;

  (void)fd;
  (void)what;
  evutil_gettime_monotonic(ticker->clock, &now);
  evutil_timersub(&now, &ticker->last, &elapsed);
  ticker->last = now;
  ticker->ticks++;
  printf("tick %ld: %ld.%06ld s elapsed\n", ticker->ticks, (long)elapsed.tv_sec, (long)elapsed.tv_usec);
  fflush(stdout);
  if (ticker->ticks == ticker->wanted) {
    event_base_loopbreak(ticker->base);
  } else if (!ticker->persistent && event_add(ticker->timer, &ticker->interval) != 0) {
    event_base_loopbreak(ticker->base);
  }
}

static void on_interrupt(evutil_socket_t signal_number, short what, void *arg) {
  (void)signal_number;
  (void)what;
  event_base_loopbreak(arg);
}

static int ticker_run(struct ticker *ticker) {
  ticker->base = event_base_new();
  ticker->clock = evutil_monotonic_timer_new();
  if (ticker->base == NULL || ticker->clock == NULL) return -1;
  if (evutil_configure_monotonic_time(ticker->clock, EV_MONOT_PRECISE) != 0) return -1;
  ticker->timer = event_new(ticker->base, -1, ticker->persistent ? EV_PERSIST : 0, on_tick, ticker);
  ticker->interrupt = evsignal_new(ticker->base, SIGINT, on_interrupt, ticker->base);
  if (ticker->timer == NULL || ticker->interrupt == NULL) return -1;
  if (event_add(ticker->interrupt, NULL) != 0 || event_add(ticker->timer, &ticker->interval) != 0) return -1;
  if (evutil_gettime_monotonic(ticker->clock, &ticker->last) != 0) return -1;
  return event_base_dispatch(ticker->base);
}

static void ticker_clear(struct ticker *ticker) {
  if (ticker->timer != NULL) event_free(ticker->timer);
  if (ticker->interrupt != NULL) event_free(ticker->interrupt);
  if (ticker->clock != NULL) evutil_monotonic_timer_free(ticker->clock);
  if (ticker->base != NULL) event_base_free(ticker->base);
}

int main(int argc, char **argv) {
  struct ticker ticker = {0};
  long milliseconds = 1000;
  int option, result;

  prepare_sockets(); /* signals wake the loop through a socket */
  while ((option = getopt(argc, argv, "pi:n:")) != -1) {
    if (option == 'p') {
      ticker.persistent = 1;
    } else if (option == 'i') {
      if (parse_number(optarg, 24L * 3600 * 1000, &milliseconds) != 0 || milliseconds == 0) goto usage;
    } else if (option != 'n' || parse_number(optarg, 1000000, &ticker.wanted) != 0) {
      goto usage;
    }
  }
  if (optind != argc) goto usage;
  ticker.interval.tv_sec = milliseconds / 1000;
  ticker.interval.tv_usec = milliseconds % 1000 * 1000;
  result = ticker_run(&ticker);
  if (result != 0) fprintf(stderr, "%s: the event loop could not run\n", argv[0]);
  ticker_clear(&ticker);
  libevent_global_shutdown();
  return result == 0 ? 0 : 1;
usage:
  fprintf(stderr, "usage: %s [-p] [-i MILLISECONDS] [-n COUNT]\n", argv[0]);
  return 2;
}

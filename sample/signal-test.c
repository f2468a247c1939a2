/* Counts signals: prints a line for each SIGINT, and ends after the third or the COUNTth one.
 *
 * It shows that a signal is an event like any other: its callback runs in the loop, not in a signal handler,
 * so it may print, allocate and delete its own event.  It also shows event_self_cbarg(), which passes the
 * event to its own callback.  Deleting the event restores the previous handler, and the loop ends because no
 * event is left.
 *
 *   $ ./signal-test            (and press Ctrl-C three times)
 *   $ ./signal-test -n 1 & kill -INT $!
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "server.h"

static long wanted = 3;
static long seen;

static void on_interrupt(evutil_socket_t signal_number, short what, void *arg) {
  struct event *self = arg;

  (void)signal_number;
  (void)what;
  seen++;
  printf("SIGINT %ld of %ld\n", seen, wanted);
  fflush(stdout);
  if (seen == wanted) event_del(self);
}

static int count_signals(void) {
  int result = -1;
  struct event_base *base = event_base_new();
  struct event *interrupt =
      base == NULL ? NULL : evsignal_new(base, SIGINT, on_interrupt, event_self_cbarg());

  if (interrupt != NULL && event_add(interrupt, NULL) == 0) {
    printf("waiting for SIGINT, process %ld\n", (long)getpid());
    fflush(stdout);
    result = event_base_dispatch(base) < 0 ? -1 : 0; /* 1: no events remain, the normal end here */
  }
  if (interrupt != NULL) event_free(interrupt);
  if (base != NULL) event_base_free(base);
  return result;
}

int main(int argc, char **argv) {
  int option;
  int result;

  while ((option = getopt(argc, argv, "n:")) != -1) {
    if (option != 'n' || parse_number(optarg, 1000000, &wanted) != 0 || wanted == 0) goto usage;
  }
  if (optind != argc) goto usage;
  result = count_signals();
  if (result != 0) {
    fprintf(stderr, "%s: the event loop could not run\n", argv[0]);
  } else {
    printf("done\n");
  }
  libevent_global_shutdown();
  return result == 0 ? 0 : 1;
usage:
  fprintf(stderr, "usage: %s [-n COUNT]\n", argv[0]);
  return 2;
}

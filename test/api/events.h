/* Shared by the tests of event2/event.h: a base, a pair of sockets, callbacks that record their arguments.
 */
#ifndef EVENTIDE_TEST_API_EVENTS_H
#define EVENTIDE_TEST_API_EVENTS_H

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/check.h"

/* Not every test needs all of it. */
#define SHARED static __attribute__((unused))

/* The tests also run on libevent; checks that only this library passes are guarded by it. */
SHARED int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

struct seen {
  int calls;
  int fd;
  short what;
};

SHARED void note(evutil_socket_t fd, short what, void *arg) {
  struct seen *seen = arg;
  ++seen->calls;
  seen->fd = (int)fd;
  seen->what |= what;
}

SHARED void note_and_drain(evutil_socket_t fd, short what, void *arg) {
  char buffer[64];
  note(fd, what, arg);
  while (read(fd, buffer, sizeof(buffer)) > 0) {
  }
}

SHARED int logged;
SHARED int last_severity;
SHARED char last_message[200];
SHARED void keep_log(int severity, const char *message) {
  ++logged;
  last_severity = severity;
  strncpy(last_message, message, sizeof(last_message) - 1);
}

SHARED struct event_base *base;
SHARED int pair[2];

SHARED void close_pair(void) {
  close(pair[0]);
  close(pair[1]);
}
SHARED int open_pair(void) {
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return -1;
  evutil_make_socket_nonblocking(pair[0]);
  return evutil_make_socket_nonblocking(pair[1]);
}

SHARED struct timeval after_ms(int ms) {
  struct timeval tv;
  tv.tv_sec = ms / 1000;
  tv.tv_usec = ms % 1000 * 1000;
  return tv;
}

/* Callbacks append their argument. */
SHARED char order[32];
SHARED void append(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  strncat(order, arg, sizeof(order) - strlen(order) - 1);
}

SHARED int finalized;
SHARED void note_finalized(struct event *ev, void *arg) {
  (void)ev;
  (void)arg;
  ++finalized;
}

#endif

/* Features of events that are each tested alone, used together: a common timeout with a file descriptor, the
 * changelist with edge-triggered events, a read event with EV_CLOSED, signals in two bases, several entries
 * in one dump. */
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>

#include "api/events.h"

/* --- a common timeout and a file descriptor --- */

TEST(a_new_event_with_a_common_timeout_reports_its_descriptor) {
  const struct timeval tv = {5, 0};
  const short both[] = {EV_READ, EV_WRITE};
  size_t i;
  for (i = 0; i < sizeof(both) / sizeof(both[0]); ++i) {
    struct seen seen = {0, -1, 0};
    const struct timeval *common;
    struct event *ev;
    base = event_base_new();
    common = event_base_init_common_timeout(base, &tv);
    CHECK(base && common && open_pair() == 0);
    ev = event_new(base, pair[0], both[i], note, &seen);
    CHECK_INT_EQ(event_add(ev, common), 0);
    CHECK_INT_EQ(event_pending(ev, both[i] | EV_TIMEOUT, NULL), both[i] | EV_TIMEOUT);
    CHECK_INT_EQ(write(pair[1], "x", 1), 1);
    event_base_loop(base, EVLOOP_NONBLOCK);
    CHECK_INT_EQ(seen.calls, 1);
    CHECK_INT_EQ(seen.what, both[i]);
    CHECK_INT_EQ(event_pending(ev, both[i] | EV_TIMEOUT, NULL), 0);
    event_free(ev);
    event_base_free(base);
    close_pair();
  }
}

TEST(a_new_signal_event_with_a_common_timeout_reports_its_signal) {
  const struct timeval tv = {5, 0};
  struct seen seen = {0, -1, 0};
  struct event *ev;
  base = event_base_new();
  ev = evsignal_new(base, SIGUSR1, note, &seen);
  CHECK_INT_EQ(event_add(ev, event_base_init_common_timeout(base, &tv)), 0);
  raise(SIGUSR1);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(seen.what, EV_SIGNAL);
  event_free(ev);
  event_base_free(base);
}

/* Re-adding enters the same list or another one; either way the interest in the descriptor stays. */
TEST(an_event_that_moves_between_common_timeouts_keeps_its_descriptor) {
  const struct timeval short_tv = {5, 0}, long_tv = {50, 0};
  struct seen seen = {0, -1, 0};
  const struct timeval *first, *second;
  struct event *ev;
  base = event_base_new();
  first = event_base_init_common_timeout(base, &short_tv);
  second = event_base_init_common_timeout(base, &long_tv);
  CHECK(open_pair() == 0);
  ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note_and_drain, &seen);
  CHECK_INT_EQ(event_add(ev, first), 0);
  CHECK_INT_EQ(event_add(ev, second), 0);
  CHECK_INT_EQ(event_add(ev, second), 0);
  CHECK_INT_EQ(event_del(ev), 0);
  CHECK_INT_EQ(event_add(ev, second), 0);
  CHECK_INT_EQ(write(pair[1], "x", 1), 1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(seen.what, EV_READ);
  event_free(ev);
  event_base_free(base);
  close_pair();
}

/* --- the changelist and edges --- */

/* The deletion is still queued when the descriptor is closed, and a duplicate keeps the kernel's entry alive.
 */
TEST(a_queued_deletion_of_a_closed_duplicate_leaves_each_edge_reported_once) {
  struct event_config *config = event_config_new();
  struct seen stale = {0, -1, 0}, edges = {0, -1, 0};
  struct event *old, *edge;
  int other[2], kept, i;
  event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
  base = event_base_new_with_config(config);
  event_config_free(config);
  if (!(event_base_get_features(base) & EV_FEATURE_ET) || !ours()) {
    event_base_free(base);
    return;
  }
  CHECK(open_pair() == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0);
  old = event_new(base, pair[0], EV_READ | EV_PERSIST, note, &stale);
  event_add(old, NULL);
  event_base_loop(base, EVLOOP_NONBLOCK);
  kept = dup(pair[0]);
  event_del(old);
  close(pair[0]);
  CHECK(write(pair[1], "x", 1) == 1 && write(other[1], "x", 1) == 1);
  edge = event_new(base, other[0], EV_READ | EV_ET | EV_PERSIST, note, &edges);
  CHECK_INT_EQ(event_add(edge, NULL), 0);
  for (i = 0; i < 10; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(edges.calls, 1);
  CHECK_INT_EQ(edges.what & ~EV_ET, EV_READ);
  CHECK_INT_EQ(stale.calls, 0);
  event_free(edge);
  event_free(old);
  event_base_free(base);
  close(kept);
  close(pair[1]);
  close(other[0]);
  close(other[1]);
}

/* --- EV_READ and EV_CLOSED (libevent reports a reset as EV_READ and EV_WRITE alone) --- */

/* Connects two TCP sockets over the loopback interface into pair[]. */
static int open_tcp_pair(void) {
  const int listening = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  pair[1] = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listening, (void *)&address, size) != 0 || listen(listening, 1) != 0 ||
      getsockname(listening, (void *)&address, &size) != 0 || connect(pair[1], (void *)&address, size) != 0) {
    return -1;
  }
  pair[0] = accept(listening, NULL, NULL);
  close(listening);
  return pair[0] < 0 ? -1 : evutil_make_socket_nonblocking(pair[0]);
}

/* Closes with a reset instead of a FIN. */
static void reset_peer(void) {
  struct linger linger = {1, 0};
  setsockopt(pair[1], SOL_SOCKET, SO_LINGER, (void *)&linger, sizeof(linger));
  close(pair[1]);
}

TEST(a_reset_reports_reading_and_closing_together) {
  struct seen seen = {0, -1, 0};
  struct event *ev;
  base = event_base_new();
  if (event_base_get_features(base) & EV_FEATURE_EARLY_CLOSE) {
    CHECK(open_tcp_pair() == 0);
    ev = event_new(base, pair[0], EV_READ | EV_CLOSED, note, &seen);
    CHECK_INT_EQ(event_add(ev, NULL), 0);
    reset_peer();
    event_base_loop(base, EVLOOP_ONCE);
    CHECK_INT_EQ(seen.calls, 1);
    CHECK_INT_EQ(seen.what, ours() ? EV_READ | EV_CLOSED : EV_READ);
    event_free(ev);
    close(pair[0]);
  }
  event_base_free(base);
}

TEST(a_reset_reaches_each_of_three_events_on_one_descriptor) {
  struct seen seen[3] = {{0, -1, 0}, {0, -1, 0}, {0, -1, 0}};
  const short kinds[3] = {EV_READ, EV_WRITE, EV_CLOSED};
  struct event *ev[3];
  int i;
  base = event_base_new();
  if (event_base_get_features(base) & EV_FEATURE_EARLY_CLOSE) {
    CHECK(open_tcp_pair() == 0);
    for (i = 0; i < 3; ++i) {
      ev[i] = event_new(base, pair[0], kinds[i], note, &seen[i]);
      CHECK_INT_EQ(event_add(ev[i], NULL), 0);
    }
    reset_peer();
    event_base_loop(base, EVLOOP_ONCE);
    for (i = 0; i < 3; ++i) {
      if (ours() || kinds[i] != EV_CLOSED) {
        CHECK_INT_EQ(seen[i].calls, 1);
        CHECK_INT_EQ(seen[i].what, kinds[i]);
      }
      event_free(ev[i]);
    }
    close(pair[0]);
  }
  event_base_free(base);
}

/* --- signals in two bases (libevent serves one base alone) --- */

TEST(a_signal_raised_before_a_second_base_wants_it_is_not_reported_there) {
  struct event_base *second;
  struct seen first_seen = {0, -1, 0}, second_seen = {0, -1, 0}, other_seen = {0, -1, 0};
  struct event *first_event, *other_event, *second_event;
  if (!ours()) return;
  base = event_base_new();
  second = event_base_new();
  first_event = evsignal_new(base, SIGUSR1, note, &first_seen);
  other_event = evsignal_new(second, SIGUSR2, note, &other_seen);
  second_event = evsignal_new(second, SIGUSR1, note, &second_seen);
  CHECK(event_add(first_event, NULL) == 0 && event_add(other_event, NULL) == 0);
  raise(SIGUSR1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(first_seen.calls, 1);
  CHECK_INT_EQ(event_add(second_event, NULL), 0);
  event_base_loop(second, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(second_seen.calls, 0);
  CHECK_INT_EQ(other_seen.calls, 0);
  raise(SIGUSR1);
  event_base_loop(second, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(second_seen.calls, 1);
  event_free(first_event);
  event_free(second_event);
  event_free(other_event);
  event_base_free(second);
  event_base_free(base);
}

/* --- two entries where one is usual --- */

static int times(const char *text, const char *part) {
  int count = 0;
  while ((text = strstr(text, part)) != NULL) {
    ++count;
    text += strlen(part);
  }
  return count;
}

static char dump[4096];
static void take_dump(void) {
  FILE *file = tmpfile();
  size_t size;
  CHECK(file != NULL);
  event_base_dump_events(base, file);
  rewind(file);
  size = fread(dump, 1, sizeof(dump) - 1, file);
  dump[size] = '\0';
  fclose(file);
}

TEST(a_dump_lists_all_inserted_and_all_active_events) {
  const struct timeval tv = {5, 0};
  struct seen seen = {0, -1, 0};
  struct event *ev[6];
  int i;
  base = event_base_new();
  for (i = 0; i < 6; ++i) ev[i] = event_new(base, -1, 0, note, &seen);
  for (i = 0; i < 3; ++i) event_active(ev[i], EV_READ, 1);
  for (i = 3; i < 6; ++i) CHECK_INT_EQ(event_add(ev[i], &tv), 0);
  take_dump();
  CHECK(!CHECK_FAILED());
  CHECK_INT_EQ(times(dump, " active"), 3);
  CHECK_INT_EQ(times(dump, " Timeout="), 3);
  for (i = 0; i < 6; ++i) event_free(ev[i]);
  event_base_free(base);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  RUN_TESTS(a_new_event_with_a_common_timeout_reports_its_descriptor,
            a_new_signal_event_with_a_common_timeout_reports_its_signal,
            an_event_that_moves_between_common_timeouts_keeps_its_descriptor,
            a_queued_deletion_of_a_closed_duplicate_leaves_each_edge_reported_once,
            a_reset_reports_reading_and_closing_together,
            a_reset_reaches_each_of_three_events_on_one_descriptor,
            a_signal_raised_before_a_second_base_wants_it_is_not_reported_there,
            a_dump_lists_all_inserted_and_all_active_events);
}

/* The method wepoll: how it is chosen, what it reports of sockets in every state, and that its waits do not
 * slow down with the sockets that are idle. Every base here is made with EVENT_NOWIN32 unless a test says
 * otherwise.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <event2/watch.h>
#include <stdlib.h>
#include <windows.h>

#include "api/check.h"
#include "windows/loopback.h"

static void note_and_read(evutil_socket_t fd, short what, void *arg) {
  char buffer[64];
  note_seen(fd, what, arg);
  recv((SOCKET)fd, buffer, sizeof(buffer), 0);
}

static struct event_base *base;
static evutil_socket_t pair[2];
static struct seen seen;

static void close_one(evutil_socket_t *fd) {
  if (*fd >= 0) evutil_closesocket(*fd);
  *fd = -1;
}

static void open_pair(void) {
  CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_STREAM, 0, pair), 0);
  CHECK_INT_EQ(evutil_make_socket_nonblocking(pair[0]) | evutil_make_socket_nonblocking(pair[1]), 0);
}

static void open_all(void) {
  memset(&seen, 0, sizeof(seen));
  base = event_base_new();
  CHECK(base);
  CHECK_STR_EQ(event_base_get_method(base), "wepoll");
  open_pair();
}

static void close_all(void) {
  close_one(&pair[0]);
  close_one(&pair[1]);
  event_base_free(base);
}

/* One iteration of the loop, which waits up to ten seconds. */
static void turn(void) {
  struct timeval limit = after_ms(10000);
  struct seen late = {0, 0};
  struct event *timer = event_new(base, -1, 0, note_seen, &late);
  event_add(timer, &limit);
  event_base_loop(base, EVLOOP_ONCE);
  event_free(timer);
}

static void look(void) { event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK); }

static void count_wait(struct evwatch *watch, const struct evwatch_prepare_cb_info *info, void *arg) {
  (void)watch, (void)info;
  ++*(int *)arg;
}

/* How often the loop waits within a twentieth of a second. */
static int waits(void) {
  struct timeval end = after_ms(50);
  int count = 0;
  struct evwatch *watch = evwatch_prepare_new(base, count_wait, &count);
  event_base_loopexit(base, &end);
  event_base_loop(base, 0);
  evwatch_free(watch);
  return count;
}

static void say(int end, const char *text) {
  CHECK_INT_EQ(send((SOCKET)pair[end], text, (int)strlen(text), 0), (int)strlen(text));
}

/* --- how it is chosen --- */

static const char *chosen(const struct event_config *config) {
  static char name[16];
  struct event_base *made = event_base_new_with_config(config);
  if (!made) return "none";
  strncpy(name, event_base_get_method(made), sizeof(name) - 1);
  event_base_free(made);
  return name;
}

static int logged;
static char last_message[200];
static void keep_log(int severity, const char *message) {
  (void)severity;
  ++logged;
  strncpy(last_message, message, sizeof(last_message) - 1);
}

TEST(wepoll_is_chosen_by_name_environment_and_feature) {
  const char **names = event_get_supported_methods();
  struct event_config *config = event_config_new();
  CHECK_STR_EQ(names[0], "win32");
  CHECK_STR_EQ(names[1], "wepoll");
  CHECK_PTR_EQ(names[2], NULL);
  CHECK_STR_EQ(chosen(config), "wepoll");
  CHECK_INT_EQ(event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV), 0);
  CHECK_STR_EQ(chosen(config), "win32");
  CHECK_INT_EQ(event_config_require_features(config, EV_FEATURE_O1), 0);
  CHECK_STR_EQ(chosen(config), "wepoll");
  CHECK_INT_EQ(event_config_require_features(config, EV_FEATURE_EARLY_CLOSE), 0);
  CHECK_STR_EQ(chosen(config), "wepoll");
  event_config_free(config);
  config = event_config_new();
  CHECK_INT_EQ(event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV), 0);
  CHECK_INT_EQ(event_config_avoid_method(config, "win32"), 0);
  CHECK_STR_EQ(chosen(config), "wepoll");
  event_config_free(config);
}

TEST(no_base_is_created_without_a_method) {
  struct event_config *config = event_config_new();
  event_set_log_callback(keep_log);
  _putenv("EVENT_NOWEPOLL=1");
  CHECK_STR_EQ(chosen(NULL), "none");
  _putenv("EVENT_NOWEPOLL=");
  CHECK_INT_EQ(event_config_avoid_method(config, "wepoll"), 0);
  CHECK_STR_EQ(chosen(config), "none");
  event_config_free(config);
  config = event_config_new();
  CHECK_INT_EQ(event_config_require_features(config, EV_FEATURE_ET), 0);
  CHECK_STR_EQ(chosen(config), "none");
  event_config_free(config);
  config = event_config_new();
  CHECK_INT_EQ(event_config_require_features(config, EV_FEATURE_FDS), 0);
  CHECK_STR_EQ(chosen(config), "none");
  event_config_free(config);
  event_set_log_callback(NULL);
}

static long allowed = -1; /* how many allocations until one fails; negative: all succeed */
static long refused;
static void *rationed(size_t size) {
  if (allowed == 0) {
    ++refused;
    allowed = -1;
    return NULL;
  }
  if (allowed > 0) --allowed;
  return malloc(size);
}

TEST(a_failing_method_is_logged_and_the_next_is_tried) {
  struct event_config *config = event_config_new();
  long k, next = 0;
  event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
  event_set_log_callback(keep_log);
  event_set_mem_functions(rationed, realloc, free);
  for (k = 0; k < 20; ++k) {
    const char *method;
    logged = 0;
    refused = 0;
    allowed = k;
    method = chosen(config);
    allowed = -1;
    if (!refused) break;
    if (strcmp(method, "wepoll") != 0) continue;
    ++next;
    CHECK_INT_EQ(logged, 1);
    CHECK(strstr(last_message, "win32") == last_message);
  }
  event_set_mem_functions(malloc, realloc, free);
  event_set_log_callback(NULL);
  event_config_free(config);
  CHECK(!refused);
  CHECK_INT_GE(next, 1);
}

TEST(allocation_failures_are_reported) {
  struct event_base *made = NULL;
  long k;
  event_set_log_callback(keep_log);
  event_set_mem_functions(rationed, realloc, free);
  for (k = 0; k < 50; ++k) {
    struct event *ev;
    int added = -1;
    refused = 0;
    allowed = k;
    made = event_base_new();
    if (made) {
      open_pair();
      ev = event_new(made, pair[0], EV_READ, note_seen, &seen);
      if (ev) added = event_add(ev, NULL);
      allowed = -1;
      if (ev) event_free(ev);
      event_base_free(made);
      close_one(&pair[0]);
      close_one(&pair[1]);
    }
    allowed = -1;
    if (!refused) {
      CHECK_INT_EQ(added, 0);
      break;
    }
    CHECK_INT_EQ(added, -1);
  }
  event_set_mem_functions(malloc, realloc, free);
  event_set_log_callback(NULL);
  CHECK(!refused);
  CHECK_INT_GE(k, 4);
}

/* --- readiness --- */

TEST(readiness_is_reported_by_every_wait) {
  struct event *ev;
  open_all();
  ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  look();
  CHECK_INT_EQ(seen.calls, 0);
  say(1, "abc");
  turn();
  CHECK_INT_EQ(seen.calls, 1);
  turn();
  turn();
  CHECK_INT_EQ(seen.calls, 3);
  CHECK_INT_EQ(seen.what, EV_READ);
  event_free(ev);
  close_all();
}

TEST(data_already_read_is_not_reported) {
  struct event *ev;
  open_all();
  ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note_and_read, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  say(1, "abc");
  turn();
  look();
  look();
  CHECK_INT_EQ(seen.calls, 1);
  say(1, "abc");
  turn();
  look();
  CHECK_INT_EQ(seen.calls, 2);
  event_free(ev);
  close_all();
}

static void until_readable(evutil_socket_t fd) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET((SOCKET)fd, &set);
  CHECK_INT_EQ(select(0, &set, NULL, NULL, NULL), 1);
}

/* The kernel has queued the report to the port already when the test reads the data. */
TEST(readiness_that_ended_before_the_wait_is_not_reported) {
  struct event *ev;
  char bytes[8];
  int i;
  open_all();
  ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  for (i = 0; i < 5; ++i) {
    look();
    say(1, "abc");
    until_readable(pair[0]);
    CHECK_INT_EQ(recv((SOCKET)pair[0], bytes, sizeof(bytes), 0), 3);
  }
  look();
  CHECK_INT_EQ(seen.calls, 0);
  CHECK_INT_LE(waits(), 5);
  say(1, "abc");
  until_readable(pair[0]);
  look();
  CHECK_INT_EQ(seen.calls, 1);
  event_free(ev);
  close_all();
}

static struct event *other;
static void note_and_add_writer(evutil_socket_t fd, short what, void *arg) {
  event_add(other, NULL);
  note_and_read(fd, what, arg);
}

TEST(adding_an_event_before_the_callback_reads_reports_no_stale_readiness) {
  struct seen writing = {0, 0};
  struct event *ev;
  open_all();
  ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note_and_add_writer, &seen);
  other = event_new(base, pair[0], EV_WRITE, note_seen, &writing);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  say(1, "abc");
  turn();
  look();
  look();
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(writing.calls, 1);
  event_free(ev);
  event_free(other);
  close_all();
}

TEST(one_shot_events_fire_once_and_can_be_re_added) {
  struct event *ev;
  int i;
  open_all();
  ev = event_new(base, pair[0], EV_READ, note_seen, &seen);
  say(1, "abc");
  for (i = 1; i < 4; ++i) {
    CHECK_INT_EQ(event_add(ev, NULL), 0);
    turn();
    CHECK_INT_EQ(seen.calls, i);
    CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), 0);
    look();
    CHECK_INT_EQ(seen.calls, i);
  }
  event_free(ev);
  close_all();
}

/* All orders of adding and deleting a reader and a writer, with and without a wait in between. */
TEST(interest_changes_take_effect_immediately) {
  struct seen writing = {0, 0};
  struct event *r, *w;
  int i;
  open_all();
  r = event_new(base, pair[0], EV_READ | EV_PERSIST, note_seen, &seen);
  w = event_new(base, pair[0], EV_WRITE | EV_PERSIST, note_seen, &writing);
  for (i = 0; i < 400; ++i) {
    const int want_r = (i * 7 / 3) % 2, want_w = (i * 5 / 4) % 2;
    want_r ? event_add(r, NULL) : event_del(r);
    want_w ? event_add(w, NULL) : event_del(w);
    if (i == 200) say(1, "x");
    if (i % 3 == 0) continue;
    seen.calls = writing.calls = 0;
    look();
    CHECK_INT_EQ(writing.calls, want_w);
    CHECK_INT_EQ(seen.calls, want_r && i >= 200);
  }
  event_free(r);
  event_free(w);
  close_all();
}

TEST(narrowed_interest_reports_only_the_remaining_flags) {
  struct seen writing = {0, 0};
  struct event *r, *w;
  char bytes[4096];
  open_all();
  r = event_new(base, pair[0], EV_READ | EV_PERSIST, note_seen, &seen);
  w = event_new(base, pair[0], EV_WRITE | EV_PERSIST, note_seen, &writing);
  memset(bytes, 0, sizeof(bytes));
  while (send((SOCKET)pair[0], bytes, sizeof(bytes), 0) > 0) {
  }
  CHECK_INT_EQ(event_add(r, NULL) | event_add(w, NULL), 0);
  look();
  CHECK_INT_EQ(seen.calls + writing.calls, 0);
  /* From here on the kernel still has a request for both. */
  event_del(w);
  while (recv((SOCKET)pair[1], bytes, sizeof(bytes), 0) > 0) {
  }
  look();
  say(1, "x");
  look();
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(writing.calls, 0);
  recv((SOCKET)pair[0], bytes, sizeof(bytes), 0);
  CHECK_INT_LE(waits(), 5);
  event_del(r);
  CHECK_INT_LE(waits(), 5);
  event_free(r);
  event_free(w);
  close_all();
}

/* --- ends --- */

TEST(eof_is_reported_to_ev_closed_and_to_readers) {
  struct seen closed = {0, 0}, writing = {0, 0};
  struct event *c, *r, *w;
  open_all();
  c = event_new(base, pair[0], EV_CLOSED | EV_PERSIST, note_seen, &closed);
  r = event_new(base, pair[0], EV_READ | EV_PERSIST, note_seen, &seen);
  w = event_new(base, pair[0], EV_WRITE, note_seen, &writing);
  CHECK_INT_EQ(event_add(c, NULL), 0);
  look();
  CHECK_INT_EQ(closed.calls, 0);
  shutdown((SOCKET)pair[1], SD_SEND);
  turn();
  CHECK_INT_EQ(closed.calls, 1);
  CHECK_INT_EQ(closed.what, EV_CLOSED);
  turn();
  CHECK_INT_EQ(closed.calls, 2);
  CHECK_INT_EQ(event_add(r, NULL) | event_add(w, NULL), 0);
  turn();
  CHECK_INT_EQ(closed.calls, 3);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(writing.calls, 1);
  event_free(c);
  event_free(r);
  event_free(w);
  close_all();
}

/* Wine reports EOF only after the data before it was read. */
static int on_wine(void) { return GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") != NULL; }

TEST(eof_behind_data_is_reported_before_the_data_is_read) {
  struct event *c, *r;
  char bytes[8];
  open_all();
  c = event_new(base, pair[0], EV_CLOSED, note_seen, &seen);
  r = event_new(base, pair[0], EV_READ | EV_PERSIST, note_seen, &seen);
  CHECK_INT_EQ(event_add(c, NULL), 0);
  look();
  say(1, "abc");
  look();
  CHECK_INT_EQ(seen.calls, 0);
  close_one(&pair[1]);
  if (on_wine()) {
    look();
    CHECK_INT_EQ(seen.calls, 0);
    CHECK_INT_EQ(recv((SOCKET)pair[0], bytes, sizeof(bytes), 0), 3);
  }
  turn();
  CHECK_INT_EQ(seen.what, EV_CLOSED);
  CHECK_INT_EQ(event_add(r, NULL), 0);
  turn();
  CHECK_INT_EQ(seen.what, EV_READ | EV_CLOSED);
  event_free(c);
  event_free(r);
  close_all();
}

TEST(data_does_not_wake_an_event_for_ev_closed) {
  struct event *c;
  open_all();
  c = event_new(base, pair[0], EV_CLOSED | EV_PERSIST, note_seen, &seen);
  CHECK_INT_EQ(event_add(c, NULL), 0);
  say(1, "abc");
  look();
  CHECK_INT_LE(waits(), 5);
  CHECK_INT_EQ(seen.calls, 0);
  event_free(c);
  close_all();
}

TEST(eof_is_not_reported_to_writers) {
  struct event *w;
  char bytes[4096];
  open_all();
  memset(bytes, 0, sizeof(bytes));
  while (send((SOCKET)pair[0], bytes, sizeof(bytes), 0) > 0) {
  }
  w = event_new(base, pair[0], EV_WRITE | EV_PERSIST, note_seen, &seen);
  CHECK_INT_EQ(event_add(w, NULL), 0);
  shutdown((SOCKET)pair[1], SD_SEND);
  look();
  CHECK_INT_LE(waits(), 5);
  CHECK_INT_EQ(seen.calls, 0);
  event_free(w);
  close_all();
}

TEST(a_reset_is_reported_to_every_kind_of_event) {
  static const short kinds[] = {EV_READ, EV_CLOSED, EV_READ | EV_WRITE | EV_CLOSED};
  size_t i;
  for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
    struct linger at_once;
    struct event *ev;
    open_all();
    at_once.l_onoff = 1;
    at_once.l_linger = 0;
    setsockopt((SOCKET)pair[1], SOL_SOCKET, SO_LINGER, (const char *)&at_once, sizeof(at_once));
    ev = event_new(base, pair[0], kinds[i], note_seen, &seen);
    CHECK_INT_EQ(event_add(ev, NULL), 0);
    if (!(kinds[i] & EV_WRITE)) look();
    close_one(&pair[1]);
    turn();
    CHECK_INT_EQ(seen.calls, 1);
    CHECK(seen.what & kinds[i]);
    event_free(ev);
    close_all();
  }
}

/* --- sockets that are closed and opened --- */

TEST(a_socket_closed_while_watched_neither_spins_nor_stops_the_others) {
  struct seen ours = {0, 0};
  struct event *ev, *mine;
  evutil_socket_t more[2];
  open_all();
  CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_STREAM, 0, more), 0);
  ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note_seen, &seen);
  mine = event_new(base, more[0], EV_READ | EV_PERSIST, note_seen, &ours);
  CHECK_INT_EQ(event_add(ev, NULL) | event_add(mine, NULL), 0);
  look();
  close_one(&pair[0]);
  CHECK_INT_LE(waits(), 5);
  CHECK_INT_EQ(seen.calls, 0);
  send((SOCKET)more[1], "x", 1, 0);
  turn();
  CHECK_INT_EQ(ours.calls, 1);
  event_free(ev);
  event_free(mine);
  evutil_closesocket(more[0]);
  evutil_closesocket(more[1]);
  close_all();
}

TEST(a_reused_socket_handle_is_watched_again) {
  int reused = 0, i;
  open_all();
  for (i = 0; i < 50; ++i) {
    const evutil_socket_t old = pair[0];
    struct event *ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note_seen, &seen);
    CHECK_INT_EQ(event_add(ev, NULL), 0);
    say(1, "old");
    if (i % 2) look();
    seen.calls = 0;
    event_free(ev);
    close_one(&pair[0]);
    close_one(&pair[1]);
    open_pair();
    if (pair[0] != old && pair[1] == old) {
      pair[1] = pair[0];
      pair[0] = old;
    }
    reused += pair[0] == old;
    ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note_seen, &seen);
    CHECK_INT_EQ(event_add(ev, NULL), 0);
    look();
    look();
    CHECK_INT_EQ(seen.calls, 0);
    say(1, "new");
    turn();
    CHECK_INT_EQ(seen.calls, 1);
    event_free(ev);
  }
  CHECK_INT_GT(reused, 0);
  close_all();
}

TEST(adding_an_invalid_socket_fails) {
  struct event *ev;
  HANDLE file;
  open_all();
  event_set_log_callback(keep_log);
  close_one(&pair[1]);
  ev = event_new(base, pair[0] + 400, EV_READ, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), -1);
  CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), 0);
  event_free(ev);
  ev = event_new(base, pair[0] + 1, EV_READ, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), -1);
  event_free(ev);
  file = CreateEventA(NULL, FALSE, FALSE, NULL);
  CHECK(file);
  ev = event_new(base, (evutil_socket_t)(intptr_t)file, EV_READ, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), -1);
  event_free(ev);
  CloseHandle(file);
  /* A closed handle for which the table has a slot already. */
  ev = event_new(base, pair[0], EV_READ, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  CHECK_INT_EQ(event_del(ev), 0);
  close_one(&pair[0]);
  CHECK_INT_EQ(event_add(ev, NULL), -1);
  event_free(ev);
  event_set_log_callback(NULL);
  close_all();
}

/* --- many --- */

enum { many = 2500 };
static evutil_socket_t sockets[many];
static struct event *events[many];
static struct seen each[many];

static void bind_to_loopback(evutil_socket_t fd, struct sockaddr_in *address) {
  int length = sizeof(*address);
  memset(address, 0, sizeof(*address));
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_INT_EQ(bind((SOCKET)fd, (struct sockaddr *)address, sizeof(*address)), 0);
  CHECK_INT_EQ(getsockname((SOCKET)fd, (struct sockaddr *)address, &length), 0);
}

/* Idle sockets, each with an event. */
static void open_many(int count) {
  int i;
  memset(each, 0, sizeof(each));
  for (i = 0; i < count; ++i) {
    struct sockaddr_in address;
    sockets[i] = (evutil_socket_t)socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_INT_GE(sockets[i], 0);
    bind_to_loopback(sockets[i], &address);
    if (CHECK_FAILED()) return;
    events[i] = event_new(base, sockets[i], EV_READ | EV_PERSIST, note_and_read, &each[i]);
    CHECK_INT_EQ(event_add(events[i], NULL), 0);
  }
}

static void close_many(int count) {
  int i;
  for (i = 0; i < count; ++i) {
    event_free(events[i]);
    close_one(&sockets[i]);
  }
}

static void send_to(evutil_socket_t to) {
  struct sockaddr_in address;
  int length = sizeof(address);
  getsockname((SOCKET)to, (struct sockaddr *)&address, &length);
  CHECK_INT_EQ(sendto((SOCKET)to, "x", 1, 0, (struct sockaddr *)&address, length), 1);
}

TEST(thousands_of_sockets_are_watched) {
  int i, reported = 0, rounds = 0;
  open_all();
  open_many(many);
  if (CHECK_FAILED()) return;
  look();
  for (i = 0; i < many; i += 7) send_to(sockets[i]);
  while (reported < (many + 6) / 7 && ++rounds < 1000) {
    turn();
    for (reported = i = 0; i < many; ++i) reported += each[i].calls;
  }
  for (i = 0; i < many; ++i) {
    if (each[i].calls != (i % 7 == 0)) CHECK_INT_EQ(i, -1);
  }
  close_many(many);
  close_all();
}

TEST(a_base_may_be_freed_while_polls_are_in_flight) {
  int i;
  open_all();
  open_many(200);
  if (CHECK_FAILED()) return;
  look();
  /* Some are ready, some cancelled, one is closed. */
  for (i = 0; i < 50; ++i) send_to(sockets[i]);
  for (i = 50; i < 100; ++i) event_del(events[i]);
  close_one(&sockets[150]);
  event_base_free(base);
  for (i = 0; i < 200; ++i) {
    event_free(events[i]);
    close_one(&sockets[i]);
  }
  close_one(&pair[0]);
  close_one(&pair[1]);
}

enum { events_reported = 40 };

static double microseconds_per_event(int idle) {
  LARGE_INTEGER before, after, frequency;
  struct event *ev;
  int i;
  open_many(idle);
  if (CHECK_FAILED()) return 0;
  ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note_and_read, &seen);
  event_add(ev, NULL);
  look();
  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&before);
  for (i = 0; i < events_reported; ++i) {
    say(1, "x");
    event_base_loop(base, EVLOOP_ONCE);
  }
  QueryPerformanceCounter(&after);
  event_free(ev);
  close_many(idle);
  return (double)(after.QuadPart - before.QuadPart) * 1e6 / (double)frequency.QuadPart / events_reported;
}

static void measure_select(double *microseconds) {
  struct event_config *config = event_config_new();
  memset(&seen, 0, sizeof(seen));
  event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
  base = event_base_new_with_config(config);
  event_config_free(config);
  CHECK_STR_EQ(event_base_get_method(base), "win32");
  open_pair();
  *microseconds = microseconds_per_event(2000);
  close_all();
}

/* The best of several alternating runs: a machine may be busy for a while, and the kernel slows down by
 * itself. */
TEST(idle_sockets_cost_less_than_with_win32_select) {
  double polled = 1e9, selected = 1e9;
  int round;
  for (round = 0; round < 3 && !CHECK_FAILED(); ++round) {
    double took = 1e9;
    open_all();
    took = microseconds_per_event(2000);
    CHECK_INT_EQ(seen.calls, events_reported);
    close_all();
    if (took < polled) polled = took;
    measure_select(&took);
    CHECK_INT_EQ(seen.calls, events_reported);
    if (took < selected) selected = took;
  }
  printf("beside 2000 idle sockets: wepoll %.1f us per event, win32 %.1f us\n", polled, selected);
  CHECK(2 * polled < selected);
}

/* --- datagrams, connections --- */

TEST(datagram_readiness_is_reported) {
  struct seen writing = {0, 0};
  struct event *w;
  open_all();
  open_many(1);
  if (CHECK_FAILED()) return;
  w = event_new(base, sockets[0], EV_WRITE, note_seen, &writing);
  CHECK_INT_EQ(event_add(w, NULL), 0);
  turn();
  CHECK_INT_EQ(writing.calls, 1);
  CHECK_INT_EQ(each[0].calls, 0);
  send_to(sockets[0]);
  turn();
  look();
  CHECK_INT_EQ(each[0].calls, 1);
  event_free(w);
  close_many(1);
  close_all();
}

TEST(a_refused_connect_is_reported_to_readers_and_writers) {
  static const short kinds[] = {EV_READ, EV_WRITE, EV_READ | EV_WRITE};
  size_t i;
  for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
    struct sockaddr_in address;
    evutil_socket_t bound, fd;
    struct event *ev;
    int error = 0, length = sizeof(error);
    open_all();
    bound = (evutil_socket_t)socket(AF_INET, SOCK_STREAM, 0);
    bind_to_loopback(bound, &address);
    fd = (evutil_socket_t)socket(AF_INET, SOCK_STREAM, 0);
    evutil_make_socket_nonblocking(fd);
    ev = event_new(base, fd, kinds[i], note_seen, &seen);
    CHECK_INT_EQ(event_add(ev, NULL), 0);
    look();
    CHECK_INT_EQ(seen.calls, 0);
    connect((SOCKET)fd, (struct sockaddr *)&address, sizeof(address));
    turn();
    CHECK_INT_EQ(seen.calls, 1);
    CHECK_INT_EQ(seen.what, kinds[i]);
    getsockopt((SOCKET)fd, SOL_SOCKET, SO_ERROR, (char *)&error, &length);
    CHECK_INT_EQ(error, WSAECONNREFUSED);
    event_free(ev);
    evutil_closesocket(fd);
    evutil_closesocket(bound);
    close_all();
  }
}

TEST(an_established_connection_is_reported_to_writers) {
  struct sockaddr_in address;
  struct seen accepting = {0, 0};
  evutil_socket_t listening, fd;
  struct event *l, *w;
  open_all();
  listening = (evutil_socket_t)socket(AF_INET, SOCK_STREAM, 0);
  bind_to_loopback(listening, &address);
  CHECK_INT_EQ(listen((SOCKET)listening, 5), 0);
  fd = (evutil_socket_t)socket(AF_INET, SOCK_STREAM, 0);
  evutil_make_socket_nonblocking(fd);
  l = event_new(base, listening, EV_READ | EV_PERSIST, note_seen, &accepting);
  w = event_new(base, fd, EV_WRITE, note_seen, &seen);
  CHECK_INT_EQ(event_add(l, NULL), 0);
  look();
  CHECK_INT_EQ(accepting.calls, 0);
  connect((SOCKET)fd, (struct sockaddr *)&address, sizeof(address));
  CHECK_INT_EQ(event_add(w, NULL), 0);
  turn();
  look();
  CHECK_INT_EQ(seen.what, EV_WRITE);
  CHECK_INT_EQ(accepting.what, EV_READ);
  event_free(l);
  event_free(w);
  evutil_closesocket(fd);
  evutil_closesocket(listening);
  close_all();
}

TEST(an_echo_server_returns_the_bytes) {
  open_all();
  check_echo_over_loopback(base);
  close_all();
}

/* --- time --- */

TEST(timeouts_are_accurate) {
  static const long times[] = {0, 1, 20, 50};
  size_t i;
  open_all();
  for (i = 0; i < sizeof(times) / sizeof(times[0]); ++i) {
    struct timeval wait = after_ms(times[i]);
    LARGE_INTEGER before, after, frequency;
    struct event *ev = event_new(base, pair[0], EV_READ, note_seen, &seen);
    seen.calls = 0;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&before);
    CHECK_INT_EQ(event_add(ev, &wait), 0);
    CHECK_INT_EQ(event_base_dispatch(base), 1);
    QueryPerformanceCounter(&after);
    CHECK_INT_EQ(seen.calls, 1);
    CHECK_INT_EQ(seen.what, EV_TIMEOUT);
    CHECK_INT_GE((after.QuadPart - before.QuadPart) * 1000 / frequency.QuadPart, times[i]);
    event_free(ev);
  }
  close_all();
}

/* --- threads: the last tests, since locks stay on --- */

/* An event that is due wakes the loop and ends it, whether it waits already or not yet. */
static void leave(evutil_socket_t fd, short what, void *arg) {
  (void)fd, (void)what;
  event_base_loopbreak(arg);
}
static DWORD WINAPI wake_and_end(void *arg) {
  event_base_once(arg, -1, EV_TIMEOUT, leave, arg, NULL);
  return 0;
}

/* Locks that count their waiters. The last one created, that of a base, can be held from here. */
static volatile LONG contenders;
static CRITICAL_SECTION *last_lock;

static void *make_lock(unsigned type) {
  CRITICAL_SECTION *lock = malloc(sizeof(*lock));
  (void)type;
  InitializeCriticalSection(lock);
  last_lock = lock;
  return lock;
}
static void free_lock(void *lock, unsigned type) {
  (void)type;
  DeleteCriticalSection(lock);
  free(lock);
}
static int take_lock(unsigned mode, void *lock) {
  (void)mode;
  if (TryEnterCriticalSection(lock)) return 0;
  InterlockedIncrement(&contenders);
  EnterCriticalSection(lock);
  InterlockedDecrement(&contenders);
  return 0;
}
static int leave_lock(unsigned mode, void *lock) {
  (void)mode;
  LeaveCriticalSection(lock);
  return 0;
}
static unsigned long own_id(void) { return GetCurrentThreadId(); }

static void open_all_with_threads(void) {
  struct evthread_lock_callbacks locks = {
      EVTHREAD_LOCK_API_VERSION, EVTHREAD_LOCKTYPE_RECURSIVE, make_lock, free_lock, take_lock, leave_lock};
  CHECK_INT_EQ(evthread_set_lock_callbacks(&locks), 0);
  evthread_set_id_callback(own_id);
  open_all();
}

static void run_beside(LPTHREAD_START_ROUTINE routine, struct event *armed) {
  struct timeval limit = after_ms(60000);
  HANDLE thread;
  CHECK_INT_EQ(event_add(armed, &limit), 0);
  thread = CreateThread(NULL, 0, routine, base, 0, NULL);
  CHECK(thread);
  event_base_loop(base, 0);
  CHECK_INT_EQ(WaitForSingleObject(thread, 60000), WAIT_OBJECT_0);
  CloseHandle(thread);
  event_del(armed);
}

TEST(another_thread_wakes_the_loop) {
  struct event *timer;
  int i;
  open_all_with_threads();
  timer = event_new(base, -1, 0, note_seen, &seen);
  for (i = 0; i < 50 && !CHECK_FAILED(); ++i) run_beside(wake_and_end, timer);
  CHECK_INT_EQ(seen.calls, 0);
  event_free(timer);
  close_all();
}

static struct event *from_outside;
static DWORD WINAPI add_and_send(void *arg) {
  (void)arg;
  event_add(from_outside, NULL);
  send((SOCKET)pair[1], "x", 1, 0);
  return 0;
}
static void note_and_leave(evutil_socket_t fd, short what, void *arg) {
  note_and_read(fd, what, arg);
  event_base_loopbreak(base);
}

TEST(events_added_by_another_thread_reach_the_wait) {
  struct event *timer;
  struct seen late = {0, 0};
  int i;
  open_all_with_threads();
  timer = event_new(base, -1, 0, note_seen, &late);
  for (i = 0; i < 100 && !CHECK_FAILED(); ++i) {
    from_outside = event_new(base, pair[0], EV_READ | (i % 2 ? EV_PERSIST : 0), note_and_leave, &seen);
    run_beside(add_and_send, timer);
    CHECK_INT_EQ(seen.calls, i + 1);
    event_free(from_outside);
  }
  CHECK_INT_EQ(late.calls, 0);
  event_free(timer);
  close_all();
}

/* One thread repeatedly adds and deletes the events that the loop waits for. */
static DWORD WINAPI churn(void *arg) {
  int i;
  for (i = 0; i < 2000; ++i) {
    event_add(events[i % 8], NULL);
    if (i % 3) event_del(events[(i * 5) % 8]);
  }
  for (i = 0; i < 8; ++i) event_del(events[i]);
  for (i = 0; i < 8; ++i) event_add(events[i], NULL);
  send_to(sockets[3]);
  (void)arg;
  return 0;
}
static void read_and_leave(evutil_socket_t fd, short what, void *arg) {
  note_and_read(fd, what, arg);
  event_base_loopbreak(base);
}

TEST(a_wait_survives_another_threads_churn) {
  struct event *timer;
  struct seen late = {0, 0};
  open_all_with_threads();
  open_many(8);
  if (CHECK_FAILED()) return;
  event_free(events[3]);
  events[3] = event_new(base, sockets[3], EV_READ | EV_PERSIST, read_and_leave, &each[3]);
  CHECK_INT_EQ(event_add(events[3], NULL), 0);
  timer = event_new(base, -1, 0, note_seen, &late);
  run_beside(churn, timer);
  CHECK_INT_EQ(each[3].calls, 1);
  CHECK_INT_EQ(late.calls, 0);
  event_free(timer);
  close_many(8);
  close_all();
}

static DWORD WINAPI run_loop(void *arg) { return (DWORD)event_base_loop(arg, 0); }

static void say_that_it_runs(struct evwatch *watch, const struct evwatch_prepare_cb_info *info, void *arg) {
  (void)watch, (void)info;
  InterlockedExchange(arg, 1);
}

/* Returns with the base's lock held while the loop's thread waits for sockets. */
static void hold_while_it_waits(CRITICAL_SECTION *lock, volatile LONG *runs) {
  while (!*runs) SwitchToThread();
  for (;;) {
    int i;
    EnterCriticalSection(lock);
    /* Before the wait the loop would block on the lock. */
    for (i = 0; i < 1000 && contenders == 0; ++i) SwitchToThread();
    if (contenders == 0) return;
    LeaveCriticalSection(lock);
    SwitchToThread();
  }
}

/* A datagram socket with that handle, which was closed just now. */
static void open_as(evutil_socket_t handle) {
  evutil_socket_t strays[64];
  struct sockaddr_in address;
  int count = 0;
  do {
    sockets[0] = (evutil_socket_t)socket(AF_INET, SOCK_DGRAM, 0);
    if (sockets[0] != handle) strays[count++] = sockets[0];
  } while (sockets[0] != handle && count < 64);
  while (count) evutil_closesocket(strays[--count]);
  CHECK_INT_EQ(sockets[0], handle);
  bind_to_loopback(handle, &address);
}

/* The wait has ended with a report, but the lock of the base is held until the handle refers to another
 * socket. */
TEST(a_report_for_the_old_socket_does_not_reach_the_new_one) {
  struct event *before, *after;
  struct evwatch *watch;
  struct seen late = {0, 0};
  volatile LONG runs = 0;
  CRITICAL_SECTION *lock;
  HANDLE loop;
  open_all_with_threads();
  lock = last_lock;
  before = event_new(base, pair[0], EV_READ | EV_PERSIST, note_seen, &seen);
  after = event_new(base, pair[0], EV_READ | EV_PERSIST, note_and_read, &late);
  watch = evwatch_prepare_new(base, say_that_it_runs, (void *)&runs);
  CHECK_INT_EQ(event_add(before, NULL), 0);
  loop = CreateThread(NULL, 0, run_loop, base, 0, NULL);
  CHECK(loop);
  hold_while_it_waits(lock, &runs);
  say(1, "x");
  while (contenders == 0) SwitchToThread();
  event_del(before);
  sockets[0] = pair[0];
  close_one(&pair[0]);
  open_as(sockets[0]);
  event_add(after, NULL);
  LeaveCriticalSection(lock);
  event_base_once(base, -1, EV_TIMEOUT, leave, base, NULL);
  CHECK_INT_EQ(WaitForSingleObject(loop, 60000), WAIT_OBJECT_0);
  CloseHandle(loop);
  CHECK_INT_EQ(event_pending(after, EV_READ, NULL), EV_READ);
  CHECK_INT_EQ(seen.calls, 0);
  CHECK_INT_EQ(late.calls, 0);
  send_to(sockets[0]);
  turn();
  CHECK_INT_EQ(late.calls, 1);
  evwatch_free(watch);
  event_free(before);
  event_free(after);
  close_one(&sockets[0]);
  close_all();
}

int main(int argc, char **argv) {
  WSADATA data;
  if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return 1;
  _putenv("EVENT_NOWIN32=1");
  pair[0] = pair[1] = -1;
  RUN_TESTS(wepoll_is_chosen_by_name_environment_and_feature, no_base_is_created_without_a_method,
            a_failing_method_is_logged_and_the_next_is_tried, allocation_failures_are_reported,
            readiness_is_reported_by_every_wait, data_already_read_is_not_reported,
            readiness_that_ended_before_the_wait_is_not_reported,
            adding_an_event_before_the_callback_reads_reports_no_stale_readiness,
            one_shot_events_fire_once_and_can_be_re_added, interest_changes_take_effect_immediately,
            narrowed_interest_reports_only_the_remaining_flags, eof_is_reported_to_ev_closed_and_to_readers,
            eof_behind_data_is_reported_before_the_data_is_read, data_does_not_wake_an_event_for_ev_closed,
            eof_is_not_reported_to_writers, a_reset_is_reported_to_every_kind_of_event,
            a_socket_closed_while_watched_neither_spins_nor_stops_the_others,
            a_reused_socket_handle_is_watched_again, adding_an_invalid_socket_fails,
            thousands_of_sockets_are_watched, a_base_may_be_freed_while_polls_are_in_flight,
            idle_sockets_cost_less_than_with_win32_select, datagram_readiness_is_reported,
            a_refused_connect_is_reported_to_readers_and_writers,
            an_established_connection_is_reported_to_writers, an_echo_server_returns_the_bytes,
            timeouts_are_accurate, another_thread_wakes_the_loop,
            events_added_by_another_thread_reach_the_wait, a_wait_survives_another_threads_churn,
            a_report_for_the_old_socket_does_not_reach_the_new_one);
}

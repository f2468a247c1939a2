/* Which locks are held while a callback of the program runs, counted by lock callbacks: docs/threading.md has
 * the rules. And what a callback with the lock open leaves to others. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>

#include "api/counted_base.h"

#ifdef WITH_OURS
#include <event2/eventide.h>
#include <event2/watch.h>
#endif

static struct evbuffer *buffer;
static struct event *ev;
static struct bufferevent *bev, *second;
static struct evconnlistener *listener;
static struct seen ignored;

static void make_event(void) {
  make_base();
  ev = event_new(base, pair[0], EV_READ, note, &ignored);
  CHECK(ev != NULL);
}
static void free_event(void) {
  if (ev) event_free(ev);
  event_base_loop(base, EVLOOP_NONBLOCK);
  free_base();
}

/* --- callbacks of events --- */

/* The locks that were held when a callback ran, as B, O and P; -1 before. */
static int held_in_callback;

static int held_now(void) {
  int held = 0, owner;
  for (owner = LOCK_OF_BASE; owner < LOCK_OWNERS; ++owner) {
    if (locks_held[owner] > 0) held |= 1 << owner;
  }
  return held;
}
static void note_held(void) { held_in_callback = held_now(); }

#define CHECK_RAN_HOLDING(locks)           \
  do {                                     \
    CHECK_INT_EQ(held_in_callback, locks); \
    CHECK(locks_balanced());               \
    held_in_callback = -1;                 \
  } while (0)

static void event_ran(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  note_held();
}
static void finalizer_ran(struct event *finished, void *arg) {
  (void)finished;
  (void)arg;
  note_held();
}
static int visitor_ran(const struct event_base *of, const struct event *each, void *arg) {
  (void)of;
  (void)each;
  (void)arg;
  note_held();
  return 0;
}

TEST(callbacks_of_events_run_without_the_bases_lock) {
  held_in_callback = -1;
  make_event();
  event_assign(ev, base, pair[0], EV_READ, event_ran, NULL);
  event_add(ev, NULL);
  CHECK_INT_EQ(write(pair[1], "x", 1), 1);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_RAN_HOLDING(0);
  event_assign(ev, base, -1, 0, event_ran, NULL);
  event_active(ev, EV_READ, 1);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_RAN_HOLDING(0);
  event_assign(ev, base, SIGUSR1, EV_SIGNAL, event_ran, NULL);
  event_add(ev, NULL);
  raise(SIGUSR1);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_RAN_HOLDING(0);
  event_del(ev);
  event_base_once(base, -1, EV_TIMEOUT, event_ran, NULL, NULL);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_RAN_HOLDING(0);
  event_free_finalize(0, ev, finalizer_ran);
  ev = NULL;
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_RAN_HOLDING(0);
  free_event();
}

TEST(event_base_foreach_event_runs_its_callback_with_the_bases_lock) {
  held_in_callback = -1;
  make_event();
  event_add(ev, NULL);
  event_base_foreach_event(base, visitor_ran, NULL);
  CHECK_RAN_HOLDING(B);
  free_event();
}

#ifdef WITH_OURS
static void prepare_ran(struct evwatch *watch, const struct evwatch_prepare_cb_info *info, void *arg) {
  (void)watch;
  (void)info;
  (void)arg;
  note_held();
}
static void check_ran(struct evwatch *watch, const struct evwatch_check_cb_info *info, void *arg) {
  (void)watch;
  (void)info;
  (void)arg;
  note_held();
}
static void slow_call_ran(struct event_base *of, const struct eventide_slow_call *call, void *arg) {
  (void)of;
  (void)call;
  (void)arg;
  note_held();
}
static void drained_ran(struct bufferevent *of, short what, void *arg) {
  (void)of;
  (void)what;
  (void)arg;
  note_held();
}

TEST(watchers_and_reports_of_slow_callbacks_run_without_the_bases_lock) {
  const struct timeval no_time = {0, 0};
  struct evwatch *watch;
  held_in_callback = -1;
  make_event();
  event_active(ev, EV_READ, 1);
  watch = evwatch_prepare_new(base, prepare_ran, NULL);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_RAN_HOLDING(0);
  evwatch_free(watch);
  event_active(ev, EV_READ, 1);
  watch = evwatch_check_new(base, check_ran, NULL);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_RAN_HOLDING(0);
  evwatch_free(watch);
  eventide_set_slow_callback(base, &no_time, slow_call_ran, NULL);
  event_active(ev, EV_READ, 1);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_RAN_HOLDING(0);
  free_event();
}

TEST(callbacks_for_drained_output_follow_the_option) {
  const int options[] = {BEV_OPT_THREADSAFE,
                         BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS};
  int i;
  for (i = 0; i < 2; ++i) {
    held_in_callback = -1;
    make_base();
    lock_owner_now = LOCK_OF_OBJECT;
    bev = bufferevent_socket_new(base, pair[0], options[i]);
    lock_owner_now = LOCK_OF_PROCESS;
    bufferevent_write(bev, "x", 1);
    eventide_bufferevent_when_drained(bev, drained_ran, NULL);
    event_base_loop(base, EVLOOP_ONCE);
    event_base_loop(base, EVLOOP_NONBLOCK);
    CHECK_RAN_HOLDING(i == 0 ? O : 0);
    bufferevent_free(bev);
    free_base();
  }
}
#endif

static void data_ran(struct bufferevent *of, void *arg) {
  (void)of;
  (void)arg;
  note_held();
}
static void bufferevent_event_ran(struct bufferevent *of, short what, void *arg) {
  (void)of;
  (void)what;
  (void)arg;
  note_held();
}

/* Each kind of callback of a bufferevent with these options, of a socket or of one end of a pair. */
static void check_bufferevent_callbacks(int socket, int options, int held) {
  struct bufferevent *ends[2] = {NULL, NULL};
  held_in_callback = -1;
  make_base();
  lock_owner_now = LOCK_OF_OBJECT;
  if (socket) {
    bev = bufferevent_socket_new(base, pair[0], options);
  } else {
    CHECK_INT_EQ(bufferevent_pair_new(base, options, ends), 0);
    bev = ends[0];
    bufferevent_enable(ends[1], EV_READ | EV_WRITE);
  }
  lock_owner_now = LOCK_OF_PROCESS;
  bufferevent_setcb(bev, data_ran, NULL, NULL, NULL);
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  if (socket) CHECK_INT_EQ(write(pair[1], "x", 1), 1);
  if (!socket) bufferevent_write(ends[1], "x", 1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_RAN_HOLDING(held);
  bufferevent_setcb(bev, NULL, data_ran, NULL, NULL);
  bufferevent_write(bev, "x", 1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_RAN_HOLDING(held);
  bufferevent_setcb(bev, NULL, NULL, bufferevent_event_ran, NULL);
  bufferevent_trigger_event(bev, BEV_EVENT_CONNECTED, 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_RAN_HOLDING(held);
  bufferevent_free(bev);
  if (ends[1]) bufferevent_free(ends[1]);
  event_base_loop(base, EVLOOP_NONBLOCK);
  free_base();
}

TEST(callbacks_of_bufferevents_run_with_its_lock_unless_it_is_to_be_open) {
  const int unlocked = BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS;
  int socket;
  for (socket = 0; socket < 2; ++socket) {
    check_bufferevent_callbacks(socket, BEV_OPT_THREADSAFE, O);
    if (!CHECK_FAILED()) check_bufferevent_callbacks(socket, BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS, O);
    if (!CHECK_FAILED()) check_bufferevent_callbacks(socket, unlocked, 0);
    CHECK(!CHECK_FAILED());
  }
}

static enum bufferevent_filter_result filter_ran(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
                                                 enum bufferevent_flush_mode mode, void *arg) {
  (void)limit;
  (void)mode;
  (void)arg;
  note_held();
  evbuffer_add_buffer(to, from);
  return BEV_OK;
}

/* A filter shares the lock of the underlying bufferevent. */
TEST(filter_functions_run_with_the_shared_lock) {
  held_in_callback = -1;
  make_base();
  lock_owner_now = LOCK_OF_OBJECT;
  bev = bufferevent_socket_new(base, pair[0], BEV_OPT_THREADSAFE);
  second = bufferevent_filter_new(bev, filter_ran, filter_ran, BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE,
                                  NULL, NULL);
  lock_owner_now = LOCK_OF_PROCESS;
  bufferevent_enable(second, EV_READ | EV_WRITE);
  bufferevent_write(second, "x", 1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_RAN_HOLDING(O);
  CHECK_INT_EQ(write(pair[1], "x", 1), 1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_RAN_HOLDING(O);
  bufferevent_free(second);
  event_base_loop(base, EVLOOP_NONBLOCK);
  free_base();
}

static void change_ran(struct evbuffer *of, const struct evbuffer_cb_info *info, void *arg) {
  (void)of;
  (void)info;
  (void)arg;
  note_held();
}
static void cleanup_ran(const void *data, size_t size, void *arg) {
  (void)data;
  (void)size;
  (void)arg;
  note_held();
}

TEST(callbacks_of_evbuffers_run_with_its_lock) {
  static char byte[1];
  make_base();
  buffer = evbuffer_new();
  lock_owner_now = LOCK_OF_OBJECT;
  evbuffer_enable_locking(buffer, NULL);
  lock_owner_now = LOCK_OF_PROCESS;
  held_in_callback = -1;
  evbuffer_add_cb(buffer, change_ran, NULL);
  evbuffer_add(buffer, "x", 1);
  CHECK_RAN_HOLDING(O);
  evbuffer_add_reference(buffer, byte, 1, cleanup_ran, NULL);
  evbuffer_remove_cb(buffer, change_ran, NULL);
  held_in_callback = -1;
  evbuffer_drain(buffer, evbuffer_get_length(buffer));
  CHECK_RAN_HOLDING(O);
  evbuffer_add_cb(buffer, change_ran, NULL);
  evbuffer_defer_callbacks(buffer, base);
  evbuffer_add(buffer, "x", 1);
  CHECK_INT_EQ(held_in_callback, -1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_RAN_HOLDING(O);
  evbuffer_free(buffer);
  free_base();
}

static void connection_ran(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *address, int size,
                           void *arg) {
  (void)l;
  (void)address;
  (void)size;
  (void)arg;
  evutil_closesocket(fd);
  note_held();
}
static void error_ran(struct evconnlistener *l, void *arg) {
  (void)arg;
  note_held();
  evconnlistener_disable(l);
}

/* Listens on a socket of the test's: one that is bound, or one that cannot accept and so is always ready. */
static void make_listener(int backlog, int fd) {
  evutil_make_socket_nonblocking(fd);
  lock_owner_now = LOCK_OF_OBJECT;
  listener =
      evconnlistener_new(base, connection_ran, NULL, LEV_OPT_THREADSAFE | LEV_OPT_CLOSE_ON_FREE, backlog, fd);
  lock_owner_now = LOCK_OF_PROCESS;
  CHECK(listener != NULL);
}

TEST(callbacks_of_listeners_run_without_its_lock) {
  const int client = socket(AF_INET, SOCK_STREAM, 0), server = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  held_in_callback = -1;
  make_base();
  CHECK_INT_EQ(bind(server, (struct sockaddr *)&address, size), 0);
  make_listener(8, server);
  CHECK(!CHECK_FAILED());
  getsockname(server, (struct sockaddr *)&address, &size);
  CHECK_INT_EQ(connect(client, (struct sockaddr *)&address, size), 0);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_RAN_HOLDING(0);
  close(client);
  evconnlistener_free(listener);
  free_base();
}

TEST(the_error_callback_of_a_listener_runs_without_its_lock) {
  held_in_callback = -1;
  make_base();
  make_listener(0, socket(AF_INET, SOCK_STREAM, 0));
  CHECK(!CHECK_FAILED());
  evconnlistener_set_error_cb(listener, error_ran);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_RAN_HOLDING(0);
  evconnlistener_free(listener);
  free_base();
}

/* --- output that stays behind while the reader's callback runs --- */

enum { MARK = 10 };
static char some[3 * MARK];
static struct bufferevent *writer;
static int more_to_write;

/* Fills the reader up to its watermark again, with more that stays in the writer, before it takes anything.
 */
static void write_then_take(struct bufferevent *reader, void *arg) {
  char text[MARK];
  (void)arg;
  if (more_to_write) bufferevent_write(writer, some, (size_t)more_to_write);
  more_to_write = 0;
  bufferevent_read(reader, text, sizeof(text));
}

static void check_left_output(int options, int first, int later_in_callback) {
  struct bufferevent *ends[2];
  int i;
  base = event_base_new();
  CHECK_INT_EQ(bufferevent_pair_new(base, options, ends), 0);
  writer = ends[0];
  more_to_write = later_in_callback;
  bufferevent_setcb(ends[1], write_then_take, NULL, NULL, NULL);
  bufferevent_setwatermark(ends[1], EV_READ, 0, MARK);
  bufferevent_enable(ends[1], EV_READ);
  bufferevent_write(writer, some, (size_t)first);
  for (i = 0; i < 20; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(writer)), 0);
  CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(ends[1])), 0);
  bufferevent_free(ends[0]);
  bufferevent_free(ends[1]);
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_base_free(base);
}
TEST(output_that_stays_behind_a_running_read_callback_arrives) {
  static const int options[] = {0, BEV_OPT_DEFER_CALLBACKS, BEV_OPT_THREADSAFE,
                                BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS,
                                BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS};
  static const int amounts[] = {1, MARK - 1, MARK, MARK + 1, 3 * MARK};
  size_t i, first, second;
  for (i = 0; i < sizeof(options) / sizeof(options[0]); ++i) {
    for (first = 0; first < 5; ++first) {
      for (second = 0; second < 5; ++second) {
        check_left_output(options[i], amounts[first], amounts[second]);
        if (CHECK_FAILED())
          CHECK_FAIL_("options 0x%x, %d bytes, then %d", options[i], amounts[first], amounts[second]);
      }
    }
  }
}
#ifdef WITH_OURS
#define TESTS_OF_OURS                                                \
  watchers_and_reports_of_slow_callbacks_run_without_the_bases_lock, \
      callbacks_for_drained_output_follow_the_option,
#else
#define TESTS_OF_OURS
#endif

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (use_counting_locks() != 0) {
    printf("0 passed, 1 failed\n");
    return 1;
  }
  RUN_TESTS(TESTS_OF_OURS callbacks_of_events_run_without_the_bases_lock,
            event_base_foreach_event_runs_its_callback_with_the_bases_lock,
            callbacks_of_bufferevents_run_with_its_lock_unless_it_is_to_be_open,
            filter_functions_run_with_the_shared_lock, callbacks_of_evbuffers_run_with_its_lock,
            callbacks_of_listeners_run_without_its_lock,
            the_error_callback_of_a_listener_runs_without_its_lock,
            output_that_stays_behind_a_running_read_callback_arrives);
}

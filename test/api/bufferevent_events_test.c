/* The events within a bufferevent, whose struct is public: how queued output is counted, queries of their
 * state, also in debug mode, and their priority when a callback is queued. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/listener.h>
#include <netinet/in.h>

#include "api/child.h"
#include "api/events.h"

static int visits;
static const struct event *visited;
static int visit(const struct event_base *of, const struct event *ev, void *arg) {
  (void)of;
  (void)arg;
  ++visits;
  visited = ev;
  return 0;
}

static int added(void) { return event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED); }

static int received(void) {
  char buffer[64];
  return (int)recv(pair[1], buffer, sizeof(buffer), MSG_DONTWAIT);
}

/* The text of a dump. */
static char dump_text[4096];
static void dump(void (*write_dump)(struct event_base *, FILE *)) {
  FILE *file = tmpfile();
  memset(dump_text, 0, sizeof(dump_text));
  write_dump(base, file);
  rewind(file);
  if (fread(dump_text, 1, sizeof(dump_text) - 1, file) == 0) dump_text[0] = 0;
  fclose(file);
}

/* --- queued output --- */

TEST(queued_output_counts_as_the_write_event) {
  char line[64];
  struct bufferevent *bev;
  base = event_base_new();
  CHECK(open_pair() == 0);
  bev = bufferevent_socket_new(base, pair[0], 0);
  CHECK_INT_EQ(added(), 0);
  CHECK_INT_EQ(event_pending(&bev->ev_write, EV_WRITE, NULL), 0);
  CHECK_INT_EQ(bufferevent_write(bev, "x", 1), 0);
  CHECK_INT_EQ(added(), 1);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
  CHECK_INT_EQ(event_pending(&bev->ev_write, EV_READ | EV_WRITE, NULL), EV_WRITE);
  visits = 0;
  CHECK_INT_EQ(event_base_foreach_event(base, visit, NULL), 0);
  CHECK_INT_EQ(visits, 1);
  CHECK_PTR_EQ(visited, &bev->ev_write);
  dump(event_base_dump_events);
  snprintf(line, sizeof(line), "%p [fd ", (void *)&bev->ev_write);
  CHECK(strstr(dump_text, line) != NULL);
  CHECK(strstr(dump_text, "] Write Persist\n") != NULL);
  /* Output is not waited for while writing is disabled. */
  bufferevent_disable(bev, EV_WRITE);
  CHECK_INT_EQ(added(), 0);
  bufferevent_enable(bev, EV_WRITE);
  CHECK_INT_EQ(added(), 1);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(received(), 1);
  CHECK_INT_EQ(added(), 0);
  CHECK_INT_EQ(event_pending(&bev->ev_write, EV_WRITE, NULL), 0);
  CHECK_INT_EQ(event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED, 1), ours() ? 1 : 2);
  /* Freed with output queued, it counts no more. */
  bufferevent_write(bev, "x", 1);
  bufferevent_free(bev);
  if (ours()) CHECK_INT_EQ(added(), 0); /* libevent has a finalizer queued */
  event_base_free(base);
  close_pair();
}

TEST(one_iteration_that_wrote_output_returns_0) {
  struct bufferevent *bev;
  base = event_base_new();
  CHECK(open_pair() == 0);
  bev = bufferevent_socket_new(base, pair[0], 0);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 1);
  bufferevent_write(bev, "x", 1);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(received(), 1);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 1);
  bufferevent_write(bev, "x", 1);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
  CHECK_INT_EQ(received(), 1);
  bufferevent_free(bev);
  event_base_free(base);
  close_pair();
}

static int breaks;
static void write_and_leave(evutil_socket_t fd, short what, void *bev) {
  (void)fd;
  (void)what;
  bufferevent_write(bev, "bye", 3);
  breaks ? event_base_loopbreak(base) : event_base_loopexit(base, NULL);
}

TEST(output_written_before_loopexit_is_attempted_once) {
  const int flags[] = {0, EVLOOP_ONCE, EVLOOP_NONBLOCK};
  struct bufferevent *bev;
  int i;
  base = event_base_new();
  CHECK(open_pair() == 0);
  bev = bufferevent_socket_new(base, pair[0], 0);
  for (i = 0; i < 3; ++i) {
    breaks = 0;
    CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, write_and_leave, bev, NULL), 0);
    CHECK_INT_EQ(event_base_loop(base, flags[i]), 0);
    CHECK(event_base_got_exit(base));
    if (ours()) CHECK_INT_EQ(received(), 3); /* libevent has not looked at the socket yet */
    /* A break means now. */
    breaks = 1;
    CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, write_and_leave, bev, NULL), 0);
    CHECK_INT_EQ(event_base_loop(base, flags[i]), 0);
    if (ours()) CHECK_INT_EQ(received(), -1);
    CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
    while (received() > 0) {
    }
  }
  bufferevent_free(bev);
  event_base_free(base);
  close_pair();
}

/* --- priorities --- */

static int reads[2];
static void count_read(struct bufferevent *bev, void *which) {
  (void)bev;
  ++reads[(size_t)which];
}

TEST(priority_can_change_while_a_deferred_callback_is_queued) {
  struct bufferevent *bevs[2];
  evutil_socket_t fds[2][2];
  struct seen ticks = {0, 0, 0};
  struct timeval soon = after_ms(1);
  struct event *timer;
  size_t i;
  if (!ours()) return; /* libevent spins */
  base = event_base_new();
  CHECK_INT_EQ(event_base_priority_init(base, 3), 0);
  for (i = 0; i < 2; ++i) {
    reads[i] = 0;
    CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]), 0);
    bevs[i] = bufferevent_socket_new(base, fds[i][0], BEV_OPT_DEFER_CALLBACKS | BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(bevs[i], count_read, NULL, NULL, (void *)i);
    bufferevent_trigger(bevs[i], EV_READ, BEV_TRIG_IGNORE_WATERMARKS);
  }
  CHECK_INT_EQ(bufferevent_priority_set(bevs[1], 2), 0);
  CHECK_INT_EQ(bufferevent_priority_set(bevs[0], 0), 0);
  timer = event_new(base, -1, 0, note, &ticks);
  event_add(timer, &soon);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(ticks.calls, 1);
  bufferevent_trigger(bevs[0], EV_READ, BEV_TRIG_IGNORE_WATERMARKS);
  event_add(timer, &soon);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(ticks.calls, 2);
  CHECK_INT_EQ(reads[0], 2);
  CHECK_INT_EQ(reads[1], 1);
  event_free(timer);
  for (i = 0; i < 2; ++i) {
    bufferevent_free(bevs[i]);
    evutil_closesocket(fds[i][1]);
  }
  event_base_free(base);
}

TEST(priority_of_an_active_event_cannot_change) {
  struct seen seen = {0, 0, 0};
  struct event *ev;
  base = event_base_new();
  CHECK_INT_EQ(event_base_priority_init(base, 3), 0);
  ev = event_new(base, -1, 0, note, &seen);
  event_active(ev, EV_TIMEOUT, 1);
  CHECK_INT_EQ(event_priority_set(ev, 0), -1);
  CHECK_INT_EQ(event_get_priority(ev), 1);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(event_priority_set(ev, 0), 0);
  event_free(ev);
  event_base_free(base);
}

/* The program made it active by hand, although it is not added. */
TEST(the_fd_can_be_replaced_while_an_event_is_active) {
  struct bufferevent *bev;
  base = event_base_new();
  CHECK(open_pair() == 0);
  bev = bufferevent_socket_new(base, pair[0], 0);
  event_active(&bev->ev_read, EV_READ, 1);
  event_active(&bev->ev_write, EV_WRITE, 1);
  CHECK_INT_EQ(bufferevent_setfd(bev, pair[1]), 0);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
  bufferevent_free(bev);
  event_base_free(base);
  close_pair();
}

/* --- debug mode --- */

static void leave_fatally(int error) {
  (void)error;
  _exit(42);
}

static int asks(const struct event_base *of, const struct event *ev, void *arg) {
  ++*(int *)arg;
  event_get_fd(ev);
  return event_get_base(ev) == of && event_pending(ev, EV_READ | EV_WRITE | EV_TIMEOUT | EV_SIGNAL, NULL) ? 0
                                                                                                          : 1;
}

static void ask(struct bufferevent *bev, evutil_socket_t fd, struct event_base *of) {
  struct event *events[2];
  size_t i;
  events[0] = &bev->ev_read;
  events[1] = &bev->ev_write;
  for (i = 0; i < 2; ++i) {
    CHECK_INT_EQ(event_get_fd(events[i]), fd);
    CHECK(event_get_base(events[i]) == of);
    CHECK(event_initialized(events[i]));
    CHECK_INT_EQ(event_pending(events[i], EV_READ | EV_WRITE | EV_TIMEOUT, NULL), 0);
    event_get_events(events[i]);
    event_get_callback(events[i]);
    event_get_priority(events[i]);
  }
}

static enum bufferevent_filter_result pass(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
                                           enum bufferevent_flush_mode mode, void *arg) {
  (void)limit;
  (void)mode;
  (void)arg;
  evbuffer_add_buffer(to, from);
  return BEV_OK;
}

static void nothing_accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                             int length, void *arg) {
  (void)listener;
  (void)fd;
  (void)address;
  (void)length;
  (void)arg;
}

/* Events that the library assigned, in every way that a program comes by them. Memory is used again and
 * again, so that an event which stayed known would be noticed. */
static void ask_in_debug_mode(void) {
  struct bufferevent *bev, *top, *ends[2];
  struct evconnlistener *listener;
  struct seen seen = {0, 0, 0};
  struct sockaddr_in here;
  const struct timeval *common, later = {100, 0};
  struct event *signal_event, *timer, zeroed;
  int round, found;
  event_set_fatal_callback(leave_fatally);
  event_set_log_callback(keep_log);
  event_enable_debug_mode();
  memset(&here, 0, sizeof(here));
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (round = 0; round < 3; ++round) {
    base = event_base_new();
    CHECK(open_pair() == 0);
    bev = bufferevent_socket_new(base, pair[0], 0);
    ask(bev, pair[0], base);
    CHECK_INT_EQ(bufferevent_setfd(bev, pair[1]), 0);
    event_base_loop(base, EVLOOP_NONBLOCK);
    ask(bev, pair[1], base);
    top = bufferevent_filter_new(bev, pass, pass, 0, NULL, NULL);
    ask(top, -1, base);
    CHECK_INT_EQ(bufferevent_pair_new(base, 0, ends), 0);
    ask(ends[0], -1, base);
    ask(ends[1], -1, base);
    /* The library's others are met by looking at all. */
    listener = evconnlistener_new_bind(base, nothing_accepted, NULL, LEV_OPT_CLOSE_ON_FREE, 4,
                                       (struct sockaddr *)&here, sizeof(here));
    CHECK(listener != NULL);
    signal_event = evsignal_new(base, SIGUSR1, note, &seen);
    event_add(signal_event, NULL);
    common = event_base_init_common_timeout(base, &later);
    timer = event_new(base, -1, 0, note, &seen);
    event_add(timer, common);
    CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note, &seen, &later), 0);
    CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note, &seen, NULL), 0);
    found = 0;
    CHECK_INT_EQ(event_base_foreach_event(base, asks, &found), 0);
    CHECK_INT_GE(found, 5);
    event_base_loop(base, EVLOOP_NONBLOCK);
    bufferevent_free(top);
    bufferevent_free(bev);
    bufferevent_free(ends[0]);
    bufferevent_free(ends[1]);
    evconnlistener_free(listener);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_free(signal_event);
    event_free(timer);
    event_base_free(base);
    close_pair();
  }
  /* One without a base is pending for nothing; nothing else is done with it either. */
  memset(&zeroed, 0, sizeof(zeroed));
  CHECK_INT_EQ(event_pending(&zeroed, EV_READ | EV_TIMEOUT, NULL), 0);
  CHECK_INT_EQ(event_add(&zeroed, NULL), -1);
  CHECK_INT_EQ(event_del(&zeroed), -1);
}

/* A freed event is unknown to debug mode. */
static void ask_what_was_freed(void) {
  struct bufferevent *bev;
  event_set_fatal_callback(leave_fatally);
  event_set_log_callback(keep_log);
  event_enable_debug_mode();
  base = event_base_new();
  bev = bufferevent_socket_new(base, -1, 0);
  bufferevent_incref(bev);
  bufferevent_free(bev);
  CHECK_INT_EQ(event_get_fd(&bev->ev_read), -1);
  event_assign(&bev->ev_read, base, -1, 0, note, NULL); /* as good as any other */
  event_debug_unassign(&bev->ev_read);
  event_get_fd(&bev->ev_read);
}

TEST(debug_mode_accepts_the_events_of_a_bufferevent) {
  CHECK_INT_EQ(in_child(ask_in_debug_mode), 0);
  CHECK_INT_EQ(in_child(ask_what_was_freed), 42);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  RUN_TESTS(debug_mode_accepts_the_events_of_a_bufferevent, queued_output_counts_as_the_write_event,
            one_iteration_that_wrote_output_returns_0, output_written_before_loopexit_is_attempted_once,
            priority_can_change_while_a_deferred_callback_is_queued,
            priority_of_an_active_event_cannot_change, the_fd_can_be_replaced_while_an_event_is_active);
}

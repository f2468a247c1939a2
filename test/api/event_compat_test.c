/* event2/event_compat.h as a C program sees it: the functions that work on the current base, which
 * event_init() made. Each test begins with the name of the function that it is about. */
#include "api/events.h"

/* libevent's does not name the types that it needs. */
#include <event2/event_compat.h>

TEST(event_init_sets_the_current_base) {
  struct seen seen = {0, 0, 0};
  struct event ev;
  CHECK(base != NULL);
  event_set(&ev, -1, 0, note, &seen);
  CHECK_PTR_EQ(event_get_base(&ev), base);
  /* Where a base may be left out, it is the current one. */
  event_assign(&ev, NULL, -1, 0, note, &seen);
  CHECK_PTR_EQ(event_get_base(&ev), base);
}

TEST(event_dispatch_runs_an_event_of_event_set) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = after_ms(1);
  struct event timer, reader;
  CHECK_INT_EQ(open_pair(), 0);
  event_set(&reader, pair[0], EV_READ, note, &seen);
  CHECK_INT_EQ(EVENT_FD(&reader), pair[0]);
  evtimer_set(&timer, note, &seen);
  CHECK(event_initialized(&timer));
  event_add(&reader, NULL);
  write(pair[1], "x", 1);
  evtimer_add(&timer, &tv);
  CHECK_INT_EQ(event_dispatch(), 1);
  CHECK_INT_EQ(seen.calls, 2);
  CHECK_INT_EQ(seen.what, EV_READ | EV_TIMEOUT);
  close_pair();
}

TEST(event_base_set_moves_an_event_of_event_set) {
  struct event_base *other = event_base_new();
  struct seen seen = {0, 0, 0};
  struct event ev;
  event_set(&ev, -1, 0, note, &seen);
  CHECK_INT_EQ(event_base_set(other, &ev), 0);
  event_active(&ev, EV_READ, 1);
  CHECK_INT_EQ(event_dispatch(), 1);
  CHECK_INT_EQ(seen.calls, 0);
  CHECK_INT_EQ(event_base_dispatch(other), 1);
  CHECK_INT_EQ(seen.calls, 1);
  event_base_free(other);
}

TEST(event_loop_obeys_its_flags) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = {100, 0};
  struct event ev;
  timeout_set(&ev, note, &seen);
  timeout_add(&ev, &tv);
  CHECK_INT_EQ(timeout_pending(&ev, NULL), EV_TIMEOUT);
  CHECK_INT_EQ(event_loop(EVLOOP_NONBLOCK), 0);
  CHECK_INT_EQ(seen.calls, 0);
  timeout_del(&ev);
  CHECK_INT_EQ(event_loop(EVLOOP_ONCE), 1);
}

TEST(event_loopexit_stops_after_a_delay) {
  struct timeval tv = after_ms(2), far = {100, 0};
  struct event ev;
  evtimer_set(&ev, note, NULL);
  evtimer_add(&ev, &far);
  CHECK_INT_EQ(event_loopexit(&tv), 0);
  CHECK_INT_EQ(event_dispatch(), 0);
  CHECK_INT_NE(event_base_got_exit(base), 0);
  evtimer_del(&ev);
}

static void break_loop(evutil_socket_t fd, short what, void *arg) {
  note(fd, what, arg);
  event_loopbreak();
}
TEST(event_loopbreak_stops_the_loop) {
  struct seen seen = {0, 0, 0};
  struct event a, b;
  event_set(&a, -1, 0, break_loop, &seen);
  event_set(&b, -1, 0, break_loop, &seen);
  event_active(&a, 0, 0);
  event_active(&b, 0, 0);
  CHECK_INT_EQ(event_dispatch(), 0);
  CHECK_INT_EQ(seen.calls, 1);
  event_del(&b);
}

TEST(event_once_invokes_the_callback_once) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = after_ms(1);
  CHECK_INT_EQ(event_once(-1, EV_TIMEOUT, note, &seen, &tv), 0);
  CHECK_INT_EQ(event_once(SIGUSR1, EV_SIGNAL, note, &seen, NULL), -1);
  CHECK_INT_EQ(event_dispatch(), 1);
  CHECK_INT_EQ(seen.calls, 1);
}

TEST(event_get_method_returns_its_name) { CHECK_STR_EQ(event_get_method(), event_base_get_method(base)); }

TEST(event_priority_init_sets_priorities) {
  struct event ev;
  CHECK_INT_EQ(event_priority_init(4), 0);
  CHECK_INT_EQ(event_base_get_npriorities(base), 4);
  event_set(&ev, -1, 0, note, NULL);
  CHECK_INT_EQ(event_get_priority(&ev), 2);
  CHECK_INT_EQ(event_priority_init(0), -1);
  CHECK_INT_EQ(event_priority_init(1), 0);
}

TEST(signal_set_signal_add_and_signal_del) {
  struct seen seen = {0, 0, 0};
  struct event ev;
  signal_set(&ev, SIGUSR1, note, &seen);
  CHECK(signal_initialized(&ev));
  CHECK_INT_EQ(EVENT_SIGNAL(&ev), SIGUSR1);
  CHECK_INT_EQ(signal_add(&ev, NULL), 0);
  CHECK_INT_EQ(signal_pending(&ev, NULL), EV_SIGNAL);
  raise(SIGUSR1);
  event_loop(EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(signal_del(&ev), 0);
  evsignal_set(&ev, SIGUSR2, note, &seen);
  CHECK_INT_EQ(event_get_events(&ev), EV_SIGNAL | EV_PERSIST);
}

/* Runs last: event_base_free() without a base means the current one, after which there is none. */
TEST(event_base_free_of_null_frees_the_current_base) {
  struct event ev;
  event_base_free(NULL);
  base = NULL;
  event_set(&ev, -1, 0, note, NULL);
  CHECK(event_get_base(&ev) == NULL);
  event_set_log_callback(keep_log);
  CHECK_INT_EQ(event_add(&ev, NULL), -1);
  CHECK_INT_EQ(event_del(&ev), -1);
  CHECK_INT_EQ(event_pending(&ev, EV_READ, NULL), 0);
  event_active(&ev, EV_READ, 1);
  if (ours()) { /* libevent dies */
    CHECK_INT_EQ(event_dispatch(), -1);
    CHECK_INT_EQ(event_loop(0), -1);
    CHECK_INT_EQ(event_priority_init(2), -1);
    CHECK_STR_EQ(event_get_method(), NULL);
  }
  CHECK_INT_EQ(event_loopexit(NULL), -1);
  CHECK_INT_EQ(event_loopbreak(), -1);
  CHECK_INT_EQ(event_once(-1, EV_TIMEOUT, note, NULL, NULL), -1);
  event_set_log_callback(NULL);
}

int main(int argc, char **argv) {
  base = event_init();
  RUN_TESTS(event_init_sets_the_current_base, event_dispatch_runs_an_event_of_event_set,
            event_base_set_moves_an_event_of_event_set, event_loop_obeys_its_flags,
            event_loopexit_stops_after_a_delay, event_loopbreak_stops_the_loop,
            event_once_invokes_the_callback_once, event_get_method_returns_its_name,
            event_priority_init_sets_priorities, signal_set_signal_add_and_signal_del,
            event_base_free_of_null_frees_the_current_base);
}

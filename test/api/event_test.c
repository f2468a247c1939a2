/* event2/event.h as a C program sees it, second half: events. Each test begins with the name of the function
 * that it is about. */
#include "api/events.h"

static struct event *argument_seen;
static void note_argument(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  argument_seen = arg;
}
TEST(event_self_cbarg_passes_the_event_itself) {
  struct event assigned;
  struct event *ev = event_new(base, -1, 0, note_argument, event_self_cbarg());
  CHECK_PTR_EQ(event_get_callback_arg(ev), ev);
  event_active(ev, 0, 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_PTR_EQ(argument_seen, ev);
  event_free(ev);
  event_assign(&assigned, base, -1, 0, note_argument, event_self_cbarg());
  CHECK_PTR_EQ(event_get_callback_arg(&assigned), &assigned);
}

TEST(event_new_allocates_and_event_free_releases) {
  struct event *ev;
  event_set_log_callback(keep_log);
  CHECK(event_new(base, SIGUSR1, EV_SIGNAL | EV_READ, note, NULL) == NULL);
  event_set_log_callback(NULL);
  ev = event_new(base, SIGUSR1, EV_SIGNAL, note, NULL);
  CHECK(ev != NULL);
  event_add(ev, NULL);
  event_free(ev);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
}

static void free_itself(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  event_free(arg);
}
TEST(event_free_in_the_events_own_callback) {
  struct timeval tv = after_ms(1);
  struct event *ev = event_new(base, -1, EV_PERSIST, free_itself, event_self_cbarg());
  event_add(ev, &tv);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
}

TEST(event_assign_initializes_caller_owned_memory) {
  struct event ev;
  struct seen seen = {0, 0, 0};
  struct timeval tv = {0, 0};
  memset(&ev, 0xee, sizeof(ev));
  event_set_log_callback(keep_log);
  CHECK_INT_EQ(event_assign(&ev, base, 1, EV_SIGNAL | EV_WRITE, note, NULL), -1);
  event_set_log_callback(NULL);
  CHECK_INT_EQ(event_assign(&ev, base, -1, 0, note, &seen), 0);
  event_add(&ev, &tv);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(seen.calls, 1);
}

TEST(event_base_set_moves_an_event_that_is_not_pending) {
  struct event_base *other = event_base_new();
  struct seen seen = {0, 0, 0};
  struct event *ev = event_new(base, -1, 0, note, &seen);
  struct timeval tv = {100, 0};
  event_base_priority_init(other, 3);
  event_add(ev, &tv);
  CHECK_INT_EQ(event_base_set(other, ev), -1);
  event_del(ev);
  CHECK_INT_EQ(event_base_set(other, ev), 0);
  CHECK_PTR_EQ(event_get_base(ev), other);
  CHECK_INT_EQ(event_get_priority(ev), 1);
  event_active(ev, EV_READ, 1);
  CHECK_INT_EQ(event_base_dispatch(other), 1);
  CHECK_INT_EQ(seen.calls, 1);
  event_free(ev);
  event_base_free(other);
}

TEST(event_add_watches_an_fd) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = {100, 0};
  struct event *ev;
  CHECK_INT_EQ(open_pair(), 0);
  ev = event_new(base, pair[0], EV_READ, note_and_drain, &seen);
  CHECK_INT_EQ(event_add(ev, &tv), 0);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, NULL), EV_READ | EV_TIMEOUT);
  write(pair[1], "x", 1);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(seen.what, EV_READ);
  CHECK_INT_EQ(seen.fd, pair[0]);
  CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, NULL), 0);
  event_free(ev);
  close_pair();
}

TEST(event_add_rejects_invalid_fds_and_signals) {
  static const int bad_fds[] = {INT_MAX, INT_MAX / 2};
  static const int bad_signals[] = {-1, NSIG};
  struct timeval tv = {100, 0};
  size_t i;
  event_set_log_callback(keep_log);
  for (i = 0; i < 2; ++i) {
    struct event *ev = event_new(base, bad_fds[i], EV_READ, note, NULL);
    CHECK_INT_EQ(event_add(ev, &tv), -1);
    CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, NULL), 0);
    event_free(ev);
    ev = evsignal_new(base, bad_signals[i], note, NULL);
    CHECK_INT_EQ(event_add(ev, &tv), -1);
    event_free(ev);
  }
  event_set_log_callback(NULL);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
}

TEST(event_add_without_an_fd_waits_for_the_timeout) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = after_ms(1);
  struct event *ev = event_new(base, -1, EV_READ, note, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), EV_READ);
  CHECK_INT_EQ(event_add(ev, &tv), 0);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(seen.what, EV_TIMEOUT);
  event_free(ev);
}

TEST(event_add_of_a_persistent_timer_is_periodic) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = after_ms(2), start, end;
  struct event *ev = event_new(base, -1, EV_PERSIST, note, &seen);
  evutil_gettimeofday(&start, NULL);
  event_add(ev, &tv);
  while (seen.calls < 4) event_base_loop(base, EVLOOP_ONCE);
  evutil_gettimeofday(&end, NULL);
  evutil_timersub(&end, &start, &end);
  CHECK_INT_GE(end.tv_sec * 1000000 + end.tv_usec, 7900);
  event_free(ev);
}

static void readd_other(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  event_add(arg, NULL);
}
TEST(event_add_of_an_active_event_in_an_earlier_callback_is_undone) {
  struct seen seen = {0, 0, 0};
  struct event *victim, *earlier;
  CHECK_INT_EQ(open_pair(), 0);
  victim = event_new(base, pair[0], EV_WRITE, note, &seen);
  earlier = event_new(base, -1, 0, readd_other, victim);
  event_add(victim, NULL);
  event_active(earlier, 0, 0);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(event_pending(victim, EV_WRITE, NULL), 0);
  event_free(victim);
  event_free(earlier);
  close_pair();
}

static void push_back_other(evutil_socket_t fd, short what, void *arg) {
  struct timeval tv = {100, 0};
  (void)fd;
  (void)what;
  event_add(arg, &tv);
}
/* libevent leaves the descriptor unwatched here. */
TEST(event_add_replaces_an_expired_timeout_not_yet_reported) {
  struct seen seen = {0, 0, 0};
  struct timeval now = {0, 0}, soon = {0, 1};
  struct event *victim, *earlier;
  if (!ours()) return;
  CHECK_INT_EQ(open_pair(), 0);
  victim = event_new(base, pair[0], EV_READ, note, &seen);
  earlier = event_new(base, -1, 0, push_back_other, victim);
  event_add(earlier, &now);
  event_add(victim, &soon);
  usleep(1000);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.calls, 0);
  CHECK_INT_EQ(event_pending(victim, EV_READ | EV_TIMEOUT, NULL), EV_READ | EV_TIMEOUT);
  write(pair[1], "x", 1);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.what, EV_READ);
  event_free(victim);
  event_free(earlier);
  close_pair();
}

TEST(event_add_of_an_active_persistent_event_makes_it_pending) {
  struct seen seen = {0, 0, 0};
  struct event *ev;
  if (!ours()) return; /* libevent forgets it when it has run */
  CHECK_INT_EQ(open_pair(), 0);
  ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note_and_drain, &seen);
  event_active(ev, EV_READ, 1);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(event_pending(ev, EV_READ, NULL), EV_READ);
  event_free(ev);
  close_pair();
}

TEST(event_del_cancels_fd_timeout_and_activation) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = {0, 0};
  struct event *ev;
  CHECK_INT_EQ(open_pair(), 0);
  ev = event_new(base, pair[0], EV_WRITE | EV_PERSIST, note, &seen);
  event_add(ev, &tv);
  event_active(ev, EV_WRITE, 1);
  CHECK_INT_EQ(event_del(ev), 0);
  CHECK_INT_EQ(event_del(ev), 0);
  CHECK_INT_EQ(event_pending(ev, EV_WRITE | EV_TIMEOUT, NULL), 0);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(seen.calls, 0);
  event_free(ev);
  close_pair();
}

TEST(event_del_block_and_event_del_noblock_delete) {
  struct timeval tv = {100, 0};
  struct event *ev = event_new(base, -1, 0, note, NULL);
  event_add(ev, &tv);
  CHECK_INT_EQ(event_del_noblock(ev), 0);
  CHECK_INT_EQ(event_pending(ev, EV_TIMEOUT, NULL), 0);
  event_add(ev, &tv);
  CHECK_INT_EQ(event_del_block(ev), 0);
  CHECK_INT_EQ(event_pending(ev, EV_TIMEOUT, NULL), 0);
  event_free(ev);
}

TEST(event_remove_timer_keeps_the_fd_pending) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = {100, 0};
  struct event *ev;
  CHECK_INT_EQ(open_pair(), 0);
  ev = event_new(base, pair[0], EV_READ, note, &seen);
  event_add(ev, &tv);
  CHECK_INT_EQ(event_remove_timer(ev), 0);
  CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, NULL), EV_READ);
  CHECK_INT_EQ(event_remove_timer(ev), 0);
  event_free(ev);
  close_pair();
}

TEST(event_active_invokes_the_callback) {
  struct seen seen = {0, 0, 0};
  struct event *ev = event_new(base, SIGUSR1, EV_SIGNAL, note, &seen), *user = evuser_new(base, note, &seen);
  event_active(ev, EV_SIGNAL, 3);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 3);
  event_active(user, EV_READ, 1);
  event_active(user, EV_TIMEOUT, 1);
  CHECK_INT_EQ(event_pending(user, EV_READ | EV_TIMEOUT, NULL), EV_READ | EV_TIMEOUT);
  seen.what = 0;
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 4);
  CHECK_INT_EQ(seen.what, EV_READ | EV_TIMEOUT);
  evuser_trigger(user);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 1);
  evuser_del(user);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
  event_free(ev);
  event_free(user);
}

static void activate_urgent(evutil_socket_t fd, short what, void *arg) {
  append(fd, what, "a");
  event_active(arg, 0, 0);
}
TEST(event_active_runs_a_more_urgent_event_first) {
  struct event_base *made = event_base_new();
  struct event *a, *b, *urgent;
  event_base_priority_init(made, 3);
  urgent = event_new(made, -1, 0, append, "u");
  event_priority_set(urgent, 0);
  a = event_new(made, -1, 0, activate_urgent, urgent);
  b = event_new(made, -1, 0, append, "b");
  order[0] = '\0';
  event_active(a, 0, 0);
  event_active(b, 0, 0);
  CHECK_INT_EQ(event_base_dispatch(made), 1);
  CHECK_STR_EQ(order, "aub");
  event_free(a);
  event_free(b);
  event_free(urgent);
  event_base_free(made);
}

TEST(event_base_active_by_fd_activates_pending_events) {
  struct seen reads = {0, 0, 0}, writes = {0, 0, 0}, timed = {0, 0, 0};
  struct timeval tv = {100, 0};
  struct event *reader, *writer, *timer;
  CHECK_INT_EQ(open_pair(), 0);
  reader = event_new(base, pair[0], EV_READ | EV_PERSIST, note, &reads);
  writer = event_new(base, pair[1], EV_WRITE, note, &writes);
  timer = event_new(base, pair[0], EV_READ | EV_PERSIST, note, &timed);
  event_add(reader, NULL);
  event_add(timer, &tv);
  event_base_active_by_fd(base, pair[0], EV_READ);
  event_base_active_by_fd(base, pair[1], EV_WRITE); /* not pending */
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(reads.what, EV_READ);
  CHECK_INT_EQ(timed.what, EV_READ);
  CHECK_INT_EQ(writes.calls, 0);
  reads.calls = timed.what = 0;
  event_base_active_by_fd(base, pair[0], EV_TIMEOUT);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(reads.calls, 0);
  CHECK_INT_EQ(timed.what, EV_TIMEOUT);
  event_free(reader);
  event_free(writer);
  event_free(timer);
  close_pair();
}

TEST(event_base_active_by_signal_activates_pending_events) {
  struct seen seen = {0, 0, 0};
  struct event *ev = evsignal_new(base, SIGUSR1, note, &seen);
  evsignal_add(ev, NULL);
  event_base_active_by_signal(base, SIGUSR2);
  event_base_active_by_signal(base, SIGUSR1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(seen.fd, SIGUSR1);
  event_free(ev);
}

TEST(event_base_once_invokes_the_callback_once) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = after_ms(1);
  CHECK_INT_EQ(open_pair(), 0);
  CHECK_INT_EQ(event_base_once(base, SIGUSR1, EV_SIGNAL, note, &seen, NULL), -1);
  CHECK_INT_EQ(event_base_once(base, pair[0], EV_READ | EV_PERSIST, note, &seen, NULL), -1);
  CHECK_INT_EQ(event_base_once(base, -1, 0, note, &seen, &tv), -1);
  CHECK_INT_EQ(event_base_once(NULL, -1, EV_TIMEOUT, note, &seen, &tv), -1);
  CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note, &seen, NULL), 0);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
  CHECK_INT_EQ(seen.what, EV_TIMEOUT);
  CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note, &seen, &tv), 0);
  CHECK_INT_EQ(event_base_once(base, pair[0], EV_READ | EV_WRITE, note, &seen, NULL), 0);
  seen.what = 0;
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(seen.calls, 3);
  CHECK_INT_EQ(seen.what, EV_TIMEOUT | EV_WRITE);
  close_pair();
}

TEST(event_pending_returns_flags_and_deadline) {
  struct timeval tv = {100, 0}, due = {0, 0}, now, left;
  struct event *ev;
  CHECK_INT_EQ(open_pair(), 0);
  ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note, NULL);
  CHECK_INT_EQ(event_pending(ev, EV_READ | EV_TIMEOUT, &due), 0);
  CHECK_INT_EQ(due.tv_sec, 0);
  event_add(ev, &tv);
  CHECK_INT_EQ(event_pending(ev, EV_TIMEOUT, &due), EV_TIMEOUT);
  CHECK_INT_EQ(event_pending(ev, EV_WRITE | EV_SIGNAL, NULL), 0);
  evutil_gettimeofday(&now, NULL);
  evutil_timersub(&due, &now, &left);
  CHECK_INT_LE(left.tv_sec * 1000000LL + left.tv_usec, 100 * 1000000LL + (ours() ? 0 : 5000));
  CHECK_INT_GT(left.tv_sec, 90);
  event_free(ev);
  close_pair();
}

TEST(event_initialized_is_true_after_assign) {
  struct event ev;
  memset(&ev, 0, sizeof(ev));
  CHECK(!event_initialized(&ev));
  event_assign(&ev, base, -1, 0, note, NULL);
  CHECK(event_initialized(&ev));
}

TEST(event_get_assignment_returns_each_field) {
  int arg = 0;
  struct event *ev = event_new(base, 3, EV_READ | EV_PERSIST, note, &arg);
  struct event_base *b = NULL;
  evutil_socket_t fd = -1;
  short what = 0;
  event_callback_fn callback = NULL;
  void *given = NULL;
  event_get_assignment(ev, &b, &fd, &what, &callback, &given);
  CHECK_PTR_EQ(b, base);
  CHECK_INT_EQ(fd, 3);
  CHECK_INT_EQ(what, EV_READ | EV_PERSIST);
  CHECK(callback == note);
  CHECK_PTR_EQ(given, &arg);
  event_get_assignment(ev, NULL, NULL, NULL, NULL, NULL);
  CHECK_INT_EQ(event_get_fd(ev), 3);
  CHECK_INT_EQ(event_get_signal(ev), 3);
  CHECK_PTR_EQ(event_get_base(ev), base);
  CHECK_INT_EQ(event_get_events(ev), EV_READ | EV_PERSIST);
  CHECK(event_get_callback(ev) == note);
  CHECK_PTR_EQ(event_get_callback_arg(ev), &arg);
  event_free(ev);
}

TEST(event_finalize_runs_after_the_last_callback) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = {0, 0};
  struct event *ev = event_new(base, -1, EV_FINALIZE, note, &seen);
  finalized = 0;
  event_set_log_callback(keep_log);
  event_active(ev, EV_READ, 1);
  CHECK_INT_EQ(event_finalize(0, ev, note_finalized), 0);
  CHECK_INT_EQ(event_add(ev, &tv), -1);
  event_active(ev, EV_READ, 1);
  CHECK_INT_EQ(event_del(ev), 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(finalized, 1);
  CHECK_INT_EQ(seen.calls, 0);
  CHECK_INT_EQ(event_add(ev, &tv), -1);
  event_active(ev, EV_READ, 1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_set_log_callback(NULL);
  CHECK_INT_EQ(finalized, 1);
  CHECK_INT_EQ(seen.calls, 0);
  event_free(ev);
}

TEST(event_free_finalize_frees_the_event) {
  struct event *ev = event_new(base, -1, EV_FINALIZE, note, NULL);
  finalized = 0;
  CHECK_INT_EQ(event_free_finalize(0, ev, note_finalized), 0);
  CHECK_INT_EQ(finalized, 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(finalized, 1);
}

static volatile sig_atomic_t handled;
static void handle(int signal) {
  (void)signal;
  ++handled;
}
TEST(evsignal_del_restores_the_handler) {
  struct seen seen = {0, 0, 0};
  struct event *ev = evsignal_new(base, SIGUSR2, note, &seen);
  signal(SIGUSR2, handle);
  evsignal_add(ev, NULL);
  CHECK_INT_EQ(evsignal_pending(ev, NULL), EV_SIGNAL);
  raise(SIGUSR2);
  raise(SIGUSR2);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 2);
  CHECK_INT_EQ(handled, 0);
  evsignal_del(ev);
  raise(SIGUSR2);
  CHECK_INT_EQ(handled, 1);
  signal(SIGUSR2, SIG_DFL);
  event_free(ev);
}

static int has(int feature) { return (event_base_get_features(base) & feature) != 0; }

TEST(each_edge_is_reported_once) {
  struct seen edges = {0, 0, 0};
  struct event *edge;
  if (!has(EV_FEATURE_ET)) return;
  CHECK_INT_EQ(open_pair(), 0);
  edge = event_new(base, pair[0], EV_READ | EV_ET | EV_PERSIST, note, &edges);
  event_add(edge, NULL);
  write(pair[1], "x", 1);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
  CHECK_INT_EQ(edges.calls, 1);
  CHECK_INT_EQ(edges.what, EV_READ | EV_ET);
  event_free(edge);
  close_pair();
}

TEST(ev_closed_is_reported) {
  struct seen closed = {0, 0, 0};
  struct event *ev;
  if (!has(EV_FEATURE_EARLY_CLOSE)) return;
  CHECK_INT_EQ(open_pair(), 0);
  ev = event_new(base, pair[0], EV_CLOSED, note, &closed);
  event_add(ev, NULL);
  close(pair[1]);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(closed.what, EV_CLOSED);
  event_free(ev);
  close(pair[0]);
}

static int run(int argc, char **argv) {
  RUN_TESTS(event_self_cbarg_passes_the_event_itself, event_new_allocates_and_event_free_releases,
            event_free_in_the_events_own_callback, event_assign_initializes_caller_owned_memory,
            event_base_set_moves_an_event_that_is_not_pending, event_add_watches_an_fd,
            event_add_rejects_invalid_fds_and_signals, event_add_without_an_fd_waits_for_the_timeout,
            event_add_of_a_persistent_timer_is_periodic,
            event_add_of_an_active_event_in_an_earlier_callback_is_undone,
            event_add_replaces_an_expired_timeout_not_yet_reported,
            event_add_of_an_active_persistent_event_makes_it_pending,
            event_del_cancels_fd_timeout_and_activation, event_del_block_and_event_del_noblock_delete,
            event_remove_timer_keeps_the_fd_pending, event_active_invokes_the_callback,
            event_active_runs_a_more_urgent_event_first, event_base_active_by_fd_activates_pending_events,
            event_base_active_by_signal_activates_pending_events, event_base_once_invokes_the_callback_once,
            event_pending_returns_flags_and_deadline, event_initialized_is_true_after_assign,
            event_get_assignment_returns_each_field, event_finalize_runs_after_the_last_callback,
            event_free_finalize_frees_the_event, evsignal_del_restores_the_handler,
            each_edge_is_reported_once, ev_closed_is_reported);
}

int main(int argc, char **argv) {
  int failed;
  signal(SIGPIPE, SIG_IGN);
  base = event_base_new();
  if (!base) return 1;
  failed = run(argc, argv);
  event_base_free(base);
  return failed;
}

/* Undocumented behaviours of an event loop that applications rely on: one test for each, by its number in
 * docs/requirements.md. Also run on libevent 2.1.12, where all of them were found. */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/time.h>

#include "api/child.h"
#include "api/events.h"

static struct timeval long_time = {100, 0};
static struct seen nothing_seen;

static struct event_base *fresh_base(int priorities) {
  struct event_base *made = event_base_new();
  event_base_priority_init(made, priorities);
  order[0] = '\0';
  return made;
}

static struct event *timer_of(struct event_base *b, const char *name) {
  return event_new(b, -1, 0, append, (void *)name);
}

/* --- 1 to 5: the loop --- */

static int inner_result;
static void loop_again(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  inner_result = event_base_loop(arg, EVLOOP_NONBLOCK);
}
static void exit_loop(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  event_base_loopexit(arg, NULL);
}
static void break_loop(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  event_base_loopbreak(arg);
}
static void ignore_log(int severity, const char *message) {
  (void)severity;
  (void)message;
}

TEST(behaviour_01_return_values_of_the_loop) {
  struct event_base *b = fresh_base(1);
  struct event *stays = event_new(b, -1, EV_PERSIST, note, &nothing_seen), *ev;
  CHECK_INT_EQ(event_base_loop(b, 0), 1);
  event_set_log_callback(ignore_log);
  event_base_once(b, -1, EV_TIMEOUT, loop_again, b, NULL);
  CHECK_INT_EQ(event_base_loop(b, 0), 1);
  event_set_log_callback(NULL);
  CHECK_INT_EQ(inner_result, -1);
  event_add(stays, &long_time);
  ev = event_new(b, -1, 0, exit_loop, b);
  event_active(ev, 0, 0);
  CHECK_INT_EQ(event_base_loop(b, 0), 0);
  event_free(ev);
  ev = event_new(b, -1, 0, break_loop, b);
  event_active(ev, 0, 0);
  CHECK_INT_EQ(event_base_loop(b, 0), 0);
  event_free(ev);
  event_free(stays);
  event_base_free(b);
}

TEST(behaviour_02_loopexit_competes_by_priority) {
  static const struct {
    int priority;
    const char *ran;
  } cases[] = {{0, "xa"}, {1, "xa"}, {2, "x"}};
  size_t i;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
    struct event_base *b = fresh_base(3);
    struct event *first = timer_of(b, "x"), *other = timer_of(b, "a");
    struct timeval now = {0, 0};
    event_priority_set(first, 0);
    event_priority_set(other, cases[i].priority);
    event_base_loopexit(b, NULL); /* as a timer of the middle priority that is due */
    event_active(first, 0, 0);
    event_add(other, &now);
    event_base_loop(b, EVLOOP_NONBLOCK);
    if (cases[i].priority != 1) CHECK_STR_EQ(order, cases[i].ran); /* of equal ones either may be first */
    event_free(first);
    event_free(other);
    event_base_free(b);
  }
}

static struct event *to_activate;
static void append_and_activate(evutil_socket_t fd, short what, void *arg) {
  append(fd, what, arg);
  event_active(to_activate, EV_READ, 0);
}
TEST(behaviour_03_a_more_urgent_event_runs_before_those_already_active) {
  struct event_base *b = fresh_base(3);
  struct event *first = event_new(b, -1, 0, append_and_activate, "1"), *second = timer_of(b, "2");
  struct event *lazy = timer_of(b, "3");
  to_activate = timer_of(b, "u");
  event_priority_set(first, 1);
  event_priority_set(second, 1);
  event_priority_set(lazy, 2);
  event_priority_set(to_activate, 0);
  event_active(lazy, 0, 0);
  event_active(first, 0, 0);
  event_active(second, 0, 0);
  event_base_loop(b, EVLOOP_NONBLOCK);
  CHECK_STR_EQ(order, "1u23");
  event_free(first);
  event_free(second);
  event_free(lazy);
  event_free(to_activate);
  event_base_free(b);
}

static void add_it_again(evutil_socket_t fd, short what, void *arg) {
  append(fd, what, "r");
  event_add(arg, &long_time);
}
TEST(behaviour_04_re_adding_an_active_event_in_an_earlier_callback_is_undone) {
  struct event_base *b = fresh_base(2);
  struct event *once = timer_of(b, "o"), *again = event_new(b, -1, 0, add_it_again, once);
  event_priority_set(again, 0);
  event_priority_set(once, 1);
  event_active(once, EV_READ, 0);
  event_active(again, EV_READ, 0);
  CHECK_INT_EQ(event_base_loop(b, 0), 1); /* nothing is pending afterwards */
  CHECK_STR_EQ(order, "ro");
  CHECK_INT_EQ(event_pending(once, EV_TIMEOUT, NULL), 0);
  event_free(once);
  event_free(again);
  event_base_free(b);
}

TEST(behaviour_05_missed_periods_cause_one_call_and_activation_restarts_the_period) {
  struct event_base *b = fresh_base(1);
  struct seen seen = {0, 0, 0};
  struct event *ev = event_new(b, -1, EV_PERSIST, note, &seen);
  struct timeval period = after_ms(200), due, before, left;
  event_add(ev, &period);
  usleep(450000);
  event_base_loop(b, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 1);
  period = after_ms(10000);
  event_add(ev, &period);
  usleep(500000);
  evutil_gettimeofday(&before, NULL);
  event_active(ev, EV_READ, 0);
  event_base_loop(b, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 2);
  CHECK_INT_EQ(event_pending(ev, EV_TIMEOUT, &due), EV_TIMEOUT);
  /* From the activation on, not from the addition half a second before it. */
  evutil_timersub(&due, &before, &left);
  CHECK(left.tv_sec >= 10 || (left.tv_sec == 9 && left.tv_usec > 900000));
  event_free(ev);
  event_base_free(b);
}

/* --- 6 to 10: counting, finding, one-time events --- */

TEST(behaviour_06_common_timeouts_are_tagged) {
  struct event_base *b = fresh_base(1);
  struct timeval tv = {0, 5000000}, other = {3, 500};
  const struct timeval *first = event_base_init_common_timeout(b, &tv);
  const struct timeval *second = event_base_init_common_timeout(b, &other);
  CHECK_INT_EQ(first->tv_sec, 5);
  CHECK_INT_EQ(first->tv_usec, 0x50000000);
  CHECK_INT_EQ(second->tv_sec, 3);
  CHECK_INT_EQ(second->tv_usec, 500 | 0x50000000 | 1 << 20);
  CHECK_PTR_EQ(event_base_init_common_timeout(b, &other), second);
  CHECK_PTR_EQ(event_base_init_common_timeout(b, first), first);
  event_base_free(b);
}

TEST(behaviour_07_an_event_with_a_timeout_counts_twice) {
  struct event_base *b = fresh_base(1);
  struct event *ev, *other = event_new(b, -1, 0, note, &nothing_seen);
  CHECK_INT_EQ(open_pair(), 0);
  ev = event_new(b, pair[0], EV_READ, note, &nothing_seen);
  event_add(ev, &long_time);
  CHECK_INT_EQ(event_base_get_num_events(b, EVENT_BASE_COUNT_ADDED), 2);
  event_active(other, EV_READ, 0);
  CHECK_INT_EQ(event_base_get_num_events(b, EVENT_BASE_COUNT_ACTIVE), 1);
  CHECK_INT_EQ(event_base_get_max_events(b, EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE, 0),
               event_base_get_max_events(b, EVENT_BASE_COUNT_ADDED, 0) + 1);
  CHECK_INT_EQ(event_base_get_max_events(b, EVENT_BASE_COUNT_ACTIVE, 0), 1);
  event_free(ev);
  event_free(other);
  event_base_free(b);
  close_pair();
}

TEST(behaviour_08_activations_by_fd_accumulate) {
  struct event_base *b = fresh_base(1);
  struct seen plain = {0, 0, 0}, timed = {0, 0, 0};
  struct event *without, *with;
  CHECK_INT_EQ(open_pair(), 0);
  without = event_new(b, pair[0], EV_READ | EV_WRITE | EV_PERSIST, note, &plain);
  with = event_new(b, pair[0], EV_READ | EV_WRITE | EV_PERSIST, note, &timed);
  event_add(without, NULL);
  event_add(with, &long_time);
  event_base_active_by_fd(b, pair[0], EV_TIMEOUT);
  CHECK_INT_EQ(event_pending(with, EV_TIMEOUT, NULL), EV_TIMEOUT);
  event_base_active_by_fd(b, pair[0], EV_READ);
  event_base_active_by_fd(b, pair[0], EV_WRITE);
  CHECK_INT_EQ(event_pending(without, EV_READ | EV_WRITE | EV_TIMEOUT, NULL), EV_READ | EV_WRITE);
  event_base_loop(b, EVLOOP_ONCE);
  CHECK_INT_EQ(plain.what, EV_READ | EV_WRITE);
  CHECK_INT_EQ(timed.what, EV_READ | EV_WRITE | EV_TIMEOUT);
  CHECK_INT_EQ(plain.calls + timed.calls, 2);
  event_free(without);
  event_free(with);
  event_base_free(b);
  close_pair();
}

static int count_up_to_two(const struct event_base *b, const struct event *ev, void *arg) {
  (void)b;
  (void)ev;
  return ++*(int *)arg == 2 ? 42 : 0;
}
TEST(behaviour_09_foreach_visits_each_event_once) {
  struct event_base *b = fresh_base(1);
  struct event *events[3];
  int i, visits = 10;
  CHECK_INT_EQ(open_pair(), 0);
  for (i = 0; i < 3; ++i) {
    events[i] = event_new(b, pair[0], EV_READ, note, &nothing_seen);
    event_add(events[i], &long_time);
    event_active(events[i], EV_READ, 0);
  }
  CHECK_INT_EQ(event_base_foreach_event(b, count_up_to_two, &visits), 0);
  CHECK_INT_EQ(visits, 13);
  visits = 0;
  CHECK_INT_EQ(event_base_foreach_event(b, count_up_to_two, &visits), 42);
  CHECK_INT_EQ(visits, 2);
  CHECK_INT_EQ(event_base_foreach_event(NULL, count_up_to_two, &visits), -1);
  CHECK_INT_EQ(event_base_foreach_event(b, NULL, NULL), -1);
  for (i = 0; i < 3; ++i) event_free(events[i]);
  event_base_free(b);
  close_pair();
}

TEST(behaviour_10_once_without_a_timeout_runs_in_the_next_iteration) {
  struct event_base *b = fresh_base(1);
  struct seen seen = {0, 0, 0};
  CHECK_INT_EQ(event_base_once(b, -1, 0, note, &seen, NULL), -1);
  CHECK_INT_EQ(event_base_once(b, -1, 0, note, &seen, &long_time), -1);
  CHECK_INT_EQ(event_base_once(b, -1, EV_TIMEOUT, note, &seen, NULL), 0);
  CHECK_INT_EQ(event_base_loop(b, EVLOOP_NONBLOCK), 1);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(seen.what, EV_TIMEOUT);
  event_base_free(b);
}

/* --- 11 to 14: descriptors and signals --- */

TEST(behaviour_11_adding_an_unwatchable_fd_or_signal_fails) {
  struct event_base *b = fresh_base(1);
  static const int no_signals[] = {-1, NSIG};
  static const int no_descriptors[] = {INT_MAX, INT_MAX / 2};
  struct event ev, *made;
  size_t i;
  event_set_log_callback(ignore_log);
  for (i = 0; i < 2; ++i) {
    made = event_new(b, no_signals[i], EV_SIGNAL, note, &nothing_seen);
    CHECK_INT_EQ(event_add(made, NULL), -1);
    event_free(made);
    made = event_new(b, no_descriptors[i], EV_READ, note, &nothing_seen);
    CHECK_INT_EQ(event_add(made, NULL), -1);
    event_free(made);
  }
  memset(&ev, 0, sizeof(ev));
  CHECK_INT_EQ(event_assign(&ev, b, SIGUSR1, EV_SIGNAL | EV_READ, note, &nothing_seen), -1);
  event_set_log_callback(NULL);
  CHECK_INT_EQ(event_base_get_num_events(b, EVENT_BASE_COUNT_ADDED), 0);
  CHECK_INT_EQ(event_base_loop(b, 0), 1);
  event_base_free(b);
}

static void mix_edge_and_level_when_debugging(void) {
  struct event_base *b;
  struct event *edge, *level;
  event_set_log_callback(ignore_log);
  event_enable_debug_mode();
  b = event_base_new();
  if (!(event_base_get_features(b) & EV_FEATURE_ET)) return;
  CHECK_INT_EQ(open_pair(), 0);
  edge = event_new(b, pair[0], EV_READ | EV_ET, note, &nothing_seen);
  level = event_new(b, pair[0], EV_READ, note, &nothing_seen);
  CHECK_INT_EQ(event_add(edge, NULL), 0);
  CHECK_INT_EQ(event_add(level, NULL), -1);
}
/* In a process that has not used the library yet. */
TEST(behaviour_12_debug_mode_rejects_edge_and_level_on_one_fd) {
  CHECK_INT_EQ(in_child(mix_edge_and_level_when_debugging), 0);
}
TEST(behaviour_12_ev_et_and_ev_closed_are_reported_separately) {
  struct event_base *b = fresh_base(1);
  struct seen first = {0, 0, 0}, second = {0, 0, 0}, closed = {0, 0, 0};
  struct event *edge, *other, *level, *closing;
  const int features = event_base_get_features(b);
  if (!(features & EV_FEATURE_ET) || !(features & EV_FEATURE_EARLY_CLOSE)) {
    event_base_free(b);
    return;
  }
  CHECK_INT_EQ(open_pair(), 0);
  edge = event_new(b, pair[0], EV_READ | EV_ET | EV_PERSIST, note, &first);
  other = event_new(b, pair[0], EV_READ | EV_ET | EV_PERSIST, note, &second);
  level = event_new(b, pair[0], EV_READ, note, &nothing_seen);
  CHECK_INT_EQ(event_add(edge, NULL), 0);
  CHECK_INT_EQ(event_add(level, NULL), 0); /* without debug mode */
  event_free(level);
  CHECK_INT_EQ(event_add(other, NULL), 0);
  event_del(edge);
  write(pair[1], "x", 1);
  event_base_loop(b, EVLOOP_ONCE);
  event_base_loop(b, EVLOOP_ONCE | EVLOOP_NONBLOCK);
  CHECK_INT_EQ(first.calls, 0);
  CHECK_INT_EQ(second.calls, 1);
  CHECK_INT_EQ(second.what, EV_READ | EV_ET);
  event_free(edge);
  event_free(other);
  closing = event_new(b, pair[0], EV_CLOSED | EV_ET, note, &closed);
  event_add(closing, NULL);
  close(pair[1]);
  event_base_loop(b, EVLOOP_ONCE);
  CHECK_INT_EQ(closed.what, EV_CLOSED | EV_ET);
  event_free(closing);
  event_base_free(b);
  close(pair[0]);
}

TEST(behaviour_13_an_fd_may_be_closed_and_reused_after_event_del) {
  struct event_base *b = fresh_base(1);
  struct seen seen = {0, 0, 0};
  struct event *ev;
  int watched_fd, peer;
  CHECK_INT_EQ(open_pair(), 0);
  watched_fd = pair[0];
  peer = pair[1];
  ev = event_new(b, watched_fd, EV_READ | EV_PERSIST, note_and_drain, &seen);
  event_add(ev, NULL);
  event_del(ev);
  close(watched_fd);
  close(peer);
  CHECK_INT_EQ(open_pair(), 0);
  if (pair[0] != watched_fd) {
    CHECK_INT_EQ(dup2(pair[0], watched_fd), watched_fd);
    close(pair[0]);
  }
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  write(pair[1], "x", 1);
  event_base_loop(b, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(seen.fd, watched_fd);
  event_free(ev);
  event_base_free(b);
  close(watched_fd);
  close(pair[1]);
}

static volatile sig_atomic_t handled;
static void handle(int signal_number) {
  (void)signal_number;
  ++handled;
}
static struct event_base *forked_base;
static struct seen forked_seen;
static void hear_a_signal_in_the_child(void) {
  CHECK_INT_EQ(event_reinit(forked_base), 0);
  raise(SIGUSR1);
  event_base_loop(forked_base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(forked_seen.calls, 1);
}
TEST(behaviour_14_signal_events_restore_the_previous_handler) {
  struct event *ev;
  forked_base = fresh_base(1);
  memset(&forked_seen, 0, sizeof(forked_seen));
  handled = 0;
  signal(SIGUSR1, handle);
  ev = evsignal_new(forked_base, SIGUSR1, note, &forked_seen);
  evsignal_add(ev, NULL);
  CHECK_INT_EQ(in_child(hear_a_signal_in_the_child), 0);
  raise(SIGUSR1);
  event_base_loop(forked_base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(forked_seen.calls, 1);
  CHECK_INT_EQ(handled, 0);
  evsignal_del(ev);
  raise(SIGUSR1);
  CHECK_INT_EQ(handled, 1);
  signal(SIGUSR1, SIG_DFL);
  event_free(ev);
  event_base_free(forked_base);
}

/* --- 16 to 19; 15 and the rest of 18 are in requirements_test.c --- */

TEST(behaviour_16_finalizers_run_even_if_the_event_was_never_added) {
  struct event_base *b = fresh_base(1);
  struct seen seen = {0, 0, 0};
  struct event ev;
  memset(&ev, 0, sizeof(ev));
  finalized = 0;
  event_assign(&ev, b, -1, 0, note, &seen);
  event_active(&ev, EV_READ, 0);
  CHECK_INT_EQ(event_finalize(0, &ev, note_finalized), 0);
  event_add(&ev, &long_time);
  event_active(&ev, EV_READ, 0);
  event_del(&ev);
  CHECK_INT_EQ(finalized, 0);
  CHECK_INT_EQ(event_base_loop(b, EVLOOP_NONBLOCK), 1);
  CHECK_INT_EQ(finalized, 1);
  CHECK_INT_EQ(seen.calls, 0);
  event_base_free(b);
}

static int live;
static void *last_allocated[1000];
static int allocations, fail_all;
static void *own_malloc(size_t size) {
  void *memory = fail_all ? NULL : malloc(size);
  if (!memory) return NULL;
  ++live;
  if (allocations < 1000) last_allocated[allocations++] = memory;
  return memory;
}
static void *own_realloc(void *old, size_t size) {
  if (!old) return own_malloc(size);
  return fail_all ? NULL : realloc(old, size);
}
static void own_free(void *memory) {
  if (memory) --live;
  free(memory);
}
static void use_own_memory(void) {
  struct event_base *b;
  struct event *ev;
  int i, found = 0;
  event_set_mem_functions(own_malloc, own_realloc, own_free);
  b = event_base_new();
  for (i = 0; i < allocations; ++i) found |= last_allocated[i] == (void *)b;
  CHECK(found);
  ev = event_new(b, -1, 0, note, &nothing_seen);
  event_add(ev, &long_time);
  event_base_once(b, -1, EV_TIMEOUT, note, &nothing_seen, &long_time);
  fail_all = 1;
  CHECK(event_new(b, -1, 0, note, &nothing_seen) == NULL);
  CHECK_INT_EQ(event_base_once(b, -1, EV_TIMEOUT, note, &nothing_seen, &long_time), -1);
  if (ours()) CHECK(event_base_new() == NULL); /* libevent prints and gives up as well */
  fail_all = 0;
  event_free(ev);
  event_base_free(b);
  libevent_global_shutdown();
  CHECK_INT_EQ(live, 0);
}
TEST(behaviour_17_all_memory_comes_from_the_hooks) { CHECK_INT_EQ(in_child(use_own_memory), 0); }

TEST(behaviour_18_the_shutdown_frees_everything) { CHECK_INT_EQ(in_child(use_own_memory), 0); }

static const char *method_with(int flags) {
  static char name[64];
  struct event_config *config = event_config_new();
  struct event_base *b;
  event_config_set_flag(config, flags);
  b = event_base_new_with_config(config);
  strncpy(name, event_base_get_method(b), sizeof(name) - 1);
  event_base_free(b);
  event_config_free(config);
  return name;
}
static void choose_by_the_environment(void) {
  unsetenv("EVENT_NOPOLL");
  unsetenv("EVENT_NOEPOLL");
  CHECK_STR_EQ(method_with(0), "epoll");
  CHECK_STR_EQ(method_with(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST), "epoll (with changelist)");
  setenv("EVENT_NOEPOLL", "1", 1);
  CHECK_STR_EQ(method_with(0), "poll");
  CHECK_STR_EQ(method_with(EVENT_BASE_FLAG_IGNORE_ENV), "epoll");
  setenv("EVENT_NOPOLL", "1", 1);
  CHECK_STR_EQ(method_with(0), "select");
}
TEST(behaviour_19_version_and_method_names) {
  if (ours()) CHECK_STR_EQ(event_get_version(), LIBEVENT_VERSION);
  CHECK_STR_EQ(event_get_version(), "2.1.12-stable");
  CHECK_INT_EQ(in_child(choose_by_the_environment), 0);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  RUN_TESTS(behaviour_12_debug_mode_rejects_edge_and_level_on_one_fd,
            behaviour_17_all_memory_comes_from_the_hooks, behaviour_18_the_shutdown_frees_everything,
            behaviour_01_return_values_of_the_loop, behaviour_02_loopexit_competes_by_priority,
            behaviour_03_a_more_urgent_event_runs_before_those_already_active,
            behaviour_04_re_adding_an_active_event_in_an_earlier_callback_is_undone,
            behaviour_05_missed_periods_cause_one_call_and_activation_restarts_the_period,
            behaviour_06_common_timeouts_are_tagged, behaviour_07_an_event_with_a_timeout_counts_twice,
            behaviour_08_activations_by_fd_accumulate, behaviour_09_foreach_visits_each_event_once,
            behaviour_10_once_without_a_timeout_runs_in_the_next_iteration,
            behaviour_11_adding_an_unwatchable_fd_or_signal_fails,
            behaviour_12_ev_et_and_ev_closed_are_reported_separately,
            behaviour_13_an_fd_may_be_closed_and_reused_after_event_del,
            behaviour_14_signal_events_restore_the_previous_handler,
            behaviour_16_finalizers_run_even_if_the_event_was_never_added,
            behaviour_19_version_and_method_names);
}

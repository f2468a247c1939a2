/* event2/event.h as a C program sees it, first half: the library, configurations, bases, loops and time. Each
 * test begins with the name of the function that it is about. */
#include "api/child.h"
#include "api/events.h"

/* Best first. */
#ifdef _WIN32
static const char *const kMethods[] = {"win32", "wepoll", NULL};
#else
static const char *const kMethods[] = {"epoll", "poll", "select", NULL};
#endif

/* --- the library --- */

TEST(event_get_version_is_that_of_libevent) {
  CHECK_STR_EQ(event_get_version(), "2.1.12-stable");
  CHECK_STR_EQ(event_get_version(), LIBEVENT_VERSION);
}

TEST(event_get_version_number_is_that_of_libevent) {
  CHECK_INT_EQ(event_get_version_number(), 0x02010c00);
  CHECK_INT_EQ(event_get_version_number(), LIBEVENT_VERSION_NUMBER);
}

TEST(event_get_struct_event_size_matches_the_header) {
  CHECK_INT_EQ(event_get_struct_event_size(), sizeof(struct event));
}

TEST(event_get_supported_methods_lists_the_best_first) {
  const char **methods = event_get_supported_methods();
  int i;
  for (i = 0; kMethods[i]; ++i) CHECK_STR_EQ(methods[i], kMethods[i]);
  CHECK_STR_EQ(methods[i], NULL);
}

TEST(event_set_log_callback_receives_messages) {
  struct event_config *config = event_config_new();
  event_set_log_callback(keep_log);
  logged = 0;
  event_config_require_features(config, 0x40);
  CHECK(event_base_new_with_config(config) == NULL);
  event_set_log_callback(NULL);
  CHECK_INT_EQ(logged, 1);
  CHECK_INT_EQ(last_severity, EVENT_LOG_WARN);
  CHECK(strstr(last_message, "no event mechanism available") != NULL);
  event_config_free(config);
}

static int debug_messages;
static void count_debug(int severity, const char *message) {
  (void)message;
  if (severity == EVENT_LOG_DEBUG) ++debug_messages;
}

TEST(event_enable_debug_logging_can_be_enabled_and_disabled) {
  struct event *ev;
  event_set_log_callback(count_debug);
  event_enable_debug_logging(EVENT_DBG_ALL);
  ev = event_new(base, -1, 0, note, NULL);
  event_active(ev, 0, 0);
  event_free(ev);
  event_enable_debug_logging(EVENT_DBG_NONE);
  debug_messages = 0;
  ev = event_new(base, -1, 0, note, NULL);
  event_free(ev);
  CHECK_INT_EQ(debug_messages, 0);
  event_set_log_callback(NULL);
}

static void leave_fatally(int err) {
  (void)err;
  _exit(42);
}
static void add_what_was_never_assigned(void) {
  static struct event ev;
  struct timeval tv = {1, 0};
  event_set_log_callback(keep_log);
  event_set_fatal_callback(leave_fatally);
  event_enable_debug_mode();
  base = event_base_new();
  ev.ev_base = base;
  event_add(&ev, &tv);
}
static void assign_what_is_pending(void) {
  static struct event ev;
  struct timeval tv = {1, 0};
  event_set_log_callback(keep_log);
  event_set_fatal_callback(leave_fatally);
  event_enable_debug_mode();
  base = event_base_new();
  event_assign(&ev, base, -1, 0, note, NULL);
  event_add(&ev, &tv);
  event_assign(&ev, base, -1, 0, note, NULL);
}
static void use_it_right(void) {
  static struct event ev;
  struct timeval tv = {1, 0};
  event_set_fatal_callback(leave_fatally);
  event_enable_debug_mode();
  base = event_base_new();
  event_assign(&ev, base, -1, 0, note, NULL);
  event_add(&ev, &tv);
  event_del(&ev);
  event_debug_unassign(&ev);
  event_assign(&ev, base, -1, EV_PERSIST, note, NULL);
  event_add(&ev, &tv);
  event_del(&ev);
  event_debug_unassign(&ev);
  event_base_free(base);
  _exit(0);
}
/* Debug mode must be turned on before anything else: these run first, in processes of their own. */
TEST(event_enable_debug_mode_reports_misuse_to_the_fatal_callback) {
  CHECK_INT_EQ(in_child(add_what_was_never_assigned), 42);
  CHECK_INT_EQ(in_child(assign_what_is_pending), 42);
}
TEST(event_debug_unassign_allows_assigning_again) { CHECK_INT_EQ(in_child(use_it_right), 0); }

static int allocated;
static void *count_malloc(size_t size) {
  ++allocated;
  return malloc(size);
}
static void *count_realloc(void *old, size_t size) {
  if (!old) ++allocated;
  if (old && !size) --allocated;
  return realloc(old, size);
}
static void count_free(void *memory) {
  if (memory) --allocated;
  free(memory);
}
static void use_own_memory(void) {
  struct timeval tv = {1, 0};
  struct event *ev;
  event_set_mem_functions(count_malloc, count_realloc, count_free);
  base = event_base_new();
  if (allocated <= 0) _exit(1);
  ev = event_new(base, -1, 0, note, NULL);
  event_add(ev, &tv);
  event_base_init_common_timeout(base, &tv);
  event_base_once(base, -1, EV_TIMEOUT, note, NULL, &tv);
  event_free(ev);
  event_base_free(base);
  libevent_global_shutdown();
  _exit(allocated == 0 ? 0 : 2);
}
TEST(event_set_mem_functions_serve_all_allocations) { CHECK_INT_EQ(in_child(use_own_memory), 0); }
TEST(libevent_global_shutdown_frees_all_memory) { CHECK_INT_EQ(in_child(use_own_memory), 0); }

/* --- configurations --- */

static const char *method_with(struct event_config *config) {
  static char name[64];
  struct event_base *made;
  event_set_log_callback(keep_log);
  made = event_base_new_with_config(config);
  event_set_log_callback(NULL);
  if (!made) return NULL;
  strncpy(name, event_base_get_method(made), sizeof(name) - 1);
  event_base_free(made);
  return name;
}

TEST(event_config_new_has_the_default_settings) {
  struct event_config *config = event_config_new();
  CHECK(config != NULL);
  CHECK_STR_EQ(method_with(config), kMethods[0]);
  event_config_free(config);
}

TEST(event_config_free_leaves_bases_alone) {
  struct event_config *config = event_config_new();
  struct event_base *made = event_base_new_with_config(config);
  event_config_free(config);
  CHECK_INT_EQ(event_base_dispatch(made), 1);
  event_base_free(made);
}

TEST(event_config_avoid_method_selects_the_next_method) {
  struct event_config *config = event_config_new();
  int i;
  CHECK_INT_EQ(event_config_avoid_method(config, "kqueue"), 0);
  for (i = 0; kMethods[i]; ++i) {
    CHECK_STR_EQ(method_with(config), kMethods[i]);
    CHECK_INT_EQ(event_config_avoid_method(config, kMethods[i]), 0);
  }
  CHECK_STR_EQ(method_with(config), NULL);
  event_config_free(config);
}

TEST(event_config_require_features_selects_a_method_with_them) {
  struct event_config *config = event_config_new();
  CHECK_INT_EQ(event_config_require_features(NULL, 0), -1);
  CHECK_INT_EQ(event_config_require_features(config, EV_FEATURE_FDS), 0);
  CHECK_STR_EQ(method_with(config), "poll");
  CHECK_INT_EQ(event_config_require_features(config, EV_FEATURE_ET), 0);
  CHECK_STR_EQ(method_with(config), "epoll");
  CHECK_INT_EQ(event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_FDS), 0);
  CHECK_STR_EQ(method_with(config), NULL);
  event_config_free(config);
}

TEST(event_config_set_flag_adds_flags) {
  struct event_config *config = event_config_new();
  CHECK_INT_EQ(event_config_set_flag(NULL, 0), -1);
  setenv("EVENT_NOEPOLL", "1", 1);
  CHECK_STR_EQ(method_with(config), "poll");
  CHECK_INT_EQ(event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV), 0);
  CHECK_STR_EQ(method_with(config), "epoll");
  CHECK_INT_EQ(event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST), 0);
  CHECK_STR_EQ(method_with(config), "epoll (with changelist)");
  unsetenv("EVENT_NOEPOLL");
  event_config_free(config);
}

TEST(event_config_set_num_cpus_hint_is_accepted) {
  struct event_config *config = event_config_new();
  CHECK_INT_EQ(event_config_set_num_cpus_hint(config, 4), 0);
  CHECK_INT_EQ(event_config_set_num_cpus_hint(NULL, 4), -1);
  CHECK_STR_EQ(method_with(config), kMethods[0]);
  event_config_free(config);
}

static void append_and_trigger(evutil_socket_t fd, short what, void *arg) {
  append(fd, what, "l");
  if (strlen(order) == 1) write(pair[1], "x", 1);
  (void)arg;
}

TEST(event_config_set_max_dispatch_interval_checks_for_urgent_events) {
  struct event_config *config = event_config_new();
  struct event_base *limited;
  struct event *urgent, *lazy[4];
  int i;
  CHECK_INT_EQ(event_config_set_max_dispatch_interval(config, NULL, 1, 1), 0);
  limited = event_base_new_with_config(config);
  event_config_free(config);
  CHECK_INT_EQ(event_base_priority_init(limited, 2), 0);
  CHECK_INT_EQ(open_pair(), 0);
  order[0] = '\0';
  urgent = event_new(limited, pair[0], EV_READ, append, "u");
  event_priority_set(urgent, 0);
  event_add(urgent, NULL);
  for (i = 0; i < 4; ++i) {
    lazy[i] = event_new(limited, -1, 0, append_and_trigger, NULL);
    event_active(lazy[i], EV_TIMEOUT, 1);
  }
  CHECK_INT_EQ(event_base_loop(limited, 0), 1);
  CHECK_STR_EQ(order, "lulll");
  for (i = 0; i < 4; ++i) event_free(lazy[i]);
  event_free(urgent);
  event_base_free(limited);
  close_pair();
}

/* --- bases --- */

TEST(event_base_new_returns_an_empty_base) {
  struct event_base *made = event_base_new();
  CHECK(made != NULL);
  CHECK_INT_EQ(event_base_dispatch(made), 1);
  event_base_free(made);
}

TEST(event_base_new_with_config_accepts_null) {
  struct event_base *made = event_base_new_with_config(NULL);
  CHECK_STR_EQ(event_base_get_method(made), kMethods[0]);
  event_base_free(made);
}

TEST(event_base_free_runs_pending_finalizers) {
  struct event_base *made = event_base_new();
  struct event *ev = event_new(made, -1, 0, note, NULL);
  finalized = 0;
  CHECK_INT_EQ(event_free_finalize(0, ev, note_finalized), 0);
  event_base_free(made);
  CHECK_INT_EQ(finalized, 1);
}

TEST(event_base_free_does_not_free_pending_events) {
  struct event_base *made = event_base_new();
  struct timeval tv = {100, 0};
  struct event *ev = event_new(made, -1, 0, note, NULL);
  event_add(ev, &tv);
  if (!ours()) event_del(ev);
  event_base_free(made);
  if (ours()) event_free(ev);
}

TEST(event_base_free_nofinalize_skips_pending_finalizers) {
  struct event_base *made = event_base_new();
  struct event *ev = event_new(made, -1, 0, note, NULL);
  finalized = 0;
  CHECK_INT_EQ(event_finalize(0, ev, note_finalized), 0);
  event_base_free_nofinalize(made);
  CHECK_INT_EQ(finalized, 0);
  free(ev);
}

static struct seen child_seen;
static void reinit_and_read(void) {
  if (event_reinit(base) != 0) _exit(1);
  if (write(pair[1], "x", 1) != 1) _exit(2);
  raise(SIGUSR1);
  event_base_loop(base, EVLOOP_ONCE);
  event_base_loop(base, EVLOOP_NONBLOCK);
  _exit(child_seen.calls == 2 ? 0 : 3);
}
TEST(event_reinit_works_in_a_child) {
  struct event *reader, *signaled;
  CHECK_INT_EQ(open_pair(), 0);
  memset(&child_seen, 0, sizeof(child_seen));
  reader = event_new(base, pair[0], EV_READ | EV_PERSIST, note_and_drain, &child_seen);
  signaled = evsignal_new(base, SIGUSR1, note, &child_seen);
  event_add(reader, NULL);
  evsignal_add(signaled, NULL);
  CHECK_INT_EQ(in_child(reinit_and_read), 0);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
  CHECK_INT_EQ(child_seen.calls, 0);
  write(pair[1], "x", 1);
  raise(SIGUSR1);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
  CHECK_INT_EQ(child_seen.calls, 2);
  event_free(reader);
  event_free(signaled);
  close_pair();
}

TEST(event_base_get_method_returns_its_name) { CHECK_STR_EQ(event_base_get_method(base), kMethods[0]); }

TEST(event_base_get_features_returns_those_of_the_method) {
  CHECK_INT_EQ(event_base_get_features(base), EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE);
}

TEST(event_base_get_num_events_counts_fd_and_timeout_separately) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = {100, 0};
  struct event *ev;
  CHECK_INT_EQ(open_pair(), 0);
  ev = event_new(base, pair[0], EV_READ, note, &seen);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
  event_add(ev, &tv);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 2);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
  event_active(ev, EV_READ, 1);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 1);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_VIRTUAL), 0);
  event_free(ev);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE), 0);
  close_pair();
}

TEST(event_base_get_max_events_keeps_the_maximum) {
  struct event_base *made = event_base_new();
  struct event *ev = event_new(made, -1, 0, note, NULL);
  struct timeval tv = {100, 0};
  event_add(ev, &tv);
  event_del(ev);
  CHECK_INT_EQ(event_base_get_max_events(made, EVENT_BASE_COUNT_ADDED, 0), 1);
  CHECK_INT_EQ(event_base_get_max_events(made, EVENT_BASE_COUNT_ADDED, 1), 1);
  CHECK_INT_EQ(event_base_get_max_events(made, EVENT_BASE_COUNT_ADDED, 0), 0);
  event_free(ev);
  event_base_free(made);
}

static int count_events(const struct event_base *b, const struct event *ev, void *arg) {
  (void)b;
  (void)ev;
  return ++*(int *)arg == 100 ? 7 : 0;
}
static int stop_at_once(const struct event_base *b, const struct event *ev, void *arg) {
  (void)b;
  (void)ev;
  (void)arg;
  return -5;
}
TEST(event_base_foreach_event_visits_each_event_once) {
  struct event_base *made = event_base_new();
  struct event *timer = event_new(made, -1, 0, note, NULL), *io;
  struct timeval tv = {100, 0};
  int count = 0;
  CHECK_INT_EQ(open_pair(), 0);
  io = event_new(made, pair[0], EV_READ, note, NULL);
  event_add(timer, &tv);
  event_add(io, &tv);
  event_active(io, EV_READ, 1);
  CHECK_INT_EQ(event_base_foreach_event(made, count_events, &count), 0);
  CHECK_INT_EQ(count, 2);
  CHECK_INT_EQ(event_base_foreach_event(made, stop_at_once, NULL), -5);
  CHECK_INT_EQ(event_base_foreach_event(made, NULL, NULL), -1);
  CHECK_INT_EQ(event_base_foreach_event(NULL, count_events, &count), -1);
  event_free(timer);
  event_free(io);
  event_base_free(made);
  close_pair();
}

TEST(event_base_dump_events_lists_them) {
  struct event *ev;
  char text[2000], *line;
  char expected[64];
  FILE *out = tmpfile();
  size_t size;
  CHECK_INT_EQ(open_pair(), 0);
  ev = event_new(base, pair[0], EV_READ | EV_PERSIST, note, NULL);
  event_add(ev, NULL);
  event_active(ev, EV_READ, 1);
  event_base_dump_events(base, out);
  rewind(out);
  size = fread(text, 1, sizeof(text) - 1, out);
  text[size] = '\0';
  fclose(out);
  CHECK(strncmp(text, "Inserted events:\n", 17) == 0);
  snprintf(expected, sizeof(expected), "[fd  %d] Read Persist\n", pair[0]);
  CHECK(strstr(text, expected) != NULL);
  line = strstr(text, "Active events:\n");
  CHECK(line != NULL);
  snprintf(expected, sizeof(expected), "[fd  %d, priority=0] Read active\n", pair[0]);
  CHECK(strstr(line, expected) != NULL);
  event_free(ev);
  close_pair();
}

static struct event *running_seen;
static void note_running(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  running_seen = event_base_get_running_event(base);
}
TEST(event_base_get_running_event_returns_the_event_of_the_callback) {
  struct event *ev = event_new(base, -1, 0, note_running, NULL);
  event_active(ev, 0, 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_PTR_EQ(running_seen, ev);
  if (ours()) CHECK(event_base_get_running_event(base) == NULL); /* there libevent dies */
  event_free(ev);
}

/* --- the loop --- */

TEST(event_base_dispatch_returns_after_the_last_event) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = after_ms(2);
  struct event *ev = evtimer_new(base, note, &seen);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  evtimer_add(ev, &tv);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(seen.what, EV_TIMEOUT);
  CHECK_INT_EQ(seen.fd, -1);
  event_free(ev);
}

static int inner_result;
static void run_inner_loop(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  inner_result = event_base_loop(base, EVLOOP_NONBLOCK);
}
TEST(event_base_loop_obeys_its_flags) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = after_ms(1), far = {100, 0};
  struct event *ev = event_new(base, -1, EV_PERSIST, note, &seen),
               *never = event_new(base, -1, 0, note, NULL);
  event_add(never, &far);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
  CHECK_INT_EQ(seen.calls, 0);
  event_add(ev, &tv);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(seen.calls, 1);
  event_del(ev);
  event_del(never);
  event_base_loopexit(base, &tv);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY), 0);
  event_free(ev);
  event_free(never);
}

TEST(event_base_loop_fails_when_called_from_a_callback) {
  struct event *ev = event_new(base, -1, 0, run_inner_loop, NULL);
  event_set_log_callback(keep_log);
  event_active(ev, 0, 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_set_log_callback(NULL);
  CHECK_INT_EQ(inner_result, -1);
  event_free(ev);
}

TEST(event_base_loopexit_sets_event_base_got_exit) {
  struct seen seen = {0, 0, 0};
  struct timeval tv = after_ms(5), often = after_ms(1);
  struct event *ev = event_new(base, -1, EV_PERSIST, note, &seen);
  event_add(ev, &often);
  CHECK_INT_EQ(event_base_loopexit(base, &tv), 0);
  CHECK_INT_EQ(event_base_dispatch(base), 0);
  CHECK_INT_GE(seen.calls, 1);
  CHECK_INT_NE(event_base_got_exit(base), 0);
  CHECK_INT_EQ(event_base_got_break(base), 0);
  CHECK_INT_EQ(event_base_loopexit(base, NULL), 0);
  CHECK_INT_EQ(event_base_dispatch(base), 0);
  event_del(ev);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(event_base_got_exit(base), 0);
  CHECK_INT_EQ(event_base_loopexit(NULL, NULL), -1);
  event_free(ev);
}

static void break_loop(evutil_socket_t fd, short what, void *arg) {
  note(fd, what, arg);
  event_base_loopbreak(base);
}
TEST(event_base_loopbreak_sets_event_base_got_break) {
  struct seen first = {0, 0, 0}, second = {0, 0, 0};
  struct event *a = event_new(base, -1, 0, break_loop, &first), *b = event_new(base, -1, 0, note, &second);
  event_active(a, 0, 0);
  event_active(b, 0, 0);
  CHECK_INT_EQ(event_base_dispatch(base), 0);
  CHECK_INT_NE(event_base_got_break(base), 0);
  CHECK_INT_EQ(event_base_got_exit(base), 0);
  CHECK_INT_EQ(second.calls, 0);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(event_base_got_break(base), 0);
  CHECK_INT_EQ(second.calls, 1);
  CHECK_INT_EQ(event_base_loopbreak(NULL), -1);
  event_free(a);
  event_free(b);
}

static struct event *readable;
static void write_and_continue(evutil_socket_t fd, short what, void *arg) {
  append(fd, what, arg);
  write(pair[1], "x", 1);
  event_base_loopcontinue(base);
}
TEST(event_base_loopcontinue_polls_again_immediately) {
  struct event *a, *b;
  CHECK_INT_EQ(open_pair(), 0);
  CHECK_INT_EQ(event_base_priority_init(base, 2), 0);
  readable = event_new(base, pair[0], EV_READ, append, "r");
  event_priority_set(readable, 0);
  event_add(readable, NULL);
  a = event_new(base, -1, 0, write_and_continue, "a");
  b = event_new(base, -1, 0, append, "b");
  order[0] = '\0';
  event_active(a, 0, 0);
  event_active(b, 0, 0);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
  CHECK_STR_EQ(order, "arb");
  CHECK_INT_EQ(event_base_loopcontinue(NULL), -1);
  event_free(a);
  event_free(b);
  event_free(readable);
  CHECK_INT_EQ(event_base_priority_init(base, 1), 0);
  close_pair();
}

/* --- time --- */

static struct timeval cached[3];
static void read_cached_time(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  event_base_gettimeofday_cached(base, &cached[0]);
  usleep(12000); /* libevent looks at a coarse clock */
  event_base_gettimeofday_cached(base, &cached[1]);
  event_base_update_cache_time(base);
  event_base_gettimeofday_cached(base, &cached[2]);
}
TEST(event_base_gettimeofday_cached_is_constant_within_an_iteration) {
  struct event *ev = event_new(base, -1, 0, read_cached_time, NULL);
  struct timeval now, outside;
  event_active(ev, 0, 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK(evutil_timercmp(&cached[0], &cached[1], ==));
  gettimeofday(&now, NULL);
  CHECK_INT_EQ(event_base_gettimeofday_cached(base, &outside), 0);
  CHECK(!evutil_timercmp(&outside, &now, <));
  CHECK_INT_EQ(event_base_gettimeofday_cached(NULL, &outside), 0);
  CHECK(!evutil_timercmp(&outside, &now, <));
  event_free(ev);
}
TEST(event_base_update_cache_time_refreshes_the_cached_time) {
  struct event *ev = event_new(base, -1, 0, read_cached_time, NULL);
  event_active(ev, 0, 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK(evutil_timercmp(&cached[1], &cached[2], <));
  CHECK_INT_EQ(event_base_update_cache_time(base), 0);
  CHECK_INT_EQ(event_base_update_cache_time(NULL), -1);
  event_free(ev);
}

TEST(event_gettime_monotonic_advances) {
  struct timeval a, b;
  CHECK_INT_EQ(event_gettime_monotonic(base, &a), 0);
  usleep(12000); /* libevent looks at a coarse clock */
  CHECK_INT_EQ(event_gettime_monotonic(base, &b), 0);
  CHECK(evutil_timercmp(&a, &b, <));
  CHECK_INT_EQ(event_gettime_monotonic(NULL, &a), -1);
}

TEST(event_base_init_common_timeout_tags_a_duration) {
  struct timeval tv = {0, 5000000}, again = {5, 0}, soon = after_ms(2);
  const struct timeval *common = event_base_init_common_timeout(base, &tv), *short_one;
  struct seen seen = {0, 0, 0};
  struct event *ev = evtimer_new(base, note, &seen);
  CHECK(common != NULL);
  CHECK_INT_EQ(common->tv_sec, 5);
  CHECK_INT_EQ(common->tv_usec & 0xf00fffff, 0x50000000);
  CHECK_PTR_EQ(event_base_init_common_timeout(base, &again), common);
  CHECK_PTR_EQ(event_base_init_common_timeout(base, common), common);
  short_one = event_base_init_common_timeout(base, &soon);
  CHECK_INT_EQ((short_one->tv_usec >> 20) & 0xff, ((common->tv_usec >> 20) & 0xff) + 1);
  event_add(ev, common);
  event_add(ev, short_one);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(seen.calls, 1);
  event_free(ev);
}

/* --- priorities --- */

TEST(event_base_get_npriorities_returns_those_of_event_base_priority_init) {
  struct event_base *made = event_base_new();
  struct event *ev;
  CHECK_INT_EQ(event_base_get_npriorities(made), 1);
  CHECK_INT_EQ(event_base_priority_init(made, 0), -1);
  CHECK_INT_EQ(event_base_priority_init(made, EVENT_MAX_PRIORITIES), -1);
  CHECK_INT_EQ(event_base_priority_init(made, EVENT_MAX_PRIORITIES - 1), 0);
  CHECK_INT_EQ(event_base_priority_init(made, 5), 0);
  CHECK_INT_EQ(event_base_get_npriorities(made), 5);
  ev = event_new(made, -1, 0, note, NULL);
  event_active(ev, 0, 0);
  CHECK_INT_EQ(event_base_priority_init(made, 3), -1);
  event_free(ev);
  event_base_free(made);
}

TEST(event_get_priority_returns_that_of_event_priority_set) {
  struct event_base *made = event_base_new();
  struct event *ev;
  event_base_priority_init(made, 5);
  ev = event_new(made, -1, 0, note, NULL);
  CHECK_INT_EQ(event_get_priority(ev), 2);
  CHECK_INT_EQ(event_priority_set(ev, 4), 0);
  CHECK_INT_EQ(event_get_priority(ev), 4);
  CHECK_INT_EQ(event_priority_set(ev, 5), -1);
  CHECK_INT_EQ(event_priority_set(ev, -1), -1);
  event_active(ev, 0, 0);
  CHECK_INT_EQ(event_priority_set(ev, 1), -1);
  CHECK_INT_EQ(event_get_priority(ev), 4);
  event_free(ev);
  event_base_free(made);
}

static int run_first(int argc, char **argv) {
  RUN_TESTS(event_enable_debug_mode_reports_misuse_to_the_fatal_callback,
            event_debug_unassign_allows_assigning_again, event_set_mem_functions_serve_all_allocations,
            libevent_global_shutdown_frees_all_memory);
}
static int run_rest(int argc, char **argv) {
  RUN_TESTS(event_get_version_is_that_of_libevent, event_get_version_number_is_that_of_libevent,
            event_get_struct_event_size_matches_the_header, event_get_supported_methods_lists_the_best_first,
            event_set_log_callback_receives_messages, event_enable_debug_logging_can_be_enabled_and_disabled,
            event_config_new_has_the_default_settings, event_config_free_leaves_bases_alone,
            event_config_avoid_method_selects_the_next_method,
            event_config_require_features_selects_a_method_with_them, event_config_set_flag_adds_flags,
            event_config_set_num_cpus_hint_is_accepted,
            event_config_set_max_dispatch_interval_checks_for_urgent_events,
            event_base_new_returns_an_empty_base, event_base_new_with_config_accepts_null,
            event_base_free_runs_pending_finalizers, event_base_free_does_not_free_pending_events,
            event_base_free_nofinalize_skips_pending_finalizers, event_reinit_works_in_a_child,
            event_base_get_method_returns_its_name, event_base_get_features_returns_those_of_the_method,
            event_base_get_num_events_counts_fd_and_timeout_separately,
            event_base_get_max_events_keeps_the_maximum, event_base_foreach_event_visits_each_event_once,
            event_base_dump_events_lists_them, event_base_get_running_event_returns_the_event_of_the_callback,
            event_base_dispatch_returns_after_the_last_event, event_base_loop_obeys_its_flags,
            event_base_loop_fails_when_called_from_a_callback, event_base_loopexit_sets_event_base_got_exit,
            event_base_loopbreak_sets_event_base_got_break, event_base_loopcontinue_polls_again_immediately,
            event_base_gettimeofday_cached_is_constant_within_an_iteration,
            event_base_update_cache_time_refreshes_the_cached_time, event_gettime_monotonic_advances,
            event_base_init_common_timeout_tags_a_duration,
            event_base_get_npriorities_returns_those_of_event_base_priority_init,
            event_get_priority_returns_that_of_event_priority_set);
}

/* The first tests change settings of the whole process, each in a child, before the library is used. */
int main(int argc, char **argv) {
  int failed;
  signal(SIGPIPE, SIG_IGN);
  failed = argc > 1 ? 0 : run_first(argc, argv);
  base = event_base_new();
  if (!base) return 1;
  failed |= run_rest(argc, argv);
  event_base_free(base);
  libevent_global_shutdown();
  return failed;
}

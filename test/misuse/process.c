/* Settings of the whole process: debug mode, locks, memory and log functions. */
#include "misuse.h"

static const struct timeval kLong = {1000, 0};

/* Debug mode. */

static void uninitialised(struct event *ev) { memset(ev, 0, sizeof *ev); }

CASE("debug/enabled twice") {
  DO("enable", event_enable_debug_mode());
  DO("enable", event_enable_debug_mode());
}
CASE("debug/enabled after a base") {
  base_new();
  DO("enable", event_enable_debug_mode());
}
CASE("debug/enabled after a config") {
  event_config_new();
  DO("enable", event_enable_debug_mode());
  PTR("base", base_new());
}
CASE("debug/enabled after an event without a base") {
  struct event ev;
  event_assign(&ev, NULL, -1, 0, on_event, NULL);
  DO("enable", event_enable_debug_mode());
}
CASE("debug/add of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("add", event_add(&ev, NULL));
}
CASE("debug/del of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("del", event_del(&ev));
}
CASE("debug/active of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  DO("active", event_active(&ev, EV_READ, 1));
}
CASE("debug/pending of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("pending", event_pending(&ev, EV_READ, NULL));
}
CASE("debug/priority of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("set", event_priority_set(&ev, 0));
}
CASE("debug/base_set of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("set", event_base_set(base_new(), &ev));
}
CASE("debug/get_fd of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("fd", event_get_fd(&ev));
}
CASE("debug/get_events of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("events", event_get_events(&ev));
}
CASE("debug/get_callback of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  say("null=%d", event_get_callback(&ev) == NULL);
}
CASE("debug/get_priority of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("priority", event_get_priority(&ev));
}
CASE("debug/get_base of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  PTR("base", event_get_base(&ev));
}
CASE("debug/get_assignment of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  DO("get", event_get_assignment(&ev, NULL, NULL, NULL, NULL, NULL));
}
CASE("debug/initialized of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("initialized", event_initialized(&ev));
}
CASE("debug/remove_timer of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("remove", event_remove_timer(&ev));
}
CASE("debug/finalize of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  RET("finalize", event_finalize(0, &ev, NULL));
}
CASE("debug/assigned again while added") {
  event_enable_debug_mode();
  struct event_base *base = base_new();
  struct event ev;
  evtimer_assign(&ev, base, on_event, NULL);
  event_add(&ev, &kLong);
  RET("assign", evtimer_assign(&ev, base, on_event, NULL));
}
CASE("debug/assigned again when idle") {
  event_enable_debug_mode();
  struct event_base *base = base_new();
  struct event ev;
  RET("assign", evtimer_assign(&ev, base, on_event, NULL));
  RET("assign", evtimer_assign(&ev, base, on_event, NULL));
  RET("add", event_add(&ev, &kLong));
}
CASE("debug/assigned with flags that exclude each other") {
  event_enable_debug_mode();
  struct event ev;
  RET("assign", event_assign(&ev, base_new(), 1, EV_SIGNAL | EV_READ, on_event, NULL));
}
CASE("debug/used after event_debug_unassign") {
  event_enable_debug_mode();
  struct event ev;
  evtimer_assign(&ev, base_new(), on_event, NULL);
  DO("unassign", event_debug_unassign(&ev));
  RET("add", event_add(&ev, &kLong));
}
CASE("debug/event_debug_unassign while added") {
  event_enable_debug_mode();
  struct event ev;
  evtimer_assign(&ev, base_new(), on_event, NULL);
  event_add(&ev, &kLong);
  DO("unassign", event_debug_unassign(&ev));
}
CASE("debug/event_debug_unassign of an event never assigned") {
  event_enable_debug_mode();
  struct event ev;
  uninitialised(&ev);
  DO("unassign", event_debug_unassign(&ev));
}
CASE("debug/event_debug_unassign without debug mode") {
  struct event ev;
  evtimer_assign(&ev, base_new(), on_event, NULL);
  DO("unassign", event_debug_unassign(&ev));
  RET("initialized", event_initialized(&ev));
}
CASE("debug/edge and level triggered on one descriptor") {
  event_enable_debug_mode();
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  struct event *edge = event_new(base, fds[0], EV_READ | EV_ET, on_event, NULL);
  struct event *level = event_new(base, fds[0], EV_READ, on_event, NULL);
  RET("add", event_add(edge, NULL));
  RET("add", event_add(level, NULL));
}
CASE("debug/a blocking descriptor") {
  event_enable_debug_mode();
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) return;
  struct event *ev = event_new(base_new(), fds[0], EV_READ, on_event, NULL);
  PTR("new", ev);
  if (ev) RET("add", event_add(ev, NULL));
}
CASE("debug/a descriptor that is closed") {
  event_enable_debug_mode();
  struct event *ev = event_new(base_new(), closed_fd(), EV_READ, on_event, NULL);
  PTR("new", ev);
}
CASE("debug/freed, its memory used again") {
  event_enable_debug_mode();
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  event_free(ev);
  for (int i = 0; i < 10; ++i) PTR("new", evtimer_new(base, on_event, NULL));
}
CASE("debug/a whole life") {
  event_enable_debug_mode();
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  const struct timeval none = {0, 0};
  RET("add", event_add(ev, &none));
  turn(base);
  DO("free", event_free(ev));
  DO("free", event_base_free(base));
  DO("shutdown", libevent_global_shutdown());
}
CASE("debug/enabled again after shutdown") {
  event_enable_debug_mode();
  event_base_free(base_new());
  DO("shutdown", libevent_global_shutdown());
  DO("enable", event_enable_debug_mode());
}

/* Locks. */

static int locks_made, locks_freed;
static void *lock_alloc(unsigned type) {
  (void)type;
  ++locks_made;
  return malloc(1);
}
static void *lock_alloc_fails(unsigned type) { return (void)type, NULL; }
static void lock_free(void *lock, unsigned type) {
  (void)type;
  ++locks_freed;
  free(lock);
}
static int lock_lock(unsigned mode, void *lock) { return (void)mode, (void)lock, 0; }
static int lock_unlock(unsigned mode, void *lock) { return (void)mode, (void)lock, 0; }
static unsigned long thread_id(void) { return 7; }
static void *cond_alloc(unsigned type) { return (void)type, malloc(1); }
static void cond_free(void *cond) { free(cond); }
static int cond_signal(void *cond, int all) { return (void)cond, (void)all, 0; }
static int cond_wait(void *cond, void *lock, const struct timeval *tv) {
  return (void)cond, (void)lock, (void)tv, 0;
}
static const struct evthread_lock_callbacks kLocks = {
    EVTHREAD_LOCK_API_VERSION, EVTHREAD_LOCKTYPE_RECURSIVE, lock_alloc, lock_free, lock_lock, lock_unlock};
static const struct evthread_condition_callbacks kConditions = {EVTHREAD_CONDITION_API_VERSION, cond_alloc,
                                                                cond_free, cond_signal, cond_wait};

CASE("lock/set and a base made") {
  RET("set", evthread_set_lock_callbacks(&kLocks));
  struct event_base *base = base_new();
  say("made=%d", locks_made > 0);
  turn(base);
  event_base_free(base);
  say("balance=%d", locks_made - locks_freed);
}
CASE("lock/the same set twice") {
  RET("set", evthread_set_lock_callbacks(&kLocks));
  RET("set", evthread_set_lock_callbacks(&kLocks));
}
CASE("lock/others set") {
  struct evthread_lock_callbacks others = kLocks;
  others.alloc = lock_alloc_fails;
  RET("set", evthread_set_lock_callbacks(&kLocks));
  RET("set", evthread_set_lock_callbacks(&others));
}
CASE("lock/NULL set though none were") { RET("set", evthread_set_lock_callbacks(NULL)); }
CASE("lock/NULL set after some were") {
  RET("set", evthread_set_lock_callbacks(&kLocks));
  RET("set", evthread_set_lock_callbacks(NULL));
  PTR("base", base_new());
}
CASE("lock/set again after NULL") {
  RET("set", evthread_set_lock_callbacks(&kLocks));
  RET("set", evthread_set_lock_callbacks(NULL));
  RET("set", evthread_set_lock_callbacks(&kLocks));
}
static void set_locks_without(int which) {
  struct evthread_lock_callbacks some = kLocks;
  if (which == 0) some.alloc = NULL;
  if (which == 1) some.free = NULL;
  if (which == 2) some.lock = NULL;
  if (which == 3) some.unlock = NULL;
  if (which == 4) some.lock_api_version = 0;
  if (which == 5) some.lock_api_version = 2;
  if (which == 6) some.supported_locktypes = 0;
  RET("set", evthread_set_lock_callbacks(&some));
  RET("proper", evthread_set_lock_callbacks(&kLocks));
}
CASE("lock/without alloc") { set_locks_without(0); }
CASE("lock/without free") { set_locks_without(1); }
CASE("lock/without lock") { set_locks_without(2); }
CASE("lock/without unlock") { set_locks_without(3); }
CASE("lock/version 0") { set_locks_without(4); }
CASE("lock/version 2") { set_locks_without(5); }
CASE("lock/no lock types") { set_locks_without(6); }
CASE("lock/allocation fails") {
  struct evthread_lock_callbacks failing = kLocks;
  failing.alloc = lock_alloc_fails;
  RET("set", evthread_set_lock_callbacks(&failing));
  PTR("base", event_base_new());
}
CASE("lock/set after a base was made") {
  struct event_base *base = base_new();
  RET("set", evthread_set_lock_callbacks(&kLocks));
  turn(base);
  event_base_free(base);
}
CASE("lock/pthreads after callbacks") {
  RET("set", evthread_set_lock_callbacks(&kLocks));
  RET("pthreads", evthread_use_pthreads());
}
CASE("lock/callbacks after pthreads") {
  RET("pthreads", evthread_use_pthreads());
  RET("set", evthread_set_lock_callbacks(&kLocks));
}
CASE("lock/pthreads twice") {
  RET("pthreads", evthread_use_pthreads());
  RET("pthreads", evthread_use_pthreads());
}
CASE("lock/pthreads after a base was made") {
  struct event_base *base = base_new();
  RET("pthreads", evthread_use_pthreads());
  turn(base);
  RET("notifiable", evthread_make_base_notifiable(base));
  turn(base);
}
CASE("lock/conditions set twice, then others") {
  struct evthread_condition_callbacks others = kConditions;
  others.alloc_condition = lock_alloc_fails;
  RET("set", evthread_set_condition_callbacks(&kConditions));
  RET("set", evthread_set_condition_callbacks(&kConditions));
  RET("set", evthread_set_condition_callbacks(&others));
}
CASE("lock/conditions NULL") {
  RET("set", evthread_set_condition_callbacks(NULL));
  RET("set", evthread_set_condition_callbacks(&kConditions));
  RET("set", evthread_set_condition_callbacks(NULL));
}
static void set_conditions_without(int which) {
  struct evthread_condition_callbacks some = kConditions;
  if (which == 0) some.alloc_condition = NULL;
  if (which == 1) some.free_condition = NULL;
  if (which == 2) some.signal_condition = NULL;
  if (which == 3) some.wait_condition = NULL;
  if (which == 4) some.condition_api_version = 0;
  RET("set", evthread_set_condition_callbacks(&some));
  RET("proper", evthread_set_condition_callbacks(&kConditions));
}
CASE("lock/conditions without alloc") { set_conditions_without(0); }
CASE("lock/conditions without free") { set_conditions_without(1); }
CASE("lock/conditions without signal") { set_conditions_without(2); }
CASE("lock/conditions without wait") { set_conditions_without(3); }
CASE("lock/conditions version 0") { set_conditions_without(4); }
CASE("lock/conditions after pthreads") {
  RET("pthreads", evthread_use_pthreads());
  RET("set", evthread_set_condition_callbacks(&kConditions));
}
CASE("lock/conditions whose allocation fails") {
  struct evthread_condition_callbacks failing = kConditions;
  failing.alloc_condition = lock_alloc_fails;
  RET("locks", evthread_set_lock_callbacks(&kLocks));
  RET("set", evthread_set_condition_callbacks(&failing));
  struct event_base *base = event_base_new();
  PTR("base", base);
}
CASE("lock/identity NULL") {
  DO("id", evthread_set_id_callback(NULL));
  turn(base_new());
}
CASE("lock/identity without locks") {
  DO("id", evthread_set_id_callback(thread_id));
  turn(base_new());
}
CASE("lock/debugging, then pthreads") {
  DO("debugging", evthread_enable_lock_debugging());
  RET("pthreads", evthread_use_pthreads());
  struct event_base *base = base_new();
  turn(base);
  event_base_free(base);
}
CASE("lock/debugging after pthreads") {
  RET("pthreads", evthread_use_pthreads());
  DO("debugging", evthread_enable_lock_debugging());
  struct event_base *base = base_new();
  turn(base);
  event_base_free(base);
}
CASE("lock/debugging twice, under both names") {
  DO("debugging", evthread_enable_lock_debugging());
  DO("debuging", evthread_enable_lock_debuging());
  RET("pthreads", evthread_use_pthreads());
  turn(base_new());
}
CASE("lock/debugging after a base was made") {
  RET("pthreads", evthread_use_pthreads());
  struct event_base *base = base_new();
  DO("debugging", evthread_enable_lock_debugging());
  turn(base);
}
CASE("lock/debugging without locks") {
  DO("debugging", evthread_enable_lock_debugging());
  struct event_base *base = base_new();
  turn(base);
  event_base_free(base);
}
CASE("lock/debugging, a lock that cannot be taken") {
  struct evthread_lock_callbacks failing = kLocks;
  evthread_enable_lock_debugging();
  failing.alloc = lock_alloc_fails;
  RET("set", evthread_set_lock_callbacks(&failing));
  PTR("base", event_base_new());
}
CASE("lock/notifiable without threads") { RET("notifiable", evthread_make_base_notifiable(base_new())); }
CASE("lock/notifiable NULL") { RET("notifiable", evthread_make_base_notifiable(NULL)); }
CASE("lock/notifiable twice") {
  evthread_use_pthreads();
  struct event_base *base = base_new();
  RET("notifiable", evthread_make_base_notifiable(base));
  RET("notifiable", evthread_make_base_notifiable(base));
}

/* Memory. */

static int fail_from = -1, allocations;
static void *failing_malloc(size_t size) {
  return fail_from >= 0 && allocations++ >= fail_from ? NULL : malloc(size);
}
static void *failing_realloc(void *old, size_t size) {
  return fail_from >= 0 && allocations++ >= fail_from ? NULL : realloc(old, size);
}
static void no_memory_from_now(void) {
  fail_from = 0;
  allocations = 0;
}
static void use_failing(void) { event_set_mem_functions(failing_malloc, failing_realloc, free); }

CASE("memory/none for a base") {
  use_failing();
  no_memory_from_now();
  PTR("base", event_base_new());
}
CASE("memory/none for event_init") {
  use_failing();
  no_memory_from_now();
  PTR("base", event_init());
}
CASE("memory/none for a config") {
  use_failing();
  no_memory_from_now();
  PTR("config", event_config_new());
}
CASE("memory/none for an avoided method") {
  use_failing();
  struct event_config *config = event_config_new();
  no_memory_from_now();
  RET("avoid", event_config_avoid_method(config, "epoll"));
}
CASE("memory/none for an event") {
  use_failing();
  struct event_base *base = base_new();
  no_memory_from_now();
  PTR("new", evtimer_new(base, on_event, NULL));
}
CASE("memory/none for once") {
  use_failing();
  struct event_base *base = base_new();
  no_memory_from_now();
  RET("once", event_base_once(base, -1, EV_TIMEOUT, on_event, NULL, NULL));
  RET("exit", event_base_loopexit(base, NULL));
}
CASE("memory/none for a timer's place") {
  use_failing();
  struct event_base *base = base_new();
  struct event *ev = evtimer_new(base, on_event, NULL);
  no_memory_from_now();
  RET("add", event_add(ev, &kLong));
  say_pending(ev);
}
CASE("memory/none for a descriptor's place") {
  use_failing();
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  dup2(fds[0], 900);
  struct event *ev = event_new(base, 900, EV_READ, on_event, NULL);
  no_memory_from_now();
  RET("add", event_add(ev, NULL));
  say_pending(ev);
  fail_from = -1;
  RET("add", event_add(ev, NULL));
}
CASE("memory/none for priorities") {
  use_failing();
  struct event_base *base = base_new();
  no_memory_from_now();
  RET("init", event_base_priority_init(base, 100));
  fail_from = -1;
  RET("is", event_base_get_npriorities(base));
}
CASE("memory/none for a common timeout") {
  use_failing();
  struct event_base *base = base_new();
  no_memory_from_now();
  PTR("init", event_base_init_common_timeout(base, &kLong));
}
CASE("memory/none for a monotonic timer") {
  use_failing();
  no_memory_from_now();
  PTR("timer", evutil_monotonic_timer_new());
}
CASE("memory/none for debug mode") {
  use_failing();
  event_enable_debug_mode();
  struct event_base *base = base_new();
  struct event ev;
  no_memory_from_now();
  RET("assign", evtimer_assign(&ev, base, on_event, NULL));
}
CASE("memory/functions taken back") {
  use_failing();
  no_memory_from_now();
  DO("unset", event_set_mem_functions(NULL, NULL, NULL));
  PTR("base", event_base_new());
}
CASE("memory/only malloc set") {
  event_set_mem_functions(failing_malloc, NULL, NULL);
  fail_from = 1000000;
  struct event_base *base = event_base_new();
  PTR("base", base);
  say("used=%d", allocations > 0);
  event_base_free(base);
}
CASE("memory/set while a base exists") {
  struct event_base *base = base_new();
  use_failing();
  struct event *ev = evtimer_new(base, on_event, NULL);
  RET("add", event_add(ev, &kLong));
  event_free(ev);
  event_base_free(base);
}

/* Logs. */

static void warn_once(void) { event_pending(event_new(NULL, -1, 0, on_event, NULL), EV_READ, NULL); }
static void say_errors(void) {
  char text[512];
  const size_t length = captured_stderr(text, sizeof text);
  say("stderr=%s", length ? "" : "none");
  if (length) say("%.*s newline=%d", (int)strcspn(text, " "), text, text[length - 1] == '\n');
}
CASE("log/no callback") {
  event_set_log_callback(NULL);
  warn_once();
  say_errors();
}
CASE("log/callback set again") {
  event_set_log_callback(NULL);
  event_set_log_callback(on_log);
  warn_once();
  say_errors();
}
CASE("log/debug logging of everything") {
  DO("debug", event_enable_debug_logging(EVENT_DBG_ALL));
  struct event_base *base = base_new();
  (void)base;
}
CASE("log/debug logging of nothing") {
  DO("debug", event_enable_debug_logging(EVENT_DBG_NONE));
  base_new();
}
static void cause_fatal(void) {
  event_enable_debug_mode();
  event_enable_debug_mode();
}
static void on_fatal_returns(int code) { say("fatal:%#x", (unsigned)code); }
static void on_fatal_exits(int code) {
  say("fatal:%#x", (unsigned)code);
  _exit(17);
}
CASE("log/fatal without a callback") {
  event_set_fatal_callback(NULL);
  cause_fatal();
}
CASE("log/fatal callback that returns") {
  event_set_fatal_callback(on_fatal_returns);
  cause_fatal();
}
CASE("log/fatal callback that leaves") {
  event_set_fatal_callback(on_fatal_exits);
  cause_fatal();
}

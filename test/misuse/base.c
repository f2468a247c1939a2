/* Configurations that cannot be met, queries of a base, event_reinit(). */
#include "misuse.h"

#include <sys/wait.h>

static const struct timeval kLong = {1000, 0};

static void make(struct event_config *config) {
  struct event_base *base = event_base_new_with_config(config);
  PTR("base", base);
  if (base) say("%s", event_base_get_method(base));
}

CASE("config/none") { make(NULL); }
CASE("config/avoid a method that is unknown") {
  struct event_config *config = event_config_new();
  RET("avoid", event_config_avoid_method(config, "carrier pigeon"));
  RET("avoid", event_config_avoid_method(config, ""));
  make(config);
}
CASE("config/avoid a method twice") {
  struct event_config *config = event_config_new();
  RET("avoid", event_config_avoid_method(config, "epoll"));
  RET("avoid", event_config_avoid_method(config, "epoll"));
  make(config);
}
CASE("config/avoid a method in capitals") {
  struct event_config *config = event_config_new();
  RET("avoid", event_config_avoid_method(config, "EPOLL"));
  make(config);
}
CASE("config/avoid all methods") {
  struct event_config *config = event_config_new();
  for (const char **name = event_get_supported_methods(); *name; ++name)
    event_config_avoid_method(config, *name);
  make(config);
}
CASE("config/environment avoids all methods") {
  setenv("EVENT_NOEPOLL", "1", 1);
  setenv("EVENT_NOPOLL", "1", 1);
  setenv("EVENT_NOSELECT", "1", 1);
  make(NULL);
}
CASE("config/environment avoids with an empty value") {
  setenv("EVENT_NOEPOLL", "", 1);
  make(NULL);
}
CASE("config/environment avoids with 0") {
  setenv("EVENT_NOEPOLL", "0", 1);
  make(NULL);
}
CASE("config/environment avoids in small letters") {
  setenv("EVENT_NOepoll", "1", 1);
  make(NULL);
}
CASE("config/environment avoids all methods, ignored") {
  setenv("EVENT_NOEPOLL", "1", 1);
  setenv("EVENT_NOPOLL", "1", 1);
  setenv("EVENT_NOSELECT", "1", 1);
  struct event_config *config = event_config_new();
  RET("flag", event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV));
  make(config);
}
CASE("config/environment avoids all methods, event_init") {
  setenv("EVENT_NOEPOLL", "1", 1);
  setenv("EVENT_NOPOLL", "1", 1);
  setenv("EVENT_NOSELECT", "1", 1);
  PTR("init", event_init());
}
CASE("config/environment shows the method") {
  setenv("EVENT_SHOW_METHOD", "1", 1);
  make(NULL);
}
static void require(int features) {
  struct event_config *config = event_config_new();
  RET("require", event_config_require_features(config, features));
  make(config);
}
CASE("config/require nothing") { require(0); }
CASE("config/require edge triggering and any descriptor") { require(EV_FEATURE_ET | EV_FEATURE_FDS); }
CASE("config/require any descriptor") { require(EV_FEATURE_FDS); }
CASE("config/require early close") { require(EV_FEATURE_EARLY_CLOSE); }
CASE("config/require a feature that is unknown") { require(0x100); }
CASE("config/require -1") { require(-1); }
CASE("config/require, then require nothing") {
  struct event_config *config = event_config_new();
  event_config_require_features(config, 0x100);
  RET("require", event_config_require_features(config, 0));
  make(config);
}
CASE("config/require O1 without epoll") {
  struct event_config *config = event_config_new();
  event_config_avoid_method(config, "epoll");
  event_config_require_features(config, EV_FEATURE_O1);
  make(config);
}
CASE("config/early close without epoll") {
  struct event_config *config = event_config_new();
  event_config_avoid_method(config, "epoll");
  event_config_require_features(config, EV_FEATURE_EARLY_CLOSE);
  make(config);
}
static void set_flags(int flags) {
  struct event_config *config = event_config_new();
  RET("flag", event_config_set_flag(config, flags));
  make(config);
}
CASE("config/all flags of 2.1") { set_flags(0x3f); }
CASE("config/flags of no meaning") { set_flags(0x7fff0000); }
CASE("config/changelist") { set_flags(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST); }
CASE("config/changelist without epoll") {
  struct event_config *config = event_config_new();
  event_config_avoid_method(config, "epoll");
  event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
  make(config);
}
CASE("config/NULL to all that tolerate it") {
  RET("flag", event_config_set_flag(NULL, 0));
  RET("require", event_config_require_features(NULL, 0));
  RET("cpus", event_config_set_num_cpus_hint(NULL, 1));
}
CASE("config/free NULL") { DO("free", event_config_free(NULL)); }
CASE("config/avoid on NULL") { RET("avoid", event_config_avoid_method(NULL, "epoll")); }
CASE("config/avoid a method without a name") {
  struct event_config *config = event_config_new();
  RET("avoid", event_config_avoid_method(config, NULL));
}
CASE("config/-1 processors") {
  struct event_config *config = event_config_new();
  RET("cpus", event_config_set_num_cpus_hint(config, -1));
  make(config);
}
static void dispatch_limits(const struct timeval *interval, int callbacks, int priority) {
  struct event_config *config = event_config_new();
  RET("set", event_config_set_max_dispatch_interval(config, interval, callbacks, priority));
  struct event_base *base = event_base_new_with_config(config);
  PTR("base", base);
  event_active(evtimer_new(base, on_event, (void *)"first"), EV_READ, 1);
  event_active(evtimer_new(base, on_event, (void *)"second"), EV_READ, 1);
  turn(base);
  turn(base);
}
CASE("config/dispatch limits: none") { dispatch_limits(NULL, -1, 0); }
CASE("config/dispatch limits: 0 callbacks") { dispatch_limits(NULL, 0, 0); }
CASE("config/dispatch limits: 1 callback") { dispatch_limits(NULL, 1, 0); }
CASE("config/dispatch limits: INT_MIN callbacks") { dispatch_limits(NULL, INT_MIN, 0); }
CASE("config/dispatch limits: 1 callback from priority -1") { dispatch_limits(NULL, 1, -1); }
CASE("config/dispatch limits: 1 callback from priority 1000") { dispatch_limits(NULL, 1, 1000); }
CASE("config/dispatch limits: an interval of zero") {
  const struct timeval tv = {0, 0};
  dispatch_limits(&tv, -1, 0);
}
CASE("config/dispatch limits: an interval of -1 s") {
  const struct timeval tv = {-1, 0};
  dispatch_limits(&tv, -1, 0);
}
CASE("config/dispatch limits: an interval of LONG_MAX s") {
  const struct timeval tv = {LONG_MAX, 0};
  dispatch_limits(&tv, -1, 0);
}
CASE("config/used for two bases") {
  struct event_config *config = event_config_new();
  event_config_avoid_method(config, "epoll");
  make(config);
  make(config);
}
CASE("config/require features, then environment leaves none") {
  setenv("EVENT_NOEPOLL", "1", 1);
  require(EV_FEATURE_ET);
}
CASE("config/no lock, then made notifiable") {
  evthread_use_pthreads();
  struct event_config *config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  struct event_base *base = event_base_new_with_config(config);
  RET("notifiable", evthread_make_base_notifiable(base));
  turn(base);
}

/* Questions. */

static void counts(unsigned kinds) {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  event_add(event_new(base, fds[0], EV_READ, on_event, NULL), &kLong);
  event_active(evtimer_new(base, on_event, NULL), EV_READ, 1);
  RET("num", event_base_get_num_events(base, kinds));
  RET("max", event_base_get_max_events(base, kinds, 1));
  RET("max", event_base_get_max_events(base, kinds, 0));
  event_base_free(base);
}
CASE("count/of no kind") { counts(0); }
CASE("count/of every kind") { counts(~0u); }
CASE("count/of an unknown kind") { counts(0x80); }
CASE("count/of what is active") { counts(EVENT_BASE_COUNT_ACTIVE); }
CASE("count/of what is virtual") { counts(EVENT_BASE_COUNT_VIRTUAL); }
CASE("count/of what is added") { counts(EVENT_BASE_COUNT_ADDED); }
CASE("count/signals and their internal events") {
  struct event_base *base = base_new();
  event_add(evsignal_new(base, SIGUSR1, on_event, NULL), NULL);
  RET("added", event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
  RET("all", event_base_get_num_events(base, 7));
}
CASE("count/a base that can be notified") {
  evthread_use_pthreads();
  struct event_base *base = base_new();
  RET("added", event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
}

static int on_each(const struct event_base *base, const struct event *ev, void *stop_at) {
  (void)base;
  say("each(%#x)", (unsigned)event_get_events(ev));
  return stop_at ? -7 : 0;
}
CASE("foreach/no function") { RET("foreach", event_base_foreach_event(base_new(), NULL, NULL)); }
CASE("foreach/no base") { RET("foreach", event_base_foreach_event(NULL, on_each, NULL)); }
CASE("foreach/empty") { RET("foreach", event_base_foreach_event(base_new(), on_each, NULL)); }
CASE("foreach/function that stops") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  event_add(event_new(base, fds[0], EV_READ, on_event, NULL), NULL);
  event_add(evtimer_new(base, on_event, NULL), &kLong);
  RET("foreach", event_base_foreach_event(base, on_each, base));
}
CASE("foreach/an event in all queues is seen once") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, on_event, NULL);
  event_add(ev, &kLong);
  event_active(ev, EV_READ, 1);
  RET("foreach", event_base_foreach_event(base, on_each, NULL));
}
CASE("foreach/internal events too") {
  struct event_base *base = base_new();
  event_add(evsignal_new(base, SIGUSR1, on_event, NULL), NULL);
  RET("foreach", event_base_foreach_event(base, on_each, NULL));
}

static void active_by_fd(int fd, short what) {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  struct event *ev = event_new(base, fds[0], EV_READ, on_event, NULL);
  event_add(ev, &kLong);
  DO("active", event_base_active_by_fd(base, fd == -99 ? fds[0] : fd, what));
  turn(base);
}
CASE("active_by_fd/-1") { active_by_fd(-1, EV_READ); }
CASE("active_by_fd/INT_MAX") { active_by_fd(INT_MAX, EV_READ); }
CASE("active_by_fd/nothing there") { active_by_fd(500, EV_READ); }
CASE("active_by_fd/there") { active_by_fd(-99, EV_READ); }
CASE("active_by_fd/no flags") { active_by_fd(-99, 0); }
CASE("active_by_fd/flags without an event") { active_by_fd(-99, EV_WRITE); }
CASE("active_by_fd/more flags than it waits for") { active_by_fd(-99, EV_READ | EV_WRITE | EV_CLOSED); }
CASE("active_by_fd/signal") { active_by_fd(-99, EV_SIGNAL); }
CASE("active_by_fd/timeout") { active_by_fd(-99, EV_TIMEOUT); }
CASE("active_by_fd/every bit") { active_by_fd(-99, -1); }
CASE("active_by_fd/on an empty base") {
  struct event_base *base = base_new();
  DO("active", event_base_active_by_fd(base, 0, EV_READ));
}

CASE("base/method of NULL") { PTR("method", event_base_get_method(NULL)); }
CASE("base/features of epoll") { say("%#x", (unsigned)event_base_get_features(base_of("epoll"))); }
CASE("base/features of select") { say("%#x", (unsigned)event_base_get_features(base_of("select"))); }
CASE("base/supported methods") {
  for (const char **name = event_get_supported_methods(); *name; ++name) say("%s", *name);
}
CASE("base/supported methods know the environment") {
  setenv("EVENT_NOEPOLL", "1", 1);
  for (const char **name = event_get_supported_methods(); *name; ++name) say("%s", *name);
}
CASE("base/version") {
  say("%s", event_get_version());
  say("%#x", event_get_version_number());
  say("%zu", event_get_struct_event_size());
}
CASE("base/running event outside of event callbacks") {
  struct event_base *base = base_new();
  event_base_once(base, -1, EV_TIMEOUT, on_event, NULL, NULL);
  turn(base);
  PTR("running", event_base_get_running_event(base));
}
CASE("base/global shutdown twice") {
  DO("shutdown", libevent_global_shutdown());
  DO("shutdown", libevent_global_shutdown());
  PTR("base", event_base_new());
}

/* event_reinit. */

CASE("reinit/no fork") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  event_add(event_new(base, fds[0], EV_WRITE, on_event, NULL), NULL);
  RET("reinit", event_reinit(base));
  RET("reinit", event_reinit(base));
  turn(base);
}
CASE("reinit/no fork, a signal added") {
  struct event_base *base = base_new();
  event_add(evsignal_new(base, SIGUSR1, on_event, NULL), NULL);
  RET("reinit", event_reinit(base));
  raise(SIGUSR1);
  turn(base);
}
CASE("reinit/no fork, select") {
  struct event_base *base = base_of("select");
  int fds[2];
  pair(fds);
  event_add(event_new(base, fds[0], EV_WRITE, on_event, NULL), NULL);
  RET("reinit", event_reinit(base));
  turn(base);
}
CASE("reinit/a descriptor was closed while added") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  fds[0] = high_fd(fds[0]);
  event_add(event_new(base, fds[0], EV_WRITE | EV_PERSIST, on_event, NULL), NULL);
  close(fds[0]);
  RET("reinit", event_reinit(base));
}
static void on_event_reinit(evutil_socket_t fd, short what, void *base) {
  on_event(fd, what, NULL);
  RET("reinit", event_reinit(base));
}
CASE("reinit/in a callback") {
  struct event_base *base = base_new();
  int fds[2];
  pair(fds);
  event_add(event_new(base, fds[0], EV_WRITE | EV_PERSIST, on_event_reinit, base), NULL);
  turn(base);
  turn(base);
}
CASE("reinit/in a child, signals are separate") {
  struct event_base *base = base_new();
  event_add(evsignal_new(base, SIGUSR1, on_event, NULL), NULL);
  const pid_t child = fork();
  if (child == 0) {
    RET("reinit", event_reinit(base));
    raise(SIGUSR1);
    turn(base);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  say("parent");
  turn(base);
}
CASE("reinit/in a child that has threads") {
  evthread_use_pthreads();
  struct event_base *base = base_new();
  const pid_t child = fork();
  if (child == 0) {
    RET("reinit", event_reinit(base));
    RET("notifiable", evthread_make_base_notifiable(base));
    turn(base);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  turn(base);
}

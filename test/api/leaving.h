/* Callbacks that do not return: the ways of leaving them, and the behaviour required afterwards.
 *
 * Each case runs in a process of its own: set_up() makes objects in `world` and whatever causes the callback,
 * the loop runs, the callback calls leave(). Then everything is freed, and the process must end with
 * kLeftStatus. Memory may leak; freed memory must not be used, and nothing may hang.
 */
#ifndef EVENTIDE_TEST_API_LEAVING_H
#define EVENTIDE_TEST_API_LEAVING_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/check.h"
#include "api/leaving_exception.h"

/* A process that leaves in the midst of things loses memory, and may end while a lock is held. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0:detect_stack_use_after_return=1"; }
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "report_destroy_locked=0:report_thread_leaks=0"; }

enum way {
  by_exit,                  /* exit(), and a function of atexit() frees the objects, then the base */
  by_exit_base_first,       /* the same, the base first */
  by_longjmp,               /* longjmp(), then they are freed */
  by_longjmp_base_first,    /* the same, the base first */
  by_exception,             /* a C++ exception that is caught around the loop */
  by_thread_exit,           /* pthread_exit(), and a cleanup handler of the thread frees */
  by_thread_exit_then_main, /* the thread that joins it frees */
  kWays
};
static const char *const way_names[kWays] = {"exit",
                                             "exit, base freed first",
                                             "longjmp",
                                             "longjmp, base freed first",
                                             "exception",
                                             "pthread_exit",
                                             "pthread_exit, freed by another thread"};

static int frees_base_first(enum way way) {
  return way == by_exit_base_first || way == by_longjmp_base_first;
}

struct variant {
  const char *name;
  int threads;
  int bufferevent_options;
};
static const struct variant variants[] = {
    {"", 0, 0},
    {", threads", 1, BEV_OPT_THREADSAFE},
    /* From here on for bufferevents alone. */
    {", deferred", 0, BEV_OPT_DEFER_CALLBACKS},
    {", threads, deferred", 1, BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS},
    {", threads, deferred and unlocked", 1,
     BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS},
};
#define PLAIN_VARIANTS 2u

enum {
  /* With threads: another thread that frees waits for the callback, or for a lock that is held in it. */
  kOthersWait = 1,
  /* Tried in all variants; others wait for its lock unless callbacks are unlocked. */
  kBufferevent = 2,
};
struct leaving_case {
  const char *name;
  void (*set_up)(void);
  unsigned flags;
};

enum { kLeftStatus = 7, kCameBack = 2, kLoopRanAgain = 3, kOtherBaseDoesNotWork = 4 };

static struct {
  struct event_base *base;
  struct event *ev;
  struct bufferevent *bevs[4]; /* from the top of a stack downwards */
  struct evconnlistener *listener;
  struct evbuffer *buffers[2];
  struct evbuffer_file_segment *segment;
} world;

static const struct leaving_case *running_case;
static const struct variant *running_variant;
static enum way running_way;
static int has_left, loop_has_begun;
static jmp_buf outside;

static void ignore_log(int severity, const char *message) {
  (void)severity;
  (void)message;
}

static void no_finalizer(struct event *ev, void *arg) {
  (void)ev;
  (void)arg;
}

/* event_free() in another thread waits for the callback, as event_del() does, and it never returns. */
static void free_event(void) {
  if (running_way == by_thread_exit_then_main && running_variant->threads) {
    event_free_finalize(0, world.ev, no_finalizer);
  } else {
    event_free(world.ev);
  }
}

static void free_objects(void) {
  size_t i;
  if (world.ev) free_event();
  for (i = 0; i < 4; ++i) {
    if (world.bevs[i]) bufferevent_free(world.bevs[i]);
  }
  if (world.listener) evconnlistener_free(world.listener);
  for (i = 0; i < 2; ++i) {
    if (world.buffers[i]) evbuffer_free(world.buffers[i]);
  }
  if (world.segment) evbuffer_file_segment_free(world.segment);
}

static void clean_up(void) {
  const int base_first = frees_base_first(running_way);
  event_set_log_callback(ignore_log);
  if (base_first) event_base_free(world.base);
  free_objects();
  if (!base_first) event_base_free(world.base);
  libevent_global_shutdown();
}

static void clean_up_thread(void *unused) {
  (void)unused;
  clean_up();
}

/* To be called by the callback of the case, which does not come back from it. Called once more, by what is
 * freed afterwards, it returns. */
static void leave(void) {
  if (has_left) return;
  has_left = 1;
  switch (running_way) {
    case by_exit:
    case by_exit_base_first:
      exit(kLeftStatus);
    case by_longjmp:
    case by_longjmp_base_first:
      longjmp(outside, 1);
    case by_exception:
      leave_by_exception();
      break;
    case by_thread_exit:
    case by_thread_exit_then_main:
      pthread_exit(NULL);
    case kWays:
      break;
  }
}

static void set_up_and_run(void) {
  running_case->set_up();
  loop_has_begun = 1;
  event_base_dispatch(world.base);
  _exit(kCameBack);
}

static void *run_in_thread(void *unused) {
  (void)unused;
  if (running_way == by_thread_exit) {
    pthread_cleanup_push(clean_up_thread, NULL);
    set_up_and_run();
    pthread_cleanup_pop(0);
  } else {
    set_up_and_run();
  }
  return NULL;
}

static void count_call(evutil_socket_t fd, short what, void *calls) {
  (void)fd;
  (void)what;
  ++*(int *)calls;
}

/* The loop that was left counts as running; others are not affected. */
static void check_what_still_works(void) {
  struct event_base *other = event_base_new();
  struct timeval now = {0, 0};
  int calls = 0;
  event_set_log_callback(ignore_log);
  if (loop_has_begun && event_base_loop(world.base, EVLOOP_NONBLOCK) != -1) _exit(kLoopRanAgain);
  if (!other || event_base_once(other, -1, EV_TIMEOUT, count_call, &calls, &now) != 0) {
    _exit(kOtherBaseDoesNotWork);
  }
  if (event_base_dispatch(other) != 1 || calls != 1) _exit(kOtherBaseDoesNotWork);
  event_base_free(other);
}

static void run_case(void) {
  pthread_t thread;
  alarm(30);
  signal(SIGPIPE, SIG_IGN);
  event_set_log_callback(ignore_log);
  if (running_variant->threads) evthread_use_pthreads();
  world.base = event_base_new();
  switch (running_way) {
    case by_exit:
    case by_exit_base_first:
      atexit(clean_up);
      set_up_and_run();
      break;
    case by_longjmp:
    case by_longjmp_base_first:
      if (setjmp(outside) == 0) set_up_and_run();
      check_what_still_works();
      clean_up();
      break;
    case by_exception:
      if (!left_by_exception(set_up_and_run)) _exit(kCameBack);
      check_what_still_works();
      clean_up();
      break;
    case by_thread_exit:
    case by_thread_exit_then_main:
      pthread_create(&thread, NULL, run_in_thread, NULL);
      pthread_join(thread, NULL);
      if (running_way == by_thread_exit_then_main) clean_up();
      break;
    case kWays:
      break;
  }
  _exit(kLeftStatus);
}

/* With threads the objects use the lock of their base, which must not have been freed. */
static int is_possible(const struct leaving_case *c, const struct variant *v, enum way way) {
  const int others_wait = (c->flags & kOthersWait) ||
                          ((c->flags & kBufferevent) && !(v->bufferevent_options & BEV_OPT_UNLOCK_CALLBACKS));
  if (frees_base_first(way) && v->threads) return 0;
  if (!v->threads) return 1;
  return way != by_thread_exit_then_main || !others_wait;
}

static void try_way(const struct leaving_case *c, const struct variant *v, enum way way) {
  int status = 0;
  pid_t child;
  running_case = c;
  running_variant = v;
  running_way = way;
  fflush(stdout);
  child = fork();
  if (child == 0) run_case();
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kLeftStatus) return;
  CHECK_FAIL_("%s%s, by %s: ended with %s %d", c->name, v->name, way_names[way],
              WIFEXITED(status) ? "status" : "signal",
              WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

/* In each way and variant, whether others failed or not. */
static void try_case(const struct leaving_case *c) {
  const size_t count = c->flags & kBufferevent ? sizeof(variants) / sizeof(variants[0]) : PLAIN_VARIANTS;
  size_t v;
  int way;
  for (v = 0; v < count; ++v) {
    for (way = 0; way < kWays; ++way) {
      if (is_possible(c, &variants[v], (enum way)way)) try_way(c, &variants[v], (enum way)way);
    }
  }
}

#define TRY_CASES(cases)                                                                          \
  do {                                                                                            \
    size_t case_;                                                                                 \
    for (case_ = 0; case_ < sizeof(cases) / sizeof(cases[0]); ++case_) try_case(&(cases)[case_]); \
  } while (0)

/* --- for the cases --- */

static const struct timeval kSoon = {0, 1000};

static __attribute__((unused)) void leave_event(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  leave();
}

static void make_pair(evutil_socket_t fds[2]) {
  if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) _exit(1);
  evutil_make_socket_nonblocking(fds[0]);
  evutil_make_socket_nonblocking(fds[1]);
}

/* What a bufferevent is left at: a callback, and for events which. */
enum { at_read = 1, at_write = 2 }; /* or BEV_EVENT_*, shifted */
#define AT_EVENT(what) ((what) << 2)
static int left_at, reads_to_skip;

static void leave_read(struct bufferevent *bev, void *arg) {
  (void)bev;
  (void)arg;
  if ((left_at & at_read) && reads_to_skip-- == 0) leave();
}
static void leave_write(struct bufferevent *bev, void *arg) {
  (void)bev;
  (void)arg;
  if (left_at & at_write) leave();
}
static void leave_bufferevent_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)arg;
  if (left_at & AT_EVENT(what)) leave();
}

static int bufferevent_options(void) { return BEV_OPT_CLOSE_ON_FREE | running_variant->bufferevent_options; }

/* Has the callbacks of world.bevs[0] leave. */
static void leave_bufferevent_at(int at) {
  left_at = at;
  bufferevent_setcb(world.bevs[0], leave_read, leave_write, leave_bufferevent_event, NULL);
  bufferevent_enable(world.bevs[0], EV_READ | EV_WRITE);
}

static void make_sockets(void) {
  evutil_socket_t fds[2];
  int i;
  make_pair(fds);
  for (i = 0; i < 2; ++i) world.bevs[i] = bufferevent_socket_new(world.base, fds[i], bufferevent_options());
}
static void make_bufferevent_pair(void) {
  bufferevent_pair_new(world.base, bufferevent_options(), world.bevs);
}
static void put_filter_on_top(void) {
  world.bevs[0] = bufferevent_filter_new(world.bevs[0], NULL, NULL, bufferevent_options(), NULL, NULL);
}

static void read_something(void) {
  leave_bufferevent_at(at_read);
  bufferevent_write(world.bevs[1], "x", 1);
}
static void written(void) {
  leave_bufferevent_at(at_write);
  bufferevent_write(world.bevs[0], "x", 1);
}
static void read_timeout(void) {
  bufferevent_set_timeouts(world.bevs[0], &kSoon, NULL);
  leave_bufferevent_at(AT_EVENT(BEV_EVENT_TIMEOUT));
}
static void leave_at_addition(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg) {
  (void)buffer;
  (void)arg;
  if (info->n_added) leave();
}
static void leave_at_deletion(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg) {
  (void)buffer;
  (void)arg;
  if (info->n_deleted) leave();
}
static void change_of_the_input(void) {
  evbuffer_add_cb(bufferevent_get_input(world.bevs[0]), leave_at_addition, NULL);
  leave_bufferevent_at(0);
  bufferevent_write(world.bevs[1], "x", 1);
}
static void change_of_the_output(void) {
  evbuffer_add_cb(bufferevent_get_output(world.bevs[0]), leave_at_deletion, NULL);
  leave_bufferevent_at(0);
  bufferevent_write(world.bevs[0], "x", 1);
}

/* Kinds of bufferevents, which make world.bevs[0] and its peer world.bevs[1], and what causes callbacks. */
struct carrier {
  const char *name;
  void (*make)(void);
};
struct cause {
  const char *name;
  void (*begin)(void);
  unsigned flags;
};
static const struct carrier *running_carrier;
static const struct cause *running_cause;

static void set_up_bufferevent(void) {
  running_carrier->make();
  bufferevent_enable(world.bevs[1], EV_READ | EV_WRITE);
  running_cause->begin();
}

static __attribute__((unused)) void try_bufferevent(const struct carrier *carrier,
                                                    const struct cause *cause) {
  char name[100];
  const struct leaving_case c = {name, set_up_bufferevent, kBufferevent | cause->flags};
  snprintf(name, sizeof(name), "%s of a %s", cause->name, carrier->name);
  running_carrier = carrier;
  running_cause = cause;
  try_case(&c);
}

#define TRY_BUFFEREVENTS(carriers, causes)                                              \
  do {                                                                                  \
    size_t carrier_, cause_;                                                            \
    for (carrier_ = 0; carrier_ < sizeof(carriers) / sizeof(carriers[0]); ++carrier_) { \
      for (cause_ = 0; cause_ < sizeof(causes) / sizeof(causes[0]); ++cause_)           \
        try_bufferevent(&(carriers)[carrier_], &(causes)[cause_]);                      \
    }                                                                                   \
  } while (0)

#endif

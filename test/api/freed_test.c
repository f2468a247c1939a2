/* What was made is freed once, and nothing uses it afterwards, counted by memory functions and so without a
 * sanitizer: with callbacks pending, called and cancelled, with and without locks. Each case has a process of
 * its own. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <stdio.h>

#include "api/child.h"
#include "api/events.h"
#include "api/poisoned_memory.h"

static struct seen ignored;
static int threadsafe; /* BEV_OPT_THREADSAFE where there are locks */
static const struct timeval at_once = {0, 0}, late = {100, 0};

static void ignore_change(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg) {
  (void)buffer;
  (void)info;
  (void)arg;
}
static void free_buffer(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg) {
  (void)info;
  (void)arg;
  evbuffer_free(buffer);
}
static void ignore_data(struct bufferevent *bev, void *arg) {
  (void)bev;
  (void)arg;
}
static void free_bufferevent(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_free(bev);
}
static void free_at_event(struct bufferevent *bev, short what, void *arg) {
  (void)what;
  (void)arg;
  bufferevent_free(bev);
}
static void run_all(void) {
  int i;
  for (i = 0; i < 4; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
}

/* --- the cases: each leaves nothing but the base --- */

static void events(void) {
  struct event *ev[5];
  const struct timeval *common = event_base_init_common_timeout(base, &late);
  int i;
  ev[0] = event_new(base, pair[0], EV_READ | EV_PERSIST, note, &ignored);
  ev[1] = evsignal_new(base, SIGUSR1, note, &ignored);
  ev[2] = evtimer_new(base, note, &ignored);
  ev[3] = evtimer_new(base, note, &ignored);
  ev[4] = event_new(base, pair[1], EV_WRITE, note, &ignored);
  for (i = 0; i < 5; ++i) event_add(ev[i], i == 3 ? common : i == 2 ? &late : NULL);
  event_base_once(base, -1, EV_TIMEOUT, note, &ignored, &at_once);
  event_base_once(base, -1, EV_TIMEOUT, note, &ignored, &late); /* abandoned */
  run_all();
  event_active(ev[2], EV_READ, 1);
  for (i = 0; i < 4; ++i) event_free(ev[i]);
  event_free_finalize(0, ev[4], note_finalized);
  run_all();
}

static void buffer_with_deferred_callback(void) {
  struct evbuffer *buffer = evbuffer_new();
  evbuffer_enable_locking(buffer, NULL);
  evbuffer_defer_callbacks(buffer, base);
  evbuffer_add_cb(buffer, ignore_change, NULL);
  evbuffer_add(buffer, "x", 1);
  run_all();
  evbuffer_add(buffer, "x", 1);
  run_all();
  evbuffer_free(buffer);
}
static void buffer_freed_with_a_callback_pending(void) {
  struct evbuffer *buffer = evbuffer_new();
  evbuffer_defer_callbacks(buffer, base);
  evbuffer_add_cb(buffer, ignore_change, NULL);
  evbuffer_add(buffer, "x", 1);
  evbuffer_free(buffer);
  run_all();
}
static void buffer_freed_by_its_callback(void) {
  struct evbuffer *buffer = evbuffer_new();
  evbuffer_defer_callbacks(buffer, base);
  evbuffer_add_cb(buffer, free_buffer, NULL);
  evbuffer_add(buffer, "x", 1);
  run_all();
}
static void buffer_that_outlives_the_base(void) {
  struct event_base *first = event_base_new();
  struct evbuffer *buffer = evbuffer_new();
  evbuffer_defer_callbacks(buffer, first);
  evbuffer_add_cb(buffer, ignore_change, NULL);
  evbuffer_add(buffer, "x", 1);
  event_base_free(first);
  evbuffer_free(buffer);
}
static void buffers_that_share(void) {
  struct evbuffer *from = evbuffer_new(), *to = evbuffer_new();
  FILE *file = tmpfile();
  fputs("file", file);
  fflush(file);
  evbuffer_add(from, "abc", 3);
  evbuffer_add_file(from, dup(fileno(file)), 0, 4);
  evbuffer_add_buffer_reference(to, from);
  evbuffer_free(from);
  evbuffer_drain(to, 5);
  evbuffer_free(to);
  fclose(file);
}

static void free_in(int kind, struct bufferevent *bev) {
  bufferevent_setcb(bev, kind == 0 ? free_bufferevent : NULL, kind == 1 ? free_bufferevent : NULL,
                    kind == 2 ? free_at_event : NULL, NULL);
}

/* A socket whose read, write or event callback frees it, at once or deferred. */
static void sockets_freed_by_callbacks(void) {
  int kind, options;
  for (kind = 0; kind < 3; ++kind) {
    for (options = 0; options <= BEV_OPT_DEFER_CALLBACKS; options += BEV_OPT_DEFER_CALLBACKS) {
      struct bufferevent *bev;
      int fds[2];
      CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
      evutil_make_socket_nonblocking(fds[0]);
      bev = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE | threadsafe | options);
      free_in(kind, bev);
      bufferevent_enable(bev, EV_READ | EV_WRITE);
      bufferevent_write(bev, "out", 3);
      CHECK_INT_EQ(write(fds[1], "in", 2), 2);
      if (kind == 2) shutdown(fds[1], SHUT_WR);
      run_all();
      close(fds[1]);
      run_all();
    }
  }
}
static void bufferevents_freed_with_callbacks_pending(void) {
  struct bufferevent *ends[2], *filter;
  bufferevent_pair_new(base, BEV_OPT_DEFER_CALLBACKS | threadsafe, ends);
  filter = bufferevent_filter_new(ends[0], NULL, NULL, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS, NULL,
                                  NULL);
  bufferevent_setcb(filter, ignore_data, ignore_data, NULL, NULL);
  bufferevent_set_timeouts(filter, &late, &late);
  bufferevent_enable(filter, EV_READ | EV_WRITE);
  bufferevent_enable(ends[1], EV_READ | EV_WRITE);
  bufferevent_write(ends[1], "in", 2);
  bufferevent_write(filter, "out", 3);
  bufferevent_free(filter);
  bufferevent_free(ends[1]);
  run_all();
}
static void stack_freed_by_callbacks(void) {
  int kind;
  for (kind = 0; kind < 3; ++kind) {
    struct bufferevent *ends[2], *filter;
    bufferevent_pair_new(base, threadsafe, ends);
    filter = bufferevent_filter_new(ends[0], NULL, NULL, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
    free_in(kind, filter);
    bufferevent_enable(filter, EV_READ | EV_WRITE);
    bufferevent_enable(ends[1], EV_READ | EV_WRITE);
    bufferevent_write(ends[1], "in", 2);
    if (kind != 0) bufferevent_write(filter, "out", 3);
    if (kind == 2) bufferevent_flush(ends[1], EV_WRITE, BEV_FINISHED);
    run_all();
    bufferevent_free(ends[1]);
    run_all();
  }
}

static void rate_limited(void) {
  struct ev_token_bucket_cfg *rates = ev_token_bucket_cfg_new(10, 10, 10, 10, NULL);
  struct bufferevent_rate_limit_group *group = bufferevent_rate_limit_group_new(base, rates);
  struct bufferevent *bev = bufferevent_socket_new(base, pair[0], threadsafe);
  static const char many[100];
  bufferevent_set_rate_limit(bev, rates);
  bufferevent_add_to_rate_limit_group(bev, group);
  bufferevent_write(bev, many, sizeof(many));
  run_all();
  bufferevent_remove_from_rate_limit_group(bev);
  bufferevent_free(bev);
  run_all();
  bufferevent_rate_limit_group_free(group);
  ev_token_bucket_cfg_free(rates);
}

static void free_listener(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                          int size, void *arg) {
  (void)address;
  (void)size;
  (void)arg;
  evutil_closesocket(fd);
  evconnlistener_free(listener);
}
static void listener_freed_by_its_callback(void) {
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  struct evconnlistener *listener;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = evconnlistener_new_bind(base, free_listener, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, 8,
                                     (struct sockaddr *)&address, sizeof(address));
  getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &size);
  CHECK_INT_EQ(connect(client, (struct sockaddr *)&address, size), 0);
  event_base_loop(base, EVLOOP_ONCE);
  close(client);
}

/* --- and how they are run --- */

static void run_case(void (*what)(void), int threads) {
  use_poisoned_memory();
#ifndef EVENT__DISABLE_THREAD_SUPPORT
  if (threads) {
#ifdef _WIN32
    evthread_use_windows_threads();
#else
    evthread_use_pthreads();
#endif
    threadsafe = BEV_OPT_THREADSAFE;
  }
#else
  (void)threads;
#endif
  base = event_base_new();
  CHECK(base && open_pair() == 0);
  what();
  CHECK(!CHECK_FAILED());
  event_base_free(base);
  close_pair();
  /* Some of libevent's locks live as long as the process. */
  libevent_global_shutdown();
  if (ours()) CHECK_INT_EQ(poison_live, 0);
  CHECK(poison_intact());
}

#define CASES(CASE)                               \
  CASE(events)                                    \
  CASE(buffer_with_deferred_callback)             \
  CASE(buffer_freed_with_a_callback_pending)      \
  CASE(buffer_freed_by_its_callback)              \
  CASE(buffer_that_outlives_the_base)             \
  CASE(buffers_that_share)                        \
  CASE(sockets_freed_by_callbacks)                \
  CASE(bufferevents_freed_with_callbacks_pending) \
  CASE(stack_freed_by_callbacks)                  \
  CASE(rate_limited)                              \
  CASE(listener_freed_by_its_callback)

#define CASE_FUNCTIONS(name)                            \
  static void plain_##name(void) { run_case(name, 0); } \
  static void locked_##name(void) { run_case(name, 1); }
CASES(CASE_FUNCTIONS)
#define CASE_ENTRIES(name) {#name, plain_##name, locked_##name},
static const struct {
  const char *name;
  void (*plain)(void), (*locked)(void);
} cases[] = {CASES(CASE_ENTRIES)};

TEST(nothing_is_left_or_used_after_it_was_freed) {
  size_t i;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
    if (in_child(cases[i].plain) != 0) CHECK_FAIL_("%s", cases[i].name);
  }
}
TEST(nothing_is_left_or_used_after_it_was_freed_with_locks) {
  size_t i;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
    if (in_child(cases[i].locked) != 0) CHECK_FAIL_("%s", cases[i].name);
  }
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  RUN_TESTS(nothing_is_left_or_used_after_it_was_freed,
            nothing_is_left_or_used_after_it_was_freed_with_locks);
}

/* A program as users write them, compiled for libevent and run on either library: what it prints must be the
 * same.
 *
 * It uses each part of the core interface a little, reads and embeds the structs whose layout is public, and
 * prints what it finds. Nothing that may differ from run to run is printed: no addresses, ports, times or
 * sizes of memory. The lines "loaded FILE" name the libraries in its memory.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_compat.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define MUST(condition)                                                    \
  do {                                                                     \
    if (!(condition)) {                                                    \
      printf("%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      fflush(stdout);                                                      \
      _exit(3);                                                            \
    }                                                                      \
  } while (0)

static const struct timeval kSoon = {0, 1000};
static const struct timeval kLimit = {20, 0};

/* ---- loaded libraries and their versions -----------------------------------------------------------------
 */

static void print_loaded(void) {
  char line[512], last[512] = "", *path;
  FILE *maps = fopen("/proc/self/maps", "r");

  MUST(maps != NULL);
  while (fgets(line, sizeof(line), maps) != NULL) {
    path = strchr(line, '/');
    if (path == NULL || strstr(path, "/libevent") == NULL || strcmp(path, last) == 0) continue;
    strcpy(last, path);
    printf("loaded %s", path);
  }
  fclose(maps);
}

static void versions_and_methods(struct event_base *base) {
  const char **methods = event_get_supported_methods();
  int i;

  printf("version %s %08lx headers %s %08lx\n", event_get_version(),
         (unsigned long)event_get_version_number(), LIBEVENT_VERSION, (unsigned long)LIBEVENT_VERSION_NUMBER);
  printf("struct event %zu %zu\n", event_get_struct_event_size(), sizeof(struct event));
  for (i = 0; methods[i] != NULL; i++) printf("supported %s\n", methods[i]);
  printf("method %s\n", event_base_get_method(base));
  printf("features %d priorities %d\n", event_base_get_features(base), event_base_get_npriorities(base));
}

/* ---- events in structs of the program's own --------------------------------------------------------------
 */

struct holder {
  int before;
  struct event event;
  int after;
  int calls;
  int wanted;
};

static void print_event(const char *what, const struct event *event) {
  printf("%s fd_is_set %d events %#x res %#x base %d\n", what, event->ev_fd >= 0, (unsigned)event->ev_events,
         (unsigned)event->ev_res, event->ev_base != NULL);
}

static void on_holder(evutil_socket_t fd, short what, void *argument) {
  struct holder *holder = argument;
  char byte;

  print_event("in callback", &holder->event);
  printf("holder called what %#x fd matches %d\n", (unsigned)what, fd == event_get_fd(&holder->event));
  if (what & EV_READ) MUST(read(fd, &byte, 1) == 1);
  if (++holder->calls == holder->wanted) event_del(&holder->event);
}

static void embedded_events(struct event_base *base) {
  struct holder io = {.before = 11, .after = 22, .wanted = 3};
  struct holder timer = {.before = 33, .after = 44, .wanted = 2};
  struct timeval left;
  int pair[2];

  MUST(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  MUST(evutil_make_socket_nonblocking(pair[0]) == 0);
  MUST(event_assign(&io.event, base, pair[0], EV_READ | EV_PERSIST, on_holder, &io) == 0);
  print_event("assigned", &io.event);
  printf("pending %d initialized %d\n", event_pending(&io.event, EV_READ, NULL),
         event_initialized(&io.event));
  MUST(event_add(&io.event, &kLimit) == 0);
  printf("pending %#x fields: first %d last %d\n",
         (unsigned)event_pending(&io.event, EV_READ | EV_TIMEOUT, &left), io.before, io.after);
  printf("timeout kept %d\n", io.event.ev_timeout.tv_sec != 0);
  MUST(write(pair[1], "abc", 3) == 3);
  MUST(evtimer_assign(&timer.event, base, on_holder, &timer) == 0);
  MUST(evtimer_add(&timer.event, &kLimit) == 0);
  printf("counts %d %d\n", event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED),
         event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED, 0));
  while (io.calls < io.wanted) MUST(event_base_loop(base, EVLOOP_ONCE) == 0);
  MUST(evtimer_add(&timer.event, &kSoon) == 0); /* only now: a slow machine must not mix the two */
  printf("dispatch %d\n", event_base_dispatch(base));
  printf("calls %d %d guards %d %d %d %d\n", io.calls, timer.calls, io.before, io.after, timer.before,
         timer.after);
  printf("dispatch with nothing %d\n", event_base_dispatch(base));
  printf("negative descriptor %d\n", event_assign(&io.event, base, -1, EV_READ, on_holder, &io));
  evutil_closesocket(pair[0]);
  evutil_closesocket(pair[1]);
}

/* ---- order: timers, priorities, active events
 * ---------------------------------------------------------------- */

static void on_name(evutil_socket_t fd, short what, void *name) {
  (void)fd;
  printf("%s %#x\n", (const char *)name, (unsigned)what);
}

static void on_stop(evutil_socket_t fd, short what, void *base) {
  (void)fd;
  (void)what;
  printf("stop got_exit %d got_break %d\n", event_base_got_exit(base), event_base_got_break(base));
  event_base_loopbreak(base);
}

static int count_event(const struct event_base *base, const struct event *event, void *count) {
  (void)base;
  (void)event;
  ++*(int *)count;
  return 0;
}

static void order(void) {
  struct event_base *base = event_base_new();
  struct timeval first = {0, 10000}, second = {0, 20000}, third = {0, 30000}, zero = {0, 0};
  struct event *events[6];
  int i, count = 0;

  MUST(event_base_priority_init(base, 3) == 0);
  events[0] = event_new(base, -1, 0, on_name, "low");
  events[1] = event_new(base, -1, 0, on_name, "high");
  events[2] = event_new(base, -1, 0, on_name, "middle");
  events[3] = evtimer_new(base, on_name, "third");
  events[4] = evtimer_new(base, on_name, "first");
  events[5] = evtimer_new(base, on_name, "second");
  MUST(event_priority_set(events[0], 2) == 0);
  MUST(event_priority_set(events[1], 0) == 0);
  printf("priority out of range %d; default %d\n", event_priority_set(events[0], 3),
         event_get_priority(events[2]));
  event_active(events[0], EV_READ, 1);
  event_active(events[2], EV_WRITE, 1);
  event_active(events[1], EV_TIMEOUT, 1);
  MUST(event_add(events[3], &third) == 0);
  MUST(event_add(events[4], &first) == 0);
  MUST(event_add(events[5], &second) == 0);
  event_base_foreach_event(base, count_event, &count);
  printf("events %d active %d\n", count, event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE));
  printf("loop once %d\n", event_base_loop(base, EVLOOP_ONCE));
  printf("loop %d\n", event_base_dispatch(base));
  printf("nonblocking loop with nothing %d\n", event_base_loop(base, EVLOOP_NONBLOCK));

  MUST(event_base_once(base, -1, EV_TIMEOUT, on_name, "once", &zero) == 0);
  MUST(event_base_once(base, -1, EV_TIMEOUT, on_stop, base, &kSoon) == 0);
  printf("with break %d\n", event_base_dispatch(base));
  printf("got break %d\n", event_base_got_break(base));
  MUST(event_add(events[3], event_base_init_common_timeout(base, &first)) == 0);
  MUST(event_add(events[4], event_base_init_common_timeout(base, &first)) == 0);
  MUST(event_base_loopexit(base, &third) == 0);
  printf("common %d\n", event_base_dispatch(base));
  printf("got exit %d\n", event_base_got_exit(base));
  MUST(event_del(events[0]) == 0);
  MUST(event_remove_timer(events[0]) == 0);
  for (i = 0; i < 6; i++) event_free(events[i]);
  event_base_free(base);
}

/* ---- signals
 * ------------------------------------------------------------------------------------------------- */

static void signals(struct event_base *base) {
  struct event *persistent = evsignal_new(base, SIGUSR1, on_name, "signal"), both;

  MUST(evsignal_assign(&both, base, SIGUSR1, on_name, "same signal") == 0);
  MUST(event_add(persistent, NULL) == 0);
  MUST(event_add(&both, NULL) == 0);
  raise(SIGUSR1);
  printf("signal loop %d, is signal %d\n", event_base_loop(base, EVLOOP_ONCE),
         event_get_signal(persistent) == SIGUSR1);
  event_del(&both);
  raise(SIGUSR1);
  printf("signal loop %d\n", event_base_loop(base, EVLOOP_ONCE));
  event_free(persistent);
}

/* ---- configuration
 * ------------------------------------------------------------------------------------------- */

static void configuration(void) {
  struct event_config *config = event_config_new();
  struct event_base *base;

  MUST(event_config_avoid_method(config, "epoll") == 0);
  MUST(event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0);
  base = event_base_new_with_config(config);
  printf("without epoll: %s\n", strcmp(event_base_get_method(base), "epoll") == 0 ? "epoll" : "another");
  event_base_free(base);
  MUST(event_config_require_features(config, EV_FEATURE_ET) == 0);
  printf("edge-triggered without epoll: %d\n", event_base_new_with_config(config) != NULL);
  event_config_free(config);
}

/* ---- buffers
 * ------------------------------------------------------------------------------------------------- */

static void print_buffer(const char *what, struct evbuffer *buffer) {
  size_t length = evbuffer_get_length(buffer);
  unsigned char *bytes = evbuffer_pullup(buffer, -1);

  printf("%s [%.*s] %zu\n", what, (int)length, bytes == NULL ? "" : (const char *)bytes, length);
}

static void on_change(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *name) {
  printf("%s changed: had %zu added %zu removed %zu now %zu\n", (const char *)name, info->orig_size,
         info->n_added, info->n_deleted, evbuffer_get_length(buffer));
}

static void on_unreferenced(const void *data, size_t length, void *argument) {
  printf("reference ends: %.*s %d\n", (int)length, (const char *)data, *(int *)argument);
}

static void lines(enum evbuffer_eol_style style, const char *name) {
  struct evbuffer *buffer = evbuffer_new();
  size_t length;
  char *line;

  evbuffer_add(buffer, "one\r\ntwo\n\nthree\rfour\0five\nrest", 31);
  while ((line = evbuffer_readln(buffer, &length, style)) != NULL) {
    printf("%s %zu\n", name, length);
    free(line);
  }
  printf("%s left %zu\n", name, evbuffer_get_length(buffer));
  evbuffer_free(buffer);
}

static void searching(struct evbuffer *buffer) {
  struct evbuffer_ptr start, end, found;

  evbuffer_add_printf(buffer, "needle in %s, needle in %d", "hay", 42);
  found = evbuffer_search(buffer, "needle", 6, NULL);
  printf("found %zd\n", found.pos);
  MUST(evbuffer_ptr_set(buffer, &start, 1, EVBUFFER_PTR_SET) == 0);
  MUST(evbuffer_ptr_set(buffer, &end, 12, EVBUFFER_PTR_SET) == 0);
  printf("next %zd\n", evbuffer_search(buffer, "needle", 6, &start).pos);
  printf("in range %zd\n", evbuffer_search_range(buffer, "needle", 6, &start, &end).pos);
  printf("beyond %d\n", evbuffer_ptr_set(buffer, &start, 10000, EVBUFFER_PTR_ADD));
  evbuffer_drain(buffer, evbuffer_get_length(buffer));
}

static void moving(struct evbuffer *buffer) {
  struct evbuffer *other = evbuffer_new();
  struct evbuffer_iovec space[2];
  char out[8] = "";
  static int cookie = 7;
  int n;

  MUST(evbuffer_add_reference(other, "borrowed", 8, on_unreferenced, &cookie) == 0);
  MUST(evbuffer_prepend(other, "<", 1) == 0);
  MUST(evbuffer_add_buffer(buffer, other) == 0);
  printf("moved %zu %zu\n", evbuffer_get_length(buffer), evbuffer_get_length(other));
  MUST(evbuffer_add(other, "first ", 6) == 0);
  MUST(evbuffer_prepend_buffer(buffer, other) == 0);
  MUST(evbuffer_add_buffer_reference(other, buffer) == 0);
  print_buffer("copy by reference", other);
  printf("copied %zd\n", evbuffer_copyout(buffer, out, 7));
  printf("copy %.7s\n", out);
  printf("removed %d\n", evbuffer_remove(buffer, out, 7));
  printf("to other %d\n", evbuffer_remove_buffer(buffer, other, 3));
  print_buffer("rest", buffer);
  print_buffer("other", other);
  n = evbuffer_reserve_space(buffer, 100, space, 1);
  MUST(n == 1 && space[0].iov_len >= 100);
  memcpy(space[0].iov_base, "reserved", 8);
  space[0].iov_len = 8;
  MUST(evbuffer_commit_space(buffer, space, 1) == 0);
  print_buffer("committed", buffer);
  evbuffer_free(other);
  evbuffer_drain(buffer, 1000);
}

static void file_and_sockets(struct evbuffer *buffer) {
  FILE *file = tmpfile();
  int pair[2];

  MUST(file != NULL && fputs("0123456789", file) >= 0 && fflush(file) == 0);
  MUST(evbuffer_add_file(buffer, dup(fileno(file)), 2, 5) == 0);
  fclose(file);
  MUST(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  evbuffer_add(buffer, "tail", 4);
  printf("wrote %d\n", evbuffer_write(buffer, pair[0]));
  while (evbuffer_get_length(buffer) > 0) MUST(evbuffer_write(buffer, pair[0]) > 0);
  printf("read %d\n", evbuffer_read(buffer, pair[1], 100));
  print_buffer("from socket", buffer);
  evutil_closesocket(pair[0]);
  printf("read at the end %d\n", evbuffer_read(buffer, pair[1], 100));
  evutil_closesocket(pair[1]);
  evbuffer_drain(buffer, 1000);
}

static void buffers(void) {
  struct evbuffer *buffer = evbuffer_new();
  struct evbuffer_cb_entry *entry;

  searching(buffer);
  entry = evbuffer_add_cb(buffer, on_change, "buffer");
  moving(buffer);
  file_and_sockets(buffer);
  MUST(evbuffer_remove_cb_entry(buffer, entry) == 0);
  MUST(evbuffer_freeze(buffer, 0) == 0);
  printf("frozen %d\n", evbuffer_add(buffer, "x", 1));
  MUST(evbuffer_unfreeze(buffer, 0) == 0);
  printf("thawed %d\n", evbuffer_add(buffer, "xy", 2));
  printf("length %zu\n", EVBUFFER_LENGTH(buffer));
  evbuffer_free(buffer);
  lines(EVBUFFER_EOL_ANY, "any");
  lines(EVBUFFER_EOL_CRLF, "crlf");
  lines(EVBUFFER_EOL_CRLF_STRICT, "strict");
  lines(EVBUFFER_EOL_LF, "lf");
  lines(EVBUFFER_EOL_NUL, "nul");
}

/* ---- bufferevents
 * -------------------------------------------------------------------------------------------- */

static void print_bufferevent(const char *what, struct bufferevent *bev) {
  printf("%s enabled %#x/%#x input %d output %d wm %zu-%zu %zu-%zu\n", what, (unsigned)bev->enabled,
         (unsigned)bufferevent_get_enabled(bev), bev->input == bufferevent_get_input(bev),
         bev->output == bufferevent_get_output(bev), bev->wm_read.low, bev->wm_read.high, bev->wm_write.low,
         bev->wm_write.high);
}

static void on_data(struct bufferevent *bev, void *name) {
  char bytes[64];
  size_t length = bufferevent_read(bev, bytes, sizeof(bytes));

  printf("%s got [%.*s] cbarg %d\n", (const char *)name, (int)length, bytes, bev->cbarg == name);
  if (length > 0 && bytes[0] == '?') bufferevent_write(bev, "!answer", 7);
}

static void on_written(struct bufferevent *bev, void *name) {
  printf("%s wrote all %zu\n", (const char *)name, evbuffer_get_length(bufferevent_get_output(bev)));
}

static void on_end(struct bufferevent *bev, short what, void *name) {
  printf("%s event %#x\n", (const char *)name, (unsigned)what);
  bufferevent_disable(bev, EV_READ | EV_WRITE);
}

/* One iteration at a time until nothing is left to do, or so many were done that something is wrong. */
static void settle(struct event_base *base) {
  int i;

  for (i = 0; i < 20; i++) event_base_loop(base, EVLOOP_NONBLOCK);
}

static void socket_bufferevents(struct event_base *base) {
  struct bufferevent *left, *right;
  struct timeval short_time = {0, 20000};
  int pair[2];

  MUST(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  MUST(evutil_make_socket_nonblocking(pair[0]) == 0 && evutil_make_socket_nonblocking(pair[1]) == 0);
  left = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
  right = bufferevent_socket_new(base, pair[1], BEV_OPT_CLOSE_ON_FREE);
  print_bufferevent("new", left);
  bufferevent_setcb(left, on_data, on_written, on_end, "left");
  bufferevent_setcb(right, on_data, NULL, on_end, "right");
  bufferevent_enable(left, EV_READ);
  bufferevent_enable(right, EV_READ);
  bufferevent_setwatermark(right, EV_READ, 3, 10);
  print_bufferevent("right", right);
  printf("fd %d base %d ev_base %d\n", bufferevent_getfd(left) == pair[0], bufferevent_get_base(left) == base,
         left->ev_base == base);
  bufferevent_write(left, "?a", 2);
  settle(base);
  printf("below the low watermark %zu\n", evbuffer_get_length(right->input));
  bufferevent_write(left, "bcd", 3);
  settle(base);
  bufferevent_set_timeouts(right, &short_time, NULL);
  printf("timeouts %ld %ld\n", (long)right->timeout_read.tv_usec, (long)right->timeout_write.tv_usec);
  bufferevent_set_timeouts(left, NULL, NULL);
  event_base_loopexit(base, &(struct timeval){0, 200000});
  event_base_dispatch(base);
  print_bufferevent("after its timeout", right);
  bufferevent_enable(right, EV_READ);
  bufferevent_set_timeouts(right, NULL, NULL);
  bufferevent_free(left);
  settle(base);
  bufferevent_free(right);
}

static void old_bufferevent(struct event_base *base) {
  struct bufferevent *bev;
  int pair[2];

  MUST(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  MUST(evutil_make_socket_nonblocking(pair[0]) == 0);
  bev = bufferevent_new(pair[0], on_data, NULL, on_end, "old");
  print_bufferevent("old", bev);
  bufferevent_settimeout(bev, 30, 40);
  printf("old timeouts %ld %ld\n", (long)bev->timeout_read.tv_sec, (long)bev->timeout_write.tv_sec);
  MUST(bufferevent_enable(bev, EV_READ) == 0);
  MUST(write(pair[1], "hello", 5) == 5);
  evutil_closesocket(pair[1]);
  settle(base);
  printf("lengths %zu %zu\n", EVBUFFER_LENGTH(EVBUFFER_INPUT(bev)), EVBUFFER_LENGTH(EVBUFFER_OUTPUT(bev)));
  bufferevent_free(bev);
  evutil_closesocket(pair[0]);
}

/* ---- the old interface
 * --------------------------------------------------------------------------------------- */

static void old_interface(void) {
  struct event_base *base = event_init();
  struct event timer, io;
  int pair[2];
  char byte = 'x';

  MUST(base != NULL);
  MUST(pipe(pair) == 0);
  event_set(&io, pair[0], EV_READ, on_name, "old read");
  evtimer_set(&timer, on_name, "old timer");
  printf("current base %d, method known %d\n", io.ev_base == base,
         event_get_method() == event_base_get_method(base));
  MUST(event_add(&io, NULL) == 0);
  MUST(timeout_add(&timer, (struct timeval *)&kSoon) == 0);
  MUST(write(pair[1], &byte, 1) == 1);
  MUST(event_once(-1, EV_TIMEOUT, on_name, "old once", &kSoon) == 0);
  event_dispatch();
  printf("old interface done %d\n", event_pending(&timer, EV_TIMEOUT, NULL));
  close(pair[0]);
  close(pair[1]);
  old_bufferevent(base);
  event_base_free(base);
}

/* ---- listeners and connections
 * ------------------------------------------------------------------------------- */

/* Printed at the end: the order in which the two ends are reported depends on the method. */
static char accepted[80];

static void on_accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                        int length, void *base) {
  struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

  snprintf(accepted, sizeof(accepted), "accepted family %d length %d same base %d",
           address->sa_family == AF_INET, length, evconnlistener_get_base(listener) == base);
  bufferevent_setcb(bev, on_data, NULL, on_end, "server");
  bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void on_client(struct bufferevent *bev, short what, void *base) {
  printf("client event %#x\n", (unsigned)what);
  if (what & BEV_EVENT_CONNECTED) bufferevent_write(bev, "?who", 4);
  if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) event_base_loopbreak(base);
}

static void on_client_data(struct bufferevent *bev, void *base) {
  print_buffer("client", bufferevent_get_input(bev));
  evbuffer_drain(bufferevent_get_input(bev), 100);
  event_base_loopbreak(base);
}

static void listening(struct event_base *base) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof(address);
  struct evconnlistener *listener;
  struct bufferevent *client;

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = evconnlistener_new_bind(base, on_accepted, base, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
                                     (struct sockaddr *)&address, sizeof(address));
  MUST(listener != NULL);
  MUST(getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &length) == 0);
  printf("disable %d\n", evconnlistener_disable(listener));
  printf("enable %d\n", evconnlistener_enable(listener));
  client = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(client, on_client_data, NULL, on_client, base);
  bufferevent_enable(client, EV_READ);
  MUST(bufferevent_socket_connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
  event_base_loopexit(base, &kLimit);
  event_base_dispatch(base);
  puts(accepted);
  bufferevent_free(client);
  settle(base);
  evconnlistener_free(listener);
}

/* ---- threads
 * ------------------------------------------------------------------------------------------------- */

struct shared {
  struct event_base *base;
  struct event *event;
};

static void *wake(void *argument) {
  struct shared *shared = argument;

  event_active(shared->event, EV_WRITE, 0);
  return NULL;
}

static void on_woken(evutil_socket_t fd, short what, void *base) {
  (void)fd;
  printf("woken %#x\n", (unsigned)what);
  event_base_loopexit(base, NULL);
}

static void threads(struct event_base *base) {
  struct shared shared = {base, NULL};
  pthread_t thread;

  shared.event = event_new(base, -1, EV_PERSIST, on_woken, base);
  MUST(event_add(shared.event, &kLimit) == 0);
  MUST(pthread_create(&thread, NULL, wake, &shared) == 0);
  printf("thread loop %d\n", event_base_dispatch(base));
  MUST(pthread_join(thread, NULL) == 0);
  event_free(shared.event);
}

/* ---- small helpers
 * ------------------------------------------------------------------------------------------- */

static void parse(const char *text) {
  struct sockaddr_storage storage;
  char host[64] = "-";
  int length = sizeof(storage), result;

  memset(&storage, 0, sizeof(storage));
  result = evutil_parse_sockaddr_port(text, (struct sockaddr *)&storage, &length);
  if (result == 0 && storage.ss_family == AF_INET6) {
    evutil_inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&storage)->sin6_addr, host, sizeof(host));
  } else if (result == 0) {
    evutil_inet_ntop(AF_INET, &((struct sockaddr_in *)&storage)->sin_addr, host, sizeof(host));
  }
  printf("parse %s: %d %s port %d length %d\n", text, result, host,
         result == 0 ? ntohs(((struct sockaddr_in *)&storage)->sin_port) : -1, result == 0 ? length : -1);
}

static void helpers(void) {
  static const char *const kAddresses[] = {"1.2.3.4", "1.2.3.4:80", "[::1]:443",     "::1",
                                           "1.2.3",   "[::1",       "1.2.3.4:99999", "[2001:db8::1:0:0:1]"};
  struct evutil_addrinfo hints = {
      .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = EVUTIL_AI_NUMERICHOST};
  struct evutil_addrinfo *found = NULL;
  char text[8];
  size_t i;

  for (i = 0; i < sizeof(kAddresses) / sizeof(kAddresses[0]); i++) parse(kAddresses[i]);
  printf("getaddrinfo %d\n", evutil_getaddrinfo("127.0.0.1", "80", &hints, &found));
  printf("port %d more %d\n", ntohs(((struct sockaddr_in *)found->ai_addr)->sin_port),
         found->ai_next != NULL);
  evutil_freeaddrinfo(found);
  printf("not numeric %d\n", evutil_getaddrinfo("no.such.name.", "80", &hints, &found) == EVUTIL_EAI_NONAME);
  printf("snprintf %d\n", evutil_snprintf(text, sizeof(text), "%s", "0123456789"));
  printf("text %s\n", text);
  printf("case %d %d\n", evutil_ascii_strcasecmp("AbC", "aBc"), evutil_ascii_strncasecmp("abX", "ABy", 2));
  printf("strtoll %lld\n", (long long)evutil_strtoll("-12345678901234z", NULL, 10));
}

int main(void) {
  struct event_base *base;

  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGPIPE, SIG_IGN);
  print_loaded();
  printf("threads %d\n", evthread_use_pthreads());
  base = event_base_new();
  MUST(base != NULL);
  printf("notifiable %d\n", evthread_make_base_notifiable(base));
  versions_and_methods(base);
  embedded_events(base);
  order();
  signals(base);
  configuration();
  buffers();
  socket_bufferevents(base);
  listening(base);
  threads(base);
  helpers();
  printf("events left %d\n",
         event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE));
  event_base_free(base);
  old_interface();
  libevent_global_shutdown();
  printf("done\n");
  return 0;
}

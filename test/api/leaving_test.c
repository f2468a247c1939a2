/* Callbacks of events, buffers, bufferevents and listeners that do not return. */
#include <event2/event_struct.h>
#include <event2/eventide.h>
#include <event2/watch.h>
#include <netinet/in.h>

#include "api/leaving.h"

/* --- events --- */

static void add_event(evutil_socket_t fd, short what, const struct timeval *timeout) {
  world.ev = event_new(world.base, fd, what, leave_event, NULL);
  event_add(world.ev, timeout);
}

static void timer(void) { add_event(-1, 0, &kSoon); }
static void persistent_timer(void) { add_event(-1, EV_PERSIST, &kSoon); }
static void common_timeout(void) { add_event(-1, 0, event_base_init_common_timeout(world.base, &kSoon)); }
static void persistent_common_timeout(void) {
  add_event(-1, EV_PERSIST, event_base_init_common_timeout(world.base, &kSoon));
}

static evutil_socket_t readable_socket(void) {
  evutil_socket_t fds[2];
  make_pair(fds);
  if (write(fds[1], "x", 1) != 1) _exit(1);
  return fds[0];
}
static void readable(void) { add_event(readable_socket(), EV_READ, NULL); }
static void readable_persistent(void) { add_event(readable_socket(), EV_READ | EV_PERSIST, &kSoon); }
static void writable(void) { add_event(readable_socket(), EV_WRITE, NULL); }
static void writable_persistent(void) { add_event(readable_socket(), EV_WRITE | EV_PERSIST, NULL); }

static void made_active(void) {
  world.ev = event_new(world.base, -1, 0, leave_event, NULL);
  event_active(world.ev, EV_READ, 1);
}

static void once_timer(void) { event_base_once(world.base, -1, EV_TIMEOUT, leave_event, NULL, &kSoon); }
static void once_at_once(void) { event_base_once(world.base, -1, EV_TIMEOUT, leave_event, NULL, NULL); }
static void once_readable(void) {
  event_base_once(world.base, readable_socket(), EV_READ, leave_event, NULL, NULL);
}

static void add_signal(short what) {
  world.ev = event_new(world.base, SIGUSR1, EV_SIGNAL | what, leave_event, NULL);
  event_add(world.ev, NULL);
}
/* raise() delivers to the calling thread, which runs the loop. Another thread may get what kill() sends, and
 * under the thread sanitizer its handler then waits until that thread calls the next library function, which
 * a thread in pthread_join() does not. */
static void signal_once(void) {
  add_signal(0);
  raise(SIGUSR1);
}
static void signal_persistent(void) {
  add_signal(EV_PERSIST);
  raise(SIGUSR1);
}
static void first_of_three_signals(void) {
  add_signal(EV_PERSIST);
  event_active(world.ev, EV_SIGNAL, 3);
}
static void first_of_three_signals_not_persistent(void) {
  add_signal(0);
  event_active(world.ev, EV_SIGNAL, 3);
}

static void leave_finalizer(struct event *ev, void *arg) {
  (void)ev;
  (void)arg;
  leave();
}
static void finalizer(void) {
  add_event(-1, EV_PERSIST | EV_FINALIZE, &kSoon);
  event_finalize(0, world.ev, leave_finalizer);
}
static void freeing_finalizer(void) {
  struct event *ev = event_new(world.base, -1, EV_PERSIST, leave_event, NULL);
  event_free_finalize(0, ev, leave_finalizer);
}

static int leave_foreach(const struct event_base *base, const struct event *ev, void *arg) {
  (void)base;
  (void)ev;
  (void)arg;
  leave();
  return 0;
}
static void foreach_event(void) {
  world.ev = event_new(world.base, -1, EV_PERSIST, leave_event, NULL);
  event_add(world.ev, &kSoon);
  event_base_foreach_event(world.base, leave_foreach, NULL);
}
static void call_foreach(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  event_base_foreach_event(world.base, leave_foreach, NULL);
}
static void foreach_event_in_the_loop(void) {
  const struct timeval late = {1000, 0};
  add_event(-1, 0, &late);
  event_base_once(world.base, -1, EV_TIMEOUT, call_foreach, NULL, &kSoon);
}

static void leave_log(int severity, const char *message) {
  (void)severity;
  (void)message;
  leave();
}
static void call_log(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  event_set_log_callback(leave_log);
  event_base_loop(world.base, 0);
}
static void log_message(void) { event_base_once(world.base, -1, EV_TIMEOUT, call_log, NULL, &kSoon); }

static void leave_fatal(int error) {
  (void)error;
  leave();
}
/* Debug mode applies to events created after it was enabled. */
static void fatal_error(void) {
  struct event never_assigned;
  memset(&never_assigned, 0, sizeof(never_assigned));
  event_base_free(world.base);
  libevent_global_shutdown();
  event_enable_debug_mode();
  event_set_fatal_callback(leave_fatal);
  world.base = event_base_new();
  add_event(-1, EV_PERSIST, &kSoon);
  event_add(&never_assigned, NULL);
}

static const struct leaving_case event_cases[] = {
    {"timer", timer, 0},
    {"persistent timer", persistent_timer, 0},
    {"common timeout", common_timeout, 0},
    {"persistent common timeout", persistent_common_timeout, 0},
    {"readable", readable, 0},
    {"readable, persistent", readable_persistent, 0},
    {"writable", writable, 0},
    {"writable, persistent", writable_persistent, 0},
    {"made active", made_active, 0},
    {"once, timer", once_timer, 0},
    {"once, at once", once_at_once, 0},
    {"once, readable", once_readable, 0},
    {"signal", signal_once, 0},
    {"signal, persistent", signal_persistent, 0},
    {"first of three signals", first_of_three_signals_not_persistent, 0},
    {"first of three signals, persistent", first_of_three_signals, 0},
    {"finalizer", finalizer, 0},
    {"finalizer that frees", freeing_finalizer, 0},
    {"foreach_event", foreach_event, kOthersWait},
    {"foreach_event in the loop", foreach_event_in_the_loop, kOthersWait},
    {"log", log_message, kOthersWait},
    {"fatal", fatal_error, 0},
};
TEST(event_callbacks_may_be_left_by_longjmp) { TRY_CASES(event_cases); }

/* --- listeners --- */

static unsigned listener_flags(void) {
  return LEV_OPT_CLOSE_ON_FREE | (running_variant->threads ? LEV_OPT_THREADSAFE : 0);
}

static struct sockaddr *loopback(void) {
  static struct sockaddr_in address;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return (struct sockaddr *)&address;
}
static const socklen_t kAddressLength = sizeof(struct sockaddr_in);

static struct sockaddr *address_of(evutil_socket_t fd) {
  socklen_t length = kAddressLength;
  struct sockaddr *address = loopback();
  getsockname(fd, address, &length);
  return address;
}

static void leave_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                         int length, void *arg) {
  (void)listener;
  (void)fd;
  (void)address;
  (void)length;
  (void)arg;
  leave();
}
static void leave_accept_error(struct evconnlistener *listener, void *arg) {
  (void)listener;
  (void)arg;
  leave();
}

static void accepted(void) {
  world.listener = evconnlistener_new_bind(world.base, leave_accept, NULL, listener_flags(), 8, loopback(),
                                           (int)kAddressLength);
  connect(socket(AF_INET, SOCK_STREAM, 0), address_of(evconnlistener_get_fd(world.listener)), kAddressLength);
}

/* A socket that does not listen is reported as ready, and cannot accept. */
static void accept_error(void) {
  const evutil_socket_t fd = socket(AF_INET, SOCK_STREAM, 0);
  evutil_make_socket_nonblocking(fd);
  world.listener = evconnlistener_new(world.base, leave_accept, NULL, listener_flags(), 0, fd);
  evconnlistener_set_error_cb(world.listener, leave_accept_error);
}

static const struct leaving_case listener_cases[] = {
    {"accept", accepted, kOthersWait},
    {"accept error", accept_error, kOthersWait},
};
TEST(listener_callbacks_may_be_left_by_longjmp) { TRY_CASES(listener_cases); }

/* --- buffers --- */

static void leave_change(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg) {
  (void)buffer;
  (void)info;
  (void)arg;
  leave();
}
static void leave_cleanup(const void *data, size_t size, void *arg) {
  (void)data;
  (void)size;
  (void)arg;
  leave();
}
static void leave_segment(const struct evbuffer_file_segment *segment, int flags, void *arg) {
  (void)segment;
  (void)flags;
  (void)arg;
  leave();
}

static struct evbuffer *make_buffer(size_t i) {
  world.buffers[i] = evbuffer_new();
  if (running_variant->threads) evbuffer_enable_locking(world.buffers[i], NULL);
  return world.buffers[i];
}

static void change_by_add(void) {
  evbuffer_add_cb(make_buffer(0), leave_change, NULL);
  evbuffer_add(world.buffers[0], "x", 1);
}
static void change_by_drain(void) {
  evbuffer_add(make_buffer(0), "xyz", 3);
  evbuffer_add_cb(world.buffers[0], leave_change, NULL);
  evbuffer_drain(world.buffers[0], 1);
}
static void change_of_the_source(void) {
  evbuffer_add(make_buffer(0), "xyz", 3);
  evbuffer_add_cb(world.buffers[0], leave_change, NULL);
  evbuffer_add_buffer(make_buffer(1), world.buffers[0]);
}
static void change_of_the_target(void) {
  evbuffer_add(make_buffer(0), "xyz", 3);
  evbuffer_add_cb(make_buffer(1), leave_change, NULL);
  evbuffer_remove_buffer(world.buffers[0], world.buffers[1], 2);
}
static void change_deferred(void) {
  evbuffer_defer_callbacks(make_buffer(0), world.base);
  evbuffer_add_cb(world.buffers[0], leave_change, NULL);
  evbuffer_add(world.buffers[0], "x", 1);
}
static void cleanup_by_drain(void) {
  evbuffer_add_reference(make_buffer(0), "xyz", 3, leave_cleanup, NULL);
  evbuffer_add_reference(world.buffers[0], "uvw", 3, leave_cleanup, NULL);
  evbuffer_drain(world.buffers[0], 6);
}
static void cleanup_by_free(void) {
  struct evbuffer *buffer = evbuffer_new();
  evbuffer_add_reference(buffer, "xyz", 3, leave_cleanup, NULL);
  evbuffer_free(buffer);
}
static void cleanup_of_a_segment(void) {
  FILE *file = tmpfile();
  struct evbuffer_file_segment *segment;
  if (!file || fputs("text", file) < 0 || fflush(file) != 0) _exit(1);
  segment = evbuffer_file_segment_new(dup(fileno(file)), 0, 4, EVBUF_FS_CLOSE_ON_FREE);
  evbuffer_file_segment_add_cleanup_cb(segment, leave_segment, NULL);
  evbuffer_add_file_segment(make_buffer(0), segment, 0, -1);
  evbuffer_file_segment_free(segment);
  evbuffer_drain(world.buffers[0], 4);
}

static const struct leaving_case buffer_cases[] = {
    {"change by evbuffer_add", change_by_add, kOthersWait},
    {"change by evbuffer_drain", change_by_drain, kOthersWait},
    {"change of the source", change_of_the_source, kOthersWait},
    {"change of the target", change_of_the_target, kOthersWait},
    {"deferred change", change_deferred, kOthersWait},
    {"cleanup by evbuffer_drain", cleanup_by_drain, kOthersWait},
    {"cleanup by evbuffer_free", cleanup_by_free, kOthersWait},
    {"cleanup of a file segment", cleanup_of_a_segment, kOthersWait},
};
TEST(buffer_callbacks_may_be_left_by_longjmp) { TRY_CASES(buffer_cases); }

/* --- bufferevents --- */

static void make_filter(void) {
  make_sockets();
  put_filter_on_top();
}
static void make_filter_over_pair(void) {
  make_bufferevent_pair();
  put_filter_on_top();
}
static void make_two_filters(void) {
  make_filter();
  put_filter_on_top();
}

static void put_filter_on_borrowed(void) {
  const int options = bufferevent_options() & ~BEV_OPT_CLOSE_ON_FREE;
  world.bevs[2] = world.bevs[0];
  world.bevs[0] = bufferevent_filter_new(world.bevs[2], NULL, NULL, options, NULL, NULL);
}
static void make_filter_on_borrowed_socket(void) {
  make_sockets();
  put_filter_on_borrowed();
}
static void make_filter_on_borrowed_pair(void) {
  make_bufferevent_pair();
  put_filter_on_borrowed();
}

static void end_of_file(void) {
  leave_bufferevent_at(AT_EVENT(BEV_EVENT_EOF));
  if (bufferevent_getfd(world.bevs[1]) < 0) {
    bufferevent_flush(world.bevs[1], EV_WRITE, BEV_FINISHED);
    return;
  }
  bufferevent_free(world.bevs[1]);
  world.bevs[1] = NULL;
}
static void triggered(void) {
  leave_bufferevent_at(at_read);
  bufferevent_trigger(world.bevs[0], EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}
static void deferred_change_of_the_input(void) {
  evbuffer_defer_callbacks(bufferevent_get_input(world.bevs[0]), world.base);
  change_of_the_input();
}

static const struct carrier carriers[] = {
    {"socket", make_sockets},
    {"pair", make_bufferevent_pair},
    {"filter over a socket", make_filter},
    {"filter over a pair", make_filter_over_pair},
    {"filter over a filter", make_two_filters},
    {"filter over a borrowed socket", make_filter_on_borrowed_socket},
    {"filter over a borrowed pair", make_filter_on_borrowed_pair},
};
static const struct cause causes[] = {
    {"read", read_something, 0},
    {"write", written, 0},
    {"end", end_of_file, 0},
    {"timeout", read_timeout, 0},
    {"deferred trigger", triggered, 0},
    {"change of the input", change_of_the_input, kOthersWait},
    {"deferred change of the input", deferred_change_of_the_input, kOthersWait},
    {"change of the output", change_of_the_output, kOthersWait},
};
TEST(bufferevent_callbacks_may_be_left_by_longjmp) { TRY_BUFFEREVENTS(carriers, causes); }

/* --- callbacks of some kinds of bufferevents --- */

/* The socket refuses the bytes in the flush before the wait. */
static void write_error(void) {
  evutil_socket_t fds[2];
  make_pair(fds);
  world.bevs[0] = bufferevent_socket_new(world.base, fds[0], bufferevent_options());
  leave_bufferevent_at(AT_EVENT(BEV_EVENT_ERROR));
  bufferevent_disable(world.bevs[0], EV_READ);
  close(fds[1]);
  bufferevent_write(world.bevs[0], "x", 1);
}

static void write_timeout(void) {
  world.bevs[0] = bufferevent_socket_new(world.base, -1, bufferevent_options());
  bufferevent_set_timeouts(world.bevs[0], NULL, &kSoon);
  leave_bufferevent_at(AT_EVENT(BEV_EVENT_TIMEOUT));
  bufferevent_write(world.bevs[0], "x", 1);
}

/* A socket bound to a port of its own, at which nothing listens yet. */
static evutil_socket_t bound_socket(void) {
  const evutil_socket_t fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, loopback(), kAddressLength) != 0) _exit(1);
  return fd;
}
static void connect_to(evutil_socket_t fd, int event) {
  world.bevs[0] = bufferevent_socket_new(world.base, -1, bufferevent_options());
  leave_bufferevent_at(AT_EVENT(event));
  bufferevent_socket_connect(world.bevs[0], address_of(fd), (int)kAddressLength);
}
static void connected(void) {
  const evutil_socket_t fd = bound_socket();
  if (listen(fd, 1) != 0) _exit(1);
  connect_to(fd, BEV_EVENT_CONNECTED);
}
static void refused(void) { connect_to(bound_socket(), BEV_EVENT_ERROR); }
static void connected_by_name(void) {
  const evutil_socket_t fd = bound_socket();
  if (listen(fd, 1) != 0) _exit(1);
  world.bevs[0] = bufferevent_socket_new(world.base, -1, bufferevent_options());
  leave_bufferevent_at(AT_EVENT(BEV_EVENT_CONNECTED));
  bufferevent_socket_connect_hostname(world.bevs[0], NULL, AF_INET, "127.0.0.1",
                                      ntohs(((struct sockaddr_in *)address_of(fd))->sin_port));
}

/* One byte for each tick: the second is read when there are tokens again. */
static struct ev_token_bucket_cfg *byte_by_byte(void) {
  const struct timeval tick = {0, 5000};
  return ev_token_bucket_cfg_new(1, 1, 1, 1, &tick);
}
static void resumed_by_its_limit(void) {
  make_sockets();
  reads_to_skip = 1;
  bufferevent_set_rate_limit(world.bevs[0], byte_by_byte());
  leave_bufferevent_at(at_read);
  bufferevent_write(world.bevs[1], "xyz", 3);
}
static void resumed_by_its_group(void) {
  struct bufferevent_rate_limit_group *group = bufferevent_rate_limit_group_new(world.base, byte_by_byte());
  make_sockets();
  reads_to_skip = 1;
  bufferevent_rate_limit_group_set_min_share(group, 1);
  bufferevent_add_to_rate_limit_group(world.bevs[0], group);
  leave_bufferevent_at(at_read);
  bufferevent_write(world.bevs[1], "xyz", 3);
}

/* Its cleanup function runs once the socket has taken the bytes. */
static void cleanup_of_output(void) {
  make_sockets();
  evbuffer_add_reference(bufferevent_get_output(world.bevs[0]), "x", 1, leave_cleanup, NULL);
}

static enum bufferevent_filter_result leave_filter(struct evbuffer *from, struct evbuffer *to,
                                                   ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                                   void *arg) {
  (void)limit;
  (void)mode;
  (void)arg;
  leave();
  return evbuffer_add_buffer(to, from) == 0 ? BEV_OK : BEV_ERROR;
}
static void leave_filter_free(void *arg) {
  (void)arg;
  leave();
}
static void filter_with(bufferevent_filter_cb input, bufferevent_filter_cb output, void (*free_arg)(void *)) {
  make_sockets();
  world.bevs[0] = bufferevent_filter_new(world.bevs[0], input, output, bufferevent_options(), free_arg, NULL);
  leave_bufferevent_at(0);
}
static void input_function(void) {
  filter_with(leave_filter, NULL, NULL);
  bufferevent_write(world.bevs[1], "x", 1);
}
static void output_function(void) {
  filter_with(NULL, leave_filter, NULL);
  bufferevent_write(world.bevs[0], "x", 1);
}
static void write_one(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  bufferevent_write(world.bevs[0], "x", 1);
}
static void output_function_in_the_loop(void) {
  filter_with(NULL, leave_filter, NULL);
  event_base_once(world.base, -1, EV_TIMEOUT, write_one, NULL, &kSoon);
}
static void filter_free_function(void) {
  struct bufferevent *filter;
  filter_with(NULL, NULL, leave_filter_free);
  filter = world.bevs[0];
  world.bevs[0] = NULL;
  bufferevent_free(filter);
}

static const struct leaving_case bufferevent_cases[] = {
    {"write error", write_error, kBufferevent},
    {"write timeout", write_timeout, kBufferevent},
    {"connected", connected, kBufferevent},
    {"refused", refused, kBufferevent},
    {"connected by name", connected_by_name, kBufferevent},
    {"resumed by its rate limit", resumed_by_its_limit, kBufferevent},
    {"resumed by its group's rate limit", resumed_by_its_group, kBufferevent},
    {"cleanup of output that was sent", cleanup_of_output, kBufferevent | kOthersWait},
    {"filter's input function", input_function, kBufferevent | kOthersWait},
    {"filter's output function", output_function, kBufferevent | kOthersWait},
    {"filter's output function in the loop", output_function_in_the_loop, kBufferevent | kOthersWait},
    {"filter's free function", filter_free_function, kBufferevent},
};
TEST(connect_limit_and_filter_callbacks_may_be_left_by_longjmp) { TRY_CASES(bufferevent_cases); }

/* --- additions to libevent 2.1 --- */

static void leave_prepare(struct evwatch *watch, const struct evwatch_prepare_cb_info *info, void *arg) {
  (void)watch;
  (void)info;
  (void)arg;
  leave();
}
static void leave_check(struct evwatch *watch, const struct evwatch_check_cb_info *info, void *arg) {
  (void)watch;
  (void)info;
  (void)arg;
  leave();
}
static void pass(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
}
static void prepare_watcher(void) {
  evwatch_prepare_new(world.base, leave_prepare, NULL);
  evwatch_prepare_new(world.base, leave_prepare, NULL);
  event_base_once(world.base, -1, EV_TIMEOUT, pass, NULL, &kSoon);
}
static void check_watcher(void) {
  evwatch_check_new(world.base, leave_check, NULL);
  evwatch_check_new(world.base, leave_check, NULL);
  event_base_once(world.base, -1, EV_TIMEOUT, pass, NULL, &kSoon);
}

static void leave_slow(struct event_base *base, const struct eventide_slow_call *call, void *arg) {
  (void)base;
  (void)call;
  (void)arg;
  leave();
}
static void slow_callback(void) {
  const struct timeval none = {0, 0};
  eventide_set_slow_callback(world.base, &none, leave_slow, NULL);
  world.ev = event_new(world.base, -1, EV_PERSIST, pass, NULL);
  event_add(world.ev, &kSoon);
}
static void measured_timer(void) {
  eventide_metrics_enable(world.base);
  timer();
}

static const struct leaving_case our_cases[] = {
    {"prepare watcher", prepare_watcher, 0},
    {"check watcher", check_watcher, 0},
    {"slow callback", slow_callback, 0},
    {"timer with metrics", measured_timer, 0},
};
TEST(watchers_and_slow_callbacks_may_be_left_by_longjmp) { TRY_CASES(our_cases); }

static jmp_buf before_write;
static int leaves_function;
static enum bufferevent_filter_result leave_once(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
                                                 enum bufferevent_flush_mode mode, void *arg) {
  (void)limit;
  (void)mode;
  (void)arg;
  if (leaves_function) longjmp(before_write, 1);
  return evbuffer_add_buffer(to, from) == 0 ? BEV_OK : BEV_ERROR;
}

/* In a call outside the loop, which does not count as running then. */
TEST(a_filter_function_left_by_longjmp_runs_again_in_the_next_iteration) {
  struct event_base *base = event_base_new();
  struct bufferevent *filter;
  int fds[2];
  char text[8];
  CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  evutil_make_socket_nonblocking(fds[0]);
  filter = bufferevent_filter_new(bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE), NULL,
                                  leave_once, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
  leaves_function = 1;
  if (setjmp(before_write) == 0) bufferevent_write(filter, "abc", 3);
  leaves_function = 0;
  bufferevent_write(filter, "def", 3);
  CHECK(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
  CHECK_INT_EQ(recv(fds[1], text, sizeof(text), MSG_DONTWAIT), 6);
  CHECK(memcmp(text, "abcdef", 6) == 0);
  bufferevent_free(filter);
  event_base_free(base);
  close(fds[1]);
}

int main(int argc, char **argv) {
  RUN_TESTS(event_callbacks_may_be_left_by_longjmp, listener_callbacks_may_be_left_by_longjmp,
            buffer_callbacks_may_be_left_by_longjmp, bufferevent_callbacks_may_be_left_by_longjmp,
            connect_limit_and_filter_callbacks_may_be_left_by_longjmp,
            watchers_and_slow_callbacks_may_be_left_by_longjmp,
            a_filter_function_left_by_longjmp_runs_again_in_the_next_iteration);
}

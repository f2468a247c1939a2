/* event2/bufferevent.h as a C program sees it: socket bufferevents on socket pairs and on TCP connections to
 * this host. What happens is kept in a log and compared as text. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_compat.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/bufferevent_log.h"
#include "api/check.h"
#include "support/socket_room.h"

/* The test also runs on libevent. */
static int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

static struct event_base *base;
static void on_event(struct bufferevent *bev, short what, void *name) {
  const int error = EVUTIL_SOCKET_ERROR();
  note("%s:e%x", (char *)name, (unsigned)what);
  if (what & BEV_EVENT_ERROR) note("/%d", error);
  note("/%d ", (int)bufferevent_get_enabled(bev));
}

static struct bufferevent *make(evutil_socket_t fd, int options, const char *name) {
  struct bufferevent *bev = bufferevent_socket_new(base, fd, options);
  if (bev) bufferevent_setcb(bev, on_read, on_write, on_event, (void *)name);
  return bev;
}

static void make_pair(evutil_socket_t fds[2]) {
  evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
  set_socket_room((int)fds[0], kUsualRoom);
  set_socket_room((int)fds[1], kUsualRoom);
  evutil_make_socket_nonblocking(fds[0]);
  evutil_make_socket_nonblocking(fds[1]);
}

/* Runs the loop until all work due now is done. Returns the result of its last iteration. */
static int turn(void) {
  int i, result = 0;
  for (i = 0; i < 5; ++i) result = event_base_loop(base, EVLOOP_NONBLOCK);
  return result;
}

/* The result of an overlapped operation may be reported some iterations later. */
static void until_noted(void) {
  int turns;
  for (turns = 0; turns < 10000 && !log_text[0]; ++turns) turn();
}

/* Runs the loop for so many milliseconds, or until nothing is left to wait for. */
static int run_for(int ms) {
  struct timeval end;
  end.tv_sec = 0;
  end.tv_usec = ms * 1000;
  event_base_loopexit(base, &end);
  return event_base_dispatch(base);
}

static struct timeval milliseconds(int ms) {
  struct timeval tv;
  tv.tv_sec = ms / 1000;
  tv.tv_usec = (ms % 1000) * 1000;
  return tv;
}

/* A listening socket on this host; its address goes to *address. */
static evutil_socket_t listen_here(struct sockaddr_in *address, int backlog) {
  socklen_t length = sizeof(*address);
  evutil_socket_t fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(address, 0, sizeof(*address));
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)address, sizeof(*address)) != 0) return -1;
  if (backlog >= 0 && listen(fd, backlog) != 0) return -1;
  if (getsockname(fd, (struct sockaddr *)address, &length) != 0) return -1;
  return fd;
}

/* An address without a listener; it stays bound so that no other process can listen on it. */
static evutil_socket_t refuse_here(struct sockaddr_in *address) { return listen_here(address, -1); }

static int is_open(evutil_socket_t fd) { return fcntl(fd, F_GETFD) != -1; }

/* After it was freed; libevent closes it in the next iteration. */
static int is_closed(evutil_socket_t fd) {
  if (!ours()) turn();
  return !is_open(fd);
}

/* --- state ---------------------------------------------------------------------------------------------- */

TEST(a_new_bufferevent_has_the_documented_state) {
  struct bufferevent *bev = make(-1, 0, "a");
  bufferevent_data_cb readcb, writecb;
  bufferevent_event_cb eventcb;
  void *arg;
  size_t low = 7, high = 7;
  CHECK(bev != NULL);
  CHECK_INT_EQ(sizeof(struct bufferevent), sizeof(void *) == 8 ? 392 : 196);
  CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
  CHECK_INT_EQ(bufferevent_getfd(bev), -1);
  CHECK_INT_EQ(bufferevent_get_priority(bev), 0);
  CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
  CHECK(bufferevent_get_base(bev) == base);
  CHECK(bufferevent_get_underlying(bev) == NULL);
  CHECK_INT_EQ(bufferevent_get_max_single_read(bev), 16384);
  CHECK_INT_EQ(bufferevent_get_max_single_write(bev), 16384);
  CHECK_INT_EQ(bufferevent_get_max_to_read(bev), 16384);
  CHECK_INT_EQ(bufferevent_get_max_to_write(bev), 16384);
  CHECK_INT_EQ(bufferevent_getwatermark(bev, EV_READ, &low, &high), 0);
  CHECK(low == 0 && high == 0);
  bufferevent_getcb(bev, &readcb, &writecb, &eventcb, &arg);
  CHECK(readcb == on_read && writecb == on_write && eventcb == on_event && !strcmp(arg, "a"));
  bufferevent_getcb(bev, NULL, NULL, NULL, NULL);
  CHECK(bev->input == bufferevent_get_input(bev) && bev->output == bufferevent_get_output(bev));
  CHECK(bev->ev_base == base && bev->enabled == EV_WRITE && bev->readcb == on_read);
  bufferevent_free(bev);
}

TEST(contradictory_options_are_rejected) {
  struct bufferevent *bev;
  CHECK(make(-1, BEV_OPT_UNLOCK_CALLBACKS, "a") == NULL);
  bev = make(-1, BEV_OPT_UNLOCK_CALLBACKS | BEV_OPT_DEFER_CALLBACKS, "a");
  CHECK(bev != NULL);
  bufferevent_free(bev);
}

TEST(getwatermark_accepts_one_direction_at_a_time) {
  struct bufferevent *bev = make(-1, 0, "a");
  size_t low = 0, high = 0;
  bufferevent_setwatermark(bev, EV_READ | EV_WRITE, 3, 9);
  CHECK_INT_EQ(bufferevent_getwatermark(bev, EV_WRITE, &low, &high), 0);
  CHECK(low == 3 && high == 9);
  bufferevent_setwatermark(bev, EV_READ, 4, 8);
  CHECK_INT_EQ(bufferevent_getwatermark(bev, EV_READ, &low, &high), 0);
  CHECK(low == 4 && high == 8);
  CHECK(bev->wm_read.low == 4 && bev->wm_write.high == 9);
  CHECK_INT_NE(bufferevent_getwatermark(bev, EV_READ | EV_WRITE, &low, &high), 0);
  CHECK_INT_NE(bufferevent_getwatermark(bev, 0, &low, &high), 0);
  CHECK_INT_EQ(bufferevent_getwatermark(bev, EV_READ, NULL, NULL), 0);
  CHECK(low == 4 && high == 8);
  bufferevent_free(bev);
}

TEST(max_single_read_and_write_are_kept_and_reset) {
  struct bufferevent *bev = make(-1, 0, "a");
  CHECK_INT_EQ(bufferevent_set_max_single_read(bev, 100), 0);
  CHECK_INT_EQ(bufferevent_get_max_single_read(bev), 100);
  CHECK_INT_EQ(bufferevent_get_max_to_read(bev), 100);
  CHECK_INT_EQ(bufferevent_set_max_single_read(bev, 0), 0);
  CHECK_INT_EQ(bufferevent_get_max_single_read(bev), 16384);
  CHECK_INT_EQ(bufferevent_set_max_single_write(bev, EV_SSIZE_MAX), 0);
  CHECK_INT_EQ(bufferevent_get_max_single_write(bev), EV_SSIZE_MAX);
  CHECK_INT_EQ(bufferevent_set_max_single_write(bev, (size_t)EV_SSIZE_MAX + 1), 0);
  CHECK_INT_EQ(bufferevent_get_max_single_write(bev), 16384);
  bufferevent_free(bev);
}

TEST(directions_are_enabled_and_disabled_separately) {
  struct bufferevent *bev = make(-1, 0, "a");
  CHECK_INT_EQ(bufferevent_enable(bev, 0), 0);
  CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
  CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), 0);
  CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ | EV_WRITE);
  CHECK_INT_EQ(bufferevent_disable(bev, EV_WRITE), 0);
  CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ);
  CHECK_INT_EQ(bufferevent_disable(bev, EV_READ | EV_WRITE), 0);
  CHECK_INT_EQ(bufferevent_get_enabled(bev), 0);
  bufferevent_free(bev);
}

TEST(the_caller_can_only_add_to_output_and_remove_from_input) {
  struct bufferevent *bev = make(-1, 0, "a");
  CHECK_INT_EQ(evbuffer_add(bufferevent_get_input(bev), "x", 1), -1);
  CHECK_INT_EQ(evbuffer_prepend(bufferevent_get_output(bev), "x", 1), -1);
  CHECK_INT_EQ(bufferevent_write(bev, "abc", 3), 0);
  CHECK_INT_EQ(evbuffer_drain(bufferevent_get_output(bev), 1), -1);
  CHECK_INT_EQ(output_length(bev), 3);
  CHECK_INT_EQ(bufferevent_write(bev, "", 0), 0);
  bufferevent_free(bev);
}

TEST(priorities_are_bounded_by_those_of_the_base) {
  struct event_base *other = event_base_new();
  struct bufferevent *bev;
  event_base_priority_init(other, 5);
  bev = bufferevent_socket_new(other, -1, 0);
  CHECK_INT_EQ(bufferevent_get_priority(bev), 2);
  CHECK_INT_EQ(bufferevent_priority_set(bev, 4), 0);
  CHECK_INT_EQ(bufferevent_get_priority(bev), 4);
  CHECK_INT_EQ(bufferevent_priority_set(bev, 5), -1);
  CHECK_INT_EQ(bufferevent_priority_set(bev, -1), -1);
  CHECK_INT_EQ(bufferevent_get_priority(bev), 4);
  bufferevent_free(bev);
  event_base_free(other);
}

TEST(base_set_succeeds_only_without_pending_events) {
  struct event_base *other = event_base_new();
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  CHECK_INT_EQ(bufferevent_base_set(other, bev), 0);
  CHECK(bufferevent_get_base(bev) == other);
  CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), 0);
  CHECK_INT_EQ(bufferevent_base_set(base, bev), -1);
  bufferevent_disable(bev, EV_READ);
  CHECK_INT_EQ(bufferevent_base_set(other, bev), 0);
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(write(fds[1], "x", 1), 1);
  CHECK_INT_EQ(event_base_loop(other, EVLOOP_NONBLOCK), 0);
  CHECK_LOG("a:r1 ");
  bufferevent_free(bev);
  close(fds[1]);
  event_base_free(other);
}

TEST(incref_keeps_a_freed_bufferevent_allocated) {
  struct bufferevent *bev = make(-1, 0, "a");
  bufferevent_incref(bev);
  CHECK_INT_EQ(bufferevent_decref(bev), 0);
  bufferevent_incref(bev);
  bufferevent_free(bev);
  CHECK(bev->readcb == NULL);
  CHECK_INT_EQ(bufferevent_decref(bev), 1);
  bev = make(-1, 0, "a");
  CHECK_INT_EQ(bufferevent_decref(bev), 1);
}

TEST(the_old_interface_uses_the_current_base) {
  struct event_base *current = event_init();
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  make_pair(fds);
  bev = bufferevent_new(fds[0], on_read, on_write, on_event, "o");
  CHECK(bev != NULL);
  bufferevent_settimeout(bev, 3, 4);
  CHECK(bev->timeout_read.tv_sec == 3 && bev->timeout_write.tv_sec == 4);
  bufferevent_settimeout(bev, 0, 0);
  CHECK_INT_EQ(bufferevent_base_set(current, bev), 0);
  CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), 0);
  CHECK_INT_EQ(write(fds[1], "xy", 2), 2);
  CHECK_INT_EQ(event_loop(EVLOOP_NONBLOCK), 0);
  CHECK_LOG("o:r2 ");
  CHECK(EVBUFFER_INPUT(bev) == bufferevent_get_input(bev));
  bufferevent_free(bev);
  CHECK(is_open(fds[0]));
  close(fds[0]);
  close(fds[1]);
  event_base_free(current);
}

/* --- moving data ---------------------------------------------------------------------------------------- */

TEST(bytes_written_at_one_end_are_read_at_the_other) {
  evutil_socket_t fds[2];
  struct bufferevent *a, *b;
  struct evbuffer *side = evbuffer_new();
  char text[16] = "";
  make_pair(fds);
  a = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  b = make(fds[1], BEV_OPT_CLOSE_ON_FREE, "b");
  CHECK_INT_EQ(bufferevent_enable(b, EV_READ), 0);
  CHECK_INT_EQ(bufferevent_write(a, "hel", 3), 0);
  evbuffer_add(side, "lo", 2);
  CHECK_INT_EQ(bufferevent_write_buffer(a, side), 0);
  CHECK_INT_EQ(evbuffer_get_length(side), 0);
  CHECK_INT_EQ(bufferevent_write_buffer(a, side), 0);
  CHECK_INT_EQ(output_length(a), 5);
  turn();
  CHECK_LOG("a:w0 b:r5 ");
  CHECK_INT_EQ(bufferevent_read(b, text, 3), 3);
  CHECK_STR_EQ(text, "hel");
  CHECK_INT_EQ(bufferevent_read_buffer(b, side), 0);
  CHECK_INT_EQ(evbuffer_get_length(side), 2);
  CHECK_INT_EQ(bufferevent_read(b, text, sizeof(text)), 0);
  evbuffer_add_printf(bufferevent_get_output(a), "%d", 42);
  turn();
  CHECK_LOG("a:w0 b:r2 ");
  bufferevent_free(a);
  bufferevent_free(b);
  CHECK(is_closed(fds[0]) && is_closed(fds[1]));
  evbuffer_free(side);
}

/* Applications rely on it to learn that a socket is writable. */
TEST(enabling_writing_calls_the_write_callback_once) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("");
  bufferevent_enable(bev, EV_WRITE);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:w0 ");
  bufferevent_enable(bev, EV_WRITE);
  bufferevent_enable(bev, EV_WRITE);
  bufferevent_write(bev, "x", 1);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:w0 ");
  bufferevent_write(bev, "", 0);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("");
  bufferevent_free(bev);
  close(fds[1]);
}

TEST(nothing_is_written_while_writing_is_disabled) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  char c;
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_write(bev, "x", 1);
  bufferevent_disable(bev, EV_WRITE);
  CHECK_INT_EQ(turn(), 1);
  bufferevent_write(bev, "y", 1);
  CHECK_INT_EQ(turn(), 1);
  CHECK_INT_EQ(read(fds[1], &c, 1), -1);
  CHECK_LOG("");
  bufferevent_enable(bev, EV_WRITE);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:w0 ");
  CHECK_INT_EQ(read(fds[1], &c, 1), 1);
  bufferevent_free(bev);
  close(fds[1]);
}

TEST(nothing_is_read_while_reading_is_disabled) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  CHECK_INT_EQ(write(fds[1], "x", 1), 1);
  turn();
  CHECK_LOG("");
  bufferevent_enable(bev, EV_READ);
  turn();
  CHECK_LOG("a:r1 ");
  bufferevent_disable(bev, EV_READ);
  CHECK_INT_EQ(write(fds[1], "x", 1), 1);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("");
  bufferevent_free(bev);
  close(fds[1]);
}

TEST(a_low_read_watermark_delays_the_callback) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_setwatermark(bev, EV_READ, 10, 0);
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(write(fds[1], "12345", 5), 5);
  turn();
  CHECK_LOG("");
  CHECK_INT_EQ(input_length(bev), 5);
  bufferevent_setwatermark(bev, EV_READ, 6, 0);
  turn();
  CHECK_LOG("");
  CHECK_INT_EQ(write(fds[1], "6", 1), 1);
  turn();
  CHECK_LOG("a:r6 ");
  /* EOF is reported regardless of the watermark. */
  close(fds[1]);
  turn();
  CHECK_LOG("a:e11/4 ");
  bufferevent_free(bev);
}

TEST(a_high_read_watermark_stops_reading_until_drained) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_setcb(bev, NULL, NULL, on_event, "a");
  bufferevent_setwatermark(bev, EV_READ, 0, 20);
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(write(fds[1], "1234567890123456789012345", 25), 25);
  turn();
  CHECK_INT_EQ(input_length(bev), 20);
  evbuffer_drain(bufferevent_get_input(bev), 3);
  turn();
  CHECK_INT_EQ(input_length(bev), 20);
  bufferevent_setwatermark(bev, EV_READ, 0, 21);
  turn();
  CHECK_INT_EQ(input_length(bev), 21);
  bufferevent_setwatermark(bev, EV_READ, 0, 0);
  turn();
  CHECK_INT_EQ(input_length(bev), 22);
  /* Input buffered before counts as well. */
  bufferevent_setwatermark(bev, EV_READ, 0, 10);
  CHECK_INT_EQ(write(fds[1], "x", 1), 1);
  turn();
  CHECK_INT_EQ(input_length(bev), 22);
  CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ | EV_WRITE);
  evbuffer_drain(bufferevent_get_input(bev), 22);
  turn();
  CHECK_INT_EQ(input_length(bev), 1);
  CHECK_LOG("");
  bufferevent_free(bev);
  close(fds[1]);
}

static void take_four(struct bufferevent *bev, void *arg) {
  (void)arg;
  note("r%u ", (unsigned)input_length(bev));
  evbuffer_drain(bufferevent_get_input(bev), 4);
}

TEST(a_reader_that_stays_above_the_high_watermark_is_called_again) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_enable(bev, EV_READ);
  bufferevent_setcb(bev, NULL, NULL, on_event, NULL);
  CHECK_INT_EQ(write(fds[1], "12345678901234567890", 20), 20);
  turn();
  bufferevent_setwatermark(bev, EV_READ, 0, 10);
  bufferevent_setcb(bev, take_four, NULL, on_event, NULL);
  bufferevent_trigger(bev, EV_READ, 0);
  turn();
  CHECK_LOG("r20 r16 r12 ");
  bufferevent_free(bev);
  close(fds[1]);
}

TEST(the_write_callback_runs_at_or_below_the_low_write_watermark) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  char block[5000] = {0};
  int i;
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_set_max_single_write(bev, 1000);
  bufferevent_setwatermark(bev, EV_WRITE, 2500, 0);
  bufferevent_write(bev, block, sizeof(block));
  for (i = 0; i < 5; ++i) turn();
  CHECK_LOG("a:w2000 a:w1000 a:w0 ");
  bufferevent_free(bev);
  close(fds[1]);
}

TEST(max_single_read_is_obeyed) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  char block[35] = {0};
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_set_max_single_read(bev, 10);
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(write(fds[1], block, sizeof(block)), sizeof(block));
  turn();
  CHECK_LOG("a:r10 a:r20 a:r30 a:r35 ");
  bufferevent_free(bev);
  close(fds[1]);
}

static void echo(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_read_buffer(bev, bufferevent_get_output(bev));
}

struct bulk {
  size_t received;
  size_t total;
  unsigned char next;
  int wrong;
};

static void check_bulk(struct bufferevent *bev, void *arg) {
  struct bulk *bulk = arg;
  unsigned char part[3000];
  size_t got, i;
  while ((got = bufferevent_read(bev, part, sizeof(part))) > 0) {
    for (i = 0; i < got; ++i) bulk->wrong += part[i] != bulk->next++;
    bulk->received += got;
  }
  if (bulk->received >= bulk->total) event_base_loopbreak(base);
}

TEST(megabytes_are_echoed_unchanged) {
  evutil_socket_t fds[2];
  struct bufferevent *a, *b;
  struct bulk bulk = {0, 3000000, 0, 0};
  unsigned char *data = malloc(bulk.total);
  size_t i;
  make_pair(fds);
  for (i = 0; i < bulk.total; ++i) data[i] = (unsigned char)i;
  a = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
  b = bufferevent_socket_new(base, fds[1], BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(a, check_bulk, NULL, NULL, &bulk);
  bufferevent_setcb(b, echo, NULL, NULL, NULL);
  bufferevent_setwatermark(b, EV_READ, 0, 50000);
  bufferevent_enable(a, EV_READ);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, data, bulk.total);
  event_base_dispatch(base);
  free(data);
  CHECK_INT_EQ(bulk.received, bulk.total);
  CHECK_INT_EQ(bulk.wrong, 0);
  bufferevent_free(a);
  bufferevent_free(b);
}

/* --- ends and errors ------------------------------------------------------------------------------------ */

TEST(eof_is_reported_after_the_data_and_disables_reading) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(write(fds[1], "hi", 2), 2);
  shutdown(fds[1], SHUT_WR);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:r2 a:e11/4 ");
  /* Enabling reading again reports EOF again. */
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:e11/4 ");
  /* The other direction is still there. */
  bufferevent_write(bev, "x", 1);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:w0 ");
  bufferevent_free(bev);
  close(fds[1]);
}

TEST(a_broken_pipe_disables_writing) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  char expected[64];
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  close(fds[1]);
  bufferevent_write(bev, "x", 1);
  CHECK_INT_EQ(turn(), 1);
  snprintf(expected, sizeof(expected), "a:e22/%d/0 ", EPIPE);
  CHECK_LOG(expected);
  CHECK_INT_EQ(output_length(bev), 1);
  bufferevent_write(bev, "y", 1);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("");
  bufferevent_enable(bev, EV_WRITE);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG(expected);
  bufferevent_free(bev);
}

TEST(a_connection_reset_is_reported_as_a_read_error) {
  struct sockaddr_in address;
  evutil_socket_t listener = listen_here(&address, 5), fd;
  struct bufferevent *bev = make(-1, BEV_OPT_CLOSE_ON_FREE, "a");
  struct linger linger;
  char expected[64];
  linger.l_onoff = 1;
  linger.l_linger = 0;
  CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&address, sizeof(address)), 0);
  until_noted();
  CHECK_LOG("a:e80/4 ");
  fd = accept(listener, NULL, NULL);
  CHECK_INT_GE(fd, 0);
  bufferevent_enable(bev, EV_READ);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
  close(fd);
  until_noted();
#ifdef _WIN32
  snprintf(expected, sizeof(expected), "a:e21/%d/4 ", WSAECONNRESET);
#else
  snprintf(expected, sizeof(expected), "a:e21/%d/4 ", ECONNRESET);
#endif
  CHECK_LOG(expected);
  bufferevent_free(bev);
  close(listener);
}

TEST(enabling_fails_for_an_fd_that_cannot_be_watched) {
  evutil_socket_t fd = open("/proc/self/exe", O_RDONLY);
  struct bufferevent *bev = make(fd, BEV_OPT_CLOSE_ON_FREE, "a");
  if (!strncmp(event_base_get_method(base), "epoll", 5)) {
    CHECK_INT_EQ(bufferevent_enable(bev, EV_READ), -1);
    CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ | EV_WRITE);
  }
  bufferevent_free(bev);
  CHECK(is_closed(fd));
}

/* --- freeing -------------------------------------------------------------------------------------------- */

static void free_on_read(struct bufferevent *bev, void *arg) {
  (void)arg;
  note("free ");
  bufferevent_free(bev);
}
static void free_on_event(struct bufferevent *bev, short what, void *arg) {
  (void)arg;
  note("free%x ", (unsigned)what);
  bufferevent_free(bev);
}

TEST(a_callback_may_free_its_bufferevent) {
  int options[] = {BEV_OPT_CLOSE_ON_FREE, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS,
                   BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS};
  unsigned i;
  for (i = 0; i < sizeof(options) / sizeof(options[0]); ++i) {
    evutil_socket_t fds[2];
    struct bufferevent *bev;
    make_pair(fds);
    bev = make(fds[0], options[i], "a");
    bufferevent_setcb(bev, free_on_read, on_write, on_event, NULL);
    bufferevent_enable(bev, EV_READ);
    CHECK_INT_EQ(write(fds[1], "x", 1), 1);
    shutdown(fds[1], SHUT_WR);
    CHECK_INT_EQ(turn(), 1);
    CHECK_LOG("free ");
    CHECK(is_closed(fds[0]));
    close(fds[1]);

    make_pair(fds);
    bev = make(fds[0], options[i], "a");
    bufferevent_setcb(bev, on_read, free_on_read, free_on_event, NULL);
    bufferevent_write(bev, "x", 1);
    CHECK_INT_EQ(turn(), 1);
    CHECK_LOG("free ");
    CHECK(is_closed(fds[0]));
    close(fds[1]);

    make_pair(fds);
    bev = make(fds[0], options[i], "a");
    bufferevent_setcb(bev, on_read, on_write, free_on_event, NULL);
    bufferevent_enable(bev, EV_READ);
    bufferevent_write(bev, "x", 1);
    close(fds[1]);
    CHECK_INT_EQ(turn(), 1);
    CHECK(is_closed(fds[0]));
    CHECK(!strncmp(log_text, "free", 4));
    log_text[0] = 0;
  }
}

TEST(no_callback_runs_after_freeing) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_DEFER_CALLBACKS, "a");
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  bufferevent_write(bev, "x", 1);
  bufferevent_trigger(bev, EV_READ | EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS);
  bufferevent_trigger_event(bev, BEV_EVENT_ERROR, 0);
  bufferevent_free(bev);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("");
  /* Without CLOSE_ON_FREE the socket is the program's. */
  CHECK(is_open(fds[0]));
  close(fds[0]);
  close(fds[1]);
}

/* --- timeouts ------------------------------------------------------------------------------------------- */

TEST(each_direction_without_an_fd_times_out_once) {
  struct bufferevent *bev = make(-1, 0, "a");
  struct timeval tv = milliseconds(20), longer = milliseconds(40);
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  CHECK_INT_EQ(bufferevent_set_timeouts(bev, &tv, &longer), 0);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_LOG("a:e41/4 a:e42/0 ");
  bufferevent_free(bev);
}

TEST(a_timeout_starts_when_its_direction_is_enabled) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  struct timeval tv = milliseconds(20);
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_set_timeouts(bev, &tv, &tv);
  CHECK_INT_EQ(turn(), 1);
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_LOG("a:e41/4 ");
  bufferevent_enable(bev, EV_READ);
  bufferevent_disable(bev, EV_READ);
  CHECK_INT_EQ(turn(), 1);
  /* Nor does it run with nothing to write. */
  bufferevent_enable(bev, EV_WRITE);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:w0 ");
  bufferevent_free(bev);
  close(fds[1]);
}

TEST(a_write_timeout_runs_while_the_peer_does_not_read) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  struct timeval tv = milliseconds(20);
  char *block = calloc(1, 4000000);
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_set_timeouts(bev, NULL, &tv);
  bufferevent_write(bev, block, 4000000);
  free(block);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_LOG("a:e42/0 ");
  CHECK(output_length(bev) > 0);
  bufferevent_enable(bev, EV_WRITE);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_LOG("a:e42/0 ");
  bufferevent_free(bev);
  close(fds[1]);
}

TEST(changed_timeouts_take_effect_immediately) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  struct timeval tv = milliseconds(20), never = {0, 0}, hour = {3600, 0};
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_enable(bev, EV_READ);
  bufferevent_set_timeouts(bev, &hour, NULL);
  bufferevent_set_timeouts(bev, &tv, NULL);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_LOG("a:e41/4 ");
  bufferevent_enable(bev, EV_READ);
  bufferevent_set_timeouts(bev, NULL, NULL);
  run_for(40);
  CHECK_LOG("");
  bufferevent_set_timeouts(bev, &tv, NULL);
  bufferevent_set_timeouts(bev, &never, &never);
  run_for(40);
  CHECK_LOG("");
  bufferevent_free(bev);
  close(fds[1]);
}

TEST(no_read_timeout_runs_at_the_high_watermark) {
  evutil_socket_t fds[2];
  struct bufferevent *bev;
  struct timeval tv = milliseconds(20);
  make_pair(fds);
  bev = make(fds[0], BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_setcb(bev, NULL, NULL, on_event, "a");
  bufferevent_setwatermark(bev, EV_READ, 0, 1);
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(write(fds[1], "x", 1), 1);
  bufferevent_set_timeouts(bev, &tv, NULL);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(input_length(bev), 1);
  CHECK_LOG("");
  evbuffer_drain(bufferevent_get_input(bev), 1);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_LOG("a:e41/4 ");
  bufferevent_free(bev);
  close(fds[1]);
}

/* --- trigger and deferred callbacks --------------------------------------------------------------------- */

TEST(trigger_invokes_callbacks_subject_to_the_watermarks) {
  struct bufferevent *bev = make(-1, 0, "a");
  bufferevent_trigger(bev, EV_READ, 0);
  bufferevent_trigger(bev, EV_WRITE, 0);
  CHECK_LOG("a:r0 a:w0 ");
  bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
  CHECK_LOG("a:r0 a:w0 ");
  bufferevent_setwatermark(bev, EV_READ, 10, 0);
  bufferevent_write(bev, "x", 1);
  bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
  CHECK_LOG("");
  bufferevent_trigger(bev, EV_READ | EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS);
  CHECK_LOG("a:r0 a:w1 ");
  bufferevent_trigger_event(bev, BEV_EVENT_EOF | BEV_EVENT_READING, 0);
  CHECK_LOG("a:e11/4 ");
  bufferevent_free(bev);
}

TEST(deferred_callbacks_run_from_the_loop_in_order) {
  int options[] = {0, BEV_OPT_DEFER_CALLBACKS, BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS};
  unsigned i;
  for (i = 0; i < sizeof(options) / sizeof(options[0]); ++i) {
    struct bufferevent *bev = make(-1, options[i], "a");
    const int how = BEV_TRIG_IGNORE_WATERMARKS | (options[i] ? 0 : BEV_TRIG_DEFER_CALLBACKS);
    char expected[64];
    bufferevent_trigger(bev, EV_WRITE, how);
    bufferevent_trigger(bev, EV_READ, how);
    EVUTIL_SET_SOCKET_ERROR(ENOMEM);
    bufferevent_trigger_event(bev, BEV_EVENT_EOF, how);
    bufferevent_trigger_event(bev, BEV_EVENT_CONNECTED, how);
    bufferevent_trigger_event(bev, BEV_EVENT_ERROR, how);
    EVUTIL_SET_SOCKET_ERROR(0);
    CHECK_LOG("");
    CHECK_INT_EQ(turn(), 1);
    snprintf(expected, sizeof(expected), "a:e80/4 a:r0 a:w0 a:e30/%d/4 ", ENOMEM);
    CHECK_LOG(expected);
    bufferevent_free(bev);
  }
}

TEST(watermarks_are_checked_when_a_deferred_callback_is_queued) {
  struct bufferevent *bev = make(-1, BEV_OPT_DEFER_CALLBACKS, "a");
  bufferevent_trigger(bev, EV_READ, 0);
  bufferevent_setwatermark(bev, EV_READ, 100, 0);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:r0 ");
  /* The callback set when it runs is invoked, not the one set when it was queued. */
  bufferevent_setwatermark(bev, EV_READ, 0, 0);
  bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
  bufferevent_setcb(bev, on_read, NULL, NULL, (void *)"b");
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("b:r0 ");
  bufferevent_free(bev);
}

/* --- descriptors ---------------------------------------------------------------------------------------- */

TEST(an_fd_can_be_set_replaced_and_removed) {
  evutil_socket_t fds[2], other[2];
  struct bufferevent *bev = make(-1, BEV_OPT_CLOSE_ON_FREE, "a");
  char text[8] = "";
  bufferevent_enable(bev, EV_READ);
  bufferevent_write(bev, "abc", 3);
  turn();
  CHECK_LOG("");
  make_pair(fds);
  make_pair(other);
  CHECK_INT_EQ(bufferevent_setfd(bev, fds[0]), 0);
  CHECK_INT_EQ(bufferevent_getfd(bev), fds[0]);
  turn();
  CHECK_LOG("a:w0 ");
  CHECK_INT_EQ(read(fds[1], text, sizeof(text)), 3);
  CHECK_INT_EQ(bufferevent_setfd(bev, other[0]), 0);
  CHECK(is_open(fds[0]));
  turn();
  CHECK_LOG("a:w0 ");
  CHECK_INT_EQ(write(fds[1], "x", 1), 1);
  CHECK_INT_EQ(write(other[1], "xy", 2), 2);
  turn();
  CHECK_LOG("a:r2 ");
  CHECK_INT_EQ(bufferevent_setfd(bev, -1), 0);
  CHECK_INT_EQ(bufferevent_getfd(bev), -1);
  CHECK_INT_EQ(turn(), 1);
  CHECK_INT_EQ(write(other[1], "xy", 2), 2);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("");
  bufferevent_free(bev);
  CHECK(is_open(fds[0]) && is_open(other[0]));
  close(fds[0]);
  close(fds[1]);
  close(other[0]);
  close(other[1]);
}

TEST(flush_of_a_socket_bufferevent_succeeds) {
  struct bufferevent *bev = make(-1, 0, "a");
  CHECK_INT_GE(bufferevent_flush(bev, EV_READ, BEV_NORMAL), 0);
  CHECK_INT_GE(bufferevent_flush(bev, EV_WRITE, BEV_FLUSH), 0);
  CHECK_INT_GE(bufferevent_flush(bev, EV_READ | EV_WRITE, BEV_FINISHED), 0);
  bufferevent_free(bev);
}

/* --- connecting ----------------------------------------------------------------------------------------- */

static int connect_to(struct bufferevent *bev, const struct sockaddr_in *address) {
  return bufferevent_socket_connect(bev, (const struct sockaddr *)address, sizeof(*address));
}

TEST(connected_is_reported_before_the_first_data) {
  struct sockaddr_in address;
  evutil_socket_t listener = listen_here(&address, 5), fd;
  struct bufferevent *bev = make(-1, BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_enable(bev, EV_READ);
  bufferevent_write(bev, "GET", 3);
  CHECK_INT_EQ(connect_to(bev, &address), 0);
  CHECK_INT_GE(bufferevent_getfd(bev), 0);
  CHECK_LOG("");
  turn();
  CHECK_LOG("a:e80/6 a:w0 ");
  fd = accept(listener, NULL, NULL);
  CHECK_INT_EQ(write(fd, "yes", 3), 3);
  turn();
  CHECK_LOG("a:r3 ");
  bufferevent_free(bev);
  close(fd);
  close(listener);
}

TEST(a_connection_without_data_does_not_call_the_write_callback) {
  struct sockaddr_in address;
  evutil_socket_t listener = listen_here(&address, 5);
  struct bufferevent *bev = make(-1, BEV_OPT_CLOSE_ON_FREE, "a");
  CHECK_INT_EQ(connect_to(bev, &address), 0);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:e80/4 ");
  bufferevent_free(bev);
  close(listener);
}

TEST(connect_uses_an_fd_supplied_by_the_caller) {
  struct sockaddr_in address;
  evutil_socket_t listener = listen_here(&address, 5);
  evutil_socket_t fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct bufferevent *bev = make(fd, 0, "a");
  CHECK_INT_EQ(connect_to(bev, &address), 0);
  CHECK_INT_EQ(bufferevent_getfd(bev), fd);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:e80/4 ");
  bufferevent_free(bev);
  close(fd);

  /* The program called connect() itself, and says so. */
  fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  connect(fd, (struct sockaddr *)&address, sizeof(address));
  bev = make(fd, 0, "a");
  CHECK_INT_EQ(bufferevent_socket_connect(bev, NULL, 0), 0);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:e80/4 ");
  bufferevent_free(bev);
  close(fd);

  /* It does not say so: then writing becomes possible. */
  fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  connect(fd, (struct sockaddr *)&address, sizeof(address));
  bev = make(-1, 0, "a");
  CHECK_INT_EQ(bufferevent_setfd(bev, fd), 0);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("a:w0 ");
  bufferevent_free(bev);
  close(fd);
  close(listener);

  bev = make(-1, 0, "a");
  CHECK_INT_EQ(bufferevent_socket_connect(bev, NULL, 0), -1);
  bufferevent_free(bev);
}

TEST(a_refused_connect_returns_0_and_reports_one_error) {
  struct sockaddr_in address;
  evutil_socket_t refusing = refuse_here(&address), fd;
  struct bufferevent *bev = make(-1, 0, "a");
  char expected[64];
  bufferevent_enable(bev, EV_READ);
  bufferevent_write(bev, "x", 1);
  CHECK_INT_EQ(connect_to(bev, &address), 0);
  CHECK_LOG("");
  CHECK_INT_EQ(turn(), 1);
  snprintf(expected, sizeof(expected), "a:e20/%d/6 ", ECONNREFUSED);
  CHECK_LOG(expected);
  CHECK_INT_EQ(output_length(bev), 1);
  fd = bufferevent_getfd(bev);
  CHECK_INT_GE(fd, 0);
  bufferevent_free(bev);
  CHECK(is_open(fd));
  close(fd);
  close(refusing);
}

TEST(an_invalid_connect_fails_without_invoking_callbacks) {
  struct sockaddr strange;
  struct sockaddr_un nowhere;
  struct bufferevent *bev = make(-1, BEV_OPT_CLOSE_ON_FREE, "a");
  memset(&strange, 0, sizeof(strange));
  strange.sa_family = 250;
  CHECK_INT_EQ(bufferevent_socket_connect(bev, &strange, sizeof(strange)), -1);
  memset(&nowhere, 0, sizeof(nowhere));
  nowhere.sun_family = AF_UNIX;
  strcpy(nowhere.sun_path, "/nowhere/at/all");
  CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&nowhere, sizeof(nowhere)), -1);
  CHECK_INT_EQ(bufferevent_getfd(bev), -1);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("");
  bufferevent_free(bev);
}

TEST(a_connect_without_an_answer_times_out) {
  struct sockaddr_in address;
  evutil_socket_t listener = listen_here(&address, 0), fds[8];
  struct timeval tv = milliseconds(20);
  struct bufferevent *bev;
  int i;
  /* A full queue makes the next one wait. */
  for (i = 0; i < 8; ++i) {
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(fds[i], (struct sockaddr *)&address, sizeof(address));
  }
  bev = make(-1, BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_set_timeouts(bev, &tv, NULL);
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(connect_to(bev, &address), 0);
  run_for(60);
  CHECK_LOG("a:e41/4 ");
  bufferevent_free(bev);

  bev = make(-1, BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_set_timeouts(bev, NULL, &tv);
  CHECK_INT_EQ(connect_to(bev, &address), 0);
  /* libevent repeats it every 20 ms. */
  run_for(ours() ? 60 : 30);
  CHECK_LOG("a:e42/0 ");
  bufferevent_free(bev);
  for (i = 0; i < 8; ++i) close(fds[i]);
  close(listener);
}

TEST(connect_hostname_accepts_a_numeric_address) {
  struct sockaddr_in address;
  evutil_socket_t listener = listen_here(&address, 5);
  struct bufferevent *bev = make(-1, BEV_OPT_CLOSE_ON_FREE, "a");
  CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "127.0.0.1", ntohs(address.sin_port)),
               0);
  turn();
  CHECK_LOG("a:e80/4 ");
  CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
  bufferevent_free(bev);
  close(listener);
}

TEST(a_name_that_cannot_be_resolved_causes_one_error_event) {
  struct bufferevent *bev = make(-1, BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_setcb(bev, on_read, on_write, on_event, "a");
  EVUTIL_SET_SOCKET_ERROR(0);
  CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "not.an.address.invalid", 80), 0);
  turn();
  CHECK(!strncmp(log_text, "a:e20/", 6) && !strchr(strchr(log_text, ' ') + 1, ' '));
  log_text[0] = 0;
  CHECK_INT_NE(bufferevent_socket_get_dns_error(bev), 0);
  /* Ports and families are looked at first. */
  CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "127.0.0.1", 0), -1);
  CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "127.0.0.1", 65536), -1);
  CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_UNIX, "127.0.0.1", 80), -1);
  turn();
  CHECK_LOG("");
  bufferevent_free(bev);
}

/* --- locks ---------------------------------------------------------------------------------------------- */

TEST(threadsafe_requires_enabled_threads) {
  struct bufferevent *bev = make(-1, BEV_OPT_THREADSAFE, "a");
  CHECK(bev == NULL);
  bev = make(-1, 0, "a");
  bufferevent_lock(bev);
  bufferevent_lock(bev);
  bufferevent_unlock(bev);
  bufferevent_unlock(bev);
  bufferevent_free(bev);
}

static void quiet(int severity, const char *message) {
  (void)severity;
  (void)message;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  event_set_log_callback(quiet);
  base = event_base_new();
  RUN_TESTS(
      a_new_bufferevent_has_the_documented_state, contradictory_options_are_rejected,
      getwatermark_accepts_one_direction_at_a_time, max_single_read_and_write_are_kept_and_reset,
      directions_are_enabled_and_disabled_separately, the_caller_can_only_add_to_output_and_remove_from_input,
      priorities_are_bounded_by_those_of_the_base, base_set_succeeds_only_without_pending_events,
      incref_keeps_a_freed_bufferevent_allocated, the_old_interface_uses_the_current_base,
      bytes_written_at_one_end_are_read_at_the_other, enabling_writing_calls_the_write_callback_once,
      nothing_is_written_while_writing_is_disabled, nothing_is_read_while_reading_is_disabled,
      a_low_read_watermark_delays_the_callback, a_high_read_watermark_stops_reading_until_drained,
      a_reader_that_stays_above_the_high_watermark_is_called_again,
      the_write_callback_runs_at_or_below_the_low_write_watermark, max_single_read_is_obeyed,
      megabytes_are_echoed_unchanged, eof_is_reported_after_the_data_and_disables_reading,
      a_broken_pipe_disables_writing, a_connection_reset_is_reported_as_a_read_error,
      enabling_fails_for_an_fd_that_cannot_be_watched, a_callback_may_free_its_bufferevent,
      no_callback_runs_after_freeing, each_direction_without_an_fd_times_out_once,
      a_timeout_starts_when_its_direction_is_enabled, a_write_timeout_runs_while_the_peer_does_not_read,
      changed_timeouts_take_effect_immediately, no_read_timeout_runs_at_the_high_watermark,
      trigger_invokes_callbacks_subject_to_the_watermarks, deferred_callbacks_run_from_the_loop_in_order,
      watermarks_are_checked_when_a_deferred_callback_is_queued, an_fd_can_be_set_replaced_and_removed,
      flush_of_a_socket_bufferevent_succeeds, connected_is_reported_before_the_first_data,
      a_connection_without_data_does_not_call_the_write_callback, connect_uses_an_fd_supplied_by_the_caller,
      a_refused_connect_returns_0_and_reports_one_error, an_invalid_connect_fails_without_invoking_callbacks,
      a_connect_without_an_answer_times_out, connect_hostname_accepts_a_numeric_address,
      a_name_that_cannot_be_resolved_causes_one_error_event, threadsafe_requires_enabled_threads);
}

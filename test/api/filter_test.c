/* Filters (event2/bufferevent.h) as a C program sees them: on socket pairs, on pairs and on other filters.
 * What happens is kept in a log and compared as text. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/bufferevent_log.h"
#include "api/check.h"
#include "support/socket_room.h"

/* The test also runs on libevent. */
static int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

static struct event_base *base;
static struct bufferevent *under, *filter;
static evutil_socket_t fds[2];

static void on_event(struct bufferevent *bev, short what, void *name) {
  note("%s:e%x/%d ", (char *)name, (unsigned)what, (int)bufferevent_get_enabled(bev));
}

/* --- filter functions ------------------------------------------------------------------------------------
 */

/* How the functions behave: a result they give without doing anything, or -1; how much they move at once. */
static int result_in, result_out;
static size_t step_in, step_out;

static enum bufferevent_filter_result move(const char *name, struct evbuffer *from, struct evbuffer *to,
                                           ev_ssize_t limit, enum bufferevent_flush_mode mode, int result,
                                           size_t step) {
  size_t size = evbuffer_get_length(from);
  note("%s%u", name, (unsigned)size);
  if (limit >= 0) note("<%d", (int)limit);
  if (mode != BEV_NORMAL) note("!%d", (int)mode);
  note(" ");
  if (result >= 0) return (enum bufferevent_filter_result)result;
  if (step && size > step) size = step;
  if (limit >= 0 && size > (size_t)limit) size = (size_t)limit;
  if (size == 0) return BEV_NEED_MORE;
  evbuffer_remove_buffer(from, to, size);
  return BEV_OK;
}

static enum bufferevent_filter_result input(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
                                            enum bufferevent_flush_mode mode, void *arg) {
  (void)arg;
  return move("in", from, to, limit, mode, result_in, step_in);
}
static enum bufferevent_filter_result output(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
                                             enum bufferevent_flush_mode mode, void *arg) {
  (void)arg;
  return move("out", from, to, limit, mode, result_out, step_out);
}
static void free_arg(void *arg) { note("free:%s ", (char *)arg); }

static int turn(void) {
  int i, result = 0;
  for (i = 0; i < 5; ++i) result = event_base_loop(base, EVLOOP_NONBLOCK);
  return result;
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

/* A filter on a socket whose other end is fds[1]. */
static int make(int under_options, int options) {
  log_text[0] = 0;
  result_in = result_out = -1;
  step_in = step_out = 0;
  evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
  set_socket_room((int)fds[0], kUsualRoom);
  set_socket_room((int)fds[1], kUsualRoom);
  evutil_make_socket_nonblocking(fds[0]);
  evutil_make_socket_nonblocking(fds[1]);
  under = bufferevent_socket_new(base, fds[0], under_options);
  if (!under) return -1;
  filter = bufferevent_filter_new(under, input, output, options, free_arg, (void *)"arg");
  if (!filter) return -1;
  bufferevent_setcb(filter, on_read, on_write, on_event, (void *)"f");
  return 0;
}
static int make_closing(void) { return make(BEV_OPT_CLOSE_ON_FREE, BEV_OPT_CLOSE_ON_FREE); }

static void free_filter(void) {
  bufferevent_free(filter);
  turn();
  if (fds[1] >= 0) close(fds[1]);
  fds[1] = -1;
}

static void put(const char *text) {
  if (write(fds[1], text, strlen(text)) != (ssize_t)strlen(text)) note("cannot write ");
}
/* Returns the bytes received at the other end since the last call. */
static const char *received(void) {
  static char text[256];
  const ssize_t got = read(fds[1], text, sizeof(text) - 1);
  text[got > 0 ? got : 0] = 0;
  return text;
}
static void end_peer(void) {
  close(fds[1]);
  fds[1] = -1;
}

/* --- state ---------------------------------------------------------------------------------------------- */

TEST(a_new_bufferevent_has_the_documented_state) {
  CHECK_INT_EQ(make_closing(), 0);
  CHECK_INT_EQ(bufferevent_get_enabled(filter), EV_WRITE);
  CHECK_INT_EQ(bufferevent_get_enabled(under), EV_READ | EV_WRITE);
  CHECK(bufferevent_get_underlying(filter) == under);
  CHECK(bufferevent_get_base(filter) == base);
  CHECK_INT_EQ(bufferevent_getfd(filter), fds[0]);
  CHECK_INT_EQ(bufferevent_get_priority(filter), 0);
  CHECK_INT_EQ(bufferevent_base_set(base, filter), -1);
  CHECK_INT_EQ(bufferevent_priority_set(filter, 0), -1);
  CHECK_INT_EQ(bufferevent_setfd(filter, -1), 0);
  CHECK_INT_EQ(bufferevent_getfd(under), -1);
  bufferevent_setfd(filter, fds[0]);
  free_filter();
  CHECK_LOG("free:arg ");
}

TEST(contradictory_options_are_rejected) {
  under = bufferevent_socket_new(base, -1, 0);
  CHECK(bufferevent_filter_new(under, input, output, BEV_OPT_UNLOCK_CALLBACKS, free_arg, NULL) == NULL);
  bufferevent_free(under);
  CHECK_LOG("");
}

TEST(threadsafe_does_nothing_before_threads_are_enabled) {
  CHECK_INT_EQ(make(0, BEV_OPT_THREADSAFE), 0);
  bufferevent_free(filter);
  bufferevent_free(under);
  turn();
  close(fds[0]);
  end_peer();
}

/* --- data ----------------------------------------------------------------------------------------------- */

TEST(input_passes_while_reading_is_enabled) {
  CHECK_INT_EQ(make_closing(), 0);
  put("abc");
  turn();
  CHECK_LOG("");
  CHECK_INT_EQ(input_length(under), 0);
  bufferevent_enable(filter, EV_READ);
  CHECK_LOG("");
  turn();
  CHECK_LOG("in3 f:r3 ");
  put("de");
  turn();
  CHECK_LOG("in2 f:r5 ");
  bufferevent_disable(filter, EV_READ);
  put("f");
  turn();
  CHECK_LOG("");
  bufferevent_enable(filter, EV_READ);
  turn();
  CHECK_LOG("in1 f:r6 ");
  free_filter();
}

TEST(output_is_filtered_when_it_is_written) {
  CHECK_INT_EQ(make_closing(), 0);
  CHECK_INT_EQ(bufferevent_write(filter, "xyz", 3), 0);
  CHECK_LOG("out3 f:w0 ");
  CHECK_INT_EQ(output_length(under), 3);
  turn();
  CHECK_STR_EQ(received(), "xyz");
  CHECK_LOG("");
  free_filter();
}

TEST(output_waits_for_writing_to_be_enabled) {
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_disable(filter, EV_WRITE);
  bufferevent_write(filter, "abc", 3);
  turn();
  CHECK_LOG("");
  bufferevent_enable(filter, EV_WRITE);
  turn();
  /* In libevent it waits for more output. */
  if (!ours()) bufferevent_write(filter, "", 0), bufferevent_flush(filter, EV_WRITE, BEV_NORMAL);
  CHECK_LOG("out3 f:w0 ");
  turn();
  CHECK_STR_EQ(received(), "abc");
  free_filter();
}

TEST(enabling_a_filter_does_not_enable_the_underlying_bufferevent) {
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_disable(under, EV_READ | EV_WRITE);
  bufferevent_enable(filter, EV_READ);
  bufferevent_write(filter, "abc", 3);
  put("de");
  turn();
  CHECK_LOG("out3 f:w0 ");
  CHECK_STR_EQ(received(), "");
  bufferevent_enable(under, EV_READ | EV_WRITE);
  turn();
  CHECK_LOG("in2 f:r2 ");
  CHECK_STR_EQ(received(), "abc");
  free_filter();
}

TEST(a_filter_function_is_called_until_no_input_is_left) {
  CHECK_INT_EQ(make_closing(), 0);
  step_in = step_out = 3;
  bufferevent_enable(filter, EV_READ);
  bufferevent_write(filter, "0123456789", 10);
  CHECK_LOG("out10 out7 out4 out1 f:w0 ");
  put("abcdefg");
  turn();
  CHECK_LOG("in7 in4 in1 f:r7 ");
  CHECK_STR_EQ(received(), "0123456789");
  free_filter();
}

TEST(input_left_by_a_filter_function_stays_until_more_arrives) {
  CHECK_INT_EQ(make_closing(), 0);
  turn();
  result_in = BEV_NEED_MORE;
  bufferevent_enable(filter, EV_READ);
  put("abc");
  turn();
  CHECK_LOG("in3 ");
  result_in = -1;
  put("d");
  turn();
  CHECK_LOG("in4 f:r4 ");
  result_out = BEV_NEED_MORE;
  bufferevent_write(filter, "abc", 3);
  CHECK_LOG("out3 ");
  result_out = -1;
  bufferevent_write(filter, "d", 1);
  CHECK_LOG("out4 f:w0 ");
  free_filter();
}

TEST(data_passes_unchanged_without_filter_functions) {
  CHECK_INT_EQ(make(0, 0), 0);
  bufferevent_free(filter);
  turn();
  log_text[0] = 0;
  filter = bufferevent_filter_new(under, NULL, NULL, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
  CHECK(filter != NULL);
  bufferevent_setcb(filter, on_read, on_write, on_event, (void *)"f");
  bufferevent_enable(filter, EV_READ);
  put("abc");
  bufferevent_write(filter, "xyz", 3);
  turn();
  CHECK_LOG("f:w0 f:r3 ");
  CHECK_STR_EQ(received(), "xyz");
  free_filter();
  close(fds[0]);
}

TEST(data_buffered_before_the_filter_was_created_passes) {
  evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
  evutil_make_socket_nonblocking(fds[0]);
  result_in = -1;
  step_in = 0;
  under = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
  bufferevent_enable(under, EV_READ);
  put("early");
  turn();
  filter = bufferevent_filter_new(under, input, output, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
  bufferevent_setcb(filter, on_read, on_write, on_event, (void *)"f");
  bufferevent_enable(filter, EV_READ);
  turn();
  /* libevent looks at it when more arrives. */
  if (ours()) CHECK_LOG("in5 f:r5 ");
  put("!");
  turn();
  if (!ours()) CHECK_LOG("in6 f:r6 ");
  CHECK_INT_EQ(input_length(filter), 6);
  log_text[0] = 0;
  free_filter();
}

static void on_change(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *sums) {
  size_t *sum = (size_t *)sums;
  (void)buffer;
  sum[0] += info->n_added;
  sum[1] += info->n_deleted;
}

TEST(buffer_callbacks_of_the_underlying_bufferevent_see_filtered_data) {
  size_t in[2] = {0, 0}, out[2] = {0, 0};
  CHECK_INT_EQ(make_closing(), 0);
  evbuffer_add_cb(bufferevent_get_input(under), on_change, in);
  evbuffer_add_cb(bufferevent_get_output(under), on_change, out);
  bufferevent_enable(filter, EV_READ);
  put("abc");
  bufferevent_write(filter, "xyz12", 5);
  turn();
  CHECK_INT_EQ(in[0], 3);
  CHECK_INT_EQ(in[1], 3);
  CHECK_INT_EQ(out[0], 5);
  CHECK_INT_EQ(out[1], 5);
  free_filter();
}

/* --- watermarks ----------------------------------------------------------------------------------------- */

TEST(callbacks_obey_the_low_watermarks) {
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_setwatermark(filter, EV_READ, 5, 0);
  bufferevent_enable(filter, EV_READ);
  put("0123");
  turn();
  CHECK_LOG("in4 ");
  put("4567");
  turn();
  CHECK_LOG("in4 f:r8 ");
  /* The low watermark of the underlying bufferevent decides when the filter function is called. */
  bufferevent_setwatermark(under, EV_READ, 3, 0);
  put("ab");
  turn();
  CHECK_LOG("");
  put("c");
  turn();
  CHECK_LOG("in3 f:r11 ");
  free_filter();
}

static void on_read_take_two(struct bufferevent *bev, void *name) {
  on_read(bev, name);
  evbuffer_drain(bufferevent_get_input(bev), 2);
}

TEST(the_high_read_watermark_limits_the_input_function) {
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_setcb(filter, NULL, NULL, NULL, NULL);
  bufferevent_setwatermark(filter, EV_READ, 0, 4);
  bufferevent_enable(filter, EV_READ);
  put("0123456789");
  turn();
  CHECK_LOG("in10<4 ");
  CHECK_INT_EQ(input_length(filter), 4);
  CHECK_INT_EQ(input_length(under), 6);
  /* The underlying bufferevent does not read meanwhile. */
  put("ab");
  turn();
  CHECK_INT_EQ(input_length(under), 6);
  CHECK_LOG("");
  evbuffer_drain(bufferevent_get_input(filter), 3);
  event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
  CHECK_INT_EQ(input_length(filter), 4);
  log_text[0] = 0;
  bufferevent_setwatermark(filter, EV_READ, 0, 0);
  turn();
  if (!ours()) put("c"), turn();
  CHECK_INT_EQ(input_length(filter), ours() ? 9 : 10);
  free_filter();
}

/* In libevent data stays in the underlying bufferevent until more arrives. */
TEST(all_input_reaches_a_reader_that_drains_in_small_steps) {
  if (!ours()) return;
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_setcb(filter, on_read_take_two, NULL, on_event, (void *)"f");
  bufferevent_setwatermark(filter, EV_READ, 0, 4);
  bufferevent_enable(filter, EV_READ);
  put("0123456789");
  run_for(50);
  CHECK_INT_LE(input_length(filter), 2);
  CHECK_INT_EQ(input_length(under), 0);
  log_text[0] = 0;
  put("ab");
  turn();
  CHECK(strstr(log_text, "f:r") != NULL);
  free_filter();
}

TEST(the_high_write_watermark_of_the_underlying_bufferevent_limits_the_output_function) {
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_setwatermark(under, EV_WRITE, 0, 4);
  bufferevent_write(filter, "0123456789", 10);
  CHECK_LOG("out10<4 ");
  CHECK_INT_EQ(output_length(filter), 6);
  turn();
  CHECK_LOG("out6<4 out2<4 f:w0 ");
  turn();
  CHECK_STR_EQ(received(), "0123456789");
  free_filter();
}

/* A function that buffers data for which the destination has no room, and has no further input. */
static char held[16];
static size_t held_size;
static enum bufferevent_filter_result hold(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
                                           enum bufferevent_flush_mode mode, void *arg) {
  size_t size;
  (void)mode, (void)arg;
  if (!held_size) held_size = (size_t)evbuffer_remove(from, held, sizeof(held));
  size = limit >= 0 && (size_t)limit < held_size ? (size_t)limit : held_size;
  if (!size) return BEV_NEED_MORE;
  evbuffer_add(to, held, size);
  held_size -= size;
  memmove(held, held + size, held_size);
  return BEV_OK;
}

TEST(the_input_function_is_called_again_when_the_reader_drains) {
  struct bufferevent *top;
  if (!ours()) return;
  CHECK_INT_EQ(make_closing(), 0);
  top = bufferevent_filter_new(filter, hold, NULL, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
  bufferevent_setcb(top, on_read_take_two, NULL, on_event, (void *)"t");
  bufferevent_setwatermark(top, EV_READ, 0, 2);
  bufferevent_enable(top, EV_READ);
  put("012345");
  turn();
  turn();
  CHECK_LOG("in6 t:r2 t:r2 t:r2 ");
  put("6789");
  end_peer();
  turn();
  turn();
  CHECK_LOG("in4 t:r2 t:r2 t:e11/6 ");
  filter = top;
  free_filter();
}

/* --- flush ---------------------------------------------------------------------------------------------- */

TEST(flush_calls_the_filter_functions_even_without_data) {
  static const struct {
    short directions;
    enum bufferevent_flush_mode mode;
    const char *log;
  } cases[] = {{EV_READ, BEV_NORMAL, ""},         {EV_WRITE, BEV_NORMAL, ""},
               {EV_READ, BEV_FLUSH, "in0!1 "},    {EV_WRITE, BEV_FLUSH, "out0!1 "},
               {EV_READ, BEV_FINISHED, "in0!2 "}, {EV_READ | EV_WRITE, BEV_FINISHED, "in0!2 out0!2 "}};
  size_t i;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
    CHECK_INT_EQ(make_closing(), 0);
    CHECK_INT_EQ(bufferevent_flush(filter, cases[i].directions, cases[i].mode), 0);
    CHECK_LOG(cases[i].log);
    free_filter();
  }
}

TEST(flush_moves_pending_data) {
  CHECK_INT_EQ(make_closing(), 0);
  turn();
  result_in = result_out = BEV_NEED_MORE;
  bufferevent_enable(filter, EV_READ);
  put("abc");
  turn();
  bufferevent_write(filter, "xyz", 3);
  result_in = result_out = -1;
  bufferevent_disable(filter, EV_READ | EV_WRITE);
  log_text[0] = 0;
  CHECK_INT_EQ(bufferevent_flush(filter, EV_READ, BEV_NORMAL), 0);
  CHECK_LOG("");
  CHECK_INT_EQ(bufferevent_flush(filter, EV_WRITE, BEV_FINISHED), 1);
  CHECK_LOG("out3!2 f:w0 ");
  CHECK_INT_EQ(bufferevent_flush(filter, EV_READ, BEV_FLUSH), 1);
  /* libevent does not call the read callback. */
  if (!ours()) bufferevent_trigger(filter, EV_READ, 0);
  CHECK_LOG("in3!1 f:r3 ");
  turn();
  CHECK_STR_EQ(received(), "xyz");
  free_filter();
}

TEST(flush_ignores_watermarks) {
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_setwatermark(under, EV_WRITE, 0, 4);
  bufferevent_write(filter, "0123456789", 10);
  log_text[0] = 0;
  CHECK_INT_EQ(bufferevent_flush(filter, EV_WRITE, BEV_FLUSH), 1);
  CHECK_LOG("out6!1 f:w0 ");
  CHECK_INT_EQ(output_length(under), 10);
  free_filter();
}

TEST(flush_finished_reports_eof_to_the_partner_of_a_pair) {
  struct bufferevent *pair[2];
  log_text[0] = 0;
  result_in = result_out = -1;
  step_in = step_out = 0;
  CHECK_INT_EQ(bufferevent_pair_new(base, 0, pair), 0);
  filter = bufferevent_filter_new(pair[0], input, output, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
  CHECK(filter != NULL);
  bufferevent_setcb(filter, on_read, on_write, on_event, (void *)"f");
  bufferevent_setcb(pair[1], on_read, on_write, on_event, (void *)"p");
  bufferevent_enable(filter, EV_READ);
  bufferevent_enable(pair[1], EV_READ);
  bufferevent_write(filter, "abc", 3);
  CHECK_INT_EQ(bufferevent_flush(filter, EV_WRITE, BEV_FINISHED), 0);
  turn();
  CHECK_LOG("out3 f:w0 out0!2 p:r3 p:e11/6 ");
  bufferevent_write(pair[1], "def", 3);
  bufferevent_flush(pair[1], EV_WRITE, BEV_FINISHED);
  turn();
  CHECK_LOG("in3 f:r3 f:e11/6 p:w0 ");
  bufferevent_free(filter);
  turn();
  CHECK(bufferevent_pair_get_partner(pair[1]) == NULL);
  bufferevent_free(pair[1]);
  turn();
}

/* --- events --------------------------------------------------------------------------------------------- */

TEST(eof_is_reported_after_the_data) {
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_enable(filter, EV_READ);
  put("abc");
  end_peer();
  turn();
  CHECK_LOG("in3 f:r3 f:e11/6 ");
  free_filter();
}

TEST(the_input_function_is_called_once_more_at_eof) {
  CHECK_INT_EQ(make_closing(), 0);
  result_in = BEV_NEED_MORE;
  bufferevent_enable(filter, EV_READ);
  put("abc");
  turn();
  end_peer();
  turn();
  /* libevent does not call the function. */
  if (ours()) {
    CHECK_LOG("in3 in3!2 f:e11/6 ");
  } else {
    CHECK_LOG("in3 f:e11/6 ");
  }
  free_filter();
}

TEST(eof_is_deferred_until_reading_is_enabled_and_the_input_has_room) {
  CHECK_INT_EQ(make_closing(), 0);
  put("abcd");
  end_peer();
  turn();
  CHECK_LOG("");
  bufferevent_setcb(filter, on_read_take_two, NULL, on_event, (void *)"f");
  bufferevent_setwatermark(filter, EV_READ, 0, 3);
  bufferevent_enable(filter, EV_READ);
  run_for(50);
  CHECK(strstr(log_text, "f:e11/6 ") != NULL);
  CHECK_INT_LE(input_length(filter), 2);
  free_filter();
}

TEST(a_broken_pipe_is_reported) {
  CHECK_INT_EQ(make_closing(), 0);
  end_peer();
  bufferevent_write(filter, "abc", 3);
  turn();
  CHECK_LOG("out3 f:w0 f:e22/4 ");
  free_filter();
}

TEST(a_failing_filter_function_causes_an_error_event_of_its_direction) {
  if (!ours()) return;
  CHECK_INT_EQ(make_closing(), 0);
  result_in = result_out = BEV_ERROR;
  bufferevent_enable(filter, EV_READ);
  put("abc");
  turn();
  CHECK_LOG("in3 f:e21/4 ");
  bufferevent_write(filter, "abc", 3);
  CHECK_LOG("out3 ");
  turn();
  CHECK_LOG("f:e22/0 ");
  put("def");
  bufferevent_write(filter, "def", 3);
  turn();
  CHECK_LOG("");
  CHECK_INT_EQ(bufferevent_flush(filter, EV_READ, BEV_FLUSH), -1);
  CHECK_INT_EQ(bufferevent_flush(filter, EV_WRITE, BEV_FLUSH), -1);
  free_filter();
}

TEST(a_filter_function_returning_ok_without_progress_does_not_spin) {
  if (!ours()) return;
  CHECK_INT_EQ(make_closing(), 0);
  result_in = result_out = BEV_OK;
  bufferevent_enable(filter, EV_READ);
  put("abc");
  turn();
  CHECK_LOG("in3 ");
  bufferevent_write(filter, "abc", 3);
  CHECK_LOG("out3 ");
  CHECK_INT_EQ(bufferevent_flush(filter, EV_READ, BEV_FLUSH), 0);
  free_filter();
}

TEST(connected_is_passed_on_by_the_filter) {
  CHECK_INT_EQ(make_closing(), 0);
  CHECK_INT_EQ(bufferevent_socket_connect(under, NULL, 0), 0);
  bufferevent_write(filter, "early", 5);
  turn();
  CHECK_LOG("out5 f:w0 f:e80/4 ");
  CHECK_STR_EQ(received(), "early");
  free_filter();
}

TEST(timeouts_of_the_filter_and_of_the_underlying_bufferevent_are_reported) {
  const struct timeval brief = milliseconds(5);
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_set_timeouts(filter, &brief, NULL);
  bufferevent_enable(filter, EV_READ);
  run_for(30);
  CHECK_LOG("f:e41/4 ");
  free_filter();
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_set_timeouts(filter, NULL, &brief);
  bufferevent_enable(filter, EV_WRITE);
  run_for(30);
  CHECK_LOG("f:e42/0 ");
  free_filter();
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_set_timeouts(under, &brief, NULL);
  run_for(20);
  CHECK_LOG("");
  bufferevent_enable(filter, EV_READ);
  run_for(30);
  CHECK_LOG("f:e41/6 ");
  CHECK_INT_EQ(bufferevent_get_enabled(under), EV_WRITE);
  free_filter();
}

TEST(blocked_output_times_out) {
  const struct timeval brief = milliseconds(5);
  CHECK_INT_EQ(make_closing(), 0);
  turn();
  bufferevent_set_timeouts(filter, NULL, &brief);
  result_out = BEV_NEED_MORE;
  bufferevent_write(filter, "abc", 3);
  if (!ours()) bufferevent_enable(filter, EV_WRITE);
  run_for(30);
  CHECK_LOG("out3 f:e42/0 ");
  free_filter();
}

/* --- freeing -------------------------------------------------------------------------------------------- */

TEST(the_underlying_bufferevent_stays_usable_after_the_filter_is_freed) {
  bufferevent_data_cb readcb, writecb;
  bufferevent_event_cb eventcb;
  void *arg;
  CHECK_INT_EQ(make(BEV_OPT_CLOSE_ON_FREE, 0), 0);
  bufferevent_free(filter);
  turn();
  CHECK_LOG("free:arg ");
  bufferevent_getcb(under, &readcb, &writecb, &eventcb, &arg);
  CHECK(!readcb && !writecb && !eventcb && !arg);
  CHECK_INT_EQ(bufferevent_get_enabled(under), EV_READ | EV_WRITE);
  bufferevent_setcb(under, on_read, NULL, on_event, (void *)"u");
  put("abc");
  bufferevent_write(under, "xyz", 3);
  turn();
  CHECK_LOG("u:r3 ");
  CHECK_STR_EQ(received(), "xyz");
  bufferevent_free(under);
  turn();
  end_peer();
}

TEST(the_underlying_bufferevent_is_freed_with_the_filter) {
  char byte;
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_enable(filter, EV_READ);
  bufferevent_free(filter);
  turn();
  CHECK_LOG("free:arg ");
  CHECK_INT_EQ(read(fds[1], &byte, 1), 0);
  end_peer();
}

static void on_read_free(struct bufferevent *bev, void *name) {
  note("%s:r! ", (char *)name);
  bufferevent_free(bev);
}

TEST(a_callback_may_free_the_filter) {
  CHECK_INT_EQ(make_closing(), 0);
  bufferevent_setcb(filter, on_read_free, on_write, on_event, (void *)"f");
  bufferevent_enable(filter, EV_READ);
  put("abc");
  turn();
  CHECK_LOG("in3 f:r! free:arg ");
  end_peer();
}

/* --- stacks and deferred callbacks -------------------------------------------------------------------------
 */

TEST(filters_can_be_stacked) {
  struct bufferevent *top;
  CHECK_INT_EQ(make_closing(), 0);
  top = bufferevent_filter_new(filter, input, output, BEV_OPT_CLOSE_ON_FREE, free_arg, (void *)"top");
  CHECK(top != NULL);
  bufferevent_setcb(top, on_read, on_write, on_event, (void *)"t");
  bufferevent_enable(top, EV_READ);
  CHECK(bufferevent_get_underlying(top) == filter);
  CHECK_INT_EQ(bufferevent_getfd(top), fds[0]);
  bufferevent_write(top, "xyz", 3);
  CHECK_LOG("out3 out3 t:w0 ");
  put("abc");
  turn();
  CHECK_LOG("in3 in3 t:r3 ");
  CHECK_STR_EQ(received(), "xyz");
  CHECK_INT_EQ(bufferevent_flush(top, EV_WRITE, BEV_FINISHED), 0);
  CHECK_LOG("out0!2 out0!2 ");
  end_peer();
  turn();
  CHECK_LOG("t:e11/6 ");
  bufferevent_free(top);
  turn();
  CHECK(strstr(log_text, "free:top ") && strstr(log_text, "free:arg "));
}

TEST(callbacks_may_be_deferred_at_both_levels) {
  CHECK_INT_EQ(
      make(BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS),
      0);
  bufferevent_enable(filter, EV_READ);
  put("abc");
  bufferevent_write(filter, "xyz", 3);
  CHECK_LOG("out3 ");
  turn();
  CHECK_LOG("f:w0 in3 f:r3 ");
  CHECK_STR_EQ(received(), "xyz");
  end_peer();
  turn();
  CHECK_LOG("f:e11/6 ");
  free_filter();
}

static void quiet(int severity, const char *message) {
  (void)severity;
  (void)message;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  event_set_log_callback(quiet);
  base = event_base_new();
  if (!base) return 1;
  RUN_TESTS(
      a_new_bufferevent_has_the_documented_state, contradictory_options_are_rejected,
      threadsafe_does_nothing_before_threads_are_enabled, input_passes_while_reading_is_enabled,
      output_is_filtered_when_it_is_written, output_waits_for_writing_to_be_enabled,
      enabling_a_filter_does_not_enable_the_underlying_bufferevent,
      a_filter_function_is_called_until_no_input_is_left,
      input_left_by_a_filter_function_stays_until_more_arrives,
      data_passes_unchanged_without_filter_functions, data_buffered_before_the_filter_was_created_passes,
      buffer_callbacks_of_the_underlying_bufferevent_see_filtered_data, callbacks_obey_the_low_watermarks,
      the_high_read_watermark_limits_the_input_function,
      all_input_reaches_a_reader_that_drains_in_small_steps,
      the_high_write_watermark_of_the_underlying_bufferevent_limits_the_output_function,
      the_input_function_is_called_again_when_the_reader_drains,
      flush_calls_the_filter_functions_even_without_data, flush_moves_pending_data, flush_ignores_watermarks,
      flush_finished_reports_eof_to_the_partner_of_a_pair, eof_is_reported_after_the_data,
      the_input_function_is_called_once_more_at_eof,
      eof_is_deferred_until_reading_is_enabled_and_the_input_has_room, a_broken_pipe_is_reported,
      a_failing_filter_function_causes_an_error_event_of_its_direction,
      a_filter_function_returning_ok_without_progress_does_not_spin, connected_is_passed_on_by_the_filter,
      timeouts_of_the_filter_and_of_the_underlying_bufferevent_are_reported, blocked_output_times_out,
      the_underlying_bufferevent_stays_usable_after_the_filter_is_freed,
      the_underlying_bufferevent_is_freed_with_the_filter, a_callback_may_free_the_filter,
      filters_can_be_stacked, callbacks_may_be_deferred_at_both_levels);
}

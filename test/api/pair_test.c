/* Pairs (event2/bufferevent.h) as a C program sees them. What happens is kept in a log and compared as text.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <stdarg.h>
#include <stdlib.h>

#include "api/bufferevent_log.h"
#include "api/check.h"

/* The test also runs on libevent. */
static int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

static struct event_base *base;
static struct bufferevent *a, *b;
static void on_event(struct bufferevent *bev, short what, void *name) {
  note("%s:e%x/%d ", (char *)name, (unsigned)what, (int)bufferevent_get_enabled(bev));
}
/* Takes three bytes. */
static void on_read_take(struct bufferevent *bev, void *name) {
  on_read(bev, name);
  evbuffer_drain(bufferevent_get_input(bev), 3);
}

static int make(int options) {
  struct bufferevent *pair[2];
  log_text[0] = 0;
  if (bufferevent_pair_new(base, options, pair) != 0) return -1;
  a = pair[0];
  b = pair[1];
  bufferevent_setcb(a, on_read, on_write, on_event, (void *)"a");
  bufferevent_setcb(b, on_read, on_write, on_event, (void *)"b");
  return 0;
}

static int turn(void) {
  int i, result = 0;
  for (i = 0; i < 5; ++i) result = event_base_loop(base, EVLOOP_NONBLOCK);
  return result;
}

static void free_both(void) {
  bufferevent_free(a);
  bufferevent_free(b);
  turn();
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

/* --- state ---------------------------------------------------------------------------------------------- */

TEST(a_new_pair_has_the_documented_state) {
  CHECK_INT_EQ(make(0), 0);
  CHECK(bufferevent_pair_get_partner(a) == b);
  CHECK(bufferevent_pair_get_partner(b) == a);
  CHECK_INT_EQ(bufferevent_get_enabled(a), EV_WRITE);
  CHECK_INT_EQ(bufferevent_get_enabled(b), EV_WRITE);
  CHECK(bufferevent_get_base(a) == base);
  CHECK(bufferevent_get_underlying(a) == NULL);
  CHECK_INT_EQ(bufferevent_getfd(a), -1);
  CHECK_INT_EQ(bufferevent_setfd(a, 0), -1);
  CHECK_INT_EQ(bufferevent_base_set(base, a), -1);
  CHECK_INT_EQ(bufferevent_priority_set(a, 0), -1);
  CHECK_INT_EQ(bufferevent_get_priority(a), 0);
  CHECK_INT_EQ(turn(), 1);
  free_both();
}

TEST(get_partner_returns_null_for_other_bufferevents) {
  struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
  CHECK(bufferevent_pair_get_partner(bev) == NULL);
  bufferevent_free(bev);
}

/* Callbacks are always deferred, so the one option that needs that is allowed alone. */
TEST(unlock_callbacks_is_accepted_without_defer_callbacks) {
  CHECK_INT_EQ(make(BEV_OPT_UNLOCK_CALLBACKS), 0);
  free_both();
  CHECK_INT_EQ(make(BEV_OPT_DEFER_CALLBACKS | BEV_OPT_CLOSE_ON_FREE), 0);
  free_both();
}

/* As with sockets, a lock that cannot be had is an error. */
TEST(threadsafe_pair_requires_enabled_threads) {
  CHECK_INT_EQ(make(BEV_OPT_THREADSAFE), -1);
  CHECK_LOG("");
}

TEST(an_idle_pair_does_not_keep_the_loop_alive) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_enable(a, EV_READ);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  free_both();
}

TEST(a_pair_without_a_base_is_rejected) {
  struct bufferevent *pair[2] = {NULL, NULL};
  if (!ours()) return;
  CHECK_INT_EQ(bufferevent_pair_new(NULL, 0, pair), -1);
  CHECK(pair[0] == NULL && pair[1] == NULL);
}

/* --- data ----------------------------------------------------------------------------------------------- */

TEST(data_moves_immediately_and_callbacks_run_from_the_loop) {
  char text[8] = "";
  CHECK_INT_EQ(make(0), 0);
  bufferevent_enable(b, EV_READ);
  CHECK_INT_EQ(bufferevent_write(a, "hello", 5), 0);
  CHECK_INT_EQ(output_length(a), 0);
  CHECK_INT_EQ(bufferevent_read(b, text, sizeof(text)), 5);
  CHECK_STR_EQ(text, "hello");
  CHECK_LOG("");
  bufferevent_write(a, "again", 5);
  turn();
  CHECK_LOG("b:r5 a:w0 ");
  free_both();
}

TEST(data_stays_queued_until_the_reader_is_enabled) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_write(a, "hello", 5);
  turn();
  CHECK_INT_EQ(output_length(a), 5);
  CHECK_LOG("");
  CHECK_INT_EQ(bufferevent_enable(b, EV_READ), 0);
  CHECK_INT_EQ(input_length(b), 5);
  turn();
  CHECK_LOG("b:r5 a:w0 ");
  bufferevent_disable(b, EV_READ);
  bufferevent_write(a, "more", 4);
  CHECK_INT_EQ(output_length(a), 4);
  free_both();
}

TEST(data_stays_queued_until_the_writer_is_enabled) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_enable(b, EV_READ);
  bufferevent_disable(a, EV_WRITE);
  bufferevent_write(a, "hello", 5);
  turn();
  CHECK_INT_EQ(output_length(a), 5);
  CHECK_LOG("");
  bufferevent_enable(a, EV_WRITE);
  turn();
  CHECK_LOG("b:r5 a:w0 ");
  free_both();
}

static void on_read_answer(struct bufferevent *bev, void *name) {
  on_read(bev, name);
  bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

TEST(a_reply_written_in_a_read_callback_arrives) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_setcb(b, on_read_answer, NULL, NULL, (void *)"b");
  bufferevent_enable(a, EV_READ);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, "ping", 4);
  turn();
  CHECK_LOG("b:r4 a:r4 a:w0 ");
  CHECK_INT_EQ(input_length(b), 0);
  free_both();
}

TEST(frozen_buffer_ends_reject_changes_by_the_caller) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_write(a, "hello", 5);
  CHECK_INT_EQ(evbuffer_drain(bufferevent_get_output(a), 1), -1);
  CHECK_INT_EQ(evbuffer_add(bufferevent_get_input(a), "x", 1), -1);
  bufferevent_enable(b, EV_READ);
  bufferevent_disable(b, EV_READ);
  bufferevent_write(a, "again", 5);
  CHECK_INT_EQ(evbuffer_drain(bufferevent_get_output(a), 1), -1);
  CHECK_INT_EQ(evbuffer_add(bufferevent_get_input(b), "x", 1), -1);
  free_both();
}

static void on_change(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *sums) {
  size_t *sum = (size_t *)sums;
  (void)buffer;
  sum[0] += info->n_added;
  sum[1] += info->n_deleted;
}

TEST(buffer_callbacks_see_transferred_data) {
  size_t out[2] = {0, 0}, in[2] = {0, 0};
  CHECK_INT_EQ(make(0), 0);
  evbuffer_add_cb(bufferevent_get_output(a), on_change, out);
  evbuffer_add_cb(bufferevent_get_input(b), on_change, in);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, "hello", 5);
  CHECK_INT_EQ(out[0], 5);
  CHECK_INT_EQ(out[1], 5);
  CHECK_INT_EQ(in[0], 5);
  CHECK_INT_EQ(in[1], 0);
  free_both();
}

/* --- watermarks ----------------------------------------------------------------------------------------- */

TEST(the_high_watermark_limits_transfers) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_setcb(b, on_read_take, NULL, NULL, (void *)"b");
  bufferevent_setwatermark(b, EV_READ, 0, 4);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, "0123456789", 10);
  CHECK_INT_EQ(input_length(b), 4);
  CHECK_INT_EQ(output_length(a), 6);
  turn();
  CHECK_LOG("b:r4 b:r4 b:r4 a:w0 ");
  CHECK_INT_EQ(output_length(a), 0);
  CHECK_INT_EQ(input_length(b), 1);
  free_both();
}

TEST(draining_outside_of_callbacks_resumes_transfers) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_setcb(b, NULL, NULL, on_event, (void *)"b");
  bufferevent_setwatermark(b, EV_READ, 0, 4);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, "0123456789", 10);
  evbuffer_drain(bufferevent_get_input(b), 3);
  CHECK_INT_EQ(input_length(b), 4);
  CHECK_INT_EQ(output_length(a), 3);
  bufferevent_setwatermark(b, EV_READ, 0, 0);
  CHECK_INT_EQ(input_length(b), 7);
  turn();
  CHECK_LOG("a:w0 ");
  free_both();
}

TEST(callbacks_obey_the_low_watermarks) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_setwatermark(b, EV_READ, 5, 0);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, "abc", 3);
  turn();
  CHECK_LOG("a:w0 ");
  bufferevent_write(a, "def", 3);
  turn();
  CHECK_LOG("b:r6 a:w0 ");
  free_both();
  CHECK_INT_EQ(make(0), 0);
  bufferevent_setcb(b, NULL, NULL, NULL, NULL);
  bufferevent_setwatermark(a, EV_WRITE, 3, 0);
  bufferevent_setwatermark(b, EV_READ, 0, 5);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, "abcdefghi", 9);
  turn();
  CHECK_LOG("");
  evbuffer_drain(bufferevent_get_input(b), 1);
  turn();
  CHECK_LOG("a:w3 ");
  free_both();
}

/* --- flush ---------------------------------------------------------------------------------------------- */

TEST(flush_normal_does_nothing) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_write(a, "abcde", 5);
  CHECK_INT_EQ(bufferevent_flush(a, EV_READ | EV_WRITE, BEV_NORMAL), 0);
  turn();
  CHECK_INT_EQ(output_length(a), 5);
  CHECK_LOG("");
  free_both();
}

TEST(flush_moves_data_even_while_disabled) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_write(a, "abcde", 5);
  bufferevent_write(b, "xyz", 3);
  CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FLUSH), 0);
  CHECK_INT_EQ(input_length(b), 5);
  CHECK_INT_EQ(input_length(a), 0);
  turn();
  CHECK_LOG("b:r5 a:w0 ");
  CHECK_INT_EQ(bufferevent_flush(a, EV_READ, BEV_FLUSH), 0);
  CHECK_INT_EQ(input_length(a), 3);
  turn();
  CHECK_LOG("a:r3 b:w0 ");
  free_both();
}

TEST(flush_ignores_the_high_watermark) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_setcb(b, NULL, NULL, on_event, (void *)"b");
  bufferevent_setwatermark(b, EV_READ, 0, 2);
  bufferevent_write(a, "abcde", 5);
  bufferevent_flush(a, EV_WRITE, BEV_FLUSH);
  /* libevent fills it to the watermark first, and goes beyond with the next flush. */
  if (!ours()) bufferevent_flush(a, EV_WRITE, BEV_FLUSH);
  CHECK_INT_EQ(input_length(b), 5);
  turn();
  CHECK_LOG("a:w0 ");
  free_both();
}

TEST(flush_finished_reports_eof_to_the_partner_after_the_data) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, "abc", 3);
  CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FINISHED), 0);
  CHECK_LOG("");
  turn();
  CHECK_LOG("b:r3 b:e11/6 a:w0 ");
  /* The pair stays usable. */
  CHECK_INT_EQ(bufferevent_write(a, "def", 3), 0);
  turn();
  CHECK_LOG("b:r6 a:w0 ");
  free_both();
}

TEST(flush_finished_reports_the_direction_of_the_partner) {
  static const struct {
    short directions;
    const char *log;
  } cases[] = {{EV_WRITE, "b:r0 b:e11/4 a:w0 "},
               {EV_READ, "a:r0 b:w0 b:e12/4 "},
               {EV_READ | EV_WRITE, "a:r0 a:w0 b:r0 b:w0 b:e13/4 "},
               {0, "b:e10/4 "}};
  size_t i;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
    CHECK_INT_EQ(make(0), 0);
    CHECK_INT_EQ(bufferevent_flush(a, cases[i].directions, BEV_FINISHED), 0);
    turn();
    CHECK_LOG(cases[i].log);
    free_both();
  }
}

/* --- the partner is freed ------------------------------------------------------------------------------- */

TEST(freeing_one_end_causes_no_event_at_the_other_which_stays_usable) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_enable(a, EV_READ);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(b, "last words", 10);
  bufferevent_write(a, "lost", 4);
  bufferevent_free(b);
  turn();
  CHECK_LOG("a:r10 a:w0 ");
  CHECK(bufferevent_pair_get_partner(a) == NULL);
  CHECK_INT_EQ(bufferevent_write(a, "nobody", 6), 0);
  turn();
  CHECK_INT_EQ(output_length(a), 6);
  CHECK_INT_EQ(bufferevent_enable(a, EV_READ | EV_WRITE), 0);
  CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_NORMAL), -1);
  CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FLUSH), -1);
  CHECK_INT_EQ(bufferevent_flush(a, EV_READ | EV_WRITE, BEV_FINISHED), -1);
  CHECK_INT_EQ(bufferevent_disable(a, EV_READ), 0);
  CHECK_INT_EQ(turn(), 1);
  CHECK_LOG("");
  bufferevent_free(a);
}

TEST(pending_callbacks_of_a_freed_end_do_not_run) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, "abc", 3);
  bufferevent_free(b);
  turn();
  CHECK_LOG("a:w0 ");
  bufferevent_free(a);
}

static void on_read_free_both(struct bufferevent *bev, void *name) {
  note("%s:r ", (char *)name);
  bufferevent_free(bufferevent_pair_get_partner(bev));
  bufferevent_free(bev);
}

TEST(a_callback_may_free_both_ends) {
  CHECK_INT_EQ(make(0), 0);
  bufferevent_setcb(b, on_read_free_both, on_write, on_event, (void *)"b");
  bufferevent_enable(a, EV_READ);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(b, "x", 1);
  bufferevent_write(a, "x", 1);
  bufferevent_flush(a, EV_READ | EV_WRITE, BEV_FINISHED);
  bufferevent_setcb(a, NULL, NULL, NULL, NULL);
  turn();
  CHECK_LOG("b:r ");
}

/* --- timeouts ------------------------------------------------------------------------------------------- */

TEST(reading_times_out) {
  const struct timeval brief = milliseconds(5);
  CHECK_INT_EQ(make(0), 0);
  bufferevent_set_timeouts(a, &brief, &brief);
  bufferevent_enable(a, EV_READ);
  run_for(30);
  CHECK_LOG("a:e41/4 ");
  bufferevent_enable(a, EV_READ);
  bufferevent_disable(a, EV_READ);
  run_for(20);
  CHECK_LOG("");
  free_both();
}

TEST(writing_times_out_while_there_is_something_to_write) {
  const struct timeval brief = milliseconds(5);
  CHECK_INT_EQ(make(0), 0);
  bufferevent_set_timeouts(a, NULL, &brief);
  bufferevent_enable(a, EV_WRITE);
  run_for(20);
  CHECK_LOG("");
  bufferevent_write(a, "abc", 3);
  /* libevent's begins when writing is enabled. */
  bufferevent_enable(a, EV_WRITE);
  run_for(30);
  CHECK_LOG("a:e42/0 ");
  CHECK_INT_EQ(output_length(a), 3);
  free_both();
  CHECK_INT_EQ(make(0), 0);
  bufferevent_set_timeouts(a, NULL, &brief);
  bufferevent_write(a, "abc", 3);
  bufferevent_enable(b, EV_READ);
  run_for(20);
  CHECK_LOG("b:r3 a:w0 ");
  free_both();
}

TEST(a_timeout_starts_when_it_is_set) {
  const struct timeval brief = milliseconds(5);
  CHECK_INT_EQ(make(0), 0);
  bufferevent_enable(a, EV_READ);
  bufferevent_write(a, "abc", 3);
  bufferevent_set_timeouts(a, &brief, &brief);
  run_for(30);
  CHECK_LOG("a:e43/0 ");
  bufferevent_enable(a, EV_READ | EV_WRITE);
  bufferevent_set_timeouts(a, NULL, NULL);
  run_for(20);
  CHECK_LOG("");
  free_both();
}

TEST(a_reader_at_its_high_watermark_does_not_time_out) {
  const struct timeval brief = milliseconds(5);
  if (!ours()) return;
  CHECK_INT_EQ(make(0), 0);
  bufferevent_set_timeouts(b, &brief, NULL);
  bufferevent_set_timeouts(a, NULL, &brief);
  bufferevent_setwatermark(b, EV_READ, 0, 2);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, "abc", 3);
  run_for(30);
  CHECK_LOG("b:r2 a:e42/0 ");
  evbuffer_drain(bufferevent_get_input(b), 2);
  run_for(30);
  CHECK_LOG("b:e41/4 ");
  free_both();
}

/* --- threads -------------------------------------------------------------------------------------------- */

#ifndef EVENT__DISABLE_THREAD_SUPPORT
TEST(both_ends_share_one_lock) {
  struct event_base *before = base;
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  base = event_base_new();
  CHECK_INT_EQ(make(BEV_OPT_THREADSAFE), 0);
  bufferevent_lock(a);
  bufferevent_lock(b);
  bufferevent_enable(b, EV_READ);
  bufferevent_write(a, "hello", 5);
  bufferevent_unlock(a);
  bufferevent_unlock(b);
  turn();
  CHECK_LOG("b:r5 a:w0 ");
  /* The lock outlives the one that is freed first. */
  bufferevent_free(a);
  bufferevent_lock(b);
  CHECK(bufferevent_pair_get_partner(b) == NULL);
  bufferevent_unlock(b);
  bufferevent_free(b);
  turn();
  event_base_free(base);
  base = before;
}
#endif

int main(int argc, char **argv) {
  base = event_base_new();
  if (!base) return 1;
  RUN_TESTS(threadsafe_pair_requires_enabled_threads, a_new_pair_has_the_documented_state,
            get_partner_returns_null_for_other_bufferevents,
            unlock_callbacks_is_accepted_without_defer_callbacks, an_idle_pair_does_not_keep_the_loop_alive,
            a_pair_without_a_base_is_rejected, data_moves_immediately_and_callbacks_run_from_the_loop,
            data_stays_queued_until_the_reader_is_enabled, data_stays_queued_until_the_writer_is_enabled,
            a_reply_written_in_a_read_callback_arrives, frozen_buffer_ends_reject_changes_by_the_caller,
            buffer_callbacks_see_transferred_data, the_high_watermark_limits_transfers,
            draining_outside_of_callbacks_resumes_transfers, callbacks_obey_the_low_watermarks,
            flush_normal_does_nothing, flush_moves_data_even_while_disabled, flush_ignores_the_high_watermark,
            flush_finished_reports_eof_to_the_partner_after_the_data,
            flush_finished_reports_the_direction_of_the_partner,
            freeing_one_end_causes_no_event_at_the_other_which_stays_usable,
            pending_callbacks_of_a_freed_end_do_not_run, a_callback_may_free_both_ends, reading_times_out,
            writing_times_out_while_there_is_something_to_write, a_timeout_starts_when_it_is_set,
            a_reader_at_its_high_watermark_does_not_time_out
#ifndef EVENT__DISABLE_THREAD_SUPPORT
            ,
            both_ends_share_one_lock
#endif
  );
}

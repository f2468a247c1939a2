/* Streams over TLS bufferevents as a C program sees them: how much one read callback receives, what callbacks
 * may do between two slices, when EOF is reported, and filters on top. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdlib.h>

#include "api/openssl_fixture.h"
#include "api/tls_streams.h"

/* --- the data of one read callback -------------------------------------------------------------------- */

TEST(a_read_callback_receives_at_most_max_single_read) { in_all_ways(slices); }

static void small_records(enum form form, int server) {
  struct fixture f;
  size_t from;
  connect_for_stream(&f, form, server);
  if (CHECK_FAILED()) return;
  forget_seen(0, NULL);
  for (from = 0; from < stream_size; from += 1000) encrypt_stream(&f.peer, from, 1000);
  send_all(&f);
  check_whole_stream();
  CHECK_INT_LE(seen.largest, slice);
  end(&f);
}
TEST(small_records_are_delivered_in_one_slice) { in_all_ways(small_records); }

static void take_slices(enum form form, int server, int options) {
  struct fixture f;
  make_pair(f.fds);
  f.bev = make_tls(form, f.fds[0], server, BEV_OPT_CLOSE_ON_FREE | options, "a");
  f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
  bufferevent_setcb(f.bev, take_all, NULL, on_event, (void *)"a");
  bufferevent_enable(f.bev, EV_READ | EV_WRITE);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  forget_seen(0, NULL);
  encrypt_stream(&f.peer, 0, stream_size);
  SSL_shutdown(f.peer.ssl);
  send_all(&f);
  check_whole_stream();
  CHECK_INT_LE(seen.largest, slice);
  CHECK_LOG("a:e11 ");
  end(&f);
}
static void deferred_slices(enum form form, int server) {
  if (!ours()) return;
  take_slices(form, server, BEV_OPT_DEFER_CALLBACKS);
}
TEST(a_deferred_read_callback_receives_one_slice) { in_all_ways(deferred_slices); }

static void stopped(enum form form, int server) {
  struct fixture f;
  if (!ours()) return;
  begin_stream(&f, form, server, stream_size, 1, stop_reading);
  if (CHECK_FAILED()) return;
  send_all(&f);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_LE(seen.received, slice);
  bufferevent_enable(f.bev, EV_READ);
  turn();
  check_whole_stream();
  end(&f);
}
TEST(disabling_reading_in_a_callback_holds_back_the_next_slice) { in_all_ways(stopped); }

static void limited(enum form form, int server) {
  struct fixture f;
  static unsigned char piece[stream_size];
  if (!ours()) return;
  connect_for_stream(&f, form, server);
  if (CHECK_FAILED()) return;
  bufferevent_setcb(f.bev, on_read, NULL, on_event, (void *)"a");
  bufferevent_setwatermark(f.bev, EV_READ, 0, 20000);
  encrypt_stream(&f.peer, 0, 50000);
  send_all(&f);
  CHECK_INT_EQ(input_length(f.bev), 20000);
  bufferevent_read(f.bev, piece, sizeof(piece));
  turn();
  CHECK_INT_EQ(input_length(f.bev), 20000);
  bufferevent_read(f.bev, piece, sizeof(piece));
  turn();
  CHECK_INT_EQ(input_length(f.bev), 10000);
  log_text[0] = 0;
  end(&f);
}
TEST(a_high_watermark_holds_back_the_next_slice) { in_all_ways(limited); }

static void take_descriptor(struct bufferevent *bev) { bufferevent_setfd(bev, -1); }

static void without_descriptor(enum form form, int server) {
  struct fixture f;
  if (!ours() || form == over_bufferevent) return;
  begin_stream(&f, form, server, stream_size, 1, take_descriptor);
  if (CHECK_FAILED()) return;
  send_all(&f);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(bufferevent_setfd(f.bev, f.fds[0]), 0);
  send_all(&f);
  check_whole_stream();
  end(&f);
}
TEST(removing_the_fd_in_a_read_callback_stops_reading) { in_all_ways(without_descriptor); }

static void free_it(struct bufferevent *bev) { bufferevent_free(bev); }

/* Data not yet delivered stays in the session that the caller keeps. */
static void session_goes_on(enum form form, int server) {
  struct fixture f;
  SSL *ssl;
  if (!ours() || form == over_bufferevent) return;
  make_pair(f.fds);
  f.bev = make_tls(form, f.fds[0], server, 0, "a");
  ssl = bufferevent_openssl_get_ssl(f.bev);
  f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
  bufferevent_setcb(f.bev, take_all, NULL, on_event, (void *)"a");
  bufferevent_enable(f.bev, EV_READ);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  forget_seen(1, free_it);
  encrypt_stream(&f.peer, 0, stream_size);
  send_all(&f);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_LE(seen.received, slice);
  f.bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_OPEN, BEV_OPT_CLOSE_ON_FREE);
  CHECK(f.bev != NULL);
  bufferevent_setcb(f.bev, take_all, NULL, on_event, (void *)"a");
  bufferevent_enable(f.bev, EV_READ);
  send_all(&f);
  check_whole_stream();
  end(&f);
}
TEST(a_session_reused_between_slices_continues_with_the_next_slice) { in_all_ways(session_goes_on); }

/* --- descriptors that block -------------------------------------------------------------------------------
 */

/* The peer reads in the same thread, so a write that waits for it would never end. */
static void blocking(enum form form, int server) {
  static char text[1000000];
  const int room = 20000;
  struct fixture f;
  size_t total = 0;
  int got, i;
  if (!ours()) return;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  setsockopt(f.fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  CHECK_INT_EQ(fcntl(f.fds[0], F_SETFL, fcntl(f.fds[0], F_GETFL) & ~O_NONBLOCK), 0);
  /* It is looked at once per descriptor. */
  CHECK_INT_EQ(bufferevent_setfd(f.bev, f.fds[0]), 0);
  bufferevent_setcb(f.bev, NULL, NULL, on_event, (void *)"a");
  bufferevent_write(f.bev, text, sizeof(text));
  for (i = 0; i < 2000 && total < sizeof(text); ++i) {
    turn();
    while ((got = tls_peer_read(&f.peer, text, sizeof(text))) > 0) total += (size_t)got;
  }
  CHECK_INT_EQ(total, sizeof(text));
  CHECK_LOG("");
  end(&f);
}
TEST(a_blocking_socket_does_not_block_the_loop) { in_all_ways(blocking); }

/* --- the end of reading ------------------------------------------------------------------------------- */

TEST(eof_is_not_reported_while_reading_is_disabled) { in_all_ways(end_held_back); }

static void cut_held_back(enum form form, int server) {
  struct fixture f;
  int dirty;
  if (!ours() || form == over_bufferevent) return;
  for (dirty = 0; dirty < 2; ++dirty) {
    begin_stream(&f, form, server, 4, 1, stop_reading);
    if (CHECK_FAILED()) return;
    bufferevent_openssl_set_allow_dirty_shutdown(f.bev, dirty);
    tls_peer_send(&f.peer, 1L << 30);
    tls_peer_receive(&f.peer);
    shutdown(f.fds[1], SHUT_WR);
    turn();
    CHECK_INT_EQ(seen.received, 4);
    CHECK_LOG("");
    bufferevent_enable(f.bev, EV_READ);
    turn();
    CHECK_LOG(dirty ? "a:e11 " : "a:e21 ");
    end(&f);
  }
}
TEST(truncation_is_not_reported_while_reading_is_disabled) { in_all_ways(cut_held_back); }

static void end_at_watermark(enum form form, int server) {
  struct fixture f;
  char text[16];
  if (!ours()) return;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  bufferevent_setwatermark(f.bev, EV_READ, 0, 4);
  SSL_write(f.peer.ssl, "last", 4);
  SSL_shutdown(f.peer.ssl);
  send_all(&f);
  CHECK_LOG("a:r4 ");
  bufferevent_read(f.bev, text, 4);
  turn();
  CHECK_LOG("a:e11 ");
  end(&f);
}
TEST(eof_is_not_reported_at_the_high_watermark) { in_all_ways(end_at_watermark); }

TEST(an_alert_answering_an_unclean_shutdown_is_eof_if_that_is_allowed) { in_all_ways(early_end_is_answered); }

/* --- callbacks that are left -------------------------------------------------------------------------- */

static jmp_buf way_out;
static void leave(struct bufferevent *bev) {
  (void)bev;
  longjmp(way_out, 1);
}

static void left_by_jump(enum form form, int server) {
  struct fixture f;
  struct event_base *others = base;
  /* Not with locks: control would take them along. */
  if (threadsafe() || !ours()) return;
  base = event_base_new();
  begin_stream(&f, form, server, stream_size, 2, leave);
  if (CHECK_FAILED()) return;
  if (!setjmp(way_out)) send_all(&f);
  CHECK_INT_EQ(seen.calls, 2);
  bufferevent_free(f.bev);
  tls_peer_free(&f.peer);
  event_base_free(base);
  base = others;
}
TEST(a_read_callback_may_be_left_by_longjmp) {
  /* The sanitizer would report memory held by the abandoned frames. */
#if !defined(__SANITIZE_ADDRESS__)
  in_all_ways(left_by_jump);
#else
  (void)left_by_jump;
#endif
}

int main(int argc, char **argv) {
  if (!begin_program()) return 1;
  RUN_TESTS(a_read_callback_receives_at_most_max_single_read, small_records_are_delivered_in_one_slice,
            a_deferred_read_callback_receives_one_slice,
            disabling_reading_in_a_callback_holds_back_the_next_slice,
            a_high_watermark_holds_back_the_next_slice, removing_the_fd_in_a_read_callback_stops_reading,
            a_session_reused_between_slices_continues_with_the_next_slice,
            a_blocking_socket_does_not_block_the_loop, eof_is_not_reported_while_reading_is_disabled,
            truncation_is_not_reported_while_reading_is_disabled, eof_is_not_reported_at_the_high_watermark,
            an_alert_answering_an_unclean_shutdown_is_eof_if_that_is_allowed,
            a_read_callback_may_be_left_by_longjmp);
}

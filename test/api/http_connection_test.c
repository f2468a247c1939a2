/* The connections of HTTP servers: clients that disconnect, and bufferevents taken over by the application.
 */
#include <event2/eventide_http.h>

#include "api/http_pending.h"

/* --- clients that go away --- */

TEST(a_client_eof_during_a_chunked_reply_is_reported) {
  static void (*const ends[])(int) = {end_side, close_client, reset};
  size_t i;
  for (i = 0; i < sizeof(ends) / sizeof(ends[0]); ++i) {
    int fd;
    start_server();
    fd = begin(begin_parts, GET("/"));
    CHECK(kept != NULL);
    CHECK_INT_EQ(closes, 0);
    ends[i](fd);
    until_closed();
    CHECK_INT_EQ(closes, 1);
    CHECK_PTR_EQ(evhttp_request_get_connection(kept), NULL);
    send_part(kept, "more");
    evhttp_send_reply_end(kept); /* frees it */
    if (ends[i] == end_side) close(fd);
    stop_server();
  }
}

TEST(a_reset_is_reported_while_the_request_is_pending) {
  int fd;
  start_server();
  fd = begin(keep, GET("/"));
  CHECK(kept != NULL);
  reset(fd);
  until_closed();
  CHECK_INT_EQ(closes, 1);
  CHECK_PTR_EQ(evhttp_request_get_connection(kept), NULL);
  reply_text(kept, 200, "late");
  stop_server();
}

/* The client sent another request first, which must not hide its end. */
TEST(a_reset_behind_a_pipelined_request_is_reported) {
  int fd;
  start_server();
  fd = begin(keep, GET("/"));
  send_text(fd, GET("/next"), strlen(GET("/next")));
  settle();
  CHECK_STR_EQ(evhttp_request_get_uri(kept), "/");
  reset(fd);
  until_closed();
  CHECK_INT_EQ(closes, 1);
  evhttp_request_free(kept);
  stop_server();
}

static void finish(int in_parts) {
  if (in_parts) {
    evhttp_send_reply_start(kept, 200, NULL);
    send_part(kept, "an");
    settle();
    send_part(kept, "swer");
    evhttp_send_reply_end(kept);
  } else {
    reply_text(kept, 200, "answer");
  }
}

/* A FIN before the reply is begun may be a half-close. */
TEST(a_half_close_before_the_reply_is_answered) {
  int in_parts, with_request;
  for (in_parts = 0; in_parts < 2; ++in_parts) {
    for (with_request = 0; with_request < 2; ++with_request) {
      int fd;
      start_server();
      fd = begin(keep, GET("/"));
      if (!with_request) settle();
      end_side(fd);
      settle();
      CHECK_INT_EQ(closes, 0);
      finish(in_parts);
      CHECK_HAS(next_answer(fd, NULL), in_parts ? "2\r\nan\r\n4\r\nswer\r\n0\r\n\r\n" : "answer");
      CHECK_HAS(last.text, "Connection: close");
      CHECK_INT_EQ(last.ended, 1);
      CHECK_INT_EQ(closes, 1);
      close(fd);
      stop_server();
    }
  }
}

static void begin_parts_of_half_closed(struct evhttp_request *req, void *arg) { begin_parts(req, arg); }

/* Also when the reply is begun in the callback and ended later: the FIN was there first. */
TEST(a_half_closed_client_receives_a_chunked_reply) {
  int fd;
  start_server();
  closes = 0;
  evhttp_set_gencb(http, begin_parts_of_half_closed, NULL);
  fd = prompt_client();
  send_text(fd, GET("/"), strlen(GET("/")));
  end_side(fd);
  settle();
  CHECK_INT_EQ(closes, 0);
  send_part(kept, "last");
  evhttp_send_reply_end(kept);
  CHECK_HAS(next_answer(fd, NULL), "4\r\nlast\r\n0\r\n\r\n");
  close(fd);
  stop_server();
}

TEST(all_pipelined_requests_of_a_half_closed_client_are_answered) {
  int fd;
  start_server();
  fd = begin(keep, GET("/1") GET("/2") "GET /incomplete");
  end_side(fd);
  settle();
  CHECK_STR_EQ(evhttp_request_get_uri(kept), "/1");
  evhttp_set_gencb(http, say_hello, "second");
  reply_text(kept, 200, "first");
  next_answer(fd, NULL);
  CHECK_INT_EQ(count_of(last.text, "HTTP/1.1 200"), 2);
  CHECK_HAS(last.text, "first");
  CHECK_HAS(last.text, "second");
  CHECK_INT_EQ(closes, 1);
  close(fd);
  stop_server();
}

static void keep_and_close_on_eof(struct evhttp_request *req, void *arg) {
  keep(req, arg);
  eventide_http_connection_set_close_on_eof(evhttp_request_get_connection(req), 1);
}

/* Set for all connections of the server, for one connection, and for one whose EOF was already seen. */
TEST(close_on_eof_closes_a_pending_request) {
  int kind;
  for (kind = 0; kind < 3; ++kind) {
    int fd;
    start_server();
    if (kind == 0) eventide_http_set_close_on_eof(http, 1);
    fd = begin(kind == 1 ? keep_and_close_on_eof : keep, GET("/"));
    CHECK(kept != NULL);
    end_side(fd);
    if (kind == 2) {
      settle();
      CHECK_INT_EQ(closes, 0);
      eventide_http_connection_set_close_on_eof(evhttp_request_get_connection(kept), 1);
      CHECK_INT_EQ(closes, 0);
    }
    until_closed();
    CHECK_INT_EQ(closes, 1);
    CHECK_PTR_EQ(evhttp_request_get_connection(kept), NULL);
    evhttp_send_reply(kept, 200, NULL, NULL);
    close(fd);
    stop_server();
  }
}

TEST(close_on_eof_can_be_disabled) {
  int fd;
  start_server();
  eventide_http_set_close_on_eof(http, 1);
  fd = begin(keep, GET("/"));
  eventide_http_connection_set_close_on_eof(evhttp_request_get_connection(kept), 0);
  end_side(fd);
  settle();
  CHECK_INT_EQ(closes, 0);
  reply_text(kept, 200, "answer");
  CHECK_HAS(next_answer(fd, NULL), "answer");
  close(fd);
  stop_server();
}

/* 16 KiB wait beside a pending request; more is left to the kernel until the reply. */
enum { kMaxWaiting = 16384 };
static size_t waiting(void) {
  return evbuffer_get_length(
      bufferevent_get_input(evhttp_connection_get_bufferevent(evhttp_request_get_connection(kept))));
}
static void send_blanks(int fd, size_t size) {
  while (size-- > 0) {
    send_text(fd, "x", 1);
    turns(2);
  }
}

TEST(pipelined_input_is_bounded) {
  static char more[kMaxWaiting - 2];
  int fd;
  start_server();
  fd = begin(keep, GET("/"));
  memset(more, 'x', sizeof(more));
  send_text(fd, "GET /", 5);
  send_text(fd, more, sizeof(more) - 5);
  settle();
  CHECK_INT_EQ(waiting(), kMaxWaiting - 2);
  send_blanks(fd, 1);
  CHECK_INT_EQ(waiting(), kMaxWaiting - 1);
  send_blanks(fd, 1);
  CHECK_INT_EQ(waiting(), kMaxWaiting);
  send_blanks(fd, 3);
  CHECK_INT_EQ(waiting(), kMaxWaiting);
  evhttp_set_gencb(http, say_hello, "second");
  reply_text(kept, 200, "first");
  send_text(fd, " HTTP/1.1\r\n\r\n", 13);
  CHECK_HAS(next_answer(fd, "second"), "first");
  CHECK_HAS(last.text, "second");
  close(fd);
  stop_server();
}

/* --- bufferevents with callbacks of the program's --- */

static struct evhttp_connection *taken;
static int echoes, events;
static void echo_input(struct bufferevent *bev, void *arg) {
  char text[100];
  size_t size;
  CHECK_PTR_EQ(arg, &echoes);
  while ((size = bufferevent_read(bev, text, sizeof(text))) > 0) bufferevent_write(bev, text, size);
  ++echoes;
}
static void note_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  CHECK_PTR_EQ(arg, &echoes);
  events |= what;
}
static void upgrade(struct evhttp_request *req, void *arg) {
  struct bufferevent *bev;
  keep(req, arg);
  taken = evhttp_request_get_connection(req);
  bev = evhttp_connection_get_bufferevent(taken);
  bufferevent_setcb(bev, echo_input, NULL, note_event, &echoes);
  evbuffer_add_printf(bufferevent_get_output(bev), "HTTP/1.1 101 Switching Protocols\r\n\r\n");
  bufferevent_enable(bev, EV_READ | EV_WRITE);
}
static void upgrade_kept(void) { upgrade(kept, NULL); }

/* In the request's callback, and later. */
TEST(a_callback_may_take_over_the_bufferevent) {
  int later;
  for (later = 0; later < 2; ++later) {
    int fd, i;
    start_server();
    echoes = events = 0;
    fd = begin(later ? keep : upgrade, GET("/up"));
    if (later) upgrade_kept();
    CHECK_HAS(next_answer(fd, "\r\n\r\n"), "101");
    for (i = 0; i < 5; ++i) {
      memset(&last, 0, sizeof(last));
      send_text(fd, "ball", 4);
      receive(fd, &last, "ball");
      CHECK_STR_EQ(last.text, "ball");
    }
    CHECK_INT_EQ(echoes, 5);
    close(fd);
    settle();
    CHECK_INT_EQ(events, BEV_EVENT_EOF | BEV_EVENT_READING);
    CHECK_INT_EQ(closes, 0);
    evhttp_connection_free(taken); /* the request goes with it */
    CHECK_INT_EQ(closes, 1);
    stop_server();
  }
}

/* Reading and writing stay enabled or disabled as set by the callback, whatever the client does. */
TEST(the_server_does_not_use_a_bufferevent_that_was_taken_over) {
  struct bufferevent *bev;
  int fd;
  start_server();
  fd = begin(upgrade, GET("/up"));
  bev = evhttp_connection_get_bufferevent(taken);
  bufferevent_disable(bev, EV_READ | EV_WRITE);
  bufferevent_setwatermark(bev, EV_READ, 3, 9);
  send_text(fd, "x", 1);
  settle();
  CHECK_INT_EQ(bufferevent_get_enabled(bev), 0);
  bufferevent_enable(bev, EV_READ);
  echoes = 0;
  settle();
  CHECK_INT_EQ(bufferevent_get_enabled(bev), EV_READ);
  CHECK_INT_EQ(echoes, 0);
  CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 1);
  send_text(fd, GET("/not a request"), strlen(GET("/not a request")));
  bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
  settle();
  CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 9);
  evhttp_connection_free(taken);
  close(fd);
  stop_server();
}

static void keep_unread(struct evhttp_request *req, void *arg) {
  keep(req, arg);
  bufferevent_disable(evhttp_connection_get_bufferevent(evhttp_request_get_connection(req)), EV_READ);
}

static void disable_and_reply(struct evhttp_request *req, void *arg) {
  bufferevent_disable(evhttp_connection_get_bufferevent(evhttp_request_get_connection(req)), EV_READ);
  say_hello(req, arg);
}

TEST(a_reply_resumes_reading_of_the_next_request) {
  int fd, i;
  start_server();
  evhttp_set_gencb(http, disable_and_reply, NULL);
  fd = client();
  for (i = 0; i < 3; ++i) {
    CHECK_HAS(ask_on(fd, GET("/"), "hello"), "hello");
  }
  close(fd);
  stop_server();
}

/* A program may read from the descriptor itself, without callbacks of the bufferevent. */
TEST(reading_disabled_by_a_callback_stays_disabled_until_the_reply) {
  char byte = '\0';
  int fd, server_fd;
  start_server();
  fd = begin(keep_unread, GET("/"));
  server_fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evhttp_request_get_connection(kept)));
  send_text(fd, "!", 1);
  settle();
  CHECK_INT_EQ(recv(server_fd, &byte, 1, MSG_DONTWAIT), 1);
  CHECK_INT_EQ(byte, '!');
  evhttp_set_gencb(http, say_hello, "second");
  reply_text(kept, 200, "first");
  CHECK_HAS(ask_on(fd, GET("/2"), "second"), "second");
  close(fd);
  stop_server();
}

/* The server answers the next request on the connection, and sees that the client closes it. */
static void check_served_again(int fd) {
  evhttp_set_gencb(http, say_hello, "second");
  CHECK_HAS(ask_on(fd, GET("/2"), "second"), "second");
  close(fd);
  until_closed();
  CHECK_INT_EQ(closes, 1);
}

/* Programs set callbacks to learn of the client's end, and reply afterwards: that gives the connection back.
 */
TEST(a_reply_returns_the_bufferevent_to_the_server) {
  int in_parts;
  for (in_parts = 0; in_parts < 2; ++in_parts) {
    struct bufferevent *bev;
    int fd;
    start_server();
    fd = begin(keep, GET("/"));
    bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(kept));
    bufferevent_setcb(bev, NULL, NULL, note_event, &echoes);
    bufferevent_enable(bev, EV_READ);
    settle();
    finish(in_parts);
    next_answer(fd, in_parts ? "0\r\n\r\n" : "answer");
    check_served_again(fd);
    stop_server();
  }
}

/* In the midst of a reply in parts too: the next part gives it back, or the end. */
TEST(a_reply_chunk_returns_the_bufferevent_to_the_server) {
  int with_part;
  for (with_part = 0; with_part < 2; ++with_part) {
    struct bufferevent *bev;
    int fd;
    start_server();
    fd = begin(begin_parts, GET("/"));
    bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(kept));
    bufferevent_setcb(bev, NULL, NULL, note_event, &echoes);
    settle();
    if (with_part) send_part(kept, "last");
    evhttp_send_reply_end(kept);
    next_answer(fd, "0\r\n\r\n");
    check_served_again(fd);
    stop_server();
  }
}

static void stop_waiting(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  *(int *)arg = 1;
}
/* The read timeout is for the client's part of the work. */
TEST(a_slow_chunked_reply_does_not_time_out) {
  struct timeval longer = {0, 100000};
  int over = 0, fd;
  start_server();
  evhttp_set_timeout_tv(http, &soon);
  fd = begin(begin_parts, GET("/"));
  event_base_once(base, -1, EV_TIMEOUT, stop_waiting, &over, &longer);
  while (!over) event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(closes, 0);
  send_part(kept, "last");
  evhttp_send_reply_end(kept);
  CHECK_HAS(next_answer(fd, "0\r\n\r\n"), "4\r\nlast\r\n0\r\n\r\n");
  /* The next request's timeout runs again. */
  receive(fd, &last, NULL);
  CHECK_INT_EQ(last.ended, 1);
  close(fd);
  stop_server();
}

int main(int argc, char **argv) {
  RUN_TESTS(
      a_client_eof_during_a_chunked_reply_is_reported, a_reset_is_reported_while_the_request_is_pending,
      a_reset_behind_a_pipelined_request_is_reported, a_half_close_before_the_reply_is_answered,
      a_half_closed_client_receives_a_chunked_reply,
      all_pipelined_requests_of_a_half_closed_client_are_answered, close_on_eof_closes_a_pending_request,
      close_on_eof_can_be_disabled, pipelined_input_is_bounded, a_callback_may_take_over_the_bufferevent,
      the_server_does_not_use_a_bufferevent_that_was_taken_over, a_reply_resumes_reading_of_the_next_request,
      reading_disabled_by_a_callback_stays_disabled_until_the_reply,
      a_reply_returns_the_bufferevent_to_the_server, a_reply_chunk_returns_the_bufferevent_to_the_server,
      a_slow_chunked_reply_does_not_time_out);
}

/* The connections of HTTP servers: clients that go away, bufferevents that the program takes over, and what
 * is sent before the end. */
#include <event2/eventide_http.h>
#include <event2/http_struct.h>
#include <netinet/tcp.h>

#include "api/http_server.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static struct evhttp_request *kept;
static int closes;

static void turns(int n) {
  while (n-- > 0) event_base_loop(base, EVLOOP_NONBLOCK);
}
/* What loopback delivers is there when the call that sent it returns; a few iterations see it. */
static void settle(void) { turns(10); }

static void until_closed(void) {
  int patience;
  for (patience = 0; patience < kPatienceMs && !closes; ++patience) {
    turns(1);
    if (patience > 50) poll(NULL, 0, 1);
  }
}

static void note_close(struct evhttp_connection *evcon, void *arg) {
  (void)arg;
  CHECK(evhttp_connection_get_bufferevent(evcon) != NULL);
  ++closes;
}
static void keep(struct evhttp_request *req, void *arg) {
  kept = req;
  (void)arg;
  evhttp_connection_set_closecb(evhttp_request_get_connection(req), note_close, NULL);
}
static void send_part(struct evhttp_request *req, const char *text) {
  struct evbuffer *data = evbuffer_new();
  evbuffer_add_printf(data, "%s", text);
  evhttp_send_reply_chunk(req, data);
  evbuffer_free(data);
}
static void begin_parts(struct evhttp_request *req, void *arg) {
  keep(req, arg);
  evhttp_send_reply_start(req, 200, NULL);
  send_part(req, "part");
}

static void end_side(int fd) { shutdown(fd, SHUT_WR); }
static void reset(int fd) {
  struct linger at_once = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(fd);
}
static void close_client(int fd) { close(fd); }

/* Each piece that it sends is delivered at once. */
static int prompt_client(void) {
  const int on = 1, fd = client();
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}
static int begin(void (*cb)(struct evhttp_request *, void *), const char *request) {
  int fd;
  kept = NULL;
  closes = 0;
  evhttp_set_gencb(http, cb, NULL);
  fd = prompt_client();
  send_text(fd, request, strlen(request));
  settle();
  return fd;
}

/* --- clients that go away --- */

TEST(the_end_of_a_client_in_a_reply_in_parts_is_reported) {
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
      memset(&last, 0, sizeof(last));
      receive(fd, &last, NULL);
      CHECK_HAS(last.text, in_parts ? "2\r\nan\r\n4\r\nswer\r\n0\r\n\r\n" : "answer");
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
TEST(a_half_close_with_the_request_is_answered_in_parts) {
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
  memset(&last, 0, sizeof(last));
  receive(fd, &last, NULL);
  CHECK_HAS(last.text, "4\r\nlast\r\n0\r\n\r\n");
  close(fd);
  stop_server();
}

TEST(all_that_a_half_closed_client_asked_for_is_answered) {
  int fd;
  start_server();
  fd = begin(keep, GET("/1") GET("/2") "GET /incomplete");
  end_side(fd);
  settle();
  CHECK_STR_EQ(evhttp_request_get_uri(kept), "/1");
  evhttp_set_gencb(http, say_hello, "second");
  reply_text(kept, 200, "first");
  memset(&last, 0, sizeof(last));
  receive(fd, &last, NULL);
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

/* For the server's connections, for one, and for one whose end was noticed before. */
TEST(the_end_of_a_client_can_close_a_pending_request) {
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

TEST(closing_on_the_end_can_be_taken_back) {
  int fd;
  start_server();
  eventide_http_set_close_on_eof(http, 1);
  fd = begin(keep, GET("/"));
  eventide_http_connection_set_close_on_eof(evhttp_request_get_connection(kept), 0);
  end_side(fd);
  settle();
  CHECK_INT_EQ(closes, 0);
  reply_text(kept, 200, "answer");
  memset(&last, 0, sizeof(last));
  receive(fd, &last, NULL);
  CHECK_HAS(last.text, "answer");
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

TEST(input_that_waits_is_bounded) {
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
  memset(&last, 0, sizeof(last));
  receive(fd, &last, "second");
  CHECK_HAS(last.text, "first");
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
TEST(a_bufferevent_may_be_taken_over) {
  int later;
  for (later = 0; later < 2; ++later) {
    int fd, i;
    start_server();
    echoes = events = 0;
    fd = begin(later ? keep : upgrade, GET("/up"));
    if (later) upgrade_kept();
    memset(&last, 0, sizeof(last));
    receive(fd, &last, "\r\n\r\n");
    CHECK_HAS(last.text, "101");
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

/* Reading and writing stay as the program has them, whatever the program and the client do. */
TEST(a_bufferevent_that_was_taken_over_is_left_alone) {
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

/* Programs set callbacks to learn of the client's end, and reply afterwards: that gives the connection back.
 */
TEST(a_reply_gives_the_bufferevent_back) {
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
    memset(&last, 0, sizeof(last));
    receive(fd, &last, in_parts ? "0\r\n\r\n" : "answer");
    evhttp_set_gencb(http, say_hello, "second");
    send_text(fd, GET("/2"), strlen(GET("/2")));
    receive(fd, &last, "second");
    CHECK_HAS(last.text, "second");
    close(fd);
    until_closed();
    CHECK_INT_EQ(closes, 1);
    stop_server();
  }
}

static struct timeval soon = {0, 20000};
static void stop_waiting(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  *(int *)arg = 1;
}
/* The read timeout is for the client's part of the work. */
TEST(a_slow_reply_in_parts_is_not_timed_out) {
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
  memset(&last, 0, sizeof(last));
  receive(fd, &last, "0\r\n\r\n");
  CHECK_HAS(last.text, "4\r\nlast\r\n0\r\n\r\n");
  /* The next request's timeout runs again. */
  receive(fd, &last, NULL);
  CHECK_INT_EQ(last.ended, 1);
  close(fd);
  stop_server();
}

/* --- what is sent before the end --- */

static void free_connection(struct evhttp_request *req) {
  struct evhttp_connection *evcon = evhttp_request_get_connection(req);
  evhttp_connection_free(evcon);
  CHECK_INT_EQ(closes, 1);
  CHECK_PTR_EQ(evhttp_request_get_connection(req), NULL);
}
static void free_request(struct evhttp_request *req) { evhttp_request_free(req); }
static void free_socket(struct evhttp_request *req) {
  evhttp_del_accept_socket(http, bound);
  bound = NULL;
  free_connection(req);
}
static void reply_then_free(struct evhttp_request *req) {
  struct evhttp_connection *evcon = evhttp_request_get_connection(req);
  reply_text(req, 200, "first");
  evhttp_connection_free(evcon);
}
static void stream_then_free(struct evhttp_request *req) {
  evhttp_send_reply_start(req, 200, NULL);
  send_part(req, "part");
  evhttp_connection_free(evhttp_request_get_connection(req));
  evhttp_send_reply_end(req);
}
static int refuse_request(struct evhttp_request *req) {
  (void)req;
  return -1;
}

static int (*on_headers)(struct evhttp_request *);
static int headers_of_second(struct evhttp_request *req, void *arg) {
  (void)arg;
  return strcmp(evhttp_request_get_uri(req), "/2") == 0 ? on_headers(req) : 0;
}
static int requests;
static int second_request(struct evhttp_request *req, void *arg) {
  (void)arg;
  if (on_headers) evhttp_request_set_header_cb(req, headers_of_second);
  return ++requests == 2 && !on_headers ? -1 : 0;
}
static void first_then(struct evhttp_request *req, void *arg) {
  void (*const *second)(struct evhttp_request *) = arg;
  evhttp_connection_set_closecb(evhttp_request_get_connection(req), note_close, NULL);
  if (strcmp(evhttp_request_get_uri(req), "/2") == 0) return (*second)(req);
  reply_text(req, 200, "first");
}

/* All that comes back for two requests in one segment, of which the second ends the connection. */
static const char *ask_two(void (*second)(struct evhttp_request *), const char *request) {
  int fd = prompt_client();
  closes = requests = 0;
  evhttp_set_gencb(http, first_then, &second);
  send_text(fd, request, strlen(request));
  memset(&last, 0, sizeof(last));
  receive(fd, &last, NULL);
  close(fd);
  settle();
  return last.text;
}

TEST(replies_are_sent_before_the_connection_is_freed) {
  static void (*const ways[])(struct evhttp_request *) = {free_connection, free_request, free_socket,
                                                          reply_then_free, stream_then_free};
  size_t i;
  for (i = 0; i < sizeof(ways) / sizeof(ways[0]); ++i) {
    start_server();
    CHECK_HAS(ask_two(ways[i], GET("/1") GET("/2") GET("/3")), "first");
    CHECK_INT_EQ(last.ended, 1);
    CHECK_INT_EQ(closes, 1);
    CHECK_INT_EQ(evhttp_get_connection_count(http), 0);
    stop_server();
  }
}

TEST(replies_are_sent_before_a_later_request_is_refused) {
  start_server();
  evhttp_set_newreqcb(http, second_request, NULL);
  on_headers = NULL;
  CHECK_HAS(ask_two(free_request, GET("/1") GET("/2")), "first");
  on_headers = refuse_request;
  CHECK_HAS(ask_two(free_request, GET("/1") GET("/2")), "first");
  CHECK_INT_EQ(count_of(last.text, "HTTP/1.1"), 1);
  CHECK_HAS(ask_two(free_request, GET("/1") "garbage\r\n\r\n"), "first");
  CHECK_HAS(last.text, "400 Bad Request");
  CHECK_INT_EQ(evhttp_get_connection_count(http), 0);
  stop_server();
}

enum { kBigReply = 8000000 };
static void first_is_big(struct evhttp_request *req, void *arg) {
  struct evbuffer *body;
  static char big[kBigReply];
  if (strcmp(evhttp_request_get_uri(req), "/2") == 0) return evhttp_connection_free(arg);
  keep(req, NULL);
  evhttp_set_gencb(http, first_is_big, evhttp_request_get_connection(req));
  body = evbuffer_new();
  evbuffer_add_reference(body, big, sizeof(big), NULL, NULL);
  evhttp_send_reply(req, 200, NULL, body);
  evbuffer_free(body);
}
static int begin_big(void) {
  int fd;
  closes = 0;
  evhttp_set_gencb(http, first_is_big, NULL);
  fd = prompt_client();
  send_text(fd, GET("/1"), strlen(GET("/1")));
  while (!closes && !kept) event_base_loop(base, EVLOOP_NONBLOCK);
  settle();
  return fd;
}
static struct evhttp_connection *connection_of_big(void) { return evhttp_request_get_connection(kept); }

static size_t read_all(int fd) {
  static char text[65536];
  struct pollfd wait;
  size_t got = 0;
  int patience = kPatienceMs;
  wait.fd = fd;
  wait.events = POLLIN;
  while (patience > 0) {
    ssize_t now;
    event_base_loop(base, EVLOOP_NONBLOCK);
    if (poll(&wait, 1, 1) <= 0) {
      --patience;
      continue;
    }
    now = recv(fd, text, sizeof(text), MSG_DONTWAIT);
    if (now <= 0) break;
    got += (size_t)now;
  }
  return got;
}

/* More than sockets hold: it is sent as the client reads it, after the connection was freed. */
TEST(a_freed_connection_sends_all_of_a_reply) {
  int fd;
  start_server();
  kept = NULL;
  fd = begin_big();
  evhttp_connection_free(connection_of_big());
  CHECK_INT_EQ(closes, 1);
  CHECK_INT_EQ(evhttp_get_connection_count(http), 1);
  CHECK(read_all(fd) > kBigReply);
  settle();
  CHECK_INT_EQ(evhttp_get_connection_count(http), 0);
  close(fd);
  stop_server();
}

TEST(a_freed_connection_waits_no_longer_than_the_write_timeout) {
  int fd, i;
  start_server();
  evhttp_set_write_timeout_tv(http, &soon);
  kept = NULL;
  fd = begin_big();
  evhttp_connection_free(connection_of_big());
  for (i = 0; i < 1000 && evhttp_get_connection_count(http) > 0; ++i) event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(evhttp_get_connection_count(http), 0);
  close(fd);
  stop_server();
}

/* As in libevent; the base may be freed next. */
TEST(a_freed_server_sends_nothing_more) {
  int fd;
  start_server();
  kept = NULL;
  fd = begin_big();
  evhttp_connection_free(connection_of_big());
  evhttp_free(http);
  http = NULL;
  CHECK(read_all(fd) < kBigReply);
  close(fd);
  stop_server();
}

static void free_server(struct evhttp_connection *evcon, void *arg) {
  (void)evcon;
  (void)arg;
  ++closes;
  evhttp_free(http);
  http = NULL;
}
TEST(a_close_callback_may_free_the_server) {
  int fd;
  start_server();
  kept = NULL;
  fd = begin_big();
  evhttp_connection_set_closecb(connection_of_big(), free_server, NULL);
  evhttp_connection_free(connection_of_big());
  CHECK_INT_EQ(closes, 1);
  CHECK_PTR_EQ(http, NULL);
  close(fd);
  stop_server();
}

/* A reply in parts that the program gives up is not waited for. */
TEST(a_reply_that_is_cut_off_is_closed_at_once) {
  int fd;
  start_server();
  fd = begin(begin_parts, GET("/"));
  memset(&last, 0, sizeof(last));
  receive(fd, &last, "part");
  send_part(kept, "unsent");
  evhttp_connection_free(evhttp_request_get_connection(kept));
  CHECK_INT_EQ(evhttp_get_connection_count(http), 0);
  evhttp_send_reply_end(kept);
  close(fd);
  stop_server();
}

int main(int argc, char **argv) {
  RUN_TESTS(the_end_of_a_client_in_a_reply_in_parts_is_reported,
            a_reset_is_reported_while_the_request_is_pending, a_reset_behind_a_pipelined_request_is_reported,
            a_half_close_before_the_reply_is_answered, a_half_close_with_the_request_is_answered_in_parts,
            all_that_a_half_closed_client_asked_for_is_answered,
            the_end_of_a_client_can_close_a_pending_request, closing_on_the_end_can_be_taken_back,
            input_that_waits_is_bounded, a_bufferevent_may_be_taken_over,
            a_bufferevent_that_was_taken_over_is_left_alone, a_reply_gives_the_bufferevent_back,
            a_slow_reply_in_parts_is_not_timed_out, replies_are_sent_before_the_connection_is_freed,
            replies_are_sent_before_a_later_request_is_refused, a_freed_connection_sends_all_of_a_reply,
            a_freed_connection_waits_no_longer_than_the_write_timeout, a_freed_server_sends_nothing_more,
            a_close_callback_may_free_the_server, a_reply_that_is_cut_off_is_closed_at_once);
}

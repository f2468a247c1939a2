/* Replies still unsent when their connection is freed. */
#include "api/http_pending.h"

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
  ask_on(fd, request, NULL);
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
  kept = NULL;
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
TEST(a_freed_connection_sends_the_whole_reply) {
  int fd;
  start_server();
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
  fd = begin_big();
  evhttp_connection_set_closecb(connection_of_big(), free_server, NULL);
  evhttp_connection_free(connection_of_big());
  CHECK_INT_EQ(closes, 1);
  CHECK_PTR_EQ(http, NULL);
  close(fd);
  stop_server();
}

/* A reply in parts that the program gives up is not waited for. */
TEST(a_truncated_reply_is_closed_immediately) {
  int fd;
  start_server();
  fd = begin(begin_parts, GET("/"));
  next_answer(fd, "part");
  send_part(kept, "unsent");
  evhttp_connection_free(evhttp_request_get_connection(kept));
  CHECK_INT_EQ(evhttp_get_connection_count(http), 0);
  evhttp_send_reply_end(kept);
  close(fd);
  stop_server();
}

int main(int argc, char **argv) {
  RUN_TESTS(replies_are_sent_before_the_connection_is_freed,
            replies_are_sent_before_a_later_request_is_refused, a_freed_connection_sends_the_whole_reply,
            a_freed_connection_waits_no_longer_than_the_write_timeout, a_freed_server_sends_nothing_more,
            a_close_callback_may_free_the_server, a_truncated_reply_is_closed_immediately);
}

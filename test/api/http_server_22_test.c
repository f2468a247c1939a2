/* What libevent 2.2 added to HTTP servers. */
#include <fcntl.h>

#include "api/http_server.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* --- methods --- */

static int know_foo(struct evhttp_ext_method *method) {
  if (strcmp(method->method, "FOO") != 0) return -1;
  method->type = EVHTTP_REQ_MAX << 1;
  method->flags = EVHTTP_METHOD_HAS_BODY;
  return 0;
}
static int claim_everything(struct evhttp_ext_method *method) {
  method->type = EVHTTP_REQ_GET;
  return 0;
}

static void know_foo_from_now_on(struct evhttp_request *req, void *arg) {
  (void)arg;
  evhttp_connection_set_ext_method_cmp(evhttp_request_get_connection(req), know_foo);
  say_hello(req, NULL);
}

TEST(applications_can_add_methods) {
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  evhttp_set_ext_method_cmp(http, know_foo);
  CHECK_HAS(ask("FOO / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), "method=65536 uri=/");
  CHECK_HAS(last.text, "body=abc");
  CHECK_INT_EQ(status_of(ask("BAR / HTTP/1.1\r\n\r\n")), 501);
  CHECK_INT_EQ(status_of(ask("ANAMETHATISMUCHLONGERTHANANYMETHODHAS / HTTP/1.1\r\n\r\n")), 501);
  evhttp_set_ext_method_cmp(http, claim_everything);
  CHECK_INT_EQ(status_of(ask("BAR / HTTP/1.1\r\n\r\n")), 501);
  evhttp_set_ext_method_cmp(http, NULL);
  CHECK_INT_EQ(status_of(ask("FOO / HTTP/1.1\r\n\r\n")), 501);
  evhttp_set_gencb(http, know_foo_from_now_on, NULL);
  CHECK_INT_EQ(count_of(ask(GET("/") "FOO / HTTP/1.1\r\n\r\n"), " 200 OK"), 2);
  stop_server();
}

TEST(webdav_methods_are_known) {
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  evhttp_set_allowed_methods(http, 0xffff);
  CHECK_HAS(ask("PROPFIND / HTTP/1.1\r\n\r\n"), "method=512 ");
  CHECK_HAS(ask("MOVE / HTTP/1.1\r\n\r\n"), "method=32768 ");
  stop_server();
}

/* --- pages --- */

static int make_page(struct evhttp_request *req, struct evbuffer *page, int code, const char *reason,
                     void *arg) {
  evbuffer_add_printf(page, "page %d %s", code, reason);
  if (arg) return -1;
  evhttp_remove_header(evhttp_request_get_output_headers(req), "Content-Type");
  evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain");
  return 0;
}

TEST(applications_can_generate_error_pages) {
  start_server();
  evhttp_set_errorcb(http, make_page, NULL);
  CHECK_STR_EQ(body_of(ask(GET("/none"))), "page 404 Not Found");
  CHECK_HAS(last.text, "Content-Type: text/plain\r\n");
  CHECK_STR_EQ(body_of(ask("garbage\r\n")), "page 400 Bad Request");
  CHECK_STR_EQ(body_of(ask("FOO / HTTP/1.1\r\n\r\n")), "page 501 Not Implemented");
  evhttp_set_errorcb(http, make_page, http);
  CHECK_HAS(body_of(ask("garbage\r\n")), "<H1>Bad Request</H1>");
  CHECK_HAS_NOT(last.text, "page");
  stop_server();
}

/* --- connections --- */

TEST(connections_are_counted_and_limited) {
  int first, second;
  start_server();
  evhttp_set_gencb(http, say_hello, NULL);
  evhttp_set_max_connections(http, 2);
  CHECK_INT_EQ(evhttp_get_connection_count(http), 0);
  first = client();
  second = client();
  CHECK_INT_EQ(status_of(ask(GET("/"))), 503);
  CHECK_INT_EQ(evhttp_get_connection_count(http), 2);
  close(first);
  /* The EOF is processed before the next client connects: methods report the two in different orders. */
  while (evhttp_get_connection_count(http) == 2 && event_base_loop(base, EVLOOP_ONCE) == 0) {
  }
  CHECK_INT_EQ(status_of(ask(GET("/"))), 200);
  CHECK_INT_EQ(evhttp_get_connection_count(http), 1);
  close(second);
  stop_server();
}

static struct bufferevent *note_and_decline(struct event_base *on, void *arg) {
  (void)on;
  ++*(int *)arg;
  return NULL;
}

TEST(a_bound_socket_can_have_its_own_bufferevent_factory) {
  int of_server = 0, of_socket = 0;
  start_server();
  evhttp_set_gencb(http, say_hello, NULL);
  evhttp_set_bevcb(http, note_and_decline, &of_server);
  CHECK_INT_EQ(status_of(ask(GET("/"))), 200);
  evhttp_bound_set_bevcb(bound, note_and_decline, &of_socket);
  CHECK_INT_EQ(status_of(ask(GET("/"))), 200);
  CHECK_INT_EQ(of_server, 1);
  CHECK_INT_EQ(of_socket, 1);
  stop_server();
}

static struct timeval soon = {0, 50000};

static void set_timeouts(struct evhttp_request *req, void *arg) {
  struct evhttp_connection *evcon = evhttp_request_get_connection(req);
  (void)arg;
  evhttp_connection_set_write_timeout_tv(evcon, NULL);
  evhttp_connection_set_read_timeout_tv(evcon, &soon);
  say_hello(req, NULL);
}

static void expect_to_be_sent_away(void) {
  const int fd = client();
  ask_on(fd, GET("/"), NULL);
  CHECK_INT_EQ(status_of(last.text), 200);
  CHECK_INT_EQ(last.ended, 1);
  close(fd);
}

TEST(read_and_write_timeouts_are_separate) {
  start_server();
  evhttp_set_gencb(http, set_timeouts, NULL);
  expect_to_be_sent_away();
  evhttp_set_gencb(http, say_hello, NULL);
  evhttp_set_write_timeout_tv(http, NULL);
  evhttp_set_read_timeout_tv(http, &soon);
  expect_to_be_sent_away();
  stop_server();
}

/* A client that does not read. */
static void reply_much(struct evhttp_request *req, void *arg) {
  struct evbuffer *body = evbuffer_new();
  evbuffer_add_reference(body, arg, 16 << 20, NULL, NULL);
  evhttp_send_reply(req, 200, NULL, body);
  evbuffer_free(body);
}

TEST(clients_that_do_not_read_are_disconnected) {
  char *much = calloc(1, 16 << 20);
  int fd, i;
  start_server();
  evhttp_set_gencb(http, reply_much, much);
  evhttp_set_write_timeout_tv(http, &soon);
  fd = client();
  send_text(fd, GET("/"), strlen(GET("/")));
  for (i = 0; i < 50; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(evhttp_get_connection_count(http), 1);
  for (i = 0; i < kPatienceMs && evhttp_get_connection_count(http) > 0; ++i) {
    poll(NULL, 0, 1);
    event_base_loop(base, EVLOOP_NONBLOCK);
  }
  CHECK_INT_EQ(evhttp_get_connection_count(http), 0);
  close(fd);
  stop_server();
  free(much);
}

/* --- the callbacks of a request --- */

static struct {
  int wanted, head_wanted, heads, pieces, errors;
  size_t bytes;
  enum evhttp_request_error error;
} seen;

static void note_piece(struct evhttp_request *req, void *arg) {
  (void)arg;
  ++seen.pieces;
  seen.bytes += evbuffer_get_length(evhttp_request_get_input_buffer(req));
}
static int note_head(struct evhttp_request *req, void *arg) {
  const char *a = evhttp_find_header(evhttp_request_get_input_headers(req), "A");
  (void)arg;
  seen.heads += a && !strcmp(a, "b");
  evhttp_request_set_chunked_cb(req, note_piece);
  return seen.head_wanted;
}
static void note_error(enum evhttp_request_error error, void *arg) {
  (void)arg;
  ++seen.errors;
  seen.error = error;
}
static int prepare(struct evhttp_request *req, void *arg) {
  (void)arg;
  evhttp_request_set_header_cb(req, note_head);
  evhttp_request_set_error_cb(req, note_error);
  return seen.wanted;
}

TEST(a_body_can_be_received_in_pieces) {
  start_server();
  memset(&seen, 0, sizeof(seen));
  evhttp_set_gencb(http, echo, NULL);
  evhttp_set_newreqcb(http, prepare, NULL);
  CHECK_HAS(
      ask("POST / HTTP/1.1\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
      "body=");
  CHECK_INT_EQ(seen.heads, 1);
  CHECK_INT_EQ(seen.pieces, 2);
  CHECK_INT_EQ(seen.bytes, 5);
  CHECK_STR_EQ(strstr(last.text, "body="), "body=");
  CHECK_INT_EQ(status_of(ask("POST / HTTP/1.1\r\nA: b\r\nContent-Length: 4\r\n\r\nabcd")), 200);
  CHECK_INT_EQ(seen.bytes, 9);
  seen.head_wanted = -1;
  CHECK_STR_EQ(ask("GET / HTTP/1.1\r\nA: b\r\n\r\n"), "");
  seen.wanted = -1;
  CHECK_STR_EQ(ask("GET / HTTP/1.1\r\nA: b\r\n\r\n"), "");
  CHECK_INT_EQ(seen.heads, 3);
  CHECK_INT_EQ(seen.errors, 0);
  stop_server();
}

TEST(truncated_requests_are_reported) {
  start_server();
  memset(&seen, 0, sizeof(seen));
  evhttp_set_gencb(http, echo, NULL);
  evhttp_set_newreqcb(http, prepare, NULL);
  CHECK_STR_EQ(ask("POST / HTTP/1.1\r\nA: b\r\nContent-Length: 4\r\n\r\nabc"), "");
  CHECK_INT_EQ(seen.errors, 1);
  CHECK_INT_EQ(seen.error, EVREQ_HTTP_EOF);
  stop_server();
}

/* --- a real client, where there is one --- */

static FILE *curl(const char *arguments, const char *path) {
  char command[400];
  struct sockaddr_in address;
  socklen_t length = sizeof(address);
  getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length);
  snprintf(command, sizeof(command), "curl -s -m 20 %s http://127.0.0.1:%d%s", arguments,
           ntohs(address.sin_port), path);
  return popen(command, "r");
}
static const char *curl_says(const char *arguments, const char *path) {
  FILE *from = curl(arguments, path);
  size_t size = 0;
  memset(&last, 0, sizeof(last));
  fcntl(fileno(from), F_SETFL, O_NONBLOCK);
  while (!feof(from)) {
    const ssize_t got = read(fileno(from), last.text + size, sizeof(last.text) - size - 1);
    if (got == 0) break;
    if (got > 0) size += (size_t)got;
    event_base_loop(base, EVLOOP_NONBLOCK);
  }
  pclose(from);
  return last.text;
}

TEST(curl_requests_are_answered) {
  if (system("curl --version > /dev/null 2>&1") != 0) return;
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  CHECK_HAS(curl_says("", "/a?b"), "method=1 uri=/a?b");
  CHECK_HAS(curl_says("-d some=data", "/"), "body=some=data");
  CHECK_HAS(curl_says("-H 'Transfer-Encoding: chunked' -d some=data", "/"), "body=some=data");
  CHECK_HAS(curl_says("-H 'Expect: 100-continue' -d some=data", "/"), "body=some=data");
  CHECK_HAS(curl_says("-0", "/old"), "uri=/old");
  CHECK_HAS(curl_says("-I", "/"), "HTTP/1.1 200 OK\r\n");
  CHECK_HAS(curl_says("-w %{num_connects}", "'/[1-3]'"), "uri=/3");
  CHECK_INT_EQ(count_of(last.text, "uri="), 3);
  stop_server();
}

int main(int argc, char **argv) {
  RUN_TESTS(applications_can_add_methods, webdav_methods_are_known, applications_can_generate_error_pages,
            connections_are_counted_and_limited, a_bound_socket_can_have_its_own_bufferevent_factory,
            read_and_write_timeouts_are_separate, clients_that_do_not_read_are_disconnected,
            a_body_can_be_received_in_pieces, truncated_requests_are_reported, curl_requests_are_answered);
}

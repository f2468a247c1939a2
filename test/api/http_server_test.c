/* HTTP servers tested with plain sockets: replies, rejected requests, and ownership.
 *
 * The same program runs on libevent, with EVENTIDE_TEST_ORACLE set: where ours() is asked, the two differ on
 * purpose. What libevent 2.2 added is tested in http_server_22_test.c. */
#include <event2/event_compat.h>
#include <event2/http_compat.h>
#include <event2/http_struct.h>

#include "api/http_server.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* --- plain replies --- */

TEST(a_reply_has_date_length_and_type) {
  const char *answer;
  start_server();
  evhttp_set_gencb(http, say_hello, NULL);
  answer = ask(GET("/"));
  CHECK_INT_EQ(status_of(answer), 200);
  CHECK_HAS(answer, "HTTP/1.1 200 OK\r\n");
  CHECK_HAS(answer, "\r\nDate: ");
  CHECK_HAS(answer, " GMT\r\nContent-Length: 5\r\nContent-Type: text/html; charset=ISO-8859-1\r\n\r\nhello");
  CHECK_HAS_NOT(answer, "Connection:");
  stop_server();
}

TEST(the_default_content_type_can_be_changed) {
  start_server();
  evhttp_set_gencb(http, say_hello, NULL);
  evhttp_set_default_content_type(http, "text/plain");
  CHECK_HAS(ask(GET("/")), "Content-Type: text/plain\r\n");
  evhttp_set_default_content_type(http, NULL);
  CHECK_HAS_NOT(ask(GET("/")), "Content-Type");
  stop_server();
}

static void reply_by_query(struct evhttp_request *req, void *arg) {
  const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
  (void)arg;
  reply_text(req, atoi(query), "body");
  CHECK_INT_EQ(evhttp_request_get_response_code(req), atoi(query));
  CHECK(evhttp_request_get_response_code_line(req) != NULL);
}

TEST(replies_to_head_and_204_have_no_body) {
  const char *answer;
  start_server();
  evhttp_set_gencb(http, reply_by_query, NULL);
  answer = ask("HEAD /?200 HTTP/1.1\r\n\r\n");
  CHECK_INT_EQ(status_of(answer), 200);
  if (ours()) CHECK_STR_EQ(body_of(answer), "");
  if (ours()) CHECK_HAS(answer, "Content-Length: 4\r\n");
  answer = ask(GET("/?204"));
  CHECK_HAS(answer, "HTTP/1.1 204 No Content\r\n");
  CHECK_HAS_NOT(answer, "Content-Length");
  if (ours()) CHECK_STR_EQ(body_of(answer), "");
  answer = ask(GET("/?304"));
  CHECK_HAS_NOT(answer, "Content-Length");
  if (ours()) CHECK_STR_EQ(body_of(answer), "");
  CHECK_HAS(ask(GET("/?418")), "HTTP/1.1 418 Client Error\r\n");
  CHECK_HAS(ask(GET("/?999")), "HTTP/1.1 999 Unknown Status Class\r\n");
  stop_server();
}

static void preset_headers(struct evhttp_request *req, void *arg) {
  struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
  (void)arg;
  evhttp_add_header(headers, "Date", "today");
  evhttp_add_header(headers, "content-type", "x/y");
  evhttp_add_header(headers, "content-length", "5");
  evhttp_add_header(headers, "connection", "Close");
  evbuffer_add_printf(evhttp_request_get_output_buffer(req), "he");
  reply_text(req, HTTP_OK, "llo");
}

TEST(headers_set_by_the_callback_are_not_added_again) {
  const char *answer;
  start_server();
  evhttp_set_gencb(http, preset_headers, NULL);
  answer = ask(GET("/") GET("/again"));
  CHECK_HAS(answer,
            "HTTP/1.1 200 OK\r\nDate: today\r\ncontent-type: x/y\r\ncontent-length: 5\r\n"
            "connection: Close\r\n\r\nhello");
  CHECK_INT_EQ(count_of(answer, "HTTP/1.1"), 1);
  stop_server();
}

/* --- versions and persistence --- */

TEST(an_http_1_0_connection_is_closed_unless_keep_alive_is_requested) {
  const char *answer;
  start_server();
  evhttp_set_gencb(http, say_hello, NULL);
  answer = ask("GET / HTTP/1.0\r\n\r\n" GET("/"));
  CHECK_STR_EQ(answer, "HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=ISO-8859-1\r\n\r\nhello");
  answer = ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  CHECK_INT_EQ(count_of(answer, "HTTP/1.0 200 OK"), 2);
  CHECK_INT_EQ(count_of(answer, "Connection: keep-alive\r\nContent-Length: 5\r\n"), 1);
  stop_server();
}

TEST(connection_close_is_honoured_and_repeated_in_the_reply) {
  const char *answer;
  start_server();
  evhttp_set_gencb(http, say_hello, NULL);
  answer = ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n" GET("/"));
  CHECK_INT_EQ(count_of(answer, "HTTP/1.1"), 1);
  CHECK_HAS(answer, "Connection: close\r\n\r\nhello");
  if (ours())
    CHECK_INT_EQ(count_of(ask("GET / HTTP/1.1\r\nConnection: x, CLOSE\r\n\r\n" GET("/")), "HTTP/1.1"), 1);
  stop_server();
}

TEST(pipelined_requests_are_answered_in_order) {
  static const char three[] = GET("/1") "POST /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" GET("/3");
  int bytes;
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  for (bytes = 0; bytes < 2; ++bytes) {
    const char *answer = ask_bytes(three, sizeof(three) - 1, bytes);
    const char *one = strstr(answer, "uri=/1"), *two = strstr(answer, "uri=/2"),
               *three_ = strstr(answer, "uri=/3");
    CHECK(one && two && three_ && one < two && two < three_);
    CHECK_HAS(answer, "body=abcHTTP/1.1 200 OK");
  }
  stop_server();
}

/* More replies than the sockets hold, to a client that reads late. */
TEST(very_many_pipelined_requests_are_answered) {
  enum { kRequests = 2000 };
  char big[1001];
  int fd, i, count = 0;
  start_server();
  memset(big, 'z', sizeof(big) - 1);
  big[1000] = '\0';
  evhttp_set_gencb(http, say_hello, big);
  fd = client();
  for (i = 0; i < kRequests; ++i) send_text(fd, GET("/"), strlen(GET("/")));
  if (ours()) shutdown(fd, SHUT_WR); /* what was asked for before is answered all the same */
  for (last.ended = 0; !last.ended && count < kRequests * 1000;) {
    last.size = 0;
    receive(fd, &last, "z");
    for (i = 0; i < (int)last.size; ++i) count += last.text[i] == 'z';
  }
  CHECK_INT_EQ(count, kRequests * 1000);
  close(fd);
  stop_server();
}

/* --- requests --- */

TEST(the_request_object_reflects_the_request_sent) {
  const char *answer;
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  answer = ask(
      "PUT /a%20b?c HTTP/1.1\r\nHost: foo:8080\r\nA:  x y \r\nB:\r\na: 2\r\nContent-Length: 3\r\n\r\nabc");
  CHECK_HAS(answer,
            "method=8 uri=/a%20b?c path=/a%20b host=foo\n[Host]=[foo:8080]\n[A]=[x y]\n[B]=[]\n[a]=[2]\n");
  CHECK_HAS(answer, "\nbody=abc");
  CHECK_HAS(ask("GET http://b.com:80/p HTTP/1.1\r\nHost: a\r\n\r\n"), "path=/p host=b.com\n");
  CHECK_HAS(ask("GET / HTTP/1.1\nHost: [::1]:80\n\n"), "host=[::1]\n");
  CHECK_HAS(ask("GET / HTTP/1.1\r\n\r\n"), "host=-\n");
  CHECK_HAS(ask("GET /a b HTTP/1.1 \r\n\r\n"), "uri=/a b path=/a b");
  CHECK_HAS(ask("DELETE /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nde"), "body=de");
  stop_server();
}

TEST(the_request_struct_matches_its_getters) {
  struct evhttp_request *req = evhttp_request_new(NULL, NULL);
  CHECK(req != NULL);
  CHECK(evhttp_request_get_input_headers(req) == req->input_headers);
  CHECK(evhttp_request_get_output_headers(req) == req->output_headers);
  CHECK(evhttp_request_get_input_buffer(req) == req->input_buffer);
  CHECK(evhttp_request_get_output_buffer(req) == req->output_buffer);
  CHECK_PTR_EQ(evhttp_request_get_connection(req), NULL);
  CHECK_PTR_EQ(evhttp_request_get_uri(req), NULL);
  evhttp_request_free(req);
}

#define CHUNKED "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"

TEST(chunks_are_joined_and_trailers_are_discarded) {
  static const char request[] =
      CHUNKED "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\nHost: evil\r\nX: y\r\n\r\n" GET("/next");
  int bytes;
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  for (bytes = 0; bytes < 2; ++bytes) {
    const char *answer = ask_bytes(request, sizeof(request) - 1, bytes);
    CHECK_HAS(answer, "body=abc0123456789HTTP/1.1");
    CHECK_HAS_NOT(answer, "evil"); /* CVE-2026-63379 */
    CHECK_HAS_NOT(answer, "[X]");
    CHECK_HAS(answer, "uri=/next");
  }
  if (ours()) CHECK_HAS(ask(CHUNKED "3;a=b\r\nabc\r\n0;c\r\n\r\n"), "body=abc");
  stop_server();
}

/* Framing that one parser reads as one request and another as two: CVE-2026-63382. */
static const char *const ambiguous[] = {
    "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Content-Length: 3, 3\r\n\r\nabc",
    "Content-Length: -3\r\n\r\nabc",
    "Content-Length: 0x3\r\n\r\nabc",
    "Content-Length: 3x\r\n\r\nabc",
    "Content-Length:\r\n\r\nabc",
    "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
};
/* Further cases, which libevent accepts. */
static const char *const ambiguous_too[] = {
    "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "Content-Length: +3\r\n\r\nabc",
    "Content-Length: 99999999999999999999\r\n\r\nabc",
    "Content-Length: 9223372036854775808\r\n\r\nabc",
    "Transfer-Encoding: gzip\r\n\r\nabc",
    "Transfer-Encoding: identity\r\n\r\nabc",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding:\r\n\r\nabc",
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "Host: a\r\nHost: b\r\n\r\n",
};
static const char *const bad_chunks[] = {
    "0x3\r\nabc\r\n0\r\n\r\n",
    "+3\r\nabc\r\n0\r\n\r\n",
    " 3\r\nabc\r\n0\r\n\r\n",
    "3 \r\nabc\r\n0\r\n\r\n",
    "3\nabc\n0\n\n",
    "3\r\nabc\n0\r\n\r\n",
    "3\r\nabcd\r\n0\r\n\r\n",
    "\r\n3\r\nabc\r\n0\r\n\r\n",
    "3g\r\nabc\r\n0\r\n\r\n",
    "-3\r\nabc\r\n0\r\n\r\n",
    "ffffffffffffffff\r\nabc",
    "10000000000000000\r\nabc",
    "3\r\nabc\r\n0\r\nXy\r\n\r\n",
    "3\r\nabc\r\n0\r\nX: y\r\n z\r\n\r\n",
    "00000000000000003\r\nabc\r\n0\r\n\r\n",
};

static void check_refused(const char *head, const char *rest) {
  char request[400];
  int bytes;
  snprintf(request, sizeof(request), "%s%s" GET("/next"), head, rest);
  for (bytes = 0; bytes < 2; ++bytes) {
    const char *answer = ask_bytes(request, strlen(request), bytes);
    if (status_of(answer) != 400 || count_of(answer, "HTTP/1.1 ") != 1)
      CHECK_FAIL_("%s -> %s", request, answer);
  }
}

TEST(ambiguous_framing_is_rejected) {
  size_t i;
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  for (i = 0; i < sizeof(ambiguous) / sizeof(ambiguous[0]); ++i) {
    check_refused("POST / HTTP/1.1\r\n", ambiguous[i]);
    check_refused("GET / HTTP/1.1\r\n", ambiguous[i]);
  }
  for (i = 0; ours() && i < sizeof(ambiguous_too) / sizeof(ambiguous_too[0]); ++i) {
    check_refused("POST / HTTP/1.1\r\n", ambiguous_too[i]);
    check_refused("HEAD / HTTP/1.1\r\n", ambiguous_too[i]);
  }
  for (i = 0; ours() && i < sizeof(bad_chunks) / sizeof(bad_chunks[0]); ++i)
    check_refused(CHUNKED, bad_chunks[i]);
  stop_server();
}

/* A body that belongs to a method without one must not be taken for the next request. */
TEST(any_method_may_have_a_body) {
  const char *answer;
  if (!ours()) return;
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  answer = ask("HEAD /1 HTTP/1.1\r\nContent-Length: 28\r\n\r\nGET /evil HTTP/1.1\r\nA: bcde\r\n" GET("/2"));
  CHECK_HAS_NOT(answer, "evil");
  CHECK_HAS(answer, "uri=/2");
  stop_server();
}

static const char *const malformed[] = {
    "garbage\r\n\r\n",
    "GET\r\n\r\n",
    "GET /\r\n\r\n",
    "GET / HTTP/2.0\r\n\r\n",
    "GET / HTTP/1\r\n\r\n",
    "GET / HTTP/1.1x\r\n\r\n",
    "GET / http/1.1\r\n\r\n",
    "GET\t/\tHTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nNocolon\r\n\r\n",
    "GET / HTTP/1.1\r\n A: b\r\n\r\n",
    "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
};
/* Further cases, which libevent accepts; for folded headers: CVE-2026-63385. */
static const char *const malformed_too[] = {
    "GET / HTTP/1.10\r\n\r\n",
    "GET / HTTP/01.1\r\n\r\n",
    "GET / HTTP/-1.1\r\n\r\n",
    "GET /a\001b HTTP/1.1\r\n\r\n",
    " GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nA: 1\r\n 2\r\n\r\n",
    "GET / HTTP/1.1\r\nA: 1\r\n\t2\r\n\r\n",
    "GET / HTTP/1.1\r\nA : b\r\n\r\n",
    "GET / HTTP/1.1\r\n: b\r\n\r\n",
    "GET / HTTP/1.1\r\nA B: c\r\n\r\n",
    "GET / HTTP/1.1\r\nA: \001\r\n\r\n",
    "GET / HTTP/1.1\r\nA: \177\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
};

TEST(malformed_request_heads_are_rejected) {
  static const char nul[] = "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n";
  size_t i;
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); ++i) check_refused(malformed[i], "");
  for (i = 0; ours() && i < sizeof(malformed_too) / sizeof(malformed_too[0]); ++i)
    check_refused(malformed_too[i], "");
  if (ours()) CHECK_INT_EQ(status_of(ask_bytes(nul, sizeof(nul) - 1, 0)), 400);
  stop_server();
}

/* --- limits --- */

TEST(request_heads_are_limited) {
  char request[1200];
  start_server();
  evhttp_set_gencb(http, say_hello, NULL);
  evhttp_set_max_headers_size(http, 100);
  /* The limit counts lines without their ends: 16 and 3 + 81. */
  snprintf(request, sizeof(request), "GET /ok HTTP/1.1\r\nX: %081d\r\n\r\n", 0);
  CHECK_INT_EQ(status_of(ask(request)), 200);
  snprintf(request, sizeof(request), "GET /ok HTTP/1.1\r\nX: %082d\r\n\r\n", 0);
  CHECK_INT_EQ(status_of(ask(request)), 400);
  snprintf(request, sizeof(request), "GET /%0200d HTTP/1.1\r\n\r\n", 0);
  CHECK_INT_EQ(status_of(ask(request)), 400);
  /* Without waiting for the line's end. */
  snprintf(request, sizeof(request), "GET /%0200d", 0);
  CHECK_INT_EQ(status_of(ask(request)), 400);
  /* Trailers have the same limit. */
  snprintf(request, sizeof(request), CHUNKED "0\r\nX: %0200d\r\n\r\n", 0);
  CHECK_INT_EQ(status_of(ask(request)), ours() ? 400 : 413);
  stop_server();
}

TEST(the_number_of_headers_is_limited) {
  struct evbuffer *request = evbuffer_new();
  int i;
  if (!ours()) return;
  start_server();
  evhttp_set_gencb(http, say_hello, NULL);
  evhttp_set_max_headers_size(http, -1);
  evbuffer_add_printf(request, "GET / HTTP/1.1\r\n");
  for (i = 0; i < 1000; ++i) evbuffer_add_printf(request, "A: %d\r\n", i);
  evbuffer_add(request, "\r\n", 2);
  CHECK_INT_EQ(status_of(ask_bytes((char *)evbuffer_pullup(request, -1), evbuffer_get_length(request), 0)),
               200);
  evbuffer_drain(request, 14);
  evbuffer_prepend(request, "GET / HTTP/1.1\r\nB: c", 20);
  CHECK_INT_EQ(status_of(ask_bytes((char *)evbuffer_pullup(request, -1), evbuffer_get_length(request), 0)),
               400);
  evbuffer_free(request);
  stop_server();
}

TEST(request_bodies_are_limited) {
  int linger;
  for (linger = 0; linger < 2; ++linger) {
    start_server();
    evhttp_set_gencb(http, echo, NULL);
    evhttp_set_max_body_size(http, 5);
    if (linger) CHECK_INT_EQ(evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE), 0);
    CHECK_HAS(ask("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde"), "body=abcde");
    CHECK_HAS(ask(CHUNKED "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"), "body=abcde");
    CHECK_INT_EQ(status_of(ask("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabcdef")), 413);
    CHECK_INT_EQ(status_of(ask(CHUNKED "3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n")), 413);
    CHECK_INT_EQ(status_of(ask(CHUNKED "ffffff\r\nabc")), 413);
    stop_server();
  }
  start_server();
  if (ours()) CHECK_INT_EQ(evhttp_set_flags(http, 2), -1);
  stop_server();
}

/* With lingering the client may send all of a body that is far too large, and still reads why it was refused.
 */
TEST(lingering_close_drains_a_rejected_body) {
  enum { kBytes = 4 << 20 };
  char head[100];
  char *body = calloc(1, kBytes);
  int fd;
  start_server();
  evhttp_set_max_body_size(http, 5);
  evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE);
  fd = client();
  snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n", (int)kBytes);
  send_text(fd, head, strlen(head));
  send_text(fd, body, kBytes);
  next_answer(fd, NULL);
  CHECK_INT_EQ(status_of(last.text), 413);
  CHECK_INT_EQ(last.ended, 1);
  close(fd);
  free(body);
  stop_server();
}

/* --- methods and expectations --- */

TEST(methods_not_allowed_are_answered_with_501) {
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  CHECK_INT_EQ(status_of(ask("OPTIONS * HTTP/1.1\r\n\r\n")), 501);
  CHECK_INT_EQ(status_of(ask("FOO / HTTP/1.1\r\n\r\n")), 501);
  CHECK_INT_EQ(status_of(ask("get / HTTP/1.1\r\n\r\n")), 501);
  evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_CONNECT);
  CHECK_HAS(ask("OPTIONS * HTTP/1.1\r\n\r\n"), "method=32 uri=* path=*");
  CHECK_INT_EQ(status_of(ask("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")), 501);
  stop_server();
}

TEST(expect_100_continue_is_met_or_rejected) {
  static const char head[] = "POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n";
  int fd;
  start_server();
  evhttp_set_gencb(http, echo, NULL);
  evhttp_set_max_body_size(http, 5);
  CHECK_INT_EQ(status_of(ask("POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: x\r\n\r\nabc")), 417);
  CHECK_INT_EQ(status_of(ask("POST / HTTP/1.1\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n")), 413);
  CHECK_INT_EQ(status_of(ask("POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc")),
               200);
  fd = client();
  send_text(fd, head, sizeof(head) - 1);
  next_answer(fd, "\r\n\r\n");
  CHECK_STR_EQ(last.text, "HTTP/1.1 100 Continue\r\n\r\n");
  send_text(fd, "abc", 3);
  receive(fd, &last, "body=abc");
  CHECK_HAS(last.text, "\r\n\r\nHTTP/1.1 200 OK\r\n");
  close(fd);
  stop_server();
}

/* --- replies in pieces --- */

static int chunks_left;
static void next_chunk(struct evhttp_connection *evcon, void *arg) {
  struct evhttp_request *req = arg;
  struct evbuffer *data = evbuffer_new();
  (void)evcon;
  evbuffer_add_printf(data, "chunk %d;", chunks_left);
  if (chunks_left-- > 0) {
    evhttp_send_reply_chunk_with_cb(req, data, next_chunk, req);
  } else {
    evhttp_send_reply_end(req);
  }
  evbuffer_free(data);
}
static void reply_in_chunks(struct evhttp_request *req, void *arg) {
  if (arg) evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Length", arg);
  evhttp_send_reply_start(req, HTTP_OK, "Fine");
  chunks_left = 3;
  next_chunk(evhttp_request_get_connection(req), req);
}

TEST(a_reply_can_be_sent_in_chunks) {
  const char *answer;
  start_server();
  evhttp_set_gencb(http, reply_in_chunks, NULL);
  answer = ask(GET("/"));
  CHECK_HAS(answer, "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n");
  CHECK_STR_EQ(body_of(answer), "8\r\nchunk 3;\r\n8\r\nchunk 2;\r\n8\r\nchunk 1;\r\n0\r\n\r\n");
  answer = ask("GET / HTTP/1.0\r\n\r\n");
  CHECK_STR_EQ(body_of(answer), "chunk 3;chunk 2;chunk 1;");
  CHECK_HAS_NOT(answer, "Transfer-Encoding");
  if (ours()) {
    answer = ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET("/"));
    CHECK_HAS_NOT(answer, "keep-alive");
    CHECK_INT_EQ(count_of(answer, "200 Fine"), 1);
  }
  evhttp_set_gencb(http, reply_in_chunks, "24");
  answer = ask(GET("/"));
  CHECK_HAS(answer, "Content-Length: 24\r\n");
  CHECK_STR_EQ(body_of(answer), "chunk 3;chunk 2;chunk 1;");
  stop_server();
}

static void reply_in_chunks_at_once(struct evhttp_request *req, void *arg) {
  struct evbuffer *data = evbuffer_new();
  (void)arg;
  evhttp_send_reply_start(req, HTTP_OK, NULL);
  evhttp_send_reply_chunk(req, data); /* nothing */
  evbuffer_add_printf(data, "%s", "0123456789abcdef0");
  evhttp_send_reply_chunk(req, data);
  evbuffer_free(data);
  evhttp_send_reply_end(req);
}

TEST(chunk_sizes_are_lowercase_and_empty_ones_are_not_sent) {
  const char *answer;
  start_server();
  evhttp_set_gencb(http, reply_in_chunks_at_once, NULL);
  answer = ask(GET("/") GET("/"));
  CHECK_INT_EQ(count_of(answer, "\r\n\r\n11\r\n0123456789abcdef0\r\n0\r\n\r\n"), 2);
  CHECK_STR_EQ(body_of(ask("HEAD / HTTP/1.1\r\n\r\n")), "");
  stop_server();
}

/* --- error pages --- */

static void send_error(struct evhttp_request *req, void *arg) {
  evhttp_add_header(evhttp_request_get_output_headers(req), "X-Gone", "1");
  evhttp_send_error(req, 404, arg);
}

TEST(errors_send_a_page_and_close) {
  const char *answer;
  start_server();
  CHECK_INT_EQ(evhttp_set_cb(http, "/usual", send_error, NULL), 0);
  CHECK_INT_EQ(evhttp_set_cb(http, "/lost", send_error, "Lost"), 0);
  CHECK_INT_EQ(evhttp_set_cb(http, "/markup", send_error, "<b>"), 0);
  answer = ask(GET("/usual") GET("/usual"));
  CHECK_INT_EQ(
      count_of(answer, "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nConnection: close\r\nDate:"), 1);
  CHECK_INT_EQ(count_of(answer, "HTTP/1.1"), 1);
  CHECK_STR_EQ(body_of(answer),
               "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n"
               "</BODY></HTML>\n");
  CHECK_HAS_NOT(answer, "X-Gone");
  CHECK_HAS(ask(GET("/lost")), "HTTP/1.1 404 Lost\r\n");
  if (ours()) CHECK_HAS_NOT(body_of(ask(GET("/markup"))), "<b>");
  CHECK_INT_EQ(evhttp_set_cb(http, "/forged", send_error, "A\r\nSet-Cookie: b"), 0);
  if (ours()) CHECK_HAS(ask(GET("/forged")), "HTTP/1.1 404 A  Set-Cookie: b\r\n");
  answer = ask(GET("/no<ne>"));
  CHECK_INT_EQ(status_of(answer), 404);
  CHECK_HAS(answer, "/no&lt;ne&gt;");
  stop_server();
}

static void fail_midway(struct evhttp_request *req, void *arg) {
  struct evbuffer *data = evbuffer_new();
  (void)arg;
  evhttp_send_reply_start(req, HTTP_OK, NULL);
  evbuffer_add_printf(data, "begun");
  evhttp_send_reply_chunk(req, data);
  evbuffer_free(data);
  evhttp_send_error(req, 500, NULL);
}

/* The client sees that the reply is not whole. */
TEST(an_error_during_a_reply_truncates_it) {
  const char *answer;
  if (!ours()) return;
  start_server();
  evhttp_set_gencb(http, fail_midway, NULL);
  answer = ask(GET("/") GET("/"));
  CHECK_STR_EQ(body_of(answer), "5\r\nbegun\r\n");
  stop_server();
}

/* --- selection of the callback --- */

TEST(paths_select_their_callbacks) {
  start_server();
  CHECK_INT_EQ(evhttp_set_cb(http, "/a", say_hello, "a"), 0);
  CHECK_INT_EQ(evhttp_set_cb(http, "/a", say_hello, "b"), -1);
  CHECK_INT_EQ(evhttp_set_cb(http, "/b c", say_hello, "bc"), 0);
  CHECK_INT_EQ(evhttp_del_cb(http, "/none"), -1);
  CHECK_STR_EQ(body_of(ask(GET("/a?q"))), "a");
  CHECK_STR_EQ(body_of(ask(GET("/%61"))), "a");
  CHECK_STR_EQ(body_of(ask(GET("/b%20c"))), "bc");
  if (ours()) CHECK_INT_EQ(status_of(ask(GET("/a%00"))), 404);
  CHECK_INT_EQ(status_of(ask(GET("/a/"))), 404);
  evhttp_set_gencb(http, say_hello, "general");
  CHECK_STR_EQ(body_of(ask(GET("/a/"))), "general");
  CHECK_INT_EQ(evhttp_del_cb(http, "/a"), 0);
  CHECK_STR_EQ(body_of(ask(GET("/a"))), "general");
  stop_server();
}

static const char *ask_host(const char *host) {
  char request[200];
  snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
  return body_of(ask(request));
}

TEST(virtual_hosts_are_selected_by_name) {
  struct evhttp *a, *b;
  start_server();
  a = evhttp_new(NULL);
  b = evhttp_new(base);
  evhttp_set_gencb(http, say_hello, "main");
  evhttp_set_gencb(a, say_hello, "a");
  evhttp_set_gencb(b, say_hello, "b");
  CHECK_INT_EQ(evhttp_add_virtual_host(http, "*.a.com", a), 0);
  CHECK_INT_EQ(evhttp_add_virtual_host(http, "again.com", a), -1);
  if (ours()) CHECK_INT_EQ(evhttp_add_virtual_host(a, "circle.com", http), -1);
  if (ours()) CHECK_INT_EQ(evhttp_add_virtual_host(b, "circle.com", b), -1);
  CHECK_INT_EQ(evhttp_add_virtual_host(http, "b.com", b), 0);
  CHECK_INT_EQ(evhttp_add_server_alias(b, "alias.com"), 0);
  CHECK_STR_EQ(ask_host("x.A.com"), "a");
  CHECK_STR_EQ(ask_host("y.x.a.com:80"), "a");
  CHECK_STR_EQ(ask_host("a.com"), "main");
  CHECK_STR_EQ(ask_host("B.com"), "b");
  CHECK_STR_EQ(ask_host("alias.com:8080"), "b");
  CHECK_STR_EQ(ask_host("other"), "main");
  CHECK_STR_EQ(body_of(ask("GET http://b.com/ HTTP/1.1\r\nHost: x.a.com\r\n\r\n")), "b");
  CHECK_INT_EQ(evhttp_remove_server_alias(b, "alias.com"), 0);
  CHECK_INT_EQ(evhttp_remove_server_alias(b, "alias.com"), -1);
  CHECK_STR_EQ(ask_host("alias.com"), "main");
  CHECK_INT_EQ(evhttp_remove_virtual_host(http, a), 0);
  CHECK_INT_EQ(evhttp_remove_virtual_host(http, a), -1);
  CHECK_STR_EQ(ask_host("x.a.com"), "main");
  evhttp_free(a);
  stop_server();
}

/* --- sockets --- */

static void count_socket(struct evhttp_bound_socket *socket, void *arg) {
  (void)socket;
  ++*(int *)arg;
}

static void ask_socket(struct evhttp_bound_socket *socket) {
  struct evhttp_bound_socket *before = bound;
  bound = socket;
  CHECK_STR_EQ(body_of(ask(GET("/"))), "hello");
  bound = before;
}

TEST(sockets_are_bound_accepted_and_released) {
  struct sockaddr_in address;
  struct evconnlistener *listener;
  struct evhttp_bound_socket *second, *third;
  evutil_socket_t fd;
  int count = 0;
  start_server();
  evhttp_set_gencb(http, say_hello, NULL);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)&address,
                                     sizeof(address));
  second = evhttp_bind_listener(http, listener);
  CHECK(second != NULL);
  CHECK_PTR_EQ(evhttp_bound_socket_get_listener(second), listener);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_INT_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  CHECK_INT_EQ(listen(fd, 5), 0);
  evutil_make_socket_nonblocking(fd);
  third = evhttp_accept_socket_with_handle(http, fd);
  CHECK(third != NULL);
  CHECK_INT_EQ(evhttp_bound_socket_get_fd(third), fd);
  ask_socket(second);
  ask_socket(third);
  CHECK_INT_EQ(evhttp_bind_socket(http, "127.0.0.1", 0), 0);
  CHECK_PTR_EQ(evhttp_bind_socket_with_handle(http, "127.0.0.1.1", 0), NULL);
  evhttp_foreach_bound_socket(http, count_socket, &count);
  CHECK_INT_EQ(count, 4);
  evhttp_del_accept_socket(http, third);
  CHECK_INT_EQ(client_of(fd), -1);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_INT_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  CHECK_INT_EQ(listen(fd, 5), 0);
  evutil_make_socket_nonblocking(fd);
  CHECK_INT_EQ(evhttp_accept_socket(http, fd), 0);
  CHECK_INT_EQ(evhttp_bind_socket(http, "not a host", 0), -1);
  stop_server();
}

TEST(a_server_on_the_current_base) {
  struct event_base *current = event_init();
  struct evhttp *old = evhttp_start("127.0.0.1", 0);
  int count = 0;
  CHECK(old != NULL);
  evhttp_foreach_bound_socket(old, count_socket, &count);
  CHECK_INT_EQ(count, 1);
  evhttp_free(old);
  event_base_free(current);
}

/* --- life and death --- */

static struct evhttp_request *kept;
static int closes, completes;
static void note_close(struct evhttp_connection *evcon, void *arg) {
  (void)arg;
  CHECK(evhttp_connection_get_bufferevent(evcon) != NULL);
  ++closes;
}
static void note_complete(struct evhttp_request *req, void *arg) {
  CHECK(evhttp_request_get_connection(req) != NULL);
  CHECK_STR_EQ(arg, "arg");
  ++completes;
}
static void keep(struct evhttp_request *req, void *arg) {
  kept = req;
  if (arg) evhttp_request_own(req);
  evhttp_request_set_on_complete_cb(req, note_complete, "arg");
  evhttp_connection_set_closecb(evhttp_request_get_connection(req), note_close, NULL);
}

/* Sends a request whose callback keeps it; the client. */
static int ask_and_keep(int own) {
  int i, fd;
  kept = NULL;
  closes = completes = 0;
  evhttp_set_gencb(http, keep, own ? http : NULL);
  fd = client();
  send_text(fd, GET("/kept"), strlen(GET("/kept")));
  for (i = 0; i < 1000 && !kept; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
  return fd;
}
static void turns(int n) {
  while (n-- > 0) event_base_loop(base, EVLOOP_NONBLOCK);
}

TEST(a_reply_may_come_later) {
  int fd;
  start_server();
  fd = ask_and_keep(0);
  CHECK(kept != NULL);
  send_text(fd, GET("/next"), strlen(GET("/next")));
  turns(5);
  CHECK_STR_EQ(evhttp_request_get_uri(kept), "/kept");
  evhttp_set_gencb(http, say_hello, "second");
  reply_text(kept, 200, "first");
  CHECK_INT_EQ(completes, 0);
  CHECK_HAS(next_answer(fd, "second"), "\r\n\r\nfirstHTTP/1.1 200 OK");
  CHECK_INT_EQ(completes, 1);
  CHECK_INT_EQ(closes, 0);
  close(fd);
  turns(10);
  CHECK_INT_EQ(closes, 1);
  stop_server();
}

/* The client resets the connection while the program works on the request, which learns of it when it writes.
 */
TEST(a_request_outlives_a_disconnected_client) {
  struct linger reset = {1, 0};
  struct evbuffer *data = evbuffer_new();
  int i, fd;
  start_server();
  fd = ask_and_keep(0);
  CHECK(kept != NULL);
  evhttp_send_reply_start(kept, 200, NULL);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  close(fd);
  for (i = 0; i < 100 && !closes; ++i) {
    evbuffer_add_printf(data, "data");
    evhttp_send_reply_chunk(kept, data);
    turns(2);
  }
  CHECK_INT_EQ(closes, 1);
  CHECK_PTR_EQ(evhttp_request_get_connection(kept), NULL);
  evhttp_send_reply_chunk(kept, data);
  evhttp_send_reply_end(kept); /* frees it */
  CHECK_INT_EQ(completes, 0);
  evbuffer_free(data);
  stop_server();
}

TEST(late_replies_without_a_connection_free_the_request) {
  int kind;
  if (!ours()) return;
  for (kind = 0; kind < 3; ++kind) {
    int fd;
    start_server();
    fd = ask_and_keep(0);
    CHECK(kept != NULL);
    evhttp_connection_free(evhttp_request_get_connection(kept));
    CHECK_INT_EQ(closes, 1);
    CHECK_PTR_EQ(evhttp_request_get_connection(kept), NULL);
    if (kind == 0) reply_text(kept, 200, "late");
    if (kind == 1) evhttp_send_error(kept, 500, NULL);
    if (kind == 2) evhttp_request_free(kept);
    close(fd);
    stop_server();
  }
}

TEST(an_owned_request_outlives_its_reply) {
  int fd;
  if (!ours()) return;
  start_server();
  fd = ask_and_keep(1);
  CHECK(kept != NULL);
  CHECK_INT_EQ(evhttp_request_is_owned(kept), 1);
  reply_text(kept, 200, "mine");
  next_answer(fd, "mine");
  turns(5);
  CHECK_STR_EQ(evhttp_request_get_uri(kept), "/kept");
  evhttp_request_free(kept);
  close(fd);
  stop_server();
}

TEST(the_server_may_be_freed_before_the_reply) {
  int fd;
  if (!ours()) return;
  start_server();
  fd = ask_and_keep(0);
  CHECK(kept != NULL);
  evhttp_free(http);
  http = NULL;
  CHECK_INT_EQ(closes, 1);
  reply_text(kept, 200, "late");
  close(fd);
  stop_server();
}

static void free_connection(struct evhttp_request *req, void *arg) {
  evhttp_connection_free(evhttp_request_get_connection(req));
  if (arg) reply_text(req, 200, "late");
  if (!arg) evhttp_request_free(req);
}
static void free_request(struct evhttp_request *req, void *arg) {
  (void)arg;
  evhttp_request_free(req);
}
static void free_server(struct evhttp_request *req, void *arg) {
  (void)arg;
  evhttp_free(http);
  http = NULL;
  reply_text(req, 200, "late");
}

TEST(a_callback_may_free_connection_request_or_server) {
  if (!ours()) return;
  start_server();
  evhttp_set_gencb(http, free_connection, NULL);
  CHECK_STR_EQ(ask(GET("/") GET("/")), "");
  evhttp_set_gencb(http, free_connection, http);
  CHECK_STR_EQ(ask(GET("/") GET("/")), "");
  evhttp_set_gencb(http, free_request, NULL);
  CHECK_STR_EQ(ask(GET("/") GET("/")), "");
  evhttp_set_gencb(http, free_server, NULL);
  CHECK_STR_EQ(ask(GET("/") GET("/")), "");
  stop_server();
}

/* --- connections --- */

static void look_at_connection(struct evhttp_request *req, void *arg) {
  struct evhttp_connection *evcon = evhttp_request_get_connection(req);
  char *address = NULL;
  ev_uint16_t port = 0;
  (void)arg;
  CHECK_INT_EQ(evhttp_request_get_command(req), EVHTTP_REQ_GET);
  CHECK_STR_EQ(evhttp_request_get_host(req), "h");
  CHECK_PTR_EQ(evhttp_connection_get_base(evcon), base);
  CHECK_PTR_EQ(evhttp_connection_get_server(evcon), http);
  CHECK_INT_GE(bufferevent_getfd(evhttp_connection_get_bufferevent(evcon)), 0);
  evhttp_connection_get_peer(evcon, &address, &port);
  CHECK_STR_EQ(address, "127.0.0.1");
  CHECK_INT_NE(port, 0);
  CHECK_STR_EQ(req->remote_host, "127.0.0.1");
  CHECK_INT_EQ(req->remote_port, port);
  if (ours()) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)evhttp_connection_get_addr(evcon);
    CHECK(in != NULL);
    CHECK_INT_EQ(ntohs(in->sin_port), port);
  }
  evhttp_connection_set_max_headers_size(evcon, 200);
  evhttp_connection_set_max_body_size(evcon, 5);
  evhttp_connection_set_timeout(evcon, 20);
  say_hello(req, NULL);
}

TEST(a_connection_can_be_inspected_and_limited) {
  const char *answer;
  start_server();
  evhttp_set_gencb(http, look_at_connection, NULL);
  answer = ask(GET("/") "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabcdef");
  CHECK_INT_EQ(status_of(answer), 200);
  CHECK_HAS(answer, "helloHTTP/1.1 413 ");
  stop_server();
}

static struct timeval soon = {0, 50000};
static void hurry(struct evhttp_request *req, void *arg) {
  (void)arg;
  evhttp_connection_set_timeout_tv(evhttp_request_get_connection(req), &soon);
  say_hello(req, NULL);
}

TEST(idle_clients_are_disconnected) {
  int fd;
  start_server();
  evhttp_set_gencb(http, hurry, NULL);
  fd = client();
  ask_on(fd, GET("/"), NULL); /* to the end, which the server makes */
  CHECK_INT_EQ(status_of(last.text), 200);
  CHECK_INT_EQ(last.ended, 1);
  close(fd);
  evhttp_set_timeout_tv(http, &soon);
  fd = client();
  send_text(fd, "GET / HT", 8);
  next_answer(fd, NULL);
  CHECK_INT_EQ(last.ended, 1);
  close(fd);
  evhttp_set_timeout(http, 50);
  stop_server();
}

static void reply_after(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  reply_text(arg, 200, "slow");
}
static void reply_slowly(struct evhttp_request *req, void *arg) {
  struct timeval tv = {0, 150000};
  (void)arg;
  event_base_once(base, -1, EV_TIMEOUT, reply_after, req, &tv);
}

/* The time that the program takes is not the client's. */
TEST(a_slow_callback_does_not_time_out_the_client) {
  int fd;
  start_server();
  evhttp_set_gencb(http, reply_slowly, NULL);
  evhttp_set_timeout_tv(http, &soon);
  fd = client();
  CHECK_HAS(ask_on(fd, GET("/"), "slow"), "slow");
  close(fd);
  stop_server();
}

static struct bufferevent *make_bufferevent(struct event_base *on, void *arg) {
  ++*(int *)arg;
  return bufferevent_socket_new(on, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
}

TEST(a_callback_may_supply_the_bufferevents) {
  int made = 0;
  start_server();
  evhttp_set_gencb(http, say_hello, NULL);
  evhttp_set_bevcb(http, make_bufferevent, &made);
  CHECK_INT_EQ(count_of(ask(GET("/") GET("/")), "hello"), 2);
  CHECK_INT_EQ(made, 1);
  stop_server();
}

static struct bufferevent *free_server_and_make(struct event_base *on, void *arg) {
  struct bufferevent *bev = arg ? bufferevent_socket_new(on, -1, BEV_OPT_CLOSE_ON_FREE) : NULL;
  evhttp_free(http);
  http = NULL;
  return bev;
}

/* With a bufferevent or without one, the client's connection is closed. */
TEST(the_server_may_be_freed_while_a_client_is_accepted) {
  int with_bufferevent;
  for (with_bufferevent = 0; ours() && with_bufferevent < 2; ++with_bufferevent) {
    int fd;
    start_server();
    evhttp_set_bevcb(http, free_server_and_make, with_bufferevent ? &with_bufferevent : NULL);
    fd = client();
    CHECK_STR_EQ(next_answer(fd, NULL), "");
    CHECK(http == NULL && last.ended);
    close(fd);
    stop_server();
  }
}

int main(int argc, char **argv) {
  RUN_TESTS(a_reply_has_date_length_and_type, the_default_content_type_can_be_changed,
            replies_to_head_and_204_have_no_body, headers_set_by_the_callback_are_not_added_again,
            an_http_1_0_connection_is_closed_unless_keep_alive_is_requested,
            connection_close_is_honoured_and_repeated_in_the_reply, pipelined_requests_are_answered_in_order,
            very_many_pipelined_requests_are_answered, the_request_object_reflects_the_request_sent,
            the_request_struct_matches_its_getters, chunks_are_joined_and_trailers_are_discarded,
            ambiguous_framing_is_rejected, any_method_may_have_a_body, malformed_request_heads_are_rejected,
            request_heads_are_limited, the_number_of_headers_is_limited, request_bodies_are_limited,
            lingering_close_drains_a_rejected_body, methods_not_allowed_are_answered_with_501,
            expect_100_continue_is_met_or_rejected, a_reply_can_be_sent_in_chunks,
            chunk_sizes_are_lowercase_and_empty_ones_are_not_sent, errors_send_a_page_and_close,
            an_error_during_a_reply_truncates_it, paths_select_their_callbacks,
            virtual_hosts_are_selected_by_name, sockets_are_bound_accepted_and_released,
            a_server_on_the_current_base, a_reply_may_come_later, a_request_outlives_a_disconnected_client,
            late_replies_without_a_connection_free_the_request, an_owned_request_outlives_its_reply,
            the_server_may_be_freed_before_the_reply, a_callback_may_free_connection_request_or_server,
            a_connection_can_be_inspected_and_limited, idle_clients_are_disconnected,
            a_slow_callback_does_not_time_out_the_client, a_callback_may_supply_the_bufferevents,
            the_server_may_be_freed_while_a_client_is_accepted);
}

/* Replies to HEAD: their headers for the body that they omit.
 *
 * The same program runs on libevent, with EVENTIDE_TEST_ORACLE set, whose replies to HEAD have a body if the
 * callback supplies one. */
#include "api/http_server.h"

#define V11 " HTTP/1.1\r\nHost: h\r\n\r\n"
#define V10 " HTTP/1.0\r\n\r\n"
#define V10_KEEP " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"

/* The path is a letter for the way to reply, then the status. */
static void reply_by_path(struct evhttp_request *req, void *arg) {
  const char *path = evhttp_request_get_uri(req);
  const int code = atoi(path + 2);
  struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
  struct evbuffer *body = evbuffer_new();
  (void)arg;
  if (path[1] == 'f' || path[1] == 'p') evbuffer_add(body, "hello", 5);
  if (path[1] == 'l') evhttp_add_header(headers, "Content-Length", "77");
  if (path[1] == 't') evhttp_add_header(headers, "Content-Type", "a/b");
  if (path[1] == 'x') {
    evhttp_send_error(req, code, "no");
  } else if (path[1] == 's' || path[1] == 'p') {
    evhttp_send_reply_start(req, code, "OK");
    evhttp_send_reply_chunk(req, body);
    evhttp_send_reply_end(req);
  } else {
    evhttp_send_reply(req, code, "OK", path[1] == 'n' ? NULL : body);
  }
  evbuffer_free(body);
}

#define TYPE "Content-Type: text/html; charset=ISO-8859-1\r\n"
#define KEEP "Connection: keep-alive\r\n"
#define PAGE "Content-Type: text/html\r\nConnection: close\r\n"

/* Headers other than Date. */
static const struct {
  const char *request, *headers;
  int as_libevent; /* which does not describe a body, and sends it all the same */
} heads[] = {
    /* Nothing is known of the body. */
    {"HEAD /e200" V11, "", 1},
    {"HEAD /n200" V11, "", 1},
    {"HEAD /e404" V11, "", 1},
    {"HEAD /n404" V11, "", 1},
    {"HEAD /s200" V11, "", 1},
    {"HEAD /p200" V11, "", 1},
    {"HEAD /e200" V10, "", 1},
    {"HEAD /n200" V10, "", 1},
    {"HEAD /s200" V10, "", 1},
    {"HEAD /e200" V10_KEEP, KEEP, 1},
    {"HEAD /n404" V10_KEEP, KEEP, 1},
    {"HEAD /s200" V10_KEEP, KEEP, 1},
    /* Headers set by the callback. */
    {"HEAD /l200" V11, "Content-Length: 77\r\n", 1},
    {"HEAD /t200" V11, "Content-Type: a/b\r\n", 1},
    {"HEAD /l200" V10_KEEP, "Content-Length: 77\r\n" KEEP, 1},
    /* There is none. */
    {"HEAD /e204" V11, "", 1},
    {"HEAD /e304" V11, "", 1},
    {"HEAD /n204" V10, "", 1},
    {"HEAD /s304" V11, "", 1},
    {"HEAD /f204" V11, "", 0},
    {"HEAD /f304" V11, "", 0},
    /* It is there. */
    {"HEAD /f200" V11, "Content-Length: 5\r\n" TYPE, 0},
    {"HEAD /f200" V10, TYPE, 0},
    {"HEAD /f404" V10_KEEP, KEEP "Content-Length: 5\r\n" TYPE, 0},
    {"HEAD /x404" V11, PAGE "Content-Length: 76\r\n", 0},
    {"HEAD /x204" V11, PAGE, 0},
    /* A reply to GET describes its body, an empty one too. */
    {"GET /e200" V11, "Content-Length: 0\r\n" TYPE, 1},
    {"GET /n200" V11, "Content-Length: 0\r\n" TYPE, 1},
};

/* The headers of a reply, without Date. */
static const char *headers_of(const char *answer) {
  static char text[1000];
  const char *at = strstr(answer, "\r\n"), *end;
  text[0] = '\0';
  while (at && strncmp(at, "\r\n\r\n", 4) != 0 && (end = strstr(at + 2, "\r\n")) != NULL) {
    if (strncmp(at + 2, "Date: ", 6) != 0) strncat(text, at + 2, (size_t)(end - at));
    at = end;
  }
  return text;
}
TEST(a_reply_to_head_has_the_headers_of_get_where_known) {
  size_t i;
  start_server();
  evhttp_set_gencb(http, reply_by_path, NULL);
  for (i = 0; i < sizeof(heads) / sizeof(heads[0]); ++i) {
    const char *answer;
    if (!ours() && !heads[i].as_libevent) continue;
    answer = ask(heads[i].request);
    if (strcmp(headers_of(answer), heads[i].headers) != 0) {
      CHECK_FAIL_("%s: %s", heads[i].request, answer);
    }
    if (heads[i].request[0] == 'H') CHECK_STR_EQ(body_of(answer), "");
  }
  stop_server();
}

int main(int argc, char **argv) { RUN_TESTS(a_reply_to_head_has_the_headers_of_get_where_known); }

/* Shared by the tests of HTTP servers: a server on an ephemeral port, and clients that are plain sockets in
 * the same thread. */
#ifndef EVENTIDE_TEST_API_HTTP_SERVER_H
#define EVENTIDE_TEST_API_HTTP_SERVER_H

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "api/check.h"
#include "support/socket_room.h"

#define SHARED static __attribute__((unused))

SHARED int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

SHARED struct event_base *base;
SHARED struct evhttp *http;
SHARED struct evhttp_bound_socket *bound;

SHARED void start_server(void) {
  base = event_base_new();
  http = evhttp_new(base);
  bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
  CHECK(bound != NULL);
  /* Accepted sockets have the same. */
  set_socket_room((int)evhttp_bound_socket_get_fd(bound), kUsualRoom);
}
SHARED void stop_server(void) {
  if (http) evhttp_free(http);
  http = NULL;
  event_base_free(base);
}

/* A client of a listening socket, connected when this returns. */
SHARED int client_of(evutil_socket_t listening) {
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);
  int fd;
  if (getsockname(listening, (struct sockaddr *)&address, &length) != 0) return -1;
  fd = socket(address.ss_family, SOCK_STREAM, 0);
  set_socket_room(fd, kUsualRoom);
  if (connect(fd, (struct sockaddr *)&address, length) == 0) return fd;
  close(fd);
  return -1;
}
SHARED int client(void) { return client_of(evhttp_bound_socket_get_fd(bound)); }

/* The data received by a client, up to EOF if it was received. */
struct answer {
  char text[70000];
  size_t size;
  int ended;
};

enum { kPatienceMs = 5000, kQuietMs = 60 };

/* Runs the loop until the client has all that `enough` asks for, or the connection has ended. libevent
 * does not answer requests of a half-closed client, so there the function returns after a quiet period. */
SHARED void receive(int fd, struct answer *answer, const char *enough) {
  int turns;
  for (turns = 0; turns < (ours() || enough ? kPatienceMs : 50 + kQuietMs) && !answer->ended; ++turns) {
    struct pollfd wait;
    ssize_t got;
    event_base_loop(base, EVLOOP_NONBLOCK);
    wait.fd = fd;
    wait.events = POLLIN;
    if (poll(&wait, 1, turns < 50 ? 0 : 1) <= 0) continue;
    got = recv(fd, answer->text + answer->size, sizeof(answer->text) - answer->size - 1, MSG_DONTWAIT);
    if (got > 0) answer->size += (size_t)got;
    if (got > 0) turns = 0;
    if (got == 0 || (got < 0 && errno != EAGAIN)) answer->ended = 1;
    answer->text[answer->size] = '\0';
    if (enough && strstr(answer->text, enough)) return;
  }
}

SHARED void send_text(int fd, const char *text, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return;
    if (sent > 0) text += sent;
    if (sent > 0) size -= (size_t)sent;
    if (size > 0) event_base_loop(base, EVLOOP_NONBLOCK);
  }
}

/* Receives as receive() does, and returns the new data. Valid until the next call. */
SHARED struct answer last;
SHARED const char *next_answer(int fd, const char *enough) {
  memset(&last, 0, sizeof(last));
  receive(fd, &last, enough);
  return last.text;
}
/* The same for a request on a connection that stays open. */
SHARED const char *ask_on(int fd, const char *request, const char *enough) {
  send_text(fd, request, strlen(request));
  return next_answer(fd, enough);
}

/* Returns all that is received for a request until EOF; the client half-closes after sending it.
 * Valid until the next call. */
SHARED const char *ask_bytes(const char *request, size_t size, int one_by_one) {
  const int fd = client();
  size_t i;
  memset(&last, 0, sizeof(last));
  if (fd < 0) return "";
  for (i = 0; one_by_one && i < size; ++i) {
    send_text(fd, request + i, 1);
    event_base_loop(base, EVLOOP_NONBLOCK);
  }
  if (!one_by_one) send_text(fd, request, size);
  if (ours()) shutdown(fd, SHUT_WR);
  receive(fd, &last, NULL);
  close(fd);
  for (i = 0; i < 3; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
  return last.text;
}
SHARED const char *ask(const char *request) { return ask_bytes(request, strlen(request), 0); }

/* The status of a reply; 0 if there is none. */
SHARED int status_of(const char *answer) {
  return strncmp(answer, "HTTP/1.", 7) == 0 && strlen(answer) > 9 ? atoi(answer + 9) : 0;
}
SHARED const char *body_of(const char *answer) {
  const char *end = strstr(answer, "\r\n\r\n");
  return end ? end + 4 : "";
}
SHARED int has(const char *answer, const char *part) { return strstr(answer, part) != NULL; }
SHARED int count_of(const char *answer, const char *part) {
  int count = 0;
  for (; (answer = strstr(answer, part)) != NULL; ++answer) ++count;
  return count;
}

#define CHECK_HAS(answer, part)                                                          \
  do {                                                                                   \
    const char *check_answer_ = (answer);                                                \
    if (!has(check_answer_, part)) CHECK_FAIL_("no \"%s\" in: %s", part, check_answer_); \
  } while (0)
#define CHECK_HAS_NOT(answer, part)                                                     \
  do {                                                                                  \
    const char *check_answer_ = (answer);                                               \
    if (has(check_answer_, part)) CHECK_FAIL_("\"%s\" is in: %s", part, check_answer_); \
  } while (0)

/* --- callbacks --- */

SHARED void reply_text(struct evhttp_request *req, int code, const char *text) {
  struct evbuffer *body = evbuffer_new();
  evbuffer_add(body, text, strlen(text));
  evhttp_send_reply(req, code, NULL, body);
  evbuffer_free(body);
}
SHARED void say_hello(struct evhttp_request *req, void *arg) {
  reply_text(req, HTTP_OK, arg ? arg : "hello");
}

/* The request as the program sees it. */
SHARED void echo(struct evhttp_request *req, void *arg) {
  struct evbuffer *body = evbuffer_new();
  const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
  const char *host = evhttp_request_get_host(req);
  struct evkeyval *field;
  evbuffer_add_printf(body, "%s method=%d uri=%s path=%s host=%s\n", arg ? (const char *)arg : "echo",
                      (int)evhttp_request_get_command(req), evhttp_request_get_uri(req),
                      evhttp_uri_get_path(uri), host ? host : "-");
  TAILQ_FOREACH(field, evhttp_request_get_input_headers(req), next) {
    evbuffer_add_printf(body, "[%s]=[%s]\n", field->key, field->value);
  }
  evbuffer_add_printf(body, "body=");
  evbuffer_add_buffer(body, evhttp_request_get_input_buffer(req));
  evhttp_send_reply(req, HTTP_OK, "OK", body);
  evbuffer_free(body);
}

#endif

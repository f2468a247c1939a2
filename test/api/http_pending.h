/* Shared by the tests of server connections: pending requests and the state of their connections. */
#ifndef EVENTIDE_TEST_API_HTTP_PENDING_H
#define EVENTIDE_TEST_API_HTTP_PENDING_H

#include <event2/http_struct.h>
#include <netinet/tcp.h>

#include "api/http_server.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

SHARED struct evhttp_request *kept;
SHARED int closes;

SHARED void turns(int n) {
  while (n-- > 0) event_base_loop(base, EVLOOP_NONBLOCK);
}
/* Loopback data has arrived when the sending call returns; a few iterations process it. */
SHARED void settle(void) { turns(10); }

SHARED void until_closed(void) {
  int patience;
  for (patience = 0; patience < kPatienceMs && !closes; ++patience) {
    turns(1);
    if (patience > 50) poll(NULL, 0, 1);
  }
}

SHARED void note_close(struct evhttp_connection *evcon, void *arg) {
  (void)arg;
  CHECK(evhttp_connection_get_bufferevent(evcon) != NULL);
  ++closes;
}
SHARED void keep(struct evhttp_request *req, void *arg) {
  kept = req;
  (void)arg;
  evhttp_connection_set_closecb(evhttp_request_get_connection(req), note_close, NULL);
}
SHARED void send_part(struct evhttp_request *req, const char *text) {
  struct evbuffer *data = evbuffer_new();
  evbuffer_add_printf(data, "%s", text);
  evhttp_send_reply_chunk(req, data);
  evbuffer_free(data);
}
SHARED void begin_parts(struct evhttp_request *req, void *arg) {
  keep(req, arg);
  evhttp_send_reply_start(req, 200, NULL);
  send_part(req, "part");
}

SHARED void end_side(int fd) { shutdown(fd, SHUT_WR); }
SHARED void reset(int fd) {
  struct linger at_once = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(fd);
}
SHARED void close_client(int fd) { close(fd); }

/* Each piece that it sends is delivered at once. */
SHARED int prompt_client(void) {
  const int on = 1, fd = client();
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}
SHARED int begin(void (*cb)(struct evhttp_request *, void *), const char *request) {
  int fd;
  kept = NULL;
  closes = 0;
  evhttp_set_gencb(http, cb, NULL);
  fd = prompt_client();
  send_text(fd, request, strlen(request));
  settle();
  return fd;
}

SHARED struct timeval soon = {0, 20000};

#endif

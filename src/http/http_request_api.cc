// The façade of event2/http.h for requests, replies and a server's connections.
#include "event2/buffer.h"
#include "event2/eventide_http.h"
#include "event2/http.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/server.h"
#include "http/server_connection.h"
#include "http/uri.h"

using evi::HttpRequest;
using evi::ServerConnection;

namespace {

// A reply to a request whose connection was closed frees the request and does nothing else.
void give_up(evhttp_request *request) noexcept {
  HttpRequest &of = HttpRequest::of(*request);
  request->userdone = 1;
  if (!of.is_owned()) of.dispose();
}

std::size_t size_limit(ev_ssize_t limit) noexcept {
  return limit < 0 ? EV_SIZE_MAX : static_cast<std::size_t>(limit);
}

timeval whole_seconds(int seconds) noexcept { return {seconds > 0 ? seconds : 0, 0}; }

}  // namespace

extern "C" {

/* --- replies --- */

void evhttp_send_reply(struct evhttp_request *request, int code, const char *reason, struct evbuffer *body) {
  if (!request->evcon) return give_up(request);
  ServerConnection::of(*request->evcon).reply(HttpRequest::of(*request), code, reason, body);
}

void evhttp_send_reply_start(struct evhttp_request *request, int code, const char *reason) {
  if (request->evcon)
    ServerConnection::of(*request->evcon).start_reply(HttpRequest::of(*request), code, reason);
}

void evhttp_send_reply_chunk(struct evhttp_request *request, struct evbuffer *data) {
  evhttp_send_reply_chunk_with_cb(request, data, nullptr, nullptr);
}

void evhttp_send_reply_chunk_with_cb(struct evhttp_request *request, struct evbuffer *data,
                                     void (*cb)(struct evhttp_connection *, void *), void *arg) {
  if (request->evcon)
    ServerConnection::of(*request->evcon).send_chunk(HttpRequest::of(*request), data, cb, arg);
}

void evhttp_send_reply_end(struct evhttp_request *request) {
  if (!request->evcon) return give_up(request);
  ServerConnection::of(*request->evcon).end_reply(HttpRequest::of(*request));
}

void evhttp_send_error(struct evhttp_request *request, int code, const char *reason) {
  if (!request->evcon) return give_up(request);
  ServerConnection::of(*request->evcon).reply_error(HttpRequest::of(*request), code, reason);
}

/* --- requests --- */

struct evhttp_request *evhttp_request_new(void (*cb)(struct evhttp_request *, void *), void *arg) {
  HttpRequest *request = HttpRequest::create(cb, arg);
  if (request) request->kind = EVHTTP_RESPONSE;
  return request;
}

void evhttp_request_free(struct evhttp_request *request) {
  if (request) HttpRequest::of(*request).dispose();
}

void evhttp_request_own(struct evhttp_request *request) { request->flags |= EVHTTP_USER_OWNED; }
int evhttp_request_is_owned(struct evhttp_request *request) { return HttpRequest::of(*request).is_owned(); }

struct evhttp_connection *evhttp_request_get_connection(struct evhttp_request *request) {
  return request->evcon;
}

void evhttp_request_set_chunked_cb(struct evhttp_request *request,
                                   void (*cb)(struct evhttp_request *, void *)) {
  request->chunk_cb = cb;
}
void evhttp_request_set_header_cb(struct evhttp_request *request,
                                  int (*cb)(struct evhttp_request *, void *)) {
  request->header_cb = cb;
}
void evhttp_request_set_error_cb(struct evhttp_request *request,
                                 void (*cb)(enum evhttp_request_error, void *)) {
  request->error_cb = cb;
}
void evhttp_request_set_on_complete_cb(struct evhttp_request *request,
                                       void (*cb)(struct evhttp_request *, void *), void *arg) {
  request->on_complete_cb = cb;
  request->on_complete_cb_arg = arg;
}

const char *evhttp_request_get_uri(const struct evhttp_request *request) { return request->uri; }
const struct evhttp_uri *evhttp_request_get_evhttp_uri(const struct evhttp_request *request) {
  return request->uri_elems;
}
enum evhttp_cmd_type evhttp_request_get_command(const struct evhttp_request *request) {
  return request->type;
}
int evhttp_request_get_response_code(const struct evhttp_request *request) { return request->response_code; }
const char *evhttp_request_get_response_code_line(const struct evhttp_request *request) {
  return request->response_code_line;
}
struct evkeyvalq *evhttp_request_get_input_headers(struct evhttp_request *request) {
  return request->input_headers;
}
struct evkeyvalq *evhttp_request_get_output_headers(struct evhttp_request *request) {
  return request->output_headers;
}
struct evbuffer *evhttp_request_get_input_buffer(struct evhttp_request *request) {
  return request->input_buffer;
}
struct evbuffer *evhttp_request_get_output_buffer(struct evhttp_request *request) {
  return request->output_buffer;
}
const char *evhttp_request_get_host(struct evhttp_request *request) {
  return HttpRequest::of(*request).find_host();
}

/* --- connections --- */

void evhttp_connection_free(struct evhttp_connection *connection) {
  if (connection) connection->release();
}

void evhttp_connection_set_closecb(struct evhttp_connection *connection,
                                   void (*cb)(struct evhttp_connection *, void *), void *arg) {
  connection->set_close_callback(cb, arg);
}

struct event_base *evhttp_connection_get_base(struct evhttp_connection *connection) {
  return ServerConnection::of(*connection).server().base();
}
struct bufferevent *evhttp_connection_get_bufferevent(struct evhttp_connection *connection) {
  return connection->bev();
}
struct evhttp *evhttp_connection_get_server(struct evhttp_connection *connection) {
  return &ServerConnection::of(*connection).server();
}
const struct sockaddr *evhttp_connection_get_addr(struct evhttp_connection *connection) {
  return connection->peer_address();
}
void evhttp_connection_get_peer(struct evhttp_connection *connection, char **address, ev_uint16_t *port) {
  *address = connection->peer_host();
  *port = connection->peer_port();
}

void evhttp_connection_set_timeout(struct evhttp_connection *connection, int seconds) {
  const timeval tv = whole_seconds(seconds);
  evhttp_connection_set_timeout_tv(connection, &tv);
}
void evhttp_connection_set_timeout_tv(struct evhttp_connection *connection, const struct timeval *tv) {
  connection->settings().read_timeout = evi::timeout_or_default(tv);
  connection->settings().write_timeout = evi::timeout_or_default(tv);
  connection->apply_timeouts();
}
void evhttp_connection_set_read_timeout_tv(struct evhttp_connection *connection, const struct timeval *tv) {
  connection->settings().read_timeout = evi::timeout_or_default(tv);
  connection->apply_timeouts();
}
void evhttp_connection_set_write_timeout_tv(struct evhttp_connection *connection, const struct timeval *tv) {
  connection->settings().write_timeout = evi::timeout_or_default(tv);
  connection->apply_timeouts();
}
void evhttp_connection_set_max_headers_size(struct evhttp_connection *connection, ev_ssize_t limit) {
  connection->settings().limits.max_head = size_limit(limit);
}
void evhttp_connection_set_max_body_size(struct evhttp_connection *connection, ev_ssize_t limit) {
  connection->settings().limits.max_body = limit < 0 ? EV_UINT64_MAX : static_cast<ev_uint64_t>(limit);
}
void eventide_http_connection_set_close_on_eof(struct evhttp_connection *connection, int on) {
  ServerConnection::of(*connection).set_closes_on_eof(on != 0);
}
void evhttp_connection_set_ext_method_cmp(struct evhttp_connection *connection, evhttp_ext_method_cb cb) {
  connection->settings().ext_method = cb;
}

}  // extern "C"

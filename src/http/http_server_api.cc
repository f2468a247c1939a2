// The façade of event2/http.h, event2/http_compat.h and event2/eventide_http.h for servers.
#include "core/event_base.h"
#include "event2/event.h"
#include "event2/eventide_http.h"
#include "event2/http.h"
#include "event2/http_compat.h"
#include "http/server.h"
#include "util/assert.h"

namespace {

timeval whole_seconds(int seconds) noexcept { return {seconds > 0 ? seconds : 0, 0}; }

}  // namespace

extern "C" {

struct evhttp *evhttp_new(struct event_base *base) {
  return evhttp::create(base);
}

void evhttp_free(struct evhttp *http) {
  if (http) http->dispose();
}

int evhttp_bind_socket(struct evhttp *http, const char *address, ev_uint16_t port) {
  return http->bind(address, port) ? 0 : -1;
}
struct evhttp_bound_socket *evhttp_bind_socket_with_handle(struct evhttp *http, const char *address,
                                                           ev_uint16_t port) {
  return http->bind(address, port);
}
int evhttp_accept_socket(struct evhttp *http, evutil_socket_t fd) { return http->accept(fd) ? 0 : -1; }
struct evhttp_bound_socket *evhttp_accept_socket_with_handle(struct evhttp *http, evutil_socket_t fd) {
  return http->accept(fd);
}
struct evhttp_bound_socket *evhttp_bind_listener(struct evhttp *http, struct evconnlistener *listener) {
  return http->add_listener(listener);
}

struct evconnlistener *evhttp_bound_socket_get_listener(struct evhttp_bound_socket *socket) {
  return socket->listener;
}
evutil_socket_t evhttp_bound_socket_get_fd(struct evhttp_bound_socket *socket) {
  return evconnlistener_get_fd(socket->listener);
}
void evhttp_bound_set_bevcb(struct evhttp_bound_socket *socket,
                            struct bufferevent *(*cb)(struct event_base *, void *), void *arg) {
  socket->maker = {cb, arg};
}
void evhttp_foreach_bound_socket(struct evhttp *http, evhttp_bound_socket_foreach_fn *fn, void *arg) {
  http->for_each_socket([&](evhttp_bound_socket &socket) { fn(&socket, arg); });
}
void evhttp_del_accept_socket(struct evhttp *http, struct evhttp_bound_socket *socket) {
  http->remove_socket(*socket);
}

void evhttp_set_max_headers_size(struct evhttp *http, ev_ssize_t limit) {
  http->settings().connections.limits.max_head = limit < 0 ? EV_SIZE_MAX : static_cast<size_t>(limit);
}
void evhttp_set_max_body_size(struct evhttp *http, ev_ssize_t limit) {
  http->settings().connections.limits.max_body = limit < 0 ? EV_UINT64_MAX : static_cast<ev_uint64_t>(limit);
}
void evhttp_set_max_connections(struct evhttp *http, int limit) { http->settings().max_connections = limit; }
int evhttp_get_connection_count(struct evhttp *http) { return http->connection_count(); }
void evhttp_set_default_content_type(struct evhttp *http, const char *type) {
  http->settings().default_content_type = type;
}
void evhttp_set_allowed_methods(struct evhttp *http, ev_uint16_t methods) {
  http->settings().allowed_methods = methods;
}
void evhttp_set_ext_method_cmp(struct evhttp *http, evhttp_ext_method_cb cb) {
  http->settings().connections.ext_method = cb;
}

int evhttp_set_cb(struct evhttp *http, const char *path, void (*cb)(struct evhttp_request *, void *),
                  void *arg) {
  if (!path) return -3;
  switch (http->routes().add(path, cb, arg)) {
    case evi::Routes::Result::added:
      return 0;
    case evi::Routes::Result::exists:
      return -1;
    case evi::Routes::Result::no_memory:
      return -2;
  }
  evi::unreachable();
}
int evhttp_del_cb(struct evhttp *http, const char *path) {
  return path && http->routes().remove(path) ? 0 : -1;
}
void evhttp_set_gencb(struct evhttp *http, void (*cb)(struct evhttp_request *, void *), void *arg) {
  http->routes().set_general(cb, arg);
}
void evhttp_set_bevcb(struct evhttp *http, struct bufferevent *(*cb)(struct event_base *, void *),
                      void *arg) {
  http->settings().maker = {cb, arg};
}
void evhttp_set_newreqcb(struct evhttp *http, int (*cb)(struct evhttp_request *, void *), void *arg) {
  http->settings().new_request_cb = cb;
  http->settings().new_request_arg = arg;
}
void evhttp_set_errorcb(struct evhttp *http,
                        int (*cb)(struct evhttp_request *, struct evbuffer *, int, const char *, void *),
                        void *arg) {
  http->settings().error_page = {cb, arg};
}

int evhttp_add_virtual_host(struct evhttp *http, const char *pattern, struct evhttp *vhost) {
  return pattern && http->add_vhost(pattern, *vhost) ? 0 : -1;
}
int evhttp_remove_virtual_host(struct evhttp *http, struct evhttp *vhost) {
  return http->remove_vhost(*vhost) ? 0 : -1;
}
int evhttp_add_server_alias(struct evhttp *http, const char *alias) {
  return alias && http->add_alias(alias) ? 0 : -1;
}
int evhttp_remove_server_alias(struct evhttp *http, const char *alias) {
  return alias && http->remove_alias(alias) ? 0 : -1;
}

void evhttp_set_timeout(struct evhttp *http, int seconds) {
  const timeval tv = whole_seconds(seconds);
  evhttp_set_timeout_tv(http, &tv);
}
void evhttp_set_timeout_tv(struct evhttp *http, const struct timeval *tv) {
  http->settings().connections.read_timeout = evi::timeout_or_default(tv);
  http->settings().connections.write_timeout = evi::timeout_or_default(tv);
}
void evhttp_set_read_timeout_tv(struct evhttp *http, const struct timeval *tv) {
  http->settings().connections.read_timeout = evi::timeout_or_default(tv);
}
void evhttp_set_write_timeout_tv(struct evhttp *http, const struct timeval *tv) {
  http->settings().connections.write_timeout = evi::timeout_or_default(tv);
}

int evhttp_set_flags(struct evhttp *http, int flags) {
  if (flags & ~EVHTTP_SERVER_LINGERING_CLOSE) return -1;
  http->settings().connections.lingers = (flags & EVHTTP_SERVER_LINGERING_CLOSE) != 0;
  return 0;
}

void eventide_http_set_close_on_eof(struct evhttp *http, int on) {
  http->settings().connections.closes_on_eof = on != 0;
}

struct evhttp *evhttp_start(const char *address, ev_uint16_t port) {
  event_base *base = evi::global_base();
  struct evhttp *http = base ? evhttp_new(base) : nullptr;
  if (http && evhttp_bind_socket(http, address, port) != 0) {
    evhttp_free(http);
    http = nullptr;
  }
  return http;
}

}  // extern "C"

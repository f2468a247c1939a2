// The façade of event2/listener.h.
#include "core/listener.h"
#include "event2/listener.h"

extern "C" {

struct evconnlistener *evconnlistener_new(struct event_base *base, evconnlistener_cb cb, void *arg,
                                          unsigned flags, int backlog, evutil_socket_t fd) {
  return base ? evconnlistener::create(*base, cb, arg, flags, backlog, fd, evi::accept_method(*base))
              : nullptr;
}

struct evconnlistener *evconnlistener_new_bind(struct event_base *base, evconnlistener_cb cb, void *arg,
                                               unsigned flags, int backlog, const struct sockaddr *address,
                                               int length) {
  return base ? evconnlistener::create_bound(*base, cb, arg, flags, backlog, address, length) : nullptr;
}

void evconnlistener_free(struct evconnlistener *listener) {
  if (listener) listener->dispose();
}

int evconnlistener_enable(struct evconnlistener *listener) { return listener->enable(); }
int evconnlistener_disable(struct evconnlistener *listener) { return listener->disable(); }
struct event_base *evconnlistener_get_base(struct evconnlistener *listener) {
  return &listener->base();
}
evutil_socket_t evconnlistener_get_fd(struct evconnlistener *listener) { return listener->fd(); }

void evconnlistener_set_cb(struct evconnlistener *listener, evconnlistener_cb cb, void *arg) {
  listener->set_callback(cb, arg);
}

void evconnlistener_set_error_cb(struct evconnlistener *listener, evconnlistener_errorcb cb) {
  listener->set_error_callback(cb);
}

}  // extern "C"

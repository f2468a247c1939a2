// A server whose one client is the other end of a bufferevent pair, so that nothing depends on sockets.
#ifndef EVENTIDE_TEST_UNIT_HTTP_SERVED_H
#define EVENTIDE_TEST_UNIT_HTTP_SERVED_H

#include <cstring>
#include <string>
#include <string_view>

#include "buffer/evbuffer.h"
#include "core/event_base.h"
#include "event2/buffer.h"
#include "event2/bufferevent.h"
#include "event2/event.h"
#include "event2/http.h"
#include "http/connection.h"
#include "http/server.h"

namespace test {

// Not connected if an allocation failed.
class Served {
 public:
  Served() {
    base_ = event_base_new();
    http_ = base_ ? evhttp_new(base_) : nullptr;
    if (http_) connect();
  }
  Served(const Served &) = delete;
  Served &operator=(const Served &) = delete;
  ~Served() {
    if (http_) evhttp_free(http_);
    if (client_) bufferevent_free(client_);
    if (base_) event_base_free(base_);
  }

  // A second connection, with the settings that the server has by now. The first one is not closed by it, as
  // the other end of a pair is not notified.
  void connect() {
    if (client_) bufferevent_free(client_);
    client_ = nullptr;
    bufferevent *pair[2] = {nullptr, nullptr};
    if (bufferevent_pair_new(base_, 0, pair) != 0) return;
    client_ = pair[0];
    connected_ = http_->serve(pair[1]);
    bufferevent_enable(client_, EV_READ | EV_WRITE);
  }
  explicit operator bool() const { return connected_; }
  evhttp *http() const { return http_; }

  bool send(std::string_view text) {
    const bool sent = bufferevent_write(client_, text.data(), text.size()) == 0;
    turn();
    return sent;
  }
  // The server finds each part in an extent of its own.
  bool send_extents(std::string_view first, std::string_view second) {
    evbuffer *parts = evbuffer_new();
    const bool sent = evbuffer_add_reference(parts, first.data(), first.size(), nullptr, nullptr) == 0 &&
                      evbuffer_add_reference(parts, second.data(), second.size(), nullptr, nullptr) == 0 &&
                      bufferevent_write_buffer(client_, parts) == 0;
    evbuffer_free(parts);
    turn();
    return sent;
  }
  void turn() {
    for (int i = 0; i < 4; ++i) event_base_loop(base_, EVLOOP_NONBLOCK);
  }
  std::string received() {
    evbuffer *input = bufferevent_get_input(client_);
    std::string text(evbuffer_get_length(input), '\0');
    if (evbuffer_remove(input, text.data(), text.size()) < 0) text.clear();
    return text;
  }

  bool check_invariants() {
    return base_->check_invariants() && bufferevent_get_input(client_)->check_invariants() &&
           bufferevent_get_output(client_)->check_invariants();
  }

 private:
  event_base *base_ = nullptr;
  evhttp *http_ = nullptr;
  bufferevent *client_ = nullptr;
  bool connected_ = false;
};

}  // namespace test

#endif

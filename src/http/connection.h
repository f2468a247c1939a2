// struct evhttp_connection: what both roles of a connection share. The bufferevent, and whether the
// application has taken it over; timeouts and what is read; the reader of messages; the peer; the end of it
// and its memory.
//
// A role derives its connections from it (server_connection.h) and fills a ConnectionRole. Thread: that of
// the base's loop.
//
// The application takes the bufferevent over by setting callbacks of its own. Nothing of it is changed from
// then on until the role takes it back, or the connection is freed.
#ifndef EVI_HTTP_CONNECTION_H
#define EVI_HTTP_CONNECTION_H

#include <sys/time.h>

#include <cstddef>
#include <cstdint>

#include "event2/buffer.h"
#include "event2/bufferevent.h"
#include "event2/bufferevent_struct.h"
#include "event2/event.h"
#include "event2/http.h"
#include "http/message_reader.h"
#include "http/request.h"
#include "util/assert.h"

struct sockaddr;

namespace evi {

using ConnectionCallback = void (*)(evhttp_connection *, void *);

// What applications set for connections of either role.
struct ConnectionSettings {
  timeval read_timeout;
  timeval write_timeout;
  MessageLimits limits;
  evhttp_ext_method_cb ext_method = nullptr;
};

struct ConnectionRole {
  // The bufferevent's callbacks; their argument is the connection.
  bufferevent_data_cb on_read;
  bufferevent_data_cb on_written;
  bufferevent_event_cb on_event;
  // evhttp_connection_free().
  void (*release)(evhttp_connection &) noexcept;
  // The application is about to free a request of the connection's.
  void (*forget)(evhttp_connection &, HttpRequest &) noexcept;
  // Destroys the connection and frees its memory, once it is closed and unpinned.
  void (*destroy)(evhttp_connection &) noexcept;
};

}  // namespace evi

struct evhttp_connection {
 public:
  evhttp_connection(const evhttp_connection &) = delete;
  evhttp_connection &operator=(const evhttp_connection &) = delete;

  void release() noexcept { role_.release(*this); }
  void forget(evi::HttpRequest &request) noexcept { role_.forget(*this, request); }

  const evi::ConnectionRole &role() const noexcept { return role_; }
  bufferevent *bev() const noexcept { return bev_; }
  char *peer_host() noexcept { return peer_host_; }
  std::uint16_t peer_port() const noexcept { return peer_port_; }
  // Null if the peer has no address.
  const sockaddr *peer_address() const noexcept { return peer_address_; }
  void set_close_callback(evi::ConnectionCallback cb, void *arg) noexcept {
    close_cb_ = cb;
    close_arg_ = arg;
  }
  evi::ConnectionSettings &settings() noexcept { return settings_; }
  // The timeouts in the settings were changed. Errors are reported by the bufferevent's event callback.
  void apply_timeouts() noexcept;

 protected:
  class Pin;

  enum class Life : std::uint8_t {
    live,
    dead,    // for the application: only output is still sent
    closed,  // the bufferevent is freed; the memory follows with the last pin
  };
  // What is read.
  enum class Reading : std::uint8_t {
    message,
    unsolicited,  // input up to a bound and without a timeout, to notice EOF or a reset
    held,         // nothing: the application has disabled reading
    nothing,
  };

  // Ownership: the bufferevent's passes to the connection; the role outlives it.
  evhttp_connection(const evi::ConnectionRole &role, bufferevent *bev,
                    const evi::ConnectionSettings &settings) noexcept
      : role_(role), bev_(bev), settings_(settings) {}
  ~evhttp_connection() noexcept = default;

  // `address` outlives the connection. Unix sockets have no host.
  void set_peer(const sockaddr &address, std::size_t size) noexcept;

  evbuffer *input() const noexcept { return bufferevent_get_input(bev_); }
  evbuffer *output() const noexcept { return bufferevent_get_output(bev_); }
  std::size_t unsent() const noexcept { return evbuffer_get_length(output()); }

  bool is_dead() const noexcept { return life_ != Life::live; }
  bool reads() const noexcept { return reading_ == Reading::message || reading_ == Reading::unsolicited; }
  // Whether the application has disabled reading.
  bool reading_is_disabled() const noexcept { return (bev_->enabled & EV_READ) == 0; }
  // Reads that, or nothing. False if a timeout or event could not be added. May call on_event().
  [[nodiscard]] bool change_reading(Reading wanted) noexcept;
  [[nodiscard]] bool set_timeouts() noexcept;

  void set_callbacks() noexcept;
  bool taken_over() const noexcept;

  void call_close_callback() noexcept {
    if (close_cb_) close_cb_(this, close_arg_);
  }
  // The rest of its end: see Life.
  void free_bufferevent() noexcept;

  const evi::ConnectionRole &role_;
  bufferevent *bev_;
  evi::ConnectionSettings settings_;
  evi::MessageReader reader_{settings_.limits};
  Life life_ = Life::live;
  Reading reading_ = Reading::message;

 private:
  evi::ConnectionCallback close_cb_ = nullptr;
  void *close_arg_ = nullptr;
  const sockaddr *peer_address_ = nullptr;
  unsigned pins_ = 0;
  std::uint16_t peer_port_ = 0;
  char peer_host_[evi::kMaxPeerText] = "";
};

#endif

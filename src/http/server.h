// struct evhttp: a server's settings, sockets, connections and virtual hosts.
#ifndef EVI_HTTP_SERVER_H
#define EVI_HTTP_SERVER_H

#include <sys/time.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "event2/http.h"
#include "event2/listener.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/route.h"
#include "http/server_connection.h"
#include "util/alloc.h"
#include "util/intrusive_list.h"

namespace evi {

// Null or zero stands for 50 seconds.
timeval timeout_or_default(const timeval *tv) noexcept;

using NewBufferevent = bufferevent *(*)(event_base *, void *);

struct BuffereventMaker {
  NewBufferevent make = nullptr;
  void *arg = nullptr;
};

struct ServerSettings {
  // Of connections that are accepted later.
  ServerConnectionSettings connections;
  std::uint32_t allowed_methods;
  const char *default_content_type;
  int max_connections = 0;  // 0: no limit
  BuffereventMaker maker{};
  int (*new_request_cb)(evhttp_request *, void *) = nullptr;
  void *new_request_arg = nullptr;
  ErrorPage error_page{};
};

}  // namespace evi

// A listener of a server.
struct evhttp_bound_socket final {
  evhttp *server;
  evconnlistener *listener;
  evi::BuffereventMaker maker;
  evi::ListHook<evhttp_bound_socket> hook;
};

namespace evi {
struct SocketHook {
  static auto &of(evhttp_bound_socket &socket) noexcept { return socket.hook; }
};
struct VhostHook {
  static auto &of(evhttp &server) noexcept;
};
}  // namespace evi

struct evhttp final {
 public:
  // Null: out of memory. A virtual host needs no base.
  static evhttp *create(event_base *base) noexcept;
  void dispose() noexcept;

  // --- sockets ---

  // Ownership of the listener passes to the server, unless it fails. Null: out of memory.
  evhttp_bound_socket *add_listener(evconnlistener *listener) noexcept;
  evhttp_bound_socket *bind(const char *address, std::uint16_t port) noexcept;
  // Ownership of the socket passes to the server, unless it fails.
  evhttp_bound_socket *accept(evutil_socket_t listening) noexcept;
  void remove_socket(evhttp_bound_socket &socket) noexcept;
  template <typename Fn>
  void for_each_socket(Fn fn) noexcept {
    for (evhttp_bound_socket *socket = sockets_.front(), *next; socket; socket = next) {
      next = sockets_.next(*socket);
      fn(*socket);
    }
  }

  // --- settings ---

  evi::ServerSettings &settings() noexcept { return settings_; }
  const evi::ServerSettings &settings() const noexcept { return settings_; }
  evi::Routes &routes() noexcept { return routes_; }

  int connection_count() const noexcept { return connection_count_; }
  event_base *base() const noexcept { return base_; }

  // --- virtual hosts ---

  bool add_vhost(const char *pattern, evhttp &vhost) noexcept;
  bool remove_vhost(evhttp &vhost) noexcept;
  bool add_alias(const char *alias) noexcept { return aliases_.add(alias); }
  bool remove_alias(const char *alias) noexcept { return aliases_.remove(alias); }
  // This server or the virtual host of it that has the name `host`; null if none has it.
  evhttp *find_host(std::string_view host) noexcept;

  // --- for connections ---

  // Serves a client that no socket of the server accepted. Ownership of the bufferevent passes to the server,
  // also if it fails. False: out of memory.
  bool serve(bufferevent *bev) noexcept { return add_connection(bev, nullptr, 0); }

  // The connection is dead; it still counts until it is closed.
  void begin_close(evi::ServerConnection &connection) noexcept;
  void remove(evi::ServerConnection &connection) noexcept;
  // Calls the application's callback for the request, or replies 404.
  void handle(evi::HttpRequest &request) noexcept;
  // "Sun, 06 Nov 1994 08:49:37 GMT", formatted once a second. Empty if the time could not be read.
  std::string_view date() noexcept;

  evi::ListHook<evhttp> hook;

 private:
  explicit evhttp(event_base *base) noexcept;
  ~evhttp() noexcept = default;

  // Null if `listener` is null.
  evhttp_bound_socket *add(evi::Owned<evhttp_bound_socket> socket, evconnlistener *listener) noexcept;
  static void on_accept(evconnlistener *, evutil_socket_t fd, sockaddr *address, int length,
                        void *socket) noexcept;
  void take_client(const evhttp_bound_socket &socket, evutil_socket_t fd, const sockaddr *address,
                   int length) noexcept;
  bool add_connection(bufferevent *bev, const sockaddr *address, int length) noexcept;
  // Null if it could not be created, or if the application's function freed the server.
  bufferevent *make_bufferevent(const evhttp_bound_socket &socket, evutil_socket_t fd) noexcept;
  void free_memory() noexcept;

  event_base *base_;
  evi::ServerSettings settings_;
  evi::Routes routes_;
  evhttp *parent_ = nullptr;  // as a virtual host
  char *pattern_ = nullptr;
  evi::TailList<evhttp, evi::VhostHook> vhosts_;
  evi::TailList<evhttp_bound_socket, evi::SocketHook> sockets_;
  evi::ServerConnectionList connection_list_;
  evi::ServerConnectionList closing_list_;  // dead ones
  int connection_count_ = 0;
  unsigned pins_ = 0;  // calls of the application's functions, during which the memory is kept
  bool freed_ = false;
  evi::HostNames aliases_;
  char date_[32] = "";
  std::size_t date_size_ = 0;
  long date_of_ = -1;
};

inline auto &evi::VhostHook::of(evhttp &server) noexcept { return server.hook; }

#endif

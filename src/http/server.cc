// Servers: sockets, connections, virtual hosts, and the dispatch of requests.
#include "http/server.h"

#include <climits>
#include <cstring>
#include <new>
#include <utility>

#include "event2/buffer.h"
#include "event2/bufferevent.h"
#include "event2/event.h"
#include "http/client_socket.h"
#include "http/headers.h"
#include "http/limits.h"
#include "http/uri.h"
#include "util/assert.h"
#include "util/date.h"
#include "util/text.h"

using evi::BuffereventMaker;
using evi::destroy;
using evi::format_time_rfc1123;
using evi::host_matches;
using evi::HttpRequest;
using evi::kDefaultMaxHeadBytes;
using evi::kMaxNumberText;
using evi::make;
using evi::mm_free;
using evi::mm_malloc;
using evi::mm_strdup;
using evi::Owned;
using evi::Routes;
using evi::send_at_once;
using evi::ServerConnection;
using evi::write_number;

namespace {

constexpr timeval kDefaultTimeout = {50, 0};
constexpr std::uint32_t kDefaultMethods =
    EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE;
constexpr const char *kDefaultContentType = "text/html; charset=ISO-8859-1";

}  // namespace

timeval evi::timeout_or_default(const timeval *tv) noexcept {
  return tv && (tv->tv_sec != 0 || tv->tv_usec != 0) ? *tv : kDefaultTimeout;
}

evhttp::evhttp(event_base *base) noexcept
    : base_(base),
      settings_{.connections = {{kDefaultTimeout, kDefaultTimeout, {kDefaultMaxHeadBytes, UINT64_MAX}}},
                .allowed_methods = kDefaultMethods,
                .default_content_type = kDefaultContentType} {}

evhttp *evhttp::create(event_base *base) noexcept {
  void *memory = mm_malloc(sizeof(evhttp));
  return memory ? ::new (memory) evhttp(base) : nullptr;
}

void evhttp::dispose() noexcept {
  while (evhttp_bound_socket *socket = sockets_.front()) remove_socket(*socket);
  using Output = ServerConnection::Output;
  while (ServerConnection *connection = connection_list_.front()) connection->dispose(Output::lost);
  while (ServerConnection *connection = closing_list_.front()) connection->close();
  while (evhttp *vhost = vhosts_.front()) {
    remove_vhost(*vhost);
    vhost->dispose();
  }
  if (parent_) parent_->remove_vhost(*this);
  freed_ = true;
  if (pins_ == 0) free_memory();
}

void evhttp::free_memory() noexcept {
  EVI_ASSERT(freed_);
  EVI_ASSERT(connection_list_.empty());
  EVI_ASSERT(closing_list_.empty());
  this->~evhttp();
  mm_free(this);
}

// --- sockets ---

namespace {

constexpr unsigned kListenerFlags = LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE;

}  // namespace

evhttp_bound_socket *evhttp::add(Owned<evhttp_bound_socket> socket, evconnlistener *listener) noexcept {
  if (!listener) return nullptr;
  socket->server = this;
  socket->listener = listener;
  sockets_.push_back(*socket);
  return socket.release();
}

evhttp_bound_socket *evhttp::add_listener(evconnlistener *listener) noexcept {
  Owned<evhttp_bound_socket> socket{make<evhttp_bound_socket>()};
  if (!socket) return nullptr;
  evconnlistener_set_cb(listener, on_accept, socket.get());
  return add(std::move(socket), listener);
}

evhttp_bound_socket *evhttp::accept(evutil_socket_t listening) noexcept {
  Owned<evhttp_bound_socket> socket{make<evhttp_bound_socket>()};
  if (!socket) return nullptr;
  evconnlistener *listener = evconnlistener_new(base_, on_accept, socket.get(), kListenerFlags, 0, listening);
  return add(std::move(socket), listener);
}

// Binds to the first of the name's addresses that succeeds.
evhttp_bound_socket *evhttp::bind(const char *address, std::uint16_t port) noexcept {
  char service[kMaxNumberText + 1];
  service[write_number(service, port)] = '\0';
  Owned<evhttp_bound_socket> socket{make<evhttp_bound_socket>()};
  if (!socket) return nullptr;
  evutil_addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = EVUTIL_AI_PASSIVE | EVUTIL_AI_NUMERICSERV;
  evutil_addrinfo *found = nullptr;
  if (evutil_getaddrinfo(address, service, &hints, &found) != 0) return nullptr;
  evconnlistener *listener = nullptr;
  for (const evutil_addrinfo *at = found; at && !listener; at = at->ai_next) {
    listener = evconnlistener_new_bind(base_, on_accept, socket.get(), kListenerFlags, -1, at->ai_addr,
                                       static_cast<int>(at->ai_addrlen));
  }
  evutil_freeaddrinfo(found);
  return add(std::move(socket), listener);
}

void evhttp::remove_socket(evhttp_bound_socket &socket) noexcept {
  EVI_ASSERT(socket.server == this);
  sockets_.remove(socket);
  evconnlistener_free(socket.listener);
  destroy(&socket);
}

void evhttp::on_accept(evconnlistener *, evutil_socket_t fd, sockaddr *address, int length,
                       void *arg) noexcept {
  auto &socket = *static_cast<evhttp_bound_socket *>(arg);
  socket.server->take_client(socket, fd, address, length);
}

bufferevent *evhttp::make_bufferevent(const evhttp_bound_socket &socket, evutil_socket_t fd) noexcept {
  const BuffereventMaker own = socket.maker.make ? socket.maker : settings_.maker;
  ++pins_;
  bufferevent *bev = own.make ? own.make(base_, own.arg) : nullptr;
  --pins_;
  if (freed_) {
    if (bev) bufferevent_free(bev);
    return nullptr;
  }
  if (bev) {
    // Events that could not be added are reported when the connection is enabled.
    if (bufferevent_setfd(bev, fd) == 0 || bufferevent_getfd(bev) == fd) return bev;
    bufferevent_free(bev);
    return nullptr;
  }
  return bufferevent_socket_new(base_, fd, BEV_OPT_CLOSE_ON_FREE);
}

namespace {

// For a client beyond the limit. The reply is sent in so far as the socket accepts it without blocking.
void turn_away(evutil_socket_t fd) noexcept {
  constexpr std::string_view kReply =
      "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  send_at_once(fd, kReply);
  evutil_closesocket(fd);
}

}  // namespace

void evhttp::take_client(const evhttp_bound_socket &socket, evutil_socket_t fd, const sockaddr *address,
                         int length) noexcept {
  if (settings_.max_connections > 0 && connection_count_ >= settings_.max_connections) return turn_away(fd);
  bufferevent *bev = make_bufferevent(socket, fd);
  if (bev) {
    add_connection(bev, address, length);
    return;
  }
  evutil_closesocket(fd);
  if (freed_ && pins_ == 0) free_memory();
}

bool evhttp::add_connection(bufferevent *bev, const sockaddr *address, int length) noexcept {
  ServerConnection *connection = ServerConnection::create(*this, bev, address, length, settings_.connections);
  if (!connection) return false;
  connection_list_.push_back(*connection);
  ++connection_count_;
  return connection->start();
}

void evhttp::begin_close(ServerConnection &connection) noexcept {
  EVI_ASSERT(&connection.server() == this);
  connection_list_.remove(connection);
  closing_list_.push_back(connection);
}

void evhttp::remove(ServerConnection &connection) noexcept {
  EVI_ASSERT(connection_count_ > 0);
  closing_list_.remove(connection);
  --connection_count_;
}

// --- virtual hosts ---

bool evhttp::add_vhost(const char *pattern, evhttp &vhost) noexcept {
  if (vhost.parent_ || !vhost.sockets_.empty()) return false;
  // Nor may it be above this one.
  for (const evhttp *above = this; above; above = above->parent_) {
    if (above == &vhost) return false;
  }
  char *copy = mm_strdup(pattern);
  if (!copy) return false;
  vhost.pattern_ = copy;
  vhost.parent_ = this;
  vhosts_.push_back(vhost);
  return true;
}

bool evhttp::remove_vhost(evhttp &vhost) noexcept {
  if (vhost.parent_ != this) return false;
  EVI_ASSERT(vhost.pattern_);
  vhosts_.remove(vhost);
  mm_free(vhost.pattern_);
  vhost.pattern_ = nullptr;
  vhost.parent_ = nullptr;
  return true;
}

evhttp *evhttp::find_host(std::string_view host) noexcept {
  if (aliases_.has(host)) return this;
  for (evhttp *vhost = vhosts_.front(); vhost; vhost = vhosts_.next(*vhost)) {
    evhttp *found = vhost->find_host(host);
    if (found) return found;
    if (host_matches(vhost->pattern_, host)) return vhost;
  }
  return nullptr;
}

// --- requests ---

void evhttp::handle(HttpRequest &request) noexcept {
  EVI_ASSERT(request.uri_elems);
  EVI_ASSERT(request.evcon);
  evhttp *server = this;
  const char *host = vhosts_.empty() ? nullptr : request.find_host();
  if (evhttp *found = host ? find_host(host) : nullptr) server = found;
  const Routes::Target target = server->routes_.find(request.uri_elems->path());
  if (target.cb) return target.cb(&request, target.arg);
  ServerConnection::of(*request.evcon).reply_not_found(request);
}

std::string_view evhttp::date() noexcept {
  timeval now;
  if (event_base_gettimeofday_cached(base_, &now) != 0) return {};
  if (now.tv_sec != date_of_) {
    const int size = format_time_rfc1123(date_, sizeof(date_), now.tv_sec);
    const bool fits = size > 0 && static_cast<std::size_t>(size) < sizeof(date_);
    date_size_ = fits ? static_cast<std::size_t>(size) : 0;
    date_of_ = now.tv_sec;
  }
  return {date_, date_size_};
}

// Connecting a socket bufferevent: to an address, and to a name.
#include "bufferevent/lookup.h"
#include "bufferevent/socket_transport.h"
#include "core/event_base.h"
#include "util/addrinfo.h"
#include "util/alloc.h"
#include "util/assert.h"

namespace evi {
namespace {

using namespace socket_transport;

Connecting attempt(evutil_socket_t fd, const sockaddr &address, int length) noexcept {
  const auto size = static_cast<ev_socklen_t>(length);
  if (::connect(fd, &address, size) == 0) return Connecting::begun;
  // Linux reports by this, once, that an earlier attempt with this socket has failed.
  const bool again = last_socket_error() == kConnectionAborted;
  if (again && ::connect(fd, &address, size) == 0) return Connecting::begun;
  const int error = last_socket_error();
  if (connect_in_progress(error)) return Connecting::begun;
  return connect_refused(error) ? Connecting::refused : Connecting::failed;
}

// By an operation, if the bufferevent has such and they fit.
Connecting attempt_overlapped(SocketBufferevent &bev, evutil_socket_t fd, const sockaddr *address,
                              int length) noexcept {
  const OverlappedOps *ops = bev.be_ops->overlapped;
  return ops && address ? ops->connect(bev, fd, *address, length) : Connecting::unfit;
}

// The socket is connecting, or connected already, which ev_write reports in either case.
bool await_connection(SocketBufferevent &bev) noexcept {
  EVI_ASSERT(fd_of(bev) >= 0 && !bev.socket_.refused);
  bev.socket_.connecting = true;
  if (arm_write(bev) && arm_read(bev, true)) return true;
  bev.socket_.connecting = false;
  disarm_write(bev);
  return false;
}

int give_up(evutil_socket_t own) noexcept {
  const int error = last_socket_error();
  if (own != kNoSocket) close_socket(own);
  set_socket_error(error);
  return -1;
}

}  // namespace

int socket_connect(SocketBufferevent &bev, const sockaddr *address, int length) noexcept {
  evutil_socket_t own = kNoSocket;
  if (fd_of(bev) < 0) {
    if (!address) return -1;
    own = open_socket(address->sa_family, SOCK_STREAM, 0, kNonblocking);
    if (own == kNoSocket) return -1;
  }
  const evutil_socket_t fd = own != kNoSocket ? own : fd_of(bev);
  Connecting made = attempt_overlapped(bev, fd, address, length);
  if (made == Connecting::begun) return 0;
  if (made == Connecting::unfit) made = address ? attempt(fd, *address, length) : Connecting::begun;
  if (made == Connecting::failed) return give_up(own);
  const int error = last_socket_error();
  replace_fd(bev, fd);
  bev.socket_.fd_known = own != kNoSocket;
  if (made == Connecting::refused) {
    bev.socket_.refused = true;
    bev.defer_event(BEV_EVENT_ERROR, error);
    return 0;
  }
  if (await_connection(bev)) return 0;
  if (own != kNoSocket) replace_fd(bev, kNoSocket);
  return give_up(own);
}

bool socket_transport::end_connecting(SocketBufferevent &bev, int error) noexcept {
  bev.socket_.connecting = false;
  if (!error) return true;
  bev.socket_.refused = true;
  disarm_read(bev);
  disarm_write(bev);
  set_socket_error(error);
  bev.trigger_event(BEV_EVENT_ERROR, 0);
  return false;
}

bool socket_transport::take_connection(SocketBufferevent &bev) noexcept {
  EVI_ASSERT(bev.socket_.connecting && fd_of(bev) >= 0);
  const int error = pending_socket_error(fd_of(bev));
  return !connect_in_progress(error) && end_connecting(bev, error);
}

void socket_transport::report_connected(SocketBufferevent &bev) noexcept {
  bev.trigger_event(BEV_EVENT_CONNECTED, 0);
  // What the callback wrote goes at once. It may also have freed us, or begun another connection.
  if (!bev.socket_.write_armed || bev.socket_.connecting || fd_of(bev) < 0) return;
  if (bev.wants(EV_WRITE) && !bev.output_buffer().empty()) return write_once(bev);
  disarm_write(bev);
}

// --- look-ups ---

bool Lookup::start(SocketBufferevent &bev, evdns_base *resolver, const addrinfo &hints, const char *hostname,
                   const char *service) noexcept {
  BuffereventExtra *extra = bev.make_extra();
  Lookup *lookup = extra ? make<Lookup>(bev) : nullptr;
  if (!lookup) return false;
  if (extra->lookup) extra->lookup->cancel(bev);
  extra->lookup = lookup;
  extra->dns_error = 0;
  bev.hold();
  bev.suspend(EV_READ | EV_WRITE, kLookup);

  // The resolver has a lock of its own, under which it may come to ours.
  raw_lock_release(bev.lock());
  auto *request = start_resolving(resolver, hostname, service, &hints, on_answer, lookup);
  raw_lock_acquire(bev.lock());
  lookup->asking_ = false;
  if (lookup->answered_) {
    evi::destroy(lookup);
  } else if (lookup->cancelled_) {
    cancel_resolving(request);
  } else {
    lookup->request_ = request;
  }
  return true;
}

void Lookup::cancel(BuffereventBase &bev) noexcept {
  EVI_ASSERT(!cancelled_ && !answered_ && bev.extra()->lookup == this);
  cancelled_ = true;
  bev.make_extra()->lookup = nullptr;
  if (request_) cancel_resolving(request_);
}

void Lookup::on_answer(int error, addrinfo *answer, void *arg) noexcept {
  const OwnedAddrinfo owned{answer};
  auto *self = static_cast<Lookup *>(arg);
  SocketBufferevent &bev = self->bev_;
  const BuffereventUse use(bev, BuffereventUse::Adopt{});
  const bool wanted = !self->cancelled_;
  const bool asking = self->asking_;
  self->answered_ = true;
  if (!asking) evi::destroy(self);
  if (!wanted) return;

  BuffereventExtra &extra = *bev.make_extra();
  extra.lookup = nullptr;
  extra.dns_error = error;
  if (!error) {
    // Nothing is to begin before the connection is there.
    bev.clear_reasons(EV_READ | EV_WRITE, kLookup);
    if (socket_connect(bev, owned->ai_addr, static_cast<int>(owned->ai_addrlen)) == 0) return;
  }
  const int socket_error = last_socket_error();
  bev.resume(EV_READ | EV_WRITE, kLookup);
  // As in libevent, a bufferevent without a descriptor then keeps the loop alive.
  if (fd_of(bev) < 0 && bev.wants(EV_WRITE))
    static_cast<void>(bev.be_ops->start(bev, EV_WRITE, Start::enabled));
  if (asking) return bev.defer_event(BEV_EVENT_ERROR, socket_error);
  set_socket_error(socket_error);
  bev.trigger_event(BEV_EVENT_ERROR, 0);
}

}  // namespace evi

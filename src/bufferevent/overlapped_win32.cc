// The socket transport on a completion port. It is the same as with readiness, but for what ends a wait:
//
//   wants to read   --> WSARecv of no bytes --> there is something: read as a ready socket is, and again
//   some output was refused --> WSASend of what is in front --> it was sent: drained, and again
//   connects        --> ConnectEx           --> connected or not
//
// An idle connection thus has no memory for bytes to come, and one that writes little sends at once. Chains
// that are being sent are held until the operation is over; the program may add behind them.
//
// Operations lie in an Exchange (exchange_win32.h), of which there is one for each socket, and of which the
// bufferevent lets go when the socket, the base or it itself goes.
#include "bufferevent/exchange_win32.h"
// The order matters: winsock2.h, which it includes, comes before what follows.
#include <utility>

#include "bufferevent/socket_transport.h"
#include "util/alloc.h"

namespace evi {
namespace {

using namespace socket_transport;
using Task = Exchange::Task;

class OverlappedBufferevent final : public SocketBufferevent {
 public:
  OverlappedBufferevent(event_base &base, int options) noexcept;

  static OverlappedBufferevent &of(BuffereventBase &bev) noexcept {
    return static_cast<OverlappedBufferevent &>(bev);
  }

  static const OverlappedOps kOverlapped;
  static const bufferevent_ops kOps;

 private:
  static void attach(SocketBufferevent &bev) noexcept;
  static void detach(BuffereventBase &bev) noexcept;
  static void await(SocketBufferevent &bev, short direction) noexcept;
  static Connecting connect(SocketBufferevent &bev, evutil_socket_t fd, const sockaddr &address,
                            int length) noexcept;
  static bool start(BuffereventBase &bev, short directions, Start why) noexcept;
  static void stop(BuffereventBase &bev, short directions) noexcept;
  static void flush_turn(BuffereventBase &bev) noexcept;
  static void write_last(BuffereventBase &bev) noexcept;
  static bool set_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept;
  static void unlink(BuffereventBase &bev) noexcept;
  static void dispose(BuffereventBase *bev) noexcept;
  static void on_received(event_callback *queued, void *self) noexcept;
  static void on_sent(event_callback *queued, void *self) noexcept;

  CompletionPort *port() const noexcept { return ev_base->completion_port(); }
  std::uint8_t priority() const noexcept { return ev_read.ev_evcallback.evcb_pri; }
  // Nothing is armed for the socket, which from now on is known to bases by operations only, or no longer so.
  void show(evutil_socket_t fd, bool overlapped) noexcept {
    ev_read.ev_fd = ev_write.ev_fd = overlapped ? hidden(fd) : fd;
    socket_.overlapped = overlapped;
  }
  bool serves(const Exchange &exchange) const noexcept { return exchange_ == &exchange; }
  Exchange *make_exchange() noexcept;
  // An operation may begin, or the one in flight will report.
  bool may_begin(Transfer &transfer) const noexcept {
    return !exchange_->want(transfer) && !socket_.connecting && !freed() && fd_of(*this) >= 0;
  }
  void await_input() noexcept;
  void await_output() noexcept;
  void send_front(std::size_t limit) noexcept;
  void received(int error) noexcept;
  void sent(std::size_t bytes, int error) noexcept;
  void take_sent(std::size_t bytes) noexcept;
  void continue_writing() noexcept;
  void connected(int error) noexcept;
  bool restart(event &ev, const timeval &timeout) noexcept;
  void abandon() noexcept;
  void report_unknown_write() noexcept;
  bool fits(evutil_socket_t fd, const sockaddr &address) noexcept;

  Exchange *exchange_ = nullptr;  // there is one if the socket is served so
  bool in_doubt_ = false;         // what an old socket was sent is unknown, which is still to be reported
};

OverlappedBufferevent::OverlappedBufferevent(event_base &base, int options) noexcept
    : SocketBufferevent(&base, kOps, options) {}

Exchange *OverlappedBufferevent::make_exchange() noexcept {
  return make<Exchange>(*ev_base, *this, on_received, on_sent);
}

// --- which sockets are served so ---

bool is_stream(evutil_socket_t fd) noexcept {
  int type = 0;
  int length = sizeof(type);
  return getsockopt(winsock(fd), SOL_SOCKET, SO_TYPE, reinterpret_cast<char *>(&type), &length) == 0 &&
         type == SOCK_STREAM;
}

// A datagram would be lost, and a socket that is not connected yet cannot receive.
bool is_connected_stream(evutil_socket_t fd) noexcept {
  sockaddr_storage peer;
  int length = sizeof(peer);
  return is_stream(fd) && getpeername(winsock(fd), reinterpret_cast<sockaddr *>(&peer), &length) == 0;
}

// Out of memory, the socket is served by readiness.
void OverlappedBufferevent::attach(SocketBufferevent &bev) noexcept {
  OverlappedBufferevent &self = of(bev);
  const evutil_socket_t fd = fd_of(bev);
  CompletionPort *port = self.port();
  if (fd < 0 || !port || !is_connected_stream(fd)) return;
  Owned<Exchange> exchange{self.make_exchange()};
  // Also reading and writing at once must not block.
  if (!exchange || !port->associate(fd) || !set_nonblocking(fd)) return;
  self.exchange_ = exchange.release();
  self.show(fd, true);
}

// Bytes that the old socket accepted are not sent again; if the count is unknown, nothing is sent.
void OverlappedBufferevent::detach(BuffereventBase &bev) noexcept {
  OverlappedBufferevent &self = of(bev);
  self.show(fd_of(bev), false);
  Exchange *left = std::exchange(self.exchange_, nullptr);
  if (!left) return;
  std::size_t bytes = 0;
  if (!left->end_sending(bytes)) {
    self.in_doubt_ = true;
    bev.enabled = static_cast<short>(bev.enabled & ~EV_WRITE);
  }
  left->leave();
  if (bytes > 0) self.take_sent(bytes);
}

void OverlappedBufferevent::report_unknown_write() noexcept {
  in_doubt_ = false;
  disable(EV_WRITE);
  defer_event(BEV_EVENT_WRITING | BEV_EVENT_ERROR, kInputOutput);
}

// --- beginning operations ---

void OverlappedBufferevent::await(SocketBufferevent &bev, short direction) noexcept {
  direction == EV_READ ? of(bev).await_input() : of(bev).await_output();
}

void OverlappedBufferevent::await_input() noexcept {
  if (!exchange_ || !socket_.read_armed || !port() || !may_begin(exchange_->reading)) return;
  const evutil_socket_t fd = fd_of(*this);
  port()->begin(exchange_->prepare(exchange_->reading), fd, priority(), [fd](OVERLAPPED *overlapped) {
    WSABUF nothing = {0, nullptr};
    DWORD flags = 0;
    return WSARecv(winsock(fd), &nothing, 1, nullptr, &flags, overlapped, nullptr) == 0;
  });
}

void OverlappedBufferevent::await_output() noexcept {
  if (!exchange_ || !socket_.write_armed || !port() || !may_begin(exchange_->writing)) return;
  if (output_buffer().empty()) {
    exchange_->task = Task::report_ready;
    return port()->finish_with(exchange_->prepare(exchange_->writing), fd_of(*this), priority(), 0);
  }
  const std::size_t limit = write_allowance(write_limit(*this));
  if (limit > 0) return send_front(limit);
  // It was not held back for want of memory.
  if (!wants(EV_WRITE)) return;
  disarm_write(*this);
  schedule_flush();
}

void OverlappedBufferevent::send_front(std::size_t limit) noexcept {
  evbuffer_iovec extents[Exchange::kMaxExtents];
  WSABUF buffers[Exchange::kMaxExtents];
  Exchange &exchange = *exchange_;
  const int count = output_buffer().hold_front(limit, extents, exchange.held, Exchange::kMaxExtents);
  for (int i = 0; i < count; ++i) {
    buffers[i] = {static_cast<ULONG>(extents[i].iov_len), static_cast<char *>(extents[i].iov_base)};
  }
  exchange.held_count = count;
  exchange.task = Task::send;
  const evutil_socket_t fd = fd_of(*this);
  Operation &op = exchange.prepare(exchange.writing);
  if (count == 0) return port()->finish_with(op, fd, priority(), kInputOutput);
  port()->begin(op, fd, priority(), [&](OVERLAPPED *overlapped) {
    return WSASend(winsock(fd), buffers, static_cast<DWORD>(count), nullptr, 0, overlapped, nullptr) == 0;
  });
}

// --- the end of operations, on the loop's thread ---

// A period of the timeout begins, as with an event that fired.
bool OverlappedBufferevent::restart(event &ev, const timeval &timeout) noexcept {
  return !evutil_timerisset(&timeout) || add(*this, ev, true, &timeout);
}

// Its base is being freed, and must not be asked to delete anything afterwards.
void OverlappedBufferevent::abandon() noexcept {
  disarm_read(*this);
  disarm_write(*this);
}

void OverlappedBufferevent::on_received(event_callback *queued, void *arg) noexcept {
  auto &transfer = *static_cast<Transfer *>(arg);
  BuffereventBase *owner = transfer.whole.came_back(transfer);
  if (!owner) return;
  OverlappedBufferevent *self = &of(*owner);
  const BuffereventUse use(*self, BuffereventUse::Adopt{});
  if (!self->serves(transfer.whole)) return transfer.whole.came_back_late(transfer);
  std::size_t none = 0;
  const int error = transfer.op.finish(none);
  transfer.phase.store(Transfer::Phase::idle, std::memory_order_relaxed);
  if (!queued) return self->abandon();
  if (self->socket_.read_armed && !self->socket_.connecting) self->received(error);
  self->await_input();
}

void OverlappedBufferevent::received(int error) noexcept {
  static_cast<void>(restart(ev_read, timeout_read));
  if (error == 0) return read_once(*this);
  if (error == WSA_OPERATION_ABORTED) return;
  set_socket_error(error);
  fail(EV_READ, BEV_EVENT_ERROR);
}

void OverlappedBufferevent::on_sent(event_callback *queued, void *arg) noexcept {
  auto &transfer = *static_cast<Transfer *>(arg);
  BuffereventBase *owner = transfer.whole.came_back(transfer);
  if (!owner) return;
  OverlappedBufferevent *self = &of(*owner);
  const BuffereventUse use(*self, BuffereventUse::Adopt{});
  if (!self->serves(transfer.whole)) return transfer.whole.came_back_late(transfer);
  std::size_t bytes = 0;
  const int error = transfer.op.finish(bytes);
  transfer.whole.release_held();
  transfer.phase.store(Transfer::Phase::idle, std::memory_order_relaxed);
  if (!queued) return self->abandon();
  transfer.whole.task == Task::connect ? self->connected(error) : self->sent(bytes, error);
  self->await_output();
}

void OverlappedBufferevent::take_sent(std::size_t bytes) noexcept {
  evbuffer &output = output_buffer();
  const Unfrozen open(output, BufferEnd::front);
  static_cast<void>(output.drain(bytes));
}

// Also what was sent while the direction was held back has left, and is reported. Where the program disabled
// it, that waits until it enables it.
void OverlappedBufferevent::sent(std::size_t bytes, int error) noexcept {
  const bool asked = exchange_->task == Task::report_ready;
  if (bytes > 0) take_sent(bytes);
  if (freed()) return;
  if (bytes > 0) charge_write(bytes);
  if (error && error != WSA_OPERATION_ABORTED) {
    set_socket_error(error);
    if (enabled & EV_WRITE) fail(EV_WRITE, BEV_EVENT_ERROR);
    return;
  }
  const bool report = asked ? socket_.write_armed : bytes > 0 && (enabled & EV_WRITE);
  continue_writing();
  if (!report) return;
  socket_.report_ready = false;
  bytes_left();
}

void OverlappedBufferevent::continue_writing() noexcept {
  if (output_buffer().empty()) {
    disarm_write(*this);
    output_buffer().release_spare();
  } else if (socket_.write_armed) {
    static_cast<void>(restart(ev_write, timeout_write));
  }
}

// --- connecting ---

bool OverlappedBufferevent::fits(evutil_socket_t fd, const sockaddr &address) noexcept {
  const bool known = socket_.overlapped && fd == fd_of(*this);
  if (address.sa_family != AF_INET && address.sa_family != AF_INET6) return false;
  if (!is_stream(fd) || !port() || (known && exchange_->busy()) || !port()->connect_ex(fd)) return false;
  // ConnectEx wants it bound, if only to any address.
  sockaddr_storage any{};
  any.ss_family = address.sa_family;
  const int length = address.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (bind(winsock(fd), reinterpret_cast<sockaddr *>(&any), length) != 0 && last_socket_error() != WSAEINVAL)
    return false;
  return (known || port()->associate(fd)) && set_nonblocking(fd);
}

Connecting OverlappedBufferevent::connect(SocketBufferevent &bev, evutil_socket_t fd, const sockaddr &address,
                                          int length) noexcept {
  OverlappedBufferevent &self = of(bev);
  if (self.socket_.overlapped && self.socket_.connecting && fd == fd_of(bev)) return Connecting::begun;
  Owned<Exchange> exchange{self.make_exchange()};
  if (!exchange || !self.fits(fd, address)) return Connecting::unfit;
  const evutil_socket_t old = fd_of(bev);
  replace_fd(bev, fd);
  if (self.in_doubt_) self.report_unknown_write();
  self.exchange_ = exchange.release();
  self.show(fd, true);
  Transfer &writing = self.exchange_->writing;
  self.exchange_->task = Task::connect;
  Operation &op = self.exchange_->prepare(writing);
  const int error = self.port()->try_begin(op, fd, self.priority(), [&](OVERLAPPED *overlapped) -> bool {
    return self.port()->connect_ex(fd)(winsock(fd), &address, length, nullptr, 0, nullptr, overlapped);
  });
  if (error == 0) {
    bev.socket_.connecting = true;
    if (arm_write(bev) && arm_read(bev, true)) return Connecting::begun;
    bev.socket_.connecting = false;
  } else {
    writing.phase.store(Transfer::Phase::idle, std::memory_order_relaxed);
    set_socket_error(error);
    if (connect_refused(error)) return Connecting::refused;
  }
  replace_fd(bev, old);
  set_socket_error(error ? error : kNoMemory);
  return Connecting::failed;
}

void OverlappedBufferevent::connected(int error) noexcept {
  // Without it the socket has no addresses and cannot be shut down.
  if (error == 0) setsockopt(winsock(fd_of(*this)), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0);
  if (end_connecting(*this, error)) report_connected(*this);
  await_input();
}

// --- the table's own functions ---

bool OverlappedBufferevent::start(BuffereventBase &bev, short directions, Start why) noexcept {
  if (EVI_UNLIKELY(of(bev).in_doubt_)) of(bev).report_unknown_write();
  return socket_transport::start(bev, directions, why);
}

// While it is only held back the loop's thread goes on with it; a program that disabled it may hand it over.
void OverlappedBufferevent::stop(BuffereventBase &bev, short directions) noexcept {
  socket_transport::stop(bev, directions);
  Exchange *exchange = of(bev).exchange_;
  if (!exchange) return;
  if (directions & EV_READ) exchange->unwant(exchange->reading);
  if ((directions & EV_WRITE) && !(bev.enabled & EV_WRITE) && !of(bev).socket_.connecting)
    exchange->unwant(exchange->writing);
}

// What is being sent must not be sent once more. Its end also reports that it is possible to write.
void OverlappedBufferevent::flush_turn(BuffereventBase &bev) noexcept {
  OverlappedBufferevent &self = of(bev);
  if (!self.exchange_ || !self.exchange_->writing.busy()) return socket_transport::flush_turn(bev);
  show_input_ahead(self);
  if (self.freed()) return;
  self.socket_.report_ready = false;
  if (self.socket_.write_armed || !self.wants(EV_WRITE)) return;
  if (!arm_write(self)) self.fail(EV_WRITE, BEV_EVENT_ERROR);
}

void OverlappedBufferevent::write_last(BuffereventBase &bev) noexcept {
  OverlappedBufferevent &self = of(bev);
  if (!self.exchange_ || !self.exchange_->writing.busy()) socket_transport::write_last(bev);
}

bool OverlappedBufferevent::set_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept {
  const bool good = socket_transport::set_fd(bev, fd);
  if (EVI_UNLIKELY(of(bev).in_doubt_)) of(bev).report_unknown_write();
  return good;
}

// The socket is closed at once, and not when the operations have come back: peers are to see that.
void OverlappedBufferevent::unlink(BuffereventBase &bev) noexcept {
  OverlappedBufferevent &self = of(bev);
  drop_input_ahead(self);
  disarm_read(self);
  disarm_write(self);
  const evutil_socket_t fd = fd_of(bev);
  const bool busy = self.exchange_ && self.exchange_->busy();
  if (Exchange *left = std::exchange(self.exchange_, nullptr)) left->leave();
  if (!busy || fd < 0 || !bev.has_option(BEV_OPT_CLOSE_ON_FREE)) return;
  self.show(kNoSocket, false);
  close_socket(fd);
}

void OverlappedBufferevent::dispose(BuffereventBase *bev) noexcept {
  const evutil_socket_t fd = fd_of(*bev);
  const bool close = fd >= 0 && bev->has_option(BEV_OPT_CLOSE_ON_FREE);
  evi::destroy(&of(*bev));
  if (close) close_socket(fd);
}

constinit const OverlappedOps OverlappedBufferevent::kOverlapped = {attach, detach, await, connect};

constinit const bufferevent_ops OverlappedBufferevent::kOps = {
    .name = "socket",
    .owns_events = true,
    .plain_socket = true,
    .start = start,
    .stop = stop,
    .apply_timeouts = apply_timeouts,
    .output_added = output_added,
    .flush_turn = flush_turn,
    .read_on = resume_reading,
    .write_last = write_last,
    .flush = flush,
    .set_fd = set_fd,
    .get_fd = fd_of,
    .get_underlying = get_underlying,
    .overlapped = &kOverlapped,
    .read_whole = socket_transport::read_whole,
    .events_armed = events_armed,
    .unlink = unlink,
    .dispose = dispose,
};

}  // namespace

SocketBufferevent *overlapped_bufferevent_new(event_base &base, int options) noexcept {
  return make<OverlappedBufferevent>(base, options);
}

}  // namespace evi

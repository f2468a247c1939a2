// The socket transport on a completion port. It is the same as with readiness, but for what ends a wait:
//
//   wants to read   --> WSARecv of no bytes --> there is something: read as a ready socket is, and again
//   some output was refused --> WSASend of what is in front --> it was sent: drained, and again
//   connects        --> ConnectEx           --> connected or not
//
// An idle connection thus has no memory for bytes to come, and one that writes little sends at once. Chains
// that are being sent are held until the operation is over; the program may add behind them.
//
// Operations lie in the bufferevent, and each holds a reference to it while it is under way: bufferevent_free
// cancels them, and the memory goes when they have come back. What was begun for a socket that was replaced
// meanwhile is forgotten: nothing is begun for the new one before it came back.
#include "bufferevent/socket_transport.h"
#include "core/completion_port.h"
#include "core/event_access.h"
#include "util/alloc.h"

namespace evi {
namespace {

using namespace socket_transport;

constexpr bool kAtFront = true;

// What one WSASend takes at most.
constexpr int kMaxExtents = 16;

// What the writing operation does.
enum class Task : unsigned char {
  send,
  connect,
  tell,  // that it is possible to write: nothing was asked of the kernel
};

class OverlappedBufferevent final : public BuffereventBase {
 public:
  OverlappedBufferevent(event_base &base, int options) noexcept;

  static OverlappedBufferevent &of(BuffereventBase &bev) noexcept {
    return static_cast<OverlappedBufferevent &>(bev);
  }

  static const OverlappedOps kOverlapped;
  static const bufferevent_ops kOps;

 private:
  static void attach(BuffereventBase &bev) noexcept;
  static void detach(BuffereventBase &bev) noexcept;
  static void await(BuffereventBase &bev, short direction) noexcept;
  static Connecting connect(BuffereventBase &bev, evutil_socket_t fd, const sockaddr &address,
                            int length) noexcept;
  static void flush_turn(BuffereventBase &bev) noexcept;
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
  bool ready_for(const Operation &op) const noexcept {
    return !op.under_way && !socket_.connecting && !freed() && fd_of(*this) >= 0;
  }
  void await_input() noexcept;
  void await_output() noexcept;
  void send_front(std::size_t limit) noexcept;
  void release_held() noexcept;
  void received(int error) noexcept;
  void sent(std::size_t bytes, int error) noexcept;
  void take_sent(std::size_t bytes) noexcept;
  void continue_writing() noexcept;
  void connected(int error) noexcept;
  bool restart(event &ev, const timeval &timeout) noexcept;
  void abandon() noexcept;
  void forget(Operation &op) noexcept;
  bool fits(evutil_socket_t fd, const sockaddr &address) noexcept;

  Operation reading_;
  Operation writing_;
  Task task_ = Task::send;
  int held_count_ = 0;
  Chain *held_[kMaxExtents] = {};
};

OverlappedBufferevent::OverlappedBufferevent(event_base &base, int options) noexcept
    : BuffereventBase(&base, kOps, options) {
  reading_.init(on_received, this);
  writing_.init(on_sent, this);
}

// --- which sockets are served so ---

// A datagram would be lost, and a socket that is not connected yet cannot receive.
bool is_connected_stream(evutil_socket_t fd) noexcept {
  int type = 0;
  int length = sizeof(type);
  if (getsockopt(winsock(fd), SOL_SOCKET, SO_TYPE, reinterpret_cast<char *>(&type), &length) != 0)
    return false;
  sockaddr_storage peer;
  length = sizeof(peer);
  return type == SOCK_STREAM && getpeername(winsock(fd), reinterpret_cast<sockaddr *>(&peer), &length) == 0;
}

void OverlappedBufferevent::attach(BuffereventBase &bev) noexcept {
  const evutil_socket_t fd = fd_of(bev);
  CompletionPort *port = of(bev).port();
  if (fd < 0 || !port || !is_connected_stream(fd) || !port->associate(fd)) return;
  // Also reading and writing at once must not block.
  if (set_nonblocking(fd)) of(bev).show(fd, true);
}

void OverlappedBufferevent::forget(Operation &op) noexcept {
  if (!op.under_way) return;
  op.cancel();
  op.forgotten = true;
}

void OverlappedBufferevent::detach(BuffereventBase &bev) noexcept {
  OverlappedBufferevent &self = of(bev);
  self.forget(self.reading_);
  std::size_t bytes = 0;
  const bool sending = self.writing_.under_way && self.task_ == Task::send && !self.writing_.forgotten;
  self.forget(self.writing_);
  self.show(fd_of(bev), false);
  // What the old socket took must not be sent by the new one as well.
  if (sending && self.writing_.cancel_and_wait(bytes)) self.take_sent(bytes);
}

// --- beginning operations ---

void OverlappedBufferevent::await(BuffereventBase &bev, short direction) noexcept {
  direction == EV_READ ? of(bev).await_input() : of(bev).await_output();
}

void OverlappedBufferevent::await_input() noexcept {
  if (!socket_.read_armed || !ready_for(reading_) || !port()) return;
  hold();
  const evutil_socket_t fd = fd_of(*this);
  port()->begin(reading_, fd, priority(), [fd](OVERLAPPED *overlapped) {
    WSABUF nothing = {0, nullptr};
    DWORD flags = 0;
    return WSARecv(winsock(fd), &nothing, 1, nullptr, &flags, overlapped, nullptr) == 0;
  });
}

void OverlappedBufferevent::await_output() noexcept {
  if (!socket_.write_armed || !ready_for(writing_) || !port()) return;
  if (output_buffer().empty()) {
    task_ = Task::tell;
    hold();
    return port()->finish_with(writing_, fd_of(*this), priority(), 0);
  }
  const std::size_t limit = write_allowance(write_limit(*this));
  if (limit > 0) return send_front(limit);
  // It was not held back for want of memory.
  if (!wants(EV_WRITE)) return;
  disarm_write(*this);
  schedule_flush();
}

void OverlappedBufferevent::send_front(std::size_t limit) noexcept {
  evbuffer_iovec extents[kMaxExtents];
  WSABUF buffers[kMaxExtents];
  held_count_ = output_buffer().hold_front(limit, extents, held_, kMaxExtents);
  for (int i = 0; i < held_count_; ++i) {
    buffers[i] = {static_cast<ULONG>(extents[i].iov_len), static_cast<char *>(extents[i].iov_base)};
  }
  task_ = Task::send;
  hold();
  const evutil_socket_t fd = fd_of(*this);
  if (held_count_ == 0) return port()->finish_with(writing_, fd, priority(), kInputOutput);
  port()->begin(writing_, fd, priority(), [&](OVERLAPPED *overlapped) {
    const auto count = static_cast<DWORD>(held_count_);
    return WSASend(winsock(fd), buffers, count, nullptr, 0, overlapped, nullptr) == 0;
  });
}

void OverlappedBufferevent::release_held() noexcept {
  while (held_count_ > 0) chain_release(held_[--held_count_]);
}

// --- the end of operations, on the loop's thread ---

// A period of the timeout begins, as with an event that fired.
bool OverlappedBufferevent::restart(event &ev, const timeval &timeout) noexcept {
  return !evutil_timerisset(&timeout) || add(*this, ev, true, &timeout);
}

// A base is being freed. If it is not one that the bufferevent left before, it must not be asked to delete
// anything afterwards.
void OverlappedBufferevent::abandon() noexcept {
  if (!socket_.overlapped || port()) return;
  disarm_read(*this);
  disarm_write(*this);
}

void OverlappedBufferevent::on_received(event_callback *queued, void *arg) noexcept {
  auto &self = *static_cast<OverlappedBufferevent *>(arg);
  const BuffereventUse use(self, BuffereventUse::Adopt{});
  std::size_t none = 0;
  const int error = self.reading_.finish(none);
  if (!queued) return self.abandon();
  if (!self.reading_.forgotten && self.socket_.read_armed && !self.socket_.connecting) self.received(error);
  if (self.socket_.overlapped) self.await_input();
}

void OverlappedBufferevent::received(int error) noexcept {
  static_cast<void>(restart(ev_read, timeout_read));
  if (error == 0) return read_once(*this);
  if (error == WSA_OPERATION_ABORTED) return;
  set_socket_error(error);
  fail(*this, EV_READ, BEV_EVENT_ERROR);
}

void OverlappedBufferevent::on_sent(event_callback *queued, void *arg) noexcept {
  auto &self = *static_cast<OverlappedBufferevent *>(arg);
  const BuffereventUse use(self, BuffereventUse::Adopt{});
  std::size_t bytes = 0;
  const int error = self.writing_.finish(bytes);
  self.release_held();
  if (!queued) return self.abandon();
  if (!self.writing_.forgotten && !self.freed()) {
    self.task_ == Task::connect ? self.connected(error) : self.sent(bytes, error);
  }
  if (self.socket_.overlapped) self.await_output();
}

void OverlappedBufferevent::take_sent(std::size_t bytes) noexcept {
  evbuffer &output = output_buffer();
  output.unfreeze(kAtFront);
  static_cast<void>(output.drain(bytes));
  output.freeze(kAtFront);
}

// Also what was sent while the direction was held back has left, and is told unless the program disabled it.
void OverlappedBufferevent::sent(std::size_t bytes, int error) noexcept {
  if (bytes > 0) take_sent(bytes);
  if (freed()) return;
  if (bytes > 0) charge_write(bytes);
  if (error && error != WSA_OPERATION_ABORTED) {
    set_socket_error(error);
    if (enabled & EV_WRITE) fail(*this, EV_WRITE, BEV_EVENT_ERROR);
    return;
  }
  const bool told = task_ == Task::tell ? socket_.write_armed : bytes > 0 && (enabled & EV_WRITE);
  continue_writing();
  if (told) trigger_data(EV_WRITE, 0);
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
  if (!port() || reading_.under_way || writing_.under_way || !port()->connect_ex(fd)) return false;
  // ConnectEx wants it bound, if only to any address.
  sockaddr_storage any{};
  any.ss_family = address.sa_family;
  const int length = address.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (bind(winsock(fd), reinterpret_cast<sockaddr *>(&any), length) != 0 && last_socket_error() != WSAEINVAL)
    return false;
  return (known || port()->associate(fd)) && set_nonblocking(fd);
}

Connecting OverlappedBufferevent::connect(BuffereventBase &bev, evutil_socket_t fd, const sockaddr &address,
                                          int length) noexcept {
  OverlappedBufferevent &self = of(bev);
  if (self.socket_.overlapped && self.socket_.connecting && fd == fd_of(bev)) return Connecting::begun;
  if (!self.fits(fd, address)) return Connecting::unfit;
  const evutil_socket_t old = fd_of(bev);
  replace_fd(bev, fd);
  self.show(fd, true);
  self.task_ = Task::connect;
  bev.hold();
  const int error =
      self.port()->try_begin(self.writing_, fd, self.priority(), [&](OVERLAPPED *overlapped) -> bool {
        return self.port()->connect_ex(fd)(winsock(fd), &address, length, nullptr, 0, nullptr, overlapped);
      });
  if (error == 0) {
    bev.socket_.connecting = true;
    if (arm_write(bev) && arm_read(bev, true)) return Connecting::begun;
    bev.socket_.connecting = false;
  } else {
    bev.drop();
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
  conclude_connect(*this, error);
  if (socket_.overlapped) await_input();
}

// --- the table's own functions ---

// What is being sent must not be sent once more.
void OverlappedBufferevent::flush_turn(BuffereventBase &bev) noexcept {
  OverlappedBufferevent &self = of(bev);
  const bool busy = self.socket_.overlapped && self.writing_.under_way && !self.writing_.forgotten;
  if (!busy) return socket_transport::flush_turn(bev);
  if (bev.socket_.write_armed || !bev.wants(EV_WRITE)) return;
  if (!arm_write(bev)) fail(bev, EV_WRITE, BEV_EVENT_ERROR);
}

// The socket is closed at once, and not when the operations have come back: peers are to hear of it.
void OverlappedBufferevent::unlink(BuffereventBase &bev) noexcept {
  OverlappedBufferevent &self = of(bev);
  disarm_read(bev);
  disarm_write(bev);
  const evutil_socket_t fd = fd_of(bev);
  const bool busy = self.reading_.under_way || self.writing_.under_way;
  self.forget(self.reading_);
  self.forget(self.writing_);
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
    .flush = flush,
    .set_fd = set_fd,
    .get_fd = fd_of,
    .get_underlying = get_underlying,
    .overlapped = &kOverlapped,
    .unlink = unlink,
    .dispose = dispose,
};

}  // namespace

BuffereventBase *overlapped_bufferevent_new(event_base &base, int options) noexcept {
  return make<OverlappedBufferevent>(base, options);
}

}  // namespace evi

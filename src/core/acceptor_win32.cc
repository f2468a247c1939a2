// Accepting by AcceptEx: a few sockets wait for connections, and those that got one wait to be taken.
//
// The base's lock guards an acceptor. Its memory goes when the last of its operations has come back.
#include <cstring>

#include "core/completion_port.h"
#include "core/listener.h"
#include "util/alloc.h"
#include "util/log.h"

namespace evi {

namespace {

// How many connections are accepted without the loop's doing; all others wait in the system's queue.
constexpr int kPendingAccepts = 4;
// How many that went away a slot passes over at a time.
constexpr int kMaxLostPeers = 16;
// What AcceptEx wants for each of the two addresses.
constexpr DWORD kAddressRoom = sizeof(sockaddr_storage) + 16;

struct Slot {
  enum class State : unsigned char { idle, pending, connected, failed };

  Operation operation;
  Acceptor *owner = nullptr;
  Socket socket = kNoSocket;
  State state = State::idle;
  int error = 0;
  unsigned long turn = 0;  // connections are taken in the order in which they came
  alignas(void *) char addresses[2 * kAddressRoom];
};

}  // namespace

struct Acceptor {
  Acceptor(event_base &of, Socket socket, event &ready_event) noexcept
      : base(of), listening(socket), ready(&ready_event) {}
  Acceptor(const Acceptor &) = delete;
  Acceptor &operator=(const Acceptor &) = delete;

  [[nodiscard]] bool init() noexcept;
  bool fill() noexcept;
  int post(Slot &slot) noexcept;
  int post_patiently(Slot &slot) noexcept;
  void proceed_after(const Slot &slot) noexcept;
  Slot *next_done() noexcept;
  void report_ready() noexcept;
  Socket hand_over(Slot &slot, sockaddr *peer, ev_socklen_t *length) noexcept;
  void drop_reference() noexcept {
    if (--references == 0) destroy(this);
  }
  static void on_done(event_callback *self, void *slot) noexcept;

  event_base &base;
  const Socket listening;
  event *ready;  // null once closed
  int family = AF_UNSPEC;
  int protocol = 0;
  bool started = false;
  int references = 1;  // the listener's, and one for each operation under way
  unsigned long turns = 0;
  Slot slots[kPendingAccepts];
};

namespace {

void close_quietly(Socket &socket) noexcept {
  if (socket != kNoSocket) close_socket(socket);
  socket = kNoSocket;
}

}  // namespace

// --- life ---

bool Acceptor::init() noexcept {
  WSAPROTOCOL_INFOW info;
  int length = sizeof(info);
  if (getsockopt(winsock(listening), SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char *>(&info), &length))
    return false;
  CompletionPort &port = *base.completion_port();
  family = info.iAddressFamily;
  protocol = info.iProtocol;
  for (Slot &slot : slots) {
    slot.owner = this;
    slot.operation.init(on_done, &slot);
    // It only activates another event, which counts.
    slot.operation.done.evcb_flags = EVLIST_INTERNAL;
  }
  set_socket_error(kInvalidArgument);
  return info.iSocketType == SOCK_STREAM && port.accept_ex(listening) && port.accept_addresses(listening) &&
         port.associate(listening);
}

// --- one connection ---

// Returns 0, or the error because of which the slot does not wait for a connection.
int Acceptor::post(Slot &slot) noexcept {
  CompletionPort *port = base.completion_port();
  if (!port) return WSA_OPERATION_ABORTED;
  slot.socket = open_socket(family, SOCK_STREAM, protocol, kCloseOnExec);
  if (slot.socket == kNoSocket) return last_socket_error();
  const int error = port->try_begin(slot.operation, listening, 0, [&](OVERLAPPED *overlapped) {
    DWORD got = 0;
    return port->accept_ex(listening)(winsock(listening), winsock(slot.socket), slot.addresses, 0,
                                      kAddressRoom, kAddressRoom, &got, overlapped);
  });
  if (error) {
    close_quietly(slot.socket);
    return error;
  }
  slot.state = Slot::State::pending;
  ++references;
  return 0;
}

// A peer that went away while it was queued ends the call that would have got it.
int Acceptor::post_patiently(Slot &slot) noexcept {
  int error = post(slot);
  for (int i = 0; i < kMaxLostPeers && error && accept_retriable(error); ++i) error = post(slot);
  return error;
}

// False if no slot waits or has a connection, because none could be started.
bool Acceptor::fill() noexcept {
  bool any = false;
  int error = 0;
  for (Slot &slot : slots) {
    // What one could not have is not there for the others either.
    if (slot.state == Slot::State::idle && !error) error = post_patiently(slot);
    any |= slot.state != Slot::State::idle;
  }
  if (!any) set_socket_error(error);
  return any;
}

void Acceptor::on_done(event_callback *self, void *arg) noexcept {
  auto &slot = *static_cast<Slot *>(arg);
  Acceptor &owner = *slot.owner;
  const LockGuard held(owner.base.lock());
  std::size_t none = 0;
  slot.error = slot.operation.finish(none);
  slot.state = slot.error ? Slot::State::failed : Slot::State::connected;
  slot.turn = ++owner.turns;
  // Cancelled by stop() or close(): a connection that arrived in between is closed.
  if (slot.error == WSA_OPERATION_ABORTED || !owner.ready || !self) {
    close_quietly(slot.socket);
    slot.state = Slot::State::idle;
  }
  if (self) owner.proceed_after(slot);
  owner.drop_reference();
}

void Acceptor::proceed_after(const Slot &slot) noexcept {
  if (!started || !ready) return;
  if (slot.state != Slot::State::idle) return report_ready();
  // Stopped, and started again before this came back. If nothing can be had, the listener finds out why.
  if (!fill()) base.activate(*ready, EV_READ, 1);
}

Slot *Acceptor::next_done() noexcept {
  Slot *first = nullptr;
  for (Slot &slot : slots) {
    const bool done = slot.state == Slot::State::connected || slot.state == Slot::State::failed;
    if (done && (!first || slot.turn < first->turn)) first = &slot;
  }
  return first;
}

void Acceptor::report_ready() noexcept {
  if (ready && started && next_done()) base.activate(*ready, EV_READ, 1);
}

Socket Acceptor::hand_over(Slot &slot, sockaddr *peer, ev_socklen_t *length) noexcept {
  const Socket socket = slot.socket;
  const auto listener = winsock(listening);
  sockaddr *local = nullptr;
  sockaddr *remote = nullptr;
  int local_length = 0;
  int remote_length = 0;
  slot.socket = kNoSocket;
  slot.state = Slot::State::idle;
  base.completion_port()->accept_addresses(listening)(slot.addresses, 0, kAddressRoom, kAddressRoom, &local,
                                                      &local_length, &remote, &remote_length);
  *length = remote && remote_length < *length ? remote_length : 0;
  if (*length > 0) std::memcpy(peer, remote, static_cast<std::size_t>(*length));
  // Without it the socket has no addresses and cannot be shut down.
  setsockopt(winsock(socket), SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, reinterpret_cast<const char *>(&listener),
             sizeof(listener));
  return socket;
}

// --- the table's functions ---

namespace {

Acceptor *create(event_base &base, Socket listening, event &ready) noexcept {
  Owned<Acceptor> acceptor{make<Acceptor>(base, listening, ready)};
  if (!acceptor) set_socket_error(kNoMemory);
  return acceptor && acceptor->init() ? acceptor.release() : nullptr;
}

void start(Acceptor &self) noexcept {
  const LockGuard held(self.base.lock());
  self.started = true;
  self.report_ready();
  if (!self.fill()) self.base.activate(*self.ready, EV_READ, 1);
}

void stop(Acceptor &self) noexcept {
  const LockGuard held(self.base.lock());
  self.started = false;
  for (Slot &slot : self.slots) slot.operation.cancel();
}

Socket take(Acceptor &self, sockaddr *peer, ev_socklen_t *length, SocketFlags flags) noexcept {
  const LockGuard held(self.base.lock());
  Slot *slot = self.next_done();
  if (!slot) {
    set_socket_error(kWouldBlock);
    return kNoSocket;
  }
  if (slot->state == Slot::State::failed) {
    close_quietly(slot->socket);
    slot->state = Slot::State::idle;
    set_socket_error(slot->error);
    return kNoSocket;
  }
  const Socket socket = self.hand_over(*slot, peer, length);
  if ((flags & kNonblocking) && !set_nonblocking(socket)) {
    close_socket(socket);
    set_socket_error(kConnectionAborted);
    return kNoSocket;
  }
  if (!(flags & kCloseOnExec))
    SetHandleInformation(handle_of(socket), HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  return socket;
}

bool proceed(Acceptor &self) noexcept {
  const LockGuard held(self.base.lock());
  if (!self.started) return true;
  self.report_ready();
  return self.fill();
}

void close(Acceptor *self) noexcept {
  const LockGuard held(self->base.lock());
  self->ready = nullptr;
  self->started = false;
  for (Slot &slot : self->slots) {
    slot.operation.cancel();
    if (slot.state != Slot::State::pending) close_quietly(slot.socket);
  }
  self->drop_reference();
}

constinit const AcceptMethod kAcceptEx = {create, start, stop, take, proceed, close};

}  // namespace

const AcceptMethod *accept_method(const event_base &base) noexcept {
  return base.completion_port() ? &kAcceptEx : nullptr;
}

}  // namespace evi

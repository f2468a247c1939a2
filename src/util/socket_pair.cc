// Connected pairs by socketpair() or over the loopback interface; pipes.
#include "util/socket_pair.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace evi {
namespace {

// Closes what it holds unless told to give it up, and keeps the error of the call that failed.
class Guarded {
 public:
  explicit Guarded(Socket fd) noexcept : fd_(fd) {}
  Guarded(const Guarded &) = delete;
  Guarded &operator=(const Guarded &) = delete;
  ~Guarded() {
    if (fd_ == kNoSocket) return;
    const int error = last_socket_error();
    close_socket(fd_);
    set_socket_error(error);
  }
  explicit operator bool() const noexcept { return fd_ != kNoSocket; }
  Socket get() const noexcept { return fd_; }
  Socket release() noexcept {
    const Socket fd = fd_;
    fd_ = kNoSocket;
    return fd;
  }

 private:
  Socket fd_;
};

// Strangers may connect to the listener while it is open: so many of them are sent away before we give up.
constexpr int kMaxStrangers = 16;

bool listen_on_loopback(Socket fd, sockaddr_in &address) noexcept {
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  return bind(fd, reinterpret_cast<sockaddr *>(&address), length) == 0 && listen(fd, kMaxStrangers) == 0 &&
         getsockname(fd, reinterpret_cast<sockaddr *>(&address), &length) == 0;
}

bool same_end(const sockaddr_in &a, const sockaddr_in &b) noexcept {
  return a.sin_addr.s_addr == b.sin_addr.s_addr && a.sin_port == b.sin_port;
}

// Accepts until the connection is the one that `connector` made.
Socket accept_from(Socket listener, Socket connector, SocketFlags flags) noexcept {
  sockaddr_in ours{};
  socklen_t length = sizeof(ours);
  if (getsockname(connector, reinterpret_cast<sockaddr *>(&ours), &length) != 0) return kNoSocket;
  for (int i = 0; i < kMaxStrangers; ++i) {
    sockaddr_in peer{};
    length = sizeof(peer);
    Guarded accepted{accept_socket(listener, reinterpret_cast<sockaddr *>(&peer), &length, flags)};
    if (!accepted) return kNoSocket;
    if (same_end(ours, peer)) return accepted.release();
  }
  set_socket_error(ECONNABORTED);
  return kNoSocket;
}

#ifdef SOCK_NONBLOCK
constexpr int kTypeFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
int type_bits(SocketFlags flags) noexcept {
  return ((flags & kNonblocking) ? SOCK_NONBLOCK : 0) | ((flags & kCloseOnExec) ? SOCK_CLOEXEC : 0);
}
SocketFlags flags_in(int type) noexcept {
  return ((type & SOCK_NONBLOCK) ? kNonblocking : kBlocking) |
         ((type & SOCK_CLOEXEC) ? kCloseOnExec : kBlocking);
}
bool apply_flags(Socket[2], SocketFlags) noexcept { return true; }
#else
constexpr int kTypeFlags = 0;
int type_bits(SocketFlags) noexcept { return 0; }
SocketFlags flags_in(int) noexcept { return kBlocking; }
bool apply_flags(Socket pair[2], SocketFlags flags) noexcept {
  for (int i = 0; i < 2; ++i) {
    if ((flags & kNonblocking) && !set_nonblocking(pair[i])) return false;
    if ((flags & kCloseOnExec) && !set_closeonexec(pair[i])) return false;
  }
  return true;
}
#endif

bool apply_flags_or_close(Socket pair[2], SocketFlags flags) noexcept {
  Guarded first{pair[0]};
  Guarded second{pair[1]};
  if (!apply_flags(pair, flags)) return false;
  first.release();
  second.release();
  return true;
}

bool is_tcp(int family, int type, int protocol) noexcept {
  return family == AF_INET && (type & ~kTypeFlags) == SOCK_STREAM &&
         (protocol == 0 || protocol == IPPROTO_TCP);
}

}  // namespace

bool socket_pair(int family, int type, int protocol, Socket pair[2], SocketFlags flags) noexcept {
  if (!pair) {
    set_socket_error(EFAULT);
    return false;
  }
  if (is_tcp(family, type, protocol)) return loopback_pair(pair, flags | flags_in(type));
  return socketpair(family, type | type_bits(flags), protocol, pair) == 0 &&
         apply_flags_or_close(pair, flags);
}

bool loopback_pair(Socket pair[2], SocketFlags flags) noexcept {
  Guarded listener{open_socket(AF_INET, SOCK_STREAM, 0, kCloseOnExec)};
  sockaddr_in address;
  if (!listener || !listen_on_loopback(listener.get(), address)) return false;
  // Blocking while it connects: the listener's queue has room, so that this takes no longer than the kernel's
  // work. It becomes what the flags say afterwards.
  const SocketFlags at_first = (flags & kCloseOnExec) ? kCloseOnExec : kBlocking;
  Guarded connector{open_socket(AF_INET, SOCK_STREAM, 0, at_first)};
  if (!connector) return false;
  if (connect(connector.get(), reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0) return false;
  Guarded accepted{accept_from(listener.get(), connector.get(), flags)};
  if (!accepted || ((flags & kNonblocking) && !set_nonblocking(connector.get()))) return false;
  pair[0] = connector.release();
  pair[1] = accepted.release();
  return true;
}

bool internal_pipe(Socket pair[2]) noexcept {
  constexpr SocketFlags flags = kNonblocking | kCloseOnExec;
#ifdef SOCK_NONBLOCK  // pipe2() came with it
  if (pipe2(pair, O_NONBLOCK | O_CLOEXEC) == 0) return true;
#else
  if (pipe(pair) == 0) return apply_flags_or_close(pair, flags);
#endif
  return socket_pair(AF_UNIX, SOCK_STREAM, 0, pair, flags);
}

}  // namespace evi

// Connected pairs by socketpair(), and pipes.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "util/socket_pair.h"

namespace evi {
namespace {

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
  OwnedSocket first{pair[0]};
  OwnedSocket second{pair[1]};
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

// Connected pairs of Windows, all of them over the loopback interface.
#include "util/socket_pair.h"

namespace evi {

// AF_UNIX is emulated, since programs ask for it and Windows has no socketpair().
bool socket_pair(int family, int type, int protocol, Socket pair[2], SocketFlags flags) noexcept {
  if (!pair) {
    set_socket_error(WSAEFAULT);
    return false;
  }
  if ((family != AF_INET && family != AF_UNIX) || type != SOCK_STREAM ||
      (protocol != 0 && protocol != IPPROTO_TCP)) {
    set_socket_error(family == AF_INET || family == AF_UNIX ? WSAEPROTONOSUPPORT : WSAEAFNOSUPPORT);
    return false;
  }
  return loopback_pair(pair, flags);
}

bool internal_pipe(Socket pair[2]) noexcept { return loopback_pair(pair, kNonblocking | kCloseOnExec); }

}  // namespace evi

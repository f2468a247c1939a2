// Two connected sockets, and pipes of our own.
#ifndef EVI_UTIL_SOCKET_PAIR_H
#define EVI_UTIL_SOCKET_PAIR_H

#include "util/socket.h"

namespace evi {

// socketpair(). Where the platform cannot for AF_INET and SOCK_STREAM, a connection over the loopback
// interface.
[[nodiscard]] bool socket_pair(int family, int type, int protocol, Socket pair[2],
                               SocketFlags flags) noexcept;

// That connection, for tests and for platforms without socketpair().
[[nodiscard]] bool loopback_pair(Socket pair[2], SocketFlags flags) noexcept;

// A pipe of our own: pair[0] is read, pair[1] written; both nonblocking and close-on-exec.
[[nodiscard]] bool internal_pipe(Socket pair[2]) noexcept;

}  // namespace evi

#endif

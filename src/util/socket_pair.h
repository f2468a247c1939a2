// Two connected sockets, and pipes for internal use.
#ifndef EVI_UTIL_SOCKET_PAIR_H
#define EVI_UTIL_SOCKET_PAIR_H

#include "util/socket.h"

namespace evi {

// Owns a socket until release(). The destructor closes it and keeps the error of the call that failed.
class OwnedSocket {
 public:
  explicit OwnedSocket(Socket fd) noexcept : fd_(fd) {}
  OwnedSocket(const OwnedSocket &) = delete;
  OwnedSocket &operator=(const OwnedSocket &) = delete;
  ~OwnedSocket() {
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

// socketpair(), and for AF_INET with SOCK_STREAM a connection over the loopback interface.
[[nodiscard]] bool socket_pair(int family, int type, int protocol, Socket pair[2],
                               SocketFlags flags) noexcept;

// That connection, for tests and for platforms without socketpair(). Requires: `pair` is not null.
[[nodiscard]] bool loopback_pair(Socket pair[2], SocketFlags flags) noexcept;

// A pipe for internal use, or a pair of sockets in its place: pair[0] is read, pair[1] is written; both are
// nonblocking and close-on-exec.
[[nodiscard]] bool internal_pipe(Socket pair[2]) noexcept;

}  // namespace evi

#endif

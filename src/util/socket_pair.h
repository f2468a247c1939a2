// Two connected sockets, and the channel by which a thread or signal handler wakes a loop.
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

// What wakes a loop that waits in the kernel: it waits for `reader` to be readable. An eventfd where there
// are such (reader and writer are then the same), else a pipe.
class WakeChannel {
 public:
  WakeChannel() noexcept = default;
  WakeChannel(const WakeChannel &) = delete;
  WakeChannel &operator=(const WakeChannel &) = delete;
  ~WakeChannel() { close(); }

  [[nodiscard]] bool open() noexcept;
  void close() noexcept;
  bool is_open() const noexcept { return reader_ != kNoSocket; }
  Socket reader() const noexcept { return reader_; }

  // Makes the reader readable. Async-signal-safe, errno as it was; any thread. False only on a real error: a
  // channel that is full is readable already.
  bool wake() const noexcept;
  // Makes it not readable any more, taking up all calls of wake() so far.
  void drain() const noexcept;

 private:
  Socket reader_ = kNoSocket;
  Socket writer_ = kNoSocket;
};

}  // namespace evi

#endif

// A descriptor that is made readable to wake a loop from another thread or a signal handler.
#ifndef EVI_CORE_WAKER_H
#define EVI_CORE_WAKER_H

#include "util/held_fd.h"

namespace evi {

class Waker {
 public:
  Waker() noexcept = default;
  Waker(const Waker &) = delete;
  Waker &operator=(const Waker &) = delete;
  ~Waker() = default;

  // False with errno if the system has no descriptor to give. What was open before is closed first.
  [[nodiscard]] bool open() noexcept;
  void close() noexcept { read_.close(), write_.close(); }
  bool is_open() const noexcept { return read_.is_open(); }
  // Whether the fds still refer to what was opened; if not, forget() leaves them open.
  bool is_intact() const noexcept { return read_.is_intact() && (!write_.is_open() || write_.is_intact()); }
  void forget() noexcept { read_.forget(), write_.forget(); }

  int read_fd() const noexcept { return static_cast<int>(read_.get()); }
  int write_fd() const noexcept { return static_cast<int>((write_.is_open() ? write_ : read_).get()); }

  // Async-signal-safe, on the descriptor alone; a full channel is as good as a write. False if the system
  // refuses.
  static bool wake(int write_fd) noexcept;
  void drain() noexcept;
  // Each wake is an edge, whatever was written before: a reader that watches for edges need not drain.
  static const bool kEveryWakeIsAnEdge;

 private:
  HeldFd read_;
  HeldFd write_;  // not open where an eventfd serves as both
};

// A descriptor without a purpose, of the cheapest kind there is; kNoSocket with the socket error if there is
// none. On Linux by a call that programs which filter system calls for libevent allow.
[[nodiscard]] Socket open_placeholder() noexcept;

}  // namespace evi

#endif

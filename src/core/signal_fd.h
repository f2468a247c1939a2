// Signals read from a signalfd(2), for bases that ask for it (EVENT_BASE_FLAG_USE_SIGNALFD,
// EVENT_USE_SIGNALFD).
//
// The thread that adds a signal event gets the signal blocked, and the descriptor reports it. A signal that
// the kernel delivers to another thread, where it is not blocked, still meets the handler of signal.h, which
// stays installed: none is lost, and none kills the process.
#ifndef EVI_CORE_SIGNAL_FD_H
#define EVI_CORE_SIGNAL_FD_H

#ifdef _WIN32
namespace evi {
struct SignalSet {};
inline void clear(SignalSet &) noexcept {}
}  // namespace evi
#else
#include <signal.h>
namespace evi {
using SignalSet = sigset_t;
inline void clear(SignalSet &set) noexcept { sigemptyset(&set); }
}  // namespace evi
#endif

#include <cstdint>

namespace evi {

class SignalFd {
 public:
  SignalFd() noexcept { clear(watched_), clear(blocked_before_); }
  SignalFd(const SignalFd &) = delete;
  SignalFd &operator=(const SignalFd &) = delete;
  ~SignalFd() { close(); }

  // Whether this system has it at all.
  static bool supported() noexcept;

  // False with errno if the system refuses.
  [[nodiscard]] bool open() noexcept;
  // Unblocks what it blocked, in the calling thread.
  void close() noexcept;
  // In a forked child: a descriptor of its own for the same signals. False with errno, and nothing changed.
  [[nodiscard]] bool reopen_after_fork() noexcept;
  bool is_open() const noexcept { return fd_ >= 0; }
  int fd() const noexcept { return fd_; }

  [[nodiscard]] bool watch(int signal) noexcept;
  void unwatch(int signal) noexcept;

  // The next signal that arrived, 0 when there is none.
  int next() noexcept;

 private:
  void unblock(int signal) noexcept;

  int fd_ = -1;
  SignalSet watched_;
  SignalSet blocked_before_;  // of those: the program had them blocked already
};

}  // namespace evi

#endif

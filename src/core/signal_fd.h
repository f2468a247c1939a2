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

#include "util/held_fd.h"

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
  // In a forked child: a descriptor of its own for the same signals. False with errno: then there is none.
  [[nodiscard]] bool reopen_after_fork() noexcept;
  bool is_open() const noexcept { return fd_.is_open(); }
  int fd() const noexcept { return static_cast<int>(fd_.get()); }
  // Whether the fd still refers to what was opened; if not, forget() leaves it open.
  bool is_intact() const noexcept { return fd_.is_intact(); }
  void forget() noexcept { fd_.forget(); }

  [[nodiscard]] bool watch(int signal) noexcept;
  // `shared`: with the parent process, whose signals stay watched.
  void unwatch(int signal, bool shared) noexcept;

  // The next signal that arrived, 0 when there is none.
  int next() noexcept;

 private:
  void unblock(int signal) noexcept;

  HeldFd fd_;
  SignalSet watched_;
  SignalSet blocked_before_;  // of those: the program had them blocked already
};

}  // namespace evi

#endif

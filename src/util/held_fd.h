// A descriptor that the library opens for its own use, and closes itself.
//
// Applications close descriptors that they did not open (closefrom() in a forked child), and the fds are
// reused. So before a held descriptor is closed, it is checked whether the fd still refers to the file that
// was opened.
//
// Pipes, sockets and device files are identified by fstat: exactly, while the file exists. On Linux an epoll
// set, an eventfd and a signalfd share one inode: fstat and fcntl only show that the fd is an object of that
// kind with the same access mode, O_NONBLOCK and FD_CLOEXEC. If the library itself opened another object with
// the same fd since (a second base in a child that closed everything), that is recognised; an object of
// another library with the same flags is not. A method that has the descriptor in its set can distinguish
// them: Backend::has_entry.
//
// In doubt the fd is left open: a leaked descriptor in a child does less harm than one that is closed under
// its owner.
#ifndef EVI_UTIL_HELD_FD_H
#define EVI_UTIL_HELD_FD_H

#include <cstdint>

#include "util/socket.h"

namespace evi {

class HeldFd {
 public:
  HeldFd() noexcept = default;
  HeldFd(const HeldFd &) = delete;
  HeldFd &operator=(const HeldFd &) = delete;
  ~HeldFd() { close(); }

  // Closes what is held and holds `fd`, which was just opened; kNoSocket for nothing. Ownership passes here.
  void reset(Socket fd) noexcept;
  Socket get() const noexcept { return fd_; }
  bool is_open() const noexcept { return fd_ != kNoSocket; }

  // Whether the fd still refers to what was opened.
  bool is_intact() const noexcept;
  // Closes the fd if it is intact. errno stays as it is.
  void close() noexcept;
  // Leaves the fd to its new owner.
  void forget() noexcept { fd_ = kNoSocket; }

 private:
  Socket fd_ = kNoSocket;
  std::uint32_t serial_ = 0;  // of the latest reset, in the process
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::uint32_t mode_ = 0;
  int status_ = 0;  // of fcntl(F_GETFL)
};

}  // namespace evi

#endif

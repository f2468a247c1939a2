// A descriptor that the library opens for its own use, and closes itself.
//
// Programs close descriptors that they did not open (closefrom() in a forked child), and the numbers come
// back as other files. Before a held descriptor is closed or used in an emergency, it is checked whether the
// number still means the file that was opened:
//  - Pipes, sockets and device files are known by fstat: exactly, while the file exists.
//  - On Linux an epoll set, an eventfd and a signalfd share one inode. For them fstat and the flags of fcntl
//  say
//    only that the number is an object without a file, with the same access mode, O_NONBLOCK and FD_CLOEXEC.
//    Of two numbers that the library itself opened the later one is recognised (a second base in a child that
//    closed everything); an object of another library with the same flags is not. A method that has the
//    descriptor in its set knows more: Backend::has_entry.
// In doubt the number is left open: a descriptor that leaks in a child does less harm than one that is closed
// under its owner.
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

  // Whether the number still means what was opened.
  bool is_intact() const noexcept;
  // Closes the number if it is intact. errno stays as it is.
  void close() noexcept;
  // Leaves the number to its new owner.
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

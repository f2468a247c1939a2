// Sockets that the library holds. There is no fork() here, and no function closes a range of handles: a held
// socket is always intact.
#include "util/held_fd.h"

#include "util/assert.h"

namespace evi {

void HeldFd::reset(Socket fd) noexcept {
  EVI_ASSERT(fd == kNoSocket || fd != fd_);
  close();
  fd_ = fd;
}

bool HeldFd::is_intact() const noexcept { return is_open(); }

void HeldFd::close() noexcept {
  if (!is_open()) return;
  const int error = last_socket_error();
  close_socket(fd_);
  forget();
  set_socket_error(error);
}

}  // namespace evi

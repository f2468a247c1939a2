// Asking winsock whether a number is an open socket.
#include <winsock2.h>

#include <cerrno>

#include "core/fd_table.h"

namespace evi {

// WSANOTINITIALISED is an answer as well: without WSAStartup() there are no sockets.
bool descriptor_is_open(int fd) noexcept {
  int type = 0;
  int length = sizeof(type);
  const auto socket = static_cast<SOCKET>(fd);
  if (getsockopt(socket, SOL_SOCKET, SO_TYPE, reinterpret_cast<char *>(&type), &length) == 0) return true;
  errno = EBADF;
  return false;
}

}  // namespace evi

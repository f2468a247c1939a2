// Operations on clients' sockets on Windows, where only a non-blocking socket has a send() that does not
// block.
#include "http/client_socket.h"

namespace evi {

void end_writing(evutil_socket_t fd) noexcept { shutdown(static_cast<SOCKET>(fd), SD_SEND); }

void send_at_once(evutil_socket_t fd, std::string_view bytes) noexcept {
  if (evutil_make_socket_nonblocking(fd) != 0) return;
  send(static_cast<SOCKET>(fd), bytes.data(), static_cast<int>(bytes.size()), 0);
}

// Sockets of bufferevents are non-blocking.
bool has_no_more_input(evutil_socket_t fd) noexcept {
  char byte;
  return fd >= 0 && recv(static_cast<SOCKET>(fd), &byte, sizeof(byte), MSG_PEEK) == 0;
}

}  // namespace evi

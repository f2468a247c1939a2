// Operations on clients' sockets on POSIX.
#include "http/client_socket.h"

namespace evi {

void end_writing(evutil_socket_t fd) noexcept { shutdown(fd, SHUT_WR); }

void send_at_once(evutil_socket_t fd, std::string_view bytes) noexcept {
  [[maybe_unused]] const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool has_no_more_input(evutil_socket_t fd) noexcept {
  char byte;
  return fd >= 0 && recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0;
}

}  // namespace evi

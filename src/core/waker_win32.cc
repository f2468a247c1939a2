// Waking by a connection over the loopback interface: sockets are all that Windows' select waits for.
#include <winsock2.h>

#include "core/waker.h"
#include "util/socket_pair.h"

namespace evi {

// The connection's buffers fill up.
constinit const bool Waker::kEveryWakeIsAnEdge = false;

bool Waker::open() noexcept {
  close();
  Socket ends[2];
  if (!loopback_pair(ends, kNonblocking | kCloseOnExec)) return false;
  read_.reset(ends[0]);
  write_.reset(ends[1]);
  // A byte that waits for the acknowledgement of the one before would wake too late.
  const int on = 1;
  setsockopt(static_cast<SOCKET>(write_fd()), IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char *>(&on),
             sizeof(on));
  return true;
}

bool Waker::wake(int write_fd) noexcept {
  const char byte = 0;
  return send(static_cast<SOCKET>(write_fd), &byte, 1, 0) == 1 || WSAGetLastError() == WSAEWOULDBLOCK;
}

void Waker::drain() noexcept {
  char bytes[256];
  while (recv(static_cast<SOCKET>(read_fd()), bytes, sizeof(bytes), 0) == static_cast<int>(sizeof(bytes))) {
  }
}

// AF_UNIX has no datagrams here.
Socket open_placeholder() noexcept { return open_socket(AF_INET, SOCK_DGRAM, 0, kCloseOnExec); }

}  // namespace evi

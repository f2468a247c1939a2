// Connected pairs over the loopback interface.
#include "util/socket_pair.h"

#include "util/assert.h"

namespace evi {
namespace {

// Other processes may connect to the listener while it is open. The number of such connections that are
// closed before the call fails.
constexpr int kMaxForeignConnections = 16;

bool listen_on_loopback(Socket fd, sockaddr_in &address) noexcept {
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ev_socklen_t length = sizeof(address);
  return bind(fd, reinterpret_cast<sockaddr *>(&address), length) == 0 &&
         listen(fd, kMaxForeignConnections) == 0 &&
         getsockname(fd, reinterpret_cast<sockaddr *>(&address), &length) == 0;
}

bool same_end(const sockaddr_in &a, const sockaddr_in &b) noexcept {
  return a.sin_addr.s_addr == b.sin_addr.s_addr && a.sin_port == b.sin_port;
}

// Accepts until the connection is the one that `connector` made.
Socket accept_from(Socket listener, Socket connector, SocketFlags flags) noexcept {
  sockaddr_in ours{};
  ev_socklen_t length = sizeof(ours);
  if (getsockname(connector, reinterpret_cast<sockaddr *>(&ours), &length) != 0) return kNoSocket;
  for (int i = 0; i < kMaxForeignConnections; ++i) {
    sockaddr_in peer{};
    length = sizeof(peer);
    OwnedSocket accepted{accept_socket(listener, reinterpret_cast<sockaddr *>(&peer), &length, flags)};
    if (!accepted) return kNoSocket;
    if (same_end(ours, peer)) return accepted.release();
  }
  set_socket_error(kConnectionAborted);
  return kNoSocket;
}

}  // namespace

bool loopback_pair(Socket pair[2], SocketFlags flags) noexcept {
  EVI_ASSERT(pair);
  OwnedSocket listener{open_socket(AF_INET, SOCK_STREAM, 0, kCloseOnExec)};
  sockaddr_in address;
  if (!listener || !listen_on_loopback(listener.get(), address)) return false;
  // Blocking while it connects: the listener's queue has room, so that the kernel completes the connection at
  // once. The flags are applied afterwards.
  const SocketFlags at_first = (flags & kCloseOnExec) ? kCloseOnExec : kBlocking;
  OwnedSocket connector{open_socket(AF_INET, SOCK_STREAM, 0, at_first)};
  if (!connector) return false;
  if (connect(connector.get(), reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0) return false;
  OwnedSocket accepted{accept_from(listener.get(), connector.get(), flags)};
  if (!accepted || ((flags & kNonblocking) && !set_nonblocking(connector.get()))) return false;
  pair[0] = connector.release();
  pair[1] = accepted.release();
  return true;
}

}  // namespace evi

// Sockets of Windows: winsock's options and errors, and replacements for POSIX calls that it lacks.
#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <mstcpip.h>
#include <windows.h>
#include <ws2tcpip.h>

#include <atomic>

#include "util/log.h"
#include "util/socket.h"

namespace evi {
namespace {

bool set_option(Socket fd, int level, int option, int value) noexcept {
  return setsockopt(static_cast<SOCKET>(fd), level, option, reinterpret_cast<const char *>(&value),
                    sizeof(value)) == 0;
}

HANDLE handle_of(Socket fd) noexcept { return reinterpret_cast<HANDLE>(fd); }

// As a signed integer, INVALID_SOCKET is kNoSocket.
static_assert(static_cast<Socket>(INVALID_SOCKET) == kNoSocket);

// Inheritance is what close-on-exec is on POSIX.
Socket with_flags(SOCKET fd, SocketFlags flags) noexcept {
  const auto socket = static_cast<Socket>(fd);
  if (socket == kNoSocket) return kNoSocket;
  if ((!(flags & kNonblocking) || set_nonblocking(socket)) &&
      (!(flags & kCloseOnExec) || set_closeonexec(socket))) {
    return socket;
  }
  const int error = WSAGetLastError();
  closesocket(fd);
  WSASetLastError(error);
  return kNoSocket;
}

// The system's texts of its own errors and of winsock's, 10000 and above.
constexpr int kErrorTexts = 12'000;
constinit std::atomic<const char *> error_texts[kErrorTexts] = {};

// Uses the system's allocator: the text outlives changes of the program's memory functions. Null if out of
// memory or without a text.
char *make_error_text(DWORD code) noexcept {
  constexpr DWORD kFlags =
      FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
  char *text = nullptr;
  DWORD end = FormatMessageA(kFlags, nullptr, code, MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT),
                             reinterpret_cast<char *>(&text), 0, nullptr);
  if (end == 0) return nullptr;
  // The system ends its texts with a line end.
  while (end > 0 && (text[end - 1] == '\r' || text[end - 1] == '\n')) text[--end] = '\0';
  return text;
}

// Texts for winsock errors that the system has none for, as Wine.
constexpr struct {
  int error;
  const char *text;
} kWinsockTexts[] = {
    {WSAEINTR, "the call was interrupted"},
    {WSAEBADF, "not a file handle"},
    {WSAEACCES, "not permitted on this socket"},
    {WSAEFAULT, "an address that the program cannot use"},
    {WSAEINVAL, "an argument or the socket's state does not allow it"},
    {WSAEMFILE, "too many sockets are open"},
    {WSAEWOULDBLOCK, "the call would have to wait"},
    {WSAEINPROGRESS, "another call is still blocking"},
    {WSAEALREADY, "the socket is already doing this"},
    {WSAENOTSOCK, "not a socket"},
    {WSAEDESTADDRREQ, "a destination is missing"},
    {WSAEMSGSIZE, "the datagram is larger than fits"},
    {WSAEPROTOTYPE, "the protocol does not go with the socket's type"},
    {WSAENOPROTOOPT, "no such option of the protocol"},
    {WSAEPROTONOSUPPORT, "the protocol is not supported"},
    {WSAESOCKTNOSUPPORT, "the type of socket is not supported"},
    {WSAEOPNOTSUPP, "this kind of socket cannot do this"},
    {WSAEPFNOSUPPORT, "the protocol family is not supported"},
    {WSAEAFNOSUPPORT, "the address family is not supported"},
    {WSAEADDRINUSE, "the address is in use"},
    {WSAEADDRNOTAVAIL, "no such address on this host"},
    {WSAENETDOWN, "the network is down"},
    {WSAENETUNREACH, "no route to the network"},
    {WSAENETRESET, "the connection ended as keep-alive probes failed"},
    {WSAECONNABORTED, "the connection was given up on this side"},
    {WSAECONNRESET, "the peer reset the connection"},
    {WSAENOBUFS, "no room in the system's buffers"},
    {WSAEISCONN, "the socket is connected already"},
    {WSAENOTCONN, "the socket is not connected"},
    {WSAESHUTDOWN, "this direction of the socket was shut down"},
    {WSAETOOMANYREFS, "too many references"},
    {WSAETIMEDOUT, "the peer did not answer in time"},
    {WSAECONNREFUSED, "the connection was refused"},
    {WSAELOOP, "a name leads back to itself"},
    {WSAENAMETOOLONG, "a name is too long"},
    {WSAEHOSTDOWN, "the host is down"},
    {WSAEHOSTUNREACH, "no route to the host"},
    {WSAENOTEMPTY, "the directory is not empty"},
    {WSAEPROCLIM, "too many processes use winsock"},
    {WSAEUSERS, "the user's quota is used up"},
    {WSAEDQUOT, "the disk quota is used up"},
    {WSAESTALE, "the file handle is out of date"},
    {WSAEREMOTE, "the item is not on this host"},
    {WSASYSNOTREADY, "the network is not ready"},
    {WSAVERNOTSUPPORTED, "no winsock of this version"},
    {WSANOTINITIALISED, "WSAStartup() was not called"},
    {WSAEDISCON, "the peer is closing in an orderly way"},
    {WSATYPE_NOT_FOUND, "no such class of service"},
    {WSAHOST_NOT_FOUND, "no such host"},
    {WSATRY_AGAIN, "no answer about this host at the moment"},
    {WSANO_RECOVERY, "the name server failed for good"},
    {WSANO_DATA, "the name has no address of this kind"},
};

const char *own_error_text(int error) noexcept {
  for (const auto &known : kWinsockTexts) {
    if (known.error == error) return known.text;
  }
  return "unknown winsock error";
}

// Probes start after half of the timeout; Windows sends ten of them, which share the rest.
constexpr ULONG kKeepaliveProbes = 10;

}  // namespace

bool set_nonblocking(Socket fd) noexcept {
  u_long on = 1;
  if (ioctlsocket(static_cast<SOCKET>(fd), static_cast<long>(FIONBIO), &on) == 0) return true;
  log_warn_socket(WSAGetLastError(), "ioctlsocket(%lld, FIONBIO)", static_cast<long long>(fd));
  return false;
}

bool set_closeonexec(Socket fd) noexcept {
  if (SetHandleInformation(handle_of(fd), HANDLE_FLAG_INHERIT, 0)) return true;
  WSASetLastError(WSAENOTSOCK);
  log_warn_socket(WSAENOTSOCK, "SetHandleInformation(%lld)", static_cast<long long>(fd));
  return false;
}

// SO_REUSEADDR would let another program take over the port; and closed connections do not block it on
// Windows.
bool set_reuseable(Socket) noexcept { return true; }

bool set_reuseable_port(Socket) noexcept { return true; }

bool set_ipv6only(Socket fd, bool on) noexcept { return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, on); }

bool set_deferred_accept(Socket) noexcept { return true; }

bool set_keepalive(Socket fd, bool on, int timeout_s) noexcept {
  if (!on) return set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
  if (timeout_s <= 0) {
    WSASetLastError(WSAEINVAL);
    return false;
  }
  constexpr ULONG longest_s = 0xffffffff / 1000;
  const ULONG timeout_ms = (static_cast<ULONG>(timeout_s) < longest_s ? timeout_s : longest_s) * 1000;
  tcp_keepalive times{};
  times.onoff = 1;
  times.keepalivetime = timeout_ms / 2;
  times.keepaliveinterval = timeout_ms / 2 / kKeepaliveProbes;
  DWORD returned = 0;
  return WSAIoctl(static_cast<SOCKET>(fd), SIO_KEEPALIVE_VALS, &times, sizeof(times), nullptr, 0, &returned,
                  nullptr, nullptr) == 0;
}

Socket open_socket(int family, int type, int protocol, SocketFlags flags) noexcept {
  return with_flags(socket(family, type, protocol), flags);
}

Socket accept_socket(Socket listener, sockaddr *address, ev_socklen_t *length, SocketFlags flags) noexcept {
  return with_flags(accept(static_cast<SOCKET>(listener), address, length), flags);
}

int close_socket(Socket fd) noexcept { return closesocket(static_cast<SOCKET>(fd)); }

int pending_socket_error(Socket fd) noexcept {
  int error = 0;
  int length = sizeof(error);
  const bool known = getsockopt(static_cast<SOCKET>(fd), SOL_SOCKET, SO_ERROR,
                                reinterpret_cast<char *>(&error), &length) == 0;
  return known ? error : WSAGetLastError();
}

bool descriptor_blocks(Socket) noexcept { return false; }

bool descriptor_is_stream(Socket fd) noexcept {
  int type = 0;
  int length = sizeof(type);
  return getsockopt(static_cast<SOCKET>(fd), SOL_SOCKET, SO_TYPE, reinterpret_cast<char *>(&type), &length) ==
             0 &&
         type == SOCK_STREAM;
}

std::uint64_t descriptor_identity(Socket) noexcept { return 0; }

bool would_block(int error) noexcept { return error == WSAEWOULDBLOCK; }

bool interrupted(int error) noexcept { return error == WSAEINTR; }

// connect() fails with WSAEWOULDBLOCK, and with WSAEINVAL or WSAEALREADY when it is called again.
bool connect_in_progress(int error) noexcept {
  return error == WSAEWOULDBLOCK || error == WSAEINTR || error == WSAEINPROGRESS || error == WSAEINVAL ||
         error == WSAEALREADY;
}

bool connect_refused(int error) noexcept { return error == WSAECONNREFUSED; }

bool accept_retriable(int error) noexcept {
  return would_block(error) || error == WSAEINTR || error == WSAECONNRESET || error == WSAECONNABORTED ||
         error == WSAENETDOWN;
}

bool out_of_descriptors(int error) noexcept { return error == WSAEMFILE || error == WSAENOBUFS; }

}  // namespace evi

extern "C" {

// If the last call would have blocked, the pending error of the socket is more specific.
int evutil_socket_geterror(evutil_socket_t sock) {
  const int last = WSAGetLastError();
  if (last != WSAEWOULDBLOCK || sock < 0) return last;
  const int pending = evi::pending_socket_error(sock);
  return pending ? pending : last;
}

// Made once and kept, since callers may keep the pointer.
const char *evutil_socket_error_to_string(int errcode) {
  if (errcode < 0 || errcode >= evi::kErrorTexts) return "unknown winsock error";
  std::atomic<const char *> &known = evi::error_texts[errcode];
  const char *text = known.load(std::memory_order_acquire);
  if (text) return text;
  char *made = evi::make_error_text(static_cast<DWORD>(errcode));
  if (!made) return evi::own_error_text(errcode);
  if (known.compare_exchange_strong(text, made, std::memory_order_acq_rel)) return made;
  LocalFree(made);
  return text;
}

}  // extern "C"

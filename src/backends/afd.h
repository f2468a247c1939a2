// The driver behind Windows' sockets, \Device\Afd, as far as wepoll.cc needs it: a request that ends when a
// socket is ready, and says so through a completion port.
//
// Nothing of it is in a public header of Windows; the numbers have stayed since Windows 2000, and Wine has
// them too.
#ifndef EVI_BACKENDS_AFD_H
#define EVI_BACKENDS_AFD_H

#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <windows.h>

namespace evi::afd {

// What a socket can be asked for. The conditions last: a request for one that holds ends at once.
inline constexpr ULONG kReceive = 0x001;
inline constexpr ULONG kSend = 0x004;
inline constexpr ULONG kDisconnect = 0x008;  // the peer sends no more
inline constexpr ULONG kAbort = 0x010;       // the connection was reset
inline constexpr ULONG kLocalClose = 0x020;  // the socket was closed here
inline constexpr ULONG kAccept = 0x080;
inline constexpr ULONG kConnectFail = 0x100;

// As the driver reads it, and writes it when the request ends.
struct PollInfo {
  LARGE_INTEGER timeout;
  ULONG count;  // of sockets
  ULONG exclusive;
  SOCKET socket;
  ULONG events;
  LONG status;
};
static_assert(sizeof(PollInfo) == 32, "the driver counts the bytes");

// The kernel writes to it until its completion was taken from the port: it must stay where it is until then.
struct Request {
  OVERLAPPED overlapped;
  PollInfo info;

  // After its end: what holds of what was asked for.
  ULONG events() const noexcept { return info.count ? info.events : 0; }
  bool was_cancelled() const noexcept;
  bool lacked_memory() const noexcept;  // as Start::later
  bool failed() const noexcept;         // those two included
};

// A handle of the driver whose requests end at the port with that key. Null with errno if the kernel refuses.
HANDLE open(HANDLE port, ULONG_PTR key) noexcept;

enum class Start { ok, later, never };
// Starts a request; `later` is for want of memory, `never` says that this is not, or no longer, a socket. A
// request that could end at once also does so by the port.
Start poll(HANDLE device, Request &request, SOCKET socket, ULONG events) noexcept;
// Its end comes by the port all the same, unless it is there already.
void cancel(HANDLE device, Request &request) noexcept;

// The socket that the driver knows, where a program's socket is one of a provider layered over it.
// INVALID_SOCKET if there is none.
SOCKET base_socket(SOCKET socket) noexcept;

}  // namespace evi::afd

#endif

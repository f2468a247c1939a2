// Calls on sockets that differ between platforms, and what their errors mean.
//
// Errors are left in EVUTIL_SOCKET_ERROR(). Functions that classify an error take its code, so that the
// caller can save it before another call changes it. Each platform has its file (socket_posix.cc,
// socket_win32.cc).
#ifndef EVI_UTIL_SOCKET_H
#define EVI_UTIL_SOCKET_H

#include <cstdint>

#include "event2/util.h"

namespace evi {

using Socket = evutil_socket_t;
inline constexpr Socket kNoSocket = EVUTIL_INVALID_SOCKET;

// Errors that we report ourselves, as winsock and POSIX number them.
#ifdef _WIN32
inline constexpr int kNotPermitted = WSAEACCES;
inline constexpr int kWouldBlock = WSAEWOULDBLOCK;
inline constexpr int kNoMemory = WSA_NOT_ENOUGH_MEMORY;
inline constexpr int kInputOutput = WSAEFAULT;
inline constexpr int kInvalidArgument = WSAEINVAL;
inline constexpr int kConnectionAborted = WSAECONNABORTED;
inline constexpr int kConnectionReset = WSAECONNRESET;
inline constexpr int kNotConnected = WSAENOTCONN;
#else
inline constexpr int kNotPermitted = EPERM;
inline constexpr int kWouldBlock = EAGAIN;
inline constexpr int kNoMemory = ENOMEM;
inline constexpr int kInputOutput = EIO;
inline constexpr int kInvalidArgument = EINVAL;
inline constexpr int kConnectionAborted = ECONNABORTED;
inline constexpr int kConnectionReset = ECONNRESET;
inline constexpr int kNotConnected = ENOTCONN;
#endif

// Properties of a new descriptor; combined with |.
enum SocketFlags : unsigned { kBlocking = 0, kNonblocking = 1, kCloseOnExec = 2 };
constexpr SocketFlags operator|(SocketFlags a, SocketFlags b) noexcept {
  return static_cast<SocketFlags>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

// These two log a warning when they fail.
[[nodiscard]] bool set_nonblocking(Socket fd) noexcept;
[[nodiscard]] bool set_closeonexec(Socket fd) noexcept;

// Options of listening sockets; set them before bind(). Returns true and does nothing where the platform
// neither has nor needs the option.
[[nodiscard]] bool set_reuseable(Socket fd) noexcept;
[[nodiscard]] bool set_reuseable_port(Socket fd) noexcept;
[[nodiscard]] bool set_ipv6only(Socket fd, bool on) noexcept;
[[nodiscard]] bool set_deferred_accept(Socket fd) noexcept;

// Keep-alive probes. With `on`, the connection fails when the peer is silent for about timeout_s (> 0)
// seconds.
[[nodiscard]] bool set_keepalive(Socket fd, bool on, int timeout_s) noexcept;

// socket() and accept(), the flags set by the same system call where there is one; kNoSocket on failure.
// `address` may be null; `length` then too.
[[nodiscard]] Socket open_socket(int family, int type, int protocol, SocketFlags flags) noexcept;
[[nodiscard]] Socket accept_socket(Socket listener, sockaddr *address, ev_socklen_t *length,
                                   SocketFlags flags) noexcept;
[[nodiscard]] inline Socket accept_nonblocking(Socket listener, sockaddr *address, ev_socklen_t *length,
                                               bool nonblock, bool cloexec) noexcept {
  return accept_socket(listener, address, length,
                       (nonblock ? kNonblocking : kBlocking) | (cloexec ? kCloseOnExec : kBlocking));
}

// Returns: 0, or -1 as close(). The descriptor is closed in either case.
int close_socket(Socket fd) noexcept;

// The result of a nonblocking connect(): 0, or the error from getsockopt(SO_ERROR), which is cleared by that.
int pending_socket_error(Socket fd) noexcept;

// Whether a read or write of it may block. False where the system cannot be asked.
bool descriptor_blocks(Socket fd) noexcept;
// Whether bytes from it have no boundaries: a stream socket, or a pipe.
bool descriptor_is_stream(Socket fd) noexcept;
// Identifies the file that `fd` refers to, to detect fd reuse. The two ends of a pipe are the same file, and
// so are all eventfds, epoll sets and the like. 0 if it is not open, or where the system cannot be asked.
std::uint64_t descriptor_identity(Socket fd) noexcept;

inline int last_socket_error() noexcept { return EVUTIL_SOCKET_ERROR(); }
inline void set_socket_error(int error) noexcept { EVUTIL_SET_SOCKET_ERROR(error); }

// --- what an error number means ---

bool would_block(int error) noexcept;          // nothing to do now
bool interrupted(int error) noexcept;          // by a signal
bool connect_in_progress(int error) noexcept;  // connect() continues in the kernel
bool connect_refused(int error) noexcept;      // no socket listens there
bool accept_retriable(int error) noexcept;     // this one connection failed, or there is none
bool out_of_descriptors(int error) noexcept;   // accept() or socket() has no resources: wait before retrying

inline bool rw_retriable(int error) noexcept { return would_block(error) || interrupted(error); }

}  // namespace evi

#endif

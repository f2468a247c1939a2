// Sockets of POSIX systems: fcntl() flags, socket options and the meaning of errno.
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "util/assert.h"
#include "util/log.h"
#include "util/socket.h"

// Flags in the type of socket(), and accept4(): systems have both or, like macOS, neither.
#ifdef SOCK_NONBLOCK
#define EVI_HAVE_SOCKET_FLAGS 1
#else
#define EVI_HAVE_SOCKET_FLAGS 0
#endif

namespace evi {
namespace {

bool set_option(int fd, int level, int option, int value) noexcept {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// Adds bits to the result of fcntl(fd, get), unless they are set.
bool add_fcntl_bits(int fd, int get, const char *get_name, int set, const char *set_name, int bits) noexcept {
  const int old = fcntl(fd, get);
  if (old < 0) {
    log_warn("fcntl(%d, %s)", fd, get_name);
    return false;
  }
  if ((old & bits) == bits) return true;
  if (fcntl(fd, set, old | bits) == -1) {
    log_warn("fcntl(%d, %s)", fd, set_name);
    return false;
  }
  return true;
}

#if EVI_HAVE_SOCKET_FLAGS
int type_bits(SocketFlags flags) noexcept {
  return ((flags & kNonblocking) ? SOCK_NONBLOCK : 0) | ((flags & kCloseOnExec) ? SOCK_CLOEXEC : 0);
}
#else
int with_flags(int fd, SocketFlags flags) noexcept {
  if (fd < 0) return kNoSocket;
  if ((!(flags & kNonblocking) || set_nonblocking(fd)) && (!(flags & kCloseOnExec) || set_closeonexec(fd))) {
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return kNoSocket;
}
#endif

// Probes start after half of the timeout; three of them share the rest. Linux accepts no value of 0.
constexpr int kKeepaliveProbes = 3;

constexpr int at_least_one(int seconds) noexcept { return seconds > 0 ? seconds : 1; }

bool set_keepalive_times([[maybe_unused]] int fd, [[maybe_unused]] int timeout_s) noexcept {
  EVI_ASSERT(timeout_s > 0);
  [[maybe_unused]] const int idle = at_least_one(timeout_s / 2);
  [[maybe_unused]] const int interval = at_least_one((timeout_s - idle) / kKeepaliveProbes);
#if defined(TCP_KEEPIDLE)
  if (!set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle)) return false;
#elif defined(TCP_KEEPALIVE)  // macOS
  if (!set_option(fd, IPPROTO_TCP, TCP_KEEPALIVE, idle)) return false;
#endif
#ifdef TCP_KEEPINTVL
  if (!set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval)) return false;
#endif
#ifdef TCP_KEEPCNT
  if (!set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes)) return false;
#endif
  return true;
}

}  // namespace

bool set_nonblocking(Socket fd) noexcept {
  return add_fcntl_bits(fd, F_GETFL, "F_GETFL", F_SETFL, "F_SETFL", O_NONBLOCK);
}

bool set_closeonexec(Socket fd) noexcept {
  return add_fcntl_bits(fd, F_GETFD, "F_GETFD", F_SETFD, "F_SETFD", FD_CLOEXEC);
}

bool set_reuseable(Socket fd) noexcept { return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1); }

bool set_reuseable_port([[maybe_unused]] Socket fd) noexcept {
#if defined(SO_REUSEPORT_LB)  // FreeBSD, where SO_REUSEPORT does not distribute connections
  return set_option(fd, SOL_SOCKET, SO_REUSEPORT_LB, 1);
#elif defined(SO_REUSEPORT)
  return set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
#else
  return true;
#endif
}

bool set_ipv6only(Socket fd, bool on) noexcept { return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, on); }

bool set_deferred_accept([[maybe_unused]] Socket fd) noexcept {
#ifdef TCP_DEFER_ACCEPT
  return set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
#else
  return true;
#endif
}

bool set_keepalive(Socket fd, bool on, int timeout_s) noexcept {
  if (on && timeout_s <= 0) {
    errno = EINVAL;
    return false;
  }
  if (!set_option(fd, SOL_SOCKET, SO_KEEPALIVE, on)) return false;
  return !on || set_keepalive_times(fd, timeout_s);
}

Socket open_socket(int family, int type, int protocol, SocketFlags flags) noexcept {
#if EVI_HAVE_SOCKET_FLAGS
  return socket(family, type | type_bits(flags), protocol);
#else
  return with_flags(socket(family, type, protocol), flags);
#endif
}

Socket accept_socket(Socket listener, sockaddr *address, ev_socklen_t *length, SocketFlags flags) noexcept {
#if EVI_HAVE_SOCKET_FLAGS
  return accept4(listener, address, length, type_bits(flags));
#else
  return with_flags(accept(listener, address, length), flags);
#endif
}

// Not repeated on EINTR: Linux and most systems have closed the fd by then, and another thread may have
// reused it.
int close_socket(Socket fd) noexcept { return close(fd); }

int pending_socket_error(Socket fd) noexcept {
  int error = 0;
  socklen_t length = sizeof(error);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

bool descriptor_blocks(Socket fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && !(flags & O_NONBLOCK);
}

bool descriptor_is_stream(Socket fd) noexcept {
  int type = 0;
  socklen_t length = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0) return type == SOCK_STREAM;
  struct stat file;
  return fstat(fd, &file) == 0 && S_ISFIFO(file.st_mode);
}

// The kernel does not reuse an inode number soon.
std::uint64_t descriptor_identity(Socket fd) noexcept {
  struct stat file;
  if (fstat(fd, &file) != 0) return 0;
  constexpr int kDeviceBits = 48;
  const std::uint64_t identity =
      static_cast<std::uint64_t>(file.st_ino) ^ (static_cast<std::uint64_t>(file.st_dev) << kDeviceBits);
  return identity ? identity : 1;
}

bool would_block(int error) noexcept {
  return error == EAGAIN || (EAGAIN != EWOULDBLOCK && error == EWOULDBLOCK);
}

bool interrupted(int error) noexcept { return error == EINTR; }

// An interrupted connect() continues in the kernel, like a nonblocking one.
bool connect_in_progress(int error) noexcept { return error == EINPROGRESS || error == EINTR; }

bool connect_refused(int error) noexcept { return error == ECONNREFUSED; }

// Linux reports pending errors of the new connection by accept(); see "Error handling" in accept(2).
bool accept_retriable(int error) noexcept {
  if (would_block(error)) return true;
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
#ifdef ENONET
    case ENONET:
#endif
      return true;
    default:
      return false;
  }
}

bool out_of_descriptors(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace evi

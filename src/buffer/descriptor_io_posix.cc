// Extents and POSIX descriptors: readv(2), writev(2).
#include "buffer/descriptor_io.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "util/assert.h"

namespace evi {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int kNoSignal = MSG_NOSIGNAL;
#else
constexpr int kNoSignal = 0;
#endif
#ifdef MSG_DONTWAIT
constexpr int kNoWait = MSG_DONTWAIT;
#else
constexpr int kNoWait = 0;
#endif

}  // namespace

ev_ssize_t read_extents(int fd, const evbuffer_iovec *vec, int count) noexcept {
  EVI_ASSERT(count > 0);
  return count == 1 ? ::read(fd, vec[0].iov_base, vec[0].iov_len) : ::readv(fd, vec, count);
}

ev_ssize_t write_extents(int fd, const evbuffer_iovec *vec, int count) noexcept {
  EVI_ASSERT(count > 0);
  return count == 1 ? ::write(fd, vec[0].iov_base, vec[0].iov_len) : ::writev(fd, vec, count);
}

// The fd may be a terminal or a pipe.
ev_ssize_t send_quietly(int fd, const void *data, std::size_t size) noexcept {
  const ev_ssize_t put = ::send(fd, data, size, kNoSignal | kNoWait);
  return put < 0 && errno == ENOTSOCK ? ::write(fd, data, size) : put;
}

}  // namespace evi

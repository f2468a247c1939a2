// Extents and Windows' sockets: WSARecv and WSASend, whose extents have another layout and lengths of 32
// bits.
#include "buffer/descriptor_io.h"

#include <winsock2.h>

#include <algorithm>

#include "util/assert.h"

namespace evi {
namespace {

constexpr int kMaxExtents = 128;
constexpr std::size_t kMaxLength = 1 << 30;

DWORD convert(const evbuffer_iovec *vec, int count, WSABUF *out) noexcept {
  EVI_ASSERT(count > 0);
  const int used = std::min(count, kMaxExtents);
  for (int i = 0; i < used; ++i) {
    out[i].len = static_cast<ULONG>(std::min(vec[i].iov_len, kMaxLength));
    out[i].buf = static_cast<char *>(vec[i].iov_base);
    // The extents after a shortened one would be out of order.
    if (vec[i].iov_len > kMaxLength) return static_cast<DWORD>(i + 1);
  }
  return static_cast<DWORD>(used);
}

}  // namespace

ev_ssize_t read_extents(int fd, const evbuffer_iovec *vec, int count) noexcept {
  WSABUF extents[kMaxExtents];
  const DWORD used = convert(vec, count, extents);
  DWORD got = 0;
  DWORD flags = 0;
  const auto socket = static_cast<SOCKET>(fd);
  return WSARecv(socket, extents, used, &got, &flags, nullptr, nullptr) == 0 ? static_cast<ev_ssize_t>(got)
                                                                             : -1;
}

ev_ssize_t write_extents(int fd, const evbuffer_iovec *vec, int count) noexcept {
  WSABUF extents[kMaxExtents];
  const DWORD used = convert(vec, count, extents);
  DWORD put = 0;
  const auto socket = static_cast<SOCKET>(fd);
  return WSASend(socket, extents, used, &put, 0, nullptr, nullptr) == 0 ? static_cast<ev_ssize_t>(put) : -1;
}

ev_ssize_t send_quietly(int fd, const void *data, std::size_t size) noexcept {
  const evbuffer_iovec extent{const_cast<void *>(data), size};
  return write_extents(fd, &extent, 1);
}

}  // namespace evi

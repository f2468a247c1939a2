// Reading and writing several extents by one system call. Each platform has its file
// (descriptor_io_posix.cc).
#ifndef EVI_BUFFER_DESCRIPTOR_IO_H
#define EVI_BUFFER_DESCRIPTOR_IO_H

#include <cstddef>

#include "event2/buffer.h"

namespace evi {

// Requires: count > 0. Returns: the number of bytes, 0 at EOF. Errors: -1 with EVUTIL_SOCKET_ERROR().
ev_ssize_t read_extents(int fd, const evbuffer_iovec *vec, int count) noexcept;
ev_ssize_t write_extents(int fd, const evbuffer_iovec *vec, int count) noexcept;
// Writes one extent. Raises no SIGPIPE for a closed connection and, where the platform has a flag for that,
// does not wait for a blocking socket.
ev_ssize_t send_quietly(int fd, const void *data, std::size_t size) noexcept;

}  // namespace evi

#endif

// Reading and writing several extents by one system call. Each platform has its file
// (descriptor_io_posix.cc).
#ifndef EVI_BUFFER_DESCRIPTOR_IO_H
#define EVI_BUFFER_DESCRIPTOR_IO_H

#include <cstddef>

#include "event2/buffer.h"

namespace evi {

// How many bytes were moved, 0 at the end of input; -1 with the reason in EVUTIL_SOCKET_ERROR().
ev_ssize_t read_extents(int fd, const evbuffer_iovec *vec, int count) noexcept;
ev_ssize_t write_extents(int fd, const evbuffer_iovec *vec, int count) noexcept;
// The same for one extent, without the signal that a closed connection brings on POSIX systems; and, where
// the platform has a flag for that, without waiting for a socket that blocks.
ev_ssize_t send_quietly(int fd, const void *data, std::size_t size) noexcept;

}  // namespace evi

#endif

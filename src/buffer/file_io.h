// File operations for file segments. Each platform has its file (file_posix.cc).
//
// Errors: false, null or -1 with errno, unless stated otherwise.
#ifndef EVI_BUFFER_FILE_IO_H
#define EVI_BUFFER_FILE_IO_H

#include <cstddef>
#include <cstdint>

#include "event2/buffer.h"

namespace evi {

struct FileId {
  std::uint64_t device = 0;
  std::uint64_t node = 0;
  bool operator==(const FileId &) const = default;
};

struct FileFacts {
  FileId id;
  std::uint64_t size;
  // It is a regular file that reports its size. Only such files are mapped, or sent by the kernel: files in
  // /proc have size 0, devices have none.
  bool sized;
};

[[nodiscard]] bool file_facts(int fd, FileFacts &out) noexcept;
// Reads exactly `size` bytes without moving the file position. Errors: EIO if the file ends before.
[[nodiscard]] bool file_read(int fd, std::uint64_t offset, void *data, std::size_t size) noexcept;
// True if a read at `offset` returns EOF.
[[nodiscard]] bool file_ends_at(int fd, std::uint64_t offset) noexcept;
// Closes the fd if it still refers to that file: the program may have closed it, and the fd may have been
// reused. Keeps errno.
void file_close(int fd, const FileId &id) noexcept;

// Maps `size` (> 0) bytes for reading; the file must have them. `offset` need not be aligned to a page.
[[nodiscard]] unsigned char *file_map(int fd, std::uint64_t offset, std::size_t size) noexcept;
// Takes the result and the arguments of file_map.
void file_unmap(unsigned char *data, std::uint64_t offset, std::size_t size) noexcept;

// True if this platform has file_send.
extern const bool kCanSendFiles;
// Sends up to `size` (> 0) bytes of the file within the kernel. Returns 0 if there is no byte at `offset`.
[[nodiscard]] ev_ssize_t file_send(int to, int from, std::uint64_t offset, std::size_t size) noexcept;
// True if this error of file_send means that the two fds cannot be combined.
bool cannot_send(int error) noexcept;
// writev with a hint that more follows at once, so that the end of these bytes shares a packet with the
// beginning of the file behind them.
[[nodiscard]] ev_ssize_t write_before_file(int to, const evbuffer_iovec *vec, int count) noexcept;

}  // namespace evi

#endif

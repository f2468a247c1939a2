// What file segments need of the operating system. Each platform has its file (file_posix.cc).
//
// Unless an entry says otherwise, a failure is false, null or -1, with errno.
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
  // It is a regular file that tells its size. Only such files are mapped and sent by the kernel: the files of
  // /proc have size 0, devices have none.
  bool sized;
};

[[nodiscard]] bool file_facts(int fd, FileFacts &out) noexcept;
// Reads exactly `size` bytes without moving the descriptor's own position. EIO: the file ends before.
[[nodiscard]] bool file_read(int fd, std::uint64_t offset, void *data, std::size_t size) noexcept;
// True if there is no byte at `offset`, as far as one can tell.
[[nodiscard]] bool file_ends_at(int fd, std::uint64_t offset) noexcept;
// Closes the descriptor if it is still open on that file: someone else may have closed it, and the number may
// by now be another's. Leaves errno alone.
void file_close(int fd, const FileId &id) noexcept;

// Maps bytes that are there for reading. `offset` need not be that of a page.
[[nodiscard]] unsigned char *file_map(int fd, std::uint64_t offset, std::size_t size) noexcept;
// The same numbers again, and what file_map returned.
void file_unmap(unsigned char *data, std::uint64_t offset, std::size_t size) noexcept;

// True if file_send can work at all here.
extern const bool kCanSendFiles;
// Sends up to `size` bytes (> 0) of the file from within the kernel. 0: there is no byte at `offset`.
[[nodiscard]] ev_ssize_t file_send(int to, int from, std::uint64_t offset, std::size_t size) noexcept;
// True if this error of file_send means that these two descriptors do not go together.
bool cannot_send(int error) noexcept;
// writev, telling the kernel that more follows at once, so that the end of these bytes shares a packet with
// the beginning of the file behind them.
[[nodiscard]] ev_ssize_t write_before_file(int to, const evbuffer_iovec *vec, int count) noexcept;

}  // namespace evi

#endif

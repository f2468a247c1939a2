// Files on POSIX systems: stat, pread, mmap, and on Linux sendfile.
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "buffer/file_io.h"
#include "util/assert.h"

#if defined(__linux__)
#include <sys/sendfile.h>
#endif

namespace evi {
namespace {

// Linux transfers at most this by one call.
constexpr std::size_t kMaxTransfer = 0x7ffff000;

std::size_t offset_in_page(std::uint64_t offset) noexcept {
  static_assert(sizeof(off_t) >= 8, "files beyond 2 GiB need a 64-bit off_t");
  EVI_ASSERT(offset <= INT64_MAX);
  return static_cast<std::size_t>(offset % static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

}  // namespace

bool file_facts(int fd, FileFacts &out) noexcept {
  struct stat st;
  if (::fstat(fd, &st) != 0) return false;
  out.id = {static_cast<std::uint64_t>(st.st_dev), static_cast<std::uint64_t>(st.st_ino)};
  out.size = static_cast<std::uint64_t>(st.st_size);
  out.sized = S_ISREG(st.st_mode) && st.st_size > 0;
  return true;
}

bool file_read(int fd, std::uint64_t offset, void *data, std::size_t size) noexcept {
  unsigned char *at = static_cast<unsigned char *>(data);
  while (size > 0) {
    const ssize_t got = ::pread(fd, at, std::min(size, kMaxTransfer), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = EIO;
    if (got <= 0) return false;
    at += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool file_ends_at(int fd, std::uint64_t offset) noexcept {
  char byte;
  return ::pread(fd, &byte, 1, static_cast<off_t>(offset)) == 0;
}

void file_close(int fd, const FileId &id) noexcept {
  const int error = errno;
  FileFacts now;
  if (file_facts(fd, now) && now.id == id) ::close(fd);
  errno = error;
}

unsigned char *file_map(int fd, std::uint64_t offset, std::size_t size) noexcept {
  EVI_ASSERT(size > 0);
  const std::size_t before = offset_in_page(offset);
  void *pages =
      ::mmap(nullptr, size + before, PROT_READ, MAP_PRIVATE, fd, static_cast<off_t>(offset - before));
  return pages == MAP_FAILED ? nullptr : static_cast<unsigned char *>(pages) + before;
}

void file_unmap(unsigned char *data, std::uint64_t offset, std::size_t size) noexcept {
  const std::size_t before = offset_in_page(offset);
  ::munmap(data - before, size + before);
}

#if defined(__linux__)

constinit const bool kCanSendFiles = true;

ev_ssize_t file_send(int to, int from, std::uint64_t offset, std::size_t size) noexcept {
  EVI_ASSERT(size > 0);
  off_t at = static_cast<off_t>(offset);
  return ::sendfile(to, from, &at, std::min(size, kMaxTransfer));
}

ev_ssize_t write_before_file(int to, const evbuffer_iovec *vec, int count) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<evbuffer_iovec *>(vec);
  message.msg_iovlen = static_cast<std::size_t>(count);
  const ssize_t put = ::sendmsg(to, &message, MSG_MORE);
  return put < 0 && errno == ENOTSOCK ? ::writev(to, vec, count) : put;
}

#else

// sendfile differs between the other systems and is not used there: files are mapped or read.
constinit const bool kCanSendFiles = false;

ev_ssize_t file_send(int, int, std::uint64_t, std::size_t) noexcept {
  errno = ENOSYS;
  return -1;
}

ev_ssize_t write_before_file(int to, const evbuffer_iovec *vec, int count) noexcept {
  return ::writev(to, vec, count);
}

#endif

// EINVAL: the target is opened with O_APPEND, or the file system does not support sendfile.
bool cannot_send(int error) noexcept { return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP; }

}  // namespace evi

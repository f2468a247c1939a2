// Recognising a held descriptor by fstat and fcntl, and by a record of what the library opened last with each
// fd.
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>

#include "util/assert.h"
#include "util/held_fd.h"

namespace evi {
namespace {

// The latest reset of an fd, as fd and serial. Fds with the same remainder share an entry: the older one
// loses it, and this table then says nothing about that fd. Atomics need no lock, which fork() could copy
// while it is held.
constexpr int kEntries = 512;
constinit std::atomic<std::uint64_t> latest[kEntries] = {};
constinit std::atomic<std::uint32_t> last_serial{0};

std::uint64_t entry(int fd, std::uint32_t serial) noexcept {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(fd)) << 32 | serial;
}

bool opened_again(int fd, std::uint32_t serial) noexcept {
  EVI_ASSERT(fd >= 0);
  const std::uint64_t seen = latest[fd % kEntries].load(std::memory_order_relaxed);
  return seen >> 32 == static_cast<std::uint32_t>(fd) && seen != entry(fd, serial);
}

// The flags that a shared open file does not lose by accident.
int status_of(int fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  return flags < 0 ? -1 : flags & (O_ACCMODE | O_NONBLOCK);
}

}  // namespace

void HeldFd::reset(Socket fd) noexcept {
  EVI_ASSERT(fd == kNoSocket || fd != fd_);
  close();
  fd_ = fd;
  if (fd < 0) return;
  const int error = errno;
  serial_ = last_serial.fetch_add(1, std::memory_order_relaxed) + 1;
  latest[fd % kEntries].store(entry(fd, serial_), std::memory_order_relaxed);
  struct stat st {};
  if (fstat(fd, &st) != 0) st = {};
  device_ = static_cast<std::uint64_t>(st.st_dev);
  inode_ = static_cast<std::uint64_t>(st.st_ino);
  mode_ = static_cast<std::uint32_t>(st.st_mode);
  status_ = status_of(fd);
  errno = error;
}

bool HeldFd::is_intact() const noexcept {
  if (fd_ < 0 || opened_again(fd_, serial_)) return false;
  struct stat st;
  return fstat(fd_, &st) == 0 && device_ == static_cast<std::uint64_t>(st.st_dev) &&
         inode_ == static_cast<std::uint64_t>(st.st_ino) && mode_ == static_cast<std::uint32_t>(st.st_mode) &&
         status_of(fd_) == status_ && (fcntl(fd_, F_GETFD) & FD_CLOEXEC) != 0;
}

void HeldFd::close() noexcept {
  if (fd_ < 0) return;
  const int error = errno;
  if (is_intact()) close_socket(fd_);
  forget();
  errno = error;
}

}  // namespace evi

// Waking by a non-blocking pipe, for systems without eventfd.
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "core/waker.h"

namespace evi {

// A pipe fills up.
constinit const bool Waker::kEveryWakeIsAnEdge = false;
namespace {

bool prepare(int fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

}  // namespace

bool Waker::open() noexcept {
  close();
  int ends[2];
  if (pipe(ends) != 0) return false;
  read_fd_ = ends[0];
  write_fd_ = ends[1];
  if (prepare(read_fd_) && prepare(write_fd_)) return true;
  const int error = errno;
  close();
  errno = error;
  return false;
}

void Waker::close() noexcept {
  if (read_fd_ >= 0) ::close(read_fd_);
  if (write_fd_ >= 0) ::close(write_fd_);
  read_fd_ = write_fd_ = -1;
}

bool Waker::wake(int write_fd) noexcept {
  const char byte = 0;
  ssize_t written = 0;
  do {
    written = write(write_fd, &byte, 1);
  } while (written < 0 && errno == EINTR);
  return written >= 0 || errno == EAGAIN;
}

void Waker::drain() noexcept {
  char bytes[256];
  ssize_t got = 0;
  do {
    got = read(read_fd_, bytes, sizeof(bytes));
  } while (got == static_cast<ssize_t>(sizeof(bytes)) || (got < 0 && errno == EINTR));
}

}  // namespace evi

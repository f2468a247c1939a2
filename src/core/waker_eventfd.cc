// Waking by eventfd(2): one descriptor, and any number of wake-ups is read as one.
#include <cerrno>
#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/waker.h"

namespace evi {

// The counter would take centuries to be full.
constinit const bool Waker::kEveryWakeIsAnEdge = true;

bool Waker::open() noexcept {
  close();
  read_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  write_fd_ = read_fd_;
  return read_fd_ >= 0;
}

void Waker::close() noexcept {
  if (read_fd_ >= 0) ::close(read_fd_);
  read_fd_ = write_fd_ = -1;
}

bool Waker::wake(int write_fd) noexcept {
  const std::uint64_t one = 1;
  ssize_t written = 0;
  do {
    written = write(write_fd, &one, sizeof(one));
  } while (written < 0 && errno == EINTR);
  return written >= 0 || errno == EAGAIN;
}

void Waker::drain() noexcept {
  std::uint64_t count = 0;
  while (read(read_fd_, &count, sizeof(count)) < 0 && errno == EINTR) {
  }
}

}  // namespace evi

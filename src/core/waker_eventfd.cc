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
  read_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  return read_.is_open();
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
  while (read(read_fd(), &count, sizeof(count)) < 0 && errno == EINTR) {
  }
}

// It blocks, so that HeldFd, which compares flags, distinguishes it from a waker.
Socket open_placeholder() noexcept { return eventfd(0, EFD_CLOEXEC); }

}  // namespace evi

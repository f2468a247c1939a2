// Waking by a non-blocking pipe, for systems without eventfd.
#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/waker.h"
#include "util/socket.h"

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
  if (prepare(ends[0]) && prepare(ends[1])) {
    read_.reset(ends[0]);
    write_.reset(ends[1]);
    return true;
  }
  const int error = errno;
  ::close(ends[0]);
  ::close(ends[1]);
  errno = error;
  return false;
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
    got = read(read_fd(), bytes, sizeof(bytes));
  } while (got == static_cast<ssize_t>(sizeof(bytes)) || (got < 0 && errno == EINTR));
}

// A socket without an address or a peer; a file might not be there to be opened.
Socket open_placeholder() noexcept { return open_socket(AF_UNIX, SOCK_DGRAM, 0, kCloseOnExec); }

}  // namespace evi

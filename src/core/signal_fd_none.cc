// Systems without signalfd: a base that asks for it gets its signals by the handler, or from its method.
#include <cerrno>

#include "core/signal_fd.h"

namespace evi {

bool SignalFd::supported() noexcept { return false; }

bool SignalFd::open() noexcept {
  errno = ENOSYS;
  return false;
}

void SignalFd::close() noexcept {}

bool SignalFd::reopen_after_fork() noexcept { return open(); }

bool SignalFd::watch(int) noexcept {
  errno = ENOSYS;
  return false;
}

void SignalFd::unwatch(int, bool) noexcept {}

int SignalFd::next() noexcept { return 0; }

}  // namespace evi

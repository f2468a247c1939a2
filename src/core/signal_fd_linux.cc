// signalfd(2) as Linux has it.
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "core/signal_fd.h"

namespace evi {

bool SignalFd::supported() noexcept { return true; }

bool SignalFd::open() noexcept {
  fd_.reset(signalfd(-1, &watched_, SFD_NONBLOCK | SFD_CLOEXEC));
  return fd_.is_open();
}

void SignalFd::close() noexcept {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (sigismember(&watched_, signal) == 1) unblock(signal);
  }
  fd_.close();
}

// The descriptor that was held is closed before another is asked for.
bool SignalFd::reopen_after_fork() noexcept {
  fd_.close();
  return open();
}

bool SignalFd::watch(int signal) noexcept {
  sigset_t one;
  sigset_t before;
  sigemptyset(&one);
  sigaddset(&one, signal);
  if (pthread_sigmask(SIG_BLOCK, &one, &before) != 0) return false;
  sigaddset(&watched_, signal);
  if (sigismember(&before, signal) == 1) sigaddset(&blocked_before_, signal);
  if (signalfd(fd(), &watched_, 0) >= 0) return true;
  const int error = errno;
  unwatch(signal, false);
  errno = error;
  return false;
}

// What a signalfd watches belongs to the open file, which a forked child shares with its parent.
void SignalFd::unwatch(int signal, bool shared) noexcept {
  if (sigismember(&watched_, signal) != 1) return;
  sigdelset(&watched_, signal);
  if (is_open() && !shared) static_cast<void>(signalfd(fd(), &watched_, 0));
  unblock(signal);
}

void SignalFd::unblock(int signal) noexcept {
  sigdelset(&watched_, signal);
  if (sigismember(&blocked_before_, signal) == 1) {
    sigdelset(&blocked_before_, signal);
    return;
  }
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
}

int SignalFd::next() noexcept {
  signalfd_siginfo info;
  ssize_t got = 0;
  do {
    got = read(fd(), &info, sizeof(info));
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof(info)) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace evi

// signalfd(2) as Linux has it.
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "core/signal_fd.h"

namespace evi {

bool SignalFd::supported() noexcept { return true; }

bool SignalFd::open() noexcept {
  close();
  fd_ = signalfd(-1, &watched_, SFD_NONBLOCK | SFD_CLOEXEC);
  return fd_ >= 0;
}

void SignalFd::close() noexcept {
  if (fd_ < 0) return;
  for (int signal = 1; signal < NSIG; ++signal) {
    if (sigismember(&watched_, signal) == 1) unblock(signal);
  }
  ::close(fd_);
  fd_ = -1;
}

// What a signalfd watches belongs to the open file, which the parent has too.
bool SignalFd::reopen_after_fork() noexcept {
  const int fresh = signalfd(-1, &watched_, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fresh < 0) return false;
  ::close(fd_);
  fd_ = fresh;
  return true;
}

bool SignalFd::watch(int signal) noexcept {
  sigset_t one;
  sigset_t before;
  sigemptyset(&one);
  sigaddset(&one, signal);
  if (pthread_sigmask(SIG_BLOCK, &one, &before) != 0) return false;
  sigaddset(&watched_, signal);
  if (sigismember(&before, signal) == 1) sigaddset(&blocked_before_, signal);
  if (signalfd(fd_, &watched_, 0) >= 0) return true;
  const int error = errno;
  unwatch(signal);
  errno = error;
  return false;
}

void SignalFd::unwatch(int signal) noexcept {
  if (fd_ < 0) return;
  sigdelset(&watched_, signal);
  static_cast<void>(signalfd(fd_, &watched_, 0));
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
    got = read(fd_, &info, sizeof(info));
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof(info)) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace evi

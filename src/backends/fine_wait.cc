// The finer waits of epoll, each tried until the kernel, or a filter of system calls, refuses it.
#include "backends/fine_wait.h"

#include <sys/timerfd.h>

#include <cerrno>
#include <cstdint>

#include "backends/timespec.h"

namespace evi {
namespace {

// Identifies the timerfd's report. No registration has it: no fd is that high.
constexpr std::uint64_t kTimerTag = ~std::uint64_t{0};

int without_timer(epoll_event *reports, int count) noexcept {
  for (int i = 0; i < count; ++i) {
    if (reports[i].data.u64 != kTimerTag) continue;
    reports[i] = reports[count - 1];
    return count - 1;
  }
  return count;
}

}  // namespace

int FineWait::wait(int epfd, epoll_event *reports, int capacity, Nanos timeout) noexcept {
  if (timeout > 0 && epoll_pwait2 && pwait2_works_) {
    const timespec ts = to_timespec(timeout);
    const int got = epoll_pwait2(epfd, reports, capacity, &ts, nullptr);
    // Containers whose system call filter is older than the call answer EPERM.
    if (got >= 0 || (errno != ENOSYS && errno != EPERM)) return got;
    pwait2_works_ = false;
  }
  const bool by_timer = timeout > 0 && timerfd_works_ && arm_timer(epfd, timeout);
  if (timeout < 0 && is_armed_) disarm_timer();
  const int got = epoll_wait(epfd, reports, capacity, by_timer ? -1 : to_milliseconds(timeout));
  // Also one of a wait before, which ended before its timer did.
  return is_member_ ? without_timer(reports, got) : got;
}

bool FineWait::open_timer(int epfd) noexcept {
  if (!timer_.is_open()) timer_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer_.is_open()) return false;
  // By edges, so that an expiration need not be read: setting the timer again takes it back.
  epoll_event ev{};
  ev.events = EPOLLIN | EPOLLET;
  ev.data.u64 = kTimerTag;
  return epoll_ctl(epfd, EPOLL_CTL_ADD, timer_.get(), &ev) == 0;
}

bool FineWait::arm_timer(int epfd, Nanos timeout) noexcept {
  if (!is_member_) is_member_ = open_timer(epfd);
  itimerspec once{};
  once.it_value = to_timespec(timeout);
  is_armed_ = is_member_ && timerfd_settime(timer_.get(), 0, &once, nullptr) == 0;
  // Lack of descriptors may pass; a missing or forbidden call stays so.
  if (!is_armed_ && (errno == ENOSYS || errno == EPERM)) timerfd_works_ = false;
  return is_armed_;
}

// It would end a wait without a timeout.
void FineWait::disarm_timer() noexcept {
  const itimerspec never{};
  static_cast<void>(timerfd_settime(timer_.get(), 0, &never, nullptr));
  is_armed_ = false;
}

}  // namespace evi

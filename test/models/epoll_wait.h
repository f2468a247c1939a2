// The wait of the modelled kernels.
#ifndef EVENTIDE_TEST_MODELS_EPOLL_WAIT_H
#define EVENTIDE_TEST_MODELS_EPOLL_WAIT_H

#include <sys/epoll.h>

#include <cerrno>
#include <cstdint>
#include <ctime>

namespace model {

// For ever if `nanos` is below zero. Where there is no epoll_pwait2 (before Linux 5.11, and under emulation)
// whole milliseconds are waited, never too short.
inline int wait_for_epoll(int epfd, epoll_event *ready, int room, std::int64_t nanos) {
  timespec ts{};
  ts.tv_sec = static_cast<time_t>(nanos / 1'000'000'000);
  ts.tv_nsec = static_cast<long>(nanos % 1'000'000'000);
  const int got = epoll_pwait2(epfd, ready, room, nanos < 0 ? nullptr : &ts, nullptr);
  if (got >= 0 || errno != ENOSYS) return got;
  constexpr std::int64_t kLongest = INT32_MAX;
  const std::int64_t ms = (nanos + 999'999) / 1'000'000;
  return epoll_wait(epfd, ready, room, nanos < 0 ? -1 : static_cast<int>(ms < kLongest ? ms : kLongest));
}

}  // namespace model

#endif

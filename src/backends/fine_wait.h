// epoll waits that end to the nanosecond, for EVENT_BASE_FLAG_PRECISE_TIMER: by epoll_pwait2, else by a
// timerfd that is a member of the set.
#ifndef EVI_BACKENDS_FINE_WAIT_H
#define EVI_BACKENDS_FINE_WAIT_H

#include <sys/epoll.h>

#include <csignal>
#include <ctime>

#include "util/held_fd.h"
#include "util/time.h"

// Weak: a C library older than the call (glibc 2.35) leaves it null. Its own function, not the bare system
// call, so that it is a cancellation point and can be interposed.
extern "C" int epoll_pwait2(int epfd, epoll_event *reports, int capacity, const timespec *timeout,
                            const sigset_t *mask);
#pragma weak epoll_pwait2

namespace evi {

class FineWait {
 public:
  FineWait() noexcept = default;
  FineWait(const FineWait &) = delete;
  FineWait &operator=(const FineWait &) = delete;

  // Returns what epoll_wait() does. Rounds up to milliseconds if neither way works here.
  int wait(int epfd, epoll_event *reports, int capacity, Nanos timeout) noexcept;
  // The base has EVENT_BASE_FLAG_EPOLL_DISALLOW_TIMERFD.
  void forbid_timerfd() noexcept { timerfd_works_ = false; }
  // The set was replaced by an empty one.
  void set_renewed() noexcept { is_member_ = is_armed_ = false; }
  // This is a forked child: the timer is the parent's as well.
  void leave_parent() noexcept {
    timer_.close();
    set_renewed();
  }

 private:
  bool arm_timer(int epfd, Nanos timeout) noexcept;
  bool open_timer(int epfd) noexcept;
  void disarm_timer() noexcept;

  HeldFd timer_;  // opened by the first wait that needs it
  bool is_member_ = false;
  bool is_armed_ = false;
  bool pwait2_works_ = true;
  bool timerfd_works_ = true;
};

}  // namespace evi

#endif

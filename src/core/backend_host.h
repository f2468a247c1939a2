// What a method (epoll, poll, select ...) may ask of the base that it waits for, and what it reports to it.
//
// struct event_base derives from this class; the functions that are not inline are defined beside what they
// change. Requires: the base's lock is held. A method releases it only while it waits for the kernel.
#ifndef EVI_CORE_BACKEND_HOST_H
#define EVI_CORE_BACKEND_HOST_H

#include <cstdint>

#include "core/fd_table.h"
#include "event2/event.h"
#include "thread/lock.h"

namespace evi {

class CompletionPort;

class BackendHost {
 public:
  BackendHost(const BackendHost &) = delete;
  BackendHost &operator=(const BackendHost &) = delete;

  const Lock &lock() const noexcept EVI_NO_THREAD_SAFETY_ANALYSIS { return lock_; }
  // What the events want watched, and what the method watches, by fd.
  FdTable &fds() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS { return fds_; }
  // EVENT_BASE_FLAG_PRECISE_TIMER, or EVENT_PRECISE_TIMER of the environment: a wait ends as finely as the
  // system can instead of in whole milliseconds.
  bool waits_finely() const noexcept { return (flags_ & EVENT_BASE_FLAG_PRECISE_TIMER) != 0; }
  bool may_use_timerfd() const noexcept { return !(flags_ & EVENT_BASE_FLAG_EPOLL_DISALLOW_TIMERFD); }
  // Null unless the base was made for overlapped I/O, and its method can do it.
  CompletionPort *completion_port() const noexcept { return completion_port_; }

  // The fd is ready for `what`: EV_READ, EV_WRITE, EV_CLOSED.
  void report_ready(int fd, short what) noexcept;
  // The kernel delivered the signal `count` times since the last report.
  void report_signal(int signal, std::uint32_t count) noexcept;
  // An operation has ended; its owner's callback is queued.
  void report_done(event_callback &cb) noexcept;
  // The wait ended because of Backend::wake, or of a wake-up that the method sent itself.
  void woken() noexcept;
  // A deletion did not reach the kernel: if the closed fd's file is open elsewhere, its entry stays.
  void entry_may_linger() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS { entries_may_linger_ = true; }
  // Updates the method for every fd as if it watched nothing. False if one update failed.
  bool rearm_all() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;

 protected:
  explicit BackendHost(int flags) noexcept : flags_(flags) {}
  ~BackendHost() = default;

  Lock lock_;
  FdTable fds_ EVI_GUARDED_BY(lock_);
  CompletionPort *completion_port_ = nullptr;
  const int flags_;                                        // EVENT_BASE_FLAG_*
  bool entries_may_linger_ EVI_GUARDED_BY(lock_) = false;  // see entry_may_linger()
};

}  // namespace evi

#endif

// The events of a base on file descriptors, and the updates of the method when their interest changes.
//
// An event whose fd is -1 waits for its timeout, or to be activated by hand; the method never sees it.
#ifndef EVI_CORE_IO_EVENTS_H
#define EVI_CORE_IO_EVENTS_H

#include "core/changelist.h"
#include "core/event_access.h"
#include "core/fd_table.h"
#include "thread/annotations.h"

namespace evi {

// What came of a change: whether it failed, or the loop has to be woken because its wait does not notice it.
enum class Change : unsigned char { failed, none, wake };

// The table by fd is the base's, where methods see it (BackendHost::fds). Requires: the base's lock is held.
class IoEvents {
 public:
  explicit IoEvents(event_base &base) noexcept : base_(base) {}
  IoEvents(const IoEvents &) = delete;
  IoEvents &operator=(const IoEvents &) = delete;

  // Enters an event, and has the method watch for it. Failed with errno and a log line; then nothing changed.
  Change insert(event &ev) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  // Takes an event out, and has the method watch for less. Never fails.
  Change remove(event &ev) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;

  // Changes that were deferred until the wait (changelist.h).
  bool any_deferred() const noexcept { return !changes_.empty(); }
  void apply_deferred() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;

  event *first_without_fd() const noexcept { return without_fd_; }
  bool check_invariants() const noexcept;

 private:
  Change withdraw_interest(int fd, FdSlot &slot) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  void prepare_for_edges() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;

  event_base &base_;
  event *without_fd_ = nullptr;
  Changelist changes_;
  int edge_events_ = 0;  // events with EV_ET on fds
};

}  // namespace evi

#endif

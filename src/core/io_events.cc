// Entering and taking out events on file descriptors, and what the method is asked to watch for them.
#include "core/io_events.h"

#include <cerrno>

#include "core/debug_mode.h"
#include "core/event_base.h"
#include "util/assert.h"
#include "util/log.h"

namespace evi {
namespace {

using IoList = HeadList<event, IoHook>;

bool mixes_edge_and_level(const FdSlot &slot, const event &ev) noexcept {
  return slot.first && (slot.first->ev_events & EV_ET) != (ev.ev_events & EV_ET);
}

}  // namespace

Change IoEvents::insert(event &ev) noexcept {
  EVI_ASSERT(!is_signal(ev));
  EVI_ASSERT(!has(ev, EVLIST_INSERTED));
  if (ev.ev_fd < 0) {
    IoList::push_front(without_fd_, ev);
    return Change::none;
  }
  if (EVI_UNLIKELY(base_.is_shared_with_parent()) && !base_.leave_parent()) return Change::failed;
  if (!base_.fds_.reserve(ev.ev_fd)) {
    log_warn("event_add: descriptor %d", static_cast<int>(ev.ev_fd));
    return Change::failed;
  }
  if (wants_edges(ev) && edge_events_ == 0 && base_.method_.has_state()) prepare_for_edges();
  FdSlot &slot = base_.fds_[ev.ev_fd];
  if (debug::enabled() && mixes_edge_and_level(slot, ev)) {
    log_warnx("event_add: descriptor %d has edge-triggered and level-triggered events",
              static_cast<int>(ev.ev_fd));
    errno = EINVAL;
    return Change::failed;
  }
  if (!FdTable::insert(slot, ev)) {
    log_warnx("event_add: too many events on descriptor %d", static_cast<int>(ev.ev_fd));
    errno = ENOSPC;
    return Change::failed;
  }
  edge_events_ += wants_edges(ev);
  const std::uint8_t wanted = slot.wanted();
  // After a one-shot report the kernel watches less than the events want: a new event sets it all up again.
  // The method is also called for one that joins others with the same interest: the fd may have been closed
  // and reused since.
  Method &method = base_.method_;
  if (EVI_UNLIKELY(!method.has_state())) return Change::none;
  if (method.update(base_, ev.ev_fd, slot, wanted))
    return method.table().updates_reach_wait ? Change::none : Change::wake;
  const int error = errno;
  FdTable::remove(slot, ev);
  edge_events_ -= wants_edges(ev);
  // What the method could not restore it submits to the kernel before its next wait.
  if (base_.needs_wakeup()) base_.notifier_.wake(method);
  errno = error;
  return Change::failed;
}

// A new set reports every edge again: it is made while there is no edge-triggered event, if it may have to be
// made. A loop in another thread may be waiting with the old one.
void IoEvents::prepare_for_edges() noexcept {
  if (any_deferred()) apply_deferred();
  const bool renew = EVI_UNLIKELY(base_.entries_may_linger_) && base_.in_loop_thread();
  if (renew && base_.method_.renew(base_)) static_cast<void>(base_.rearm_all());
}

Change IoEvents::remove(event &ev) noexcept {
  EVI_ASSERT(!is_signal(ev));
  if (ev.ev_fd < 0) {
    IoList::remove(ev);
    return Change::none;
  }
  EVI_ASSERT(base_.fds_.contains(ev.ev_fd));
  FdSlot &slot = base_.fds_[ev.ev_fd];
  FdTable::remove(slot, ev);
  edge_events_ -= wants_edges(ev);
  EVI_ASSERT(edge_events_ >= 0);
  return withdraw_interest(ev.ev_fd, slot);
}

Change IoEvents::withdraw_interest(int fd, FdSlot &slot) noexcept {
  std::uint8_t wanted = slot.wanted();
  if (wanted & kOneShot) {
    // What a report has disarmed is wanted by events that are active and will be deleted when they run.
    constexpr std::uint8_t kNoInterest = static_cast<std::uint8_t>(~kIoEvents);
    wanted &= slot.armed | kNoInterest;
    if (!(wanted & kIoEvents)) wanted = 0;
  }
  Method &method = base_.method_;
  if (wanted == slot.armed || EVI_UNLIKELY(!method.has_state())) return Change::none;
  // The parent process still wants it; this one's own set is made of what its events want by then.
  if (EVI_UNLIKELY(base_.is_shared_with_parent()) && method.is_shared_by_fork()) return Change::none;
  // A wait that is under way in another thread must notice it now.
  const bool may_defer = method.uses_changelist() && !wanted && edge_events_ == 0 && base_.in_loop_thread();
  if (may_defer && changes_.note(fd, slot)) return Change::none;
  const bool updated = method.update(base_, fd, slot, wanted);
  return updated && method.table().updates_reach_wait ? Change::none : Change::wake;
}

void IoEvents::apply_deferred() noexcept {
  changes_.apply(base_.fds_, [this](int fd) EVI_NO_THREAD_SAFETY_ANALYSIS {
    FdSlot &slot = base_.fds_[fd];
    const std::uint8_t wanted = slot.wanted();
    if (wanted != slot.armed) static_cast<void>(base_.method_.update(base_, fd, slot, wanted));
  });
}

void BackendHost::report_ready(int fd, short what) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS {
  auto &base = static_cast<event_base &>(*this);
  if (EVI_UNLIKELY(!fds_.contains(fd))) return;
  // Only a method that supports edges reported one.
  if (base.method_.has(EV_FEATURE_ET)) what |= EV_ET;
  for (event *ev = fds_[fd].first; ev; ev = IoHook::of(*ev).le_next) {
    if (ev->ev_events & what & kIoEvents) base.activate_locked(*ev, ev->ev_events & what, 1);
  }
}

bool BackendHost::rearm_all() noexcept {
  auto &base = static_cast<event_base &>(*this);
  bool all = true;
  entries_may_linger_ = false;
  for (int fd = 0; fd < fds_.size(); fd += kDescriptorStep) {
    FdSlot &slot = fds_[fd];
    slot.armed = 0;
    slot.registered = 0;
    if (const std::uint8_t wanted = slot.wanted()) {
      if (!base.method_.update(*this, fd, slot, wanted)) all = false;
    }
  }
  return all;
}

bool IoEvents::check_invariants() const noexcept {
  for (event *ev = without_fd_; ev; ev = IoHook::of(*ev).le_next) {
    if (ev->ev_fd >= 0 || !has(*ev, EVLIST_INSERTED)) return false;
  }
  return edge_events_ >= 0;
}

}  // namespace evi

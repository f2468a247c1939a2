// How many events a base has, as event_base_get_num_events() and event_base_get_max_events() count them.
#ifndef EVI_CORE_EVENT_COUNTS_H
#define EVI_CORE_EVENT_COUNTS_H

#include "core/event_access.h"
#include "util/assert.h"

namespace evi {

// Requires: the base's lock is held.
class EventCounts {
 public:
  // EVENT_BASE_COUNT_ADDED: each queue that an event is in, and each queued hook that stands for an event.
  // Internal events are not counted.
  int added() const noexcept { return added_; }
  bool any_added() const noexcept { return added_ > 0; }
  void add() noexcept {
    if (++added_ > added_max_) added_max_ = added_;
  }
  void remove() noexcept {
    EVI_ASSERT(added_ > 0);
    --added_;
  }
  // The event entered, or left, the queue that the flag stands for.
  void mark_inserted(event &ev, short flag) noexcept {
    EVI_ASSERT(!has(ev, flag));
    flags(ev) = static_cast<short>(flags(ev) | flag);
    if (!is_internal(ev)) add();
  }
  void mark_removed(event &ev, short flag) noexcept {
    EVI_ASSERT(has(ev, flag));
    flags(ev) = static_cast<short>(flags(ev) & ~flag);
    if (!is_internal(ev)) remove();
  }

  // A callback entered, or left, the queue for the next iteration.
  void enter_later(bool internal) noexcept {
    ++later_;
    if (!internal) ++added_;
  }
  void leave_later(bool internal) noexcept {
    EVI_ASSERT(later_ > 0);
    --later_;
    if (!internal) remove();
  }

  // EVENT_BASE_COUNT_ACTIVE: the length of the queue of active callbacks.
  void note_active(int size) noexcept {
    if (size > active_max_) active_max_ = size;
  }

  // The maxima since the base was made or they were reset.
  int added_max() const noexcept { return added_max_; }
  int active_max() const noexcept { return active_max_; }
  void reset_added_max() noexcept { added_max_ = 0; }
  void reset_active_max() noexcept { active_max_ = 0; }

 private:
  int added_ = 0;
  int added_max_ = 0;
  int active_max_ = 0;
  int later_ = 0;
};

}  // namespace evi

#endif

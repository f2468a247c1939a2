// Timeouts of equal durations: FIFO lists, which are in the order of their deadlines without sorting, each
// with one stand-in entry in the heap of timers.
#ifndef EVI_CORE_COMMON_TIMEOUT_H
#define EVI_CORE_COMMON_TIMEOUT_H

#include <algorithm>

#include "core/event_access.h"
#include "core/timer_heap.h"
#include "util/assert.h"
#include "util/intrusive_list.h"
#include "util/platform.h"

namespace evi {

inline constexpr int kMaxCommonTimeouts = 256;

inline bool is_common_timeout(const timeval &tv) noexcept {
  return (tv.tv_usec & kCommonTimeoutMask) == kCommonTimeoutMagic;
}
inline int common_timeout_index(const timeval &tv) noexcept {
  return static_cast<int>((tv.tv_usec & kCommonTimeoutIndexMask) >> kCommonTimeoutShift);
}
inline timeval without_tag(timeval tv) noexcept {
  tv.tv_usec &= kMicrosecondsMask;
  return tv;
}

struct CommonTimeout {
  using List = TailList<event, CommonTimeoutHook>;

  timeval tagged;  // what event_base_init_common_timeout returned
  Micros duration;
  List events;     // by deadline
  event stand_in;  // in the heap with the first one's deadline while the list is not empty

  // A tag with this list's number may be garbage; only the whole value asks for the list.
  bool is_named_by(const timeval &tv) const noexcept {
    return tv.tv_sec == tagged.tv_sec && tv.tv_usec == tagged.tv_usec;
  }

  // Whether to add `ev` with this duration changes nothing but its timeout, which is in this list or in none.
  bool only_enters(const event &ev) const noexcept;

  // The tagged deadline of what is added now. Within one turn of the loop it stays the same.
  const timeval &due(Micros now) noexcept {
    if (now != due_asked_) {
      due_asked_ = now;
      due_ = to_timeval(std::max<Micros>(add_saturating(now, duration), 0));
      due_.tv_usec |= tagged.tv_usec & ~kMicrosecondsMask;
    }
    return due_;
  }

  // Behind all that are due no later; nearly always at the end.
  void insert(event &ev) noexcept {
    event *where = last_;
    while (EVI_UNLIKELY(where && is_later(where->ev_timeout, ev.ev_timeout))) where = previous(*where);
    events.insert_after(where, ev);
    if (where == last_) last_ = &ev;
  }
  // The first one went: its successor is due later, or as early. The heap finds that out when it comes to it.
  void follow_front() noexcept { stand_in.ev_timeout = without_tag(events.front()->ev_timeout); }
  void remove(event &ev) noexcept {
    if (&ev == last_) last_ = previous(ev);
    events.remove(ev);
  }

 private:
  // The tag is the same in all.
  static bool is_later(const timeval &a, const timeval &b) noexcept {
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_usec > b.tv_usec;
  }

  // The item whose `next` is what ev's hook points back to; null at the front.
  event *previous(event &ev) noexcept {
    event **slot = CommonTimeoutHook::of(ev).tqe_prev;
    if (events.front() == &ev) return nullptr;
    auto *hook = reinterpret_cast<char *>(slot) - offsetof(event, ev_timeout_pos);
    return reinterpret_cast<event *>(hook);
  }

  event *last_ = nullptr;
  Micros due_asked_ = -1;
  timeval due_ = {};
};

// The lists of one base by the index in their tag. Requires: the base's lock is held.
class CommonTimeouts {
 public:
  explicit CommonTimeouts(TimerHeap &timers) noexcept : timers_(timers) {}
  CommonTimeouts(const CommonTimeouts &) = delete;
  CommonTimeouts &operator=(const CommonTimeouts &) = delete;
  ~CommonTimeouts();

  int count() const noexcept { return count_; }
  CommonTimeout &operator[](int index) noexcept {
    EVI_ASSERT(index >= 0 && index < count_);
    return *lists_[index];
  }
  // The list that the tag of a duration or deadline refers to; null without a tag, or if there is none.
  CommonTimeout *of(const timeval &tv) const noexcept {
    if (EVI_LIKELY(!is_common_timeout(tv))) return nullptr;
    const int index = common_timeout_index(tv);
    return index < count_ ? lists_[index] : nullptr;
  }
  // The list whose tagged duration this is, all of it; else null.
  CommonTimeout *named(const timeval &tv) const noexcept {
    CommonTimeout *list = of(tv);
    return list && list->is_named_by(tv) ? list : nullptr;
  }
  // The list of that duration. Null if memory is short, or with a log line if there are too many lists.
  CommonTimeout *find_or_make(event_base &base, const timeval &duration) noexcept;

  // Requires: TimerHeap::reserve_one() succeeded for the event, and its ev_timeout is set.
  void insert(CommonTimeout &list, event &ev) noexcept;
  void remove(CommonTimeout &list, event &ev) noexcept;
  // Takes out the first event. Requires: the stand-in was taken from the heap.
  event &take_first(CommonTimeout &list) noexcept;
  // Puts the stand-in at the deadline of the first event.
  void schedule_stand_in(CommonTimeout &list) noexcept;

  template <typename F>
  void for_each_event(F &&f) const noexcept {
    for (int i = 0; i < count_; ++i) {
      for (event *ev = lists_[i]->events.front(); ev; ev = CommonTimeout::List::next(*ev)) f(*ev);
    }
  }
  bool check_invariants() const noexcept;

 private:
  bool grow() noexcept;
  CommonTimeout *make_list(event_base &base, Micros duration) noexcept;

  TimerHeap &timers_;
  CommonTimeout **lists_ = nullptr;
  int count_ = 0;
  int capacity_ = 0;
};

}  // namespace evi

#endif

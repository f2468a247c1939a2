// Making lists of equal timeouts, and keeping their stand-ins in the heap.
#include "core/common_timeout.h"

#include "core/debug_mode.h"
#include "core/event_base.h"
#include "util/alloc.h"
#include "util/log.h"

namespace evi {

bool CommonTimeout::only_enters(const event &ev) const noexcept {
  constexpr short kBusy = EVLIST_ACTIVE | EVLIST_ACTIVE_LATER | EVLIST_FINALIZING;
  if (has(ev, kBusy) || is_signal(ev)) return false;
  if ((ev.ev_events & kIoEvents) && !has(ev, EVLIST_INSERTED)) return false;
  constexpr long kTag = ~kMicrosecondsMask;
  return !has(ev, EVLIST_TIMEOUT) || (ev.ev_timeout.tv_usec & kTag) == (tagged.tv_usec & kTag);
}

CommonTimeouts::~CommonTimeouts() {
  for (int i = 0; i < count_; ++i) {
    EVI_ASSERT(lists_[i]->events.empty());
    debug::forget(lists_[i]->stand_in);
    destroy(lists_[i]);
  }
  mm_free(lists_);
}

void CommonTimeouts::insert(CommonTimeout &list, event &ev) noexcept {
  list.insert(ev);
  if (list.events.front() == &ev) schedule_stand_in(list);
}

void CommonTimeouts::remove(CommonTimeout &list, event &ev) noexcept {
  EVI_ASSERT(!list.events.empty());
  const bool was_first = list.events.front() == &ev;
  list.remove(ev);
  heap_index(ev) = kNotInHeap;
  if (list.events.empty()) {
    timers_.remove(list.stand_in);
  } else if (was_first) {
    list.follow_front();
  }
}

event &CommonTimeouts::take_first(CommonTimeout &list) noexcept {
  EVI_ASSERT(!list.events.empty());
  EVI_ASSERT(heap_index(list.stand_in) == kNotInHeap);
  event &ev = *list.events.front();
  list.remove(ev);
  heap_index(ev) = kNotInHeap;
  if (!list.events.empty()) schedule_stand_in(list);
  return ev;
}

// There is room in the heap: each add reserved its own.
void CommonTimeouts::schedule_stand_in(CommonTimeout &list) noexcept {
  EVI_ASSERT(!list.events.empty());
  list.follow_front();
  if (heap_index(list.stand_in) == kNotInHeap) {
    timers_.push(list.stand_in);
  } else {
    timers_.update(list.stand_in, deadline(list.stand_in));
  }
}

CommonTimeout *CommonTimeouts::find_or_make(event_base &base, const timeval &duration) noexcept {
  if (CommonTimeout *known = named(duration)) return known;
  // A tag that no list here has is not part of the duration.
  const timeval plain = is_common_timeout(duration) ? without_tag(duration) : duration;
  const Micros micros = to_micros(plain);
  for (int i = 0; i < count_; ++i) {
    if (lists_[i]->duration == micros) return lists_[i];
  }
  if (count_ == kMaxCommonTimeouts) {
    log_warnx("event_base_init_common_timeout: more than %d durations", kMaxCommonTimeouts);
    return nullptr;
  }
  return count_ < capacity_ || grow() ? make_list(base, micros) : nullptr;
}

bool CommonTimeouts::grow() noexcept {
  const int capacity = capacity_ ? capacity_ * 2 : 16;
  void *grown = mm_realloc(lists_, sizeof(CommonTimeout *) * static_cast<std::size_t>(capacity));
  if (!grown) return false;
  lists_ = static_cast<CommonTimeout **>(grown);
  capacity_ = capacity;
  return true;
}

CommonTimeout *CommonTimeouts::make_list(event_base &base, Micros duration) noexcept {
  EVI_ASSERT(count_ < capacity_);
  auto *list = make<CommonTimeout>();
  if (!list) return nullptr;
  list->duration = duration;
  list->tagged = to_timeval(duration);
  list->tagged.tv_usec |= kCommonTimeoutMagic | (long{count_} << kCommonTimeoutShift);
  static_cast<void>(assign_event(list->stand_in, &base, -1, 0, nullptr, list));
  flags(list->stand_in) |= EVLIST_INTERNAL;
  set_closure(list->stand_in, Closure::common_timeout);
  lists_[count_++] = list;
  return list;
}

bool CommonTimeouts::check_invariants() const noexcept {
  for (int i = 0; i < count_; ++i) {
    const CommonTimeout &list = *lists_[i];
    const bool in_heap = heap_index(list.stand_in) != kNotInHeap;
    if (common_timeout_index(list.tagged) != i || in_heap == list.events.empty()) return false;
    if (!list.events.check_invariants()) return false;
    Micros last = 0;
    for (event *ev = list.events.front(); ev; ev = CommonTimeout::List::next(*ev)) {
      if (!has(*ev, EVLIST_TIMEOUT) || of(ev->ev_timeout) != &list || deadline(*ev) < last) return false;
      last = deadline(*ev);
    }
  }
  return true;
}

}  // namespace evi

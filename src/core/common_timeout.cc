// The base's lists of equal timeouts, and the stand-ins that represent them in the heap.
#include "core/common_timeout.h"

#include "core/event_base.h"
#include "util/alloc.h"
#include "util/log.h"

using evi::CommonTimeout;

CommonTimeout *event_base::common_timeout_of(const timeval &tv) noexcept {
  if (!evi::is_common_timeout(tv)) return nullptr;
  const int index = evi::common_timeout_index(tv);
  return index < common_count_ ? common_[index] : nullptr;
}

// The list that a duration names, in full.
CommonTimeout *event_base::common_timeout_named(const timeval &tv) noexcept {
  CommonTimeout *list = common_timeout_of(tv);
  return list && list->is_named_by(tv) ? list : nullptr;
}

void event_base::enqueue_common(CommonTimeout &list, event &ev) noexcept {
  list.insert(ev);
  if (list.events.front() == &ev) schedule_stand_in(list);
}

// An event that waits for nothing new but time, in this list or none, goes to the list's end.
bool event_base::only_enters(const CommonTimeout &list, const event &ev) const noexcept {
  constexpr short kBusy = EVLIST_ACTIVE | EVLIST_ACTIVE_LATER | EVLIST_FINALIZING;
  if (evi::has(ev, kBusy) || evi::is_signal(ev)) return false;
  if ((ev.ev_events & evi::kIoEvents) && !evi::has(ev, EVLIST_INSERTED)) return false;
  constexpr long kTag = ~evi::kMicrosecondsMask;
  return !evi::has(ev, EVLIST_TIMEOUT) || (ev.ev_timeout.tv_usec & kTag) == (list.tagged.tv_usec & kTag);
}

int event_base::enter_common(CommonTimeout &list, event &ev) noexcept {
  if (EVI_UNLIKELY(!timers_.reserve_one())) return -1;
  const bool was_first = list.events.front() == &ev;
  if (evi::has(ev, EVLIST_TIMEOUT)) {
    list.remove(ev);
  } else {
    mark_inserted(ev, EVLIST_TIMEOUT);
  }
  if (evi::closure(ev) == evi::Closure::persist) evi::period(ev) = list.tagged;
  ev.ev_timeout = list.due(now_for_caller());
  list.insert(ev);
  if (was_first) {
    list.follow_front();
  } else if (EVI_UNLIKELY(list.events.front() == &ev)) {
    schedule_stand_in(list);
    if (evi::heap_index(list.stand_in) == 0 && needs_wakeup()) notifier_.wake(method_);
  }
  return 0;
}

void event_base::dequeue_common(CommonTimeout &list, event &ev) noexcept {
  const bool was_first = list.events.front() == &ev;
  list.remove(ev);
  evi::heap_index(ev) = evi::kNotInHeap;
  if (list.events.empty()) {
    timers_.remove(list.stand_in);
  } else if (was_first) {
    list.follow_front();
  }
}

// Gives the stand-in the first event's deadline. There is room in the heap: each add reserved its own.
void event_base::schedule_stand_in(CommonTimeout &list) noexcept {
  list.follow_front();
  if (evi::heap_index(list.stand_in) == evi::kNotInHeap) {
    timers_.push(list.stand_in);
  } else {
    timers_.update(list.stand_in, evi::deadline(list.stand_in));
  }
}

const timeval *event_base::init_common_timeout(const timeval &duration) noexcept {
  const evi::LockGuard held(lock_);
  const evi::CommonTimeout *known = common_timeout_of(duration);
  if (known && known->is_named_by(duration)) return &known->tagged;
  // A tag that no list of ours made is not part of the duration.
  const timeval plain = evi::is_common_timeout(duration) ? evi::without_tag(duration) : duration;
  const evi::Micros micros = evi::to_micros(plain);
  for (int i = 0; i < common_count_; ++i) {
    if (common_[i]->duration == micros) return &common_[i]->tagged;
  }
  if (common_count_ == evi::kMaxCommonTimeouts) {
    evi::log_warnx("event_base_init_common_timeout: more than %d durations", evi::kMaxCommonTimeouts);
    return nullptr;
  }
  if (common_count_ == common_capacity_) {
    const int capacity = common_capacity_ ? common_capacity_ * 2 : 16;
    void *grown = evi::mm_realloc(common_, sizeof(CommonTimeout *) * static_cast<std::size_t>(capacity));
    if (!grown) return nullptr;
    common_ = static_cast<CommonTimeout **>(grown);
    common_capacity_ = capacity;
  }
  auto *list = evi::make<CommonTimeout>();
  if (!list) return nullptr;
  list->duration = micros;
  list->tagged = evi::to_timeval(micros);
  list->tagged.tv_usec |= evi::kCommonTimeoutMagic | (long{common_count_} << evi::kCommonTimeoutShift);
  static_cast<void>(evi::assign_event(list->stand_in, this, -1, 0, nullptr, list));
  evi::flags(list->stand_in) |= EVLIST_INTERNAL;
  evi::set_closure(list->stand_in, evi::Closure::common_timeout);
  common_[common_count_++] = list;
  return &list->tagged;
}

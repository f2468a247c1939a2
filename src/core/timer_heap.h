// The timer store: a 4-ary min-heap of (deadline, event) that sifts keys and touches events as little as it
// can.
//
//            [root]                 entries_ points 48 bytes before a cache line, so that the root ends a
//            line
//    [1] [2] [3] [4]                and the four children of any node share one.
//    ...
//
// An inner entry's key may be earlier than its event's true deadline (in ev_timeout): a re-add that moves the
// deadline later only writes the event there, and the key is put right when the entry comes to the top. At a
// leaf, where three of four entries are, the key is simply written, since nothing lies below. Hence the top
// is exact after top(), order is exact, and nothing wakes early. The index of an event's entry is kept in the
// event.
#ifndef EVI_CORE_TIMER_HEAP_H
#define EVI_CORE_TIMER_HEAP_H

#include <cstddef>

#include "core/event_access.h"
#include "util/time.h"

namespace evi {

class TimerHeap {
 public:
  TimerHeap() noexcept = default;
  TimerHeap(const TimerHeap &) = delete;
  TimerHeap &operator=(const TimerHeap &) = delete;
  ~TimerHeap();

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t capacity() const noexcept { return capacity_; }

  // Room for one more entry; the only step that can fail.
  [[nodiscard]] bool reserve_one() noexcept { return size_ < capacity_ || grow(); }
  // Enters an event that is not in the heap, by deadline(ev); reserve_one() came before.
  void push(event &ev) noexcept;
  // The same as update() where the deadline is known to have moved later only: nothing of the heap is read,
  // so a timer that is pushed back waits for no memory but its own.
  void update_later(event &ev, Micros key) noexcept {
    const std::size_t i = heap_index(ev);
    if (first_child(i) >= size_) entries_[i].key = key;
  }
  // Follows a change of the deadline of an event in the heap, which is `key` now.
  void update(event &ev, Micros key) noexcept {
    const std::size_t i = heap_index(ev);
    if (key < entries_[i].key) {
      sift_up(i, Entry{key, &ev});
    } else if (first_child(i) >= size_) {
      entries_[i].key = key;
    }
  }
  void remove(event &ev) noexcept;

  // The event due first, or null. Puts deferred keys right on the way.
  event *top() noexcept;
  // Whether take_due would find anything, give or take a deferred key; looks at no event.
  bool maybe_due(Micros now) const noexcept { return size_ && entries_[0].key <= now; }

  // Takes out all events due at `now` and hands them to `sink(event&)` in order of their deadlines. The sink
  // may push into the heap unless `in_bulk` is allowed, which is faster when much is due at once.
  template <typename Sink>
  void take_due(Micros now, bool in_bulk, Sink &&sink) noexcept;

  // Gives memory back after a burst.
  void shrink() noexcept;

  // For tests: heap order, indices, and no key later than its event's deadline.
  bool check_invariants() const noexcept;
  // Calls f(event&) for each entry, in no particular order; the heap must not change meanwhile.
  template <typename F>
  void for_each(F &&f) const noexcept {
    for (std::size_t i = 0; i < size_; ++i) f(*entries_[i].ev);
  }

 private:
  struct Entry {
    Micros key;
    event *ev;
  };
  static constexpr std::size_t kArity = 4;
  static constexpr std::size_t kMinCapacity = 32;
  static constexpr std::size_t kCacheLine = 64;

  static std::size_t parent(std::size_t i) noexcept { return (i - 1) / kArity; }
  static std::size_t first_child(std::size_t i) noexcept { return i * kArity + 1; }

  void place(std::size_t i, Entry e) noexcept {
    entries_[i] = e;
    heap_index(*e.ev) = i;
  }
  // True if the first entry's key was too early and it moved down.
  bool settle_top() noexcept;
  std::size_t least_child(std::size_t first) const noexcept;
  void sift_up(std::size_t hole, Entry e) noexcept;
  void sift_down(std::size_t hole, Entry e) noexcept;
  void remove_at(std::size_t i) noexcept;
  bool grow() noexcept;
  bool resize(std::size_t capacity) noexcept;

  // Parts off the entries due at `now`, sorted, behind the rest of the heap: they are entries_[size_ ...]
  // then. Returns how many there are; zero, and nothing changed, if they are too few for that to pay.
  std::size_t gather_due(Micros now) noexcept;
  void rebuild() noexcept;

  static constexpr std::size_t kGatherFraction = 64;
  static constexpr std::size_t kMinPopsBeforeGather = 64;
  static constexpr std::size_t kPrefetch = 8;

  Entry *entries_ = nullptr;  // inside memory_, aligned as drawn above
  void *memory_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

template <typename Sink>
void TimerHeap::take_due(Micros now, bool in_bulk, Sink &&sink) noexcept {
  // Popping touches about ten events per pop in a big heap; once a good part of the heap proves due at once,
  // the due entries are parted off, sorted and walked instead.
  std::size_t pops_before_gather = size_ / kGatherFraction + kMinPopsBeforeGather;
  while (maybe_due(now)) {
    if (settle_top()) continue;
    event *ev = entries_[0].ev;
    if (in_bulk && pops_before_gather-- == 0) {
      const std::size_t due = gather_due(now);
      for (std::size_t i = 0; i < due; ++i) {
        if (i + kPrefetch < due) __builtin_prefetch(entries_[size_ + i + kPrefetch].ev, 1);
        event &next = *entries_[size_ + i].ev;
        heap_index(next) = kNotInHeap;
        sink(next);
      }
      if (due) shrink();
      pops_before_gather = static_cast<std::size_t>(-1);
      continue;
    }
    remove_at(0);
    heap_index(*ev) = kNotInHeap;
    sink(*ev);
  }
}

}  // namespace evi

#endif

// Sifting, growth and mass expiry of the timer heap.
#include "core/timer_heap.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "util/alloc.h"
#include "util/assert.h"

namespace evi {

TimerHeap::~TimerHeap() { mm_free(memory_); }

bool TimerHeap::grow() noexcept { return resize(capacity_ ? capacity_ * 2 : kMinCapacity); }

void TimerHeap::shrink() noexcept {
  std::size_t wanted = capacity_;
  while (wanted > kMinCapacity && size_ < wanted / 4) wanted /= 2;
  // Failing to get a smaller block only means that the bigger one is kept.
  if (wanted < capacity_) static_cast<void>(resize(wanted));
}

bool TimerHeap::resize(std::size_t capacity) noexcept {
  constexpr std::size_t slack = 2 * kCacheLine;
  if (capacity > (SIZE_MAX - slack) / sizeof(Entry)) return false;
  void *memory = mm_malloc(capacity * sizeof(Entry) + slack);
  if (!memory) return false;
  const auto start = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t line = (start + sizeof(Entry) + kCacheLine - 1) & ~(kCacheLine - 1);
  auto *entries = reinterpret_cast<Entry *>(line - sizeof(Entry));
  if (size_) std::memcpy(static_cast<void *>(entries), entries_, size_ * sizeof(Entry));
  mm_free(memory_);
  memory_ = memory;
  entries_ = entries;
  capacity_ = capacity;
  return true;
}

void TimerHeap::push(event &ev) noexcept {
  EVI_ASSERT(size_ < capacity_);
  sift_up(size_++, Entry{deadline(ev), &ev});
}

void TimerHeap::remove(event &ev) noexcept {
  const std::size_t i = heap_index(ev);
  EVI_ASSERT(i < size_ && entries_[i].ev == &ev);
  remove_at(i);
  heap_index(ev) = kNotInHeap;
}

bool TimerHeap::settle_top() noexcept {
  Entry e = entries_[0];
  const Micros true_deadline = deadline(*e.ev);
  if (EVI_LIKELY(true_deadline <= e.key)) return false;
  e.key = true_deadline;
  sift_down(0, e);
  return true;
}

event *TimerHeap::top() noexcept {
  while (size_) {
    if (!settle_top()) return entries_[0].ev;
  }
  return nullptr;
}

std::size_t TimerHeap::least_child(std::size_t first) const noexcept {
  if (EVI_LIKELY(first + kArity <= size_)) {
    const std::size_t a = first + (entries_[first + 1].key < entries_[first].key);
    const std::size_t b = first + 2 + (entries_[first + 3].key < entries_[first + 2].key);
    return entries_[b].key < entries_[a].key ? b : a;
  }
  std::size_t least = first;
  for (std::size_t i = first + 1; i < size_; ++i) {
    if (entries_[i].key < entries_[least].key) least = i;
  }
  return least;
}

void TimerHeap::sift_up(std::size_t hole, Entry e) noexcept {
  while (hole > 0) {
    const std::size_t up = parent(hole);
    if (entries_[up].key <= e.key) break;
    place(hole, entries_[up]);
    hole = up;
  }
  place(hole, e);
}

void TimerHeap::sift_down(std::size_t hole, Entry e) noexcept {
  for (;;) {
    const std::size_t first = first_child(hole);
    if (first >= size_) break;
    const std::size_t least = least_child(first);
    if (e.key <= entries_[least].key) break;
    place(hole, entries_[least]);
    hole = least;
  }
  place(hole, e);
}

void TimerHeap::remove_at(std::size_t i) noexcept {
  const Entry last = entries_[--size_];
  if (i != size_) {
    if (i > 0 && last.key < entries_[parent(i)].key) {
      sift_up(i, last);
    } else {
      sift_down(i, last);
    }
  }
  if (EVI_UNLIKELY(capacity_ > kMinCapacity && size_ < capacity_ / 8)) shrink();
}

std::size_t TimerHeap::gather_due(Micros now) noexcept {
  const std::size_t total = size_;
  std::size_t keyed_due = 0;
  for (std::size_t i = 0; i < total; ++i) keyed_due += entries_[i].key <= now;
  if (keyed_due < total / 8) return 0;

  std::size_t front = 0;
  std::size_t back = total;
  while (front < back) {
    Entry &e = entries_[front];
    // A deadline that was moved later is put right here: the event may not be due after all.
    if (e.key <= now) e.key = deadline(*e.ev);
    if (e.key <= now) {
      std::swap(e, entries_[--back]);
    } else {
      ++front;
    }
  }
  size_ = front;
  rebuild();
  std::sort(entries_ + front, entries_ + total, [](const Entry &a, const Entry &b) { return a.key < b.key; });
  return total - front;
}

// Floyd's bottom-up construction on the keys alone, then one pass that stores its index in each event.
void TimerHeap::rebuild() noexcept {
  if (size_ > 1) {
    for (std::size_t i = parent(size_ - 1) + 1; i-- > 0;) {
      const Entry e = entries_[i];
      std::size_t hole = i;
      for (std::size_t first = first_child(hole); first < size_; first = first_child(hole)) {
        const std::size_t least = least_child(first);
        if (e.key <= entries_[least].key) break;
        entries_[hole] = entries_[least];
        hole = least;
      }
      entries_[hole] = e;
    }
  }
  for (std::size_t i = 0; i < size_; ++i) heap_index(*entries_[i].ev) = i;
}

bool TimerHeap::check_invariants() const noexcept {
  for (std::size_t i = 0; i < size_; ++i) {
    const Entry &e = entries_[i];
    if (heap_index(*e.ev) != i || deadline(*e.ev) < e.key) return false;
    if (i > 0 && entries_[parent(i)].key > e.key) return false;
  }
  return size_ <= capacity_;
}

}  // namespace evi

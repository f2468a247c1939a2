// The set of events that are known to be assigned, and the complaints about others.
#include "core/debug_mode.h"

#include <cstdint>

#include "core/event_access.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/static_mutex.h"

namespace evi::debug {

constinit std::atomic<bool> on{false};

namespace {

// What the fatal callback is given: for a misuse of debug mode itself, and of an event.
constexpr int kMisuse = 1;
constexpr int kEventMisuse = static_cast<int>(0xdeaddead);

// Guards the set; programs debug with several threads too.
constinit StaticMutex mutex;
constinit std::atomic<bool> in_use{false};

class Guard {
 public:
  Guard() noexcept { mutex.lock(); }
  ~Guard() { mutex.unlock(); }
  Guard(const Guard &) = delete;
  Guard &operator=(const Guard &) = delete;
};

// Open addressing with linear probing; at most half full. Out of memory, it stops recording, and logs that
// once.
class EventSet {
 public:
  bool contains(const event *ev) const noexcept { return capacity_ && slots_[find(ev)] == ev; }
  // Some that were assigned are not in it.
  bool incomplete() const noexcept { return incomplete_; }

  void insert(const event *ev) noexcept {
    if (incomplete_ || (used_ + 1) * 2 > capacity_) {
      if (incomplete_ || !grow()) return;
    }
    const std::size_t i = find(ev);
    if (slots_[i]) return;
    slots_[i] = ev;
    ++used_;
  }

  void erase(const event *ev) noexcept {
    if (!capacity_) return;
    std::size_t hole = find(ev);
    if (slots_[hole] != ev) return;
    --used_;
    // Moves back what had to go past the hole.
    for (std::size_t i = next(hole); slots_[i]; i = next(i)) {
      const std::size_t home = hash(slots_[i]);
      const bool stays = hole <= i ? (hole < home && home <= i) : (hole < home || home <= i);
      if (stays) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = nullptr;
  }

  void clear() noexcept {
    mm_free(slots_);
    slots_ = nullptr;
    capacity_ = used_ = 0;
    incomplete_ = false;
  }

 private:
  std::size_t hash(const event *ev) const noexcept {
    return (reinterpret_cast<std::uintptr_t>(ev) / 16 * 0x9E3779B97F4A7C15ULL >> 20) & (capacity_ - 1);
  }
  std::size_t next(std::size_t i) const noexcept { return (i + 1) & (capacity_ - 1); }
  std::size_t find(const event *ev) const noexcept {
    std::size_t i = hash(ev);
    while (slots_[i] && slots_[i] != ev) i = next(i);
    return i;
  }

  bool grow() noexcept {
    const std::size_t capacity = capacity_ ? capacity_ * 2 : 64;
    auto *slots = static_cast<const event **>(mm_calloc(capacity, sizeof(const event *)));
    if (!slots) {
      incomplete_ = true;
      log_warnx("debug mode: no memory to remember more events; uses are not checked any more");
      return false;
    }
    const event **old = slots_;
    const std::size_t old_capacity = capacity_;
    slots_ = slots;
    capacity_ = capacity;
    for (std::size_t i = 0; i < old_capacity; ++i) {
      if (old[i]) slots_[find(old[i])] = old[i];
    }
    mm_free(old);
    return true;
  }

  const event **slots_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  bool incomplete_ = false;
};

constinit EventSet known;

}  // namespace

// Written once: threads that assign events would fight for its cache line.
void note_in_use() noexcept {
  if (!in_use.load(std::memory_order_relaxed)) in_use.store(true, std::memory_order_relaxed);
}

void enable() noexcept {
  if (on.load()) fatal(kMisuse, "event_enable_debug_mode was called twice");
  if (in_use.load())
    fatal(kMisuse, "event_enable_debug_mode must be called before any event or event_base exists");
  on.store(true);
}

// The fatal callback may leave by longjmp, so it is called with the guard open.
void assigned(const event &ev) noexcept {
  bool was_known = false;
  {
    const Guard held;
    was_known = known.contains(&ev);
    known.insert(&ev);
  }
  if (was_known && has(ev, EVLIST_INIT) && has(ev, kQueuedFlags)) {
    fatal(kEventMisuse, "event_assign: event %p (descriptor %ld, events 0x%x) is still added",
          static_cast<const void *>(&ev), static_cast<long>(ev.ev_fd), static_cast<unsigned>(ev.ev_events));
  }
}

void unassigned(const event &ev) noexcept {
  const Guard held;
  known.erase(&ev);
}

void given_up(const event &ev, const char *function) noexcept {
  bool was_known = false;
  {
    const Guard held;
    was_known = known.contains(&ev);
  }
  if (was_known && has(ev, kQueuedFlags))
    fatal(kEventMisuse, "%s: event %p is still added", function, static_cast<const void *>(&ev));
  unassigned(ev);
}

void check_assigned(const event &ev, const char *function) noexcept {
  bool is_known = false;
  {
    const Guard held;
    is_known = known.incomplete() || known.contains(&ev);
  }
  if (!is_known) {
    fatal(kEventMisuse, "%s: event %p was never assigned, or was freed", function,
          static_cast<const void *>(&ev));
  }
}

void shutdown() noexcept {
  const Guard held;
  known.clear();
  on.store(false);
  in_use.store(false);
}

}  // namespace evi::debug

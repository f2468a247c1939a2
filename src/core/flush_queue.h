// Work that the loop does once just before it waits for the kernel: the attempt to write queued output.
//
// A transport that has bytes to send puts its hook here instead of registering for EV_WRITE; output collected
// by many callbacks then leaves in one system call. A queued hook keeps the loop alive and its wait at zero.
// Queries about events count it as the write event that it stands for.
#ifndef EVI_CORE_FLUSH_QUEUE_H
#define EVI_CORE_FLUSH_QUEUE_H

#include "core/event_counts.h"
#include "util/assert.h"

struct event;
struct event_base;

namespace evi {

struct FlushHook;

// What all hooks of one kind have in common.
struct FlushKind {
  // Runs on the loop's thread, no lock of the base held, after the hook left the queue (so it may be queued
  // again or freed inside). `abandoned`: the base is being freed, and there will be no other turn.
  void (*run)(FlushHook &self, bool abandoned) noexcept;
  // The event that a queued hook counts as, if that is in no queue itself. Null for work that stands for no
  // event. Called with the base's lock held.
  event *(*event_of)(FlushHook &self) noexcept = nullptr;
};

// A ring, so that an item leaves without asking which of two lists it is in.
struct FlushLink {
  FlushLink *flush_next = nullptr;
  FlushLink *flush_prev = nullptr;
};

// Three pointers, because each connection has one.
struct FlushHook : FlushLink {
  const FlushKind *flush_kind = nullptr;

  // With the base's lock held.
  bool queued() const noexcept { return flush_next != nullptr; }
  // The event that it counts as; null if it stands for none.
  event *counted_event() noexcept { return flush_kind->event_of ? flush_kind->event_of(*this) : nullptr; }
};

// Two rings: hooks that wait, and those whose turn has begun. All are reachable whatever a hook's callback
// does, leaving by longjmp or exit() included; nothing lies on the stack.
class FlushQueue {
 public:
  explicit FlushQueue(EventCounts &counts) noexcept : counts_(counts) {}
  FlushQueue(const FlushQueue &) = delete;
  FlushQueue &operator=(const FlushQueue &) = delete;

  // Between turns, and in one whether hooks were queued meanwhile.
  bool empty() const noexcept { return waiting_.flush_next == &waiting_; }

  // In a turn also whether any of its share is left.
  bool holds_any() const noexcept { return !empty() || due_.flush_next != &due_; }

  // A hook that stands for an event is counted as one, whatever else its event is in: see doubles().
  void push_back(FlushHook &hook) noexcept {
    EVI_ASSERT(!hook.queued());
    insert_before(waiting_, hook);
    if (hook.flush_kind->event_of) counts_.add();
  }
  void remove(FlushHook &hook) noexcept {
    EVI_ASSERT(hook.queued());
    if (hook.flush_kind->event_of) counts_.remove();
    hook.flush_prev->flush_next = hook.flush_next;
    hook.flush_next->flush_prev = hook.flush_prev;
    hook.flush_next = hook.flush_prev = nullptr;
  }

  // What is queued now is due; what is queued from now on waits for the next turn.
  void begin_turn() noexcept { move_all(waiting_, due_); }
  FlushHook *pop_due() noexcept {
    if (due_.flush_next == &due_) return nullptr;
    auto &hook = static_cast<FlushHook &>(*due_.flush_next);
    remove(hook);
    return &hook;
  }
  // What a turn that was cut short left waits before all others.
  void end_turn() noexcept { move_all(due_, *waiting_.flush_next); }

  // How many hooks stand for events that are in other queues, too: each is one event all the same.
  int doubles() const noexcept;
  // Whether a hook stands for the event. Takes time in proportion to the queue.
  bool holds_hook_of(const event &ev) const noexcept;

  template <typename F>
  void for_each(F &&f) const noexcept {
    for_each_in(due_, f);
    for_each_in(waiting_, f);
  }

 private:
  template <typename F>
  static void for_each_in(const FlushLink &ring, F &f) noexcept {
    for (FlushLink *at = ring.flush_next; at != &ring; at = at->flush_next) f(static_cast<FlushHook &>(*at));
  }
  static void insert_before(FlushLink &where, FlushLink &link) noexcept {
    link.flush_next = &where;
    link.flush_prev = where.flush_prev;
    where.flush_prev->flush_next = &link;
    where.flush_prev = &link;
  }
  // In front of `where`, which is in the other ring or is its head.
  static void move_all(FlushLink &from, FlushLink &where) noexcept;

  EventCounts &counts_;
  FlushLink waiting_{&waiting_, &waiting_};
  FlushLink due_{&due_, &due_};
};

// From any thread if the base has a lock: a loop that sleeps is woken. False if it was queued already.
bool flush_schedule(event_base &base, FlushHook &hook) noexcept;
// False if it was not queued, or is being run already.
bool flush_cancel(event_base &base, FlushHook &hook) noexcept;

}  // namespace evi

#endif

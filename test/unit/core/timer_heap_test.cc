// The timer heap compared with a sorted array, and its other guarantees: indices, capacity, memory released.
#include "core/timer_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include "support/fault_alloc.h"

using evi::kNotInHeap;
using evi::Micros;
using evi::TimerHeap;

namespace {

struct Timer {
  event ev = {};
  Timer() { evi::heap_index(ev) = kNotInHeap; }
};

void set_deadline(event &ev, Micros at) { ev.ev_timeout = evi::to_timeval(at); }

void push(TimerHeap &heap, event &ev, Micros at) {
  set_deadline(ev, at);
  ASSERT_TRUE(heap.reserve_one());
  heap.push(ev);
}

// The model of the heap: its events, unordered.
class Model {
 public:
  void insert(event &ev) { in_.push_back(&ev); }
  void erase(event &ev) { in_.erase(std::find(in_.begin(), in_.end(), &ev)); }
  bool empty() const { return in_.empty(); }
  std::size_t size() const { return in_.size(); }
  event &any(std::mt19937 &random) const { return *in_[random() % in_.size()]; }
  Micros earliest() const {
    Micros least = INT64_MAX;
    for (const event *ev : in_) least = std::min(least, evi::deadline(*ev));
    return least;
  }
  std::vector<event *> take_due(Micros now) {
    std::vector<event *> due;
    for (event *ev : in_) {
      if (evi::deadline(*ev) <= now) due.push_back(ev);
    }
    std::erase_if(in_, [&](event *ev) { return evi::deadline(*ev) <= now; });
    std::sort(due.begin(), due.end());
    return due;
  }

 private:
  std::vector<event *> in_;
};

void expect_same(TimerHeap &heap, const Model &model) {
  ASSERT_TRUE(heap.check_invariants());
  ASSERT_EQ(heap.size(), model.size());
  event *top = heap.top();
  ASSERT_EQ(top == nullptr, model.empty());
  if (top) {
    ASSERT_EQ(evi::deadline(*top), model.earliest());
  }
  ASSERT_TRUE(heap.check_invariants());  // top() puts keys right
}

// Takes the due events from both and compares: the same events, in order, none twice.
void expect_same_due(TimerHeap &heap, Model &model, Micros now, bool in_bulk) {
  std::vector<event *> taken;
  Micros last = INT64_MIN;
  bool in_order = true;
  bool marked_out = true;
  heap.take_due(now, in_bulk, [&](event &ev) {
    in_order = in_order && evi::deadline(ev) >= last;
    marked_out = marked_out && evi::heap_index(ev) == kNotInHeap;
    last = evi::deadline(ev);
    taken.push_back(&ev);
  });
  ASSERT_TRUE(in_order);
  ASSERT_TRUE(marked_out);
  std::sort(taken.begin(), taken.end());
  ASSERT_EQ(taken, model.take_due(now));
}

TEST(TimerHeap, is_empty_at_first) {
  TimerHeap heap;
  EXPECT_TRUE(heap.empty());
  EXPECT_EQ(heap.top(), nullptr);
  EXPECT_TRUE(heap.check_invariants());
  int taken = 0;
  heap.take_due(INT64_MAX, true, [&](event &) { ++taken; });
  EXPECT_EQ(taken, 0);
}

TEST(TimerHeap, agrees_with_a_sorted_array_after_random_operations) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    TimerHeap heap;
    Model model;
    std::deque<Timer> timers(300);
    Micros now = 0;
    const Micros spread = seed % 3 ? 100'000 : 20;  // many equal deadlines in every third run
    for (int step = 0; step < 1500; ++step) {
      event &ev = timers[random() % timers.size()].ev;
      const bool inside = evi::heap_index(ev) != kNotInHeap;
      switch (random() % 8) {
        case 0:
        case 1:
        case 2:
          if (!inside) {
            push(heap, ev, now + static_cast<Micros>(random() % spread));
            model.insert(ev);
          }
          break;
        case 3:  // later, in either way
          if (inside) {
            set_deadline(ev, evi::deadline(ev) + static_cast<Micros>(random() % spread));
            if (random() % 2) {
              heap.update(ev, evi::deadline(ev));
            } else {
              heap.update_later(ev, evi::deadline(ev));
            }
          }
          break;
        case 4:  // earlier
          if (inside) {
            set_deadline(ev, evi::deadline(ev) - static_cast<Micros>(random() % spread) / 2);
            heap.update(ev, evi::deadline(ev));
          }
          break;
        case 5:
          if (inside) {
            heap.remove(ev);
            EXPECT_EQ(evi::heap_index(ev), kNotInHeap);
            model.erase(ev);
          }
          break;
        case 6:  // later, then earlier than it was
          if (inside) {
            const Micros at = evi::deadline(ev);
            set_deadline(ev, at + spread);
            heap.update(ev, evi::deadline(ev));
            set_deadline(ev, at - 1);
            heap.update(ev, evi::deadline(ev));
          }
          break;
        default:
          now += static_cast<Micros>(random() % (spread / 10));
          expect_same_due(heap, model, now, random() % 2);
      }
      expect_same(heap, model);
      if (HasFatalFailure()) return;
    }
  }
}

// Enough at once that the due entries are parted off and sorted.
TEST(TimerHeap, mass_expiry_agrees_with_a_sorted_array) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    TimerHeap heap;
    Model model;
    std::deque<Timer> timers(4000);
    for (Timer &timer : timers) {
      push(heap, timer.ev, static_cast<Micros>(random() % 10'000));
      model.insert(timer.ev);
    }
    // Moved later, beyond what expires and not: the keys in the heap are wrong for a third of them.
    for (int i = 0; i < 1300; ++i) {
      event &ev = timers[random() % timers.size()].ev;
      set_deadline(ev, evi::deadline(ev) + static_cast<Micros>(random() % 20'000));
      heap.update(ev, evi::deadline(ev));
    }
    for (Micros now = 100; !heap.empty(); now = now * 3 + static_cast<Micros>(seed)) {
      expect_same_due(heap, model, now, true);
      expect_same(heap, model);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(TimerHeap, taking_a_few_due_timers_keeps_the_rest) {
  TimerHeap heap;
  Model model;
  std::deque<Timer> timers(3000);
  Micros at = 0;
  for (Timer &timer : timers) {
    push(heap, timer.ev, ++at);
    model.insert(timer.ev);
  }
  expect_same_due(heap, model, 150, true);  // more than the pops before gathering pays, less than an eighth
  expect_same(heap, model);
}

TEST(TimerHeap, a_sink_may_push_when_not_taking_in_bulk) {
  TimerHeap heap;
  std::deque<Timer> timers(200);
  for (std::size_t i = 0; i < timers.size(); ++i) push(heap, timers[i].ev, static_cast<Micros>(i));
  int taken = 0;
  heap.take_due(100, false, [&](event &ev) {
    ++taken;
    if (evi::deadline(ev) % 2) push(heap, ev, evi::deadline(ev) + 1000);
  });
  EXPECT_EQ(taken, 101);
  EXPECT_EQ(heap.size(), 200u - 101 + 50);
  EXPECT_TRUE(heap.check_invariants());
}

TEST(TimerHeap, a_timer_pushed_with_a_past_deadline_is_taken_again_in_the_same_pass) {
  TimerHeap heap;
  Timer timer;
  push(heap, timer.ev, 1);
  int taken = 0;
  heap.take_due(10, false, [&](event &ev) {
    if (++taken < 5) push(heap, ev, taken);
  });
  EXPECT_EQ(taken, 5);
  EXPECT_TRUE(heap.empty());
}

TEST(TimerHeap, moving_a_deadline_later_does_not_delay_the_others) {
  TimerHeap heap;
  Timer first, second;
  push(heap, first.ev, 10);
  push(heap, second.ev, 20);
  set_deadline(first.ev, 30);
  heap.update(first.ev, 30);
  EXPECT_EQ(heap.top(), &second.ev);
  heap.remove(second.ev);
  EXPECT_EQ(heap.top(), &first.ev);
}

// must-not 18: the store shrinks after a burst.
TEST(TimerHeap, releases_memory_after_a_burst) {
  TimerHeap heap;
  std::deque<Timer> timers(100'000);
  for (Timer &timer : timers) push(heap, timer.ev, 1);
  EXPECT_GE(heap.capacity(), timers.size());
  while (heap.size() > 10) heap.remove(*heap.top());
  EXPECT_LE(heap.capacity(), 128u);
  EXPECT_TRUE(heap.check_invariants());

  for (Timer &timer : timers) {
    if (evi::heap_index(timer.ev) == kNotInHeap) push(heap, timer.ev, 1);
  }
  std::size_t taken = 0;
  heap.take_due(1, true, [&](event &) { ++taken; });
  EXPECT_EQ(taken, timers.size());
  EXPECT_LE(heap.capacity(), 128u);
  EXPECT_TRUE(heap.check_invariants());
}

TEST(TimerHeap, shrinking_leaves_room_for_the_entry_that_was_reserved) {
  TimerHeap heap;
  std::deque<Timer> timers(5000);
  for (Timer &timer : timers) push(heap, timer.ev, 1);
  while (!heap.empty()) {
    ASSERT_TRUE(heap.reserve_one());
    heap.remove(*heap.top());
    ASSERT_LT(heap.size(), heap.capacity());
  }
}

TEST(TimerHeap, nothing_changes_when_out_of_memory) {
  test::FaultAlloc memory;
  {
    TimerHeap heap;
    std::deque<Timer> timers(1000);
    std::size_t inside = 0;
    for (Timer &timer : timers) {
      const std::size_t before = heap.capacity();
      memory.fail_at(1, true);
      if (!heap.reserve_one()) {
        EXPECT_EQ(heap.capacity(), before);
        EXPECT_EQ(heap.size(), inside);
        EXPECT_TRUE(heap.check_invariants());
        memory.fail_at(0);
        ASSERT_TRUE(heap.reserve_one());
      }
      set_deadline(timer.ev, static_cast<Micros>(inside * 7919 % 1000));
      heap.push(timer.ev);
      ++inside;
    }
    memory.fail_at(1, true);  // to shrink needs memory too, and may do without
    Micros last = -1;
    while (event *ev = heap.top()) {
      ASSERT_GE(evi::deadline(*ev), last);
      last = evi::deadline(*ev);
      heap.remove(*ev);
    }
    memory.fail_at(0);
  }
  EXPECT_EQ(memory.live(), 0u);
}

TEST(TimerHeap, far_deadlines_keep_their_order) {
  TimerHeap heap;
  Timer never, soon, past;
  push(heap, never.ev, evi::kForever);
  push(heap, soon.ev, 1);
  push(heap, past.ev, 0);
  EXPECT_EQ(heap.top(), &past.ev);
  heap.remove(past.ev);
  EXPECT_EQ(heap.top(), &soon.ev);
  heap.remove(soon.ev);
  EXPECT_EQ(heap.top(), &never.ev);
}

}  // namespace

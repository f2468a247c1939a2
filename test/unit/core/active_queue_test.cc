// The queue of active callbacks: a FIFO for each priority, and which of them are non-empty.
#include "core/active_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <vector>

#include "support/fault_alloc.h"

using evi::ActiveQueue;

namespace {

event_callback callback_of(int priority) {
  event_callback cb = {};
  cb.evcb_pri = static_cast<unsigned char>(priority);
  return cb;
}

TEST(ActiveQueue, each_priority_runs_in_fifo_order) {
  ActiveQueue queue;
  ASSERT_TRUE(queue.set_priorities(3));
  EXPECT_TRUE(queue.empty());
  event_callback a = callback_of(1), b = callback_of(1), c = callback_of(0);
  queue.push(a);
  queue.push(b);
  queue.push(c);
  EXPECT_EQ(queue.size(), 3);
  EXPECT_EQ(queue.front(0), &c);
  EXPECT_EQ(queue.front(1), &a);
  EXPECT_EQ(queue.front(2), nullptr);
  queue.remove(a);
  EXPECT_EQ(queue.front(1), &b);
  queue.remove(b);
  queue.remove(c);
  EXPECT_TRUE(queue.empty());
}

TEST(ActiveQueue, first_busy_returns_the_most_urgent_priority_in_use) {
  ActiveQueue queue;
  ASSERT_TRUE(queue.set_priorities(256));
  EXPECT_EQ(queue.first_busy(0), -1);
  EXPECT_EQ(queue.first_busy(255), -1);
  EXPECT_EQ(queue.first_busy(256), -1);
  for (int priority = 0; priority < 256; ++priority) {
    event_callback cb = callback_of(priority);
    queue.push(cb);
    EXPECT_EQ(queue.first_busy(0), priority);
    EXPECT_EQ(queue.first_busy(priority), priority);
    EXPECT_EQ(queue.first_busy(priority + 1), -1);
    queue.remove(cb);
    EXPECT_EQ(queue.first_busy(0), -1);
  }
}

TEST(ActiveQueue, agrees_with_a_model_of_deques) {
  std::mt19937 random(7);
  ActiveQueue queue;
  constexpr int kPriorities = 130;
  ASSERT_TRUE(queue.set_priorities(kPriorities));
  std::deque<event_callback> callbacks;
  for (int i = 0; i < 200; ++i) callbacks.push_back(callback_of(static_cast<int>(random() % kPriorities)));
  std::vector<std::deque<event_callback *>> model(kPriorities);
  int inside = 0;
  for (int step = 0; step < 20'000; ++step) {
    event_callback &cb = callbacks[random() % callbacks.size()];
    auto &list = model[cb.evcb_pri];
    const auto at = std::find(list.begin(), list.end(), &cb);
    if (at == list.end()) {
      queue.push(cb);
      list.push_back(&cb);
      ++inside;
    } else {
      queue.remove(cb);
      list.erase(at);
      --inside;
    }
    ASSERT_EQ(queue.size(), inside);
    ASSERT_EQ(queue.front(cb.evcb_pri), list.empty() ? nullptr : list.front());
    const int from = static_cast<int>(random() % kPriorities);
    int expected = -1;
    for (int i = from; i < kPriorities && expected < 0; ++i) {
      if (!model[static_cast<std::size_t>(i)].empty()) expected = i;
    }
    ASSERT_EQ(queue.first_busy(from), expected);
  }
  int seen = 0;
  queue.for_each([&](event_callback &) { ++seen; });
  EXPECT_EQ(seen, inside);
}

TEST(ActiveQueue, priorities_are_unchanged_when_out_of_memory) {
  test::FaultAlloc memory;
  {
    ActiveQueue queue;
    ASSERT_TRUE(queue.set_priorities(2));
    memory.fail_at(1);
    EXPECT_FALSE(queue.set_priorities(100));
    EXPECT_EQ(queue.priorities(), 2);
    event_callback cb = callback_of(1);
    queue.push(cb);
    EXPECT_EQ(queue.front(1), &cb);
    queue.remove(cb);
  }
  EXPECT_EQ(memory.live(), 0u);
}

}  // namespace

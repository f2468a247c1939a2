// Callbacks outside events: queued once, cancelled, interleaved with events, and never starving the loop.
#include "core/deferred.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/events.h"

namespace {

struct Deferred {
  Deferred(event_base &base, std::function<void()> fn) : does(std::move(fn)) {
    evi::deferred_init(cb, evi::deferred_default_priority(base), run, this);
  }
  static void run(event_callback *cb, void *arg) {
    auto *self = static_cast<Deferred *>(arg);
    ++(cb ? self->runs : self->abandoned);
    if (!cb) return;
    if (const auto does = self->does) does();
  }
  event_callback cb;
  std::function<void()> does;
  int runs = 0;
  int abandoned = 0;
};

class DeferredTest : public testing::Test {
 protected:
  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
};

TEST_F(DeferredTest, runs_once_however_often_it_was_scheduled) {
  Deferred deferred(*base, {});
  EXPECT_TRUE(evi::deferred_schedule(*base, deferred.cb));
  EXPECT_FALSE(evi::deferred_schedule(*base, deferred.cb));
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 1);
  EXPECT_TRUE(base->check_invariants());
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(deferred.runs, 1);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
}

TEST_F(DeferredTest, does_not_run_after_cancel) {
  Deferred deferred(*base, {});
  evi::deferred_cancel(*base, deferred.cb);
  evi::deferred_schedule(*base, deferred.cb);
  evi::deferred_cancel(*base, deferred.cb);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(deferred.runs, 0);
  EXPECT_TRUE(base->check_invariants());
}

TEST_F(DeferredTest, may_schedule_itself_again) {
  Deferred *self = nullptr;
  Deferred deferred(*base, [&] {
    if (self->runs == 200) return;
    EXPECT_TRUE(evi::deferred_schedule(*base, self->cb));
  });
  self = &deferred;
  evi::deferred_schedule(*base, deferred.cb);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(deferred.runs, 200);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
}

// must-not 20: a chain of deferred work does not keep the loop from its descriptors and timers.
TEST_F(DeferredTest, an_endless_chain_does_not_starve_the_loop) {
  Deferred *self = nullptr;
  Deferred chain(*base, [&] { evi::deferred_schedule(*base, self->cb); });
  self = &chain;
  const test::Pair pair = test::socket_pair();
  test::Event reader(*base, pair.a, EV_READ, [&](int, short) { base->loop_break(); });
  reader.add();
  evi::deferred_schedule(*base, chain.cb);
  script.on_wait = [&](evi::Micros timeout) {
    EXPECT_EQ(timeout, 0);
    if (script.waits.size() == 5) script.ready(pair.a, EV_READ);
  };
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(reader.calls, 1);
  EXPECT_GT(chain.runs, 100);
  EXPECT_LT(chain.runs, 300);
  evi::deferred_cancel(*base, chain.cb);
  EXPECT_TRUE(base->check_invariants());
}

TEST_F(DeferredTest, one_postponed_to_the_next_iteration_can_be_cancelled) {
  std::vector<std::unique_ptr<Deferred>> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(std::make_unique<Deferred>(*base, std::function<void()>{}));
    EXPECT_TRUE(evi::deferred_schedule(*base, many.back()->cb));
  }
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 100);
  EXPECT_TRUE(base->check_invariants());
  for (std::size_t i = 0; i < many.size(); i += 2) evi::deferred_cancel(*base, many[i]->cb);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 50);
  EXPECT_EQ(base->loop(0), 1);
  for (std::size_t i = 0; i < many.size(); ++i) EXPECT_EQ(many[i]->runs, static_cast<int>(i % 2)) << i;
}

TEST_F(DeferredTest, runs_interleaved_with_events_and_by_priority) {
  ASSERT_EQ(base->set_priorities(2), 0);
  std::string order;
  test::Event ev(*base, test::kNoFd, 0, [&](int, short) { order += 'e'; });
  Deferred same(*base, [&] { order += 'd'; });
  Deferred urgent(*base, [&] { order += 'u'; });
  evi::deferred_set_priority(*base, urgent.cb, 0);
  ev.activate(0);
  evi::deferred_schedule(*base, same.cb);
  evi::deferred_schedule(*base, urgent.cb);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "ued");
}

// --- another priority while queued ---

TEST_F(DeferredTest, set_priority_while_queued_moves_it_behind_others_of_that_priority) {
  ASSERT_EQ(base->set_priorities(3), 0);
  std::string order;
  Deferred a(*base, [&] { order += 'a'; }), b(*base, [&] { order += 'b'; }), c(*base, [&] { order += 'c'; });
  for (Deferred *deferred : {&a, &b, &c}) evi::deferred_schedule(*base, deferred->cb);
  evi::deferred_set_priority(*base, a.cb, 2);
  EXPECT_TRUE(base->check_invariants());
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ACTIVE), 3);
  evi::deferred_set_priority(*base, b.cb, 2);
  evi::deferred_set_priority(*base, c.cb, 0);
  EXPECT_TRUE(base->check_invariants());
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "cab");
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE), 0);
}

TEST_F(DeferredTest, set_priority_while_postponed_applies_in_the_next_iteration) {
  ASSERT_EQ(base->set_priorities(2), 0);
  std::vector<std::unique_ptr<Deferred>> many;
  std::string order;
  for (int i = 0; i < 40; ++i) {
    many.push_back(std::make_unique<Deferred>(*base, [&order, i] { order += static_cast<char>('0' + i); }));
    evi::deferred_schedule(*base, many.back()->cb);
  }
  evi::deferred_set_priority(*base, many[39]->cb, 0);
  EXPECT_TRUE(base->check_invariants());
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order.size(), 40u);
  EXPECT_EQ(order[0], '0' + 39);
}

TEST_F(DeferredTest, a_more_urgent_deferred_callback_interrupts_the_pass) {
  ASSERT_EQ(base->set_priorities(3), 0);
  std::string order;
  Deferred moved(*base, [&] { order += 'm'; });
  Deferred last(*base, [&] { order += 'l'; });
  Deferred first(*base, [&] {
    order += 'f';
    evi::deferred_set_priority(*base, moved.cb, 0);
  });
  for (Deferred *deferred : {&first, &last, &moved}) evi::deferred_schedule(*base, deferred->cb);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "fml");
}

TEST_F(DeferredTest, may_be_freed_in_its_own_callback) {
  auto *deferred = new Deferred(*base, {});
  deferred->does = [&] { delete deferred; };
  evi::deferred_schedule(*base, deferred->cb);
  EXPECT_EQ(base->loop(0), 1);
}

TEST_F(DeferredTest, running_event_is_null_in_a_deferred_callback) {
  Deferred deferred(*base, [&] { EXPECT_EQ(base->running_event(), nullptr); });
  evi::deferred_schedule(*base, deferred.cb);
  base->loop(0);
  EXPECT_EQ(deferred.runs, 1);
}

TEST_F(DeferredTest, the_base_may_be_freed_with_deferred_callbacks_queued) {
  Deferred first(*base, {});
  evi::deferred_schedule(*base, first.cb);
  base.reset();
  EXPECT_EQ(first.runs, 0);
  EXPECT_EQ(first.abandoned, 1);
}

}  // namespace

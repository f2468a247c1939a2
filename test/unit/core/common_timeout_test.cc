// Common timeouts: their tags, their order among each other and with plain timeouts, adding and deleting.
#include "core/common_timeout.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "support/events.h"

namespace {

constexpr long kTag = 0x50000000;

class CommonTimeout : public testing::Test {
 protected:
  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);

  const timeval &common(double s) {
    const timeval *tv = base->init_common_timeout(test::seconds(s));
    EXPECT_NE(tv, nullptr);
    return *tv;
  }
};

// Behaviour 6.
TEST_F(CommonTimeout, the_tag_encodes_the_list_alone) {
  const timeval first = common(1.5);
  EXPECT_EQ(first.tv_sec, 1);
  EXPECT_EQ(first.tv_usec, 500'000 | kTag);
  const timeval second = common(2);
  EXPECT_EQ(second.tv_sec, 2);
  EXPECT_EQ(second.tv_usec, 0 | kTag | (1 << 20));
}

TEST_F(CommonTimeout, requesting_a_duration_again_returns_the_same_timeval) {
  const timeval *tv = &common(3);
  EXPECT_EQ(&common(3), tv);
  EXPECT_EQ(base->init_common_timeout(*tv), tv);
  const timeval odd{0, 3'000'000};
  EXPECT_EQ(base->init_common_timeout(odd), tv);
}

TEST_F(CommonTimeout, excess_microseconds_are_carried_into_seconds) {
  const timeval odd{0, 5'000'000};
  const timeval *tv = base->init_common_timeout(odd);
  ASSERT_NE(tv, nullptr);
  EXPECT_EQ(tv->tv_sec, 5);
  EXPECT_EQ(tv->tv_usec, kTag);
}

TEST_F(CommonTimeout, at_most_256_durations_are_accepted) {
  for (int i = 0; i < evi::kMaxCommonTimeouts; ++i) {
    const timeval *tv = base->init_common_timeout({i + 1, 0});
    ASSERT_NE(tv, nullptr) << i;
    EXPECT_EQ(tv->tv_usec, kTag | (long{i} << 20));
  }
  const test::QuietLog quiet;
  EXPECT_EQ(base->init_common_timeout({1000, 0}), nullptr);
  EXPECT_EQ(quiet.lines().size(), 1u);
  EXPECT_NE(base->init_common_timeout({256, 0}), nullptr);

  // The last of them works as the first does.
  test::Event ev(*base, test::kNoFd, 0);
  ASSERT_EQ(ev.add(*base->init_common_timeout({256, 0})), 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(script.waits.front(), 256'000'000);
}

TEST_F(CommonTimeout, events_fire_in_the_order_of_adding) {
  const timeval tv = common(10);
  std::vector<int> order;
  std::vector<std::unique_ptr<test::Event>> events;
  for (int i = 0; i < 5; ++i) {
    events.push_back(std::make_unique<test::Event>(*base, test::kNoFd, 0,
                                                   [&order, i](int, short) { order.push_back(i); }));
    events.back()->add(tv);
    EXPECT_EQ(events.back()->pending(), EV_TIMEOUT);
    clock.t += i % 2;
  }
  EXPECT_TRUE(base->check_invariants());
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  for (const auto &ev : events) EXPECT_EQ(ev->what, EV_TIMEOUT);
}

TEST_F(CommonTimeout, common_and_plain_timeouts_fire_in_order) {
  std::vector<char> order;
  test::Event a(*base, test::kNoFd, 0, [&](int, short) { order.push_back('a'); });
  test::Event b(*base, test::kNoFd, 0, [&](int, short) { order.push_back('b'); });
  test::Event c(*base, test::kNoFd, 0, [&](int, short) { order.push_back('c'); });
  test::Event d(*base, test::kNoFd, 0, [&](int, short) { order.push_back('d'); });
  a.add(1);
  b.add(common(2));
  c.add(3);
  d.add(common(4));
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, (std::vector<char>{'a', 'b', 'c', 'd'}));
  EXPECT_EQ(script.waits, (std::vector<evi::Micros>{1'000'000, 1'000'000, 1'000'000, 1'000'000}));
}

// From each kind of timeout to each other, and away.
TEST_F(CommonTimeout, an_event_may_switch_between_common_and_plain_timeouts) {
  const timeval kinds[] = {common(5), test::seconds(6), common(7), test::seconds(8)};
  for (const timeval &from : kinds) {
    for (const timeval &to : kinds) {
      test::Event other(*base, test::kNoFd, 0);
      test::Event ev(*base, test::kNoFd, 0);
      const evi::Micros started = clock.t;
      other.add(kinds[0]);
      ev.add(from);
      ASSERT_TRUE(base->check_invariants());
      ev.add(to);
      ASSERT_TRUE(base->check_invariants());
      EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 2);
      EXPECT_EQ(base->loop(0), 1);
      EXPECT_EQ(ev.calls, 1);
      EXPECT_EQ(other.calls, 1);
      EXPECT_EQ(clock.t - started, std::max<evi::Micros>(5, to.tv_sec) * 1'000'000);

      ev.add(from);
      ev.add(to);
      ev.del();
      EXPECT_EQ(ev.pending(), 0);
      EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
      ASSERT_TRUE(base->check_invariants());
    }
  }
}

TEST_F(CommonTimeout, any_event_on_a_list_can_be_deleted) {
  const timeval tv = common(10);
  for (int gone = 0; gone < 4; ++gone) {
    std::vector<std::unique_ptr<test::Event>> events;
    for (int i = 0; i < 4; ++i) {
      events.push_back(std::make_unique<test::Event>(*base, test::kNoFd, 0));
      events.back()->add(tv);
      clock.t += 1000;
    }
    events[static_cast<std::size_t>(gone)]->del();
    script.waits.clear();
    EXPECT_EQ(base->loop(0), 1);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(events[static_cast<std::size_t>(i)]->calls, i != gone);
    EXPECT_EQ(script.waits.front(), 10'000'000 - 4000 + (gone == 0 ? 1000 : 0));
  }
}

TEST_F(CommonTimeout, a_persistent_event_stays_on_its_list) {
  const timeval tv = common(2);
  test::Event ev(*base, test::kNoFd, EV_PERSIST);
  ev.on_call([&](int, short) {
    EXPECT_EQ(evi::common_timeout_index(ev->ev_timeout), evi::common_timeout_index(tv));
    if (ev.calls == 3) ev.del();
  });
  const evi::Micros started = clock.t;
  ev.add(tv);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(ev.calls, 3);
  EXPECT_EQ(clock.t - started, 6'000'000);
}

TEST_F(CommonTimeout, pending_returns_the_time_of_day_without_the_tag) {
  test::Event ev(*base, test::kNoFd, 0);
  ev.add(common(2.25));
  timeval due{};
  EXPECT_EQ(base->pending(*ev, EV_TIMEOUT, &due), EV_TIMEOUT);
  EXPECT_EQ(evi::to_micros(due), clock.t + clock.wall_ahead + 2'250'000);
}

TEST_F(CommonTimeout, random_operations_keep_the_invariants) {
  std::mt19937 random(3);
  const timeval kinds[] = {common(0.001), common(0.002), common(0.5), test::seconds(0.0015),
                           test::seconds(1)};
  std::deque<test::Event> events;
  for (int i = 0; i < 60; ++i) events.emplace_back(*base, test::kNoFd, i % 3 ? 0 : EV_PERSIST);
  script.on_wait = [&](evi::Micros) {};
  for (int step = 0; step < 5000; ++step) {
    test::Event &ev = events[random() % events.size()];
    switch (random() % 5) {
      case 0:
      case 1:
      case 2:
        ev.add(kinds[random() % 5]);
        break;
      case 3:
        ev.del();
        break;
      default:
        clock.t += static_cast<evi::Micros>(random() % 600);
        base->loop(EVLOOP_NONBLOCK);
    }
    ASSERT_TRUE(base->check_invariants());
  }
  int total = 0;
  for (test::Event &ev : events) total += ev.calls;
  EXPECT_GT(total, 100);
}

TEST_F(CommonTimeout, the_base_may_be_freed_with_events_on_lists) {
  test::Event ev(*base, test::kNoFd, 0);
  ev.add(common(1));
  base.reset();
  ev.forget();
  EXPECT_EQ(evi::flags(*ev), EVLIST_INIT);
}

// The other thread counts from the clock, the loop's thread from the time of its iteration.
TEST_F(CommonTimeout, re_adding_what_another_thread_added_may_bring_the_deadline_forward) {
  if (!evi::kThreadSupport) GTEST_SKIP();
  test::Threads threads;
  test::FakeClock ticking;
  test::ScriptBackend method{&ticking};
  const test::Base locked = test::make_base(ticking, method);
  const timeval *tv = locked->init_common_timeout(test::seconds(10));
  ASSERT_NE(tv, nullptr);
  test::Event ev(*locked, test::kNoFd, 0), other(*locked, test::kNoFd, 0);
  test::Event callback(*locked, test::kNoFd, 0, [&](int, short) {
    other.add(100);  // the time of the iteration is known from now on
    ticking.t += 5'000'000;
    std::thread([&] { locked->add(*ev, tv); }).join();
    locked->add(*ev, tv);
    EXPECT_TRUE(locked->check_invariants());
  });
  callback.activate(EV_READ);
  EXPECT_EQ(locked->loop(EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(callback.calls, 1);
}

}  // namespace

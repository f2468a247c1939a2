// Changing interest: level-triggered readiness, persistent and one-shot events, several on one fd.
#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include "conformance/methods.h"

using conformance::Conformance;
using test::Event;
using test::Pair;

namespace {

// A callback in NONBLOCK mode must take its readiness away, or the loop goes on: most tests use EVLOOP_ONCE.
TEST_P(Conformance, level_triggered_readiness_is_reported_in_every_iteration) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST), writer(*base, pair.a, EV_WRITE | EV_PERSIST);
  reader.add();
  test::put(pair.b);
  for (int i = 1; i <= 3; ++i) {
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(reader.calls, i);
  }
  test::drain(pair.a);
  turn();
  EXPECT_EQ(reader.calls, 3);
  EXPECT_EQ(reader.what, EV_READ);
  writer.add();
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(writer.what, EV_WRITE);
  EXPECT_EQ(reader.calls, 3);
}

TEST_P(Conformance, random_adds_and_deletes_report_current_interest) {
  const Pair pair = test::socket_pair();
  test::put(pair.b);
  constexpr short kKinds[] = {EV_READ, EV_WRITE, EV_READ | EV_WRITE, EV_READ | EV_PERSIST,
                              EV_WRITE | EV_PERSIST};
  std::mt19937 random(11);
  std::deque<Event> events;
  for (int i = 0; i < 12; ++i) events.emplace_back(*base, pair.a, kKinds[random() % 5]);
  for (int step = 0; step < 600; ++step) {
    Event &ev = events[random() % events.size()];
    if (random() % 2) {
      ASSERT_EQ(ev.add(), 0);
    } else {
      ev.del();
    }
    if (random() % 4) continue;
    // Both directions are ready: each pending event reports exactly the flags it asked for.
    std::vector<int> pending;
    for (Event &other : events) {
      other.reset();
      pending.push_back(other.pending());
    }
    const bool any = std::any_of(pending.begin(), pending.end(), [](int what) { return what != 0; });
    ASSERT_EQ(base->loop(EVLOOP_ONCE), any ? 0 : 1);
    for (std::size_t i = 0; i < events.size(); ++i) {
      ASSERT_EQ(events[i].what, pending[i]) << i;
      ASSERT_EQ(events[i].calls, pending[i] != 0);
      ASSERT_EQ(events[i].pending(), (events[i]->ev_events & EV_PERSIST) ? pending[i] : 0);
    }
    ASSERT_TRUE(base->check_invariants());
  }
}

// All sequences of a few steps, each followed by a check of the events reported.
TEST_P(Conformance, every_sequence_of_adds_and_deletes_reports_current_interest) {
  constexpr int kSteps = 4, kChoices = 5, kSequences = 625;
  const Pair pair = test::socket_pair();
  test::put(pair.b);
  for (const short lasting : {0, EV_PERSIST}) {
    for (int sequence = 0; sequence < kSequences; ++sequence) {
      Event reader(*base, pair.a, static_cast<short>(EV_READ | lasting));
      Event writer(*base, pair.a, static_cast<short>(EV_WRITE | lasting));
      Event both(*base, pair.a, static_cast<short>(EV_READ | EV_WRITE));
      for (int step = 0, rest = sequence; step < kSteps; ++step, rest /= kChoices) {
        Event &ev = rest % kChoices < 2 ? reader : rest % kChoices < 4 ? writer : both;
        if (rest % 2 || &ev == &both) {
          ASSERT_EQ(ev.add(), 0);
        } else {
          ev.del();
        }
      }
      const int waiting[] = {reader.pending(), writer.pending(), both.pending()};
      const bool any = waiting[0] || waiting[1] || waiting[2];
      ASSERT_EQ(base->loop(EVLOOP_ONCE), any ? 0 : 1) << sequence;
      ASSERT_EQ(reader.what, waiting[0]) << sequence;
      ASSERT_EQ(writer.what, waiting[1]) << sequence;
      ASSERT_EQ(both.what, waiting[2]) << sequence;
      ASSERT_TRUE(base->check_invariants());
    }
  }
}

// Ready when it was added, and no more when the loop looks.
TEST_P(Conformance, readiness_that_ended_before_the_wait_is_not_reported) {
  const Pair pair = test::socket_pair();
  for (const short what : {EV_READ, EV_READ | EV_PERSIST}) {
    Event reader(*base, pair.a, what);
    test::put(pair.b);
    reader.add();
    test::drain(pair.a);
    turn();
    EXPECT_EQ(reader.calls, 0);
    test::put(pair.b);
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(reader.calls, 1);
    test::drain(pair.a);
  }
}

// Readiness consumed by one callback is not reported to the other event in the next iteration.
TEST_P(Conformance, events_may_be_changed_in_callbacks) {
  const Pair pair = test::socket_pair();
  Event first(*base, pair.a, EV_READ | EV_PERSIST), second(*base, pair.a, EV_READ | EV_PERSIST);
  first.on_call([&](int, short) { second.del(), second.add(); });
  second.on_call([](int fd, short) { test::drain(fd); });
  for (int i = 1; i <= 3; ++i) {
    first.reset();
    second.reset();
    first.add();
    second.add();
    test::put(pair.b);
    while (!second.calls) base->loop(EVLOOP_ONCE);
    const int reported = first.calls + second.calls;
    turn();
    EXPECT_EQ(first.calls + second.calls, reported);
  }
}

TEST_P(Conformance, two_one_shot_events_on_one_fd_both_fire) {
  for (const bool readable_first : {true, false}) {
    Pair pair = test::socket_pair();
    Event reader(*base, pair.a, EV_READ), writer(*base, pair.a, EV_WRITE);
    reader.add();
    writer.add();
    if (readable_first) test::put(pair.b);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(writer.calls, 1);
    EXPECT_EQ(reader.calls, readable_first);
    if (!readable_first) {
      // Interest that was not reported is still watched.
      EXPECT_EQ(reader.pending(), EV_READ);
      turn();
      EXPECT_EQ(reader.calls, 0);
      test::put(pair.b);
      EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
      EXPECT_EQ(reader.calls, 1);
    }
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 1);
  }
}

TEST_P(Conformance, a_one_shot_event_can_be_re_added_in_its_callback) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ);
  reader.on_call([&](int fd, short) {
    char c;
    EXPECT_EQ(read(fd, &c, 1), 1);
    reader.add();
  });
  reader.add();
  for (int i = 1; i <= 5; ++i) {
    test::put(pair.b);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(reader.calls, i);
  }
  turn();
  EXPECT_EQ(reader.calls, 5);
}

TEST_P(Conformance, a_one_shot_event_can_be_re_added_later) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ);
  for (int i = 1; i <= 3; ++i) {
    reader.add();
    test::put(pair.b);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(reader.calls, i);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 1);  // data is there, but no event is pending
    test::drain(pair.a);
  }
}

TEST_P(Conformance, the_loop_does_not_spin_after_a_one_shot_event_fired) {
  const Pair pair = test::socket_pair();
  test::put(pair.b);
  Event reader(*base, pair.a, EV_READ), writer(*base, pair.a, EV_WRITE);
  reader.add();
  writer.add();
  base->loop(EVLOOP_ONCE);
  EXPECT_FALSE(spins());
  EXPECT_EQ(reader.calls + writer.calls, 2);
}

TEST_P(Conformance, the_loop_does_not_spin_after_interest_was_removed) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST), writer(*base, pair.a, EV_WRITE | EV_PERSIST);
  reader.add();
  writer.add();
  base->loop(EVLOOP_ONCE);
  writer.del();
  EXPECT_FALSE(spins());
  reader.del();
  EXPECT_FALSE(spins());
  EXPECT_EQ(writer.calls, 1);
}

TEST_P(Conformance, one_shot_and_persistent_events_share_an_fd) {
  const Pair pair = test::socket_pair();
  Event once(*base, pair.a, EV_READ), lasting(*base, pair.a, EV_READ | EV_PERSIST);
  test::put(pair.b);
  once.add();
  lasting.add();
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(once.calls, 1);
  EXPECT_EQ(lasting.calls, 1);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(once.calls, 1);
  EXPECT_EQ(lasting.calls, 2);
  once.add();
  lasting.del();
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(once.calls, 2);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 1);
}

TEST_P(Conformance, a_deleted_event_is_not_reported) {
  const Pair pair = test::socket_pair();
  Event a(*base, pair.a, EV_READ | EV_PERSIST), b(*base, pair.a, EV_READ | EV_PERSIST);
  a.on_call([&](int, short) { b.del(); });
  b.on_call([&](int, short) { a.del(); });
  a.add();
  b.add();
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(a.calls + b.calls, 1);
}

}  // namespace

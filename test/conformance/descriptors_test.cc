// Descriptors that are closed, reused or duplicated, before or after their events are deleted.
#include <climits>

#include "conformance/methods.h"

using conformance::Conformance;
using test::Event;
using test::Fd;
using test::Pair;

namespace {

// --- descriptors that go away or mean something else (must-not 14, behaviour 13) ---

TEST_P(Conformance, adding_a_closed_fd_fails) {
  const test::QuietLog quiet;
  Fd low = Fd(dup(0));
  const int watched_fd = low;
  const Pair pair = test::socket_pair();
  Event opener(*base, pair.b, EV_READ);
  opener.add();  // the table has a slot for the fd now
  low.close();
  for (const int bad : {watched_fd, 900, INT_MAX, INT_MAX / 2}) {
    Event ev(*base, bad, EV_READ | EV_PERSIST);
    EXPECT_EQ(ev.add(1000), -1) << bad;
    EXPECT_EQ(ev.pending(), 0);
  }
  EXPECT_TRUE(base->check_invariants());
}

TEST_P(Conformance, closing_a_watched_fd_does_not_affect_other_events) {
  const test::QuietLog quiet;
  Pair gone = test::socket_pair();
  const Pair pair = test::socket_pair();
  Event lost(*base, gone.a, EV_READ);
  Event reader(*base, pair.a, EV_READ);
  lost.add();
  reader.add();
  gone.a.close();
  test::put(pair.b);
  for (int i = 0; i < 3 && !reader.calls; ++i) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(reader.calls, 1);
  lost.del();
  EXPECT_TRUE(base->check_invariants());
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 1);
}

// The closed fd may be reported at worst; events on other descriptors run all the same.
TEST_P(Conformance, a_closed_fd_whose_event_stays_added_does_not_starve_others) {
  const test::QuietLog quiet;
  Pair gone = test::socket_pair();
  const Pair pair = test::socket_pair();
  Event lost(*base, gone.a, EV_READ | EV_PERSIST), reader(*base, pair.a, EV_READ | EV_PERSIST);
  lost.add();
  reader.add();
  gone.a.close();
  test::put(pair.b);
  for (int i = 0; i < 10 && !reader.calls; ++i) base->loop(EVLOOP_ONCE);
  EXPECT_GE(reader.calls, 1);
}

TEST_P(Conformance, a_reused_fd_reports_only_for_its_new_file) {
  for (const bool delete_first : {true, false}) {
    for (const short what : {EV_READ, EV_READ | EV_PERSIST}) {
      const test::QuietLog quiet;
      Pair old_pair = test::socket_pair();
      const Pair next = test::socket_pair();
      const int watched_fd = old_pair.a;
      Event old_event(*base, watched_fd, what);
      old_event.add();
      if (delete_first) old_event.del();
      old_pair.a.close();
      if (!delete_first) old_event.del();
      const Fd again{dup2(next.a, watched_fd)};
      ASSERT_EQ(again, watched_fd);
      Event ev(*base, again, what);
      ASSERT_EQ(ev.add(), 0);
      test::put(next.b);
      EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
      EXPECT_EQ(ev.calls, 1);
      EXPECT_EQ(old_event.calls, 0);
    }
  }
}

TEST_P(Conformance, a_one_shot_event_that_fired_does_not_affect_fd_reuse) {
  for (int round = 0; round < 3; ++round) {
    Pair pair = test::socket_pair();
    Event ev(*base, pair.a, EV_READ);
    ASSERT_EQ(ev.add(), 0) << round;
    test::put(pair.b);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(ev.calls, 1);
  }
}

TEST_P(Conformance, re_adding_after_dup2_onto_a_watched_fd_watches_the_new_file) {
  const test::QuietLog quiet;
  Pair first = test::socket_pair(), second = test::socket_pair();
  Event ev(*base, first.a, EV_READ | EV_PERSIST);
  ev.add();
  const Fd alias{dup(first.a)};
  ASSERT_EQ(dup2(second.a, first.a), first.a);
  ev.del();
  ASSERT_EQ(ev.add(), 0);
  test::put(first.b);  // it has another watched_fd now
  turn();
  EXPECT_EQ(ev.calls, 0);
  test::put(second.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 1);
}

// The old file stays open under another fd, out of reach of epoll_ctl(), and is ready all the time.
TEST_P(Conformance, a_stale_registration_neither_spins_nor_reports_for_another_file) {
  const test::QuietLog quiet;
  for (const bool reuse : {false, true}) {
    Pair pair = test::socket_pair();
    const int watched_fd = pair.a;
    const Pair other = test::socket_pair();
    const Fd alias{dup(pair.a)};
    Event ev(*base, watched_fd, EV_READ | EV_PERSIST);
    ASSERT_EQ(ev.add(), 0);
    pair.a.close();
    ev.del();
    test::put(pair.b);

    Fd again;
    if (reuse) again = Fd(dup2(other.a, watched_fd));
    Event next(*base, reuse ? again : other.a, EV_READ | EV_PERSIST);
    ASSERT_EQ(next.add(), 0);
    EXPECT_FALSE(spins());
    EXPECT_EQ(next.calls, 0);
    EXPECT_EQ(ev.calls, 0);

    next.on_call([](int fd, short) { test::drain(fd); });
    test::put(other.b);
    turn();
    EXPECT_EQ(next.calls, 1);
  }
}

TEST_P(Conformance, both_descriptors_of_one_file_are_watched) {
  const Pair pair = test::socket_pair();
  const Fd alias{dup(pair.a)};
  Event a(*base, pair.a, EV_READ), b(*base, alias, EV_READ);
  a.add();
  b.add();
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(a.calls, 1);
  EXPECT_EQ(b.calls, 1);
}

// The deletion comes too late: the fd refers to another file, which another event watches by now.
TEST_P(Conformance, an_fd_reused_before_its_old_event_is_deleted_reports_only_for_its_new_file) {
  const test::QuietLog quiet;
  for (const short what : {EV_READ, EV_READ | EV_PERSIST}) {
    Pair old_pair = test::socket_pair();
    const Pair next = test::socket_pair();
    const int watched_fd = old_pair.a;
    Event before(*base, watched_fd, what);
    ASSERT_EQ(before.add(), 0);
    old_pair.a.close();
    const Fd again{dup2(next.a, watched_fd)};
    before.del();
    Event after(*base, again, what);
    ASSERT_EQ(after.add(), 0);
    turn();
    EXPECT_EQ(after.calls, 0);
    test::put(next.b);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(after.calls, 1);
    EXPECT_EQ(before.calls, 0);
  }
}

// The old event was never deleted: the base takes the fd for watched, the kernel does not watch it.
TEST_P(Conformance, a_new_event_on_a_reused_fd_whose_old_event_was_never_deleted) {
  const test::QuietLog quiet;
  constexpr short kKinds[] = {EV_READ, EV_READ | EV_PERSIST, EV_READ | EV_WRITE | EV_PERSIST,
                              EV_READ | EV_ET | EV_PERSIST};
  for (const short old_kind : kKinds) {
    if ((old_kind & EV_ET) && !has(EV_FEATURE_ET)) continue;
    for (const short kind : {old_kind, static_cast<short>(old_kind & ~EV_WRITE)}) {
      Pair old_pair = test::socket_pair();
      Pair next = test::socket_pair();
      const int fd = old_pair.a;
      Event before(*base, fd, old_kind);
      ASSERT_EQ(before.add(), 0);
      old_pair.a.close();
      const Fd again{dup2(next.a, fd)};
      next.a.close();
      Event after(*base, again, kind);
      ASSERT_EQ(after.add(), 0);
      test::put(next.b);
      EXPECT_EQ(base->loop(EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
      EXPECT_GE(after.calls, 1) << old_kind << ' ' << kind;
      EXPECT_TRUE(after.what & EV_READ);
      before.del();
      after.del();
      turn();
    }
  }
}

TEST_P(Conformance, adding_a_second_event_on_a_closed_fd_keeps_the_base_consistent) {
  const test::QuietLog quiet;
  Pair pair = test::socket_pair();
  Event first(*base, pair.a, EV_READ | EV_PERSIST), second(*base, pair.a, EV_READ | EV_PERSIST);
  ASSERT_EQ(first.add(), 0);
  pair.a.close();
  second.add();
  EXPECT_TRUE(base->check_invariants());
  base->loop(EVLOOP_ONCE | EVLOOP_NONBLOCK);
  second.del();
  first.del();
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
  turn();
}

TEST_P(Conformance, each_descriptor_of_a_file_keeps_its_own_events) {
  const Pair pair = test::socket_pair();
  Fd alias{dup(pair.a)};
  Event a(*base, pair.a, EV_READ | EV_PERSIST);
  Event b(*base, alias, EV_READ | EV_PERSIST);
  a.add();
  b.add();
  b.del();
  alias.close();
  test::put(pair.b);
  for (int i = 1; i <= 3; ++i) {
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(a.calls, i);
  }
  EXPECT_EQ(b.calls, 0);
}

}  // namespace

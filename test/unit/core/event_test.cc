// Adding, deleting and activating events, on a scripted method and a fake clock.
#include <gtest/gtest.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <limits>
#include <string>

#include "support/events.h"

using evi::kOneShot;
using evi::Micros;
using test::Event;
using test::kNoFd;

namespace {

using Seconds = decltype(timeval::tv_sec);  // time_t has more bits on Windows
constexpr Seconds kMaxTime = std::numeric_limits<Seconds>::max();
constexpr bool kWideTime = sizeof(Seconds) > 4;
constexpr Micros kEndOfTime = INT32_MAX * Micros{1'000'000};  // of 32 bits

class EventTest : public testing::Test {
 protected:
  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  test::Pair pair = test::socket_pair();
  const int fd = pair.a;

  int turn() { return base->loop(EVLOOP_NONBLOCK); }
  void become_ready(short what) {
    script.ready(fd, what);
    turn();
  }
};

// --- assigning ---

TEST_F(EventTest, assign_initializes_every_field) {
  event ev;
  std::memset(static_cast<void *>(&ev), 0xee, sizeof(ev));
  ASSERT_EQ(base->set_priorities(7), 0);
  int arg = 0;
  const auto callback = [](evutil_socket_t, short, void *) {};
  EXPECT_EQ(evi::assign_event(ev, base.get(), fd, EV_READ | EV_PERSIST, callback, &arg), 0);
  EXPECT_EQ(ev.ev_base, base.get());
  EXPECT_EQ(ev.ev_fd, fd);
  EXPECT_EQ(ev.ev_events, EV_READ | EV_PERSIST);
  EXPECT_EQ(evi::flags(ev), EVLIST_INIT);
  EXPECT_EQ(evi::priority(ev), 3);
  EXPECT_EQ(evi::closure(ev), evi::Closure::persist);
  EXPECT_EQ(ev.ev_evcallback.evcb_arg, &arg);
}

// Behaviour 11.
TEST_F(EventTest, assign_rejects_ev_signal_with_fd_flags) {
  const test::QuietLog quiet;
  event ev;
  for (const int with : {EV_READ, EV_WRITE, EV_CLOSED}) {
    const short what = static_cast<short>(EV_SIGNAL | with);
    EXPECT_EQ(evi::assign_event(ev, base.get(), SIGUSR1, what, nullptr, nullptr), -1);
  }
}

// --- descriptors ---

TEST_F(EventTest, add_and_del_update_the_backend) {
  Event ev(*base, fd, EV_READ | EV_PERSIST);
  EXPECT_EQ(ev.pending(), 0);
  EXPECT_EQ(ev.add(), 0);
  EXPECT_EQ(ev.pending(), EV_READ);
  EXPECT_EQ(ev.add(), 0);  // again: nothing new
  EXPECT_EQ(ev.del(), 0);
  EXPECT_EQ(ev.del(), 0);
  EXPECT_EQ(ev.pending(), 0);
  EXPECT_EQ(script.updates, (std::vector<test::ScriptBackend::Update>{{fd, EV_READ}, {fd, 0}}));
  EXPECT_EQ(turn(), 1);
}

TEST_F(EventTest, a_callback_receives_only_requested_flags) {
  Event reader(*base, fd, EV_READ | EV_PERSIST);
  Event writer(*base, fd, EV_WRITE | EV_PERSIST);
  Event both(*base, fd, EV_READ | EV_WRITE | EV_PERSIST);
  for (Event *ev : {&reader, &writer, &both}) ev->add();
  become_ready(EV_READ);
  EXPECT_EQ(reader.what, EV_READ);
  EXPECT_EQ(writer.calls, 0);
  EXPECT_EQ(both.what, EV_READ);
  become_ready(EV_READ | EV_WRITE);
  EXPECT_EQ(writer.what, EV_WRITE);
  EXPECT_EQ(both.what, EV_READ | EV_WRITE);
  EXPECT_EQ(both.calls, 2);
}

// Behaviour 12.
TEST_F(EventTest, ev_et_and_ev_closed_are_reported) {
  Event ev(*base, fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST);
  ev.add();
  become_ready(EV_READ | EV_WRITE | EV_CLOSED);
  EXPECT_EQ(ev.what, EV_READ | EV_CLOSED | EV_ET);
}

// must-not 13: a report of flags that no event asked for activates no event.
TEST_F(EventTest, ev_et_alone_does_not_activate_an_event) {
  Event ev(*base, fd, EV_WRITE | EV_ET | EV_PERSIST);
  ev.add();
  become_ready(EV_READ);
  EXPECT_EQ(ev.calls, 0);
}

TEST_F(EventTest, reports_in_one_iteration_cause_one_call) {
  Event ev(*base, fd, EV_READ | EV_WRITE | EV_PERSIST);
  ev.add();
  script.ready(fd, EV_READ);
  script.ready(fd, EV_WRITE);
  turn();
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(ev.what, EV_READ | EV_WRITE);
}

TEST_F(EventTest, a_non_persistent_event_fires_once) {
  Event ev(*base, fd, EV_READ, [&](int, short) { EXPECT_EQ(ev.pending(), 0); });
  ev.add();
  become_ready(EV_READ);
  become_ready(EV_READ);
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(ev.pending(), 0);
}

// Behaviour 4.
TEST_F(EventTest, re_adding_an_active_non_persistent_event_in_an_earlier_callback_is_undone) {
  Event victim(*base, fd, EV_READ);
  Event earlier(*base, kNoFd, 0, [&](int, short) { EXPECT_EQ(victim.add(), 0); });
  victim.add();
  earlier.activate(EV_TIMEOUT);
  script.ready(fd, EV_READ);
  turn();
  EXPECT_EQ(victim.calls, 1);
  EXPECT_EQ(victim.pending(), 0);
}

TEST_F(EventTest, re_adding_in_its_own_callback_keeps_it_pending) {
  Event ev(*base, fd, EV_READ, [&](int, short) { ev.add(); });
  ev.add();
  become_ready(EV_READ);
  EXPECT_EQ(ev.pending(), EV_READ);
  become_ready(EV_READ);
  EXPECT_EQ(ev.calls, 2);
}

TEST_F(EventTest, a_failed_add_changes_nothing) {
  Event other(*base, fd, EV_WRITE | EV_PERSIST);
  other.add();
  Event ev(*base, fd, EV_READ);
  script.fail_updates = 1;
  EXPECT_EQ(ev.add(1), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(ev.pending(), 0);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 1);
  EXPECT_TRUE(base->check_invariants());
  EXPECT_EQ(base->fds()[fd].wanted(), EV_WRITE);
  EXPECT_EQ(ev.add(1), 0);
}

TEST_F(EventTest, out_of_range_descriptors_are_rejected) {
  const test::QuietLog quiet;
  for (const int bad : {INT_MAX, INT_MAX / 2, 1 << 20}) {
    Event ev(*base, bad, EV_READ);
    EXPECT_EQ(ev.add(1), -1) << bad;
    EXPECT_EQ(ev.pending(), 0);
    ev.del();
  }
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
}

// --- the deadline returned by pending() ---

TEST_F(EventTest, an_activated_event_without_a_timer_has_no_deadline) {
  const timeval untouched{7, 7};
  const auto asked = [&](Event &ev) {
    timeval tv = untouched;
    EXPECT_EQ(base->pending(*ev, EV_TIMEOUT, &tv), EV_TIMEOUT);
    return evi::to_micros(tv);
  };
  Event ev(*base, kNoFd, 0);
  std::memset(&*ev, 0xbe, sizeof(*ev));  // what memory holds
  ASSERT_EQ(evi::assign_event(
                *ev, base.get(), kNoFd, 0, [](evutil_socket_t, short, void *) {}, nullptr),
            0);
  ev.activate(EV_TIMEOUT);
  EXPECT_EQ(asked(ev), evi::to_micros(untouched));
  ev.activate(EV_TIMEOUT);
  EXPECT_EQ(asked(ev), evi::to_micros(untouched));
  ev.del();
  // Nor that of a timer which was deleted.
  ev.add(5);
  ev.del();
  ev.activate(EV_READ);
  ev.activate(EV_TIMEOUT);
  EXPECT_EQ(asked(ev), evi::to_micros(untouched));
  ev.del();
  ev.add(5);
  base->remove_timer(*ev);
  ev.activate(EV_TIMEOUT);
  EXPECT_EQ(asked(ev), evi::to_micros(untouched));
  ev.del();
  // Nor that of one which ran, or which expired and was deleted before it ran.
  ev.add(1);
  clock.t += 2'000'000;
  EXPECT_EQ(base->loop(0), 1);
  ev.activate(EV_TIMEOUT);
  EXPECT_EQ(asked(ev), evi::to_micros(untouched));
  ev.del();
  // A timer that runs keeps its own.
  ev.add(5);
  ev.activate(EV_TIMEOUT);
  EXPECT_EQ(asked(ev), clock.t + clock.wall_ahead + 5'000'000);
}

TEST_F(EventTest, an_expired_timer_reports_the_deadline_that_has_passed) {
  ASSERT_EQ(base->set_priorities(2), 0);
  Event late(*base, kNoFd, 0), asking(*base, kNoFd, 0);
  asking.set_priority(0);
  timeval tv{7, 7};
  asking.on_call([&](int, short) { EXPECT_EQ(base->pending(*late, EV_TIMEOUT, &tv), EV_TIMEOUT); });
  const Micros deadline = clock.t + 1'000'000;
  late.add(1);
  asking.add(2);
  script.on_wait = [&](Micros) { clock.t += 3'000'000; };
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(evi::to_micros(tv), deadline + clock.wall_ahead);
}

TEST_F(EventTest, once_without_a_timeout_has_no_deadline) {
  base->once(
      kNoFd, EV_TIMEOUT, [](evutil_socket_t, short, void *) {}, nullptr, nullptr);
  base->for_each_event(
      [](const event_base *of, const event *ev, void *) {
        timeval tv{7, 7};
        EXPECT_EQ(const_cast<event_base *>(of)->pending(*ev, EV_TIMEOUT, &tv), EV_TIMEOUT);
        EXPECT_EQ(tv.tv_sec, 7);
        return 0;
      },
      nullptr);
}

// As libevent: an event for descriptor -1 is pending, for its timeout or to be activated by hand.
TEST_F(EventTest, an_event_without_an_fd_only_waits_for_its_timeout) {
  Event ev(*base, kNoFd, EV_READ | EV_PERSIST);
  EXPECT_EQ(ev.add(), 0);
  EXPECT_EQ(ev.pending(), EV_READ);
  EXPECT_TRUE(script.updates.empty());
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 1);
  EXPECT_EQ(ev.add(1), 0);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(ev.what, EV_TIMEOUT);
  ev.activate(EV_READ);
  EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(ev.what, EV_TIMEOUT | EV_READ);
  ev.del();
  EXPECT_EQ(ev.pending(), 0);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
  EXPECT_TRUE(script.updates.empty());
}

// --- timers ---

TEST_F(EventTest, a_timer_fires_once_after_its_delay) {
  Event ev(*base, kNoFd, 0);
  ev.add(5);
  const Micros started = clock.t;
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(script.waits, std::vector<Micros>{5'000'000});
  EXPECT_EQ(clock.t - started, 5'000'000);
  EXPECT_EQ(ev.what, EV_TIMEOUT);
  EXPECT_EQ(ev.pending(), 0);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 1);
}

// must-not 16: a wait that ends early is waited on, not taken for the timeout.
TEST_F(EventTest, a_timer_never_fires_early) {
  Event ev(*base, kNoFd, 0);
  ev.add(5);
  script.on_wait = [&](Micros timeout) { clock.t += timeout > 1 ? timeout - 1 : timeout; };
  const Micros started = clock.t;
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(clock.t - started, 5'000'000);
  EXPECT_EQ(script.waits, (std::vector<Micros>{5'000'000, 1}));
}

TEST_F(EventTest, unusual_delays_are_normalized) {
  const struct {
    const char *name;
    timeval tv;
    Micros wait;
  } cases[] = {
      {"zero", {0, 0}, 0},
      {"negative", {-5, 0}, 0},
      {"negative fraction", {0, -1}, 0},
      {"microseconds beyond a second", {1, 2'500'000}, 3'500'000},
      {"one microsecond", {0, 1}, 1},
      {"sixty years", {2'000'000'000, 0}, 2'000'000'000'000'000},
      {"three hundred years",
       {kWideTime ? static_cast<Seconds>(10'000'000'000) : 0, 0},
       kWideTime ? INT64_MAX / 1000 : 0},
      {"for ever", {kMaxTime, 999'999}, kWideTime ? INT64_MAX / 1000 : kEndOfTime},
      {"since ever", {std::numeric_limits<Seconds>::min(), 0}, 0},
  };
  for (const auto &row : cases) {
    SCOPED_TRACE(row.name);
    Event ev(*base, kNoFd, 0);
    EXPECT_EQ(ev.add(row.tv), 0);
    EXPECT_EQ(ev.add(row.tv), 0);  // and once more from there
    EXPECT_EQ(ev.pending(), EV_TIMEOUT);
    script.waits.clear();
    script.on_wait = [&](Micros timeout) {
      if (timeout > 1'000'000'000) base->loop_break();
      clock.t += timeout > 1'000'000'000 ? 0 : timeout;
    };
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    const Micros waited = script.waits.front();
    EXPECT_EQ(row.wait == kEndOfTime && waited > 2'000'000'000'000'000 ? kEndOfTime : waited, row.wait);
    EXPECT_EQ(ev.calls, row.wait < 1'000'000'000);
    EXPECT_TRUE(base->check_invariants());
  }
}

TEST_F(EventTest, a_new_delay_replaces_the_old_one) {
  Event ev(*base, kNoFd, 0);
  for (const double second : {1.0, 9.0, 3.0}) {
    for (const double first : {2.0, 4.0}) {
      ev.reset();
      const Micros started = clock.t;
      ev.add(first);
      ev.add(second);
      EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
      EXPECT_EQ(ev.calls, 1);
      EXPECT_EQ(clock.t - started, static_cast<Micros>(second * 1e6));
    }
  }
}

TEST_F(EventTest, adding_without_a_delay_keeps_the_old_one) {
  Event ev(*base, fd, EV_READ);
  ev.add(3);
  EXPECT_EQ(ev.add(), 0);
  EXPECT_EQ(ev.pending(), EV_READ | EV_TIMEOUT);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.what, EV_TIMEOUT);
}

TEST_F(EventTest, a_timed_out_event_stops_watching_its_fd) {
  Event ev(*base, fd, EV_READ);
  ev.add(3);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.pending(), 0);
  EXPECT_EQ(script.updates.back(), (test::ScriptBackend::Update{fd, 0}));
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 1);
}

TEST_F(EventTest, an_event_that_fired_drops_its_timeout) {
  Event ev(*base, fd, EV_READ);
  ev.add(3);
  become_ready(EV_READ);
  EXPECT_EQ(ev.what, EV_READ);
  EXPECT_EQ(ev.pending(), 0);
  EXPECT_EQ(base->loop(0), 1);
}

// One call reports both.
TEST_F(EventTest, readiness_and_timeout_in_one_iteration_cause_one_call) {
  Event ev(*base, fd, EV_READ | EV_PERSIST);
  ev.add(3);
  script.on_wait = [&](Micros timeout) {
    clock.t += timeout;
    script.ready(fd, EV_READ);
  };
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(ev.what, EV_READ | EV_TIMEOUT);
}

// Re-adding replaces an expired timeout whose callback has not run yet; the event is pending as if just
// added.
TEST_F(EventTest, a_new_delay_replaces_an_expired_timeout_not_yet_reported) {
  Event ev(*base, fd, EV_READ);
  Event earlier(*base, kNoFd, 0, [&](int, short) { EXPECT_EQ(ev.add(7), 0); });
  earlier.add(3);
  ev.add(3.000001);
  script.on_wait = [&](Micros timeout) { clock.t += timeout + 10; };
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(earlier.calls, 1);
  EXPECT_EQ(ev.calls, 0);
  EXPECT_EQ(ev.pending(), EV_TIMEOUT | EV_READ);
  EXPECT_TRUE(base->check_invariants());
  script.on_wait = nullptr;
  become_ready(EV_READ);
  EXPECT_EQ(ev.what, EV_READ);
}

// Readiness that came beside the timeout is not taken back with it: an edge would be lost.
TEST_F(EventTest, a_new_delay_does_not_cancel_pending_readiness) {
  for (const short what : {EV_READ, EV_READ | EV_ET | EV_PERSIST}) {
    Event ev(*base, fd, what);
    Event earlier(*base, kNoFd, 0, [&](int, short) { EXPECT_EQ(ev.add(7), 0); });
    ev.add(3);
    earlier.activate(0);
    script.on_wait = [&](Micros) {
      clock.t += 4'000'000;
      script.ready(fd, EV_READ);
    };
    base->loop(EVLOOP_ONCE);
    script.on_wait = nullptr;
    EXPECT_EQ(ev.what, EV_READ | (what & EV_ET));
    EXPECT_EQ(ev.pending(), what & EV_PERSIST ? EV_READ | EV_TIMEOUT : 0);
    EXPECT_TRUE(base->check_invariants());
  }
}

// must-not 17, and behaviour of event_pending's second result.
TEST_F(EventTest, pending_returns_the_deadline_as_time_of_day) {
  Event ev(*base, fd, EV_READ);
  ev.add(3.5);
  timeval due{};
  clock.t += 500'000;
  EXPECT_EQ(base->pending(*ev, EV_TIMEOUT, &due), EV_TIMEOUT);
  EXPECT_EQ(evi::to_micros(due), clock.t + clock.wall_ahead + 3'000'000);
  clock.wall_ahead += 1'000'000'000;  // the clock was set
  EXPECT_EQ(base->pending(*ev, EV_TIMEOUT, &due), EV_TIMEOUT);
  EXPECT_EQ(evi::to_micros(due), clock.t + clock.wall_ahead + 3'000'000);
  due = {77, 77};
  EXPECT_EQ(base->pending(*ev, EV_READ, &due), EV_READ);
  EXPECT_EQ(due.tv_sec, 77);
}

TEST_F(EventTest, setting_the_clock_back_delays_no_timer) {
  Event ev(*base, kNoFd, 0);
  ev.add(5);
  clock.wall_ahead -= 3'600'000'000;
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(script.waits, std::vector<Micros>{5'000'000});
}

TEST_F(EventTest, a_timer_added_in_a_callback_counts_from_the_start_of_the_iteration) {
  Event second(*base, kNoFd, 0);
  Event first(*base, kNoFd, 0, [&](int, short) {
    clock.t += 2'000'000;  // it takes long
    second.add(5);
  });
  first.add(1);
  base->loop(0);
  EXPECT_EQ(script.waits, (std::vector<Micros>{1'000'000, 3'000'000}));
}

TEST_F(EventTest, update_cached_time_makes_new_timers_count_from_now) {
  Event second(*base, kNoFd, 0);
  Event first(*base, kNoFd, 0, [&](int, short) {
    clock.t += 2'000'000;
    base->update_cached_time();
    second.add(5);
  });
  first.add(1);
  base->loop(0);
  EXPECT_EQ(script.waits, (std::vector<Micros>{1'000'000, 5'000'000}));
}

TEST_F(EventTest, remove_timer_keeps_other_interest) {
  Event ev(*base, fd, EV_READ | EV_PERSIST);
  ev.add(3);
  EXPECT_EQ(base->remove_timer(*ev), 0);
  EXPECT_EQ(ev.pending(), EV_READ);
  EXPECT_EQ(base->remove_timer(*ev), 0);
  become_ready(EV_READ);
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(ev.pending(), EV_READ);  // no period any more

  Event timer(*base, kNoFd, 0);
  timer.add(1);
  base->remove_timer(*timer);
  EXPECT_EQ(timer.pending(), 0);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 1);
}

TEST_F(EventTest, remove_timer_of_a_signal_event_keeps_signals_not_yet_reported) {
  Event ev(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  ASSERT_EQ(ev.add(100), 0);
  ev.activate(EV_SIGNAL, 3);
  base->remove_timer(*ev);
  turn();
  EXPECT_EQ(ev.calls, 3);
}

// --- periods ---

TEST_F(EventTest, a_persistent_timer_is_periodic) {
  Event ev(*base, kNoFd, EV_PERSIST);
  ev.add(2);
  const Micros started = clock.t;
  for (int i = 1; i <= 4; ++i) {
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(ev.calls, i);
    EXPECT_EQ(clock.t - started, i * 2'000'000);
  }
}

TEST_F(EventTest, periods_do_not_drift) {
  Event ev(*base, kNoFd, EV_PERSIST);
  ev.add(2);
  const Micros started = clock.t;
  script.on_wait = [&](Micros timeout) { clock.t += timeout + 300'000; };  // always late
  for (int i = 1; i <= 10; ++i) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(clock.t - started, 20'300'000);
}

// Behaviour 5.
TEST_F(EventTest, missed_periods_are_skipped) {
  Event ev(*base, kNoFd, EV_PERSIST);
  ev.add(2);
  script.on_wait = [&](Micros) { clock.t += 11'000'000; };
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 1);
  script.on_wait = nullptr;
  script.waits.clear();
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 2);
  EXPECT_EQ(script.waits, std::vector<Micros>{2'000'000});
}

TEST_F(EventTest, activation_restarts_the_period) {
  Event ev(*base, kNoFd, EV_PERSIST);
  ev.add(2);
  clock.t += 1'500'000;
  ev.activate(EV_READ);
  turn();
  EXPECT_EQ(ev.what, EV_READ);
  script.waits.clear();
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(script.waits, std::vector<Micros>{2'000'000});
}

TEST_F(EventTest, readiness_restarts_the_period) {
  Event ev(*base, fd, EV_READ | EV_PERSIST);
  ev.add(2);
  clock.t += 1'500'000;
  become_ready(EV_READ);
  EXPECT_EQ(ev.pending(), EV_READ | EV_TIMEOUT);
  script.waits.clear();
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(script.waits, std::vector<Micros>{2'000'000});
  EXPECT_EQ(ev.what, EV_READ | EV_TIMEOUT);
}

TEST_F(EventTest, a_periodic_event_keeps_watching_its_fd) {
  Event ev(*base, fd, EV_READ | EV_PERSIST);
  ev.add(2);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.what, EV_TIMEOUT);
  EXPECT_EQ(ev.pending(), EV_READ | EV_TIMEOUT);
  EXPECT_EQ(script.updates.size(), 1u);
}

TEST_F(EventTest, a_new_delay_in_the_callback_is_the_new_period) {
  Event ev(*base, kNoFd, EV_PERSIST);
  ev.on_call([&](int, short) { ev.add(5); });
  ev.add(2);
  base->loop(EVLOOP_ONCE);
  base->loop(EVLOOP_ONCE);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(script.waits, (std::vector<Micros>{2'000'000, 5'000'000, 5'000'000}));
}

TEST_F(EventTest, a_zero_delay_is_no_period) {
  Event ev(*base, kNoFd, EV_PERSIST);
  ev.add(0.0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(ev.calls, 1);
}

TEST_F(EventTest, deleting_a_periodic_event_in_its_callback_stops_it) {
  Event ev(*base, kNoFd, EV_PERSIST, [&](int, short) { ev.del(); });
  ev.add(2);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(ev.calls, 1);
}

// --- activating ---

TEST_F(EventTest, a_non_pending_event_can_be_activated) {
  Event ev(*base, fd, EV_READ);
  ev.activate(EV_WRITE);
  EXPECT_EQ(ev.pending(), EV_WRITE);  // behaviour 8: what it is active with
  turn();
  EXPECT_EQ(ev.what, EV_WRITE);
  EXPECT_EQ(ev.pending(), 0);
}

TEST_F(EventTest, several_activations_cause_one_call) {
  Event ev(*base, kNoFd, 0);
  ev.activate(EV_READ);
  ev.activate(EV_TIMEOUT);
  EXPECT_EQ(ev.pending(), EV_READ | EV_TIMEOUT);
  turn();
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(ev.what, EV_READ | EV_TIMEOUT);
}

TEST_F(EventTest, deleting_cancels_an_activation) {
  Event ev(*base, fd, EV_READ | EV_PERSIST);
  ev.add(5);
  ev.activate(EV_READ);
  ev.del();
  EXPECT_EQ(ev.pending(), 0);
  EXPECT_EQ(turn(), 1);
  EXPECT_EQ(ev.calls, 0);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE), 0);
}

TEST_F(EventTest, a_callback_may_delete_another_active_event) {
  Event second(*base, fd, EV_READ | EV_PERSIST);
  Event first(*base, kNoFd, 0, [&](int, short) { second.del(); });
  second.add();
  first.activate(0);
  become_ready(EV_READ);
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(second.calls, 0);
}

// must-not 4.
TEST_F(EventTest, a_callback_may_free_its_own_event) {
  for (const short what : {EV_READ, EV_READ | EV_PERSIST}) {
    for (const bool with_timeout : {false, true}) {
      auto *ev = new Event(*base, fd, what);
      ev->on_call([&](int, short) { delete ev; });
      with_timeout ? ev->add(5) : ev->add();
      become_ready(EV_READ);
    }
  }
  for (const short what : {short{0}, short{EV_PERSIST}}) {
    auto *timer = new Event(*base, kNoFd, what);
    timer->on_call([&](int, short) { delete timer; });
    timer->add(1);
    base->loop(EVLOOP_ONCE);
  }
  auto *signal = new Event(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  signal->on_call([&](int, short) { delete signal; });
  signal->add();
  signal->activate(EV_SIGNAL, 5);
  turn();
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
}

TEST_F(EventTest, running_event_is_null_after_a_callback_freed_its_event) {
  auto *ev = new Event(*base, kNoFd, 0);
  ev->on_call([&](int, short) {
    EXPECT_EQ(base->running_event(), &**ev);
    delete ev;
    base->running_event();  // whatever it returns, it does not use the freed event
  });
  ev->activate(0);
  turn();
  EXPECT_EQ(base->running_event(), nullptr);
}

// Behaviour 8.
TEST_F(EventTest, activate_by_fd) {
  Event reader(*base, fd, EV_READ | EV_PERSIST), writer(*base, fd, EV_WRITE | EV_PERSIST);
  Event with_timeout(*base, fd, EV_READ | EV_PERSIST);
  reader.add();
  writer.add();
  with_timeout.add(100);
  base->activate_by_fd(fd, EV_READ);
  turn();
  EXPECT_EQ(reader.what, EV_READ);
  EXPECT_EQ(writer.calls, 0);
  EXPECT_EQ(with_timeout.what, EV_READ);

  for (Event *ev : {&reader, &writer, &with_timeout}) ev->reset();
  base->activate_by_fd(fd, EV_TIMEOUT);
  turn();
  EXPECT_EQ(reader.calls, 0);
  EXPECT_EQ(writer.calls, 0);
  EXPECT_EQ(with_timeout.what, EV_TIMEOUT);

  base->activate_by_fd(kNoFd, EV_READ);
  base->activate_by_fd(1'000'000, EV_READ | EV_TIMEOUT);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ACTIVE), 0);
}

TEST_F(EventTest, activate_by_signal) {
  Event ev(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  base->activate_by_signal(SIGUSR2);
  ev.add();
  base->activate_by_signal(SIGUSR1);
  base->activate_by_signal(-1);
  base->activate_by_signal(NSIG);
  EXPECT_EQ(turn(), 0);
  EXPECT_EQ(ev.calls, 0);
  base->activate_by_signal(SIGUSR2);
  turn();
  EXPECT_EQ(ev.what, EV_SIGNAL);
  EXPECT_EQ(ev.calls, 1);
}

TEST_F(EventTest, a_signal_callback_runs_once_per_counted_signal) {
  Event ev(*base, SIGUSR2, EV_SIGNAL);
  ev.activate(EV_SIGNAL, 4);
  turn();
  EXPECT_EQ(ev.calls, 4);
  ev.activate(EV_SIGNAL, 0);
  turn();
  EXPECT_EQ(ev.calls, 4);
  Event plain(*base, kNoFd, 0);
  plain.activate(EV_TIMEOUT, 4);
  turn();
  EXPECT_EQ(plain.calls, 1);
}

TEST_F(EventTest, deleting_in_the_callback_stops_repeated_signal_calls) {
  Event ev(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  ev.on_call([&](int, short) {
    if (ev.calls == 2) ev.del();
  });
  ev.add();
  ev.activate(EV_SIGNAL, 10);
  turn();
  EXPECT_EQ(ev.calls, 2);
}

TEST_F(EventTest, loopbreak_stops_repeated_signal_calls) {
  Event ev(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST, [&](int, short) { base->loop_break(); });
  ev.add();
  ev.activate(EV_SIGNAL, 10);
  turn();
  EXPECT_EQ(ev.calls, 1);
  ev.activate(EV_SIGNAL, 1);
  turn();
  EXPECT_EQ(ev.calls, 2);
}

// --- priorities ---

TEST_F(EventTest, priority_cannot_change_while_active) {
  ASSERT_EQ(base->set_priorities(3), 0);
  Event ev(*base, fd, EV_READ);
  EXPECT_EQ(evi::priority(*ev), 1);
  EXPECT_EQ(ev.set_priority(2), 0);
  EXPECT_EQ(ev.set_priority(3), -1);
  EXPECT_EQ(ev.set_priority(-1), -1);
  ev.add();
  EXPECT_EQ(ev.set_priority(0), 0);
  ev.activate(EV_READ);
  EXPECT_EQ(ev.set_priority(2), -1);
  EXPECT_EQ(evi::priority(*ev), 0);
}

TEST_F(EventTest, an_event_whose_priority_no_longer_exists_runs_last) {
  ASSERT_EQ(base->set_priorities(9), 0);
  Event ev(*base, kNoFd, 0);
  ev.set_priority(8);
  ASSERT_EQ(base->set_priorities(2), 0);
  ev.activate(0);
  turn();
  EXPECT_EQ(ev.calls, 1);
}

// --- counts ---

// Behaviour 7.
TEST_F(EventTest, added_and_active_events_are_counted) {
  Event ev(*base, fd, EV_READ | EV_PERSIST);
  ev.add(10);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 2);
  ev.activate(EV_READ);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ACTIVE), 1);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 3);
  ev.del();
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE), 0);
  EXPECT_EQ(base->max_events(EVENT_BASE_COUNT_ADDED, false), 3);
  EXPECT_EQ(base->max_events(EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE, true), 4);
  EXPECT_EQ(base->max_events(EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE, false), 0);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_VIRTUAL), 0);
}

// --- one-shot arming ---

TEST_F(EventTest, a_fired_one_shot_event_causes_no_backend_update) {
  Event ev(*base, fd, EV_READ);
  ev.add();
  EXPECT_EQ(script.updates, (std::vector<test::ScriptBackend::Update>{{fd, EV_READ | kOneShot}}));
  become_ready(EV_READ);
  EXPECT_EQ(script.updates.size(), 1u);
  ev.add();
  EXPECT_EQ(script.updates.size(), 2u);
}

TEST_F(EventTest, adding_a_second_event_after_a_one_shot_report_re_arms_the_fd) {
  Event first(*base, fd, EV_READ);
  Event second(*base, fd, EV_READ);
  first.on_call([&](int, short) { second.add(); });
  first.add();
  become_ready(EV_READ);
  EXPECT_EQ(second.pending(), EV_READ);
  EXPECT_EQ(script.updates.back(), (test::ScriptBackend::Update{fd, EV_READ | kOneShot}));
  become_ready(EV_READ);
  EXPECT_EQ(second.calls, 1);
}

TEST_F(EventTest, a_persistent_event_can_join_a_one_shot_event) {
  Event once(*base, fd, EV_READ);
  Event lasting(*base, fd, EV_READ | EV_PERSIST);
  once.add();
  lasting.add();
  EXPECT_EQ(script.updates.back(), (test::ScriptBackend::Update{fd, EV_READ}));
  lasting.del();
  EXPECT_EQ(script.updates.back(), (test::ScriptBackend::Update{fd, EV_READ | kOneShot}));
}

// Programs end in any order: an event that is in no queue is not its base's business.
TEST(EventAfterItsBase, events_can_be_deleted_and_freed_after_the_base) {
  test::Base base = test::make_base();
  event *never_added = event_new(
      base.get(), test::kNoFd, EV_READ, [](evutil_socket_t, short, void *) {}, nullptr);
  event *deleted = event_new(
      base.get(), SIGUSR1, EV_SIGNAL, [](evutil_socket_t, short, void *) {}, nullptr);
  event *pending = event_new(
      base.get(), test::kNoFd, 0, [](evutil_socket_t, short, void *) {}, nullptr);
  ASSERT_EQ(event_add(deleted, nullptr), 0);
  ASSERT_EQ(event_del(deleted), 0);
  const timeval tv = {100, 0};
  ASSERT_EQ(event_add(pending, &tv), 0);
  base.reset();
  EXPECT_EQ(event_del(never_added), 0);
  EXPECT_EQ(event_del_block(never_added), 0);
  EXPECT_EQ(event_del_noblock(deleted), 0);
  event_free(never_added);
  event_free(deleted);
  event_free(pending);
}

// It is in no table of descriptors, and the base finds it all the same.
TEST(EventAfterItsBase, events_without_an_fd_can_be_freed_after_the_base) {
  test::Base base = test::make_base();
  event *reader = event_new(
      base.get(), test::kNoFd, EV_READ | EV_PERSIST, [](evutil_socket_t, short, void *) {}, nullptr);
  event *writer = event_new(
      base.get(), test::kNoFd, EV_WRITE, [](evutil_socket_t, short, void *) {}, nullptr);
  event *removed = event_new(
      base.get(), test::kNoFd, EV_READ, [](evutil_socket_t, short, void *) {}, nullptr);
  for (event *ev : {reader, writer, removed}) ASSERT_EQ(event_add(ev, nullptr), 0);
  ASSERT_EQ(event_del(removed), 0);
  base.reset();
  EXPECT_EQ(event_get_base(reader), nullptr);
  EXPECT_EQ(event_get_base(writer), nullptr);
  for (event *ev : {reader, writer, removed}) event_free(ev);
}

TEST(EventAfterItsBase, finalized_events_can_be_freed_after_the_base) {
  test::Base base = test::make_base();
  event *ev = event_new(
      base.get(), test::kNoFd, EV_PERSIST, [](evutil_socket_t, short, void *) {}, nullptr);
  ASSERT_EQ(event_finalize(0, ev, [](event *, void *) {}), 0);
  EXPECT_EQ(base->loop(0), 1);
  base.reset();
  event_free(ev);
}

TEST_F(EventTest, activating_timeouts_by_fd_does_not_activate_readers) {
  Event reader(*base, fd, EV_READ | EV_PERSIST);
  Event timed(*base, fd, EV_READ | EV_PERSIST);
  Event only_time(*base, fd, 0);
  Event listed(*base, fd, EV_READ | EV_PERSIST);
  Event other(*base, test::kNoFd, 0);
  const timeval *common = base->init_common_timeout(test::seconds(7));
  ASSERT_NE(common, nullptr);
  reader.add();
  timed.add(10);
  only_time.add(10);
  other.add(10);
  listed.add(*common);
  base->activate_by_fd(fd, EV_TIMEOUT | EV_READ);
  EXPECT_EQ(timed.pending(), EV_TIMEOUT | EV_READ);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(reader.calls, 0);
  EXPECT_EQ(other.calls, 0);
  EXPECT_EQ(timed.what, EV_TIMEOUT);
  EXPECT_EQ(only_time.what, EV_TIMEOUT);
  EXPECT_EQ(listed.what, EV_TIMEOUT);
  EXPECT_TRUE(base->check_invariants());
}

}  // namespace

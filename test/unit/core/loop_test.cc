// The loop: return values, ways to stop it, the order of callbacks, and the time they see.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/events.h"

using evi::Micros;
using test::Event;
using test::kNoFd;

namespace {

class LoopTest : public testing::Test {
 protected:
  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  test::Pair pair = test::socket_pair();
  const int fd = pair.a;
  std::string order;

  Event::Callback noting(char c) {
    return [this, c](int, short) { order += c; };
  }
  void use(const event_config &config) { base = test::make_base(clock, script, &config); }
};

// --- return values ---

// Behaviour 1.
TEST_F(LoopTest, a_loop_without_events_returns_one) {
  for (const int flags : {0, EVLOOP_ONCE, EVLOOP_NONBLOCK, EVLOOP_ONCE | EVLOOP_NONBLOCK}) {
    EXPECT_EQ(base->loop(flags), 1) << flags;
  }
  EXPECT_TRUE(script.waits.empty());
}

TEST_F(LoopTest, running_the_loop_inside_a_callback_fails) {
  const test::QuietLog quiet;
  int inner = 0;
  Event ev(*base, kNoFd, 0, [&](int, short) { inner = base->loop(EVLOOP_NONBLOCK); });
  ev.activate(0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(inner, -1);
  EXPECT_EQ(quiet.lines().size(), 1u);
  ev.activate(0);
  EXPECT_EQ(base->loop(0), 1);  // and the outer one is none the worse
  EXPECT_EQ(ev.calls, 2);
}

TEST_F(LoopTest, a_failing_backend_stops_the_loop) {
  Event ev(*base, fd, EV_READ);
  ev.add();
  script.fail_waits = 1;
  EXPECT_EQ(base->loop(0), -1);
  script.ready(fd, EV_READ);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(ev.calls, 1);
}

TEST_F(LoopTest, the_loop_returns_after_the_last_event) {
  Event a(*base, fd, EV_READ), b(*base, kNoFd, 0);
  a.add();
  b.add(1);
  script.on_wait = [&](Micros timeout) {
    if (timeout > 0) clock.t += timeout;
    if (timeout == test::ScriptBackend::kForever) script.ready(fd, EV_READ);
  };
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(a.calls, 1);
  EXPECT_EQ(b.calls, 1);
}

// --- flags ---

TEST_F(LoopTest, once_waits_until_a_callback_ran) {
  Event ev(*base, kNoFd, EV_PERSIST);
  ev.add(1);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(ev.calls, 1);
  script.waits.clear();
  int early = 3;
  script.on_wait = [&](Micros timeout) {
    if (--early < 0) clock.t += timeout;
  };
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(ev.calls, 2);
  EXPECT_EQ(script.waits.size(), 4u);
}

TEST_F(LoopTest, once_runs_all_that_is_active) {
  ASSERT_EQ(base->set_priorities(3), 0);
  Event a(*base, kNoFd, 0, noting('a')), b(*base, kNoFd, 0, noting('b')), c(*base, kNoFd, 0, noting('c'));
  a.set_priority(2);
  b.set_priority(0);
  for (Event *ev : {&a, &b, &c}) ev->activate(0);
  Event waiting(*base, kNoFd, 0);
  waiting.add(100);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(order, "bca");
  EXPECT_EQ(waiting.calls, 0);
}

TEST_F(LoopTest, nonblock_does_not_wait) {
  Event ev(*base, fd, EV_READ | EV_PERSIST), timer(*base, kNoFd, 0);
  ev.add();
  timer.add(5);
  EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(script.waits, std::vector<Micros>{0});
  clock.t += 5'000'000;
  EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(timer.calls, 1);
  EXPECT_EQ(ev.calls, 0);
}

TEST_F(LoopTest, no_exit_on_empty_keeps_waiting) {
  int waits = 0;
  script.on_wait = [&](Micros timeout) {
    EXPECT_EQ(timeout, test::ScriptBackend::kForever);
    if (++waits == 3) base->loop_break();
  };
  EXPECT_EQ(base->loop(EVLOOP_NO_EXIT_ON_EMPTY), 0);
  EXPECT_EQ(waits, 3);
  EXPECT_TRUE(base->got_break());
}

// --- ending it ---

TEST_F(LoopTest, loopexit_runs_active_events_first) {
  Event a(*base, kNoFd, 0, [&](int, short) {
    order += 'a';
    base->loop_exit_after(nullptr);
  });
  Event b(*base, kNoFd, 0, noting('b')), later(*base, kNoFd, 0, noting('z'));
  later.add(1);
  a.activate(0);
  b.activate(0);
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(order, "ab");
  EXPECT_TRUE(base->got_exit());
  EXPECT_FALSE(base->got_break());
  EXPECT_EQ(base->loop(0), 1);  // not for ever
  EXPECT_EQ(order, "abz");
  EXPECT_FALSE(base->got_exit());
}

TEST_F(LoopTest, loopexit_after_a_time) {
  Event ev(*base, kNoFd, EV_PERSIST);
  ev.add(1);
  const timeval tv = test::seconds(3.5);
  const Micros started = clock.t;
  EXPECT_EQ(base->loop_exit_after(&tv), 0);
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(ev.calls, 3);
  EXPECT_EQ(clock.t - started, 3'500'000);
}

// must-not 10: an exit asked for beforehand ends the next loop.
TEST_F(LoopTest, loopexit_before_the_loop_stops_it_after_one_iteration) {
  Event ev(*base, kNoFd, 0);
  Event never(*base, fd, EV_READ);
  never.add();
  ev.activate(0);
  base->loop_exit_after(nullptr);
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(ev.calls, 1);
}

// Behaviour 2.
TEST_F(LoopTest, loopexit_competes_by_priority) {
  ASSERT_EQ(base->set_priorities(3), 0);
  Event urgent(*base, kNoFd, 0, noting('u')), lazy(*base, kNoFd, 0, noting('l'));
  urgent.set_priority(0);
  lazy.set_priority(2);
  lazy.activate(0);
  urgent.activate(0);
  base->loop_exit_after(nullptr);
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(order, "u");
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "ul");
}

TEST_F(LoopTest, loopbreak_keeps_remaining_events_active) {
  Event a(*base, kNoFd, 0, [&](int, short) {
    order += 'a';
    base->loop_break();
  });
  Event b(*base, kNoFd, 0, noting('b'));
  a.activate(0);
  b.activate(0);
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(order, "a");
  EXPECT_TRUE(base->got_break());
  EXPECT_FALSE(base->got_exit());
  EXPECT_EQ(b.pending(0x7f) | base->count_events(EVENT_BASE_COUNT_ACTIVE), 1);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "ab");
  EXPECT_FALSE(base->got_break());
}

TEST_F(LoopTest, loop_break_or_next_stops_the_running_loop_or_the_next) {
  test::Event ev(*base, test::kNoFd, EV_PERSIST);
  ASSERT_EQ(ev.add(1), 0);
  EXPECT_EQ(base->loop_break_or_next(), 0);
  EXPECT_EQ(base->loop_break_or_next(), 0);
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_TRUE(base->got_break());
  EXPECT_EQ(ev.calls, 0);
  // Once it is used up.
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_FALSE(base->got_break());
  EXPECT_EQ(ev.calls, 1);
  // Inside a loop it is that loop's, and not the next one's too.
  ev.on_call([&](int, short) { base->loop_break_or_next(); });
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_TRUE(base->got_break());
  ev.on_call({});
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_FALSE(base->got_break());
  EXPECT_EQ(ev.calls, 3);
}

TEST_F(LoopTest, loopbreak_before_the_loop_has_no_effect) {
  base->loop_break();
  EXPECT_TRUE(base->got_break());
  Event ev(*base, kNoFd, 0);
  ev.activate(0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(ev.calls, 1);
}

TEST_F(LoopTest, loopbreak_during_the_wait_prevents_callbacks) {
  Event ev(*base, fd, EV_READ);
  ev.add();
  script.on_wait = [&](Micros) {
    script.ready(fd, EV_READ);
    base->loop_break();
  };
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(ev.calls, 0);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ACTIVE), 1);
  script.on_wait = nullptr;
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(ev.calls, 1);
}

TEST_F(LoopTest, loopcontinue_polls_before_running_further_callbacks) {
  Event a(*base, kNoFd, 0, [&](int, short) {
    order += 'a';
    base->loop_continue();
  });
  Event b(*base, kNoFd, 0, noting('b'));
  Event reader(*base, fd, EV_READ, noting('r'));
  reader.add();
  a.activate(0);
  b.activate(0);
  script.on_wait = [&](Micros timeout) {
    if (timeout == test::ScriptBackend::kForever) script.ready(fd, EV_READ);
  };
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "abr");
  EXPECT_EQ(script.waits, (std::vector<Micros>{0, 0, test::ScriptBackend::kForever}));
}

// --- order ---

TEST_F(LoopTest, one_priority_runs_per_iteration_in_order) {
  ASSERT_EQ(base->set_priorities(3), 0);
  Event low(*base, kNoFd, 0, noting('l')), middle(*base, kNoFd, 0, noting('m')),
      high(*base, kNoFd, 0, noting('h'));
  low.set_priority(2);
  high.set_priority(0);
  low.activate(0);
  middle.activate(0);
  high.activate(0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "hml");
  // After each priority the kernel was asked whether something more urgent has come.
  EXPECT_EQ(script.waits, (std::vector<Micros>{0, 0, 0}));
}

// Behaviour 3.
TEST_F(LoopTest, a_more_urgent_event_runs_first) {
  ASSERT_EQ(base->set_priorities(3), 0);
  Event urgent(*base, kNoFd, 0, noting('u'));
  urgent.set_priority(0);
  Event a(*base, kNoFd, 0, [&](int, short) {
    order += 'a';
    urgent.activate(0);
  });
  Event b(*base, kNoFd, 0, noting('b')), same(*base, kNoFd, 0, noting('s'));
  a.activate(0);
  b.activate(0);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(order, "aub");
}

TEST_F(LoopTest, an_event_of_equal_priority_runs_in_fifo_order) {
  Event last(*base, kNoFd, 0, noting('z'));
  Event a(*base, kNoFd, 0, [&](int, short) {
    order += 'a';
    last.activate(0);
  });
  Event b(*base, kNoFd, 0, noting('b'));
  a.activate(0);
  b.activate(0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "abz");
}

TEST_F(LoopTest, due_timers_run_in_order_after_descriptors) {
  Event first(*base, kNoFd, 0, noting('1')), second(*base, kNoFd, 0, noting('2')),
      reader(*base, fd, EV_READ, noting('r'));
  second.add(2);
  first.add(1);
  reader.add();
  script.on_wait = [&](Micros) {
    clock.t += 5'000'000;
    script.ready(fd, EV_READ);
  };
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "r12");
}

TEST_F(LoopTest, a_thousand_timers_due_at_once_run_in_order) {
  std::vector<std::unique_ptr<Event>> timers;
  Micros last = 0;
  bool in_order = true;
  for (int i = 0; i < 1000; ++i) {
    const int delay = (i * 7919) % 1000 + 1;
    timers.push_back(std::make_unique<Event>(*base, kNoFd, 0, [&, delay](int, short) {
      in_order = in_order && delay >= last;
      last = delay;
    }));
    timers.back()->add(delay * 0.001);
  }
  script.on_wait = [&](Micros) { clock.t += 2'000'000; };
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_TRUE(in_order);
  EXPECT_EQ(last, 1000);
  EXPECT_EQ(script.waits.size(), 1u);
}

TEST_F(LoopTest, the_running_priority_may_be_removed) {
  ASSERT_EQ(base->set_priorities(200), 0);
  Event low(*base, kNoFd, 0), again(*base, kNoFd, 0);
  low.set_priority(199);
  again.set_priority(199);
  low.on_call([&](int, short) {
    EXPECT_EQ(base->set_priorities(2), 0);
    again.activate(0);
  });
  low.activate(0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(again.calls, 1);
  EXPECT_EQ(evi::priority(*again), 1);
}

// must-not 20.
TEST_F(LoopTest, a_self_activating_event_does_not_starve_more_urgent_fds_and_timers) {
  ASSERT_EQ(base->set_priorities(2), 0);
  Event busy(*base, kNoFd, 0);
  busy.on_call([&](int, short) {
    clock.t += 1000;
    busy.activate(0);
  });
  Event timer(*base, kNoFd, 0, [&](int, short) { base->loop_break(); });
  timer.set_priority(0);
  event_config config;
  config.max_dispatch_callbacks = 4;
  timer.add(0.1);
  busy.activate(0);
  busy.on_call([&](int, short) {
    clock.t += 1000;
    busy.activate(0);
    base->loop_continue();
  });
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(timer.calls, 1);
  EXPECT_EQ(busy.calls, 100);
  busy.del();
}

// --- limits on callbacks between two waits ---

TEST_F(LoopTest, dispatch_limit_by_callbacks) {
  event_config config;
  config.max_dispatch_callbacks = 2;
  config.limit_from_priority = 1;
  use(config);
  ASSERT_EQ(base->set_priorities(2), 0);
  std::vector<std::unique_ptr<Event>> events;
  for (int i = 0; i < 10; ++i) {
    events.push_back(std::make_unique<Event>(*base, kNoFd, 0, noting(i < 5 ? 'h' : 'l')));
    events.back()->set_priority(i < 5 ? 0 : 1);
    events.back()->activate(0);
  }
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "hhhhhlllll");
  EXPECT_EQ(script.waits.size(), 1u + 3u);  // the urgent ones at once, the others two by two
}

TEST_F(LoopTest, dispatch_limit_by_time) {
  event_config config;
  config.max_dispatch_interval = 1000;
  use(config);
  std::vector<std::unique_ptr<Event>> events;
  for (int i = 0; i < 6; ++i) {
    events.push_back(std::make_unique<Event>(*base, kNoFd, 0, [&](int, short) { clock.t += 500; }));
    events.back()->activate(0);
  }
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(script.waits.size(), 3u);
}

TEST_F(LoopTest, dispatch_limit_checks_for_urgent_events) {
  event_config config;
  config.max_dispatch_callbacks = 1;
  config.limit_from_priority = 1;
  use(config);
  ASSERT_EQ(base->set_priorities(2), 0);
  Event urgent(*base, fd, EV_READ, noting('u'));
  urgent.set_priority(0);
  urgent.add();
  std::vector<std::unique_ptr<Event>> events;
  for (int i = 0; i < 3; ++i) {
    events.push_back(std::make_unique<Event>(*base, kNoFd, 0, noting('l')));
    events.back()->activate(0);
  }
  script.on_wait = [&](Micros) {
    if (script.waits.size() == 2) script.ready(fd, EV_READ);
  };
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "lull");
}

// --- time ---

TEST_F(LoopTest, callbacks_of_one_iteration_see_the_same_cached_time) {
  timeval first{}, second{};
  Event a(*base, kNoFd, 0, [&](int, short) {
    first = base->cached_time_of_day();
    clock.t += 250'000;
  });
  Event b(*base, kNoFd, 0, [&](int, short) { second = base->cached_time_of_day(); });
  a.activate(0);
  b.activate(0);
  base->loop(0);
  EXPECT_EQ(evi::to_micros(first), evi::to_micros(second));
  EXPECT_EQ(evi::to_micros(base->cached_time_of_day()), clock.t + clock.wall_ahead);
}

TEST_F(LoopTest, update_cached_time_refreshes_the_cached_time) {
  Micros before = 0, after = 0;
  Event ev(*base, kNoFd, 0, [&](int, short) {
    before = evi::to_micros(base->cached_time_of_day());
    clock.t += 250'000;
    base->update_cached_time();
    after = evi::to_micros(base->cached_time_of_day());
  });
  ev.activate(0);
  base->loop(0);
  EXPECT_EQ(after - before, 250'000);
}

TEST_F(LoopTest, no_cache_time_returns_the_current_time) {
  event_config config;
  config.flags = EVENT_BASE_FLAG_NO_CACHE_TIME;
  use(config);
  Micros before = 0, after = 0;
  Event ev(*base, kNoFd, 0, [&](int, short) {
    before = evi::to_micros(base->cached_time_of_day());
    clock.t += 250'000;
    after = evi::to_micros(base->cached_time_of_day());
  });
  ev.activate(0);
  base->loop(0);
  EXPECT_EQ(after - before, 250'000);
}

TEST_F(LoopTest, the_clock_is_read_at_most_twice_per_iteration) {
  std::vector<std::unique_ptr<Event>> timers;
  for (int i = 0; i < 50; ++i) {
    timers.push_back(std::make_unique<Event>(*base, kNoFd, EV_PERSIST));
    timers.back()->add(1);
  }
  base->loop(EVLOOP_ONCE);
  clock.reads = 0;
  base->loop(EVLOOP_ONCE);
  EXPECT_LE(clock.reads, 2);
  EXPECT_EQ(timers.front()->calls, 2);
}

// --- priorities of the base ---

TEST_F(LoopTest, set_priorities_validates_its_argument) {
  EXPECT_EQ(base->priorities(), 1);
  EXPECT_EQ(base->set_priorities(0), -1);
  EXPECT_EQ(base->set_priorities(-1), -1);
  EXPECT_EQ(base->set_priorities(EVENT_MAX_PRIORITIES), -1);
  EXPECT_EQ(base->set_priorities(EVENT_MAX_PRIORITIES - 1), 0);
  EXPECT_EQ(base->priorities(), EVENT_MAX_PRIORITIES - 1);
  Event ev(*base, kNoFd, 0);
  ev.activate(0);
  EXPECT_EQ(base->set_priorities(2), -1);
  ev.del();
  ev.add(5);
  EXPECT_EQ(base->set_priorities(2), 0);
}

TEST_F(LoopTest, running_event_returns_the_event_of_the_callback) {
  EXPECT_EQ(base->running_event(), nullptr);
  Event ev(*base, kNoFd, 0);
  ev.on_call([&](int, short) { EXPECT_EQ(base->running_event(), &*ev); });
  ev.activate(0);
  base->loop(0);
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(base->running_event(), nullptr);
}

}  // namespace

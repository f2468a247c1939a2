// Signals as events: real ones, for one base and for two, counted, restored, across fork.
#include "core/signal.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "support/descriptor_limit.h"
#include "support/events.h"

using test::Event;
using test::kNoFd;

namespace {

std::atomic<int> handled{0};
void plain_handler(int) { ++handled; }

// The handler of SIGUSR1 and SIGUSR2 before and after each test.
class SignalTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    handled = 0;
    struct sigaction action = {};
    action.sa_handler = plain_handler;
    ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    ASSERT_EQ(sigaction(SIGUSR2, &action, nullptr), 0);
    if (GetParam()) config.flags |= EVENT_BASE_FLAG_USE_SIGNALFD;
  }
  void TearDown() override {
    for (const int signal : {SIGUSR1, SIGUSR2}) EXPECT_TRUE(is_plain(signal)) << "not restored";
    sigset_t blocked;
    ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &blocked), 0);
    EXPECT_EQ(sigismember(&blocked, SIGUSR1), 0);
    std::signal(SIGUSR1, SIG_DFL);
    std::signal(SIGUSR2, SIG_DFL);
  }
  static bool is_plain(int signal) {
    struct sigaction action = {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == plain_handler;
  }
  test::Base make() { return test::make_base(&config); }

  // Each raised signal counts, but a signalfd reports a signal that is already pending only once.
  bool counts() const { return !GetParam(); }
  event_config config;
};

// Behaviour 14.
TEST_P(SignalTest, a_nonblocking_loop_reports_a_signal_raised_before) {
  const test::Base base = make();
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ASSERT_EQ(ev.add(), 0);
  EXPECT_EQ(ev.pending(), EV_SIGNAL);
  raise(SIGUSR1);
  EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(ev.what, EV_SIGNAL);
  EXPECT_EQ(handled, 0);
  EXPECT_TRUE(base->check_invariants());
}

TEST_P(SignalTest, signal_events_work_at_every_priority) {
  for (int priority = 0; priority < 3; ++priority) {
    const test::Base base = make();
    ASSERT_EQ(base->set_priorities(3), 0);
    Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
    ev.set_priority(priority);
    ev.add();
    raise(SIGUSR1);
    EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
    EXPECT_EQ(ev.calls, 1) << priority;
  }
}

TEST_P(SignalTest, every_signal_of_a_burst_is_counted) {
  const test::Base base = make();
  Event usr1(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST), usr2(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  Event usr1_too(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  for (Event *ev : {&usr1, &usr2, &usr1_too}) ev->add();
  for (int i = 0; i < 200; ++i) raise(SIGUSR1);
  for (int i = 0; i < 3; ++i) raise(SIGUSR2);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(usr1.calls, counts() ? 200 : 1);
  EXPECT_EQ(usr1_too.calls, counts() ? 200 : 1);
  EXPECT_EQ(usr2.calls, counts() ? 3 : 1);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(usr2.calls, counts() ? 3 : 1);
}

TEST_P(SignalTest, a_non_persistent_event_restores_the_handler_before_its_callback) {
  const test::Base base = make();
  Event ev(*base, SIGUSR1, EV_SIGNAL, [&](int, short) { EXPECT_TRUE(is_plain(SIGUSR1)); });
  ev.add();
  EXPECT_FALSE(is_plain(SIGUSR1));
  raise(SIGUSR1);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(ev.calls, 1);
  raise(SIGUSR1);
  EXPECT_EQ(handled, 1);
}

TEST_P(SignalTest, deleting_the_last_event_restores_the_handler) {
  const test::Base base = make();
  Event a(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST), b(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  a.add();
  b.add();
  a.del();
  EXPECT_FALSE(is_plain(SIGUSR1));
  raise(SIGUSR1);
  EXPECT_EQ(handled, 0);
  b.del();
  EXPECT_TRUE(is_plain(SIGUSR1));
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(b.calls, 0);  // it was raised for events that are deleted
  raise(SIGUSR1);
  EXPECT_EQ(handled, 1);
}

TEST_P(SignalTest, freeing_the_base_restores_the_handler) {
  test::Base base = make();
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  base.reset();
  ev.forget();
  EXPECT_TRUE(is_plain(SIGUSR1));
}

// must-not 8: no base owns a signal.
TEST_P(SignalTest, a_signal_is_reported_by_every_base_watching_it) {
  if (GetParam()) GTEST_SKIP() << "what one signalfd reads the other does not";
  const test::Base first = make();
  test::Base second = make();
  Event a(*first, SIGUSR1, EV_SIGNAL | EV_PERSIST), b(*second, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  a.add();
  b.add();
  raise(SIGUSR1);
  first->loop(EVLOOP_NONBLOCK);
  second->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(a.calls, 1);
  EXPECT_EQ(b.calls, 1);
  b.del();
  b.forget();
  second.reset();
  EXPECT_FALSE(is_plain(SIGUSR1));
  raise(SIGUSR1);
  first->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(a.calls, 2);
  a.del();
  EXPECT_TRUE(is_plain(SIGUSR1));
}

TEST_P(SignalTest, a_signal_callback_may_delete_the_other_event) {
  const test::Base base = make();
  Event *one = nullptr, *other = nullptr;
  Event a(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](int, short) { other->del(); });
  Event b(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](int, short) { one->del(); });
  one = &a;
  other = &b;
  a.add();
  b.add();
  raise(SIGUSR1);
  raise(SIGUSR1);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(a.calls + b.calls, counts() ? 2 : 1);
  EXPECT_TRUE(a.calls == 0 || b.calls == 0);
}

TEST_P(SignalTest, a_callback_may_free_its_event_during_a_burst) {
  const test::Base base = make();
  auto *ev = new Event(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  int calls = 0;
  ev->on_call([&](int, short) {
    ++calls;
    delete ev;
  });
  ev->add();
  for (int i = 0; i < 5; ++i) raise(SIGUSR1);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(calls, 1);
}

TEST_P(SignalTest, a_callback_may_activate_its_event_and_free_it_during_a_burst) {
  const test::Base base = make();
  auto *ev = new Event(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  int calls = 0;
  ev->on_call([&](int, short) {
    ++calls;
    base->activate(**ev, EV_SIGNAL, 4);
    delete ev;
  });
  ev->add();
  base->activate(**ev, EV_SIGNAL, 3);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(calls, 1);
}

TEST_P(SignalTest, a_timeout_removes_a_non_persistent_signal_event) {
  const test::Base base = make();
  Event ev(*base, SIGUSR1, EV_SIGNAL);
  ev.add(0.001);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(ev.what, EV_TIMEOUT);
  EXPECT_TRUE(is_plain(SIGUSR1));
}

// Behaviour 11.
TEST_P(SignalTest, invalid_signals_are_rejected) {
  const test::QuietLog quiet;
  const test::Base base = make();
  for (const int bad : {-1, 0, NSIG, NSIG + 1000, SIGKILL, SIGSTOP}) {
    Event ev(*base, bad, EV_SIGNAL);
    EXPECT_EQ(ev.add(), -1) << bad;
    EXPECT_EQ(ev.pending(), 0);
    ev.del();
  }
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
  EXPECT_TRUE(base->check_invariants());
}

// Runs in a forked child, whose exit status says whether all was well.
template <typename Fn>
void in_child(Fn fn) {
  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    alarm(20);
    fn();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

// must-not 9, behaviour 14.
TEST_P(SignalTest, reinit_gives_the_child_its_own_signals) {
  const test::Base base = make();
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ASSERT_EQ(ev.add(), 0);
  in_child([&] {
    EXPECT_EQ(base->reinit(), 0);
    raise(SIGUSR1);
    EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
    EXPECT_EQ(ev.calls, 1);
    ev.del();
    EXPECT_TRUE(is_plain(SIGUSR1));
  });
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(ev.calls, 0) << "a signal of the child was reported in the parent";
  raise(SIGUSR1);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(ev.calls, 1);
}

TEST_P(SignalTest, a_child_without_reinit_does_not_affect_its_parent) {
  if (GetParam()) GTEST_SKIP() << "a signalfd reports signals of the reading process";
  const test::Base base = make();
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  in_child([&] { raise(SIGUSR1); });
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(ev.calls, 0);
}

TEST_P(SignalTest, freeing_the_base_in_a_child_does_not_affect_the_parent) {
  test::Base base = make();
  const test::Pair pair = test::socket_pair();
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST), reader(*base, pair.a, EV_READ | EV_PERSIST);
  ASSERT_EQ(ev.add(), 0);
  ASSERT_EQ(reader.add(), 0);
  in_child([&] {
    base.reset();
    EXPECT_TRUE(is_plain(SIGUSR1));
  });
  raise(SIGUSR1);
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(reader.calls, 1);
}

// When descriptors run out, no signals are reported in the child, and nothing else changes.
TEST_P(SignalTest, a_failed_reinit_leaves_the_child_usable) {
  const test::QuietLog quiet;
  event_config no_epoll;
  ASSERT_TRUE(no_epoll.avoid("epoll"));
  no_epoll.flags = config.flags;
  test::Base base = test::make_base(&no_epoll);
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ASSERT_EQ(ev.add(), 0);
  in_child([&] {
    {
      const test::DescriptorLimit none(0);
      EXPECT_EQ(base->reinit(), -1);
    }
    raise(SIGUSR1);
    Event other(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
    EXPECT_EQ(other.add(), 0);  // which brings all of them back
    raise(SIGUSR2);
    base->loop(EVLOOP_NONBLOCK);
    EXPECT_EQ(other.calls, 1);
    other.del();
    other.forget();
    base.reset();
    EXPECT_TRUE(is_plain(SIGUSR1));
    raise(SIGUSR1);
    EXPECT_EQ(handled, 1);
  });
}

TEST_P(SignalTest, activating_for_no_call_or_a_negative_number_leaves_later_signals_alone) {
  const test::Base base = make();
  Event none(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST), after(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  for (const short calls : {short{0}, short{-1}, short{-7}}) {
    base->activate(*none, EV_SIGNAL, calls);
    base->activate(*after, EV_SIGNAL, 2);
    const int before = after.calls;
    base->loop(EVLOOP_NONBLOCK);
    EXPECT_EQ(none.calls, 0);
    EXPECT_EQ(after.calls, before + 2);
    EXPECT_TRUE(base->check_invariants());
  }
}

TEST_P(SignalTest, two_bases_in_two_threads) {
  if (GetParam()) GTEST_SKIP() << "the signal must be blocked in all threads";
  constexpr int kSignals = 300;
  std::atomic<int> listening{0}, reported{0};
  std::atomic<bool> stop{false};
  const auto listen = [&](int signal) {
    const test::Base base = make();
    Event ev(*base, signal, EV_SIGNAL | EV_PERSIST, [&](int, short) { ++reported; });
    Event tick(*base, kNoFd, EV_PERSIST, [&](int, short) {
      if (stop) base->loop_break();
    });
    ev.add();
    tick.add(0.001);
    ++listening;
    EXPECT_EQ(base->loop(0), 0);
    ev.del();
    tick.del();
  };
  std::thread one(listen, SIGUSR1), two(listen, SIGUSR2), three(listen, SIGUSR1);
  while (listening < 3) std::this_thread::yield();
  for (int i = 0; i < kSignals; ++i) {
    ASSERT_EQ(kill(getpid(), SIGUSR1), 0);
    ASSERT_EQ(kill(getpid(), SIGUSR2), 0);
    // A signal that is pending already is not queued again: wait until it was consumed on both.
    while (reported < (i + 1) * 3) std::this_thread::yield();
  }
  stop = true;
  one.join();
  two.join();
  three.join();
  EXPECT_EQ(reported, kSignals * 3);
}

// Ports come and go while handlers walk the list.
// The loop waits, and has never had to do with signals.
TEST_P(SignalTest, the_first_signal_event_may_be_added_during_the_wait) {
  if (GetParam() || !evi::kThreadSupport) GTEST_SKIP();
  test::Threads threads;
  const test::Base base = make();
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](int, short) { base->loop_break(); });
  Event keeper(*base, kNoFd, 0);
  std::atomic<bool> turned{false};
  Event first(*base, kNoFd, 0, [&](int, short) { turned = true; });
  ASSERT_EQ(keeper.add(100), 0);
  first.activate(EV_READ);
  std::thread loop([&] { base->loop(0); });
  while (!turned) sched_yield();
  ASSERT_EQ(ev.add(), 0);  // from now on, the loop is about to wait or waits
  raise(SIGUSR1);
  loop.join();
  EXPECT_EQ(ev.calls, 1);
}

TEST_P(SignalTest, bases_may_be_freed_while_signals_arrive) {
  if (GetParam()) GTEST_SKIP() << "the signal must be blocked in all threads";
  const test::Base keeper = make();
  Event kept(*keeper, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  kept.add();
  std::atomic<bool> stop{false}, sending{false};
  std::thread sender([&] {
    while (!stop) {
      kill(getpid(), SIGUSR1);
      sending = true;
      std::this_thread::yield();
    }
  });
  while (!sending) std::this_thread::yield();
  const auto churn = [&] {
    for (int i = 0; i < 300; ++i) {
      const test::Base base = make();
      Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
      EXPECT_EQ(ev.add(), 0);
      base->loop(EVLOOP_NONBLOCK);
      ev.del();
    }
  };
  std::thread other(churn);
  churn();
  other.join();
  stop = true;
  sender.join();
  raise(SIGUSR1);
  keeper->loop(EVLOOP_NONBLOCK);
  EXPECT_GT(kept.calls, 0);
}

// The event is active, and waits behind more urgent ones, while more signals come.
TEST_P(SignalTest, signals_raised_before_the_callback_runs_are_counted) {
  const test::Base base = make();
  ASSERT_EQ(base->set_priorities(2), 0);
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  Event urgent(*base, kNoFd, 0);
  ASSERT_EQ(ev.set_priority(1), 0);
  ASSERT_EQ(urgent.set_priority(0), 0);
  urgent.on_call([&](int, short) {
    raise(SIGUSR1);
    if (urgent.calls < 3) urgent.add(0.0);
    EXPECT_EQ(ev.calls, 0);
  });
  ASSERT_EQ(ev.add(), 0);
  urgent.add(0.0);
  while (ev.calls == 0) ASSERT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(ev.calls, 3);
}

// A fork happens while another thread changes the state that all bases share.
TEST_P(SignalTest, reinit_works_in_a_child_forked_during_a_registration) {
  const test::Base base = make();
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ASSERT_EQ(ev.add(), 0);
  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0};
  std::thread other([&] {
    while (!stop) {
      const test::Base churned = make();
      Event often(*churned, SIGUSR2, EV_SIGNAL | EV_PERSIST);
      for (int i = 0; i < 100; ++i, ++rounds) {
        EXPECT_EQ(often.add(), 0);
        often.del();
      }
    }
  });
  while (rounds == 0) sched_yield();
  for (int i = 0; i < 20; ++i) {
    in_child([&] {
      EXPECT_EQ(base->reinit(), 0);
      raise(SIGUSR1);
      base->loop(EVLOOP_NONBLOCK);
      EXPECT_EQ(ev.calls, 1);
    });
  }
  stop = true;
  other.join();
}

#ifdef __linux__
// The program that blocked the signal before takes it itself; another signal keeps the base's signalfd in
// use.
TEST_P(SignalTest, a_blocked_signal_without_events_stays_pending_for_the_program) {
  sigset_t usr1;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &usr1, nullptr), 0);
  {
    const test::Base base = make();
    Event first(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
    Event other(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
    ASSERT_EQ(first.add(), 0);
    ASSERT_EQ(other.add(), 0);
    ASSERT_EQ(first.del(), 0);
    raise(SIGUSR1);
    raise(SIGUSR2);
    base->loop(EVLOOP_ONCE);
    base->loop(EVLOOP_NONBLOCK);
    EXPECT_EQ(first.calls, 0);
    EXPECT_EQ(other.calls, 1);
    const timespec at_once = {0, 0};
    EXPECT_EQ(sigtimedwait(&usr1, nullptr, &at_once), SIGUSR1);
  }
  ASSERT_EQ(pthread_sigmask(SIG_UNBLOCK, &usr1, nullptr), 0);
}
#endif

INSTANTIATE_TEST_SUITE_P(By, SignalTest, testing::Bool(),
                         [](const auto &info) { return info.param ? "signalfd" : "handler"; });

}  // namespace

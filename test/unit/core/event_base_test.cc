// Creating, freeing and forking bases; and the failure of each single allocation.
#include "core/event_base.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "core/once.h"
#include "event2/event.h"
#include "support/descriptor_limit.h"
#include "support/events.h"
#include "support/fault_alloc.h"
#include "support/methods.h"

using test::Event;
using test::kNoFd;

namespace {

TEST(EventBase, creation_fails_if_the_method_does_not_start) {
  test::FakeClock clock;
  test::ScriptBackend script;
  script.refuse_to_start = true;
  EXPECT_EQ(test::make_base(clock, script), nullptr);
}

TEST(EventBase, freeing_the_base_destroys_the_method) {
  test::FakeClock clock;
  test::ScriptBackend script;
  test::make_base(clock, script).reset();
  EXPECT_TRUE(script.destroyed);
}

TEST(EventBase, check_invariants_visits_no_more_events_than_its_limit) {
  const test::Base base = test::make_base();
  Event timer(*base, kNoFd, 0);
  timer.add(1000);
  EXPECT_TRUE(base->check_invariants());
  timer->ev_evcallback.evcb_flags &= static_cast<short>(~EVLIST_TIMEOUT);
  EXPECT_FALSE(base->check_invariants());
  EXPECT_TRUE(base->check_invariants(0));
  timer->ev_evcallback.evcb_flags |= EVLIST_TIMEOUT;
  EXPECT_TRUE(base->check_invariants());
}

#ifndef NDEBUG
// Among as many calls as there are between two checks that visit many events.
void make_active_often(event &ev) {
  for (unsigned call = 0; call < evi::kLongCheckInterval; ++call) event_active(&ev, EV_READ, 1);
}

TEST(EventBase, is_checked_after_public_calls) {
  const test::Base base = test::make_base();
  Event timer(*base, kNoFd, 0), other(*base, kNoFd, EV_PERSIST);
  timer.add(1000);
  make_active_often(*other);
  timer->ev_evcallback.evcb_flags &= static_cast<short>(~EVLIST_TIMEOUT);
  EXPECT_DEATH(make_active_often(*other), "event_api\\.cc:.*: assertion check_invariants");
  timer->ev_evcallback.evcb_flags |= EVLIST_TIMEOUT;
}

// Another thread could free the base before the check.
TEST(EventBase, is_not_checked_after_public_calls_if_it_has_a_lock) {
  if (!evi::kThreadSupport) GTEST_SKIP();
  test::Threads threads;
  const test::Base base = test::make_base();
  Event timer(*base, kNoFd, 0), other(*base, kNoFd, EV_PERSIST);
  timer.add(1000);
  timer->ev_evcallback.evcb_flags &= static_cast<short>(~EVLIST_TIMEOUT);
  make_active_often(*other);
  timer->ev_evcallback.evcb_flags |= EVLIST_TIMEOUT;
  EXPECT_EQ(other.calls, 0);
}
#endif

TEST(EventBase, pending_events_can_be_freed_after_the_base) {
  const test::Pair pair = test::socket_pair();
  test::Base base = test::make_base();
  Event reader(*base, pair.a, EV_READ), timer(*base, kNoFd, EV_PERSIST), signal(*base, SIGUSR2, EV_SIGNAL);
  Event common(*base, kNoFd, 0), both(*base, pair.a, EV_WRITE | EV_PERSIST);
  reader.add();
  timer.add(1000);
  signal.add();
  common.add(*base->init_common_timeout({5, 0}));
  both.add(1000);
  both.activate(EV_WRITE);
  base.reset();
  for (Event *ev : {&reader, &timer, &signal, &common, &both}) {
    EXPECT_EQ((*ev)->ev_base, nullptr);
    EXPECT_EQ(evi::flags(**ev), EVLIST_INIT);
  }
}

// Freeing asks nothing of the kernel for each descriptor.
TEST(EventBase, freeing_the_base_does_not_delete_interest_one_by_one) {
  test::FakeClock clock;
  test::ScriptBackend script;
  const test::Pair pair = test::socket_pair();
  test::Base base = test::make_base(clock, script);
  Event reader(*base, pair.a, EV_READ), writer(*base, pair.b, EV_WRITE);
  reader.add();
  writer.add();
  base.reset();
  EXPECT_EQ(script.updates.size(), 2u);
}

class LoopLocalTest : public testing::Test {};

TEST_F(LoopLocalTest, is_destroyed_with_the_base) {
  int destroyed = 0;
  test::Base base = test::make_base();
  base->loop_local() = {&destroyed, [](void *data) noexcept { ++*static_cast<int *>(data); }};
  base.reset();
  EXPECT_EQ(destroyed, 1);
}

// --- fork ---

class ForkTest : public testing::TestWithParam<const char *> {
 protected:
  template <typename Fn>
  void in_child(Fn fn) {
    const pid_t child = fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
      alarm(20);
      fn();
      _exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
};

// must-not 9.
TEST_P(ForkTest, reinit_gives_the_child_its_own_loop) {
  const test::Threads threads;
  const test::Base base = test::make_base_with(GetParam());
  const test::Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST, [](int fd, short) { test::drain(fd); });
  Event timer(*base, kNoFd, 0), once(*base, pair.b, EV_READ);
  reader.add();
  once.add();
  timer.add(1000);
  in_child([&] {
    EXPECT_EQ(base->reinit(), 0);
    test::put(pair.b);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(reader.calls, 1);
    reader.del();  // which must not reach the parent's
    Event user(*base, kNoFd, 0);
    user.activate(0);
    EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
    EXPECT_EQ(user.calls, 1);
    EXPECT_TRUE(base->check_invariants());
  });
  EXPECT_EQ(reader.calls, 0);
  test::put(pair.b);
  test::put(pair.a);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(once.calls, 1);
}

TEST_P(ForkTest, reinit_without_a_fork_is_harmless) {
  const test::Threads threads;
  const test::Base base = test::make_base_with(GetParam());
  const test::Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ);
  Event signal(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  reader.add();
  signal.add();
  EXPECT_EQ(base->reinit(), 0);
  EXPECT_EQ(base->reinit(), 0);
  test::put(pair.b);
  raise(SIGUSR2);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(signal.calls, 1);
  EXPECT_TRUE(base->check_invariants());
}

TEST_P(ForkTest, reinit_reports_a_closed_fd) {
  const test::QuietLog quiet;
  const test::Base base = test::make_base_with(GetParam());
  test::Pair pair = test::socket_pair();
  Event gone(*base, pair.a, EV_READ | EV_PERSIST), stays(*base, pair.b, EV_WRITE);
  gone.add();
  stays.add();
  pair.a.close();
  EXPECT_EQ(base->reinit(), base->method() == std::string("epoll") ? -1 : 0);
  gone.del();
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(stays.calls, 1);
}

INSTANTIATE_TEST_SUITE_P(By, ForkTest, testing::ValuesIn(test::method_names()),
                         [](const auto &info) { return std::string(info.param); });

// --- out of memory (must-not 40, behaviour 17) ---

class NoMemory : public testing::TestWithParam<const char *> {
 protected:
  // A base that uses the method, made while memory fails.
  test::Base base() const { return test::make_base_with(GetParam()); }
  const test::QuietLog quiet;
  const test::Pair pair = test::socket_pair();
};

TEST_P(NoMemory, creating_a_base_fails_cleanly) {
  EXPECT_GE(test::sweep([&] { return base() != nullptr; }), 3);
}

TEST_P(NoMemory, creating_a_base_with_locks_fails_cleanly) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "there are no locks";
  const test::Threads threads;
  EXPECT_GE(test::sweep([&] { return base() != nullptr; }), 5);
}

TEST_P(NoMemory, adding_an_fd_fails_cleanly) {
  test::sweep([&] {
    const test::Base base = this->base();
    if (!base) return false;
    Event ev(*base, pair.a, EV_READ | EV_PERSIST), timed(*base, pair.b, EV_WRITE);
    const bool added = ev.add() == 0;
    const bool timed_added = timed.add(10) == 0;
    EXPECT_TRUE(base->check_invariants());
    EXPECT_EQ(ev.pending(), added ? EV_READ : 0);
    EXPECT_EQ(timed.pending(), timed_added ? EV_WRITE | EV_TIMEOUT : 0);
    base->loop(EVLOOP_NONBLOCK);
    EXPECT_EQ(timed.calls, timed_added);
    return added && timed_added;
  });
}

TEST_P(NoMemory, adding_many_fds_fails_cleanly) {
#ifdef _WIN32
  constexpr int kMany = 50;  // each costs a call to Wine's server per iteration
#else
  constexpr int kMany = 200;
#endif
  std::vector<test::Fd> fds;
  for (int i = 0; i < kMany; ++i) fds.emplace_back(dup(pair.a));
  test::sweep([&] {
    const test::Base base = this->base();
    if (!base) return false;
    std::vector<std::unique_ptr<Event>> events;
    bool all = true;
    for (const test::Fd &fd : fds) {
      events.push_back(std::make_unique<Event>(*base, fd, EV_WRITE));
      all = events.back()->add() == 0 && all;
    }
    EXPECT_TRUE(base->check_invariants());
    base->loop(EVLOOP_NONBLOCK);
    for (const auto &ev : events) all = all && ev->calls == 1;
    return all;
  });
}

// Memory for the snapshot of the descriptors is allocated when they are added.
TEST_P(NoMemory, waiting_fails_cleanly) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "there are no locks";
  const test::Threads threads;
  const test::Base base = this->base();
  std::vector<test::Fd> fds;
  std::vector<std::unique_ptr<Event>> events;
  for (int i = 0; i < 30; ++i) {
    fds.emplace_back(dup(pair.a));
    events.push_back(std::make_unique<Event>(*base, fds.back(), EV_WRITE | EV_PERSIST));
    ASSERT_EQ(events.back()->add(), 0);
  }
  base->loop(EVLOOP_ONCE);
  test::FaultAlloc memory;
  memory.fail_at(1, true);
  for (int round = 0; round < 3; ++round) EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  for (const auto &ev : events) EXPECT_EQ(ev->calls, 4);
  // Events beyond the table fail to be added, and those added before are still reported.
  int added = 0;
  std::vector<std::unique_ptr<Event>> more;
  for (int i = 0; i < 200; ++i) {
    fds.emplace_back(dup(pair.a));
    Event &last = *more.emplace_back(std::make_unique<Event>(*base, fds.back(), EV_WRITE));
    added += last.add() == 0;
  }
  // A wait may bring fewer than all at a time.
  for (int round = 0; round < 10; ++round) EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  for (const auto &ev : events) EXPECT_GE(ev->calls, 5);
  EXPECT_LT(added, 200);
}

TEST_P(NoMemory, adding_timers_fails_cleanly) {
  test::sweep([&] {
    const test::Base base = this->base();
    if (!base) return false;
    std::vector<std::unique_ptr<Event>> events;
    bool all = true;
    for (int i = 0; i < 100; ++i) {
      events.push_back(std::make_unique<Event>(*base, kNoFd, 0));
      const bool added = events.back()->add(100 + i) == 0;
      EXPECT_EQ(events.back()->pending(), added ? EV_TIMEOUT : 0);
      all = all && added;
    }
    EXPECT_TRUE(base->check_invariants());
    return all;
  });
}

TEST_P(NoMemory, adding_a_signal_fails_cleanly) {
  test::sweep([&] {
    const test::Base base = this->base();
    if (!base) return false;
    Event ev(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
    const bool added = ev.add(100) == 0;
    EXPECT_EQ(ev.pending(), added ? EV_SIGNAL | EV_TIMEOUT : 0);
    EXPECT_TRUE(base->check_invariants());
    if (added) {
      raise(SIGUSR2);
      base->loop(EVLOOP_NONBLOCK);
      EXPECT_EQ(ev.calls, 1);
    }
    return added;
  });
  struct sigaction action = {};
  ASSERT_EQ(sigaction(SIGUSR2, nullptr, &action), 0);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST_P(NoMemory, common_timeouts_fail_cleanly) {
  test::sweep([&] {
    const test::Base base = this->base();
    if (!base) return false;
    bool all = true;
    for (int i = 1; i < 40; ++i) {
      const timeval *tv = base->init_common_timeout({i, 0});
      all = all && tv;
      if (!tv) continue;
      Event ev(*base, kNoFd, 0);
      all = ev.add(*tv) == 0 && all;
      EXPECT_TRUE(base->check_invariants());
    }
    return all;
  });
}

TEST_P(NoMemory, once_fails_cleanly) {
  test::sweep([&] {
    const test::Base base = this->base();
    if (!base) return false;
    const timeval tv{100, 0};
    const auto callback = [](evutil_socket_t, short, void *) {};
    bool all = base->once(pair.a, EV_READ, callback, nullptr, &tv) == 0;
    all = base->once(-1, EV_TIMEOUT, callback, nullptr, &tv) == 0 && all;
    all = base->once(-1, EV_TIMEOUT, callback, nullptr, nullptr) == 0 && all;
    all = base->loop_exit_after(&tv) == 0 && all;
    EXPECT_TRUE(base->check_invariants());
    return all;
  });
}

TEST_P(NoMemory, setting_priorities_and_adding_watchers_fails_cleanly) {
  test::sweep([&] {
    const test::Base base = this->base();
    if (!base) return false;
    const bool set = base->set_priorities(10) == 0;
    EXPECT_EQ(base->priorities(), set ? 10 : 1);
    const auto prepare = [](evwatch *, const evwatch_prepare_cb_info *, void *) {};
    const auto check = [](evwatch *, const evwatch_check_cb_info *, void *) {};
    const bool watched = evwatch_prepare_new(base.get(), prepare, nullptr);
    return evwatch_check_new(base.get(), check, nullptr) && watched && set;
  });
}

// The loop itself works without memory that it cannot allocate, or returns an error.
TEST_P(NoMemory, running_the_loop_fails_cleanly) {
  const test::Threads threads;
  test::sweep([&] {
    const test::Base base = this->base();
    if (!base) return false;
    Event ev(*base, pair.a, EV_WRITE);
    if (ev.add() != 0) return false;
    if (base->loop(EVLOOP_NONBLOCK) < 0) return false;
    EXPECT_EQ(ev.calls, 1);
    return ev.calls == 1;
  });
}

TEST_P(NoMemory, reinit_fails_cleanly) {
  const test::Threads threads;
  test::sweep([&] {
    const test::Base base = this->base();
    if (!base) return false;
    Event ev(*base, pair.a, EV_WRITE);
    if (ev.add() != 0) return false;
    const bool good = base->reinit() == 0;
    EXPECT_TRUE(base->check_invariants());
    return good;
  });
}

INSTANTIATE_TEST_SUITE_P(With, NoMemory, testing::ValuesIn(test::method_names()),
                         [](const auto &info) { return std::string(info.param); });

TEST(NoMemoryForConfig, avoid_fails_cleanly) {
  test::sweep([] {
    const evi::Owned<event_config> config{evi::make<event_config>()};
    if (!config) return false;
    const char *const first = test::method_names()[0];
    const bool avoided = config->avoid(first);
    EXPECT_EQ(config->avoids(first), avoided);
    return avoided;
  });
}

TEST(NoMemoryForEvents, event_new_returns_null) {
  const test::Base base = test::make_base();
  test::sweep([&] {
    event *ev = event_new(
        base.get(), -1, 0, [](evutil_socket_t, short, void *) {}, nullptr);
    event_free(ev);
    return ev != nullptr;
  });
}

// Descriptors run out as memory does.
TEST_P(ForkTest, creation_fails_cleanly_when_descriptors_run_out) {
  // Those other than epoll need one only to be woken by other threads.
  if (!evi::kThreadSupport && GetParam() != std::string("epoll")) GTEST_SKIP() << "it needs none";
  const test::QuietLog quiet;
  const test::Threads threads;
  test::FaultAlloc memory;
  test::Base base;
  {
    const test::DescriptorLimit none(0);
    base = test::make_base_with(GetParam());
  }
  EXPECT_EQ(base, nullptr);
  EXPECT_EQ(memory.live(), 0u);
}

}  // namespace

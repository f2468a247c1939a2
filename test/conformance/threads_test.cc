// Other threads that add, delete and activate events while the loop waits.
#include "conformance/methods.h"

#ifndef EVENT__DISABLE_THREAD_SUPPORT

#include <sched.h>

#include <atomic>
#include <deque>
#include <memory>
#include <thread>

using conformance::Conformance;
using test::Event;
using test::Fd;
using test::kNoFd;
using test::Pair;

namespace {

class ConformanceOfThreads : public Conformance {
 protected:
  void SetUp() override {
    threads = std::make_unique<test::Threads>();
    Conformance::SetUp();
    keeper = std::make_unique<Event>(*base, kNoFd, 0);
    keeper->add(1000);
  }
  void TearDown() override {
    keeper.reset();
    base.reset();
    threads.reset();
  }
  // Runs the loop in a thread of its own while f runs in this one.
  template <typename F>
  void beside_the_loop(F &&f) {
    std::thread loop([&] { EXPECT_EQ(base->loop(0), 0); });
    while (!base->loop_runs_elsewhere()) sched_yield();
    f();
    base->loop_break();
    loop.join();
  }

  std::unique_ptr<test::Threads> threads;
  std::unique_ptr<Event> keeper;
};

template <typename T>
void wait_until(const T &reached) {
  while (!reached()) sched_yield();
}

TEST_P(ConformanceOfThreads, an_event_added_by_another_thread_is_watched) {
  std::atomic<int> reported{0};
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST, [&](int fd, short) {
    test::drain(fd);
    ++reported;
  });
  Event timer(*base, kNoFd, 0, [&](int, short) { ++reported; });
  beside_the_loop([&] {
    for (int round = 1; round <= 20; ++round) {
      const int before = reported;
      EXPECT_EQ(reader.add(), 0);
      test::put(pair.b);
      wait_until([&] { return reported > before; });
      reader.del();
      timer.add(0.0001);
      wait_until([&] { return reported > before + 1; });
    }
  });
}

TEST_P(ConformanceOfThreads, an_event_deleted_by_another_thread_is_not_reported) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST);
  reader.add();
  beside_the_loop([&] {
    reader.del();
    test::put(pair.b);
  });
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(reader.calls, 0);
}

TEST_P(ConformanceOfThreads, the_loop_can_be_woken_repeatedly) {
  std::atomic<int> reported{0};
  Event ev(*base, kNoFd, EV_PERSIST, [&](int, short) { ++reported; });
  beside_the_loop([&] {
    for (int i = 1; i <= 200; ++i) {
      ev.activate(EV_READ);
      wait_until([&] { return reported == i; });
    }
  });
  EXPECT_EQ(reported, 200);
}

TEST_P(ConformanceOfThreads, many_threads_wake_one_loop) {
  std::atomic<int> reported{0};
  std::deque<Event> events;
  for (int i = 0; i < 4; ++i) events.emplace_back(*base, kNoFd, EV_PERSIST, [&](int, short) { ++reported; });
  beside_the_loop([&] {
    std::deque<std::thread> threads;
    for (Event &ev : events) {
      threads.emplace_back([&ev] {
        for (int i = 0; i < 300; ++i) ev.activate(EV_READ);
      });
    }
    for (std::thread &thread : threads) thread.join();
    wait_until([&] { return reported > 0; });
  });
  EXPECT_LE(reported, 1200);
}

TEST_P(ConformanceOfThreads, a_wakeup_does_not_cause_an_extra_iteration_later) {
  std::atomic<int> reported{0};
  Event ev(*base, kNoFd, EV_PERSIST, [&](int, short) { ++reported; });
  beside_the_loop([&] {
    ev.activate(EV_READ);
    wait_until([&] { return reported == 1; });
  });
  Event timer(*base, kNoFd, 0);
  timer.add(0.002);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(timer.calls, 1);
}

TEST_P(ConformanceOfThreads, an_fd_reused_by_another_thread_reports_only_for_its_new_event) {
  std::atomic<int> wrong{0}, right{0};
  beside_the_loop([&] {
    for (int round = 0; round < 100; ++round) {
      Pair noisy = test::socket_pair();
      const Pair quiet = test::socket_pair();
      Event before(*base, noisy.a, EV_READ | EV_PERSIST, [](int fd, short) { test::drain(fd); });
      before.add();
      test::put(noisy.b);
      before.del();
      ASSERT_EQ(dup2(quiet.a, noisy.a), noisy.a);
      Event after(*base, noisy.a, EV_READ, [&](int fd, short) {
        char c;
        ++(read(fd, &c, 1) == 1 ? right : wrong);
      });
      after.add();
      test::put(quiet.b);
      wait_until([&] { return right + wrong > round; });
    }
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(right, 100);
}

// The child inherits the lock released, and has its own wakeup fd.
TEST_P(ConformanceOfThreads, a_child_can_be_woken_after_reinit) {
  EXPECT_TRUE(conformance::child_agrees([&] {
    EXPECT_EQ(base->reinit(), 0);
    std::atomic<int> reported{0};
    Event ev(*base, kNoFd, EV_PERSIST, [&](int, short) { ++reported; });
    beside_the_loop([&] {
      ev.activate(EV_READ);
      wait_until([&] { return reported == 1; });
    });
    return reported == 1;
  }));
  std::atomic<int> reported{0};
  Event ev(*base, kNoFd, EV_PERSIST, [&](int, short) { ++reported; });
  beside_the_loop([&] {
    ev.activate(EV_READ);
    wait_until([&] { return reported == 1; });
  });
}

INSTANTIATE_TEST_SUITE_P(By, ConformanceOfThreads, testing::ValuesIn(conformance::methods()),
                         [](const auto &info) { return conformance::label(info.param); });

}  // namespace

#endif

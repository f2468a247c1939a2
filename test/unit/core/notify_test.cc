// A loop used from other threads: adding, deleting and activating events take effect, and deletion waits for
// the callback.
#include <fcntl.h>
#include <gtest/gtest.h>
#ifdef __linux__
#include <poll.h>
#endif

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "core/deferred.h"
#include "core/flush_queue.h"
#include "core/waker.h"
#include "support/descriptor_limit.h"
#include "support/events.h"
#include "support/methods.h"

using test::Event;
using test::kNoFd;

namespace {

// Something that happens once, for threads to wait for.
class Signal {
 public:
  void set() {
    const std::lock_guard<std::mutex> held(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock<std::mutex> held(mutex_);
    changed_.wait(held, [&] { return set_; });
  }
  bool is_set() {
    const std::lock_guard<std::mutex> held(mutex_);
    return set_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

// A base whose loop runs in a thread of its own until the end of the test.
class NotifyTest : public testing::TestWithParam<const char *> {
 protected:
  void SetUp() override {
    if (!evi::kThreadSupport) GTEST_SKIP() << "one thread may use a base";
    base = test::make_base_with(GetParam());
  }
  void TearDown() override {
    if (thread.joinable()) {
      base->loop_break();
      thread.join();
    }
    base.reset();
  }
  void run(int flags = EVLOOP_NO_EXIT_ON_EMPTY) {
    thread = std::thread([this, flags] { result = base->loop(flags); });
  }
  // Returns when the loop waits in the kernel, or soon will: a callback has run and nothing else is to do.
  void until_it_waits() {
    Signal ran;
    Event ev(*base, kNoFd, 0, [&](int, short) { ran.set(); });
    ev.activate(0);
    ran.wait();
  }

  test::Threads threads;
  test::Base base;
  std::thread thread;
  int result = -2;
};

TEST_P(NotifyTest, the_event_of_a_threaded_base_is_not_counted) {
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_TRUE(base->make_notifiable());
}

TEST_P(NotifyTest, activation_wakes_the_loop) {
  run();
  until_it_waits();
  Signal ran;
  Event ev(*base, kNoFd, 0, [&](int, short) { ran.set(); });
  ev.activate(0);
  ran.wait();
}

TEST_P(NotifyTest, an_added_descriptor_is_watched_at_once) {
  run();
  until_it_waits();
  const test::Pair pair = test::socket_pair();
  Signal ran;
  Event ev(*base, pair.a, EV_READ, [&](int, short) { ran.set(); });
  test::put(pair.b);
  ASSERT_EQ(ev.add(), 0);
  ran.wait();
}

TEST_P(NotifyTest, an_added_timer_shortens_the_wait) {
  run();
  Event far(*base, kNoFd, 0);
  far.add(1000);
  until_it_waits();
  Signal ran;
  Event near(*base, kNoFd, 0, [&](int, short) { ran.set(); });
  near.add(0.002);
  ran.wait();
  EXPECT_EQ(far.calls, 0);
}

TEST_P(NotifyTest, a_common_timeout_shortens_the_wait) {
  const timeval *tv = base->init_common_timeout(test::seconds(0.002));
  ASSERT_NE(tv, nullptr);
  run();
  until_it_waits();
  Signal ran;
  Event near(*base, kNoFd, 0, [&](int, short) { ran.set(); });
  near.add(*tv);
  ran.wait();
}

TEST_P(NotifyTest, a_deadline_brought_forward_shortens_the_wait) {
  run();
  Signal ran;
  Event ev(*base, kNoFd, 0, [&](int, short) { ran.set(); });
  ev.add(1000);
  until_it_waits();
  ev.add(0.002);
  ran.wait();
}

TEST_P(NotifyTest, loopbreak_interrupts_the_wait) {
  run();
  until_it_waits();
  base->loop_break();
  thread.join();
  EXPECT_EQ(result, 0);
  EXPECT_TRUE(base->got_break());
}

TEST_P(NotifyTest, loopexit_interrupts_the_wait) {
  run();
  until_it_waits();
  base->loop_exit_after(nullptr);
  thread.join();
  EXPECT_EQ(result, 0);
  EXPECT_TRUE(base->got_exit());
}

TEST_P(NotifyTest, deleting_the_last_event_stops_the_loop) {
  const test::Pair pair = test::socket_pair();
  Event ev(*base, pair.a, EV_READ | EV_PERSIST);
  ev.add();
  run(0);
  until_it_waits();
  ev.del();
  thread.join();
  EXPECT_EQ(result, 1);
}

TEST_P(NotifyTest, once_can_be_called_from_another_thread) {
  run();
  until_it_waits();
  Signal ran;
  const auto callback = [](evutil_socket_t, short, void *arg) { static_cast<Signal *>(arg)->set(); };
  EXPECT_EQ(base->once(-1, EV_TIMEOUT, callback, &ran, nullptr), 0);
  ran.wait();
}

TEST_P(NotifyTest, deferred_and_flush_wake_the_loop) {
  run();
  until_it_waits();
  static Signal *ran;
  Signal deferred_ran, flush_ran;
  event_callback cb;
  ran = &deferred_ran;
  evi::deferred_init(
      cb, 0, [](event_callback *, void *) { ran->set(); }, nullptr);
  evi::deferred_schedule(*base, cb);
  deferred_ran.wait();
  until_it_waits();
  ran = &flush_ran;
  evi::FlushHook hook;
  static constexpr evi::FlushKind kKind = {[](evi::FlushHook &, bool) noexcept { ran->set(); }};
  hook.flush_kind = &kKind;
  evi::flush_schedule(*base, hook);
  flush_ran.wait();
}

// Behaviour 15, must-not 1.
TEST_P(NotifyTest, del_waits_for_the_callback) {
  run();
  for (const short what : {short{0}, short{EV_PERSIST}}) {
    Signal entered;
    std::atomic<bool> leave{false}, left{false};
    Event ev(*base, kNoFd, what, [&](int, short) {
      entered.set();
      while (!leave) std::this_thread::yield();
      left = true;
    });
    ev.activate(0);
    entered.wait();
    std::thread releaser([&] { leave = true; });
    ev.del();
    EXPECT_TRUE(left);
    releaser.join();
  }
}

int count_open_fds() {
  int count = 0;
  for (int fd = 0; fd < 256; ++fd) count += fcntl(fd, F_GETFD) != -1;
  return count;
}

TEST_P(NotifyTest, a_renewal_that_failed_is_repeated_by_the_next) {
  const int before = count_open_fds();
  {
    const test::QuietLog quiet;
    const test::DescriptorLimit none(0);
    EXPECT_EQ(base->reinit(), -1);
  }
  EXPECT_EQ(base->reinit(), 0);
  EXPECT_EQ(count_open_fds(), before);
  EXPECT_TRUE(base->check_invariants());
  run();
  until_it_waits();
}

// The deletion has asked for a wake-up, which is due when it returns, while it waits for the callback.
TEST_P(NotifyTest, the_channel_may_be_renewed_while_a_wake_up_is_due) {
  std::thread deleter;
  Event ev(*base, kNoFd, EV_PERSIST, [&](int, short) {
    deleter = std::thread([&] { ev.del(); });
    while (event_pending(&*ev, EV_TIMEOUT, nullptr)) std::this_thread::yield();
    EXPECT_EQ(base->reinit(), 0);
  });
  ev.add(0.001);  // added again before the callback
  run(0);
  thread.join();
  deleter.join();
  EXPECT_EQ(result, 1);
  EXPECT_EQ(ev.calls, 1);
}

TEST_P(NotifyTest, del_waits_for_a_series_of_signal_calls) {
  run();
  Signal entered;
  std::atomic<bool> leave{false};
  std::atomic<int> calls{0};
  Event ev(*base, SIGUSR2, EV_SIGNAL, [&](int, short) {
    ++calls;
    entered.set();
    while (!leave) std::this_thread::yield();
  });
  ev.activate(EV_SIGNAL, 1000);
  entered.wait();
  std::thread releaser([&] { leave = true; });
  ev.del();
  const int at_return = calls;
  releaser.join();
  until_it_waits();
  EXPECT_EQ(calls, at_return);
}

TEST_P(NotifyTest, del_noblock_does_not_wait_for_the_callback) {
  run();
  for (const auto mode : {evi::DelMode::no_block, evi::DelMode::automatic}) {
    Signal entered, leave;
    std::atomic<bool> left{false};
    Event ev(*base, kNoFd, EV_FINALIZE, [&](int, short) {
      entered.set();
      leave.wait();
      left = true;
    });
    ev.activate(0);
    entered.wait();
    ev.del(mode);
    EXPECT_FALSE(left);
    leave.set();
    ev.del(evi::DelMode::block);
    EXPECT_TRUE(left);
  }
}

TEST_P(NotifyTest, del_in_the_callback_does_not_wait) {
  run();
  Signal done;
  Event ev(*base, kNoFd, EV_PERSIST, [&](int, short) {
    ev.del(evi::DelMode::block);
    done.set();
  });
  ev.add(0.001);
  done.wait();
}

TEST_P(NotifyTest, a_deleted_event_does_not_start) {
  run();
  until_it_waits();  // or the break at the end might come before the loop, which forgets it when it starts
  for (int round = 0; round < 300; ++round) {
    std::atomic<bool> alive{true};
    auto ev = std::make_unique<Event>(*base, kNoFd, 0, [&](int, short) { EXPECT_TRUE(alive); });
    ev->activate(0);
    if (round % 2) std::this_thread::yield();
    ev->del();
    alive = false;
  }
}

TEST_P(NotifyTest, finalize_does_not_wait_and_runs_after_the_callback) {
  run();
  for (const bool is_signal : {false, true}) {
    Signal entered, leave, finalized;
    std::atomic<bool> left{false};
    struct Context {
      Signal *entered, *leave, *finalized;
      std::atomic<bool> *left;
    } context{&entered, &leave, &finalized, &left};
    event ev;
    const auto callback = [](evutil_socket_t, short, void *arg) {
      auto *c = static_cast<Context *>(arg);
      c->entered->set();
      c->leave->wait();
      *c->left = true;
    };
    ASSERT_EQ(evi::assign_event(ev, base.get(), is_signal ? SIGUSR2 : -1,
                                is_signal ? EV_SIGNAL | EV_FINALIZE : EV_FINALIZE, callback, &context),
              0);
    base->activate(ev, is_signal ? EV_SIGNAL : EV_TIMEOUT, 1);
    entered.wait();
    base->finalize(
        ev,
        [](event *, void *arg) {
          auto *c = static_cast<Context *>(arg);
          EXPECT_TRUE(*c->left);
          c->finalized->set();
        },
        false);
    EXPECT_FALSE(left);
    leave.set();
    finalized.wait();
    until_it_waits();
  }
}

// Each thread has events and descriptors of its own and does everything with them while the loop runs.
TEST_P(NotifyTest, all_calls_are_safe_from_all_threads) {
  run();
  constexpr int kThreads = 3;
  constexpr int kRounds = 150;
#ifdef _WIN32
  // select() may be waiting on an fd that is closed meanwhile; Wine's server fails if a new socket is being
  // given it.
  const test::Pair pairs[kThreads] = {test::socket_pair(), test::socket_pair(), test::socket_pair()};
  const auto pair_of = [&](int t) -> const test::Pair & { return pairs[t]; };
#else
  const auto pair_of = [](int) { return test::socket_pair(); };
#endif
  std::vector<std::thread> workers;
  std::atomic<int> calls{0};
  for (int t = 0; t < kThreads; ++t) {
    workers.emplace_back([&, t] {
      const timeval *common = base->init_common_timeout(test::seconds(0.001 * (t + 1)));
      for (int round = 0; round < kRounds; ++round) {
        const test::Pair &pair = pair_of(t);
        std::atomic<int> own{0};
        Event reader(*base, pair.a, EV_READ | EV_PERSIST, [&](int fd, short) {
          test::drain(fd);
          ++own;
          ++calls;
        });
        Event writer(*base, pair.a, EV_WRITE, [&](int, short) { ++calls; });
        Event timer(*base, kNoFd, EV_PERSIST, [&](int, short) { ++calls; });
        Event far(*base, kNoFd, 0);
        EXPECT_EQ(reader.add(5), 0);
        EXPECT_EQ(writer.add(), 0);
        EXPECT_EQ(timer.add(*common), 0);
        EXPECT_EQ(far.add(100 + round), 0);
        test::put(pair.b);
        while (own == 0) std::this_thread::yield();
        writer.activate(EV_WRITE);
        far.add(50);
        reader.pending();
        base->remove_timer(*timer);
        timer.del();
        writer.del();
        EXPECT_EQ(writer.add(), 0);
        // writer, far and reader are deleted by the end of their scope
      }
    });
  }
  for (std::thread &worker : workers) worker.join();
  EXPECT_GE(calls, kThreads * kRounds);
  EXPECT_TRUE(base->check_invariants());
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
}

// The heap's room is had before a signal event's wait, during which other threads may fill it.
TEST_P(NotifyTest, timers_added_while_a_signal_event_is_waited_for) {
  run();
  Signal entered, leave;
  Event ev(*base, SIGUSR2, EV_SIGNAL, [&](int, short) {
    entered.set();
    leave.wait();
  });
  ev.activate(EV_SIGNAL);
  entered.wait();
  std::vector<std::unique_ptr<Event>> timers;
  for (int i = 0; i < 31; ++i) {
    timers.push_back(std::make_unique<Event>(*base, kNoFd, 0));
    timers.back()->add(1000);
  }
  std::thread adder([&] { EXPECT_EQ(ev.add(1000), 0); });  // waits for the callback
  for (int i = 0; i < 200; ++i) std::this_thread::yield();
  for (int i = 0; i < 200; ++i) {
    timers.push_back(std::make_unique<Event>(*base, kNoFd, 0));
    timers.back()->add(1000);
  }
  leave.set();
  adder.join();
  EXPECT_TRUE(base->check_invariants());
}

TEST_P(NotifyTest, the_nolock_flag_creates_a_base_without_a_lock) {
  event_config config;
  config.flags = EVENT_BASE_FLAG_NOLOCK;
  const test::Base unlocked = test::make_base(&config);
  EXPECT_FALSE(unlocked->lock());
  Event ev(*unlocked, kNoFd, 0);
  ev.activate(0);
  EXPECT_EQ(unlocked->loop(0), 1);
  EXPECT_EQ(ev.calls, 1);
}

TEST_P(NotifyTest, loop_runs_elsewhere_is_true_only_in_other_threads) {
  EXPECT_FALSE(base->loop_runs_elsewhere());
  run();
  Signal ran;
  Event ev(*base, kNoFd, 0, [&](int, short) {
    EXPECT_FALSE(base->loop_runs_elsewhere());
    ran.set();
  });
  ev.activate(0);
  ran.wait();
  EXPECT_TRUE(base->loop_runs_elsewhere());
}

INSTANTIATE_TEST_SUITE_P(By, NotifyTest, testing::ValuesIn(test::method_names()),
                         [](const auto &info) { return std::string(info.param); });

// A loop that waits while another thread notifies it, some wake-ups refused by the system.
class RefusedWakes : public testing::Test {
 protected:
  void SetUp() override {
    if (!evi::kThreadSupport) GTEST_SKIP() << "one thread may use a base";
    script.destroy = [](void *) noexcept {};
  }
  // Activates events from another thread while the loop waits, and ends the wait.
  template <typename F>
  void while_it_waits(F &&f) {
    script.on_wait = [&](evi::Micros) {
      std::thread([&] { f(); }).join();
      script.on_wait = {};
    };
    Event far(*base, kNoFd, 0);
    far.add(1000);
    base->loop(EVLOOP_ONCE);
  }
  void notify() {
    Event ev(*base, kNoFd, 0);
    ev.activate(0);
  }

  test::Threads threads;
  test::FakeClock clock;
  struct Script : test::ScriptBackend {
    using ScriptBackend::ScriptBackend;
    int wakes = 0, refusals = 0;
  } script{&clock};
  test::Base base;
};

TEST_F(RefusedWakes, a_failed_wake_is_retried_by_the_next_notification) {
  script.prepare_wake = [](void *) noexcept { return true; };
  script.wake = [](void *self) noexcept {
    auto &to = *static_cast<Script *>(static_cast<test::ScriptBackend *>(self));
    ++to.wakes;
    return to.refusals-- <= 0;
  };
  base = test::make_base(clock, script);
  ASSERT_NE(base, nullptr);
  script.refusals = 2;
  while_it_waits([&] {
    notify();
    notify();
    EXPECT_EQ(script.wakes, 2);
    notify();
    EXPECT_EQ(script.wakes, 3);
    notify();  // the loop has left the wait
    EXPECT_EQ(script.wakes, 3);
  });
}

// Registrations that failed are retried when the next wait begins.
TEST_F(RefusedWakes, the_loop_wakes_to_retry_failed_registrations) {
  script.prepare_wake = [](void *) noexcept { return true; };
  script.wake = [](void *self) noexcept {
    ++static_cast<Script *>(static_cast<test::ScriptBackend *>(self))->wakes;
    return false;
  };
  base = test::make_base(clock, script);
  ASSERT_NE(base, nullptr);
  const test::QuietLog quiet;
  const test::Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST), writer(*base, pair.a, EV_WRITE | EV_PERSIST);
  ASSERT_EQ(reader.add(), 0);
  while_it_waits([&] {
    script.fail_updates = 1;
    EXPECT_EQ(writer.add(), -1);
    EXPECT_EQ(script.wakes, 1);
    EXPECT_EQ(writer.add(), 0);
    EXPECT_EQ(script.wakes, 1);
    script.fail_updates = 1;
    writer.del();
    EXPECT_EQ(script.wakes, 2);
  });
}

#ifdef __linux__
TEST_F(RefusedWakes, a_failed_write_to_the_wakeup_fd_is_retried) {
  base = test::make_base(clock, script);
  ASSERT_NE(base, nullptr);
  ASSERT_EQ(script.updates.size(), 1u);
  const int wakeup_fd = script.updates[0].fd;
  const test::Fd waker{dup(wakeup_fd)};
  const test::Fd unwritable{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  const auto rung = [&] {
    pollfd entry{waker, POLLIN, 0};
    return poll(&entry, 1, 0) == 1;
  };
  while_it_waits([&] {
    EXPECT_EQ(dup2(unwritable, wakeup_fd), wakeup_fd);
    notify();
    EXPECT_EQ(dup2(waker, wakeup_fd), wakeup_fd);
    EXPECT_FALSE(rung());
    notify();
    EXPECT_TRUE(rung());
  });
}
#endif

TEST(Waker, wake_returns_whether_the_write_succeeded) {
  evi::Waker waker;
  ASSERT_TRUE(waker.open());
  EXPECT_TRUE(evi::Waker::wake(waker.write_fd()));
  EXPECT_FALSE(evi::Waker::wake(kNoFd));
}

// must-not 7: bases know nothing of each other.
TEST(SeveralBases, bases_in_several_threads_are_independent) {
  const test::Threads threads;
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t) {
    workers.emplace_back([] {
      for (int round = 0; round < 20; ++round) {
        const test::Base base = test::make_base();
        const test::Pair pair = test::socket_pair();
        Event reader(*base, pair.a, EV_READ | EV_PERSIST, [](int fd, short) { test::drain(fd); });
        Event timer(*base, kNoFd, 0, [&](int, short) { base->loop_break(); });
        Event signal(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
        reader.add();
        timer.add(0.001);
        EXPECT_EQ(signal.add(), 0);
        test::put(pair.b);
        EXPECT_EQ(base->loop(0), 0);
        EXPECT_EQ(reader.calls, 1);
      }
    });
  }
  for (std::thread &worker : workers) worker.join();
}

}  // namespace

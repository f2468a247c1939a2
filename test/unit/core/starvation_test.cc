// Callbacks that activate callbacks: a pass over one priority is bounded, and then the loop polls descriptors
// and timers without waiting.
#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/events.h"

using evi::kMaxChainedCallbacks;
using evi::Micros;
using test::Event;
using test::kNoFd;

namespace {

class StarvationTest : public testing::Test {
 protected:
  // A chain of `length` calls, each of which posts the next one in the way that `post` does.
  void chain(int length, std::function<void(event_callback_fn, void *)> post) {
    left = length;
    calls = 0;
    post_ = std::move(post);
    post_(step, this);
  }
  static void step(evutil_socket_t, short, void *arg) {
    auto *self = static_cast<StarvationTest *>(arg);
    ++self->calls;
    if (--self->left > 0) self->post_(step, arg);
  }
  void chain_by_once(int length) {
    chain(length, [this](event_callback_fn fn, void *arg) {
      EXPECT_EQ(base->once(kNoFd, EV_TIMEOUT, fn, arg, nullptr), 0);
    });
  }
  void use(const event_config &config) { base = test::make_base(clock, script, &config); }

  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  test::Pair pair = test::socket_pair();
  int left = 0;
  int calls = 0;

 private:
  std::function<void(event_callback_fn, void *)> post_;
};

constexpr int kEndless = 1 << 30;

// The first was active when the pass began; the others are chained.
TEST_F(StarvationTest, a_chain_up_to_the_bound_runs_in_one_pass) {
  for (const int flags : {0, EVLOOP_ONCE, EVLOOP_ONCE | EVLOOP_NONBLOCK}) {
    script.waits.clear();
    chain_by_once(1 + kMaxChainedCallbacks);
    EXPECT_GE(base->loop(flags), 0);
    EXPECT_EQ(left, 0);
    EXPECT_EQ(script.waits, std::vector<Micros>{0}) << flags;
  }
}

TEST_F(StarvationTest, a_chain_beyond_the_bound_continues_after_a_poll_without_waiting) {
  for (const int flags : {0, EVLOOP_ONCE, EVLOOP_ONCE | EVLOOP_NONBLOCK}) {
    script.waits.clear();
    chain_by_once(2 + kMaxChainedCallbacks);
    EXPECT_GE(base->loop(flags), 0);
    EXPECT_EQ(left, 0);  // within the same call
    EXPECT_EQ(script.waits, (std::vector<Micros>{0, 0})) << flags;
  }
}

// All callbacks active when the pass began belong to it, however many there are.
TEST_F(StarvationTest, events_that_are_active_already_are_not_bounded) {
  std::vector<std::unique_ptr<Event>> many;
  for (int i = 0; i < 3 * kMaxChainedCallbacks; ++i) {
    many.push_back(std::make_unique<Event>(*base, kNoFd, 0));
    many.back()->activate(EV_TIMEOUT);
  }
  EXPECT_EQ(base->loop(0), 1);
  for (const auto &ev : many) EXPECT_EQ(ev->calls, 1);
  EXPECT_EQ(script.waits.size(), 1u);
}

// Each way of posting, with nothing but descriptors and timers of the same priority to end it.
class Poster : public StarvationTest, public testing::WithParamInterface<const char *> {
 protected:
  void start() {
    const std::string way = GetParam();
    const bool signal = way == "a signal event";
    self = std::make_unique<Event>(*base, signal ? SIGUSR2 : kNoFd, signal ? EV_SIGNAL : 0);
    self->on_call([this, way](int, short) { post(way); });
    post(way);
  }
  void post(const std::string &way) {
    if (way == "event_active") self->activate(EV_TIMEOUT);
    if (way == "a signal event") self->activate(EV_SIGNAL);
    if (way == "event_base_once") chain_by_once(kEndless);
    if (way == "event_add of zero") self->add(timeval{0, 0});
    if (way == "two events in turn") {
      if (!other) other = std::make_unique<Event>(*base, kNoFd, 0, [this](int, short) { self->activate(0); });
      other->activate(0);
    }
    if (way == "finalizers") finalize();
  }
  void finalize() {
    if (over) return;
    ASSERT_EQ(evi::assign_event(finalized, base.get(), kNoFd, 0, nullptr, this), 0);
    base->finalize(
        finalized, [](event *, void *arg) { static_cast<Poster *>(arg)->finalize(); }, false);
  }
  void TearDown() override {
    over = true;
    self.reset();
    other.reset();
    base.reset();  // runs the last finalizer
  }

  std::unique_ptr<Event> self, other;
  event finalized = {};
  bool over = false;
};

TEST_P(Poster, does_not_starve_descriptors_and_timers) {
  Event reader(*base, pair.a, EV_READ), timer(*base, kNoFd, 0);
  const auto end = [&](int, short) {
    if (reader.calls && timer.calls) base->loop_break();
  };
  reader.on_call(end);
  timer.on_call(end);
  reader.add();
  timer.add(0.001);
  start();
  script.on_wait = [&](Micros timeout) {
    EXPECT_EQ(timeout, 0);
    clock.t += 500;
    if (script.waits.size() == 2) script.ready(pair.a, EV_READ);
    if (script.waits.size() == 10) base->loop_break();
  };
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(timer.calls, 1);
  EXPECT_LE(script.waits.size(), 4u);
}

TEST_P(Poster, does_not_starve_signals) {
  Event signal(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](int, short) { base->loop_break(); });
  signal.add();
  start();
  script.on_wait = [&](Micros) {
    if (script.waits.size() == 2) raise(SIGUSR1);
    if (script.waits.size() == 10) base->loop_break();
  };
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(signal.calls, 1);
}

INSTANTIATE_TEST_SUITE_P(By, Poster,
                         testing::Values("event_active", "a signal event", "event_base_once",
                                         "event_add of zero", "two events in turn", "finalizers"),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name) c = c == ' ' ? '_' : c;
                           return name;
                         });

// --- beside the other ways to end a pass ---

TEST_F(StarvationTest, a_more_urgent_timer_runs_before_the_chain_continues) {
  ASSERT_EQ(base->set_priorities(2), 0);
  Event timer(*base, kNoFd, 0, [&](int, short) { base->loop_break(); });
  timer.set_priority(0);
  timer.add(0.001);
  chain_by_once(kEndless);
  script.on_wait = [&](Micros) { clock.t += 600; };
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(timer.calls, 1);
  EXPECT_LE(calls, 2 * (1 + kMaxChainedCallbacks));
}

TEST_F(StarvationTest, a_lower_configured_limit_is_obeyed) {
  event_config config;
  config.max_dispatch_callbacks = 5;
  use(config);
  chain_by_once(20);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(script.waits.size(), 4u);
}

TEST_F(StarvationTest, a_higher_configured_limit_does_not_raise_the_bound) {
  event_config config;
  config.max_dispatch_callbacks = 100 * kMaxChainedCallbacks;
  use(config);
  chain_by_once(2 + kMaxChainedCallbacks);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(script.waits.size(), 2u);
}

// The program's limits spare the most urgent priorities; the bound does not.
TEST_F(StarvationTest, priorities_without_a_limit_are_bounded) {
  event_config config;
  config.max_dispatch_callbacks = 1;
  config.limit_from_priority = 1;
  use(config);
  chain_by_once(2 + kMaxChainedCallbacks);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(script.waits.size(), 2u);
}

TEST_F(StarvationTest, loopexit_stops_an_endless_chain) {
  chain_by_once(kEndless);
  EXPECT_EQ(base->loop_exit_after(nullptr), 0);
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_LE(calls, 1 + kMaxChainedCallbacks + 1);
}

TEST_F(StarvationTest, loopcontinue_stops_the_pass_immediately) {
  Event ev(*base, kNoFd, 0);
  ev.on_call([&](int, short) {
    if (ev.calls < 4) ev.activate(0);
    base->loop_continue();
  });
  ev.activate(0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(script.waits.size(), 4u);
}

}  // namespace

// Watchers: when they run, what they may do to each other and to the loop.
#include "event2/watch.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "support/events.h"
#include "support/fault_alloc.h"

using evi::Micros;
using test::Event;
using test::kNoFd;

namespace {

struct Watch {
  Watch(event_base &base, bool is_check, std::function<void(const evwatch_prepare_cb_info *)> fn)
      : does(std::move(fn)) {
    it = is_check ? evwatch_check_new(&base, on_check, this) : evwatch_prepare_new(&base, on_prepare, this);
    EXPECT_NE(it, nullptr);
  }
  Watch(const Watch &) = delete;
  Watch &operator=(const Watch &) = delete;
  ~Watch() { free(); }
  void free() {
    evwatch_free(it);
    it = nullptr;
  }
  static void on_prepare(evwatch *watch, const evwatch_prepare_cb_info *info, void *arg) {
    auto *self = static_cast<Watch *>(arg);
    EXPECT_EQ(watch, self->it);
    ++self->calls;
    if (const auto does = self->does) does(info);
  }
  static void on_check(evwatch *watch, const evwatch_check_cb_info *, void *arg) {
    auto *self = static_cast<Watch *>(arg);
    EXPECT_EQ(watch, self->it);
    ++self->calls;
    if (const auto does = self->does) does(nullptr);
  }
  std::function<void(const evwatch_prepare_cb_info *)> does;
  evwatch *it = nullptr;
  int calls = 0;
};

class WatchTest : public testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Watch> watch(std::function<void()> fn) {
    return std::make_unique<Watch>(*base, GetParam(), [fn](const evwatch_prepare_cb_info *) {
      if (fn) fn();
    });
  }
  std::unique_ptr<Watch> noting(char c) {
    return watch([this, c] { order += c; });
  }
  int turn() { return base->loop(EVLOOP_NONBLOCK); }

  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  Event alive{*base, kNoFd, EV_PERSIST};
  std::string order;
  void SetUp() override { alive.add(1000); }
};

TEST_P(WatchTest, watchers_run_in_creation_order) {
  const auto a = noting('a'), b = noting('b'), c = noting('c');
  EXPECT_EQ(evwatch_base(a->it), base.get());
  turn();
  turn();
  EXPECT_EQ(order, "abcabc");
}

TEST_P(WatchTest, a_watcher_may_free_itself) {
  std::unique_ptr<Watch> a = noting('a'), b, c = noting('c');
  b = watch([&] {
    order += 'b';
    b->free();
  });
  const auto d = noting('d');
  turn();
  turn();
  EXPECT_EQ(order, "acbdacd");
}

TEST_P(WatchTest, a_watcher_may_free_any_other) {
  constexpr const char *kExpected[] = {"0123123", "01230123", "013013", "012012"};
  for (const std::size_t victim : {0, 2, 3}) {
    order.clear();
    std::unique_ptr<Watch> all[4];
    for (std::size_t i = 0; i < 4; ++i) {
      all[i] = watch([&, i] {
        order += static_cast<char>('0' + i);
        if (i == 1) all[victim]->free();
      });
    }
    turn();
    turn();
    EXPECT_EQ(order, kExpected[victim]);
  }
}

TEST_P(WatchTest, a_watcher_created_in_a_callback_runs_from_the_next_iteration_on) {
  std::vector<std::unique_ptr<Watch>> more;
  const auto a = watch([&] {
    order += 'a';
    more.push_back(noting('n'));
  });
  turn();
  EXPECT_EQ(order, "a");
  turn();
  EXPECT_EQ(order, "aan");
}

// A watcher that replaces itself must not keep its iteration from ending.
TEST_P(WatchTest, a_watcher_that_replaces_itself_runs_once_per_iteration) {
  std::vector<std::unique_ptr<Watch>> ended;
  std::unique_ptr<Watch> current;
  int made = 0;
  std::function<void()> replace = [&] {
    if (++made > 50) return;
    current->free();
    ended.push_back(std::move(current));  // its callback is running
    current = watch(replace);
  };
  current = watch(replace);
  turn();
  EXPECT_EQ(made, 1);
  turn();
  EXPECT_EQ(made, 2);
  made = 100;
}

TEST_P(WatchTest, remaining_watchers_are_freed_with_the_base) {
  test::FaultAlloc memory;
  {
    test::Base other = test::make_base();
    const auto ignore_prepare = [](evwatch *, const evwatch_prepare_cb_info *, void *) {};
    const auto ignore_check = [](evwatch *, const evwatch_check_cb_info *, void *) {};
    EXPECT_NE(evwatch_prepare_new(other.get(), ignore_prepare, nullptr), nullptr);
    EXPECT_NE(evwatch_check_new(other.get(), ignore_check, nullptr), nullptr);
  }
  EXPECT_EQ(memory.live(), 0u);
}

TEST_P(WatchTest, loopbreak_in_a_watcher_stops_the_iteration) {
  Event ev(*base, kNoFd, 0);
  ev.activate(0);
  const auto a = watch([&] { base->loop_break(); });
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(ev.calls, 0);
  EXPECT_TRUE(base->got_break());
  for (const Micros wait : script.waits) EXPECT_EQ(wait, 0);
}

INSTANTIATE_TEST_SUITE_P(Kind, WatchTest, testing::Bool(),
                         [](const auto &info) { return info.param ? "check" : "prepare"; });

class PrepareTest : public testing::Test {
 protected:
  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
};

TEST_F(PrepareTest, prepare_and_check_run_around_the_wait) {
  std::string order;
  Event ev(*base, kNoFd, 0, [&](int, short) { order += 'e'; });
  ev.add(1);
  Watch prepare(*base, false, [&](auto) { order += 'p'; });
  Watch check(*base, true, [&](auto) { order += 'c'; });
  script.on_wait = [&](Micros timeout) {
    order += 'w';
    clock.t += timeout;
  };
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "pwce");
}

TEST_F(PrepareTest, get_timeout_returns_the_length_of_the_next_wait) {
  timeval tv{};
  int known = -1;
  Watch prepare(*base, false, [&](const evwatch_prepare_cb_info *info) {
    tv = {77, 77};
    known = evwatch_prepare_get_timeout(info, &tv);
  });
  Event ev(*base, kNoFd, 0);
  ev.add(2.5);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(known, 1);
  EXPECT_EQ(evi::to_micros(tv), 2'500'000);

  ev.activate(0);
  base->loop(0);
  EXPECT_EQ(known, 1);
  EXPECT_EQ(evi::to_micros(tv), 0);

  script.on_wait = [&](Micros) { base->loop_break(); };
  base->loop(EVLOOP_NO_EXIT_ON_EMPTY);
  EXPECT_EQ(known, 0);
  EXPECT_EQ(tv.tv_sec, 77);
}

TEST_F(PrepareTest, the_longest_wait_does_not_overflow) {
  timeval tv{};
  Watch prepare(*base, false,
                [&](const evwatch_prepare_cb_info *info) { evwatch_prepare_get_timeout(info, &tv); });
  Event ev(*base, kNoFd, 0);
  ev.add(timeval{.tv_sec = std::numeric_limits<decltype(tv.tv_sec)>::max(), .tv_usec = 0});
  script.on_wait = [&](Micros) { base->loop_break(); };
  base->loop(0);
  constexpr std::int64_t kSixtyYears = std::int64_t{60} * 365 * 86'400;
  EXPECT_GT(tv.tv_sec, kSixtyYears);
}

// The wait honours events that a prepare watcher adds or activates.
TEST_F(PrepareTest, the_wait_honours_events_added_in_prepare) {
  Event late(*base, kNoFd, 0), early(*base, kNoFd, 0), active(*base, kNoFd, 0);
  late.add(10);
  int round = 0;
  Watch prepare(*base, false, [&](auto) {
    if (++round == 1) early.add(1);
    if (round == 2) active.activate(0);
  });
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(script.waits, (std::vector<Micros>{1'000'000, 0, 9'000'000}));
}

TEST_F(PrepareTest, does_not_keep_the_loop_alive) {
  Watch prepare(*base, false, {});
  Watch check(*base, true, {});
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(prepare.calls + check.calls, 0);
}

}  // namespace

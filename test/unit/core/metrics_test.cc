// Metrics of a loop: exact values by a clock that only the test moves, slow callbacks, and the JSON of a
// base.
#include "core/metrics.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/deferred.h"
#include "core/dump.h"
#include "core/json.h"
#include "support/events.h"
#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/json.h"

namespace {

// Moves in nanoseconds, by which the microseconds follow.
struct NanoClock : test::FakeClock {
  NanoClock() {
    precise = [](const evi::Clock &self) noexcept {
      const auto &clock = static_cast<const NanoClock &>(self);
      ++clock.precise_reads;
      return clock.t * 1000 + clock.rest;
    };
  }
  void pass(evi::Nanos ns) {
    rest += ns;
    t += rest / 1000;
    rest %= 1000;
  }
  evi::Nanos rest = 0;
  mutable int precise_reads = 0;
};

class MetricsTest : public testing::Test {
 protected:
  eventide_metrics get() {
    eventide_metrics m{};
    EXPECT_TRUE(base->metrics().read(m));
    return m;
  }
  int turn() { return base->loop(EVLOOP_ONCE | EVLOOP_NONBLOCK); }
  test::Event::Callback takes(evi::Nanos ns) {
    return [this, ns](int, short) { clock.pass(ns); };
  }

  NanoClock clock;
  test::ScriptBackend script{&clock};
  test::Pair pair = test::socket_pair();  // the script says when they are ready
  const int fd = pair.a, other_fd = pair.b;
  test::Base base = test::make_base(clock, script);
};

std::uint64_t sum(const ev_uint64_t (&buckets)[EVENTIDE_METRICS_BUCKETS]) {
  return std::accumulate(std::begin(buckets), std::end(buckets), std::uint64_t{0});
}

TEST(MetricsBucket, each_bucket_starts_at_a_power_of_two) {
  EXPECT_EQ(evi::metrics_bucket(-5), 0);
  EXPECT_EQ(evi::metrics_bucket(0), 0);
  EXPECT_EQ(evi::metrics_bucket(1), 0);
  for (int i = 1; i < EVENTIDE_METRICS_BUCKETS; ++i) {
    EXPECT_EQ(evi::metrics_bucket(evi::Nanos{1} << i), i);
    EXPECT_EQ(evi::metrics_bucket((evi::Nanos{1} << i) - 1), i - 1);
  }
  EXPECT_EQ(evi::metrics_bucket(INT64_MAX), EVENTIDE_METRICS_BUCKETS - 1);
}

TEST_F(MetricsTest, are_off_until_enabled) {
  eventide_metrics m;
  m.callbacks = 77;
  EXPECT_FALSE(base->metrics().read(m));
  EXPECT_EQ(m.callbacks, 77u);
  EXPECT_EQ(base->metrics().reset(), -1);
  test::Event ev(*base, test::kNoFd, 0, takes(5));
  ev.activate(EV_READ);
  turn();
  EXPECT_EQ(clock.precise_reads, 0) << "an unmeasured loop reads no clock for it";

  ASSERT_EQ(base->metrics().enable(), 0);
  EXPECT_EQ(base->metrics().enable(), 0);
  EXPECT_EQ(get().callbacks, 0u);
  base->metrics().disable();
  base->metrics().disable();
  EXPECT_FALSE(base->metrics().read(m));
}

TEST_F(MetricsTest, count_calls_by_the_reported_flags) {
  test::Event io(*base, fd, EV_READ | EV_WRITE | EV_CLOSED | EV_PERSIST, takes(1500));
  test::Event timer(*base, test::kNoFd, 0, takes(20));
  test::Event signal(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST, takes(7));
  ASSERT_EQ(io.add(), 0);
  ASSERT_EQ(base->metrics().enable(), 0);

  script.ready(fd, EV_READ);
  turn();
  script.ready(fd, EV_READ | EV_WRITE);
  turn();
  script.ready(fd, EV_CLOSED);
  turn();
  timer.activate(EV_TIMEOUT);
  turn();
  signal.activate(EV_SIGNAL, 3);
  turn();
  timer.activate(0);
  turn();

  const eventide_metrics m = get();
  EXPECT_EQ(m.iterations, 6u);
  EXPECT_EQ(m.callbacks, 8u);
  EXPECT_EQ(m.reads, 2u);
  EXPECT_EQ(m.writes, 1u);
  EXPECT_EQ(m.closes, 1u);
  EXPECT_EQ(m.timeouts, 1u);
  EXPECT_EQ(m.signals, 3u);
  EXPECT_EQ(m.others, 1u);
  EXPECT_EQ(m.callback_ns, 3 * 1500u + 2 * 20 + 3 * 7);
  EXPECT_EQ(m.callback_time[10], 3u);  // 1024 .. 2047
  EXPECT_EQ(m.callback_time[4], 2u);   // 16 .. 31
  EXPECT_EQ(m.callback_time[2], 3u);   // 4 .. 7
  EXPECT_EQ(sum(m.callback_time), m.callbacks);
  EXPECT_EQ(m.timers_due, 0u) << "made active by hand, not due";
  EXPECT_EQ(m.elapsed_ns, m.callback_ns);
}

TEST_F(MetricsTest, measure_waits_separately_from_callbacks) {
  test::Event ev(*base, fd, EV_READ | EV_PERSIST, takes(100));
  ASSERT_EQ(ev.add(), 0);
  ASSERT_EQ(base->metrics().enable(), 0);
  script.on_wait = [&](evi::Micros) {
    clock.pass(5000);
    script.ready(fd, EV_READ);
  };
  for (int i = 0; i < 3; ++i) turn();
  const eventide_metrics m = get();
  EXPECT_EQ(m.wait_ns, 15000u);
  EXPECT_EQ(m.callback_ns, 300u);
  EXPECT_EQ(m.elapsed_ns, 15300u);
  EXPECT_EQ(m.slowest[0].worst_ns, 100u);
  EXPECT_EQ(m.slowest[0].count, 3u);
  EXPECT_EQ(m.slowest[0].total_ns, 300u);
  EXPECT_EQ(m.slowest[1].callback, nullptr);
}

TEST_F(MetricsTest, measure_the_lateness_of_timers) {
  test::Event prompt(*base, test::kNoFd, 0), late(*base, test::kNoFd, 0);
  test::Event periodic(*base, test::kNoFd, EV_PERSIST);
  ASSERT_EQ(base->metrics().enable(), 0);
  prompt.add(1);
  late.add(2);
  periodic.add(2.5);
  base->loop(EVLOOP_ONCE);  // the script's clock lets exactly the time out pass
  EXPECT_EQ(prompt.calls, 1);
  clock.t += 1'000'250;  // 250 us after the second, long before the third
  turn();
  EXPECT_EQ(late.calls, 1);
  clock.t += 500'000;
  turn();
  EXPECT_EQ(periodic.calls, 1);
  const eventide_metrics m = get();
  EXPECT_EQ(m.timers_due, 3u);
  EXPECT_EQ(m.timeouts, 3u);
  EXPECT_EQ(m.lateness_ns, 2 * 250'000u);
  EXPECT_EQ(m.worst_lateness_ns, 250'000u);
  EXPECT_EQ(m.timer_lateness[0], 1u);
  EXPECT_EQ(m.timer_lateness[17], 2u);  // 131 072 .. 262 143
}

TEST_F(MetricsTest, count_common_timeouts_as_timers) {
  const timeval *common = base->init_common_timeout(test::seconds(1));
  ASSERT_NE(common, nullptr);
  test::Event a(*base, test::kNoFd, 0), b(*base, test::kNoFd, 0);
  ASSERT_EQ(base->metrics().enable(), 0);
  a.add(*common);
  clock.t += 10;
  b.add(*common);
  clock.t += 1'000'000;
  turn();
  const eventide_metrics m = get();
  EXPECT_EQ(m.timers_due, 2u);
  EXPECT_EQ(m.lateness_ns, 10'000u);
}

TEST_F(MetricsTest, back_to_back_callbacks_share_a_reading_of_the_clock) {
  test::Event a(*base, test::kNoFd, EV_PERSIST, takes(10));
  test::Event b(*base, test::kNoFd, EV_PERSIST, takes(200));
  test::Event c(*base, test::kNoFd, EV_PERSIST, takes(3000));
  ASSERT_EQ(base->metrics().enable(), 0);
  for (test::Event *ev : {&a, &b, &c}) ev->activate(EV_READ);
  const int before = clock.precise_reads;
  turn();
  EXPECT_EQ(clock.precise_reads - before, 2 + 4) << "around the wait, and one more than callbacks";
  const eventide_metrics m = get();
  EXPECT_EQ(m.callback_time[3] + m.callback_time[7] + m.callback_time[11], 3u);
  EXPECT_EQ(m.callback_ns, 3210u);
}

TEST_F(MetricsTest, time_between_callbacks_is_not_attributed) {
  // The descriptor's interest is withdrawn between the two, which costs time that neither callback took.
  test::Event first(*base, fd, EV_READ | EV_PERSIST, takes(10));
  test::Event once(*base, other_fd, EV_READ, takes(10));
  ASSERT_EQ(first.add(), 0);
  ASSERT_EQ(once.add(), 0);
  ASSERT_EQ(base->metrics().enable(), 0);
  static decltype(evi::Backend::update) forward;
  static NanoClock *slow_kernel;
  forward = script.update;
  slow_kernel = &clock;
  script.update = [](void *self, evi::BackendHost &b, int which, evi::FdSlot &slot,
                     std::uint8_t wanted) noexcept {
    slow_kernel->pass(1'000'000);
    return forward(self, b, which, slot, wanted);
  };
  first.activate(EV_READ);
  once.activate(EV_READ);
  turn();
  EXPECT_EQ(get().callback_ns, 20u);
  EXPECT_EQ(get().elapsed_ns, 1'000'020u);
  script.update = forward;
}

TEST_F(MetricsTest, count_deferred_callbacks_and_finalizers_as_other) {
  ASSERT_EQ(base->metrics().enable(), 0);
  event_callback cb;
  const auto defer = [](event_callback *, void *arg) { static_cast<NanoClock *>(arg)->pass(40); };
  evi::deferred_init(cb, 0, defer, &clock);
  ASSERT_TRUE(evi::deferred_schedule(*base, cb));
  event ev{};
  const auto never = [](evutil_socket_t, short, void *) { ADD_FAILURE(); };
  const auto finalizer = [](event *, void *arg) { static_cast<NanoClock *>(arg)->pass(50); };
  ASSERT_EQ(evi::assign_event(ev, base.get(), -1, 0, never, &clock), 0);
  base->finalize(ev, finalizer, false);
  turn();
  const eventide_metrics m = get();
  EXPECT_EQ(m.others, 2u);
  EXPECT_EQ(m.callback_ns, 90u);
  EXPECT_EQ(m.slowest[0].callback, reinterpret_cast<const void *>(+finalizer));
  EXPECT_EQ(m.slowest[1].callback, reinterpret_cast<const void *>(+defer));
}

NanoClock *clock_of_once;
void once_callback(evutil_socket_t, short, void *) { clock_of_once->pass(60); }

TEST_F(MetricsTest, once_is_listed_under_the_callback_of_the_caller) {
  clock_of_once = &clock;
  ASSERT_EQ(base->metrics().enable(), 0);
  const timeval none{};
  ASSERT_EQ(base->once(-1, EV_TIMEOUT, once_callback, nullptr, &none), 0);
  turn();
  const eventide_metrics m = get();
  EXPECT_EQ(m.slowest[0].callback, reinterpret_cast<const void *>(once_callback));
  EXPECT_EQ(m.slowest[0].worst_ns, 60u);
  EXPECT_EQ(m.timeouts, 1u);
}

// --- the table of the slowest ---

TEST(MetricsTable, keeps_the_slowest_sorted_and_evicts_the_fastest) {
  evi::LoopMetrics metrics(0);
  char functions[40];
  const auto call = [&](int which, ev_uint64_t ns) {
    metrics.called({&functions[which], nullptr, -1, EV_READ, ns}, 0);
  };
  for (int i = 0; i < EVENTIDE_METRICS_SLOWEST; ++i) call(i, 100 + static_cast<ev_uint64_t>(i * 10));
  call(20, 100);  // no slower than the least: not in
  EXPECT_EQ(metrics.snapshot(0).slowest[15].callback, &functions[0]);
  call(21, 101);  // displaces it
  call(3, 1000);
  call(3, 5);
  const eventide_metrics m = metrics.snapshot(0);
  EXPECT_EQ(m.slowest[0].callback, &functions[3]);
  EXPECT_EQ(m.slowest[0].worst_ns, 1000u);
  EXPECT_EQ(m.slowest[0].count, 3u);
  EXPECT_EQ(m.slowest[0].total_ns, 1135u);
  EXPECT_EQ(m.slowest[1].callback, &functions[15]);
  EXPECT_EQ(m.slowest[15].callback, &functions[21]);
  EXPECT_EQ(m.slowest[15].count, 1u);
  for (int i = 1; i < EVENTIDE_METRICS_SLOWEST; ++i) {
    EXPECT_GE(m.slowest[i - 1].worst_ns, m.slowest[i].worst_ns);
  }
  EXPECT_EQ(m.callbacks, 20u);
}

// --- turning on, off and back while the loop runs ---

TEST_F(MetricsTest, enabling_in_a_callback_starts_recording_at_the_next_wait) {
  test::Event ev(*base, test::kNoFd, EV_PERSIST, [&](int, short) {
    clock.pass(10);
    EXPECT_EQ(base->metrics().enable(), 0);
  });
  ev.activate(EV_READ);
  turn();
  EXPECT_EQ(get().callbacks, 0u);
  EXPECT_EQ(get().iterations, 0u);
  ev.activate(EV_READ);
  turn();
  EXPECT_EQ(get().callbacks, 1u);
  EXPECT_EQ(get().iterations, 1u);
}

TEST_F(MetricsTest, disabling_and_enabling_in_a_callback_discards_it) {
  test::Event ev(*base, test::kNoFd, EV_PERSIST, [&](int, short) {
    clock.pass(10);
    base->metrics().disable();
    EXPECT_EQ(base->metrics().enable(), 0);
  });
  ASSERT_EQ(base->metrics().enable(), 0);
  ev.activate(EV_READ);
  turn();
  EXPECT_EQ(get().callbacks, 0u);
}

TEST_F(MetricsTest, may_be_disabled_while_waiting_and_in_deferred_callbacks_and_finalizers) {
  ASSERT_EQ(base->metrics().enable(), 0);
  script.on_wait = [&](evi::Micros) { base->metrics().disable(); };
  turn();
  script.on_wait = nullptr;
  const auto disable = [](event_callback *, void *arg) {
    static_cast<event_base *>(arg)->metrics().disable();
  };
  event_callback cb;
  evi::deferred_init(cb, 0, disable, base.get());
  ASSERT_EQ(base->metrics().enable(), 0);
  evi::deferred_schedule(*base, cb);
  turn();
  event ev{};
  evi::assign_event(ev, base.get(), -1, 0, once_callback, base.get());
  ASSERT_EQ(base->metrics().enable(), 0);
  base->finalize(
      ev, [](event *, void *arg) { static_cast<event_base *>(arg)->metrics().disable(); }, false);
  turn();
  eventide_metrics m;
  EXPECT_FALSE(base->metrics().read(m));
}

TEST_F(MetricsTest, reset_continues_counting) {
  test::Event ev(*base, test::kNoFd, EV_PERSIST, takes(10));
  ASSERT_EQ(base->metrics().enable(), 0);
  ev.activate(EV_READ);
  turn();
  clock.pass(100);
  EXPECT_EQ(get().elapsed_ns, 110u);
  ASSERT_EQ(base->metrics().reset(), 0);
  const eventide_metrics zero = get();
  EXPECT_EQ(zero.callbacks + zero.iterations + zero.elapsed_ns + sum(zero.callback_time), 0u);
  EXPECT_EQ(zero.slowest[0].callback, nullptr);
  ev.activate(EV_READ);
  turn();
  EXPECT_EQ(get().callbacks, 1u);
}

TEST_F(MetricsTest, a_callback_that_resets_is_measured_from_the_reset) {
  ASSERT_EQ(base->metrics().enable(), 0);
  test::Event ev(*base, test::kNoFd, 0, [&](int, short) {
    clock.pass(900);
    EXPECT_EQ(base->metrics().reset(), 0);
    clock.pass(100);
  });
  ev.add(0.0);
  turn();
  const eventide_metrics m = get();
  EXPECT_EQ(m.callbacks, 1u);
  EXPECT_EQ(m.callback_ns, 100u);
  EXPECT_LE(m.callback_ns, m.elapsed_ns);
}

TEST_F(MetricsTest, counters_stay_consistent_after_a_failed_wait_and_at_loop_exit) {
  ASSERT_EQ(base->metrics().enable(), 0);
  script.fail_waits = 1;
  test::Event ev(*base, test::kNoFd, 0);
  ev.add(1);
  EXPECT_EQ(base->loop(0), -1);
  EXPECT_EQ(get().iterations, 1u);
  base->metrics().disable();
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(ev.calls, 1);
}

TEST_F(MetricsTest, a_clock_set_back_yields_no_negative_durations) {
  test::Event ev(*base, test::kNoFd, 0, [&](int, short) { clock.t -= 500; });
  ASSERT_EQ(base->metrics().enable(), 0);
  ev.activate(EV_READ);
  turn();
  EXPECT_EQ(get().callback_ns, 0u);
  EXPECT_EQ(get().callback_time[0], 1u);
  EXPECT_EQ(get().elapsed_ns, 0u);
}

TEST(Metrics, memory_is_freed_with_the_base_and_enomem_is_reported) {
  NanoClock clock;
  test::ScriptBackend script{&clock};
  const auto report = [](event_base *, const eventide_slow_call *, void *) {};
  {
    test::Base base = test::make_base(clock, script);
    test::FaultAlloc memory{1};
    EXPECT_EQ(base->metrics().enable(), -1);
    memory.fail_at(1);
    EXPECT_EQ(base->metrics().set_slow_callback(0, report, nullptr), -1);
    EXPECT_EQ(base->metrics().set_slow_callback(0, nullptr, nullptr), 0);
    EXPECT_EQ(base->metrics().enable(), 0);
    EXPECT_EQ(base->metrics().set_slow_callback(0, report, nullptr), 0);
    EXPECT_EQ(memory.live(), 1u);
    base->metrics().disable();
    EXPECT_EQ(memory.live(), 1u) << "the slow callback is still set";
    EXPECT_EQ(base->metrics().set_slow_callback(0, nullptr, nullptr), 0);
    EXPECT_EQ(memory.live(), 0u);
  }
  test::FaultAlloc memory;
  test::Base base = test::make_base(clock, script);
  EXPECT_EQ(base->metrics().enable(), 0);
  base.reset();
  EXPECT_EQ(memory.live(), 0u);
}

// --- slow callbacks ---

struct Reports {
  static void note(event_base *base, const eventide_slow_call *call, void *arg) {
    auto &self = *static_cast<Reports *>(arg);
    self.base = base;
    self.calls.push_back(*call);
    if (self.does) self.does();
  }
  event_base *base = nullptr;
  std::vector<eventide_slow_call> calls;
  std::function<void()> does;
};

TEST_F(MetricsTest, a_callback_over_the_threshold_is_reported) {
  Reports reports;
  ASSERT_EQ(base->metrics().set_slow_callback(1000, Reports::note, &reports), 0);
  evi::Nanos duration = 1000;
  const auto body = [](evutil_socket_t, short, void *arg) {
    auto *taken = static_cast<std::pair<NanoClock *, evi::Nanos *> *>(arg);
    taken->first->pass(*taken->second);
  };
  std::pair<NanoClock *, evi::Nanos *> arg{&clock, &duration};
  event ev{};
  ASSERT_EQ(evi::assign_event(ev, base.get(), fd, EV_READ | EV_PERSIST, body, &arg), 0);
  ASSERT_EQ(base->add(ev, nullptr), 0);
  script.ready(fd, EV_READ);
  turn();
  EXPECT_TRUE(reports.calls.empty()) << "not longer than the threshold";
  duration = 1001;
  script.ready(fd, EV_READ);
  turn();
  ASSERT_EQ(reports.calls.size(), 1u);
  const eventide_slow_call &call = reports.calls[0];
  EXPECT_EQ(reports.base, base.get());
  EXPECT_EQ(call.callback, reinterpret_cast<const void *>(+body));
  EXPECT_EQ(call.callback_arg, &arg);
  EXPECT_EQ(call.fd, fd);
  EXPECT_EQ(call.what, EV_READ);
  EXPECT_EQ(call.duration_ns, 1001u);
  eventide_metrics m;
  EXPECT_FALSE(base->metrics().read(m)) << "metrics are another matter";
  base->del(ev, evi::DelMode::automatic);
}

TEST_F(MetricsTest, time_of_the_slow_callback_report_is_not_attributed) {
  Reports reports;
  reports.does = [&] { clock.pass(1'000'000); };
  test::Event a(*base, test::kNoFd, EV_PERSIST, takes(500));
  test::Event b(*base, test::kNoFd, EV_PERSIST, takes(20));
  ASSERT_EQ(base->metrics().enable(), 0);
  ASSERT_EQ(base->metrics().set_slow_callback(100, Reports::note, &reports), 0);
  a.activate(EV_READ);
  b.activate(EV_READ);
  turn();
  EXPECT_EQ(get().callback_ns, 520u);
  EXPECT_EQ(get().slow_callbacks, 1u);
  ASSERT_EQ(reports.calls.size(), 1u);
}

TEST_F(MetricsTest, a_slow_callback_report_may_reconfigure_metrics) {
  Reports reports;
  auto *ev = new test::Event(*base, test::kNoFd, 0);
  ev->on_call([&](int, short) { clock.pass(500); });
  reports.does = [&] {
    delete ev;
    base->metrics().disable();
    EXPECT_EQ(base->metrics().set_slow_callback(0, nullptr, nullptr), 0);
  };
  ASSERT_EQ(base->metrics().enable(), 0);
  ASSERT_EQ(base->metrics().set_slow_callback(100, Reports::note, &reports), 0);
  ev->activate(EV_READ);
  turn();
  EXPECT_EQ(reports.calls.size(), 1u);
  test::Event other(*base, test::kNoFd, 0, takes(500));
  other.activate(EV_READ);
  turn();
  EXPECT_EQ(reports.calls.size(), 1u);
  EXPECT_TRUE(base->check_invariants());
}

TEST_F(MetricsTest, enabling_metrics_keeps_slow_callback_reports) {
  Reports reports;
  ASSERT_EQ(base->metrics().set_slow_callback(100, Reports::note, &reports), 0);
  test::Event ev(*base, test::kNoFd, EV_PERSIST, [&](int, short) {
    clock.pass(500);
    EXPECT_EQ(base->metrics().enable(), 0);
  });
  ev.activate(EV_READ);
  turn();
  EXPECT_EQ(reports.calls.size(), 1u);
  EXPECT_EQ(get().elapsed_ns, 0u);
  base->metrics().disable();
  ev.on_call(takes(500));
  ev.activate(EV_READ);
  turn();
  EXPECT_EQ(reports.calls.size(), 2u);
}

// --- threads ---

TEST(MetricsThreads, can_be_read_and_switched_while_another_thread_runs_the_loop) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "built without threads";
  const test::Threads threads;
  test::Base base = test::make_base();
  ASSERT_NE(base, nullptr);
  std::atomic<int> calls = 0;
  std::atomic<bool> stop = false;
  test::Event timer(*base, test::kNoFd, EV_PERSIST, [&](int, short) {
    ++calls;
    if (stop) base->loop_break();
  });
  timer.add(0.0001);
  std::thread loop([&] { base->loop(0); });
  std::uint64_t seen = 0;
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(base->metrics().enable(), 0);
    eventide_metrics m{};
    do {
      EXPECT_TRUE(base->metrics().read(m));
    } while (m.callbacks < 3);
    EXPECT_EQ(m.callbacks, m.timeouts);
    EXPECT_EQ(sum(m.callback_time), m.callbacks);
    seen += m.callbacks;
    if (round % 2) {
      EXPECT_EQ(base->metrics().reset(), 0);
    } else {
      base->metrics().disable();
    }
  }
  stop = true;
  loop.join();
  EXPECT_LE(seen, static_cast<std::uint64_t>(calls));
}

// --- JSON ---

TEST(JsonWriter, writes_each_kind_of_value) {
  const test::Stream out;
  evi::JsonWriter json(out.file());
  json.begin_object();
  json.string("s", "a\"b\\c\n\x7f\xc3\xa9");
  json.number("n", INT64_MIN);
  json.unsigned_number("u", UINT64_MAX);
  json.boolean("t", true);
  json.boolean("f", false);
  json.null("z");
  json.address("a", reinterpret_cast<void *>(0xabc));
  json.address("0", nullptr);
  json.begin_list("l");
  json.number(nullptr, 1);
  json.begin_list();
  json.end_list();
  json.begin_object();
  json.end_object();
  json.end_list();
  json.end_object();
  EXPECT_EQ(out.text(),
            "{\"s\":\"a\\\"b\\\\c\\u000a\\u007f??\",\"n\":-9223372036854775808,\"u\":18446744073709551615,"
            "\"t\":true,\"f\":false,\"z\":null,\"a\":\"0xabc\",\"0\":null,\"l\":[1,[],{}]}");
  EXPECT_TRUE(test::Json::parse(out.text()));
}

test::Json dump(event_base &base) {
  const test::Stream out;
  EXPECT_EQ(evi::dump_json(base, out.file()), 0);
  const auto parsed = test::Json::parse(out.text());
  EXPECT_TRUE(parsed) << out.text();
  return parsed.value_or(test::Json{});
}

std::string address(const void *pointer) {
  char text[32];
  std::snprintf(text, sizeof(text), "0x%llx",
                static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(pointer)));
  return text;
}

TEST(TestJson, rejects_invalid_json) {
  for (const char *bad : {"", "{", "[1,]", "{\"a\":1,}", "{a:1}", "[01]", "[1 2]", "\"\n\"", "[\"\\x\"]",
                          "nul", "[1]]", "{\"a\" 1}", "[-]", "[1.]", "{\"a\":1,\"a\":2}"}) {
    EXPECT_FALSE(test::Json::parse(bad)) << bad;
  }
  EXPECT_TRUE(test::Json::parse(" {\"a\" : [1, -2.5e3, \"\\u0041\\n\"], \"b\":{}} \n"));
}

TEST_F(MetricsTest, json_of_an_idle_base) {
  const test::Json json = dump(*base);
  EXPECT_EQ(json["method"].text, "script");
  EXPECT_EQ(json["signal_method"].text, "signal");
  EXPECT_EQ(json["features"].texts(), (std::vector<std::string>{"et", "o1", "fds", "early_close"}));
  EXPECT_EQ(json["running"].text, "false");
  EXPECT_EQ(json["priorities"].text, "1");
  EXPECT_EQ(json["counts"]["added"].text, "0");
  EXPECT_TRUE(json["events"].items.empty());
  EXPECT_TRUE(json["active"].items.empty());
  EXPECT_EQ(json["metrics"].text, "null");
}

TEST_F(MetricsTest, json_lists_every_event_and_the_active_ones) {
  ASSERT_EQ(base->set_priorities(3), 0);
  test::Event io(*base, fd, EV_READ | EV_WRITE | EV_PERSIST | EV_ET);
  test::Event timer(*base, test::kNoFd, 0);
  test::Event signal(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  test::Event by_hand(*base, test::kNoFd, 0);
  io.add(7);
  timer.add(2);
  signal.add();
  ASSERT_EQ(by_hand.set_priority(0), 0);
  by_hand.activate(EV_WRITE);
  event_callback now;
  const auto nothing = [](event_callback *, void *) {};
  evi::deferred_init(now, 1, nothing, nullptr);
  evi::deferred_schedule(*base, now);
  clock.t += 2'000'500;

  const test::Json json = dump(*base);
  const auto event_at = [&](const test::Event &ev) -> test::Json {
    const event *pointer = &*const_cast<test::Event &>(ev);
    for (const test::Json &item : json["events"].items) {
      if (item["event"].text == address(pointer)) return item;
    }
    ADD_FAILURE() << "no such event";
    return {};
  };
  using Texts = std::vector<std::string>;
  const test::Json io_json = event_at(io);
  EXPECT_EQ(io_json["fd"].text, std::to_string(fd));
  EXPECT_EQ(io_json["flags"].texts(), (Texts{"read", "write", "persist", "et"}));
  EXPECT_EQ(io_json["pending"].texts(), (Texts{"read", "write", "timeout"}));
  EXPECT_TRUE(io_json["active"].items.empty());
  EXPECT_EQ(io_json["due_in_us"].text, "4999500");
  EXPECT_EQ(io_json["internal"].text, "false");
  EXPECT_EQ(io_json["priority"].text, "1");
  EXPECT_EQ(io_json["arg"].text, address(&io));
  EXPECT_EQ(event_at(timer)["due_in_us"].text, "-500");
  EXPECT_EQ(event_at(signal)["signal"].text, std::to_string(SIGUSR2));
  EXPECT_EQ(event_at(signal)["due_in_us"].text, "null");
  EXPECT_EQ(event_at(by_hand)["active"].texts(), (Texts{"write"}));
  bool internal = false;
  for (const test::Json &item : json["events"].items) internal |= item["internal"].text == "true";
  EXPECT_TRUE(internal) << "the event that signals wake the loop by";

  ASSERT_EQ(json["active"].items.size(), 2u);
  const test::Json &first = json["active"].items[0], &second = json["active"].items[1];
  EXPECT_EQ(first["kind"].text, "event");
  EXPECT_EQ(first["event"].text, address(&*by_hand));
  EXPECT_EQ(first["priority"].text, "0");
  EXPECT_EQ(second["kind"].text, "deferred");
  EXPECT_EQ(second["event"].text, "null");
  EXPECT_EQ(second["callback"].text, address(reinterpret_cast<const void *>(+nothing)));
  EXPECT_EQ(second["next_turn"].text, "false");
  EXPECT_EQ(json["counts"]["active"].text, "2");
  EXPECT_EQ(json["counts"]["added"].text, std::to_string(base->count_events(EVENT_BASE_COUNT_ADDED)));
  turn();
}

TEST_F(MetricsTest, json_has_the_metrics) {
  test::Event ev(*base, test::kNoFd, 0, takes(1500));
  ASSERT_EQ(base->metrics().enable(), 0);
  std::optional<test::Json> inside;
  ev.on_call([&](int, short) {
    clock.pass(1500);
    inside = dump(*base);
  });
  ev.activate(EV_READ);
  turn();
  ASSERT_TRUE(inside);
  EXPECT_EQ((*inside)["running"].text, "true");
  EXPECT_EQ((*inside)["metrics"]["callbacks"].text, "0");
  const test::Json metrics = dump(*base)["metrics"];
  EXPECT_EQ(metrics["callbacks"].text, "1");
  EXPECT_EQ(metrics["reads"].text, "1");
  EXPECT_EQ(metrics["callback_ns"].text, "1500");
  ASSERT_EQ(metrics["callback_time"].items.size(), 1u);
  EXPECT_EQ(metrics["callback_time"].items[0]["below_ns"].text, "2048");
  EXPECT_EQ(metrics["callback_time"].items[0]["count"].text, "1");
  EXPECT_TRUE(metrics["timer_lateness"].items.empty());
  ASSERT_EQ(metrics["slowest"].items.size(), 1u);
  EXPECT_EQ(metrics["slowest"].items[0]["worst_ns"].text, "1500");
}

TEST_F(MetricsTest, json_leaves_the_last_bucket_unbounded) {
  test::Event ev(*base, test::kNoFd, 0, takes(evi::Nanos{1} << 41));
  ASSERT_EQ(base->metrics().enable(), 0);
  ev.activate(EV_READ);
  turn();
  const test::Json metrics = dump(*base)["metrics"];
  EXPECT_EQ(metrics["callback_time"].items.at(0)["below_ns"].text, "null");
}

TEST_F(MetricsTest, json_reports_write_errors) {
  std::FILE *full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  EXPECT_EQ(evi::dump_json(*base, full), -1);
  std::fclose(full);
}

}  // namespace

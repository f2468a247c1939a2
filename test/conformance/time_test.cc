// Waits of any length: never too short, hardly too long.
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <vector>

#include "conformance/methods.h"

using conformance::Conformance;
using test::Event;
using test::kNoFd;
using test::Pair;

namespace {

// --- time (must-not 16) ---

TEST_P(Conformance, waits_are_never_too_short_and_hardly_too_long) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ);
  reader.add();
  std::vector<double> late;
  for (const int micros : {1, 50, 300, 999, 1000, 1001, 2500, 5000}) {
    Event timer(*base, kNoFd, 0);
    const auto start = std::chrono::steady_clock::now();
    timer.add(timeval{0, micros});
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    const double took =
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
    EXPECT_EQ(timer.calls, 1);
    EXPECT_GE(took, micros - 1);  // the clock has a resolution of one microsecond
    late.push_back(took - micros);
  }
  // The best of them counts: the machine has other things to do.
  EXPECT_LT(*std::min_element(late.begin(), late.end()), GetParam().finely_timed ? 400 : 1400);
}

TEST_P(Conformance, a_signal_without_an_event_does_not_shorten_the_wait) {
  struct sigaction action = {}, old = {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGALRM, &action, &old), 0);
  const itimerval every{{0, 2000}, {0, 2000}};
  setitimer(ITIMER_REAL, &every, nullptr);
  Event timer(*base, kNoFd, 0);
  const auto start = std::chrono::steady_clock::now();
  timer.add(0.015);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  const itimerval never = {};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &old, nullptr);
  EXPECT_EQ(timer.calls, 1);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::microseconds(14'999));
}

TEST_P(Conformance, a_timer_alone_waits) {
  Event timer(*base, kNoFd, 0);
  timer.add(0.002);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(timer.calls, 1);
}

TEST_P(Conformance, timeouts_of_many_years_do_not_overflow) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ);
  Event never(*base, kNoFd, 0);
  using Seconds = decltype(timeval::tv_sec);
  never.add(timeval{sizeof(Seconds) > 4 ? static_cast<Seconds>(10'000'000'000) : 2'000'000'000, 0});
  reader.add();
  test::put(pair.b);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(reader.calls, 1);
  Event soon(*base, kNoFd, 0);
  soon.add(0.001);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(soon.calls, 1);
  EXPECT_EQ(never.calls, 0);
  // With nothing sooner it is the kernel that is asked to wait so long.
  Event last(*base, pair.a, EV_READ | EV_PERSIST, [](int fd, short) { test::drain(fd); });
  last.add();
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(last.calls, 1);
}

TEST_P(Conformance, an_event_reports_readiness_or_its_timeout) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ);
  reader.add(0.002);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(reader.what, EV_TIMEOUT);
  reader.reset();
  test::put(pair.b);
  reader.add(100);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(reader.what, EV_READ);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 1);
}

}  // namespace

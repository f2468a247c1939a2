// Thousands of descriptors, and fairness among them.
#include <sys/resource.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "conformance/methods.h"

using conformance::Conformance;
using test::Event;
using test::Fd;
using test::Pair;

namespace {

TEST_P(Conformance, many_and_high_descriptors_are_watched) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  // Some models need one more for each.
  const int count = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 6600)) / 2 - 100;
  if (count < 500) GTEST_SKIP() << "too few descriptors allowed";
  // A file that too many epoll sets watch is refused by the kernel, and some models need a set per fd.
  constexpr int kFdsPerFile = 300;
  std::deque<Pair> idle, ready;
  std::vector<Fd> fds;
  std::deque<Event> events;
  for (int i = 0; i < count; ++i) {
    if (i % kFdsPerFile == 0) {
      idle.push_back(test::socket_pair());
      ready.push_back(test::socket_pair());
      test::put(ready.back().b);
    }
    fds.emplace_back(dup(i % 7 ? idle.back().a : ready.back().a));
    ASSERT_GE(fds.back(), 0);
    events.emplace_back(*base, fds.back(), i % 3 ? EV_READ : EV_READ | EV_PERSIST);
    ASSERT_EQ(events.back().add(), 0);
  }
  // A batch of reports may be smaller than the number of ready descriptors: all are reported in the end.
  const auto reported = [&] {
    return std::count_if(events.begin(), events.end(), [](const Event &ev) { return ev.calls > 0; });
  };
  const auto expected = (count + 6) / 7;
  for (int i = 0; i < 20 && reported() < expected; ++i) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(reported(), expected);
  for (int i = 0; i < count; ++i) EXPECT_EQ(events[static_cast<std::size_t>(i)].calls > 0, i % 7 == 0);
  EXPECT_TRUE(base->check_invariants());
}

TEST_P(Conformance, no_ready_descriptor_is_always_reported_last) {
  const Pair pair = test::socket_pair();
  test::put(pair.b);
  std::vector<Fd> fds;
  std::deque<Event> events;
  int first = -1;
  std::vector<int> firsts(200, 0);
  for (int i = 0; i < 200; ++i) {
    fds.emplace_back(dup(pair.a));
    events.emplace_back(*base, fds.back(), EV_READ | EV_PERSIST, [&, i](int, short) {
      if (first < 0) ++firsts[static_cast<std::size_t>(first = i)];
    });
    events.back().add();
  }
  if (is("epoll") || is("kqueue") || is("evport")) GTEST_SKIP() << "the kernel rotates ready descriptors";
  for (int i = 0; i < 50; ++i) {
    first = -1;
    base->loop(EVLOOP_ONCE);
  }
  EXPECT_LT(*std::max_element(firsts.begin(), firsts.end()), 10);
}

// However many are ready all the time, one that becomes ready later is reported within a few iterations.
TEST_P(Conformance, busy_descriptors_do_not_starve_others) {
  const Pair busy = test::socket_pair();
  test::put(busy.b);
  std::vector<Fd> fds;
  std::deque<Event> events;
  for (int i = 0; i < 100; ++i) {
    fds.emplace_back(dup(busy.a));
    events.emplace_back(*base, fds.back(), EV_READ | EV_PERSIST);
    events.back().add();
  }
  const Pair late = test::socket_pair();
  Event reader(*base, late.a, EV_READ | EV_PERSIST);
  reader.add();
  for (int i = 0; i < 20; ++i) base->loop(EVLOOP_ONCE);
  test::put(late.b);
  for (int i = 0; i < 10; ++i) base->loop(EVLOOP_ONCE);
  EXPECT_GE(reader.calls, 1);
  for (const Event &ev : events) EXPECT_GE(ev.calls, 1);
}

}  // namespace

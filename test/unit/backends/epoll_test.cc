// The number of epoll_ctl() calls per operation, the calls used for waiting, and kernels that lack a call.
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string>
#include <utility>
#include <vector>

#include "support/events.h"

using test::Event;
using test::kNoFd;
using test::Pair;

namespace {

struct Control {
  int op;
  std::uint32_t events;
  bool operator==(const Control &) const = default;
};
std::vector<Control> controls;
bool counting = false;

// How many of the next calls that add an entry, and that modify one, fail with ENOMEM.
int refused_adds = 0;
int refused_mods = 0;

// The waits as the C library was asked for them: milliseconds of epoll_wait, nanoseconds of epoll_pwait2.
std::vector<int> waits;
std::vector<long> fine_waits;
// The value that a timer was set to, in nanoseconds; 0 disarms it.
std::vector<long> timer_settings;
int timers_opened = 0;
// The error that the calls fail with; 0: they succeed.
int pwait2_error = 0;
int timerfd_error = 0;

template <typename Fn>
Fn *real(const char *name) {
  return reinterpret_cast<Fn *>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// Stand before the C library's in this program.
extern "C" int epoll_ctl(int epfd, int op, int fd, epoll_event *event) noexcept {
  if (counting) controls.push_back({op, event ? event->events : 0});
  int none = 0;
  int &refused = op == EPOLL_CTL_ADD ? refused_adds : op == EPOLL_CTL_MOD ? refused_mods : none;
  if (refused > 0) {
    --refused;
    errno = ENOMEM;
    return -1;
  }
  using Fn = int (*)(int, int, int, epoll_event *);
  static const Fn real = reinterpret_cast<Fn>(dlsym(RTLD_NEXT, "epoll_ctl"));
  return real(epfd, op, fd, event);
}

extern "C" int epoll_wait(int epfd, epoll_event *reports, int capacity, int ms) {
  if (counting) waits.push_back(ms);
  return real<int(int, epoll_event *, int, int)>("epoll_wait")(epfd, reports, capacity, ms);
}

extern "C" int epoll_pwait2(int epfd, epoll_event *reports, int capacity, const timespec *timeout,
                            const sigset_t *mask) {
  if (counting) fine_waits.push_back(timeout->tv_sec * 1'000'000'000L + timeout->tv_nsec);
  if (pwait2_error) {
    errno = pwait2_error;
    return -1;
  }
  using Fn = int(int, epoll_event *, int, const timespec *, const sigset_t *);
  if (Fn *fn = real<Fn>("epoll_pwait2")) return fn(epfd, reports, capacity, timeout, mask);
  errno = ENOSYS;
  return -1;
}

extern "C" int timerfd_create(int clock, int flags) noexcept {
  ++timers_opened;
  if (timerfd_error) {
    errno = timerfd_error;
    return -1;
  }
  return real<int(int, int)>("timerfd_create")(clock, flags);
}

extern "C" int timerfd_settime(int fd, int flags, const itimerspec *value, itimerspec *old) noexcept {
  timer_settings.push_back(value->it_value.tv_sec * 1'000'000'000L + value->it_value.tv_nsec);
  return real<int(int, int, const itimerspec *, itimerspec *)>("timerfd_settime")(fd, flags, value, old);
}

namespace {

class EpollTest : public testing::Test {
 protected:
  void SetUp() override {
    controls.clear();
    waits.clear();
    fine_waits.clear();
    timer_settings.clear();
    timers_opened = pwait2_error = timerfd_error = 0;
    refused_adds = refused_mods = 0;
    counting = true;
  }
  void TearDown() override {
    counting = false;
    pwait2_error = timerfd_error = 0;
  }
  void use_precise_timer(int more_flags = 0) {
    event_config config;
    config.flags = EVENT_BASE_FLAG_PRECISE_TIMER | more_flags;
    base = test::make_base_with("epoll", &config);
  }
  void wait_for_timer(const timeval &timeout) {
    Event timer(*base, kNoFd, 0);
    timer.add(timeout);
    EXPECT_EQ(base->loop(0), 1);
    EXPECT_EQ(timer.calls, 1);
  }
  std::vector<Control> control_calls() { return std::exchange(controls, {}); }
  using Controls = std::vector<Control>;

  test::Base base = test::make_base_with("epoll");
  Pair pair = test::socket_pair();
};

constexpr std::uint32_t kOnce = EPOLLONESHOT;

TEST_F(EpollTest, a_persistent_event_costs_one_call_to_add_and_one_to_delete) {
  Event ev(*base, pair.a, EV_READ | EV_PERSIST);
  ev.add();
  ev.add();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_ADD, EPOLLIN}}));
  test::put(pair.b);
  for (int i = 0; i < 3; ++i) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(control_calls(), Controls{});
  ev.del();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_DEL, 0}}));
}

TEST_F(EpollTest, a_one_shot_event_costs_one_call_per_firing) {
  Event ev(*base, pair.a, EV_READ);
  test::put(pair.b);
  ev.add();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_ADD, EPOLLIN | kOnce}}));
  base->loop(EVLOOP_ONCE);
  ev.del();
  EXPECT_EQ(control_calls(), Controls{});
  for (int i = 0; i < 3; ++i) {
    ev.add();
    EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_MOD, EPOLLIN | kOnce}}));
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(control_calls(), Controls{});
  }
  EXPECT_EQ(ev.calls, 4);
}

TEST_F(EpollTest, re_adding_in_the_callback_costs_one_call) {
  Event ev(*base, pair.a, EV_READ);
  ev.on_call([&](int, short) { ev.add(); });
  test::put(pair.b);
  ev.add();
  control_calls();
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_MOD, EPOLLIN | kOnce}}));
}

TEST_F(EpollTest, interest_not_reported_is_re_armed) {
  Event reader(*base, pair.a, EV_READ), writer(*base, pair.a, EV_WRITE);
  reader.add();
  writer.add();
  EXPECT_EQ(control_calls(),
            (Controls{{EPOLL_CTL_ADD, EPOLLIN | kOnce}, {EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT | kOnce}}));
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(writer.calls, 1);
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_MOD, EPOLLIN | kOnce}}));
}

// Neither the interest left by the first nor that removed with the second causes an epoll_ctl() call.
TEST_F(EpollTest, two_one_shot_events_that_fire_together_cost_no_further_call) {
  Event reader(*base, pair.a, EV_READ), writer(*base, pair.a, EV_WRITE);
  reader.add();
  writer.add();
  test::put(pair.b);
  control_calls();
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(writer.calls, 1);
  EXPECT_EQ(control_calls(), Controls{});
  writer.add();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_MOD, EPOLLOUT | kOnce}}));
}

TEST_F(EpollTest, deleting_a_one_shot_event_keeps_the_other_armed) {
  Event reader(*base, pair.a, EV_READ), writer(*base, pair.a, EV_WRITE), second(*base, pair.a, EV_WRITE);
  reader.add();
  writer.add();
  control_calls();
  writer.del();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_MOD, EPOLLIN | kOnce}}));
  second.add();
  base->loop(EVLOOP_ONCE);  // reports the writer and arms the reader again
  control_calls();
  reader.del();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_DEL, 0}}));
}

TEST_F(EpollTest, a_timeout_of_a_periodic_event_costs_no_call) {
  Event ev(*base, pair.a, EV_READ | EV_PERSIST);
  ev.add(0.001);
  control_calls();
  for (int i = 0; i < 3; ++i) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 3);
  EXPECT_EQ(control_calls(), Controls{});
}

// The fd may have been closed and reused since the first event was added.
TEST_F(EpollTest, a_second_event_for_the_same_condition_costs_one_checking_call) {
  Event a(*base, pair.a, EV_READ | EV_PERSIST), b(*base, pair.a, EV_READ | EV_PERSIST);
  a.add();
  control_calls();
  b.add();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_MOD, EPOLLIN}}));
  a.del();
  EXPECT_EQ(control_calls(), Controls{});
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(b.calls, 1);
}

TEST_F(EpollTest, a_second_edge_triggered_event_reports_no_edge_to_the_first) {
  Event a(*base, pair.a, EV_READ | EV_ET | EV_PERSIST), b(*base, pair.a, EV_READ | EV_ET | EV_PERSIST);
  a.add();
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  b.add();
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(a.calls, 1);
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(a.calls, 2);
  EXPECT_EQ(b.calls, 1);
}

TEST_F(EpollTest, a_one_shot_event_can_be_re_added_after_fd_reuse) {
  Event ev(*base, pair.a, EV_READ);
  test::put(pair.b);
  ev.add();
  base->loop(EVLOOP_ONCE);
  const Pair next = test::socket_pair();
  ASSERT_EQ(dup2(next.a, pair.a), pair.a);
  control_calls();
  EXPECT_EQ(ev.add(), 0);
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_MOD, EPOLLIN | kOnce}, {EPOLL_CTL_ADD, EPOLLIN | kOnce}}));
  test::put(next.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 2);
}

// An entry of a closed fd whose file is still open is found again when the fd refers to that file again.
TEST_F(EpollTest, a_stale_entry_of_the_same_file_is_reused) {
  const test::QuietLog quiet;
  const test::Fd alias{dup(pair.a)};
  const Pair other = test::socket_pair();
  Event ev(*base, pair.a, EV_READ | EV_PERSIST);
  ev.add();
  ASSERT_EQ(dup2(other.a, pair.a), pair.a);
  ev.del();  // cannot name the entry
  ASSERT_EQ(dup2(alias, pair.a), pair.a);
  control_calls();
  EXPECT_EQ(ev.add(), 0);
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_ADD, EPOLLIN}, {EPOLL_CTL_MOD, EPOLLIN}}));
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 1);
}

TEST_F(EpollTest, the_changelist_omits_a_delete_followed_by_an_add) {
  event_config config;
  config.flags = EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
  base = test::make_base(&config);
  Event ev(*base, pair.a, EV_READ | EV_PERSIST);
  ev.add();
  control_calls();
  ev.del();
  EXPECT_EQ(control_calls(), Controls{});
  ev.add();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_MOD, EPOLLIN}}));
  ev.del();
  Event timer(*base, kNoFd, 0);
  timer.add(0.0);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_DEL, 0}}));
}

TEST_F(EpollTest, the_changelist_defers_whole_deletions_without_edge_triggered_events) {
  event_config config;
  config.flags = EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
  base = test::make_base(&config);
  const test::Pair other = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST);
  Event writer(*base, pair.a, EV_WRITE | EV_PERSIST);
  reader.add();
  writer.add();
  control_calls();
  writer.del();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_MOD, EPOLLIN}}));
  reader.del();
  EXPECT_EQ(control_calls(), Controls{});
  Event edge(*base, other.a, EV_READ | EV_ET | EV_PERSIST);
  edge.add();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_DEL, 0}, {EPOLL_CTL_ADD, EPOLLIN | EPOLLET}}));
  reader.add();
  control_calls();
  reader.del();
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_DEL, 0}}));
}

// The entry of a closed fd whose file is still open cannot be removed: the epoll set is created again before
// edges could be reported twice.
TEST_F(EpollTest, an_edge_is_reported_once_despite_an_fd_closed_before_event_del) {
  for (const int flags : {0, static_cast<int>(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST)}) {
    event_config config;
    config.flags = flags;
    const test::Base made = test::make_base(&config);
    test::Pair closed = test::socket_pair();
    const test::Pair other = test::socket_pair();
    const test::Fd duplicate{dup(closed.a)};
    Event reader(*made, closed.a, EV_READ | EV_PERSIST);
    reader.add();
    if (flags) {
      reader.del();
      closed.a.close();
    } else {
      closed.a.close();
      reader.del();
    }
    Event edge(*made, other.a, EV_READ | EV_ET | EV_PERSIST);
    edge.add();
    test::put(closed.b);
    test::put(other.b);
    for (int i = 0; i < 10; ++i) made->loop(EVLOOP_NONBLOCK);
    EXPECT_EQ(edge.calls, 1) << flags;
    EXPECT_EQ(reader.calls, 0);
  }
}

// --- refusals for want of memory ---

TEST_F(EpollTest, interest_that_failed_to_re_arm_is_armed_by_the_next_wait) {
  Event reader(*base, pair.a, EV_READ), writer(*base, pair.a, EV_WRITE), far(*base, kNoFd, 0);
  reader.add();
  writer.add();
  far.add(10);
  refused_mods = 3;
  while (!writer.calls) base->loop(EVLOOP_ONCE);
  test::put(pair.b);
  while (!reader.calls && !far.calls) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(refused_mods, 0);
}

TEST_F(EpollTest, interest_rejected_by_a_new_epoll_set_is_added_by_the_next_wait) {
  const test::QuietLog quiet;
  test::Pair closed = test::socket_pair();
  const Pair other = test::socket_pair();
  const test::Fd duplicate{dup(closed.a)};
  Event reader(*base, pair.a, EV_READ | EV_PERSIST), early(*base, closed.a, EV_READ | EV_PERSIST);
  Event edge(*base, other.a, EV_READ | EV_ET | EV_PERSIST), far(*base, kNoFd, 0);
  reader.add();
  early.add();
  far.add(10);
  closed.a.close();
  early.del();  // its entry stays
  refused_adds = 1;
  EXPECT_EQ(edge.add(), 0);
  EXPECT_EQ(refused_adds, 0);
  test::put(pair.b);
  while (!reader.calls && !far.calls) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(reader.calls, 1);
}

TEST_F(EpollTest, a_reused_fd_is_not_considered_watched) {
  const test::QuietLog quiet;
  Event reader(*base, pair.a, EV_READ | EV_PERSIST), writer(*base, pair.a, EV_WRITE | EV_PERSIST);
  Event second(*base, pair.a, EV_READ | EV_PERSIST), far(*base, kNoFd, 0);
  reader.add();
  far.add(10);
  const Pair next = test::socket_pair();
  ASSERT_EQ(dup2(next.a, pair.a), pair.a);
  refused_adds = 1;
  EXPECT_EQ(writer.add(), -1);
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_EQ(second.add(), 0);
  test::put(next.b);
  while (!second.calls && !far.calls) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(second.calls, 1);
}

TEST_F(EpollTest, adding_a_plain_file_fails) {
  const test::QuietLog quiet;
  const test::Fd file{open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  ASSERT_GE(file, 0);
  Event ev(*base, file, EV_READ);
  EXPECT_EQ(ev.add(), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(quiet.lines().size(), 1u);
}

// --- how it waits ---

// No other call than programs written for libevent 2.1 expect, and never early.
TEST_F(EpollTest, waits_by_epoll_wait_rounded_up_to_milliseconds) {
  const test::FakeClock clock;
  constexpr struct {
    timeval timeout;
    int ms;
  } cases[] = {{{0, 1}, 1},    {{0, 999}, 1}, {{0, 1000}, 1},
               {{0, 1001}, 2}, {{0, 0}, 0},   {{9'000'000, 0}, INT_MAX}};
  for (const auto &[timeout, ms] : cases) {
    for (const evi::Backend *const *at = evi::available_backends(); *at; ++at) {
      if (std::string((*at)->name) == "epoll")
        base = test::Base{event_base::create(nullptr, {.clock = &clock, .backend = *at})};
    }
    waits.clear();
    Event timer(*base, kNoFd, 0), reader(*base, pair.a, EV_READ);
    timer.add(timeout);
    reader.add();
    test::put(pair.b);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(waits, std::vector<int>{ms}) << timeout.tv_sec << '.' << timeout.tv_usec;
    test::drain(pair.a);
  }
  EXPECT_TRUE(fine_waits.empty());
  EXPECT_EQ(timers_opened, 0);
}

TEST_F(EpollTest, waits_without_a_timeout_pass_minus_one) {
  Event reader(*base, pair.a, EV_READ);
  reader.add();
  test::put(pair.b);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(waits, std::vector<int>{-1});
}

// An emulator may lack the call.
bool kernel_has_pwait2() {
  const test::Fd set(epoll_create1(EPOLL_CLOEXEC));
  epoll_event report;
  const timespec now{};
  return epoll_pwait2(set, &report, 1, &now, nullptr) == 0;
}

TEST_F(EpollTest, precise_timer_waits_by_epoll_pwait2) {
  if (!kernel_has_pwait2()) GTEST_SKIP();
  fine_waits.clear();
  use_precise_timer();
  wait_for_timer({0, 500});
  ASSERT_FALSE(fine_waits.empty());
  EXPECT_LE(fine_waits[0], 500'000);
  EXPECT_GT(fine_waits[0], 0);
  EXPECT_EQ(timers_opened, 0);
}

TEST_F(EpollTest, precise_timer_uses_a_timerfd_where_epoll_pwait2_is_missing_or_forbidden) {
  for (const int error : {ENOSYS, EPERM}) {
    pwait2_error = error;
    use_precise_timer();
    fine_waits.clear();
    waits.clear();
    timers_opened = 0;
    base->loop(EVLOOP_NONBLOCK);
    EXPECT_EQ(timers_opened, 0);  // opened by the first wait that needs it
    for (int i = 0; i < 3; ++i) wait_for_timer({0, 500});
    EXPECT_EQ(fine_waits.size(), 1u);
    EXPECT_EQ(timers_opened, 1);
    EXPECT_EQ(waits, std::vector<int>(waits.size(), -1));
  }
}

// A stale expiration does not end a wait without a timeout.
TEST_F(EpollTest, a_timerfd_is_disarmed_for_a_wait_without_a_timeout) {
  pwait2_error = ENOSYS;
  use_precise_timer();
  Event timer(*base, kNoFd, 0),
      reader(*base, pair.a, EV_READ | EV_PERSIST, [](int fd, short) { test::drain(fd); });
  reader.add();
  timer.add(100);
  test::put(pair.b);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  timer.del();
  for (int i = 0; i < 2; ++i) {
    test::put(pair.b);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  }
  EXPECT_EQ(reader.calls, 3);
  ASSERT_EQ(timer_settings.size(), 2u);
  EXPECT_GT(timer_settings[0], 0);
  EXPECT_EQ(timer_settings[1], 0);
}

// Its report is of no registration: it neither reaches an event nor counts as a stale one.
TEST_F(EpollTest, a_timerfd_that_expires_beside_readiness_delivers_both) {
  pwait2_error = ENOSYS;
  use_precise_timer();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST), timer(*base, kNoFd, EV_PERSIST);
  reader.add();
  test::put(pair.b);
  timer.add(0.0005);
  // A slow machine may come to a wait only when the timer is due, and need no timerfd for it.
  int iterations = 0;
  for (; iterations < 20 || !timers_opened || timer.calls < 2; ++iterations) {
    ASSERT_LT(iterations, 100'000);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  }
  EXPECT_EQ(reader.calls, iterations);
  EXPECT_EQ(control_calls(), (Controls{{EPOLL_CTL_ADD, EPOLLIN}, {EPOLL_CTL_ADD, EPOLLIN | EPOLLET}}));
}

TEST_F(EpollTest, precise_timer_rounds_up_to_milliseconds_as_a_last_resort) {
  pwait2_error = EPERM;
  for (const int error : {ENOSYS, EPERM}) {
    timerfd_error = error;
    timers_opened = 0;
    use_precise_timer();
    for (int i = 0; i < 3; ++i) wait_for_timer({0, 500});
    EXPECT_EQ(timers_opened, 1);
  }
  use_precise_timer(EVENT_BASE_FLAG_EPOLL_DISALLOW_TIMERFD);
  timers_opened = 0;
  wait_for_timer({0, 500});
  EXPECT_EQ(timers_opened, 0);
  EXPECT_EQ(waits, std::vector<int>(waits.size(), 1));
}

}  // namespace

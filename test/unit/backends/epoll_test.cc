// What epoll costs: the calls of epoll_ctl that a use takes, counted; and kernels that lack a call.
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
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

// What epoll_pwait2 fails with, 0 for what the kernel says; and how often it was tried.
int pwait2_error = 0;
int pwait2_calls = 0;

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

extern "C" long syscall(long number, ...) noexcept {
  va_list ap;
  va_start(ap, number);
  long args[6];
  for (long &arg : args) arg = va_arg(ap, long);
  va_end(ap);
#ifdef SYS_epoll_pwait2
  if (number == SYS_epoll_pwait2) {
    ++pwait2_calls;
    if (pwait2_error) {
      errno = pwait2_error;
      return -1;
    }
  }
#endif
  using Fn = long (*)(long, ...);
  static const Fn real = reinterpret_cast<Fn>(dlsym(RTLD_NEXT, "syscall"));
  return real(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

namespace {

class EpollTest : public testing::Test {
 protected:
  void SetUp() override {
    controls.clear();
    pwait2_error = 0;
    pwait2_calls = 0;
    refused_adds = refused_mods = 0;
    counting = true;
  }
  void TearDown() override {
    counting = false;
    pwait2_error = 0;
  }
  std::vector<Control> told() { return std::exchange(controls, {}); }
  using Controls = std::vector<Control>;

  test::Base base = test::make_base_with("epoll");
  Pair pair = test::socket_pair();
};

constexpr std::uint32_t kOnce = EPOLLONESHOT;

TEST_F(EpollTest, a_lasting_event_costs_one_call_each_way) {
  Event ev(*base, pair.a, EV_READ | EV_PERSIST);
  ev.add();
  ev.add();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_ADD, EPOLLIN}}));
  test::put(pair.b);
  for (int i = 0; i < 3; ++i) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(told(), Controls{});
  ev.del();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_DEL, 0}}));
}

TEST_F(EpollTest, a_one_time_event_costs_one_call_per_firing) {
  Event ev(*base, pair.a, EV_READ);
  test::put(pair.b);
  ev.add();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_ADD, EPOLLIN | kOnce}}));
  base->loop(EVLOOP_ONCE);
  ev.del();
  EXPECT_EQ(told(), Controls{});
  for (int i = 0; i < 3; ++i) {
    ev.add();
    EXPECT_EQ(told(), (Controls{{EPOLL_CTL_MOD, EPOLLIN | kOnce}}));
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(told(), Controls{});
  }
  EXPECT_EQ(ev.calls, 4);
}

TEST_F(EpollTest, readding_in_the_callback_costs_one_call) {
  Event ev(*base, pair.a, EV_READ);
  ev.on_call([&](int, short) { ev.add(); });
  test::put(pair.b);
  ev.add();
  told();
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_MOD, EPOLLIN | kOnce}}));
}

TEST_F(EpollTest, what_was_not_reported_is_armed_again) {
  Event reader(*base, pair.a, EV_READ), writer(*base, pair.a, EV_WRITE);
  reader.add();
  writer.add();
  EXPECT_EQ(told(),
            (Controls{{EPOLL_CTL_ADD, EPOLLIN | kOnce}, {EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT | kOnce}}));
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(writer.calls, 1);
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_MOD, EPOLLIN | kOnce}}));
}

// Neither what the first of them leaves nor what the second takes with it is told to the kernel.
TEST_F(EpollTest, two_one_time_events_that_fire_together_cost_nothing_more) {
  Event reader(*base, pair.a, EV_READ), writer(*base, pair.a, EV_WRITE);
  reader.add();
  writer.add();
  test::put(pair.b);
  told();
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(writer.calls, 1);
  EXPECT_EQ(told(), Controls{});
  writer.add();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_MOD, EPOLLOUT | kOnce}}));
}

TEST_F(EpollTest, a_deleted_one_time_event_leaves_the_other_armed) {
  Event reader(*base, pair.a, EV_READ), writer(*base, pair.a, EV_WRITE), second(*base, pair.a, EV_WRITE);
  reader.add();
  writer.add();
  told();
  writer.del();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_MOD, EPOLLIN | kOnce}}));
  second.add();
  base->loop(EVLOOP_ONCE);  // reports the writer and arms the reader again
  told();
  reader.del();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_DEL, 0}}));
}

TEST_F(EpollTest, a_timeout_of_a_periodic_event_costs_no_call) {
  Event ev(*base, pair.a, EV_READ | EV_PERSIST);
  ev.add(0.001);
  told();
  for (int i = 0; i < 3; ++i) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 3);
  EXPECT_EQ(told(), Controls{});
}

// The number may have been closed and opened again since the first was added.
TEST_F(EpollTest, a_second_event_for_the_same_costs_one_look) {
  Event a(*base, pair.a, EV_READ | EV_PERSIST), b(*base, pair.a, EV_READ | EV_PERSIST);
  a.add();
  told();
  b.add();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_MOD, EPOLLIN}}));
  a.del();
  EXPECT_EQ(told(), Controls{});
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

TEST_F(EpollTest, a_one_time_event_whose_number_is_another_file_now) {
  Event ev(*base, pair.a, EV_READ);
  test::put(pair.b);
  ev.add();
  base->loop(EVLOOP_ONCE);
  const Pair next = test::socket_pair();
  ASSERT_EQ(dup2(next.a, pair.a), pair.a);
  told();
  EXPECT_EQ(ev.add(), 0);
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_MOD, EPOLLIN | kOnce}, {EPOLL_CTL_ADD, EPOLLIN | kOnce}}));
  test::put(next.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 2);
}

// An entry of a closed number whose file lives on is found again when the number comes back to it.
TEST_F(EpollTest, an_entry_left_behind_is_taken_over) {
  const test::QuietLog quiet;
  const test::Fd alias{dup(pair.a)};
  const Pair other = test::socket_pair();
  Event ev(*base, pair.a, EV_READ | EV_PERSIST);
  ev.add();
  ASSERT_EQ(dup2(other.a, pair.a), pair.a);
  ev.del();  // cannot name the entry
  ASSERT_EQ(dup2(alias, pair.a), pair.a);
  told();
  EXPECT_EQ(ev.add(), 0);
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_ADD, EPOLLIN}, {EPOLL_CTL_MOD, EPOLLIN}}));
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 1);
}

TEST_F(EpollTest, the_changelist_saves_a_delete_that_is_taken_back) {
  event_config config;
  config.flags = EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
  base = test::make_base(&config);
  Event ev(*base, pair.a, EV_READ | EV_PERSIST);
  ev.add();
  told();
  ev.del();
  EXPECT_EQ(told(), Controls{});
  ev.add();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_MOD, EPOLLIN}}));
  ev.del();
  Event timer(*base, kNoFd, 0);
  timer.add(0.0);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_DEL, 0}}));
}

TEST_F(EpollTest, the_changelist_puts_off_whole_deletions_while_there_are_no_edges) {
  event_config config;
  config.flags = EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
  base = test::make_base(&config);
  const test::Pair other = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST);
  Event writer(*base, pair.a, EV_WRITE | EV_PERSIST);
  reader.add();
  writer.add();
  told();
  writer.del();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_MOD, EPOLLIN}}));
  reader.del();
  EXPECT_EQ(told(), Controls{});
  Event edge(*base, other.a, EV_READ | EV_ET | EV_PERSIST);
  edge.add();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_DEL, 0}, {EPOLL_CTL_ADD, EPOLLIN | EPOLLET}}));
  reader.add();
  told();
  reader.del();
  EXPECT_EQ(told(), (Controls{{EPOLL_CTL_DEL, 0}}));
}

// The entry of a closed number whose file lives on cannot be taken out: the set is made anew before there are
// edges to be told twice.
TEST_F(EpollTest, an_edge_is_told_once_beside_a_number_closed_too_soon) {
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

TEST_F(EpollTest, what_could_not_be_armed_again_after_a_report_is_armed_by_the_next_wait) {
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

TEST_F(EpollTest, what_a_new_set_did_not_take_is_added_by_the_next_wait) {
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

TEST_F(EpollTest, a_number_that_is_another_file_now_is_not_taken_for_watched) {
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

TEST_F(EpollTest, a_plain_file_is_refused) {
  const test::QuietLog quiet;
  const test::Fd file{open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  ASSERT_GE(file, 0);
  Event ev(*base, file, EV_READ);
  EXPECT_EQ(ev.add(), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(quiet.lines().size(), 1u);
}

#ifdef SYS_epoll_pwait2
TEST_F(EpollTest, waits_finely_where_the_kernel_can) {
  Event timer(*base, kNoFd, 0);
  timer.add(0.0005);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_GE(pwait2_calls, 1);
}

// Older kernels do not know the call, and older containers forbid what they do not know.
TEST_F(EpollTest, waits_in_milliseconds_where_it_cannot) {
  for (const int error : {ENOSYS, EPERM}) {
    base = test::make_base_with("epoll");
    pwait2_error = error;
    pwait2_calls = 0;
    for (int i = 0; i < 3; ++i) {
      Event timer(*base, kNoFd, 0);
      timer.add(0.0005);
      EXPECT_EQ(base->loop(0), 1);
      EXPECT_EQ(timer.calls, 1);
    }
    EXPECT_EQ(pwait2_calls, 1);
  }
}
#endif

}  // namespace

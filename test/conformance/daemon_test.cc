// Children as daemonising code forks them: every fd closed, fds reused, and no event_reinit().
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <csignal>
#include <vector>

#include "conformance/methods.h"
#include "support/descriptor_limit.h"

using conformance::child_agrees;
using conformance::Conformance;
using test::Event;
using test::Fd;
using test::kNoFd;
using test::Pair;

namespace {

// Runs f in a child that closed every file descriptor first, as daemonising code does it.
template <typename F>
bool closed_child_agrees(F &&f) {
  return child_agrees([&] {
    alarm(20);
    for (int fd = 3; fd < 256; ++fd) close(fd);
    return f();
  });
}

// The base works: a descriptor, a signal and a timer.
bool serves(event_base &base, Event &on_signal) {
  const Pair pair = test::socket_pair();
  Event reader(base, pair.a, EV_READ), timer(base, kNoFd, 0);
  const int before = on_signal.calls;
  EXPECT_EQ(reader.add(), 0);
  EXPECT_EQ(timer.add(0.001), 0);
  test::put(pair.b);
  raise(SIGUSR1);
  while (!testing::Test::HasFailure() && (!reader.calls || !timer.calls || on_signal.calls == before)) {
    EXPECT_GE(base.loop(EVLOOP_ONCE), 0);
  }
  return reader.calls == 1 && timer.calls == 1 && on_signal.calls == before + 1;
}

TEST_P(Conformance, reinit_works_in_a_child_that_closed_every_descriptor) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST), ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  reader.add();
  ev.add();
  EXPECT_TRUE(closed_child_agrees([&] {
    reader.del();
    EXPECT_EQ(base->reinit(), 0);
    EXPECT_TRUE(base->check_invariants());
    return serves(*base, ev);
  }));
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(reader.calls, 1);
}

// Objects of the program that reuse the fds of the base. They are of the same kinds as the base's own where
// its method can distinguish them.
class Others {
 public:
  explicit Others(bool alike) {
    constexpr int kAsMany = 20;
    for (int i = 0; i < kAsMany; ++i) {
      sockets_.push_back(test::socket_pair());
      counters_.emplace_back(eventfd(static_cast<unsigned>(i + 1), alike ? EFD_NONBLOCK | EFD_CLOEXEC : 0));
      if (!alike) continue;
      sets_.emplace_back(epoll_create1(EPOLL_CLOEXEC));
      epoll_event nothing{};
      EXPECT_EQ(epoll_ctl(sets_.back(), EPOLL_CTL_ADD, sockets_.back().a, &nothing), 0);
    }
  }
  bool are_intact() const {
    bool all = true;
    for (const Pair &pair : sockets_) test::put(pair.a);
    for (std::size_t i = 0; i < counters_.size(); ++i) {
      eventfd_t count = 0;
      all = all && eventfd_read(counters_[i], &count) == 0 && count == i + 1;
    }
    epoll_event nothing{};
    for (std::size_t i = 0; i < sets_.size(); ++i) {
      all = all && epoll_ctl(sets_[i], EPOLL_CTL_MOD, sockets_[i].a, &nothing) == 0;
    }
    return all;
  }

 private:
  std::vector<Pair> sockets_;
  std::vector<Fd> counters_;
  std::vector<Fd> sets_;
};

TEST_P(Conformance, reinit_leaves_fds_reused_by_the_child_alone) {
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  EXPECT_TRUE(closed_child_agrees([&] {
    const Others others(is("epoll"));
    EXPECT_EQ(base->reinit(), 0);
    return others.are_intact() && serves(*base, ev);
  }));
}

TEST_P(Conformance, freeing_a_base_leaves_reused_fds_alone) {
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  EXPECT_TRUE(closed_child_agrees([&] {
    const Others others(is("epoll"));
    ev.forget();
    base.reset();
    return others.are_intact();
  }));
}

TEST_P(Conformance, a_reinit_without_descriptors_can_be_repeated) {
  const test::QuietLog quiet;
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  EXPECT_TRUE(child_agrees([&] {
    alarm(20);
    {
      const test::DescriptorLimit none(0);
      EXPECT_EQ(base->reinit(), -1);
      EXPECT_TRUE(base->check_invariants());
    }
    EXPECT_EQ(base->reinit(), 0);
    return serves(*base, ev);
  }));
}

// The second base reuses the fds of the first.
TEST_P(Conformance, reinit_works_for_two_bases_in_a_child_that_closed_every_descriptor) {
  const test::Base second = make();
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST), also(*second, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  also.add();
  EXPECT_TRUE(closed_child_agrees([&] {
    EXPECT_EQ(second->reinit(), 0);
    EXPECT_EQ(base->reinit(), 0);
    return serves(*second, also) && base->loop(EVLOOP_NONBLOCK) == 0 && serves(*base, ev);
  }));
}

TEST_P(Conformance, a_new_base_outlives_the_one_whose_fds_it_reuses) {
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  EXPECT_TRUE(closed_child_agrees([&] {
    const test::Base fresh = make();
    Event also(*fresh, SIGUSR1, EV_SIGNAL | EV_PERSIST);
    EXPECT_EQ(also.add(), 0);
    ev.forget();
    base.reset();
    return serves(*fresh, also);
  }));
}

// The child of daemon() does not call event_reinit.
TEST_P(Conformance, a_child_without_reinit_receives_its_signals) {
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  EXPECT_TRUE(child_agrees([&] {
    alarm(20);
    return serves(*base, ev) && serves(*base, ev);
  }));
  turn();
  EXPECT_EQ(ev.calls, 0);
  EXPECT_TRUE(serves(*base, ev));
}

// Both loops run, and each has its own signals.
TEST_P(Conformance, the_parent_keeps_receiving_its_own_signals) {
  const Pair to_child = test::socket_pair(), to_parent = test::socket_pair();
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    Event go(*base, to_child.a, EV_READ, [&](int, short) { raise(SIGUSR1); });
    EXPECT_EQ(go.add(), 0);
    while (!testing::Test::HasFailure() && ev.calls == 0) EXPECT_GE(base->loop(EVLOOP_ONCE), 0);
    test::put(to_parent.b);
    _exit(ev.calls == 1 && !testing::Test::HasFailure() ? 0 : 1);
  }
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(serves(*base, ev));
  Event done(*base, to_parent.a, EV_READ);
  EXPECT_EQ(done.add(), 0);
  test::put(to_child.b);
  while (done.calls == 0) ASSERT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(ev.calls, 3);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_P(Conformance, signals_before_the_first_wait_of_a_child_are_reported) {
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  raise(SIGUSR1);  // to the parent
  EXPECT_TRUE(child_agrees([&] {
    raise(SIGUSR1);
    raise(SIGUSR1);
    EXPECT_GE(base->loop(EVLOOP_NONBLOCK), 0);
    return ev.calls == 2;
  }));
  while (ev.calls < 1) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 1);
}

TEST_P(Conformance, event_del_in_a_child_keeps_the_interest_of_the_parent) {
  const Pair pair = test::socket_pair(), other = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST), writer(*base, pair.a, EV_WRITE),
      kept(*base, other.a, EV_READ);
  for (Event *ev : {&reader, &writer, &kept}) ev->add();
  EXPECT_TRUE(child_agrees([&] {
    alarm(20);
    reader.del();
    writer.del();
    EXPECT_TRUE(base->check_invariants());
    test::put(other.b);
    EXPECT_EQ(base->loop(0), 1);
    return kept.calls == 1;
  }));
  test::drain(other.a);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(writer.calls, 1);
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(kept.calls, 0);
}

// Changes of signals in the child before its first wait must not affect the method of the parent.
TEST_P(Conformance, event_del_of_a_signal_in_a_child_keeps_the_event_of_the_parent) {
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST), more(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  ev.add();
  EXPECT_TRUE(child_agrees([&] {
    ev.del();
    EXPECT_EQ(more.add(), 0);
    raise(SIGUSR2);
    EXPECT_GE(base->loop(EVLOOP_NONBLOCK), 0);
    return more.calls == 1;
  }));
  EXPECT_TRUE(serves(*base, ev));
}

}  // namespace

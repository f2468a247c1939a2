// Forked children: what they inherit, what event_reinit() creates again, and what they must leave alone.
#include <sys/socket.h>

#include <csignal>
#include <vector>

#include "conformance/methods.h"

using conformance::child_agrees;
using conformance::Conformance;
using test::Event;
using test::Fd;
using test::kNoFd;
using test::Pair;

namespace {

TEST_P(Conformance, a_child_has_its_own_events_after_reinit) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST), writer(*base, pair.a, EV_WRITE);
  reader.add();
  writer.add();
  EXPECT_TRUE(child_agrees([&] {
    EXPECT_EQ(base->reinit(), 0);
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(writer.calls, 1);
    EXPECT_EQ(reader.calls, 0);
    test::put(pair.b);
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(reader.calls, 1);
    test::drain(pair.a);
    reader.del();
    return base->check_invariants() && base->loop(EVLOOP_ONCE) == 1;
  }));
  // An event deleted in the child is still added in the parent.
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(writer.calls, 1);
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(reader.calls, 1);
}

TEST_P(Conformance, freeing_a_base_in_a_child_does_not_affect_the_parent) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST);
  reader.add();
  EXPECT_TRUE(child_agrees([&] {
    base.reset();
    return true;
  }));
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(reader.calls, 1);
}

int open_descriptors() {
  int open = 0;
  for (int fd = 0; fd < 256; ++fd) open += fcntl(fd, F_GETFD) != -1;
  return open;
}

// An fd of the method that the child closed may refer to another file by the time of event_reinit().
TEST_P(Conformance, reinit_in_a_child_closes_only_fds_of_the_base) {
  EXPECT_TRUE(child_agrees([&] {
    std::vector<Fd> others;
    for (int i = 0; i < 64; ++i) others.emplace_back(dup(0));
    EXPECT_EQ(base->reinit(), 0);
    bool all = true;
    for (const Fd &fd : others) all = all && fcntl(fd, F_GETFD) != -1;
    return all;
  }));
}

TEST_P(Conformance, reinit_in_a_child_leaks_no_descriptor) {
  EXPECT_TRUE(child_agrees([&] {
    base->reinit();
    const int before = open_descriptors();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(base->reinit(), 0);
    return open_descriptors() == before;
  }));
}

TEST_P(Conformance, freeing_a_base_leaks_no_descriptor) {
  const int before = open_descriptors();
  make().reset();
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(Conformance, a_child_receives_its_own_signals) {
  Event ev(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  ev.add();
  EXPECT_TRUE(child_agrees([&] {
    EXPECT_EQ(base->reinit(), 0);
    raise(SIGUSR1);
    while (ev.calls < 1) base->loop(EVLOOP_ONCE);
    return ev.calls == 1;
  }));
  turn();
  EXPECT_EQ(ev.calls, 0);
  raise(SIGUSR1);
  while (ev.calls < 1) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.calls, 1);
}

}  // namespace

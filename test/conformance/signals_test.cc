// Signals, whether reported by a handler or by the method.
#include <sys/wait.h>

#include <csignal>
#include <string>

#include "conformance/methods.h"

using conformance::Conformance;
using test::Event;
using test::kNoFd;
using test::Pair;

namespace {

TEST_P(Conformance, each_signal_is_reported_as_often_as_it_was_raised) {
  Event first(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST), second(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  Event end(*base, kNoFd, 0, [&](int, short) { base->loop_break(); });
  first.add();
  second.add();
  for (int i = 0; i < 3; ++i) raise(SIGUSR1);
  raise(SIGUSR2);
  while (first.calls < 3 || second.calls < 1) base->loop(EVLOOP_ONCE);
  turn();
  EXPECT_EQ(first.calls, 3);
  EXPECT_EQ(second.calls, 1);
  EXPECT_EQ(first.what, EV_SIGNAL);
}

TEST_P(Conformance, a_signal_interrupts_the_wait) {
  Event signal(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST, [&](int, short) { base->loop_break(); });
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_PERSIST);
  reader.add();
  signal.add();
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) _exit(kill(parent, SIGUSR1));
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(signal.calls, 1);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
}

TEST_P(Conformance, a_signal_is_reported_by_two_bases) {
  const test::Base other = make();
  Event here(*base, SIGUSR1, EV_SIGNAL | EV_PERSIST), there(*other, SIGUSR1, EV_SIGNAL | EV_PERSIST);
  here.add();
  there.add();
  raise(SIGUSR1);
  while (here.calls < 1) base->loop(EVLOOP_ONCE);
  while (there.calls < 1) other->loop(EVLOOP_ONCE);
  here.del();
  raise(SIGUSR1);
  while (there.calls < 2) other->loop(EVLOOP_ONCE);
  EXPECT_EQ(here.calls, 1);
}

TEST_P(Conformance, deleting_a_signal_event_restores_its_handler) {
  static int handled = 0;
  handled = 0;
  struct sigaction action = {}, old = {}, now = {};
  action.sa_handler = [](int) { ++handled; };
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old), 0);
  {
    Event ev(*base, SIGUSR1, EV_SIGNAL);
    ev.add();
    raise(SIGUSR1);
    EXPECT_EQ(handled, 0);
    while (!ev.calls) base->loop(EVLOOP_ONCE);
  }
  raise(SIGUSR1);
  EXPECT_EQ(handled, 1);
  {
    const test::Base other = make();
    Event ev(*other, SIGUSR1, EV_SIGNAL | EV_PERSIST);
    ev.add();
    ev.forget();  // the base's end does the same
  }
  ASSERT_EQ(sigaction(SIGUSR1, &old, &now), 0);
  EXPECT_EQ(now.sa_handler, action.sa_handler);
}

TEST_P(Conformance, adding_an_invalid_signal_fails) {
  const test::QuietLog quiet;
  for (const int none : {0, -1, NSIG, 1000, SIGKILL}) {
    Event ev(*base, none, EV_SIGNAL);
    EXPECT_EQ(ev.add(), -1) << none;
  }
}

TEST_P(Conformance, signal_method_returns_its_name) {
  EXPECT_EQ(std::string(base->signal_method()), is("kqueue") ? "kqueue_signal" : "signal");
}

}  // namespace

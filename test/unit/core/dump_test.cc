// Inspecting a base: iteration over its events, and the listing of event_base_dump_events().
#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <string>

#include "core/dump.h"
#include "core/event_access.h"
#include "support/events.h"
#include "support/files.h"

using test::Event;
using test::kNoFd;

namespace {

class DumpTest : public testing::Test {
 protected:
  static int note(const event_base *, const event *ev, void *arg) {
    static_cast<std::multiset<const event *> *>(arg)->insert(ev);
    return 0;
  }
  std::multiset<const event *> seen() {
    std::multiset<const event *> events;
    EXPECT_EQ(base->for_each_event(note, &events), 0);
    return events;
  }
  std::string dump() {
    const test::Stream out;
    evi::dump_events(*base, out.file());
    return out.text();
  }

  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  test::Pair pair = test::socket_pair();
};

// Behaviour 9.
TEST_F(DumpTest, each_event_is_visited_once) {
  EXPECT_TRUE(seen().empty());
  Event io(*base, pair.a, EV_READ | EV_PERSIST), io_timed(*base, pair.a, EV_WRITE), timer(*base, kNoFd, 0);
  Event common(*base, kNoFd, 0), io_common(*base, pair.b, EV_READ), signal(*base, SIGUSR2, EV_SIGNAL);
  Event active(*base, kNoFd, 0), idle(*base, kNoFd, 0), everything(*base, pair.b, EV_WRITE | EV_PERSIST);
  const timeval *tv = base->init_common_timeout({5, 0});
  io.add();
  io_timed.add(5);
  timer.add(6);
  common.add(*tv);
  io_common.add(*tv);
  signal.add();
  active.activate(EV_READ);
  everything.add(7);
  everything.activate(EV_WRITE);
  std::multiset<const event *> events = seen();
  for (Event *ev : {&io, &io_timed, &timer, &common, &io_common, &signal, &active, &everything}) {
    EXPECT_EQ(events.count(&**ev), 1u);
  }
  EXPECT_EQ(events.count(&*idle), 0u);
  // The internal event is listed too: the waker for signals.
  EXPECT_EQ(events.size(), 8u + 1u);
}

// As bufferevents keep the fd of a socket that is served by overlapped operations.
TEST_F(DumpTest, a_hidden_fd_is_listed_with_its_value) {
  Event timer(*base, evi::hidden(pair.a), 0);
  timer.add(5);
  EXPECT_NE(dump().find("[fd  " + std::to_string(static_cast<int>(pair.a)) + "]"), std::string::npos)
      << dump();
  base->activate_by_fd(static_cast<int>(pair.a), EV_TIMEOUT);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(timer.calls, 1);
}

TEST_F(DumpTest, a_nonzero_result_stops_the_iteration) {
  Event a(*base, kNoFd, 0), b(*base, kNoFd, 0), c(*base, pair.a, EV_READ);
  a.add(1);
  b.add(2);
  c.add();
  int calls = 0;
  const auto stop = [](const event_base *, const event *, void *arg) {
    return ++*static_cast<int *>(arg) == 2 ? 42 : 0;
  };
  EXPECT_EQ(base->for_each_event(stop, &calls), 42);
  EXPECT_EQ(calls, 2);
}

TEST_F(DumpTest, the_listing_names_the_conditions_awaited) {
  Event io(*base, pair.a, EV_READ | EV_ET | EV_PERSIST), timer(*base, kNoFd, 0),
      signal(*base, SIGUSR2, EV_SIGNAL | EV_PERSIST);
  Event closed(*base, pair.b, EV_CLOSED | EV_WRITE);
  io.add();
  timer.add(2.000005);
  signal.add();
  closed.add();
  closed.activate(EV_WRITE);
  const std::string text = dump();
  const auto has = [&](const std::string &part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(has("Inserted events:\n")) << text;
  EXPECT_TRUE(has("Active events:\n")) << text;
  EXPECT_TRUE(has("[fd  " + std::to_string(pair.a) + "] Read Persist ET\n")) << text;
  EXPECT_TRUE(has("[fd  -1] Timeout=1700001002.000005\n")) << text;
  EXPECT_TRUE(has("[sig " + std::to_string(SIGUSR2) + "] Signal Persist\n")) << text;
  EXPECT_TRUE(has("[fd  " + std::to_string(pair.b) + ", priority=0] Write active\n")) << text;
  EXPECT_TRUE(has("Internal\n")) << text;
}

TEST_F(DumpTest, an_empty_base_lists_no_events) { EXPECT_EQ(dump(), "Inserted events:\nActive events:\n"); }

}  // namespace

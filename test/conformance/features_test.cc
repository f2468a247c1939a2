// The feature flags of a method match its behaviour.
#include <cstdlib>
#include <string>

#include "conformance/methods.h"

using conformance::Conformance;
using test::Event;
using test::Fd;
using test::Pair;

namespace {

TEST_P(Conformance, a_method_has_its_name_and_features) {
  EXPECT_EQ(base->features(), GetParam().features);
  EXPECT_EQ(std::string(base->method()), GetParam().flags & EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST
                                             ? "epoll (with changelist)"
                                             : std::string(GetParam().name));
}

TEST_P(Conformance, the_edge_triggered_feature_flag_matches_behaviour) {
  const Pair pair = test::socket_pair();
  Event ev(*base, pair.a, EV_READ | EV_ET | EV_PERSIST);
  ev.add();
  test::put(pair.b);
  for (int i = 0; i < 2; ++i) base->loop(EVLOOP_ONCE | EVLOOP_NONBLOCK);
  EXPECT_EQ(ev.calls, has(EV_FEATURE_ET) ? 1 : 2);
  EXPECT_EQ((ev.what & EV_ET) != 0, has(EV_FEATURE_ET));
}

// A file is always ready, where a method takes files at all.
TEST_P(Conformance, the_regular_files_feature_flag_matches_behaviour) {
  const test::QuietLog quiet;
  char name[] = "/tmp/conformance.XXXXXX";
  const Fd file{mkstemp(name)};
  ASSERT_GE(file, 0);
  unlink(name);
  for (const short what : {EV_READ, EV_WRITE, EV_READ | EV_PERSIST}) {
    Event ev(*base, file, what);
    ASSERT_EQ(ev.add() == 0, has(EV_FEATURE_FDS));
    if (!has(EV_FEATURE_FDS)) continue;
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(ev.what, what & (EV_READ | EV_WRITE));
  }
}

TEST_P(Conformance, the_early_close_feature_flag_matches_behaviour) {
  const test::QuietLog quiet;
  Pair pair = test::socket_pair();
  test::put(pair.b);
  pair.b.close();
  Event closed(*base, pair.a, EV_CLOSED);
  closed.add();
  turn();
  EXPECT_EQ(closed.what == EV_CLOSED, has(EV_FEATURE_EARLY_CLOSE));
}

}  // namespace

// Edge-triggered events, where the method supports them.

#include "conformance/methods.h"

using conformance::Conformance;
using test::Event;
using test::Pair;

namespace {

// --- edge-triggered (behaviour 12, must-not 12) ---

TEST_P(Conformance, each_edge_is_reported_once) {
  if (!has(EV_FEATURE_ET)) GTEST_SKIP();
  const Pair pair = test::socket_pair();
  Event ev(*base, pair.a, EV_READ | EV_ET | EV_PERSIST);
  ev.add();
  test::put(pair.b);
  turn();
  turn();
  EXPECT_EQ(ev.calls, 1);
  EXPECT_EQ(ev.what, EV_READ | EV_ET);
  test::put(pair.b);
  turn();
  EXPECT_EQ(ev.calls, 2);
}

TEST_P(Conformance, deleting_one_of_two_events_keeps_the_other_edge_triggered) {
  if (!has(EV_FEATURE_ET)) GTEST_SKIP();
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_ET | EV_PERSIST),
      writer(*base, pair.a, EV_WRITE | EV_ET | EV_PERSIST);
  Event other(*base, pair.a, EV_READ | EV_ET | EV_PERSIST);
  for (Event *ev : {&reader, &writer, &other}) ev->add();
  turn();
  writer.del();
  other.del();
  turn();
  reader.reset();
  test::put(pair.b);
  EXPECT_EQ(callbacks_in_turns(reader, 3), 1);
}

TEST_P(Conformance, a_method_without_edge_triggering_does_not_report_ev_et) {
  if (has(EV_FEATURE_ET)) GTEST_SKIP();
  const Pair pair = test::socket_pair();
  Event ev(*base, pair.a, EV_READ | EV_ET);
  ev.add();
  test::put(pair.b);
  base->loop(EVLOOP_ONCE);
  EXPECT_EQ(ev.what, EV_READ);
}

TEST_P(Conformance, an_fd_can_switch_between_level_and_edge_triggering) {
  if (!has(EV_FEATURE_ET)) GTEST_SKIP();
  const Pair pair = test::socket_pair();
  test::put(pair.b);
  for (int round = 0; round < 3; ++round) {
    for (const bool lasting : {true, false}) {
      const short more = lasting ? EV_PERSIST : 0;
      Event level(*base, pair.a, static_cast<short>(EV_READ | more));
      level.add();
      base->loop(EVLOOP_ONCE);
      if (lasting) base->loop(EVLOOP_ONCE);
      EXPECT_EQ(level.calls, lasting ? 2 : 1);
      level.del();
      Event edge(*base, pair.a, static_cast<short>(EV_READ | EV_ET | more));
      edge.add();
      base->loop(EVLOOP_ONCE);  // what is ready already is the first edge
      EXPECT_EQ(callbacks_in_turns(edge, 2), 0);
      EXPECT_EQ(edge.calls, 1);
      EXPECT_EQ(edge.what, EV_READ | EV_ET);
    }
  }
}

TEST_P(Conformance, each_direction_reports_its_own_edges) {
  if (!has(EV_FEATURE_ET)) GTEST_SKIP();
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_ET | EV_PERSIST);
  Event writer(*base, pair.a, EV_WRITE | EV_ET | EV_PERSIST);
  writer.add();
  turn();
  EXPECT_EQ(writer.calls, 1);
  reader.add();
  turn();
  EXPECT_EQ(reader.calls, 0);
  test::put(pair.b);
  turn();
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(callbacks_in_turns(reader, 2), 0);
}

TEST_P(Conformance, eof_is_reported_as_one_edge) {
  if (!has(EV_FEATURE_ET)) GTEST_SKIP();
  Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ | EV_ET | EV_PERSIST);
  Event closed(*base, pair.a, EV_CLOSED | EV_ET | EV_PERSIST);
  reader.add();
  if (has(EV_FEATURE_EARLY_CLOSE)) closed.add();
  pair.b.close();
  turn();
  turn();
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(closed.calls, has(EV_FEATURE_EARLY_CLOSE));
}

}  // namespace

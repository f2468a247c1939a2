// EOF, hang-ups and errors of sockets, pipes and failed connections.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "conformance/methods.h"

using conformance::Conformance;
using test::Event;
using test::Fd;
using test::Pair;

namespace {

// --- ends and errors (must-not 13) ---

TEST_P(Conformance, a_close_by_the_peer_is_readable) {
  Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ);
  reader.add();
  pair.b.close();
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(reader.what, EV_READ);
}

TEST_P(Conformance, a_half_close_is_readable_and_still_writable) {
  const Pair pair = test::socket_pair();
  Event reader(*base, pair.a, EV_READ), writer(*base, pair.a, EV_WRITE);
  reader.add();
  writer.add();
  shutdown(pair.b, SHUT_WR);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(reader.what, EV_READ);
  EXPECT_EQ(writer.what, EV_WRITE);
}

TEST_P(Conformance, closing_the_write_end_of_a_pipe_makes_it_readable) {
  Pair pipe = test::make_pipe();
  Event reader(*base, pipe.a, EV_READ);
  reader.add();
  pipe.b.close();
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(reader.what, EV_READ);
}

// The close must be reported to the writer, although nothing can be written.
TEST_P(Conformance, closing_the_read_end_of_a_full_pipe_makes_it_writable) {
  Pair pipe = test::make_pipe();
  const std::vector<char> much(4096);
  while (write(pipe.b, much.data(), static_cast<unsigned>(much.size())) > 0) {
  }
  Event writer(*base, pipe.b, EV_WRITE);
  writer.add();
  turn();
  EXPECT_EQ(writer.calls, 0);
  pipe.a.close();
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(writer.what, EV_WRITE);
}

TEST_P(Conformance, a_pipe_without_a_read_end_is_writable_when_added) {
  Pair pipe = test::make_pipe();
  pipe.a.close();
  for (const short what : {EV_WRITE, EV_WRITE | EV_PERSIST}) {
    Event writer(*base, pipe.b, what);
    ASSERT_EQ(writer.add(), 0);
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(writer.what, EV_WRITE);
  }
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 1);
}

TEST_P(Conformance, eof_is_reported_in_every_iteration) {
  Pair pair = test::socket_pair();
  test::put(pair.b);
  Event reader(*base, pair.a, EV_READ | EV_PERSIST);
  reader.add();
  base->loop(EVLOOP_ONCE);
  pair.b.close();
  test::drain(pair.a);
  for (int i = 2; i <= 4; ++i) {
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(reader.calls, i);
  }
}

void expect_closed_in_every_iteration(event_base &base, bool data_first) {
  Pair pair = test::socket_pair();
  Event closed(base, pair.a, EV_CLOSED | EV_PERSIST);
  closed.add();
  if (data_first) test::put(pair.b);
  base.loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(closed.calls, 0);
  pair.b.close();
  // The timer makes a method without a report fail instead of waiting for ever.
  Event late(base, test::kNoFd, 0);
  late.add(20);
  for (int i = 1; i <= 3; ++i) {
    base.loop(EVLOOP_ONCE);
    ASSERT_EQ(closed.calls, i);
  }
  EXPECT_EQ(closed.what, EV_CLOSED);
}

TEST_P(Conformance, ev_closed_is_reported_in_every_iteration) {
  if (!has(EV_FEATURE_EARLY_CLOSE)) GTEST_SKIP();
  expect_closed_in_every_iteration(*base, false);
}

TEST_P(Conformance, ev_closed_behind_unread_input_is_reported_in_every_iteration) {
  if (!has(EV_FEATURE_EARLY_CLOSE)) GTEST_SKIP();
  expect_closed_in_every_iteration(*base, true);
}

// Unread input is not reported as EOF, however long it stays.
TEST_P(Conformance, waiting_for_ev_closed_does_not_spin_on_unread_input) {
  if (!has(EV_FEATURE_EARLY_CLOSE)) GTEST_SKIP();
  for (const short what : {EV_CLOSED, EV_CLOSED | EV_PERSIST}) {
    const Pair pair = test::socket_pair();
    test::put(pair.b);
    Event closed(*base, pair.a, what);
    closed.add();
    EXPECT_FALSE(spins());
    EXPECT_EQ(closed.calls, 0);
  }
}

TEST_P(Conformance, ev_closed_is_reported_beside_readers_and_writers) {
  if (!has(EV_FEATURE_EARLY_CLOSE)) GTEST_SKIP();
  for (const short lasting : {0, EV_PERSIST}) {
    Pair pair = test::socket_pair();
    Event closed(*base, pair.a, static_cast<short>(EV_CLOSED | lasting));
    Event reader(*base, pair.a, static_cast<short>(EV_READ | lasting));
    Event writer(*base, pair.a, static_cast<short>(EV_WRITE | lasting));
    closed.add();
    reader.add();
    writer.add();
    test::put(pair.b);
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(reader.what, EV_READ);
    EXPECT_EQ(writer.what, EV_WRITE);
    EXPECT_EQ(closed.what, 0);
    writer.del();
    reader.del();
    turn();
    EXPECT_EQ(closed.what, 0);
    pair.b.close();
    Event late(*base, test::kNoFd, 0);
    late.add(20);
    base->loop(EVLOOP_ONCE);
    EXPECT_EQ(closed.what, EV_CLOSED);
    EXPECT_EQ(reader.calls, 1);
  }
}

TEST_P(Conformance, a_refused_connection_is_writable) {
  const Fd listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_storage address = {};
  address.ss_family = AF_INET;
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof(sockaddr_in)), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr *>(&address), &length), 0);
  // Bound, so that no other process gets the port, but not listening.
  const Fd fd{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr *>(&address), length), -1);
  if (errno == EINPROGRESS) {
    Event writer(*base, fd, EV_WRITE);
    writer.add();
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(writer.what, EV_WRITE);
  }
}

TEST_P(Conformance, ev_closed_is_reported_before_the_data_is_read) {
  if (!has(EV_FEATURE_EARLY_CLOSE)) GTEST_SKIP();
  Pair pair = test::socket_pair();
  Event closed(*base, pair.a, EV_CLOSED), reader(*base, pair.a, EV_READ | EV_PERSIST);
  closed.add();
  turn();
  EXPECT_EQ(closed.calls, 0);
  test::put(pair.b);
  turn();
  EXPECT_EQ(closed.calls, 0);  // data alone is no end
  pair.b.close();
  Event late(*base, test::kNoFd, 0);
  late.add(20);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(closed.what, EV_CLOSED);
  reader.add();
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(reader.what, EV_READ);
}

TEST_P(Conformance, an_event_for_ev_closed_alone_reports_a_pipe_hangup) {
  if (!has(EV_FEATURE_EARLY_CLOSE)) GTEST_SKIP();
  Pair pipe = test::make_pipe();
  Event closed(*base, pipe.a, EV_CLOSED);
  closed.add();
  pipe.b.close();
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(closed.what, EV_CLOSED);
}

TEST_P(Conformance, a_tcp_reset_is_reported) {
  const Fd listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_storage address = {};
  address.ss_family = AF_INET;
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof(sockaddr_in)), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr *>(&address), &length), 0);
  for (const short what : {EV_READ, EV_WRITE | EV_READ}) {
    const Fd client{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ASSERT_EQ(connect(client, reinterpret_cast<sockaddr *>(&address), length), 0);
    Fd server{accept(listener, nullptr, nullptr)};
    Event ev(*base, client, what);
    ev.add();
    const linger hard{1, 0};
    ASSERT_EQ(setsockopt(server, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    server.close();
    EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
    EXPECT_EQ(ev.what & EV_READ, EV_READ);
  }
}

}  // namespace

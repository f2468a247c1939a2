// The state machine of TLS bufferevents with a scripted engine: each order of results.
#include "tls/tls_bufferevent.h"

#ifndef _WIN32
#include <sys/un.h>
#endif

#include <cerrno>
#include <cstring>
#include <deque>
#include <thread>

#include "../bufferevent/bufferevents.h"
#include "bufferevent/loop_chunks.h"
#include "event2/bufferevent_ssl.h"
#include "scripted_engine.h"
#include "support/fault_alloc.h"
#include "support/script_backend.h"

namespace {

using namespace test::scripted;

struct TlsMachine : testing::TestWithParam<bool> {
  test::Base base = test::make_base();
  test::Pair fds = test::socket_pair();
  Session session;
  bufferevent *bev = nullptr;
  std::string log;

  bool filter() const { return GetParam(); }

  bufferevent *make(bufferevent_ssl_state state, int options = 0) {
    bufferevent *under = filter() ? bufferevent_socket_new(base.get(), fds.a, 0) : nullptr;
    const evi::TlsSetup setup = {base.get(), under, fds.a, &kEngine, &session, state, options};
    bev = evi_private_tls_new(&setup);
    EXPECT_NE(bev, nullptr);
    bufferevent_setcb(bev, on_read, on_write, on_event, this);
    return bev;
  }
  void open() {
    make(BUFFEREVENT_SSL_OPEN);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    turn();
    log.clear();
    session.asked.clear();
  }
  ~TlsMachine() override { end(); }
  void end() {
    if (!bev) return;
    EXPECT_TRUE(evi::TlsBufferevent::of(*bev)->check_invariants());
    bufferevent *under = filter() ? bufferevent_get_underlying(bev) : nullptr;
    bufferevent_free(std::exchange(bev, nullptr));
    if (under) bufferevent_free(under);
  }

  static void on_read(bufferevent *bev, void *self) {
    static_cast<TlsMachine *>(self)->log +=
        "r" + std::to_string(evbuffer_get_length(bufferevent_get_input(bev))) + " ";
  }
  static void on_write(bufferevent *, void *self) { static_cast<TlsMachine *>(self)->log += "w "; }
  static void on_event(bufferevent *, short what, void *self) {
    char text[16];
    std::snprintf(text, sizeof(text), "e%02x ", static_cast<unsigned>(what));
    static_cast<TlsMachine *>(self)->log += text;
  }
  // As a program does that owns the session.
  void free_all() {
    if (!bev) return;
    end();
    session.freed = true;
  }
  void turn() { test::turn(*base, 6); }
  std::string taken() { return std::exchange(log, ""); }
  void put(const std::string &text) { bufferevent_write(bev, text.data(), text.size()); }
};

INSTANTIATE_TEST_SUITE_P(Forms, TlsMachine, testing::Bool(),
                         [](const auto &info) { return info.param ? "filter" : "socket"; });

TEST_P(TlsMachine, queued_output_counts_as_an_event_until_it_is_written) {
  open();
  const int before = base->count_events(EVENT_BASE_COUNT_ADDED);
  bufferevent_write(bev, "x", 1);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), before + 1);
  EXPECT_EQ(event_pending(&bev->ev_write, EV_WRITE, nullptr), EV_WRITE);
  EXPECT_TRUE(base->check_invariants());
  turn();
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), before);
  EXPECT_TRUE(base->check_invariants());
}

// By a callback of the output buffer, whose bytes leave it between two batches, and of the input buffer.
TEST_P(TlsMachine, renegotiation_may_be_started_by_evbuffer_callbacks) {
  const auto renegotiate = [](evbuffer *, const evbuffer_cb_info *info, void *arg) {
    auto &self = *static_cast<TlsMachine *>(arg);
    if (info->n_deleted > 0 || info->orig_size == 0) evi_private_tls_renegotiate(self.bev);
  };
  open();
  evbuffer_add_cb(bufferevent_get_output(bev), renegotiate, this);
  put(std::string(100'000, 'x'));
  for (int i = 0; i < 20; ++i) turn();
  EXPECT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 0u);
  EXPECT_NE(session.asked.find('h'), std::string::npos);

  evbuffer_add_cb(bufferevent_get_input(bev), renegotiate, this);
  session.asked.clear();
  test::write_all(fds.b, "abc");
  for (int i = 0; i < 20; ++i) turn();
  EXPECT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 3u);
  EXPECT_NE(session.asked.find('h'), std::string::npos);
}

// Freeing a filter has the TLS bufferevent below it write its last records into the buffer of the socket.
TEST(TlsFilter, freeing_a_stack_of_owners_calls_no_evbuffer_callback_below) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Session session;
  bufferevent *under = bufferevent_socket_new(base.get(), fds.a.release(), BEV_OPT_CLOSE_ON_FREE);
  const evi::TlsSetup setup = {base.get(),           under, -1, &kEngine, &session, BUFFEREVENT_SSL_OPEN,
                               BEV_OPT_CLOSE_ON_FREE};
  bufferevent *tls = evi_private_tls_new(&setup);
  ASSERT_NE(tls, nullptr);
  bufferevent *top = bufferevent_filter_new(tls, nullptr, nullptr, BEV_OPT_CLOSE_ON_FREE, nullptr, nullptr);
  ASSERT_NE(top, nullptr);
  bufferevent_enable(top, EV_WRITE);
  test::turn(*base);
  int calls = 0;
  evbuffer_add_cb(
      bufferevent_get_output(under),
      [](evbuffer *, const evbuffer_cb_info *, void *arg) { ++*static_cast<int *>(arg); }, &calls);
  bufferevent_write(top, "abc", 3);
  bufferevent_free(top);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(test::read_all(fds.b), "abc");
  test::turn(*base);
}

TEST(TlsFilter, ciphertext_of_an_earlier_wire_is_added_under_the_lock) {
  if (!evi::kThreadSupport) GTEST_SKIP();
  test::Threads threads;
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Session session;
  session.remains = "left";
  bufferevent *under =
      bufferevent_socket_new(base.get(), fds.a.release(), BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
  const evi::TlsSetup setup = {base.get(),           under, -1, &kEngine, &session, BUFFEREVENT_SSL_OPEN,
                               BEV_OPT_CLOSE_ON_FREE};
  bufferevent *bev = evi_private_tls_new(&setup);
  ASSERT_NE(bev, nullptr);
  test::turn(*base);
  EXPECT_EQ(test::read_all(fds.b), "left");
  bufferevent_free(bev);
  test::turn(*base);
}

TEST_P(TlsMachine, the_engine_is_set_to_client_or_server) {
  make(BUFFEREVENT_SSL_CONNECTING);
  EXPECT_EQ(session.side, TlsSide::client);
  end();
  make(BUFFEREVENT_SSL_ACCEPTING);
  EXPECT_EQ(session.side, TlsSide::server);
  end();
  make(BUFFEREVENT_SSL_OPEN);
  EXPECT_EQ(session.side, TlsSide::settled);
  EXPECT_EQ(session.frees, 0);
  EXPECT_EQ(session.detaches, 2);
}

TEST_P(TlsMachine, each_handshake_result_is_handled) {
  const struct {
    TlsResult result;
    const char *log;
  } cases[] = {{TlsResult::done, "e80 "},
               {TlsResult::want_read, ""},
               {TlsResult::closed, "e21 "},
               {TlsResult::truncated, "e21 "},
               {TlsResult::failed, "e21 "}};
  for (const auto &row : cases) {
    // The underlying transport may report readiness more than once.
    session.handshakes.assign(row.result == TlsResult::want_read ? 4 : 1, row.result);
    make(BUFFEREVENT_SSL_ACCEPTING);
    bufferevent_enable(bev, EV_READ);
    base->loop(EVLOOP_NONBLOCK);
    EXPECT_EQ(taken(), row.log) << static_cast<int>(row.result);
    EXPECT_EQ(evi_private_tls_take_error(bev), row.result == TlsResult::failed ? 77u : 0u);
    session.handshakes.clear();
    end();
  }
}

TEST_P(TlsMachine, a_handshake_continues_when_input_arrives) {
  session.handshakes.assign(8, TlsResult::want_read);
  make(BUFFEREVENT_SSL_ACCEPTING);
  turn();
  const std::size_t before = session.asked.size();
  EXPECT_LE(before, 2u);
  test::write_all(fds.b, "1");
  base->loop(EVLOOP_ONCE);
  EXPECT_GT(session.asked.size(), before);
  EXPECT_EQ(session.asked.find_first_not_of('h'), std::string::npos);
}

TEST_P(TlsMachine, each_end_of_stream_is_reported) {
  const struct {
    TlsResult result;
    bool dirty;
    const char *log;
  } cases[] = {{TlsResult::closed, false, "e11 "},    {TlsResult::closed, true, "e11 "},
               {TlsResult::truncated, false, "e21 "}, {TlsResult::truncated, true, "e11 "},
               {TlsResult::failed, false, "e21 "},    {TlsResult::failed, true, "e21 "}};
  for (const auto &row : cases) {
    open();
    if (row.dirty) evi_private_tls_change_flags(bev, BUFFEREVENT_SSL_DIRTY_SHUTDOWN, 0);
    session.reads = {TlsResult::done, row.result};
    session.inside = "abc";
    test::write_all(fds.b, "x");
    turn();
    EXPECT_EQ(taken(), std::string("r3 ") + row.log) << static_cast<int>(row.result) << row.dirty;
    test::read_all(fds.b);
    end();
    session.inside.clear();
    char rest[8];
    while (::read(fds.a, rest, sizeof(rest)) > 0) {
    }
  }
}

TEST_P(TlsMachine, eof_of_the_wire_is_not_close_notify) {
  open();
  test::write_all(fds.b, "last");
  ::shutdown(fds.b, SHUT_WR);
  turn();
  EXPECT_EQ(taken(), "r4 e21 ");
}

TEST_P(TlsMachine, a_write_that_wants_input_is_retried_when_input_arrives) {
  open();
  bufferevent_disable(bev, EV_READ);
  session.writes = {TlsResult::done, TlsResult::want_read};
  put(std::string(20000, 'x'));
  turn();
  EXPECT_EQ(session.asked, "ww");
  EXPECT_EQ(test::read_all(fds.b).size(), 16384u);
  EXPECT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 3616u);
  EXPECT_EQ(taken(), "");
  put("more");
  turn();
  EXPECT_EQ(session.asked, "ww") << "without input there is nothing to try";
  test::write_all(fds.b, "i");
  turn();
  EXPECT_EQ(session.asked.substr(0, 3), "www");
  EXPECT_EQ(test::read_all(fds.b).size(), 3620u);
  EXPECT_EQ(taken(), "w ");
}

TEST_P(TlsMachine, a_read_that_wants_output_continues_when_the_wire_accepts_output) {
  open();
  session.reads = {TlsResult::want_write};
  session.inside = "held";
  test::write_all(fds.b, "i");
  turn();
  if (filter()) {
    // The underlying bufferevent accepts any output; only a session with its own wire returns such a result.
    return;
  }
  EXPECT_EQ(session.asked.substr(0, 2), "rr");
  EXPECT_EQ(taken(), "r5 ");
}

TEST_P(TlsMachine, a_failed_write_is_reported_as_a_write_error) {
  open();
  session.writes = {TlsResult::failed};
  put("x");
  turn();
  EXPECT_EQ(taken(), "e22 ");
  EXPECT_EQ(evi_private_tls_take_error(bev), 77u);
  put("y");
  turn();
  EXPECT_EQ(taken(), "");
}

TEST_P(TlsMachine, output_not_accepted_by_the_kernel_stays_buffered) {
  if (filter()) return;
  open();
  const std::string much(3'000'000, 'm');
  put(much);
  turn();
  EXPECT_GT(evbuffer_get_length(bufferevent_get_output(bev)), 0u);
  EXPECT_EQ(taken(), "");
  std::string got;
  for (int i = 0; i < 1000 && got.size() < much.size(); ++i) {
    got += test::read_all(fds.b);
    base->loop(EVLOOP_NONBLOCK);
  }
  EXPECT_EQ(got, much);
  turn();
  EXPECT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 0u);
}

TEST_P(TlsMachine, a_broken_socket_is_reported_as_a_write_error) {
  if (filter()) return;
  open();
  bufferevent_disable(bev, EV_READ);
  fds.close_b();
  put("x");
  turn();
  EXPECT_EQ(taken(), "e22 ");
}

TEST_P(TlsMachine, records_encrypted_before_a_read_error_are_still_sent) {
  if (filter()) return;
  for (const bool reset : {false, true}) {
    SCOPED_TRACE(reset);
    session = Session{};
    open();
    put(std::string(3'000'000, 'm'));
    turn();
    ::shutdown(fds.b, SHUT_WR);
    turn();
    EXPECT_EQ(taken(), "e21 ");
    EXPECT_EQ(event_base_get_num_events(base.get(), EVENT_BASE_COUNT_ADDED), 1) << "some waits";
    std::size_t got = 0;
    if (reset) {
      fds.close_b();
      turn();
    } else {
      for (int i = 0; i < 20; ++i) {
        got += test::read_all(fds.b).size();
        base->loop(EVLOOP_NONBLOCK);
      }
      EXPECT_EQ(got % evi::kMaxRecordPlaintext, 0u) << "a piece of a record is missing";
    }
    EXPECT_EQ(event_base_get_num_events(base.get(), EVENT_BASE_COUNT_ADDED), 0) << "woken without end";
    EXPECT_EQ(taken(), "");
    if (reset) break;
    end();
    fds = test::socket_pair();
  }
}

TEST_P(TlsMachine, a_failed_write_after_eof_of_the_peer_is_reported) {
  for (const bool clean : {true, false}) {
    SCOPED_TRACE(clean);
    session = Session{};
    open();
    evi_private_tls_change_flags(bev, BUFFEREVENT_SSL_DIRTY_SHUTDOWN, 0);
    session.reads = {clean ? TlsResult::closed : TlsResult::truncated};
    test::write_all(fds.b, "x");
    turn();
    EXPECT_EQ(taken(), "e11 ");
    fds.close_b();
    put("lost");
    turn();
    EXPECT_NE(log.find("e22 "), std::string::npos) << log;
    log.clear();
    end();
    fds = test::socket_pair();
  }
}

TEST_P(TlsMachine, a_failed_send_disables_only_writing) {
  open();
  bufferevent_disable(bev, EV_READ);
  session.reads = {TlsResult::done, TlsResult::closed};
  session.inside = "reply";
  test::write_all(fds.b, "x");
  fds.close_b();
  put("lost");
  turn();
  EXPECT_EQ(taken().substr(filter() ? 2 : 0), "e22 ")
      << "a filter's output has left once the underlying bufferevent has it";
  EXPECT_EQ(bufferevent_get_enabled(bev), 0);
  EXPECT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), filter() ? 0u : 4u);
  put("more");
  turn();
  EXPECT_EQ(taken(), "");
  bufferevent_enable(bev, EV_READ);
  turn();
  EXPECT_EQ(taken(), "r5 e11 ");
  bufferevent_enable(bev, EV_WRITE);
  turn();
  EXPECT_EQ(taken(), "e22 ");
}

TEST_P(TlsMachine, unsendable_handshake_records_cause_no_error_until_data_is_written) {
  make(BUFFEREVENT_SSL_ACCEPTING);
  session.greets = true;
  session.reads = {TlsResult::done, TlsResult::closed};
  session.inside = "early";
  test::write_all(fds.b, "x");
  fds.close_b();
  bufferevent_enable(bev, EV_READ);
  turn();
  EXPECT_EQ(taken(), "e80 r5 e11 ");
  EVUTIL_SET_SOCKET_ERROR(0);
  EXPECT_EQ(session.wire->send("ticket", 6), evi::kWireFailed);
  EXPECT_NE(EVUTIL_SOCKET_ERROR(), 0) << "by which OpenSSL recognizes a peer that does not take tickets";
  put("lost");
  turn();
  EXPECT_EQ(taken(), "e22 ");
}

TEST_P(TlsMachine, progress_restarts_the_write_timeout) {
  const timeval later = {60, 0};
  open();
  bufferevent_set_timeouts(bev, nullptr, &later);
  put(std::string(30'000'000, 'm'));
  turn();
  timeval first{}, second{};
  ASSERT_TRUE(event_pending(&bev->ev_write, EV_TIMEOUT, &first));
  usleep(2000);
  const std::size_t left = evbuffer_get_length(bufferevent_get_output(bev));
  for (int i = 0; i < 10000 && evbuffer_get_length(bufferevent_get_output(bev)) == left; ++i) {
    test::read_all(fds.b);
    base->loop(EVLOOP_NONBLOCK);
  }
  EXPECT_LT(evbuffer_get_length(bufferevent_get_output(bev)), left);
  ASSERT_TRUE(event_pending(&bev->ev_write, EV_TIMEOUT, &second));
  EXPECT_TRUE(evutil_timercmp(&second, &first, >));
}

// Before the loop runs the connect has not ended.
TEST_P(TlsMachine, timeouts_apply_to_enabled_directions_during_the_handshake) {
  if (filter()) return;
  const timeval later = {60, 0};
  make(BUFFEREVENT_SSL_CONNECTING);
  bufferevent_disable(bev, EV_WRITE);
  ASSERT_EQ(bufferevent_socket_connect(bev, nullptr, 0), 0);
  bufferevent_set_timeouts(bev, &later, &later);
  const auto timed = [&] {
    const bool read = event_pending(&bev->ev_read, EV_TIMEOUT, nullptr);
    const bool write = event_pending(&bev->ev_write, EV_TIMEOUT, nullptr);
    return std::string(read ? "r" : "") + (write ? "w" : "");
  };
  EXPECT_EQ(timed(), "");
  bufferevent_enable(bev, EV_READ);
  EXPECT_EQ(timed(), "r");
  bufferevent_enable(bev, EV_WRITE);
  EXPECT_EQ(timed(), "rw");
  bufferevent_disable(bev, EV_READ);
  EXPECT_EQ(timed(), "w");
  bufferevent_disable(bev, EV_WRITE);
  EXPECT_EQ(timed(), "");
  EXPECT_TRUE(event_pending(&bev->ev_write, EV_WRITE, nullptr)) << "the end of the connect is still awaited";
  bufferevent_enable(bev, EV_WRITE);
  turn();
  EXPECT_EQ(taken(), "e80 ");
}

// The first iteration starts nothing, and none spins.
TEST_P(TlsMachine, an_open_session_starts_when_its_fd_is_set) {
  if (filter()) return;
  const evi::TlsSetup setup = {base.get(), nullptr, -1, &kEngine, &session, BUFFEREVENT_SSL_OPEN, 0};
  bev = evi_private_tls_new(&setup);
  ASSERT_NE(bev, nullptr);
  bufferevent_enable(bev, EV_READ);
  turn();
  EXPECT_FALSE(evi::BuffereventBase::of(*bev).queued());
  EXPECT_EQ(session.asked, "");
}

TEST_P(TlsMachine, renegotiation_requires_an_open_session_that_supports_it) {
  session.handshakes = {TlsResult::want_read};
  make(BUFFEREVENT_SSL_CONNECTING);
  EXPECT_EQ(evi_private_tls_renegotiate(bev), -1);
  end();
  session.handshakes.clear();
  open();
  session.renegotiates = false;
  EXPECT_EQ(evi_private_tls_renegotiate(bev), -1);
  EXPECT_EQ(evi_private_tls_take_error(bev), 5u);
  session.renegotiates = true;
  EXPECT_EQ(evi_private_tls_renegotiate(bev), 0);
  turn();
  EXPECT_EQ(taken(), "e80 ");
}

TEST_P(TlsMachine, close_notify_is_sent_once_and_only_by_the_owner) {
  open();
  end();
  EXPECT_EQ(session.shutdowns, 0);
  open();
  bufferevent_flush(bev, EV_WRITE, BEV_FINISHED);
  turn();
  EXPECT_EQ(session.shutdowns, 1);
  end();
  EXPECT_EQ(session.shutdowns, 1);
  if (filter()) return;
  session.shutdowns = 0;
  make(BUFFEREVENT_SSL_OPEN, BEV_OPT_CLOSE_ON_FREE);
  turn();
  bufferevent_free(std::exchange(bev, nullptr));
  EXPECT_EQ(session.shutdowns, 1);
  EXPECT_EQ(session.frees, 1);
  EXPECT_FALSE(test::is_open(fds.a));
  static_cast<void>(fds.a.release());
}

// Everything has left, and the socket is full: close_notify follows when the peer has read.
TEST_P(TlsMachine, close_notify_not_accepted_by_the_socket_is_sent_later) {
  for (const bool base_first : {false, true}) {
    SCOPED_TRACE(base_first);
    auto own = test::socket_pair();
    const int fd = own.a.release();
    auto other_base = test::make_base();
    session = Session{};
    session.sends_close_notify = true;
    bufferevent *under =
        filter() ? bufferevent_socket_new(other_base.get(), fd, BEV_OPT_CLOSE_ON_FREE) : nullptr;
    const evi::TlsSetup setup = {other_base.get(),     under, fd, &kEngine, &session, BUFFEREVENT_SSL_OPEN,
                                 BEV_OPT_CLOSE_ON_FREE};
    bufferevent *owner = evi_private_tls_new(&setup);
    ASSERT_NE(owner, nullptr);
    bufferevent_enable(owner, EV_READ | EV_WRITE);
    test::turn(*other_base);
    const std::string block(4096, 'f');
    while (::write(fd, block.data(), block.size()) > 0) {
    }
    bufferevent_free(owner);
    EXPECT_TRUE(test::is_open(fd));
    if (base_first) {
      other_base.reset();
    } else {
      test::read_all(own.b);
      test::turn(*other_base);
      EXPECT_EQ(test::read_all(own.b), "bye");
    }
    EXPECT_FALSE(test::is_open(fd));
    EXPECT_EQ(session.shutdowns, 1);
    EXPECT_EQ(session.frees, 1);
  }
}

// close_notify is written when the filter is freed. Callbacks that the application has put in place of the
// filter's own are not called for that.
TEST(TlsFilter, freeing_an_owner_calls_no_callback_of_the_underlying_bufferevent) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Session session;
  session.sends_close_notify = true;
  bufferevent *under = bufferevent_socket_new(base.get(), fds.a.release(), BEV_OPT_CLOSE_ON_FREE);
  const evi::TlsSetup setup = {base.get(),           under, -1, &kEngine, &session, BUFFEREVENT_SSL_OPEN,
                               BEV_OPT_CLOSE_ON_FREE};
  bufferevent *bev = evi_private_tls_new(&setup);
  ASSERT_NE(bev, nullptr);
  int calls = 0;
  test::count_callbacks(under, calls);
  bufferevent_free(bev);
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(test::read_all(fds.b).empty());
  test::turn(*base);
  EXPECT_EQ(calls, 0);
}

TEST_P(TlsMachine, failing_to_attach_the_engine_leaves_nothing_allocated) {
  session.attached = TlsAttached::failed;
  bufferevent *under = filter() ? bufferevent_socket_new(base.get(), fds.a, 0) : nullptr;
  const evi::TlsSetup setup = {base.get(),           under, fds.a, &kEngine, &session, BUFFEREVENT_SSL_OPEN,
                               BEV_OPT_CLOSE_ON_FREE};
  EXPECT_EQ(evi_private_tls_new(&setup), nullptr);
  EXPECT_EQ(session.detaches + session.frees + session.shutdowns, 0);
  EXPECT_TRUE(test::is_open(fds.a));
  if (under) bufferevent_free(under);
}

TEST_P(TlsMachine, errors_are_returned_newest_first) {
  TlsErrors errors{};
  for (unsigned long code = 1; code <= 6; ++code) errors.push(code);
  EXPECT_EQ(errors.pop(), 4u);
  EXPECT_EQ(errors.pop(), 3u);
  EXPECT_EQ(errors.pop(), 2u);
  EXPECT_EQ(errors.pop(), 1u);
  EXPECT_EQ(errors.pop(), 0u);
}

TEST_P(TlsMachine, a_borrowed_underlying_bufferevent_keeps_reading_after_the_filter_is_freed) {
  if (!filter()) return;
  open();
  bufferevent_disable(bev, EV_READ);
  bufferevent *under = bufferevent_get_underlying(bev);
  bufferevent_free(std::exchange(bev, nullptr));
  bufferevent_setcb(under, on_read, nullptr, nullptr, this);
  test::write_all(fds.b, "plain");
  turn();
  EXPECT_EQ(taken(), "r5 ");
  bufferevent_free(under);
}

TEST_P(TlsMachine, an_out_of_memory_constructor_leaves_ownership_with_the_caller) {
  ASSERT_TRUE(evi::prepare_loop_chunks(*base));
  bufferevent *under = filter() ? bufferevent_socket_new(base.get(), fds.a, 0) : nullptr;
  // It reads on afterwards: the base has its memory for that already.
  if (under) {
    bufferevent_enable(under, EV_READ);
    bufferevent_disable(under, EV_READ);
  }
  turn();
  const long allocations = test::sweep([&] {
    session = Session{};
    const evi::TlsSetup setup = {base.get(), under, fds.a, &kEngine, &session, BUFFEREVENT_SSL_OPEN, 0};
    bufferevent *made = evi_private_tls_new(&setup);
    if (!made) {
      EXPECT_EQ(session.detaches, 0);
      return false;
    }
    bufferevent_free(made);
    EXPECT_EQ(session.detaches, 1);
    if (under) bufferevent_disable(under, EV_READ);
    return true;
  });
  EXPECT_GE(allocations, 1);
  if (under) bufferevent_free(under);
}

// --- freed by a callback, and the session with it ---

void free_on_data(bufferevent *, void *self) { static_cast<TlsMachine *>(self)->free_all(); }
void free_on_event(bufferevent *, short, void *self) { static_cast<TlsMachine *>(self)->free_all(); }
void free_on_change(evbuffer *, const evbuffer_cb_info *, void *self) {
  static_cast<TlsMachine *>(self)->free_all();
}

TEST_P(TlsMachine, a_callback_may_free_bufferevent_and_session) {
  const struct {
    const char *name;
    bufferevent_data_cb on_read, on_write;
    bufferevent_event_cb on_event;
    TlsResult handshake;
  } cases[] = {{"read", free_on_data, nullptr, nullptr, TlsResult::done},
               {"write", nullptr, free_on_data, nullptr, TlsResult::done},
               {"connected", nullptr, nullptr, free_on_event, TlsResult::done},
               {"failed", nullptr, nullptr, free_on_event, TlsResult::failed}};
  for (const auto &row : cases) {
    SCOPED_TRACE(row.name);
    session = Session{};
    session.handshakes = {row.handshake};
    make(BUFFEREVENT_SSL_CONNECTING);
    bufferevent_setcb(bev, row.on_read, row.on_write, row.on_event, this);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    test::write_all(fds.b, "in");
    put("out");
    turn();
    EXPECT_TRUE(session.freed);
    EXPECT_EQ(session.detaches, 1);
    turn();
    test::read_all(fds.a);
  }
}

TEST_P(TlsMachine, a_buffer_callback_may_free_bufferevent_and_session) {
  for (const bool input : {true, false}) {
    SCOPED_TRACE(input ? "input" : "output");
    session = Session{};
    open();
    session.reads.assign(3, TlsResult::done);
    session.inside = "more than one record";
    put(std::string(100'000, 'o'));
    evbuffer_add_cb(input ? bufferevent_get_input(bev) : bufferevent_get_output(bev), free_on_change, this);
    test::write_all(fds.b, "in");
    turn();
    EXPECT_TRUE(session.freed);
    turn();
    test::read_all(fds.a);
    test::read_all(fds.b);
  }
}

// A TLS bufferevent over one end of a pair. What a session writes is in the other end's buffer at once, whose
// callback may free everything.
struct TlsOverPair : testing::Test {
  test::Base base = test::make_base();
  Session session;
  bufferevent *tls = nullptr;
  bufferevent *ends[2] = {};

  void make(bufferevent_ssl_state state) {
    session.freed = false;
    ASSERT_EQ(bufferevent_pair_new(base.get(), 0, ends), 0);
    const evi::TlsSetup setup = {base.get(), ends[0], -1, &kEngine, &session, state, 0};
    tls = evi_private_tls_new(&setup);
    ASSERT_NE(tls, nullptr);
    bufferevent_enable(ends[1], EV_READ);
  }
  void end() {
    free_tls(nullptr, nullptr, this);
    bufferevent_free(ends[0]);
    bufferevent_free(ends[1]);
  }
  static void free_tls(evbuffer *, const evbuffer_cb_info *, void *arg) {
    auto *self = static_cast<TlsOverPair *>(arg);
    if (!self->tls) return;
    bufferevent_free(std::exchange(self->tls, nullptr));
    self->session.freed = true;
  }
  void turn() { test::turn(*base, 6); }
};

TEST_F(TlsOverPair, the_peer_of_a_pair_may_free_bufferevent_and_session) {
  for (const bool handshake : {true, false}) {
    SCOPED_TRACE(handshake);
    make(handshake ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_OPEN);
    session.greets = handshake;
    evbuffer_add_cb(bufferevent_get_input(ends[1]), free_tls, this);
    const std::string much(100'000, 'm');
    bufferevent_write(tls, much.data(), much.size());
    turn();
    EXPECT_TRUE(session.freed);
    EXPECT_FALSE(session.used_inside) << "freed inside of a call of the session";
    end();
  }
}

// The loop lends memory without a lock, so all work is its thread's.
TEST(TlsThreads, underlying_events_from_another_thread_are_handled_in_the_loop) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "built without threads";
  test::Threads threads;
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Session session;
  bufferevent *under = bufferevent_socket_new(base.get(), fds.a, BEV_OPT_THREADSAFE);
  const evi::TlsSetup setup = {base.get(),        under, -1, &kEngine, &session, BUFFEREVENT_SSL_OPEN,
                               BEV_OPT_THREADSAFE};
  bufferevent *tls = evi_private_tls_new(&setup);
  ASSERT_NE(tls, nullptr);
  bufferevent_enable(tls, EV_READ | EV_WRITE);
  test::turn(*base);
  session.asked.clear();
  std::thread([&] {
    bufferevent_write(tls, "out", 3);
    bufferevent_trigger(under, EV_READ | EV_WRITE, 0);
  }).join();
  EXPECT_EQ(session.asked, "");
  test::turn(*base);
  EXPECT_EQ(session.asked, "w");
  EXPECT_EQ(test::read_all(fds.b), "out");
  std::thread([&] { bufferevent_trigger_event(under, BEV_EVENT_EOF | BEV_EVENT_READING, 0); }).join();
  EXPECT_EQ(session.asked, "w");
  test::turn(*base);
  EXPECT_EQ(session.asked, "wr");
  bufferevent_free(tls);
  bufferevent_free(under);
}

TEST_F(TlsOverPair, a_callback_during_enable_may_free_the_bufferevent) {
  const timeval soon = {5, 0};
  make(BUFFEREVENT_SSL_OPEN);
  turn();
  // Held back here, because reading is disabled.
  bufferevent_write(ends[1], "waits", 5);
  turn();
  evbuffer_add_cb(bufferevent_get_output(ends[1]), free_tls, this);
  bufferevent_set_timeouts(tls, &soon, &soon);
  EXPECT_EQ(event_base_get_num_events(base.get(), EVENT_BASE_COUNT_ADDED), 0);
  bufferevent_enable(tls, EV_READ);
  EXPECT_TRUE(session.freed);
  EXPECT_EQ(event_base_get_num_events(base.get(), EVENT_BASE_COUNT_ADDED), 0);
  end();
}

TEST_P(TlsMachine, out_of_memory_io_reports_an_error_instead_of_losing_data) {
  for (long n = 1; n < 12; ++n) {
    open();
    {
      test::FaultAlloc memory{n};
      test::write_all(fds.b, std::string(3000, 'i'));
      put("out");
      turn();
    }
    // Either everything arrived, or an error was reported.
    const bool came = evbuffer_get_length(bufferevent_get_input(bev)) == 3000;
    EXPECT_TRUE(came || log.find("e2") != std::string::npos) << n << ": " << log;
    end();
    session = Session{};
    test::read_all(fds.b);
    char rest[4096];
    while (::read(fds.a, rest, sizeof(rest)) > 0) {
    }
    log.clear();
  }
}

#ifndef _WIN32
// Linux answers ENOTCONN for such a socket only; other systems also for TCP while it connects.
TEST(TlsWire, output_is_sent_once_the_connection_is_established) {
  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  const test::Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const test::Fd early(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  socklen_t length = sizeof(name);
  name.sun_family = AF_UNIX;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr *>(&name), sizeof(sa_family_t)), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr *>(&name), &length), 0);
  Session session;
  const evi::TlsSetup setup = {base.get(), nullptr, early, &kEngine, &session, BUFFEREVENT_SSL_OPEN, 0};
  bufferevent *bev = evi_private_tls_new(&setup);
  ASSERT_NE(bev, nullptr);
  short events = 0;
  bufferevent_setcb(
      bev, nullptr, nullptr, [](bufferevent *, short what, void *arg) { *static_cast<short *>(arg) |= what; },
      &events);
  bufferevent_write(bev, "hello", 5);
  test::turn(*base);
  EXPECT_EQ(events, 0);
  ASSERT_EQ(connect(early, reinterpret_cast<sockaddr *>(&name), length), 0);
  const test::Fd peer(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK));
  script.ready(early, EV_WRITE);
  test::turn(*base);
  EXPECT_EQ(events, 0);
  EXPECT_EQ(test::read_all(peer), "hello");
  bufferevent_free(bev);
}
#endif

}  // namespace

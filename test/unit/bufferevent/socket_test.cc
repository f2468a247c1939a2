// The socket transport on real sockets, with a scripted wait: its registrations, reads, writes and timeouts.
#include "bufferevents.h"
#include "support/fault_alloc.h"

#ifndef _WIN32
#include <sys/un.h>
#endif

#include <algorithm>

namespace {

using test::Bev;

#ifdef _WIN32
// More than a connection over TCP takes at once.
const std::string kMuch(16'000'000, 'm');
#else
const std::string kMuch(3'000'000, 'm');
#endif

struct SocketTransport : testing::Test {
  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  test::Pair fds = test::socket_pair();
  Bev bev{*base, fds.a};

  // One wait, in which these are reported.
  void wait_with(int fd, short what) {
    script.ready(fd, what);
    base->loop(EVLOOP_NONBLOCK);
  }
  int watched(int fd) const {
    const auto at = std::find_if(script.updates.rbegin(), script.updates.rend(),
                                 [fd](const auto &u) { return u.fd == fd; });
    return at == script.updates.rend() ? 0 : at->wanted & ~evi::kOneShot;
  }
};

TEST_F(SocketTransport, writing_a_message_causes_no_backend_update) {
  bev.put("hel");
  bev.put("lo");
  EXPECT_EQ(test::read_all(fds.b), "");
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(test::read_all(fds.b), "hello");
  EXPECT_EQ(bev.log(), "w");
  EXPECT_TRUE(script.updates.empty());
}

TEST_F(SocketTransport, a_file_is_sent_without_being_read) {
  const test::File file(kMuch);
  ASSERT_EQ(evbuffer_add_file(bufferevent_get_output(bev), file.open(), 0, -1), 0);
  EXPECT_TRUE(bev->output_buffer().first_chain()->unread);
  std::string got;
  base->loop(EVLOOP_NONBLOCK);
  while (got.size() < kMuch.size()) {
    got += test::read_all(fds.b);
    if (const evi::Chain *first = bev->output_buffer().first_chain()) {
      EXPECT_TRUE(first->unread);
    }
    wait_with(fds.a, EV_WRITE);
  }
  EXPECT_EQ(got, kMuch);
  EXPECT_EQ(bev.log(), "w");
}

TEST_F(SocketTransport, writability_is_watched_only_while_the_socket_is_full) {
  bev.put(kMuch);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(watched(fds.a), EV_WRITE);
  const std::size_t changes = script.updates.size();
  std::string got = test::read_all(fds.b);
  EXPECT_GT(got.size(), 0u);
  EXPECT_EQ(bev.log(), "");
  bev.put("end");  // no attempt: the socket is known to be full
  while (got.size() < kMuch.size() + 3) {
    wait_with(fds.a, EV_WRITE);
    got += test::read_all(fds.b);
  }
  EXPECT_EQ(got, kMuch + "end");
  EXPECT_EQ(watched(fds.a), 0);
  EXPECT_EQ(script.updates.size(), changes + 1);
  EXPECT_EQ(bev.log(), "w");
}

TEST_F(SocketTransport, one_iteration_writes_a_bounded_amount) {
  const int room = 4'000'000;
  setsockopt(fds.a, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  int turns = 0;
  bev.put(std::string(150'000, 'x'));
  bufferevent_set_max_single_write(bev, 40'000);
  while (evbuffer_get_length(bev->output) > 0 && ++turns < 20) base->loop(EVLOOP_ONCE);
  EXPECT_EQ(turns, 4);
  EXPECT_TRUE(script.updates.empty());
  EXPECT_EQ(bev.log(), "w");
}

// A callback inside of the drain could free what the drain still uses.
TEST_F(SocketTransport, failing_to_resume_reading_causes_an_error_event_from_the_loop) {
  test::QuietLog quiet;
  bufferevent_setwatermark(bev, EV_READ, 0, 100);
  bufferevent_enable(bev, EV_READ);
  test::write_all(fds.b, std::string(200, 'x'));
  wait_with(fds.a, EV_READ);
  EXPECT_EQ(bev.log(), "r");
  bev.on_event = [&](short) { bev.free(); };
  script.fail_updates = 1;
  EXPECT_EQ(evbuffer_drain(bev->input, 100), 0);
  EXPECT_EQ(bev.log(), "");
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(bev.log(), "e20");
  EXPECT_EQ(bev.error, evi::kNotPermitted);
}

// --- output before the descriptor was reported writable ---

#ifndef _WIN32
TEST_F(SocketTransport, a_blocking_fd_is_written_in_small_steps_when_writable) {
  ASSERT_EQ(fcntl(fds.a, F_SETFL, 0), 0);
  bev.put(std::string(40'000, 'x'));
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(test::read_all(fds.b), "");
  EXPECT_EQ(watched(fds.a), EV_WRITE);
  for (const std::size_t size : {16384u, 16384u, 40'000u - 2 * 16384u}) {
    wait_with(fds.a, EV_WRITE);
    EXPECT_EQ(test::read_all(fds.b).size(), size);
  }
  EXPECT_EQ(watched(fds.a), 0);
  EXPECT_EQ(bev.log(), "w");
}

TEST_F(SocketTransport, replacing_the_fd_checks_again_whether_it_blocks) {
  test::Pair other = test::socket_pair();
  ASSERT_EQ(fcntl(fds.a, F_SETFL, 0), 0);
  bev.put("x");
  base->loop(EVLOOP_NONBLOCK);
  bufferevent_setfd(bev, other.a);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(test::read_all(other.b), "x");
}

TEST_F(SocketTransport, output_is_sent_once_the_connection_is_established) {
  // Linux says so of such a socket only: other systems also of TCP while it connects.
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  test::Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr *>(&name), sizeof(sa_family_t)), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  socklen_t length = sizeof(name);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr *>(&name), &length), 0);
  test::Fd early(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  bufferevent_setfd(bev, early);
  bev.put("hello");
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(bev.log(), "");
  EXPECT_EQ(watched(early), EV_WRITE);
  ASSERT_EQ(connect(early, reinterpret_cast<sockaddr *>(&name), length), 0);
  test::Fd peer(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK));
  wait_with(early, EV_WRITE);
  EXPECT_EQ(test::read_all(peer), "hello");
  EXPECT_EQ(bev.log(), "w");
}

TEST_F(SocketTransport, enotconn_is_an_error_once_the_fd_was_reported_writable) {
  test::Fd never(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  bufferevent_setfd(bev, never);
  bev.put("hello");
  base->loop(EVLOOP_NONBLOCK);
  wait_with(never, EV_WRITE);
  EXPECT_EQ(bev.log(), "e22");
  EXPECT_EQ(bev.error, ENOTCONN);
}

TEST_F(SocketTransport, output_for_a_closed_fd_does_not_reach_its_next_owner) {
  bev.put("secret");
  test::Pair next = test::socket_pair();
  const int fd = fds.a;
  ASSERT_EQ(dup2(next.a, fd), fd);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(test::read_all(next.b), "");
  EXPECT_EQ(bev.log(), "");
  EXPECT_EQ(evbuffer_get_length(bev->output), 6u);
  // Output written now is meant for the file that the fd refers to now.
  bev.put(" and more");
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(test::read_all(next.b), "secret and more");
}
#endif

TEST_F(SocketTransport, disabling_cancels_a_queued_write) {
  bev.put("x");
  bufferevent_disable(bev, EV_WRITE);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(test::read_all(fds.b), "");
  bufferevent_enable(bev, EV_WRITE);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(test::read_all(fds.b), "x");
}

TEST_F(SocketTransport, enabling_without_a_write_callback_does_not_watch_writability) {
  bufferevent_setcb(bev, nullptr, nullptr, nullptr, nullptr);
  bufferevent_enable(bev, EV_WRITE);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_TRUE(script.updates.empty());
}

TEST_F(SocketTransport, a_failed_registration_causes_an_error_event_of_its_direction) {
  script.fail_updates = 1;
  EXPECT_EQ(bufferevent_enable(bev, EV_READ), -1);
  EXPECT_EQ(bufferevent_enable(bev, EV_READ), 0);
  script.fail_updates = 1;
  bev.put(kMuch);
  test::QuietLog quiet;
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(bev.log(), "e22");
  EXPECT_EQ(bev.error, evi::kNotPermitted);
}

// --- reading ---

TEST_F(SocketTransport, one_readiness_report_causes_one_read) {
  bufferevent_enable(bev, EV_READ);
  EXPECT_EQ(watched(fds.a), EV_READ);
  test::write_all(fds.b, "abc");
  wait_with(fds.a, EV_READ);
  EXPECT_EQ(bev.text(), "abc");
  EXPECT_EQ(bev.log(), "r");
  EXPECT_EQ(script.updates.size(), 1u);
}

TEST_F(SocketTransport, a_spurious_readiness_report_causes_no_event) {
  bufferevent_enable(bev, EV_READ);
  wait_with(fds.a, EV_READ);
  EXPECT_EQ(bev.log(), "");
  EXPECT_EQ(watched(fds.a), EV_READ);
}

TEST_F(SocketTransport, a_high_watermark_is_never_exceeded_and_causes_no_updates_if_the_callback_drains) {
  bufferevent_setwatermark(bev, EV_READ, 0, 100);
  bufferevent_enable(bev, EV_READ);
  test::write_all(fds.b, std::string(1000, 'x'));
  bev.on_read = [&] {
    EXPECT_LE(evbuffer_get_length(bev->input), 100u);
    evbuffer_drain(bev->input, evbuffer_get_length(bev->input));
  };
  for (int i = 0; i < 10; ++i) wait_with(fds.a, EV_READ);
  EXPECT_EQ(bev.log(), "rrrrrrrrrr");
  EXPECT_EQ(script.updates.size(), 1u);
  bev.on_read = nullptr;
  test::write_all(fds.b, std::string(1000, 'x'));
  wait_with(fds.a, EV_READ);
  EXPECT_EQ(watched(fds.a), 0);
  evbuffer_drain(bev->input, 1);
  EXPECT_EQ(watched(fds.a), EV_READ);
}

TEST_F(SocketTransport, the_event_callback_sees_the_socket_error) {
  bufferevent_enable(bev, EV_READ);
  fds.close_b();
  bev.put("x");
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(bev.log(), "e22");
  EXPECT_EQ(bev.error, EPIPE);
  wait_with(fds.a, EV_READ);
  EXPECT_EQ(bev.log().substr(0, 1), "e");
}

// --- timeouts ---

struct Timeouts : SocketTransport {
  timeval five = test::seconds(5);
  timeval seven = test::seconds(7);
  evi::Micros start = clock.t;
  double elapsed() const { return static_cast<double>(clock.t - start) / 1e6; }
};

TEST_F(Timeouts, no_timer_is_set_without_timeouts) {
  bufferevent_enable(bev, EV_READ);
  bev.put(kMuch);
  script.on_wait = [&](evi::Micros timeout) {
    if (timeout != 0) base->loop_break();
  };
  base->loop(0);
  EXPECT_EQ(script.waits.back(), test::ScriptBackend::kForever);
}

TEST_F(Timeouts, a_read_timeout_is_reported_once_and_disables_reading) {
  bufferevent_set_timeouts(bev, &five, nullptr);
  bufferevent_enable(bev, EV_READ);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "e41");
  EXPECT_EQ(elapsed(), 5);
  EXPECT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
}

TEST_F(Timeouts, arriving_data_restarts_the_read_timeout) {
  bufferevent_set_timeouts(bev, &five, nullptr);
  bufferevent_enable(bev, EV_READ);
  for (int i = 0; i < 3; ++i) {
    clock.t += 3'000'000;
    test::put(fds.b);
    wait_with(fds.a, EV_READ);
  }
  EXPECT_EQ(bev.log(), "rrr");
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "e41");
  EXPECT_EQ(elapsed(), 14);
}

TEST_F(Timeouts, enabling_again_restarts_the_timeout) {
  bufferevent_set_timeouts(bev, &five, nullptr);
  bufferevent_enable(bev, EV_READ);
  clock.t += 3'000'000;
  bufferevent_enable(bev, EV_READ);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(elapsed(), 8);
}

TEST_F(Timeouts, a_write_timeout_is_reported_while_output_is_pending) {
  bufferevent_set_timeouts(bev, nullptr, &seven);
  bufferevent_enable(bev, EV_WRITE);
  bev.put(kMuch);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "e42");
  EXPECT_EQ(elapsed(), 7);
  EXPECT_EQ(bufferevent_get_enabled(bev), 0);
  EXPECT_GT(evbuffer_get_length(bev->output), 0u);
}

TEST_F(Timeouts, sent_data_restarts_the_write_timeout) {
  bufferevent_set_timeouts(bev, nullptr, &seven);
  bev.put(kMuch);
  base->loop(EVLOOP_NONBLOCK);
  clock.t += 6'000'000;
  test::read_all(fds.b);
  wait_with(fds.a, EV_WRITE);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "e42");
  EXPECT_EQ(elapsed(), 13);
}

TEST_F(Timeouts, no_write_timeout_runs_once_everything_is_written) {
  bufferevent_set_timeouts(bev, nullptr, &seven);
  bev.put(std::string(600'000, 'x'));
  base->loop(EVLOOP_NONBLOCK);
  while (evbuffer_get_length(bev->output) > 0) {
    test::read_all(fds.b);
    wait_with(fds.a, EV_WRITE);
  }
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "w");
  EXPECT_EQ(elapsed(), 0);
}

TEST_F(Timeouts, removing_a_timeout_removes_its_period) {
  bufferevent_set_timeouts(bev, &five, nullptr);
  bufferevent_enable(bev, EV_READ);
  bufferevent_disable(bev, EV_READ);
  bufferevent_set_timeouts(bev, nullptr, nullptr);
  bufferevent_enable(bev, EV_READ);
  test::put(fds.b);
  wait_with(fds.a, EV_READ);
  EXPECT_EQ(event_pending(&bev->ev_read, EV_TIMEOUT, nullptr), 0);
}

TEST_F(Timeouts, activating_ev_write_without_an_fd_writes_nothing) {
  Bev bev(*base, test::kNoFd);
  bufferevent_set_timeouts(bev, nullptr, &seven);
  bev.put("x");
  event_active(&bev->ev_write, EV_WRITE, 1);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "");
  EXPECT_EQ(evbuffer_get_length(bev->output), 1u);
}

TEST_F(Timeouts, the_write_timeout_starts_with_data_if_there_is_no_fd) {
  Bev later(*base, test::kNoFd);
  bufferevent_set_timeouts(later, &five, &seven);
  later.put("x");
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(later.log(), "e42");
  EXPECT_EQ(elapsed(), 7);
}

}  // namespace

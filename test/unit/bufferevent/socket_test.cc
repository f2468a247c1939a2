// The socket transport on real sockets, with a scripted wait: what it registers, reads, writes and times.
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

TEST_F(SocketTransport, a_message_is_written_without_asking_the_method_for_anything) {
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

TEST_F(SocketTransport, writing_is_watched_for_only_while_the_socket_is_full) {
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

TEST_F(SocketTransport, one_turn_writes_a_bounded_amount) {
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
TEST_F(SocketTransport, reading_that_cannot_go_on_is_an_error_event_from_the_loop) {
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
TEST_F(SocketTransport, a_descriptor_that_blocks_is_written_to_when_it_is_writable_and_a_little_at_a_time) {
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

TEST_F(SocketTransport, whether_it_blocks_is_asked_again_for_another_descriptor) {
  test::Pair other = test::socket_pair();
  ASSERT_EQ(fcntl(fds.a, F_SETFL, 0), 0);
  bev.put("x");
  base->loop(EVLOOP_NONBLOCK);
  bufferevent_setfd(bev, other.a);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(test::read_all(other.b), "x");
}

TEST_F(SocketTransport, output_for_a_connection_that_is_still_to_come_waits_for_it) {
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

TEST_F(SocketTransport, not_connected_is_an_error_once_the_descriptor_was_reported_writable) {
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
  // What is written now is meant for the file that it is now.
  bev.put(" and more");
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(test::read_all(next.b), "secret and more");
}
#endif

TEST_F(SocketTransport, disabling_takes_back_a_turn_that_is_due) {
  bev.put("x");
  bufferevent_disable(bev, EV_WRITE);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(test::read_all(fds.b), "");
  bufferevent_enable(bev, EV_WRITE);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(test::read_all(fds.b), "x");
}

TEST_F(SocketTransport, enabling_without_a_write_callback_watches_for_nothing) {
  bufferevent_setcb(bev, nullptr, nullptr, nullptr, nullptr);
  bufferevent_enable(bev, EV_WRITE);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_TRUE(script.updates.empty());
}

TEST_F(SocketTransport, a_failing_registration_is_an_error_of_its_direction) {
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

TEST_F(SocketTransport, one_wait_reads_once) {
  bufferevent_enable(bev, EV_READ);
  EXPECT_EQ(watched(fds.a), EV_READ);
  test::write_all(fds.b, "abc");
  wait_with(fds.a, EV_READ);
  EXPECT_EQ(bev.text(), "abc");
  EXPECT_EQ(bev.log(), "r");
  EXPECT_EQ(script.updates.size(), 1u);
}

TEST_F(SocketTransport, nothing_to_read_after_all_is_no_event) {
  bufferevent_enable(bev, EV_READ);
  wait_with(fds.a, EV_READ);
  EXPECT_EQ(bev.log(), "");
  EXPECT_EQ(watched(fds.a), EV_READ);
}

TEST_F(SocketTransport, a_high_watermark_is_never_passed_and_costs_nothing_if_the_callback_drains) {
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

TEST_F(SocketTransport, an_error_is_what_the_event_callback_sees) {
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

TEST_F(Timeouts, without_them_no_timer_is_set) {
  bufferevent_enable(bev, EV_READ);
  bev.put(kMuch);
  script.on_wait = [&](evi::Micros timeout) {
    if (timeout != 0) base->loop_break();
  };
  base->loop(0);
  EXPECT_EQ(script.waits.back(), test::ScriptBackend::kForever);
}

TEST_F(Timeouts, reading_times_out_once_and_is_disabled) {
  bufferevent_set_timeouts(bev, &five, nullptr);
  bufferevent_enable(bev, EV_READ);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "e41");
  EXPECT_EQ(elapsed(), 5);
  EXPECT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
}

TEST_F(Timeouts, what_arrives_starts_the_time_anew) {
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

TEST_F(Timeouts, enabling_again_starts_the_time_anew) {
  bufferevent_set_timeouts(bev, &five, nullptr);
  bufferevent_enable(bev, EV_READ);
  clock.t += 3'000'000;
  bufferevent_enable(bev, EV_READ);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(elapsed(), 8);
}

TEST_F(Timeouts, writing_times_out_while_bytes_wait) {
  bufferevent_set_timeouts(bev, nullptr, &seven);
  bufferevent_enable(bev, EV_WRITE);
  bev.put(kMuch);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "e42");
  EXPECT_EQ(elapsed(), 7);
  EXPECT_EQ(bufferevent_get_enabled(bev), 0);
  EXPECT_GT(evbuffer_get_length(bev->output), 0u);
}

TEST_F(Timeouts, what_leaves_starts_the_time_of_writing_anew) {
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

TEST_F(Timeouts, none_runs_once_everything_is_written) {
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

TEST_F(Timeouts, a_period_does_not_outlive_its_timeout) {
  bufferevent_set_timeouts(bev, &five, nullptr);
  bufferevent_enable(bev, EV_READ);
  bufferevent_disable(bev, EV_READ);
  bufferevent_set_timeouts(bev, nullptr, nullptr);
  bufferevent_enable(bev, EV_READ);
  test::put(fds.b);
  wait_with(fds.a, EV_READ);
  EXPECT_EQ(event_pending(&bev->ev_read, EV_TIMEOUT, nullptr), 0);
}

TEST_F(Timeouts, they_begin_with_data_where_there_is_no_descriptor) {
  Bev later(*base, test::kNoFd);
  bufferevent_set_timeouts(later, &five, &seven);
  later.put("x");
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(later.log(), "e42");
  EXPECT_EQ(elapsed(), 7);
}

}  // namespace

// The socket transport on real sockets, with a scripted wait: what it registers, reads, writes and times.
#include "bufferevents.h"
#include "support/fault_alloc.h"

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

TEST_F(SocketTransport, reads_grow_with_what_they_bring_and_shrink_again) {
  const int room = 4'000'000;
  setsockopt(fds.b, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  bufferevent_enable(bev, EV_READ);
  test::write_all(fds.b, std::string(150'000, 'x'));
  std::vector<std::size_t> brought;
  bev.on_read = [&] {
    brought.push_back(evbuffer_get_length(bev->input));
    evbuffer_drain(bev->input, brought.back());
  };
  for (int i = 0; i < 4; ++i) wait_with(fds.a, EV_READ);
  ASSERT_EQ(brought.size(), 4u);
  EXPECT_LE(brought[0], 16384u);
  EXPECT_GT(brought[1], brought[0]);
  EXPECT_GT(brought[2], brought[1]);
  for (int i = 0; i < 20; ++i) {
    wait_with(fds.a, EV_READ);
    test::put(fds.b);
  }
  EXPECT_EQ(bev->socket_.read_shift, 12);
}

TEST_F(SocketTransport, an_idle_connection_holds_no_chunk) {
  bufferevent_enable(bev, EV_READ);
  bev.on_read = [&] { evbuffer_drain(bev->input, evbuffer_get_length(bev->input)); };
  wait_with(fds.a, EV_READ);  // the loop's chunk is there now
  test::FaultAlloc memory;
  for (const std::size_t size : {1u, 100u, 5000u, 16000u, 60000u}) {
    test::write_all(fds.b, std::string(size, 'x'));
    for (int i = 0; i < 20; ++i) wait_with(fds.a, EV_READ);
    bev.put("answer");
    base->loop(EVLOOP_NONBLOCK);
    EXPECT_EQ(bev->input_buffer().take_idle_chunk(), nullptr) << size;
    // Larger ones have taken the place of the loop's chunk; it keeps one or two for bulk.
    EXPECT_LE(memory.live(), 3u) << size;
  }
  // Nor does one that is drained outside of its callback.
  bev.on_read = nullptr;
  const std::size_t before = memory.live();
  test::write_all(fds.b, std::string(16000, 'x'));
  wait_with(fds.a, EV_READ);
  wait_with(fds.a, EV_READ);
  evbuffer_drain(bev->input, 16000);
  EXPECT_LE(memory.live(), before + 1);
  EXPECT_TRUE(bev->input_buffer().empty());
  bev.free();
  base.reset();
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

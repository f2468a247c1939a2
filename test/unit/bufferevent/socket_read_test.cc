// Read callbacks of sockets receive the data of one system call in slices, as if each had been read alone.
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "bufferevent/loop_chunks.h"
#include "bufferevent/read_whole.h"
#include "bufferevent/socket_transport.h"
#include "bufferevents.h"
#include "support/fault_alloc.h"

namespace {

using test::Bev;

constexpr std::size_t kSlice = evi::kDefaultMaxRead;

struct SocketRead : testing::Test {
  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  test::Pair fds = test::socket_pair();
  std::vector<std::size_t> slices;  // how much each read callback found to be new
  std::string received;

  void SetUp() override {
    const int room = 1 << 20;
    ASSERT_EQ(setsockopt(fds.b, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
  }

  void take(Bev &bev) {
    slices.push_back(evbuffer_get_length(bev->input));
    received += bev.text();
    evbuffer_drain(bev->input, slices.back());
  }
  // A bufferevent that owns the descriptor, and takes what it sees; after bulk, if it is read ahead.
  std::unique_ptr<Bev> owner(int options = 0, int read_shift = 15) {
    auto bev = std::make_unique<Bev>(*base, fds.a.release(), BEV_OPT_CLOSE_ON_FREE | options);
    (*bev)->socket_.read_shift = static_cast<std::uint8_t>(read_shift);
    bev->on_read = [this, raw = bev.get()] { take(*raw); };
    bufferevent_enable(*bev, EV_READ);
    return bev;
  }
  void wait_with(Bev &bev, short what = EV_READ) {
    script.ready(bufferevent_getfd(bev), what);
    base->loop(EVLOOP_NONBLOCK);
  }
  std::size_t unread_by_system(Bev &bev) const {
    std::string bytes(1 << 20, '\0');
    const auto got = recv(static_cast<int>(bufferevent_getfd(bev)), bytes.data(), bytes.size(), MSG_PEEK);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  static std::string numbered(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i / 7 % 26);
    return text;
  }
};

TEST_F(SocketRead, one_system_call_is_delivered_as_ordered_slices) {
  auto bev = owner();
  const std::string sent = numbered(10'000);
  test::write_all(fds.b, sent);
  wait_with(*bev);
  EXPECT_EQ(slices, (std::vector<std::size_t>{kSlice, kSlice, 10'000 - 2 * kSlice}));
  EXPECT_TRUE(received == sent);
  EXPECT_EQ(bev->log(), "rrr");
}

TEST_F(SocketRead, reads_grow_up_to_a_limit_while_slices_stay_small) {
  auto bev = owner(0, evi::socket_transport::kFirstReadShift);
  test::write_all(fds.b, numbered(200'000));
  std::vector<std::size_t> brought;
  for (int i = 0; i < 6; ++i) {
    const std::size_t before = received.size();
    wait_with(*bev);
    brought.push_back(received.size() - before);
  }
  EXPECT_EQ(brought, (std::vector<std::size_t>{4096, 8128, 16320, 32704, 65472, 65472}));
  EXPECT_EQ(*std::max_element(slices.begin(), slices.end()), kSlice);
  for (int i = 0; i < 20; ++i) {
    test::put(fds.b);
    wait_with(*bev);
  }
  // It is known to be a stream.
  EXPECT_EQ((*bev)->socket_.read_shift, 13);
}

TEST_F(SocketRead, loopbreak_between_slices_stops_the_loop_and_the_next_loop_continues) {
  auto bev = owner();
  bev->on_read = [&] {
    take(*bev);
    base->loop_break();
  };
  const std::string sent = numbered(3 * kSlice);
  test::write_all(fds.b, sent);
  wait_with(*bev);
  EXPECT_EQ(slices.size(), 1u);
  for (int i = 0; i < 2; ++i) base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(slices.size(), 3u);
  EXPECT_TRUE(received == sent);
}

TEST_F(SocketRead, events_activated_in_a_callback_run_before_the_next_slice) {
  auto bev = owner();
  std::string order;
  test::Event worker(*base, -1, 0);
  worker.on_call([&](int, short) { order += "W"; });
  bev->on_read = [&] {
    take(*bev);
    order += "R";
    worker.activate(EV_TIMEOUT);
  };
  test::write_all(fds.b, numbered(3 * kSlice));
  wait_with(*bev);
  for (int i = 0; i < 5; ++i) base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(order, "RWRWRW");
}

TEST_F(SocketRead, moving_to_another_base_between_slices_delivers_the_rest_there) {
  test::ScriptBackend other_script{&clock};
  test::Base other = test::make_base(clock, other_script);
  auto bev = owner();
  bev->on_read = [&] {
    take(*bev);
    if (slices.size() > 1) return;
    bufferevent_disable(*bev, EV_READ);
    EXPECT_EQ(bufferevent_base_set(other.get(), *bev), 0);
    bufferevent_enable(*bev, EV_READ);
  };
  const std::string sent = numbered(3 * kSlice);
  test::write_all(fds.b, sent);
  wait_with(*bev);
  EXPECT_EQ(slices.size(), 1u);
  other->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(slices.size(), 3u);
  EXPECT_TRUE(received == sent);
  bev->free();
}

TEST_F(SocketRead, an_input_buffer_callback_may_free_or_replace_the_fd) {
  for (const bool frees : {true, false}) {
    // One that fills its chunk little, which is copied, and one whose slices are views.
    for (const std::size_t size : {5000u, 30'000u}) {
      test::Pair pair = test::socket_pair();
      auto bev = std::make_unique<Bev>(*base, pair.a.release(), BEV_OPT_CLOSE_ON_FREE);
      (*bev)->socket_.read_shift = 15;
      bufferevent_enable(*bev, EV_READ);
      struct Change {
        Bev *bev;
        bool frees, done = false;
      } change{bev.get(), frees};
      evbuffer_add_cb((*bev)->input,
                      [](evbuffer *, const evbuffer_cb_info *, void *arg) {
                        auto &self = *static_cast<Change *>(arg);
                        if (std::exchange(self.done, true)) return;
                        if (self.frees) return self.bev->free();
                        const int fd = static_cast<int>(bufferevent_getfd(*self.bev));
                        bufferevent_setfd(*self.bev, -1);
                        close(fd);
                      },
                      &change);
      test::write_all(pair.b, numbered(size));
      wait_with(*bev);
      base->loop(EVLOOP_NONBLOCK);
      EXPECT_TRUE(change.done);
      if (frees) static_cast<void>(bev->release());
    }
  }
}

TEST_F(SocketRead, slices_can_be_sent_to_many_by_reference) {
  auto bev = owner();
  evbuffer *message = evbuffer_new();
  bev->on_read = [&] { evbuffer_add_buffer(message, (*bev)->input); };
  const std::string sent = numbered(7 * kSlice);
  test::write_all(fds.b, sent);
  wait_with(*bev);
  for (int i = 0; i < 2; ++i) {
    evbuffer *to = evbuffer_new();
    EXPECT_EQ(evbuffer_add_buffer_reference(to, message), 0);
    std::string got(evbuffer_get_length(to), '\0');
    evbuffer_remove(to, got.data(), got.size());
    EXPECT_TRUE(got == sent);
    evbuffer_free(to);
  }
  evbuffer_free(message);
}

TEST_F(SocketRead, undrained_input_grows_by_one_slice_per_callback) {
  auto bev = owner();
  std::vector<std::size_t> lengths;
  bev->on_read = [&] { lengths.push_back(evbuffer_get_length((*bev)->input)); };
  test::write_all(fds.b, numbered(3 * kSlice));
  wait_with(*bev);
  EXPECT_EQ(lengths, (std::vector<std::size_t>{kSlice, 2 * kSlice, 3 * kSlice}));
  EXPECT_TRUE(bev->text() == numbered(3 * kSlice));
}

TEST_F(SocketRead, disabling_between_slices_holds_back_the_rest_until_reading_is_enabled) {
  auto bev = owner();
  bev->on_read = [&] {
    take(*bev);
    bufferevent_disable(*bev, EV_READ);
  };
  const std::string sent = numbered(2 * kSlice + 100);
  test::write_all(fds.b, sent);
  wait_with(*bev);
  EXPECT_EQ(slices.size(), 1u);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(slices.size(), 1u);
  for (std::size_t want = 2; want <= 3; ++want) {
    bufferevent_enable(*bev, EV_READ);
    base->loop(EVLOOP_NONBLOCK);  // nothing is reported for the descriptor
    EXPECT_EQ(slices.size(), want);
  }
  EXPECT_TRUE(received == sent);
}

TEST_F(SocketRead, disabling_and_enabling_in_the_callback_neither_loses_nor_duplicates_data) {
  auto bev = owner();
  bev->on_read = [&] {
    take(*bev);
    bufferevent_disable(*bev, EV_READ);
    bufferevent_enable(*bev, EV_READ);
  };
  const std::string sent = numbered(3 * kSlice);
  test::write_all(fds.b, sent);
  wait_with(*bev);
  EXPECT_TRUE(received == sent);
  EXPECT_EQ(slices.size(), 3u);
}

TEST_F(SocketRead, freeing_between_slices_stops_callbacks) {
  auto bev = owner();
  bev->on_read = [&] {
    slices.push_back(1);
    bev->free();
  };
  test::write_all(fds.b, numbered(3 * kSlice));
  wait_with(*bev);
  EXPECT_EQ(slices.size(), 1u);
}

TEST_F(SocketRead, freeing_while_disabled_frees_data_read_ahead) {
  ASSERT_TRUE(evi::prepare_loop_chunks(*base));
  auto bev = owner();
  bev->on_read = [&] { bufferevent_disable(*bev, EV_READ); };
  test::write_all(fds.b, numbered(4 * kSlice));
  wait_with(*bev);
  EXPECT_TRUE(evi::socket_transport::has_input_ahead(**bev));
  bev->free();  // the leak checker looks
}

TEST_F(SocketRead, each_deferred_callback_receives_one_slice) {
  auto bev = owner(BEV_OPT_DEFER_CALLBACKS);
  const std::string sent = numbered(4 * kSlice);
  test::write_all(fds.b, sent);
  wait_with(*bev);
  for (int i = 0; i < 10; ++i) wait_with(*bev);
  EXPECT_EQ(slices, (std::vector<std::size_t>(4, kSlice)));
  EXPECT_TRUE(received == sent);
}

TEST_F(SocketRead, a_queued_deferred_callback_holds_back_the_next_slice) {
  base->set_priorities(2);
  auto bev = owner(BEV_OPT_DEFER_CALLBACKS);
  test::write_all(fds.b, numbered(2 * kSlice));
  script.on_wait = [&](evi::Micros) { script.ready(bufferevent_getfd(*bev), EV_READ); };
  // A more urgent event keeps the callback waiting for three iterations.
  test::Event urgent(*base, -1, 0);
  urgent.on_call([&](int, short) {
    if (urgent.calls < 3) urgent.activate(EV_TIMEOUT);
  });
  urgent.set_priority(0);
  urgent.activate(EV_TIMEOUT);
  for (int i = 0; i < 10; ++i) base->loop(EVLOOP_NONBLOCK | EVLOOP_ONCE);
  EXPECT_EQ(slices, (std::vector<std::size_t>(2, kSlice)));
}

TEST_F(SocketRead, the_high_watermark_applies_between_slices) {
  auto bev = owner();
  bufferevent_setwatermark(*bev, EV_READ, 0, 3 * kSlice);
  bev->on_read = [&] {
    slices.push_back(evbuffer_get_length((*bev)->input));
    // Lower than what has been read ahead already.
    bufferevent_setwatermark(*bev, EV_READ, 0, kSlice + 10);
  };
  const std::string sent = numbered(3 * kSlice);
  test::write_all(fds.b, sent);
  wait_with(*bev);
  EXPECT_EQ(slices, (std::vector<std::size_t>{kSlice, kSlice + 10}));
  bev->on_read = [&] { take(*bev); };
  std::string first = bev->text();
  evbuffer_drain((*bev)->input, first.size());
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_TRUE(first + received == sent);
  EXPECT_EQ(bufferevent_get_enabled(*bev) & EV_READ, EV_READ);
}

TEST_F(SocketRead, a_rate_limit_set_between_slices_applies) {
  const timeval second = test::seconds(1);
  ev_token_bucket_cfg *config = ev_token_bucket_cfg_new(1000, 1000, 1000, 1000, &second);
  ASSERT_NE(config, nullptr);
  auto bev = owner();
  bev->on_read = [&] {
    take(*bev);
    bufferevent_set_rate_limit(*bev, config);
  };
  const std::string sent = numbered(kSlice + 2500);
  test::write_all(fds.b, sent);
  wait_with(*bev);
  EXPECT_EQ(slices, (std::vector<std::size_t>{kSlice, 1000}));
  for (int i = 0; i < 5; ++i) {
    clock.t += 1'000'000;
    base->loop(EVLOOP_NONBLOCK);
  }
  EXPECT_EQ(slices, (std::vector<std::size_t>{kSlice, 1000, 1000, 500}));
  EXPECT_TRUE(received == sent);
  bev->free();
  ev_token_bucket_cfg_free(config);
}

TEST_F(SocketRead, a_library_layer_receives_whole_reads_until_callbacks_are_replaced) {
  auto bev = owner();
  evi_private_read_whole(*bev);
  test::write_all(fds.b, numbered(10'000));
  wait_with(*bev);
  EXPECT_EQ(slices, (std::vector<std::size_t>{10'000}));
  bufferevent_data_cb on_read, on_write;
  bufferevent_event_cb on_event;
  void *arg;
  bufferevent_getcb(*bev, &on_read, &on_write, &on_event, &arg);
  bufferevent_setcb(*bev, on_read, on_write, on_event, arg);
  test::write_all(fds.b, numbered(10'000));
  wait_with(*bev);
  EXPECT_EQ(slices[1], kSlice);
}

TEST_F(SocketRead, eof_is_reported_after_the_last_slice) {
  auto bev = owner();
  bev->on_read = [&] {
    take(*bev);
    bufferevent_disable(*bev, EV_READ);
  };
  test::write_all(fds.b, numbered(2 * kSlice));
  fds.b.close();
  wait_with(*bev);
  wait_with(*bev);  // not armed: not looked at
  EXPECT_EQ(bev->log(), "r");
  bufferevent_enable(*bev, EV_READ);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(bev->log(), "r");
  bufferevent_enable(*bev, EV_READ);
  wait_with(*bev);
  EXPECT_EQ(bev->log(), "e11");
}

TEST_F(SocketRead, replacing_the_fd_discards_data_read_ahead_from_the_old_one) {
  auto bev = owner();
  test::Pair other = test::socket_pair();
  bev->on_read = [&] {
    take(*bev);
    const int old = bufferevent_getfd(*bev);
    if (slices.size() == 1) {
      bufferevent_setfd(*bev, other.a.release());
      close(old);
    }
  };
  test::write_all(fds.b, numbered(3 * kSlice));
  test::write_all(other.b, "new");
  wait_with(*bev);
  wait_with(*bev);
  EXPECT_EQ(received, numbered(kSlice) + "new");
}

// A filter may be freed by another thread than the loop's, for which input that was read ahead is reserved.
TEST_F(SocketRead, freeing_a_filter_writes_its_output_and_leaves_input_that_was_read_ahead) {
  bufferevent *under =
      bufferevent_socket_new(&*base, static_cast<evutil_socket_t>(fds.a.release()), BEV_OPT_CLOSE_ON_FREE);
  auto &socket = evi::SocketBufferevent::of(evi::BuffereventBase::of(*under));
  socket.socket_.read_shift = 15;
  bufferevent *filter =
      bufferevent_filter_new(under, nullptr, nullptr, BEV_OPT_CLOSE_ON_FREE, nullptr, nullptr);
  std::size_t added = 0;
  test::Event free_it(*base, -1, 0, [&](int, short) {
    ASSERT_TRUE(evi::socket_transport::has_input_ahead(socket));
    added = 0;
    bufferevent_write(filter, "abc", 3);
    bufferevent_free(filter);
    EXPECT_EQ(added, 0u);
  });
  bufferevent_setcb(
      filter, [](bufferevent *, void *ev) { static_cast<test::Event *>(ev)->activate(EV_READ); }, nullptr,
      nullptr, &free_it);
  bufferevent_enable(filter, EV_READ | EV_WRITE);
  evbuffer_add_cb(
      bufferevent_get_input(under),
      [](evbuffer *, const evbuffer_cb_info *info, void *arg) {
        *static_cast<std::size_t *>(arg) += info->n_added;
      },
      &added);
  test::write_all(fds.b, numbered(3 * kSlice));
  script.ready(bufferevent_getfd(under), EV_READ);
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(free_it.calls, 1);
  EXPECT_EQ(test::read_all(fds.b), "abc");
}

TEST_F(SocketRead, a_borrowed_fd_is_not_read_ahead) {
  Bev bev(*base, fds.a);
  bufferevent_enable(bev, EV_READ);
  bev.on_read = [&] {
    take(bev);
    bufferevent_disable(bev, EV_READ);
  };
  test::write_all(fds.b, numbered(3 * kSlice));
  wait_with(bev);
  EXPECT_EQ(unread_by_system(bev), 2 * kSlice);
}

TEST_F(SocketRead, a_borrowed_nonblocking_fd_is_read_again_without_waiting) {
  Bev bev(*base, fds.a);
  bufferevent_enable(bev, EV_READ);
  bev.on_read = [&] { take(bev); };
  test::write_all(fds.b, numbered(100'000));
  wait_with(bev);
  EXPECT_EQ(slices, (std::vector<std::size_t>(16, kSlice)));
}

TEST_F(SocketRead, a_larger_max_single_read_allows_larger_slices_within_its_bound) {
  constexpr struct {
    std::size_t single, buffer, first, second;
  } cases[] = {
      {0, 0, 4096, 4096},         {16384, 0, 16320, 16384},   {1 << 20, 0, 16320, 32704},
      {1000, 0, 1000, 1000},      {0, 60'000, 16320, 16384},  {0, 1000, 1000, 1000},
      {20'000, 8192, 8192, 8192}, {8192, 20'000, 8192, 8192},
  };
  for (const auto &c : cases) {
    SCOPED_TRACE(testing::Message() << c.single << " " << c.buffer);
    base = test::make_base(clock, script);
    test::Pair pair = test::socket_pair();
    Bev bev(*base, pair.a.release(), BEV_OPT_CLOSE_ON_FREE);
    bev->socket_.read_shift = 14;
    if (c.single) {
      ASSERT_EQ(bufferevent_set_max_single_read(bev, c.single), 0);
    }
    if (c.buffer) {
      ASSERT_EQ(evbuffer_set_max_read(bev->input, c.buffer), 0);
    }
    bev.on_read = [&] { take(bev); };
    bufferevent_enable(bev, EV_READ);
    test::write_all(pair.b, numbered(60'000));
    slices.clear();
    wait_with(bev);
    wait_with(bev);
    ASSERT_GE(slices.size(), 2u);
    EXPECT_EQ(slices[0], c.first);
    EXPECT_EQ(slices[1], c.second);
    EXPECT_LE(*std::max_element(slices.begin(), slices.end()),
              static_cast<std::size_t>(bufferevent_get_max_single_read(bev)));
  }
}

#ifndef _WIN32
TEST_F(SocketRead, a_borrowed_blocking_fd_is_read_once) {
  ASSERT_EQ(fcntl(fds.a, F_SETFL, 0), 0);
  Bev bev(*base, fds.a);
  bufferevent_enable(bev, EV_READ);
  bev.on_read = [&] { take(bev); };
  test::write_all(fds.b, numbered(kSlice));
  wait_with(bev);
  EXPECT_EQ(slices, (std::vector<std::size_t>{kSlice}));
}

TEST_F(SocketRead, a_datagram_of_the_default_size_is_not_truncated) {
  for (const bool owned : {false, true}) {
    fds = test::socket_pair(SOCK_SEQPACKET);
    Bev bev(*base, owned ? fds.a.release() : int{fds.a}, owned ? BEV_OPT_CLOSE_ON_FREE : 0);
    bev.on_read = [&] { take(bev); };
    bufferevent_enable(bev, EV_READ);
    const auto receive = [&](std::size_t size) {
      slices.clear();
      test::write_all(fds.b, std::string(size, 'd'));
      wait_with(bev);
      return slices;
    };
    for (int i = 0; i < 20; ++i) EXPECT_EQ(receive(10), (std::vector<std::size_t>{10}));
    EXPECT_EQ(receive(kSlice), (std::vector<std::size_t>{kSlice}));
    // Beside data that is left in the buffer, too.
    bev.on_read = [] {};
    receive(100);
    bev.on_read = [&] { take(bev); };
    EXPECT_EQ(receive(kSlice), (std::vector<std::size_t>{100 + kSlice}));
  }
}

TEST_F(SocketRead, records_are_not_read_ahead) {
  fds = test::socket_pair(SOCK_SEQPACKET);
  auto bev = owner(0, evi::socket_transport::kFirstReadShift);
  for (int i = 0; i < 3; ++i) {
    test::write_all(fds.b, std::string(kSlice, 'd'));
    wait_with(*bev);
  }
  EXPECT_EQ(slices, (std::vector<std::size_t>(3, kSlice)));
  EXPECT_EQ((*bev)->socket_.read_shift, evi::socket_transport::kFirstReadShift);
}

TEST_F(SocketRead, two_datagrams_cause_two_callbacks) {
  fds = test::socket_pair(SOCK_SEQPACKET);
  auto bev = owner(0, evi::socket_transport::kFirstReadShift);
  test::write_all(fds.b, "one");
  test::write_all(fds.b, "three");
  wait_with(*bev);
  wait_with(*bev);
  EXPECT_EQ(slices, (std::vector<std::size_t>{3, 5}));
}
#endif

TEST_F(SocketRead, an_idle_connection_holds_no_read_memory) {
  auto bev = owner();
  wait_with(*bev);  // what the loop lends is there now
  test::FaultAlloc memory;
  for (const std::size_t size : {1u, 100u, 5000u, 16000u, 60000u}) {
    test::write_all(fds.b, std::string(size, 'x'));
    for (int i = 0; i < 20; ++i) wait_with(*bev);
    bev->put("answer");
    base->loop(EVLOOP_NONBLOCK);
    EXPECT_EQ((*bev)->input_buffer().take_idle_chunk(), nullptr) << size;
  }
  // What is live is the loop's, within its bound.
  const long kept = static_cast<long>(evi::loop_chunks(*base)->kept_bytes / kSlice);
  EXPECT_LE(memory.live(), kept + 2);
  EXPECT_LE(kept, 16);
}

TEST_F(SocketRead, read_chunks_are_reused) {
  auto bev = owner();
  const std::string block(60'000, 'b');
  for (int i = 0; i < 10; ++i) {
    test::write_all(fds.b, block);
    wait_with(*bev);
  }
  received.reserve(1 << 20);
  slices.reserve(1000);
  test::FaultAlloc memory;
  for (int i = 0; i < 10; ++i) {
    test::write_all(fds.b, block);
    wait_with(*bev);
  }
  EXPECT_LE(memory.requests(), 10 * 16);  // the views and copies, but no chunk
}

// Whichever allocation fails, the bytes arrive in order, or an error event ends them.
TEST_F(SocketRead, bytes_stay_in_order_or_reading_stops_when_an_allocation_fails) {
  const std::string sent = numbered(20'000);
  test::QuietLog quiet;
  base.reset();
  test::sweep([&] {
    test::Pair pair = test::socket_pair();
    base = test::make_base(clock, script);
    if (!base) return false;
    auto *bev = bufferevent_socket_new(base.get(), pair.a, BEV_OPT_CLOSE_ON_FREE);
    if (bev) {
      pair.a.release();
    } else {
      base.reset();
      return false;
    }
    struct Seen {
      std::string text;
      bool failed = false;
    } seen;
    bufferevent_setcb(
        bev,
        [](bufferevent *b, void *arg) {
          char block[kSlice];
          while (const std::size_t got = bufferevent_read(b, block, sizeof(block)))
            static_cast<Seen *>(arg)->text.append(block, got);
        },
        nullptr, [](bufferevent *, short, void *arg) { static_cast<Seen *>(arg)->failed = true; }, &seen);
    const bool enabled = bufferevent_enable(bev, EV_READ) == 0;
    test::write_all(pair.b, sent);
    for (int i = 0; i < 8; ++i) {
      script.ready(bufferevent_getfd(bev), EV_READ);
      base->loop(EVLOOP_NONBLOCK);
    }
    EXPECT_EQ(seen.text, sent.substr(0, seen.text.size()));
    const bool whole = seen.text == sent;
    EXPECT_TRUE(whole || seen.failed || !enabled);
    bufferevent_free(bev);
    base.reset();
    return whole && enabled;
  });
}

}  // namespace

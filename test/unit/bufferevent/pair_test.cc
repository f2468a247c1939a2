// Pairs: memory, freeing at any moment, and threads.
#include "bufferevent/pair.h"

#include <thread>

#include "bufferevents.h"
#include "support/fault_alloc.h"

namespace {

struct Ends {
  bufferevent *pair[2] = {nullptr, nullptr};

  explicit Ends(event_base &base, int options = 0) { made = bufferevent_pair_new(&base, options, pair) == 0; }
  Ends(const Ends &) = delete;
  Ends &operator=(const Ends &) = delete;
  ~Ends() {
    free(0);
    free(1);
  }
  void free(int which) {
    if (pair[which]) bufferevent_free(std::exchange(pair[which], nullptr));
  }
  bufferevent *operator[](int which) const { return pair[which]; }
  std::size_t input(int which) const { return evbuffer_get_length(bufferevent_get_input(pair[which])); }
  std::size_t output(int which) const { return evbuffer_get_length(bufferevent_get_output(pair[which])); }

  bool made = false;
};

struct Pairs : testing::Test {
  test::Base base = test::make_base();
};

TEST_F(Pairs, a_pair_is_one_allocation_freed_with_its_last_end) {
  test::FaultAlloc memory;
  {
    Ends ends(*base);
    EXPECT_EQ(memory.requests(), 1);
    ends.free(1);
    EXPECT_EQ(memory.live(), 1u);
    EXPECT_EQ(bufferevent_write(ends[0], "x", 1), 0);
  }
  EXPECT_EQ(memory.live(), 0u);
}

TEST_F(Pairs, out_of_memory_creates_no_pair) {
  test::sweep([&] { return Ends(*base).made; });
  if (!evi::kThreadSupport) return;
  test::Threads threads;
  auto locked = test::make_base();
  const long needed = test::sweep([&] { return Ends(*locked, BEV_OPT_THREADSAFE).made; });
  EXPECT_EQ(needed, 2);
}

// Data that does not move stays where it was, and the reader receives an error event.
TEST_F(Pairs, out_of_memory_leaves_data_with_the_writer) {
  for (long n = 1;; ++n) {
    Ends ends(*base);
    short reported = 0;
    bufferevent_setcb(
        ends[1], nullptr, nullptr,
        [](bufferevent *, short what, void *arg) {
          EXPECT_EQ(EVUTIL_SOCKET_ERROR(), evi::kNoMemory);
          *static_cast<short *>(arg) = what;
        },
        &reported);
    bufferevent_setwatermark(ends[1], EV_READ, 0, 3);
    ASSERT_EQ(bufferevent_write(ends[0], "abcde", 5), 0);
    bool failed = false;
    {
      test::FaultAlloc memory{n};
      EXPECT_EQ(bufferevent_enable(ends[1], EV_READ), 0);
      failed = memory.failed_one();
    }
    EXPECT_EQ(ends.input(1) + ends.output(0), 5u);
    EXPECT_EQ(ends.input(1), failed ? 0u : 3u);
    test::turn(*base);
    EXPECT_EQ(reported, failed ? BEV_EVENT_READING | BEV_EVENT_ERROR : 0);
    if (!failed) break;
    // Enabled again, it receives the data held back.
    EXPECT_EQ(bufferevent_enable(ends[1], EV_READ), 0);
    EXPECT_EQ(ends.input(1), 3u);
    ASSERT_LT(n, 100);
  }
}

TEST_F(Pairs, large_data_moves_without_being_copied) {
  Ends ends(*base);
  bufferevent_enable(ends[1], EV_READ);
  const std::string data(1 << 20, 'x');
  evbuffer *big = evbuffer_new();
  evbuffer_add(big, data.data(), data.size());
  evbuffer_iovec from{}, to{};
  evbuffer_peek(big, -1, nullptr, &from, 1);
  ASSERT_EQ(bufferevent_write_buffer(ends[0], big), 0);
  ASSERT_EQ(ends.input(1), data.size());
  evbuffer_peek(bufferevent_get_input(ends[1]), -1, nullptr, &to, 1);
  EXPECT_EQ(from.iov_base, to.iov_base);
  evbuffer_free(big);
}

// The call that adds is under way in the output buffer of one end while both are freed.
TEST_F(Pairs, a_buffer_callback_may_free_both_ends) {
  test::FaultAlloc memory;
  for (const int which : {0, 1}) {
    for (const bool through_buffer : {false, true}) {
      Ends ends(*base);
      evbuffer *watched = which == 0 ? bufferevent_get_output(ends[0]) : bufferevent_get_input(ends[1]);
      evbuffer_add_cb(
          watched,
          [](evbuffer *, const evbuffer_cb_info *, void *arg) {
            static_cast<Ends *>(arg)->free(0);
            static_cast<Ends *>(arg)->free(1);
          },
          &ends);
      bufferevent_enable(ends[1], EV_READ);
      if (through_buffer) {
        evbuffer_add(bufferevent_get_output(ends[0]), "abc", 3);
      } else {
        bufferevent_write(ends[0], "abc", 3);
      }
      EXPECT_EQ(ends[0], nullptr);
      test::turn(*base);
    }
  }
  EXPECT_EQ(memory.live(), 0u);
}

TEST_F(Pairs, a_reference_keeps_a_freed_end_allocated) {
  Ends ends(*base);
  bufferevent *end = ends[1];
  bufferevent_incref(end);
  ends.free(1);
  EXPECT_EQ(bufferevent_pair_get_partner(ends[0]), nullptr);
  EXPECT_EQ(bufferevent_pair_get_partner(end), nullptr);
  bufferevent_write(ends[0], "x", 1);
  EXPECT_EQ(ends.output(0), 1u);
  EXPECT_EQ(bufferevent_decref(end), 1);
}

TEST_F(Pairs, may_be_freed_after_the_base) {
  Ends ends(*base);
  const timeval hour = test::seconds(3600);
  bufferevent_set_timeouts(ends[0], &hour, &hour);
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_write(ends[0], "x", 1);
  base.reset();
}

TEST_F(Pairs, freeing_removes_the_timers) {
  Ends ends(*base);
  const timeval hour = test::seconds(3600);
  bufferevent_set_timeouts(ends[0], &hour, &hour);
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_write(ends[0], "x", 1);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 2);
  bufferevent_enable(ends[1], EV_READ);  // takes it: no more write timeout
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 1);
  ends.free(0);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
}

}  // namespace

#ifndef EVENT__DISABLE_THREAD_SUPPORT

namespace {

struct PairThreads : testing::Test {
  test::Threads threads;
};

struct Counter {
  std::atomic<std::size_t> bytes{0};
  static void on_read(bufferevent *bev, void *arg) {
    evbuffer *input = bufferevent_get_input(bev);
    const std::size_t size = evbuffer_get_length(input);
    evbuffer_drain(input, size);
    static_cast<Counter *>(arg)->bytes += size;
  }
};

// The loop reads at both ends while two threads write to them, one at each.
TEST_F(PairThreads, both_ends_may_be_written_to_concurrently) {
  auto base = test::make_base();
  for (const int options : {0, static_cast<int>(BEV_OPT_UNLOCK_CALLBACKS)}) {
    Ends ends(*base, BEV_OPT_THREADSAFE | options);
    Counter counts[2];
    for (const int i : {0, 1}) {
      bufferevent_setcb(ends[i], Counter::on_read, nullptr, nullptr, &counts[i]);
      bufferevent_setwatermark(ends[i], EV_READ, 0, 64);
      bufferevent_enable(ends[i], EV_READ);
    }
    constexpr std::size_t kWrites = 3000;
    std::thread writers[2];
    for (const int i : {0, 1}) {
      writers[i] = std::thread([&, i] {
        for (std::size_t n = 0; n < kWrites; ++n) bufferevent_write(ends[i], "0123456", 7);
      });
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (counts[0].bytes < 7 * kWrites || counts[1].bytes < 7 * kWrites) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << counts[0].bytes << ' ' << counts[1].bytes;
      base->loop(EVLOOP_NONBLOCK);
    }
    for (auto &writer : writers) writer.join();
  }
}

TEST_F(PairThreads, each_end_may_be_freed_by_another_thread) {
  test::FaultAlloc memory;
  for (int round = 0; round < 200; ++round) {
    auto base = test::make_base();
    std::atomic<bool> stop{false};
    bufferevent *pair[2];
    ASSERT_EQ(bufferevent_pair_new(base.get(), BEV_OPT_THREADSAFE, pair), 0);
    std::thread loop([&] {
      while (!stop) base->loop(EVLOOP_NONBLOCK);
    });
    const auto use_and_free = [](bufferevent *bev) {
      const timeval brief = test::seconds(0.0001);
      bufferevent_set_timeouts(bev, &brief, &brief);
      bufferevent_enable(bev, EV_READ);
      bufferevent_write(bev, "abc", 3);
      bufferevent_free(bev);
    };
    std::thread other(use_and_free, pair[1]);
    use_and_free(pair[0]);
    other.join();
    stop = true;
    loop.join();
  }
  EXPECT_EQ(memory.live(), 0u);
}

}  // namespace

#endif

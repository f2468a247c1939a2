// Several threads: loops that write to each other, and freeing from outside. Meant for the thread sanitizer
#include "event2/event-config.h"
#ifndef EVENT__DISABLE_THREAD_SUPPORT
// too.
#include <atomic>
#include <thread>

#include "bufferevents.h"
#include "support/fault_alloc.h"

namespace {

using test::Bev;

// Far beyond what anything here takes: a deadlock ends as a failure.
constexpr int kPatienceSeconds = 60;

template <typename Condition>
void wait_for(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(kPatienceSeconds);
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "timed out";
    std::this_thread::yield();
  }
}

// A loop on a thread of its own, which ends with the scope.
class Looper {
 public:
  Looper() {
    base_->once(
        test::kNoFd, EV_TIMEOUT,
        [](evutil_socket_t, short, void *begun) { *static_cast<std::atomic<bool> *>(begun) = true; }, &begun_,
        nullptr);
    thread_ = std::thread([this] { base_->loop(EVLOOP_NO_EXIT_ON_EMPTY); });
    wait_for([this] { return begun_.load(); });
  }
  ~Looper() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    base_->loop_break();
    thread_.join();
  }
  event_base &operator*() { return *base_; }

 private:
  test::Base base_ = test::make_base();
  std::atomic<bool> begun_{false};
  std::thread thread_;
};

struct BuffereventThreads : testing::Test {
  test::Threads threads;
};

struct Side {
  bufferevent *own = nullptr;
  bufferevent *other = nullptr;
  std::atomic<int> *inside = nullptr;
  std::atomic<int> rounds{0};

  // Both callbacks are inside, each with its own lock held, before either writes.
  static void on_read(bufferevent *bev, void *arg) {
    auto *side = static_cast<Side *>(arg);
    evbuffer_drain(bufferevent_get_input(bev), 1);
    const int round = ++side->rounds;
    ++*side->inside;
    wait_for([&] { return side->inside->load() >= 2 * round; });
    bufferevent_write(side->other, "x", 1);
  }
};

// Each writes to the other's output while its own lock is held.
TEST_F(BuffereventThreads, bufferevents_writing_to_each_other_do_not_deadlock) {
  for (const int options : {0, static_cast<int>(BEV_OPT_DEFER_CALLBACKS)}) {
    Looper loop_a, loop_b;
    auto pair_a = test::socket_pair();
    auto pair_b = test::socket_pair();
    std::atomic<int> inside{0};
    Side a, b;
    a.own = b.other = bufferevent_socket_new(&*loop_a, pair_a.a, BEV_OPT_THREADSAFE | options);
    b.own = a.other = bufferevent_socket_new(&*loop_b, pair_b.a, BEV_OPT_THREADSAFE | options);
    a.inside = b.inside = &inside;
    for (Side *side : {&a, &b}) {
      bufferevent_setcb(side->own, Side::on_read, nullptr, nullptr, side);
      bufferevent_enable(side->own, EV_READ);
    }
    constexpr int kRounds = 50;
    for (int round = 1; round <= kRounds; ++round) {
      test::put(pair_a.b);
      test::put(pair_b.b);
      wait_for([&] { return inside.load() >= 2 * round; });
      std::string got_a, got_b;
      wait_for([&] { return (got_a += test::read_all(pair_a.b)) == "x"; });
      wait_for([&] { return (got_b += test::read_all(pair_b.b)) == "x"; });
    }
    bufferevent_free(a.own);
    bufferevent_free(b.own);
  }
}

// The loop took a timeout from its queue and waits for the lock, whose holder enables the direction again:
// the new timeout replaces the old one, and is not left behind when the bufferevent goes.
TEST_F(BuffereventThreads, a_timeout_restarted_before_its_callback_got_the_lock_is_removed_on_free) {
  for (const bool filtered : {false, true}) {
    SCOPED_TRACE(filtered ? "filter" : "pair");
    auto base = test::make_base();
    bufferevent *pair[2];
    ASSERT_EQ(bufferevent_pair_new(base.get(), BEV_OPT_THREADSAFE, pair), 0);
    bufferevent *bev =
        filtered ? bufferevent_filter_new(pair[0], nullptr, nullptr, BEV_OPT_THREADSAFE, nullptr, nullptr)
                 : pair[0];
    short reported = 0;
    bufferevent_setcb(
        bev, nullptr, nullptr,
        [](bufferevent *, short what, void *arg) { *static_cast<short *>(arg) |= what; }, &reported);
    const timeval hour = test::seconds(3600);
    bufferevent_set_timeouts(bev, &hour, &hour);
    bufferevent_disable(pair[1], EV_READ);
    bufferevent_enable(bev, EV_READ);
    bufferevent_write(bev, "x", 1);
    // As the loop calls them. The timers run again by then.
    for (event *ev : {&bev->ev_read, &bev->ev_write}) {
      if (!event_pending(ev, EV_TIMEOUT, nullptr)) continue;
      ev->ev_evcallback.evcb_cb_union.evcb_callback(-1, EV_TIMEOUT, bev);
    }
    test::turn(*base);
    EXPECT_EQ(reported, 0);
    EXPECT_TRUE(event_pending(&bev->ev_read, EV_TIMEOUT, nullptr));
    if (filtered) bufferevent_free(bev);
    bufferevent_free(pair[0]);
    bufferevent_free(pair[1]);
    EXPECT_EQ(event_base_get_num_events(base.get(), EVENT_BASE_COUNT_ADDED), 0);
    test::turn(*base);
  }
}

TEST_F(BuffereventThreads, concurrent_writers_lose_no_data) {
  Looper loop;
  auto pair = test::socket_pair();
  bufferevent *bev = bufferevent_socket_new(&*loop, pair.a, BEV_OPT_THREADSAFE);
  constexpr int kWriters = 4;
  constexpr int kWrites = 2000;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([bev, w] {
      for (int i = 0; i < kWrites; ++i) {
        const unsigned char message[4] = {static_cast<unsigned char>(w), static_cast<unsigned char>(i >> 8),
                                          static_cast<unsigned char>(i), 0};
        bufferevent_write(bev, message, sizeof(message));
      }
    });
  }
  std::string got;
  wait_for([&] { return (got += test::read_all(pair.b)).size() >= std::size_t{4} * kWriters * kWrites; });
  for (auto &writer : writers) writer.join();
  int next[kWriters] = {};
  for (std::size_t at = 0; at + 4 <= got.size(); at += 4) {
    const auto *m = reinterpret_cast<const unsigned char *>(&got[at]);
    ASSERT_LT(m[0], kWriters);
    ASSERT_EQ(m[1] * 256 + m[2], next[m[0]]++);
  }
  bufferevent_free(bev);
}

struct Guarded {
  std::atomic<bool> freed{false};
  std::atomic<int> calls{0};
  static void on_read(bufferevent *bev, void *arg) {
    auto *self = static_cast<Guarded *>(arg);
    EXPECT_FALSE(self->freed.load());
    ++self->calls;
    evbuffer_drain(bufferevent_get_input(bev), 1000);
    bufferevent_write(bev, "pong", 4);
  }
};

TEST_F(BuffereventThreads, no_callback_starts_after_freeing_from_another_thread) {
#ifdef _WIN32
  constexpr int kRounds = 40;  // each makes a connection
#else
  constexpr int kRounds = 200;
#endif
  for (const int options : {0, static_cast<int>(BEV_OPT_DEFER_CALLBACKS)}) {
    Looper loop;
    for (int round = 0; round < kRounds; ++round) {
      auto pair = test::socket_pair();
      Guarded guarded;
      bufferevent *bev = bufferevent_socket_new(&*loop, pair.a.release(),
                                                BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE | options);
      bufferevent_setcb(bev, Guarded::on_read, nullptr, nullptr, &guarded);
      bufferevent_enable(bev, EV_READ);
      for (int i = 0; i <= round % 4; ++i) test::put(pair.b);
      if (round % 2) wait_for([&] { return guarded.calls.load() > 0; });
      bufferevent_free(bev);
      guarded.freed = true;
      // The loop closes the socket, soon.
      char c;
      wait_for([&] {
        const ssize_t got = read(pair.b, &c, 1);
        return got == 0 || (got < 0 && errno != EAGAIN);
      });
    }
  }
}

TEST_F(BuffereventThreads, switching_directions_from_another_thread_neither_blocks_nor_races) {
  Looper loop;
  auto pair = test::socket_pair();
  Guarded guarded;
  bufferevent *bev = bufferevent_socket_new(&*loop, pair.a, BEV_OPT_THREADSAFE);
  bufferevent_setcb(bev, Guarded::on_read, nullptr, nullptr, &guarded);
  const timeval brief = test::seconds(0.0005), hour = test::seconds(3600);
  for (int i = 0; i < 2000; ++i) {
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    if (i < 100) test::put(pair.b);
    bufferevent_set_timeouts(bev, i % 3 ? &hour : &brief, nullptr);
    bufferevent_setwatermark(bev, EV_READ, 0, static_cast<std::size_t>(i % 2));
    bufferevent_disable(bev, i % 2 ? EV_READ : EV_READ | EV_WRITE);
    test::drain(pair.b);
  }
  bufferevent_set_timeouts(bev, nullptr, nullptr);
  bufferevent_setwatermark(bev, EV_READ, 0, 0);
  const int before = guarded.calls;
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  test::put(pair.b);
  wait_for([&] { return guarded.calls.load() > before; });
  bufferevent_free(bev);
}

// The callback waits for the thread that disables, which would never end if disabling waited for the
// callback.
TEST_F(BuffereventThreads, disabling_does_not_wait_for_an_unlocked_callback) {
  Looper loop;
  auto pair = test::socket_pair();
  struct Meeting {
    std::atomic<bool> inside{false}, disabled{false}, left{false};
  } meeting;
  bufferevent *bev = bufferevent_socket_new(
      &*loop, pair.a, BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
  bufferevent_setcb(
      bev,
      [](bufferevent *, void *arg) {
        auto *m = static_cast<Meeting *>(arg);
        m->inside = true;
        wait_for([&] { return m->disabled.load(); });
        m->left = true;
      },
      nullptr, nullptr, &meeting);
  bufferevent_enable(bev, EV_READ);
  test::put(pair.b);
  wait_for([&] { return meeting.inside.load(); });
  bufferevent_disable(bev, EV_READ | EV_WRITE);
  bufferevent_free(bev);
  meeting.disabled = true;
  wait_for([&] { return meeting.left.load(); });
}

TEST_F(BuffereventThreads, the_base_may_be_freed_after_freeing_from_another_thread) {
  for (int round = 0; round < 100; ++round) {
    auto pair = test::socket_pair();
    test::FaultAlloc memory;
    {
      Looper loop;
      Guarded guarded;
      bufferevent *bev = bufferevent_socket_new(&*loop, pair.a, BEV_OPT_THREADSAFE);
      bufferevent_setcb(bev, Guarded::on_read, nullptr, nullptr, &guarded);
      bufferevent_enable(bev, EV_READ);
      test::put(pair.b);
      bufferevent_free(bev);
      loop.stop();
    }
    EXPECT_EQ(memory.live(), 0u);
  }
}

}  // namespace

#endif

// Invocation of callbacks: immediate, deferred, unlocked, and again at the high watermark.
#include "bufferevents.h"

#include <thread>

namespace {

using test::Bev;

constexpr int kDeferred = BEV_OPT_DEFER_CALLBACKS;

struct Callbacks : testing::Test {
  test::Base base = test::make_base();
  test::Pair fds = test::socket_pair();
};

TEST_F(Callbacks, deferred_callbacks_stop_after_one_frees_the_bufferevent) {
  Bev bev(*base, fds.a, kDeferred);
  bev.on_read = [&] { bev.free(); };
  bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
  bufferevent_trigger_event(bev, BEV_EVENT_EOF, 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "r");
}

TEST_F(Callbacks, callbacks_triggered_in_a_deferred_callback_run_separately) {
  Bev bev(*base, fds.a, kDeferred);
  int left = 3;
  bev.on_read = [&] {
    if (--left > 0) bufferevent_trigger(bev, EV_READ, 0);
    bufferevent_trigger(bev, EV_WRITE, 0);
  };
  bufferevent_trigger(bev, EV_READ, 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "rwrwrw");
}

TEST_F(Callbacks, several_triggers_cause_one_deferred_call) {
  Bev bev(*base, fds.a, kDeferred);
  for (int i = 0; i < 5; ++i) bufferevent_trigger(bev, EV_READ, 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "r");
}

TEST_F(Callbacks, a_callback_that_is_not_set_is_not_deferred) {
  Bev bev(*base, fds.a, kDeferred);
  bufferevent_setcb(bev, nullptr, nullptr, nullptr, nullptr);
  bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
  bufferevent_trigger_event(bev, BEV_EVENT_EOF, 0);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ACTIVE), 0);
}

TEST_F(Callbacks, deferred_callbacks_run_by_priority) {
  base->set_priorities(3);
  Bev low(*base, fds.a, kDeferred);
  Bev high(*base, fds.b, kDeferred);
  std::string order;
  low.on_read = [&] { order += "l"; };
  high.on_read = [&] { order += "h"; };
  EXPECT_EQ(bufferevent_priority_set(low, 2), 0);
  EXPECT_EQ(bufferevent_priority_set(high, 0), 0);
  bufferevent_trigger(low, EV_READ, 0);
  bufferevent_trigger(high, EV_READ, 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "hl");
}

TEST_F(Callbacks, a_deferred_event_callback_sees_its_socket_error) {
  Bev bev(*base, fds.a, kDeferred | BEV_OPT_UNLOCK_CALLBACKS);
  fds.close_b();
  bev.put("x");
  bev.on_event = [](short) { errno = 0; };
  base->loop(EVLOOP_NONBLOCK);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(bev.log(), "e22");
  EXPECT_EQ(bev.error, EPIPE);
}

TEST_F(Callbacks, the_lock_is_held_in_callbacks_without_unlock_callbacks) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "built without threads";
  test::Threads threads;
  auto locked_base = test::make_base();
  for (const int options : {0, kDeferred, kDeferred | BEV_OPT_UNLOCK_CALLBACKS}) {
    Bev bev(*locked_base, test::kNoFd, options | BEV_OPT_THREADSAFE);
    bool free_for_others = false;
    const auto look = [&] {
      std::thread([&] {
        free_for_others = evi::raw_lock_try(bev->lock());
        if (free_for_others) evi::raw_lock_release(bev->lock());
      }).join();
      EXPECT_EQ(free_for_others, (options & BEV_OPT_UNLOCK_CALLBACKS) != 0);
    };
    bev.on_read = bev.on_write = look;
    bev.on_event = [&](short) { look(); };
    bufferevent_trigger(bev, EV_READ | EV_WRITE, 0);
    bufferevent_trigger_event(bev, BEV_EVENT_EOF, 0);
    test::turn(*locked_base);
    EXPECT_EQ(bev.log(), "rwe10");
  }
}

TEST_F(Callbacks, a_reader_that_takes_nothing_at_the_high_watermark_does_not_spin) {
  for (const int options : {0, kDeferred}) {
    auto pair = test::socket_pair();
    Bev bev(*base, pair.a, options);
    bufferevent_setwatermark(bev, EV_READ, 0, 4);
    bufferevent_enable(bev, EV_READ);
    test::write_all(pair.b, "123456");
    test::turn(*base);
    EXPECT_EQ(bev.log(), "r");
    EXPECT_EQ(bev.text(), "1234");
  }
}

TEST_F(Callbacks, a_reader_that_takes_some_at_the_high_watermark_is_called_again) {
  for (const int options : {0, kDeferred}) {
    auto pair = test::socket_pair();
    Bev bev(*base, pair.a, options);
    bufferevent_enable(bev, EV_READ);
    test::write_all(pair.b, "1234567890");
    bev.on_read = [&] {
      bufferevent_setwatermark(bev, EV_READ, 0, 4);
      evbuffer_drain(bev->input, 3);
    };
    test::turn(*base);
    EXPECT_EQ(bev.log(), "rrr");
    EXPECT_EQ(bev.text(), "0");
  }
}

}  // namespace

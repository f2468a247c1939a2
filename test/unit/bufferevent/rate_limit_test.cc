// Limits of single bufferevents: exact bytes at exact times, and suspended directions.
#include "bufferevent/rate_limit.h"

#include "limited.h"

namespace {

using test::Limited;

constexpr auto kNone = EV_RATE_LIMIT_MAX;

struct RateLimit : test::LimitedWorld {
  Limited one{*base};
  bufferevent *bev = one.bev;
};

TEST_F(RateLimit, reading_follows_the_ticks_to_the_byte) {
  bufferevent_set_rate_limit(bev, config(1000, 1000));
  one.start_reading();
  pass(0.5);
  EXPECT_EQ(one.read, 1000u);
  EXPECT_FALSE(watches(one.fd(), EV_READ));
  pass(0.5);
  EXPECT_EQ(one.read, 2000u);
  pass(7.9);
  EXPECT_EQ(one.read, 9000u);
}

TEST_F(RateLimit, writing_follows_the_ticks_to_the_byte) {
  bufferevent_set_rate_limit(bev, config(300, 900, 100));
  one.start_writing();
  pass(0.05);
  EXPECT_EQ(one.take_written(), 300u);
  pass(0.05);
  EXPECT_EQ(one.take_written(), 300u);
  pass(1);
  EXPECT_EQ(one.take_written(), 3000u);
  EXPECT_EQ(bufferevent_get_write_limit(bev), 0);
}

TEST_F(RateLimit, saved_tokens_are_spent_in_one_burst) {
  bufferevent_set_rate_limit(bev, config(100, 550));
  clock.t += 60'000'000;
  one.start_reading();
  pass(0.1);
  EXPECT_EQ(one.read, 550u);
}

TEST_F(RateLimit, no_timer_runs_while_nothing_is_suspended) {
  bufferevent_set_rate_limit(bev, config(1000, 1000));
  EXPECT_EQ(timers(), 0);
  one.bev.put(std::string(1000, 'x'));
  pass(0.1);
  // All tokens are spent, and all bytes are sent.
  EXPECT_EQ(bufferevent_get_write_limit(bev), 0);
  EXPECT_EQ(timers(), 0);
  one.bev.put("y");
  pass(0.1);
  EXPECT_EQ(timers(), 1);
  EXPECT_EQ(one.take_written(), 1000u);
  pass(0.8);
  EXPECT_EQ(one.take_written(), 1u);
  EXPECT_EQ(timers(), 0);
  EXPECT_EQ(base->loop(0), 1);  // nothing is left to wait for
}

TEST_F(RateLimit, the_loop_runs_until_suspended_output_is_sent) {
  bufferevent_set_rate_limit(bev, config(10, 10));
  one.bev.put(std::string(35, 'x'));
  const evi::Micros before = clock.t;
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(one.take_written(), 35u);
  EXPECT_EQ(clock.t - before, 3 * evi::kMicrosPerSecond);
}

TEST_F(RateLimit, a_token_debt_uses_one_timer_instead_of_one_per_tick) {
  bufferevent_set_rate_limit(bev, config(10, 10));
  bufferevent_decrement_read_limit(bev, 10'000);
  one.start_reading();
  pass(0.1);
  const std::size_t waits = script.waits.size();
  pass(995);
  EXPECT_EQ(one.read, 0u);
  pass(5);
  EXPECT_GT(one.read, 0u);
  EXPECT_LT(script.waits.size() - waits, 60u);
}

TEST_F(RateLimit, adding_tokens_or_removing_the_limit_resumes_immediately) {
  bufferevent_set_rate_limit(bev, config(10, 10, 3'600'000));
  one.start_reading();
  one.bev.put(std::string(500, 'x'));
  pass(1);
  EXPECT_EQ(one.read, 10u);
  EXPECT_EQ(one.take_written(), 10u);
  EXPECT_EQ(bufferevent_decrement_read_limit(bev, -25), 0);
  EXPECT_EQ(bufferevent_decrement_write_limit(bev, -5), 0);
  pass(1);
  EXPECT_EQ(one.read, 35u);
  EXPECT_EQ(one.take_written(), 5u);
  bufferevent_set_rate_limit(bev, config(10, 60, 3'600'000));
  bufferevent_set_rate_limit(bev, nullptr);
  for (int i = 0; i < 3; ++i) base->loop(EVLOOP_ONCE | EVLOOP_NONBLOCK);
  EXPECT_GT(one.read, 1000u);
  EXPECT_EQ(one.take_written(), 485u);
  EXPECT_EQ(bufferevent_get_read_limit(bev), kNone);
}

TEST_F(RateLimit, changing_the_tick_while_suspended_restarts_the_tick) {
  bufferevent_set_rate_limit(bev, config(100, 100, 100'000));
  one.start_reading();
  pass(1);
  EXPECT_EQ(one.read, 100u);
  // A hundredth of the long tick has passed, and so has of the short one.
  bufferevent_set_rate_limit(bev, config(7, 7, 100));
  pass(0.098);
  EXPECT_EQ(one.read, 100u);
  pass(0.002);
  EXPECT_EQ(one.read, 107u);
  pass(1);
  EXPECT_EQ(one.read, 177u);
}

TEST_F(RateLimit, a_shared_configuration_is_freed_after_its_last_user) {
  auto *shared = ev_token_bucket_cfg_new(5, 5, 5, 5, nullptr);
  Limited two{*base};
  for (Limited *each : {&one, &two}) {
    bufferevent_set_rate_limit(each->bev, shared);
    each->start_reading();
  }
  EXPECT_EQ(bufferevent_get_token_bucket_cfg(bev), shared);
  pass(3.5);
  EXPECT_EQ(one.read, 20u);
  EXPECT_EQ(two.read, 20u);
  for (Limited *each : {&one, &two}) bufferevent_set_rate_limit(each->bev, config(1, 1));
  ev_token_bucket_cfg_free(shared);
  pass(2);
  EXPECT_EQ(one.read, 22u);
}

TEST_F(RateLimit, max_single_read_applies_below_the_rate_limit) {
  bufferevent_set_rate_limit(bev, config(1000, 1000));
  bufferevent_set_max_single_read(bev, 30);
  EXPECT_EQ(bufferevent_get_max_to_read(bev), 30);
  std::size_t most = 0;
  one.bev.on_read = [&] {
    const std::size_t got = evbuffer_get_length(bev->input);
    evbuffer_drain(bev->input, got);
    most = std::max(most, got);
    one.read += got;
  };
  one.start_reading();
  pass(0.5);
  EXPECT_EQ(most, 30u);
  EXPECT_EQ(one.read, 1000u);
  EXPECT_EQ(bufferevent_get_max_to_read(bev), 0);
}

TEST_F(RateLimit, eof_is_reported_after_the_last_rate_limited_bytes) {
  bufferevent_set_rate_limit(bev, config(1000, 1000));
  one.no_input = true;
  std::size_t queued = 0;
  for (char block[4096];;) {
    const ssize_t got = ::recv(one.fd(), block, sizeof(block), MSG_DONTWAIT);
    if (got <= 0) break;
    queued += static_cast<std::size_t>(got);
  }
  EXPECT_GT(queued, 0u);
  test::write_all(one.peer(), std::string(2500, 'z'));
  shutdown(one.peer(), SHUT_WR);
  one.start_reading();
  pass(1.5);
  EXPECT_EQ(one.read, 2000u);
  EXPECT_EQ(one.bev.log().find("e11"), std::string::npos);
  pass(1);
  EXPECT_EQ(one.read, 2500u);
  EXPECT_NE(one.bev.log().find("e11"), std::string::npos);
}

TEST_F(RateLimit, timeouts_do_not_run_while_a_direction_is_suspended) {
  bufferevent_set_rate_limit(bev, config(10, 10, 10'000));
  const timeval brief = test::seconds(2);
  bufferevent_set_timeouts(bev, &brief, &brief);
  one.start_reading();
  one.bev.put(std::string(15, 'x'));
  pass(9);
  EXPECT_EQ(one.bev.log(), "r");
  one.no_input = true;
  std::string rest(1 << 20, '\0');
  while (::recv(one.fd(), rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
  }
  pass(2);
  EXPECT_EQ(one.bev.log(), "w");
  pass(2);
  EXPECT_EQ(one.bev.log(), "e41");
}

TEST_F(RateLimit, may_be_freed_or_disabled_while_suspended) {
  bufferevent_set_rate_limit(bev, config(10, 10));
  one.start_reading();
  one.start_writing();
  pass(0.1);
  bufferevent_disable(bev, EV_READ | EV_WRITE);
  pass(5);
  EXPECT_EQ(one.read, 10u);
  EXPECT_EQ(timers(), 0);
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  pass(0.1);
  EXPECT_EQ(one.read, 20u);
  EXPECT_EQ(timers(), 1);
  one.bev.free();
  EXPECT_EQ(timers(), 0);
}

TEST_F(RateLimit, moving_to_another_base_continues_suspended_output) {
  bufferevent_set_rate_limit(bev, config(10, 10));
  one.bev.put(std::string(30, 'x'));
  pass(0.5);
  EXPECT_EQ(one.take_written(), 10u);
  test::ScriptBackend other_script{&clock};
  auto other = test::make_base(clock, other_script);
  EXPECT_EQ(bufferevent_base_set(other.get(), bev), 0);
  EXPECT_EQ(timers(), 0);
  EXPECT_EQ(other->loop(0), 1);
  EXPECT_EQ(one.take_written(), 20u);
  one.bev.free();
}

TEST_F(RateLimit, getters_return_current_values) {
  EXPECT_EQ(bufferevent_get_read_limit(bev), kNone);
  EXPECT_EQ(bufferevent_get_max_to_write(bev), 16384);
  EXPECT_EQ(bufferevent_decrement_read_limit(bev, 1), -1);
  bufferevent_set_rate_limit(bev, config(100, 200));
  EXPECT_EQ(bufferevent_decrement_write_limit(bev, 130), 0);
  EXPECT_EQ(bufferevent_get_write_limit(bev), -30);
  EXPECT_EQ(bufferevent_get_max_to_write(bev), 0);
  clock.t += 1'000'000;
  EXPECT_EQ(bufferevent_get_write_limit(bev), 70);
  EXPECT_EQ(bufferevent_get_read_limit(bev), 200);
  EXPECT_EQ(bufferevent_get_max_to_read(bev), 200);
  bufferevent_set_rate_limit(bev, nullptr);
  EXPECT_EQ(bufferevent_decrement_read_limit(bev, 1), -1);
}

TEST_F(RateLimit, output_queued_without_a_base_is_sent_when_it_gets_one) {
  auto pair = test::socket_pair();
  evi::BuffereventBase *homeless = evi::socket_bufferevent_new(nullptr, pair.a, 0);
  bufferevent_set_rate_limit(homeless, config(10, 10));
  EXPECT_EQ(bufferevent_write(homeless, "hello world!", 12), 0);
  EXPECT_EQ(bufferevent_base_set(base.get(), homeless), 0);
  base->loop(0);
  EXPECT_EQ(test::read_all(pair.b), "hello world!");
  bufferevent_free(homeless);
}

TEST_F(RateLimit, the_maximum_limit_does_not_limit) {
  bufferevent_set_rate_limit(bev, config(EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX, 1));
  one.bev.put(std::string(100'000, 'x'));
  one.start_reading();
  for (int i = 0; i < 20; ++i) base->loop(EVLOOP_ONCE | EVLOOP_NONBLOCK);
  EXPECT_GT(one.read, 100'000u);
  EXPECT_EQ(one.take_written(), 100'000u);
}

// Whichever allocation fails, the output arrives in the end, or an error was reported.
TEST(RateLimitMemory, out_of_memory_stalls_no_data) {
  test::sweep([] {
    test::FakeClock clock;
    test::ScriptBackend script{&clock};
    auto base = test::make_base(clock, script);
    if (!base) return false;
    auto pair = test::socket_pair();
    bufferevent *bev = bufferevent_socket_new(base.get(), pair.a, 0);
    ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(5, 5, 5, 5, nullptr);
    bool done = false;
    if (bev && cfg && bufferevent_set_rate_limit(bev, cfg) == 0 &&
        bufferevent_write(bev, "123456789012", 12) == 0) {
      base->loop(0);
      done = true;
      EXPECT_EQ(test::read_all(pair.b), "123456789012");
    }
    if (bev) bufferevent_free(bev);
    ev_token_bucket_cfg_free(cfg);
    return done;
  });
}

}  // namespace

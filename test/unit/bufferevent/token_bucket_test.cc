// The arithmetic of token buckets: exact ticks, debts, new configurations, extreme values.
#include "bufferevent/token_bucket.h"

#include <gtest/gtest.h>

#include <climits>

#include "support/events.h"
#include "support/fault_alloc.h"

namespace {

using evi::kForever;
using evi::kReadSide;
using evi::kWriteSide;
using evi::Micros;
using evi::TokenBuckets;

constexpr Micros kSecond = evi::kMicrosPerSecond;

ev_token_bucket_cfg config(evi::Tokens rate, evi::Tokens burst, Micros tick = kSecond) {
  return {{{rate, burst}, {rate * 2, burst * 2}}, tick};
}
constexpr ev_token_bucket_cfg kEndless = {
    {{EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX}, {EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX}}, 1000};

TEST(TokenBuckets, start_with_one_tick_and_fill_up_to_the_burst) {
  TokenBuckets buckets(config(100, 250), 5000);
  EXPECT_EQ(buckets.level(kReadSide), 100);
  EXPECT_EQ(buckets.level(kWriteSide), 200);
  EXPECT_FALSE(buckets.refill(5000 + kSecond - 1));
  EXPECT_TRUE(buckets.refill(5000 + kSecond));
  EXPECT_EQ(buckets.level(kReadSide), 200);
  EXPECT_TRUE(buckets.refill(5000 + 2 * kSecond));
  EXPECT_EQ(buckets.level(kReadSide), 250);
  EXPECT_EQ(buckets.level(kWriteSide), 500);
}

TEST(TokenBuckets, ticks_do_not_drift_with_late_or_frequent_refills) {
  const Micros tick = 7000;
  TokenBuckets often(config(3, 1'000'000, tick), 0), late(config(3, 1'000'000, tick), 0);
  for (Micros now = 0; now <= 40 * kSecond; now += 1301) often.refill(now);
  often.refill(40 * kSecond);
  late.refill(40 * kSecond);
  EXPECT_EQ(late.level(kReadSide), 3 + 3 * (40 * kSecond / tick));
  EXPECT_EQ(often.level(kReadSide), late.level(kReadSide));
}

TEST(TokenBuckets, a_debt_is_paid_before_tokens_become_available) {
  TokenBuckets buckets(config(100, 100), 0);
  buckets.take(kReadSide, 450);
  EXPECT_EQ(buckets.level(kReadSide), -350);
  EXPECT_EQ(buckets.time_to(kReadSide, 1, 0), 4 * kSecond);
  buckets.refill(3 * kSecond + 10);
  EXPECT_EQ(buckets.level(kReadSide), -50);
  EXPECT_EQ(buckets.time_to(kReadSide, 1, 3 * kSecond + 10), kSecond - 10);
  EXPECT_EQ(buckets.time_to(kReadSide, -50, 3 * kSecond + 10), 0);
}

TEST(TokenBuckets, added_tokens_may_exceed_the_burst_until_the_next_tick) {
  TokenBuckets buckets(config(100, 200), 0);
  buckets.take(kReadSide, -5000);
  EXPECT_EQ(buckets.level(kReadSide), 5100);
  buckets.refill(kSecond);
  EXPECT_EQ(buckets.level(kReadSide), 200);
}

TEST(TokenBuckets, a_new_configuration_keeps_the_level_within_the_burst_and_the_elapsed_part_of_the_tick) {
  TokenBuckets buckets(config(100, 1000), 0);
  buckets.take(kReadSide, -400);
  buckets.change(config(10, 50, kSecond / 10), kSecond * 3 / 4);
  EXPECT_EQ(buckets.level(kReadSide), 50);
  EXPECT_EQ(buckets.level(kWriteSide), 100);
  buckets.take(kReadSide, 50);
  // Three quarters of the long tick had passed: so have three quarters of the short one.
  EXPECT_FALSE(buckets.refill(kSecond * 3 / 4 + 24'999));
  EXPECT_TRUE(buckets.refill(kSecond * 3 / 4 + 25'000));
  EXPECT_EQ(buckets.level(kReadSide), 10);
}

TEST(TokenBuckets, frequent_configuration_changes_neither_stop_nor_speed_up_refills) {
  const auto slow = config(100, 1'000'000, kSecond), quick = config(100, 1'000'000, kSecond / 2);
  TokenBuckets buckets(slow, 0);
  Micros now = 0;
  for (int i = 0; i < 3000; ++i) buckets.change(i % 2 ? slow : quick, now += 10'000);
  // Half of 30 seconds at 100 a second, half at 200; a microsecond is lost here and there to rounding.
  EXPECT_NEAR(static_cast<double>(buckets.level(kReadSide)), 4600, 100);
}

TEST(TokenBuckets, extreme_rates_do_not_overflow) {
  TokenBuckets buckets(kEndless, 0);
  EXPECT_EQ(buckets.level(kReadSide), EV_RATE_LIMIT_MAX);
  buckets.take(kReadSide, -10);
  EXPECT_EQ(buckets.level(kReadSide), EV_RATE_LIMIT_MAX);
  for (int i = 0; i < 3; ++i) buckets.take(kReadSide, EV_SSIZE_MAX);
  EXPECT_EQ(buckets.level(kReadSide), -EV_SSIZE_MAX);
  EXPECT_EQ(buckets.time_to(kReadSide, 1, 0), 2000);
  EXPECT_EQ(buckets.time_to(kReadSide, EV_SSIZE_MAX, 0), 2000);
  buckets.refill(1000);
  EXPECT_EQ(buckets.level(kReadSide), 0);
  buckets.refill(kForever);
  EXPECT_EQ(buckets.level(kReadSide), EV_RATE_LIMIT_MAX);

  TokenBuckets slow(config(1, EV_RATE_LIMIT_MAX / 2, kForever / 1000 * 1000), 0);
  slow.take(kReadSide, EV_SSIZE_MAX);
  slow.take(kReadSide, EV_SSIZE_MAX);
  EXPECT_EQ(slow.time_to(kReadSide, 1, 0), kForever);
  slow.take(kReadSide, EV_SSIZE_MIN);
  EXPECT_GE(slow.level(kReadSide), 0);
}

TEST(TokenBuckets, a_long_gap_fills_only_up_to_the_burst) {
  TokenBuckets buckets(config(7, 1000, 1000), 0);
  buckets.take(kReadSide, 1'000'000);
  buckets.refill(kForever);
  EXPECT_EQ(buckets.level(kReadSide), 1000);
}

struct Configured {
  ev_token_bucket_cfg *cfg;
  explicit Configured(ev_token_bucket_cfg *made) : cfg(made) {}
  Configured(const Configured &) = delete;
  Configured &operator=(const Configured &) = delete;
  ~Configured() { ev_token_bucket_cfg_free(cfg); }
};

TEST(TokenBucketConfig, ticks_are_whole_milliseconds_and_common_timeouts_are_accepted) {
  auto tick = [](timeval tv) {
    const Configured made(ev_token_bucket_cfg_new(1, 1, 1, 1, &tv));
    return made.cfg ? made.cfg->tick : -1;
  };
  EXPECT_EQ(tick({0, 1000}), 1000);
  EXPECT_EQ(tick({2, 1999}), 2'001'000);
  EXPECT_EQ(tick({0, 999}), -1);
  EXPECT_EQ(tick({0, 0}), -1);
  EXPECT_EQ(tick({-1, 0}), -1);
  EXPECT_EQ(tick({INT_MAX / 1000, 0}), Micros{INT_MAX / 1000} * kSecond);
  EXPECT_EQ(tick({INT_MAX / 1000, 647'999}), Micros{INT_MAX} * 1000);
  EXPECT_EQ(tick({INT_MAX / 1000, 648'000}), -1);
  EXPECT_EQ(tick({INT_MAX / 1000 + 1, 0}), -1);
  auto base = test::make_base();
  const timeval *common = base->init_common_timeout({0, 250'000});
  EXPECT_EQ(tick(*common), 250'000);
  const Configured second(ev_token_bucket_cfg_new(1, 1, 1, 1, nullptr));
  EXPECT_EQ(second.cfg->tick, kSecond);
}

TEST(TokenBucketConfig, out_of_memory_is_reported) {
  EXPECT_EQ(test::sweep([] {
              const Configured made(ev_token_bucket_cfg_new(1, 2, 3, 4, nullptr));
              return made.cfg != nullptr;
            }),
            1);
}

}  // namespace

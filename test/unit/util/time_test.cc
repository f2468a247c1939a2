#include "util/time.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "util/clock.h"

namespace {

using evi::kForever;
using evi::kMicrosPerSecond;
using evi::Micros;

constexpr Micros kLargest = kForever / kMicrosPerSecond - 2;  // whole seconds that are not cut

const struct {
  const char *name;
  std::int64_t seconds, micros;
  Micros want;
} cases[] = {
    {"zero", 0, 0, 0},
    {"both fields", 1, 500000, 1500000},
    {"negative", -1, 500000, -500000},
    {"microseconds above a second", 1, 2500000, 3500000},
    {"negative microseconds", 1, -1, 999999},
    {"at the bound", kLargest, 999999, kLargest *kMicrosPerSecond + 999999},
    {"one past it", kLargest + 1, 0, kForever},
    {"at the lower bound", -kLargest, 0, -kLargest *kMicrosPerSecond},
    {"one past the lower", -kLargest - 1, 0, -kForever},
    {"largest", INT64_MAX, 999999, kForever},
    {"smallest", INT64_MIN, 0, -kForever},
    {"microseconds alone too large", 0, INT64_MAX, kForever},
    {"microseconds alone too small", 0, -INT64_MAX, -kForever},
    {"largest of 32 bits", INT32_MAX, 999999, INT32_MAX *kMicrosPerSecond + 999999},
    {"smallest of 32 bits", INT32_MIN, 0, INT32_MIN *kMicrosPerSecond},
    {"32 bits of microseconds", 0, INT32_MAX, INT32_MAX},
};

TEST(Time, timeval_to_micros_saturates) {
  for (const auto &c : cases) {
    timeval in{};
    in.tv_sec = static_cast<decltype(in.tv_sec)>(c.seconds);
    in.tv_usec = static_cast<decltype(in.tv_usec)>(c.micros);
    if (in.tv_sec != c.seconds || in.tv_usec != c.micros) continue;  // fields of 32 bits
    EXPECT_EQ(evi::to_micros(in), c.want) << c.name;
  }
}

TEST(Time, micros_to_timeval_and_back) {
  for (const Micros us : {Micros{0}, Micros{1}, Micros{999999}, Micros{1000000}, Micros{-1}, Micros{-1000000},
                          Micros{-1000001}, Micros{1795236982123456}}) {
    const timeval tv = evi::to_timeval(us);
    EXPECT_GE(tv.tv_usec, 0) << us;
    EXPECT_LT(tv.tv_usec, 1000000) << us;
    EXPECT_EQ(evi::to_micros(tv), us);
  }
}

TEST(Time, forever_is_a_valid_timeval) {
  const timeval tv = evi::to_timeval(kForever);
  EXPECT_GT(tv.tv_sec, 0);
  EXPECT_LT(tv.tv_usec, 1000000);
}

TEST(Time, sums_saturate_at_forever) {
  EXPECT_EQ(evi::add_saturating(1, 2), 3);
  EXPECT_EQ(evi::add_saturating(-1, -2), -3);
  EXPECT_EQ(evi::add_saturating(kForever, -1), kForever - 1);
  EXPECT_EQ(evi::add_saturating(kForever, 0), kForever);
  EXPECT_EQ(evi::add_saturating(kForever, 1), kForever);
  EXPECT_EQ(evi::add_saturating(kForever, kForever), kForever);
  EXPECT_EQ(evi::add_saturating(-kForever, -1), -kForever);
  EXPECT_EQ(evi::add_saturating(INT64_MAX, 1), kForever);
  EXPECT_EQ(evi::add_saturating(INT64_MIN, -1), -kForever);
  EXPECT_EQ(evi::add_saturating(INT64_MIN, INT64_MAX), -1);
}

TEST(Clock, the_monotonic_clock_advances) {
  const evi::Clock &clock = evi::system_clock();
  const Micros first = clock.monotonic(clock);
  Micros last = first;
  for (int i = 0; i < 100000; ++i) {
    const Micros now = clock.monotonic(clock);
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(last, first);
}

TEST(Clock, the_wall_clock_is_the_time_of_day) {
  const evi::Clock &clock = evi::system_clock();
  const time_t before = time(nullptr);
  const Micros now = clock.wall(clock);
  // time() may lag gettimeofday() by a tick at the start of a second.
  EXPECT_GE(now / kMicrosPerSecond, before - 1);
  EXPECT_LE(now / kMicrosPerSecond, time(nullptr) + 1);
}

}  // namespace

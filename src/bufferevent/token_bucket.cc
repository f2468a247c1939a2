// The arithmetic of token buckets, which neither overflows nor drifts.
#include "bufferevent/token_bucket.h"

#include <algorithm>
#include <climits>

#include "core/event_access.h"
#include "util/alloc.h"
#include "util/assert.h"

namespace evi {
namespace {

constexpr Micros kMillisecond = 1000;
// libevent counts a tick's milliseconds in an int.
constexpr Micros kLongestTick = Micros{INT_MAX} * kMillisecond;

// 0 for what is no length of a tick.
Micros tick_of(const timeval *tick_len) noexcept {
  if (!tick_len) return kMicrosPerSecond;
  timeval tv = *tick_len;
  if ((tv.tv_usec & kCommonTimeoutMask) == kCommonTimeoutMagic) tv.tv_usec &= kMicrosecondsMask;
  const Micros tick = to_micros(tv);
  const Micros whole = tick / kMillisecond * kMillisecond;
  return whole <= kLongestTick ? std::max<Micros>(whole, 0) : 0;
}

bool valid(std::size_t rate, std::size_t burst) noexcept {
  return rate > 0 && rate <= burst && burst <= static_cast<std::size_t>(EV_RATE_LIMIT_MAX);
}

// How far it is up to `to`: always representable, because both are within one sign bit.
std::uint64_t distance(Tokens from, Tokens to) noexcept {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

Tokens refilled(Tokens level, const BucketRate &side, std::uint64_t ticks) noexcept {
  if (level >= side.burst) return side.burst;
  const std::uint64_t room = distance(level, side.burst);
  const auto rate = static_cast<std::uint64_t>(side.rate);
  if (ticks > room / rate) return side.burst;
  return static_cast<Tokens>(static_cast<std::uint64_t>(level) + ticks * rate);
}

}  // namespace

TokenBuckets::TokenBuckets(const ev_token_bucket_cfg &config, Micros now) noexcept
    : config_(config), tick_began_(now), level_{config.side[kReadSide].rate, config.side[kWriteSide].rate} {
  EVI_ASSERT(config.tick > 0);
}

bool TokenBuckets::refill(Micros now) noexcept {
  if (now - tick_began_ < config_.tick) return false;
  const Micros ticks = (now - tick_began_) / config_.tick;
  tick_began_ += ticks * config_.tick;
  for (const Side side : kSides) {
    level_[side] = refilled(level_[side], config_.side[side], static_cast<std::uint64_t>(ticks));
  }
  return true;
}

void TokenBuckets::change(const ev_token_bucket_cfg &config, Micros now) noexcept {
  refill(now);
  // Changing the tick more often than it passes must neither add nor lose tokens.
  const double part = static_cast<double>(now - tick_began_) / static_cast<double>(config_.tick);
  if (config.tick != config_.tick) {
    const auto passed = static_cast<Micros>(part * static_cast<double>(config.tick));
    tick_began_ = now - std::min(passed, config.tick - 1);
  }
  config_ = config;
  for (const Side side : kSides) level_[side] = std::min(level_[side], config.side[side].burst);
}

void TokenBuckets::take(Side side, Tokens tokens) noexcept {
  Tokens &level = level_[side];
  const bool over = __builtin_sub_overflow(level, tokens, &level);
  if (over || level < -EV_SSIZE_MAX) level = tokens > 0 ? -EV_SSIZE_MAX : EV_SSIZE_MAX;
}

Micros TokenBuckets::time_to(Side side, Tokens target, Micros now) const noexcept {
  if (level_[side] >= target) return 0;
  const auto rate = static_cast<std::uint64_t>(config_.side[side].rate);
  const std::uint64_t ticks = (distance(level_[side], target) - 1) / rate + 1;
  Micros wait = 0;
  if (ticks > static_cast<std::uint64_t>(kForever) ||
      __builtin_mul_overflow(static_cast<Micros>(ticks), config_.tick, &wait)) {
    return kForever;
  }
  return add_saturating(wait, tick_began_ - now);
}

}  // namespace evi

ev_token_bucket_cfg *ev_token_bucket_cfg::create(std::size_t read_rate, std::size_t read_burst,
                                                 std::size_t write_rate, std::size_t write_burst,
                                                 const timeval *tick_len) noexcept {
  using evi::Tokens;
  const evi::Micros tick = evi::tick_of(tick_len);
  if (!tick || !evi::valid(read_rate, read_burst) || !evi::valid(write_rate, write_burst)) return nullptr;
  const evi::BucketRate read{static_cast<Tokens>(read_rate), static_cast<Tokens>(read_burst)};
  const evi::BucketRate write{static_cast<Tokens>(write_rate), static_cast<Tokens>(write_burst)};
  return evi::make<ev_token_bucket_cfg>(ev_token_bucket_cfg{{read, write}, tick});
}

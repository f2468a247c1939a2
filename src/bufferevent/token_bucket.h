// Token buckets: how much may be moved by now. Pure arithmetic, which is given the time and never asks for
// it.
#ifndef EVI_BUFFEREVENT_TOKEN_BUCKET_H
#define EVI_BUFFEREVENT_TOKEN_BUCKET_H

#include <cstddef>
#include <cstdint>

#include "event2/bufferevent.h"
#include "event2/event.h"
#include "util/time.h"

namespace evi {

// One for each byte. Below zero is a debt, which is paid before anything moves.
using Tokens = ev_ssize_t;

// What there are two of: an index into arrays.
enum Side : unsigned char { kReadSide, kWriteSide };
inline constexpr Side kSides[] = {kReadSide, kWriteSide};

constexpr Side side_of(short direction) noexcept { return direction == EV_WRITE ? kWriteSide : kReadSide; }
constexpr short direction_of(Side side) noexcept { return side == kWriteSide ? EV_WRITE : EV_READ; }

struct BucketRate {
  Tokens rate;   // what a tick brings, 1 at least
  Tokens burst;  // what can be saved up, `rate` at least
};

}  // namespace evi

// The opaque struct of event2/bufferevent.h. Never changes.
struct ev_token_bucket_cfg {
  evi::BucketRate side[2];
  evi::Micros tick;  // whole milliseconds, one at least

  // Null if out of memory, or if a number is not allowed. Null for the tick is a second.
  static ev_token_bucket_cfg *create(std::size_t read_rate, std::size_t read_burst, std::size_t write_rate,
                                     std::size_t write_burst, const timeval *tick_len) noexcept;
};

namespace evi {

// A bucket for each direction. All ticks that have passed are credited at once, each at its exact time, so
// it does not matter when and how often they are read.
class TokenBuckets {
 public:
  // Full by one tick's tokens; a tick begins now.
  TokenBuckets(const ev_token_bucket_cfg &config, Micros now) noexcept;

  // True if a tick has passed.
  bool refill(Micros now) noexcept;
  // Keeps the levels, up to the new bursts, and the part of the tick that has passed.
  void change(const ev_token_bucket_cfg &config, Micros now) noexcept;

  Tokens level(Side side) const noexcept { return level_[side]; }
  // Below zero gives. What that puts above the burst lasts until the next tick.
  void take(Side side, Tokens tokens) noexcept;
  // How long after `now`, the time of the last refill, until the ticks have brought the level to `target`,
  // were there no burst.
  Micros time_to(Side side, Tokens target, Micros now) const noexcept;

  const ev_token_bucket_cfg &config() const noexcept { return config_; }

 private:
  ev_token_bucket_cfg config_;
  Micros tick_began_;
  Tokens level_[2];
};

}  // namespace evi

#endif

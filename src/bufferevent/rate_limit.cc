// Asking for bytes, paying for them, and the timer of those that have to wait.
#include "bufferevent/rate_limit.h"

#include <algorithm>

#include "core/event_access.h"
#include "core/event_base.h"
#include "util/alloc.h"
#include "util/socket.h"

namespace evi {

// --- what the transports see ---

std::size_t BuffereventBase::limited_allowance(short direction, std::size_t wanted) noexcept {
  return extra_->rate_limit->allowance(side_of(direction), wanted);
}

void BuffereventBase::limited_charge(short direction, std::size_t moved) noexcept {
  extra_->rate_limit->charge(side_of(direction), moved);
}

RateLimit *RateLimit::of(BuffereventBase &bev) noexcept {
  BuffereventExtra *extra = bev.make_extra();
  if (extra && !extra->rate_limit) extra->rate_limit = make<RateLimit>(bev);
  return extra ? extra->rate_limit : nullptr;
}

std::size_t RateLimit::allowance(Side side, std::size_t wanted) noexcept {
  std::size_t allowed = wanted;
  if (own_) {
    const Micros time = now();
    own_->refill(time);
    const Tokens level = own_->level(side);
    if (level <= 0) return hold_back(side, kBandwidth, own_->time_to(side, 1, time));
    allowed = std::min(allowed, static_cast<std::size_t>(level));
  }
  return allowed_[side] = allowed;
}

// A direction that has more to move is held back at once, which saves the loop a turn in vain; one that has
// nothing is not held back at all.
void RateLimit::charge(Side side, std::size_t moved) noexcept {
  if (own_) own_->take(side, static_cast<Tokens>(moved));
  // A read may bring a little less than it asked for although there is more: blocks have headers.
  const std::size_t allowed = allowed_[side];
  const bool more = side == kReadSide ? moved >= allowed - allowed / 8 : !bev_.output_buffer().empty();
  if (more) allowance(side, 1);
}

// --- waiting ---

Micros RateLimit::now() const noexcept {
  if (bev_.ev_base) return bev_.ev_base->monotonic_now();
  return system_clock().monotonic(system_clock());
}

// Without memory for the timer nothing may wait, because nobody would let it go on: then the transport asks
// again and again.
std::size_t RateLimit::hold_back(Side side, SuspendReasons why, Micros wait) noexcept {
  if (arm(wait)) bev_.suspend(direction_of(side), why);
  return 0;
}

bool RateLimit::arm(Micros wait) noexcept {
  if (!bev_.ev_base || bev_.freed()) return false;
  const Micros until = add_saturating(now(), wait);
  if (armed_until_ && armed_until_ <= until) return true;
  if (timer_.ev_base != bev_.ev_base) {
    static_cast<void>(assign_event(timer_, bev_.ev_base, kNoSocket, EV_FINALIZE, on_timer, &bev_));
  }
  const timeval tv = to_timeval(wait);
  if (bev_.ev_base->add(timer_, &tv) != 0) return armed_until_ != 0;
  armed_until_ = until;
  return true;
}

// As for the events of sockets: without threads the base may be gone, and has deleted the event then.
void RateLimit::disarm() noexcept {
  constexpr int kInUse = EVLIST_TIMEOUT | EVLIST_ACTIVE | EVLIST_ACTIVE_LATER;
  armed_until_ = 0;
  if (timer_.ev_base && (bev_.lock() || has(timer_, kInUse))) {
    timer_.ev_base->del(timer_, DelMode::no_block);
  }
}

void RateLimit::on_timer(evutil_socket_t, short, void *arg) noexcept {
  auto &bev = *static_cast<BuffereventBase *>(arg);
  const BuffereventUse use(bev);
  RateLimit &self = *find(bev);
  self.armed_until_ = 0;
  if (!bev.freed()) self.settle();
}

bool RateLimit::still_held(Side side) noexcept {
  if (!own_) return false;
  const Micros time = now();
  own_->refill(time);
  const Micros wait = own_->time_to(side, 1, time);
  return wait > 0 && arm(wait);
}

void RateLimit::settle() noexcept {
  short go_on = 0;
  short held = 0;
  for (const Side side : kSides) {
    const short direction = direction_of(side);
    if (!bev_.suspended(direction, kBandwidth)) continue;
    short &fate = still_held(side) ? held : go_on;
    fate = static_cast<short>(fate | direction);
  }
  if (!held) disarm();
  if (go_on) bev_.resume(go_on, kBandwidth);
}

void RateLimit::detach() noexcept { disarm(); }

// --- what the program asks ---

void RateLimit::set_config(const ev_token_bucket_cfg *config) noexcept {
  config_ = config;
  if (!config) {
    own_.reset();
  } else if (own_) {
    own_->change(*config, now());
  } else {
    own_.emplace(*config, now());
  }
  settle();
}

Tokens RateLimit::own_level(Side side) noexcept {
  if (!own_) return EV_RATE_LIMIT_MAX;
  own_->refill(now());
  return own_->level(side);
}

std::size_t RateLimit::level(Side side, std::size_t most) noexcept {
  const Tokens own = own_level(side);
  return own <= 0 ? 0 : std::min(most, static_cast<std::size_t>(own));
}

bool RateLimit::take(Side side, Tokens tokens) noexcept {
  if (!own_) return false;
  own_->refill(now());
  own_->take(side, tokens);
  if (tokens < 0) settle();
  return true;
}

}  // namespace evi

// Asking for bytes, paying for them, and the timer of those that have to wait.
#include "bufferevent/rate_limit.h"

#include <algorithm>
#include <utility>

#include "bufferevent/event_removal.h"
#include "core/debug_mode.h"
#include "core/event_access.h"
#include "core/event_base.h"
#include "util/alloc.h"
#include "util/assert.h"
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
    if (level <= 0) {
      withdraw(side);
      static_cast<void>(hold_back(side, kBandwidth, own_->time_to(side, 1, time)));
      return 0;
    }
    allowed = std::min(allowed, static_cast<std::size_t>(level));
  }
  return allowed_[side] = group_ ? ask_group(side, allowed) : allowed;
}

std::size_t RateLimit::ask_group(Side side, std::size_t wanted) noexcept {
  // Others may wake a seat as soon as it waits.
  prepare_timer();
  Micros wait = 0;
  const Tokens share = group_->ask(seats_[side], side, wait);
  if (share > 0) return std::min(wanted, static_cast<std::size_t>(share));
  if (!hold_back(side, kGroupBandwidth, wait)) withdraw(side);
  return 0;
}

// A direction that has more to move is held back at once, which saves an iteration of the loop; one that has
// nothing is not held back at all.
void RateLimit::charge(Side side, std::size_t moved) noexcept {
  if (own_) own_->take(side, static_cast<Tokens>(moved));
  // A read may bring a little less than it asked for although there is more: blocks have headers.
  const std::size_t allowed = allowed_[side];
  const bool more = side == kReadSide ? moved >= allowed - allowed / 8 : !bev_.output_buffer().empty();
  if (group_) group_->charge(seats_[side], side, moved, more);
  if (more) static_cast<void>(allowance(side, 1));
}

// --- waiting ---

Micros RateLimit::now() const noexcept {
  if (bev_.ev_base) return bev_.ev_base->monotonic_now();
  return system_clock().monotonic(system_clock());
}

// If there is no memory for the timer, the transport must not wait, since nothing would resume it: it asks
// again and again.
bool RateLimit::hold_back(Side side, SuspendReasons why, Micros wait) noexcept {
  EVI_ASSERT(why == kBandwidth || why == kGroupBandwidth);
  if (!arm(wait)) return false;
  bev_.suspend(direction_of(side), why);
  return true;
}

RateLimit::~RateLimit() {
  leave_group();
  debug::forget(timer_);
}

void RateLimit::prepare_timer() noexcept {
  if (!bev_.ev_base || timer_.ev_base == bev_.ev_base) return;
  EVI_ASSERT(armed_until_ == 0);
  static_cast<void>(assign_event(timer_, bev_.ev_base, kNoSocket, EV_FINALIZE, on_timer, &bev_));
}

bool RateLimit::arm(Micros wait) noexcept {
  if (!bev_.ev_base || bev_.freed()) return false;
  const Micros until = add_saturating(now(), wait);
  if (armed_until_ && armed_until_ <= until) return true;
  prepare_timer();
  const timeval tv = to_timeval(wait);
  if (bev_.ev_base->add(timer_, &tv) != 0) return armed_until_ != 0;
  armed_until_ = until;
  return true;
}

// Called before the group is left, whose other members may have made the timer active.
void RateLimit::disarm() noexcept {
  armed_until_ = 0;
  const bool threads = bev_.lock() || (group_ && group_->threaded());
  delete_if_queued(timer_.ev_base, timer_, threads);
}

// A result other than EV_TIMEOUT, which setting the timer again would take back. A waiting seat has its
// timer set, unless its base was freed, which removed the timer.
void RateLimit::wake() noexcept {
  if (timer_.ev_base) timer_.ev_base->activate(timer_, EV_READ, 1);
}

void RateLimit::on_timer(evutil_socket_t, short, void *arg) noexcept {
  auto &bev = *static_cast<BuffereventBase *>(arg);
  const BuffereventUse use(bev);
  RateLimit &self = *find(bev);
  self.armed_until_ = 0;
  if (!bev.freed()) self.settle();
}

bool RateLimit::waits_for_own(Side side) noexcept {
  if (!own_ || !bev_.suspended(direction_of(side), kBandwidth)) return false;
  const Micros time = now();
  own_->refill(time);
  const Micros wait = own_->time_to(side, 1, time);
  return wait > 0 && arm(wait);
}

bool RateLimit::waits_for_group(Side side) noexcept {
  Micros wait = 0;
  if (!group_ || !group_->keeps_waiting(seats_[side], side, wait)) return false;
  if (arm(wait)) return true;
  withdraw(side);
  return false;
}

void RateLimit::settle() noexcept {
  bool held = false;
  SuspendReasons over[2] = {};
  for (const Side side : kSides) {
    const bool own = waits_for_own(side);
    const bool group = waits_for_group(side);
    over[side] = static_cast<SuspendReasons>((own ? 0 : kBandwidth) | (group ? 0 : kGroupBandwidth));
    held = held || own || group;
  }
  if (!held) disarm();
  // Last, because a start that fails is reported to the program.
  for (const Side side : kSides) {
    const short direction = direction_of(side);
    if (bev_.suspended(direction, over[side])) bev_.resume(direction, over[side]);
    if (!bev_.wants(direction)) let_others_go(side);
  }
}

// The quota of a direction that is not to move is for others; a seat that waits keeps its place.
void RateLimit::let_others_go(Side side) noexcept {
  if (group_ && !bev_.suspended(direction_of(side), kGroupBandwidth)) withdraw(side);
}

void RateLimit::withdraw(Side side) noexcept {
  if (group_) group_->withdraw(seats_[side], side);
}

void RateLimit::detach() noexcept {
  for (const Side side : kSides) withdraw(side);
  disarm();
}

void RateLimit::unlink() noexcept {
  detach();
  leave_group();
}

// --- what the program asks ---

void RateLimit::join_group(bufferevent_rate_limit_group &group) noexcept {
  if (group_ == &group) return;
  leave_group();
  EVI_ASSERT(!group_);
  group.join();
  group_ = &group;
}

void RateLimit::leave_group() noexcept {
  if (!group_) return;
  for (const Side side : kSides) withdraw(side);
  disarm();
  std::exchange(group_, nullptr)->leave();
  if (!bev_.freed()) settle();
}

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
  Tokens least = own_level(side);
  if (group_) least = std::min(least, group_->share(seats_[side], side));
  return least <= 0 ? 0 : std::min(most, static_cast<std::size_t>(least));
}

bool RateLimit::take(Side side, Tokens tokens) noexcept {
  if (!own_) return false;
  own_->refill(now());
  own_->take(side, tokens);
  if (tokens < 0) settle();
  return true;
}

}  // namespace evi

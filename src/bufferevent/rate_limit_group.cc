// Dividing a group's tokens among its members.
#include "bufferevent/rate_limit_group.h"

#include <algorithm>

#include "bufferevent/rate_limit.h"
#include "util/alloc.h"
#include "util/assert.h"

using evi::GroupSeat;
using evi::LockGuard;
using evi::Micros;
using evi::Side;
using evi::Tokens;

namespace {

// A quota stays set aside at least that long, because a loop may be busy when its member's turn comes.
constexpr Micros kGrace = 100'000;

constexpr Tokens add_capped(Tokens a, Tokens b) noexcept {
  Tokens sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? EV_SSIZE_MAX : sum;
}

}  // namespace

// --- life ---

bufferevent_rate_limit_group *bufferevent_rate_limit_group::create(
    const evi::Clock &clock, const ev_token_bucket_cfg &config) noexcept {
  evi::Owned<bufferevent_rate_limit_group> group{evi::make<bufferevent_rate_limit_group>(clock, config)};
  return group && group->lock_.init() ? group.release() : nullptr;
}

void bufferevent_rate_limit_group::release_by_program() noexcept {
  {
    const LockGuard held(lock_);
    freed_ = true;
    for (Queue &queue : queues_) {
      while (GroupSeat *seat = queue.admitted.front()) give_back(queue, *seat);
      wake_waiting(queue);
      while (GroupSeat *seat = queue.waiting.pop_front()) seat->waiting = false;
    }
    if (members_ > 0) return;
  }
  evi::destroy(this);
}

void bufferevent_rate_limit_group::join() noexcept {
  const LockGuard held(lock_);
  ++members_;
}

void bufferevent_rate_limit_group::leave() noexcept {
  {
    const LockGuard held(lock_);
    EVI_ASSERT(members_ > 0);
    if (--members_ > 0 || !freed_) return;
  }
  evi::destroy(this);
}

// --- members ---

Tokens bufferevent_rate_limit_group::ask(GroupSeat &seat, Side side, Micros &wait) noexcept {
  const LockGuard held(lock_);
  if (freed_) return EV_RATE_LIMIT_MAX;
  const Micros time = now();
  refill(time, &seat);
  Queue &queue = queues_[side];
  note_asking(queue, seat);
  const Tokens allowed = share_of(seat, side);
  if (allowed > 0) return allowed;
  if (!seat.waiting) {
    give_back(queue, seat);
    enqueue(queue, seat);
  }
  wait = time_to_turn(seat, side, time);
  return 0;
}

void bufferevent_rate_limit_group::charge(GroupSeat &seat, Side side, std::size_t moved, bool more) noexcept {
  const LockGuard held(lock_);
  Queue &queue = queues_[side];
  queue.total += moved;
  if (freed_) return;
  const auto tokens = static_cast<Tokens>(moved);
  buckets_.take(side, tokens);
  const Tokens used = std::min(seat.quota, tokens);
  queue.promised -= used;
  if (used > 0 && (seat.quota -= used) == 0) queue.admitted.remove(seat);
  EVI_ASSERT(queue.promised >= 0 && !(seat.waiting && seat.quota > 0));
  if (more) return;
  give_back(queue, seat);
  if (!queue.waiting.empty()) admit(side, now(), nullptr);
}

bool bufferevent_rate_limit_group::keeps_waiting(GroupSeat &seat, Side side, Micros &wait) noexcept {
  const LockGuard held(lock_);
  if (!seat.waiting) return false;
  const Micros time = now();
  refill(time, &seat);
  if (!seat.waiting) return false;
  wait = time_to_turn(seat, side, time);
  return true;
}

void bufferevent_rate_limit_group::withdraw(GroupSeat &seat, Side side) noexcept {
  const LockGuard held(lock_);
  Queue &queue = queues_[side];
  if (seat.waiting) {
    seat.waiting = false;
    queue.waiting.remove(seat);
    --queue.waiting_count;
    queue.gaps = true;
  } else if (seat.quota > 0) {
    give_back(queue, seat);
  } else {
    return;
  }
  if (!queue.waiting.empty()) admit(side, now(), nullptr);
}

Tokens bufferevent_rate_limit_group::share(const GroupSeat &seat, Side side) noexcept {
  const LockGuard held(lock_);
  if (freed_) return EV_RATE_LIMIT_MAX;
  refill(now(), nullptr);
  return share_of(seat, side);
}

// --- dividing ---

// Everything that takes the lock to give or take tokens leaves either no member waiting or nothing available.
void bufferevent_rate_limit_group::refill(Micros time, const GroupSeat *caller) noexcept {
  if (!buckets_.refill(time)) return;
  ++round_;
  for (const Side side : evi::kSides) {
    Queue &queue = queues_[side];
    if (queue.active > 0) queue.active_before = queue.active;
    queue.active = 0;
    expire(side, time);
    admit(side, time, caller);
  }
}

void bufferevent_rate_limit_group::expire(Side side, Micros time) noexcept {
  Queue &queue = queues_[side];
  while (GroupSeat *seat = queue.admitted.front()) {
    if (time - seat->admitted_at < kGrace) return;
    give_back(queue, *seat);
  }
}

void bufferevent_rate_limit_group::admit(Side side, Micros time, const GroupSeat *caller) noexcept {
  Queue &queue = queues_[side];
  Tokens left = available(side);
  auto parts = static_cast<Tokens>(std::max(queue.waiting_count, lately_active(queue)));
  while (left > 0 && !queue.waiting.empty()) {
    EVI_ASSERT(parts > 0 && queue.waiting_count > 0);
    const Tokens even = left / parts + (left % parts != 0);
    --parts;
    GroupSeat &seat = *queue.waiting.pop_front();
    --queue.waiting_count;
    EVI_ASSERT(seat.waiting && seat.quota == 0);
    seat.waiting = false;
    seat.short_changed = left < min_share_;
    seat.quota = std::min(left, std::max(even, min_share_));
    seat.admitted_at = time;
    left -= seat.quota;
    queue.promised += seat.quota;
    queue.admitted.push_back(seat);
    if (&seat != caller) seat.member->wake();
  }
  // Those behind a gap expect their turn later than it comes.
  if (queue.gaps && !queue.waiting.empty()) queue.waiting.front()->member->wake();
  if (queue.waiting.empty()) queue.gaps = false;
}

void bufferevent_rate_limit_group::enqueue(Queue &queue, GroupSeat &seat) noexcept {
  EVI_ASSERT(!seat.waiting && seat.quota == 0 && seat.member);
  if (seat.short_changed && !queue.waiting.empty()) {
    seat.ticket = queue.waiting.front()->ticket - 1;
    queue.waiting.push_front(seat);
  } else {
    seat.ticket = queue.next_ticket++;
    queue.waiting.push_back(seat);
  }
  seat.short_changed = false;
  seat.waiting = true;
  ++queue.waiting_count;
}

void bufferevent_rate_limit_group::give_back(Queue &queue, GroupSeat &seat) noexcept {
  if (seat.quota == 0) return;
  EVI_ASSERT(!seat.waiting && queue.promised >= seat.quota);
  queue.promised -= seat.quota;
  seat.quota = 0;
  queue.admitted.remove(seat);
}

// Has them look when their turn comes.
void bufferevent_rate_limit_group::wake_waiting(Queue &queue) noexcept {
  for (GroupSeat *seat = queue.waiting.front(); seat; seat = evi::SeatList::next(*seat)) seat->member->wake();
}

void bufferevent_rate_limit_group::note_asking(Queue &queue, GroupSeat &seat) noexcept {
  if (seat.round == round_) return;
  seat.round = round_;
  ++queue.active;
}

Tokens bufferevent_rate_limit_group::available(Side side) const noexcept {
  Tokens left = 0;
  return __builtin_sub_overflow(buckets_.level(side), queues_[side].promised, &left) ? -EV_SSIZE_MAX : left;
}

std::size_t bufferevent_rate_limit_group::lately_active(const Queue &queue) const noexcept {
  return std::min(std::max(queue.active, queue.active_before), members_);
}

// Where no member waits, one may take its part of what is there, and come again for its part of the rest.
// Members that had nothing to move lately do not count, or a few among many would move tiny pieces.
Tokens bufferevent_rate_limit_group::share_of(const GroupSeat &seat, Side side) const noexcept {
  const Queue &queue = queues_[side];
  if (seat.quota > 0) return std::max(Tokens{0}, std::min(seat.quota, buckets_.level(side)));
  const Tokens left = available(side);
  if (left <= 0 || !queue.waiting.empty()) return 0;
  const std::size_t parts = queue.active_before ? lately_active(queue) : members_;
  const Tokens even = left / static_cast<Tokens>(std::max<std::size_t>(parts, 1));
  return std::min(left, std::max({even, min_share_, Tokens{1}}));
}

Micros bufferevent_rate_limit_group::time_to_turn(const GroupSeat &seat, Side side,
                                                  Micros time) const noexcept {
  const Queue &queue = queues_[side];
  EVI_ASSERT(seat.waiting && !queue.waiting.empty());
  const std::uint64_t before = seat.ticket - queue.waiting.front()->ticket;
  Tokens theirs = 0;
  const auto least = std::max(min_share_, Tokens{1});
  if (before > static_cast<std::uint64_t>(EV_SSIZE_MAX) ||
      __builtin_mul_overflow(static_cast<Tokens>(before), least, &theirs)) {
    theirs = EV_SSIZE_MAX;
  }
  return buckets_.time_to(side, add_capped(add_capped(theirs, queue.promised), 1), time);
}

// The difference of tickets counts, because those given at the front go below zero.
bool bufferevent_rate_limit_group::waiting_in_order(const Queue &queue) const noexcept {
  std::size_t count = 0;
  const GroupSeat *before = nullptr;
  for (GroupSeat *seat = queue.waiting.front(); seat; seat = evi::SeatList::next(*seat)) {
    const bool behind = !before || static_cast<std::int64_t>(seat->ticket - before->ticket) > 0;
    if (!seat->waiting || seat->quota != 0 || !behind) return false;
    before = seat;
    ++count;
  }
  return count == queue.waiting_count;
}

bool bufferevent_rate_limit_group::check_invariants() noexcept {
  const LockGuard held(lock_);
  for (const Side side : evi::kSides) {
    const Queue &queue = queues_[side];
    if (!queue.waiting.check_invariants() || !queue.admitted.check_invariants()) return false;
    if (freed_) continue;
    Tokens promised = 0;
    for (GroupSeat *seat = queue.admitted.front(); seat; seat = evi::SeatList::next(*seat)) {
      if (seat->waiting || seat->quota <= 0) return false;
      promised += seat->quota;
    }
    // While a member waits, nothing is left for others.
    const bool fair = queue.waiting.empty() || available(side) <= 0;
    if (promised != queue.promised || !waiting_in_order(queue) || !fair) return false;
  }
  return true;
}

// --- the program ---

void bufferevent_rate_limit_group::limit_share() noexcept {
  const ev_token_bucket_cfg &config = buckets_.config();
  min_share_ = std::min({wanted_share_, config.side[evi::kReadSide].rate, config.side[evi::kWriteSide].rate});
}

void bufferevent_rate_limit_group::set_config(const ev_token_bucket_cfg &config) noexcept {
  const LockGuard held(lock_);
  const Micros time = now();
  refill(time, nullptr);
  buckets_.change(config, time);
  limit_share();
  for (const Side side : evi::kSides) {
    admit(side, time, nullptr);
    wake_waiting(queues_[side]);
  }
}

void bufferevent_rate_limit_group::set_min_share(Tokens share) noexcept {
  const LockGuard held(lock_);
  wanted_share_ = share;
  limit_share();
}

Tokens bufferevent_rate_limit_group::level(Side side) noexcept {
  const LockGuard held(lock_);
  refill(now(), nullptr);
  return buckets_.level(side);
}

void bufferevent_rate_limit_group::take(Side side, Tokens tokens) noexcept {
  const LockGuard held(lock_);
  const Micros time = now();
  refill(time, nullptr);
  buckets_.take(side, tokens);
  if (tokens >= 0) return;
  admit(side, time, nullptr);
  wake_waiting(queues_[side]);
}

void bufferevent_rate_limit_group::totals(std::uint64_t &read, std::uint64_t &written) noexcept {
  const LockGuard held(lock_);
  read = queues_[evi::kReadSide].total;
  written = queues_[evi::kWriteSide].total;
}

void bufferevent_rate_limit_group::reset_totals() noexcept {
  const LockGuard held(lock_);
  for (Queue &queue : queues_) queue.total = 0;
}

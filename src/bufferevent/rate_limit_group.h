// struct bufferevent_rate_limit_group: buckets that many bufferevents pay from, and the order in which they
// do.
//
// A member that finds nothing waits in a queue, one for each direction. What a tick brings is divided evenly
// among the members that had something to move lately: each that waits gets a quota set aside, the least
// share at least, until nothing is left. The others stay in the queue and are first next time. While one
// waits no other may take anything, so no member starves, however slow its loop is. A quota that is not used
// in time goes back. What was left for those that do not wait is there for all that ask, in ever smaller
// pieces.
//
// Locks: a bufferevent's, then the group's, then a base's. A member is notified that it may go on by making
// its timer active, which needs its base's lock alone; the group never waits for a member. Each member's own
// timer has it look when its turn should have come, so members depend on no loop but theirs.
//
// References: the program's until it frees the group, and one for each member, so that a group may go first.
#ifndef EVI_BUFFEREVENT_RATE_LIMIT_GROUP_H
#define EVI_BUFFEREVENT_RATE_LIMIT_GROUP_H

#include "bufferevent/token_bucket.h"
#include "thread/lock.h"
#include "util/clock.h"
#include "util/intrusive_list.h"

namespace evi {

class RateLimit;

// A member's place in one direction. Guarded by the group's lock.
struct GroupSeat {
  ListHook<GroupSeat> link;  // among the waiting, or those that have a quota
  RateLimit *member = nullptr;
  Tokens quota = 0;  // set aside for it
  Micros admitted_at = 0;
  std::uint64_t ticket = 0;  // its number in the queue
  std::uint64_t round = 0;   // the group's when it asked last
  bool waiting = false;
  bool short_changed =
      false;  // its last quota was only what was left: it is the first in the queue next time
};

struct SeatLink {
  static auto &of(GroupSeat &seat) noexcept { return seat.link; }
};
using SeatList = TailList<GroupSeat, SeatLink>;

}  // namespace evi

// The opaque struct of event2/bufferevent.h.
struct bufferevent_rate_limit_group final {
 public:
  bufferevent_rate_limit_group(const evi::Clock &clock, const ev_token_bucket_cfg &config) noexcept
      : clock_(clock), buckets_(config, clock.monotonic(clock)) {
    limit_share();
  }
  bufferevent_rate_limit_group(const bufferevent_rate_limit_group &) = delete;
  bufferevent_rate_limit_group &operator=(const bufferevent_rate_limit_group &) = delete;

  // Null if out of memory.
  static bufferevent_rate_limit_group *create(const evi::Clock &clock,
                                              const ev_token_bucket_cfg &config) noexcept;
  // Members have no limit from now on, and leave when they notice.
  void release_by_program() noexcept;

  // --- for members ---

  void join() noexcept;
  // Its seats are withdrawn. May be the end of the group.
  void leave() noexcept;
  // How much the seat may move. 0: it waits from now on, and comes back after `wait` if it is not called.
  [[nodiscard]] evi::Tokens ask(evi::GroupSeat &seat, evi::Side side, evi::Micros &wait) noexcept;
  // It moved that much. Without `more` what is left of its quota is for others.
  void charge(evi::GroupSeat &seat, evi::Side side, std::size_t moved, bool more) noexcept;
  // False when its turn has come.
  [[nodiscard]] bool keeps_waiting(evi::GroupSeat &seat, evi::Side side, evi::Micros &wait) noexcept;
  // It neither waits any more nor needs its quota.
  void withdraw(evi::GroupSeat &seat, evi::Side side) noexcept;
  // What ask() would say, without asking.
  [[nodiscard]] evi::Tokens share(const evi::GroupSeat &seat, evi::Side side) noexcept;
  // Other threads may call members.
  bool threaded() const noexcept { return static_cast<bool>(lock_); }

  // --- for the program ---

  void set_config(const ev_token_bucket_cfg &config) noexcept;
  void set_min_share(evi::Tokens share) noexcept;
  evi::Tokens level(evi::Side side) noexcept;
  // Below zero gives.
  void take(evi::Side side, evi::Tokens tokens) noexcept;
  void totals(std::uint64_t &read, std::uint64_t &written) noexcept;
  void reset_totals() noexcept;

  // For tests.
  bool check_invariants() noexcept;

 private:
  struct Queue {
    evi::SeatList waiting;
    evi::SeatList admitted;  // those with a quota, in the order in which they got it
    std::size_t waiting_count = 0;
    std::uint64_t next_ticket = 0;
    evi::Tokens promised = 0;       // all quotas together
    std::size_t active = 0;         // how many members asked in this round
    std::size_t active_before = 0;  // and in the last one in which any did
    bool gaps = false;              // a member left the queue before its turn
    std::uint64_t total = 0;
  };

  evi::Micros now() const noexcept { return clock_.monotonic(clock_); }
  void limit_share() noexcept EVI_REQUIRES(lock_);
  void refill(evi::Micros time, const evi::GroupSeat *caller) noexcept EVI_REQUIRES(lock_);
  void expire(evi::Side side, evi::Micros time) noexcept EVI_REQUIRES(lock_);
  void admit(evi::Side side, evi::Micros time, const evi::GroupSeat *caller) noexcept EVI_REQUIRES(lock_);
  void give_back(Queue &queue, evi::GroupSeat &seat) noexcept EVI_REQUIRES(lock_);
  void wake_waiting(Queue &queue) noexcept EVI_REQUIRES(lock_);
  bool waiting_in_order(const Queue &queue) const noexcept EVI_REQUIRES(lock_);
  void note_asking(Queue &queue, evi::GroupSeat &seat) noexcept EVI_REQUIRES(lock_);
  evi::Tokens available(evi::Side side) const noexcept EVI_REQUIRES(lock_);
  std::size_t lately_active(const Queue &queue) const noexcept EVI_REQUIRES(lock_);
  void enqueue(Queue &queue, evi::GroupSeat &seat) noexcept EVI_REQUIRES(lock_);
  evi::Tokens share_of(const evi::GroupSeat &seat, evi::Side side) const noexcept EVI_REQUIRES(lock_);
  evi::Micros time_to_turn(const evi::GroupSeat &seat, evi::Side side, evi::Micros time) const noexcept
      EVI_REQUIRES(lock_);

  evi::Lock lock_;
  const evi::Clock &clock_;
  evi::TokenBuckets buckets_ EVI_GUARDED_BY(lock_);
  Queue queues_[2] EVI_GUARDED_BY(lock_);
  evi::Tokens wanted_share_ EVI_GUARDED_BY(lock_) = 64;
  evi::Tokens min_share_ EVI_GUARDED_BY(lock_) = 0;  // that, and no more than a tick brings
  std::uint64_t round_ EVI_GUARDED_BY(lock_) = 1;    // counts refills
  std::size_t members_ EVI_GUARDED_BY(lock_) = 0;
  bool freed_ EVI_GUARDED_BY(lock_) = false;
};

#endif

// The rate limits of one bufferevent: its own, and its seat in a group. Made when it is given the first one.
//
// A direction is held back when the transport asks for bytes and there are none; then a timer of the
// bufferevent's own loop is set for the tick that brings some. Nothing runs while no direction is held back.
// Guarded by the bufferevent's lock, except where a group's is named.
#ifndef EVI_BUFFEREVENT_RATE_LIMIT_H
#define EVI_BUFFEREVENT_RATE_LIMIT_H

#include <optional>

#include "bufferevent/bufferevent.h"
#include "bufferevent/rate_limit_group.h"
#include "bufferevent/token_bucket.h"

namespace evi {

class RateLimit {
 public:
  explicit RateLimit(BuffereventBase &bev) noexcept : bev_(bev) {
    for (GroupSeat &seat : seats_) seat.member = this;
  }
  ~RateLimit();
  RateLimit(const RateLimit &) = delete;
  RateLimit &operator=(const RateLimit &) = delete;

  // The one of a bufferevent, made if need be; null if out of memory.
  static RateLimit *of(BuffereventBase &bev) noexcept;
  // Null if it never had one.
  static RateLimit *find(const BuffereventBase &bev) noexcept {
    return bev.extra() ? bev.extra()->rate_limit : nullptr;
  }

  // --- for transports, through BuffereventBase ---

  // 0 if the direction is now held back, or if there is no memory for that.
  std::size_t allowance(Side side, std::size_t wanted) noexcept;
  void charge(Side side, std::size_t moved) noexcept;

  // --- for the program ---

  // Null takes the bufferevent's own limit away. The configuration is copied; its address is for the getter.
  void set_config(const ev_token_bucket_cfg *config) noexcept;
  const ev_token_bucket_cfg *config() const noexcept { return config_; }
  // What its own limit allows now.
  Tokens own_level(Side side) noexcept;
  // What own limit and group allow now, `most` at most.
  std::size_t level(Side side, std::size_t most) noexcept;
  // False if it has no limit of its own. Below zero gives.
  bool take(Side side, Tokens tokens) noexcept;

  // Out of the group that it may be in already.
  void join_group(bufferevent_rate_limit_group &group) noexcept;
  void leave_group() noexcept;

  // Lets go of the loop, because the bufferevent gets another base; settle() is to follow.
  void detach() noexcept;
  // The bufferevent was freed.
  void unlink() noexcept;
  // Lets go on what may, and has the timer run for what may not.
  void settle() noexcept;
  // With the group's lock held, and on any thread: has the loop look whether its turn has come.
  void wake() noexcept;

 private:
  static void on_timer(evutil_socket_t fd, short what, void *bev) noexcept;

  Micros now() const noexcept;
  std::size_t ask_group(Side side, std::size_t wanted) noexcept;
  void withdraw(Side side) noexcept;
  void let_others_go(Side side) noexcept;
  void prepare_timer() noexcept;
  bool arm(Micros wait) noexcept;
  void disarm() noexcept;
  bool hold_back(Side side, SuspendReasons why, Micros wait) noexcept;
  bool waits_for_own(Side side) noexcept;
  bool waits_for_group(Side side) noexcept;

  BuffereventBase &bev_;
  const ev_token_bucket_cfg *config_ = nullptr;
  std::optional<TokenBuckets> own_;
  bufferevent_rate_limit_group *group_ = nullptr;  // holds a reference to it
  GroupSeat seats_[2];                             // the group's lock
  std::size_t allowed_[2] = {};                    // what the transport was allowed last
  Micros armed_until_ = 0;                         // 0: the timer does not run
  event timer_ = {};                               // its base's lock
};

}  // namespace evi

#endif

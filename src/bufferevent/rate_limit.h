// The rate limits of one bufferevent: its own, and its seat in a group. Made when it is given the first one.
//
// A direction is held back when the transport asks for bytes and there are none; then a timer of the
// bufferevent's own loop is set for the tick that brings some. Nothing runs while nobody is held back.
// Guarded by the bufferevent's lock, except where a group's is named.
#ifndef EVI_BUFFEREVENT_RATE_LIMIT_H
#define EVI_BUFFEREVENT_RATE_LIMIT_H

#include <optional>

#include "bufferevent/bufferevent.h"
#include "bufferevent/token_bucket.h"

namespace evi {

class RateLimit {
 public:
  explicit RateLimit(BuffereventBase &bev) noexcept : bev_(bev) {}
  RateLimit(const RateLimit &) = delete;
  RateLimit &operator=(const RateLimit &) = delete;

  // The one of a bufferevent, made if need be; null without memory.
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

  // Lets go of the loop: the bufferevent was freed, or gets another base. What is held back stays so.
  void detach() noexcept;
  // Lets go on what may, and has the timer run for what may not.
  void settle() noexcept;

 private:
  static void on_timer(evutil_socket_t fd, short what, void *bev) noexcept;

  Micros now() const noexcept;
  bool arm(Micros wait) noexcept;
  void disarm() noexcept;
  std::size_t hold_back(Side side, SuspendReasons why, Micros wait) noexcept;
  bool still_held(Side side) noexcept;

  BuffereventBase &bev_;
  const ev_token_bucket_cfg *config_ = nullptr;
  std::optional<TokenBuckets> own_;
  std::size_t allowed_[2] = {};  // what the transport was told last
  Micros armed_until_ = 0;       // 0: the timer does not run
  event timer_ = {};
};

}  // namespace evi

#endif

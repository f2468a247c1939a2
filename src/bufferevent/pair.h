// Pairs: two bufferevents that are each other's transport, in memory.
#ifndef EVI_BUFFEREVENT_PAIR_H
#define EVI_BUFFEREVENT_PAIR_H

#include "bufferevent/timeouts.h"
#include "util/assert.h"

namespace evi {

class Pair;

extern const bufferevent_ops pair_ops;

// One of the two. Both are guarded by one lock.
class PairEnd : public TimedBufferevent {
 public:
  PairEnd(event_base &base, int options, Pair &pair) noexcept
      : TimedBufferevent(&base, pair_ops, options | BEV_OPT_DEFER_CALLBACKS), pair_(pair) {}

  static PairEnd &of(BuffereventBase &bev) noexcept { return static_cast<PairEnd &>(bev); }
  // Null for other kinds.
  static PairEnd *from(bufferevent &bev) noexcept {
    return bev.be_ops == &pair_ops ? &of(BuffereventBase::of(bev)) : nullptr;
  }

  // Null once that was freed.
  PairEnd *partner() const noexcept { return partner_; }
  Pair &pair() const noexcept { return pair_; }
  void link(PairEnd &other) noexcept {
    EVI_ASSERT(!partner_ && &other != this);
    partner_ = &other;
  }
  void unlink() noexcept;

  // Gives the partner what it takes now.
  void give() noexcept;
  // Gives everything, whatever the directions and watermarks say.
  void give_all() noexcept;
  void apply_write_timeout() noexcept;
  // One for both.
  [[nodiscard]] bool make_lock() noexcept;

 private:
  void give(std::size_t size) noexcept;

  Pair &pair_;
  PairEnd *partner_ = nullptr;
};

// The memory of both, which goes with the last of them.
class Pair {
 public:
  Pair(event_base &base, int options) noexcept
      : first_(base, options, *this), second_(base, options, *this) {}
  Pair(const Pair &) = delete;
  Pair &operator=(const Pair &) = delete;
  ~Pair() { raw_lock_free(lock_); }

  // Null if out of memory.
  [[nodiscard]] static Pair *create(event_base &base, int options) noexcept;
  PairEnd &first() noexcept { return first_; }
  PairEnd &second() noexcept { return second_; }
  // Ends one of the two. No lock is held.
  void end(PairEnd &which) noexcept;

  void *make_lock() noexcept { return lock_ = raw_lock_new(); }

 private:
  [[nodiscard]] bool init() noexcept;

  // Each is ended by itself.
  union {
    PairEnd first_;
  };
  union {
    PairEnd second_;
  };
  void *lock_ = nullptr;
  std::atomic<int> left_{2};
};

}  // namespace evi

#endif

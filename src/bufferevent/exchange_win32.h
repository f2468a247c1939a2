// Exchange: what a bufferevent has under way for one socket, or had. It may outlive the bufferevent: when the
// owner leaves, what is under way is cancelled, and the memory goes when it has come back to the base that it
// was begun in, where other threads may be at work.
//
// A bufferevent without a lock may be handed to another thread while nothing is armed. So an operation that
// ends while it is not wanted is parked: the loop leaves the bufferevent alone, and calls the callback
// when the direction is armed again.
#ifndef EVI_BUFFEREVENT_EXCHANGE_WIN32_H
#define EVI_BUFFEREVENT_EXCHANGE_WIN32_H

#include "core/completion_port.h"
// The order matters: winsock2.h, which it includes, comes before what follows.
#include <atomic>

#include "bufferevent/bufferevent.h"

namespace evi {

class Exchange;

// One direction of an exchange.
struct Transfer {
  enum class Phase : unsigned char {
    idle,
    under_way,  // the kernel has it, or its callback is queued or begins
    parked,     // over, but its end was not wanted
  };

  Transfer(Exchange &of, DeferredFn done) noexcept : whole(of) { op.init(done, this); }
  bool busy() const noexcept { return phase.load(std::memory_order_acquire) != Phase::idle; }
  bool under_way() const noexcept { return phase.load(std::memory_order_acquire) == Phase::under_way; }

  Operation op;
  Exchange &whole;
  std::atomic<Phase> phase{Phase::idle};
  bool wanted = false;  // its end is to be reported; the owner changes it, with the base's lock held
};

// Methods are the owner's unless they say otherwise.
class Exchange {
 public:
  // What the writing operation does.
  enum class Task : unsigned char {
    send,
    connect,
    report_ready,  // that it is possible to write: nothing was asked of the kernel
  };
  // What one WSASend takes at most.
  static constexpr int kMaxExtents = 16;

  Exchange(event_base &base, BuffereventBase &owner, DeferredFn received, DeferredFn sent) noexcept
      : reading(*this, received), writing(*this, sent), base_(base), owner_(&owner) {}
  Exchange(const Exchange &) = delete;
  Exchange &operator=(const Exchange &) = delete;
  ~Exchange() { release_held(); }

  bool busy() const noexcept { return reading.busy() || writing.busy(); }
  // An operation of `transfer`, which is idle, is about to be begun.
  Operation &prepare(Transfer &transfer) noexcept;
  // False if there is none whose end could be reported.
  bool want(Transfer &transfer) noexcept;
  void unwant(Transfer &transfer) noexcept;
  void release_held() noexcept;
  // Ends sending, if it is what is being done. False if the number of `bytes` that were sent is unknown.
  bool end_sending(std::size_t &bytes) noexcept;
  // Cancels what is under way. The owner has to do with it no more.
  void leave() noexcept;

  // On the loop's thread: `transfer` came back. Returns its owner, with a reference for a BuffereventUse; the
  // caller then checks that it still is the owner. Null if its end is not wanted: the exchange may be gone.
  BuffereventBase *came_back(Transfer &transfer) noexcept;
  // The same thread, when the owner left in between.
  void came_back_late(Transfer &transfer) noexcept;

  Transfer reading;
  Transfer writing;
  Task task = Task::send;
  int held_count = 0;
  Chain *held[kMaxExtents] = {};

 private:
  bool under_way() const noexcept { return reading.under_way() || writing.under_way(); }

  event_base &base_;
  BuffereventBase *owner_;  // changes with the base's lock held, and with the owner's
};

}  // namespace evi

#endif

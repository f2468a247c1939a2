// BuffereventBase: what all kinds of bufferevents have in common - two buffers, callbacks, watermarks,
// reasons to hold a direction back, references, and the lock.
//
// One allocation holds the public struct, the buffers and all state:
//
//   [ struct bufferevent | FlushHook | input | output | deferred callback | references, flags ... ]
//
// Locks: unless a method says otherwise the caller has a BuffereventUse, which holds the lock (a recursive
// one, shared with both buffers) and a reference. The order is: this lock, then a base's. A base calls us
// with its own lock open, so nothing here waits for a loop.
//
// References: the program's (until bufferevent_free), one while the flush hook is queued, one while the
// deferred callback is, one for a look-up under way, one for each BuffereventUse, and the program's own by
// bufferevent_incref. The last one to go disposes of the bufferevent, on the loop's thread if that may be
// about to call one of its events.
#ifndef EVI_BUFFEREVENT_BUFFEREVENT_H
#define EVI_BUFFEREVENT_BUFFEREVENT_H

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "buffer/evbuffer.h"
#include "bufferevent/ops.h"
#include "core/flush_queue.h"
#include "event2/event.h"

namespace evi {

class Drained;
class Lookup;
class RateLimit;
class SocketBufferevent;
struct Mail;

// Why a direction that is enabled is held back. A direction has a set of these.
using SuspendReasons = std::uint8_t;
inline constexpr SuspendReasons kWatermark = 1;       // the input buffer is at its high watermark
inline constexpr SuspendReasons kBandwidth = 2;       // its own rate limit is used up
inline constexpr SuspendReasons kGroupBandwidth = 4;  // its group's rate limit is used up
inline constexpr SuspendReasons kLookup = 8;          // the name of the peer is being looked up
inline constexpr SuspendReasons kFilterBusy = 16;     // the filter on top has enough

// What getters return before the program sets another maximum for a single read or write, in bytes.
inline constexpr std::size_t kDefaultMaxSingle = 16384;

// The part of an event that names its direction.
constexpr short event_side(short direction) noexcept {
  return direction == EV_READ ? BEV_EVENT_READING : BEV_EVENT_WRITING;
}

// What few bufferevents need; made on demand.
struct BuffereventExtra {
  std::size_t max_single_read = 0;  // 0: the default
  std::size_t max_single_write = 0;
  Lookup *lookup = nullptr;  // under way
  int dns_error = 0;
  RateLimit *rate_limit = nullptr;  // owned; once made, it stays
  Drained *drained = nullptr;       // the same
};

class BuffereventBase : public bufferevent, public FlushHook {
 public:
  static BuffereventBase &of(bufferevent &bev) noexcept { return static_cast<BuffereventBase &>(bev); }
  static const BuffereventBase &of(const bufferevent &bev) noexcept {
    return static_cast<const BuffereventBase &>(bev);
  }

  // The one whose output buffer this is; null for other buffers.
  static BuffereventBase *with_output(const evbuffer &buffer) noexcept {
    auto *owner = static_cast<BuffereventBase *>(buffer.owner());
    return owner && owner->output == &buffer ? owner : nullptr;
  }

  // `base` may be null: then base_set() gives one before anything moves.
  BuffereventBase(event_base *base, const bufferevent_ops &kind, int options) noexcept;
  BuffereventBase(const BuffereventBase &) = delete;
  BuffereventBase &operator=(const BuffereventBase &) = delete;
  ~BuffereventBase();

  // False if the options contradict each other, or if out of memory for the lock.
  [[nodiscard]] bool init() noexcept;
  // The same for one whose transport is another bufferevent. Both use one lock, the other's, which is made if
  // this one's options ask for it: whatever holds the other holds this.
  [[nodiscard]] bool init_on(BuffereventBase &underlying) noexcept;
  // Uses a lock that stays its owner's.
  void use_lock(void *lock) noexcept {
    input_.set_lock(lock);
    output_.set_lock(lock);
  }

  void *lock() const noexcept { return input_.lock(); }
  bool has_option(int option) const noexcept { return (options_ & option) != 0; }
  evbuffer &input_buffer() noexcept { return input_; }
  const evbuffer &input_buffer() const noexcept { return input_; }
  evbuffer &output_buffer() noexcept { return output_; }
  const evbuffer &output_buffer() const noexcept { return output_; }
  bool freed() const noexcept { return freed_; }

  // --- references (bufferevent.cc) ---

  // Only where a reference is held anyway; without the lock allowed.
  void hold() noexcept;
  // Not the last one: the caller has another.
  void drop() noexcept;
  // Lets the lock go too, if it is `held`. True if that was the last reference.
  bool drop_and_unlock(void *held) noexcept;
  // Once freed, the memory goes from the loop, because calls on the buffers may be under way.
  void finish_from_loop() noexcept { finish_from_loop_ = true; }
  // bufferevent_free().
  void release_by_program() noexcept;

  // --- directions and watermarks (bufferevent.cc) ---

  // Each of the directions is enabled and not held back.
  bool wants(short direction) const noexcept {
    return (enabled & direction) && !freed_ && !(direction == EV_READ ? read_suspended_ : write_suspended_);
  }
  [[nodiscard]] bool enable(short directions) noexcept;
  void disable(short directions) noexcept;
  void suspend(short directions, SuspendReasons why) noexcept;
  void resume(short directions, SuspendReasons why) noexcept;
  // The same without starting anything.
  void clear_reasons(short directions, SuspendReasons why) noexcept;
  bool suspended(short direction, SuspendReasons why) const noexcept {
    return ((direction == EV_READ ? read_suspended_ : write_suspended_) & why) != 0;
  }
  void set_watermarks(short directions, std::size_t low, std::size_t high) noexcept;
  // Holds reading back or lets it go on, as the input buffer's length demands.
  void check_read_watermark() noexcept;
  void set_timeouts(const timeval *reading, const timeval *writing) noexcept;

  std::size_t max_single_read() const noexcept;
  std::size_t max_single_write() const noexcept;
  // How many bytes, of `wanted`, a transport may read or write now: asked before it does. If none, the
  // direction is held back until there are some. If it still wants() to move, there was no memory for
  // holding it back, and the transport asks again in another iteration of the loop.
  std::size_t read_allowance(std::size_t wanted) noexcept {
    return EVI_LIKELY(!extra_ || !extra_->rate_limit) ? wanted : limited_allowance(EV_READ, wanted);
  }
  std::size_t write_allowance(std::size_t wanted) noexcept {
    return EVI_LIKELY(!extra_ || !extra_->rate_limit) ? wanted : limited_allowance(EV_WRITE, wanted);
  }
  // What it then moved, if anything, before it calls the program; may be more than was allowed. What was
  // written has left the output buffer. Holds the direction back if it has more to move than it may.
  void charge_read(std::size_t moved) noexcept {
    if (EVI_UNLIKELY(extra_ && extra_->rate_limit)) limited_charge(EV_READ, moved);
  }
  void charge_write(std::size_t moved) noexcept {
    if (EVI_UNLIKELY(extra_ && extra_->rate_limit)) limited_charge(EV_WRITE, moved);
  }
  // Null if out of memory.
  [[nodiscard]] BuffereventExtra *make_extra() noexcept;
  const BuffereventExtra *extra() const noexcept { return extra_; }

  // False if its events are in use.
  [[nodiscard]] bool set_base(event_base &base) noexcept;
  [[nodiscard]] bool set_priority(int priority) noexcept;

  // --- callbacks (callbacks.cc) ---

  void set_callbacks(bufferevent_data_cb on_read, bufferevent_data_cb on_write, bufferevent_event_cb on_event,
                     void *arg) noexcept;
  // Sets callbacks of the bufferevent on top: the lock is held when they are called, whatever the options
  // say. `whole_reads` if the one on top limits by itself what a read callback of the program sees.
  void set_relay(bufferevent_data_cb on_read, bufferevent_data_cb on_write, bufferevent_event_cb on_event,
                 BuffereventBase &top, bool whole_reads) noexcept {
    set_callbacks(on_read, on_write, on_event, &top);
    relays_ = true;
    if (whole_reads) read_whole();
  }
  // Until callbacks are set again, a read callback sees all that one system call brings.
  void read_whole() noexcept {
    whole_reads_ = true;
    if (be_ops->read_whole) be_ops->read_whole(*this);
  }
  bool reads_whole() const noexcept { return whole_reads_; }
  // Calls them, or has the loop call them. The program may do anything meanwhile, so nothing that was read
  // before holds afterwards.
  void trigger_data(short directions, int options) noexcept;
  // The same in one direction without options, as transports do for each read and write.
  void bytes_arrived() noexcept {
    if (readcb && input_.length() >= wm_read.low)
      has_option(BEV_OPT_DEFER_CALLBACKS) ? trigger_data(EV_READ, 0) : call_read();
  }
  void bytes_left() noexcept {
    if (writecb && output_.length() <= wm_write.low)
      has_option(BEV_OPT_DEFER_CALLBACKS) ? trigger_data(EV_WRITE, 0) : call_write();
  }
  void trigger_event(short what, int options) noexcept;
  // The callback of that direction is running, in whatever thread.
  bool in_callback(short direction) const noexcept {
    return direction == EV_READ ? in_read_callback_ : in_write_callback_;
  }
  // The loop is to call the read callback, for what was read before.
  bool deferred_read_pending() const noexcept { return read_pending_; }
  // Has the loop run what is pending.
  void schedule_deferred() noexcept;
  // An error also ends the wait for drained output.
  void end_drained(short what) noexcept;
  // Runs code of the program, the lock open if the program wants it so.
  template <typename Call>
  void call_open(Call call) noexcept {
    void *open = has_option(BEV_OPT_UNLOCK_CALLBACKS) && !relays_ ? lock() : nullptr;
    raw_lock_release(open);
    call();
    raw_lock_acquire(open);
  }
  // Always from the loop, and reported to the callback that is set then.
  void defer_event(short what, int socket_error) noexcept;
  // Disables a direction and reports what ended it (BEV_EVENT_EOF, ERROR or TIMEOUT) with the last socket
  // error.
  void fail(short direction, short what, int trigger_options = 0) noexcept;
  // The timeout of a direction could not be started and no caller can be informed: an error event, because
  // the wait would have no end.
  void report_lost_timeout(short direction) noexcept;
  // Around what a loop, or another thread, does with the input buffer: what that and the read callback drain
  // is looked at once, afterwards.
  void begin_reading() noexcept { reading_ = true; }
  void finish_reading(bool loop_thread = true) noexcept;
  // Around what a filter on top adds to the output buffer: the transport looks at it once, afterwards.
  void begin_adding() noexcept { adding_ = true; }
  void finish_adding() noexcept {
    adding_ = false;
    if (!output_.empty() && !freed_) be_ops->output_added(*this);
  }
  // Gives the memory of an input buffer that is empty back: what the loop's connections share to the loop, if
  // this is its thread.
  void reclaim_input(bool loop_thread) noexcept;

  // Has the loop call flush_turn() before it waits next. queue_flush() returns true unless that was so
  // already.
  void schedule_flush() noexcept { static_cast<void>(queue_flush()); }
  bool queue_flush() noexcept;
  // There is no output to write any more, or none that may be written.
  void withdraw_flush() noexcept;

  // --- output from elsewhere (mail.cc) ---

  // Takes over bytes for the output buffer without the lock, which another thread holds: the next holder
  // appends them. A writer may hold other locks, so it must not wait for this one (mail.h).
  void post(Mail *mail) noexcept;
  void collect_mail() noexcept {
    if (EVI_UNLIKELY(mail_.load(std::memory_order_acquire) != nullptr)) collect_all_mail();
  }

  // The read callback, or a function of a filter, is being called for bytes that arrived.
  bool is_reading() const noexcept { return reading_; }

  // For tests. Requires: the lock held, and no call of this object under way.
  bool check_invariants() const noexcept;

 private:
  static void on_change(evbuffer &buffer, std::size_t added, std::size_t deleted, void *owner) noexcept;
  static void on_hold(void *owner) noexcept;
  static void on_release(void *owner) noexcept;
  static void on_locked(void *owner) noexcept;
  static Chain *on_take_chain(std::size_t size, void *owner) noexcept;
  static bool on_keep_chain(Chain &chain, void *owner) noexcept;
  static void on_flush(FlushHook &hook, bool abandoned) noexcept;
  static event *write_event(FlushHook &hook) noexcept;
  static void on_deferred(event_callback *cb, void *self) noexcept;
  static void on_finish(event_callback *cb, void *self) noexcept;
  static const BufferOwner kInputOwner;
  static const BufferOwner kOutputOwner;
  static const FlushKind kFlush;

  void unlink() noexcept;
  bool options_agree() const noexcept;
  [[nodiscard]] bool make_lock() noexcept;
  [[nodiscard]] bool provide_lock() noexcept;
  void last_reference_gone(void *held) noexcept;
  bool may_be_called_elsewhere() const noexcept;

  std::size_t limited_allowance(short direction, std::size_t wanted) noexcept;  // rate_limit.cc
  void limited_charge(short direction, std::size_t moved) noexcept;

  void output_emptied() noexcept;
  void cancel_deferred() noexcept;
  void cancel_flush() noexcept;
  void run_deferred() noexcept;
  void call_read() noexcept;
  void call_write() noexcept;
  void call_event(short what) noexcept;
  void call_data(bufferevent_data_cb cb) noexcept;
  void collect_all_mail() noexcept;
  friend class BuffereventUse;

  bool freed_ : 1 = false;     // by the program: no callback begins any more
  bool finished_ : 1 = false;  // the last reference was dropped
  bool finish_from_loop_ : 1 = false;
  bool owns_lock_ : 1 = false;    // a filter uses the underlying lock, a pair has one for both
  bool relays_ : 1 = false;       // see set_relay()
  bool whole_reads_ : 1 = false;  // see read_whole()
  bool reading_ : 1 = false;      // see begin_reading()
  bool adding_ : 1 = false;       // see begin_adding()
  bool in_read_callback_ : 1 = false;
  bool in_write_callback_ : 1 = false;
  bool deferred_queued_ : 1 = false;
  bool read_pending_ : 1 = false;  // what the deferred callback is to call
  bool write_pending_ : 1 = false;
  std::uint8_t options_ : 4;
  SuspendReasons read_suspended_ = 0;
  SuspendReasons write_suspended_ = 0;
  short events_pending_ = 0;  // BEV_EVENT_* that the deferred callback is to report
  int error_pending_ = 0;     // and the socket error that goes with them
  std::uint32_t references_ = 1;
  BuffereventExtra *extra_ = nullptr;
  std::atomic<Mail *> mail_{nullptr};
  event_callback deferred_;
  evbuffer input_;
  evbuffer output_;
};

// The lock and a reference for as long as it lives. Declared first in each call from outside.
class BuffereventUse {
 public:
  explicit BuffereventUse(BuffereventBase &bev) noexcept : bev_(bev), lock_(bev.lock()) {
    raw_lock_acquire(lock_);
    bev_.hold();
    bev_.collect_mail();
  }
  // Takes over a reference that is there already.
  struct Adopt {};
  BuffereventUse(BuffereventBase &bev, Adopt) noexcept : bev_(bev), lock_(bev.lock()) {
    raw_lock_acquire(lock_);
    bev_.collect_mail();
  }
  // Takes over the lock.
  struct Locked {};
  BuffereventUse(BuffereventBase &bev, Locked) noexcept : bev_(bev), lock_(bev.lock()) {
    bev_.hold();
    bev_.collect_mail();
  }
  ~BuffereventUse() { bev_.drop_and_unlock(lock_); }
  BuffereventUse(const BuffereventUse &) = delete;
  BuffereventUse &operator=(const BuffereventUse &) = delete;

 private:
  BuffereventBase &bev_;
  void *lock_;  // it may get one meanwhile
};

// --- what a kind needs to know of the others ---

extern const bufferevent_ops socket_ops;

// One whose base has a completion port. Null if out of memory.
[[nodiscard]] SocketBufferevent *overlapped_bufferevent_new(event_base &base, int options) noexcept;

// Null if out of memory, or if the options contradict each other.
[[nodiscard]] BuffereventBase *socket_bufferevent_new(event_base *base, evutil_socket_t fd,
                                                      int options) noexcept;

}  // namespace evi

#endif

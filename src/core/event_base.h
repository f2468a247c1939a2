// struct event_base: everything that one loop knows, and the operations on it and on its events.
//
// Public methods take the base's lock: those with a parameter MayWake by a WakingCall, since they may wake
// the loop; the others never do. Methods that end in _locked, and all private ones, require the lock. It is
// null until the program enabled threads. User callbacks always run with the lock open.
#ifndef EVI_CORE_EVENT_BASE_H
#define EVI_CORE_EVENT_BASE_H

#include <atomic>
#include <climits>

#include "core/active_queue.h"
#include "core/backend.h"
#include "core/backend_host.h"
#include "core/common_timeout.h"
#include "core/config.h"
#include "core/event_counts.h"
#include "core/fd_table.h"
#include "core/flush_queue.h"
#include "core/io_events.h"
#include "core/loop_recorder.h"
#include "core/loop_state.h"
#include "core/loop_time.h"
#include "core/method.h"
#include "core/notifier.h"
#include "core/overlapped.h"
#include "core/reserve.h"
#include "core/running_callback.h"
#include "core/signal_events.h"
#include "core/signal_handler.h"
#include "core/timer_heap.h"
#include "core/watchers.h"
#include "event2/event.h"
#include "thread/lock.h"
#include "util/assert.h"
#include "util/clock.h"

namespace evi {

// How event_del treats a callback of the event that runs on another thread right now.
enum class DelMode : unsigned char {
  automatic,           // wait for it, unless the event has EV_FINALIZE
  block,               // wait for it
  no_block,            // do not wait
  even_if_finalizing,  // do not wait, and delete although a finalizer is queued
};

// Something of a layer above that lives as long as the base and belongs to its loop's thread.
struct LoopLocal {
  void *data = nullptr;
  void (*destroy)(void *data) noexcept = nullptr;
};

// How many callbacks that callbacks made active run before the loop looks at descriptors and timers again.
inline constexpr int kMaxChainedCallbacks = 1024;

struct OnceEvent;

// Where a test puts its own clock, and its own method or methods to choose from.
struct BaseSeams {
  const Clock *clock = nullptr;
  const Backend *backend = nullptr;
  const Backend *const *methods = nullptr;  // as available_backends() has them
};

}  // namespace evi

// The opaque struct of event2/event.h.
struct event_base final : public evi::BackendHost {
 public:
  event_base(const evi::Clock &clock, const event_config &config) noexcept;
  event_base(const event_base &) = delete;
  event_base &operator=(const event_base &) = delete;
  ~event_base();

  // Null with a log line if no method meets the demands, or if out of memory.
  static event_base *create(const event_config *config, const evi::BaseSeams &seams = {}) noexcept;
  // Deletes every event, runs or skips the finalizers still queued, and frees the base.
  void dispose(bool run_finalizers, evi::MayWake = {}) noexcept;
  // Replaces all kernel objects by the process's own in a forked child. 0, or -1 if one could not be had, or
  // an event not be added again.
  int reinit(evi::MayWake = {}) noexcept;

  // --- one event (event.cc) ---
  int add(event &ev, const timeval *tv, evi::MayWake = {}) noexcept;
  int del(event &ev, evi::DelMode mode, evi::MayWake = {}) noexcept;
  void activate(event &ev, int result, short ncalls, evi::MayWake = {}) noexcept;
  int remove_timer(event &ev) noexcept;
  int pending(const event &ev, short what, timeval *tv) noexcept;
  int set_priority(event &ev, int priority) noexcept;
  // Whether one of the base's queues holds it.
  bool in_queue(const event &ev) noexcept;
  void activate_by_fd(int fd, short what, evi::MayWake = {}) noexcept;
  void activate_by_signal(int signal, evi::MayWake = {}) noexcept;
  // event_base_once and its events' end (once.cc). `abandoned` is called with the argument, the base's lock
  // held, if the base is freed before the call.
  int once(int fd, short what, event_callback_fn callback, void *arg, const timeval *tv,
           void (*abandoned)(void *arg) = nullptr, evi::MayWake = {}) noexcept;
  // Queues a finalizer in place of the event's callback (finalize.cc).
  int finalize(event &ev, event_finalize_callback_fn callback, bool then_free, evi::MayWake = {}) noexcept;

  // --- callbacks outside events (deferred.cc), work before the wait (flush_queue.cc) ---
  bool schedule(event_callback &cb, evi::MayWake = {}) noexcept;
  bool schedule_deferred(event_callback &cb, evi::MayWake = {}) noexcept;
  void set_deferred_priority(event_callback &cb, std::uint8_t priority) noexcept;
  void cancel(event_callback &cb, evi::MayWake = {}) noexcept;
  bool flush_later(evi::FlushHook &hook, evi::MayWake = {}) noexcept;
  bool flush_cancel(evi::FlushHook &hook) noexcept;
  evi::LoopLocal &loop_local() noexcept { return loop_local_; }

  // --- the loop (loop.cc) ---
  int loop(int loop_flags) noexcept;
  int loop_exit_after(const timeval *tv, evi::MayWake = {}) noexcept;
  int loop_break(evi::MayWake = {}) noexcept;
  // The same, and if no loop runs, the next one ends as it starts.
  int loop_break_or_next(evi::MayWake = {}) noexcept;
  int loop_continue(evi::MayWake = {}) noexcept;
  bool got_exit() noexcept;
  bool got_break() noexcept;
  event *running_event() noexcept;
  // On the loop's thread, for work that comes in pieces with a callback for each: whether the loop has been
  // asked to end or to look again, or callbacks of that priority or a more urgent one wait.
  bool others_wait(int priority) noexcept;
  // True if the loop runs in another thread than the caller's.
  bool loop_runs_elsewhere() noexcept;

  // --- time ---
  timeval cached_time_of_day() noexcept;
  void update_cached_time() noexcept;
  const timeval *init_common_timeout(const timeval &duration) noexcept;
  const evi::Clock &clock() const noexcept EVI_NO_THREAD_SAFETY_ANALYSIS { return time_.clock(); }
  evi::Micros monotonic_now() const noexcept EVI_NO_THREAD_SAFETY_ANALYSIS { return time_.monotonic(); }

  // --- threads ---
  // Makes wake-ups possible. False, with a log line, if the system refuses.
  [[nodiscard]] bool make_notifiable(evi::MayWake = {}) noexcept;

  // --- inspection (inspection.cc) ---
  int for_each_event(event_base_foreach_event_cb callback, void *arg) noexcept;
  // Calls f(event_callback &) for all that are active, those of the next iteration last. With the lock held.
  template <typename F>
  void for_each_active(F &&f) const noexcept EVI_NO_THREAD_SAFETY_ANALYSIS {
    active_.for_each(f);
    for (event_callback *cb = later_.front(); cb; cb = evi::CallbackList::next(*cb)) f(*cb);
  }
  int count_events(unsigned kinds) noexcept;
  int max_events(unsigned kinds, bool reset) noexcept;
  bool loop_runs() noexcept;
  const char *method() const noexcept { return method_.name(); }
  const char *signal_method() const noexcept EVI_NO_THREAD_SAFETY_ANALYSIS { return signals_.channel_name(); }
  int features() const noexcept { return method_.table().features; }
  // --- what locks by itself ---
  evi::Watchers &watchers() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS { return watchers_; }
  evi::LoopRecorder &metrics() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS { return recorder_; }
  // The descriptor in reserve for listeners.
  evi::Reserve &reserve() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS { return reserve_; }

  // --- priorities ---
  int set_priorities(int count) noexcept;
  int priorities() noexcept;
  // Without the lock: for new events, whose base is not changing under them.
  int default_priority() const noexcept EVI_NO_THREAD_SAFETY_ANALYSIS { return active_.priorities() / 2; }

  // All containers agree with each other and with the events' flags. With more descriptors, timers and events
  // than `limit` only what takes a constant time is checked.
  bool check_invariants(std::size_t limit = SIZE_MAX) noexcept;

 private:
  // event.cc
  int add_locked(event &ev, const timeval *tv, bool absolute) noexcept EVI_REQUIRES(lock_);
  int del_locked(event &ev, evi::DelMode mode) noexcept EVI_REQUIRES(lock_);
  void activate_locked(event &ev, int result, short ncalls) noexcept EVI_REQUIRES(lock_);
  int move_timer(event &ev, const timeval &tv) noexcept EVI_REQUIRES(lock_);
  evi::Micros now_for_caller() noexcept EVI_REQUIRES(lock_);
  evi::Change insert_io_or_signal(event &ev) noexcept EVI_REQUIRES(lock_);
  evi::Change remove_io_or_signal(event &ev) noexcept EVI_REQUIRES(lock_);
  void set_timeout(event &ev, const timeval &tv, bool absolute) noexcept EVI_REQUIRES(lock_);
  bool enqueue_timeout(event &ev, bool in_heap) noexcept EVI_REQUIRES(lock_);
  void dequeue_timeout(event &ev) noexcept EVI_REQUIRES(lock_);
  void dequeue_active(event_callback &cb) noexcept EVI_REQUIRES(lock_);
  bool running_elsewhere(const event &ev) const noexcept EVI_REQUIRES(lock_);

  // An event that waits for nothing new but time goes to the end of a list of equal timeouts.
  int enter_common(evi::CommonTimeout &list, event &ev) noexcept EVI_REQUIRES(lock_);

  // deferred.cc
  bool schedule_locked(event_callback &cb) noexcept EVI_REQUIRES(lock_);
  void queue_active(event_callback &cb) noexcept EVI_REQUIRES(lock_);

  // flush_queue.cc
  int run_flushes() noexcept EVI_REQUIRES(lock_);
  int abandon_flushes() noexcept EVI_REQUIRES(lock_);

  // loop.cc
  static void on_exit_request(evutil_socket_t fd, short what, void *base) noexcept;
  enum class Turn : unsigned char { again, done, empty, failed };
  Turn run_iteration(int loop_flags) noexcept EVI_REQUIRES(lock_);
  bool wait_for_events(evi::Nanos timeout) noexcept EVI_REQUIRES(lock_);
  evi::Nanos wait_time(int loop_flags, bool did_work) noexcept EVI_REQUIRES(lock_);
  void promote_later() noexcept EVI_REQUIRES(lock_);
  void expire_timers() noexcept EVI_REQUIRES(lock_);
  void expire(event &ev) noexcept EVI_REQUIRES(lock_);
  int process_active() noexcept EVI_REQUIRES(lock_);
  int process_queue(int priority, int max_callbacks, evi::Micros end_time) noexcept EVI_REQUIRES(lock_);
  void run_callback(event_callback &cb) noexcept EVI_REQUIRES(lock_);
  void run_plain(event &ev) noexcept EVI_REQUIRES(lock_);
  void call(const event &ev) noexcept EVI_REQUIRES(lock_);
  void run_persistent(event &ev) noexcept EVI_REQUIRES(lock_);
  void run_signal(event &ev) noexcept EVI_REQUIRES(lock_);
  void rearm_period(event &ev) noexcept EVI_REQUIRES(lock_);
  bool anything_to_run() const noexcept EVI_REQUIRES(lock_) {
    return !active_.empty() || !later_.empty() || !flush_.empty();
  }

  // finalize.cc
  // The callback has left its queue.
  void run_finalizer(event_callback &cb) noexcept EVI_REQUIRES(lock_);

  // True on the thread that runs the loop, and when no loop runs or threads cannot be distinguished.
  bool in_loop_thread() const noexcept EVI_REQUIRES(lock_) {
    return !lock_ || !state_.is_running() || state_.runs_in_this_thread();
  }
  bool needs_wakeup() const noexcept EVI_REQUIRES(lock_) {
    return EVI_UNLIKELY(lock_ && state_.is_running()) && !state_.runs_in_this_thread();
  }

  // inspection.cc
  template <typename F>
  int visit_events(F &&f) noexcept EVI_REQUIRES(lock_);

  // event_base.cc
  // Gets the parts that a new base cannot be without. False, with a log line unless memory is short.
  bool start(const event_config &config, const evi::BaseSeams &seams,
             bool wants_lock) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  // After a fork: the kernel objects are the parent process's too.
  bool is_shared_with_parent() const noexcept EVI_REQUIRES(lock_) {
    return fork_generation_ != evi::forked_generation();
  }
  bool leave_parent() noexcept EVI_REQUIRES(lock_);
  int renew_after_fork() noexcept EVI_REQUIRES(lock_);
  void disown_lost_descriptors() noexcept EVI_REQUIRES(lock_);
  int delete_all_events() noexcept EVI_REQUIRES(lock_);
  int drain_active(bool run_finalizers) noexcept EVI_REQUIRES(lock_);

  friend struct evi::OnceEvent;
  friend class evi::BackendHost;
  friend class evi::InternalEvent;
  friend class evi::IoEvents;
  friend class evi::Notifier;
  friend class evi::SignalEvents;

  // What the loop touches in each iteration comes first.
  evi::Method method_;
  evi::LoopRecorder recorder_ EVI_GUARDED_BY(lock_);
  evi::ActiveQueue active_ EVI_GUARDED_BY(lock_);
  evi::EventCounts counts_ EVI_GUARDED_BY(lock_);
  evi::FlushQueue flush_ EVI_GUARDED_BY(lock_);
  evi::IoEvents io_ EVI_GUARDED_BY(lock_);
  evi::TimerHeap timers_ EVI_GUARDED_BY(lock_);
  evi::CallbackList later_ EVI_GUARDED_BY(lock_);  // active in the next iteration

  evi::LoopTime time_ EVI_GUARDED_BY(lock_);
  evi::LoopState state_ EVI_GUARDED_BY(lock_);
  evi::RunningCallback running_ EVI_GUARDED_BY(lock_);
  int deferred_this_round_ EVI_GUARDED_BY(lock_) = 0;
  unsigned fork_generation_ EVI_GUARDED_BY(lock_) = evi::forked_generation();
  evi::Notifier notifier_ EVI_GUARDED_BY(lock_);

  const evi::DispatchLimits limits_;

  evi::CommonTimeouts common_ EVI_GUARDED_BY(lock_);

  evi::SignalEvents signals_ EVI_GUARDED_BY(lock_);
  evi::Reserve reserve_ EVI_GUARDED_BY(lock_);
  evi::OnceEvent *once_ EVI_GUARDED_BY(lock_) = nullptr;
  evi::Watchers watchers_ EVI_GUARDED_BY(lock_);
  evi::LoopLocal loop_local_;
};

// --- in every turn of the loop ---

inline void event_base::queue_active(event_callback &cb) noexcept {
  // What was activated under more priorities than there are now goes with the last.
  if (cb.evcb_pri >= active_.priorities()) cb.evcb_pri = static_cast<unsigned char>(active_.priorities() - 1);
  cb.evcb_flags |= EVLIST_ACTIVE;
  if (!(cb.evcb_flags & EVLIST_INTERNAL)) counts_.add();
  active_.push(cb);
  counts_.note_active(active_.size());
  // A more urgent callback goes before the rest of what is being run.
  if (cb.evcb_pri < running_.priority()) state_.request_continue();
}

inline void event_base::dequeue_active(event_callback &cb) noexcept {
  const bool internal = (cb.evcb_flags & EVLIST_INTERNAL) != 0;
  if (cb.evcb_flags & EVLIST_ACTIVE) {
    active_.remove(cb);
    if (!internal) counts_.remove();
  } else {
    EVI_ASSERT(cb.evcb_flags & EVLIST_ACTIVE_LATER);
    later_.remove(cb);
    counts_.leave_later(internal);
  }
  cb.evcb_flags &= static_cast<short>(~(EVLIST_ACTIVE | EVLIST_ACTIVE_LATER));
}

// True if the callback was not active before.
inline bool event_base::schedule_locked(event_callback &cb) noexcept {
  if (cb.evcb_flags & EVLIST_ACTIVE) return false;
  const bool was_later = (cb.evcb_flags & EVLIST_ACTIVE_LATER) != 0;
  if (was_later) dequeue_active(cb);
  queue_active(cb);
  if (needs_wakeup()) notifier_.wake(method_);
  return !was_later;
}

namespace evi {

// Fills in a caller's struct event: 0, or -1 for combinations that make no sense. `base` may be null; then a
// base is set before the event is added. In debug mode the event is known from then on, until
// debug::forget().
int assign_event(event &ev, event_base *base, int fd, short what, event_callback_fn callback,
                 void *arg) noexcept;

// Deletes an event, also one whose base may be gone: programs free their events after the base, too. Without
// other threads, whose callback might be waited for, an event that is in no queue does not ask its base.
int delete_event(event &ev, DelMode mode) noexcept;

// The base of the old interface, made by event_init.
EVI_VISIBLE event_base *&global_base() noexcept;

// In builds with assertions: checks a base when a public call on it returns. With threads another one may
// have freed the base by then, and nothing is checked.
class BaseCheck {
 public:
  explicit BaseCheck(event_base *base, CallSite caller = CallSite::here()) noexcept
      : base_(kAssertions && base && !base->lock() ? base : nullptr), caller_(caller) {}
  ~BaseCheck() {
    if (base_) caller_.check(*base_);
  }
  BaseCheck(const BaseCheck &) = delete;
  BaseCheck &operator=(const BaseCheck &) = delete;

 private:
  event_base *const base_;
  [[no_unique_address]] CallSite caller_;
};

}  // namespace evi

#endif

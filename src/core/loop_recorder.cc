// Turning metrics on and off, and the measured steps of the loop.
//
// While the lock is open other threads may disable metrics, so each step checks again before it records.
#include "core/loop_recorder.h"

#include "core/event_base.h"
#include "core/method.h"
#include "util/alloc.h"
#include "util/assert.h"

namespace evi {

LoopRecorder::~LoopRecorder() { destroy(metrics_); }

// --- turning it on and off ---

bool LoopRecorder::make_metrics() noexcept {
  if (!metrics_) metrics_ = make<LoopMetrics>(precise_now(clock_));
  return metrics_ != nullptr;
}

void LoopRecorder::drop_unwanted() noexcept {
  if (!metrics_ || metrics_->wanted()) return;
  destroy(metrics_);
  metrics_ = recording_ = nullptr;
}

int LoopRecorder::enable() noexcept {
  const LockGuard held(lock_);
  if (!make_metrics()) return -1;
  if (metrics_->counting) return 0;
  metrics_->reset(precise_now(clock_));
  metrics_->counting = true;
  return 0;
}

void LoopRecorder::disable() noexcept {
  const LockGuard held(lock_);
  if (!metrics_) return;
  metrics_->counting = false;
  drop_unwanted();
}

int LoopRecorder::reset() noexcept {
  const LockGuard held(lock_);
  if (!metrics_ || !metrics_->counting) return -1;
  metrics_->reset(precise_now(clock_));
  return 0;
}

bool LoopRecorder::read(eventide_metrics &out) const noexcept {
  const LockGuard held(lock_);
  if (!metrics_ || !metrics_->counting) return false;
  out = metrics_->snapshot(precise_now(clock_));
  return true;
}

int LoopRecorder::set_slow_callback(Nanos threshold, eventide_slow_cb callback, void *arg) noexcept {
  const LockGuard held(lock_);
  if (callback && !make_metrics()) return -1;
  if (!metrics_) return 0;
  metrics_->slow = {callback, arg, threshold};
  drop_unwanted();
  return 0;
}

// --- the measured steps ---

bool LoopRecorder::wait(Method &method, BackendHost &host, Nanos timeout) noexcept {
  EVI_ASSERT(is_recording());
  recording_->begin_turn();
  const Nanos start = precise_now(clock_);
  const bool waited = method.wait(host, timeout);
  const Nanos end = precise_now(clock_);
  if (recording_) recording_->waited(elapsed(start, end), end);
  return waited;
}

// `back_to_back`: since the last callback ended only queues in memory were touched. With a lock the time
// spent to acquire it lies in between, and does not belong to this callback.
template <typename F>
void LoopRecorder::call_timed(event_base &base, const Lock &lock, eventide_slow_call call, bool back_to_back,
                              F &&f) noexcept {
  EVI_ASSERT(is_recording());
  Nanos start = back_to_back && !lock ? recording_->last_end() : 0;
  Nanos end = 0;
  {
    const Unlocked open(lock);
    if (start == 0) start = precise_now(clock_);
    f();
    end = precise_now(clock_);
  }
  call.duration_ns = elapsed(start, end);
  record(base, lock, call, end);
}

void LoopRecorder::record(event_base &base, const Lock &lock, const eventide_slow_call &call,
                          Nanos end) noexcept {
  if (!recording_) return;
  recording_->called(call, end);
  if (EVI_LIKELY(!recording_->is_slow(call))) return;
  recording_->break_chain();
  const auto slow = recording_->slow;
  const Unlocked open(lock);
  slow.callback(&base, &call, slow.arg);
}

void LoopRecorder::call_event(event_base &base, const Lock &lock, const event &ev) noexcept {
  EVI_ASSERT(is_recording());
  const event_callback_fn fn = ev.ev_evcallback.evcb_cb_union.evcb_callback;
  const evutil_socket_t fd = ev.ev_fd;
  const short what = ev.ev_res;
  void *arg = ev.ev_evcallback.evcb_arg;
  if (is_internal(ev)) {
    recording_->break_chain();
    const Unlocked open(lock);
    fn(fd, what, arg);
    return;
  }
  const Target target = target_of(ev);
  // To delete a one-shot event on a descriptor may have cost a system call.
  const bool back_to_back = (ev.ev_events & EV_PERSIST) || fd < 0;
  call_timed(base, lock, {target.callback, target.arg, fd, what, 0}, back_to_back,
             [=] { fn(fd, what, arg); });
}

void LoopRecorder::call_deferred(event_base &base, const Lock &lock, event_callback &cb) noexcept {
  const auto fn = cb.evcb_cb_union.evcb_selfcb;
  void *arg = cb.evcb_arg;
  const Target target = target_of(cb);
  call_timed(base, lock, {target.callback, target.arg, -1, 0, 0}, true, [&cb, fn, arg] { fn(&cb, arg); });
}

}  // namespace evi

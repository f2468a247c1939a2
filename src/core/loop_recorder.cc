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

bool LoopRecorder::make_metrics(Nanos now) noexcept {
  if (!metrics_) metrics_ = make<LoopMetrics>(now);
  return metrics_ != nullptr;
}

void LoopRecorder::drop_unwanted() noexcept {
  if (!metrics_ || metrics_->wanted()) return;
  destroy(metrics_);
  metrics_ = recording_ = nullptr;
}

bool LoopRecorder::enable(Nanos now) noexcept {
  if (!make_metrics(now)) return false;
  if (metrics_->counting) return true;
  metrics_->reset(now);
  metrics_->counting = true;
  return true;
}

void LoopRecorder::disable() noexcept {
  if (!metrics_) return;
  metrics_->counting = false;
  drop_unwanted();
}

bool LoopRecorder::reset(Nanos now) noexcept {
  if (!metrics_ || !metrics_->counting) return false;
  metrics_->reset(now);
  return true;
}

bool LoopRecorder::read(eventide_metrics &out, Nanos now) const noexcept {
  if (!metrics_ || !metrics_->counting) return false;
  out = metrics_->snapshot(now);
  return true;
}

bool LoopRecorder::set_slow_callback(Nanos threshold, eventide_slow_cb callback, void *arg,
                                     Nanos now) noexcept {
  if (callback && !make_metrics(now)) return false;
  if (!metrics_) return true;
  metrics_->slow = {callback, arg, threshold};
  drop_unwanted();
  return true;
}

// --- the measured steps ---

bool LoopRecorder::wait(Method &method, BackendHost &host, const Clock &clock, Nanos timeout) noexcept {
  EVI_ASSERT(is_recording());
  recording_->begin_turn();
  const Nanos start = precise_now(clock);
  const bool waited = method.wait(host, timeout);
  const Nanos end = precise_now(clock);
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
    if (start == 0) start = precise_now(base.clock());
    f();
    end = precise_now(base.clock());
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

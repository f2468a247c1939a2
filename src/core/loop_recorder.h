// The metrics of a base, while the program asks for them, and the steps of the loop as they are done while
// they are measured.
#ifndef EVI_CORE_LOOP_RECORDER_H
#define EVI_CORE_LOOP_RECORDER_H

#include "core/backend_host.h"
#include "core/metrics.h"
#include "util/clock.h"
#include "util/platform.h"

namespace evi {

class Method;

class LoopRecorder {
 public:
  LoopRecorder(const Lock &lock, const Clock &clock) noexcept : lock_(lock), clock_(clock) {}
  LoopRecorder(const LoopRecorder &) = delete;
  LoopRecorder &operator=(const LoopRecorder &) = delete;
  ~LoopRecorder();

  // As event2/eventide.h describes them; each takes the base's lock. 0, or -1 if memory is short, or if the
  // metrics to reset are not enabled.
  int enable() noexcept;
  void disable() noexcept;
  int reset() noexcept;
  // False, and `out` left alone, if they are not enabled.
  bool read(eventide_metrics &out) const noexcept;
  // A null callback removes the one that was set.
  int set_slow_callback(Nanos threshold, eventide_slow_cb callback, void *arg) noexcept;

  // All that follow require the lock.

  // The loop records from the first wait after the metrics were made, when there is a start time, to its end.
  void begin_wait() noexcept { recording_ = metrics_; }
  void end_loop() noexcept { recording_ = nullptr; }
  bool is_recording() const noexcept { return recording_ != nullptr; }

  // Requires, for all of these: is_recording().
  void timer_due(Micros late) noexcept { recording_->timer_due(late); }
  bool wait(Method &method, BackendHost &host, Nanos timeout) noexcept;
  void call_event(event_base &base, const Lock &lock, const event &ev) noexcept EVI_REQUIRES(lock);
  void call_deferred(event_base &base, const Lock &lock, event_callback &cb) noexcept EVI_REQUIRES(lock);
  // `run`, with the lock held, runs the finalizer; its time includes that of opening and closing the lock.
  template <typename Run>
  EVI_COLD void finalize(event_base &base, const Lock &lock, event_callback &cb, Run &&run) noexcept
      EVI_REQUIRES(lock) {
    const Target target = target_of(cb);
    const Nanos start = precise_now(clock_);
    run();
    const Nanos end = precise_now(clock_);
    record(base, lock, {target.callback, target.arg, -1, 0, elapsed(start, end)}, end);
  }

 private:
  bool make_metrics() noexcept;
  void drop_unwanted() noexcept;
  template <typename F>
  void call_timed(event_base &base, const Lock &lock, eventide_slow_call call, bool back_to_back,
                  F &&f) noexcept EVI_REQUIRES(lock);
  void record(event_base &base, const Lock &lock, const eventide_slow_call &call, Nanos end) noexcept
      EVI_REQUIRES(lock);

  const Lock &lock_;
  const Clock &clock_;
  LoopMetrics *recording_ = nullptr;  // metrics_ while the loop records
  LoopMetrics *metrics_ = nullptr;    // owned; null unless the program wants them
};

}  // namespace evi

#endif

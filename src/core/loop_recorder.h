// The metrics of a base, while the program asks for them, and the steps of the loop as they are done while
// they are measured.
#ifndef EVI_CORE_LOOP_RECORDER_H
#define EVI_CORE_LOOP_RECORDER_H

#include "core/backend_host.h"
#include "core/metrics.h"
#include "util/clock.h"

namespace evi {

class Method;

// Requires: the base's lock is held.
class LoopRecorder {
 public:
  LoopRecorder() noexcept = default;
  LoopRecorder(const LoopRecorder &) = delete;
  LoopRecorder &operator=(const LoopRecorder &) = delete;
  ~LoopRecorder();

  // As event2/eventide.h describes them. False: out of memory, or not enabled.
  [[nodiscard]] bool enable(Nanos now) noexcept;
  void disable() noexcept;
  bool reset(Nanos now) noexcept;
  bool read(eventide_metrics &out, Nanos now) const noexcept;
  // A null callback removes the one that was set.
  [[nodiscard]] bool set_slow_callback(Nanos threshold, eventide_slow_cb callback, void *arg,
                                       Nanos now) noexcept;

  // The loop records from the first wait after the metrics were made, when there is a start time, to its end.
  void begin_wait() noexcept { recording_ = metrics_; }
  void end_loop() noexcept { recording_ = nullptr; }
  bool is_recording() const noexcept { return recording_ != nullptr; }

  // Requires, for all of these: is_recording().
  void timer_due(Micros late) noexcept { recording_->timer_due(late); }
  bool wait(Method &method, BackendHost &host, const Clock &clock, Nanos timeout) noexcept;
  void call_event(event_base &base, const Lock &lock, const event &ev) noexcept EVI_REQUIRES(lock);
  void call_deferred(event_base &base, const Lock &lock, event_callback &cb) noexcept EVI_REQUIRES(lock);
  // `run`, with the lock held, runs the finalizer; its time includes that of opening and closing the lock.
  template <typename Run>
  void finalize(event_base &base, const Lock &lock, const Clock &clock, event_callback &cb,
                Run &&run) noexcept EVI_REQUIRES(lock) {
    const Target target = target_of(cb);
    const Nanos start = precise_now(clock);
    run();
    const Nanos end = precise_now(clock);
    record(base, lock, {target.callback, target.arg, -1, 0, elapsed(start, end)}, end);
  }

 private:
  bool make_metrics(Nanos now) noexcept;
  void drop_unwanted() noexcept;
  template <typename F>
  void call_timed(event_base &base, const Lock &lock, eventide_slow_call call, bool back_to_back,
                  F &&f) noexcept EVI_REQUIRES(lock);
  void record(event_base &base, const Lock &lock, const eventide_slow_call &call, Nanos end) noexcept
      EVI_REQUIRES(lock);

  LoopMetrics *recording_ = nullptr;  // metrics_ while the loop records
  LoopMetrics *metrics_ = nullptr;    // owned; null unless the program wants them
};

}  // namespace evi

#endif

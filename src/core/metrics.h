// What a loop counts and times of itself while the program asks for it, and the callback that slow callbacks
// are reported to.
//
// A base has one only then. Requires: the base's lock is held.
#ifndef EVI_CORE_METRICS_H
#define EVI_CORE_METRICS_H

#include <algorithm>

#include "event2/event_struct.h"
#include "event2/eventide.h"
#include "util/time.h"

namespace evi {

// A clock that a test or a broken kernel sets back makes no time negative.
constexpr ev_uint64_t elapsed(Nanos start, Nanos end) noexcept {
  return end > start ? static_cast<ev_uint64_t>(end - start) : 0;
}

// A duration's place in a histogram.
int metrics_bucket(Nanos duration) noexcept;

class LoopMetrics {
 public:
  explicit LoopMetrics(Nanos now) noexcept : since_(now) {}

  bool counting = false;  // the program wants numbers, not only reports of slow callbacks
  struct {
    eventide_slow_cb callback = nullptr;
    void *arg = nullptr;
    Nanos threshold = 0;
  } slow;

  bool wanted() const noexcept { return counting || slow.callback; }
  bool is_slow(const eventide_slow_call &call) const noexcept {
    return slow.callback && call.duration_ns > static_cast<ev_uint64_t>(slow.threshold);
  }

  void reset(Nanos now) noexcept;
  // The numbers so far, the slowest callbacks in order.
  eventide_metrics snapshot(Nanos now) const noexcept;

  void begin_turn() noexcept {
    ++numbers_.iterations;
    break_chain();
  }
  void waited(ev_uint64_t duration, Nanos end) noexcept { numbers_.wait_ns += within_period(duration, end); }
  void called(const eventide_slow_call &call, Nanos end) noexcept;
  void timer_due(Micros late) noexcept;

  // When the last callback ended, if nothing happened since that took time: the next one begins then. Else 0.
  Nanos last_end() const noexcept { return last_end_; }
  void break_chain() noexcept { last_end_ = 0; }

 private:
  // Of a time that ended now, what lies after the last reset.
  ev_uint64_t within_period(ev_uint64_t duration, Nanos end) const noexcept {
    return std::min(duration, elapsed(since_, end));
  }
  void note_slowest(const void *callback, ev_uint64_t ns) noexcept;

  Nanos last_end_ = 0;
  Nanos since_;
  eventide_metrics numbers_ = {};
};

// The user's function that an event calls, and its argument.
struct Target {
  const void *callback;
  void *arg;
};
Target target_of(const event &ev) noexcept;
// The same of a callback that is active, whatever it belongs to.
Target target_of(const event_callback &cb) noexcept;

}  // namespace evi

#endif

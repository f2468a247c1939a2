// Metrics of a loop: the numbers.
#include "core/metrics.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/event_access.h"
#include "core/once.h"
#include "util/alloc.h"

namespace evi {
namespace {

template <typename Function>
const void *address(Function *function) noexcept {
  return reinterpret_cast<const void *>(function);
}

}  // namespace

int metrics_bucket(Nanos duration) noexcept {
  if (duration < 2) return 0;
  const int log2 = static_cast<int>(std::bit_width(static_cast<ev_uint64_t>(duration))) - 1;
  return std::min(log2, EVENTIDE_METRICS_BUCKETS - 1);
}

void LoopMetrics::reset(Nanos now) noexcept {
  numbers_ = {};
  since_ = now;
}

eventide_metrics LoopMetrics::snapshot(Nanos now) const noexcept {
  eventide_metrics result = numbers_;
  result.elapsed_ns = elapsed(since_, now);
  // The free entries have zeros, so they stay at the end.
  std::sort(std::begin(result.slowest), std::end(result.slowest),
            [](const eventide_slowest &a, const eventide_slowest &b) {
              return a.worst_ns != b.worst_ns ? a.worst_ns > b.worst_ns : a.count > b.count;
            });
  return result;
}

void LoopMetrics::called(const eventide_slow_call &call, Nanos end) noexcept {
  eventide_metrics &n = numbers_;
  ++n.callbacks;
  n.callback_ns += within_period(call.duration_ns, end);
  ++n.callback_time[metrics_bucket(static_cast<Nanos>(call.duration_ns))];
  n.reads += (call.what & EV_READ) != 0;
  n.writes += (call.what & EV_WRITE) != 0;
  n.closes += (call.what & EV_CLOSED) != 0;
  n.signals += (call.what & EV_SIGNAL) != 0;
  n.timeouts += (call.what & EV_TIMEOUT) != 0;
  n.others += (call.what & (kIoEvents | EV_SIGNAL | EV_TIMEOUT)) == 0;
  n.slow_callbacks += is_slow(call);
  note_slowest(call.callback, call.duration_ns);
  last_end_ = end;
}

void LoopMetrics::note_slowest(const void *callback, ev_uint64_t ns) noexcept {
  eventide_slowest *least = numbers_.slowest;
  for (eventide_slowest &entry : numbers_.slowest) {
    if (entry.callback == callback) {
      entry.worst_ns = std::max(entry.worst_ns, ns);
      ++entry.count;
      entry.total_ns += ns;
      return;
    }
    if (!entry.callback) {
      entry = {callback, ns, 1, ns};
      return;
    }
    if (entry.worst_ns < least->worst_ns) least = &entry;
  }
  if (ns > least->worst_ns) *least = {callback, ns, 1, ns};
}

void LoopMetrics::timer_due(Micros late) noexcept {
  const ev_uint64_t ns = elapsed(0, late) * 1000;
  ++numbers_.timers_due;
  numbers_.lateness_ns += ns;
  numbers_.worst_lateness_ns = std::max(numbers_.worst_lateness_ns, ns);
  ++numbers_.timer_lateness[metrics_bucket(static_cast<Nanos>(ns))];
}

Target target_of(const event &ev) noexcept {
  const event_callback_fn callback = ev.ev_evcallback.evcb_cb_union.evcb_callback;
  if (callback != OnceEvent::run) return {address(callback), ev.ev_evcallback.evcb_arg};
  const auto &once = *static_cast<const OnceEvent *>(ev.ev_evcallback.evcb_arg);
  return {address(once.callback), once.arg};
}

Target target_of(const event_callback &cb) noexcept {
  switch (static_cast<Closure>(cb.evcb_closure)) {
    case Closure::callback_self:
      return {address(cb.evcb_cb_union.evcb_selfcb), cb.evcb_arg};
    case Closure::callback_finalize:
      return {address(cb.evcb_cb_union.evcb_cbfinalize), cb.evcb_arg};
    case Closure::event_finalize:
    case Closure::event_finalize_free:
      return {address(cb.evcb_cb_union.evcb_evfinalize), cb.evcb_arg};
    default:
      return target_of(reinterpret_cast<const event &>(cb));
  }
}

}  // namespace evi

// Metrics of a loop: the numbers, and the loop's steps as they are done while they are measured.
#include "core/metrics.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/event_base.h"
#include "core/once.h"
#include "util/alloc.h"

using evi::LockGuard;
using evi::LoopMetrics;
using evi::Nanos;

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

// --- turning it on and off ---

// The loop takes notice of new metrics when it waits next; until then it has no start of anything to go by.
bool event_base::make_metrics() noexcept {
  if (!metrics_) metrics_ = evi::make<LoopMetrics>(time_.precise());
  return metrics_ != nullptr;
}

void event_base::drop_unwanted_metrics() noexcept {
  if (!metrics_ || metrics_->wanted()) return;
  evi::destroy(metrics_);
  metrics_ = recorder_ = nullptr;
}

int event_base::enable_metrics() noexcept {
  const LockGuard held(lock_);
  if (!make_metrics()) return -1;
  if (metrics_->counting) return 0;
  metrics_->reset(time_.precise());
  metrics_->counting = true;
  return 0;
}

void event_base::disable_metrics() noexcept {
  const LockGuard held(lock_);
  if (!metrics_) return;
  metrics_->counting = false;
  drop_unwanted_metrics();
}

int event_base::reset_metrics() noexcept {
  const LockGuard held(lock_);
  if (!metrics_ || !metrics_->counting) return -1;
  metrics_->reset(time_.precise());
  return 0;
}

bool event_base::read_metrics(eventide_metrics &out) noexcept {
  const LockGuard held(lock_);
  if (!metrics_ || !metrics_->counting) return false;
  out = metrics_->snapshot(time_.precise());
  return true;
}

int event_base::set_slow_callback(Nanos threshold, eventide_slow_cb callback, void *arg) noexcept {
  const LockGuard held(lock_);
  if (callback && !make_metrics()) return -1;
  if (!metrics_) return 0;
  metrics_->slow = {callback, arg, threshold};
  drop_unwanted_metrics();
  return 0;
}

// --- the loop's steps, measured ---
//
// Whatever runs with the lock open may disable metrics, so each step looks again before it records.

bool event_base::wait_timed(Nanos timeout) noexcept {
  recorder_->begin_turn();
  const Nanos start = time_.precise();
  const bool waited = method_.wait(*this, timeout);
  const Nanos end = time_.precise();
  if (recorder_) recorder_->waited(evi::elapsed(start, end), end);
  return waited;
}

// `back_to_back`: since the last callback ended only queues in memory were touched. With a lock the time
// spent to get it lies in between, and is not this callback's.
template <typename F>
void event_base::call_timed(eventide_slow_call call, bool back_to_back, F &&f) noexcept {
  Nanos start = back_to_back && !lock_ ? recorder_->last_end() : 0;
  Nanos end = 0;
  {
    const evi::Unlocked open(lock_);
    if (start == 0) start = time_.precise();
    f();
    end = time_.precise();
  }
  call.duration_ns = evi::elapsed(start, end);
  record_call(call, end);
}

void event_base::record_call(const eventide_slow_call &call, Nanos end) noexcept {
  if (!recorder_) return;
  recorder_->called(call, end);
  if (EVI_LIKELY(!recorder_->is_slow(call))) return;
  recorder_->break_chain();
  const auto slow = recorder_->slow;
  const evi::Unlocked open(lock_);
  slow.callback(this, &call, slow.arg);
}

void event_base::call_event_timed(const event &ev) noexcept {
  const event_callback_fn fn = ev.ev_evcallback.evcb_cb_union.evcb_callback;
  const evutil_socket_t fd = ev.ev_fd;
  const short what = ev.ev_res;
  void *arg = ev.ev_evcallback.evcb_arg;
  if (evi::is_internal(ev)) {
    recorder_->break_chain();
    const evi::Unlocked open(lock_);
    fn(fd, what, arg);
    return;
  }
  const evi::Target target = evi::target_of(ev);
  // To delete a one-shot event on a descriptor may have cost a system call.
  const bool back_to_back = (ev.ev_events & EV_PERSIST) || fd < 0;
  call_timed({target.callback, target.arg, fd, what, 0}, back_to_back, [=] { fn(fd, what, arg); });
}

void event_base::call_deferred_timed(event_callback &cb) noexcept {
  const auto fn = cb.evcb_cb_union.evcb_selfcb;
  void *arg = cb.evcb_arg;
  const evi::Target target = evi::target_of(cb);
  call_timed({target.callback, target.arg, -1, 0, 0}, true, [&cb, fn, arg] { fn(&cb, arg); });
}

// Finalizers are few: their time includes that of opening and closing the lock.
void event_base::finalize_timed(event_callback &cb) noexcept {
  const evi::Target target = evi::target_of(cb);
  eventide_slow_call call = {target.callback, target.arg, -1, 0, 0};
  const Nanos start = time_.precise();
  run_finalizer(cb);
  const Nanos end = time_.precise();
  call.duration_ns = evi::elapsed(start, end);
  record_call(call, end);
}

// Entering and leaving the queue of work that is done just before the wait.
#include "core/flush_queue.h"

#include "core/event_base.h"

using evi::LockGuard;
using evi::WakingCall;

namespace evi {

void FlushQueue::move_all(FlushLink &from, FlushLink &where) noexcept {
  if (from.flush_next == &from) return;
  FlushLink &first = *from.flush_next;
  FlushLink &last = *from.flush_prev;
  first.flush_prev = where.flush_prev;
  where.flush_prev->flush_next = &first;
  last.flush_next = &where;
  where.flush_prev = &last;
  from.flush_next = from.flush_prev = &from;
}

int FlushQueue::doubles() const noexcept {
  int doubles = 0;
  for_each([&](FlushHook &hook) {
    const event *ev = hook.counted_event();
    doubles += ev && has(*ev, kQueuedFlags);
  });
  return doubles;
}

bool FlushQueue::holds_hook_of(const event &ev) const noexcept {
  bool found = false;
  for_each([&](FlushHook &hook) { found = found || hook.counted_event() == &ev; });
  return found;
}

bool flush_schedule(event_base &base, FlushHook &hook) noexcept { return base.flush_later(hook); }
bool flush_cancel(event_base &base, FlushHook &hook) noexcept { return base.flush_cancel(hook); }

}  // namespace evi

bool event_base::flush_later(evi::FlushHook &hook, evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  if (hook.queued()) return false;
  flush_.push_back(hook);
  if (needs_wakeup()) notifier_.wake(method_);
  return true;
}

bool event_base::flush_cancel(evi::FlushHook &hook) noexcept {
  const LockGuard held(lock_);
  if (!hook.queued()) return false;
  flush_.remove(hook);
  return true;
}

// Runs what was queued when it was called; hooks that callbacks queue meanwhile wait for the next iteration,
// so that the kernel is asked in between. A callback may cancel any of them. Returns how many ran.
int event_base::run_flushes() noexcept {
  flush_.begin_turn();
  int ran = 0;
  while (!state_.break_requested()) {
    evi::FlushHook *hook = flush_.pop_due();
    if (!hook) return ran;
    ++ran;
    const evi::Unlocked open(lock_);
    hook->flush_kind->run(*hook, false);
  }
  flush_.end_turn();
  return ran;
}

int event_base::abandon_flushes() noexcept {
  int abandoned = 0;
  flush_.begin_turn();
  while (evi::FlushHook *hook = flush_.pop_due()) {
    ++abandoned;
    const evi::Unlocked open(lock_);
    hook->flush_kind->run(*hook, true);
  }
  return abandoned;
}

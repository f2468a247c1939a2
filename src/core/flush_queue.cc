// Entering and leaving the queue of work that is done just before the wait.
#include "core/flush_queue.h"

#include "core/event_base.h"

using evi::LockGuard;

namespace evi {

bool flush_schedule(event_base &base, FlushHook &hook) noexcept { return base.flush_later(hook); }
bool flush_cancel(event_base &base, FlushHook &hook) noexcept { return base.flush_cancel(hook); }

}  // namespace evi

bool event_base::flush_later(evi::FlushHook &hook) noexcept {
  const LockGuard held(lock_);
  if (hook.queued()) return false;
  flush_.push_back(hook);
  if (needs_wakeup()) wake_loop();
  return true;
}

bool event_base::flush_cancel(evi::FlushHook &hook) noexcept {
  const LockGuard held(lock_);
  if (!hook.queued()) return false;
  flush_.remove(hook);
  return true;
}

// Runs what was queued when it was called; hooks that callbacks queue meanwhile wait for the next iteration,
// so that the kernel is asked in between. Returns how many ran.
int event_base::run_flushes() noexcept {
  evi::FlushList batch;
  batch.take(flush_);
  int ran = 0;
  while (evi::FlushHook *hook = batch.front()) {
    if (break_requested_) break;
    batch.remove(*hook);
    ++ran;
    const evi::Unlocked open(lock_);
    hook->run(*hook, false);
  }
  // After a break what is left keeps its place before what was queued since.
  while (evi::FlushHook *hook = flush_.pop_front()) batch.push_back(*hook);
  flush_.take(batch);
  return ran;
}

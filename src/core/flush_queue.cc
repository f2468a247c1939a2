// Entering and leaving the queue of work that is done just before the wait.
#include "core/flush_queue.h"

#include "core/event_base.h"

using evi::LockGuard;

namespace evi {

bool flush_schedule(event_base &base, FlushHook &hook) noexcept { return base.flush_later(hook); }
bool flush_cancel(event_base &base, FlushHook &hook) noexcept { return base.flush_cancel(hook); }

}  // namespace evi

bool event_base::flush_later(evi::FlushHook &hook) noexcept {
  const Call call(*this);
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
// so that the kernel is asked in between. All stay in the one list until their turn, because a callback may
// cancel any of them. Returns how many ran.
int event_base::run_flushes() noexcept {
  flush_.push_back(flush_end_);
  int ran = 0;
  while (flush_.front() != &flush_end_ && !break_requested_) {
    evi::FlushHook &hook = *flush_.pop_front();
    ++ran;
    const evi::Unlocked open(lock_);
    hook.run(hook, false);
  }
  flush_.remove(flush_end_);
  return ran;
}

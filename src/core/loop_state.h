// Whether the loop of a base runs, in which thread, and what it has been asked to do.
#ifndef EVI_CORE_LOOP_STATE_H
#define EVI_CORE_LOOP_STATE_H

#include <utility>

#include "thread/lock.h"
#include "util/assert.h"

namespace evi {

// Requires: the base's lock is held.
class LoopState {
 public:
  LoopState() noexcept = default;
  LoopState(const LoopState &) = delete;
  LoopState &operator=(const LoopState &) = delete;

  // The loop runs in the calling thread until end(). A callback that leaves the loop by longjmp() or the like
  // skips end(): the loop counts as running from then on.
  void begin() noexcept {
    EVI_ASSERT(!running_);
    running_ = true;
    thread_ = thread_id();
    exit_ = false;
    break_ = std::exchange(break_next_, false);
  }
  void end() noexcept {
    EVI_ASSERT(running_);
    running_ = false;
  }
  void begin_iteration() noexcept { continue_ = false; }

  bool is_running() const noexcept { return running_; }
  // Requires: it runs.
  bool runs_in_this_thread() const noexcept { return thread_ == thread_id(); }

  void request_exit() noexcept { exit_ = true; }
  void request_break() noexcept { break_ = true; }
  // If no loop runs, the next one ends as it starts.
  void request_break_or_next() noexcept { (running_ ? break_ : break_next_) = true; }
  void request_continue() noexcept { continue_ = true; }

  bool exit_requested() const noexcept { return exit_; }
  bool break_requested() const noexcept { return break_; }
  // Whether the callbacks that are active have to wait for another iteration, or are not run at all.
  bool pass_has_to_end() const noexcept { return break_ || continue_; }

 private:
  bool running_ = false;
  bool exit_ = false;
  bool break_ = false;
  bool break_next_ = false;
  bool continue_ = false;
  unsigned long thread_ = 0;
};

}  // namespace evi

#endif

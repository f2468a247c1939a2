// Signals as events: a process-wide handler that counts each signal for every base that wants it, and wakes
// them.
//
// No base owns a signal. The handler walks a list of ports, one per base that has signal events; it takes no
// lock, allocates nothing and touches only atomics and write(2), so it may interrupt anything. Ports leave
// the list under a process-wide mutex and are closed only when no handler is still walking it.
#ifndef EVI_CORE_SIGNAL_H
#define EVI_CORE_SIGNAL_H

#include <signal.h>
#include <sys/types.h>

#include <atomic>
#include <bit>
#include <cstdint>

#include "core/event_access.h"
#include "core/waker.h"

namespace evi {

#ifdef NSIG
inline constexpr int kSignals = NSIG;
#else
inline constexpr int kSignals = 65;
#endif

static_assert(kSignals <= 65, "a bit for each");

// What the handler sees of a base.
struct SignalPort {
  std::atomic<SignalPort *> next{nullptr};
  std::atomic<int> write_fd{-1};
  // The process whose signals count. After vfork() the handler runs in a child with the parent's memory.
  std::atomic<pid_t> owner{0};
  std::atomic<std::uint64_t> early{0};    // of another process: a child whose fork() has not returned yet
  std::atomic<bool> waiting{false};       // the loop waits, or is about to
  std::atomic<bool> notified{false};      // and was woken
  std::atomic<std::uint64_t> arrived{0};  // a bit for each signal that was counted since the loop looked
  std::atomic<bool> wanted[kSignals] = {};
  std::atomic<std::uint32_t> counts[kSignals] = {};
};

// The signal side of one base. Everything here is called with the base's lock held.
class SignalSource {
 public:
  SignalSource() noexcept = default;
  SignalSource(const SignalSource &) = delete;
  SignalSource &operator=(const SignalSource &) = delete;
  ~SignalSource() { close(); }

  static bool valid(int signal) noexcept { return signal > 0 && signal < kSignals; }

  // Opens the waker and enters the list of ports. False with errno if the system refuses.
  [[nodiscard]] bool open() noexcept;
  // Leaves the list, gives back every disposition, closes the waker.
  void close() noexcept;
  bool is_open() const noexcept { return waker_.is_open(); }
  // Whether it was opened, or holds signals: also while there is no waker, if reopening it failed.
  bool is_linked() const noexcept { return linked_; }
  int fd() const noexcept { return waker_.read_fd(); }
  // In a forked child: a waker of its own, the same signals. The shared one is closed first. False with
  // errno: then there is none.
  [[nodiscard]] bool reopen_after_fork() noexcept;
  // Whether the waker's fds still refer to what was opened; if not, forget_waker() leaves them open.
  bool waker_is_intact() const noexcept { return waker_.is_intact(); }
  void forget_waker() noexcept { waker_.forget(); }

  // Starts and stops delivery of one signal; sigaction is called for the process's first base and restored
  // after its last. False with errno if sigaction refuses.
  [[nodiscard]] bool watch(int signal) noexcept;
  void unwatch(int signal) noexcept;

  // As watch, without a waker: for methods whose kernel reports signals itself. The signal interrupts waits;
  // what is counted serves only in a forked child, whose kernel has yet to be asked.
  [[nodiscard]] bool hold(int signal) noexcept;

  // Around the loop's wait. From begin_wait() to end_wait() a signal ends the wait; one that comes at another
  // time costs no system call. True if one has arrived already: then there is nothing to wait for.
  bool begin_wait() noexcept {
    port_.notified.store(false, std::memory_order_relaxed);
    port_.waiting.store(true);
    return port_.arrived.load() != 0;
  }
  // For a loop that waits already while another thread opens this.
  void join_wait() noexcept { port_.waiting.store(true); }
  void end_wait() noexcept { port_.waiting.store(false, std::memory_order_relaxed); }
  bool anything_arrived() const noexcept { return port_.arrived.load(std::memory_order_relaxed) != 0; }
  void drain() noexcept { waker_.drain(); }

  // Takes what arrived since the last call: f(signal, count) for each.
  template <typename F>
  void collect(F &&f) noexcept {
    for (std::uint64_t bits = port_.arrived.exchange(0); bits; bits &= bits - 1) {
      const int signal = std::countr_zero(bits) + 1;
      if (const std::uint32_t count = port_.counts[signal].exchange(0)) f(signal, count);
    }
  }

 private:
  bool link() noexcept;
  void note_unseen_fork() noexcept;

  Waker waker_;
  SignalPort port_;
  bool linked_ = false;  // the port is in the list; also while there is no waker, if reopening it failed
};

// The events of one base by signal number.
struct SignalTable {
  event *first[kSignals] = {};
};

}  // namespace evi

#endif

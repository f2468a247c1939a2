// The signal events of a base: which events want a signal, by which channels signals arrive, and how many
// calls of an event are due: one for each delivery that was counted.
//
// Signals arrive by the handler (signal.h), beside it by a signalfd if the base uses one (signal_fd.h), or by
// the method, if that reports signals itself. Requires: the base's lock is held.
#ifndef EVI_CORE_SIGNAL_EVENTS_H
#define EVI_CORE_SIGNAL_EVENTS_H

#include <algorithm>
#include <cstdint>

#include "core/event_access.h"
#include "core/internal_event.h"
#include "core/signal.h"
#include "core/signal_fd.h"
#include "thread/annotations.h"
#include "util/assert.h"

struct event_config;

namespace evi {

class SignalEvents {
 public:
  explicit SignalEvents(event_base &base) noexcept : base_(base) {}
  SignalEvents(const SignalEvents &) = delete;
  SignalEvents &operator=(const SignalEvents &) = delete;
  ~SignalEvents();

  // Whether a signalfd is read beside the handler. Requires: the method has been chosen, no event yet.
  void choose_channel(const event_config &config) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  // "signal" for the handler, "signalfd_signal" where a signalfd is read beside it, else the method's name
  // for signals that it reports itself.
  const char *channel_name() const noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;

  // Enters an event; delivery starts with the first one of its signal. False with errno and a log line if
  // there is no such signal, or the system refuses.
  [[nodiscard]] bool insert(event &ev) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  // Takes an event out; delivery stops with the last one of its signal.
  void remove(event &ev) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;

  // The events of one signal, linked by SignalHook; null if there are none, or no such signal.
  event *first(int signal) const noexcept {
    return table_ && SignalSource::valid(signal) ? table_->first[signal] : nullptr;
  }
  template <typename F>
  void for_each(F &&f) const noexcept {
    for (int signal = 1; table_ && signal < kSignals; ++signal) {
      for (event *ev = table_->first[signal]; ev; ev = SignalHook::of(*ev).le_next) f(*ev);
    }
  }

  // The signal was delivered `count` times: makes its events active, and adds to the calls that are due.
  void arrived(int signal, std::uint32_t count) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;

  // Around the loop's wait. begin_wait() returns true if a signal has arrived: then the wait is not to block.
  bool begin_wait() noexcept { return source_.is_open() && source_.begin_wait(); }
  void end_wait() noexcept {
    if (!source_.is_open()) return;
    source_.end_wait();
    if (source_.anything_arrived()) collect();
  }

  // The calls of the signal event whose callback runs. ev_pncalls points here meanwhile: a deletion inside
  // the callback ends the series by stop_calls().
  void begin_calls(event &ev) noexcept {
    EVI_ASSERT(is_signal(ev));
    EVI_ASSERT(calls_left_ == 0);
    // The application may have asked for none, or for a negative number.
    calls_left_ = std::max<short>(ev.ev_.ev_signal.ev_ncalls, 0);
    ev.ev_.ev_signal.ev_pncalls = calls_left_ > 0 ? &calls_left_ : nullptr;
  }
  // False if no call is left. From the last call on the series does not refer to the event, which the
  // callback may free.
  bool take_call(event &ev) noexcept {
    if (calls_left_ <= 0) return false;
    ev.ev_.ev_signal.ev_ncalls = --calls_left_;
    if (calls_left_ == 0) ev.ev_.ev_signal.ev_pncalls = nullptr;
    return true;
  }
  // Drops the calls that are left. The event exists if there are any.
  void abandon_calls(event &ev) noexcept {
    if (calls_left_ > 0) ev.ev_.ev_signal.ev_pncalls = nullptr;
    calls_left_ = 0;
  }
  bool has_calls_left() const noexcept { return calls_left_ > 0; }
  // The series of an event, if one is under way, ends with the call that runs now.
  static void stop_calls(event &ev) noexcept {
    if (is_signal(ev) && ev.ev_.ev_signal.ev_ncalls && ev.ev_.ev_signal.ev_pncalls)
      *ev.ev_.ev_signal.ev_pncalls = 0;
  }

  // In a forked child. Forgets channels whose fds refer to other files by now; false if the method's set
  // proved to be lost as well.
  [[nodiscard]] bool disown_if_lost() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  // Replaces the channels, which are shared with the parent process. False if one could not be had.
  [[nodiscard]] bool renew_channels() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  // Has the method watch all signals again, after it was reopened. False if one was refused.
  [[nodiscard]] bool rewatch(bool forked) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;

  // Before the base is freed: drops the channels' events; close() then ends the delivery.
  void close_channels() noexcept {
    fd_.close();
    source_event_.drop(base_);
    fd_event_.drop(base_);
  }
  void close() noexcept { source_.close(); }

  bool check_invariants() const noexcept;

 private:
  bool open() noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  bool watch(int signal) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  void unwatch(int signal) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  void collect() noexcept;
  static void on_wake(evutil_socket_t fd, short what, void *base) noexcept;
  static void on_fd(evutil_socket_t fd, short what, void *base) noexcept;

  event_base &base_;
  SignalSource source_;
  short calls_left_ = 0;  // of the event whose callback runs
  bool uses_fd_ = false;
  SignalFd fd_;  // open while source_ is, if the base uses it
  SignalTable *table_ = nullptr;
  InternalEvent source_event_;
  InternalEvent fd_event_;
};

}  // namespace evi

#endif

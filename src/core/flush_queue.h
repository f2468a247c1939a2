// Work that the loop does once just before it waits for the kernel: the attempt to write queued output.
//
// A transport that has bytes to send puts its hook here instead of registering for EV_WRITE; output collected
// by many callbacks then leaves in one system call. A queued hook keeps the loop alive and its wait at zero.
#ifndef EVI_CORE_FLUSH_QUEUE_H
#define EVI_CORE_FLUSH_QUEUE_H

#include "util/intrusive_list.h"

struct event_base;

namespace evi {

struct FlushHook {
  ListHook<FlushHook> link;
  // Runs on the loop's thread, no lock of the base held, after the hook left the queue (so it may be queued
  // again or freed inside).
  void (*run)(FlushHook &self) noexcept = nullptr;
  // The same, instead of run, when the base is freed with the hook queued; may be null.
  void (*abandon)(FlushHook &self) noexcept = nullptr;
  bool queued = false;
};

// From any thread if the base has a lock: a loop that sleeps is woken. False if it was queued already.
bool flush_schedule(event_base &base, FlushHook &hook) noexcept;
void flush_cancel(event_base &base, FlushHook &hook) noexcept;
// Moves the hook to another base's queue if it is queued.
inline bool flush_pending(const FlushHook &hook) noexcept { return hook.queued; }

}  // namespace evi

#endif

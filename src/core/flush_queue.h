// Work that the loop does once just before it waits for the kernel: the attempt to write queued output.
//
// A transport that has bytes to send puts its hook here instead of registering for EV_WRITE; output collected
// by many callbacks then leaves in one system call. A queued hook keeps the loop alive and its wait at zero.
#ifndef EVI_CORE_FLUSH_QUEUE_H
#define EVI_CORE_FLUSH_QUEUE_H

#include "util/intrusive_list.h"

struct event_base;

namespace evi {

// Three pointers, because each connection has one.
struct FlushHook {
  ListHook<FlushHook> link;
  // Runs on the loop's thread, no lock of the base held, after the hook left the queue (so it may be queued
  // again or freed inside). `abandoned`: the base is being freed, and there will be no other turn.
  void (*run)(FlushHook &self, bool abandoned) noexcept = nullptr;

  // With the base's lock held.
  bool queued() const noexcept { return link.prev != nullptr; }
};

// From any thread if the base has a lock: a loop that sleeps is woken. False if it was queued already.
bool flush_schedule(event_base &base, FlushHook &hook) noexcept;
// False if it was not queued, or is being run already.
bool flush_cancel(event_base &base, FlushHook &hook) noexcept;

}  // namespace evi

#endif

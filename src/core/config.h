// What a program asks of a base before it exists: struct event_config, and the choice of a method by it.
#ifndef EVI_CORE_CONFIG_H
#define EVI_CORE_CONFIG_H

#include <climits>

#include "core/backend.h"
#include "event2/event.h"
#include "util/time.h"

namespace evi {

// event_config_set_max_dispatch_interval().
struct DispatchLimits {
  Micros interval;    // -1: none
  int callbacks;      // INT_MAX: no limit
  int from_priority;  // more urgent priorities have no limits
};

struct AvoidedMethod {
  AvoidedMethod *next;
  char *name;
};

// True if the environment forbids the method (EVENT_NO<NAME> is set). Not asked in set-user-id programs.
bool method_disabled_by_environment(const char *name) noexcept;
// getenv, null in set-user-id programs. One file per platform.
const char *environment(const char *name) noexcept;

}  // namespace evi

// The opaque struct of event2/event.h.
struct event_config final {
  event_config() noexcept = default;
  event_config(const event_config &) = delete;
  event_config &operator=(const event_config &) = delete;
  ~event_config();

  // False if out of memory.
  [[nodiscard]] bool avoid(const char *method) noexcept;
  bool avoids(const char *method) const noexcept;
  // Whether the environment, the avoided names and the required features leave the method eligible.
  bool admits(const evi::Backend &method) const noexcept;

  // By flag or, unless the environment is to be ignored, by EVENT_EPOLL_USE_CHANGELIST.
  bool wants_changelist() const noexcept;
  // Likewise by EVENT_USE_SIGNALFD.
  bool wants_signal_fd() const noexcept;
  // Likewise by EVENT_PRECISE_TIMER.
  bool wants_precise_timer() const noexcept;

  int required_features = 0;
  int flags = 0;                           // EVENT_BASE_FLAG_*
  evi::Micros max_dispatch_interval = -1;  // -1: none
  int max_dispatch_callbacks = INT_MAX;
  int limit_from_priority = 0;

 private:
  bool wants(int flag, const char *variable) const noexcept;

  evi::AvoidedMethod *avoided_ = nullptr;
};

#endif

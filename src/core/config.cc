// struct event_config: avoided methods, the environment's veto, and what makes a method eligible.
#include "core/config.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "util/alloc.h"

namespace evi {

bool method_disabled_by_environment(const char *name) noexcept {
  // A method's name ends at the first blank: "epoll (with changelist)" obeys EVENT_NOEPOLL.
  char variable[64] = "EVENT_NO";
  std::size_t used = std::strlen(variable);
  for (; *name && *name != ' ' && used + 1 < sizeof(variable); ++name) {
    const char c = *name;
    variable[used++] = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  variable[used] = '\0';
  return environment(variable) != nullptr;
}

}  // namespace evi

event_config::~event_config() {
  while (evi::AvoidedMethod *entry = avoided_) {
    avoided_ = entry->next;
    evi::mm_free(entry->name);
    evi::mm_free(entry);
  }
}

bool event_config::avoid(const char *method) noexcept {
  evi::OwnedMemory<char> name{evi::mm_strdup(method)};
  if (!name) return false;
  auto *entry = evi::make<evi::AvoidedMethod>(avoided_, name.get());
  if (!entry) return false;
  static_cast<void>(name.release());
  avoided_ = entry;
  return true;
}

bool event_config::avoids(const char *method) const noexcept {
  for (const evi::AvoidedMethod *entry = avoided_; entry; entry = entry->next) {
    if (std::strcmp(entry->name, method) == 0) return true;
  }
  return false;
}

bool event_config::admits(const evi::Backend &method) const noexcept {
  if (avoids(method.name)) return false;
  if ((method.features & required_features) != required_features) return false;
  return (flags & EVENT_BASE_FLAG_IGNORE_ENV) || !evi::method_disabled_by_environment(method.name);
}

bool event_config::wants(int flag, const char *variable) const noexcept {
  if (flags & flag) return true;
  return !(flags & EVENT_BASE_FLAG_IGNORE_ENV) && evi::environment(variable) != nullptr;
}

bool event_config::wants_changelist() const noexcept {
  return wants(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, "EVENT_EPOLL_USE_CHANGELIST");
}

bool event_config::wants_signal_fd() const noexcept {
  return wants(EVENT_BASE_FLAG_USE_SIGNALFD, "EVENT_USE_SIGNALFD");
}

bool event_config::wants_precise_timer() const noexcept {
  return wants(EVENT_BASE_FLAG_PRECISE_TIMER, "EVENT_PRECISE_TIMER");
}

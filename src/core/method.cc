// The choice of a method, and the replacement of its state.
#include "core/method.h"

#include "core/config.h"
#include "util/log.h"

namespace evi {
namespace {

bool has_port(const Backend &backend) noexcept { return backend.completion_port != nullptr; }
bool has_no_port(const Backend &backend) noexcept { return !has_port(backend); }
bool any_has_port(const Backend *const *methods) noexcept {
  while (*methods && !has_port(**methods)) ++methods;
  return *methods != nullptr;
}

}  // namespace

bool Method::use(BackendHost &host, const Backend &backend) noexcept {
  EVI_ASSERT(!state_);
  state_ = backend.create(host);
  if (!state_) return false;
  table_ = &backend;
  return true;
}

bool Method::choose(BackendHost &host, const event_config &config, const Backend *const *methods) noexcept {
  // Where the flag can have an effect, the methods that support it come first.
  const bool overlapped = (config.flags & EVENT_BASE_FLAG_STARTUP_IOCP) && any_has_port(methods);
  if (overlapped && try_methods(host, config, methods, has_port)) return true;
  if (try_methods(host, config, methods, overlapped ? has_no_port : nullptr)) {
    if (overlapped) log_warnx("event_base_new: %s has no completion port", name());
    return true;
  }
  log_warnx("event_base_new: no event mechanism available");
  return false;
}

// `eligible`: null if all are.
bool Method::try_methods(BackendHost &host, const event_config &config, const Backend *const *methods,
                         bool (*eligible)(const Backend &) noexcept) noexcept {
  for (const Backend *const *at = methods; *at; ++at) {
    if ((eligible && !eligible(**at)) || !config.admits(**at)) continue;
    if (use(host, **at)) {
      uses_changelist_ = table_->changelist_name && config.wants_changelist();
      return true;
    }
    log_warn("%s does not work here", (*at)->name);
  }
  return false;
}

bool Method::reopen() noexcept {
  EVI_ASSERT(is_shared_by_fork());
  if (table_->reopen(state_)) return true;
  log_warn("event_reinit: no descriptor for %s", table_->name);
  return false;
}

bool Method::renew(BackendHost &host) noexcept {
  void *fresh = table_->create(host);
  if (!fresh) return false;
  table_->destroy(state_);
  state_ = fresh;
  return true;
}

}  // namespace evi

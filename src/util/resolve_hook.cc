// The registered resolver for host names of bufferevents, and the blocking lookup without one.
#include "util/resolve_hook.h"

#include <atomic>

#include "util/addrinfo.h"
#include "util/assert.h"

namespace evi {
namespace {

std::atomic<const ResolveHook *> current_hook{nullptr};

}  // namespace

void set_resolve_hook(const ResolveHook *hook) noexcept {
  EVI_ASSERT(!hook || (hook->start && hook->cancel));
  current_hook.store(hook, std::memory_order_release);
}

evdns_getaddrinfo_request *start_resolving(evdns_base *resolver, const char *node, const char *service,
                                           const addrinfo *hints, ResolveCallback cb, void *arg) noexcept {
  EVI_ASSERT(cb);
  if (!resolver) {
    addrinfo *answer = nullptr;
    const int error = getaddrinfo_blocking(node, service, hints, answer);
    cb(error, answer, arg);
    return nullptr;
  }
  if (const ResolveHook *hook = current_hook.load(std::memory_order_acquire)) {
    return hook->start(resolver, node, service, hints, cb, arg);
  }
  cb(EVUTIL_EAI_FAIL, nullptr, arg);
  return nullptr;
}

void cancel_resolving(evdns_getaddrinfo_request *request) noexcept {
  const ResolveHook *hook = current_hook.load(std::memory_order_acquire);
  if (hook && request) hook->cancel(request);
}

}  // namespace evi

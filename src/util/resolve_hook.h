// The functions by which a resolver serves bufferevent_socket_connect_hostname: the resolver lies in another
// library, which this one must not need, so that it registers itself when its first evdns_base is made.
#ifndef EVI_UTIL_RESOLVE_HOOK_H
#define EVI_UTIL_RESOLVE_HOOK_H

#include "event2/util.h"

struct evdns_base;
struct evdns_getaddrinfo_request;

namespace evi {

// Called once for each look-up: with 0 and a list that the callee then owns (free_addrinfo), or with an
// EVUTIL_EAI_ code and null.
using ResolveCallback = void (*)(int error, addrinfo *answer, void *arg);

struct ResolveHook {
  // evdns_getaddrinfo: null if the callback has run already, else what `cancel` takes.
  evdns_getaddrinfo_request *(*start)(evdns_base *resolver, const char *node, const char *service,
                                      const addrinfo *hints, ResolveCallback cb, void *arg);
  // evdns_getaddrinfo_cancel: the callback will still run, later, with EVUTIL_EAI_CANCEL.
  void (*cancel)(evdns_getaddrinfo_request *request);
};

// The hook must live as long as the program. Any thread; the last one set serves.
void set_resolve_hook(const ResolveHook *hook) noexcept;

// Looks up through `resolver`, or blocking if that is null: then the callback runs before this returns, which
// is with null. With a resolver but no hook (which a resolver cannot be had without) it is EVUTIL_EAI_FAIL.
evdns_getaddrinfo_request *start_resolving(evdns_base *resolver, const char *node, const char *service,
                                           const addrinfo *hints, ResolveCallback cb, void *arg) noexcept;
// For what start_resolving returned; null is allowed.
void cancel_resolving(evdns_getaddrinfo_request *request) noexcept;

}  // namespace evi

#endif

// The functions by which a resolver serves bufferevent_socket_connect_hostname. The resolver is in another
// library, which this one must not link to; it registers itself when its first evdns_base is made.
#ifndef EVI_UTIL_RESOLVE_HOOK_H
#define EVI_UTIL_RESOLVE_HOOK_H

#include "event2/util.h"

struct evdns_base;
struct evdns_getaddrinfo_request;

namespace evi {

// Called once for each lookup: with 0 and a list, whose ownership passes to the callee (free_addrinfo), or
// with an EVUTIL_EAI_ code and null.
using ResolveCallback = void (*)(int error, addrinfo *answer, void *arg);

struct ResolveHook {
  // evdns_getaddrinfo. Returns: null if the callback has run already, else the argument for `cancel`.
  evdns_getaddrinfo_request *(*start)(evdns_base *resolver, const char *node, const char *service,
                                      const addrinfo *hints, ResolveCallback cb, void *arg);
  // evdns_getaddrinfo_cancel: the callback will still run, later, with EVUTIL_EAI_CANCEL.
  void (*cancel)(evdns_getaddrinfo_request *request);
};

// Requires: the hook lives as long as the program. Replaces an earlier one. Thread: any.
void set_resolve_hook(const ResolveHook *hook) noexcept;

// Looks up through `resolver`. If that is null, the lookup blocks, the callback runs before the return, and
// null is returned. A resolver without a hook, which does not occur, gives EVUTIL_EAI_FAIL.
evdns_getaddrinfo_request *start_resolving(evdns_base *resolver, const char *node, const char *service,
                                           const addrinfo *hints, ResolveCallback cb, void *arg) noexcept;
// For the result of start_resolving; null is allowed.
void cancel_resolving(evdns_getaddrinfo_request *request) noexcept;

}  // namespace evi

#endif

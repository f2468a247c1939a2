// What event_core offers to the libraries of the TLS engines: see tls_private.h.
#include "tls/tls_private.h"

#include "core/event_base.h"
#include "tls/tls_bufferevent.h"

using evi::BuffereventUse;
using evi::TlsBufferevent;

extern "C" {

bufferevent *evi_private_tls_new(const evi::TlsSetup *setup) {
  evi::TlsSetup made = *setup;
  if (!made.base) made.base = made.underlying ? made.underlying->ev_base : evi::global_base();
  return TlsBufferevent::create(made);
}

void *evi_private_tls_session(bufferevent *bev, const evi::TlsEngine *engine) {
  TlsBufferevent *tls = bev ? TlsBufferevent::of(*bev) : nullptr;
  return tls && (!engine || &tls->engine() == engine) ? tls->session() : nullptr;
}

unsigned long evi_private_tls_take_error(bufferevent *bev) {
  TlsBufferevent *tls = bev ? TlsBufferevent::of(*bev) : nullptr;
  if (!tls) return 0;
  const BuffereventUse use(*tls);
  return tls->errors().pop();
}

std::uint64_t evi_private_tls_change_flags(bufferevent *bev, std::uint64_t set, std::uint64_t clear) {
  constexpr std::uint64_t kKnown = BUFFEREVENT_SSL_DIRTY_SHUTDOWN | BUFFEREVENT_SSL_BATCH_WRITE;
  TlsBufferevent *tls = bev ? TlsBufferevent::of(*bev) : nullptr;
  if (!tls || ((set | clear) & ~kKnown)) return evi::kNoTlsFlags;
  const BuffereventUse use(*tls);
  const std::uint64_t before = tls->flags();
  tls->set_flags((before & ~clear) | set);
  return before;
}

int evi_private_tls_renegotiate(bufferevent *bev) {
  TlsBufferevent *tls = bev ? TlsBufferevent::of(*bev) : nullptr;
  if (!tls) return -1;
  const BuffereventUse use(*tls);
  return tls->renegotiate() ? 0 : -1;
}

}  // extern "C"

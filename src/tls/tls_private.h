// What event_core offers to the libraries of the TLS engines, and to no others.
#ifndef EVI_TLS_TLS_PRIVATE_H
#define EVI_TLS_TLS_PRIVATE_H

#include <cstdint>

#include "event2/bufferevent.h"
#include "event2/bufferevent_ssl.h"
#include "tls/tls_engine.h"
#include "util/platform.h"

namespace evi {

struct TlsSetup {
  event_base *base;         // null: the old interface's current base
  bufferevent *underlying;  // null: over a socket
  evutil_socket_t fd;
  const TlsEngine *engine;
  void *session;
  bufferevent_ssl_state state;
  int options;
};

// What bufferevent_ssl_get_flags() and its like return when they fail.
inline constexpr std::uint64_t kNoTlsFlags = ~std::uint64_t{0};

}  // namespace evi

extern "C" {

// Null if it fails; then everything is still the caller's and as it was.
EVI_VISIBLE bufferevent *evi_private_tls_new(const evi::TlsSetup *setup);
// The session of a TLS bufferevent with this engine, or with any if that is null; null for other
// bufferevents.
EVI_VISIBLE void *evi_private_tls_session(bufferevent *bev, const evi::TlsEngine *engine);
EVI_VISIBLE unsigned long evi_private_tls_take_error(bufferevent *bev);
// The flags before; kNoTlsFlags, and no change, for other bufferevents and unknown flags.
EVI_VISIBLE std::uint64_t evi_private_tls_change_flags(bufferevent *bev, std::uint64_t set,
                                                       std::uint64_t clear);
EVI_VISIBLE int evi_private_tls_renegotiate(bufferevent *bev);

}  // extern "C"

#endif

// The functions of event2/bufferevent_ssl.h that event_mbedtls offers, in its order.
#include "event2/bufferevent_ssl.h"
#include "tls/mbedtls.h"
#include "tls/tls_private.h"

using evi::mbedtls_engine;

extern "C" {

ev_uint64_t bufferevent_ssl_get_flags(bufferevent *bev) { return evi_private_tls_change_flags(bev, 0, 0); }

ev_uint64_t bufferevent_ssl_set_flags(bufferevent *bev, ev_uint64_t flags) {
  return evi_private_tls_change_flags(bev, flags, 0);
}

ev_uint64_t bufferevent_ssl_clear_flags(bufferevent *bev, ev_uint64_t flags) {
  return evi_private_tls_change_flags(bev, 0, flags);
}

int bufferevent_ssl_renegotiate(bufferevent *bev) { return evi_private_tls_renegotiate(bev); }

mbedtls_dyncontext *bufferevent_mbedtls_dyncontext_new(mbedtls_ssl_config *conf) {
  return conf ? evi::mbedtls_session_new(conf) : nullptr;
}

void bufferevent_mbedtls_dyncontext_free(mbedtls_dyncontext *ctx) { evi::mbedtls_session_free(ctx); }

bufferevent *bufferevent_mbedtls_filter_new(event_base *base, bufferevent *underlying,
                                            mbedtls_dyncontext *ssl, bufferevent_ssl_state state,
                                            int options) {
  if (!ssl || !underlying) return nullptr;
  const evi::TlsSetup setup = {base, underlying, -1, &mbedtls_engine, ssl, state, options};
  return evi_private_tls_new(&setup);
}

bufferevent *bufferevent_mbedtls_socket_new(event_base *base, evutil_socket_t fd, mbedtls_dyncontext *ssl,
                                            bufferevent_ssl_state state, int options) {
  if (!ssl) return nullptr;
  const evi::TlsSetup setup = {base, nullptr, fd, &mbedtls_engine, ssl, state, options};
  return evi_private_tls_new(&setup);
}

int bufferevent_mbedtls_get_allow_dirty_shutdown(bufferevent *bev) {
  if (!evi_private_tls_session(bev, &mbedtls_engine)) return -1;
  return (evi_private_tls_change_flags(bev, 0, 0) & BUFFEREVENT_SSL_DIRTY_SHUTDOWN) != 0;
}

void bufferevent_mbedtls_set_allow_dirty_shutdown(bufferevent *bev, int allow_dirty_shutdown) {
  if (!evi_private_tls_session(bev, &mbedtls_engine)) return;
  constexpr std::uint64_t kFlag = BUFFEREVENT_SSL_DIRTY_SHUTDOWN;
  evi_private_tls_change_flags(bev, allow_dirty_shutdown ? kFlag : 0, allow_dirty_shutdown ? 0 : kFlag);
}

mbedtls_ssl_context *bufferevent_mbedtls_get_ssl(bufferevent *bev) {
  return static_cast<mbedtls_ssl_context *>(evi_private_tls_session(bev, &mbedtls_engine));
}

int bufferevent_mbedtls_renegotiate(bufferevent *bev) {
  return evi_private_tls_session(bev, &mbedtls_engine) ? evi_private_tls_renegotiate(bev) : -1;
}

unsigned long bufferevent_get_mbedtls_error(bufferevent *bev) {
  return evi_private_tls_session(bev, &mbedtls_engine) ? evi_private_tls_take_error(bev) : 0;
}

}  // extern "C"

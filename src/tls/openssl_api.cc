// The functions of event2/bufferevent_ssl.h that event_openssl offers, in its order.
#include "event2/bufferevent_ssl.h"

#include "tls/openssl.h"
#include "tls/tls_private.h"

using evi::openssl_engine;

extern "C" {

ev_uint64_t bufferevent_ssl_get_flags(bufferevent *bev) { return evi_private_tls_change_flags(bev, 0, 0); }

ev_uint64_t bufferevent_ssl_set_flags(bufferevent *bev, ev_uint64_t flags) {
  return evi_private_tls_change_flags(bev, flags, 0);
}

ev_uint64_t bufferevent_ssl_clear_flags(bufferevent *bev, ev_uint64_t flags) {
  return evi_private_tls_change_flags(bev, 0, flags);
}

int bufferevent_ssl_renegotiate(bufferevent *bev) { return evi_private_tls_renegotiate(bev); }

bufferevent *bufferevent_openssl_filter_new(event_base *base, bufferevent *underlying, SSL *ssl,
                                            bufferevent_ssl_state state, int options) {
  if (!ssl || !underlying) return nullptr;
  const evi::TlsSetup setup = {base, underlying, -1, &openssl_engine, ssl, state, options};
  return evi_private_tls_new(&setup);
}

bufferevent *bufferevent_openssl_socket_new(event_base *base, evutil_socket_t fd, SSL *ssl,
                                            bufferevent_ssl_state state, int options) {
  if (!ssl) return nullptr;
  const evutil_socket_t own = evi::openssl_fd(ssl);
  if (own >= 0 && fd >= 0 && own != fd) return nullptr;
  const evi::TlsSetup setup = {base, nullptr, own >= 0 ? own : fd, &openssl_engine, ssl, state, options};
  return evi_private_tls_new(&setup);
}

int bufferevent_openssl_get_allow_dirty_shutdown(bufferevent *bev) {
  if (!evi_private_tls_session(bev, &openssl_engine)) return -1;
  return (evi_private_tls_change_flags(bev, 0, 0) & BUFFEREVENT_SSL_DIRTY_SHUTDOWN) != 0;
}

void bufferevent_openssl_set_allow_dirty_shutdown(bufferevent *bev, int allow_dirty_shutdown) {
  if (!evi_private_tls_session(bev, &openssl_engine)) return;
  constexpr std::uint64_t kFlag = BUFFEREVENT_SSL_DIRTY_SHUTDOWN;
  evi_private_tls_change_flags(bev, allow_dirty_shutdown ? kFlag : 0, allow_dirty_shutdown ? 0 : kFlag);
}

SSL *bufferevent_openssl_get_ssl(bufferevent *bev) {
  return static_cast<SSL *>(evi_private_tls_session(bev, &openssl_engine));
}

unsigned long bufferevent_get_openssl_error(bufferevent *bev) {
  return evi_private_tls_session(bev, &openssl_engine) ? evi_private_tls_take_error(bev) : 0;
}

}  // extern "C"

// The engine over mbedTLS 2.28 and 3, whose sessions call two functions for their input and output.
#include "tls/mbedtls.h"

#include <mbedtls/net_sockets.h>
#include <mbedtls/version.h>

#include <algorithm>
#include <climits>

#include "tls/tls_private.h"
#include "util/alloc.h"

namespace evi {
namespace {

mbedtls_ssl_context *ssl_of(void *session) noexcept { return static_cast<mbedtls_ssl_context *>(session); }

#if MBEDTLS_VERSION_MAJOR >= 3
bool is_server(const mbedtls_ssl_context *ssl) noexcept {
  return mbedtls_ssl_conf_get_endpoint(mbedtls_ssl_context_get_config(ssl)) == MBEDTLS_SSL_IS_SERVER;
}
bool handshake_over(mbedtls_ssl_context *ssl) noexcept { return mbedtls_ssl_is_handshake_over(ssl) != 0; }
#else
bool is_server(const mbedtls_ssl_context *ssl) noexcept {
  return ssl->conf->endpoint == MBEDTLS_SSL_IS_SERVER;
}
bool handshake_over(mbedtls_ssl_context *ssl) noexcept { return ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER; }
#endif

// --- the session's input and output ---

int receive_from_wire(void *context, unsigned char *data, std::size_t size) noexcept {
  auto &wire = *static_cast<TlsWire *>(context);
  const long got = wire.receive(data, std::min<std::size_t>(size, INT_MAX));
  if (got == kWireBlocked) return MBEDTLS_ERR_SSL_WANT_READ;
  return got < 0 ? MBEDTLS_ERR_NET_RECV_FAILED : static_cast<int>(got);
}

int send_to_wire(void *context, const unsigned char *data, std::size_t size) noexcept {
  auto &wire = *static_cast<TlsWire *>(context);
  const long put = wire.send(data, std::min<std::size_t>(size, INT_MAX));
  if (put == kWireBlocked) return MBEDTLS_ERR_SSL_WANT_WRITE;
  return put < 0 ? MBEDTLS_ERR_NET_SEND_FAILED : static_cast<int>(put);
}

// --- results ---

// OpenSSL 3 answers an end of its input without close_notify with the fatal alert "decode error": a peer that
// ended its side in that way, and may, meets it.
bool answers_early_end(const mbedtls_ssl_context *ssl, int result) noexcept {
  if (result != MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) return false;
#if MBEDTLS_VERSION_MAJOR >= 3
  const unsigned char *alert = ssl->MBEDTLS_PRIVATE(in_msg);
#else
  const unsigned char *alert = ssl->in_msg;
#endif
  return alert && alert[1] == MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
}

TlsOutcome moved(int bytes) noexcept { return {TlsResult::done, static_cast<std::size_t>(bytes)}; }

TlsOutcome outcome(int result, TlsErrors &errors) noexcept {
  switch (result) {
    case MBEDTLS_ERR_SSL_WANT_READ:
      return {TlsResult::want_read, 0};
    case MBEDTLS_ERR_SSL_WANT_WRITE:
      return {TlsResult::want_write, 0};
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
      return {TlsResult::closed, 0};
    case 0:
    case MBEDTLS_ERR_SSL_CONN_EOF:
      errors.push(static_cast<unsigned long>(-MBEDTLS_ERR_SSL_CONN_EOF));
      return {TlsResult::truncated, 0};
    default:
      errors.push(static_cast<unsigned long>(-static_cast<long>(result)));
      return {TlsResult::failed, 0};
  }
}

// --- the table's functions ---

TlsAttached attach(void *session, TlsWire &wire, TlsSide side, bool) noexcept {
  mbedtls_ssl_context *ssl = ssl_of(session);
  if (side != TlsSide::settled && is_server(ssl) != (side == TlsSide::server)) return TlsAttached::failed;
  mbedtls_ssl_set_bio(ssl, &wire, send_to_wire, receive_from_wire, nullptr);
  return TlsAttached::wire;
}

// The program has to give the session it keeps means of its own. What was on its way is lost.
void detach(void *session, evutil_socket_t, const TlsRemains &) noexcept {
  mbedtls_ssl_set_bio(ssl_of(session), nullptr, nullptr, nullptr, nullptr);
}

void free_session(void *session) noexcept { mbedtls_session_free(ssl_of(session)); }

TlsOutcome handshake(void *session, TlsErrors &errors) noexcept {
  const int result = mbedtls_ssl_handshake(ssl_of(session));
  return result == 0 ? moved(0) : outcome(result, errors);
}

// A ticket is reported in the place of data, which may follow at once. The session has kept what the ticket
// brings.
bool brought_ticket(int result) noexcept {
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
  return result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
#else
  static_cast<void>(result);
  return false;
#endif
}

TlsOutcome read(void *session, void *data, std::size_t size, TlsErrors &errors) noexcept {
  int result;
  do {
    result = mbedtls_ssl_read(ssl_of(session), static_cast<unsigned char *>(data), size);
  } while (brought_ticket(result));
  if (result > 0) return moved(result);
  TlsOutcome failure = outcome(result, errors);
  if (answers_early_end(ssl_of(session), result)) failure.result = TlsResult::truncated;
  return failure;
}

bool holds_input(void *session) noexcept { return mbedtls_ssl_check_pending(ssl_of(session)) != 0; }

TlsOutcome write(void *session, const void *data, std::size_t size, TlsErrors &errors) noexcept {
  const int result = mbedtls_ssl_write(ssl_of(session), static_cast<const unsigned char *>(data), size);
  return result > 0 ? moved(result) : outcome(result, errors);
}

void shutdown(void *session) noexcept {
  if (handshake_over(ssl_of(session))) mbedtls_ssl_close_notify(ssl_of(session));
}

bool renegotiate(void *session, TlsErrors &errors) noexcept {
#ifdef MBEDTLS_SSL_RENEGOTIATION
  const int result = mbedtls_ssl_renegotiate(ssl_of(session));
  if (result == 0 || result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE) return true;
#else
  static_cast<void>(session);
  const int result = MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
#endif
  errors.push(static_cast<unsigned long>(-static_cast<long>(result)));
  return false;
}

}  // namespace

mbedtls_ssl_context *mbedtls_session_new(const mbedtls_ssl_config *config) noexcept {
  auto *ssl = static_cast<mbedtls_ssl_context *>(mm_malloc(sizeof(mbedtls_ssl_context)));
  if (!ssl) return nullptr;
  mbedtls_ssl_init(ssl);
  if (mbedtls_ssl_setup(ssl, config) == 0) return ssl;
  mbedtls_session_free(ssl);
  return nullptr;
}

void mbedtls_session_free(mbedtls_ssl_context *session) noexcept {
  if (!session) return;
  mbedtls_ssl_free(session);
  mm_free(session);
}

constinit const TlsEngine mbedtls_engine = {
    .name = "mbedtls",
    .attach = attach,
    .detach = detach,
    .free = free_session,
    .handshake = handshake,
    .read = read,
    .holds_input = holds_input,
    .write = write,
    .shutdown = shutdown,
    .renegotiate = renegotiate,
};

}  // namespace evi

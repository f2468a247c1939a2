// The engine over mbedTLS: what a session, an mbedtls_ssl_context, does for the machine.
#ifndef EVI_TLS_MBEDTLS_H
#define EVI_TLS_MBEDTLS_H

#include <mbedtls/ssl.h>

#include "tls/tls_engine.h"

namespace evi {

extern const TlsEngine mbedtls_engine;

// A session in memory of ours; null if out of memory.
mbedtls_ssl_context *mbedtls_session_new(const mbedtls_ssl_config *config) noexcept;
void mbedtls_session_free(mbedtls_ssl_context *session) noexcept;

}  // namespace evi

#endif

// The engine over OpenSSL: what a session, an SSL, does for the machine.
#ifndef EVI_TLS_OPENSSL_H
#define EVI_TLS_OPENSSL_H

#include <openssl/ssl.h>

#include "tls/tls_engine.h"

namespace evi {

extern const TlsEngine openssl_engine;

// The descriptor of the session's own means of output; -1 if it has none.
evutil_socket_t openssl_fd(SSL *ssl) noexcept;

}  // namespace evi

#endif

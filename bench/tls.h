/* Contexts and load generators for TLS, by OpenSSL alone, the same for every library. */
#ifndef EVENTIDE_BENCH_TLS_H
#define EVENTIDE_BENCH_TLS_H

#include <openssl/ssl.h>

#include "net.h"

/* Creates a server's context with a new certificate, TLS 1.3 with AES-128-GCM. */
SSL_CTX *tls_server_context(void);

/* As echo_load, bulk_load and sink_load, over TLS. */
load_fn tls_echo_load;
load_fn tls_bulk_load;
load_fn tls_sink_load;

/* Returns the session of an accepted connection after its handshake, for the bare programs. */
SSL *tls_accept(SSL_CTX *ctx, int fd);

#endif

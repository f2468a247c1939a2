/* TLS contexts, and load generators that use OpenSSL on blocking sockets. */
#define _GNU_SOURCE
#include "tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

static EVP_PKEY *make_key(void) {
  EVP_PKEY *key = NULL;
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
  CHECK(ctx != NULL);
  CHECK(EVP_PKEY_keygen_init(ctx) > 0);
  CHECK(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) > 0);
  CHECK(EVP_PKEY_keygen(ctx, &key) > 0);
  EVP_PKEY_CTX_free(ctx);
  return key;
}

static void choose(SSL_CTX *ctx) {
  CHECK(ctx != NULL);
  CHECK(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1);
  CHECK(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") == 1);
}

SSL_CTX *tls_server_context(void) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  EVP_PKEY *key = make_key();
  X509 *certificate = X509_new();
  choose(ctx);
  CHECK(certificate != NULL);
  X509_set_version(certificate, 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
  CHECK(SSL_CTX_use_certificate(ctx, certificate) == 1);
  CHECK(SSL_CTX_use_PrivateKey(ctx, key) == 1);
  SSL_CTX_set_num_tickets(ctx, 0);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return ctx;
}

SSL *tls_accept(SSL_CTX *ctx, int fd) {
  struct pollfd ready = {fd, POLLIN, 0};
  SSL *ssl = SSL_new(ctx);
  int done;
  CHECK(ssl != NULL && SSL_set_fd(ssl, fd) == 1);
  while ((done = SSL_accept(ssl)) != 1) {
    CHECK(SSL_get_error(ssl, done) == SSL_ERROR_WANT_READ);
    CHECK(poll(&ready, 1, 10000) == 1);
  }
  return ssl;
}

/* --- load ----------------------------------------------------------------------------------------------- */

/* The process ends with the server. */
static void check_open(SSL *ssl, int result) {
  if (result > 0) return;
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_ZERO_RETURN:
    case SSL_ERROR_SYSCALL:
    case SSL_ERROR_SSL:
      _exit(0);
    default:
      fail("TLS load: error %d", SSL_get_error(ssl, result));
  }
}

static SSL *connect_tls(SSL_CTX *ctx, int port) {
  static const char reno[] = "reno";
  const int on = 1;
  struct sockaddr_in address;
  SSL *ssl = SSL_new(ctx);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(ssl != NULL && fd >= 0);
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof reno - 1) == 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((unsigned short)port);
  CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(SSL_set_fd(ssl, fd) == 1);
  return ssl;
}

static SSL_CTX *client_context(void) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  choose(ctx);
  return ctx;
}

static void send_message(SSL *ssl) {
  static const char message[kEchoMessage];
  check_open(ssl, SSL_write(ssl, message, sizeof message));
}

void tls_echo_load(int port, int sleep_ms) {
  struct epoll_event events[kEchoClients];
  SSL *clients[kEchoClients];
  SSL_CTX *ctx = client_context();
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  for (int i = 0; i < kEchoClients; ++i) clients[i] = connect_tls(ctx, port);
  for (int i = 0; i < kEchoClients; ++i) {
    struct epoll_event interest = {.events = EPOLLIN, .data = {.ptr = clients[i]}};
    check_open(clients[i], SSL_connect(clients[i]));
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, SSL_get_fd(clients[i]), &interest) == 0);
  }
  for (int i = 0; i < kEchoClients; ++i) send_message(clients[i]);
  for (;;) {
    const int n = epoll_wait(epoll, events, kEchoClients, sleep_ms);
    for (int i = 0; i < n; ++i) {
      SSL *ssl = events[i].data.ptr;
      char message[kEchoMessage];
      check_open(ssl, SSL_read(ssl, message, sizeof message));
      send_message(ssl);
    }
  }
}

void tls_bulk_load(int port, int sleep_ms) {
  static const char block[kBulkWrite];
  SSL_CTX *ctx = client_context();
  SSL *ssl = connect_tls(ctx, port);
  (void)sleep_ms;
  check_open(ssl, SSL_connect(ssl));
  for (;;) check_open(ssl, SSL_write(ssl, block, sizeof block));
}

void tls_sink_load(int port, int sleep_ms) {
  static char block[kBulkWrite];
  SSL_CTX *ctx = client_context();
  SSL *ssl = connect_tls(ctx, port);
  (void)sleep_ms;
  check_open(ssl, SSL_connect(ssl));
  for (;;) check_open(ssl, SSL_read(ssl, block, sizeof block));
}

/* Shared by the tests of TLS bufferevents: a certificate generated at run time, and a peer whose session is
 * not attached to a socket, so that the test decides when and how many of its bytes are sent. */
#ifndef EVENTIDE_TEST_API_TLS_OPENSSL_H
#define EVENTIDE_TEST_API_TLS_OPENSSL_H

#include <event2/util.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TLS_SHARED static __attribute__((unused))

TLS_SHARED EVP_PKEY *tls_key;
TLS_SHARED X509 *tls_certificate;

/* Returns 0 if it cannot be made. */
TLS_SHARED int tls_make_certificate(void) {
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
  X509_NAME *name;
  if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0) return 0;
  if (EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) <= 0) return 0;
  if (EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_NAMED_CURVE) <= 0) return 0;
  if (EVP_PKEY_keygen(ctx, &tls_key) <= 0) return 0;
  EVP_PKEY_CTX_free(ctx);
  tls_certificate = X509_new();
  if (!tls_certificate) return 0;
  X509_set_version(tls_certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(tls_certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(tls_certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(tls_certificate), 86400);
  X509_set_pubkey(tls_certificate, tls_key);
  name = X509_get_subject_name(tls_certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(tls_certificate, name);
  return X509_sign(tls_certificate, tls_key, EVP_sha256()) > 0;
}

/* A context for one version of the protocol, TLS1_2_VERSION or TLS1_3_VERSION. */
TLS_SHARED SSL_CTX *tls_context(int server, int version) {
  SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
  if (!ctx) return NULL;
  SSL_CTX_set_min_proto_version(ctx, version);
  SSL_CTX_set_max_proto_version(ctx, version);
  if (!server) return ctx;
  SSL_CTX_use_certificate(ctx, tls_certificate);
  SSL_CTX_use_PrivateKey(ctx, tls_key);
  SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4);
#ifdef SSL_OP_ALLOW_CLIENT_RENEGOTIATION
  SSL_CTX_set_options(ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
#endif
  return ctx;
}

struct tls_peer {
  SSL *ssl;
  BIO *in, *out;
  int fd;
  int received_end;
};

TLS_SHARED struct tls_peer tls_peer_new(SSL_CTX *ctx, int server, int fd) {
  struct tls_peer peer;
  peer.ssl = SSL_new(ctx);
  peer.in = BIO_new(BIO_s_mem());
  peer.out = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(peer.in, -1);
  BIO_set_mem_eof_return(peer.out, -1);
  SSL_set_bio(peer.ssl, peer.in, peer.out);
  if (server) {
    SSL_set_accept_state(peer.ssl);
  } else {
    SSL_set_connect_state(peer.ssl);
  }
  peer.fd = fd;
  peer.received_end = 0;
  return peer;
}

TLS_SHARED void tls_peer_free(struct tls_peer *peer) {
  SSL_free(peer->ssl);
  if (peer->fd >= 0) close(peer->fd);
  peer->fd = -1;
  ERR_clear_error();
}

/* Sends at most so many of the bytes that wait; returns how many went. */
TLS_SHARED long tls_peer_send(struct tls_peer *peer, long most) {
  char block[65536];
  long sent = 0;
  while (sent < most) {
    const char *data;
    long waiting = BIO_get_mem_data(peer->out, (char **)&data);
    ssize_t put;
    if (waiting <= 0) break;
    if (waiting > most - sent) waiting = most - sent;
    put = send(peer->fd, data, (size_t)waiting, MSG_NOSIGNAL);
    if (put <= 0) break;
    sent += put;
    while (put > 0) {
      const int took =
          BIO_read(peer->out, block, put < (ssize_t)sizeof(block) ? (int)put : (int)sizeof(block));
      put -= took;
    }
  }
  return sent;
}

TLS_SHARED void tls_peer_receive(struct tls_peer *peer) {
  char block[65536];
  ssize_t got;
  while ((got = recv(peer->fd, block, sizeof(block), MSG_DONTWAIT)) > 0) BIO_write(peer->in, block, (int)got);
  if (got == 0) peer->received_end = 1;
}

/* Everything that is possible now, both ways. */
TLS_SHARED void tls_peer_move(struct tls_peer *peer) {
  tls_peer_receive(peer);
  if (!SSL_is_init_finished(peer->ssl)) SSL_do_handshake(peer->ssl);
  tls_peer_send(peer, 1L << 30);
  ERR_clear_error();
}

TLS_SHARED int tls_peer_write(struct tls_peer *peer, const void *data, int size) {
  const int put = SSL_write(peer->ssl, data, size);
  tls_peer_send(peer, 1L << 30);
  return put;
}

/* As SSL_read(). */
TLS_SHARED int tls_peer_read(struct tls_peer *peer, void *data, int size) {
  int got;
  tls_peer_move(peer);
  ERR_clear_error();
  got = SSL_read(peer->ssl, data, size);
  tls_peer_send(peer, 1L << 30);
  return got;
}

#endif

/* TLS bufferevents over mbedTLS as a C program sees them, against a plain peer over OpenSSL and against each
 * other: the parts that depend on the engine. openssl_test.c tests the parts that all engines share. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "api/tls_fixture.h"
#include "api/tls_streams.h"

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_source;
static mbedtls_x509_crt certificate;
static mbedtls_pk_context key;
static mbedtls_ssl_config config[2]; /* of a client, of a server */

static enum bufferevent_ssl_state side(int server) {
  return server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;
}

static struct bufferevent *make_tls(enum form form, evutil_socket_t fd, int server, int options,
                                    const char *name) {
  mbedtls_dyncontext *ssl = bufferevent_mbedtls_dyncontext_new(&config[server]);
  struct bufferevent *bev;
  options |= threadsafe();
  if (form == over_socket) {
    bev = bufferevent_mbedtls_socket_new(base, fd, ssl, side(server), options);
  } else {
    struct bufferevent *under = bufferevent_socket_new(base, fd, options);
    bev = bufferevent_mbedtls_filter_new(base, under, ssl, side(server), options);
  }
  if (bev) bufferevent_setcb(bev, on_read, on_write, on_event, (void *)name);
  return bev;
}

/* --- tests ---------------------------------------------------------------------------------------------- */

static void state(enum form form, int server) {
  struct fixture f;
  begin(&f, form, server);
  CHECK(f.bev != NULL);
  CHECK(bufferevent_mbedtls_get_ssl(f.bev) != NULL);
  CHECK_INT_EQ(bufferevent_getfd(f.bev), f.fds[0]);
  CHECK_INT_EQ(bufferevent_mbedtls_get_allow_dirty_shutdown(f.bev), 0);
  bufferevent_mbedtls_set_allow_dirty_shutdown(f.bev, 1);
  CHECK_INT_EQ(bufferevent_mbedtls_get_allow_dirty_shutdown(f.bev), 1);
  CHECK(bufferevent_ssl_get_flags(f.bev) == BUFFEREVENT_SSL_DIRTY_SHUTDOWN);
  CHECK(bufferevent_ssl_set_flags(f.bev, BUFFEREVENT_SSL_BATCH_WRITE) == 1);
  CHECK(bufferevent_ssl_clear_flags(f.bev, 3) == 3);
  CHECK_INT_EQ(bufferevent_get_mbedtls_error(f.bev), 0);
  /* It is none of OpenSSL's. */
  CHECK(bufferevent_openssl_get_ssl(f.bev) == NULL);
  CHECK_INT_EQ(bufferevent_openssl_get_allow_dirty_shutdown(f.bev), -1);
  end(&f);
}
TEST(a_new_bufferevent_has_the_documented_state) { in_each_form(state); }

TEST(tls_functions_reject_other_bufferevents) {
  struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
  CHECK(bufferevent_mbedtls_get_ssl(bev) == NULL);
  CHECK_INT_EQ(bufferevent_mbedtls_get_allow_dirty_shutdown(bev), -1);
  bufferevent_mbedtls_set_allow_dirty_shutdown(bev, 1);
  CHECK_INT_EQ(bufferevent_mbedtls_renegotiate(bev), -1);
  CHECK_INT_EQ(bufferevent_get_mbedtls_error(bev), 0);
  CHECK(bufferevent_mbedtls_dyncontext_new(NULL) == NULL);
  bufferevent_mbedtls_dyncontext_free(NULL);
  bufferevent_free(bev);
}

static void both_ways(enum form form, int server) {
  struct fixture f;
  char text[64];
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  tls_peer_write(&f.peer, "hello", 5);
  turn();
  CHECK_LOG("a:r5 ");
  bufferevent_write(f.bev, "world!", 6);
  turn();
  CHECK_LOG("a:w0 ");
  CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), 6);
  CHECK_MEM_EQ(text, "world!", 6);
  SSL_shutdown(f.peer.ssl);
  tls_peer_send(&f.peer, 1L << 30);
  turn();
  CHECK_LOG("a:e11 ");
  end(&f);
}
TEST(data_passes_in_both_directions_until_close_notify) { in_each_form(both_ways); }

static void close_notify_sent(enum form form, int server) {
  struct fixture f;
  char text[64];
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  bufferevent_free(f.bev);
  f.bev = NULL;
  turn();
  CHECK_INT_LE(tls_peer_read(&f.peer, text, sizeof(text)), 0);
  CHECK_INT_EQ(SSL_get_shutdown(f.peer.ssl), SSL_RECEIVED_SHUTDOWN);
  end(&f);
}
TEST(freeing_sends_close_notify) { in_each_form(close_notify_sent); }

static void truncated(enum form form, int server) {
  struct fixture f;
  int dirty;
  for (dirty = 0; dirty < 2; ++dirty) {
    connect_both(&f, form, server);
    if (CHECK_FAILED()) return;
    bufferevent_mbedtls_set_allow_dirty_shutdown(f.bev, dirty);
    tls_peer_write(&f.peer, "last", 4);
    close(f.fds[1]);
    f.peer.fd = -1;
    turn();
    CHECK_LOG(dirty ? "a:r4 a:e11 " : "a:r4 a:e21 ");
    if (!dirty) CHECK_INT_EQ(bufferevent_get_mbedtls_error(f.bev), -MBEDTLS_ERR_SSL_CONN_EOF);
    end(&f);
  }
}
TEST(eof_without_close_notify_is_an_error_unless_allowed) { in_each_form(truncated); }

static void garbage(enum form form, int server) {
  struct fixture f;
  begin(&f, form, server);
  CHECK_INT_EQ(send(f.fds[1], "GET / HTTP/1.0\r\n\r\n and more", 27, 0), 27);
  turn();
  CHECK_LOG("a:e21 ");
  CHECK_INT_NE(bufferevent_get_mbedtls_error(f.bev), 0);
  CHECK_INT_EQ(bufferevent_get_mbedtls_error(f.bev), 0);
  end(&f);
}
TEST(garbage_instead_of_a_handshake_is_an_error) { in_each_form(garbage); }

static void steps(enum form form, int server) {
  struct fixture f;
  char text[64];
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  bufferevent_setwatermark(f.bev, EV_READ, 0, 10);
  SSL_write(f.peer.ssl, "0123456789abcdefghij", 20);
  SSL_write(f.peer.ssl, "klmno", 5);
  tls_peer_send(&f.peer, 1L << 30);
  turn();
  CHECK_LOG("a:r10 ");
  bufferevent_read(f.bev, text, 10);
  turn();
  CHECK_LOG("a:r10 ");
  bufferevent_read(f.bev, text, 10);
  turn();
  CHECK_LOG("a:r5 ");
  end(&f);
}
TEST(input_held_back_by_a_limit_is_delivered_without_new_bytes) { in_each_form(steps); }

TEST(a_read_callback_receives_at_most_max_single_read) { in_each_form(slices); }
TEST(eof_is_not_reported_while_reading_is_disabled) { in_each_form(end_held_back); }
TEST(an_alert_answering_an_unclean_shutdown_is_eof_if_that_is_allowed) {
  in_each_form(early_end_is_answered);
}

static int handshakes;
static void on_info(const SSL *ssl, int where, int value) {
  (void)ssl;
  (void)value;
  if (where & SSL_CB_HANDSHAKE_DONE) ++handshakes;
}

static void renegotiated(enum form form, int server) {
  struct fixture f;
  char text[64];
  int i;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  SSL_set_info_callback(f.peer.ssl, on_info);
  handshakes = 0;
  CHECK_INT_EQ(server ? bufferevent_ssl_renegotiate(f.bev) : bufferevent_mbedtls_renegotiate(f.bev), 0);
  for (i = 0; i < 6; ++i) {
    turn();
    tls_peer_read(&f.peer, text, sizeof(text));
  }
  turn();
  CHECK_LOG("a:e80 ");
  bufferevent_write(f.bev, "after", 5);
  turn();
  CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), 5);
  tls_peer_write(&f.peer, "xy", 2);
  turn();
  CHECK_LOG("a:w0 a:r2 ");
  CHECK_INT_EQ(handshakes, 1);
  end(&f);
}
TEST(renegotiation_succeeds) { in_each_form(renegotiated); }

static void wrong_side(enum form form, int server) {
  mbedtls_dyncontext *ssl = bufferevent_mbedtls_dyncontext_new(&config[server]);
  evutil_socket_t fds[2];
  struct bufferevent *bev = NULL, *under = NULL;
  CHECK(ssl != NULL);
  make_pair(fds);
  if (form == over_socket) {
    CHECK(bufferevent_mbedtls_socket_new(base, fds[0], ssl, side(!server), BEV_OPT_CLOSE_ON_FREE) == NULL);
    CHECK(bufferevent_mbedtls_socket_new(base, fds[0], NULL, side(server), 0) == NULL);
    bev = bufferevent_mbedtls_socket_new(base, fds[0], ssl, side(server), BEV_OPT_CLOSE_ON_FREE);
  } else {
    under = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
    CHECK(bufferevent_mbedtls_filter_new(base, under, ssl, side(!server), BEV_OPT_CLOSE_ON_FREE) == NULL);
    bev = bufferevent_mbedtls_filter_new(base, under, ssl, side(server), BEV_OPT_CLOSE_ON_FREE);
  }
  CHECK(bev != NULL);
  bufferevent_free(bev);
  close(fds[1]);
  turn();
}
TEST(a_failed_constructor_leaves_ownership_with_the_caller) { in_each_form(wrong_side); }

static void much(enum form form, int other_is_openssl) {
  evutil_socket_t fds[2];
  struct mover m[2];
  memset(m, 0, sizeof(m));
  make_pair(fds);
  m[0].bev = make_tls(form, fds[0], 1, BEV_OPT_CLOSE_ON_FREE, "a");
  m[1].bev = other_is_openssl
                 ? bufferevent_openssl_socket_new(base, fds[1], SSL_new(client_ctx),
                                                  BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE)
                 : make_tls(over_socket, fds[1], 0, BEV_OPT_CLOSE_ON_FREE, "b");
  CHECK(m[0].bev != NULL && m[1].bev != NULL);
  transfer(m);
  bufferevent_free(m[0].bev);
  bufferevent_free(m[1].bev);
  turn();
}
TEST(megabytes_cross_in_both_directions) { in_each_form(much); }

static void *session_of(struct bufferevent *bev) { return bufferevent_mbedtls_get_ssl(bev); }
static void free_session(void *session) { bufferevent_mbedtls_dyncontext_free(session); }
TEST(bufferevent_and_session_may_be_freed_in_every_callback) { in_each_form(frees_all); }
TEST(data_received_before_a_failed_send_is_delivered) { in_each_form(failed_send); }

TEST(a_refused_connection_can_be_retried) { refused_at_first(); }

/* --- the configurations --------------------------------------------------------------------------------- */

static int pem_of(BIO *bio, unsigned char *out, size_t size) {
  const int length = BIO_read(bio, out, (int)size - 1);
  BIO_free(bio);
  if (length <= 0) return 0;
  out[length] = 0;
  return length + 1;
}

static int configure(void) {
  unsigned char pem[4096];
  BIO *bio = BIO_new(BIO_s_mem());
  int i, length;
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&random_source);
  mbedtls_x509_crt_init(&certificate);
  mbedtls_pk_init(&key);
  if (mbedtls_ctr_drbg_seed(&random_source, mbedtls_entropy_func, &entropy, NULL, 0) != 0) return 0;
  PEM_write_bio_X509(bio, tls_certificate);
  length = pem_of(bio, pem, sizeof(pem));
  if (!length || mbedtls_x509_crt_parse(&certificate, pem, (size_t)length) != 0) return 0;
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, tls_key, NULL, NULL, 0, NULL, NULL);
  length = pem_of(bio, pem, sizeof(pem));
#if MBEDTLS_VERSION_MAJOR >= 3
  if (!length ||
      mbedtls_pk_parse_key(&key, pem, (size_t)length, NULL, 0, mbedtls_ctr_drbg_random, &random_source) != 0)
    return 0;
#else
  if (!length || mbedtls_pk_parse_key(&key, pem, (size_t)length, NULL, 0) != 0) return 0;
#endif
  for (i = 0; i < 2; ++i) {
    mbedtls_ssl_config_init(&config[i]);
    if (mbedtls_ssl_config_defaults(&config[i], i ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
      return 0;
    mbedtls_ssl_conf_rng(&config[i], mbedtls_ctr_drbg_random, &random_source);
    mbedtls_ssl_conf_authmode(&config[i], MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_renegotiation(&config[i], MBEDTLS_SSL_RENEGOTIATION_ENABLED);
  }
  return mbedtls_ssl_conf_own_cert(&config[1], &certificate, &key) == 0;
}

int main(int argc, char **argv) {
  if (!begin_program() || !configure()) return 1;
  server_ctx = tls_context(1, TLS1_2_VERSION);
  client_ctx = tls_context(0, TLS1_2_VERSION);
  RUN_TESTS(
      a_new_bufferevent_has_the_documented_state, tls_functions_reject_other_bufferevents,
      data_passes_in_both_directions_until_close_notify, freeing_sends_close_notify,
      eof_without_close_notify_is_an_error_unless_allowed, garbage_instead_of_a_handshake_is_an_error,
      input_held_back_by_a_limit_is_delivered_without_new_bytes, renegotiation_succeeds,
      bufferevent_and_session_may_be_freed_in_every_callback, data_received_before_a_failed_send_is_delivered,
      a_refused_connection_can_be_retried, a_failed_constructor_leaves_ownership_with_the_caller,
      a_read_callback_receives_at_most_max_single_read, eof_is_not_reported_while_reading_is_disabled,
      an_alert_answering_an_unclean_shutdown_is_eof_if_that_is_allowed, megabytes_cross_in_both_directions);
}

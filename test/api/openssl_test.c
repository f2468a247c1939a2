/* TLS bufferevents over OpenSSL as a C program sees them: over sockets and as filters, TLS 1.2 and 1.3,
 * against a plain peer that the test drives byte by byte, and against each other. What happens is kept in a
 * log and compared as text. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>

#include "api/openssl_fixture.h"

/* --- state ---------------------------------------------------------------------------------------------- */

static void new_state(enum form form, int server) {
  struct fixture f;
  begin(&f, form, server);
  CHECK(f.bev != NULL);
  CHECK_INT_EQ(bufferevent_get_enabled(f.bev), EV_WRITE);
  CHECK_INT_EQ(bufferevent_getfd(f.bev), f.fds[0]);
  CHECK((bufferevent_get_underlying(f.bev) == NULL) == (form == over_socket));
  CHECK(bufferevent_get_base(f.bev) == base);
  CHECK(bufferevent_openssl_get_ssl(f.bev) != NULL);
  CHECK_INT_EQ(bufferevent_openssl_get_allow_dirty_shutdown(f.bev), 0);
  CHECK_INT_EQ(bufferevent_get_openssl_error(f.bev), 0);
  if (form == over_bufferevent) {
    CHECK_INT_EQ(bufferevent_setfd(f.bev, -1), 0);
    CHECK_INT_EQ(bufferevent_getfd(f.bev), f.fds[0]);
  }
  CHECK_LOG("");
  end(&f);
  CHECK(!is_open(f.fds[0]));
}
TEST(a_new_bufferevent_has_the_documented_state) { in_all_ways(new_state); }

TEST(tls_functions_reject_other_bufferevents) {
  struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
  CHECK(bufferevent_openssl_get_ssl(bev) == NULL);
  CHECK_INT_EQ(bufferevent_openssl_get_allow_dirty_shutdown(bev), -1);
  bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
  CHECK_INT_EQ(bufferevent_ssl_renegotiate(bev), -1);
  CHECK_INT_EQ(bufferevent_get_openssl_error(bev), 0);
  bufferevent_free(bev);
}

/* --- handshake ------------------------------------------------------------------------------------------ */

static void handshake_reported_once(enum form form, int server) {
  struct fixture f;
  begin(&f, form, server);
  shake_hands(&f);
  CHECK(SSL_is_init_finished(f.peer.ssl));
  CHECK_LOG("a:e80 ");
  CHECK_INT_EQ(bufferevent_get_enabled(f.bev), EV_WRITE);
  end(&f);
}
TEST(the_handshake_proceeds_by_itself_and_is_reported_once) { in_all_ways(handshake_reported_once); }

static void rests(enum form form, int server) {
  struct fixture f;
  if (!ours()) return;
  begin(&f, form, server);
  bufferevent_disable(f.bev, EV_READ | EV_WRITE);
  shake_hands(&f);
  CHECK_LOG("");
  bufferevent_enable(f.bev, EV_READ);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  end(&f);
}
TEST(the_handshake_pauses_while_both_directions_are_disabled) { in_all_ways(rests); }

static void byte_by_byte(enum form form, int server) {
  struct fixture f;
  int i;
  begin(&f, form, server);
  for (i = 0; i < 5000 && !log_text[0]; ++i) {
    event_base_loop(base, EVLOOP_NONBLOCK);
    tls_peer_receive(&f.peer);
    SSL_do_handshake(f.peer.ssl);
    ERR_clear_error();
    tls_peer_send(&f.peer, 1);
  }
  CHECK_LOG("a:e80 ");
  end(&f);
}
TEST(a_handshake_may_arrive_byte_by_byte) { in_all_ways(byte_by_byte); }

static void early_data(enum form form, int server) {
  struct fixture f;
  char text[64];
  begin(&f, form, server);
  bufferevent_write(f.bev, "early", 5);
  bufferevent_enable(f.bev, EV_READ);
  shake_hands(&f);
  CHECK_LOG("a:e80 a:w0 ");
  CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), 5);
  CHECK_MEM_EQ(text, "early", 5);
  end(&f);
}
TEST(output_is_sent_after_the_handshake) { in_all_ways(early_data); }

static void garbage(enum form form, int server) {
  struct fixture f;
  begin(&f, form, server);
  CHECK_INT_EQ(send(f.fds[1], "GET / HTTP/1.0\r\n\r\n and more", 27, 0), 27);
  turn();
  if (!ours() && form == over_bufferevent) {
    /* Reported twice. */
    log_text[0] = 0;
    end(&f);
    return;
  }
  CHECK_LOG("a:e21 ");
  CHECK(ERR_GET_LIB(bufferevent_get_openssl_error(f.bev)) == ERR_LIB_SSL);
  CHECK_INT_EQ(bufferevent_get_openssl_error(f.bev), SSL_ERROR_SSL);
  CHECK_INT_EQ(bufferevent_get_openssl_error(f.bev), 0);
  turn();
  CHECK_LOG("");
  end(&f);
}
TEST(garbage_instead_of_a_handshake_is_an_error) { in_all_ways(garbage); }

static void gone(enum form form, int server) {
  struct fixture f;
  begin(&f, form, server);
  if (ours()) bufferevent_openssl_set_allow_dirty_shutdown(f.bev, 1);
  turn();
  close(f.fds[1]);
  f.peer.fd = -1;
  turn();
  if (ours() || form == over_socket) CHECK_LOG("a:e21 ");
  log_text[0] = 0;
  end(&f);
}
TEST(eof_during_the_handshake_is_an_error) { in_all_ways(gone); }

static void refused_certificate(enum form form, int server) {
  struct fixture f;
  if (server || (!ours() && form == over_bufferevent)) return;
  begin(&f, form, server);
  SSL_set_verify(bufferevent_openssl_get_ssl(f.bev), SSL_VERIFY_PEER, NULL);
  shake_hands(&f);
  CHECK_LOG("a:e21 ");
  CHECK_INT_EQ(ERR_GET_REASON(bufferevent_get_openssl_error(f.bev)), SSL_R_CERTIFICATE_VERIFY_FAILED);
  end(&f);
}
TEST(an_untrusted_certificate_fails_the_handshake) { in_all_ways(refused_certificate); }

static void slow_handshake(enum form form, int server) {
  struct timeval soon;
  struct fixture f;
  soon.tv_sec = 0;
  soon.tv_usec = 20000;
  begin(&f, form, server);
  if (form == over_bufferevent && !ours()) {
    end(&f);
    return;
  }
  bufferevent_set_timeouts(f.bev, &soon, &soon);
  run_for(35);
  CHECK_INT_EQ(strncmp(log_text, "a:e40 ", 6), 0);
  CHECK_INT_EQ(bufferevent_get_enabled(f.bev), EV_WRITE);
  log_text[0] = 0;
  bufferevent_set_timeouts(f.bev, NULL, NULL);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  end(&f);
}
TEST(a_handshake_timeout_is_reported_without_a_direction) { in_all_ways(slow_handshake); }

static SSL *open_session(evutil_socket_t fds[2], struct tls_peer *peer, int server) {
  SSL *ssl = SSL_new(server ? server_ctx : client_ctx);
  int i;
  make_pair(fds);
  *peer = tls_peer_new(server ? client_ctx : server_ctx, !server, fds[1]);
  SSL_set_fd(ssl, fds[0]);
  if (server) {
    SSL_set_accept_state(ssl);
  } else {
    SSL_set_connect_state(ssl);
  }
  for (i = 0; i < 6; ++i) {
    SSL_do_handshake(ssl);
    tls_peer_move(peer);
  }
  ERR_clear_error();
  return ssl;
}

static void taken_over(enum form form, int server) {
  struct fixture f;
  char text[8];
  SSL *ssl;
  if (form != over_socket || !ours()) return;
  ssl = open_session(f.fds, &f.peer, server);
  tls_peer_write(&f.peer, "12345678", 8);
  SSL_peek(ssl, text, 1);
  CHECK_INT_EQ(SSL_pending(ssl), 8);
  f.bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_OPEN, BEV_OPT_CLOSE_ON_FREE);
  CHECK(f.bev != NULL);
  CHECK_INT_EQ(bufferevent_getfd(f.bev), f.fds[0]);
  CHECK_INT_EQ(SSL_get_fd(ssl), f.fds[0]);
  bufferevent_setcb(f.bev, on_read, on_write, on_event, (void *)"a");
  turn();
  CHECK_LOG("");
  bufferevent_enable(f.bev, EV_READ);
  turn();
  CHECK_LOG("a:r8 ");
  tls_peer_write(&f.peer, "more", 4);
  turn();
  CHECK_LOG("a:r12 ");
  end(&f);
}
TEST(an_open_session_is_adopted_with_its_buffered_data) { in_all_ways(taken_over); }

static int seen_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                     unsigned int in_length, void *arg) {
  (void)ssl;
  (void)arg;
  (void)in_length;
  *out = in + 1;
  *out_length = in[0];
  return SSL_TLSEXT_ERR_OK;
}

static void names(enum form form, int server) {
  struct fixture f;
  const unsigned char *protocol;
  unsigned length = 0;
  SSL *client, *other;
  SSL_CTX_set_alpn_select_cb(server_ctx, seen_alpn, NULL);
  begin(&f, form, server);
  client = server ? f.peer.ssl : bufferevent_openssl_get_ssl(f.bev);
  other = server ? bufferevent_openssl_get_ssl(f.bev) : f.peer.ssl;
  SSL_set_tlsext_host_name(client, "name.example");
  SSL_set_alpn_protos(client, (const unsigned char *)"\2h2", 3);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  CHECK_STR_EQ(SSL_get_servername(other, TLSEXT_NAMETYPE_host_name), "name.example");
  SSL_get0_alpn_selected(client, &protocol, &length);
  CHECK_INT_EQ(length, 2);
  CHECK_MEM_EQ(protocol, "h2", 2);
  end(&f);
}
TEST(server_name_and_alpn_are_set_on_the_session) { in_all_ways(names); }

static SSL_SESSION *kept_session;
static int keep_session(SSL *ssl, SSL_SESSION *session) {
  (void)ssl;
  SSL_SESSION_free(kept_session);
  kept_session = session;
  return 1;
}

static void resumed(enum form form, int server) {
  struct fixture f;
  int round;
  /* OpenSSL gives up the session of a connection that ended without close_notify. */
  if (server || !ours()) return;
  SSL_CTX_set_session_cache_mode(client_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(client_ctx, keep_session);
  for (round = 0; round < 2; ++round) {
    begin(&f, form, server);
    bufferevent_enable(f.bev, EV_READ);
    if (kept_session) SSL_set_session(bufferevent_openssl_get_ssl(f.bev), kept_session);
    shake_hands(&f);
    CHECK_LOG("a:e80 ");
    CHECK_INT_EQ(SSL_session_reused(bufferevent_openssl_get_ssl(f.bev)), round);
    CHECK(kept_session != NULL);
    end(&f);
  }
  SSL_SESSION_free(kept_session);
  kept_session = NULL;
}
TEST(sessions_are_resumed_by_ticket) { in_all_ways(resumed); }

static void renegotiated(enum form form, int server) {
  struct fixture f;
  char text[64];
  int i;
  if (!ours() && form == over_bufferevent) return;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  if (SSL_version(f.peer.ssl) == TLS1_3_VERSION) {
    if (ours()) CHECK_INT_EQ(bufferevent_ssl_renegotiate(f.bev), -1);
    end(&f);
    return;
  }
  CHECK_INT_GE(bufferevent_ssl_renegotiate(f.bev), 0);
  for (i = 0; i < 6; ++i) {
    turn();
    CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), -1);
  }
  turn();
  CHECK_LOG("a:e80 ");
  CHECK_INT_GE(SSL_num_renegotiations(bufferevent_openssl_get_ssl(f.bev)), 1);
  bufferevent_write(f.bev, "after", 5);
  turn();
  CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), 5);
  tls_peer_write(&f.peer, "xy", 2);
  turn();
  CHECK_LOG("a:w0 a:r2 ");
  end(&f);
}
TEST(renegotiation_succeeds_where_the_protocol_supports_it) { in_all_ways(renegotiated); }

static void peer_renegotiates(enum form form, int server) {
  struct fixture f;
  char text[64];
  int i;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  if (SSL_version(f.peer.ssl) == TLS1_2_VERSION) {
    CHECK_INT_EQ(SSL_renegotiate(f.peer.ssl), 1);
    SSL_do_handshake(f.peer.ssl);
    tls_peer_send(&f.peer, 1L << 30);
    turn();
    /* Output written meanwhile is sent once the handshake allows. */
    bufferevent_write(f.bev, "meanwhile", 9);
    for (i = 0; i < 6; ++i) {
      turn();
      if (tls_peer_read(&f.peer, text, sizeof(text)) == 9) break;
    }
    CHECK_INT_LT(i, 6);
    for (i = 0; i < 4; ++i) {
      turn();
      tls_peer_move(&f.peer);
    }
    tls_peer_write(&f.peer, "after", 5);
    turn();
    CHECK_LOG("a:w0 a:r5 ");
  }
  end(&f);
}
TEST(a_peer_may_renegotiate) { in_all_ways(peer_renegotiates); }

/* --- data ----------------------------------------------------------------------------------------------- */

static void both_ways(enum form form, int server) {
  struct fixture f;
  char text[64];
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  CHECK_INT_EQ(tls_peer_write(&f.peer, "hello", 5), 5);
  turn();
  CHECK_LOG("a:r5 ");
  bufferevent_write(f.bev, "world!", 6);
  turn();
  CHECK_LOG("a:w0 ");
  CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), 6);
  CHECK_MEM_EQ(text, "world!", 6);
  bufferevent_disable(f.bev, EV_READ);
  tls_peer_write(&f.peer, "more", 4);
  turn();
  CHECK_LOG("");
  bufferevent_enable(f.bev, EV_READ);
  turn();
  CHECK_LOG("a:r9 ");
  end(&f);
}
TEST(data_goes_both_ways) { in_all_ways(both_ways); }

static void much(enum form form, int batch) {
  evutil_socket_t fds[2];
  struct mover m[2];
  memset(m, 0, sizeof(m));
  make_pair(fds);
  m[0].bev = make_tls(form, fds[0], 1, BEV_OPT_CLOSE_ON_FREE, "a");
  m[1].bev = make_tls(over_socket, fds[1], 0, BEV_OPT_CLOSE_ON_FREE, "b");
  if (batch && ours()) {
    bufferevent_ssl_set_flags(m[0].bev, BUFFEREVENT_SSL_BATCH_WRITE);
    bufferevent_ssl_set_flags(m[1].bev, BUFFEREVENT_SSL_BATCH_WRITE);
  }
  transfer(m);
  bufferevent_free(m[0].bev);
  bufferevent_free(m[1].bev);
  turn();
}
TEST(megabytes_cross_in_both_directions) { in_all_ways(much); }

/* Both ends over a pair in memory, one thread, one loop. */
static void much_over_pair(enum form form, int batch) {
  struct bufferevent *ends[2];
  struct mover m[2];
  int i;
  if (form == over_socket) return;
  memset(m, 0, sizeof(m));
  CHECK_INT_EQ(bufferevent_pair_new(base, threadsafe() | (batch ? BEV_OPT_DEFER_CALLBACKS : 0), ends), 0);
  for (i = 0; i < 2; ++i) {
    m[i].bev = bufferevent_openssl_filter_new(base, ends[i], SSL_new(i ? client_ctx : server_ctx),
                                              i ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_ACCEPTING,
                                              BEV_OPT_CLOSE_ON_FREE | threadsafe());
    CHECK(m[i].bev != NULL);
  }
  transfer(m);
  bufferevent_free(m[0].bev);
  if (ours()) {
    turn();
    CHECK_INT_EQ(m[1].ended, BEV_EVENT_EOF | BEV_EVENT_READING);
  }
  bufferevent_free(m[1].bev);
  turn();
}
TEST(megabytes_cross_over_a_pair) { in_all_ways(much_over_pair); }

/* Draining one end's input by a little at a time lets the other end's bytes in, in the midst of it. */
static int drained, drain_and_free;
static void drain_some(struct bufferevent *bev, void *arg) {
  struct bufferevent **slot = arg;
  char text[700];
  drained += (int)bufferevent_read(bev, text, sizeof(text));
  if (drain_and_free && drained > 20000) {
    bufferevent_free(bev);
    *slot = NULL;
  }
}
static void drains(enum form form, int freeing) {
  static char text[60000];
  struct bufferevent *ends[2], *tls[2];
  int i;
  if (form == over_socket || !ours()) return;
  drained = 0;
  drain_and_free = freeing;
  CHECK_INT_EQ(bufferevent_pair_new(base, threadsafe(), ends), 0);
  for (i = 0; i < 2; ++i) {
    tls[i] = bufferevent_openssl_filter_new(base, ends[i], SSL_new(i ? client_ctx : server_ctx),
                                            i ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_ACCEPTING,
                                            BEV_OPT_CLOSE_ON_FREE | threadsafe());
    CHECK(tls[i] != NULL);
  }
  bufferevent_setwatermark(tls[0], EV_READ, 0, 1000);
  bufferevent_setcb(tls[0], drain_some, NULL, NULL, &tls[0]);
  bufferevent_enable(tls[0], EV_READ);
  bufferevent_write(tls[1], text, sizeof(text));
  for (i = 0; i < 1000 && tls[0] && drained < (int)sizeof(text); ++i) {
    event_base_loop(base, EVLOOP_NONBLOCK);
    if (tls[0] && !freeing) drained += (int)evbuffer_remove(bufferevent_get_input(tls[0]), text, 300);
  }
  if (freeing) {
    CHECK(tls[0] == NULL);
  } else {
    CHECK_INT_EQ(drained, sizeof(text));
    bufferevent_free(tls[0]);
  }
  bufferevent_free(tls[1]);
  turn();
}
TEST(a_watermark_over_a_pair_does_not_stall_data) { in_all_ways(drains); }

static void small_steps(enum form form, int server) {
  struct fixture f;
  char text[64];
  int i;
  if (!ours()) return;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  bufferevent_setwatermark(f.bev, EV_READ, 0, 10);
  tls_peer_write(&f.peer, "0123456789abcdefghijklmno", 25);
  turn();
  CHECK_LOG("a:r10 ");
  /* Nothing comes from the socket any more. */
  bufferevent_read(f.bev, text, 4);
  turn();
  CHECK_LOG("a:r10 ");
  bufferevent_read(f.bev, text, 10);
  turn();
  CHECK_LOG("a:r10 ");
  bufferevent_setwatermark(f.bev, EV_READ, 0, 0);
  turn();
  CHECK_LOG("a:r11 ");
  CHECK_INT_EQ(bufferevent_read(f.bev, text, 64), 11);
  CHECK_MEM_EQ(text, "efghijklmno", 11);

  bufferevent_set_max_single_read(f.bev, 7);
  tls_peer_write(&f.peer, "0123456789abcdefghijk", 21);
  for (i = 0; i < 10 && input_length(f.bev) < 21; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_LOG("a:r7 a:r14 a:r21 ");
  end(&f);
}
TEST(input_held_back_by_a_limit_is_delivered_without_new_bytes) { in_all_ways(small_steps); }

static void many_records(enum form form, int server) {
  struct fixture f;
  static char text[100000];
  int i;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  for (i = 0; i < 30; ++i) SSL_write(f.peer.ssl, text, 1000);
  tls_peer_send(&f.peer, 1L << 30);
  event_base_loop(base, EVLOOP_ONCE);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(input_length(f.bev), 30000);
  /* Each callback logs at least eight characters. */
  if (ours()) CHECK_INT_LE(strlen(log_text), 5 * 10);
  log_text[0] = 0;
  end(&f);
}
TEST(many_records_are_read_in_one_iteration) { in_all_ways(many_records); }

static void rate(enum form form, int server) {
  const struct timeval tick = {0, 20000};
  struct ev_token_bucket_cfg *limit = ev_token_bucket_cfg_new(4000, 4000, 4000, 4000, &tick);
  struct fixture f;
  static char text[16000];
  int i;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  if (!ours()) {
    end(&f);
    ev_token_bucket_cfg_free(limit);
    return;
  }
  bufferevent_set_rate_limit(f.bev, limit);
  tls_peer_write(&f.peer, text, sizeof(text));
  for (i = 0; i < 20 && input_length(f.bev) < sizeof(text); ++i) run_for(20);
  CHECK_INT_EQ(input_length(f.bev), sizeof(text));
  bufferevent_write(f.bev, text, sizeof(text));
  for (i = 0; i < 20 && output_length(f.bev) > 0; ++i) {
    run_for(20);
    tls_peer_move(&f.peer);
  }
  CHECK_INT_EQ(output_length(f.bev), 0);
  bufferevent_set_rate_limit(f.bev, NULL);
  end(&f);
  ev_token_bucket_cfg_free(limit);
}
TEST(a_rate_limit_does_not_stall_data) { in_all_ways(rate); }

/* Counts the records with data that the peer receives. */
static int data_records;
static void on_message(int write, int version, int type, const void *data, size_t length, SSL *ssl,
                       void *arg) {
  (void)version;
  (void)ssl;
  (void)arg;
  if (!write && type == SSL3_RT_HEADER && length >= 5 && ((const unsigned char *)data)[0] == 23)
    ++data_records;
}

static int records_for(struct bufferevent *bev, struct tls_peer *peer, int pieces, int size) {
  static char data[20000];
  int got, i, total = 0;
  if (tls_peer_read(peer, data, sizeof(data)) > 0) return -1; /* tickets */
  data_records = 0;
  for (i = 0; i < pieces; ++i) {
    struct evbuffer *piece = evbuffer_new();
    evbuffer_add_reference(piece, data, (size_t)size, NULL, NULL);
    bufferevent_write_buffer(bev, piece);
    evbuffer_free(piece);
  }
  for (i = 0; i < 40 && total < pieces * size; ++i) {
    turn();
    while ((got = tls_peer_read(peer, data, sizeof(data))) > 0) total += got;
  }
  return total == pieces * size ? data_records : -1;
}

static void batches(enum form form, int server) {
  struct fixture f;
  if (!ours()) return;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  SSL_set_msg_callback(f.peer.ssl, on_message);
  /* Small pieces always go together. */
  CHECK_INT_EQ(records_for(f.bev, &f.peer, 32, 1000), 2);
  CHECK_INT_EQ(records_for(f.bev, &f.peer, 4, 10000), 4);
  CHECK_INT_EQ(bufferevent_ssl_set_flags(f.bev, BUFFEREVENT_SSL_BATCH_WRITE), 0);
  CHECK_INT_EQ(records_for(f.bev, &f.peer, 4, 10000), 3);
  end(&f);
}
TEST(small_writes_share_records) { in_all_ways(batches); }

static void flags(enum form form, int server) {
  struct fixture f;
  if (!ours()) return;
  begin(&f, form, server);
  CHECK(bufferevent_ssl_get_flags(f.bev) == 0);
  CHECK(bufferevent_ssl_set_flags(f.bev, BUFFEREVENT_SSL_DIRTY_SHUTDOWN) == 0);
  CHECK(bufferevent_ssl_set_flags(f.bev, BUFFEREVENT_SSL_BATCH_WRITE) == 1);
  CHECK(bufferevent_ssl_get_flags(f.bev) == 3);
  CHECK_INT_EQ(bufferevent_openssl_get_allow_dirty_shutdown(f.bev), 1);
  CHECK(bufferevent_ssl_set_flags(f.bev, 8) == (ev_uint64_t)-1);
  CHECK(bufferevent_ssl_clear_flags(f.bev, 8) == (ev_uint64_t)-1);
  bufferevent_openssl_set_allow_dirty_shutdown(f.bev, 0);
  CHECK(bufferevent_ssl_get_flags(f.bev) == 2);
  CHECK(bufferevent_ssl_clear_flags(f.bev, BUFFEREVENT_SSL_BATCH_WRITE) == 2);
  CHECK(bufferevent_ssl_get_flags(f.bev) == 0);
  CHECK(bufferevent_ssl_get_flags(NULL) == (ev_uint64_t)-1);
  end(&f);
}
TEST(ssl_flags_are_set_and_cleared) { in_all_ways(flags); }

static void full_socket(enum form form, int server) {
  struct fixture f;
  static char text[400000];
  int got, i;
  size_t total = 0;
  if (form != over_socket) return;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  bufferevent_write(f.bev, text, sizeof(text));
  bufferevent_write(f.bev, text, sizeof(text));
  turn();
  /* Output that the kernel has not accepted is still in the output buffer. */
  CHECK_INT_GT(output_length(f.bev), 0);
  if (ours()) CHECK_LOG("");
  log_text[0] = 0;
  for (i = 0; i < 200 && total < 2 * sizeof(text); ++i) {
    while ((got = tls_peer_read(&f.peer, text, sizeof(text))) > 0) total += (size_t)got;
    turn();
  }
  CHECK_INT_EQ(total, 2 * sizeof(text));
  CHECK_INT_EQ(output_length(f.bev), 0);
  if (ours()) CHECK(strstr(log_text, "a:w0 ") != NULL);
  log_text[0] = 0;
  end(&f);
}
TEST(output_stays_buffered_until_the_kernel_accepts_it) { in_all_ways(full_socket); }

/* --- ends ----------------------------------------------------------------------------------------------- */

static void clean_end(enum form form, int server) {
  struct fixture f;
  char text[64];
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  SSL_write(f.peer.ssl, "last", 4);
  SSL_shutdown(f.peer.ssl);
  tls_peer_send(&f.peer, 1L << 30);
  turn();
  if (ours() || form == over_socket) CHECK_LOG("a:r4 a:e11 ");
  log_text[0] = 0;
  CHECK_INT_EQ(bufferevent_get_enabled(f.bev), EV_READ | EV_WRITE);
  if (SSL_version(f.peer.ssl) == TLS1_3_VERSION) {
    /* A half-closed stream: the other direction goes on. */
    bufferevent_write(f.bev, "still", 5);
    turn();
    if (ours()) CHECK_LOG("a:w0 ");
    log_text[0] = 0;
    CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), 5);
  }
  end(&f);
}
TEST(close_notify_is_reported_as_eof) { in_all_ways(clean_end); }

static void truncated(enum form form, int server) {
  struct fixture f;
  int dirty;
  for (dirty = 0; dirty < 2; ++dirty) {
    connect_both(&f, form, server);
    if (CHECK_FAILED()) return;
    bufferevent_openssl_set_allow_dirty_shutdown(f.bev, dirty);
    tls_peer_write(&f.peer, "last", 4);
    tls_peer_receive(&f.peer);
    close(f.fds[1]);
    f.peer.fd = -1;
    turn();
    if (ours()) {
      CHECK_LOG(dirty ? "a:r4 a:e11 " : "a:r4 a:e21 ");
    } else {
      log_text[0] = 0;
    }
    end(&f);
  }
}
TEST(eof_without_close_notify_is_an_error_unless_allowed) { in_all_ways(truncated); }

static void mid_record(enum form form, int server) {
  struct fixture f;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  tls_peer_write(&f.peer, "whole", 5);
  SSL_write(f.peer.ssl, "never seen", 10);
  CHECK_INT_EQ(tls_peer_send(&f.peer, 12), 12);
  turn();
  CHECK_LOG("a:r5 ");
  tls_peer_receive(&f.peer);
  close(f.fds[1]);
  f.peer.fd = -1;
  turn();
  if (ours()) CHECK_LOG("a:e21 ");
  log_text[0] = 0;
  end(&f);
}
TEST(eof_within_a_record_is_an_error) { in_all_ways(mid_record); }

static void spoilt(enum form form, int server) {
  struct fixture f;
  char record[64];
  int length;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  SSL_write(f.peer.ssl, "whole", 5);
  length = BIO_read(f.peer.out, record, sizeof(record));
  record[length - 1] ^= 1;
  send(f.fds[1], record, (size_t)length, 0);
  turn();
  CHECK_LOG("a:e21 ");
  CHECK_INT_NE(bufferevent_get_openssl_error(f.bev), 0);
  end(&f);
}
TEST(a_corrupted_record_is_an_error) { in_all_ways(spoilt); }

static void close_notify_sent(enum form form, int server) {
  struct fixture f;
  char text[64];
  if (!ours()) return;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  bufferevent_write(f.bev, "bye", 3);
  turn();
  bufferevent_free(f.bev);
  f.bev = NULL;
  turn();
  CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), 3);
  CHECK_INT_LE(tls_peer_read(&f.peer, text, sizeof(text)), 0);
  CHECK_INT_EQ(SSL_get_shutdown(f.peer.ssl), SSL_RECEIVED_SHUTDOWN);
  CHECK(f.peer.received_end);
  log_text[0] = 0;
  end(&f);

  /* Not when something is missing. */
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  bufferevent_disable(f.bev, EV_WRITE);
  bufferevent_write(f.bev, "lost", 4);
  bufferevent_free(f.bev);
  f.bev = NULL;
  turn();
  CHECK_INT_LE(tls_peer_read(&f.peer, text, sizeof(text)), 0);
  CHECK_INT_EQ(SSL_get_shutdown(f.peer.ssl), 0);
  CHECK(f.peer.received_end);
  end(&f);
}
TEST(freeing_sends_close_notify_if_all_output_was_sent) { in_all_ways(close_notify_sent); }

static void shut_down_by_program(enum form form, int server) {
  struct fixture f;
  char text[64];
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  /* The usual way: the caller sends close_notify itself. */
  SSL_set_shutdown(bufferevent_openssl_get_ssl(f.bev), SSL_RECEIVED_SHUTDOWN);
  CHECK_INT_EQ(SSL_shutdown(bufferevent_openssl_get_ssl(f.bev)), 1);
  if (form == over_bufferevent) turn();
  log_text[0] = 0;
  bufferevent_free(f.bev);
  f.bev = NULL;
  turn();
  CHECK_INT_LE(tls_peer_read(&f.peer, text, sizeof(text)), 0);
  CHECK_INT_EQ(SSL_get_shutdown(f.peer.ssl), SSL_RECEIVED_SHUTDOWN);
  CHECK_INT_EQ(BIO_pending(f.peer.in), 0);
  end(&f);
}
TEST(the_caller_may_send_close_notify_itself) { in_all_ways(shut_down_by_program); }

static void half_close(enum form form, int server) {
  struct fixture f;
  char text[64];
  if (!ours()) return;
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  bufferevent_write(f.bev, "all", 3);
  CHECK_INT_EQ(bufferevent_flush(f.bev, EV_WRITE, BEV_FINISHED), 0);
  turn();
  CHECK_LOG("a:w0 ");
  CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), 3);
  CHECK_INT_LE(tls_peer_read(&f.peer, text, sizeof(text)), 0);
  CHECK_INT_EQ(SSL_get_shutdown(f.peer.ssl), SSL_RECEIVED_SHUTDOWN);
  CHECK(!f.peer.received_end);
  if (SSL_version(f.peer.ssl) == TLS1_3_VERSION) {
    tls_peer_write(&f.peer, "answer", 6);
    turn();
    CHECK_LOG("a:r6 ");
  }
  end(&f);
}
TEST(flush_finished_closes_one_direction) { in_all_ways(half_close); }

/* --- timeouts ------------------------------------------------------------------------------------------- */

static void timeouts(enum form form, int server) {
  const struct timeval soon = {0, 15000};
  struct fixture f;
  static char text[2000000];
  connect_both(&f, form, server);
  if (CHECK_FAILED()) return;
  bufferevent_set_timeouts(f.bev, &soon, NULL);
  run_for(25);
  CHECK_INT_EQ(strncmp(log_text, "a:e41 ", 6), 0);
  if (ours()) CHECK_INT_EQ(bufferevent_get_enabled(f.bev), EV_READ | EV_WRITE);
  bufferevent_enable(f.bev, EV_READ);
  bufferevent_set_timeouts(f.bev, NULL, NULL);
  log_text[0] = 0;
  tls_peer_write(&f.peer, "late", 4);
  turn();
  CHECK_LOG("a:r4 ");
  bufferevent_set_timeouts(f.bev, NULL, &soon);
  bufferevent_write(f.bev, text, sizeof(text));
  run_for(40);
  if (ours() || form == over_socket) CHECK(strstr(log_text, "a:e42 ") != NULL);
  log_text[0] = 0;
  end(&f);
}
TEST(timeouts_are_reported_with_their_direction) { in_all_ways(timeouts); }

static void no_descriptor(enum form form, int server) {
  const struct timeval soon = {0, 15000};
  struct fixture f;
  if (form == over_bufferevent) return; /* the underlying bufferevent has the fd */
  make_pair(f.fds);
  f.bev = make_tls(form, -1, server, BEV_OPT_CLOSE_ON_FREE, "a");
  f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
  bufferevent_enable(f.bev, EV_READ);
  bufferevent_disable(f.bev, EV_WRITE);
  bufferevent_set_timeouts(f.bev, &soon, NULL);
  run_for(25);
  CHECK_INT_EQ(strncmp(log_text, "a:e40 ", 6), 0);
  bufferevent_set_timeouts(f.bev, NULL, NULL);
  log_text[0] = 0;
  run_for(25);
  CHECK_LOG("");
  bufferevent_enable(f.bev, EV_WRITE);
  bufferevent_set_timeouts(f.bev, NULL, &soon);
  run_for(25);
  CHECK_INT_EQ(strncmp(log_text, "a:e40 ", 6), 0);
  log_text[0] = 0;
  bufferevent_set_timeouts(f.bev, NULL, NULL);
  bufferevent_setfd(f.bev, f.fds[0]);
  shake_hands(&f);
  if (ours()) CHECK_LOG("a:e80 ");
  log_text[0] = 0;
  end(&f);
}
TEST(timeouts_run_without_an_fd) { in_all_ways(no_descriptor); }

/* --- free in every callback ----------------------------------------------------------------------------- */

enum { at_read = 1, at_write = 2 }; /* or one of the events, which are greater */
static int free_at;
static int frees;
static void free_if(int here, struct bufferevent *bev) {
  if (!here) return;
  ++frees;
  bufferevent_free(bev);
}
static void free_on_read(struct bufferevent *bev, void *arg) {
  (void)arg;
  free_if(free_at == at_read, bev);
}
static void free_on_write(struct bufferevent *bev, void *arg) {
  (void)arg;
  free_if(free_at == at_write, bev);
}
static void free_on_event(struct bufferevent *bev, short what, void *arg) {
  (void)arg;
  free_if(free_at > at_write && (free_at & what), bev);
}

static void frees_itself(enum form form, int server) {
  static const int points[] = {at_read, at_write, BEV_EVENT_CONNECTED, BEV_EVENT_EOF, BEV_EVENT_ERROR};
  static const int options[] = {0, BEV_OPT_DEFER_CALLBACKS,
                                BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS};
  size_t i, o;
  for (o = 0; o < 3; ++o) {
    for (i = 0; i < 5; ++i) {
      struct fixture f;
      free_at = points[i];
      frees = 0;
      make_pair(f.fds);
      f.bev = make_tls(form, f.fds[0], server, BEV_OPT_CLOSE_ON_FREE | options[o], "a");
      CHECK(f.bev != NULL);
      f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
      bufferevent_setcb(f.bev, free_on_read, free_on_write, free_on_event, NULL);
      bufferevent_enable(f.bev, EV_READ | EV_WRITE);
      shake_hands(&f);
      if (!frees && free_at == at_write) bufferevent_write(f.bev, "x", 1);
      if (!frees) SSL_write(f.peer.ssl, "some", 4);
      if (!frees && free_at == BEV_EVENT_EOF) SSL_shutdown(f.peer.ssl);
      if (!frees) tls_peer_send(&f.peer, 1L << 30);
      if (!frees && free_at == BEV_EVENT_ERROR)
        CHECK_INT_EQ(send(f.fds[1], "\27\3\3\0\377garbage", 12, 0), 12);
      if (!frees && free_at == BEV_EVENT_ERROR) {
        close(f.fds[1]);
        f.peer.fd = -1;
      }
      turn();
      CHECK_INT_EQ(frees, 1);
      CHECK(!is_open(f.fds[0]));
      tls_peer_free(&f.peer);
    }
  }
}
TEST(the_bufferevent_may_be_freed_in_every_callback) { in_all_ways(frees_itself); }

static void frees_everything(enum form form, int server) {
  if (ours()) frees_all(form, server);
}
TEST(bufferevent_and_session_may_be_freed_in_every_callback) { in_all_ways(frees_everything); }

TEST(data_received_before_a_failed_send_is_delivered) { in_all_ways(failed_send); }

/* Where the server's last records of the handshake, its tickets, cannot be sent. */
TEST(data_of_a_client_that_closed_before_the_tickets_is_delivered) {
  int form;
  for (form = over_socket; form <= over_bufferevent; ++form) {
    struct fixture f;
    use_version(TLS1_3_VERSION);
    begin(&f, (enum form)form, 1);
    bufferevent_setcb(f.bev, on_read, NULL, on_event, (void *)"a");
    bufferevent_enable(f.bev, EV_READ | EV_WRITE);
    tls_peer_move(&f.peer);
    turn();
    tls_peer_receive(&f.peer);
    CHECK_INT_EQ(SSL_do_handshake(f.peer.ssl), 1);
    CHECK_INT_EQ(SSL_write(f.peer.ssl, "early", 5), 5);
    SSL_shutdown(f.peer.ssl);
    tls_peer_send(&f.peer, 1L << 30);
    close(f.peer.fd);
    f.peer.fd = -1;
    turn();
    CHECK_LOG("a:e80 a:r5 a:e11 ");
    end(&f);
    drop_contexts();
  }
}

static void deferred(enum form form, int server) {
  struct fixture f;
  make_pair(f.fds);
  f.bev = make_tls(form, f.fds[0], server, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS, "a");
  f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
  bufferevent_enable(f.bev, EV_READ);
  bufferevent_write(f.bev, "first", 5);
  shake_hands(&f);
  tls_peer_write(&f.peer, "hello", 5);
  turn();
  CHECK_LOG("a:e80 a:w0 a:r5 ");
  end(&f);
}
TEST(callbacks_are_deferred_if_requested) { in_all_ways(deferred); }

/* --- ownership ------------------------------------------------------------------------------------------ */

static void constructor_fails(enum form form, int server) {
  const enum bufferevent_ssl_state state = server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;
  const int bad = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_UNLOCK_CALLBACKS;
  struct bufferevent *under = NULL;
  struct fixture f;
  SSL *ssl;
  if (!ours()) return;
  ssl = SSL_new(server ? server_ctx : client_ctx);
  make_pair(f.fds);
  if (form == over_bufferevent) {
    under = bufferevent_socket_new(base, f.fds[0], BEV_OPT_CLOSE_ON_FREE);
    CHECK(bufferevent_openssl_filter_new(base, under, ssl, state, bad) == NULL);
    CHECK(bufferevent_openssl_filter_new(base, under, NULL, state, 0) == NULL);
    f.bev = bufferevent_openssl_filter_new(base, under, ssl, state, BEV_OPT_CLOSE_ON_FREE);
  } else {
    CHECK(bufferevent_openssl_socket_new(base, f.fds[0], ssl, state, bad) == NULL);
    CHECK(bufferevent_openssl_socket_new(base, f.fds[0], NULL, state, 0) == NULL);
    f.bev = bufferevent_openssl_socket_new(base, f.fds[0], ssl, state, BEV_OPT_CLOSE_ON_FREE);
  }
  /* Nothing was closed, freed or changed: the same things still make a bufferevent. */
  CHECK(f.bev != NULL);
  bufferevent_setcb(f.bev, on_read, on_write, on_event, (void *)"a");
  f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  end(&f);
}
TEST(a_failed_constructor_leaves_ownership_with_the_caller) { in_all_ways(constructor_fails); }

TEST(an_fd_other_than_that_of_the_session_is_rejected) {
  evutil_socket_t fds[2];
  SSL *ssl;
  use_version(TLS1_3_VERSION);
  ssl = SSL_new(server_ctx);
  make_pair(fds);
  SSL_set_fd(ssl, fds[0]);
  CHECK(bufferevent_openssl_socket_new(base, fds[1], ssl, BUFFEREVENT_SSL_ACCEPTING, 0) == NULL);
  CHECK_INT_EQ(SSL_get_fd(ssl), fds[0]);
  SSL_free(ssl);
  close(fds[0]);
  close(fds[1]);
  drop_contexts();
}

/* A bufferevent that does not own its session, and has read the first two of eight bytes. */
static void begin_with_input_left(struct fixture *f, enum form form, int server) {
  make_pair(f->fds);
  f->bev = make_tls(form, f->fds[0], server, 0, "a");
  f->peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f->fds[1]);
  bufferevent_setwatermark(f->bev, EV_READ, 0, 2);
  bufferevent_enable(f->bev, EV_READ);
  shake_hands(f);
  CHECK_LOG("a:e80 ");
  SSL_write(f->peer.ssl, "abcd", 4);
  SSL_write(f->peer.ssl, "efgh", 4);
  tls_peer_send(&f->peer, 1L << 30);
  turn();
  CHECK_LOG("a:r2 ");
}

static void keeps_session(enum form form, int server) {
  struct bufferevent *under = NULL;
  struct fixture f;
  char text[64];
  SSL *ssl;
  if (form == over_bufferevent || !ours()) return;
  begin(&f, form, server);
  bufferevent_free(f.bev);
  CHECK(!is_open(f.fds[0]));
  tls_peer_free(&f.peer);

  /* Without BEV_OPT_CLOSE_ON_FREE both stay usable, including data received before. */
  begin_with_input_left(&f, form, server);
  if (CHECK_FAILED()) return;
  ssl = bufferevent_openssl_get_ssl(f.bev);
  bufferevent_free(f.bev);
  f.bev = NULL;
  turn();
  CHECK(is_open(f.fds[0]));
  CHECK_INT_EQ(SSL_get_fd(ssl), f.fds[0]);
  CHECK_INT_EQ(SSL_read(ssl, text, sizeof(text)), 2);
  CHECK_INT_EQ(SSL_read(ssl, text, sizeof(text)), 4);
  CHECK_MEM_EQ(text, "efgh", 4);
  tls_peer_write(&f.peer, "more", 4);
  CHECK_INT_EQ(SSL_read(ssl, text, sizeof(text)), 4);
  CHECK_INT_EQ(SSL_write(ssl, "reply", 5), 5);
  CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), 5);

  /* And another bufferevent may go on with them. */
  f.bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_OPEN, BEV_OPT_CLOSE_ON_FREE);
  CHECK(f.bev != NULL);
  CHECK_INT_EQ(bufferevent_getfd(f.bev), f.fds[0]);
  bufferevent_setcb(f.bev, on_read, on_write, on_event, (void *)"b");
  bufferevent_enable(f.bev, EV_READ);
  tls_peer_write(&f.peer, "again", 5);
  turn();
  CHECK_LOG("b:r5 ");
  (void)under;
  end(&f);
}
TEST(session_and_socket_stay_open_without_close_on_free) { in_all_ways(keeps_session); }

/* A bufferevent that is freed in the midst of data, and another that goes on with the session. */
static void goes_on(enum form form, int server) {
  static char text[400000];
  struct fixture f;
  size_t total = 0, sent;
  int got, i;
  SSL *ssl;
  if (form == over_bufferevent || !ours()) return;
  begin_with_input_left(&f, form, server);
  if (CHECK_FAILED()) return;
  ssl = bufferevent_openssl_get_ssl(f.bev);
  /* More than the kernel takes: it ends within a record, and the rest of that waits. */
  for (i = 0; i < 4; ++i) bufferevent_write(f.bev, text, sizeof(text));
  turn();
  sent = 4 * sizeof(text) - output_length(f.bev);
  CHECK_INT_GT(output_length(f.bev), 0);
  log_text[0] = 0;
  bufferevent_free(f.bev);

  f.bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_OPEN, BEV_OPT_CLOSE_ON_FREE);
  CHECK(f.bev != NULL);
  bufferevent_setcb(f.bev, on_read, NULL, on_event, (void *)"b");
  bufferevent_enable(f.bev, EV_READ);
  turn();
  CHECK_LOG("b:r6 ");
  bufferevent_write(f.bev, "end", 3);
  for (i = 0; i < 200; ++i) {
    while ((got = tls_peer_read(&f.peer, text, sizeof(text))) > 0) {
      total += (size_t)got;
      if (got >= 3 && !memcmp(text + got - 3, "end", 3)) i = 1000;
    }
    turn();
  }
  CHECK_INT_GE(i, 1000);
  CHECK_INT_GE(total, sent + 3);
  CHECK_LOG("");
  end(&f);
}
TEST(a_new_bufferevent_continues_a_session_with_unsent_data) { in_all_ways(goes_on); }

/* The same, and the program goes on itself. */
static void goes_on_itself(enum form form, int server) {
  static char text[400000];
  struct fixture f;
  int got = 0, put = 0, i;
  SSL *ssl;
  if (form == over_bufferevent || !ours()) return;
  make_pair(f.fds);
  f.bev = make_tls(form, f.fds[0], server, 0, "a");
  f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
  ssl = bufferevent_openssl_get_ssl(f.bev);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  for (i = 0; i < 4; ++i) bufferevent_write(f.bev, text, sizeof(text));
  turn();
  CHECK_INT_GT(output_length(f.bev), 0);
  log_text[0] = 0;
  bufferevent_free(f.bev);
  f.bev = NULL;
  CHECK_INT_EQ(SSL_write(ssl, "end", 3), -1);
  CHECK_INT_EQ(SSL_get_error(ssl, -1), SSL_ERROR_WANT_WRITE);
  for (i = 0; i < 200; ++i) {
    while ((got = tls_peer_read(&f.peer, text, sizeof(text))) > 0) {
      if (got >= 3 && !memcmp(text + got - 3, "end", 3)) i = 1000;
    }
    if (put <= 0) put = SSL_write(ssl, "end", 3);
  }
  CHECK_INT_EQ(put, 3);
  CHECK_INT_GE(i, 1000);
  SSL_free(ssl);
  close(f.fds[0]);
  end(&f);
}
TEST(the_caller_continues_a_session_with_unsent_data) { in_all_ways(goes_on_itself); }

static void keeps_underlying(enum form form, int server) {
  struct bufferevent *under;
  struct fixture f;
  SSL *ssl;
  if (form == over_socket || !ours()) return;
  make_pair(f.fds);
  under = bufferevent_socket_new(base, f.fds[0], BEV_OPT_CLOSE_ON_FREE);
  ssl = SSL_new(server ? server_ctx : client_ctx);
  f.bev = bufferevent_openssl_filter_new(base, under, ssl,
                                         server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING, 0);
  CHECK(bufferevent_get_underlying(f.bev) == under);
  turn();
  bufferevent_free(f.bev);
  SSL_free(ssl);
  bufferevent_setcb(under, on_read, NULL, NULL, (void *)"u");
  bufferevent_enable(under, EV_READ);
  CHECK_INT_EQ(send(f.fds[1], "plain", 5, 0), 5);
  turn();
  CHECK_LOG("u:r5 ");
  bufferevent_free(under);
  close(f.fds[1]);
}
TEST(the_underlying_bufferevent_stays_usable_without_close_on_free) { in_all_ways(keeps_underlying); }

/* A BIO of the program's own that has a descriptor is used as it is. */
static void own_bio(enum form form, int server) {
  struct fixture f;
  static char text[300000];
  size_t total = 0;
  int got, i;
  SSL *ssl;
  BIO *bio;
  if (form != over_socket) return;
  make_pair(f.fds);
  ssl = SSL_new(server ? server_ctx : client_ctx);
  bio = BIO_new_fd(f.fds[0], BIO_NOCLOSE);
  SSL_set_bio(ssl, bio, bio);
  f.bev = bufferevent_openssl_socket_new(
      base, -1, ssl, server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
  CHECK(f.bev != NULL);
  CHECK(SSL_get_wbio(ssl) == bio);
  bufferevent_setcb(f.bev, on_read, on_write, on_event, (void *)"a");
  bufferevent_enable(f.bev, EV_READ);
  f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  bufferevent_write(f.bev, text, sizeof(text));
  for (i = 0; i < 200 && total < sizeof(text); ++i) {
    turn();
    while ((got = tls_peer_read(&f.peer, text, sizeof(text))) > 0) total += (size_t)got;
  }
  CHECK_INT_EQ(total, sizeof(text));
  log_text[0] = 0;
  tls_peer_write(&f.peer, text, 40000);
  for (i = 0; i < 20 && input_length(f.bev) < 40000; ++i) turn();
  CHECK_INT_EQ(input_length(f.bev), 40000);
  evbuffer_drain(bufferevent_get_input(f.bev), 40000);
  log_text[0] = 0;
  fail_to_send(&f);
  end(&f);
}
TEST(a_bio_supplied_by_the_caller_is_used_unchanged) { in_all_ways(own_bio); }

/* But not by a filter, which uses the underlying bufferevent instead. */
static void own_bio_filtered(enum form form, int server) {
  struct bufferevent *under;
  evutil_socket_t other[2];
  struct fixture f;
  SSL *ssl;
  BIO *bio;
  if (form != over_bufferevent || !ours()) return;
  make_pair(f.fds);
  make_pair(other);
  ssl = SSL_new(server ? server_ctx : client_ctx);
  bio = BIO_new_fd(other[0], BIO_NOCLOSE);
  SSL_set_bio(ssl, bio, bio);
  under = bufferevent_socket_new(base, f.fds[0], BEV_OPT_CLOSE_ON_FREE | threadsafe());
  f.bev = bufferevent_openssl_filter_new(base, under, ssl,
                                         server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING,
                                         BEV_OPT_CLOSE_ON_FREE | threadsafe());
  CHECK(f.bev != NULL);
  bufferevent_setcb(f.bev, on_read, on_write, on_event, (void *)"a");
  bufferevent_enable(f.bev, EV_READ);
  f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  end(&f);
  close(other[0]);
  close(other[1]);
}
TEST(a_filter_replaces_a_bio_supplied_by_the_caller) { in_all_ways(own_bio_filtered); }

/* --- descriptors and connecting ------------------------------------------------------------------------- */

static void late_fd(enum form form, int server) {
  struct fixture f;
  if (form != over_socket) return;
  make_pair(f.fds);
  f.bev = make_tls(form, -1, server, BEV_OPT_CLOSE_ON_FREE, "a");
  CHECK_INT_EQ(bufferevent_getfd(f.bev), -1);
  bufferevent_enable(f.bev, EV_READ);
  turn();
  CHECK_INT_EQ(bufferevent_setfd(f.bev, f.fds[0]), 0);
  CHECK_INT_EQ(bufferevent_getfd(f.bev), f.fds[0]);
  f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
  shake_hands(&f);
  tls_peer_write(&f.peer, "hello", 5);
  turn();
  CHECK_LOG("a:e80 a:r5 ");
  end(&f);
}
TEST(the_fd_may_be_set_later) { in_all_ways(late_fd); }

static evutil_socket_t listen_here(struct sockaddr_in *address, int backlog) {
  socklen_t length = sizeof(*address);
  evutil_socket_t fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(address, 0, sizeof(*address));
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)address, sizeof(*address)) != 0) return -1;
  if (backlog >= 0 && listen(fd, backlog) != 0) return -1;
  if (getsockname(fd, (struct sockaddr *)address, &length) != 0) return -1;
  return fd;
}

static void connects(enum form form, int by_name) {
  struct sockaddr_in address;
  struct fixture f;
  char text[64];
  evutil_socket_t listener;
  if (form != over_socket) return;
  listener = listen_here(&address, 5);
  CHECK_INT_GE(listener, 0);
  f.bev = make_tls(form, -1, 0, BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_enable(f.bev, EV_READ | EV_WRITE);
  bufferevent_write(f.bev, "early", 5);
  if (by_name) {
    CHECK_INT_EQ(
        bufferevent_socket_connect_hostname(f.bev, NULL, AF_INET, "127.0.0.1", ntohs(address.sin_port)), 0);
  } else {
    CHECK_INT_EQ(bufferevent_socket_connect(f.bev, (struct sockaddr *)&address, sizeof(address)), 0);
  }
  turn();
  /* The connection is there, the handshake is not done. */
  CHECK_LOG("");
  f.peer = tls_peer_new(server_ctx, 1, accept(listener, NULL, NULL));
  CHECK_INT_GE(f.peer.fd, 0);
  shake_hands(&f);
  CHECK_LOG("a:e80 a:w0 ");
  CHECK_INT_EQ(tls_peer_read(&f.peer, text, sizeof(text)), 5);
  end(&f);
  close(listener);
}
TEST(connected_is_reported_after_the_handshake) { in_all_ways(connects); }

static void refused(enum form form, int server) {
  struct sockaddr_in address;
  evutil_socket_t port = listen_here(&address, -1);
  struct bufferevent *bev;
  if (form == over_socket && !server) {
    bev = make_tls(form, -1, 0, BEV_OPT_CLOSE_ON_FREE, "a");
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&address, sizeof(address)), 0);
    run_for(20);
    if (ours()) CHECK_LOG("a:e20 ");
    log_text[0] = 0;
    bufferevent_free(bev);
  }
  close(port);
}
TEST(a_refused_connection_causes_one_error_event) { in_all_ways(refused); }

TEST(a_refused_connection_can_be_retried) {
  if (!ours()) return;
  use_version(TLS1_3_VERSION);
  refused_at_first();
  drop_contexts();
}

static void priorities(enum form form, int server) {
  struct event_base *other = event_base_new(), *first = base;
  struct fixture f;
  if (form == over_socket) {
    event_base_priority_init(other, 4);
    make_pair(f.fds);
    f.bev = make_tls(form, f.fds[0], server, BEV_OPT_CLOSE_ON_FREE, "a");
    if (ours()) {
      CHECK_INT_EQ(bufferevent_base_set(other, f.bev), 0);
      CHECK_INT_EQ(bufferevent_priority_set(f.bev, 1), 0);
      CHECK_INT_EQ(bufferevent_get_priority(f.bev), 1);
      CHECK(bufferevent_get_base(f.bev) == other);
      base = other;
    }
    f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
    shake_hands(&f);
    CHECK_LOG("a:e80 ");
    end(&f);
    base = first;
  }
  event_base_free(other);
}
TEST(base_and_priority_can_be_set) { in_all_ways(priorities); }

/* --- threads -------------------------------------------------------------------------------------------- */

#ifndef EVENT__DISABLE_THREAD_SUPPORT
static void *serve_other(void *other) {
  event_base_loop(other, EVLOOP_NO_EXIT_ON_EMPTY);
  return NULL;
}

static void echo(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

/* One end's loop runs in another thread, while this one switches, writes to and at last frees that end. */
static void two_threads(enum form form, int server) {
  struct event_base *here = base, *there;
  struct bufferevent *mine, *other;
  evutil_socket_t fds[2];
  pthread_t thread;
  int i;
  if (!threadsafe() || !ours()) return;
  there = event_base_new();
  make_pair(fds);
  base = there;
  other = make_tls(form, fds[0], server, BEV_OPT_CLOSE_ON_FREE, "b");
  base = here;
  mine = make_tls(over_socket, fds[1], !server, BEV_OPT_CLOSE_ON_FREE, "a");
  CHECK(mine != NULL && other != NULL);
  bufferevent_setcb(mine, NULL, NULL, NULL, NULL);
  bufferevent_setcb(other, echo, NULL, NULL, NULL);
  bufferevent_enable(other, EV_READ);
  bufferevent_enable(mine, EV_READ);
  CHECK_INT_EQ(pthread_create(&thread, NULL, serve_other, there), 0);
  for (i = 0; i < 50; ++i) {
    bufferevent_write(mine, "0123456789", 10);
    bufferevent_disable(other, EV_READ);
    bufferevent_enable(other, EV_READ);
    bufferevent_write(other, "abcdefghij", 10);
    event_base_loop(base, EVLOOP_NONBLOCK);
  }
  for (i = 0; i < 2000 && input_length(mine) < 1000; ++i) run_for(1);
  CHECK_INT_EQ(input_length(mine), 1000);
  bufferevent_write(mine, "more", 4);
  event_base_loop(base, EVLOOP_NONBLOCK);
  bufferevent_free(other);
  event_base_loopbreak(there);
  pthread_join(thread, NULL);
  bufferevent_free(mine);
  turn();
  event_base_free(there);
}
TEST(another_thread_may_use_and_free_the_bufferevent) { in_all_ways(two_threads); }
#else
TEST(another_thread_may_use_and_free_the_bufferevent) {}
#endif

int main(int argc, char **argv) {
  if (!begin_program()) return 1;
  RUN_TESTS(
      a_new_bufferevent_has_the_documented_state, tls_functions_reject_other_bufferevents,
      the_handshake_proceeds_by_itself_and_is_reported_once,
      the_handshake_pauses_while_both_directions_are_disabled, a_handshake_may_arrive_byte_by_byte,
      output_is_sent_after_the_handshake, garbage_instead_of_a_handshake_is_an_error,
      eof_during_the_handshake_is_an_error, an_untrusted_certificate_fails_the_handshake,
      a_handshake_timeout_is_reported_without_a_direction, an_open_session_is_adopted_with_its_buffered_data,
      server_name_and_alpn_are_set_on_the_session, sessions_are_resumed_by_ticket,
      renegotiation_succeeds_where_the_protocol_supports_it, a_peer_may_renegotiate, data_goes_both_ways,
      megabytes_cross_in_both_directions, megabytes_cross_over_a_pair,
      a_watermark_over_a_pair_does_not_stall_data, input_held_back_by_a_limit_is_delivered_without_new_bytes,
      many_records_are_read_in_one_iteration, a_rate_limit_does_not_stall_data, small_writes_share_records,
      ssl_flags_are_set_and_cleared, output_stays_buffered_until_the_kernel_accepts_it,
      close_notify_is_reported_as_eof, eof_without_close_notify_is_an_error_unless_allowed,
      eof_within_a_record_is_an_error, a_corrupted_record_is_an_error,
      freeing_sends_close_notify_if_all_output_was_sent, the_caller_may_send_close_notify_itself,
      flush_finished_closes_one_direction, timeouts_are_reported_with_their_direction,
      timeouts_run_without_an_fd, the_bufferevent_may_be_freed_in_every_callback,
      bufferevent_and_session_may_be_freed_in_every_callback, data_received_before_a_failed_send_is_delivered,
      data_of_a_client_that_closed_before_the_tickets_is_delivered, callbacks_are_deferred_if_requested,
      a_failed_constructor_leaves_ownership_with_the_caller, an_fd_other_than_that_of_the_session_is_rejected,
      session_and_socket_stay_open_without_close_on_free,
      a_new_bufferevent_continues_a_session_with_unsent_data, the_caller_continues_a_session_with_unsent_data,
      the_underlying_bufferevent_stays_usable_without_close_on_free,
      a_bio_supplied_by_the_caller_is_used_unchanged, a_filter_replaces_a_bio_supplied_by_the_caller,
      the_fd_may_be_set_later, connected_is_reported_after_the_handshake,
      a_refused_connection_causes_one_error_event, a_refused_connection_can_be_retried,
      base_and_priority_can_be_set, another_thread_may_use_and_free_the_bufferevent);
}

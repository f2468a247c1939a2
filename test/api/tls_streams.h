/* A stream of bytes that depend on their position, sent by the peer to a TLS bufferevent of any engine, and
 * the check of what its read callbacks receive. */
#ifndef EVENTIDE_TEST_API_TLS_STREAMS_H
#define EVENTIDE_TEST_API_TLS_STREAMS_H

#include "api/tls_fixture.h"

enum { slice = 16384, stream_size = 60000 };

/* --- the data of one read callback ------------------------------------------------------------------------
 */

/* Records of the read callbacks for a stream of byte_at(). */
static struct {
  size_t received, wrong, largest, calls;
  size_t act_at; /* the call in which the callback does something, 0 for none */
  void (*act)(struct bufferevent *bev);
} seen;

TLS_SHARED void take_all(struct bufferevent *bev, void *arg) {
  static unsigned char piece[stream_size];
  size_t size = input_length(bev), i;
  (void)arg;
  if (size > seen.largest) seen.largest = size;
  size = bufferevent_read(bev, piece, sizeof(piece));
  for (i = 0; i < size; ++i) seen.wrong += piece[i] != byte_at(seen.received + i);
  seen.received += size;
  if (++seen.calls == seen.act_at) seen.act(bev);
}

TLS_SHARED void forget_seen(size_t act_at, void (*act)(struct bufferevent *)) {
  memset(&seen, 0, sizeof(seen));
  seen.act_at = act_at;
  seen.act = act;
}

/* Encrypts the bytes of a stream from a position on; they go on the wire by tls_peer_send(). */
TLS_SHARED void encrypt_stream(struct tls_peer *peer, size_t from, size_t size) {
  static unsigned char text[stream_size];
  size_t i;
  for (i = 0; i < size; ++i) text[i] = byte_at(from + i);
  CHECK_INT_EQ(SSL_write(peer->ssl, text, (int)size), size);
}

TLS_SHARED void connect_for_stream(struct fixture *f, enum form form, int server) {
  const int room = 4 * stream_size;
  connect_both(f, form, server);
  if (CHECK_FAILED()) return;
  setsockopt(f->fds[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  bufferevent_setcb(f->bev, take_all, NULL, on_event, (void *)"a");
}

/* The same, with the first `size` bytes encrypted; `act` runs in the call `act_at`, 0 for none. */
TLS_SHARED void begin_stream(struct fixture *f, enum form form, int server, size_t size, size_t act_at,
                             void (*act)(struct bufferevent *)) {
  connect_for_stream(f, form, server);
  if (CHECK_FAILED()) return;
  forget_seen(act_at, act);
  encrypt_stream(&f->peer, 0, size);
}

TLS_SHARED void check_whole_stream(void) {
  CHECK_INT_EQ(seen.received, stream_size);
  CHECK_INT_EQ(seen.wrong, 0);
}

/* All that waits, while the loop takes it. */
TLS_SHARED void send_all(struct fixture *f) {
  int i;
  for (i = 0; i < 100 && tls_peer_send(&f->peer, 1L << 30) > 0; ++i) turn();
  turn();
}

TLS_SHARED void slices(enum form form, int server) {
  static const size_t maxima[] = {0, 5000, 40000};
  struct fixture f;
  size_t i;
  for (i = 0; i < 3; ++i) {
    begin_stream(&f, form, server, stream_size, 0, NULL);
    if (CHECK_FAILED()) return;
    if (maxima[i]) bufferevent_set_max_single_read(f.bev, maxima[i]);
    send_all(&f);
    check_whole_stream();
    /* libevent takes no notice of the maximum. */
    if (ours()) CHECK_INT_LE(seen.largest, maxima[i] ? maxima[i] : slice);
    if (!ours()) CHECK_INT_LE(seen.largest, slice);
    /* A larger maximum gives larger slices. */
    if (ours() && form == over_socket && maxima[i] > slice) CHECK_INT_GT(seen.largest, slice);
    CHECK_LOG("");
    end(&f);
  }
}

TLS_SHARED void stop_reading(struct bufferevent *bev) { bufferevent_disable(bev, EV_READ); }

TLS_SHARED void end_held_back(enum form form, int server) {
  struct fixture f;
  if (!ours()) return;
  begin_stream(&f, form, server, 4, 1, stop_reading);
  if (CHECK_FAILED()) return;
  SSL_shutdown(f.peer.ssl);
  send_all(&f);
  CHECK_INT_EQ(seen.received, 4);
  CHECK_LOG("");
  bufferevent_enable(f.bev, EV_READ);
  CHECK_LOG("");
  turn();
  CHECK_LOG("a:e11 ");
  turn();
  CHECK_LOG("");
  end(&f);
}

/* The program ends its side without close_notify, which OpenSSL 3 at the other answers with a fatal alert. */
TLS_SHARED void early_end_is_answered(enum form form, int server) {
  struct fixture f;
  int dirty;
  if (!ours()) return;
  for (dirty = 0; dirty < 2; ++dirty) {
    char text[4];
    connect_both(&f, form, server);
    if (CHECK_FAILED()) return;
    if (dirty) bufferevent_ssl_set_flags(f.bev, BUFFEREVENT_SSL_DIRTY_SHUTDOWN);
    shutdown(f.fds[0], SHUT_WR);
    tls_peer_receive(&f.peer);
    CHECK(f.peer.received_end);
    BIO_set_mem_eof_return(f.peer.in, 0);
    CHECK_INT_LE(SSL_read(f.peer.ssl, text, sizeof(text)), 0);
    ERR_clear_error();
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    CHECK_INT_GT(tls_peer_send(&f.peer, 1L << 30), 0);
    turn();
    CHECK_LOG(dirty ? "a:e11 " : "a:e21 ");
#endif
    end(&f);
  }
}

#endif

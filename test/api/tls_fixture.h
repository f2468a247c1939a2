/* Shared by the tests of TLS bufferevents of all engines: a bufferevent under test, a peer over OpenSSL that
 * is driven byte by byte, a log of callbacks, and a transfer of megabytes between two bufferevents. */
#ifndef EVENTIDE_TEST_API_TLS_FIXTURE_H
#define EVENTIDE_TEST_API_TLS_FIXTURE_H

#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/un.h>

#include "api/bufferevent_log.h"
#include "api/check.h"
#include "api/tls_openssl.h"
#include "support/socket_room.h"

TLS_SHARED struct event_base *base;
TLS_SHARED SSL_CTX *server_ctx, *client_ctx;

/* The tests also run on libevent. */
TLS_SHARED int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

/* With threads enabled all of it runs with locks. */
TLS_SHARED int threadsafe(void) { return getenv("EVENTIDE_TEST_THREADS") ? BEV_OPT_THREADSAFE : 0; }

/* To be called first in main(). Returns 0 on failure. */
TLS_SHARED int begin_program(void) {
  signal(SIGPIPE, SIG_IGN);
#ifndef EVENT__DISABLE_THREAD_SUPPORT
  if (getenv("EVENTIDE_TEST_THREADS")) evthread_use_pthreads();
#endif
  base = event_base_new();
  return base && tls_make_certificate();
}

TLS_SHARED void on_event(struct bufferevent *bev, short what, void *name) {
  (void)bev;
  note("%s:e%02x ", (char *)name, (unsigned)what);
}

/* Runs the loop until all work due now is done. */
TLS_SHARED void turn(void) {
  int i;
  for (i = 0; i < 12; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
}

TLS_SHARED void make_pair(evutil_socket_t fds[2]) {
  evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
  set_socket_room(fds[0], kUsualRoom);
  set_socket_room(fds[1], kUsualRoom);
  evutil_make_socket_nonblocking(fds[0]);
  evutil_make_socket_nonblocking(fds[1]);
}

enum form { over_socket, over_bufferevent };

/* The test's own: one of its engine, with the callbacks above, which log under that name. */
static struct bufferevent *make_tls(enum form form, evutil_socket_t fd, int server, int options,
                                    const char *name);

/* The session of one that the test made without BEV_OPT_CLOSE_ON_FREE, and its end. */
static void *session_of(struct bufferevent *bev);
static void free_session(void *session);

/* A bufferevent named "a", a peer, and the handshake between them. */
struct fixture {
  struct bufferevent *bev;
  struct tls_peer peer;
  evutil_socket_t fds[2];
};

TLS_SHARED void shake_hands(struct fixture *f) {
  int i;
  for (i = 0; i < 6; ++i) {
    turn();
    tls_peer_move(&f->peer);
  }
  turn();
}

TLS_SHARED void begin(struct fixture *f, enum form form, int server) {
  make_pair(f->fds);
  f->bev = make_tls(form, f->fds[0], server, BEV_OPT_CLOSE_ON_FREE, "a");
  f->peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f->fds[1]);
}

TLS_SHARED void connect_both(struct fixture *f, enum form form, int server) {
  begin(f, form, server);
  CHECK(f->bev != NULL);
  bufferevent_enable(f->bev, EV_READ | EV_WRITE);
  shake_hands(f);
  CHECK_LOG("a:e80 ");
}

TLS_SHARED void end(struct fixture *f) {
  if (f->bev) bufferevent_free(f->bev);
  tls_peer_free(&f->peer);
  turn();
}

/* Runs a test's body for both forms and both sides. */
typedef void (*body)(enum form form, int server);
TLS_SHARED void in_each_form(body run) {
  int form, server;
  for (form = over_socket; form <= over_bufferevent; ++form) {
    for (server = 0; server < 2 && !CHECK_FAILED(); ++server) {
      log_text[0] = 0;
      run((enum form)form, server);
      if (CHECK_FAILED()) {
        printf("with %s, %s\n", form == over_socket ? "socket" : "filter", server ? "server" : "client");
      }
    }
  }
}

/* In one callback a caller that owns everything frees the bufferevent, the session and the underlying
 * bufferevent, and closes the fd. */
enum { all_at_read = 1, all_at_write = 2 }; /* or one of the events, which are greater */
TLS_SHARED int all_at, all_freed;
TLS_SHARED void free_all(struct bufferevent *bev, void *arg) {
  struct bufferevent *under = bufferevent_get_underlying(bev);
  const evutil_socket_t fd = bufferevent_getfd(bev);
  void *session = session_of(bev);
  (void)arg;
  ++all_freed;
  bufferevent_free(bev);
  free_session(session);
  if (under) bufferevent_free(under);
  close(fd);
}
TLS_SHARED void free_all_on_read(struct bufferevent *bev, void *arg) {
  if (all_at == all_at_read) free_all(bev, arg);
}
TLS_SHARED void free_all_on_write(struct bufferevent *bev, void *arg) {
  if (all_at == all_at_write) free_all(bev, arg);
}
TLS_SHARED void free_all_on_event(struct bufferevent *bev, short what, void *arg) {
  if (all_at > all_at_write && (what & all_at)) free_all(bev, arg);
}
TLS_SHARED void free_all_on_change(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *bev) {
  (void)buffer;
  (void)info;
  if (all_at == 0) free_all(bev, NULL);
}

TLS_SHARED void frees_all(enum form form, int server) {
  static const int points[] = {all_at_read,   all_at_write,    BEV_EVENT_CONNECTED,
                               BEV_EVENT_EOF, BEV_EVENT_ERROR, 0};
  size_t i;
  for (i = 0; i < sizeof(points) / sizeof(points[0]); ++i) {
    struct fixture f;
    all_at = points[i];
    all_freed = 0;
    make_pair(f.fds);
    f.bev = make_tls(form, f.fds[0], server, 0, "a");
    CHECK(f.bev != NULL);
    f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
    bufferevent_setcb(f.bev, free_all_on_read, free_all_on_write, free_all_on_event, NULL);
    evbuffer_add_cb(bufferevent_get_input(f.bev), free_all_on_change, f.bev);
    bufferevent_enable(f.bev, EV_READ | EV_WRITE);
    shake_hands(&f);
    if (!all_freed && all_at == all_at_write) bufferevent_write(f.bev, "x", 1);
    if (!all_freed) SSL_write(f.peer.ssl, "some", 4);
    if (!all_freed) SSL_write(f.peer.ssl, "more", 4);
    if (!all_freed && all_at == BEV_EVENT_EOF) SSL_shutdown(f.peer.ssl);
    if (!all_freed) tls_peer_send(&f.peer, 1L << 30);
    if (!all_freed && all_at == BEV_EVENT_ERROR)
      CHECK_INT_EQ(send(f.fds[1], "\27\3\3\0\377garbage", 12, 0), 12);
    if (!all_freed && all_at == BEV_EVENT_ERROR) {
      close(f.fds[1]);
      f.peer.fd = -1;
    }
    turn();
    CHECK_INT_EQ(all_freed, 1);
    tls_peer_free(&f.peer);
  }
}

/* The peer replies and closes, and does not read output sent afterwards. */
TLS_SHARED void fail_to_send(struct fixture *f) {
  bufferevent_disable(f->bev, EV_READ);
  bufferevent_setcb(f->bev, on_read, NULL, on_event, (void *)"a");
  tls_peer_write(&f->peer, "reply", 5);
  SSL_shutdown(f->peer.ssl);
  tls_peer_send(&f->peer, 1L << 30);
  close(f->peer.fd);
  f->peer.fd = -1;
  turn();
  bufferevent_write(f->bev, "lost", 4);
  turn();
  CHECK_LOG("a:e22 ");
  bufferevent_enable(f->bev, EV_READ);
  turn();
  CHECK_LOG("a:r5 a:e11 ");
}
TLS_SHARED void failed_send(enum form form, int server) {
  struct fixture f;
  connect_both(&f, form, server);
  fail_to_send(&f);
  end(&f);
}

/* `port` is a socket bound to the address that does not listen at first. */
TLS_SHARED void refused_first(evutil_socket_t port, struct sockaddr *address, socklen_t length) {
  struct fixture f;
  int on = 1;
  log_text[0] = 0;
  f.bev = make_tls(over_socket, -1, 0, BEV_OPT_CLOSE_ON_FREE, "a");
  bufferevent_enable(f.bev, EV_READ | EV_WRITE);
  CHECK_INT_EQ(bufferevent_socket_connect(f.bev, address, (int)length), 0);
  while (!log_text[0]) event_base_loop(base, EVLOOP_ONCE);
  turn();
  CHECK_LOG("a:e20 ");
  bufferevent_disable(f.bev, EV_READ | EV_WRITE);
  turn();
  bufferevent_enable(f.bev, EV_READ | EV_WRITE);
  turn();
  CHECK_LOG("");
  CHECK_INT_EQ(listen(port, 1), 0);
  CHECK_INT_EQ(bufferevent_socket_connect(f.bev, address, (int)length), 0);
  /* Nothing is to wait for acknowledgements; a local socket knows of none. */
  setsockopt(bufferevent_getfd(f.bev), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  turn();
  f.peer = tls_peer_new(server_ctx, 1, accept(port, NULL, NULL));
  CHECK_INT_GE(f.peer.fd, 0);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  end(&f);
}

/* By TCP the refusal comes a moment later, by a local socket at once. */
TLS_SHARED void refused_at_first(void) {
  char directory[] = "/tmp/eventide-XXXXXX";
  struct sockaddr_in tcp;
  struct sockaddr_un local;
  socklen_t length = sizeof(tcp);
  evutil_socket_t port = socket(AF_INET, SOCK_STREAM, 0);
  memset(&tcp, 0, sizeof(tcp));
  tcp.sin_family = AF_INET;
  tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_INT_EQ(bind(port, (struct sockaddr *)&tcp, sizeof(tcp)), 0);
  CHECK_INT_EQ(getsockname(port, (struct sockaddr *)&tcp, &length), 0);
  refused_first(port, (struct sockaddr *)&tcp, sizeof(tcp));
  close(port);

  CHECK(mkdtemp(directory) != NULL);
  memset(&local, 0, sizeof(local));
  local.sun_family = AF_UNIX;
  snprintf(local.sun_path, sizeof(local.sun_path), "%s/s", directory);
  port = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK_INT_EQ(bind(port, (struct sockaddr *)&local, sizeof(local)), 0);
  refused_first(port, (struct sockaddr *)&local, sizeof(local));
  close(port);
  unlink(local.sun_path);
  rmdir(directory);
}

/* One side of a transfer: sends a sequence of bytes that depends on the position, checks the other's. */
#define TRANSFER_SIZE (6u << 20)
struct mover {
  struct bufferevent *bev;
  size_t sent, received, wrong;
  int connected, ended;
};

TLS_SHARED unsigned char byte_at(size_t position) { return (unsigned char)((position * 2654435761u) >> 11); }

/* Pieces of many sizes, so that records are copied together and split. */
TLS_SHARED void move_out(struct mover *m) {
  static const size_t sizes[] = {1, 17, 300, 4096, 16384, 70000, 5, 12000};
  static unsigned next;
  unsigned char piece[70000];
  while (m->sent < TRANSFER_SIZE && output_length(m->bev) < 200000) {
    size_t size = sizes[next++ % 8], i;
    if (size > TRANSFER_SIZE - m->sent) size = TRANSFER_SIZE - m->sent;
    for (i = 0; i < size; ++i) piece[i] = byte_at(m->sent + i);
    bufferevent_write(m->bev, piece, size);
    m->sent += size;
  }
}
TLS_SHARED void mover_read(struct bufferevent *bev, void *arg) {
  struct mover *m = arg;
  unsigned char piece[65536];
  int got, i;
  while ((got = evbuffer_remove(bufferevent_get_input(bev), piece, sizeof(piece))) > 0) {
    for (i = 0; i < got; ++i) m->wrong += piece[i] != byte_at(m->received + (size_t)i);
    m->received += (size_t)got;
  }
  m->wrong += m->received > TRANSFER_SIZE;
}
TLS_SHARED void mover_write(struct bufferevent *bev, void *arg) {
  (void)bev;
  move_out(arg);
}
TLS_SHARED void mover_event(struct bufferevent *bev, short what, void *arg) {
  struct mover *m = arg;
  (void)bev;
  if (what & BEV_EVENT_CONNECTED) {
    m->connected++;
    move_out(m);
  } else {
    m->ended |= what;
  }
}

TLS_SHARED void transfer(struct mover m[2]) {
  int i;
  for (i = 0; i < 2; ++i) {
    bufferevent_setcb(m[i].bev, mover_read, mover_write, mover_event, &m[i]);
    bufferevent_enable(m[i].bev, EV_READ | EV_WRITE);
  }
  for (i = 0; i < 200000; ++i) {
    if (m[0].received >= TRANSFER_SIZE && m[1].received >= TRANSFER_SIZE) break;
    event_base_loop(base, EVLOOP_ONCE);
  }
  for (i = 0; i < 2; ++i) {
    CHECK_INT_EQ(m[i].received, TRANSFER_SIZE);
    CHECK_INT_EQ(m[i].wrong, 0);
    CHECK_INT_EQ(m[i].connected, 1);
    CHECK_INT_EQ(m[i].ended, 0);
  }
}

#endif

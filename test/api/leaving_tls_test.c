/* Callbacks of TLS bufferevents that do not return. */
#include <event2/bufferevent_ssl.h>

#include "api/leaving.h"
#include "api/tls_openssl.h"

static SSL_CTX *contexts[2]; /* the client's, the server's */

static SSL *session(int server) { return SSL_new(contexts[server]); }
static enum bufferevent_ssl_state state(int server) {
  return server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;
}

/* --- the bufferevents --- */

static void make_tls_sockets(void) {
  evutil_socket_t fds[2];
  int i;
  make_pair(fds);
  for (i = 0; i < 2; ++i) {
    world.bevs[i] =
        bufferevent_openssl_socket_new(world.base, fds[i], session(i), state(i), bufferevent_options());
  }
}
static void put_tls_on_top(void) {
  int i;
  for (i = 0; i < 2; ++i) {
    world.bevs[i] = bufferevent_openssl_filter_new(world.base, world.bevs[i], session(i), state(i),
                                                   bufferevent_options());
  }
}
static void make_filters(void) {
  make_sockets();
  put_tls_on_top();
}
static void make_filters_over_a_pair(void) {
  make_bufferevent_pair();
  put_tls_on_top();
}
/* The session stays the program's too, which ends without freeing it. */
static void make_filter_on_borrowed_socket(void) {
  evutil_socket_t fds[2];
  make_pair(fds);
  world.bevs[2] = bufferevent_socket_new(world.base, fds[0], bufferevent_options());
  world.bevs[0] = bufferevent_openssl_filter_new(world.base, world.bevs[2], session(0), state(0),
                                                 bufferevent_options() & ~BEV_OPT_CLOSE_ON_FREE);
  world.bevs[1] =
      bufferevent_openssl_socket_new(world.base, fds[1], session(1), state(1), bufferevent_options());
}
static void make_filter_over_tls(void) {
  make_tls_sockets();
  put_filter_on_top();
}

static const struct carrier carriers[] = {
    {"TLS socket", make_tls_sockets},
    {"TLS filter over a socket", make_filters},
    {"TLS filter over a pair", make_filters_over_a_pair},
    {"TLS filter over a borrowed socket", make_filter_on_borrowed_socket},
    {"filter over a TLS socket", make_filter_over_tls},
};

/* --- causes of callbacks --- */

static void connected(void) { leave_bufferevent_at(AT_EVENT(BEV_EVENT_CONNECTED)); }

static void end_peer(struct bufferevent *peer, short what, void *arg) {
  (void)arg;
  if (!(what & BEV_EVENT_CONNECTED)) return;
  bufferevent_flush(peer, EV_WRITE, BEV_FINISHED);
  world.bevs[1] = NULL;
  bufferevent_free(peer);
}
static void end_of_file(void) {
  leave_bufferevent_at(AT_EVENT(BEV_EVENT_EOF | BEV_EVENT_ERROR));
  bufferevent_setcb(world.bevs[1], NULL, NULL, end_peer, NULL);
}
static void broken_handshake(void) {
  leave_bufferevent_at(AT_EVENT(BEV_EVENT_ERROR | BEV_EVENT_EOF));
  bufferevent_free(world.bevs[1]);
  world.bevs[1] = NULL;
}

static const struct cause causes[] = {
    {"connected", connected, 0},
    {"read", read_something, 0},
    {"write", written, 0},
    {"end", end_of_file, 0},
    {"timeout", read_timeout, 0},
    {"change of the input", change_of_the_input, kOthersWait},
    {"change of the output", change_of_the_output, kOthersWait},
};
TEST(tls_bufferevent_callbacks_may_be_left_by_longjmp) { TRY_BUFFEREVENTS(carriers, causes); }

/* Only a socket shows that the other side has closed it. */
static const struct carrier over_sockets[] = {{"TLS socket", make_tls_sockets}, {"TLS filter", make_filters}};
static const struct cause broken[] = {{"broken handshake", broken_handshake, 0}};
TEST(callbacks_of_failing_tls_handshakes_may_be_left_by_longjmp) { TRY_BUFFEREVENTS(over_sockets, broken); }

/* The session's own callback runs in the midst of the handshake. */
static void leave_info(const SSL *ssl, int where, int value) {
  (void)ssl;
  (void)value;
  if (where & SSL_CB_HANDSHAKE_DONE) leave();
}
static void session_callback(void) {
  leave_bufferevent_at(0);
  SSL_set_info_callback(bufferevent_openssl_get_ssl(world.bevs[0]), leave_info);
}
static const struct cause in_the_session[] = {{"session's callback", session_callback, kOthersWait}};
static const struct carrier tls_carriers[] = {{"TLS socket", make_tls_sockets},
                                              {"TLS filter over a socket", make_filters},
                                              {"TLS filter over a pair", make_filters_over_a_pair}};
TEST(callbacks_of_the_tls_library_may_be_left_by_longjmp) { TRY_BUFFEREVENTS(tls_carriers, in_the_session); }

int main(int argc, char **argv) {
  if (!tls_make_certificate()) return 1;
  contexts[0] = tls_context(0, TLS1_3_VERSION);
  contexts[1] = tls_context(1, TLS1_3_VERSION);
  RUN_TESTS(tls_bufferevent_callbacks_may_be_left_by_longjmp,
            callbacks_of_failing_tls_handshakes_may_be_left_by_longjmp,
            callbacks_of_the_tls_library_may_be_left_by_longjmp);
}

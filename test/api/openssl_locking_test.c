/* Each function of a TLS bufferevent over OpenSSL takes its lock, and its callbacks run with the lock held,
 * counted by lock callbacks: for sessions over a socket and over another bufferevent. */
#include "api/lock_rows.h"
#include "api/openssl_fixture.h"

static struct bufferevent *bev;
static struct tls_peer peer;
static evutil_socket_t fds[2];
static enum form form_now;
static ev_uint64_t flags;

#define TLS_ROWS(ROW)                                                                                        \
  ROW(bufferevent_disable, O, 0, bufferevent_disable(bev, EV_READ))                                          \
  ROW(bufferevent_enable, O, 0, bufferevent_enable(bev, EV_READ | EV_WRITE))                                 \
  ROW(bufferevent_flush, O, 0, bufferevent_flush(bev, EV_WRITE, BEV_FINISHED))                               \
  ROW(bufferevent_free, O, 0, bufferevent_free(bev); bev = NULL)                                             \
  ROW(bufferevent_get_openssl_error, O, 0, bufferevent_get_openssl_error(bev))                               \
  ROW(bufferevent_getfd, O, 0, bufferevent_getfd(bev))                                                       \
  ROW(bufferevent_get_underlying, O, 0, bufferevent_get_underlying(bev))                                     \
  ROW(bufferevent_openssl_get_allow_dirty_shutdown, O, 0, bufferevent_openssl_get_allow_dirty_shutdown(bev)) \
  ROW(bufferevent_openssl_set_allow_dirty_shutdown, O, 0,                                                    \
      bufferevent_openssl_set_allow_dirty_shutdown(bev, 1))                                                  \
  ROW(bufferevent_set_timeouts, O, 0, bufferevent_set_timeouts(bev, &(struct timeval){9, 0}, NULL))          \
  ROW(bufferevent_setfd, O, 0, bufferevent_setfd(bev, -1))                                                   \
  ROW(bufferevent_ssl_renegotiate, O, 0, bufferevent_ssl_renegotiate(bev))                                   \
  ROW(bufferevent_write, O, 0, bufferevent_write(bev, "x", 1))                                               \
  OURS_ALONE(ROW(bufferevent_ssl_clear_flags, O, 0,                                                          \
                 bufferevent_ssl_clear_flags(bev, BUFFEREVENT_SSL_DIRTY_SHUTDOWN)))                          \
  OURS_ALONE(ROW(bufferevent_ssl_get_flags, O, 0, flags = bufferevent_ssl_get_flags(bev)))                   \
  OURS_ALONE(                                                                                                \
      ROW(bufferevent_ssl_set_flags, O, 0, bufferevent_ssl_set_flags(bev, BUFFEREVENT_SSL_DIRTY_SHUTDOWN)))

TLS_ROWS(FUNCTION_OF_ROW)
static const struct lock_row tls_rows[] = {TLS_ROWS(ENTRY_OF_ROW)};

static struct bufferevent *make_locked(int options) {
  SSL *ssl = SSL_new(client_ctx);
  struct bufferevent *made;
  options |= BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE;
  lock_owner_now = LOCK_OF_OBJECT;
  if (form_now == over_socket) {
    made = bufferevent_openssl_socket_new(base, fds[0], ssl, BUFFEREVENT_SSL_CONNECTING, options);
  } else {
    struct bufferevent *under =
        bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
    made = bufferevent_openssl_filter_new(base, under, ssl, BUFFEREVENT_SSL_CONNECTING, options);
  }
  lock_owner_now = LOCK_OF_PROCESS;
  return made;
}

static void make_session(void) {
  int i;
  make_pair(fds);
  bev = make_locked(0);
  peer = tls_peer_new(server_ctx, 1, fds[1]);
  CHECK(bev != NULL);
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  for (i = 0; i < 6; ++i) {
    turn();
    tls_peer_move(&peer);
  }
  CHECK(SSL_is_init_finished(peer.ssl));
}
static void free_session_and_peer(void) {
  if (bev) bufferevent_free(bev);
  tls_peer_free(&peer);
  turn();
}

TEST(each_function_of_a_tls_bufferevent_takes_its_lock) {
  use_version(TLS1_2_VERSION);
  for (form_now = over_socket; form_now <= over_bufferevent && !CHECK_FAILED(); ++form_now) {
    CHECK_ROWS(tls_rows, make_session, free_session_and_peer);
  }
  drop_contexts();
}

/* --- callbacks --- */

static int held_in_callback;
static void data_ran(struct bufferevent *of, void *arg) {
  (void)of;
  (void)arg;
  held_in_callback = locks_held[LOCK_OF_OBJECT];
}
static void event_ran(struct bufferevent *of, short what, void *arg) {
  (void)what;
  data_ran(of, arg);
}

/* The handshake, then input and output, with one kind of callback set. */
static int held_in(int options, bufferevent_data_cb on_input, bufferevent_data_cb on_output,
                   bufferevent_event_cb on_handshake) {
  int i;
  held_in_callback = -1;
  make_pair(fds);
  bev = make_locked(options);
  peer = tls_peer_new(server_ctx, 1, fds[1]);
  bufferevent_setcb(bev, on_input, on_output, on_handshake, NULL);
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  bufferevent_write(bev, "out", 3);
  for (i = 0; i < 8; ++i) {
    turn();
    tls_peer_move(&peer);
    if (i == 6) SSL_write(peer.ssl, "in", 2);
  }
  turn();
  free_session_and_peer();
  return locks_balanced() ? held_in_callback : -2;
}

TEST(callbacks_of_a_tls_bufferevent_run_with_its_lock_unless_it_is_to_be_open) {
  static const int options[] = {0, BEV_OPT_DEFER_CALLBACKS,
                                BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS};
  int i;
  use_version(TLS1_2_VERSION);
  for (form_now = over_socket; form_now <= over_bufferevent; ++form_now) {
    for (i = 0; i < 3; ++i) {
      const int open = (options[i] & BEV_OPT_UNLOCK_CALLBACKS) != 0;
      const int held[] = {held_in(options[i], data_ran, NULL, NULL),
                          held_in(options[i], NULL, data_ran, NULL),
                          held_in(options[i], NULL, NULL, event_ran)};
      size_t kind;
      for (kind = 0; kind < 3; ++kind) {
        if (open ? held[kind] != 0 : held[kind] <= 0)
          CHECK_FAIL_("form %d, options 0x%x, callback %d: held %d times", form_now, options[i], (int)kind,
                      held[kind]);
      }
    }
  }
  drop_contexts();
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (use_counting_locks() != 0 || !(base = event_base_new()) || !tls_make_certificate()) {
    printf("0 passed, 1 failed\n");
    return 1;
  }
  RUN_TESTS(each_function_of_a_tls_bufferevent_takes_its_lock,
            callbacks_of_a_tls_bufferevent_run_with_its_lock_unless_it_is_to_be_open);
}

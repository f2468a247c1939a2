/* TLS bufferevents over OpenSSL at the limits: file descriptor 0, and records that OpenSSL has read ahead of
 * what it was asked for. */
#include "api/child.h"
#include "api/openssl_fixture.h"

/* --- records that OpenSSL holds --- */

/* With read-ahead one read takes several records from the socket, and no readiness is reported for those that
 * OpenSSL still holds. */
static void check_read_ahead(enum form form, int server) {
  struct fixture f;
  int i;
  SSL_CTX_set_read_ahead(server ? server_ctx : client_ctx, 1);
  connect_both(&f, form, server);
  CHECK(!CHECK_FAILED());
  for (i = 0; i < 5; ++i) CHECK_INT_EQ(SSL_write(f.peer.ssl, "0123456789", 10), 10);
  tls_peer_move(&f.peer);
  turn();
  CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(f.bev)), 50);
  end(&f);
}
TEST(records_read_ahead_are_all_delivered) {
  if (ours())
    in_all_ways(check_read_ahead); /* libevent delivers the first one, and the others when more arrives */
}

/* --- descriptor 0 --- */

static void check_descriptor_0(enum form form, int server) {
  struct fixture f;
  char text[4] = "";
  make_pair(f.fds);
  if (f.fds[0] != 0) {
    CHECK_INT_EQ(dup2(f.fds[0], 0), 0);
    close(f.fds[0]);
    f.fds[0] = 0;
  }
  f.bev = make_tls(form, f.fds[0], server, BEV_OPT_CLOSE_ON_FREE, "a");
  f.peer = tls_peer_new(server ? client_ctx : server_ctx, !server, f.fds[1]);
  CHECK(f.bev != NULL);
  CHECK_INT_EQ(bufferevent_getfd(f.bev), 0);
  bufferevent_enable(f.bev, EV_READ | EV_WRITE);
  shake_hands(&f);
  CHECK_LOG("a:e80 ");
  CHECK_INT_EQ(SSL_write(f.peer.ssl, "in", 2), 2);
  bufferevent_write(f.bev, "out", 3);
  turn();
  tls_peer_move(&f.peer);
  turn();
  CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(f.bev)), 2);
  CHECK_INT_EQ(SSL_read(f.peer.ssl, text, 4), 3);
  CHECK_MEM_EQ(text, "out", 3);
  end(&f);
  CHECK(!is_open(0));
}
static void descriptor_0_in_all_ways(void) { in_all_ways(check_descriptor_0); }
TEST(descriptor_0_serves_and_is_closed) { CHECK_INT_EQ(in_child(descriptor_0_in_all_ways), 0); }

int main(int argc, char **argv) {
  if (!begin_program()) return 1;
  RUN_TESTS(records_read_ahead_are_all_delivered, descriptor_0_serves_and_is_closed);
}

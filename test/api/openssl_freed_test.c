/* TLS bufferevents over OpenSSL that their callbacks free: nothing is left, and nothing uses them afterwards,
 * counted by memory functions and so without a sanitizer. */
#include "api/openssl_fixture.h"
#include "api/poisoned_memory.h"

enum kind { AT_HANDSHAKE, AT_READ, AT_WRITE, AT_EOF, AT_TIMEOUT, AT_WIRE_END, AT_WIRE_TIMEOUT, KINDS };
static struct fixture freed;
static short freeing_event;

static void free_it(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_free(bev);
  freed.bev = NULL;
}
static void free_at_event(struct bufferevent *bev, short what, void *arg) {
  if (what & freeing_event) free_it(bev, arg);
}

static void bring_about(enum kind kind) {
  static const struct timeval soon = {0, 1000};
  static const short events[KINDS] = {
      BEV_EVENT_CONNECTED, 0, 0, BEV_EVENT_EOF, BEV_EVENT_TIMEOUT, BEV_EVENT_EOF | BEV_EVENT_ERROR,
      BEV_EVENT_TIMEOUT};
  struct bufferevent *under = bufferevent_get_underlying(freed.bev);
  const int timed = kind == AT_TIMEOUT || kind == AT_WIRE_TIMEOUT;
  freeing_event = events[kind];
  bufferevent_setcb(freed.bev, kind == AT_READ ? free_it : NULL, kind == AT_WRITE ? free_it : NULL,
                    free_at_event, NULL);
  bufferevent_enable(freed.bev, EV_READ | EV_WRITE);
  shake_hands(&freed);
  if (kind == AT_HANDSHAKE) return;
  if (kind == AT_READ) SSL_write(freed.peer.ssl, "in", 2);
  if (kind == AT_WRITE) bufferevent_write(freed.bev, "out", 3);
  if (kind == AT_EOF) SSL_shutdown(freed.peer.ssl);
  if (kind == AT_WIRE_END) shutdown((int)freed.fds[1], SHUT_WR);
  if (timed) bufferevent_set_timeouts(kind == AT_WIRE_TIMEOUT && under ? under : freed.bev, &soon, NULL);
  tls_peer_move(&freed.peer);
  turn();
  while (timed && freed.bev && event_base_loop(base, EVLOOP_ONCE) == 0) {
  }
}

static void check_freeing(enum form form, int server) {
  int kind;
  for (kind = AT_HANDSHAKE; kind < KINDS; ++kind) {
    begin(&freed, form, server);
    CHECK(freed.bev != NULL);
    bring_about((enum kind)kind);
    if (freed.bev) CHECK_FAIL_("kind %d: its callback did not run", kind);
    end(&freed);
    turn();
    if (!poison_intact()) CHECK_FAIL_("kind %d: freed memory was written to", kind);
  }
}
TEST(callbacks_may_free_their_bufferevent) {
  in_all_ways(check_freeing);
  CHECK(!CHECK_FAILED());
  event_base_free(base); /* and what it has for all of them */
  libevent_global_shutdown();
  if (ours()) CHECK_INT_EQ(poison_live, 0);
  CHECK(poison_intact());
}

int main(int argc, char **argv) {
  use_poisoned_memory();
  if (!begin_program()) return 1;
  RUN_TESTS(callbacks_may_free_their_bufferevent);
}

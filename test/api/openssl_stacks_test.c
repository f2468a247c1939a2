/* Stacks of bufferevents as a C program sees them: filters and TLS filters on sockets, on TLS and on each
 * other. Output that reached the lower ones arrives at the peer, whatever the callback frees at the end of
 * the stream; and a stack is connected from its top. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/eventide.h>
#include <event2/listener.h>
#include <setjmp.h>

#include "api/openssl_fixture.h"

/* Letters from the bottom to the top: a socket or a TLS socket, then filters and TLS filters. */
enum { plain_socket = 's', tls_socket = 'T', plain_filter = 'f', tls_filter = 't' };

static const char *const stacks[] = {"s", "sf", "sff", "T", "Tf", "Tff", "st", "sft", "stf", "sftf"};
enum { stack_count = sizeof(stacks) / sizeof(stacks[0]) };

static int has_tls(const char *stack) { return strchr(stack, tls_socket) || strchr(stack, tls_filter); }

static struct bufferevent *put_on(struct bufferevent *under, char kind, evutil_socket_t fd, int server,
                                  int options) {
  const enum bufferevent_ssl_state state = server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;
  SSL_CTX *ctx = server ? server_ctx : client_ctx;
  switch (kind) {
    case plain_socket:
      return bufferevent_socket_new(base, fd, options);
    case tls_socket:
      return bufferevent_openssl_socket_new(base, fd, SSL_new(ctx), state, options);
    case plain_filter:
      return bufferevent_filter_new(under, NULL, NULL, options, NULL, NULL);
    default:
      return bufferevent_openssl_filter_new(base, under, SSL_new(ctx), state, options);
  }
}

/* The top. `deferred`: 1 for the top alone, 2 for all. */
static struct bufferevent *make_stack(const char *stack, evutil_socket_t fd, int server, int deferred) {
  struct bufferevent *bev = NULL;
  const char *kind;
  for (kind = stack; *kind; ++kind) {
    const int defers = deferred == 2 || (deferred == 1 && !kind[1]);
    bev = put_on(bev, *kind, fd, server,
                 BEV_OPT_CLOSE_ON_FREE | threadsafe() | (defers ? BEV_OPT_DEFER_CALLBACKS : 0));
  }
  return bev;
}

/* Runs a test's body for each stack and each variant, of which there are `variants`. */
static void on_each_stack(void (*run)(const char *stack, int variant), int variants,
                          const char *variant_name) {
  int stack, variant;
  use_version(TLS1_3_VERSION);
  for (stack = 0; stack < stack_count; ++stack) {
    for (variant = 0; variant < variants && !CHECK_FAILED(); ++variant) {
      run(stacks[stack], variant);
      if (CHECK_FAILED()) printf("with %s, %s %d\n", stacks[stack], variant_name, variant);
    }
  }
  drop_contexts();
}

/* --- an echo server ----------------------------------------------------------------------------------- */

/* The data and events seen by the server of a stack. */
static struct { int ended, freed; } server_state;

static void echo(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}
static void free_when_written(struct bufferevent *bev, void *arg) {
  (void)arg;
  if (!server_state.ended || output_length(bev) > 0) return;
  server_state.freed = 1;
  bufferevent_free(bev);
}
static void end_of_stream(struct bufferevent *bev, short what, void *arg) {
  if (what & BEV_EVENT_CONNECTED) return;
  echo(bev, arg);
  server_state.ended = 1;
  free_when_written(bev, arg);
}

/* The client: a TLS session or a plain socket. */
struct client {
  struct tls_peer peer;
  int tls;
  size_t received;
  int close_notify;
};

/* The client of that stack's server, with the handshake if there is one. */
static void begin_client(struct client *client, const char *stack, evutil_socket_t fd) {
  int i;
  memset(client, 0, sizeof(*client));
  client->tls = has_tls(stack);
  client->peer.fd = fd;
  if (client->tls) client->peer = tls_peer_new(client_ctx, 0, fd);
  for (i = 0; i < 6 && client->tls; ++i) {
    turn();
    tls_peer_move(&client->peer);
  }
}
static void end_client(struct client *client) {
  if (client->tls) {
    tls_peer_free(&client->peer);
  } else {
    close(client->peer.fd);
  }
  turn();
}

static void client_read(struct client *client) {
  static char text[65536];
  int got;
  if (!client->tls) {
    while ((got = (int)recv(client->peer.fd, text, sizeof(text), MSG_DONTWAIT)) > 0)
      client->received += (size_t)got;
    return;
  }
  while ((got = tls_peer_read(&client->peer, text, sizeof(text))) > 0) client->received += (size_t)got;
  client->close_notify = (SSL_get_shutdown(client->peer.ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

/* Data and the end of the stream are there when the server looks. */
static void client_send(struct client *client, size_t size) {
  static char text[60000];
  if (client->tls) {
    CHECK_INT_EQ(SSL_write(client->peer.ssl, text, (int)size), size);
    SSL_shutdown(client->peer.ssl);
    tls_peer_send(&client->peer, 1L << 30);
    CHECK_INT_EQ(BIO_pending(client->peer.out), 0);
  } else {
    CHECK_INT_EQ(send(client->peer.fd, text, size, 0), size);
    shutdown(client->peer.fd, SHUT_WR);
  }
}

static void echo_one(const char *stack, size_t size, int deferred) {
  const int room = 400000;
  struct client client;
  struct bufferevent *bev;
  evutil_socket_t fds[2];
  int i;
  memset(&server_state, 0, sizeof(server_state));
  make_pair(fds);
  for (i = 0; i < 2; ++i) setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  bev = make_stack(stack, fds[0], 1, deferred);
  CHECK(bev != NULL);
  bufferevent_setcb(bev, echo, free_when_written, end_of_stream, NULL);
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  begin_client(&client, stack, fds[1]);
  client_send(&client, size);
  for (i = 0; i < 10; ++i) {
    turn();
    client_read(&client);
  }
  CHECK_INT_EQ(server_state.freed, 1);
  CHECK_INT_EQ(client.received, size);
  if (client.tls && ours()) CHECK_INT_EQ(client.close_notify, 1);
  CHECK(!is_open(fds[0]));
  end_client(&client);
}

TEST(an_echo_is_complete_when_data_and_eof_arrive_together) {
  static const size_t sizes[] = {10, 5000, 60000};
  int stack, size, deferred;
  use_version(TLS1_3_VERSION);
  for (stack = 0; stack < stack_count; ++stack) {
    for (size = 0; size < 3; ++size) {
      for (deferred = 0; deferred < 3; ++deferred) {
        if (!CHECK_FAILED()) echo_one(stacks[stack], sizes[size], deferred);
        if (!CHECK_FAILED()) continue;
        printf("with %s, %lu bytes, deferred %d\n", stacks[stack], (unsigned long)sizes[size], deferred);
        if (ours()) return;
        check_failed_ = 0;
      }
    }
  }
  drop_contexts();
}

/* The client is the other end of a pair, which is read all the time. */
static void echo_over_pair(const char *filters, int deferred) {
  struct bufferevent *pair[2], *bev;
  static char text[5000];
  memset(&server_state, 0, sizeof(server_state));
  CHECK_INT_EQ(bufferevent_pair_new(base, threadsafe() | BEV_OPT_CLOSE_ON_FREE, pair), 0);
  for (bev = pair[0]; *filters; ++filters)
    bev = put_on(bev, *filters, -1, 1, BEV_OPT_CLOSE_ON_FREE | (deferred ? BEV_OPT_DEFER_CALLBACKS : 0));
  CHECK(bev != NULL);
  bufferevent_setcb(bev, echo, free_when_written, end_of_stream, NULL);
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  bufferevent_enable(pair[1], EV_READ | EV_WRITE);
  bufferevent_write(pair[1], text, sizeof(text));
  CHECK_INT_EQ(bufferevent_flush(pair[1], EV_WRITE, BEV_FINISHED), 0);
  turn();
  CHECK_INT_EQ(server_state.freed, 1);
  CHECK_INT_EQ(input_length(pair[1]), sizeof(text));
  bufferevent_free(pair[1]);
  turn();
}
TEST(an_echo_over_a_pair_is_complete) {
  int deferred;
  for (deferred = 0; deferred < 2; ++deferred) {
    if (!CHECK_FAILED()) echo_over_pair("f", deferred);
    if (!CHECK_FAILED()) echo_over_pair("ff", deferred);
  }
}

/* --- output that has left ----------------------------------------------------------------------------- */

static struct { int calls, what, frees; } drained;

static void on_drained(struct bufferevent *bev, short what, void *arg) {
  drained.calls++;
  drained.what = what;
  note("drained%x ", (unsigned)what);
  if (arg) bufferevent_free(bev);
  drained.frees += arg != NULL;
}

/* A stack over one end of a socket pair, a client at the other, connected. */
static struct bufferevent *begin_stack(const char *stack, int deferred, struct client *client, int room) {
  struct bufferevent *bev;
  evutil_socket_t fds[2];
  int i;
  memset(&drained, 0, sizeof(drained));
  make_pair(fds);
  for (i = 0; i < 2; ++i) setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  bev = make_stack(stack, fds[0], 1, deferred);
  bufferevent_setcb(bev, NULL, NULL, on_event, (void *)"a");
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  begin_client(client, stack, fds[1]);
  turn();
  log_text[0] = 0;
  return bev;
}

static void drain_stack(const char *stack, int deferred) {
  static char text[1000000];
  struct client client;
  struct bufferevent *bev = begin_stack(stack, deferred, &client, 20000);
  int i;
  CHECK_INT_EQ(eventide_bufferevent_when_drained(bev, on_drained, NULL), 0);
  CHECK_INT_EQ(drained.calls, 0);
  turn();
  CHECK_INT_EQ(drained.calls, 1);
  bufferevent_write(bev, text, sizeof(text));
  CHECK_INT_EQ(eventide_bufferevent_when_drained(bev, on_drained, bev), 0);
  turn();
  CHECK_INT_EQ(drained.calls, 1);
  for (i = 0; i < 1000 && client.received < sizeof(text); ++i) {
    client_read(&client);
    turn();
  }
  client_read(&client);
  CHECK_INT_EQ(client.received, sizeof(text));
  CHECK_INT_EQ(drained.calls, 2);
  CHECK_INT_EQ(drained.what, 0);
  CHECK_INT_EQ(drained.frees, 1);
  if (client.tls) CHECK_INT_EQ(client.close_notify, 1);
  end_client(&client);
}

static void break_stack(const char *stack, int deferred) {
  static char text[1000000];
  struct client client;
  struct bufferevent *bev = begin_stack(stack, deferred, &client, 20000);
  bufferevent_disable(bev, EV_READ);
  bufferevent_write(bev, text, sizeof(text));
  CHECK_INT_EQ(eventide_bufferevent_when_drained(bev, on_drained, bev), 0);
  turn();
  CHECK_LOG("");
  close(client.peer.fd);
  client.peer.fd = -1;
  turn();
  CHECK_INT_EQ(drained.calls, 1);
  CHECK(drained.what & BEV_EVENT_ERROR);
  CHECK(strstr(log_text, "a:e") == log_text);
  if (client.tls) tls_peer_free(&client.peer);
  turn();
}

static void drain_and_break_stack(const char *stack, int deferred) {
  drain_stack(stack, deferred);
  if (!CHECK_FAILED()) break_stack(stack, deferred);
}
TEST(a_drain_callback_runs_when_all_output_has_left_the_stack) {
  on_each_stack(drain_and_break_stack, 3, "deferred");
}

TEST(a_drain_callback_can_be_replaced_or_cancelled) {
  struct client client;
  struct bufferevent *bev = begin_stack("sf", 0, &client, 20000);
  CHECK_INT_EQ(eventide_bufferevent_when_drained(NULL, on_drained, NULL), -1);
  CHECK_INT_EQ(eventide_bufferevent_when_drained(bev, on_drained, bev), 0);
  CHECK_INT_EQ(eventide_bufferevent_when_drained(bev, on_drained, NULL), 0);
  turn();
  CHECK_INT_EQ(drained.calls, 1);
  CHECK_INT_EQ(drained.frees, 0);
  CHECK_INT_EQ(eventide_bufferevent_when_drained(bev, on_drained, bev), 0);
  CHECK_INT_EQ(eventide_bufferevent_when_drained(bev, NULL, NULL), 0);
  turn();
  CHECK_INT_EQ(drained.calls, 1);
  /* Output written before the call is included. */
  CHECK_INT_EQ(eventide_bufferevent_when_drained(bev, on_drained, NULL), 0);
  bufferevent_disable(bev, EV_WRITE);
  bufferevent_write(bev, "late", 4);
  turn();
  CHECK_INT_EQ(drained.calls, 1);
  bufferevent_enable(bev, EV_WRITE);
  turn();
  CHECK_INT_EQ(drained.calls, 2);
  /* Freed, it calls nothing. */
  CHECK_INT_EQ(eventide_bufferevent_when_drained(bev, on_drained, NULL), 0);
  bufferevent_free(bev);
  turn();
  CHECK_INT_EQ(drained.calls, 2);
  end_client(&client);
}

/* --- connecting from the top -------------------------------------------------------------------------- */

static struct bufferevent *accepted;
static int accepted_tls;

static void on_accepted_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)what;
  (void)arg;
}
static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *arg) {
  (void)listener;
  (void)address;
  (void)length;
  (void)arg;
  accepted =
      put_on(NULL, accepted_tls ? tls_socket : plain_socket, fd, 1, BEV_OPT_CLOSE_ON_FREE | threadsafe());
  bufferevent_setcb(accepted, echo, NULL, on_accepted_event, NULL);
  bufferevent_enable(accepted, EV_READ | EV_WRITE);
}

/* A listener on the loopback interface, whose address is stored. */
static struct evconnlistener *listen_at(struct sockaddr_in *address) {
  ev_socklen_t length = sizeof(*address);
  struct evconnlistener *listener;
  memset(address, 0, sizeof(*address));
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
                                     (struct sockaddr *)address, sizeof(*address));
  if (listener) getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)address, &length);
  return listener;
}

static void until_log(const char *end) {
  int i;
  for (i = 0; i < 200 && !strstr(log_text, end); ++i) event_base_loop(base, EVLOOP_ONCE);
}

static void connect_stack(const char *stack, int by_name) {
  struct sockaddr_in address;
  struct evconnlistener *listener = listen_at(&address);
  struct bufferevent *bev, *at;
  CHECK(listener != NULL);
  log_text[0] = 0;
  accepted = NULL;
  accepted_tls = has_tls(stack) != 0;
  bev = make_stack(stack, -1, 0, 0);
  CHECK(bev != NULL);
  bufferevent_setcb(bev, on_read, NULL, on_event, (void *)"a");
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  bufferevent_write(bev, "early", 5);
  if (by_name) {
    CHECK_INT_EQ(
        bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "127.0.0.1", ntohs(address.sin_port)), 0);
  } else {
    CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&address, sizeof(address)), 0);
  }
  for (at = bev; at; at = bufferevent_get_underlying(at)) CHECK_INT_GE(bufferevent_getfd(at), 0);
  until_log("a:r");
  CHECK_LOG("a:e80 a:r5 ");
  CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
  bufferevent_free(bev);
  if (accepted) bufferevent_free(accepted);
  evconnlistener_free(listener);
  turn();
}

/* libevent reports no CONNECTED of a filter, and fails the handshake of a TLS filter. */
TEST(connect_on_the_top_of_a_stack_connects_its_socket) {
  if (ours()) on_each_stack(connect_stack, 2, "by name");
}

/* A port that was free a moment ago. */
static void refuse_stack(const char *stack) {
  struct evutil_addrinfo hints;
  struct sockaddr_in address;
  struct evconnlistener *listener = listen_at(&address);
  struct bufferevent *bev;
  CHECK(listener != NULL);
  evconnlistener_free(listener);
  log_text[0] = 0;
  accepted_tls = has_tls(stack) != 0;
  bev = make_stack(stack, -1, 0, 0);
  bufferevent_setcb(bev, on_read, NULL, on_event, (void *)"a");
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  memset(&hints, 0, sizeof(hints));
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = EVUTIL_AI_NUMERICHOST;
  CHECK_INT_EQ(bufferevent_socket_connect_hostname_hints(bev, NULL, &hints, "no.address", 80), 0);
  until_log("a:e");
  CHECK_LOG("a:e20 ");
  CHECK_INT_NE(bufferevent_socket_get_dns_error(bev), 0);
  CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&address, sizeof(address)), 0);
  until_log("a:e");
  turn();
  CHECK_LOG("a:e20 ");

  /* And once more. */
  listener = listen_at(&address);
  CHECK(listener != NULL);
  CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&address, sizeof(address)), 0);
  until_log("a:e");
  CHECK_LOG("a:e80 ");
  bufferevent_free(bev);
  if (accepted) bufferevent_free(accepted);
  accepted = NULL;
  evconnlistener_free(listener);
  turn();
}
TEST(a_stack_may_reconnect_after_a_refused_connection) {
  int stack;
  if (!ours()) return;
  use_version(TLS1_3_VERSION);
  for (stack = 0; stack < stack_count && !CHECK_FAILED(); ++stack) {
    refuse_stack(stacks[stack]);
    if (CHECK_FAILED()) printf("with %s\n", stacks[stack]);
  }
  drop_contexts();
}

TEST(a_stack_without_a_socket_cannot_be_connected) {
  struct bufferevent *pair[2], *bev;
  struct sockaddr_in address;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  CHECK_INT_EQ(bufferevent_pair_new(base, threadsafe(), pair), 0);
  bev = put_on(pair[0], plain_filter, -1, 0, 0);
  if (ours()) {
    CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&address, sizeof(address)), -1);
    CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "127.0.0.1", 80), -1);
  }
  CHECK_INT_EQ(bufferevent_socket_get_dns_error(bev), 0);
  bufferevent_free(bev);
  bufferevent_free(pair[0]);
  bufferevent_free(pair[1]);
  turn();
}

/* --- the end of the stream while nothing is read ------------------------------------------------------ */

static void read_and_stop(struct bufferevent *bev, void *name) {
  on_read(bev, name);
  bufferevent_disable(bev, EV_READ);
}

static void hold_end(const char *stack, int deferred) {
  struct client client;
  struct bufferevent *bev = begin_stack(stack, deferred, &client, 20000);
  bufferevent_setcb(bev, read_and_stop, NULL, on_event, (void *)"a");
  client_send(&client, 4);
  turn();
  CHECK_LOG("a:r4 ");
  bufferevent_enable(bev, EV_READ);
  turn();
  CHECK_LOG("a:e11 ");
  bufferevent_free(bev);
  end_client(&client);
}
TEST(eof_is_not_reported_while_reading_is_disabled) { on_each_stack(hold_end, 3, "deferred"); }

/* --- callbacks that are left -------------------------------------------------------------------------- */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
enum { at_read, at_write, at_end, at_drained, leave_count };
static jmp_buf way_out;
static int leave_at, left;

static void leave(int at) {
  if (leave_at != at || left) return;
  left = 1;
  longjmp(way_out, 1);
}
static void leaving_read(struct bufferevent *bev, void *arg) {
  echo(bev, arg);
  leave(at_read);
}
static void leaving_write(struct bufferevent *bev, void *arg) {
  (void)bev;
  (void)arg;
  leave(at_write);
}
static void leaving_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)arg;
  if (what & BEV_EVENT_EOF) leave(at_end);
}
static void leaving_drained(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)what;
  (void)arg;
  leave(at_drained);
}

static void leave_stack(const char *stack, int deferred, int base_first) {
  struct event_base *others = base;
  struct client client;
  struct bufferevent *volatile bev;
  base = event_base_new();
  left = 0;
  bev = begin_stack(stack, deferred, &client, 20000);
  bufferevent_setcb(bev, leaving_read, leaving_write, leaving_event, NULL);
  if (leave_at == at_drained) eventide_bufferevent_when_drained(bev, leaving_drained, NULL);
  client_send(&client, 4);
  if (!setjmp(way_out)) turn();
  CHECK_INT_EQ(left, 1);
  if (base_first) event_base_free(base);
  bufferevent_free(bev);
  if (!base_first) event_base_free(base);
  base = others;
  end_client(&client);
}
TEST(every_callback_may_be_left_by_longjmp) {
  int stack, deferred, base_first;
  /* Control would take locks along. */
  if (threadsafe()) return;
  use_version(TLS1_3_VERSION);
  for (leave_at = 0; leave_at < leave_count; ++leave_at) {
    for (stack = 0; stack < stack_count; ++stack) {
      for (deferred = 0; deferred < 3; ++deferred) {
        for (base_first = 0; base_first < 2 && !CHECK_FAILED(); ++base_first) {
          leave_stack(stacks[stack], deferred, base_first);
          if (CHECK_FAILED()) printf("callback %d, %s, deferred %d\n", leave_at, stacks[stack], deferred);
        }
      }
    }
  }
  drop_contexts();
}
#else
/* The sanitizer would report memory held by the abandoned frames. */
TEST(every_callback_may_be_left_by_longjmp) {}
#endif

int main(int argc, char **argv) {
  if (!begin_program()) return 1;
  RUN_TESTS(an_echo_is_complete_when_data_and_eof_arrive_together, an_echo_over_a_pair_is_complete,
            a_drain_callback_runs_when_all_output_has_left_the_stack,
            a_drain_callback_can_be_replaced_or_cancelled, connect_on_the_top_of_a_stack_connects_its_socket,
            a_stack_may_reconnect_after_a_refused_connection, a_stack_without_a_socket_cannot_be_connected,
            eof_is_not_reported_while_reading_is_disabled, every_callback_may_be_left_by_longjmp);
}

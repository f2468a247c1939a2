/* Servers that send back what they receive, over bufferevents of each kind. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults/run.h"

enum { kMostWaiting = 32768, kFewWaiting = 4096 };

struct echo {
  struct run *run;
  struct evconnlistener *listener;
  int tls, filter;
  struct client client;
};

struct connection {
  struct echo *echo;
  struct bufferevent *bev;
  struct bufferevent *underlying; /* of a filter, or NULL */
  struct event finish;
  int sending; /* a write is on the stack */
  int failed;  /* meanwhile */
  int ended;   /* EOF was reported */
  int paused;  /* reading is disabled while much output waits */
};

static void free_connection(struct connection *c) {
  event_del(&c->finish);
  bufferevent_free(c->bev);
  --c->echo->run->live;
  free(c);
}

static size_t output_length(struct bufferevent *bev) {
  return evbuffer_get_length(bufferevent_get_output(bev));
}
static int is_drained(const struct connection *c) {
  return output_length(c->bev) == 0 && (!c->underlying || output_length(c->underlying) == 0);
}

static int send_pieces(struct connection *c) {
  struct evbuffer *input = bufferevent_get_input(c->bev);
  unsigned char bytes[6000];
  int got;
  if (random_below(&c->echo->run->random, 2)) return bufferevent_write_buffer(c->bev, input) == 0;
  while ((got = evbuffer_remove(input, bytes, 1 + random_below(&c->echo->run->random, sizeof(bytes)))) > 0) {
    if (bufferevent_write(c->bev, bytes, (size_t)got) != 0) return 0;
  }
  return 1;
}

/* Returns 0 if a piece was refused. */
static int send_back(struct connection *c) {
  int all;
  c->sending = 1;
  all = send_pieces(c);
  c->sending = 0;
  return all && !c->failed;
}

static void on_read(struct bufferevent *bev, void *arg) {
  struct connection *c = arg;
  if (!send_back(c) || (c->ended && is_drained(c))) {
    free_connection(c);
    return;
  }
  if (output_length(bev) > kMostWaiting) {
    c->paused = 1;
    bufferevent_disable(bev, EV_READ);
  }
}

static void on_write(struct bufferevent *bev, void *arg) {
  struct connection *c = arg;
  if (c->sending) return; /* a filter may write at once, and is called again */
  if (c->ended) {
    if (is_drained(c)) free_connection(c);
    return;
  }
  if (!c->paused) return;
  c->paused = 0;
  if (bufferevent_enable(bev, EV_READ) != 0) free_connection(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct connection *c = arg;
  (void)bev;
  if (what & BEV_EVENT_CONNECTED) return;
  if (c->sending) { /* the writer would go on with what is freed here */
    run_mistake(c->echo->run, "an error callback ran inside bufferevent_write()");
    c->failed = 1;
    return;
  }
  if (c->ended && (what & BEV_EVENT_EOF)) run_mistake(c->echo->run, "EOF was reported twice");
  if (what & BEV_EVENT_EOF) c->ended = 1;
  /* A deferred callback may bring both. */
  if ((what & BEV_EVENT_ERROR) || !send_back(c) || is_drained(c)) free_connection(c);
}

/* The transport under a filter has no callbacks for the program, but its buffer has. */
static void on_underlying_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg) {
  struct connection *c = arg;
  (void)info;
  if (c->ended && evbuffer_get_length(output) == 0) event_active(&c->finish, EV_TIMEOUT, 1);
}
static void on_finish(evutil_socket_t fd, short what, void *arg) {
  struct connection *c = arg;
  (void)fd;
  (void)what;
  if (is_drained(c)) free_connection(c);
}

/* --- the filter: frames outside, plain bytes inside -------------------------------------------------------
 */

static int move_frame(struct evbuffer *from, struct evbuffer *to) {
  unsigned char frame[kFrameHead + 65535];
  size_t size, i;
  if (evbuffer_copyout(from, frame, kFrameHead) < kFrameHead) return 0;
  size = (size_t)frame[0] << 8 | frame[1];
  if (evbuffer_get_length(from) < kFrameHead + size) return 0;
  evbuffer_remove(from, frame, kFrameHead + size);
  for (i = 0; i < size; ++i) frame[kFrameHead + i] ^= kFrameMask;
  return evbuffer_add(to, frame + kFrameHead, size) == 0 ? 1 : -1;
}

static enum bufferevent_filter_result unframe(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
                                              enum bufferevent_flush_mode mode, void *arg) {
  const size_t before = evbuffer_get_length(to);
  int moved = 0;
  (void)mode;
  (void)arg;
  while ((limit < 0 || evbuffer_get_length(to) < before + (size_t)limit) &&
         (moved = move_frame(from, to)) > 0) {
  }
  if (moved < 0) return BEV_ERROR;
  return evbuffer_get_length(to) > before ? BEV_OK : BEV_NEED_MORE;
}

static enum bufferevent_filter_result frame(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
                                            enum bufferevent_flush_mode mode, void *arg) {
  struct connection *c = arg;
  unsigned char bytes[kFrameHead + kMostInFrame];
  int got, i;
  (void)limit;
  (void)mode;
  while ((got = evbuffer_remove(from, bytes + kFrameHead,
                                1 + random_below(&c->echo->run->random, kMostInFrame))) > 0) {
    bytes[0] = (unsigned char)(got >> 8);
    bytes[1] = (unsigned char)got;
    for (i = 0; i < got; ++i) bytes[kFrameHead + i] ^= kFrameMask;
    if (evbuffer_add(to, bytes, kFrameHead + (size_t)got) != 0) return BEV_ERROR;
  }
  return BEV_OK;
}

/* --- accepting --------------------------------------------------------------------------------------------
 */

/* Each takes the descriptor, also when it fails. */
static struct bufferevent *open_transport(struct echo *e, evutil_socket_t fd, int options) {
  struct bufferevent *bev;
  SSL *ssl = NULL;
  if (e->tls) {
    ssl = SSL_new(e->run->server_tls);
    bev = bufferevent_openssl_socket_new(e->run->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, options);
  } else {
    bev = bufferevent_socket_new(e->run->base, fd, options);
  }
  if (bev) return bev;
  SSL_free(ssl);
  evutil_closesocket(fd);
  return NULL;
}

static struct bufferevent *open_filter(struct connection *c, evutil_socket_t fd, int options) {
  struct bufferevent *filter;
  c->underlying = open_transport(c->echo, fd, BEV_OPT_CLOSE_ON_FREE);
  if (!c->underlying) return NULL;
  filter = bufferevent_filter_new(c->underlying, unframe, frame, options, NULL, c);
  if (filter && evbuffer_add_cb(bufferevent_get_output(c->underlying), on_underlying_output, c))
    return filter;
  bufferevent_free(filter ? filter : c->underlying);
  return NULL;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *arg) {
  struct echo *e = arg;
  struct connection *c = calloc(1, sizeof(*c));
  const int options =
      BEV_OPT_CLOSE_ON_FREE | (random_below(&e->run->random, 2) ? BEV_OPT_DEFER_CALLBACKS : 0);
  (void)listener;
  (void)address;
  (void)length;
  c->echo = e;
  c->bev = e->filter ? open_filter(c, fd, options) : open_transport(e, fd, options);
  if (!c->bev) {
    free(c);
    return;
  }
  ++e->run->live;
  event_assign(&c->finish, e->run->base, -1, 0, on_finish, c);
  bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
  if (random_below(&e->run->random, 2)) bufferevent_setwatermark(c->bev, EV_WRITE, kFewWaiting, 0);
  if (random_below(&e->run->random, 4) == 0) bufferevent_setwatermark(c->bev, EV_READ, 0, kFewWaiting);
  if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) != 0) free_connection(c);
}

static void *start_echo(struct run *run, int tls, int filter) {
  struct sockaddr_in address = run_loopback();
  struct echo *e = calloc(1, sizeof(*e));
  e->run = run;
  e->tls = tls;
  e->filter = filter;
  e->listener =
      evconnlistener_new_bind(run->base, on_accept, e, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 128,
                              (struct sockaddr *)&address, sizeof(address));
  if (e->listener) return e;
  free(e);
  return NULL;
}
static void *start_plain(struct run *run) { return start_echo(run, 0, 0); }
static void *start_tls(struct run *run) { return start_echo(run, 1, 0); }
static void *start_filter(struct run *run) { return start_echo(run, 0, 1); }
static void *start_tls_filter(struct run *run) { return start_echo(run, 1, 1); }

static int start_clean(struct run *run, void *state, int done) {
  struct echo *e = state;
  e->client.kind = e->filter ? kPlanFrames : kPlanBytes;
  e->client.tls = e->tls ? run->client_tls : NULL;
  return run_start_client(run, &e->client, evconnlistener_get_fd(e->listener), done);
}

static unsigned connections_left(struct run *run, void *state) {
  (void)state;
  return run->live;
}

static void finish(struct run *run, void *state) {
  struct echo *e = state;
  run_end_client(run, &e->client);
  evconnlistener_free(e->listener);
  free(e);
}

const struct scenario echo_scenario = {"echo", start_plain, start_clean, connections_left, finish};
const struct scenario tls_scenario = {"tls", start_tls, start_clean, connections_left, finish};
const struct scenario filter_scenario = {"filter", start_filter, start_clean, connections_left, finish};
const struct scenario tls_filter_scenario = {"tls-filter", start_tls_filter, start_clean, connections_left,
                                             finish};

/* Bufferevents that connect to the clean echo server and send as their plans say. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <unistd.h>

#include "faults/run.h"

enum { kMostWaiting = 16384 };

struct caller {
  struct connecting *all;
  struct bufferevent *bev; /* NULL once it has ended */
  struct plan plan;
  size_t sent;
  int connected;
};

struct connecting {
  struct run *run;
  struct clean_server server;
  struct caller callers[kTalks];
  int done;
};

static void end_call(struct caller *c) {
  struct connecting *all = c->all;
  bufferevent_free(c->bev);
  c->bev = NULL;
  if (plan_is_complete(&c->plan)) {
    ++all->run->whole;
  } else {
    ++all->run->cut;
    if (all->run->all_must_arrive) run_mistake(all->run, "a connection ended early");
  }
  if (c->plan.wrong) run_mistake(all->run, "bytes are not those that were sent");
  if (--all->run->live == 0) close(all->done);
}

/* Returns 0 if a piece was refused. */
static int send_some(struct caller *c) {
  struct evbuffer *output = bufferevent_get_output(c->bev);
  while (c->sent < c->plan.out_size && evbuffer_get_length(output) < kMostWaiting) {
    size_t size = 1 + random_below(&c->all->run->random, 9000);
    if (size > c->plan.out_size - c->sent) size = c->plan.out_size - c->sent;
    if (bufferevent_write(c->bev, c->plan.out + c->sent, size) != 0) return 0;
    c->sent += size;
  }
  return 1;
}

static void on_read(struct bufferevent *bev, void *arg) {
  struct caller *c = arg;
  unsigned char bytes[4096];
  size_t got;
  while ((got = bufferevent_read(bev, bytes, sizeof(bytes))) > 0) {
    if (c->plan.decode(&c->plan, bytes, got) != 0) break;
  }
  if (c->plan.wrong || c->plan.got == c->plan.want_size) end_call(c);
}

static void on_write(struct bufferevent *bev, void *arg) {
  struct caller *c = arg;
  (void)bev;
  if (!send_some(c)) end_call(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct caller *c = arg;
  if (!(what & BEV_EVENT_CONNECTED)) {
    end_call(c);
    return;
  }
  if (c->connected++) run_mistake(c->all->run, "a connection was reported twice");
  if (c->plan.want_size == 0 || bufferevent_enable(bev, EV_READ) != 0 || !send_some(c)) end_call(c);
}

/* Returns 0 if it cannot be begun; then it is over. */
static int begin_call(struct caller *c) {
  struct connecting *all = c->all;
  int options = BEV_OPT_CLOSE_ON_FREE;
  if (random_below(&all->run->random, 2)) options |= BEV_OPT_DEFER_CALLBACKS;
  c->bev = bufferevent_socket_new(all->run->base, -1, options);
  if (!c->bev) return 0;
  bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
  if (random_below(&all->run->random, 2)) bufferevent_enable(c->bev, EV_READ);
  if (random_below(&all->run->random, 2)) send_some(c);
  if (bufferevent_socket_connect(c->bev, (struct sockaddr *)&all->server.address,
                                 sizeof(all->server.address)) == 0)
    return 1;
  /* The failure may be reported by the callback too, which is not to come any more. */
  bufferevent_free(c->bev);
  c->bev = NULL;
  return 0;
}

static void *start(struct run *run) {
  struct connecting *all = calloc(1, sizeof(*all));
  unsigned i;
  all->run = run;
  all->server.connections = kTalks * 2;
  all->server.reset_one_in = run->all_must_arrive ? 0 : 12;
  all->server.random = run->random ^ 1;
  for (i = 0; i < kTalks; ++i) {
    all->callers[i].all = all;
    plan_make(&all->callers[i].plan, kPlanBytes, &run->random);
  }
  return all;
}

/* The calls begin with the loop, disturbed. */
static void begin_all(evutil_socket_t fd, short what, void *arg) {
  struct connecting *all = arg;
  unsigned i;
  (void)fd;
  (void)what;
  all->run->live = 1; /* until all have begun */
  for (i = 0; i < kTalks; ++i) {
    ++all->run->live;
    if (begin_call(&all->callers[i])) continue;
    --all->run->live;
    ++all->run->cut;
    if (all->run->all_must_arrive) run_mistake(all->run, "a connection was refused");
  }
  if (--all->run->live == 0) close(all->done);
}

static int start_clean(struct run *run, void *state, int done) {
  struct connecting *all = state;
  all->done = done;
  return clean_server_start(&all->server) &&
         event_base_once(run->base, -1, EV_TIMEOUT, begin_all, all, NULL) == 0;
}

static unsigned connections_left(struct run *run, void *state) {
  (void)state;
  return run->live;
}

static void finish(struct run *run, void *state) {
  struct connecting *all = state;
  unsigned i;
  (void)run;
  clean_server_stop(&all->server);
  for (i = 0; i < kTalks; ++i) plan_free(&all->callers[i].plan);
  free(all);
}

const struct scenario connect_scenario = {"connect", start, start_clean, connections_left, finish};

/* Wake-ups from another thread by libev: the work of xthread.c on ev_async. */
#include <ev.h>

#include "xthread.h"

static struct ev_loop *loop;
static ev_async watchers[kBatch], end;
static struct batches batches;

static void on_async(EV_P_ ev_async *watcher, int what) {
  (void)EV_A;
  (void)watcher;
  (void)what;
  batches_received_one(&batches);
}

static void on_end(EV_P_ ev_async *watcher, int what) {
  (void)watcher;
  (void)what;
  ev_break(EV_A_ EVBREAK_ALL);
}

static void send_one(int i) { ev_async_send(loop, &watchers[i]); }
static void send_end(void) { ev_async_send(loop, &end); }

static void run_batches(long ops) {
  pthread_t sender;
  batches = (struct batches){.send = send_one, .end = send_end, .ops = ops};
  CHECK(sem_init(&batches.done, 0, 0) == 0);
  loop = ev_loop_new(EVFLAG_AUTO);
  CHECK(loop != NULL);
  for (int i = 0; i < kBatch; ++i) {
    ev_async_init(&watchers[i], on_async);
    ev_async_start(loop, &watchers[i]);
  }
  ev_async_init(&end, on_end);
  ev_async_start(loop, &end);
  start_thread(&sender, batches_send, &batches);
  ev_run(loop, 0);
  end_thread(sender);
  ev_loop_destroy(loop);
}

struct player {
  struct ev_loop *loop;
  ev_async hit, end;
  struct player *other;
};
static struct player players[2];
static struct progress progress;

static void on_hit(EV_P_ ev_async *watcher, int what) {
  struct player *player = watcher->data;
  (void)EV_A;
  (void)what;
  if (player == players && progress_add(&progress, 1)) {
    for (int i = 0; i < 2; ++i) ev_async_send(players[i].loop, &players[i].end);
    return;
  }
  ev_async_send(player->other->loop, &player->other->hit);
}

static void *play(void *arg) {
  struct player *player = arg;
  ev_run(player->loop, 0);
  return NULL;
}

static void run_round_trips(long ops) {
  pthread_t other;
  for (int i = 0; i < 2; ++i) {
    players[i].loop = ev_loop_new(EVFLAG_AUTO);
    CHECK(players[i].loop != NULL);
    ev_async_init(&players[i].hit, on_hit);
    ev_async_init(&players[i].end, on_end);
    players[i].hit.data = &players[i];
    ev_async_start(players[i].loop, &players[i].hit);
    ev_async_start(players[i].loop, &players[i].end);
    players[i].other = &players[1 - i];
  }
  progress_init(&progress, "xthread_round_trip", ops / 10, ops);
  ev_async_send(players[0].loop, &players[0].hit);
  start_thread(&other, play, &players[1]);
  play(&players[0]);
  end_thread(other);
  for (int i = 0; i < 2; ++i) ev_loop_destroy(players[i].loop);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kXthreadOps);
  run_batches(ops);
  run_round_trips(ops / (kXthreadOps / kRoundTrips) + 1);
  bench_finish();
  return 0;
}

/* Events made active from another thread: in batches, and in round trips between two loops. */
#include "xthread.h"

#include <event2/event.h>
#include <event2/thread.h>

static struct event_base *base;
static struct event *events[kBatch], *end;
static struct batches batches;

static void on_active(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  batches_received_one(&batches);
}

static void on_end(evutil_socket_t fd, short what, void *loop) {
  (void)fd;
  (void)what;
  CHECK(event_base_loopbreak(loop) == 0);
}

static void send_one(int i) { event_active(events[i], EV_TIMEOUT, 1); }
static void send_end(void) { event_active(end, EV_TIMEOUT, 1); }

static struct event *new_event(struct event_base *loop, event_callback_fn callback, void *arg) {
  struct event *event = event_new(loop, -1, 0, callback, arg);
  CHECK(event != NULL);
  return event;
}

static void run_batches(long ops) {
  pthread_t sender;
  batches = (struct batches){.send = send_one, .end = send_end, .ops = ops};
  CHECK(sem_init(&batches.done, 0, 0) == 0);
  base = event_base_new();
  CHECK(base != NULL);
  for (int i = 0; i < kBatch; ++i) events[i] = new_event(base, on_active, NULL);
  end = new_event(base, on_end, base);
  start_thread(&sender, batches_send, &batches);
  CHECK(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY) == 0);
  end_thread(sender);
  for (int i = 0; i < kBatch; ++i) event_free(events[i]);
  event_free(end);
  event_base_free(base);
}

struct player {
  struct event_base *base;
  struct event *hit, *end;
  struct player *other;
};
static struct player players[2];
static struct progress progress;

static void on_hit(evutil_socket_t fd, short what, void *arg) {
  struct player *player = arg;
  (void)fd;
  (void)what;
  if (player == players && progress_add(&progress, 1)) {
    for (int i = 0; i < 2; ++i) event_active(players[i].end, EV_TIMEOUT, 1);
    return;
  }
  event_active(player->other->hit, EV_TIMEOUT, 1);
}

static void *play(void *arg) {
  struct player *player = arg;
  CHECK(event_base_loop(player->base, EVLOOP_NO_EXIT_ON_EMPTY) == 0);
  return NULL;
}

static void run_round_trips(long ops) {
  pthread_t other;
  for (int i = 0; i < 2; ++i) {
    players[i].base = event_base_new();
    CHECK(players[i].base != NULL);
    players[i].hit = new_event(players[i].base, on_hit, &players[i]);
    players[i].end = new_event(players[i].base, on_end, players[i].base);
    players[i].other = &players[1 - i];
  }
  progress_init(&progress, "xthread_round_trip", ops / 10, ops);
  event_active(players[0].hit, EV_TIMEOUT, 1);
  start_thread(&other, play, &players[1]);
  play(&players[0]);
  end_thread(other);
  for (int i = 0; i < 2; ++i) {
    event_free(players[i].hit);
    event_free(players[i].end);
    event_base_free(players[i].base);
  }
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kXthreadOps);
  CHECK(evthread_use_pthreads() == 0);
  run_batches(ops);
  run_round_trips(ops / (kXthreadOps / kRoundTrips) + 1);
  bench_finish();
  return 0;
}

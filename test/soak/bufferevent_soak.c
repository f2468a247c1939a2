/* Soak of bufferevents with locks: two loops, and threads that write to, pause, limit and free connections of
 * both while their callbacks echo across the loops, for a number of seconds (argument 1, default 3), with a
 * seed (argument 2). Meant to run under ThreadSanitizer too. Ends with figures, and with status 1 if a byte
 * came out of order or an event callback came after the free. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "soak/soak.h"

enum { kLoops = 2, kWorkers = 3, kLinks = 12, kMaxPending = 1 << 16, kBlock = 3000, kTries = 20000 };

/* Two ends of a socket pair, one on each loop: what is written to one comes back from the other. The bytes
 * count up, so that each end knows what must come next. */
struct link {
  pthread_mutex_t mutex; /* of the workers: held while the link is replaced */
  struct bufferevent *near, *far;
  unsigned char next_sent, next_seen;
  struct link_ref *ref;
};
/* The argument of the callbacks of a connection. Outlives it. */
struct link_ref {
  struct link *link;
  atomic_int freed;
  struct link_ref *next;
};

static struct event_base *bases[kLoops];
static struct link links[kLinks];
static struct bufferevent_rate_limit_group *group;
static _Atomic(struct link_ref *) all_refs;
static atomic_int stop;
static atomic_long echoed, connections, out_of_order, late_calls;

struct worker {
  pthread_t thread;
  uint64_t random;
};

static uint32_t next_random(struct worker *w, uint32_t bound) {
  w->random = w->random * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(w->random >> 33) % bound;
}

static void on_far_read(struct bufferevent *far, void *arg) {
  (void)arg;
  bufferevent_write_buffer(far, bufferevent_get_input(far));
}

static void on_near_read(struct bufferevent *near, void *arg) {
  struct link_ref *ref = arg;
  unsigned char bytes[4096];
  size_t got, i;
  if (atomic_load(&ref->freed)) atomic_fetch_add(&late_calls, 1);
  while ((got = bufferevent_read(near, bytes, sizeof(bytes))) > 0) {
    for (i = 0; i < got; ++i) {
      if (bytes[i] != ref->link->next_seen++) atomic_fetch_add(&out_of_order, 1);
    }
    atomic_fetch_add(&echoed, (long)got);
  }
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)what;
  (void)arg;
}

/* The loops close those of freed links, so that under a low limit there are some again soon. */
static void open_sockets(evutil_socket_t fds[2]) {
  const struct timespec pause = {0, 1000000};
  int tries;
  for (tries = 0; evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0; ++tries) {
    must(tries < kTries, "no sockets");
    nanosleep(&pause, NULL);
  }
}

/* Requires: the mutex of the link is held, or no other thread runs yet. */
static void connect_link(struct link *link, struct worker *w) {
  const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE;
  const int deferred = next_random(w, 2) ? BEV_OPT_DEFER_CALLBACKS : 0;
  evutil_socket_t fds[2];
  struct link_ref *ref = calloc(1, sizeof(*ref));
  must(ref != NULL, "no memory");
  open_sockets(fds);
  evutil_make_socket_nonblocking(fds[0]);
  evutil_make_socket_nonblocking(fds[1]);
  link->near = bufferevent_socket_new(bases[next_random(w, kLoops)], fds[0], options | deferred);
  link->far = bufferevent_socket_new(bases[next_random(w, kLoops)], fds[1], options | deferred);
  must(link->near && link->far, "no bufferevents");
  ref->link = link;
  ref->next = atomic_load(&all_refs);
  while (!atomic_compare_exchange_weak(&all_refs, &ref->next, ref)) {
  }
  link->ref = ref;
  link->next_sent = link->next_seen = 0;
  bufferevent_setcb(link->far, on_far_read, NULL, on_event, NULL);
  bufferevent_setcb(link->near, on_near_read, NULL, on_event, ref);
  if (next_random(w, 3) == 0) bufferevent_add_to_rate_limit_group(link->near, group);
  bufferevent_enable(link->far, EV_READ | EV_WRITE);
  bufferevent_enable(link->near, EV_READ | EV_WRITE);
  atomic_fetch_add(&connections, 1);
}

/* A callback of the near end may be running. Once its lock is acquired none is, and none starts after. */
static void disconnect_link(struct link *link) {
  struct bufferevent *near = link->near;
  bufferevent_lock(near);
  bufferevent_setcb(near, NULL, NULL, NULL, NULL);
  atomic_store(&link->ref->freed, 1);
  bufferevent_free(near);
  bufferevent_unlock(near);
  bufferevent_free(link->far);
}

static void send_block(struct link *link, struct worker *w) {
  unsigned char block[kBlock];
  const size_t size = 1 + next_random(w, kBlock);
  size_t i;
  if (evbuffer_get_length(bufferevent_get_output(link->near)) > kMaxPending) return;
  for (i = 0; i < size; ++i) block[i] = link->next_sent++;
  must(bufferevent_write(link->near, block, size) == 0, "a write failed");
}

static void work_on(struct link *link, struct worker *w) {
  struct timeval tv = {5, 0};
  pthread_mutex_lock(&link->mutex);
  switch (next_random(w, 16)) {
    case 0:
      disconnect_link(link);
      connect_link(link, w);
      break;
    case 1:
      bufferevent_disable(link->near, EV_READ);
      sched_yield();
      bufferevent_enable(link->near, EV_READ);
      break;
    case 2:
      bufferevent_setwatermark(link->far, EV_READ, 0, next_random(w, 2) ? 0 : 1000);
      break;
    case 3:
      bufferevent_set_timeouts(link->far, next_random(w, 2) ? &tv : NULL, NULL);
      break;
    case 4:
      bufferevent_trigger(link->far, EV_READ, 0);
      break;
    case 5:
      bufferevent_remove_from_rate_limit_group(link->near);
      if (next_random(w, 2)) bufferevent_add_to_rate_limit_group(link->near, group);
      break;
    default:
      send_block(link, w);
      break;
  }
  pthread_mutex_unlock(&link->mutex);
}

static void *work(void *arg) {
  struct worker *w = arg;
  while (!atomic_load(&stop)) work_on(&links[next_random(w, kLinks)], w);
  return NULL;
}

int main(int argc, char **argv) {
  const int seconds = argc > 1 ? atoi(argv[1]) : 3;
  const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
  const struct timespec duration = {seconds, 0};
  struct worker workers[kWorkers];
  pthread_t loops[kLoops];
  struct ev_token_bucket_cfg *cfg;
  struct link_ref *ref;
  int i;
  signal(SIGPIPE, SIG_IGN);
  must(evthread_use_pthreads() == 0, "no threads");
  for (i = 0; i < kLoops; ++i) must((bases[i] = event_base_new()) != NULL, "no base");
  cfg = ev_token_bucket_cfg_new(1 << 20, 1 << 20, 1 << 20, 1 << 20, NULL);
  group = bufferevent_rate_limit_group_new(bases[0], cfg);
  must(group != NULL, "no group");
  for (i = 0; i < kWorkers; ++i) workers[i].random = seed * kWorkers + (uint64_t)i + 1;
  for (i = 0; i < kLinks; ++i) {
    pthread_mutex_init(&links[i].mutex, NULL);
    connect_link(&links[i], &workers[0]);
  }
  for (i = 0; i < kLoops; ++i) pthread_create(&loops[i], NULL, run_loop, bases[i]);
  for (i = 0; i < kWorkers; ++i) pthread_create(&workers[i].thread, NULL, work, &workers[i]);
  nanosleep(&duration, NULL);
  atomic_store(&stop, 1);
  for (i = 0; i < kWorkers; ++i) pthread_join(workers[i].thread, NULL);
  for (i = 0; i < kLinks; ++i) disconnect_link(&links[i]);
  for (i = 0; i < kLoops; ++i) event_base_loopbreak(bases[i]);
  for (i = 0; i < kLoops; ++i) pthread_join(loops[i], NULL);
  bufferevent_rate_limit_group_free(group);
  ev_token_bucket_cfg_free(cfg);
  for (i = 0; i < kLoops; ++i) event_base_free(bases[i]);
  while ((ref = atomic_load(&all_refs)) != NULL) {
    atomic_store(&all_refs, ref->next);
    free(ref);
  }
  printf("%ld bytes echoed on %ld connections, %ld out of order, %ld calls too late\n", atomic_load(&echoed),
         atomic_load(&connections), atomic_load(&out_of_order), atomic_load(&late_calls));
  return atomic_load(&out_of_order) || atomic_load(&late_calls) || atomic_load(&echoed) == 0;
}

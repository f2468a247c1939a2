/* Soak of the event core: two loops, four threads that add, delete, activate and free events on both, for a
 * number of seconds (argument 1, default 3), with a seed (argument 2). Meant to run under ThreadSanitizer
 * too; ends with figures, and with status 1 if event_del or event_free returned while the callback ran, or an
 * event was called after that. */
#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "soak/soak.h"

enum { kLoops = 2, kWorkers = 4, kSlots = 64, kPairs = 8 };

/* What a callback is given. It outlives its event, so that a call that comes too late is seen and not a
 * crash. */
struct slot {
  struct event *ev;
  atomic_int alive; /* it may be called: cleared once event_del or event_free returned */
  atomic_int running;
  atomic_long calls;
};

struct worker {
  pthread_t thread;
  uint64_t random;
  struct slot slots[kSlots];
  int pairs[kPairs][2];
  long operations;
};

static struct event_base *bases[kLoops];
static struct worker workers[kWorkers];
static atomic_int stop;
static atomic_long late_calls;
static atomic_long early_returns;

static uint32_t next_random(struct worker *w, uint32_t bound) {
  w->random = w->random * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(w->random >> 33) % bound;
}

static void on_event(evutil_socket_t fd, short what, void *arg) {
  struct slot *slot = arg;
  char bytes[16];
  long calls;
  atomic_fetch_add(&slot->running, 1);
  if (!atomic_load(&slot->alive)) atomic_fetch_add(&late_calls, 1);
  if ((what & EV_READ) && fd >= 0 && read(fd, bytes, sizeof(bytes)) < 0) {
    /* another event took it */
  }
  calls = atomic_fetch_add(&slot->calls, 1);
  /* Some take their time, so that deletions meet them. */
  if (calls % 8 == 0) sched_yield();
  if (calls % 64 == 0) usleep(100);
  if (!atomic_load(&slot->alive)) atomic_fetch_add(&late_calls, 1);
  atomic_fetch_sub(&slot->running, 1);
}

static void make(struct worker *w, struct slot *slot) {
  static const short kinds[] = {
      0, EV_PERSIST, EV_READ, EV_READ | EV_PERSIST, EV_WRITE, EV_READ | EV_PERSIST | EV_ET};
  const short what = kinds[next_random(w, sizeof(kinds) / sizeof(kinds[0]))];
  const int fd = what & (EV_READ | EV_WRITE) ? w->pairs[next_random(w, kPairs)][0] : -1;
  slot->ev = event_new(bases[next_random(w, kLoops)], fd, what, on_event, slot);
}

/* The event of the slot was deleted: from here on no loop may run or call it. */
static void is_gone(struct slot *slot) {
  if (atomic_load(&slot->running)) atomic_fetch_add(&early_returns, 1);
  atomic_store(&slot->alive, 0);
}

static void discard(struct slot *slot) {
  event_free(slot->ev);
  is_gone(slot);
  slot->ev = NULL;
}

static void withdraw(struct slot *slot) {
  event_del(slot->ev);
  is_gone(slot);
}

static void work_on(struct worker *w, struct slot *slot) {
  struct timeval soon = {0, (suseconds_t)next_random(w, 3000)};
  if (!slot->ev) {
    make(w, slot);
    return;
  }
  switch (next_random(w, 8)) {
    case 0:
      discard(slot);
      break;
    case 1:
      withdraw(slot);
      break;
    case 2:
      atomic_store(&slot->alive, 1);
      event_active(slot->ev, EV_TIMEOUT, 1);
      break;
    case 3:
      atomic_store(&slot->alive, 1);
      event_add(slot->ev, NULL);
      break;
    case 4:
      event_pending(slot->ev, EV_READ | EV_TIMEOUT, NULL);
      break;
    default:
      atomic_store(&slot->alive, 1);
      event_add(slot->ev, &soon);
      break;
  }
}

static void *work(void *arg) {
  struct worker *w = arg;
  while (!atomic_load(&stop)) {
    work_on(w, &w->slots[next_random(w, kSlots)]);
    if (next_random(w, 16) == 0 && write(w->pairs[next_random(w, kPairs)][1], "x", 1) < 0)
      continue; /* full */
    ++w->operations;
  }
  for (int i = 0; i < kSlots; ++i) {
    if (w->slots[i].ev) discard(&w->slots[i]);
  }
  return NULL;
}

int main(int argc, char **argv) {
  const int seconds = argc > 1 ? atoi(argv[1]) : 3;
  const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
  const struct timespec length = {seconds, 0};
  pthread_t loops[kLoops];
  long operations = 0, calls = 0;
  if (evthread_use_pthreads() != 0) return 2;
  for (int i = 0; i < kLoops; ++i) {
    if (!(bases[i] = event_base_new()) || pthread_create(&loops[i], NULL, run_loop, bases[i]) != 0) return 2;
  }
  for (int i = 0; i < kWorkers; ++i) {
    workers[i].random = 88172645463325252u + seed * kWorkers + (uint64_t)i;
    for (int p = 0; p < kPairs; ++p) {
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, workers[i].pairs[p]) != 0) return 2;
    }
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) return 2;
  }
  nanosleep(&length, NULL);
  atomic_store(&stop, 1);
  for (int i = 0; i < kWorkers; ++i) {
    pthread_join(workers[i].thread, NULL);
    operations += workers[i].operations;
    for (int s = 0; s < kSlots; ++s) calls += atomic_load(&workers[i].slots[s].calls);
    for (int p = 0; p < kPairs; ++p) close(workers[i].pairs[p][0]), close(workers[i].pairs[p][1]);
  }
  for (int i = 0; i < kLoops; ++i) {
    event_base_loopbreak(bases[i]);
    pthread_join(loops[i], NULL);
    if (event_base_get_num_events(bases[i], EVENT_BASE_COUNT_ADDED) != 0) {
      printf("loop %d still holds events\n", i);
      return 1;
    }
    event_base_free(bases[i]);
  }
  printf("%ld operations, %ld calls, %ld of them too late, %ld deletions too early\n", operations, calls,
         atomic_load(&late_calls), atomic_load(&early_returns));
  return atomic_load(&late_calls) || atomic_load(&early_returns) || !calls ? 1 : 0;
}

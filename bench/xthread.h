/* Shared by the cross-thread programs. Both threads run on one CPU: waking another CPU has the largest and
 * most variable cost in virtual machines. */
#ifndef EVENTIDE_BENCH_XTHREAD_H
#define EVENTIDE_BENCH_XTHREAD_H

#include <pthread.h>
#include <semaphore.h>

#include "bench.h"

enum { kXthreadOps = 400000, kRoundTrips = 20000, kBatch = 1000 };

static inline void start_thread(pthread_t *thread, void *(*run)(void *), void *arg) {
  CHECK(pthread_create(thread, NULL, run, arg) == 0);
}
static inline void end_thread(pthread_t thread) { CHECK(pthread_join(thread, NULL) == 0); }

/* The sender of batches: sends kBatch activations and waits until the loop has run them all. */
struct batches {
  void (*send)(int i);
  void (*end)(void); /* makes the loop return */
  long ops;
  sem_t done;
  long received; /* the loop's */
};

static inline void *batches_send(void *arg) {
  struct batches *b = arg;
  struct progress progress;
  progress_init(&progress, "xthread_activate", b->ops / 10, b->ops);
  do {
    for (int i = 0; i < kBatch; ++i) b->send(i);
    CHECK(sem_wait(&b->done) == 0);
  } while (!progress_add(&progress, kBatch));
  b->end();
  return NULL;
}

static inline void batches_received_one(struct batches *b) {
  if (++b->received % kBatch == 0) CHECK(sem_post(&b->done) == 0);
}

#endif

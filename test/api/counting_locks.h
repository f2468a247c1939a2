/* Locks that count: which object's lock was taken how often, and which are held now. One thread uses them, so
 * nothing has to be locked in earnest. Locks belong to the owner that was current when they were made. */
#ifndef EVENTIDE_TEST_API_COUNTING_LOCKS_H
#define EVENTIDE_TEST_API_COUNTING_LOCKS_H

#include <event2/thread.h>
#include <stdlib.h>
#include <string.h>

/* Whether there is what libevent 2.1 does not have. */
#if defined(__has_include)
#if __has_include(<event2/eventide.h>)
#define WITH_OURS
#endif
#endif

enum lock_owner { LOCK_OF_PROCESS, LOCK_OF_BASE, LOCK_OF_OBJECT, LOCK_OF_OTHER, LOCK_OWNERS };

/* Sets of owners. */
enum { B = 1 << LOCK_OF_BASE, O = 1 << LOCK_OF_OBJECT, P = 1 << LOCK_OF_OTHER };

struct counting_lock {
  enum lock_owner owner;
  int depth;
};

/* Of the locks that are made from now on. */
static enum lock_owner lock_owner_now;
static int locks_taken[LOCK_OWNERS]; /* how often */
static int locks_held[LOCK_OWNERS];  /* how many times more often taken than released */
static int lock_misuses;             /* releases of a lock that is not held, and held locks that were freed */

static void *counting_alloc(unsigned type) {
  struct counting_lock *lock = calloc(1, sizeof(*lock));
  (void)type;
  if (lock) lock->owner = lock_owner_now;
  return lock;
}
static void counting_free(void *memory, unsigned type) {
  struct counting_lock *lock = memory;
  (void)type;
  if (lock->depth) ++lock_misuses;
  free(lock);
}
static int counting_acquire(unsigned mode, void *memory) {
  struct counting_lock *lock = memory;
  (void)mode;
  ++lock->depth;
  ++locks_taken[lock->owner];
  ++locks_held[lock->owner];
  return 0;
}
static int counting_release(unsigned mode, void *memory) {
  struct counting_lock *lock = memory;
  (void)mode;
  if (--lock->depth < 0) ++lock_misuses;
  --locks_held[lock->owner];
  return 0;
}
static unsigned long counting_thread(void) { return 1; }

/* Returns -1 if other locks are in use already. */
static int use_counting_locks(void) {
  static const struct evthread_lock_callbacks callbacks = {
      EVTHREAD_LOCK_API_VERSION, EVTHREAD_LOCKTYPE_RECURSIVE, counting_alloc, counting_free, counting_acquire,
      counting_release};
  evthread_set_id_callback(counting_thread);
  return evthread_set_lock_callbacks(&callbacks);
}

static __attribute__((unused)) void forget_locks_taken(void) { memset(locks_taken, 0, sizeof(locks_taken)); }

/* Whether every lock was released as often as it was taken. */
static __attribute__((unused)) int locks_balanced(void) {
  int i;
  for (i = 0; i < LOCK_OWNERS; ++i) {
    if (locks_held[i] != 0) return 0;
  }
  return lock_misuses == 0;
}

#endif

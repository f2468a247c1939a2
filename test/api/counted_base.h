/* The base of api/events.h with a counting lock, and its pair of sockets. */
#ifndef EVENTIDE_TEST_API_COUNTED_BASE_H
#define EVENTIDE_TEST_API_COUNTED_BASE_H

#include "api/counting_locks.h"
#include "api/events.h"

static void make_base(void) {
  lock_owner_now = LOCK_OF_BASE;
  base = event_base_new();
  lock_owner_now = LOCK_OF_PROCESS;
  CHECK(base && open_pair() == 0);
}
static void free_base(void) {
  event_base_free(base);
  close_pair();
}

#endif

/* Tables of calls with the locks that each must take, and the functions that make and free what they work on.
 */
#ifndef EVENTIDE_TEST_API_LOCK_ROWS_H
#define EVENTIDE_TEST_API_LOCK_ROWS_H

#include "api/check.h"
#include "api/counting_locks.h"

#define DIFFERS 1 /* libevent takes none there */

/* For rows of functions that libevent 2.1 does not have. */
#ifdef WITH_OURS
#define OURS_ALONE(row) row
#else
#define OURS_ALONE(row)
#endif

struct lock_row {
  const char *name;
  void (*call)(void);
  int taken; /* the locks that must be taken: B, O, P */
  int differs;
};

#define FUNCTION_OF_ROW(name, taken, differs, ...) \
  static void call_##name(void) { __VA_ARGS__; }
#define ENTRY_OF_ROW(name, taken, differs, ...) {#name, call_##name, taken, differs},

static void check_rows(const struct lock_row *rows, size_t count, void (*set_up)(void),
                       void (*tear_down)(void)) {
  const int libevent = getenv("EVENTIDE_TEST_ORACLE") != NULL;
  size_t i;
  int owner;
  for (i = 0; i < count; ++i) {
    set_up();
    if (CHECK_FAILED()) CHECK_FAIL_("%s: no objects to call it with", rows[i].name);
    forget_locks_taken();
    rows[i].call();
    if (!locks_balanced())
      CHECK_FAIL_("%s does not release its locks as often as it takes them", rows[i].name);
    for (owner = 0; owner < LOCK_OWNERS && !(libevent && rows[i].differs); ++owner) {
      if ((rows[i].taken & 1 << owner) && !locks_taken[owner])
        CHECK_FAIL_("%s does not take lock %d", rows[i].name, owner);
    }
    tear_down();
    if (!locks_balanced()) CHECK_FAIL_("%s leaves a lock held", rows[i].name);
  }
}
#define CHECK_ROWS(rows, set_up, tear_down) \
  check_rows(rows, sizeof(rows) / sizeof((rows)[0]), set_up, tear_down)

#endif

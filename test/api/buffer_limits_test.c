/* evbuffers at their largest size: what would make one longer than EV_SSIZE_MAX fails and changes nothing.
 * The bytes are memory of the program by reference that nothing reads. */
#include <event2/buffer.h>
#include <stdarg.h>

#include "api/events.h"

static char one_byte[1];
static int cleanups;
static void note_cleanup(const void *data, size_t size, void *arg) {
  (void)data;
  (void)size;
  (void)arg;
  ++cleanups;
}

/* A buffer whose length may grow by `left`, with room in its last extent for more than that. */
static struct evbuffer *nearly_full(size_t left) {
  struct evbuffer *full = evbuffer_new(), *head = evbuffer_new();
  evbuffer_add(full, "ab", 2);
  if (evbuffer_add_reference(head, one_byte, (size_t)EV_SSIZE_MAX - 2 - left, note_cleanup, NULL) != 0)
    return NULL;
  evbuffer_prepend_buffer(full, head);
  evbuffer_free(head);
  return full;
}

static struct evbuffer *full, *other;
static struct evbuffer_iovec space[2];

static int add_formatted(const char *format, ...) {
  va_list arguments;
  int size;
  va_start(arguments, format);
  size = evbuffer_add_vprintf(full, format, arguments);
  va_end(arguments);
  return size;
}
static int commit(size_t size) {
  space[0].iov_len = size;
  return evbuffer_commit_space(full, space, 1);
}

/* Each adds seven bytes, which are one too many or just fit. */
#define SEVEN "1234567"
#define ADDITIONS(ADDITION)                                                            \
  ADDITION(evbuffer_add, evbuffer_add(full, SEVEN, 7))                                 \
  ADDITION(evbuffer_prepend, evbuffer_prepend(full, SEVEN, 7))                         \
  ADDITION(evbuffer_add_printf, evbuffer_add_printf(full, "%s", SEVEN))                \
  ADDITION(evbuffer_add_vprintf, add_formatted("%s", SEVEN))                           \
  ADDITION(evbuffer_add_reference, evbuffer_add_reference(full, SEVEN, 7, NULL, NULL)) \
  ADDITION(evbuffer_add_buffer, evbuffer_add_buffer(full, other))                      \
  ADDITION(evbuffer_prepend_buffer, evbuffer_prepend_buffer(full, other))              \
  ADDITION(evbuffer_remove_buffer, evbuffer_remove_buffer(other, full, 7))             \
  ADDITION(evbuffer_add_buffer_reference, evbuffer_add_buffer_reference(full, other))  \
  ADDITION(evbuffer_add_iovec, evbuffer_add_iovec(full, space, 1) == 7 ? 0 : -1)       \
  ADDITION(evbuffer_expand, evbuffer_expand(full, 7))                                  \
  ADDITION(evbuffer_reserve_space, evbuffer_reserve_space(full, 7, space, 2))          \
  ADDITION(evbuffer_commit_space, evbuffer_reserve_space(full, 6, space, 2) < 0 ? -2 : commit(7))

#define ADDITION_FUNCTION(name, call) \
  static int run_##name(void) { return call; }
ADDITIONS(ADDITION_FUNCTION)
#define ADDITION_ENTRY(name, call) {#name, run_##name},
static const struct {
  const char *name;
  int (*run)(void);
} additions[] = {ADDITIONS(ADDITION_ENTRY)};
enum { ADDITION_COUNT = sizeof(additions) / sizeof(additions[0]) };

static void make_buffers(size_t left) {
  full = nearly_full(left);
  other = evbuffer_new();
  CHECK(full != NULL);
  evbuffer_add(other, SEVEN, 7);
  space[0].iov_base = (void *)SEVEN;
  space[0].iov_len = 7;
  cleanups = 0;
}
static void free_buffers(void) {
  evbuffer_free(full);
  evbuffer_free(other);
}

TEST(what_makes_a_buffer_too_long_fails_and_changes_nothing) {
  size_t i;
  if (!ours()) return; /* libevent's limit is the largest size_t */
  for (i = 0; i < ADDITION_COUNT; ++i) {
    make_buffers(6);
    CHECK(!CHECK_FAILED());
    if (additions[i].run() >= 0) CHECK_FAIL_("%s makes it longer than EV_SSIZE_MAX", additions[i].name);
    if (evbuffer_get_length(full) != (size_t)EV_SSIZE_MAX - 6 || evbuffer_get_length(other) != 7)
      CHECK_FAIL_("%s fails and changes a length", additions[i].name);
    CHECK_INT_EQ(cleanups, 0);
    free_buffers();
    CHECK_INT_EQ(cleanups, 1);
  }
}

TEST(what_just_fits_is_added) {
  size_t i;
  for (i = 0; i < ADDITION_COUNT; ++i) {
    if (strcmp(additions[i].name, "evbuffer_commit_space") == 0)
      continue; /* commits what it did not reserve */
    make_buffers(7);
    CHECK(!CHECK_FAILED());
    if (additions[i].run() < 0) CHECK_FAIL_("%s fails", additions[i].name);
    free_buffers();
  }
}

int main(int argc, char **argv) {
  RUN_TESTS(what_makes_a_buffer_too_long_fails_and_changes_nothing, what_just_fits_is_added);
}

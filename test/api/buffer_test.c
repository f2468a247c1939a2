/* event2/buffer.h and buffer_compat.h as a C program sees them, through the shared library.
 *
 * The same program runs on libevent, with EVENTIDE_TEST_ORACLE set: where ours() is asked, the two differ on
 * purpose. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

static int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

static struct evbuffer *of(const char *text) {
  struct evbuffer *buf = evbuffer_new();
  if (buf) evbuffer_add(buf, text, strlen(text));
  return buf;
}

/* A buffer with an extent for each of n strings, which must live as long. */
static struct evbuffer *of_extents(int n, ...) {
  struct evbuffer *buf = evbuffer_new();
  va_list pieces;
  int i;
  va_start(pieces, n);
  for (i = 0; i < n; ++i) {
    const char *piece = va_arg(pieces, const char *);
    evbuffer_add_reference(buf, piece, strlen(piece), NULL, NULL);
  }
  va_end(pieces);
  return buf;
}

/* The contents as a string, good until the next call. */
static const char *text_of(struct evbuffer *buf) {
  static char text[4096];
  const ev_ssize_t n = evbuffer_copyout(buf, text, sizeof(text) - 1);
  text[n < 0 ? 0 : n] = '\0';
  return text;
}

#define CHECK_TEXT(buf, want)                                     \
  do {                                                            \
    CHECK_STR_EQ(text_of(buf), want);                             \
    CHECK_INT_EQ(evbuffer_get_length(buf), strlen(text_of(buf))); \
  } while (0)

static int extents_of(struct evbuffer *buf) { return evbuffer_peek(buf, -1, NULL, NULL, 0); }

/* --- facts ------------------------------------------------------------------------------------------- */

TEST(structs_and_constants_have_the_documented_layout) {
  CHECK_INT_EQ(sizeof(struct evbuffer_ptr), 3 * sizeof(void *));
  CHECK_INT_EQ(offsetof(struct evbuffer_ptr, pos), 0);
  CHECK_INT_EQ(offsetof(struct evbuffer_ptr, internal_), sizeof(void *));
  CHECK_INT_EQ(sizeof(struct evbuffer_cb_info), 3 * sizeof(void *));
  CHECK_INT_EQ(offsetof(struct evbuffer_cb_info, n_added), sizeof(void *));
  CHECK_INT_EQ(offsetof(struct evbuffer_cb_info, n_deleted), 2 * sizeof(void *));
  CHECK_INT_EQ(sizeof(struct evbuffer_iovec), sizeof(struct iovec));
  CHECK_INT_EQ(EVBUFFER_EOL_ANY, 0);
  CHECK_INT_EQ(EVBUFFER_EOL_CRLF, 1);
  CHECK_INT_EQ(EVBUFFER_EOL_CRLF_STRICT, 2);
  CHECK_INT_EQ(EVBUFFER_EOL_LF, 3);
  CHECK_INT_EQ(EVBUFFER_EOL_NUL, 4);
  CHECK_INT_EQ(EVBUFFER_PTR_SET, 0);
  CHECK_INT_EQ(EVBUFFER_PTR_ADD, 1);
  CHECK_INT_EQ(EVBUFFER_CB_ENABLED, 1);
  CHECK_INT_EQ(EVBUFFER_FLAG_DRAINS_TO_FD, 1);
  CHECK_INT_EQ(EVBUF_FS_CLOSE_ON_FREE, 1);
  CHECK_INT_EQ(EVBUF_FS_DISABLE_MMAP, 2);
  CHECK_INT_EQ(EVBUF_FS_DISABLE_SENDFILE, 4);
  CHECK_INT_EQ(EVBUF_FS_DISABLE_LOCKING, 8);
}

/* --- adding and removing ------------------------------------------------------------------------------- */

TEST(bytes_are_removed_in_the_order_they_were_added) {
  struct evbuffer *buf = evbuffer_new();
  char out[3000], want[3000];
  int i;
  for (i = 0; i < 3000; ++i) want[i] = (char)('a' + i % 23);
  for (i = 0; i < 3000; i += 30) CHECK_INT_EQ(evbuffer_add(buf, want + i, 30), 0);
  CHECK_INT_EQ(evbuffer_get_length(buf), 3000);
  CHECK_INT_EQ(evbuffer_remove(buf, out, 1), 1);
  CHECK_INT_EQ(evbuffer_drain(buf, 1), 0);
  CHECK_INT_EQ(evbuffer_copyout(buf, out, sizeof(out)), 2998);
  CHECK_MEM_EQ(out, want + 2, 2998);
  CHECK_INT_EQ(evbuffer_remove(buf, out, sizeof(out)), 2998);
  CHECK_MEM_EQ(out, want + 2, 2998);
  CHECK_INT_EQ(evbuffer_remove(buf, out, sizeof(out)), 0);
  CHECK_INT_EQ(evbuffer_drain(buf, 1), 0);
  evbuffer_free(buf);
}

TEST(oversized_lengths_fail) {
  struct evbuffer *buf = of("kept");
  struct evbuffer_iovec vec[2];
  CHECK_INT_EQ(evbuffer_expand(buf, SIZE_MAX), -1);
  CHECK_INT_EQ(evbuffer_expand(buf, SIZE_MAX / 4 * 3), -1);
  CHECK_INT_EQ(evbuffer_add(buf, "x", SIZE_MAX), -1);
  CHECK_INT_EQ(evbuffer_add(buf, "x", SIZE_MAX / 2), -1);
  CHECK_INT_EQ(evbuffer_prepend(buf, "x", SIZE_MAX), -1);
  CHECK_INT_EQ(evbuffer_reserve_space(buf, EV_SSIZE_MAX, vec, 2), -1);
  CHECK_INT_EQ(evbuffer_reserve_space(buf, -1, vec, 2), -1);
  vec[0].iov_base = vec[1].iov_base = (void *)"abc";
  vec[0].iov_len = 3;
  vec[1].iov_len = SIZE_MAX - 5;
  CHECK_INT_EQ(evbuffer_add_iovec(buf, vec, 2), 0);
  if (ours()) {
    CHECK_INT_EQ(evbuffer_add_reference(buf, "x", SIZE_MAX, NULL, NULL), -1);
    CHECK_INT_EQ(evbuffer_search(buf, "x", SIZE_MAX, NULL).pos, -1);
  }
  CHECK_TEXT(buf, "kept");
  evbuffer_free(buf);
}

TEST(prepend_inserts_at_the_front) {
  struct evbuffer *buf = of("cde");
  CHECK_INT_EQ(evbuffer_prepend(buf, "b", 1), 0);
  CHECK_INT_EQ(evbuffer_prepend(buf, "", 0), 0);
  CHECK_INT_EQ(evbuffer_prepend(buf, "a", 1), 0);
  CHECK_INT_EQ(evbuffer_add(buf, "f", 1), 0);
  CHECK_TEXT(buf, "abcdef");
  evbuffer_free(buf);
}

TEST(iovecs_are_added_in_order) {
  struct evbuffer *buf = evbuffer_new();
  struct evbuffer_iovec vec[3];
  vec[0].iov_base = (void *)"abc";
  vec[0].iov_len = 3;
  vec[1].iov_base = NULL;
  vec[1].iov_len = 0;
  vec[2].iov_base = (void *)"defg";
  vec[2].iov_len = 4;
  CHECK_INT_EQ(evbuffer_add_iovec(buf, vec, 3), 7);
  CHECK_INT_EQ(evbuffer_add_iovec(buf, vec, 0), 0);
  CHECK_TEXT(buf, "abcdefg");
  evbuffer_free(buf);
}

TEST(printf_returns_the_number_of_bytes_added) {
  struct evbuffer *buf = evbuffer_new();
  char big[2000];
  CHECK_INT_EQ(evbuffer_add_printf(buf, "%s", ""), 0);
  CHECK_INT_EQ(evbuffer_add_printf(buf, "%s %d%% %5.2f", "Hello", 50, 2.5), 15);
  CHECK_TEXT(buf, "Hello 50%  2.50");
  memset(big, 'b', sizeof(big) - 1);
  big[sizeof(big) - 1] = '\0';
  CHECK_INT_EQ(evbuffer_add_printf(buf, "<%s>", big), 2001);
  CHECK_INT_EQ(evbuffer_get_length(buf), 2016);
  evbuffer_free(buf);
}

static int add_formatted(struct evbuffer *buf, const char *format, ...) {
  int added;
  va_list args;
  va_start(args, format);
  added = evbuffer_add_vprintf(buf, format, args);
  va_end(args);
  return added;
}
TEST(vprintf_formats_a_va_list) {
  struct evbuffer *buf = evbuffer_new();
  CHECK_INT_EQ(add_formatted(buf, "%d-%s", 7, "seven"), 7);
  CHECK_INT_EQ(add_formatted(buf, "!"), 1);
  CHECK_TEXT(buf, "7-seven!");
  CHECK_INT_EQ(evbuffer_freeze(buf, 0), 0);
  CHECK_INT_EQ(add_formatted(buf, "x"), -1);
  CHECK_INT_EQ(evbuffer_get_length(buf), 8);
  evbuffer_free(buf);
}

/* --- room to fill ----------------------------------------------------------------------------------------
 */

/* The size of the first extent of a buffer for which 500 bytes are requested. */
static size_t first_room(void) {
  struct evbuffer *buf = evbuffer_new();
  struct evbuffer_iovec vec[1];
  const int extents = evbuffer_reserve_space(buf, 500, vec, 1);
  evbuffer_free(buf);
  return extents == 1 ? vec[0].iov_len : 0;
}

TEST(reserve_space_in_an_empty_buffer) {
  struct evbuffer *buf = evbuffer_new();
  struct evbuffer_iovec vec[2];
  void *first;
  if (sizeof(void *) == 8) CHECK_INT_EQ(first_room(), 976);
  CHECK_INT_GE(first_room(), 976);
  CHECK_INT_EQ(evbuffer_reserve_space(buf, first_room(), vec, 2), 1);
  CHECK_INT_EQ(vec[0].iov_len, first_room());
  first = vec[0].iov_base;
  CHECK_INT_EQ(evbuffer_reserve_space(buf, 100, vec, 2), 1);
  CHECK_PTR_EQ(vec[0].iov_base, first);
  CHECK_INT_EQ(evbuffer_reserve_space(buf, 5, vec, 0), -1);
  CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 0), 0);
  memcpy(vec[0].iov_base, "abc", 3);
  vec[0].iov_len = 3;
  CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), 0);
  CHECK_TEXT(buf, "abc");
  evbuffer_free(buf);
}

TEST(reserve_space_after_existing_data) {
  struct evbuffer *buf = evbuffer_new();
  struct evbuffer_iovec vec[2], again[2];
  char some[900];
  const size_t rest = first_room() - sizeof(some);
  memset(some, 's', sizeof(some));
  evbuffer_add(buf, some, sizeof(some));
  CHECK_INT_EQ(evbuffer_reserve_space(buf, 2000, vec, 2), 2);
  CHECK_INT_EQ(vec[0].iov_len, rest);
  CHECK_INT_GE(vec[1].iov_len, 2000 - rest);
  CHECK_INT_EQ(evbuffer_reserve_space(buf, 2000, again, 2), 2);
  CHECK_PTR_EQ(again[0].iov_base, vec[0].iov_base);
  CHECK_PTR_EQ(again[1].iov_base, vec[1].iov_base);
  memset(vec[0].iov_base, 'a', rest);
  memset(vec[1].iov_base, 'b', 4);
  vec[1].iov_len = 4;
  CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 2), 0);
  CHECK_INT_EQ(evbuffer_get_length(buf), sizeof(some) + rest + 4);
  CHECK_MEM_EQ(evbuffer_pullup(buf, -1) + sizeof(some) + rest - 2, "aabbbb", 6);
  evbuffer_free(buf);
}

TEST(commit_rejects_space_that_was_not_reserved) {
  struct evbuffer *buf = of("abc");
  struct evbuffer_iovec vec[2];
  char elsewhere[1] = "";
  CHECK_INT_EQ(evbuffer_reserve_space(buf, 10, vec, 2), 1);
  ++vec[0].iov_len;
  CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), -1);
  vec[0].iov_base = elsewhere;
  vec[0].iov_len = 1;
  CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 1), -1);
  CHECK_TEXT(buf, "abc");
  evbuffer_free(buf);
}

/* --- between buffers ---------------------------------------------------------------------------------------
 */

TEST(moving_a_whole_buffer_keeps_its_extents) {
  struct evbuffer *to = of("ab"), *from = of_extents(2, "cd", "ef");
  CHECK_INT_EQ(evbuffer_add_buffer(to, from), 0);
  CHECK_TEXT(to, "abcdef");
  CHECK_INT_EQ(extents_of(to), 3);
  CHECK_INT_EQ(evbuffer_get_contiguous_space(to), 2);
  CHECK_INT_EQ(evbuffer_get_length(from), 0);
  evbuffer_add(from, "01", 2);
  CHECK_INT_EQ(evbuffer_prepend_buffer(to, from), 0);
  CHECK_TEXT(to, "01abcdef");
  evbuffer_free(to);
  evbuffer_free(from);
}

TEST(moving_a_part_of_a_buffer) {
  struct evbuffer *to = of("<"), *from = of_extents(3, "abc", "def", "ghi");
  CHECK_INT_EQ(evbuffer_remove_buffer(from, to, 0), 0);
  CHECK_INT_EQ(evbuffer_remove_buffer(from, to, 4), 4);
  CHECK_TEXT(to, "<abcd");
  CHECK_TEXT(from, "efghi");
  CHECK_INT_EQ(evbuffer_remove_buffer(from, to, 100), 5);
  CHECK_INT_EQ(evbuffer_remove_buffer(from, to, 100), 0);
  CHECK_TEXT(to, "<abcdefghi");
  evbuffer_free(to);
  evbuffer_free(from);
}

TEST(moving_to_itself_does_nothing) {
  struct evbuffer *buf = of("hello"), *empty = evbuffer_new();
  CHECK_INT_EQ(evbuffer_add_buffer(buf, buf), 0);
  CHECK_INT_EQ(evbuffer_prepend_buffer(buf, buf), 0);
  CHECK_INT_EQ(evbuffer_remove_buffer(buf, buf, 3), 0);
  CHECK_INT_EQ(evbuffer_add_buffer_reference(buf, buf), -1);
  CHECK_INT_EQ(evbuffer_add_buffer(buf, empty), 0);
  CHECK_INT_EQ(evbuffer_prepend_buffer(buf, empty), 0);
  CHECK_INT_EQ(evbuffer_remove_buffer(empty, buf, 3), 0);
  CHECK_INT_EQ(evbuffer_add_buffer_reference(buf, empty), 0);
  CHECK_TEXT(buf, "hello");
  evbuffer_free(buf);
  evbuffer_free(empty);
}

TEST(shared_contents_outlive_their_source) {
  struct evbuffer *from = of("shared"), *to = evbuffer_new(), *third = evbuffer_new();
  CHECK_INT_EQ(evbuffer_add_buffer_reference(to, from), 0);
  CHECK_INT_EQ(evbuffer_add_buffer_reference(third, to), -1);
  evbuffer_add(from, " and more", 9);
  evbuffer_drain(from, 3);
  CHECK_TEXT(from, "red and more");
  evbuffer_free(from);
  CHECK_TEXT(to, "shared");
  evbuffer_drain(to, 6);
  evbuffer_add(to, "x", 1);
  CHECK_INT_EQ(evbuffer_add_buffer_reference(third, to), 0);
  CHECK_TEXT(third, "x");
  evbuffer_free(to);
  evbuffer_free(third);
}

struct cleanup {
  int calls;
  const void *data;
  size_t size;
};

static void note_cleanup(const void *data, size_t size, void *arg) {
  struct cleanup *seen = arg;
  ++seen->calls;
  seen->data = data;
  seen->size = size;
}

TEST(reference_cleanup_runs_after_the_last_byte_is_drained) {
  static const char data[] = "0123456789";
  struct cleanup seen = {0, NULL, 0}, second = {0, NULL, 0};
  struct evbuffer *buf = of("<"), *copy = evbuffer_new();
  CHECK_INT_EQ(evbuffer_add_reference(buf, data, 10, note_cleanup, &seen), 0);
  CHECK_INT_EQ(evbuffer_add(buf, ">", 1), 0);
  CHECK_TEXT(buf, "<0123456789>");
  CHECK_INT_EQ(evbuffer_drain(buf, 10), 0);
  CHECK_INT_EQ(seen.calls, 0);
  CHECK_INT_EQ(evbuffer_drain(buf, 1), 0);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_PTR_EQ(seen.data, data);
  CHECK_INT_EQ(seen.size, 10);
  CHECK_INT_EQ(evbuffer_add_reference(buf, data, 10, note_cleanup, &second), 0);
  CHECK_INT_EQ(evbuffer_add_buffer_reference(copy, buf), 0);
  evbuffer_free(buf);
  CHECK_INT_EQ(second.calls, 0);
  CHECK_TEXT(copy, ">0123456789");
  evbuffer_free(copy);
  CHECK_INT_EQ(second.calls, 1);
}

TEST(reference_cleanup_runs_for_an_empty_reference) {
  struct cleanup seen = {0, NULL, 0};
  struct evbuffer *buf = evbuffer_new();
  CHECK_INT_EQ(evbuffer_add_reference(buf, "abc", 0, note_cleanup, &seen), 0);
  if (ours()) CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(evbuffer_add(buf, "x", 1), 0);
  CHECK_TEXT(buf, "x");
  evbuffer_free(buf);
  CHECK_INT_EQ(seen.calls, 1);
}

/* --- looking ----------------------------------------------------------------------------------------------
 */

TEST(pullup_makes_bytes_contiguous) {
  struct evbuffer *buf = of_extents(3, "abc", "def", "ghi"), *empty = evbuffer_new();
  CHECK(evbuffer_pullup(buf, 10) == NULL);
  CHECK(evbuffer_pullup(buf, 0) == NULL);
  CHECK(evbuffer_pullup(empty, -1) == NULL);
  CHECK_INT_EQ(evbuffer_get_contiguous_space(buf), 3);
  CHECK_MEM_EQ(evbuffer_pullup(buf, 3), "abc", 3);
  CHECK_INT_EQ(evbuffer_get_contiguous_space(buf), 3);
  CHECK_MEM_EQ(evbuffer_pullup(buf, 5), "abcde", 5);
  CHECK_INT_GE(evbuffer_get_contiguous_space(buf), 5);
  CHECK_MEM_EQ(evbuffer_pullup(buf, -1), "abcdefghi", 9);
  CHECK_INT_EQ(extents_of(buf), 1);
  CHECK_INT_EQ(EVBUFFER_LENGTH(buf), 9);
  CHECK_MEM_EQ(EVBUFFER_DATA(buf), "abcdefghi", 9);
  evbuffer_free(buf);
  evbuffer_free(empty);
}

TEST(peek_counts_extents) {
  struct evbuffer *buf = of_extents(4, "abcde", "fghij", "klmno", "pqrst"), *empty = evbuffer_new();
  struct evbuffer_iovec v[8];
  struct evbuffer_ptr p;
  CHECK_INT_EQ(evbuffer_peek(empty, -1, NULL, v, 8), 0);
  CHECK_INT_EQ(evbuffer_peek(empty, 5, NULL, v, 8), 0);
  CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, v, 8), 4);
  CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, v, 2), 2);
  CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, NULL, 0), 4);
  CHECK_INT_EQ(evbuffer_peek(buf, 12, NULL, v, 1), 3);
  CHECK_INT_EQ(evbuffer_peek(buf, 100, NULL, v, 2), 4);
  CHECK_INT_EQ(evbuffer_peek(buf, 0, NULL, v, 8), 0);
  CHECK_INT_EQ(evbuffer_peek(buf, 6, NULL, v, 8), 2);
  CHECK_INT_EQ(v[1].iov_len, 5);
  CHECK_INT_EQ(evbuffer_ptr_set(buf, &p, 7, EVBUFFER_PTR_SET), 0);
  CHECK_INT_EQ(evbuffer_peek(buf, -1, &p, v, 8), 3);
  CHECK_INT_EQ(v[0].iov_len, 3);
  CHECK_MEM_EQ(v[0].iov_base, "hij", 3);
  CHECK_INT_EQ(evbuffer_peek(buf, 4, &p, v, 8), 2);
  CHECK_INT_EQ(evbuffer_peek(buf, 0, &p, v, 8), 1);
  CHECK_INT_EQ(evbuffer_ptr_set(buf, &p, 20, EVBUFFER_PTR_SET), 0);
  CHECK_INT_EQ(evbuffer_peek(buf, -1, &p, v, 8), 0);
  evbuffer_free(buf);
  evbuffer_free(empty);
}

TEST(positions_beyond_the_buffer_are_rejected) {
  struct evbuffer *buf = of_extents(2, "01234", "56789");
  struct evbuffer_ptr p;
  char out[16];
  CHECK_INT_EQ(evbuffer_ptr_set(buf, &p, 10, EVBUFFER_PTR_SET), 0);
  CHECK_INT_EQ(p.pos, 10);
  CHECK_INT_EQ(evbuffer_copyout_from(buf, &p, out, 3), 0);
  CHECK_INT_EQ(evbuffer_ptr_set(buf, &p, 0, EVBUFFER_PTR_ADD), 0);
  CHECK_INT_EQ(evbuffer_ptr_set(buf, &p, 1, EVBUFFER_PTR_ADD), -1);
  CHECK_INT_EQ(p.pos, -1);
  CHECK_INT_EQ(evbuffer_ptr_set(buf, &p, 11, EVBUFFER_PTR_SET), -1);
  CHECK_INT_EQ(p.pos, -1);
  CHECK_INT_EQ(evbuffer_ptr_set(buf, &p, 3, EVBUFFER_PTR_SET), 0);
  CHECK_INT_EQ(evbuffer_ptr_set(buf, &p, 4, EVBUFFER_PTR_ADD), 0);
  CHECK_INT_EQ(p.pos, 7);
  CHECK_INT_EQ(evbuffer_copyout_from(buf, &p, out, 10), 3);
  CHECK_MEM_EQ(out, "789", 3);
  CHECK_INT_EQ(evbuffer_copyout_from(buf, NULL, out, 2), 2);
  CHECK_MEM_EQ(out, "01", 2);
  CHECK_INT_EQ(evbuffer_ptr_set(buf, &p, SIZE_MAX - 2, EVBUFFER_PTR_ADD), -1);
  if (ours()) CHECK_INT_EQ(p.pos, -1);
  evbuffer_free(buf);
}

/* --- searches and lines
 * --------------------------------------------------------------------------------------- */

TEST(search_finds_across_extents) {
  struct evbuffer *buf = of_extents(3, "01234", "56", "789");
  struct evbuffer_ptr p, q;
  CHECK_INT_EQ(evbuffer_search(buf, "456", 3, NULL).pos, 4);
  CHECK_INT_EQ(evbuffer_search(buf, "4567", 4, NULL).pos, 4);
  CHECK_INT_EQ(evbuffer_search(buf, "457", 3, NULL).pos, -1);
  CHECK_INT_EQ(evbuffer_search(buf, "0123456789x", 11, NULL).pos, -1);
  CHECK_INT_EQ(evbuffer_search(buf, "", 0, NULL).pos, 0);
  evbuffer_ptr_set(buf, &p, 4, EVBUFFER_PTR_SET);
  evbuffer_ptr_set(buf, &q, 6, EVBUFFER_PTR_SET);
  CHECK_INT_EQ(evbuffer_search(buf, "4", 1, &p).pos, 4);
  CHECK_INT_EQ(evbuffer_search(buf, "3", 1, &p).pos, -1);
  CHECK_INT_EQ(evbuffer_search_range(buf, "45", 2, &p, &q).pos, 4);
  CHECK_INT_EQ(evbuffer_search_range(buf, "456", 3, &p, &q).pos, -1);
  CHECK_INT_EQ(evbuffer_search_range(buf, "6", 1, &p, &q).pos, -1);
  CHECK_INT_EQ(evbuffer_search_range(buf, "5", 1, &q, &p).pos, -1);
  CHECK_INT_EQ(evbuffer_search_range(buf, "6", 1, NULL, NULL).pos, 6);
  CHECK_PTR_EQ(evbuffer_find(buf, (const unsigned char *)"x", 1), NULL);
  CHECK_MEM_EQ(evbuffer_find(buf, (const unsigned char *)"567", 3), "567", 3);
  evbuffer_free(buf);
}

TEST(readln_honours_the_eol_style) {
  static const struct {
    const char *text;
    int pos[5], length[5];
  } cases[] = {
      {"a\r\n", {1, 1, 1, 2, -1}, {2, 2, 2, 1, 0}},     {"a\n", {1, 1, -1, 1, -1}, {1, 1, 0, 1, 0}},
      {"a\r", {1, -1, -1, -1, -1}, {1, 0, 0, 0, 0}},    {"a\rb\n", {1, 3, -1, 3, -1}, {1, 1, 0, 1, 0}},
      {"\r\n\r\nx", {0, 0, 0, 1, -1}, {4, 2, 2, 1, 0}}, {"abc", {-1, -1, -1, -1, -1}, {0, 0, 0, 0, 0}},
      {"a\n\r\nb", {1, 1, 2, 1, -1}, {3, 1, 2, 1, 0}},  {"a\r\r\nb", {1, 2, 2, 3, -1}, {3, 2, 2, 1, 0}},
      {"\n", {0, 0, -1, 0, -1}, {1, 1, 0, 1, 0}},       {"", {-1, -1, -1, -1, -1}, {0, 0, 0, 0, 0}},
  };
  size_t i;
  int style;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
    for (style = 0; style < 5; ++style) {
      struct evbuffer *buf = of(cases[i].text);
      const int pos = cases[i].pos[style];
      size_t length = 99;
      char *line;
      CHECK_INT_EQ(evbuffer_search_eol(buf, NULL, &length, (enum evbuffer_eol_style)style).pos, pos);
      CHECK_INT_EQ(length, cases[i].length[style]);
      length = 99;
      line = evbuffer_readln(buf, &length, (enum evbuffer_eol_style)style);
      CHECK_INT_EQ(line != NULL, pos >= 0);
      CHECK_INT_EQ(length, pos < 0 ? 0 : pos);
      if (line) CHECK_MEM_EQ(line, cases[i].text, length);
      if (line) CHECK_INT_EQ(strlen(line), length);
      CHECK_STR_EQ(text_of(buf), cases[i].text + (pos < 0 ? 0 : pos + cases[i].length[style]));
      free(line);
      evbuffer_free(buf);
    }
  }
}

TEST(readln_by_nul_and_the_deprecated_readline) {
  struct evbuffer *buf = evbuffer_new();
  size_t length = 0;
  char *line;
  evbuffer_add(buf, "one\0two\0three\r\n\nfour", 20);
  line = evbuffer_readln(buf, &length, EVBUFFER_EOL_NUL);
  CHECK_STR_EQ(line, "one");
  free(line);
  line = evbuffer_readln(buf, NULL, EVBUFFER_EOL_NUL);
  CHECK_STR_EQ(line, "two");
  free(line);
  line = evbuffer_readline(buf);
  CHECK_STR_EQ(line, "three");
  free(line);
  CHECK_PTR_EQ(evbuffer_readline(buf), NULL);
  CHECK_TEXT(buf, "four");
  evbuffer_free(buf);
}

/* --- frozen ends
 * ------------------------------------------------------------------------------------------------ */

TEST(adding_to_a_frozen_end_fails) {
  struct evbuffer *buf = of("abc"), *other = of("xyz");
  struct evbuffer_iovec vec[1];
  vec[0].iov_base = (void *)"x";
  vec[0].iov_len = 1;
  CHECK_INT_EQ(evbuffer_freeze(buf, 0), 0);
  CHECK_INT_EQ(evbuffer_add(buf, "", 0), -1);
  CHECK_INT_EQ(evbuffer_add(buf, "x", 1), -1);
  CHECK_INT_EQ(evbuffer_add_printf(buf, "x"), -1);
  CHECK_INT_EQ(evbuffer_add_iovec(buf, vec, 1), 0);
  CHECK_INT_EQ(evbuffer_add_reference(buf, "x", 1, NULL, NULL), -1);
  CHECK_INT_EQ(evbuffer_add_buffer(buf, other), -1);
  CHECK_INT_EQ(evbuffer_remove_buffer(other, buf, 1), -1);
  CHECK_INT_EQ(evbuffer_add_buffer_reference(buf, other), -1);
  CHECK_INT_EQ(evbuffer_reserve_space(buf, 1, vec, 1), -1);
  CHECK_INT_EQ(evbuffer_commit_space(buf, vec, 0), -1);
  CHECK_INT_EQ(evbuffer_read(buf, 0, 1), -1);
  CHECK_INT_EQ(evbuffer_expand(buf, 100), 0);
  CHECK_INT_EQ(evbuffer_prepend(buf, "<", 1), 0);
  CHECK_INT_EQ(evbuffer_drain(buf, 2), 0);
  CHECK_INT_EQ(evbuffer_unfreeze(buf, 0), 0);
  CHECK_INT_EQ(evbuffer_add(buf, "d", 1), 0);
  CHECK_TEXT(buf, "bcd");
  CHECK_TEXT(other, "xyz");
  evbuffer_free(buf);
  evbuffer_free(other);
}

TEST(removing_from_a_frozen_front_fails) {
  struct evbuffer *buf = of("abc\n"), *other = of("xyz");
  char out[4];
  size_t length = 9;
  CHECK_INT_EQ(evbuffer_freeze(buf, 1), 0);
  CHECK_INT_EQ(evbuffer_remove(buf, out, 1), -1);
  CHECK_INT_EQ(evbuffer_copyout(buf, out, 1), -1);
  CHECK_INT_EQ(evbuffer_copyout(buf, out, 0), 0);
  CHECK_INT_EQ(evbuffer_drain(buf, 0), -1);
  CHECK_INT_EQ(evbuffer_drain(buf, 1), -1);
  CHECK_INT_EQ(evbuffer_prepend(buf, "x", 1), -1);
  CHECK_INT_EQ(evbuffer_prepend(buf, "x", 0), 0);
  CHECK_INT_EQ(evbuffer_write(buf, 1), -1);
  CHECK_PTR_EQ(evbuffer_readln(buf, &length, EVBUFFER_EOL_LF), NULL);
  CHECK_INT_EQ(length, 0);
  CHECK_INT_EQ(evbuffer_add_buffer(other, buf), -1);
  CHECK_INT_EQ(evbuffer_remove_buffer(buf, other, 1), -1);
  CHECK_INT_EQ(evbuffer_prepend_buffer(buf, other), -1);
  CHECK(evbuffer_pullup(buf, 3) != NULL);
  CHECK_INT_EQ(evbuffer_search(buf, "b", 1, NULL).pos, 1);
  CHECK_INT_EQ(evbuffer_unfreeze(buf, 1), 0);
  CHECK_TEXT(buf, "abc\n");
  CHECK_TEXT(other, "xyz");
  evbuffer_free(buf);
  evbuffer_free(other);
}

/* --- descriptors
 * ------------------------------------------------------------------------------------------------ */

TEST(write_and_read_pass_bytes_through_a_pipe) {
  struct evbuffer *out = of_extents(3, "abc", "def", "ghi"), *in = evbuffer_new();
  int fds[2];
  CHECK_INT_EQ(pipe(fds), 0);
  CHECK_INT_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
  CHECK_INT_EQ(evbuffer_read(in, fds[0], -1), -1);
  CHECK_INT_EQ(errno, EAGAIN);
  CHECK_INT_EQ(evbuffer_write_atmost(out, fds[1], 0), -1);
  CHECK_INT_EQ(evbuffer_write_atmost(out, fds[1], 4), 4);
  CHECK_TEXT(out, "efghi");
  CHECK_INT_EQ(evbuffer_write_atmost(out, fds[1], -7), 5);
  CHECK_INT_EQ(evbuffer_write(out, fds[1]), -1);
  CHECK_INT_EQ(evbuffer_read(in, fds[0], 0), 0);
  CHECK_INT_EQ(evbuffer_read(in, fds[0], 2), 2);
  CHECK_INT_EQ(evbuffer_read(in, fds[0], -1), 7);
  CHECK_TEXT(in, "abcdefghi");
  CHECK_INT_EQ(evbuffer_write(in, -1), -1);
  CHECK_TEXT(in, "abcdefghi");
  close(fds[1]);
  CHECK_INT_EQ(evbuffer_read(in, fds[0], -1), 0);
  close(fds[0]);
  CHECK_INT_EQ(evbuffer_read(in, -1, 5), -1);
  CHECK_INT_EQ(errno, EBADF);
  evbuffer_free(in);
  evbuffer_free(out);
}

TEST(one_read_takes_at_most_4096_bytes) {
  struct evbuffer *in = evbuffer_new();
  static char bytes[10000];
  int fds[2];
  CHECK_INT_EQ(pipe(fds), 0);
  CHECK_INT_EQ(write(fds[1], bytes, sizeof(bytes)), (int)sizeof(bytes));
  CHECK_INT_EQ(evbuffer_read(in, fds[0], -1), 4096);
  CHECK_INT_EQ(evbuffer_read(in, fds[0], 5000), 4096);
  CHECK_INT_EQ(evbuffer_read(in, fds[0], INT_MAX), 1808);
  close(fds[0]);
  close(fds[1]);
  evbuffer_free(in);
}

/* --- callbacks
 * ---------------------------------------------------------------------------------------------------- */

struct tally {
  int calls;
  struct evbuffer_cb_info last;
};

static void count(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg) {
  struct tally *tally = arg;
  (void)buf;
  ++tally->calls;
  tally->last = *info;
}

#define CHECK_TALLY(t, n, before, added, deleted) \
  do {                                            \
    CHECK_INT_EQ((t).calls, n);                   \
    CHECK_INT_EQ((t).last.orig_size, before);     \
    CHECK_INT_EQ((t).last.n_added, added);        \
    CHECK_INT_EQ((t).last.n_deleted, deleted);    \
  } while (0)

TEST(callbacks_receive_the_change_of_each_call) {
  struct evbuffer *a = of("abc"), *b = of("xyz");
  struct tally on_a = {0, {0, 0, 0}}, on_b = {0, {0, 0, 0}};
  CHECK(evbuffer_add_cb(a, count, &on_a) != NULL);
  CHECK(evbuffer_add_cb(b, count, &on_b) != NULL);
  evbuffer_add(a, "d", 1);
  CHECK_TALLY(on_a, 1, 3, 1, 0);
  evbuffer_drain(a, 2);
  CHECK_TALLY(on_a, 2, 4, 0, 2);
  evbuffer_add_buffer(a, b);
  CHECK_TALLY(on_a, 3, 2, 3, 0);
  CHECK_TALLY(on_b, 1, 3, 0, 3);
  evbuffer_prepend(a, "12", 2);
  CHECK_TALLY(on_a, 4, 5, 2, 0);
  evbuffer_prepend_buffer(b, a);
  CHECK_TALLY(on_a, 5, 7, 0, 7);
  CHECK_TALLY(on_b, 2, 0, 7, 0);
  evbuffer_add_buffer_reference(a, b);
  CHECK_TALLY(on_a, 6, 0, 7, 0);
  evbuffer_remove_buffer(b, a, 2);
  CHECK_TALLY(on_b, 3, 7, 0, 2);
  evbuffer_drain(a, 0);
  evbuffer_add(a, "", 0);
  evbuffer_add_buffer(a, a);
  CHECK_TALLY(on_a, 7, 7, 2, 0);
  CHECK_INT_EQ(evbuffer_remove_cb(a, count, &on_b), -1);
  CHECK_INT_EQ(evbuffer_remove_cb(a, count, &on_a), 0);
  evbuffer_drain(a, 100);
  CHECK_INT_EQ(on_a.calls, 7);
  evbuffer_free(a);
  evbuffer_free(b);
}

TEST(callbacks_can_be_disabled) {
  struct evbuffer *buf = evbuffer_new();
  struct tally tally = {0, {0, 0, 0}};
  struct evbuffer_cb_entry *entry = evbuffer_add_cb(buf, count, &tally);
  CHECK_INT_EQ(evbuffer_cb_clear_flags(buf, entry, EVBUFFER_CB_ENABLED), 0);
  evbuffer_add(buf, "missed", 6);
  CHECK_INT_EQ(evbuffer_cb_set_flags(buf, entry, EVBUFFER_CB_ENABLED), 0);
  evbuffer_add(buf, "x", 1);
  CHECK_TALLY(tally, 1, 6, 1, 0);
  CHECK_INT_EQ(evbuffer_remove_cb_entry(buf, entry), 0);
  evbuffer_add(buf, "x", 1);
  CHECK_INT_EQ(tally.calls, 1);
  evbuffer_free(buf);
}

static char call_order[16];
static void note_order(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg) {
  (void)buf;
  (void)info;
  strcat(call_order, arg);
}

TEST(the_newest_callback_runs_first) {
  struct evbuffer *buf = evbuffer_new();
  call_order[0] = '\0';
  evbuffer_add_cb(buf, note_order, (void *)"1");
  evbuffer_add_cb(buf, note_order, (void *)"2");
  evbuffer_add(buf, "x", 1);
  CHECK_STR_EQ(call_order, "21");
  evbuffer_free(buf);
}

static void note_lengths(struct evbuffer *buf, size_t before, size_t after, void *arg) {
  size_t *lengths = arg;
  (void)buf;
  lengths[0] = before;
  lengths[1] = after;
}

TEST(setcb_replaces_every_callback) {
  struct evbuffer *buf = of("abc");
  struct tally tally = {0, {0, 0, 0}};
  size_t lengths[2] = {0, 0};
  evbuffer_add_cb(buf, count, &tally);
  CHECK_INT_EQ(evbuffer_setcb(buf, note_lengths, lengths), 0);
  evbuffer_add(buf, "de", 2);
  CHECK_INT_EQ(lengths[0], 3);
  CHECK_INT_EQ(lengths[1], 5);
  CHECK_INT_EQ(tally.calls, 0);
  CHECK_INT_EQ(evbuffer_setcb(buf, NULL, NULL), 0);
  evbuffer_add(buf, "f", 1);
  CHECK_INT_EQ(lengths[1], 5);
  evbuffer_free(buf);
}

static void drain_half(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg) {
  ++*(int *)arg;
  if (info->n_added) evbuffer_drain(buf, info->n_added / 2);
}

TEST(callbacks_may_change_the_buffer) {
  struct evbuffer *buf = evbuffer_new();
  int calls = 0;
  evbuffer_add_cb(buf, drain_half, &calls);
  evbuffer_add(buf, "0123456789", 10);
  CHECK_INT_EQ(calls, 2);
  CHECK_TEXT(buf, "56789");
  evbuffer_free(buf);
}

TEST(deferred_callbacks_run_from_the_loop) {
  struct event_base *base = event_base_new();
  struct evbuffer *buf = of("abc");
  struct tally tally = {0, {0, 0, 0}};
  evbuffer_add_cb(buf, count, &tally);
  CHECK_INT_EQ(evbuffer_defer_callbacks(buf, base), 0);
  evbuffer_add(buf, "defg", 4);
  evbuffer_drain(buf, 2);
  CHECK_INT_EQ(tally.calls, 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_TALLY(tally, 1, 3, 4, 2);
  evbuffer_add(buf, "h", 1);
  evbuffer_free(buf);
  CHECK_INT_EQ(tally.calls, 1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_TALLY(tally, 2, 5, 1, 0);
  event_base_free(base);
}

/* --- locks, flags, memory
 * ---------------------------------------------------------------------------------------- */

TEST(buffer_flags_can_be_set_and_cleared) {
  struct evbuffer *buf = of("abc");
  CHECK_INT_EQ(evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD), 0);
  CHECK_INT_EQ(evbuffer_clear_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD), 0);
  evbuffer_free(buf);
}

static int allocations_left;
static void *limited_malloc(size_t size) { return allocations_left-- > 0 ? malloc(size) : NULL; }
static void *limited_realloc(void *old, size_t size) { return realloc(old, size); }

TEST(out_of_memory_is_reported) {
  struct evbuffer *buf = of("line\nrest");
  static const char big[5000];
  struct evbuffer_iovec vec[1];
  size_t length = 9;
  event_set_mem_functions(limited_malloc, limited_realloc, free);
  allocations_left = 0;
  CHECK_PTR_EQ(evbuffer_new(), NULL);
  CHECK_PTR_EQ(evbuffer_readln(buf, &length, EVBUFFER_EOL_LF), NULL);
  CHECK_INT_EQ(evbuffer_add(buf, big, sizeof(big)), -1);
  CHECK_INT_EQ(evbuffer_prepend(buf, big, sizeof(big)), -1);
  CHECK_INT_EQ(evbuffer_expand(buf, sizeof(big)), -1);
  CHECK_INT_EQ(evbuffer_reserve_space(buf, sizeof(big), vec, 1), -1);
  CHECK_INT_EQ(evbuffer_add_reference(buf, big, sizeof(big), NULL, NULL), -1);
  CHECK_PTR_EQ(evbuffer_add_cb(buf, count, NULL), NULL);
  CHECK_INT_EQ(evbuffer_setcb(buf, note_lengths, NULL), -1);
  CHECK_TEXT(buf, "line\nrest");
  event_set_mem_functions(malloc, realloc, free);
  evbuffer_free(buf);
}

/* These exist since 2.2 alone: EVENTIDE_TEST_21 leaves them out, for libevent 2.1. */
#ifndef EVENTIDE_TEST_21
TEST(set_max_read_limits_one_read) {
  struct evbuffer *in = evbuffer_new();
  static char bytes[10000];
  int fds[2];
  CHECK_INT_EQ(evbuffer_get_max_read(in), 4096);
  CHECK_INT_EQ(evbuffer_set_max_read(in, 0), -1);
  CHECK_INT_EQ(evbuffer_set_max_read(in, (size_t)INT_MAX + 1), -1);
  CHECK_INT_EQ(evbuffer_set_max_read(in, 9000), 0);
  CHECK_INT_EQ(evbuffer_get_max_read(in), 9000);
  CHECK_INT_EQ(pipe(fds), 0);
  CHECK_INT_EQ(write(fds[1], bytes, sizeof(bytes)), (int)sizeof(bytes));
  CHECK_INT_EQ(evbuffer_read(in, fds[0], -1), 9000);
  close(fds[0]);
  close(fds[1]);
  evbuffer_free(in);
}

TEST(reference_with_an_offset_adds_the_rest) {
  static const char data[] = "0123456789";
  struct cleanup seen = {0, NULL, 0};
  struct evbuffer *buf = evbuffer_new();
  CHECK_INT_EQ(evbuffer_add_reference_with_offset(buf, data, 4, 3, note_cleanup, &seen), 0);
  CHECK_TEXT(buf, "456");
  CHECK_INT_EQ(evbuffer_add_reference_with_offset(buf, data, SIZE_MAX, 3, note_cleanup, &seen), -1);
  evbuffer_free(buf);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_PTR_EQ(seen.data, data);
  CHECK_INT_EQ(seen.size, 7);
}
#define TESTS_OF_22 set_max_read_limits_one_read, reference_with_an_offset_adds_the_rest,
#else
#define TESTS_OF_22
#endif

/* Last: from here on the process has threads. */
TEST(enable_locking_allocates_a_lock_or_borrows_one) {
#ifndef EVENT__DISABLE_THREAD_SUPPORT
  struct evbuffer *buf = of("abc");
  CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), -1);
  evbuffer_lock(buf);
  evbuffer_unlock(buf);
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), 0);
  CHECK_INT_EQ(evbuffer_enable_locking(buf, NULL), -1);
  evbuffer_lock(buf);
  evbuffer_lock(buf);
  CHECK_INT_EQ(evbuffer_add(buf, "d", 1), 0);
  evbuffer_unlock(buf);
  evbuffer_unlock(buf);
  CHECK_TEXT(buf, "abcd");
  evbuffer_free(buf);
#endif
}

int main(int argc, char **argv) {
  RUN_TESTS(
      structs_and_constants_have_the_documented_layout, bytes_are_removed_in_the_order_they_were_added,
      oversized_lengths_fail, prepend_inserts_at_the_front, iovecs_are_added_in_order,
      printf_returns_the_number_of_bytes_added, vprintf_formats_a_va_list, reserve_space_in_an_empty_buffer,
      reserve_space_after_existing_data, commit_rejects_space_that_was_not_reserved,
      moving_a_whole_buffer_keeps_its_extents, moving_a_part_of_a_buffer, moving_to_itself_does_nothing,
      shared_contents_outlive_their_source, reference_cleanup_runs_after_the_last_byte_is_drained,
      reference_cleanup_runs_for_an_empty_reference, pullup_makes_bytes_contiguous, peek_counts_extents,
      positions_beyond_the_buffer_are_rejected, search_finds_across_extents, readln_honours_the_eol_style,
      readln_by_nul_and_the_deprecated_readline, adding_to_a_frozen_end_fails,
      removing_from_a_frozen_front_fails, write_and_read_pass_bytes_through_a_pipe,
      one_read_takes_at_most_4096_bytes, callbacks_receive_the_change_of_each_call, callbacks_can_be_disabled,
      the_newest_callback_runs_first, setcb_replaces_every_callback, callbacks_may_change_the_buffer,
      deferred_callbacks_run_from_the_loop, buffer_flags_can_be_set_and_cleared, out_of_memory_is_reported,
      TESTS_OF_22 enable_locking_allocates_a_lock_or_borrows_one);
}

/* Files in buffers as a C program sees them: evbuffer_add_file and file segments.
 *
 * The same program runs on libevent, with EVENTIDE_TEST_ORACLE set: where ours() is asked, the two differ on
 * purpose. */
#define _GNU_SOURCE
#include <errno.h>
#include <event2/buffer.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

enum { kPage = 4096, kLarge = 200000 };

static int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

static char letter(long at) { return (char)('a' + at % 23); }

/* An open file without a name that holds size letters. */
static int file_of(long size) {
  char name[] = "/tmp/eventide-XXXXXX", block[1000];
  const int fd = mkstemp(name);
  long at, i;
  if (fd < 0) return -1;
  unlink(name);
  for (at = 0; at < size; at += i) {
    for (i = 0; i < (long)sizeof(block) && at + i < size; ++i) block[i] = letter(at + i);
    if (write(fd, block, (size_t)i) != i) abort();
  }
  return fd;
}

static int is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

/* True if the buffer begins with n letters of a file from this position on. */
static int begins_with(struct evbuffer *buf, long from, long n) {
  const char *bytes = (const char *)evbuffer_pullup(buf, n);
  long i;
  for (i = 0; bytes && i < n; ++i) {
    if (bytes[i] != letter(from + i)) return 0;
  }
  return bytes != NULL;
}

static struct evbuffer *draining(void) {
  struct evbuffer *buf = evbuffer_new();
  if (buf) evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD);
  return buf;
}

static void send_nothing_blocks(int pair[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0) abort();
}

/* Writes the buffer until it is empty, by calls of at most `step`, and compares what arrives with the head, n
 * letters of a file from a position on, and the tail. */
static int arrives(struct evbuffer *buf, ev_ssize_t step, const char *head, long from, long n,
                   const char *tail) {
  const long before = (long)strlen(head), all = before + n + (long)strlen(tail);
  char *got = (char *)malloc((size_t)all + 1);
  long have = 0, i;
  int pair[2], same;
  send_nothing_blocks(pair);
  while (have < all) {
    const int put = evbuffer_write_atmost(buf, pair[0], step);
    long part;
    if (put < 0 && errno != EAGAIN) break;
    while ((part = read(pair[1], got + have, (size_t)(all + 1 - have))) > 0) have += part;
  }
  same = have == all && memcmp(got, head, (size_t)before) == 0 &&
         memcmp(got + before + n, tail, strlen(tail)) == 0 && evbuffer_get_length(buf) == 0;
  for (i = 0; same && i < n; ++i) same = got[before + i] == letter(from + i);
  free(got);
  close(pair[0]);
  close(pair[1]);
  return same;
}

/* --- evbuffer_add_file --------------------------------------------------------------------------------- */

TEST(add_file_appends_a_range_of_the_file) {
  static const struct {
    long offset, length;
  } ranges[] = {{0, 100}, {100, 4000}, {kPage, kPage}, {kPage + 1, 5000}, {5000, kLarge - 5000}};
  size_t i;
  for (i = 0; i < sizeof(ranges) / sizeof(*ranges); ++i) {
    struct evbuffer *buf = evbuffer_new();
    const int fd = file_of(kLarge);
    char out[50];
    CHECK_INT_EQ(evbuffer_add(buf, "head", 4), 0);
    CHECK_INT_EQ(evbuffer_add_file(buf, fd, ranges[i].offset, ranges[i].length), 0);
    CHECK_INT_EQ(evbuffer_get_length(buf), 4 + ranges[i].length);
    CHECK_INT_EQ(evbuffer_drain(buf, 4), 0);
    CHECK(begins_with(buf, ranges[i].offset, ranges[i].length));
    CHECK_INT_EQ(evbuffer_remove(buf, out, sizeof(out)), sizeof(out));
    CHECK_INT_EQ(out[49], letter(ranges[i].offset + 49));
    CHECK(begins_with(buf, ranges[i].offset + 50, ranges[i].length - 50));
    evbuffer_free(buf);
    CHECK(!is_open(fd));
  }
}

TEST(a_file_can_be_searched_and_read_by_line) {
  struct evbuffer *buf = evbuffer_new();
  const int fd = file_of(0);
  struct evbuffer_ptr found;
  size_t length;
  char *line;
  CHECK_INT_EQ(write(fd, "one\r\ntwo\nthree", 14), 14);
  CHECK_INT_EQ(evbuffer_add_file(buf, fd, 0, 14), 0);
  found = evbuffer_search(buf, "two", 3, NULL);
  CHECK_INT_EQ(found.pos, 5);
  CHECK_INT_EQ(evbuffer_search_eol(buf, NULL, &length, EVBUFFER_EOL_CRLF).pos, 3);
  CHECK_INT_EQ(length, 2);
  line = evbuffer_readln(buf, &length, EVBUFFER_EOL_CRLF);
  CHECK_STR_EQ(line, "one");
  free(line);
  line = evbuffer_readln(buf, NULL, EVBUFFER_EOL_CRLF);
  CHECK_STR_EQ(line, "two");
  free(line);
  CHECK_INT_EQ(evbuffer_get_length(buf), 5);
  evbuffer_free(buf);
}

TEST(add_file_with_length_minus_1_appends_the_rest_of_the_file) {
  struct evbuffer *buf = evbuffer_new();
  CHECK_INT_EQ(evbuffer_add_file(buf, file_of(10000), 0, -1), 0);
  CHECK_INT_EQ(evbuffer_get_length(buf), 10000);
  /* libevent takes the size of the whole file, from wherever it begins. */
  if (ours()) {
    CHECK_INT_EQ(evbuffer_add_file(buf, file_of(10000), 9000, -1), 0);
    CHECK_INT_EQ(evbuffer_get_length(buf), 11000);
  }
  evbuffer_free(buf);
}

TEST(failed_add_file_leaves_the_fd_open) {
  struct evbuffer *buf = evbuffer_new();
  int fds[2];
  CHECK_INT_EQ(pipe(fds), 0);
  CHECK_INT_EQ(evbuffer_add_file(buf, fds[0], 0, 10), -1);
  CHECK(is_open(fds[0]));
  CHECK_INT_EQ(evbuffer_add_file(buf, -1, 0, 10), -1);
  close(fds[0]);
  fds[0] = file_of(100);
  CHECK_INT_EQ(evbuffer_add_file(buf, fds[0], -1, 10), -1);
  CHECK_INT_EQ(evbuffer_add_file(buf, fds[0], 0, -2), -1);
  if (ours()) {
    CHECK_INT_EQ(evbuffer_add_file(buf, fds[0], 50, 51), -1);
    CHECK_INT_EQ(evbuffer_add_file(buf, fds[0], 101, -1), -1);
    CHECK_INT_EQ(errno, EINVAL);
  }
  CHECK(is_open(fds[0]));
  evbuffer_freeze(buf, 0);
  CHECK_INT_EQ(evbuffer_add_file(buf, fds[0], 0, 10), -1);
  /* For this reason alone libevent closes it. */
  CHECK_INT_EQ(is_open(fds[0]), ours());
  CHECK_INT_EQ(evbuffer_get_length(buf), 0);
  close(fds[0]);
  close(fds[1]);
  evbuffer_free(buf);
}

TEST(an_empty_file_adds_no_bytes) {
  struct evbuffer *buf = evbuffer_new();
  const int fd = file_of(0);
  if (ours()) {
    CHECK_INT_EQ(evbuffer_add_file(buf, fd, 0, -1), 0);
    CHECK(!is_open(fd));
  } else {
    CHECK_INT_EQ(evbuffer_add_file(buf, fd, 0, -1), -1);
    close(fd);
  }
  CHECK_INT_EQ(evbuffer_get_length(buf), 0);
  evbuffer_free(buf);
}

TEST(the_caller_may_close_the_fd_after_adding_it_to_a_plain_buffer) {
  struct evbuffer *buf = evbuffer_new();
  const int fd = file_of(kLarge);
  int reused;
  CHECK_INT_EQ(evbuffer_add_file(buf, fd, 10, 100000), 0);
  close(fd);
  reused = open("/dev/null", O_RDONLY);
  CHECK_INT_EQ(reused, fd);
  CHECK(begins_with(buf, 10, 100000));
  CHECK_INT_EQ(evbuffer_drain(buf, 100000), 0);
  /* libevent closes whichever file has that fd by now. */
  CHECK_INT_EQ(is_open(reused), ours());
  close(reused);
  evbuffer_free(buf);
}

/* --- sending ------------------------------------------------------------------------------------------- */

TEST(files_are_sent_in_order) {
  int drains;
  for (drains = 0; drains < 2; ++drains) {
    struct evbuffer *buf = drains ? draining() : evbuffer_new();
    const int fd = file_of(kLarge);
    CHECK_INT_EQ(evbuffer_add(buf, "head", 4), 0);
    CHECK_INT_EQ(evbuffer_add_file(buf, fd, 5001, kLarge - 5001), 0);
    CHECK_INT_EQ(evbuffer_add(buf, "tail", 4), 0);
    CHECK(is_open(fd));
    CHECK(arrives(buf, -1, "head", 5001, kLarge - 5001, "tail"));
    CHECK(!is_open(fd));
    evbuffer_free(buf);
  }
}

TEST(write_limits_apply_to_files) {
  struct evbuffer *buf = draining();
  int pair[2];
  send_nothing_blocks(pair);
  CHECK_INT_EQ(evbuffer_add_file(buf, file_of(10000), 0, 10000), 0);
  /* libevent sends the whole file. */
  CHECK_INT_EQ(evbuffer_write_atmost(buf, pair[0], 100), ours() ? 100 : 10000);
  CHECK_INT_EQ(evbuffer_get_length(buf), ours() ? 9900 : 0);
  evbuffer_free(buf);
  close(pair[0]);
  close(pair[1]);
  if (!ours()) return;
  buf = draining();
  CHECK_INT_EQ(evbuffer_add(buf, "head", 4), 0);
  CHECK_INT_EQ(evbuffer_add_file(buf, file_of(10000), 77, 9000), 0);
  CHECK_INT_EQ(evbuffer_add(buf, "tail", 4), 0);
  CHECK(arrives(buf, 333, "head", 77, 9000, "tail"));
  evbuffer_free(buf);
}

TEST(files_moved_to_another_buffer_are_sent) {
  struct evbuffer *from = draining(), *to = draining();
  CHECK_INT_EQ(evbuffer_add(to, "head", 4), 0);
  CHECK_INT_EQ(evbuffer_add_file(from, file_of(kLarge), 20, 50000), 0);
  CHECK_INT_EQ(evbuffer_add_buffer(to, from), 0);
  CHECK_INT_EQ(evbuffer_get_length(from), 0);
  CHECK(arrives(to, -1, "head", 20, 50000, ""));
  CHECK_INT_EQ(evbuffer_add_file(from, file_of(kLarge), 20, 50000), 0);
  CHECK_INT_EQ(evbuffer_drain(from, 100), 0);
  if (ours()) {
    CHECK_INT_EQ(evbuffer_remove_buffer(from, to, 1000), 1000);
    CHECK(arrives(to, -1, "", 120, 1000, ""));
    CHECK(arrives(from, -1, "", 1120, 48900, ""));
  } else {
    CHECK(arrives(from, -1, "", 120, 49900, ""));
  }
  evbuffer_free(from);
  evbuffer_free(to);
}

TEST(writing_a_file_truncated_while_queued_fails) {
  struct evbuffer *buf = draining();
  const int fd = file_of(10000);
  int pair[2];
  send_nothing_blocks(pair);
  CHECK_INT_EQ(evbuffer_add_file(buf, fd, 0, 10000), 0);
  CHECK_INT_EQ(ftruncate(fd, 4000), 0);
  CHECK_INT_EQ(evbuffer_write(buf, pair[0]), 4000);
  errno = 0;
  /* libevent returns 0, for ever. */
  CHECK_INT_EQ(evbuffer_write(buf, pair[0]), ours() ? -1 : 0);
  CHECK_INT_EQ(errno, ours() ? EIO : 0);
  CHECK_INT_EQ(evbuffer_get_length(buf), 6000);
  evbuffer_free(buf);
  CHECK(!is_open(fd));
  close(pair[0]);
  close(pair[1]);
}

/* libevent gives garbage. */
TEST(files_queued_for_sending_can_be_searched_and_peeked) {
  struct evbuffer *buf, *other;
  char out[10];
  struct evbuffer_iovec vec[2];
  if (!ours()) return;
  buf = draining();
  other = evbuffer_new();
  CHECK_INT_EQ(evbuffer_add_file(buf, file_of(kLarge), 46, kLarge - 46), 0);
  CHECK_INT_EQ(evbuffer_search(buf, "defg", 4, NULL).pos, 3);
  CHECK_INT_EQ(evbuffer_peek(buf, -1, NULL, vec, 2), 1);
  CHECK_MEM_EQ(vec[0].iov_base, "abcdef", 6);
  CHECK_INT_EQ(evbuffer_remove(buf, out, 3), 3);
  CHECK_MEM_EQ(out, "abc", 3);
  CHECK_INT_EQ(evbuffer_add_file(buf, file_of(50), 0, -1), 0);
  CHECK_INT_EQ(evbuffer_add_buffer(other, buf), 0);
  CHECK(begins_with(other, 49, kLarge - 49));
  CHECK_INT_EQ(evbuffer_drain(other, kLarge - 49), 0);
  CHECK(begins_with(other, 0, 50));
  evbuffer_free(buf);
  evbuffer_free(other);
}

/* --- segments ------------------------------------------------------------------------------------------ */

struct end {
  int calls, flags, fd, was_open;
  const struct evbuffer_file_segment *segment;
};

static void note_end(struct evbuffer_file_segment const *seg, int flags, void *arg) {
  struct end *end = (struct end *)arg;
  ++end->calls;
  end->flags = flags;
  end->segment = seg;
  end->was_open = is_open(end->fd);
}

TEST(a_segment_shared_by_many_buffers_is_cleaned_up_once) {
  static const unsigned flags[] = {0,
                                   EVBUF_FS_CLOSE_ON_FREE,
                                   EVBUF_FS_CLOSE_ON_FREE | EVBUF_FS_DISABLE_MMAP,
                                   EVBUF_FS_CLOSE_ON_FREE | EVBUF_FS_DISABLE_SENDFILE,
                                   EVBUF_FS_DISABLE_SENDFILE | EVBUF_FS_DISABLE_MMAP,
                                   EVBUF_FS_CLOSE_ON_FREE | EVBUF_FS_DISABLE_LOCKING};
  size_t i;
  for (i = 0; i < sizeof(flags) / sizeof(*flags); ++i) {
    struct evbuffer *plain = evbuffer_new(), *sent = draining();
    struct end end = {0, 0, 0, 0, NULL};
    struct evbuffer_file_segment *seg;
    end.fd = file_of(kLarge);
    seg = evbuffer_file_segment_new(end.fd, 1000, 150000, flags[i]);
    CHECK(seg != NULL);
    evbuffer_file_segment_add_cleanup_cb(seg, note_end, &end);
    CHECK_INT_EQ(evbuffer_add_file_segment(sent, seg, 0, -1), 0);
    CHECK_INT_EQ(evbuffer_get_length(sent), 150000);
    CHECK_INT_EQ(evbuffer_add_file_segment(plain, seg, 5000, 100), 0);
    CHECK_INT_EQ(evbuffer_add_file_segment(plain, seg, 149999, 1), 0);
    /* In libevent each of these gives up the caller's claim. */
    if (ours()) {
      CHECK_INT_EQ(evbuffer_add_file_segment(plain, seg, 150001, -1), -1);
      CHECK_INT_EQ(evbuffer_add_file_segment(plain, seg, 1, 150000), -1);
      CHECK_INT_EQ(evbuffer_add_file_segment(plain, seg, -1, 1), -1);
    }
    evbuffer_file_segment_free(seg);
    CHECK_INT_EQ(evbuffer_get_length(plain), 101);
    CHECK(begins_with(plain, 6000, 100));
    CHECK(arrives(sent, -1, "", 1000, 150000, ""));
    evbuffer_free(sent);
    CHECK_INT_EQ(end.calls, 0);
    CHECK_INT_EQ(evbuffer_drain(plain, 100), 0);
    CHECK_INT_EQ(*evbuffer_pullup(plain, 1), letter(150999));
    CHECK_INT_EQ(end.calls, 0);
    CHECK(is_open(end.fd));
    evbuffer_free(plain);
    CHECK_INT_EQ(end.calls, 1);
    CHECK_INT_EQ(end.flags, flags[i]);
    CHECK_PTR_EQ(end.segment, seg);
    CHECK_INT_EQ(end.was_open, !(flags[i] & EVBUF_FS_CLOSE_ON_FREE));
    CHECK_INT_EQ(is_open(end.fd), !(flags[i] & EVBUF_FS_CLOSE_ON_FREE));
    if (is_open(end.fd)) close(end.fd);
  }
}

TEST(a_segment_without_buffers_is_cleaned_up_when_freed) {
  struct end end = {0, 0, 0, 0, NULL};
  struct evbuffer_file_segment *seg;
  end.fd = file_of(100);
  seg = evbuffer_file_segment_new(end.fd, 0, 100, EVBUF_FS_CLOSE_ON_FREE);
  evbuffer_file_segment_add_cleanup_cb(seg, note_end, &end);
  evbuffer_file_segment_free(seg);
  CHECK_INT_EQ(end.calls, 1);
  CHECK(!is_open(end.fd));
}

TEST(invalid_segments_are_rejected) {
  const int fd = file_of(100);
  int fds[2];
  CHECK(evbuffer_file_segment_new(fd, -1, 10, EVBUF_FS_CLOSE_ON_FREE) == NULL);
  CHECK(evbuffer_file_segment_new(fd, 0, -2, EVBUF_FS_CLOSE_ON_FREE) == NULL);
  CHECK_INT_EQ(pipe(fds), 0);
  CHECK(evbuffer_file_segment_new(fds[0], 0, 10, EVBUF_FS_CLOSE_ON_FREE | EVBUF_FS_DISABLE_SENDFILE) == NULL);
  CHECK(evbuffer_file_segment_new(-1, 0, -1, EVBUF_FS_CLOSE_ON_FREE) == NULL);
  /* libevent makes these, and notices later or never. */
  if (ours()) {
    CHECK(evbuffer_file_segment_new(fd, 0, 101, EVBUF_FS_CLOSE_ON_FREE) == NULL);
    CHECK(evbuffer_file_segment_new(fd, 101, -1, EVBUF_FS_CLOSE_ON_FREE) == NULL);
    CHECK(evbuffer_file_segment_new(fds[0], 0, 10, EVBUF_FS_CLOSE_ON_FREE) == NULL);
    CHECK(evbuffer_file_segment_new(-1, 0, 10, EVBUF_FS_CLOSE_ON_FREE) == NULL);
  }
  CHECK(is_open(fd) && is_open(fds[0]));
  close(fd);
  close(fds[0]);
  close(fds[1]);
}

TEST(the_fd_may_be_closed_once_the_segment_has_read_the_file) {
  const int fd = file_of(1000);
  struct evbuffer *buf = draining();
  struct evbuffer_file_segment *seg = evbuffer_file_segment_new(fd, 10, 900, EVBUF_FS_DISABLE_SENDFILE);
  close(fd);
  CHECK_INT_EQ(evbuffer_add_file_segment(buf, seg, 5, -1), 0);
  evbuffer_file_segment_free(seg);
  CHECK(begins_with(buf, 15, 895));
  evbuffer_free(buf);
}

TEST(offsets_beyond_4_gib_are_supported) {
  const ev_off_t far_away = ((ev_off_t)5 << 30) + 12345;
  int drains;
  for (drains = 0; drains < 2; ++drains) {
    struct evbuffer *buf = drains ? draining() : evbuffer_new();
    const int fd = file_of(0);
    char got[16] = "";
    int pair[2];
    send_nothing_blocks(pair);
    CHECK_INT_EQ(pwrite(fd, "0123456789", 10, far_away), 10);
    CHECK_INT_EQ(evbuffer_add_file(buf, fd, far_away + 2, 6), 0);
    CHECK_INT_EQ(evbuffer_write(buf, pair[0]), 6);
    CHECK_INT_EQ(read(pair[1], got, sizeof(got)), 6);
    CHECK_STR_EQ(got, "234567");
    close(pair[0]);
    close(pair[1]);
    evbuffer_free(buf);
  }
}

TEST(buffers_with_files_can_be_added_by_reference) {
  struct evbuffer *from = evbuffer_new(), *to = evbuffer_new();
  const int fd = file_of(kLarge);
  CHECK_INT_EQ(evbuffer_add_file(from, fd, 3, 100000), 0);
  CHECK_INT_EQ(evbuffer_add_buffer_reference(to, from), ours() ? 0 : -1);
  evbuffer_free(from);
  if (ours()) {
    CHECK(is_open(fd));
    CHECK(begins_with(to, 3, 100000));
  }
  evbuffer_free(to);
  CHECK(!is_open(fd));
}

int main(int argc, char **argv) {
#ifndef EVENT__DISABLE_THREAD_SUPPORT
  evthread_use_pthreads();
#endif
  RUN_TESTS(add_file_appends_a_range_of_the_file, a_file_can_be_searched_and_read_by_line,
            add_file_with_length_minus_1_appends_the_rest_of_the_file, failed_add_file_leaves_the_fd_open,
            an_empty_file_adds_no_bytes, the_caller_may_close_the_fd_after_adding_it_to_a_plain_buffer,
            files_are_sent_in_order, write_limits_apply_to_files, files_moved_to_another_buffer_are_sent,
            writing_a_file_truncated_while_queued_fails, files_queued_for_sending_can_be_searched_and_peeked,
            a_segment_shared_by_many_buffers_is_cleaned_up_once,
            a_segment_without_buffers_is_cleaned_up_when_freed, invalid_segments_are_rejected,
            the_fd_may_be_closed_once_the_segment_has_read_the_file, offsets_beyond_4_gib_are_supported,
            buffers_with_files_can_be_added_by_reference);
}

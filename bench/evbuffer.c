/* Evbuffers alone: adding, removing, moving, reading lines, printing. */
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { kSmall = 32, kBlock = 4096, kMoved = 512, kLines = 1000, kAddsPerDrain = 1024 };

static struct evbuffer *buffer, *other;

static void drain_all(struct evbuffer *b) { CHECK(evbuffer_drain(b, evbuffer_get_length(b)) == 0); }

/* 32-byte adds, 32 KiB at a time before it is drained. */
static void add_small(long n) {
  static const char data[kSmall];
  for (long i = 1; i <= n; ++i) {
    CHECK(evbuffer_add(buffer, data, sizeof data) == 0);
    if (i % kAddsPerDrain == 0) drain_all(buffer);
  }
  drain_all(buffer);
}

static void add_remove_block(long n) {
  static char data[kBlock];
  for (long i = 0; i < n; ++i) {
    CHECK(evbuffer_add(buffer, data, sizeof data) == 0);
    CHECK(evbuffer_remove(buffer, data, sizeof data) == (int)sizeof data);
  }
}

/* A message is made in one buffer and moved to another, which is drained every eight messages. */
static void move_block(long n) {
  static const char data[kMoved];
  for (long i = 1; i <= n; ++i) {
    CHECK(evbuffer_add(buffer, data, sizeof data) == 0);
    CHECK(evbuffer_add_buffer(other, buffer) == 0);
    if (i % 8 == 0) drain_all(other);
  }
  drain_all(other);
}

/* kLines lines of 20 to 83 bytes, in pieces whose ends do not coincide with line ends. */
static void add_lines(const char *text, size_t length) {
  for (size_t at = 0; at < length; at += kBlock) {
    CHECK(evbuffer_add(buffer, text + at, length - at < kBlock ? length - at : kBlock) == 0);
  }
}

static size_t make_lines(char *text) {
  struct rng rng = {1};
  size_t length = 0;
  for (int i = 0; i < kLines; ++i) {
    const size_t letters = 18 + rng_below(&rng, 64);
    memset(text + length, 'a' + i % 26, letters);
    memcpy(text + length + letters, "\r\n", 2);
    length += letters + 2;
  }
  return length;
}

static void read_lines(long n) {
  static char text[kLines * 84];
  const size_t length = make_lines(text);
  for (long i = 0; i < n; ++i) {
    if (i % kLines == 0) add_lines(text, length);
    size_t line_length;
    char *line = evbuffer_readln(buffer, &line_length, EVBUFFER_EOL_CRLF);
    CHECK(line != NULL && line_length >= 18);
    free(line);
  }
  drain_all(buffer);
}

/* A header line, about 4 KiB of them before they are drained. */
static void print_lines(long n) {
  for (long i = 1; i <= n; ++i) {
    CHECK(evbuffer_add_printf(buffer, "%s: %ld\r\n", "Content-Length", i) > 0);
    if (i % 128 == 0) drain_all(buffer);
  }
  drain_all(buffer);
}

static void run(const char *name, void (*work)(long n), long n) {
  struct measure measure;
  work(n / 10 + 1);
  measure_begin(&measure);
  work(n);
  measure_end(&measure, name, n);
}

int main(int argc, char **argv) {
  const long n = bench_start(argc, argv, 300000);
  buffer = evbuffer_new();
  other = evbuffer_new();
  CHECK(buffer != NULL && other != NULL);
  run("evbuffer_add_32", add_small, 20 * n);
  run("evbuffer_add_remove_4k", add_remove_block, 2 * n);
  run("evbuffer_move_512", move_block, 3 * n);
  run("evbuffer_readln", read_lines, 3 * n);
  run("evbuffer_add_printf", print_lines, 2 * n);
  evbuffer_free(buffer);
  evbuffer_free(other);
  bench_finish();
  return 0;
}

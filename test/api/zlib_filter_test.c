/* Filters that compress with zlib (event2/bufferevent.h): a real filter under all flush modes, limits and
 * stacks. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <zlib.h>

#include "api/check.h"

/* The test also runs on libevent. */
static int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

static struct event_base *base;
static int freed;

struct codec {
  z_stream deflating, inflating;
  int finished;
};

/* Runs one of the two streams over the first extent of `from`, into as much room as there may be. Sets *moved
 * if anything came of it. */
static int run(int (*step)(z_stream *, int), z_stream *stream, struct evbuffer *from, struct evbuffer *to,
               ev_ssize_t limit, int flush, int *moved) {
  struct evbuffer_iovec in = {NULL, 0}, out;
  int status;
  size_t used, made;
  if (evbuffer_peek(from, -1, NULL, &in, 1) < 0) return Z_MEM_ERROR;
  if (!evbuffer_get_length(from)) in.iov_len = 0;
  if (evbuffer_reserve_space(to, limit >= 0 && limit < 4096 ? limit : 4096, &out, 1) != 1) return Z_MEM_ERROR;
  if (limit >= 0 && out.iov_len > (size_t)limit) out.iov_len = (size_t)limit;
  stream->next_in = (unsigned char *)in.iov_base;
  stream->avail_in = (uInt)in.iov_len;
  stream->next_out = (unsigned char *)out.iov_base;
  stream->avail_out = (uInt)out.iov_len;
  /* Only the last extent ends the stream. */
  status = step(stream, in.iov_len < evbuffer_get_length(from) ? Z_NO_FLUSH : flush);
  used = in.iov_len - stream->avail_in;
  made = out.iov_len - stream->avail_out;
  out.iov_len = made;
  evbuffer_drain(from, used);
  evbuffer_commit_space(to, &out, 1);
  *moved = used || made;
  return status;
}

static enum bufferevent_filter_result compress_output(struct evbuffer *from, struct evbuffer *to,
                                                      ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                                      void *arg) {
  static const int flushes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
  struct codec *codec = (struct codec *)arg;
  const size_t before = evbuffer_get_length(to);
  int moved, any = 0, status = Z_OK;
  if (codec->finished) return BEV_NEED_MORE;
  do {
    const size_t added = evbuffer_get_length(to) - before;
    if (limit >= 0 && added >= (size_t)limit) break;
    status = run(deflate, &codec->deflating, from, to, limit < 0 ? -1 : limit - (ev_ssize_t)added,
                 flushes[mode], &moved);
    any |= moved;
  } while (moved && status == Z_OK && (evbuffer_get_length(from) || !codec->deflating.avail_out));
  if (status == Z_STREAM_END) codec->finished = 1;
  if (status < 0 && status != Z_BUF_ERROR) return BEV_ERROR;
  return any ? BEV_OK : BEV_NEED_MORE;
}

static enum bufferevent_filter_result expand_input(struct evbuffer *from, struct evbuffer *to,
                                                   ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                                   void *arg) {
  struct codec *codec = (struct codec *)arg;
  int moved;
  const int status = run(inflate, &codec->inflating, from, to, limit, Z_SYNC_FLUSH, &moved);
  (void)mode;
  if (status < 0 && status != Z_BUF_ERROR) return BEV_ERROR;
  return moved ? BEV_OK : BEV_NEED_MORE;
}

static void free_codec(void *arg) {
  struct codec *codec = (struct codec *)arg;
  deflateEnd(&codec->deflating);
  inflateEnd(&codec->inflating);
  free(codec);
  ++freed;
}

static struct bufferevent *compressed(struct bufferevent *under) {
  struct codec *codec = (struct codec *)calloc(1, sizeof(*codec));
  deflateInit(&codec->deflating, Z_DEFAULT_COMPRESSION);
  inflateInit(&codec->inflating);
  return bufferevent_filter_new(under, expand_input, compress_output, BEV_OPT_CLOSE_ON_FREE, free_codec,
                                codec);
}

static int turn(int turns) {
  int result = 0;
  while (turns--) result = event_base_loop(base, EVLOOP_NONBLOCK);
  return result;
}

/* Data that can be compressed, but not to nothing. */
static unsigned char original[300000];
static void make_original(void) {
  unsigned state = 1;
  size_t i;
  for (i = 0; i < sizeof(original); ++i) {
    state = state * 1103515245u + 12345u;
    original[i] = (unsigned char)('a' + (state >> 16) % 20);
  }
}

static struct evbuffer *got;
static short events;
static void on_read(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_read_buffer(bev, got);
}
static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev, (void)arg;
  events |= what;
}

/* Sends all from one end to the other, with `levels` filters on each, and compares. */
static void transfer(int levels, size_t watermark) {
  struct bufferevent *pair[2];
  int i, level;
  freed = 0;
  events = 0;
  got = evbuffer_new();
  CHECK_INT_EQ(bufferevent_pair_new(base, 0, pair), 0);
  for (i = 0; i < 2; ++i) {
    for (level = 0; level < levels; ++level) {
      if (watermark) bufferevent_setwatermark(pair[i], EV_WRITE, 0, watermark);
      pair[i] = compressed(pair[i]);
      CHECK(pair[i] != NULL);
    }
  }
  bufferevent_setcb(pair[1], on_read, NULL, on_event, NULL);
  if (watermark) bufferevent_setwatermark(pair[1], EV_READ, 0, watermark);
  bufferevent_enable(pair[1], EV_READ);
  bufferevent_write(pair[0], original, sizeof(original));
  turn(watermark ? 3000 : 20);
  CHECK_INT_GE(bufferevent_flush(pair[0], EV_WRITE, BEV_FINISHED), 0);
  turn(watermark ? 3000 : 20);
  CHECK_INT_EQ(evbuffer_get_length(got), sizeof(original));
  CHECK_MEM_EQ(evbuffer_pullup(got, -1), original, sizeof(original));
  CHECK_INT_EQ(events, BEV_EVENT_READING | BEV_EVENT_EOF);
  bufferevent_free(pair[0]);
  bufferevent_free(pair[1]);
  turn(5);
  CHECK_INT_EQ(freed, 2 * levels);
  evbuffer_free(got);
}

TEST(compressed_data_is_restored_unchanged) { transfer(1, 0); }

TEST(two_stacked_filters_restore_data_unchanged) { transfer(2, 0); }

TEST(small_reads_restore_data_unchanged) {
  /* libevent does not deliver data held by inflate() when the reader drains. */
  if (ours()) transfer(1, 1000);
}

TEST(small_reads_through_two_stacked_filters_restore_data_unchanged) {
  if (ours()) transfer(2, 1000);
}

TEST(flush_sends_data_held_by_the_compressor) {
  struct bufferevent *pair[2];
  got = evbuffer_new();
  bufferevent_pair_new(base, 0, pair);
  pair[0] = compressed(pair[0]);
  pair[1] = compressed(pair[1]);
  bufferevent_setcb(pair[1], on_read, NULL, on_event, NULL);
  bufferevent_enable(pair[1], EV_READ);
  bufferevent_write(pair[0], "hello", 5);
  turn(5);
  CHECK_INT_EQ(evbuffer_get_length(got), 0);
  CHECK_INT_EQ(bufferevent_flush(pair[0], EV_WRITE, BEV_FLUSH), 1);
  turn(5);
  CHECK_INT_EQ(evbuffer_get_length(got), 5);
  bufferevent_free(pair[0]);
  bufferevent_free(pair[1]);
  turn(5);
  evbuffer_free(got);
}

TEST(uncompressed_input_is_an_error) {
  struct bufferevent *pair[2];
  if (!ours()) return;
  events = 0;
  bufferevent_pair_new(base, 0, pair);
  pair[1] = compressed(pair[1]);
  bufferevent_setcb(pair[1], NULL, NULL, on_event, NULL);
  bufferevent_enable(pair[1], EV_READ);
  bufferevent_write(pair[0], "plain text", 10);
  turn(5);
  CHECK_INT_EQ(events, BEV_EVENT_READING | BEV_EVENT_ERROR);
  bufferevent_free(pair[0]);
  bufferevent_free(pair[1]);
  turn(5);
}

int main(int argc, char **argv) {
  base = event_base_new();
  if (!base) return 1;
  make_original();
  RUN_TESTS(compressed_data_is_restored_unchanged, two_stacked_filters_restore_data_unchanged,
            small_reads_restore_data_unchanged,
            small_reads_through_two_stacked_filters_restore_data_unchanged,
            flush_sends_data_held_by_the_compressor, uncompressed_input_is_an_error);
}

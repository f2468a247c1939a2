/* A cat over a compressed TCP connection: one process sends standard input, another writes what it receives
 * to standard output.
 *
 * It shows bufferevent_filter_new() with zlib on top of a socket: how a filter function passes extents of one
 * evbuffer to a library that writes directly into another, how it observes its limit and the modes, and how
 * bufferevent_flush() ends the stream.
 *
 *   $ ./zlib-filter -l -p 9997 > copy          (waits for one connection; prints the address to stderr)
 *   $ ./zlib-filter 127.0.0.1 9997 < original  (a pipe, a terminal or a file)
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "server.h"

enum { READ_SIZE = 16384, WRITE_SIZE = 16384, MAX_BUFFERED = 65536 };

struct cat {
  struct event_base *base;
  struct evconnlistener *listener;
  struct bufferevent *filter;
  int ended; /* standard input, or the peer's stream */
  int failed;
};

struct codec {
  z_stream stream;
  int (*step)(z_stream *stream, int flush); /* deflate or inflate */
  struct cat *cat;
};

static void fail(struct cat *cat, const char *what) {
  fprintf(stderr, "zlib-filter: %s\n", what);
  cat->failed = 1;
  event_base_loopbreak(cat->base);
}

/* --- the filter ----------------------------------------------------------------------------------------- */

static enum bufferevent_filter_result run(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
                                          enum bufferevent_flush_mode mode, void *arg) {
  static const int flushes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
  struct codec *codec = arg;
  const int compresses = codec->step == deflate;
  enum bufferevent_filter_result result = BEV_NEED_MORE;

  for (;;) {
    struct evbuffer_iovec in = {NULL, 0}, out;
    int flush = compresses ? flushes[mode] : Z_SYNC_FLUSH, status;
    size_t used;

    if (evbuffer_get_length(from) > 0) evbuffer_peek(from, -1, NULL, &in, 1);
    if (in.iov_len < evbuffer_get_length(from)) flush = Z_NO_FLUSH; /* not the last extent */
    if (limit == 0) return result;
    if (evbuffer_reserve_space(to, limit > 0 && limit < WRITE_SIZE ? limit : WRITE_SIZE, &out, 1) != 1) {
      return BEV_ERROR;
    }
    if (limit > 0 && out.iov_len > (size_t)limit) out.iov_len = (size_t)limit;
    codec->stream.next_in = in.iov_base;
    codec->stream.avail_in = (uInt)in.iov_len;
    codec->stream.next_out = out.iov_base;
    codec->stream.avail_out = (uInt)out.iov_len;
    status = codec->step(&codec->stream, flush);
    if (status < 0 && status != Z_BUF_ERROR) return BEV_ERROR;

    used = in.iov_len - codec->stream.avail_in;
    out.iov_len -= codec->stream.avail_out;
    evbuffer_drain(from, used);
    evbuffer_commit_space(to, &out, 1);
    if (limit > 0) limit -= (ev_ssize_t)out.iov_len;
    if (status == Z_STREAM_END && !compresses) codec->cat->ended = 1;
    if (used == 0 && out.iov_len == 0) return result;
    result = BEV_OK;
    if (status == Z_STREAM_END) return result;
  }
}

static void free_codec(void *arg) {
  struct codec *codec = arg;

  if (codec->step == deflate) {
    deflateEnd(&codec->stream);
  } else {
    inflateEnd(&codec->stream);
  }
  free(codec);
}

/* A sender only sends and a receiver only receives, so each needs one stream; the other direction passes
 * unchanged.  Callbacks are deferred, because otherwise on_room would be invoked inside the
 * bufferevent_write() that it calls itself. */
static int attach(struct cat *cat, struct bufferevent *bev, int sends) {
  struct codec *codec = calloc(1, sizeof(*codec));

  if (codec == NULL) return -1;
  codec->cat = cat;
  codec->step = sends ? deflate : inflate;
  if ((sends ? deflateInit(&codec->stream, Z_DEFAULT_COMPRESSION) : inflateInit(&codec->stream)) != Z_OK) {
    free(codec);
    return -1;
  }
  cat->filter = bufferevent_filter_new(bev, sends ? NULL : run, sends ? run : NULL,
                                       BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS, free_codec, codec);
  if (cat->filter == NULL) free_codec(codec);
  return cat->filter == NULL ? -1 : 0;
}

/* --- receiving ------------------------------------------------------------------------------------------ */

static void on_received(struct bufferevent *bev, void *arg) {
  struct evbuffer *input = bufferevent_get_input(bev);

  while (evbuffer_get_length(input) > 0) {
    if (evbuffer_write(input, STDOUT_FILENO) < 0) {
      fail(arg, "standard output cannot be written");
      return;
    }
  }
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct cat *cat = arg;

  (void)bev;
  if (what & BEV_EVENT_ERROR) {
    fail(cat, "the connection failed, or does not carry compressed data");
  } else if (what & BEV_EVENT_EOF) {
    if (!cat->ended) {
      fail(cat, "the connection ended too early");
    } else {
      event_base_loopbreak(cat->base);
    }
  }
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                          int length, void *arg) {
  struct cat *cat = arg;
  struct bufferevent *bev;

  (void)peer;
  (void)length;
  cat->listener = NULL;
  evconnlistener_free(listener);
  bev = bufferevent_socket_new(cat->base, fd, BEV_OPT_CLOSE_ON_FREE);
  if (bev == NULL || attach(cat, bev, 0) != 0) {
    fail(cat, "no memory");
    if (bev != NULL) bufferevent_free(bev);
    return;
  }
  bufferevent_setcb(cat->filter, on_received, NULL, on_event, cat);
  bufferevent_setwatermark(cat->filter, EV_READ, 0, MAX_BUFFERED);
  bufferevent_enable(cat->filter, EV_READ);
}

static int start_receiving(struct cat *cat, const struct listen_address *address) {
  cat->listener =
      evconnlistener_new_bind(cat->base, on_connection, cat, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 1,
                              (const struct sockaddr *)&address->storage, (int)address->length);
  if (cat->listener == NULL) {
    perror("zlib-filter: listening socket");
    return -1;
  }
  return announce(stderr, evconnlistener_get_fd(cat->listener));
}

/* --- sending -------------------------------------------------------------------------------------------- */

/* The kernel has accepted all output. */
static void on_sent(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg) {
  struct cat *cat = arg;

  (void)info;
  if (cat->ended && evbuffer_get_length(output) == 0) event_base_loopbreak(cat->base);
}

/* This process does nothing else, so it may block on standard input. */
static void on_room(struct bufferevent *bev, void *arg) {
  static char block[READ_SIZE];
  struct cat *cat = arg;
  ssize_t got;

  if (cat->ended) return;
  got = read(STDIN_FILENO, block, sizeof(block));
  if (got < 0) {
    fail(cat, "standard input cannot be read");
  } else if (got > 0) {
    if (bufferevent_write(bev, block, (size_t)got) != 0) fail(cat, "no memory");
    bufferevent_flush(bev, EV_WRITE, BEV_FLUSH);
  } else {
    cat->ended = 1;
    bufferevent_flush(bev, EV_WRITE, BEV_FINISHED);
  }
}

static void on_connected(struct bufferevent *bev, short what, void *arg) {
  if (what & BEV_EVENT_CONNECTED) {
    on_room(bev, arg);
  } else {
    fail(arg, "the connection failed");
  }
}

static int start_sending(struct cat *cat, const struct listen_address *address) {
  struct bufferevent *bev = bufferevent_socket_new(cat->base, -1, BEV_OPT_CLOSE_ON_FREE);

  if (bev == NULL) return -1;
  if (attach(cat, bev, 1) != 0) {
    bufferevent_free(bev);
    return -1;
  }
  /* While this amount is queued for the socket, no data passes the filter, and on_room is not invoked. */
  bufferevent_setwatermark(bev, EV_WRITE, 0, MAX_BUFFERED);
  bufferevent_setcb(cat->filter, NULL, on_room, on_connected, cat);
  if (evbuffer_add_cb(bufferevent_get_output(bev), on_sent, cat) == NULL) return -1;
  return bufferevent_socket_connect(bev, (const struct sockaddr *)&address->storage, (int)address->length);
}

/* --- the program ---------------------------------------------------------------------------------------- */

static int usage(void) {
  fputs("usage: zlib-filter -l [-p PORT] [-b ADDRESS]\n       zlib-filter ADDRESS PORT\n", stderr);
  return 2;
}

int main(int argc, char **argv) {
  struct cat cat = {NULL, NULL, NULL, 0, 0};
  struct listen_address address;
  const int receives = argc > 1 && strcmp(argv[1], "-l") == 0;
  long port;

  if (receives) {
    argv[1] = argv[0];
    parse_server_options(argc - 1, argv + 1, 9997, &address);
  } else if (argc != 3 || parse_number(argv[2], 65535, &port) != 0 ||
             parse_address(argv[1], port, &address) != 0) {
    return usage();
  }
  signal(SIGPIPE, SIG_IGN);
  cat.base = event_base_new();
  if (cat.base == NULL) return 1;
  if ((receives ? start_receiving(&cat, &address) : start_sending(&cat, &address)) != 0) {
    cat.failed = 1;
  } else {
    event_base_dispatch(cat.base);
  }
  if (cat.listener != NULL) evconnlistener_free(cat.listener);
  if (cat.filter != NULL) bufferevent_free(cat.filter);
  event_base_free(cat.base);
  return cat.failed;
}

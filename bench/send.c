/* Bulk send by a bufferevent: whenever all is written the callback adds more, by copy, by reference or by
 * file. */
#define _GNU_SOURCE
#include "send.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>

static struct event_base *base;
static struct progress progress;
static int file;
static long blocks_added;
static long (*add_more)(struct bufferevent *bev);

static long add_copies(struct bufferevent *bev) {
  for (int i = 0; i < kSendBlocks; ++i) CHECK(bufferevent_write(bev, send_data, sizeof send_data) == 0);
  return kSendBlocks;
}

static void on_cleanup(const void *data, size_t length, void *arg) {
  (void)data;
  (void)length;
  (void)arg;
}

static long add_references(struct bufferevent *bev) {
  struct evbuffer *output = bufferevent_get_output(bev);
  for (int i = 0; i < kSendBlocks; ++i) {
    CHECK(evbuffer_add_reference(output, send_data, sizeof send_data, on_cleanup, NULL) == 0);
  }
  return kSendBlocks;
}

/* The buffer owns the descriptor and closes it. */
static long add_file(struct bufferevent *bev) {
  const int fd = fcntl(file, F_DUPFD_CLOEXEC, 0);
  CHECK(fd >= 0 && evbuffer_add_file(bufferevent_get_output(bev), fd, 0, kFileBytes) == 0);
  return kFileBlocks;
}

static void on_written(struct bufferevent *bev, void *arg) {
  (void)arg;
  if (progress_add(&progress, blocks_added)) {
    bufferevent_free(bev);
    CHECK(event_base_loopbreak(base) == 0);
    return;
  }
  blocks_added = add_more(bev);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)arg;
  fail("the receiver's connection ended early, event 0x%x", (unsigned)what);
}

static void run(int fd, long ops) {
  (void)ops;
  base = event_base_new();
  CHECK(base != NULL);
  struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
  CHECK(bev != NULL);
  bufferevent_setcb(bev, NULL, on_written, on_event, NULL);
  blocks_added = add_more(bev);
  CHECK(event_base_dispatch(base) == 0);
  event_base_free(base);
}

static void measure_send(const char *name, long (*add)(struct bufferevent *bev), long ops) {
  add_more = add;
  progress_init(&progress, name, ops / 10, ops);
  send_to_sink(run, ops);
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kSendOps);
  file = send_open_file();
  measure_send("send_copy", add_copies, ops);
  measure_send("send_reference", add_references, ops);
  measure_send("send_file", add_file, ops);
  bench_finish();
  return 0;
}

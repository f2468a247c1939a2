/* A rate-limited group: 1000 bufferevents with something to read all the time share 16 MiB per second. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

enum { kMembers = 1000, kTickMs = 10, kTicksPerSecond = 1000 / kTickMs, kKibPerSecond = 16 * 1024 };

static struct event_base *base;
static struct progress progress;
static size_t bytes_over; /* beyond whole KiB */
static int finished;

static void on_read(struct bufferevent *bev, void *arg) {
  struct evbuffer *input = bufferevent_get_input(bev);
  const size_t length = evbuffer_get_length(input), bytes = length + bytes_over;
  (void)arg;
  CHECK(evbuffer_drain(input, length) == 0);
  if (finished) return;
  bytes_over = bytes % 1024;
  if (progress_add(&progress, (long)(bytes / 1024))) {
    finished = 1;
    CHECK(event_base_loopbreak(base) == 0);
  }
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)arg;
  fail("a connection ended, event 0x%x", (unsigned)what);
}

/* Queues several times the bytes that the member will read in a run of a second. */
static void fill(int fd) {
  static const char data[16 * 1024];
  ssize_t n;
  do {
    n = write(fd, data, sizeof data);
  } while (n > 0);
  CHECK(errno == EAGAIN);
}

static struct bufferevent *join(struct bufferevent_rate_limit_group *group) {
  int fds[2];
  make_pair(fds);
  fill(fds[1]);
  struct bufferevent *bev = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
  CHECK(bev != NULL);
  bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
  CHECK(bufferevent_add_to_rate_limit_group(bev, group) == 0);
  CHECK(bufferevent_enable(bev, EV_READ) == 0);
  return bev;
}

int main(int argc, char **argv) {
  static struct bufferevent *members[kMembers];
  const size_t per_tick = kKibPerSecond / kTicksPerSecond * 1024;
  const struct timeval tick = {0, kTickMs * 1000};
  const long ops = bench_start(argc, argv, kKibPerSecond);
  CHECK(allow_descriptors(2 * kMembers));
  base = event_base_new();
  struct ev_token_bucket_cfg *limits = ev_token_bucket_cfg_new(per_tick, per_tick, per_tick, per_tick, &tick);
  CHECK(base != NULL && limits != NULL);
  struct bufferevent_rate_limit_group *group = bufferevent_rate_limit_group_new(base, limits);
  CHECK(group != NULL);
  for (int i = 0; i < kMembers; ++i) members[i] = join(group);
  progress_init(&progress, "rate_group", ops / 10, ops);
  CHECK(event_base_dispatch(base) == 0);
  CHECK(finished);
  for (int i = 0; i < kMembers; ++i) {
    CHECK(bufferevent_remove_from_rate_limit_group(members[i]) == 0);
    bufferevent_free(members[i]);
  }
  bufferevent_rate_limit_group_free(group);
  ev_token_bucket_cfg_free(limits);
  event_base_free(base);
  bench_finish();
  return 0;
}

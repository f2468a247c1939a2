/* The rate limits of event2/bufferevent.h as a C program sees them: what every call returns, on one and
 * several bufferevents. Also run on libevent, with EVENTIDE_TEST_ORACLE set: where ours() is asked, the two
 * differ on purpose. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/check.h"
#include "support/socket_room.h"

static int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

#define NONE EV_RATE_LIMIT_MAX
#define MEMBERS 10

static const struct timeval hour = {3600, 0};

/* Ticks are long, so that none passes in a test that does not wait for one. */
static struct ev_token_bucket_cfg *config(size_t rate, size_t burst, size_t write_rate, size_t write_burst) {
  return ev_token_bucket_cfg_new(rate, burst, write_rate, write_burst, &hour);
}

struct world {
  struct event_base *base;
  struct bufferevent *bev[MEMBERS];
  int peer;
};

static void set_up(struct world *w) {
  int fds[2], i;
  memset(w, 0, sizeof(*w));
  w->base = event_base_new();
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  set_socket_room(fds[0], kUsualRoom);
  set_socket_room(fds[1], kUsualRoom);
  evutil_make_socket_nonblocking(fds[0]);
  evutil_make_socket_nonblocking(fds[1]);
  w->peer = fds[1];
  for (i = 0; i < MEMBERS; ++i) {
    w->bev[i] = bufferevent_socket_new(w->base, i ? -1 : fds[0], BEV_OPT_CLOSE_ON_FREE);
    CHECK(w->bev[i] != NULL);
  }
}

static void tear_down(struct world *w) {
  int i;
  for (i = 0; i < MEMBERS; ++i) bufferevent_free(w->bev[i]);
  close(w->peer);
  event_base_free(w->base);
}

TEST(token_bucket_configurations_are_validated) {
  const size_t most = (size_t)EV_RATE_LIMIT_MAX;
  const struct timeval none = {0, 0}, brief = {0, 999}, negative = {-1, 0}, millisecond = {0, 1000};
  struct ev_token_bucket_cfg *cfg;
  CHECK(!ev_token_bucket_cfg_new(0, 1, 1, 1, NULL));
  CHECK(!ev_token_bucket_cfg_new(1, 1, 0, 1, NULL));
  CHECK(!ev_token_bucket_cfg_new(2, 1, 1, 1, NULL));
  CHECK(!ev_token_bucket_cfg_new(1, 1, 2, 1, NULL));
  CHECK(!ev_token_bucket_cfg_new(1, most + 1, 1, 1, NULL));
  CHECK(!ev_token_bucket_cfg_new(1, 1, 1, most + 1, NULL));
  CHECK((cfg = ev_token_bucket_cfg_new(most, most, most, most, NULL)) != NULL);
  ev_token_bucket_cfg_free(cfg);
  CHECK((cfg = ev_token_bucket_cfg_new(1, 1, 1, 1, &millisecond)) != NULL);
  ev_token_bucket_cfg_free(cfg);
  ev_token_bucket_cfg_free(NULL);
  if (!ours()) return; /* libevent takes these, and divides by zero later */
  CHECK(!ev_token_bucket_cfg_new(1, 1, 1, 1, &none));
  CHECK(!ev_token_bucket_cfg_new(1, 1, 1, 1, &brief));
  CHECK(!ev_token_bucket_cfg_new(1, 1, 1, 1, &negative));
}

TEST(getters_without_a_limit_return_the_defaults) {
  struct world w;
  set_up(&w);
  CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), NONE);
  CHECK_INT_EQ(bufferevent_get_write_limit(w.bev[0]), NONE);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 16384);
  CHECK_INT_EQ(bufferevent_get_max_to_write(w.bev[0]), 16384);
  CHECK_INT_EQ(bufferevent_set_rate_limit(w.bev[0], NULL), 0);
  CHECK(!bufferevent_get_token_bucket_cfg(w.bev[0]));
  CHECK_INT_EQ(bufferevent_remove_from_rate_limit_group(w.bev[0]), 0);
  CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(w.bev[0], NULL), 0);
  if (ours()) { /* an assertion ends libevent's process */
    CHECK_INT_EQ(bufferevent_decrement_read_limit(w.bev[0], 1), -1);
    CHECK_INT_EQ(bufferevent_decrement_write_limit(w.bev[0], 1), -1);
  }
  tear_down(&w);
}

TEST(a_rate_limit_is_set_read_and_removed) {
  struct world w;
  struct ev_token_bucket_cfg *cfg = config(1000, 2000, 500, 700), *less = config(100, 100, 500, 5000);
  set_up(&w);
  CHECK_INT_EQ(bufferevent_set_rate_limit(w.bev[0], cfg), 0);
  CHECK(bufferevent_get_token_bucket_cfg(w.bev[0]) == cfg);
  CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), 1000);
  CHECK_INT_EQ(bufferevent_get_write_limit(w.bev[0]), 500);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 1000);
  CHECK_INT_EQ(bufferevent_decrement_read_limit(w.bev[0], 400), 0);
  CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), 600);
  CHECK_INT_EQ(bufferevent_decrement_read_limit(w.bev[0], 1400), 0);
  CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), -800);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 0);
  CHECK_INT_EQ(bufferevent_decrement_read_limit(w.bev[0], -5000), 0);
  CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), 4200);
  CHECK_INT_EQ(bufferevent_set_max_single_read(w.bev[0], 50), 0);
  /* libevent returns the level of the bucket alone. */
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), ours() ? 50 : 4200);
  CHECK_INT_EQ(bufferevent_decrement_write_limit(w.bev[0], 1), 0);
  CHECK_INT_EQ(bufferevent_get_max_to_write(w.bev[0]), 499);
  /* Levels stay, up to the new burst. */
  CHECK_INT_EQ(bufferevent_set_rate_limit(w.bev[0], less), 0);
  CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), 100);
  CHECK_INT_EQ(bufferevent_get_write_limit(w.bev[0]), 499);
  CHECK_INT_EQ(bufferevent_set_rate_limit(w.bev[0], NULL), 0);
  CHECK(!bufferevent_get_token_bucket_cfg(w.bev[0]));
  CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), NONE);
  tear_down(&w);
  ev_token_bucket_cfg_free(cfg);
  ev_token_bucket_cfg_free(less);
}

TEST(extreme_rates_are_accepted_or_rejected) {
  struct world w;
  struct ev_token_bucket_cfg *cfg = config((size_t)NONE, (size_t)NONE, 1, (size_t)NONE);
  set_up(&w);
  CHECK_INT_EQ(bufferevent_set_rate_limit(w.bev[0], cfg), 0);
  CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), NONE);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), ours() ? 16384 : NONE);
  if (ours()) { /* libevent's sums overflow */
    CHECK_INT_EQ(bufferevent_decrement_read_limit(w.bev[0], -10), 0);
    CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), NONE);
    CHECK_INT_EQ(bufferevent_decrement_write_limit(w.bev[0], EV_SSIZE_MAX), 0);
    CHECK_INT_EQ(bufferevent_decrement_write_limit(w.bev[0], EV_SSIZE_MAX), 0);
    CHECK_INT_EQ(bufferevent_get_write_limit(w.bev[0]), -NONE);
  }
  tear_down(&w);
  ev_token_bucket_cfg_free(cfg);
}

TEST(a_group_limits_and_counts_its_members) {
  struct world w;
  struct ev_token_bucket_cfg *cfg = config(1000, 2000, 500, 700), *less = config(100, 100, 500, 5000);
  struct bufferevent_rate_limit_group *group;
  ev_uint64_t read_bytes = 9, written_bytes = 9;
  int i;
  set_up(&w);
  group = bufferevent_rate_limit_group_new(w.base, cfg);
  CHECK(group != NULL);
  CHECK_INT_EQ(bufferevent_rate_limit_group_get_read_limit(group), 1000);
  CHECK_INT_EQ(bufferevent_rate_limit_group_get_write_limit(group), 500);
  CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(w.bev[0], group), 0);
  CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(w.bev[0], group), 0);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 1000);
  CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), NONE);
  for (i = 1; i < MEMBERS; ++i) CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(w.bev[i], group), 0);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 100);
  CHECK_INT_EQ(bufferevent_get_max_to_write(w.bev[0]), 64);
  CHECK_INT_EQ(bufferevent_rate_limit_group_set_min_share(group, 200), 0);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 200);
  CHECK_INT_EQ(bufferevent_rate_limit_group_set_min_share(group, 0), 0);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 100);
  CHECK_INT_EQ(bufferevent_rate_limit_group_set_min_share(group, 800), 0);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 500);
  CHECK_INT_EQ(bufferevent_rate_limit_group_set_min_share(group, (size_t)EV_SSIZE_MAX + 1), -1);
  CHECK_INT_EQ(bufferevent_rate_limit_group_set_min_share(group, 64), 0);
  CHECK_INT_EQ(bufferevent_rate_limit_group_decrement_read(group, 990), 0);
  CHECK_INT_EQ(bufferevent_rate_limit_group_get_read_limit(group), 10);
  /* The minimum share does not exceed the available tokens; that of libevent does. */
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), ours() ? 10 : 64);
  CHECK_INT_EQ(bufferevent_rate_limit_group_decrement_read(group, 500), 0);
  CHECK_INT_EQ(bufferevent_rate_limit_group_get_read_limit(group), -490);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 0);
  CHECK_INT_EQ(bufferevent_rate_limit_group_decrement_read(group, -9000), 0);
  CHECK_INT_EQ(bufferevent_rate_limit_group_get_read_limit(group), 8510);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 851);
  CHECK_INT_EQ(bufferevent_rate_limit_group_decrement_write(group, 7), 0);
  CHECK_INT_EQ(bufferevent_rate_limit_group_get_write_limit(group), 493);
  bufferevent_rate_limit_group_get_totals(group, &read_bytes, &written_bytes);
  CHECK_INT_EQ(read_bytes, 0);
  CHECK_INT_EQ(written_bytes, 0);
  bufferevent_rate_limit_group_get_totals(group, NULL, NULL);
  CHECK_INT_EQ(bufferevent_rate_limit_group_set_cfg(group, less), 0);
  CHECK_INT_EQ(bufferevent_rate_limit_group_get_read_limit(group), 100);
  CHECK_INT_EQ(bufferevent_rate_limit_group_get_write_limit(group), 493);
  CHECK_INT_EQ(bufferevent_rate_limit_group_set_cfg(group, NULL), -1);
  if (ours()) CHECK(!bufferevent_rate_limit_group_new(w.base, NULL));
  for (i = 0; i < MEMBERS; ++i) CHECK_INT_EQ(bufferevent_remove_from_rate_limit_group(w.bev[i]), 0);
  CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 16384);
  bufferevent_rate_limit_group_free(group);
  tear_down(&w);
  ev_token_bucket_cfg_free(cfg);
  ev_token_bucket_cfg_free(less);
}

TEST(transferred_bytes_are_deducted_and_counted) {
  struct world w;
  struct ev_token_bucket_cfg *cfg = config(1000, 2000, 500, 700), *own = config(300, 300, 30, 30);
  struct bufferevent_rate_limit_group *group, *other;
  ev_uint64_t read_bytes = 0, written_bytes = 0;
  char text[200] = "";
  int i;
  set_up(&w);
  group = bufferevent_rate_limit_group_new(w.base, cfg);
  other = bufferevent_rate_limit_group_new(w.base, own);
  bufferevent_add_to_rate_limit_group(w.bev[0], other);
  bufferevent_add_to_rate_limit_group(w.bev[0], group);
  bufferevent_rate_limit_group_free(other); /* it has no members any more */
  bufferevent_set_rate_limit(w.bev[0], own);
  bufferevent_enable(w.bev[0], EV_READ);
  CHECK_INT_EQ(write(w.peer, "hello", 5), 5);
  CHECK_INT_EQ(bufferevent_write(w.bev[0], text, 100), 0);
  for (i = 0; i < 5; ++i) event_base_loop(w.base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(w.bev[0])), 5);
  CHECK_INT_EQ(read(w.peer, text, sizeof(text)), 30);
  CHECK_INT_EQ(bufferevent_get_read_limit(w.bev[0]), 295);
  CHECK_INT_EQ(bufferevent_get_write_limit(w.bev[0]), 0);
  CHECK_INT_EQ(bufferevent_rate_limit_group_get_read_limit(group), 995);
  CHECK_INT_EQ(bufferevent_rate_limit_group_get_write_limit(group), 470);
  bufferevent_rate_limit_group_get_totals(group, &read_bytes, &written_bytes);
  CHECK_INT_EQ(read_bytes, 5);
  CHECK_INT_EQ(written_bytes, 30);
  bufferevent_rate_limit_group_reset_totals(group);
  bufferevent_rate_limit_group_get_totals(group, &read_bytes, NULL);
  CHECK_INT_EQ(read_bytes, 0);
  /* Tokens given, and the limit taken away, let the rest go. */
  CHECK_INT_EQ(bufferevent_decrement_write_limit(w.bev[0], -7), 0);
  for (i = 0; i < 5; ++i) event_base_loop(w.base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(read(w.peer, text, sizeof(text)), 7);
  bufferevent_set_rate_limit(w.bev[0], NULL);
  for (i = 0; i < 5; ++i) event_base_loop(w.base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(read(w.peer, text, sizeof(text)), 63);
  bufferevent_remove_from_rate_limit_group(w.bev[0]);
  bufferevent_rate_limit_group_free(group);
  tear_down(&w);
  ev_token_bucket_cfg_free(cfg);
  ev_token_bucket_cfg_free(own);
}

TEST(tokens_are_refilled_by_ticks) {
  struct world w;
  const struct timeval tick = {0, 20000};
  struct ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(10, 10, 10, 10, &tick);
  char text[100] = "";
  ev_ssize_t got = 0, n;
  set_up(&w);
  bufferevent_set_rate_limit(w.bev[0], cfg);
  bufferevent_write(w.bev[0], text, sizeof(text));
  while (got < (ev_ssize_t)sizeof(text)) {
    event_base_loop(w.base, EVLOOP_ONCE);
    n = read(w.peer, text, sizeof(text));
    CHECK(n <= 20); /* a tick may pass between two looks */
    if (n > 0) got += n;
  }
  CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_output(w.bev[0])), 0);
  tear_down(&w);
  ev_token_bucket_cfg_free(cfg);
}

TEST(a_group_works_without_a_base_and_may_be_freed_before_its_members) {
  struct world w;
  struct ev_token_bucket_cfg *cfg = config(1000, 2000, 500, 700);
  struct bufferevent_rate_limit_group *group;
  set_up(&w);
  if (ours()) { /* libevent asserts that a group has no members when it is freed */
    group = bufferevent_rate_limit_group_new(NULL, cfg);
    CHECK_INT_EQ(bufferevent_add_to_rate_limit_group(w.bev[0], group), 0);
    CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 1000);
    bufferevent_rate_limit_group_free(group);
    CHECK_INT_EQ(bufferevent_get_max_to_read(w.bev[0]), 16384);
    bufferevent_rate_limit_group_free(NULL);
  }
  tear_down(&w);
  ev_token_bucket_cfg_free(cfg);
}

int main(int argc, char **argv) {
  RUN_TESTS(token_bucket_configurations_are_validated, getters_without_a_limit_return_the_defaults,
            a_rate_limit_is_set_read_and_removed, extreme_rates_are_accepted_or_rejected,
            a_group_limits_and_counts_its_members, transferred_bytes_are_deducted_and_counted,
            tokens_are_refilled_by_ticks, a_group_works_without_a_base_and_may_be_freed_before_its_members);
}

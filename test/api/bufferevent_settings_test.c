/* Settings of bufferevents that change while they are in use, and callbacks that call back into their
 * bufferevent or free it: for a socket, one end of a pair, and a filter on such an end. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>

#include "api/child.h"
#include "api/events.h"
#include "api/poisoned_memory.h"

enum kind { ON_SOCKET, ON_PAIR, ON_FILTER, KINDS };
static struct bufferevent *subject; /* of the kind under test */
static struct bufferevent *far_end; /* the pair's other end, which does not read; NULL for a socket */
static short reported;

static void note_report(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)arg;
  reported |= what;
}

static void make_subject(enum kind kind) {
  struct bufferevent *ends[2] = {NULL, NULL};
  base = event_base_new();
  if (kind == ON_SOCKET) {
    CHECK_INT_EQ(open_pair(), 0);
    subject = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
  } else {
    CHECK_INT_EQ(bufferevent_pair_new(base, 0, ends), 0);
    subject = ends[0];
  }
  far_end = ends[1];
  if (kind == ON_FILTER) {
    /* The underlying end takes next to nothing, so that output stays in the filter. */
    bufferevent_setwatermark(ends[0], EV_WRITE, 0, 1);
    subject = bufferevent_filter_new(ends[0], NULL, NULL, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
  }
  CHECK(subject != NULL);
  bufferevent_setcb(subject, NULL, NULL, note_report, NULL);
  reported = 0;
}
static void free_subject(void) {
  bufferevent_free(subject);
  if (far_end) {
    bufferevent_free(far_end);
  } else {
    close(pair[1]);
  }
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_base_free(base);
}

/* More than any socket holds, so that the write timeout has something to wait for. */
static char much[4 << 20];
static void start_directions(short directions) {
  bufferevent_enable(subject, directions);
  if (directions & EV_WRITE) CHECK_INT_EQ(bufferevent_write(subject, much, sizeof(much)), 0);
  event_base_loop(base, EVLOOP_NONBLOCK);
  if (directions & EV_WRITE) CHECK_INT_GT(evbuffer_get_length(bufferevent_get_output(subject)), 0);
}

static void set_timeout(short direction, const struct timeval *tv) {
  bufferevent_set_timeouts(subject, direction == EV_READ ? tv : NULL, direction == EV_WRITE ? tv : NULL);
}

/* Until something is reported, or nothing is left to wait for, or it takes far too long. */
static void run_until_reported(void) {
  const struct timeval far_too_long = {20, 0};
  event_base_loopexit(base, &far_too_long);
  while (!reported && event_base_loop(base, EVLOOP_ONCE) == 0 && !event_base_got_exit(base)) {
  }
}

static const struct timeval soon = {0, 1000}, later = {0, 20000}, never = {3600, 0};
static const short directions[] = {EV_READ, EV_WRITE};
static const short reports[] = {BEV_EVENT_TIMEOUT | BEV_EVENT_READING, BEV_EVENT_TIMEOUT | BEV_EVENT_WRITING};

TEST(a_timeout_set_while_the_direction_is_in_use_is_reported) {
  int kind, i;
  for (kind = ON_SOCKET; kind < KINDS; ++kind) {
    for (i = 0; i < 2; ++i) {
      make_subject(kind);
      start_directions(directions[i]);
      CHECK(!CHECK_FAILED());
      set_timeout(directions[i], &soon);
      run_until_reported();
      if (reported != reports[i]) CHECK_FAIL_("kind %d reports 0x%x", kind, reported);
      CHECK_INT_EQ(bufferevent_get_enabled(subject) & directions[i], 0);
      free_subject();
    }
  }
}

TEST(a_timeout_made_shorter_while_it_runs_is_reported) {
  int kind, i;
  for (kind = ON_SOCKET; kind < KINDS; ++kind) {
    for (i = 0; i < 2; ++i) {
      make_subject(kind);
      set_timeout(directions[i], &never);
      start_directions(directions[i]);
      CHECK(!CHECK_FAILED());
      set_timeout(directions[i], &soon);
      run_until_reported();
      if (reported != reports[i]) CHECK_FAIL_("kind %d reports 0x%x", kind, reported);
      free_subject();
    }
  }
}

/* The loop goes on until long after the timeout would have been reported. */
TEST(a_timeout_taken_away_or_made_longer_while_it_runs_is_not_reported) {
  const struct timeval *const changed[] = {NULL, &never};
  int kind, i, change;
  for (kind = ON_SOCKET; kind < KINDS; ++kind) {
    for (i = 0; i < 4; ++i) {
      const short direction = directions[i / 2];
      change = i % 2;
      make_subject(kind);
      set_timeout(direction, &later);
      start_directions(direction);
      set_timeout(direction, changed[change]);
      reported = 0; /* a machine that stood still meanwhile */
      bufferevent_enable(subject, direction);
      event_base_loopexit(base, &(struct timeval){0, 60000});
      event_base_dispatch(base);
      if (reported) CHECK_FAIL_("kind %d reports 0x%x", kind, reported);
      free_subject();
    }
  }
}

/* A filter that was enabled without output has a write timeout as well; without one it leaves the loop
 * nothing to wait for. */
TEST(the_write_timeout_of_an_idle_filter_ends_with_its_setting) {
  make_subject(ON_FILTER);
  set_timeout(EV_WRITE, &later);
  bufferevent_enable(subject, EV_WRITE);
  set_timeout(EV_WRITE, NULL);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(reported, 0);
  free_subject();
}

/* --- another base --- */

TEST(bufferevent_base_set_takes_the_default_priority_of_the_new_base) {
  const int counts[] = {1, 2, 5, 9};
  struct event_base *to;
  int i;
  for (i = 0; i < 4; ++i) {
    base = event_base_new();
    to = event_base_new();
    event_base_priority_init(base, 9);
    event_base_priority_init(to, counts[i]);
    subject = bufferevent_socket_new(base, -1, 0);
    CHECK_INT_EQ(bufferevent_get_priority(subject), 4);
    bufferevent_disable(subject, EV_READ | EV_WRITE);
    CHECK_INT_EQ(bufferevent_base_set(to, subject), 0);
    CHECK_PTR_EQ(bufferevent_get_base(subject), to);
    CHECK_INT_EQ(bufferevent_get_priority(subject), counts[i] / 2);
    CHECK_INT_EQ(event_get_priority(&subject->ev_read), counts[i] / 2);
    CHECK_INT_EQ(event_get_priority(&subject->ev_write), counts[i] / 2);
    bufferevent_free(subject);
    event_base_free(base);
    event_base_free(to);
  }
}

/* --- filter functions that call back --- */

static int depth, deepest, calls;

static enum bufferevent_filter_result flush_again(struct evbuffer *from, struct evbuffer *to,
                                                  ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                                  void *arg) {
  const short direction = *(const short *)arg;
  enum bufferevent_filter_result result = BEV_NEED_MORE;
  (void)limit;
  (void)mode;
  ++calls;
  if (++depth > deepest) deepest = depth;
  if (depth < 5) bufferevent_flush(subject, direction, BEV_FLUSH);
  if (evbuffer_get_length(from) > 0) {
    evbuffer_add_buffer(to, from);
    result = BEV_OK;
  }
  --depth;
  return result;
}

/* libevent calls it inside of itself, and goes on for ever. */
TEST(a_filter_function_that_flushes_is_not_called_inside_of_itself) {
  static const short both[] = {EV_READ, EV_WRITE};
  struct bufferevent *ends[2];
  int i;
  if (!ours()) return;
  for (i = 0; i < 2; ++i) {
    base = event_base_new();
    depth = deepest = calls = 0;
    CHECK_INT_EQ(bufferevent_pair_new(base, 0, ends), 0);
    subject = bufferevent_filter_new(ends[0], flush_again, flush_again, BEV_OPT_CLOSE_ON_FREE, NULL,
                                     (void *)&both[i]);
    bufferevent_enable(subject, EV_READ | EV_WRITE);
    bufferevent_enable(ends[1], EV_READ | EV_WRITE);
    bufferevent_write(both[i] == EV_READ ? ends[1] : subject, "abc", 3);
    while (event_base_loop(base, EVLOOP_NONBLOCK) == 0 && calls < 50) {
    }
    CHECK_INT_GE(calls, 1);
    CHECK_INT_EQ(deepest, 1);
    CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(both[i] == EV_READ ? subject : ends[1])), 3);
    bufferevent_free(subject);
    bufferevent_free(ends[1]);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
  }
}

/* --- a filter that its callback frees --- */

static enum bufferevent_filter_result pass_at_the_end(struct evbuffer *from, struct evbuffer *to,
                                                      ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                                      void *arg) {
  (void)limit;
  (void)arg;
  if (mode != BEV_FINISHED) return BEV_NEED_MORE;
  evbuffer_add_buffer(to, from);
  return BEV_OK;
}
static void free_it(struct bufferevent *bev, void *arg) {
  (void)arg;
  ++calls;
  bufferevent_free(bev);
}
static void free_it_at_event(struct bufferevent *bev, short what, void *arg) {
  (void)what;
  free_it(bev, arg);
}

/* The peer's EOF lets the function pass what it held back; the read or the event callback frees the filter.
 */
static void free_filter_at_the_end(int in_read_callback, int options) {
  struct bufferevent *ends[2];
  calls = 0;
  use_poisoned_memory();
  base = event_base_new();
  CHECK_INT_EQ(bufferevent_pair_new(base, 0, ends), 0);
  subject = bufferevent_filter_new(ends[0], pass_at_the_end, NULL, options, NULL, NULL);
  bufferevent_setcb(subject, in_read_callback ? free_it : NULL, NULL, free_it_at_event, NULL);
  bufferevent_enable(subject, EV_READ);
  bufferevent_enable(ends[1], EV_WRITE);
  bufferevent_write(ends[1], "abcdef", 6);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(calls, 0);
  bufferevent_flush(ends[1], EV_WRITE, BEV_FINISHED);
  while (event_base_loop(base, EVLOOP_NONBLOCK) == 0 && !calls) {
  }
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(calls, 1);
  bufferevent_free(ends[1]);
  if (!(options & BEV_OPT_CLOSE_ON_FREE)) bufferevent_free(ends[0]);
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_base_free(base);
  CHECK(poison_intact());
}
static void free_in_read_callback(void) { free_filter_at_the_end(1, BEV_OPT_CLOSE_ON_FREE); }
static void free_in_event_callback(void) { free_filter_at_the_end(0, BEV_OPT_CLOSE_ON_FREE); }
static void free_above_a_borrowed_one(void) { free_filter_at_the_end(1, 0); }
static void free_deferred(void) {
  free_filter_at_the_end(1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
}

TEST(a_callback_may_free_a_filter_whose_input_passes_at_eof) {
  CHECK_INT_EQ(in_child(free_in_read_callback), 0);
  CHECK_INT_EQ(in_child(free_in_event_callback), 0);
  CHECK_INT_EQ(in_child(free_above_a_borrowed_one), 0);
  CHECK_INT_EQ(in_child(free_deferred), 0);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  RUN_TESTS(a_timeout_set_while_the_direction_is_in_use_is_reported,
            a_timeout_made_shorter_while_it_runs_is_reported,
            a_timeout_taken_away_or_made_longer_while_it_runs_is_not_reported,
            the_write_timeout_of_an_idle_filter_ends_with_its_setting,
            bufferevent_base_set_takes_the_default_priority_of_the_new_base,
            a_filter_function_that_flushes_is_not_called_inside_of_itself,
            a_callback_may_free_a_filter_whose_input_passes_at_eof);
}

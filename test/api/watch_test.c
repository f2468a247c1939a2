/* event2/watch.h as a C program sees it, and other additions after libevent 2.1: not run on that library.
 * Each test begins with the name of the function that it is about. */
#include <event2/watch.h>

#include "api/events.h"

static struct evwatch *seen_watch;
static int known;
static struct timeval wait_time;

static void on_prepare(struct evwatch *watch, const struct evwatch_prepare_cb_info *info, void *arg) {
  strncat(order, arg, sizeof(order) - strlen(order) - 1);
  seen_watch = watch;
  known = evwatch_prepare_get_timeout(info, &wait_time);
}
static void on_check(struct evwatch *watch, const struct evwatch_check_cb_info *info, void *arg) {
  (void)info;
  strncat(order, arg, sizeof(order) - strlen(order) - 1);
  seen_watch = watch;
}
static void free_on_prepare(struct evwatch *watch, const struct evwatch_prepare_cb_info *info, void *arg) {
  on_prepare(watch, info, arg);
  evwatch_free(watch);
}

TEST(evwatch_prepare_and_check_callbacks_run_around_the_wait) {
  struct timeval tv = after_ms(1);
  struct event *ev = event_new(base, -1, 0, append, "e");
  struct evwatch *check = evwatch_check_new(base, on_check, "c");
  struct evwatch *prepare = evwatch_prepare_new(base, on_prepare, "p");
  CHECK(check && prepare);
  order[0] = '\0';
  event_add(ev, &tv);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_STR_EQ(order, "pce");
  CHECK_PTR_EQ(seen_watch, check);
  CHECK(evwatch_prepare_new(NULL, on_prepare, NULL) == NULL);
  CHECK(evwatch_check_new(NULL, on_check, NULL) == NULL);
  CHECK(evwatch_prepare_new(base, NULL, NULL) == NULL);
  CHECK(evwatch_check_new(base, NULL, NULL) == NULL);
  evwatch_free(prepare);
  evwatch_free(check);
  event_free(ev);
}

TEST(evwatch_base_returns_the_base_of_the_watcher) {
  struct evwatch *check = evwatch_check_new(base, on_check, "c");
  CHECK_PTR_EQ(evwatch_base(check), base);
  evwatch_free(check);
}

TEST(evwatch_may_be_freed_in_its_callback_and_is_freed_with_the_base) {
  struct event_base *made = event_base_new();
  struct event *ev = event_new(made, -1, EV_PERSIST, append, "e");
  evwatch_free(NULL);
  order[0] = '\0';
  CHECK(evwatch_prepare_new(made, on_prepare, "1") != NULL);
  CHECK(evwatch_prepare_new(made, free_on_prepare, "2") != NULL);
  CHECK(evwatch_prepare_new(made, on_prepare, "3") != NULL);
  event_active(ev, 0, 0);
  event_base_loop(made, EVLOOP_ONCE);
  event_active(ev, 0, 0);
  event_base_loop(made, EVLOOP_ONCE);
  CHECK_STR_EQ(order, "123e13e");
  event_free(ev);
  event_base_free(made);
}

TEST(evwatch_prepare_get_timeout_returns_the_length_of_the_next_wait) {
  struct timeval tv = after_ms(3);
  struct event *ev = event_new(base, -1, 0, append, "e");
  struct evwatch *prepare = evwatch_prepare_new(base, on_prepare, "p");
  event_add(ev, &tv);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(known, 1);
  CHECK_INT_EQ(wait_time.tv_sec, 0);
  CHECK_INT_LE(wait_time.tv_usec, 3000);
  event_active(ev, 0, 0);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(known, 1);
  CHECK_INT_EQ(wait_time.tv_usec, 0);
  CHECK_INT_EQ(open_pair(), 0);
  event_free(ev);
  ev = event_new(base, pair[0], EV_READ, note_and_drain, &(struct seen){0, 0, 0});
  event_add(ev, NULL);
  write(pair[1], "x", 1);
  wait_time = tv;
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(known, 0);
  CHECK_INT_EQ(wait_time.tv_usec, 3000);
  evwatch_free(prepare);
  event_free(ev);
  close_pair();
}

TEST(event_base_get_signal_method_returns_its_name) {
  struct event_config *config = event_config_new();
  struct event_base *made;
  CHECK_STR_EQ(event_base_get_signal_method(base), "signal");
  event_config_set_flag(config, EVENT_BASE_FLAG_USE_SIGNALFD);
  made = event_base_new_with_config(config);
  CHECK_STR_EQ(event_base_get_signal_method(made), "signalfd_signal");
  event_base_free(made);
  event_config_free(config);
}

static int run(int argc, char **argv) {
  RUN_TESTS(evwatch_prepare_and_check_callbacks_run_around_the_wait,
            evwatch_base_returns_the_base_of_the_watcher,
            evwatch_may_be_freed_in_its_callback_and_is_freed_with_the_base,
            evwatch_prepare_get_timeout_returns_the_length_of_the_next_wait,
            event_base_get_signal_method_returns_its_name);
}

int main(int argc, char **argv) {
  int failed;
  base = event_base_new();
  if (!base) return 1;
  failed = run(argc, argv);
  event_base_free(base);
  return failed;
}

/* Forked processes as a C program sees them: event_reinit() after every descriptor was closed, and signal
 * events that survive daemon(), with and without event_reinit(). */
#include <event2/event.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/check.h"
#include "api/child.h"
#include "api/events.h"

#ifndef EVENT_BASE_FLAG_USE_SIGNALFD
#define EVENT_BASE_FLAG_USE_SIGNALFD 0 /* libevent 2.1 */
#endif

static const int signal_flags[] = {0, EVENT_BASE_FLAG_USE_SIGNALFD};

static struct event_base *base_with(int flags) {
  struct event_config *config = event_config_new();
  struct event_base *made;
  event_config_set_flag(config, flags);
  made = event_base_new_with_config(config);
  event_config_free(config);
  return made;
}

static void count_and_break(evutil_socket_t fd, short what, void *arg) {
  note(fd, what, arg);
  event_base_loopbreak(base);
}

static void send_to_self(evutil_socket_t fd, short what, void *arg) {
  (void)fd, (void)what, (void)arg;
  kill(getpid(), SIGTERM);
}

static void close_all(void) {
  int fd;
  for (fd = 3; fd < 256; ++fd) close(fd);
}

/* The base has a signal event for SIGTERM, which `seen` notes and which breaks the loop. */
static void base_serves(struct seen *seen) {
  struct seen read_seen = {0}, timer_seen = {0};
  struct timeval soon = after_ms(1);
  struct event *reader;
  int before = seen->calls;
  CHECK_INT_EQ(open_pair(), 0);
  reader = event_new(base, pair[0], EV_READ, note, &read_seen);
  CHECK_INT_EQ(event_add(reader, NULL), 0);
  CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note, &timer_seen, &soon), 0);
  CHECK_INT_EQ(write(pair[1], "x", 1), 1);
  while (!read_seen.calls || !timer_seen.calls) CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, send_to_self, NULL, &soon), 0);
  CHECK_INT_EQ(event_base_dispatch(base), 0);
  CHECK_INT_EQ(seen->calls, before + 1);
  event_free(reader);
  close_pair();
}

static struct seen seen_signal;
static int reinit_first;

static void run_in_the_child(void) {
  if (reinit_first) CHECK_INT_EQ(event_reinit(base), 0);
  base_serves(&seen_signal);
}

static void close_and_run(void) {
  close_all();
  run_in_the_child();
}

/* Each test runs in a process of its own, whose descriptors and signals it may change. */
static void make_base(int flags) {
  memset(&seen_signal, 0, sizeof(seen_signal));
  base = base_with(flags);
  CHECK(base != NULL);
  CHECK_INT_EQ(event_add(evsignal_new(base, SIGTERM, count_and_break, &seen_signal), NULL), 0);
}

/* The parent's base works beside a child's, and the child's signals are not its own. */
static void serves_beside(void (*child)(void)) {
  size_t i;
  for (i = 0; i < 2; ++i) {
    make_base(signal_flags[i]);
    CHECK_INT_EQ(in_child(child), 0);
    event_base_loop(base, EVLOOP_NONBLOCK);
    CHECK_INT_EQ(seen_signal.calls, 0);
    base_serves(&seen_signal);
    CHECK_INT_EQ(seen_signal.calls, 1);
    event_base_free(base);
  }
}

static void closed_everything(void) {
  reinit_first = 1;
  serves_beside(close_and_run);
}

static void closed_everything_with_locks(void) {
#ifndef EVENT__DISABLE_THREAD_SUPPORT
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
#endif
  closed_everything();
}

TEST(reinit_works_after_every_descriptor_was_closed) {
  CHECK_INT_EQ(in_child(closed_everything), 0);
  CHECK_INT_EQ(in_child(closed_everything_with_locks), 0);
}

static void free_among_new_descriptors(void) {
  struct event_base *fresh;
  int i, files[16];
  close_all();
  fresh = event_base_new();
  CHECK(fresh != NULL);
  for (i = 0; i < 16; ++i) files[i] = open("/dev/null", O_RDONLY);
  event_base_free(base);
  for (i = 0; i < 16; ++i) CHECK_INT_NE(fcntl(files[i], F_GETFD), -1);
  base = fresh;
  CHECK_INT_EQ(event_add(evsignal_new(base, SIGTERM, count_and_break, &seen_signal), NULL), 0);
  base_serves(&seen_signal);
  event_base_free(base);
}

static void free_after_closing(void) {
  make_base(0);
  CHECK_INT_EQ(in_child(free_among_new_descriptors), 0);
}

TEST(freeing_a_base_leaves_reused_fds_alone) {
  if (ours()) CHECK_INT_EQ(in_child(free_after_closing), 0);
}

/* As daemon() does it: the process forks, and the parent exits. The status comes through a pipe. */
static void go_into_the_background(void) {
  int report[2];
  char good = 0;
  CHECK_INT_EQ(pipe(report), 0);
  if (fork() == 0) {
    make_base(reinit_first & 2 ? EVENT_BASE_FLAG_USE_SIGNALFD : 0);
    if (fork() != 0) _exit(0);
    alarm(30);
    reinit_first &= 1;
    run_in_the_child();
    good = !CHECK_FAILED();
    _exit(write(report[1], &good, 1) != 1);
  }
  close(report[1]);
  CHECK_INT_EQ(read(report[0], &good, 1), 1);
  CHECK_INT_EQ(good, 1);
}

TEST(signal_events_survive_daemon) {
  for (reinit_first = 0; reinit_first < 4; ++reinit_first) {
    if (!ours() && reinit_first == 2) continue; /* its signalfd stays bound to the parent */
    CHECK_INT_EQ(in_child(go_into_the_background), 0);
  }
}

static void run_twice(void) {
  run_in_the_child();
  if (!CHECK_FAILED()) run_in_the_child();
}

static void both_live_on(void) {
  reinit_first = 0;
  serves_beside(run_twice);
}

TEST(parent_and_child_receive_their_own_signals) {
  if (ours()) CHECK_INT_EQ(in_child(both_live_on), 0);
}

/* Hosts that run threads on small stacks require it of every handler. */
static void look_at_the_handler(void) {
  struct sigaction action;
  make_base(0);
  CHECK_INT_EQ(sigaction(SIGTERM, NULL, &action), 0);
  CHECK(action.sa_flags & SA_ONSTACK);
  CHECK(action.sa_flags & SA_RESTART);
}

TEST(signal_handlers_run_on_the_alternate_stack) {
  if (ours()) CHECK_INT_EQ(in_child(look_at_the_handler), 0);
}

int main(int argc, char **argv) {
  RUN_TESTS(reinit_works_after_every_descriptor_was_closed, freeing_a_base_leaves_reused_fds_alone,
            signal_events_survive_daemon, parent_and_child_receive_their_own_signals,
            signal_handlers_run_on_the_alternate_stack);
}

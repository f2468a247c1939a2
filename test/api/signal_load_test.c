/* Many signals: two bases on two threads, each signal counted by each base that watches it, none lost and
 * none duplicated; also in a child process and beside one.
 *
 * A standard signal that is pending already merges with the next of its kind. raise() returns only after the
 * handler has run in the calling thread, so nothing merges there and the counts must be exact; kill() may
 * merge, so there each signal is waited for at each base before the next. */
#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/check.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { kRaised = 10000, kHandshakes = 1000, kMinutes = 2 };
#else
enum { kRaised = 100000, kHandshakes = 20000, kMinutes = 1 };
#endif
enum { kLoops = 2, kKinds = 3, kMostAtOnce = 20000 };

/* The last one marks that all raised before it were reported: a base reports signals in the order of their
 * numbers, and it is the highest. It is ignored where no base watches it. */
static const int kinds[kKinds] = {SIGUSR1, SIGUSR2, SIGWINCH};
enum { kFence = 2 };

struct loop {
  struct event_base *base;
  struct event *events[kKinds];
  pthread_t thread;
  atomic_long calls[kKinds];
  sem_t reported; /* once a call while handshakes are wanted, and once a fence */
};

static struct loop loops[kLoops];
static atomic_int handshakes;

static void on_signal(evutil_socket_t number, short what, void *arg) {
  struct loop *loop = arg;
  int kind = 0;
  if (what != EV_SIGNAL) return; /* and is missed in the sums */
  while (kinds[kind] != (int)number) ++kind;
  atomic_fetch_add(&loop->calls[kind], 1);
  if (kind == kFence || atomic_load(&handshakes)) sem_post(&loop->reported);
}

static void await(sem_t *reported) {
  while (sem_wait(reported) != 0 && errno == EINTR) {
  }
}

/* The first base watches all of them, the second all but SIGUSR2. */
static int asks(int loop, int kind) { return loop == 0 || kind != 1; }

static void make_loop(int number) {
  struct loop *loop = &loops[number];
  int kind;
  sem_init(&loop->reported, 0, 0);
  loop->base = event_base_new();
  CHECK(loop->base != NULL);
  for (kind = 0; kind < kKinds; ++kind) {
    atomic_store(&loop->calls[kind], 0);
    loop->events[kind] = NULL;
    if (!asks(number, kind)) continue;
    loop->events[kind] = evsignal_new(loop->base, kinds[kind], on_signal, loop);
    CHECK_INT_EQ(event_add(loop->events[kind], NULL), 0);
  }
}

static void *run_loop(void *arg) {
  sigset_t all;
  struct loop *loop = arg;
  /* Signals of the process go to the threads that send, where they interrupt the most. */
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  event_base_dispatch(loop->base);
  return NULL;
}

static void make_loops(void) {
  int i;
  for (i = 0; i < kLoops; ++i) {
    make_loop(i);
    if (CHECK_FAILED()) return;
  }
}

static void start_loops(void) {
  int i;
  for (i = 0; i < kLoops; ++i) CHECK_INT_EQ(pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]), 0);
}

/* Returns when both bases have reported the signals raised before. */
static void fence(void) {
  int i;
  raise(kinds[kFence]);
  for (i = 0; i < kLoops; ++i) await(&loops[i].reported);
}

static void end_loops(void) {
  int i, kind;
  for (i = 0; i < kLoops; ++i) {
    event_base_loopbreak(loops[i].base);
    pthread_join(loops[i].thread, NULL);
    for (kind = 0; kind < kKinds; ++kind) {
      if (loops[i].events[kind]) event_free(loops[i].events[kind]);
    }
    event_base_free(loops[i].base);
    sem_destroy(&loops[i].reported);
  }
}

static void check_counts(const long raised[kKinds]) {
  int i, kind;
  for (i = 0; i < kLoops; ++i) {
    for (kind = 0; kind < kKinds; ++kind) {
      CHECK_INT_EQ(atomic_load(&loops[i].calls[kind]), asks(i, kind) ? raised[kind] : 0);
    }
  }
}

/* Raises one kind of signal, so many times. */
struct sender {
  pthread_t thread;
  int kind;
  long count;
};
static void *raise_many(void *arg) {
  const struct sender *sender = arg;
  long i;
  for (i = 0; i < sender->count; ++i) raise(kinds[sender->kind]);
  return NULL;
}

/* Half of the signals come from a thread of their own, beside the other half. An event is called for at most
 * SHRT_MAX signals that came before the loop looked, so a slow loop is waited for now and then. */
static void raise_from_two_threads(long count) {
  struct sender senders[2] = {{0, 0, 0}, {0, 1, 0}};
  const long turns = (count + kMostAtOnce - 1) / kMostAtOnce;
  const long raised[kKinds] = {count / 2, count / 2, turns};
  long turn;
  senders[0].count = senders[1].count = count / 2 / turns;
  for (turn = 0; turn < turns; ++turn) {
    CHECK_INT_EQ(pthread_create(&senders[0].thread, NULL, raise_many, &senders[0]), 0);
    raise_many(&senders[1]);
    pthread_join(senders[0].thread, NULL);
    fence();
  }
  check_counts(raised);
}

TEST(each_of_100000_signals_is_reported_by_every_base_watching_it) {
  make_loops();
  start_loops();
  if (CHECK_FAILED()) return;
  raise_from_two_threads(kRaised);
  end_loops();
}

/* Each wakes both loops from their sleep, or reaches one that is about to sleep. */
TEST(a_single_signal_wakes_every_base_watching_it) {
  long raised[kKinds] = {0, 0, 1};
  int i, n;
  make_loops();
  start_loops();
  if (CHECK_FAILED()) return;
  atomic_store(&handshakes, 1);
  for (n = 0; n < kHandshakes; ++n) {
    const int kind = n % 4 == 3;
    kill(getpid(), kinds[kind]);
    ++raised[kind];
    for (i = 0; i < kLoops; ++i) {
      if (asks(i, kind)) await(&loops[i].reported);
    }
  }
  atomic_store(&handshakes, 0);
  fence();
  check_counts(raised);
  end_loops();
}

/* The child's bases count the child's signals, the parent's its own, while both are busy. */
static void raise_after_fork(void) {
  int i;
  alarm(60 * kMinutes);
  for (i = 0; i < kLoops; ++i) CHECK_INT_EQ(event_reinit(loops[i].base), 0);
  start_loops();
  if (CHECK_FAILED()) return;
  raise_from_two_threads(kRaised / 10);
  end_loops();
}
static void await_child(pid_t child) {
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
TEST(parent_and_child_each_receive_their_own_signals) {
  pid_t child;
  make_loops();
  if (CHECK_FAILED()) return;
  fflush(stdout);
  child = fork();
  if (child == 0) {
    raise_after_fork();
    fflush(stdout);
    _exit(CHECK_FAILED());
  }
  start_loops();
  if (CHECK_FAILED()) return;
  raise_from_two_threads(kRaised);
  end_loops();
  await_child(child);
}

/* Children that never call event_reinit(): signals sent to them neither kill them nor reach the parent. */
TEST(signals_in_children_do_not_reach_the_parent) {
  const long raised[kKinds] = {kRaised / 10, 0, 1};
  struct sender here = {0, 0, kRaised / 100};
  int n;
  make_loops();
  start_loops();
  if (CHECK_FAILED()) return;
  for (n = 0; n < 10; ++n) {
    const pid_t child = fork();
    if (child == 0) {
      raise_many(&here);
      _exit(0);
    }
    raise_many(&here);
    await_child(child);
    if (CHECK_FAILED()) return;
  }
  fence();
  check_counts(raised);
  end_loops();
}

int main(int argc, char **argv) {
  alarm(60 * kMinutes); /* a signal that is lost would be waited for */
  if (evthread_use_pthreads() != 0) return 1;
  RUN_TESTS(each_of_100000_signals_is_reported_by_every_base_watching_it,
            a_single_signal_wakes_every_base_watching_it, parent_and_child_each_receive_their_own_signals,
            signals_in_children_do_not_reach_the_parent);
}

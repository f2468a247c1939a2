/* Mistakes that an event loop must not make: one test for each line of the table in docs/requirements.md, by
 * its number. All of them run with locks, as most applications do. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/watch.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "api/child.h"
#include "api/events.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { kRounds = 200 };
#else
enum { kRounds = 1000 };
#endif

/* --- loops in threads of their own --- */

struct loop {
  struct event_base *base;
  pthread_t thread;
  int result;
};
static void *run_loop(void *arg) {
  struct loop *loop = arg;
  loop->result = event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
  return NULL;
}
static void set_flag(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  atomic_store((atomic_int *)arg, 1);
}
static void until(atomic_int *flag) {
  while (!atomic_load(flag)) sched_yield();
}
/* Returns when a callback has run: an end that is asked for from now on is not forgotten by a loop that has
 * yet to begin. */
static void until_it_runs(struct loop *loop) {
  atomic_int ran = 0;
  event_base_once(loop->base, -1, EV_TIMEOUT, set_flag, &ran, NULL);
  until(&ran);
}
static void start(struct loop *loop) {
  loop->base = event_base_new();
  CHECK(loop->base != NULL);
  CHECK_INT_EQ(pthread_create(&loop->thread, NULL, run_loop, loop), 0);
  until_it_runs(loop);
}
static void end(struct loop *loop) {
  event_base_loopbreak(loop->base);
  pthread_join(loop->thread, NULL);
  event_base_free(loop->base);
}

static long long now_us(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* --- 1, 6 and behaviour 15: callbacks that run while another thread deletes --- */

/* A callback that stays until it may leave. */
struct gate {
  atomic_int entered, may_leave, calls, left, finalized, finalized_too_early;
};
static void pass(evutil_socket_t fd, short what, void *arg) {
  struct gate *gate = arg;
  (void)fd;
  (void)what;
  atomic_fetch_add(&gate->calls, 1);
  atomic_store(&gate->entered, 1);
  until(&gate->may_leave);
  atomic_fetch_add(&gate->left, 1);
}
static void *open_gate(void *arg) {
  atomic_store(&((struct gate *)arg)->may_leave, 1);
  return NULL;
}

static void delete_while_it_runs(struct loop *loop, int fd, short what, int (*remove)(struct event *)) {
  struct gate gate = {0};
  struct event *ev = event_new(loop->base, fd, what, pass, &gate);
  struct timeval soon = after_ms(1);
  pthread_t opener;
  int calls;
  CHECK_INT_EQ(event_add(ev, fd < 0 ? &soon : NULL), 0);
  if (what & EV_SIGNAL) raise(fd);
  until(&gate.entered);
  pthread_create(&opener, NULL, open_gate, &gate);
  CHECK_INT_EQ(remove(ev), 0);
  calls = atomic_load(&gate.calls);
  CHECK_INT_EQ(atomic_load(&gate.left), calls);
  pthread_join(opener, NULL);
  until_it_runs(loop);
  CHECK_INT_EQ(atomic_load(&gate.calls), calls); /* and does not start again */
  if (remove == event_del) event_free(ev);
}
static int free_it(struct event *ev) {
  event_free(ev);
  return 0;
}

TEST(must_not_01_deletion_returns_while_the_callback_runs) {
  struct loop loop;
  int i;
  start(&loop);
  CHECK_INT_EQ(open_pair(), 0);
  for (i = 0; i < 2 && !CHECK_FAILED(); ++i) {
    int (*remove)(struct event *) = i ? free_it : event_del;
    delete_while_it_runs(&loop, pair[0], EV_WRITE | EV_PERSIST, remove);
    delete_while_it_runs(&loop, -1, EV_PERSIST, remove);
    delete_while_it_runs(&loop, SIGUSR1, EV_SIGNAL | EV_PERSIST, remove);
    delete_while_it_runs(&loop, -1, 0, remove);
  }
  end(&loop);
  close_pair();
}

struct mortal {
  atomic_int alive, late_calls;
};
static void must_be_alive(evutil_socket_t fd, short what, void *arg) {
  struct mortal *mortal = arg;
  (void)fd;
  (void)what;
  if (!atomic_load(&mortal->alive)) atomic_store(&mortal->late_calls, 1);
}
TEST(must_not_01_a_freed_event_still_starts) {
  struct loop loop;
  struct mortal mortal = {1, 0};
  int round;
  start(&loop);
  for (round = 0; round < kRounds; ++round) {
    struct event *ev = event_new(loop.base, -1, EV_PERSIST, must_be_alive, &mortal);
    event_active(ev, EV_READ, 0);
    if (round % 2) sched_yield();
    event_free(ev);
    atomic_store(&mortal.alive, 0);
    if (round % 4 == 0) until_it_runs(&loop);
    atomic_store(&mortal.alive, 1);
  }
  end(&loop);
  CHECK_INT_EQ(atomic_load(&mortal.late_calls), 0);
}

TEST(behaviour_15_event_del_waits_for_the_callback) {
  struct loop loop;
  start(&loop);
  delete_while_it_runs(&loop, -1, EV_PERSIST, event_del);
  end(&loop);
}

static void finalize_gate(struct event *ev, void *arg) {
  struct gate *gate = arg;
  (void)ev;
  if (atomic_load(&gate->calls) && !atomic_load(&gate->left)) atomic_store(&gate->finalized_too_early, 1);
  atomic_fetch_add(&gate->finalized, 1);
}
TEST(must_not_06_a_finalizer_takes_a_running_callbacks_place) {
  static struct gate gates[kRounds];
  struct gate gate = {0};
  struct loop loop;
  struct event *ev;
  int round;
  start(&loop);
  ev = event_new(loop.base, -1, EV_FINALIZE, pass, &gate);
  event_active(ev, EV_READ, 0);
  until(&gate.entered);
  CHECK_INT_EQ(event_free_finalize(0, ev, finalize_gate), 0); /* does not wait */
  CHECK_INT_EQ(atomic_load(&gate.finalized), 0);
  atomic_store(&gate.may_leave, 1);
  until(&gate.finalized);
  CHECK_INT_EQ(atomic_load(&gate.finalized_too_early), 0);
  /* And wherever between activation and return it comes: one finalizer each, at most one call before it. */
  for (round = 0; round < kRounds; ++round) {
    atomic_store(&gates[round].may_leave, 1);
    ev = event_new(loop.base, -1, EV_FINALIZE, pass, &gates[round]);
    event_active(ev, EV_READ, 0);
    if (round % 3) sched_yield();
    event_free_finalize(0, ev, finalize_gate);
  }
  until_it_runs(&loop);
  end(&loop);
  for (round = 0; round < kRounds; ++round) {
    CHECK_INT_EQ(atomic_load(&gates[round].finalized), 1);
    CHECK_INT_LE(atomic_load(&gates[round].calls), 1);
    CHECK_INT_EQ(atomic_load(&gates[round].finalized_too_early), 0);
  }
}

/* --- 2, 3: bufferevents on loops --- */

static void drain_input(struct bufferevent *bev, void *arg) {
  struct evbuffer *input = bufferevent_get_input(bev);
  evbuffer_drain(input, evbuffer_get_length(input));
  (void)arg;
}
static void fill_output(struct bufferevent *bev, void *arg) {
  static const char data[4096];
  bufferevent_write(bev, data, sizeof(data));
  (void)arg;
}

TEST(must_not_02_freeing_a_bufferevent_deadlocks_with_its_callback) {
  struct loop loop;
  int round;
  start(&loop);
  for (round = 0; round < kRounds / 4; ++round) {
    struct bufferevent *bev;
    CHECK_INT_EQ(open_pair(), 0);
    CHECK_INT_EQ(write(pair[1], "some data", 9), 9);
    bev = bufferevent_socket_new(loop.base, pair[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
    bufferevent_setcb(bev, drain_input, fill_output, NULL, NULL);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    bufferevent_write(bev, "x", 1);
    if (round % 2) sched_yield();
    CHECK_INT_EQ(bufferevent_disable(bev, EV_READ | EV_WRITE), 0);
    bufferevent_enable(bev, EV_READ);
    if (round % 3) sched_yield();
    bufferevent_free(bev);
    close(pair[1]);
  }
  until_it_runs(&loop);
  end(&loop);
}

struct side {
  struct loop loop;
  struct bufferevent *bev, *other;
  int peer;
  atomic_int calls;
};
static void write_to_the_other(struct bufferevent *bev, void *arg) {
  struct side *side = arg;
  drain_input(bev, NULL);
  bufferevent_write(side->other, "crossing", 8);
  atomic_fetch_add(&side->calls, 1);
}
TEST(must_not_03_two_bufferevents_lock_each_other_out) {
  struct side sides[2] = {0};
  int i, round;
  char text[64];
  for (i = 0; i < 2; ++i) {
    start(&sides[i].loop);
    CHECK_INT_EQ(open_pair(), 0);
    sides[i].peer = pair[1];
    sides[i].bev =
        bufferevent_socket_new(sides[i].loop.base, pair[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
    bufferevent_setcb(sides[i].bev, write_to_the_other, NULL, NULL, &sides[i]);
  }
  for (i = 0; i < 2; ++i) sides[i].other = sides[!i].bev;
  for (i = 0; i < 2; ++i) bufferevent_enable(sides[i].bev, EV_READ | EV_WRITE);
  for (round = 0; round < kRounds; ++round) {
    for (i = 0; i < 2; ++i) {
      write(sides[i].peer, "x", 1);
      while (read(sides[i].peer, text, sizeof(text)) > 0) {
      }
    }
  }
  for (i = 0; i < 2; ++i) until(&sides[i].calls);
  for (i = 0; i < 2; ++i) bufferevent_disable(sides[i].bev, EV_READ | EV_WRITE);
  for (i = 0; i < 2; ++i) until_it_runs(&sides[i].loop);
  for (i = 0; i < 2; ++i) bufferevent_free(sides[i].bev);
  for (i = 0; i < 2; ++i) {
    end(&sides[i].loop);
    close(sides[i].peer);
  }
}

/* --- 4, 5: life time --- */

static void free_running_event(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  ++*(int *)arg;
  event_free(event_base_get_running_event(base));
}
static void free_bufferevent(struct bufferevent *bev, void *arg) {
  ++*(int *)arg;
  bufferevent_free(bev);
}
static void free_listener(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                          int length, void *arg) {
  (void)peer;
  (void)length;
  close(fd);
  ++*(int *)arg;
  evconnlistener_free(listener);
}
static struct sockaddr_in loopback(void) {
  struct sockaddr_in sin;
  memset(&sin, 0, sizeof(sin));
  sin.sin_family = AF_INET;
  sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sin;
}
static int connect_to(struct evconnlistener *listener) {
  struct sockaddr_in sin;
  socklen_t length = sizeof(sin);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&sin, &length);
  if (connect(fd, (struct sockaddr *)&sin, length) != 0) return -1;
  return fd;
}
static struct evconnlistener *listen_with(evconnlistener_cb callback, void *arg) {
  struct sockaddr_in sin = loopback();
  return evconnlistener_new_bind(base, callback, arg, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, 16,
                                 (struct sockaddr *)&sin, sizeof(sin));
}
TEST(must_not_04_an_object_freed_by_its_callback_is_used_later) {
  struct event *ev;
  struct bufferevent *bev;
  struct evconnlistener *listener;
  struct timeval soon = after_ms(1);
  int calls = 0, client;
  CHECK_INT_EQ(open_pair(), 0);
  ev = event_new(base, -1, EV_PERSIST, free_running_event, &calls);
  event_add(ev, &soon);
  ev = event_new(base, pair[0], EV_WRITE | EV_PERSIST, free_running_event, &calls);
  event_add(ev, NULL);
  ev = event_new(base, SIGUSR1, EV_SIGNAL | EV_PERSIST, free_running_event, &calls);
  event_add(ev, NULL);
  raise(SIGUSR1);
  raise(SIGUSR1);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(calls, 3);
  bev = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
  bufferevent_setcb(bev, free_bufferevent, NULL, NULL, &calls);
  bufferevent_enable(bev, EV_READ);
  write(pair[1], "x", 1);
  listener = listen_with(free_listener, &calls);
  client = connect_to(listener);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(calls, 5);
  close(client);
  close(pair[1]);
}

TEST(must_not_05_a_shared_lock_is_freed_before_its_last_buffer) {
  struct evbuffer *source = evbuffer_new(), *copies[2];
  char text[16];
  int i;
  evbuffer_enable_locking(source, NULL);
  evbuffer_add(source, "shared by all", 13);
  for (i = 0; i < 2; ++i) {
    copies[i] = evbuffer_new();
    evbuffer_enable_locking(copies[i], NULL);
    CHECK_INT_EQ(evbuffer_add_buffer_reference(copies[i], source), 0);
  }
  evbuffer_free(source);
  for (i = 0; i < 2; ++i) {
    CHECK_INT_EQ(evbuffer_remove(copies[i], text, sizeof(text)), 13);
    CHECK_MEM_EQ(text, "shared by all", 13);
    evbuffer_free(copies[i]);
  }
}

/* --- 7, 8, 9: the process --- */

static void *use_a_base_of_its_own(void *arg) {
  atomic_int *failures = arg;
  int round;
  for (round = 0; round < kRounds / 20; ++round) {
    struct event_base *own = event_base_new();
    struct timeval soon = after_ms(1);
    struct seen seen = {0, 0, 0};
    struct event *timer = event_new(own, -1, 0, note, &seen), *reader, *signal_event;
    unsigned char random[8];
    evutil_socket_t fds[2];
    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) atomic_fetch_add(failures, 1);
    reader = event_new(own, fds[0], EV_READ, note, &seen);
    signal_event = evsignal_new(own, SIGUSR2, note, &seen);
    event_add(timer, event_base_init_common_timeout(own, &soon));
    event_add(reader, NULL);
    evsignal_add(signal_event, NULL);
    evutil_secure_rng_get_bytes(random, sizeof(random));
    write(fds[1], random, 1);
    while (seen.calls < 2 && event_base_loop(own, EVLOOP_ONCE) == 0) {
    }
    if (seen.calls != 2 || seen.what != (EV_READ | EV_TIMEOUT)) atomic_fetch_add(failures, 1);
    event_free(timer);
    event_free(reader);
    event_free(signal_event);
    event_base_free(own);
    close(fds[0]);
    close(fds[1]);
  }
  return NULL;
}
TEST(must_not_07_bases_in_several_threads_share_state) {
  pthread_t threads[4];
  atomic_int failures = 0;
  int i;
  for (i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, use_a_base_of_its_own, &failures);
  for (i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  CHECK_INT_EQ(atomic_load(&failures), 0);
}

TEST(must_not_08_a_signal_belongs_to_the_last_base) {
  struct loop loop;
  struct event *here, *there;
  struct seen seen = {0, 0, 0};
  atomic_int reported = 0;
  start(&loop);
  here = evsignal_new(base, SIGUSR1, note, &seen);
  there = evsignal_new(loop.base, SIGUSR1, set_flag, &reported);
  evsignal_add(here, NULL);
  evsignal_add(there, NULL);
  raise(SIGUSR1);
  until(&reported);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 1);
  evsignal_del(there); /* the last base that asked goes, the first goes on */
  raise(SIGUSR1);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 2);
  event_free(here);
  event_free(there);
  end(&loop);
}

static volatile sig_atomic_t alarms;
static void count_alarm(int signal_number) {
  (void)signal_number;
  ++alarms;
}
TEST(must_not_08_a_signal_without_an_event_interrupts_the_wait) {
  struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
  struct seen seen = {0, 0, 0};
  struct event *timer = event_new(base, -1, 0, note, &seen);
  struct timeval tv = after_ms(40);
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = count_alarm; /* without SA_RESTART: waits end with EINTR */
  sigaction(SIGVTALRM, &action, NULL);
  sigaction(SIGALRM, &action, NULL);
  alarms = 0;
  setitimer(ITIMER_REAL, &often, NULL);
  event_add(timer, &tv);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  setitimer(ITIMER_REAL, &never, NULL);
  signal(SIGALRM, SIG_DFL);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_GT(alarms, 0);
  event_free(timer);
}

static struct event_base *forked;
static struct seen forked_reads, forked_signals;
static int random_pipe[2];
static void *wake_forked(void *arg) {
  event_active(arg, EV_TIMEOUT, 0);
  return NULL;
}
static void use_the_base_in_the_child(void) {
  unsigned char random[16];
  atomic_int woken = 0;
  struct event *waker;
  pthread_t other;
  CHECK_INT_EQ(event_reinit(forked), 0);
  raise(SIGUSR1);
  write(pair[1], "x", 1);
  while (forked_reads.calls + forked_signals.calls < 2) CHECK_INT_EQ(event_base_loop(forked, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(forked_signals.calls, 1);
  waker = event_new(forked, -1, 0, set_flag, &woken);
  pthread_create(&other, NULL, wake_forked, waker);
  while (!atomic_load(&woken)) CHECK_INT_EQ(event_base_loop(forked, EVLOOP_ONCE), 0);
  pthread_join(other, NULL);
  evutil_secure_rng_get_bytes(random, sizeof(random));
  CHECK_INT_EQ(write(random_pipe[1], random, sizeof(random)), sizeof(random));
}
TEST(must_not_09_parent_and_child_share_a_loop) {
  unsigned char mine[16], childs[16];
  struct event *reader, *signal_event;
  memset(&forked_reads, 0, sizeof(forked_reads));
  memset(&forked_signals, 0, sizeof(forked_signals));
  forked = event_base_new();
  CHECK_INT_EQ(open_pair(), 0);
  CHECK_INT_EQ(pipe(random_pipe), 0);
  reader = event_new(forked, pair[0], EV_READ | EV_PERSIST, note_and_drain, &forked_reads);
  signal_event = evsignal_new(forked, SIGUSR1, note, &forked_signals);
  event_add(reader, NULL);
  evsignal_add(signal_event, NULL);
  evutil_secure_rng_get_bytes(mine, sizeof(mine));
  CHECK_INT_EQ(in_child(use_the_base_in_the_child), 0);
  evutil_secure_rng_get_bytes(mine, sizeof(mine));
  CHECK_INT_EQ(read(random_pipe[0], childs, sizeof(childs)), sizeof(childs));
  CHECK(memcmp(mine, childs, sizeof(mine)) != 0);
  event_base_loop(forked, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(forked_reads.calls, 0);
  CHECK_INT_EQ(forked_signals.calls, 0);
  write(pair[1], "x", 1);
  raise(SIGUSR1);
  event_base_loop(forked, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(forked_reads.calls, 1);
  CHECK_INT_EQ(forked_signals.calls, 1);
  event_free(reader);
  event_free(signal_event);
  event_base_free(forked);
  close_pair();
  close(random_pipe[0]);
  close(random_pipe[1]);
}

/* --- 10, 11 --- */

TEST(must_not_10_a_loopexit_before_the_loop_is_lost) {
  struct event_base *b = event_base_new();
  struct seen seen = {0, 0, 0};
  struct event *ev = event_new(b, -1, EV_PERSIST, note, &seen);
  struct timeval soon = after_ms(1), late = after_ms(60000);
  event_add(ev, &late);
  CHECK_INT_EQ(event_base_loopexit(b, NULL), 0); /* lasts until a loop takes notice */
  CHECK_INT_EQ(event_base_dispatch(b), 0);
  CHECK(event_base_got_exit(b));
  CHECK_INT_EQ(event_base_loopexit(b, &soon), 0);
  CHECK_INT_EQ(event_base_dispatch(b), 0);
  CHECK_INT_EQ(seen.calls, 0);
  /* While a break is for the loop that runs, as it always was. */
  CHECK_INT_EQ(event_base_loopbreak(b), 0);
  event_add(ev, &soon);
  CHECK_INT_EQ(event_base_loop(b, EVLOOP_ONCE), 0);
  CHECK(!event_base_got_break(b));
  CHECK_INT_EQ(seen.calls, 1);
  event_free(ev);
  event_base_free(b);
}

static int connections;
static void accept_one(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int length,
                       void *arg) {
  (void)peer;
  (void)length;
  (void)arg;
  close(fd);
  ++connections;
  evconnlistener_disable(listener);
}
static void disable_it(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  evconnlistener_disable(arg);
}
TEST(must_not_11_a_disabled_listener_accepts) {
  struct evconnlistener *listener = listen_with(accept_one, NULL);
  struct event *first;
  int i, clients[4];
  connections = 0;
  for (i = 0; i < 3; ++i) clients[i] = connect_to(listener);
  for (i = 0; i < 3; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(connections, 1); /* disabled in its callback, with more in the queue */
  evconnlistener_enable(listener);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(connections, 2);
  /* Disabled by another callback of the same iteration. */
  event_base_priority_init(base, 2);
  evconnlistener_free(listener);
  listener = listen_with(accept_one, NULL);
  clients[3] = connect_to(listener);
  first = event_new(base, -1, 0, disable_it, listener);
  event_priority_set(first, 0);
  event_active(first, EV_READ, 0);
  for (i = 0; i < 3; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(connections, 2);
  event_free(first);
  evconnlistener_free(listener);
  for (i = 0; i < 4; ++i) close(clients[i]);
  event_base_priority_init(base, 1);
}

/* --- 12 to 15: descriptors --- */

static int has(int feature) { return (event_base_get_features(base) & feature) != 0; }
static void turn(void) { event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK); }

TEST(must_not_12_edges_end_with_one_of_several_events) {
  struct seen first = {0, 0, 0}, second = {0, 0, 0};
  struct event *one, *other;
  if (!has(EV_FEATURE_ET)) return;
  CHECK_INT_EQ(open_pair(), 0);
  one = event_new(base, pair[0], EV_READ | EV_ET | EV_PERSIST, note, &first);
  other = event_new(base, pair[0], EV_READ | EV_ET | EV_PERSIST, note, &second);
  event_add(one, NULL);
  event_add(other, NULL);
  event_del(one);
  write(pair[1], "x", 1);
  turn();
  turn();
  CHECK_INT_EQ(second.calls, 1);
  write(pair[1], "x", 1);
  turn();
  CHECK_INT_EQ(second.calls, 2);
  CHECK_INT_EQ(first.calls, 0);
  event_free(one);
  event_free(other);
  close_pair();
}

TEST(must_not_13_spurious_events_and_lost_hangups) {
  struct seen edge = {0, 0, 0}, closed = {0, 0, 0}, broken = {0, 0, 0}, ended = {0, 0, 0};
  struct event *ev;
  int ends[2];
  CHECK_INT_EQ(open_pair(), 0);
  if (has(EV_FEATURE_ET)) {
    ev = event_new(base, pair[0], EV_READ | EV_ET | EV_PERSIST, note, &edge);
    event_add(ev, NULL);
    turn();
    CHECK_INT_EQ(edge.calls, 0); /* nothing is there to be read, though it can be written */
    event_free(ev);
  }
  if (has(EV_FEATURE_EARLY_CLOSE)) {
    ev = event_new(base, pair[0], EV_CLOSED | EV_PERSIST, note, &closed);
    event_add(ev, NULL);
    write(pair[1], "x", 1);
    turn();
    CHECK_INT_EQ(closed.calls, 0); /* data is no end */
    close(pair[1]);
    turn();
    CHECK_INT_EQ(closed.what, EV_CLOSED);
    event_free(ev);
    close(pair[0]);
  } else {
    close_pair();
  }
  /* The ends of a pipe report only errors and hang-ups. */
  CHECK_INT_EQ(pipe(ends), 0);
  ev = event_new(base, ends[1], EV_WRITE, note, &broken);
  close(ends[0]);
  event_add(ev, NULL);
  turn();
  CHECK_INT_EQ(broken.what, EV_WRITE);
  event_free(ev);
  close(ends[1]);
  CHECK_INT_EQ(pipe(ends), 0);
  ev = event_new(base, ends[0], EV_READ, note, &ended);
  close(ends[1]);
  event_add(ev, NULL);
  turn();
  CHECK_INT_EQ(ended.what, EV_READ);
  event_free(ev);
  close(ends[0]);
}

static int waits;
static void count_wait(struct evwatch *watch, const struct evwatch_check_cb_info *info, void *arg) {
  (void)watch;
  (void)info;
  (void)arg;
  ++waits;
}
static int waits_within_ms(int ms) {
  struct evwatch *watch = evwatch_check_new(base, count_wait, NULL);
  struct timeval tv = after_ms(ms);
  waits = 0;
  event_base_loopexit(base, &tv);
  event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
  evwatch_free(watch);
  return waits;
}

/* An fd that no other open() returns meanwhile. */
enum { kFixedFd = 200 };
static int open_fixed_fd(void) {
  if (open_pair() != 0 || dup2(pair[0], kFixedFd) != kFixedFd) return -1;
  return close(pair[0]);
}

TEST(must_not_14_a_closed_fd_spins_or_reports_for_another) {
  int i;
  for (i = 0; i < 2; ++i) {
    struct seen old_seen = {0, 0, 0}, new_seen = {0, 0, 0};
    struct event *ev;
    int old_peer, duplicate;
    CHECK_INT_EQ(open_fixed_fd(), 0);
    old_peer = pair[1];
    duplicate = dup(kFixedFd);
    ev = event_new(base, kFixedFd, EV_READ | EV_PERSIST, note, &old_seen);
    event_add(ev, NULL);
    /* Deleted in time, and then too late. */
    if (i == 0) event_free(ev);
    close(kFixedFd);
    if (i == 1) event_free(ev);
    write(old_peer, "x", 1); /* the file lives on and is readable */
    CHECK_INT_LT(waits_within_ms(20), 10);
    CHECK_INT_EQ(open_fixed_fd(), 0);
    ev = event_new(base, kFixedFd, EV_READ | EV_PERSIST, note_and_drain, &new_seen);
    CHECK_INT_EQ(event_add(ev, NULL), 0);
    CHECK_INT_LT(waits_within_ms(20), 10);
    CHECK_INT_EQ(new_seen.calls, 0);
    write(pair[1], "x", 1);
    turn();
    CHECK_INT_EQ(new_seen.calls, 1);
    CHECK_INT_EQ(old_seen.calls, 0);
    event_free(ev);
    close(kFixedFd);
    close(duplicate);
    close(old_peer);
    close(pair[1]);
  }
}

/* Counts reports to an edge-triggered event while a file that is no longer watched stays open. */
static int edges_with(int flag) {
  struct event_config *config = event_config_new();
  struct event_base *b;
  struct seen edges = {0, 0, 0}, others = {0, 0, 0};
  struct event *edge, *other;
  int far[2], duplicate, i;
  event_config_set_flag(config, flag);
  b = event_base_new_with_config(config);
  event_config_free(config);
  if (open_pair() != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, far) != 0) return -1;
  edge = event_new(b, pair[0], EV_READ | EV_ET | EV_PERSIST, note, &edges);
  event_add(edge, NULL);
  write(pair[1], "x", 1);
  event_base_loop(b, EVLOOP_ONCE | EVLOOP_NONBLOCK);
  other = event_new(b, far[0], EV_READ | EV_PERSIST, note, &others);
  event_add(other, NULL);
  duplicate = dup(far[0]);
  event_free(other);
  close(far[0]);
  write(far[1], "x", 1);
  for (i = 0; i < 10; ++i) event_base_loop(b, EVLOOP_ONCE | EVLOOP_NONBLOCK);
  event_free(edge);
  event_base_free(b);
  close_pair();
  close(far[1]);
  close(duplicate);
  return edges.calls + 100 * others.calls;
}
TEST(must_not_15_the_changelist_changes_results) {
  if (!has(EV_FEATURE_ET)) return;
  CHECK_INT_EQ(edges_with(0), 1);
  CHECK_INT_EQ(edges_with(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST), 1);
}

/* --- 16, 17, 18, 20: timers --- */

TEST(must_not_16_a_timer_is_early_or_late_by_a_clock_tick) {
  struct seen seen = {0, 0, 0};
  struct event *timer = event_new(base, -1, 0, note, &seen);
  struct evwatch *watch = evwatch_check_new(base, count_wait, NULL);
  long long least_late = LLONG_MAX;
  int i, least_waits = INT_MAX;
  for (i = 0; i < 25; ++i) {
    struct timeval tv = {0, 1000 + 137 * i};
    const long long start_us = now_us();
    long long late;
    waits = 0;
    event_add(timer, &tv);
    CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
    late = now_us() - start_us - (long long)tv.tv_usec;
    CHECK_INT_GE(late, 0); /* never */
    if (late < least_late) least_late = late;
    if (waits < least_waits) least_waits = waits;
  }
  CHECK_INT_EQ(seen.calls, 25);
  /* The machine may be slow at times, but not the loop each time. */
  CHECK_INT_LT(least_late, 2000);
  CHECK_INT_EQ(least_waits, 1);
  event_free(timer);
  evwatch_free(watch);
}

TEST(must_not_17_pending_returns_more_time_than_was_set) {
  struct event *timer = event_new(base, -1, 0, note, NULL);
  int i;
  for (i = 0; i < 2000; ++i) {
    struct timeval tv = {i % 3, (i * 7919) % 1000000}, due, now, left;
    event_add(timer, &tv);
    if (!event_pending(timer, EV_TIMEOUT, &due)) continue;
    evutil_gettimeofday(&now, NULL);
    evutil_timersub(&due, &now, &left);
    CHECK(!evutil_timercmp(&left, &tv, >));
    event_del(timer);
  }
  event_free(timer);
}

/* Memory that knows its size. */
static size_t live_bytes, most_bytes;
static void *sized_malloc(size_t size) {
  size_t *memory = malloc(size + 16);
  if (!memory) return NULL;
  *memory = size;
  live_bytes += size;
  if (live_bytes > most_bytes) most_bytes = live_bytes;
  return memory + 2;
}
static void sized_free(void *memory) {
  if (!memory) return;
  live_bytes -= ((size_t *)memory)[-2];
  free((size_t *)memory - 2);
}
static void *sized_realloc(void *old, size_t size) {
  void *memory = sized_malloc(size);
  const size_t before = old ? ((size_t *)old)[-2] : 0;
  if (memory && old) memcpy(memory, old, before < size ? before : size);
  if (memory) sized_free(old);
  return memory;
}
enum { kBurst = 20000 };
static struct event burst[kBurst];
static void add_many_timers(void) {
  struct timeval late = after_ms(100000);
  struct event_base *b;
  size_t idle;
  int i;
  event_set_mem_functions(sized_malloc, sized_realloc, sized_free);
  b = event_base_new();
  idle = live_bytes;
  for (i = 0; i < kBurst; ++i) {
    event_assign(&burst[i], b, -1, 0, note, NULL);
    CHECK_INT_EQ(event_add(&burst[i], &late), 0);
  }
  CHECK_INT_GT(most_bytes, idle + kBurst * sizeof(void *));
  for (i = 0; i < kBurst; ++i) event_del(&burst[i]);
  CHECK_INT_LT(live_bytes, idle + 4096);
  event_base_free(b);
}
/* In a process that has not used the library yet. */
TEST(must_not_18_memory_of_a_burst_of_timers_is_kept) { CHECK_INT_EQ(in_child(add_many_timers), 0); }

static int errors;
static void on_accept_error(struct evconnlistener *listener, void *arg) {
  (void)listener;
  (void)arg;
  ++errors;
}
TEST(must_not_19_accept_without_descriptors_spins) {
  struct evconnlistener *listener = listen_with(accept_one, NULL);
  struct rlimit old, low;
  struct timeval limit = after_ms(5000);
  struct event *give_up = event_new(base, -1, 0, note, NULL);
  int client = connect_to(listener), turns;
  connections = errors = 0;
  evconnlistener_set_error_cb(listener, on_accept_error);
  getrlimit(RLIMIT_NOFILE, &old);
  low = old;
  low.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &low);
  turns = waits_within_ms(50);
  setrlimit(RLIMIT_NOFILE, &old);
  CHECK_INT_GE(errors, 1);
  CHECK_INT_LE(errors, 5);
  CHECK_INT_LT(turns, 15);
  event_add(give_up, &limit);
  while (!connections && event_pending(give_up, EV_TIMEOUT, NULL)) event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(connections, 1);
  event_free(give_up);
  close(client);
  evconnlistener_free(listener);
}

static int busy_calls, calls_when_others_had_run, others_to_run;
static void busy(evutil_socket_t fd, short what, void *arg) {
  struct event *self = event_base_get_running_event(base);
  (void)fd;
  (void)what;
  (void)arg;
  if (++busy_calls >= 100000 || !others_to_run) return;
  event_active(self, EV_READ, 0);
}
static void other_ran(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  if (--others_to_run == 0) calls_when_others_had_run = busy_calls;
}
TEST(must_not_20_a_busy_event_starves_others) {
  struct event *self = event_new(base, -1, EV_PERSIST, busy, NULL), *writer, *reader, *timer;
  struct timeval now = {0, 0};
  CHECK_INT_EQ(open_pair(), 0);
  write(pair[1], "x", 1);
  writer = event_new(base, pair[0], EV_WRITE, other_ran, NULL);
  reader = event_new(base, pair[0], EV_READ, other_ran, NULL);
  timer = event_new(base, -1, 0, other_ran, NULL);
  others_to_run = 3;
  busy_calls = 0;
  event_active(self, EV_READ, 0);
  event_add(writer, NULL);
  event_add(reader, NULL);
  event_add(timer, &now);
  while (others_to_run && busy_calls < 100000) event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(others_to_run, 0);
  CHECK_INT_LE(calls_when_others_had_run, 20);
  event_free(self);
  event_free(writer);
  event_free(reader);
  event_free(timer);
  close_pair();
}

/* --- the rest of behaviour 18 --- */

static int ignore_lock(unsigned mode, void *lock) {
  (void)mode;
  (void)lock;
  return 0;
}
static void *any_lock(unsigned type) {
  (void)type;
  return malloc(1);
}
static void free_any_lock(void *lock, unsigned type) {
  (void)type;
  free(lock);
}
static void ignore_log(int severity, const char *message) {
  (void)severity;
  (void)message;
}
static void set_locks_again(void) {
  struct evthread_lock_callbacks locks = {EVTHREAD_LOCK_API_VERSION,
                                          EVTHREAD_LOCKTYPE_RECURSIVE,
                                          any_lock,
                                          free_any_lock,
                                          ignore_lock,
                                          ignore_lock};
  event_set_log_callback(ignore_log);
  CHECK_INT_EQ(evthread_use_pthreads(), 0);              /* where the process is a new one */
  CHECK_INT_EQ(evthread_set_lock_callbacks(&locks), -1); /* there are some */
  libevent_global_shutdown();
  CHECK_INT_EQ(evthread_set_lock_callbacks(NULL), 0);
  CHECK_INT_EQ(evthread_set_lock_callbacks(&locks), 0);
}
TEST(behaviour_18_locks_may_be_replaced_after_a_shutdown) { CHECK_INT_EQ(in_child(set_locks_again), 0); }

static int run(int argc, char **argv) {
  RUN_TESTS(must_not_01_deletion_returns_while_the_callback_runs, must_not_01_a_freed_event_still_starts,
            must_not_02_freeing_a_bufferevent_deadlocks_with_its_callback,
            must_not_03_two_bufferevents_lock_each_other_out,
            must_not_04_an_object_freed_by_its_callback_is_used_later,
            must_not_05_a_shared_lock_is_freed_before_its_last_buffer,
            must_not_06_a_finalizer_takes_a_running_callbacks_place,
            must_not_07_bases_in_several_threads_share_state, must_not_08_a_signal_belongs_to_the_last_base,
            must_not_08_a_signal_without_an_event_interrupts_the_wait,
            must_not_09_parent_and_child_share_a_loop, must_not_10_a_loopexit_before_the_loop_is_lost,
            must_not_11_a_disabled_listener_accepts, must_not_12_edges_end_with_one_of_several_events,
            must_not_13_spurious_events_and_lost_hangups,
            must_not_14_a_closed_fd_spins_or_reports_for_another, must_not_15_the_changelist_changes_results,
            must_not_16_a_timer_is_early_or_late_by_a_clock_tick,
            must_not_17_pending_returns_more_time_than_was_set, must_not_19_accept_without_descriptors_spins,
            must_not_20_a_busy_event_starves_others, behaviour_15_event_del_waits_for_the_callback,
            behaviour_18_locks_may_be_replaced_after_a_shutdown);
}
static int run_first(int argc, char **argv) { RUN_TESTS(must_not_18_memory_of_a_burst_of_timers_is_kept); }

int main(int argc, char **argv) {
  int failed;
  signal(SIGPIPE, SIG_IGN);
  failed = argc > 1 ? 0 : run_first(argc, argv);
  if (evthread_use_pthreads() != 0) return 1;
  base = event_base_new();
  if (!base) return 1;
  failed |= run(argc, argv);
  event_base_free(base);
  libevent_global_shutdown();
  return failed;
}

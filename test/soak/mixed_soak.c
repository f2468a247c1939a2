/* Soak of all that threads may do with two running loops: `soak_mixed [SECONDS [SEED]]`.
 *
 * Slots hold events, timers, bufferevents over sockets, pairs and filters, and listeners. Several workers use
 * one slot at a time; only to free what it holds does a worker have it alone. At the end the loops must still
 * run, hold no event that was freed, and no callback may have come too late. Meant for the
 * sanitizers. Status 1 if one of these does not hold. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "faults/random.h"
#include "soak/soak.h"

enum { kLoops = 2, kWorkers = 4, kSlots = 40, kPriorities = 3, kMostOutput = 1 << 16, kPatienceMs = 10000 };

/* The argument of a callback. It outlives its object, so that a call that comes too late is detected. */
struct ref {
  atomic_int freed;
  struct ref *next;
};

enum kind { kEvent, kSocket, kPair, kFilter, kPairFilter, kListener, kKinds };

struct slot {
  pthread_rwlock_t use; /* for writing: to free and make again */
  enum kind kind;
  int unlocked; /* BEV_OPT_UNLOCK_CALLBACKS */
  struct event_base *base;
  struct ref *ref;
  struct event *ev;
  struct bufferevent *bev, *peer; /* the peer only reads */
  struct evconnlistener *listener;
  struct sockaddr_in address;
  evutil_socket_t other; /* the far end of an event's or a socket's descriptor */
};

struct worker {
  pthread_t thread;
  uint64_t random;
  long operations;
};

static struct event_base *bases[kLoops];
static struct event *ticks[kLoops];
static atomic_long tick_counts[kLoops];
static struct slot slots[kSlots];
static struct worker workers[kWorkers];
static _Atomic(struct ref *) all_refs;
static atomic_int stop;
static atomic_long calls, late_calls;

static uint32_t pick(struct worker *w, uint32_t bound) { return random_below(&w->random, bound); }

static void pause_us(long us) {
  const struct timespec pause = {0, us * 1000};
  nanosleep(&pause, NULL);
}

/* --- callbacks: with a bufferevent's lock held, and without any slot's -------------------------------------
 */

static void note(struct ref *ref) {
  atomic_fetch_add(&calls, 1);
  if (atomic_load(&ref->freed)) atomic_fetch_add(&late_calls, 1);
}

static void on_tick(evutil_socket_t fd, short what, void *count) {
  (void)fd;
  (void)what;
  atomic_fetch_add((atomic_long *)count, 1);
}
static void on_event(evutil_socket_t fd, short what, void *ref) {
  char bytes[64];
  note(ref);
  if ((what & EV_READ) && fd >= 0 && recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) < 0) return;
}
static void on_read(struct bufferevent *bev, void *ref) {
  note(ref);
  evbuffer_drain(bufferevent_get_input(bev), 3000);
}
static void on_write(struct bufferevent *bev, void *ref) {
  (void)bev;
  note(ref);
}
static void on_bev_event(struct bufferevent *bev, short what, void *ref) {
  note(ref);
  if (what & BEV_EVENT_TIMEOUT) bufferevent_enable(bev, EV_READ | EV_WRITE);
}
static void on_peer_read(struct bufferevent *bev, void *arg) {
  struct evbuffer *input = bufferevent_get_input(bev);
  (void)arg;
  if (evbuffer_get_length(bufferevent_get_output(bev)) < kMostOutput) {
    bufferevent_write_buffer(bev, input);
  } else {
    evbuffer_drain(input, evbuffer_get_length(input));
  }
}
static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *ref) {
  (void)listener;
  (void)address;
  (void)length;
  note(ref);
  evutil_closesocket(fd);
}

/* --- making and freeing, the slot held alone ---------------------------------------------------------------
 */

static void open_sockets(evutil_socket_t fds[2]) {
  must(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "no sockets");
  evutil_make_socket_nonblocking(fds[0]);
  evutil_make_socket_nonblocking(fds[1]);
}

static void make_event(struct slot *s, struct worker *w) {
  static const short kinds[] = {0, EV_PERSIST, EV_READ, EV_READ | EV_PERSIST, EV_WRITE};
  const short what = kinds[pick(w, sizeof(kinds) / sizeof(kinds[0]))];
  evutil_socket_t fds[2];
  open_sockets(fds);
  s->other = fds[1];
  s->ev = event_new(s->base, fds[0], what, on_event, s->ref);
  event_priority_set(s->ev, (int)pick(w, kPriorities));
}

static int options_of(struct worker *w) {
  int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE;
  const uint32_t kind = pick(w, 3);
  if (kind > 0) options |= BEV_OPT_DEFER_CALLBACKS;
  if (kind > 1) options |= BEV_OPT_UNLOCK_CALLBACKS;
  return options;
}

static void make_bufferevent(struct slot *s, struct worker *w) {
  const int options = options_of(w);
  struct bufferevent *pair[2];
  evutil_socket_t fds[2];
  s->unlocked = (options & BEV_OPT_UNLOCK_CALLBACKS) != 0;
  if (s->kind == kPair || s->kind == kPairFilter) {
    must(bufferevent_pair_new(s->base, options, pair) == 0, "no pair");
    s->bev = pair[0];
    s->peer = pair[1];
  } else {
    open_sockets(fds);
    s->bev = bufferevent_socket_new(s->base, fds[0], options);
    s->peer = bufferevent_socket_new(bases[pick(w, kLoops)], fds[1], options);
  }
  if (s->kind == kFilter || s->kind == kPairFilter)
    s->bev = bufferevent_filter_new(s->bev, NULL, NULL, options, NULL, NULL);
  must(s->bev && s->peer, "no bufferevent");
  bufferevent_setcb(s->peer, on_peer_read, NULL, NULL, NULL);
  bufferevent_enable(s->peer, EV_READ | EV_WRITE);
  bufferevent_setcb(s->bev, on_read, on_write, on_bev_event, s->ref);
  bufferevent_enable(s->bev, EV_READ | EV_WRITE);
}

static void make_listener(struct slot *s) {
  socklen_t length = sizeof(s->address);
  memset(&s->address, 0, sizeof(s->address));
  s->address.sin_family = AF_INET;
  s->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  s->listener =
      evconnlistener_new_bind(s->base, on_accept, s->ref, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, 16,
                              (struct sockaddr *)&s->address, sizeof(s->address));
  must(s->listener != NULL, "no listener");
  getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&s->address, &length);
}

static void make(struct slot *s, struct worker *w) {
  struct ref *ref = calloc(1, sizeof(*ref));
  must(ref != NULL, "no memory");
  ref->next = atomic_load(&all_refs);
  while (!atomic_compare_exchange_weak(&all_refs, &ref->next, ref)) {
  }
  s->ref = ref;
  s->base = bases[pick(w, kLoops)];
  s->kind = (enum kind)pick(w, kKinds);
  if (s->kind == kEvent) {
    make_event(s, w);
  } else if (s->kind == kListener) {
    make_listener(s);
  } else {
    make_bufferevent(s, w);
  }
}

/* event_free() waits for a callback that runs. The lock of a bufferevent does, unless its callbacks are
 * unlocked. */
static void free_bufferevent(struct slot *s) {
  bufferevent_lock(s->bev);
  bufferevent_free(s->bev);
  if (!s->unlocked) atomic_store(&s->ref->freed, 1);
  bufferevent_unlock(s->bev);
  bufferevent_free(s->peer);
}

static void discard(struct slot *s) {
  if (s->kind == kEvent) {
    const evutil_socket_t fd = event_get_fd(s->ev);
    event_free(s->ev);
    atomic_store(&s->ref->freed, 1);
    evutil_closesocket(fd);
    evutil_closesocket(s->other);
  } else if (s->kind == kListener) {
    evconnlistener_free(s->listener);
  } else {
    free_bufferevent(s);
  }
}

/* --- operations, the slot shared ---------------------------------------------------------------------------
 */

static struct timeval soon(struct worker *w) {
  struct timeval tv = {0, 1 + (suseconds_t)pick(w, 3000)};
  return tv;
}

static void use_event(struct slot *s, struct worker *w) {
  struct timeval tv = soon(w);
  switch (pick(w, 8)) {
    case 0:
      event_del(s->ev);
      break;
    case 1:
      event_del_noblock(s->ev);
      break;
    case 2:
      event_active(s->ev, EV_TIMEOUT, 1);
      break;
    case 3:
      event_add(s->ev, NULL);
      break;
    case 4:
      event_pending(s->ev, EV_READ | EV_TIMEOUT, &tv);
      break;
    case 5:
      event_remove_timer(s->ev);
      break;
    case 6:
      send(s->other, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
      break;
    default:
      event_add(s->ev, &tv);
      break;
  }
}

/* A timeout that fires meanwhile waits for the lock, and finds that it runs again. */
static void enable_twice(struct bufferevent *bev, struct worker *w) {
  struct timeval tv = {0, 500};
  bufferevent_set_timeouts(bev, &tv, pick(w, 2) ? &tv : NULL);
  bufferevent_lock(bev);
  bufferevent_enable(bev, EV_READ);
  pause_us(1500);
  bufferevent_enable(bev, EV_READ);
  bufferevent_unlock(bev);
}

static void trigger(struct bufferevent *bev, struct worker *w) {
  const int options =
      (pick(w, 2) ? BEV_TRIG_IGNORE_WATERMARKS : 0) | (pick(w, 2) ? BEV_TRIG_DEFER_CALLBACKS : 0);
  bufferevent_trigger(bev, pick(w, 2) ? EV_READ : EV_READ | EV_WRITE, options);
}

static void send_some(struct bufferevent *bev, struct worker *w) {
  static const char bytes[4000];
  if (evbuffer_get_length(bufferevent_get_output(bev)) < kMostOutput)
    bufferevent_write(bev, bytes, 1 + pick(w, sizeof(bytes)));
}

static void use_bufferevent(struct slot *s, struct worker *w) {
  struct timeval tv = soon(w);
  switch (pick(w, 14)) {
    case 0:
      bufferevent_disable(s->bev, (short)(pick(w, 2) ? EV_READ : EV_READ | EV_WRITE));
      break;
    case 1:
      bufferevent_enable(s->bev, EV_READ | EV_WRITE);
      break;
    case 2:
      bufferevent_set_timeouts(s->bev, pick(w, 2) ? &tv : NULL, pick(w, 2) ? &tv : NULL);
      break;
    case 3:
      if (pick(w, 8) == 0) enable_twice(s->bev, w);
      break;
    case 4:
    case 5:
      bufferevent_priority_set(s->bev, (int)pick(w, kPriorities));
      break;
    case 6:
      bufferevent_setwatermark(s->bev, EV_READ, pick(w, 2) ? 0 : 100, pick(w, 2) ? 0 : 2000);
      break;
    case 7:
      bufferevent_flush(s->bev, EV_READ | EV_WRITE, BEV_FLUSH);
      break;
    case 8:
      bufferevent_trigger_event(s->bev, BEV_EVENT_TIMEOUT, pick(w, 2) ? BEV_TRIG_DEFER_CALLBACKS : 0);
      break;
    case 9:
    case 10:
      trigger(s->bev, w);
      break;
    default:
      send_some(s->bev, w);
      break;
  }
}

static void connect_to(struct slot *s) {
  struct linger at_once = {1, 0};
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  if (connect(fd, (struct sockaddr *)&s->address, sizeof(s->address)) != 0) sched_yield();
  close(fd);
}

static void use_listener(struct slot *s, struct worker *w) {
  switch (pick(w, 6)) {
    case 0:
      evconnlistener_disable(s->listener);
      break;
    case 1:
      evconnlistener_enable(s->listener);
      break;
    case 2:
      evconnlistener_set_cb(s->listener, pick(w, 2) ? on_accept : NULL, s->ref);
      break;
    default:
      connect_to(s);
      break;
  }
}

static void work_on(struct slot *s, struct worker *w) {
  if (pick(w, 24) == 0) {
    pthread_rwlock_wrlock(&s->use);
    discard(s);
    make(s, w);
  } else {
    pthread_rwlock_rdlock(&s->use);
    if (s->kind == kEvent) {
      use_event(s, w);
    } else if (s->kind == kListener) {
      use_listener(s, w);
    } else {
      use_bufferevent(s, w);
    }
  }
  pthread_rwlock_unlock(&s->use);
  ++w->operations;
}

static void *work(void *arg) {
  struct worker *w = arg;
  while (!atomic_load(&stop)) work_on(&slots[pick(w, kSlots)], w);
  return NULL;
}

/* --- the end -----------------------------------------------------------------------------------------------
 */

/* A loop that spins on a broken queue, or sleeps through its timers, does not get there. */
static int still_runs(int loop) {
  const long before = atomic_load(&tick_counts[loop]);
  int ms;
  for (ms = 0; ms < kPatienceMs && atomic_load(&tick_counts[loop]) < before + 3; ++ms) pause_us(1000);
  return ms < kPatienceMs;
}

/* Freed objects are released by the loop when their callbacks have returned. */
static int holds_its_tick_alone(int loop) {
  int ms;
  for (ms = 0; ms < kPatienceMs; ++ms) {
    if (event_base_get_num_events(bases[loop], EVENT_BASE_COUNT_ADDED) == 1) return 1;
    pause_us(1000);
  }
  return 0;
}

static int failed;
static void check(int holds, const char *what) {
  if (holds) return;
  printf("FAILED: %s\n", what);
  failed = 1;
}

static void start_loops(pthread_t loops[kLoops]) {
  const struct timeval tick = {0, 5000};
  int i;
  for (i = 0; i < kLoops; ++i) {
    must((bases[i] = event_base_new()) != NULL, "no base");
    event_base_priority_init(bases[i], kPriorities);
    ticks[i] = event_new(bases[i], -1, EV_PERSIST, on_tick, &tick_counts[i]);
    event_priority_set(ticks[i], 0);
    event_add(ticks[i], &tick);
    pthread_create(&loops[i], NULL, run_loop, bases[i]);
  }
}

static void stop_loops(pthread_t loops[kLoops]) {
  int i;
  for (i = 0; i < kLoops; ++i) {
    event_base_loopbreak(bases[i]);
    pthread_join(loops[i], NULL);
    event_free(ticks[i]);
    event_base_free(bases[i]);
  }
}

static void free_refs(void) {
  struct ref *ref;
  while ((ref = atomic_load(&all_refs)) != NULL) {
    atomic_store(&all_refs, ref->next);
    free(ref);
  }
}

int main(int argc, char **argv) {
  const struct timespec duration = {argc > 1 ? atoi(argv[1]) : 3, 0};
  const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  pthread_t loops[kLoops];
  long operations = 0;
  int i;
  signal(SIGPIPE, SIG_IGN);
  must(evthread_use_pthreads() == 0, "no threads");
  start_loops(loops);
  for (i = 0; i < kWorkers; ++i) workers[i].random = seed_random(seed * kWorkers + (uint64_t)i);
  for (i = 0; i < kSlots; ++i) {
    pthread_rwlock_init(&slots[i].use, NULL);
    make(&slots[i], &workers[0]);
  }
  for (i = 0; i < kWorkers; ++i) pthread_create(&workers[i].thread, NULL, work, &workers[i]);
  nanosleep(&duration, NULL);
  atomic_store(&stop, 1);
  for (i = 0; i < kWorkers; ++i) {
    pthread_join(workers[i].thread, NULL);
    operations += workers[i].operations;
  }
  for (i = 0; i < kLoops; ++i) check(still_runs(i), "a loop still runs");
  for (i = 0; i < kSlots; ++i) discard(&slots[i]);
  for (i = 0; i < kLoops; ++i) check(holds_its_tick_alone(i), "a loop holds no event that was freed");
  check(atomic_load(&late_calls) == 0, "no callback comes after its object was freed");
  if (failed) printf("FAILED with seed %llu\n", (unsigned long long)seed);
  if (failed) { /* a loop that spins would never be left */
    fflush(stdout);
    _exit(1);
  }
  stop_loops(loops);
  free_refs();
  printf("seed %llu: %ld operations, %ld callbacks\n", (unsigned long long)seed, operations,
         atomic_load(&calls));
  return 0;
}

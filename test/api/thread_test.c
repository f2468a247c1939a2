/* event2/thread.h as a C program sees it: choosing locks, and one loop used from several threads. The
 * choice is global to the process, so each test runs in its own process. Each begins with the name of the
 * function that it is about. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/check.h"
#include "api/child.h"

static int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

static void ignore_log(int severity, const char *message) {
  (void)severity;
  (void)message;
}

/* --- locks of the program's own --- */

static int locks, acquired, conditions;

static void *own_alloc(unsigned type) {
  pthread_mutexattr_t attributes;
  pthread_mutex_t *mutex = malloc(sizeof(*mutex));
  pthread_mutexattr_init(&attributes);
  if (type & EVTHREAD_LOCKTYPE_RECURSIVE) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(mutex, &attributes);
  __sync_fetch_and_add(&locks, 1);
  return mutex;
}
static void own_free(void *lock, unsigned type) {
  (void)type;
  pthread_mutex_destroy(lock);
  free(lock);
  __sync_fetch_and_sub(&locks, 1);
}
static int own_lock(unsigned mode, void *lock) {
  if (mode & EVTHREAD_TRY) return pthread_mutex_trylock(lock);
  __sync_fetch_and_add(&acquired, 1);
  return pthread_mutex_lock(lock);
}
static int own_unlock(unsigned mode, void *lock) {
  (void)mode;
  return pthread_mutex_unlock(lock);
}
static void *own_condition(unsigned type) {
  pthread_cond_t *condition = malloc(sizeof(*condition));
  (void)type;
  pthread_cond_init(condition, NULL);
  __sync_fetch_and_add(&conditions, 1);
  return condition;
}
static void own_condition_free(void *condition) {
  pthread_cond_destroy(condition);
  free(condition);
  __sync_fetch_and_sub(&conditions, 1);
}
static int own_signal(void *condition, int broadcast) {
  return broadcast ? pthread_cond_broadcast(condition) : pthread_cond_signal(condition);
}
static int own_wait(void *condition, void *lock, const struct timeval *timeout) {
  (void)timeout;
  return pthread_cond_wait(condition, lock) ? -1 : 0;
}
static int id_calls;
static unsigned long own_id(void) {
  __sync_fetch_and_add(&id_calls, 1);
  return (unsigned long)pthread_self();
}

static const struct evthread_lock_callbacks own_locks = {
    EVTHREAD_LOCK_API_VERSION, EVTHREAD_LOCKTYPE_RECURSIVE, own_alloc, own_free, own_lock, own_unlock};
static const struct evthread_condition_callbacks own_conditions = {
    EVTHREAD_CONDITION_API_VERSION, own_condition, own_condition_free, own_signal, own_wait};

/* --- a loop in a thread of its own --- */

static struct event_base *base;
static pthread_t loop_thread;
static int loop_result;

static void *run_loop(void *arg) {
  (void)arg;
  loop_result = event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
  return NULL;
}
static void start_loop(void) { pthread_create(&loop_thread, NULL, run_loop, NULL); }
static void end_loop(void) { pthread_join(loop_thread, NULL); }

struct gate {
  int entered;
  int may_leave;
  int left;
};
static int get(int *value) { return __sync_fetch_and_add(value, 0); }
static void set(int *value) { __sync_fetch_and_or(value, 1); }
static void pass_gate(evutil_socket_t fd, short what, void *arg) {
  struct gate *gate = arg;
  (void)fd;
  (void)what;
  set(&gate->entered);
  while (!get(&gate->may_leave)) sched_yield();
  set(&gate->left);
}
static void *open_gate(void *arg) {
  set(&((struct gate *)arg)->may_leave);
  return NULL;
}

static void use_loop_from_here(void) {
  struct gate gate = {0, 0, 0};
  struct event *ev;
  struct timeval tv = {0, 1000};
  int pair[2];
  pthread_t opener;
  base = event_base_new();
  CHECK(base != NULL);
  start_loop();

  /* Activation, a timer, a descriptor: each must reach a loop that sleeps. */
  gate.may_leave = 1;
  ev = event_new(base, -1, 0, pass_gate, &gate);
  event_active(ev, EV_READ, 1);
  while (!get(&gate.left)) sched_yield();
  event_free(ev);
  gate.left = 0;
  ev = event_new(base, -1, 0, pass_gate, &gate);
  event_add(ev, &tv);
  while (!get(&gate.left)) sched_yield();
  event_free(ev);
  gate.left = 0;
  CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  ev = event_new(base, pair[0], EV_READ, pass_gate, &gate);
  event_add(ev, NULL);
  CHECK_INT_EQ(write(pair[1], "x", 1), 1);
  while (!get(&gate.left)) sched_yield();
  event_free(ev);

  /* Deletion waits for the callback. */
  gate.entered = gate.may_leave = gate.left = 0;
  ev = event_new(base, -1, EV_PERSIST, pass_gate, &gate);
  event_active(ev, EV_READ, 1);
  while (!get(&gate.entered)) sched_yield();
  pthread_create(&opener, NULL, open_gate, &gate);
  CHECK_INT_EQ(event_del(ev), 0);
  CHECK(get(&gate.left));
  pthread_join(opener, NULL);
  event_free(ev);

  CHECK_INT_EQ(event_base_loopbreak(base), 0);
  end_loop();
  CHECK_INT_EQ(loop_result, 0);
  event_base_free(base);
  close(pair[0]);
  close(pair[1]);
}

/* --- the tests, each for a child --- */

static void use_pthreads(void) {
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  use_loop_from_here();
}

#ifdef EVTHREAD_PTHREAD_PRIO_INHERIT
static void use_pthreads_with_flags(void) {
  CHECK_INT_EQ(evthread_use_pthreads_with_flags(0x4000), -1);
  CHECK_INT_EQ(evthread_use_pthreads_with_flags(EVTHREAD_PTHREAD_PRIO_INHERIT), 0);
  use_loop_from_here();
}
#endif

static void set_lock_callbacks(void) {
  struct evthread_lock_callbacks other = own_locks;
  struct event_base *made;
  event_set_log_callback(ignore_log);
  other.unlock = NULL;
  CHECK_INT_EQ(evthread_set_lock_callbacks(&other), -1);
  CHECK_INT_EQ(evthread_set_lock_callbacks(&own_locks), 0);
  CHECK_INT_EQ(evthread_set_lock_callbacks(&own_locks), 0);
  other.unlock = own_unlock;
  other.alloc = own_condition;
  CHECK_INT_EQ(evthread_set_lock_callbacks(&other), -1);
  evthread_set_id_callback(own_id);
  made = event_base_new();
  CHECK_INT_GT(locks, 0);
  CHECK_INT_EQ(event_base_dispatch(made), 1);
  CHECK_INT_GT(acquired, 0);
  event_base_free(made);
  libevent_global_shutdown();
  CHECK_INT_EQ(locks, 0);
  /* Afterwards others may be set. */
  CHECK_INT_EQ(evthread_set_lock_callbacks(NULL), 0);
  other = own_locks;
  CHECK_INT_EQ(evthread_set_lock_callbacks(&other), 0);
}

static void set_condition_callbacks(void) {
  struct evthread_condition_callbacks other = own_conditions;
  event_set_log_callback(ignore_log);
  other.wait_condition = NULL;
  if (ours()) CHECK_INT_EQ(evthread_set_condition_callbacks(&other), -1); /* libevent would call it */
  CHECK_INT_EQ(evthread_set_lock_callbacks(&own_locks), 0);
  CHECK_INT_EQ(evthread_set_condition_callbacks(&own_conditions), 0);
  CHECK_INT_EQ(evthread_set_condition_callbacks(&own_conditions), 0);
  evthread_set_id_callback(own_id);
  use_loop_from_here();
  libevent_global_shutdown();
  CHECK_INT_EQ(conditions, 0);
  CHECK_INT_EQ(locks, 0);
  CHECK_INT_GT(acquired, 0);
  CHECK_INT_EQ(evthread_set_lock_callbacks(NULL), 0);
  CHECK_INT_EQ(evthread_set_condition_callbacks(NULL), 0);
}

static void set_id_callback(void) {
  struct event_base *made;
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  evthread_set_id_callback(own_id);
  made = event_base_new();
  CHECK_INT_EQ(event_base_dispatch(made), 1);
  CHECK_INT_GT(id_calls, 0);
  event_base_free(made);
}

static void own_locks_after_pthreads(void) {
  event_set_log_callback(ignore_log);
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  CHECK_INT_EQ(evthread_set_lock_callbacks(&own_locks), -1);
  CHECK_INT_EQ(evthread_set_condition_callbacks(&own_conditions), -1);
}

static void pthreads_after_own_locks(void) {
  event_set_log_callback(ignore_log);
  CHECK_INT_EQ(evthread_set_lock_callbacks(&own_locks), 0);
  /* libevent says 0 and goes on with the first ones. */
  if (ours()) CHECK_INT_EQ(evthread_use_pthreads(), -1);
}

static void make_base_notifiable(void) {
  struct event_base *made;
  CHECK_INT_EQ(evthread_make_base_notifiable(NULL), -1);
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  made = event_base_new();
  CHECK_INT_EQ(evthread_make_base_notifiable(made), 0);
  CHECK_INT_EQ(evthread_make_base_notifiable(made), 0);
  CHECK_INT_EQ(event_base_get_num_events(made, EVENT_BASE_COUNT_ADDED), 0);
  CHECK_INT_EQ(event_base_dispatch(made), 1);
  event_base_free(made);
}

static void debug_locks(void) {
  evthread_enable_lock_debugging();
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  use_loop_from_here();
}
/* Everything that asks for a lock gets one, though no provider was chosen; and goes on when one is. */
static void debug_locks_alone(void) {
  struct event_base *made;
  struct bufferevent *socket, *pair[2], *filter;
  struct evbuffer *buffer = evbuffer_new();
  struct evconnlistener *listener;
  struct sockaddr_in address;
  int i;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  evthread_enable_lock_debugging();
  made = event_base_new();
  CHECK(made != NULL);
  CHECK_INT_EQ(evthread_make_base_notifiable(made), 0);
  for (i = 0; i < 2; ++i) {
    socket = bufferevent_socket_new(made, -1, BEV_OPT_THREADSAFE);
    CHECK(socket != NULL);
    CHECK_INT_EQ(bufferevent_pair_new(made, BEV_OPT_THREADSAFE, pair), 0);
    filter = bufferevent_filter_new(pair[0], NULL, NULL, BEV_OPT_THREADSAFE, NULL, NULL);
    CHECK(filter != NULL);
    CHECK_INT_EQ(evbuffer_enable_locking(buffer, NULL), i == 0 ? 0 : -1);
    evbuffer_lock(buffer);
    evbuffer_unlock(buffer);
    bufferevent_lock(socket);
    bufferevent_lock(socket);
    bufferevent_unlock(socket);
    bufferevent_unlock(socket);
    listener = evconnlistener_new_bind(made, NULL, NULL, LEV_OPT_THREADSAFE | LEV_OPT_CLOSE_ON_FREE, 1,
                                       (struct sockaddr *)&address, sizeof(address));
    CHECK(listener != NULL);
    evconnlistener_free(listener);
    bufferevent_free(filter);
    bufferevent_free(pair[0]);
    bufferevent_free(pair[1]);
    bufferevent_free(socket);
    CHECK_INT_GE(event_base_loop(made, EVLOOP_NONBLOCK), 0);
    /* libevent takes its own locks for those of pthreads. */
    if (i == 0 && ours()) CHECK_INT_EQ(evthread_use_pthreads(), 0);
  }
  evbuffer_free(buffer);
  event_base_free(made);
}
static void debug_locks_by_the_old_name(void) {
  evthread_enable_lock_debuging();
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  use_loop_from_here();
}

TEST(evthread_use_pthreads_makes_a_base_usable_from_all_threads) { CHECK_INT_EQ(in_child(use_pthreads), 0); }
TEST(evthread_use_pthreads_fails_after_custom_lock_callbacks) {
  CHECK_INT_EQ(in_child(pthreads_after_own_locks), 0);
}
TEST(evthread_use_pthreads_with_flags_accepts_known_flags) {
#ifdef EVTHREAD_PTHREAD_PRIO_INHERIT
  CHECK_INT_EQ(in_child(use_pthreads_with_flags), 0);
#endif
}
TEST(evthread_set_lock_callbacks_are_used_and_kept) { CHECK_INT_EQ(in_child(set_lock_callbacks), 0); }
TEST(evthread_set_lock_callbacks_fails_after_pthreads) {
  CHECK_INT_EQ(in_child(own_locks_after_pthreads), 0);
}
TEST(evthread_set_condition_callbacks_are_used_for_waiting) {
  CHECK_INT_EQ(in_child(set_condition_callbacks), 0);
}
TEST(evthread_set_id_callback_identifies_threads) { CHECK_INT_EQ(in_child(set_id_callback), 0); }
TEST(evthread_make_base_notifiable_may_be_repeated) { CHECK_INT_EQ(in_child(make_base_notifiable), 0); }
TEST(evthread_enable_lock_debugging_accepts_correct_use) { CHECK_INT_EQ(in_child(debug_locks), 0); }
TEST(evthread_enable_lock_debugging_alone_provides_locks) { CHECK_INT_EQ(in_child(debug_locks_alone), 0); }
TEST(evthread_enable_lock_debuging_is_an_alias) { CHECK_INT_EQ(in_child(debug_locks_by_the_old_name), 0); }

/* --- a thread that is cancelled --- */

static sem_t about_to_wait;

static void post(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  (void)arg;
  sem_post(&about_to_wait);
}

static void *dispatch(void *of) {
  event_base_dispatch(of);
  return NULL;
}

/* The environment variables that select each kind of wait in a child. */
static const char *const wait_variables[][2] = {{NULL, NULL},
                                                {"EVENT_NOEPOLL", NULL},
                                                {"EVENT_NOEPOLL", "EVENT_NOPOLL"},
                                                {"EVENT_PRECISE_TIMER", NULL},
                                                {"EVENT_NOEPOLL", "EVENT_PRECISE_TIMER"}};
static size_t wait_kind;

/* The wait is the only cancellation point that the thread meets after the callback. */
static void cancel_the_wait(void) {
  struct event_base *made;
  struct event *reader, *timer;
  const struct timeval long_after = {1000, 0};
  pthread_t thread;
  void *result = NULL;
  int fds[2], i;
  for (i = 0; i < 2; ++i) {
    if (wait_variables[wait_kind][i]) setenv(wait_variables[wait_kind][i], "1", 1);
  }
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  CHECK_INT_EQ(sem_init(&about_to_wait, 0, 0), 0);
  CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  made = event_base_new();
  reader = event_new(made, fds[0], EV_READ | EV_PERSIST, post, NULL);
  timer = event_new(made, -1, EV_PERSIST, post, NULL);
  CHECK_INT_EQ(event_add(reader, NULL), 0);
  CHECK_INT_EQ(event_add(timer, &long_after), 0);
  event_active(timer, EV_TIMEOUT, 1);
  CHECK_INT_EQ(pthread_create(&thread, NULL, dispatch, made), 0);
  CHECK_INT_EQ(sem_wait(&about_to_wait), 0);
  CHECK_INT_EQ(pthread_cancel(thread), 0);
  CHECK_INT_EQ(pthread_join(thread, &result), 0);
  CHECK(result == PTHREAD_CANCELED);
  /* The base's lock is open. */
  CHECK_INT_EQ(event_base_get_num_events(made, EVENT_BASE_COUNT_ADDED), 2);
  CHECK_INT_EQ(event_pending(reader, EV_READ, NULL), EV_READ);
  CHECK_INT_EQ(event_del(reader), 0);
  event_free(reader);
  event_free(timer);
  event_base_free(made);
}

TEST(pthread_cancel_in_the_wait_leaves_the_lock_released) {
#ifdef __SANITIZE_ADDRESS__
  return; /* its run-time library takes the frames that are left for an overrun of the stack */
#endif
  for (wait_kind = 0; wait_kind < sizeof(wait_variables) / sizeof(wait_variables[0]); ++wait_kind) {
    CHECK_INT_EQ(in_child(cancel_the_wait), 0);
  }
}

int main(int argc, char **argv) {
  RUN_TESTS(pthread_cancel_in_the_wait_leaves_the_lock_released,
            evthread_use_pthreads_makes_a_base_usable_from_all_threads,
            evthread_use_pthreads_fails_after_custom_lock_callbacks,
            evthread_use_pthreads_with_flags_accepts_known_flags,
            evthread_set_lock_callbacks_are_used_and_kept, evthread_set_lock_callbacks_fails_after_pthreads,
            evthread_set_condition_callbacks_are_used_for_waiting,
            evthread_set_id_callback_identifies_threads, evthread_make_base_notifiable_may_be_repeated,
            evthread_enable_lock_debugging_accepts_correct_use,
            evthread_enable_lock_debugging_alone_provides_locks, evthread_enable_lock_debuging_is_an_alias);
}

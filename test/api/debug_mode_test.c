/* event_enable_debug_mode() as a C program sees it: which uses of an event are refused because it was never
 * assigned, and that right use is not. A refusal calls the fatal callback, so each case has a process of its
 * own. */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/listener.h>
#include <netinet/in.h>

#include "api/child.h"
#include "api/events.h"

/* What a process ends with that was refused. */
#define REFUSED 3
static void end_process(int error) {
  (void)error;
  _exit(REFUSED);
}
static void ignore_log(int severity, const char *message) {
  (void)severity;
  (void)message;
}

static void start_debug_mode(void) {
  event_set_log_callback(ignore_log);
  event_set_fatal_callback(end_process);
  event_enable_debug_mode();
  base = event_base_new();
}

/* --- use of an event that was never assigned --- */

static struct event stranger;
static void make_stranger(void) {
  start_debug_mode();
  memset(&stranger, 0, sizeof(stranger));
  /* Without a base most functions refuse it for that. */
  stranger.ev_base = base;
}

static event_callback_fn a_callback;
static struct event_base *a_base;
static evutil_socket_t a_fd;
static short what_events;
static void *an_arg;

#define REFUSED_USES(USE)                                                                               \
  USE(event_active, event_active(&stranger, EV_READ, 1))                                                \
  USE(event_add, event_add(&stranger, NULL))                                                            \
  USE(event_base_set, stranger.ev_evcallback.evcb_flags = EVLIST_INIT; event_base_set(base, &stranger)) \
  USE(event_del, event_del(&stranger))                                                                  \
  USE(event_del_block, event_del_block(&stranger))                                                      \
  USE(event_del_noblock, event_del_noblock(&stranger))                                                  \
  USE(event_free, event_free(&stranger))                                                                \
  USE(event_get_assignment, event_get_assignment(&stranger, &a_base, NULL, NULL, NULL, NULL))           \
  USE(event_get_base, a_base = event_get_base(&stranger))                                               \
  USE(event_get_callback, a_callback = event_get_callback(&stranger))                                   \
  USE(event_get_callback_arg, an_arg = event_get_callback_arg(&stranger))                               \
  USE(event_get_events, what_events = event_get_events(&stranger))                                      \
  USE(event_get_fd, a_fd = event_get_fd(&stranger))                                                     \
  USE(event_get_priority, event_get_priority(&stranger))                                                \
  USE(event_pending, event_pending(&stranger, EV_READ, NULL))                                           \
  USE(event_priority_set, event_priority_set(&stranger, 0))

#define REFUSED_FUNCTION(name, ...)  \
  static void refused_##name(void) { \
    make_stranger();                 \
    __VA_ARGS__;                     \
  }
REFUSED_USES(REFUSED_FUNCTION)

#define REFUSED_ENTRY(name, ...) {#name, refused_##name},
static const struct {
  const char *name;
  void (*use)(void);
} refused_uses[] = {REFUSED_USES(REFUSED_ENTRY)};

TEST(functions_refuse_an_event_that_was_never_assigned) {
  size_t i;
  for (i = 0; i < sizeof(refused_uses) / sizeof(refused_uses[0]); ++i) {
    if (in_child(refused_uses[i].use) != REFUSED) CHECK_FAIL_("%s does not refuse it", refused_uses[i].name);
  }
}

/* --- events that are not known any more --- */

static void unassign_then_add(void) {
  struct event ev;
  struct seen seen;
  start_debug_mode();
  event_assign(&ev, base, -1, 0, note, &seen);
  event_debug_unassign(&ev);
  event_add(&ev, NULL);
}
TEST(an_event_is_unknown_after_event_debug_unassign) { CHECK_INT_EQ(in_child(unassign_then_add), REFUSED); }

/* Keeps what is freed, so that its address can be used again for certain. */
static void *last_freed;
static void keep_freed(void *memory) {
  if (memory) last_freed = memory;
}
static void failed_new_then_add(void) {
  event_set_mem_functions(malloc, realloc, keep_freed);
  make_stranger();
  CHECK_PTR_EQ(event_new(base, 1, EV_SIGNAL | EV_READ, note, NULL), NULL);
  CHECK(last_freed != NULL);
  memcpy(last_freed, &stranger, sizeof(stranger));
  event_add(last_freed, NULL);
}
TEST(an_event_that_event_new_could_not_assign_is_unknown) {
  CHECK_INT_EQ(in_child(failed_new_then_add), REFUSED);
}

static void free_then_add(void) {
  struct event *ev;
  event_set_mem_functions(malloc, realloc, keep_freed);
  make_stranger();
  ev = event_new(base, -1, 0, note, NULL);
  event_free(ev);
  CHECK_PTR_EQ(last_freed, ev);
  memcpy(ev, &stranger, sizeof(stranger));
  event_add(ev, NULL);
}
TEST(an_event_that_was_freed_is_unknown) { CHECK_INT_EQ(in_child(free_then_add), REFUSED); }

/* --- events that are still added --- */

static void assign_while_added(void) {
  struct event ev;
  struct seen seen;
  start_debug_mode();
  event_assign(&ev, base, -1, 0, note, &seen);
  event_add(&ev, NULL);
  event_add(&ev, &(struct timeval){100, 0});
  event_assign(&ev, base, -1, 0, note, &seen);
}
TEST(assigning_an_added_event_is_refused) { CHECK_INT_EQ(in_child(assign_while_added), REFUSED); }

static void set_while_added(void) {
  struct event ev;
  struct seen seen;
  start_debug_mode();
  event_init();
  event_set(&ev, -1, 0, note, &seen);
  event_add(&ev, &(struct timeval){100, 0});
  event_set(&ev, -1, 0, note, &seen);
}
TEST(setting_an_added_event_is_refused) { CHECK_INT_EQ(in_child(set_while_added), REFUSED); }

static void unassign_while_added(void) {
  struct event ev;
  struct seen seen;
  start_debug_mode();
  event_assign(&ev, base, -1, 0, note, &seen);
  event_add(&ev, &(struct timeval){100, 0});
  event_debug_unassign(&ev);
}
TEST(unassigning_an_added_event_is_refused) { CHECK_INT_EQ(in_child(unassign_while_added), REFUSED); }

/* --- right use --- */

static void unassign_first(void) {
  struct event ev;
  start_debug_mode();
  memset(&ev, 0, sizeof(ev));
  event_debug_unassign(&ev);
}
TEST(event_debug_unassign_may_be_the_first_operation) { CHECK_INT_EQ(in_child(unassign_first), 0); }

static void set_then_add(void) {
  struct timeval now = {0, 0};
  struct seen seen = {0, 0, 0};
  struct event ev;
  start_debug_mode();
  base = event_init();
  event_set(&ev, -1, 0, note, &seen);
  CHECK_INT_EQ(event_add(&ev, &now), 0);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(event_add(&ev, &now), 0);
  CHECK_INT_EQ(event_del(&ev), 0);
}
TEST(event_set_makes_an_event_known) { CHECK_INT_EQ(in_child(set_then_add), 0); }

/* So many that the table of known events grows, in the order of their addresses and against it. */
enum { MANY = 1000 };
static struct event many[MANY];
static void know_many(void) {
  struct seen seen;
  int i;
  start_debug_mode();
  for (i = 0; i < MANY; ++i) event_assign(&many[i], base, -1, 0, note, &seen);
  for (i = 0; i < MANY; ++i) CHECK_INT_EQ(event_add(&many[i], &(struct timeval){100, 0}), 0);
  for (i = MANY; i-- > 0;) {
    if (i % 3 == 0) continue;
    CHECK_INT_EQ(event_del(&many[i]), 0);
    event_debug_unassign(&many[i]);
  }
  for (i = 0; i < MANY; i += 3) CHECK_INT_EQ(event_pending(&many[i], EV_TIMEOUT, NULL), EV_TIMEOUT);
  for (i = 0; i < MANY; i += 3) CHECK_INT_EQ(event_del(&many[i]), 0);
}
TEST(every_one_of_many_events_stays_known) { CHECK_INT_EQ(in_child(know_many), 0); }

static void know_many_but_one(void) {
  know_many();
  if (!CHECK_FAILED()) event_add(&many[1], NULL);
}
TEST(one_that_was_unassigned_among_many_is_unknown) { CHECK_INT_EQ(in_child(know_many_but_one), REFUSED); }

/* A callback may free, assign or reuse its own event. */
static void free_itself(evutil_socket_t fd, short what, void *arg) {
  (void)fd;
  (void)what;
  event_free(arg);
}
static int assigned_again;
static void assign_itself(evutil_socket_t fd, short what, void *arg) {
  struct event *ev = arg;
  (void)fd;
  (void)what;
  if (assigned_again++) return;
  event_assign(ev, base, -1, 0, assign_itself, ev);
  event_active(ev, EV_READ, 1);
}
static void callbacks_use_their_event(void) {
  struct event ev, *own;
  start_debug_mode();
  own = event_new(base, -1, 0, free_itself, event_self_cbarg());
  event_active(own, EV_READ, 1);
  event_assign(&ev, base, -1, 0, assign_itself, &ev);
  event_active(&ev, EV_READ, 1);
  event_base_loop(base, 0);
  CHECK_INT_EQ(assigned_again, 2);
  event_debug_unassign(&ev);
  event_base_free(base);
}
TEST(a_callback_may_free_or_assign_its_event) { CHECK_INT_EQ(in_child(callbacks_use_their_event), 0); }

/* --- the library's own events --- */

static int connections, reads;
static void take_connection(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *address, int size,
                            void *arg) {
  (void)address;
  (void)size;
  (void)arg;
  ++connections;
  evutil_closesocket(fd);
  evconnlistener_disable(l);
}
static void take_data(struct bufferevent *bev, void *arg) {
  (void)arg;
  ++reads;
  bufferevent_disable(bev, EV_READ);
}

static void use_everything(void) {
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  struct evconnlistener *listener;
  struct bufferevent *bev, *ends[2];
  struct seen once = {0, 0, 0};
  int client = socket(AF_INET, SOCK_STREAM, 0);
  start_debug_mode();
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = evconnlistener_new_bind(base, take_connection, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
                                     (struct sockaddr *)&address, sizeof(address));
  CHECK(listener != NULL && open_pair() == 0);
  getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &size);
  CHECK_INT_EQ(connect(client, (struct sockaddr *)&address, size), 0);
  bev = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
  CHECK_INT_EQ(bufferevent_pair_new(base, BEV_OPT_DEFER_CALLBACKS, ends), 0);
  bufferevent_setcb(bev, take_data, NULL, NULL, NULL);
  bufferevent_setcb(ends[0], take_data, NULL, NULL, NULL);
  bufferevent_set_timeouts(bev, &(struct timeval){100, 0}, &(struct timeval){100, 0});
  bufferevent_enable(bev, EV_READ);
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_write(ends[1], "x", 1);
  CHECK_INT_EQ(write(pair[1], "x", 1), 1);
  CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, note, &once, NULL), 0);
  while (connections < 1 || reads < 2 || once.calls < 1) event_base_loop(base, EVLOOP_ONCE);
  bufferevent_free(bev);
  bufferevent_free(ends[0]);
  bufferevent_free(ends[1]);
  evconnlistener_free(listener);
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_base_free(base);
  close(client);
  libevent_global_shutdown();
}
TEST(listeners_and_bufferevents_use_their_events_rightly) { CHECK_INT_EQ(in_child(use_everything), 0); }

int main(int argc, char **argv) {
  RUN_TESTS(functions_refuse_an_event_that_was_never_assigned, an_event_is_unknown_after_event_debug_unassign,
            an_event_that_event_new_could_not_assign_is_unknown, an_event_that_was_freed_is_unknown,
            assigning_an_added_event_is_refused, setting_an_added_event_is_refused,
            unassigning_an_added_event_is_refused, event_debug_unassign_may_be_the_first_operation,
            event_set_makes_an_event_known, every_one_of_many_events_stays_known,
            one_that_was_unassigned_among_many_is_unknown, a_callback_may_free_or_assign_its_event,
            listeners_and_bufferevents_use_their_events_rightly);
}

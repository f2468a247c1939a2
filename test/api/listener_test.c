/* event2/listener.h as a C program sees it: creating, accepting, pausing and freeing listeners, and their
 * errors. */
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/check.h"

static struct event_base *base;

struct seen {
  int connections;
  int errors;
  int last_error;
  int stop_after; /* break the loop after so many connections */
  int disable_at; /* disable the listener inside the callback of that connection */
  int free_at;
  int nonblocking;
  int cloexec;
  int family;
  int peer_length;
};

/* The test also runs on libevent, which calls accept() again in every iteration. */
static int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int length,
                      void *arg) {
  struct seen *seen = arg;
  ++seen->connections;
  seen->nonblocking = (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
  seen->cloexec = (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
  seen->family = peer->sa_family;
  seen->peer_length = length;
  close(fd);
  if (seen->connections == seen->disable_at) evconnlistener_disable(listener);
  if (seen->connections == seen->free_at) evconnlistener_free(listener);
  if (seen->connections == seen->stop_after) event_base_loopbreak(base);
}

static void on_error(struct evconnlistener *listener, void *arg) {
  struct seen *seen = arg;
  (void)listener;
  ++seen->errors;
  seen->last_error = EVUTIL_SOCKET_ERROR();
  event_base_loopbreak(base);
}

static struct sockaddr_in loopback(void) {
  struct sockaddr_in sin;
  memset(&sin, 0, sizeof(sin));
  sin.sin_family = AF_INET;
  sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sin;
}

static struct evconnlistener *listen_on_loopback(struct seen *seen, unsigned flags) {
  struct sockaddr_in sin = loopback();
  return evconnlistener_new_bind(base, on_accept, seen, flags | LEV_OPT_CLOSE_ON_FREE, 16,
                                 (struct sockaddr *)&sin, sizeof(sin));
}

/* A client whose connection is established before this returns; -1 if it is refused. */
static int connect_to(evutil_socket_t listener) {
  struct sockaddr_storage ss;
  socklen_t length = sizeof(ss);
  int fd;
  if (getsockname(listener, (struct sockaddr *)&ss, &length) != 0) return -1;
  fd = socket(ss.ss_family, SOCK_STREAM, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&ss, length) == 0) return fd;
  close(fd);
  return -1;
}

static void turn(void) {
  int i;
  for (i = 0; i < 8; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
}

TEST(new_bind_accepts_connections) {
  struct seen seen = {0};
  int clients[20], i;
  struct evconnlistener *listener = listen_on_loopback(&seen, LEV_OPT_REUSEABLE);
  CHECK(listener != NULL);
  CHECK_PTR_EQ(evconnlistener_get_base(listener), base);
  CHECK_INT_GE(evconnlistener_get_fd(listener), 0);
  for (i = 0; i < 20; ++i) {
    /* Connecting beyond the backlog would block, so the loop runs in between. */
    clients[i] = connect_to(evconnlistener_get_fd(listener));
    CHECK_INT_GE(clients[i], 0);
    if (i % 8 == 7) turn();
  }
  seen.stop_after = 20;
  if (seen.connections < 20) event_base_dispatch(base);
  CHECK_INT_EQ(seen.connections, 20);
  CHECK_INT_EQ(seen.family, AF_INET);
  CHECK_INT_EQ(seen.peer_length, sizeof(struct sockaddr_in));
  CHECK_INT_EQ(seen.nonblocking, 1);
  CHECK_INT_EQ(seen.cloexec, 0);
  for (i = 0; i < 20; ++i) close(clients[i]);
  evconnlistener_free(listener);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
}

TEST(flags_decide_blocking_and_close_on_exec) {
  struct seen seen = {0};
  struct evconnlistener *listener =
      listen_on_loopback(&seen, LEV_OPT_LEAVE_SOCKETS_BLOCKING | LEV_OPT_CLOSE_ON_EXEC);
  int client;
  CHECK(listener != NULL);
  CHECK(fcntl(evconnlistener_get_fd(listener), F_GETFD) & FD_CLOEXEC);
  client = connect_to(evconnlistener_get_fd(listener));
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.connections, 1);
  CHECK_INT_EQ(seen.nonblocking, 0);
  CHECK_INT_EQ(seen.cloexec, 1);
  close(client);
  evconnlistener_free(listener);
}

TEST(a_listener_can_be_disabled_and_enabled) {
  struct seen seen = {0};
  struct evconnlistener *listener = listen_on_loopback(&seen, LEV_OPT_DISABLED);
  int client;
  CHECK(listener != NULL);
  client = connect_to(evconnlistener_get_fd(listener));
  CHECK_INT_GE(client, 0);
  CHECK_INT_EQ(event_base_loop(base, 0), 1);
  CHECK_INT_EQ(seen.connections, 0);
  CHECK_INT_EQ(evconnlistener_enable(listener), 0);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.connections, 1);
  CHECK_INT_EQ(evconnlistener_disable(listener), 0);
  close(client);
  client = connect_to(evconnlistener_get_fd(listener));
  CHECK_INT_EQ(event_base_loop(base, 0), 1);
  CHECK_INT_EQ(seen.connections, 1);
  close(client);
  evconnlistener_free(listener);
}

/* must-not 11: a listener that is disabled in its callback accepts no more, even in the same iteration. */
TEST(disable_in_the_callback_stops_accepting_at_once) {
  struct seen seen = {0};
  struct evconnlistener *listener = listen_on_loopback(&seen, 0);
  int clients[6], i;
  CHECK(listener != NULL);
  for (i = 0; i < 6; ++i) clients[i] = connect_to(evconnlistener_get_fd(listener));
  seen.disable_at = 2;
  event_base_loop(base, 0);
  CHECK_INT_EQ(seen.connections, 2);
  seen.disable_at = 6;
  evconnlistener_enable(listener);
  event_base_loop(base, 0);
  CHECK_INT_EQ(seen.connections, 6);
  for (i = 0; i < 6; ++i) close(clients[i]);
  evconnlistener_free(listener);
}

/* must-not 4: the callback may free the listener. */
TEST(a_listener_may_be_freed_in_its_callback) {
  struct seen seen = {0};
  struct evconnlistener *listener = listen_on_loopback(&seen, 0);
  int clients[4], i;
  CHECK(listener != NULL);
  for (i = 0; i < 4; ++i) clients[i] = connect_to(evconnlistener_get_fd(listener));
  seen.free_at = 2;
  CHECK_INT_EQ(event_base_loop(base, 0), 1);
  CHECK_INT_EQ(seen.connections, 2);
  for (i = 0; i < 4; ++i) close(clients[i]);
}

TEST(a_listener_may_be_freed_after_its_base) {
  struct event_base *const of_the_others = base;
  struct seen seen = {0};
  struct evconnlistener *enabled, *disabled;
  evutil_socket_t fds[2];
  base = event_base_new();
  enabled = listen_on_loopback(&seen, 0);
  disabled = listen_on_loopback(&seen, LEV_OPT_DISABLED);
  CHECK(enabled && disabled);
  fds[0] = evconnlistener_get_fd(enabled);
  fds[1] = evconnlistener_get_fd(disabled);
  event_base_free(base);
  base = of_the_others;
  evconnlistener_free(enabled);
  evconnlistener_free(disabled);
  CHECK_INT_EQ(close(fds[0]), -1);
  CHECK_INT_EQ(close(fds[1]), -1);
}

TEST(new_accepts_on_a_socket_supplied_by_the_caller) {
  struct seen seen = {0};
  struct sockaddr_in sin = loopback();
  evutil_socket_t fd = socket(AF_INET, SOCK_STREAM, 0);
  struct evconnlistener *listener;
  int client;
  CHECK_INT_EQ(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
  evutil_make_socket_nonblocking(fd);
  listener = evconnlistener_new(base, on_accept, &seen, 0, -1, fd);
  CHECK(listener != NULL);
  client = connect_to(fd);
  CHECK_INT_GE(client, 0);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.connections, 1);
  evconnlistener_free(listener);
  /* Without LEV_OPT_CLOSE_ON_FREE it stays open, and listening. */
  CHECK(fcntl(fd, F_GETFD) >= 0);
  close(client);
  client = connect_to(fd);
  CHECK_INT_GE(client, 0);
  close(client);
  /* Backlog 0: the socket listens already. */
  listener = evconnlistener_new(base, on_accept, &seen, LEV_OPT_CLOSE_ON_FREE, 0, fd);
  CHECK(listener != NULL);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.connections, 2);
  evconnlistener_free(listener);
  CHECK(fcntl(fd, F_GETFD) == -1);
}

TEST(set_cb_replaces_callback_and_argument) {
  struct seen first = {0}, second = {0};
  struct evconnlistener *listener = listen_on_loopback(&first, 0);
  int client;
  CHECK(listener != NULL);
  evconnlistener_set_cb(listener, on_accept, &second);
  client = connect_to(evconnlistener_get_fd(listener));
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(first.connections, 0);
  CHECK_INT_EQ(second.connections, 1);
  close(client);
  evconnlistener_free(listener);
}

TEST(a_listener_without_a_callback_does_not_accept) {
  struct seen seen = {0};
  struct sockaddr_in sin = loopback();
  struct evconnlistener *listener = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 16,
                                                            (struct sockaddr *)&sin, sizeof(sin));
  int client;
  CHECK(listener != NULL);
  client = connect_to(evconnlistener_get_fd(listener));
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 1);
  evconnlistener_set_cb(listener, on_accept, &seen);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.connections, 1);
  close(client);
  evconnlistener_free(listener);
}

TEST(unix_sockets_are_accepted) {
  struct seen seen = {0};
  struct sockaddr_un sun;
  struct evconnlistener *listener;
  char folder[] = "/tmp/listener-test-XXXXXX";
  int client;
  CHECK(mkdtemp(folder) != NULL);
  memset(&sun, 0, sizeof(sun));
  sun.sun_family = AF_UNIX;
  snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/socket", folder);
  listener = evconnlistener_new_bind(base, on_accept, &seen, LEV_OPT_CLOSE_ON_FREE, 16,
                                     (struct sockaddr *)&sun, sizeof(sun));
  CHECK(listener != NULL);
  client = connect_to(evconnlistener_get_fd(listener));
  CHECK_INT_GE(client, 0);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.connections, 1);
  CHECK_INT_EQ(seen.family, AF_UNIX);
  close(client);
  evconnlistener_free(listener);
  unlink(sun.sun_path);
  rmdir(folder);
}

/* As libevent 2.2: no option makes a name in the file system free again. */
TEST(unix_sockets_reject_reuse_options) {
  struct seen seen = {0};
  struct sockaddr_un sun;
  const unsigned flags[] = {LEV_OPT_REUSEABLE, LEV_OPT_REUSEABLE_PORT};
  int i;
  if (!ours()) return;
  memset(&sun, 0, sizeof(sun));
  sun.sun_family = AF_UNIX;
  snprintf(sun.sun_path, sizeof(sun.sun_path), "/tmp/listener-test-%d", (int)getpid());
  for (i = 0; i < 2; ++i) {
    CHECK(evconnlistener_new_bind(base, on_accept, &seen, LEV_OPT_CLOSE_ON_FREE | flags[i], 16,
                                  (struct sockaddr *)&sun, sizeof(sun)) == NULL);
    CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), EINVAL);
    CHECK_INT_EQ(access(sun.sun_path, F_OK), -1);
  }
}

TEST(invalid_arguments_return_null) {
  struct seen seen = {0};
  struct sockaddr_in sin = loopback();
  const int before = dup(0);
  int after;
  close(before);
  /* No queue on a socket of its own. */
  CHECK(evconnlistener_new_bind(base, on_accept, &seen, LEV_OPT_CLOSE_ON_FREE, 0, (struct sockaddr *)&sin,
                                sizeof(sin)) == NULL);
  /* An address that is not this machine's (TEST-NET-1). */
  sin.sin_addr.s_addr = htonl(0xc0000201);
  CHECK(evconnlistener_new_bind(base, on_accept, &seen, LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&sin,
                                sizeof(sin)) == NULL);
  CHECK(evconnlistener_new(base, on_accept, &seen, 0, 16, -1) == NULL);
  after = dup(0);
  CHECK_INT_EQ(after, before); /* nothing stayed open */
  close(after);
}

TEST(reuseable_port_allows_two_listeners) {
  struct seen seen = {0};
  struct sockaddr_in sin = loopback();
  socklen_t length = sizeof(sin);
  struct evconnlistener *second, *first = listen_on_loopback(&seen, LEV_OPT_REUSEABLE_PORT);
  CHECK(first != NULL);
  CHECK_INT_EQ(getsockname(evconnlistener_get_fd(first), (struct sockaddr *)&sin, &length), 0);
  CHECK(evconnlistener_new_bind(base, on_accept, &seen, LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&sin,
                                sizeof(sin)) == NULL);
  second = evconnlistener_new_bind(base, on_accept, &seen, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE_PORT, 16,
                                   (struct sockaddr *)&sin, sizeof(sin));
  CHECK(second != NULL);
  evconnlistener_free(first);
  evconnlistener_free(second);
}

TEST(ipv6only_limits_a_listener_to_ipv6) {
  struct seen seen = {0};
  struct sockaddr_in6 sin6;
  struct evconnlistener *listener;
  int on = -1;
  socklen_t length = sizeof(on);
  memset(&sin6, 0, sizeof(sin6));
  sin6.sin6_family = AF_INET6;
  listener = evconnlistener_new_bind(base, on_accept, &seen, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_BIND_IPV6ONLY,
                                     16, (struct sockaddr *)&sin6, sizeof(sin6));
  if (!listener) return; /* a machine without IPv6 */
  CHECK_INT_EQ(getsockopt(evconnlistener_get_fd(listener), IPPROTO_IPV6, IPV6_V6ONLY, &on, &length), 0);
  CHECK_INT_EQ(on, 1);
  evconnlistener_free(listener);
#ifdef LEV_OPT_BIND_IPV4_AND_IPV6
  listener =
      evconnlistener_new_bind(base, on_accept, &seen, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_BIND_IPV4_AND_IPV6, 16,
                              (struct sockaddr *)&sin6, sizeof(sin6));
  CHECK(listener != NULL);
  CHECK_INT_EQ(getsockopt(evconnlistener_get_fd(listener), IPPROTO_IPV6, IPV6_V6ONLY, &on, &length), 0);
  CHECK_INT_EQ(on, 0);
  evconnlistener_free(listener);
#endif
}

TEST(deferred_accept_reports_connections_with_data) {
  struct seen seen = {0};
  struct evconnlistener *listener = listen_on_loopback(&seen, LEV_OPT_DEFERRED_ACCEPT);
  int client;
  CHECK(listener != NULL);
  client = connect_to(evconnlistener_get_fd(listener));
  CHECK_INT_GE(client, 0);
  turn();
  CHECK_INT_EQ(seen.connections, 0);
  CHECK_INT_EQ(write(client, "x", 1), 1);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.connections, 1);
  close(client);
  evconnlistener_free(listener);
}

/* must-not 19: when descriptors run out, the error callback is invoked and the loop does not spin; once there
   are descriptors again, the pending connection is accepted. */
TEST(accepting_pauses_and_resumes_when_descriptors_run_out) {
  struct seen seen = {0};
  struct rlimit old, low;
  struct evconnlistener *listener = listen_on_loopback(&seen, 0);
  int client, turns;
  CHECK(listener != NULL);
  evconnlistener_set_error_cb(listener, on_error);
  client = connect_to(evconnlistener_get_fd(listener));
  CHECK_INT_GE(client, 0);
  CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  low = old;
  low.rlim_cur = 3;
  CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  event_base_dispatch(base);
  setrlimit(RLIMIT_NOFILE, &old);
  CHECK_INT_EQ(seen.errors, 1);
  CHECK_INT_EQ(seen.last_error, EMFILE);
  CHECK_INT_EQ(seen.connections, 0);
  if (ours()) {
    /* It pauses: accept() is not called again in the iterations that follow. */
    setrlimit(RLIMIT_NOFILE, &low);
    for (turns = 0; turns < 50; ++turns) event_base_loop(base, EVLOOP_NONBLOCK);
    setrlimit(RLIMIT_NOFILE, &old);
    CHECK_INT_LE(seen.errors, 2);
  }
  seen.stop_after = 1;
  event_base_dispatch(base);
  CHECK_INT_EQ(seen.connections, 1);
  close(client);
  evconnlistener_free(listener);
}

static int kept[16];

static void keep(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length,
                 void *arg) {
  struct seen *seen = arg;
  (void)listener;
  (void)address;
  (void)length;
  if (seen->connections < 16) kept[seen->connections] = (int)fd;
  if (++seen->connections == seen->stop_after) event_base_loopbreak(base);
}

static void count_error(struct evconnlistener *listener, void *arg) {
  struct seen *seen = arg;
  (void)listener;
  ++seen->errors;
  seen->last_error = EVUTIL_SOCKET_ERROR();
}

/* Descriptors below a limit that leaves room for `room` more. */
static rlim_t limit_with_room(int room) {
  int fd, highest = 0;
  int taken[64]; /* not more room than that */
  for (fd = 0; fd < room; ++fd) {
    taken[fd] = dup(0);
    if (taken[fd] > highest) highest = taken[fd];
  }
  for (fd = 0; fd < room; ++fd) close(taken[fd]);
  return (rlim_t)highest + 1;
}

/* One that holds no descriptor in reserve yet. */
static void renew_base(void) {
  event_base_free(base);
  base = event_base_new();
}

/* Many clients, few descriptors: as many as fit are served, the error is reported once, and the rest is
   served when descriptors are available again. */
TEST(running_out_of_descriptors_reports_one_error_and_loses_no_connection) {
  struct seen seen = {0};
  struct rlimit old, low;
  struct evconnlistener *listener;
  struct timeval longer_than_three_rests = {0, 350000};
  int clients[6], i;
  if (!ours()) return;
  renew_base();
  listener = listen_on_loopback(&seen, 0);
  CHECK(listener != NULL);
  evconnlistener_set_cb(listener, keep, &seen);
  evconnlistener_set_error_cb(listener, count_error);
  for (i = 0; i < 6; ++i) {
    clients[i] = connect_to(evconnlistener_get_fd(listener));
    CHECK_INT_GE(clients[i], 0);
  }
  CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  low = old;
  low.rlim_cur = limit_with_room(3); /* one of them for the reserve, which the first connection brings */
  CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  event_base_loopexit(base, &longer_than_three_rests);
  event_base_dispatch(base);
  CHECK_INT_EQ(seen.connections, 3); /* two, and the one that the reserve made room for */
  CHECK_INT_EQ(seen.errors, 1);
  CHECK_INT_EQ(seen.last_error, EMFILE);

  for (i = 0; i < 3; ++i) close(kept[i]);
  seen.stop_after = 6;
  event_base_dispatch(base);
  setrlimit(RLIMIT_NOFILE, &old);
  CHECK_INT_EQ(seen.connections, 6);
  for (i = 3; i < 6; ++i) close(kept[i]);
  for (i = 0; i < 6; ++i) close(clients[i]);
  evconnlistener_free(listener);
}

static int open_files(int *files, int most) {
  int count = 0;
  while (count < most && (files[count] = open("/dev/null", O_RDONLY)) >= 0) ++count;
  return count;
}

/* Descriptors that the listeners do not use are left to the application. */
TEST(listeners_hold_only_their_own_descriptors) {
  enum { kListeners = 50, kRoom = 60 };
  struct seen seen = {0};
  struct rlimit old, low;
  struct evconnlistener *listeners[kListeners];
  int files[kRoom], i, made = 0, opened;
  CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  low = old;
  low.rlim_cur = limit_with_room(kRoom);
  CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  for (i = 0; i < kListeners; ++i) made += (listeners[i] = listen_on_loopback(&seen, 0)) != NULL;
  opened = open_files(files, kRoom);
  for (i = 0; i < opened; ++i) close(files[i]);
  for (i = 0; i < kListeners; ++i) {
    if (listeners[i]) evconnlistener_free(listeners[i]);
  }
  setrlimit(RLIMIT_NOFILE, &old);
  CHECK_INT_EQ(made, kListeners);
  CHECK_INT_EQ(opened, kRoom - kListeners);
}

/* However many accept; the base keeps it. */
TEST(all_listeners_share_one_reserve) {
  enum { kListeners = 8, kRoom = 60 };
  struct seen seen = {0};
  struct rlimit old, low;
  struct evconnlistener *listeners[kListeners];
  int files[kRoom], i, with, without;
  if (!ours()) return;
  renew_base();
  CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  low = old;
  low.rlim_cur = limit_with_room(kRoom);
  CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  for (i = 0; i < kListeners; ++i) {
    int client;
    CHECK((listeners[i] = listen_on_loopback(&seen, 0)) != NULL);
    client = connect_to(evconnlistener_get_fd(listeners[i]));
    CHECK_INT_GE(client, 0);
    while (seen.connections <= i) event_base_loop(base, EVLOOP_ONCE);
    close(client);
  }
  with = open_files(files, kRoom);
  for (i = 0; i < with; ++i) close(files[i]);
  for (i = 0; i < kListeners; ++i) evconnlistener_free(listeners[i]);
  without = open_files(files, kRoom);
  for (i = 0; i < without; ++i) close(files[i]);
  setrlimit(RLIMIT_NOFILE, &old);
  CHECK_INT_EQ(with, kRoom - kListeners - 1);
  CHECK_INT_EQ(without, kRoom - 1);
}

#ifndef EVENT__DISABLE_THREAD_SUPPORT
static void *dispatch_in_thread(void *arg) {
  (void)arg;
  event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
  return NULL;
}

static pthread_mutex_t count_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t count_changed = PTHREAD_COND_INITIALIZER;
static int thread_connections;

static void count_in_thread(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                            int length, void *arg) {
  (void)listener, (void)peer, (void)length, (void)arg;
  close(fd);
  pthread_mutex_lock(&count_mutex);
  ++thread_connections;
  pthread_cond_signal(&count_changed);
  pthread_mutex_unlock(&count_mutex);
}

/* Disabling and freeing from another thread than the loop's, connections arriving all the while. */
TEST(threadsafe_disable_and_free_from_another_thread) {
  struct sockaddr_in sin = loopback();
  pthread_t thread;
  int round;
  struct event_base *locked;
  struct event_base *saved = base;
  CHECK_INT_EQ(evthread_use_pthreads(), 0);
  locked = event_base_new();
  CHECK(locked != NULL);
  base = locked;
  CHECK_INT_EQ(pthread_create(&thread, NULL, dispatch_in_thread, NULL), 0);
  for (round = 1; round <= 20; ++round) {
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, count_in_thread, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, 16,
                                (struct sockaddr *)&sin, sizeof(sin));
    int client;
    CHECK(listener != NULL);
    client = connect_to(evconnlistener_get_fd(listener));
    CHECK_INT_GE(client, 0);
    pthread_mutex_lock(&count_mutex);
    while (thread_connections < round) pthread_cond_wait(&count_changed, &count_mutex);
    pthread_mutex_unlock(&count_mutex);
    CHECK_INT_EQ(evconnlistener_disable(listener), 0);
    evconnlistener_free(listener);
    close(client);
  }
  event_base_loopbreak(base);
  pthread_join(thread, NULL);
  event_base_free(base);
  base = saved;
}
#else
TEST(threadsafe_disable_and_free_from_another_thread) {
  CHECK(evconnlistener_new(NULL, NULL, NULL, 0, 0, -1) == NULL);
}
#endif

static void free_base(void) { event_base_free(base); }

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  base = event_base_new();
  if (!base) return 1;
  atexit(free_base);
  RUN_TESTS(new_bind_accepts_connections, flags_decide_blocking_and_close_on_exec,
            a_listener_can_be_disabled_and_enabled, disable_in_the_callback_stops_accepting_at_once,
            a_listener_may_be_freed_in_its_callback, a_listener_may_be_freed_after_its_base,
            new_accepts_on_a_socket_supplied_by_the_caller, set_cb_replaces_callback_and_argument,
            a_listener_without_a_callback_does_not_accept, unix_sockets_are_accepted,
            invalid_arguments_return_null, reuseable_port_allows_two_listeners,
            ipv6only_limits_a_listener_to_ipv6, deferred_accept_reports_connections_with_data,
            accepting_pauses_and_resumes_when_descriptors_run_out,
            running_out_of_descriptors_reports_one_error_and_loses_no_connection,
            listeners_hold_only_their_own_descriptors, all_listeners_share_one_reserve,
            unix_sockets_reject_reuse_options, threadsafe_disable_and_free_from_another_thread);
}

/* A server that holds very many connections at once, of which many are reset or half-closed, and loses
 * nothing.
 *
 *   load [CONNECTIONS [SEED]]
 *
 * The clients are another process. When all are connected the traffic begins: the server echoes what follows
 * a connection's number. Both sides write down what they saw, and the records are compared at the end. The
 * limit of file descriptors may lower CONNECTIONS. The last line is `N passed, N failed`. */
#define _GNU_SOURCE
#include <dirent.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faults/random.h"
#include "load/load.h"

enum { kOthers = 100, kBacklog = 4096, kMostBytes = 20000, kFewBytes = 200, kPatienceSeconds = 110 };

struct server {
  struct event_base *base;
  struct shared *shared;
  uint32_t count;
  unsigned live, most_live, nameless_ends;
};

struct connection {
  struct server *server;
  struct record *record; /* NULL until its number has arrived */
  uint32_t number;
  struct bufferevent *bev;
  int ended;
};

static unsigned passed, failed;
static void check(int holds, const char *what) {
  if (!holds) printf("FAILED %s\n", what);
  passed += holds != 0;
  failed += holds == 0;
}

/* --- the server -------------------------------------------------------------------------------------------
 */

static void free_connection(struct connection *c) {
  struct server *s = c->server;
  bufferevent_free(c->bev);
  if (c->record) {
    ++c->record->server_ends;
  } else {
    ++s->nameless_ends;
  }
  free(c);
  if (--s->live == 0 && atomic_load(&s->shared->accepted) == s->count) event_base_loopbreak(s->base);
}

static int take_number(struct connection *c, struct evbuffer *input) {
  unsigned char bytes[kNumberSize];
  if (c->record) return 1;
  if (evbuffer_get_length(input) < kNumberSize) return 0;
  evbuffer_remove(input, bytes, sizeof(bytes));
  c->number = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
  if (c->number < c->server->count) c->record = &c->server->shared->records[c->number];
  return c->record != NULL;
}

static void on_read(struct bufferevent *bev, void *arg) {
  struct connection *c = arg;
  struct evbuffer *input = bufferevent_get_input(bev);
  unsigned char bytes[4096];
  int got, i;
  if (!take_number(c, input)) return;
  while ((got = evbuffer_remove(input, bytes, sizeof(bytes))) > 0) {
    for (i = 0; i < got; ++i)
      c->record->server_wrong |= bytes[i] != load_byte(c->number, c->record->server_received++);
    bufferevent_write(bev, bytes, (size_t)got);
  }
}

static void on_write(struct bufferevent *bev, void *arg) {
  struct connection *c = arg;
  if (c->ended && evbuffer_get_length(bufferevent_get_output(bev)) == 0) free_connection(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct connection *c = arg;
  if (c->record) {
    c->record->server_saw_eof += (what & BEV_EVENT_EOF) != 0;
    c->record->server_saw_error += (what & BEV_EVENT_ERROR) != 0;
  }
  c->ended = 1;
  if ((what & BEV_EVENT_ERROR) || evbuffer_get_length(bufferevent_get_output(bev)) == 0) free_connection(c);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *arg) {
  struct server *s = arg;
  struct connection *c = calloc(1, sizeof(*c));
  (void)listener;
  (void)address;
  (void)length;
  c->server = s;
  c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
  bufferevent_enable(c->bev, EV_READ | EV_WRITE);
  if (++s->live > s->most_live) s->most_live = s->live;
  if (atomic_fetch_add(&s->shared->accepted, 1) + 1 == s->count) atomic_store(&s->shared->go, 1);
}

/* --- expectations -----------------------------------------------------------------------------------------
 */

static void compare(const struct server *s) {
  unsigned lost = 0, wrong = 0, ends = 0, not_once = 0, not_eof = 0;
  uint32_t i;
  for (i = 0; i < s->count; ++i) {
    const struct record *r = &s->shared->records[i];
    const uint32_t all = r->size - kNumberSize;
    const int clean = r->fate == kHalfClose || r->fate == kReadThenClose;
    wrong += r->server_wrong || r->client_wrong;
    ends += (unsigned)r->server_ends;
    not_once += clean ? r->server_ends != 1 : r->server_ends > 1;
    lost += clean ? r->server_received != all || r->received != all : r->server_received > r->sent;
    not_eof += clean && (r->server_saw_eof != 1 || r->server_saw_error);
    not_eof += r->fate == kHalfClose && !r->client_saw_end;
  }
  check(s->most_live == s->count, "all connections were held at once");
  check(wrong == 0, "every byte that arrived is the one that was sent");
  check(lost == 0, "every byte of a connection that was not reset arrived, there and back");
  check(not_once == 0 && ends + s->nameless_ends == s->count, "every connection ended once");
  check(not_eof == 0, "what was half-closed or closed ended with EOF");
}

static int open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  int count = 0;
  while (directory && readdir(directory)) ++count;
  if (directory) closedir(directory);
  return count;
}

static uint32_t allowed(uint32_t wanted) {
  struct rlimit limit;
  const rlim_t all = (rlim_t)wanted + kOthers;
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= all) return wanted;
  limit.rlim_cur = all;
  if (limit.rlim_max < all) limit.rlim_max = all;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return wanted;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  wanted = (uint32_t)limit.rlim_max - kOthers;
  printf("table: the limit of descriptors lets no more than %u connections be\n", wanted);
  return wanted;
}

static void plan(struct shared *shared, uint32_t count, uint64_t seed) {
  uint64_t random = seed_random(seed);
  uint32_t i;
  for (i = 0; i < count; ++i) {
    struct record *r = &shared->records[i];
    r->fate = (enum fate)random_below(&random, kFates);
    r->size = kNumberSize + 1 + random_below(&random, random_below(&random, 3) ? kFewBytes : kMostBytes);
    if (r->fate == kSilent) r->size = kNumberSize;
  }
}

static double seconds(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct evconnlistener *listen_here(struct server *s, struct sockaddr_in *address) {
  socklen_t length = sizeof(*address);
  struct evconnlistener *listener;
  memset(address, 0, sizeof(*address));
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = evconnlistener_new_bind(s->base, on_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                     kBacklog, (struct sockaddr *)address, sizeof(*address));
  if (listener) getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)address, &length);
  return listener;
}

static pid_t start_clients(struct shared *shared, uint32_t count, struct sockaddr_in address, uint64_t seed) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  alarm(kPatienceSeconds);
  _exit(load_clients(shared, count, address, seed));
}

int main(int argc, char **argv) {
  const uint32_t count = allowed(argc > 1 ? (uint32_t)atoi(argv[1]) : 15000);
  const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  const size_t size = sizeof(struct shared) + count * sizeof(struct record);
  struct server s = {.count = count};
  struct evconnlistener *listener;
  struct sockaddr_in address;
  const double begin = seconds();
  int fds, status = -1;
  pid_t clients;
  s.shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s.shared == MAP_FAILED || !(s.base = event_base_new()) || !(listener = listen_here(&s, &address)))
    return 2;
  plan(s.shared, count, seed);
  signal(SIGPIPE, SIG_IGN);
  alarm(kPatienceSeconds);
  fds = open_descriptors();
  clients = start_clients(s.shared, count, address, seed);
  event_base_dispatch(s.base);
  waitpid(clients, &status, 0);
  check(status == 0, "the clients connected and ended");
  compare(&s);
  check(event_base_get_num_events(s.base, EVENT_BASE_COUNT_ADDED) == 1,
        "no event but the listener's is left");
  evconnlistener_free(listener);
  event_base_free(s.base);
  check(open_descriptors() < fds, "no descriptor is left, nor the listener's");
  printf("table: %u connections at once, seed %llu, in %.1f s\n", s.most_live, (unsigned long long)seed,
         seconds() - begin);
  printf("%u passed, %u failed\n", passed, failed);
  return failed != 0;
}

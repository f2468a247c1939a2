/* The clients of the load, over epoll alone. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "faults/random.h"
#include "load/load.h"

/* No more are connecting at a time than the server's queue holds. */
enum { kAtATime = 512, kSources = 8, kReports = 256 };

struct clients {
  struct shared *shared;
  uint32_t count, open;
  int *fds;
  int epoll;
  struct sockaddr_in server;
  uint64_t random;
};

static void pause_a_moment(void) {
  const struct timespec moment = {0, 1000000};
  nanosleep(&moment, NULL);
}

/* Several addresses of this host, so that one's ports are enough. */
static int connect_one(struct clients *c, uint32_t number) {
  struct sockaddr_in from;
  const int on = 1;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset(&from, 0, sizeof(from));
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % kSources);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  if (fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
      connect(fd, (struct sockaddr *)&c->server, sizeof(c->server)) == 0)
    return fd;
  perror("load: connect");
  if (fd >= 0) close(fd);
  return -1;
}

static int connect_all(struct clients *c) {
  uint32_t i;
  for (i = 0; i < c->count; ++i) {
    while (i >= atomic_load(&c->shared->accepted) + kAtATime) pause_a_moment();
    c->fds[i] = connect_one(c, i);
    if (c->fds[i] < 0) return 0;
    fcntl(c->fds[i], F_SETFL, O_NONBLOCK);
  }
  return 1;
}

static void end_client(struct clients *c, uint32_t number, int reset) {
  struct linger at_once = {1, 0};
  if (reset) setsockopt(c->fds[number], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(c->fds[number]);
  c->fds[number] = -1;
  c->shared->records[number].client_ended = 1;
  --c->open;
}

/* Returns 0 when the client has ended. */
static int send_some(struct clients *c, uint32_t number) {
  struct record *r = &c->shared->records[number];
  unsigned char bytes[4096];
  uint32_t size = r->size - r->sent, i;
  ssize_t sent;
  if (size > sizeof(bytes)) size = sizeof(bytes);
  if (size > 1) size = 1 + random_below(&c->random, size);
  for (i = 0; i < size; ++i) {
    const uint32_t at = r->sent + i;
    bytes[i] = at < kNumberSize ? (unsigned char)(number >> 8 * at) : load_byte(number, at - kNumberSize);
  }
  sent = send(c->fds[number], bytes, size, MSG_NOSIGNAL);
  if (sent > 0) r->sent += (uint32_t)sent;
  if (sent < 0 && errno != EAGAIN) {
    end_client(c, number, 0);
    return 0;
  }
  return 1;
}

static void all_is_sent(struct clients *c, uint32_t number) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
  const enum fate fate = c->shared->records[number].fate;
  if (fate == kReset || fate == kResetUnread || fate == kSilent) {
    end_client(c, number, 1);
    return;
  }
  if (fate == kHalfClose) shutdown(c->fds[number], SHUT_WR);
  epoll_ctl(c->epoll, EPOLL_CTL_MOD, c->fds[number], &event);
}

/* Checks the echo of the data after the number. Returns 0 when the client has finished. */
static int receive_some(struct clients *c, uint32_t number) {
  struct record *r = &c->shared->records[number];
  unsigned char bytes[8192];
  const ssize_t got = recv(c->fds[number], bytes, sizeof(bytes), 0);
  ssize_t i;
  if (got < 0 && errno == EAGAIN) return 1;
  for (i = 0; i < got; ++i) r->client_wrong |= bytes[i] != load_byte(number, r->received++);
  if (got == 0) r->client_saw_end = 1;
  if (got > 0 && (r->fate != kReadThenClose || r->received + kNumberSize < r->size)) return 1;
  end_client(c, number, 0);
  return 0;
}

static void step(struct clients *c, uint32_t number, uint32_t ready) {
  struct record *r = &c->shared->records[number];
  if (c->fds[number] < 0) return;
  if ((ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) && r->fate != kResetUnread && !receive_some(c, number))
    return;
  if (!(ready & EPOLLOUT) || r->sent == r->size) return;
  if (send_some(c, number) && r->sent == r->size) all_is_sent(c, number);
}

static void play(struct clients *c) {
  struct epoll_event reports[kReports];
  uint32_t i;
  for (i = 0; i < c->count; ++i) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u32 = i};
    if (c->shared->records[i].fate == kResetUnread) event.events = EPOLLOUT;
    epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->fds[i], &event);
  }
  while (c->open > 0) {
    const int count = epoll_wait(c->epoll, reports, kReports, -1);
    int k;
    for (k = 0; k < count; ++k) step(c, reports[k].data.u32, reports[k].events);
  }
}

int load_clients(struct shared *shared, uint32_t count, struct sockaddr_in server, uint64_t seed) {
  struct clients c = {.shared = shared, .count = count, .open = count, .server = server};
  c.random = seed_random(seed);
  c.fds = calloc(count, sizeof(*c.fds));
  c.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!c.fds || c.epoll < 0) return 2;
  if (!connect_all(&c)) {
    atomic_store(&shared->failed_connects, 1);
    return 1;
  }
  while (!atomic_load(&shared->go)) pause_a_moment();
  play(&c);
  close(c.epoll);
  free(c.fds);
  return 0;
}

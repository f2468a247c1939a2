/* The clean echo server. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faults/client.h"
#include "faults/random.h"

enum { kBlock = 8192 };

struct peer {
  int fd; /* -1: not there */
  unsigned char bytes[kBlock];
  size_t waiting; /* of the bytes */
  int ended;
};

static void lose(struct peer *p, int reset) {
  struct linger at_once = {1, 0};
  if (reset) setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(p->fd);
  p->fd = -1;
}

static void send_back(struct peer *p) {
  const ssize_t sent = send(p->fd, p->bytes, p->waiting, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) {
    lose(p, 0);
  } else if (sent > 0) {
    p->waiting -= (size_t)sent;
    memmove(p->bytes, p->bytes + sent, p->waiting);
  }
}

static void serve(struct clean_server *s, struct peer *p, short ready) {
  if (s->reset_one_in && random_below(&s->random, s->reset_one_in * 20) == 0) {
    lose(p, 1);
    return;
  }
  if (p->waiting < kBlock && !p->ended && (ready & (POLLIN | POLLHUP | POLLERR))) {
    const ssize_t got = recv(p->fd, p->bytes + p->waiting, kBlock - p->waiting, MSG_DONTWAIT);
    if (got < 0 && errno != EAGAIN) {
      lose(p, 0);
      return;
    }
    if (got == 0) p->ended = 1;
    if (got > 0) p->waiting += (size_t)got;
  }
  if (p->waiting > 0) send_back(p);
  if (p->fd >= 0 && p->ended && p->waiting == 0) lose(p, 0);
}

/* The first of polls is the listener's, the second that of the wish to stop. Returns 0 on that. */
static int turn(struct clean_server *s, struct pollfd *polls, struct peer *peers, unsigned *accepted) {
  unsigned i;
  polls[0].fd = *accepted < s->connections ? s->listener : -1;
  polls[0].events = polls[1].events = POLLIN;
  polls[1].fd = s->stop[0];
  for (i = 0; i < s->connections; ++i) {
    polls[2 + i].fd = peers[i].fd;
    polls[2 + i].events = (short)((peers[i].waiting < kBlock && !peers[i].ended ? POLLIN : 0) |
                                  (peers[i].waiting ? POLLOUT : 0));
    polls[2 + i].revents = 0;
  }
  if (poll(polls, 2 + s->connections, -1) <= 0) return 1;
  for (i = 0; i < s->connections; ++i) {
    if (peers[i].fd >= 0 && polls[2 + i].revents) serve(s, &peers[i], polls[2 + i].revents);
  }
  if (polls[0].revents) {
    const int fd = accept(s->listener, NULL, NULL);
    if (fd >= 0) peers[(*accepted)++].fd = fd;
  }
  return !polls[1].revents;
}

static void *run_server(void *arg) {
  struct clean_server *s = arg;
  struct pollfd *polls = calloc(2 + s->connections, sizeof(*polls));
  struct peer *peers = calloc(s->connections, sizeof(*peers));
  unsigned accepted = 0, i;
  for (i = 0; i < s->connections; ++i) peers[i].fd = -1;
  while (turn(s, polls, peers, &accepted)) {
  }
  for (i = 0; i < s->connections; ++i) {
    if (peers[i].fd >= 0) lose(&peers[i], 0);
  }
  free(peers);
  free(polls);
  return NULL;
}

int clean_server_start(struct clean_server *s) {
  socklen_t length = sizeof(s->address);
  memset(&s->address, 0, sizeof(s->address));
  s->address.sin_family = AF_INET;
  s->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return s->listener >= 0 && pipe(s->stop) == 0 &&
         bind(s->listener, (struct sockaddr *)&s->address, length) == 0 && listen(s->listener, 128) == 0 &&
         getsockname(s->listener, (struct sockaddr *)&s->address, &length) == 0 &&
         pthread_create(&s->thread, NULL, run_server, s) == 0;
}

void clean_server_stop(struct clean_server *s) {
  close(s->stop[1]);
  pthread_join(s->thread, NULL);
  close(s->stop[0]);
  close(s->listener);
}

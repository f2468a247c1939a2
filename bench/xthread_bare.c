/* Round trips between two threads by epoll and eventfd. A queue of activations is a library's own work. */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "xthread.h"

struct player {
  int epoll, wake_up;
};
static struct player players[2];
static struct progress progress;
static int finished;

static void hit(struct player *player) {
  const uint64_t one = 1;
  CHECK(write(player->wake_up, &one, sizeof one) == sizeof one);
}

static void await(struct player *player) {
  struct epoll_event ready;
  uint64_t value;
  CHECK(epoll_wait(player->epoll, &ready, 1, -1) == 1);
  CHECK(read(player->wake_up, &value, sizeof value) == sizeof value);
}

static void *play_back(void *arg) {
  (void)arg;
  for (;;) {
    await(&players[1]);
    if (finished) return NULL;
    hit(&players[0]);
  }
}

int main(int argc, char **argv) {
  pthread_t other;
  const long ops = bench_start(argc, argv, kXthreadOps) / (kXthreadOps / kRoundTrips) + 1;
  for (int i = 0; i < 2; ++i) {
    struct epoll_event interest = {.events = EPOLLIN};
    players[i].epoll = epoll_create1(EPOLL_CLOEXEC);
    players[i].wake_up = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(players[i].epoll >= 0 && players[i].wake_up >= 0);
    CHECK(epoll_ctl(players[i].epoll, EPOLL_CTL_ADD, players[i].wake_up, &interest) == 0);
  }
  progress_init(&progress, "xthread_round_trip", ops / 10, ops);
  start_thread(&other, play_back, NULL);
  do {
    hit(&players[1]);
    await(&players[0]);
  } while (!progress_add(&progress, 1));
  finished = 1;
  hit(&players[1]);
  end_thread(other);
  bench_finish();
  return 0;
}

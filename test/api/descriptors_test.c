/* Socket bufferevents and their file descriptors: how much a read callback receives, what is written before
 * the kernel reported writability, and descriptors of other kinds than stream sockets. It also runs on
 * libevent, where inotify fails. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "api/check.h"

enum { kSlice = 4096, kMuch = 200000 };

static struct event_base *base;
static char pattern[kMuch];

static void make_pair(int type, int fds[2]) {
  CHECK_INT_EQ(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

/* Runs the loop until `*done`, but not for ever. */
static void run_until(const int *done) {
  int turns;
  for (turns = 0; turns < 20000 && !*done; ++turns) {
    const struct timeval soon = {0, 2000};
    event_base_loopexit(base, &soon);
    event_base_loop(base, EVLOOP_ONCE);
  }
  CHECK(*done);
}

static void turn(void) {
  int i;
  for (i = 0; i < 5; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
}

static struct {
  int events, callbacks, done;
  size_t most_new, got, wanted;
  int in_order;
} seen;

static void expect_bytes(size_t wanted) {
  memset(&seen, 0, sizeof(seen));
  seen.wanted = wanted;
  seen.in_order = 1;
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)bev;
  (void)what;
  (void)arg;
  ++seen.events;
}

/* --- how much a read callback finds ----------------------------------------------------------------------
 */

static void take(struct bufferevent *bev, size_t most) {
  char block[kSlice];
  const size_t size = bufferevent_read(bev, block, most);
  if (seen.got + size > sizeof(pattern) || memcmp(block, pattern + seen.got, size)) seen.in_order = 0;
  seen.got += size;
  if (seen.got >= seen.wanted) seen.done = 1;
}

/* Has an array of that size, as many programs have. */
static void on_read_all(struct bufferevent *bev, void *arg) {
  const size_t length = evbuffer_get_length(bufferevent_get_input(bev));
  (void)arg;
  ++seen.callbacks;
  if (length > seen.most_new) seen.most_new = length;
  if (length <= kSlice) take(bev, length);
}

static void on_read_some(struct bufferevent *bev, void *arg) {
  (void)arg;
  take(bev, kSlice);
}

/* Half of the time the whole of `pattern` is there before the first read, so that one read could bring much.
 */
static void send_pattern(int fd, size_t *sent) {
  while (*sent < sizeof(pattern)) {
    const ssize_t put = write(fd, pattern + *sent, sizeof(pattern) - *sent);
    if (put <= 0) return;
    *sent += (size_t)put;
  }
}

static void receive_pattern(int options, bufferevent_data_cb on_read) {
  int fds[2], size = 1 << 19, turns;
  size_t sent = 0;
  struct bufferevent *bev;
  make_pair(SOCK_STREAM, fds);
  setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  bev = bufferevent_socket_new(base, fds[0], options);
  CHECK(bev != NULL);
  bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
  bufferevent_enable(bev, EV_READ);
  expect_bytes(sizeof(pattern));
  for (turns = 0; turns < 20000 && !seen.done; ++turns) {
    send_pattern(fds[1], &sent);
    event_base_loop(base, EVLOOP_NONBLOCK);
  }
  CHECK(seen.done && seen.in_order && !seen.events);
  bufferevent_free(bev);
  turn();
  if (!(options & BEV_OPT_CLOSE_ON_FREE)) close(fds[0]);
  close(fds[1]);
}

static const int kOptions[] = {0, BEV_OPT_CLOSE_ON_FREE, BEV_OPT_DEFER_CALLBACKS,
                               BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS};
enum { kOptionSets = sizeof(kOptions) / sizeof(*kOptions) };

TEST(a_read_callback_receives_at_most_4096_new_bytes) {
  int i;
  for (i = 0; i < kOptionSets; ++i) {
    receive_pattern(kOptions[i], on_read_all);
    if (CHECK_FAILED()) return;
    CHECK_INT_LE(seen.most_new, kSlice);
    CHECK_INT_GE(seen.callbacks, kMuch / kSlice);
  }
}

TEST(draining_4096_bytes_in_each_callback_loses_nothing) {
  int i;
  for (i = 0; i < kOptionSets; ++i) {
    receive_pattern(kOptions[i], on_read_some);
    if (CHECK_FAILED()) return;
  }
}

/* --- datagrams and records -------------------------------------------------------------------------------
 */

static void on_read_nothing(struct bufferevent *bev, void *arg) {
  (void)bev;
  (void)arg;
}

TEST(a_datagram_read_beside_a_busy_stream_is_not_truncated) {
  struct bufferevent *stream, *datagrams;
  int s[2], d[2], round, i;
  make_pair(SOCK_STREAM, s);
  make_pair(SOCK_SEQPACKET, d);
  if (CHECK_FAILED()) return;
  stream = bufferevent_socket_new(base, s[0], BEV_OPT_CLOSE_ON_FREE);
  datagrams = bufferevent_socket_new(base, d[0], BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(stream, on_read_nothing, NULL, NULL, NULL);
  bufferevent_setcb(datagrams, on_read_nothing, NULL, NULL, NULL);
  bufferevent_enable(stream, EV_READ);
  bufferevent_enable(datagrams, EV_READ);
  for (round = 0; round < 20; ++round) {
    struct evbuffer *input = bufferevent_get_input(datagrams);
    for (i = 0; i < 5; ++i) {
      CHECK_INT_EQ(send(d[1], pattern, 10, 0), 10);
      turn();
      CHECK_INT_EQ(evbuffer_get_length(input), 10);
      evbuffer_drain(input, 10);
    }
    if (send(s[1], pattern, 60000, 0) > 0) turn();
    CHECK_INT_EQ(send(d[1], pattern, kSlice, 0), kSlice);
    turn();
    CHECK_INT_EQ(evbuffer_get_length(input), kSlice);
    evbuffer_drain(input, kSlice);
    evbuffer_drain(bufferevent_get_input(stream), 1 << 20);
  }
  bufferevent_free(stream);
  bufferevent_free(datagrams);
  turn();
  close(s[1]);
  close(d[1]);
}

static void on_low_watermark(struct bufferevent *bev, void *arg) {
  (void)bev;
  (void)arg;
  seen.done = 1;
}

/* Reads records from `fd` until there are `low` bytes of them. `cause` makes another one; it may be null. */
static void read_records(int fd, size_t low, void (*cause)(void)) {
  struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
  int turns;
  expect_bytes(0);
  bufferevent_setcb(bev, on_low_watermark, NULL, on_event, NULL);
  bufferevent_setwatermark(bev, EV_READ, low, 0);
  bufferevent_enable(bev, EV_READ);
  for (turns = 0; turns < 20000 && !seen.done && !seen.events; ++turns) {
    if (cause) cause();
    event_base_loop(base, cause ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
  }
  CHECK_INT_EQ(seen.events, 0);
  CHECK(seen.done);
  bufferevent_free(bev);
  turn();
}

static char folder[] = "/tmp/eventide-XXXXXX";

static void touch_files(void) {
  static int count;
  char path[300];
  int fd;
  snprintf(path, sizeof(path), "%s/%.*s%d", folder, 1 + count % 40,
           "a-long-name-of-a-file-in-a-directory-xyz", count);
  ++count;
  fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  unlink(path);
}

TEST(reads_of_inotify_have_room_for_a_whole_record) {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  CHECK(mkdtemp(folder) != NULL);
  CHECK(inotify_add_watch(fd, folder, IN_CREATE | IN_DELETE) >= 0);
  read_records(fd, 3000, touch_files);
  rmdir(folder);
}

TEST(reads_of_timerfd_have_room_for_a_whole_record) {
  const struct itimerspec every = {{0, 100000}, {0, 100000}};
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  CHECK_INT_EQ(timerfd_settime(fd, 0, &every, NULL), 0);
  read_records(fd, 1600, NULL);
}

static int counter = -1;
static void count_up(void) { eventfd_write(counter, 1); }

TEST(reads_of_eventfd_have_room_for_a_whole_record) {
  counter = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  read_records(counter, 1600, count_up);
}

static void raise_signal(void) { kill(getpid(), SIGUSR2); }

TEST(reads_of_signalfd_have_room_for_a_whole_record) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, NULL);
  read_records(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), 128 * 40, raise_signal);
}

/* --- output before the kernel reported room --------------------------------------------------------------
 */

static void on_readable(evutil_socket_t fd, short what, void *arg) {
  static char block[65536];
  const ssize_t got = recv(fd, block, sizeof(block), MSG_DONTWAIT);
  (void)what;
  (void)arg;
  if (got > 0) seen.got += (size_t)got;
  if (seen.got >= seen.wanted) seen.done = 1;
}

/* The reader lives in the same loop: a write that blocked would block for ever. */
TEST(writing_to_a_blocking_fd_does_not_block_the_loop) {
  enum { kTotal = 4 << 20 };
  struct bufferevent *bev;
  struct event *reader;
  char *data = calloc(1, kTotal);
  int fds[2];
  CHECK_INT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  expect_bytes(kTotal);
  bev = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
  reader = event_new(base, fds[1], EV_READ | EV_PERSIST, on_readable, NULL);
  event_add(reader, NULL);
  alarm(60);
  CHECK_INT_EQ(bufferevent_write(bev, data, kTotal), 0);
  run_until(&seen.done);
  alarm(0);
  CHECK_INT_EQ(seen.got, kTotal);
  event_free(reader);
  bufferevent_free(bev);
  turn();
  close(fds[1]);
  free(data);
}

static int next_owner = -1;

static void answer_and_close(struct bufferevent *bev, void *arg) {
  const int fd = (int)bufferevent_getfd(bev);
  int fds[2];
  (void)arg;
  bufferevent_write(bev, "secret", 6);
  close(fd);
  make_pair(SOCK_STREAM, fds);
  if (fds[0] != fd) {
    dup2(fds[0], fd);
    close(fds[0]);
  }
  next_owner = fds[1];
}

TEST(output_does_not_reach_the_next_owner_of_a_closed_fd) {
  int fds[2];
  char byte;
  struct bufferevent *bev;
  make_pair(SOCK_STREAM, fds);
  bev = bufferevent_socket_new(base, fds[0], 0);
  bufferevent_setcb(bev, answer_and_close, NULL, on_event, NULL);
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(write(fds[1], "x", 1), 1);
  turn();
  CHECK_INT_GE(next_owner, 0);
  CHECK_INT_EQ(recv(next_owner, &byte, 1, MSG_DONTWAIT), -1);
  bufferevent_free(bev);
  close(fds[0]);
  close(fds[1]);
  close(next_owner);
}

/* A system whose sockets refuse output while they connect, as BSD's do. */
static int connecting = -1, refused;
static int refuses(int fd) {
  struct sockaddr_storage peer;
  socklen_t length = sizeof(peer);
  if (fd != connecting || getpeername(fd, (struct sockaddr *)&peer, &length) == 0) return 0;
  ++refused;
  errno = ENOTCONN;
  return 1;
}
ssize_t write(int fd, const void *data, size_t size) {
  return refuses(fd) ? -1 : syscall(SYS_write, fd, data, size);
}
ssize_t writev(int fd, const struct iovec *vec, int count) {
  return refuses(fd) ? -1 : syscall(SYS_writev, fd, vec, count);
}

static int accepted[8], accepted_count;

/* Accepts pending connections and checks whether one of them has sent the text. */
static void on_time_to_accept(evutil_socket_t listener, short what, void *arg) {
  char text[8];
  int i;
  (void)what;
  (void)arg;
  while (accepted_count < 8) {
    const int fd = accept4((int)listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) break;
    accepted[accepted_count++] = fd;
  }
  for (i = 0; i < accepted_count; ++i) {
    if (recv(accepted[i], text, sizeof(text), MSG_DONTWAIT) == 5) seen.done = 1;
  }
}

TEST(output_is_deferred_until_the_callers_connect_completes) {
  struct sockaddr_in address;
  struct sockaddr_storage peer;
  socklen_t length = sizeof(address), peer_length = sizeof(peer);
  const struct timeval often = {0, 20000};
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct bufferevent *bev;
  struct event *drain;
  int filler[8], i;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_INT_EQ(bind(listener, (struct sockaddr *)&address, length), 0);
  CHECK_INT_EQ(listen(listener, 0), 0);
  CHECK_INT_EQ(getsockname(listener, (struct sockaddr *)&address, &length), 0);
  /* They fill the backlog, so that the one that matters has to wait. */
  for (i = 0; i < 3; ++i) {
    filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    connect(filler[i], (struct sockaddr *)&address, length);
  }
  connecting = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  connect(connecting, (struct sockaddr *)&address, length);
  CHECK_INT_EQ(getpeername(connecting, (struct sockaddr *)&peer, &peer_length), -1);
  expect_bytes(0);
  bev = bufferevent_socket_new(base, connecting, 0);
  bufferevent_setcb(bev, NULL, NULL, on_event, NULL);
  bufferevent_enable(bev, EV_READ);
  CHECK_INT_EQ(bufferevent_write(bev, "hello", 5), 0);
  turn();
  CHECK_INT_EQ(seen.events, 0);
  drain = event_new(base, listener, EV_PERSIST, on_time_to_accept, NULL);
  event_add(drain, &often);
  run_until(&seen.done);
  CHECK_INT_EQ(seen.events, 0);
  event_free(drain);
  bufferevent_free(bev);
  close(connecting);
  connecting = -1;
  close(listener);
  for (i = 0; i < 3; ++i) close(filler[i]);
  for (i = 0; i < accepted_count; ++i) close(accepted[i]);
}

int main(int argc, char **argv) {
  size_t i;
  for (i = 0; i < sizeof(pattern); ++i) pattern[i] = (char)('a' + i / 7 % 26);
  signal(SIGPIPE, SIG_IGN);
  base = event_base_new();
  RUN_TESTS(
      a_read_callback_receives_at_most_4096_new_bytes, draining_4096_bytes_in_each_callback_loses_nothing,
      a_datagram_read_beside_a_busy_stream_is_not_truncated, reads_of_inotify_have_room_for_a_whole_record,
      reads_of_timerfd_have_room_for_a_whole_record, reads_of_eventfd_have_room_for_a_whole_record,
      reads_of_signalfd_have_room_for_a_whole_record, writing_to_a_blocking_fd_does_not_block_the_loop,
      output_does_not_reach_the_next_owner_of_a_closed_fd,
      output_is_deferred_until_the_callers_connect_completes);
}

/* The functions of the C library that the library under test calls on descriptors, with faults. */
#define _GNU_SOURCE
#include "faults/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "faults/random.h"

/* There are few registrations for each read and write. */
enum { kMostPieces = 1024, kRegisterFactor = 8 };

const char *const faults_names[kFaultsCalls] = {"read",   "write", "sendfile", "accept", "connect",
                                                "socket", "wait",  "register", "memory"};

static _Thread_local struct {
  int known, on;
  uint64_t random;
  struct faults_rates rates;
} mine;

static atomic_ulong injected[kFaultsCalls];

void faults_begin(uint64_t seed, struct faults_rates rates) {
  mine.known = mine.on = 1;
  mine.random = seed_random(seed);
  mine.rates = rates;
}

void faults_end(void) {
  mine.known = 1;
  mine.on = 0;
}

unsigned long faults_injected(enum faults_call call) { return atomic_load(&injected[call]); }

/* The first call of a thread, which did not begin by itself. */
static void begin_as_environment_says(void) {
  static atomic_ulong threads;
  const char *text = getenv("FAULTS");
  unsigned long seed;
  struct faults_rates rates = {0, 0, 0};
  mine.known = 1;
  if (text && sscanf(text, "%lu %u %u", &seed, &rates.soft, &rates.hard) == 3)
    faults_begin(seed + 1000003 * atomic_fetch_add(&threads, 1), rates);
}

static int fails(unsigned per_mille) {
  if (!mine.known) begin_as_environment_says();
  return mine.on && random_below(&mine.random, 1000) < per_mille;
}

static int fail(enum faults_call call, int error) {
  atomic_fetch_add(&injected[call], 1);
  errno = error;
  return -1;
}

/* errors ends with 0. */
static int fail_with_one_of(enum faults_call call, const int *errors) {
  unsigned count = 0;
  while (errors[count]) ++count;
  return fail(call, errors[random_below(&mine.random, count)]);
}

int faults_memory_fails(void) {
  if (!mine.on || !fails(mine.rates.memory)) return 0;
  atomic_fetch_add(&injected[kFaultsMemory], 1);
  return 1;
}

/* --- reading and writing ----------------------------------------------------------------------------------
 */

static int is_stream(int fd) {
  int type = 0;
  socklen_t length = sizeof(type);
  const int saved = errno;
  const int known = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0;
  errno = saved;
  return known && type == SOCK_STREAM;
}

/* Mostly a few bytes, which cut headers and records. */
static size_t shortened(size_t size) {
  size_t most = size - 1;
  if (random_below(&mine.random, 2) && most > 16) most = 16;
  return 1 + random_below(&mine.random, (uint32_t)(most > 1 << 20 ? 1 << 20 : most));
}

/* An eventfd that would block is already readable, and a datagram is whole or nothing: only streams get
 * EAGAIN and fewer bytes. Returns -1 with errno, or 0, perhaps with a smaller size. */
static int disturb(enum faults_call call, int fd, size_t *size, const int *errors) {
  if (fails(mine.rates.soft)) {
    const uint32_t kind = random_below(&mine.random, 3);
    if (kind == 0) return fail(call, EINTR);
    if (!is_stream(fd)) return 0;
    if (kind == 1) return fail(call, EAGAIN);
    if (*size > 1) {
      *size = shortened(*size);
      atomic_fetch_add(&injected[call], 1);
    }
    return 0;
  }
  if (fails(mine.rates.hard) && is_stream(fd)) return fail_with_one_of(call, errors);
  return 0;
}

static const int read_errors[] = {ECONNRESET, ETIMEDOUT, ENOMEM, EHOSTUNREACH, 0};
static const int write_errors[] = {ECONNRESET, EPIPE, ENOMEM, ENOBUFS, 0};

static size_t total(const struct iovec *pieces, size_t count) {
  size_t size = 0, i;
  for (i = 0; i < count; ++i) size += pieces[i].iov_len;
  return size;
}

/* The first `size` bytes of the pieces, in `cut`. Returns how many pieces these are. */
static size_t cut_pieces(struct iovec *cut, const struct iovec *pieces, size_t count, size_t size) {
  size_t i;
  for (i = 0; i < count && size > 0; ++i) {
    cut[i] = pieces[i];
    if (cut[i].iov_len > size) cut[i].iov_len = size;
    size -= cut[i].iov_len;
  }
  return i;
}

#define NEXT(name) ((__typeof__(&(name)))next(&next_##name, #name))
#define DECLARE_NEXT(name) static _Atomic(void *) next_##name
DECLARE_NEXT(read);
DECLARE_NEXT(readv);
DECLARE_NEXT(recv);
DECLARE_NEXT(recvmsg);
DECLARE_NEXT(write);
DECLARE_NEXT(writev);
DECLARE_NEXT(send);
DECLARE_NEXT(sendmsg);
DECLARE_NEXT(sendfile);
DECLARE_NEXT(accept4);
DECLARE_NEXT(connect);
DECLARE_NEXT(socket);
DECLARE_NEXT(socketpair);
DECLARE_NEXT(eventfd);
DECLARE_NEXT(epoll_create1);
DECLARE_NEXT(epoll_ctl);
DECLARE_NEXT(epoll_wait);
DECLARE_NEXT(epoll_pwait2);
DECLARE_NEXT(ppoll);
DECLARE_NEXT(pselect);
DECLARE_NEXT(syscall);

static void *next(_Atomic(void *) *known, const char *name) {
  void *function = atomic_load(known);
  if (function) return function;
  function = dlsym(RTLD_NEXT, name);
  atomic_store(known, function);
  return function;
}

ssize_t read(int fd, void *buffer, size_t size) {
  if (disturb(kFaultsRead, fd, &size, read_errors) != 0) return -1;
  return NEXT(read)(fd, buffer, size);
}

ssize_t recv(int fd, void *buffer, size_t size, int flags) {
  if (disturb(kFaultsRead, fd, &size, read_errors) != 0) return -1;
  return NEXT(recv)(fd, buffer, size, flags);
}

ssize_t write(int fd, const void *buffer, size_t size) {
  if (disturb(kFaultsWrite, fd, &size, write_errors) != 0) return -1;
  return NEXT(write)(fd, buffer, size);
}

ssize_t send(int fd, const void *buffer, size_t size, int flags) {
  if (disturb(kFaultsWrite, fd, &size, write_errors) != 0) return -1;
  return NEXT(send)(fd, buffer, size, flags);
}

ssize_t readv(int fd, const struct iovec *pieces, int count) {
  struct iovec cut[kMostPieces];
  size_t size = total(pieces, (size_t)count);
  if (disturb(kFaultsRead, fd, &size, read_errors) != 0) return -1;
  return NEXT(readv)(fd, cut, (int)cut_pieces(cut, pieces, (size_t)count, size));
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  struct iovec cut[kMostPieces];
  size_t size = total(pieces, (size_t)count);
  if (disturb(kFaultsWrite, fd, &size, write_errors) != 0) return -1;
  return NEXT(writev)(fd, cut, (int)cut_pieces(cut, pieces, (size_t)count, size));
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  struct iovec cut[kMostPieces];
  struct msghdr mine_of = *message;
  size_t size = total(message->msg_iov, message->msg_iovlen);
  ssize_t got;
  if (disturb(kFaultsRead, fd, &size, read_errors) != 0) return -1;
  mine_of.msg_iovlen = cut_pieces(cut, message->msg_iov, message->msg_iovlen, size);
  mine_of.msg_iov = cut;
  got = NEXT(recvmsg)(fd, &mine_of, flags);
  mine_of.msg_iov = message->msg_iov;
  mine_of.msg_iovlen = message->msg_iovlen;
  *message = mine_of;
  return got;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  struct iovec cut[kMostPieces];
  struct msghdr shorter = *message;
  size_t size = total(message->msg_iov, message->msg_iovlen);
  if (disturb(kFaultsWrite, fd, &size, write_errors) != 0) return -1;
  shorter.msg_iovlen = cut_pieces(cut, message->msg_iov, message->msg_iovlen, size);
  shorter.msg_iov = cut;
  return NEXT(sendmsg)(fd, &shorter, flags);
}

ssize_t sendfile(int fd, int file, off_t *offset, size_t size) {
  static const int errors[] = {ECONNRESET, EPIPE, EIO, ENOMEM, 0};
  if (disturb(kFaultsSendfile, fd, &size, errors) != 0) return -1;
  return NEXT(sendfile)(fd, file, offset, size);
}

/* --- descriptors ------------------------------------------------------------------------------------------
 */

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
  static const int soft[] = {EINTR, EAGAIN, ECONNABORTED, 0};
  static const int hard[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, 0};
  if (fails(mine.rates.soft)) return fail_with_one_of(kFaultsAccept, soft);
  if (fails(mine.rates.hard)) return fail_with_one_of(kFaultsAccept, hard);
  return NEXT(accept4)(fd, address, length, flags);
}

/* An interrupted connect() goes on by itself. */
int connect(int fd, const struct sockaddr *address, socklen_t length) {
  static const int hard[] = {ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, ETIMEDOUT, 0};
  int result;
  if (fails(mine.rates.hard)) return fail_with_one_of(kFaultsConnect, hard);
  result = NEXT(connect)(fd, address, length);
  if ((result == 0 || errno == EINPROGRESS) && fails(mine.rates.soft)) return fail(kFaultsConnect, EINTR);
  return result;
}

static int no_descriptor(void) {
  static const int errors[] = {EMFILE, ENFILE, ENOMEM, 0};
  return fails(mine.rates.hard) ? fail_with_one_of(kFaultsSocket, errors) : 0;
}

int socket(int domain, int type, int protocol) {
  return no_descriptor() != 0 ? -1 : NEXT(socket)(domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int fds[2]) {
  return no_descriptor() != 0 ? -1 : NEXT(socketpair)(domain, type, protocol, fds);
}

int eventfd(unsigned count, int flags) { return no_descriptor() != 0 ? -1 : NEXT(eventfd)(count, flags); }

int epoll_create1(int flags) { return no_descriptor() != 0 ? -1 : NEXT(epoll_create1)(flags); }

/* --- waiting ----------------------------------------------------------------------------------------------
 */

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event) {
  static const int errors[] = {ENOSPC, ENOMEM, 0};
  /* Only an addition takes memory and counts against max_user_watches. */
  if (what == EPOLL_CTL_ADD && fails(mine.rates.hard * kRegisterFactor))
    return fail_with_one_of(kFaultsRegister, errors);
  return NEXT(epoll_ctl)(epoll, what, fd, event);
}

static int interrupted(void) { return fails(mine.rates.soft) ? fail(kFaultsWait, EINTR) : 0; }

int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout_ms) {
  return interrupted() != 0 ? -1 : NEXT(epoll_wait)(epoll, events, room, timeout_ms);
}

int epoll_pwait2(int epoll, struct epoll_event *events, int room, const struct timespec *timeout,
                 const sigset_t *mask) {
  return interrupted() != 0 ? -1 : NEXT(epoll_pwait2)(epoll, events, room, timeout, mask);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
  return interrupted() != 0 ? -1 : NEXT(ppoll)(fds, count, timeout, mask);
}

int pselect(int count, fd_set *readable, fd_set *writable, fd_set *urgent, const struct timespec *timeout,
            const sigset_t *mask) {
  return interrupted() != 0 ? -1 : NEXT(pselect)(count, readable, writable, urgent, timeout, mask);
}

/* The kernel takes at most six arguments. */
long syscall(long number, ...) {
  long a[6];
  va_list list;
  int i;
  va_start(list, number);
  for (i = 0; i < 6; ++i) a[i] = va_arg(list, long);
  va_end(list);
#ifdef SYS_epoll_pwait2
  if (number == SYS_epoll_pwait2 && interrupted() != 0) return -1;
#endif
  return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

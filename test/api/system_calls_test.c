/* The calls that the loop makes to the C library and the kernel. Applications interpose functions of the C
 * library (simulated time, record and replay), and sandboxes allow only the system calls that libevent 2.1
 * makes. Each test runs with each method. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>

#include "api/child.h"
#include "api/events.h"

#if __has_include(<linux/seccomp.h>)
#include <linux/filter.h>
#include <linux/seccomp.h>
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* its run-time library makes system calls of its own */
#else
#define SANITIZED 0
#endif

/* --- time that runs faster --- */

enum { kScale = 20 };
static int scaled; /* whether the functions below do more than forward */
static int waits;

static long long to_ns(const struct timespec *ts) { return ts->tv_sec * 1000000000LL + ts->tv_nsec; }

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

int clock_gettime(clockid_t id, struct timespec *ts) {
  static long long start;
  long long now;
  if (REAL(clock_gettime)(id, ts) != 0) return -1;
  if (!scaled || (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)) return 0;
  now = to_ns(ts);
  if (!start) start = now;
  now = start + (now - start) * kScale;
  ts->tv_sec = (time_t)(now / 1000000000);
  ts->tv_nsec = (long)(now % 1000000000);
  return 0;
}

static int scaled_ms(int ms) {
  if (!scaled) return ms;
  ++waits;
  return ms > 0 ? (ms + kScale - 1) / kScale : ms;
}

int epoll_wait(int fd, struct epoll_event *reports, int count, int ms) {
  return REAL(epoll_wait)(fd, reports, count, scaled_ms(ms));
}
int poll(struct pollfd *fds, nfds_t count, int ms) { return REAL(poll)(fds, count, scaled_ms(ms)); }
int select(int count, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout) {
  struct timeval tv = {0, 0};
  if (!scaled || !timeout) return REAL(select)(count, r, w, e, timeout);
  ++waits;
  tv.tv_usec = (timeout->tv_sec * 1000000 + timeout->tv_usec) / kScale + 1;
  return REAL(select)(count, r, w, e, &tv);
}

static void timer_in_scaled_time(void) {
  struct seen seen = {0, 0, 0};
  struct timespec start, end;
  const struct timeval four_seconds = {4, 0};
  struct event *ev;
  scaled = 1;
  base = event_base_new();
  ev = event_new(base, -1, 0, note, &seen);
  CHECK(event_add(ev, &four_seconds) == 0);
  REAL(clock_gettime)(CLOCK_MONOTONIC, &start);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  REAL(clock_gettime)(CLOCK_MONOTONIC, &end);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_GT(waits, 0);
  /* A fifth of a second. In real time it would be four seconds. */
  CHECK_INT_GE(to_ns(&end) - to_ns(&start), 199000000);
  CHECK_INT_LT(to_ns(&end) - to_ns(&start), 3000000000LL);
  event_free(ev);
  event_base_free(base);
}

/* --- a list of system calls --- */

#ifdef SECCOMP_MODE_FILTER

static const int allowed[] = {
#ifdef SYS_epoll_wait
    SYS_epoll_wait,   SYS_poll,      SYS_select,        SYS_epoll_create, SYS_newfstatat,
#endif
#ifdef SYS_pselect6
    SYS_pselect6, /* select() of newer C libraries */
#endif
#ifdef SYS_ppoll
#ifndef SYS_poll
    SYS_ppoll, /* poll() where the kernel has none */
#endif
#endif
    SYS_epoll_pwait,  SYS_epoll_ctl, SYS_epoll_create1, SYS_eventfd2,     SYS_pipe2,
    SYS_socketpair,   SYS_read,      SYS_write,         SYS_readv,        SYS_writev,
    SYS_recvmsg,      SYS_sendmsg,   SYS_accept4,       SYS_getsockopt,   SYS_clock_gettime,
    SYS_gettimeofday, SYS_ioctl,     SYS_fcntl,         SYS_fstat,        SYS_close,
    SYS_brk,          SYS_mmap,      SYS_munmap,        SYS_mremap,       SYS_mprotect,
    SYS_madvise,      SYS_futex,     SYS_getrandom,     SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_getpid,    SYS_gettid,        SYS_kill,         SYS_tgkill,
    SYS_exit,         SYS_exit_group};

static void report_call(int signal, siginfo_t *info, void *context) {
  char line[80];
  const int size = snprintf(line, sizeof(line), "system call %d is not on the list\n", info->si_syscall);
  (void)signal;
  (void)context;
  if (write(STDOUT_FILENO, line, (size_t)size) < 0) _exit(2);
  _exit(1);
}

/* -1 where the kernel has no filters. */
static int allow_no_other_calls(void) {
  enum { kAllowed = sizeof(allowed) / sizeof(allowed[0]) };
  struct sock_filter filter[kAllowed + 3];
  struct sock_fprog program = {kAllowed + 3, filter};
  struct sigaction action;
  size_t i;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = report_call;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, NULL);
  filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (i = 0; i < kAllowed; ++i) {
    filter[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i],
                                                 (unsigned char)(kAllowed - i), 0);
  }
  filter[kAllowed + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
  filter[kAllowed + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void note_and_break(evutil_socket_t fd, short what, void *arg) {
  note(fd, what, arg);
  event_base_loopbreak(base);
}

static void loop_in_a_sandbox(void) {
  struct seen timer = {0, 0, 0}, signaled = {0, 0, 0};
  const struct timeval soon = after_ms(20);
  struct bufferevent *a, *b;
  struct event *signal_event;
  base = event_base_new();
  CHECK(open_pair() == 0);
  a = bufferevent_socket_new(base, pair[0], 0);
  b = bufferevent_socket_new(base, pair[1], 0);
  signal_event = evsignal_new(base, SIGUSR1, note, &signaled);
  CHECK(event_add(signal_event, NULL) == 0);
  CHECK(bufferevent_enable(b, EV_READ) == 0);
  if (allow_no_other_calls() != 0) return;
  CHECK(bufferevent_write(a, "hello", 5) == 0);
  CHECK(event_base_once(base, -1, EV_TIMEOUT, note_and_break, &timer, &soon) == 0);
  CHECK(kill(getpid(), SIGUSR1) == 0);
  CHECK_INT_EQ(event_base_dispatch(base), 0);
  CHECK_INT_EQ(timer.calls, 1);
  CHECK_INT_EQ(signaled.calls, 1);
  CHECK_INT_EQ(evbuffer_get_length(bufferevent_get_input(b)), 5);
}

#else
static void loop_in_a_sandbox(void) {}
#endif

/* --- each method --- */

static void (*scenario)(void);
static const char *forbidden[2];
static void run_scenario(void) {
  size_t i;
  for (i = 0; i < 2; ++i) {
    if (forbidden[i]) setenv(forbidden[i], "1", 1);
  }
  scenario();
}
static int with(const char *variable, const char *other, void (*fn)(void)) {
  scenario = fn;
  forbidden[0] = variable;
  forbidden[1] = other;
  return in_child(run_scenario);
}
static void with_each_method(void (*fn)(void)) {
  CHECK_INT_EQ(with(NULL, NULL, fn), 0);
  CHECK_INT_EQ(with("EVENT_NOEPOLL", NULL, fn), 0);
  CHECK_INT_EQ(with("EVENT_NOEPOLL", "EVENT_NOPOLL", fn), 0);
}

TEST(time_and_waits_go_through_the_c_library) { with_each_method(timer_in_scaled_time); }
TEST(the_loop_makes_no_system_call_that_libevent_does_not) {
  if (!SANITIZED) with_each_method(loop_in_a_sandbox);
}

int main(int argc, char **argv) {
  RUN_TESTS(time_and_waits_go_through_the_c_library, the_loop_makes_no_system_call_that_libevent_does_not);
}

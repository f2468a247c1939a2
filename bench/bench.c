/* Measuring, pinning and failing for all benchmark programs. */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kTimeLimitSeconds = 120 };

static int load_cpu = -1; /* -1: no CPU other than the server's is available */

void fail(const char *format, ...) {
  const int error = errno;
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fprintf(stderr, " (errno %d: %s)\n", error, strerror(error));
  _exit(1);
}

static void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
}

/* The server gets the last allowed CPU and the load the first: interrupts tend to go to the first. */
static void choose_cpus(void) {
  cpu_set_t allowed;
  int first = -1, last = -1;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return; /* more CPUs than the set can hold */
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    if (first < 0) first = cpu;
    last = cpu;
  }
  if (first < 0 || first == last) return;
  load_cpu = first;
  pin_to(last);
}

int pin_to_load_cpu(void) {
  if (load_cpu < 0) return 0;
  pin_to(load_cpu);
  return 1;
}

long bench_start(int argc, char **argv, long default_ops) {
  long ops = default_ops;
  if (argc > 2) fail("usage: %s [operations]", argv[0]);
  if (argc == 2) {
    char *end;
    ops = strtol(argv[1], &end, 10);
    if (*end != '\0' || ops <= 0) fail("not a number of operations: %s", argv[1]);
  }
  signal(SIGPIPE, SIG_IGN);
  alarm(kTimeLimitSeconds);
  choose_cpus();
  return ops;
}

void bench_finish(void) {
  char line[4096];
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  while (fgets(line, sizeof line, maps)) {
    const char *path = strchr(line, '/'), *name = strrchr(line, '/');
    const char *offset = strstr(line, " 00000000 "); /* one line per library: its first mapping */
    if (!path || !offset) continue;
    if (strncmp(name, "/libev", 6) == 0 || strncmp(name, "/libuv", 6) == 0) printf("library %s", path);
  }
  fclose(maps);
  CHECK(fflush(stdout) == 0);
}

int allow_descriptors(long n) {
  enum { kOthers = 50 };
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlim_t wanted = (rlim_t)(n + kOthers);
  if (limit.rlim_cur >= wanted) return 1;
  limit.rlim_cur = wanted;
  if (limit.rlim_max < wanted) limit.rlim_max = wanted;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void measure_begin(struct measure *m) { CHECK(getrusage(RUSAGE_SELF, &m->at_begin) == 0); }

static long long micros_between(struct timeval a, struct timeval b) {
  return (b.tv_sec - a.tv_sec) * 1000000LL + (b.tv_usec - a.tv_usec);
}

void measure_end(const struct measure *m, const char *name, long ops) {
  struct rusage now;
  CHECK(getrusage(RUSAGE_SELF, &now) == 0);
  printf("%s %ld %lld %lld\n", name, ops, micros_between(m->at_begin.ru_utime, now.ru_utime),
         micros_between(m->at_begin.ru_stime, now.ru_stime));
}

void progress_init(struct progress *p, const char *name, long warm_up, long ops) {
  memset(p, 0, sizeof *p);
  p->name = name;
  p->warm_up = warm_up;
  p->ops = ops;
}

int progress_cross(struct progress *p) {
  if (p->done < p->warm_up) return 0;
  p->done = 0;
  p->running = 1;
  measure_begin(&p->measure);
  return 0;
}

int progress_finish(struct progress *p) {
  measure_end(&p->measure, p->name, p->done);
  return 1;
}

void sleep_ms(long ms) {
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&left, &left) != 0) CHECK(errno == EINTR);
}

int64_t monotonic_us(void) {
  struct timespec now;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

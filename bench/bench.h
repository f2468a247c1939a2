/* Shared by all benchmark programs: reporting failures, measuring CPU time, pinning, random numbers. */
#ifndef EVENTIDE_BENCH_H
#define EVENTIDE_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#if defined(__GNUC__)
#define BENCH_PRINTF(fmt, args) __attribute__((format(printf, fmt, args), noreturn))
#else
#define BENCH_PRINTF(fmt, args)
#endif

/* Prints the message and errno's text, then ends the process with status 1. */
void fail(const char *format, ...) BENCH_PRINTF(1, 2);
#define CHECK(condition) ((condition) ? (void)0 : fail("%s:%d: %s", __FILE__, __LINE__, #condition))

/* Sets the time limit, ignores SIGPIPE, pins this process to the server's CPU and returns the number
 * of operations to run: argv[1] or, without it, default_ops. */
long bench_start(int argc, char **argv, long default_ops);

/* Moves the calling process to the CPU that load generators use. Returns 1 if it has that CPU to itself
 * and may poll instead of sleep: then the server does not pay for wake-ups of another CPU, which in
 * virtual machines have the largest and most variable cost. */
int pin_to_load_cpu(void);

/* Raises the limit for n descriptors in addition to the standard ones; returns 0 if that is not permitted. */
int allow_descriptors(long n);

/* Prints which event libraries are mapped; the runner compares that with the requested ones. */
void bench_finish(void);

/* Measures the CPU time of this process between begin and end. Both call getrusage exactly once and nothing
 * else inside the measured section: the runner cuts system call traces at these calls. */
struct measure {
  struct rusage at_begin;
};
void measure_begin(struct measure *m);
/* Prints "name ops user_us sys_us". */
void measure_end(const struct measure *m, const char *name, long ops);

/* Counts operations through warm-up and measured section; returns 1 when the section is complete. */
struct progress {
  const char *name;
  long warm_up, ops, done;
  int running;
  struct measure measure;
};
void progress_init(struct progress *p, const char *name, long warm_up, long ops);
int progress_finish(struct progress *p);
int progress_cross(struct progress *p);
static inline int progress_add(struct progress *p, long n) {
  p->done += n;
  if (!p->running) return progress_cross(p);
  return p->done >= p->ops ? progress_finish(p) : 0;
}

/* A small random generator with the same sequence in every program and run. */
struct rng {
  uint64_t state;
};
static inline uint32_t rng_next(struct rng *r) {
  r->state = r->state * 6364136223846793005ULL + 1442695040888963407ULL;
  return (uint32_t)(r->state >> 32);
}
static inline uint32_t rng_below(struct rng *r, uint32_t bound) {
  return (uint32_t)(((uint64_t)rng_next(r) * bound) >> 32);
}

void sleep_ms(long ms);
int64_t monotonic_us(void);

#endif

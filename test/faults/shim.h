/* Makes system calls of chosen threads fail at random, repeatably from a seed. Linked into a program, or
 * preloaded into any other, its functions precede those of the C library.
 *
 * A preloaded shim disturbs all threads if FAULTS is set, to "SEED SOFT HARD"; the threads differ in their
 * seeds. */
#ifndef EVENTIDE_TEST_FAULTS_SHIM_H
#define EVENTIDE_TEST_FAULTS_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* Of 1000 calls each. Soft: EINTR, EAGAIN, fewer bytes than asked for, after which a correct caller loses
 * nothing. Hard: an error that ends a connection or refuses a descriptor or a registration. Memory: see
 * below. */
struct faults_rates {
  unsigned soft, hard, memory;
};

/* From here on the calling thread's system calls are disturbed. */
void faults_begin(uint64_t seed, struct faults_rates rates);
void faults_end(void);

/* Whether an allocation of the calling thread is to fail, for the functions of event_set_mem_functions(). */
int faults_memory_fails(void);

enum faults_call {
  kFaultsRead,
  kFaultsWrite,
  kFaultsSendfile,
  kFaultsAccept,
  kFaultsConnect,
  kFaultsSocket,
  kFaultsWait,
  kFaultsRegister,
  kFaultsMemory,
  kFaultsCalls
};
extern const char *const faults_names[kFaultsCalls];

/* How many of each kind were injected into the process so far. */
unsigned long faults_injected(enum faults_call call);

#endif

// libevent_pthreads: chooses POSIX threads in event_core.
#include "event2/thread.h"
#include "thread/thread_config.h"

extern "C" {

int evthread_use_pthreads_with_flags(int flags) {
  if (flags & ~EVTHREAD_PTHREAD_PRIO_INHERIT) return -1;
  return evi::use_native_threads(flags);
}

int evthread_use_pthreads(void) { return evthread_use_pthreads_with_flags(0); }

}  // extern "C"

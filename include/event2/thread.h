/* Thread support: locks, condition variables and thread ids for the libraries.
 *
 * The libraries use no locks unless the program enables them. A program with threads calls one of the
 * evthread_use_ functions before any other function of the libraries:
 *
 *   evthread_use_pthreads();            where there are POSIX threads; link with event_pthreads
 *   evthread_use_windows_threads();     on Windows
 *
 * or, for another kind of threads, sets its own locks, condition variables and thread ids with
 * evthread_set_lock_callbacks(), evthread_set_condition_callbacks() and evthread_set_id_callback(). Objects
 * created before that never get a lock. Afterwards a base always has a lock (unless EVENT_BASE_FLAG_NOLOCK),
 * bufferevents and listeners have one if created with their THREADSAFE flag, an evbuffer after
 * evbuffer_enable_locking(); the header of each object describes its locking.
 *
 * The functions here affect the whole process. Requires: no other thread uses the libraries during the call.
 */
#ifndef EVENT2_THREAD_H_INCLUDED_
#define EVENT2_THREAD_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct timeval;

/* --- ready-made locks ------------------------------------------------------------------------------- */

#ifdef EVENT__HAVE_PTHREADS
/* Uses POSIX mutexes, condition variables and pthread_self(3). Further calls have no effect. Returns 0, or -1
 * if other callbacks were set before. In the library event_pthreads. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evthread_use_pthreads(void);

/* A flag for evthread_use_pthreads_with_flags(): create the mutexes with the protocol PTHREAD_PRIO_INHERIT
 * (pthread_mutexattr_setprotocol(3)), which avoids priority inversion. Since 2.2. */
#define EVTHREAD_PTHREAD_PRIO_INHERIT 0x01

/* As evthread_use_pthreads(), with EVTHREAD_PTHREAD_ flags or'ed together. Returns 0, or -1 also for a flag
 * that the system does not support. In the library event_pthreads. Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evthread_use_pthreads_with_flags(int flags);

/* Defined where evthread_use_pthreads() exists. Since 2.0. */
#define EVTHREAD_USE_PTHREADS_IMPLEMENTED 1
#endif

#ifdef _WIN32
/* Uses critical sections, condition variables and GetCurrentThreadId(). Further calls have no effect. Returns
 * 0, or -1 if other callbacks were set before. In the library event_core. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evthread_use_windows_threads(void);

/* Defined where evthread_use_windows_threads() exists. Since 2.0. */
#define EVTHREAD_USE_WINDOWS_THREADS_IMPLEMENTED 1
#endif

/* --- locks of the program's own --------------------------------------------------------------------- */

/* Modes of taking and releasing a lock; to be or'ed together. */
#define EVTHREAD_WRITE 0x04 /* a read/write lock: for writing */
#define EVTHREAD_READ 0x08  /* a read/write lock: for reading */
#define EVTHREAD_TRY 0x10   /* do not wait: fail if another thread holds the lock */

/* The version of struct evthread_lock_callbacks. */
#define EVTHREAD_LOCK_API_VERSION 1

/* Types of locks; 0 is a non-recursive lock. */
#define EVTHREAD_LOCKTYPE_RECURSIVE 1 /* its holder may take it again, and releases it as often */
#define EVTHREAD_LOCKTYPE_READWRITE 2 /* many readers or one writer; not used at present */

/* The lock functions that the libraries use. Since 2.0. */
struct evthread_lock_callbacks {
  /* EVTHREAD_LOCK_API_VERSION. */
  int lock_api_version;
  /* EVTHREAD_LOCKTYPE_ bits of the types that alloc supports; RECURSIVE is required. */
  unsigned supported_locktypes;
  /* Creates a lock of the given type, not held. Returns NULL on failure. */
  void *(*alloc)(unsigned locktype);
  /* Frees a lock of that type, which is not held. */
  void (*free)(void *lock, unsigned locktype);
  /* Takes a lock; mode is 0 or EVTHREAD_ bits. Returns 0 if the lock was taken, any other value if not. */
  int (*lock)(unsigned mode, void *lock);
  /* Releases a lock that was taken with the same mode. Returns 0 on success. */
  int (*unlock)(unsigned mode, void *lock);
};

/* Makes the libraries use these locks; the struct is copied. Passing an equal struct again has no effect.
 * NULL, for use after libevent_global_shutdown(), removes the locks, so that others may be set. Returns 0; -1
 * if a member is NULL, if the version is unknown, or if other locks are in use. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int evthread_set_lock_callbacks(const struct evthread_lock_callbacks *callbacks);

/* The version of struct evthread_condition_callbacks. */
#define EVTHREAD_CONDITION_API_VERSION 1

/* The condition variable functions that the libraries use. Since 2.0. */
struct evthread_condition_callbacks {
  /* EVTHREAD_CONDITION_API_VERSION. */
  int condition_api_version;
  /* Creates a condition variable; condtype is 0. Returns NULL on failure. */
  void *(*alloc_condition)(unsigned condtype);
  /* Frees a condition variable for which no thread waits. */
  void (*free_condition)(void *cond);
  /* Wakes all waiting threads if broadcast is non-zero, else one. Returns 0, or -1 on failure. The lock is
   * held. */
  int (*signal_condition)(void *cond, int broadcast);
  /* Releases the lock, waits until the condition is signalled or the timeout (NULL: none) has expired, and
   * takes the lock again. Returns 0 if signalled, 1 after the timeout, -1 on failure. The lock is of type
   * RECURSIVE and is held once. Spurious wake-ups are allowed. */
  int (*wait_condition)(void *cond, void *lock, const struct timeval *timeout);
};

/* Makes the libraries use these condition variables, by which event_del() waits for a callback that is
 * running in another thread. The struct is copied; NULL removes them. Returns 0, or -1 for the same reasons
 * as evthread_set_lock_callbacks(). Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int evthread_set_condition_callbacks(const struct evthread_condition_callbacks *callbacks);

/* Sets the function that returns the id of the calling thread, which must be unique among the threads that
 * exist at the same time. Required with evthread_set_lock_callbacks(). Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void evthread_set_id_callback(unsigned long (*id_fn)(void));

/* --- looking for mistakes --------------------------------------------------------------------------- */

/* Makes every lock check that it is released by its holder and as often as it was taken, and that it is held
 * where the library requires it. A violation is fatal (event_set_fatal_callback()). Call it before any object
 * with a lock is created, before or after setting the lock callbacks. Slows the program down. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void evthread_enable_lock_debugging(void);

/* The name that 2.0 gave to evthread_enable_lock_debugging(). */
EVENT2_CORE_EXPORT_SYMBOL
void evthread_enable_lock_debuging(void);

/* --- waking a base ---------------------------------------------------------------------------------- */

/* Enables other threads to wake the base's loop. Not needed for a base that was created after threads were
 * enabled. Further calls have no effect. Returns 0; -1 if base is NULL or if out of file descriptors. Since
 * 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int evthread_make_base_notifiable(struct event_base *base);

#ifdef __cplusplus
}
#endif

#endif

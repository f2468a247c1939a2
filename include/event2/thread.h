/* Making the libraries safe for programs with threads.
 *
 * Nothing is locked until the program asks for it. A program with threads calls one of the evthread_use_
 * functions first of all, before it creates a base or anything else:
 *
 *   evthread_use_pthreads();            where there are POSIX threads; link with event_pthreads
 *   evthread_use_windows_threads();     on Windows
 *
 * or, with threads of another kind, passes its own locks with evthread_set_lock_callbacks(), its condition
 * variables with evthread_set_condition_callbacks() and evthread_set_id_callback(). What is created before
 * has no lock for its whole life. What each object guards then is told in the header that declares it: a base
 * is guarded always (unless EVENT_BASE_FLAG_NOLOCK), bufferevents and listeners only if they are created with
 * their THREADSAFE flag, an evbuffer with evbuffer_enable_locking().
 *
 * The functions here set up the whole process. They are to be called from one thread while no other uses the
 * libraries.
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
/* Uses POSIX mutexes, conditions and pthread_self(). Calling it again does no harm. 0, or -1 if other
 * callbacks were set before. In the library event_pthreads. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evthread_use_pthreads(void);

/* The mutexes get the protocol PTHREAD_PRIO_INHERIT, so that a thread of high priority does not wait for a
 * third one's sake. Since 2.2. */
#define EVTHREAD_PTHREAD_PRIO_INHERIT 0x01

/* As evthread_use_pthreads(), with EVTHREAD_PTHREAD_ flags or'ed together. 0, or -1 also for a flag that the
 * system does not offer. In the library event_pthreads. Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evthread_use_pthreads_with_flags(int flags);

/* Defined where evthread_use_pthreads() exists. Since 2.0. */
#define EVTHREAD_USE_PTHREADS_IMPLEMENTED 1
#endif

#ifdef _WIN32
/* Uses critical sections, condition variables and GetCurrentThreadId(). Calling it again does no harm. 0, or
 * -1 if other callbacks were set before. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evthread_use_windows_threads(void);

/* Defined where evthread_use_windows_threads() exists. Since 2.0. */
#define EVTHREAD_USE_WINDOWS_THREADS_IMPLEMENTED 1
#endif

/* --- locks of the program's own --------------------------------------------------------------------- */

/* How a lock is taken or let go; to be or'ed together. */
#define EVTHREAD_WRITE 0x04 /* a read/write lock: for writing */
#define EVTHREAD_READ 0x08  /* a read/write lock: for reading */
#define EVTHREAD_TRY 0x10   /* do not wait: fail if another thread has it */

/* The version of struct evthread_lock_callbacks. */
#define EVTHREAD_LOCK_API_VERSION 1

/* Kinds of locks; 0 is a lock that its holder does not take again. */
#define EVTHREAD_LOCKTYPE_RECURSIVE 1 /* its holder may take it again, and lets it go as often */
#define EVTHREAD_LOCKTYPE_READWRITE 2 /* many readers or one writer; not used at present */

/* What the libraries need to know about locks. Since 2.0. */
struct evthread_lock_callbacks {
  /* EVTHREAD_LOCK_API_VERSION. */
  int lock_api_version;
  /* EVTHREAD_LOCKTYPE_ bits of what alloc can make; RECURSIVE is needed. */
  unsigned supported_locktypes;
  /* Makes a lock of the given type, which nobody holds. NULL if that fails. */
  void *(*alloc)(unsigned locktype);
  /* Frees a lock of that type, which nobody holds. */
  void (*free)(void *lock, unsigned locktype);
  /* Takes a lock as mode says (0 or EVTHREAD_ bits): 0 once it is had, anything else if it is not. */
  int (*lock)(unsigned mode, void *lock);
  /* Lets go a lock that was taken with the same mode: 0 for success. */
  int (*unlock)(unsigned mode, void *lock);
};

/* Makes the libraries use these locks; the struct is copied. Passing an equal struct again does no harm.
 * NULL, for use after libevent_global_shutdown(), forgets the locks, so that others may be set. 0, or -1 if a
 * member is missing or of another version, or if other locks are in use. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int evthread_set_lock_callbacks(const struct evthread_lock_callbacks *callbacks);

/* The version of struct evthread_condition_callbacks. */
#define EVTHREAD_CONDITION_API_VERSION 1

/* What the libraries need to know about condition variables. Since 2.0. */
struct evthread_condition_callbacks {
  /* EVTHREAD_CONDITION_API_VERSION. */
  int condition_api_version;
  /* Makes a condition variable; condtype is 0. NULL if that fails. */
  void *(*alloc_condition)(unsigned condtype);
  /* Frees one for which nobody waits. */
  void (*free_condition)(void *cond);
  /* Wakes all that wait if broadcast is non-zero, else one. 0, or -1 for failure. The lock is held. */
  int (*signal_condition)(void *cond, int broadcast);
  /* Lets go the lock, waits until the condition is signalled or the timeout (NULL: none) has passed, and
   * takes the lock again. 0 if signalled, 1 after the timeout, -1 for failure. The lock is of type RECURSIVE
   * and is held once. May wake for no reason. */
  int (*wait_condition)(void *cond, void *lock, const struct timeval *timeout);
};

/* Makes the libraries use these condition variables, with which event_del() waits for a callback that is
 * running in another thread. The struct is copied; NULL forgets it, as with the locks. 0, or -1 as there.
 * Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int evthread_set_condition_callbacks(const struct evthread_condition_callbacks *callbacks);

/* Sets the function that returns a number for the calling thread, different for different threads that run at
 * the same time. It is needed with locks of the program's own. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void evthread_set_id_callback(unsigned long (*id_fn)(void));

/* --- looking for mistakes --------------------------------------------------------------------------- */

/* Makes every lock check that it is let go by its holder and as often as it was taken, and that the functions
 * which need it have it. A breach is fatal (event_set_fatal_callback()). To be called before anything with a
 * lock is created, before or after the locks were set. Slows the program down. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void evthread_enable_lock_debugging(void);

/* The name that 2.0 gave to evthread_enable_lock_debugging(). */
EVENT2_CORE_EXPORT_SYMBOL
void evthread_enable_lock_debuging(void);

/* --- waking a base ---------------------------------------------------------------------------------- */

/* Makes sure that other threads can wake the base's loop. A base that was created after threads were enabled
 * can be woken without it. Calling it again does no harm. 0, or -1 if base is NULL or descriptors are short.
 * Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int evthread_make_base_notifiable(struct event_base *base);

#ifdef __cplusplus
}
#endif

#endif

/* Event bases, which run the event loop, and events, which name what to wait for and which callback to
 * invoke.
 *
 *   struct event_base *base = event_base_new();
 *   struct event *ev = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, arg);
 *   event_add(ev, NULL);
 *   event_base_dispatch(base);
 *   event_free(ev);
 *   event_base_free(base);
 *
 * The states of an event. event_new() or event_assign() initializes it with its base, what to wait for, and
 * its callback. event_add() makes it pending: the loop waits for it. When its descriptor is ready, its signal
 * has arrived, its timeout has expired, or event_active() was called, it is active: its callback is queued to
 * run. An event without EV_PERSIST stops being pending just before its callback runs. event_del() makes it
 * neither pending nor active at any time; event_free() also frees its memory.
 *
 * Priorities. If several events are active, those of the most important priority (the lowest number) run
 * first; then the loop polls for new events before it runs less important ones. Events of one priority run in
 * the order in which they became active.
 *
 * Time. A duration is a struct timeval, seconds and microseconds, measured from the call on a monotonic
 * clock, which does not follow changes of the system's date.
 *
 * Threads. A base created after evthread_use_pthreads() or a similar function (<event2/thread.h>) has a lock.
 * Then every function that takes this base or one of its events may be called from any thread and wakes the
 * loop if necessary, unless its entry says otherwise. One thread at a time runs the loop; all callbacks run
 * in that thread, without the lock held. A base without a lock must be used by one thread only. Two threads
 * must never call event_new(), event_assign() or event_free() on one event, or access the struct itself, at
 * the same time.
 *
 * Errors. Functions that return int return 0 on success and -1 on failure unless the entry says otherwise. A
 * call that fails changes nothing. A call that runs out of memory fails with errno ENOMEM.
 *
 * "Since" names the version of the interface in which an entry first appeared.
 */
#ifndef EVENT2_EVENT_H_INCLUDED_
#define EVENT2_EVENT_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>
#ifdef EVENT__HAVE_SYS_TYPES_H
#include <sys/types.h>
#endif
#ifdef EVENT__HAVE_SYS_TIME_H
#include <sys/time.h>
#endif
#include <stdio.h>

#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An event loop with the events that were added to it. Opaque. */
struct event_base;

/* What to wait for, and the callback to invoke then. Its layout is in <event2/event_struct.h>, which a
 * program needs only if it keeps events in its own memory. */
struct event;

/* A configuration for event_base_new_with_config(). Opaque. Since 2.0. */
struct event_config;

/* --- the version ------------------------------------------------------------------------------------ */

/* The version of this header, as a string and as a number that holds major, minor and patch in one byte each
 * (2.1.12 is 0x02010c00). Since 2.0; the number since 2.0.1. */
#define LIBEVENT_VERSION EVENT__VERSION
#define LIBEVENT_VERSION_NUMBER EVENT__NUMERIC_VERSION

/* Return the version of the interface that the library implements at run time, in the same two forms. The
 * string is static. Thread: any. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
const char *event_get_version(void);
EVENT2_CORE_EXPORT_SYMBOL
ev_uint32_t event_get_version_number(void);

/* --- settings of the whole process, made first ------------------------------------------------------ */

/* Makes the libraries allocate all memory with these functions instead of malloc(3), realloc(3) and free(3).
 *
 * malloc_fn and realloc_fn must return memory aligned for any type, or NULL; all three must be callable from
 * every thread that uses the libraries. realloc_fn(NULL, n) must act as malloc_fn(n), and free_fn must accept
 * memory of the other two. NULL selects the C library's function. Requires: no other function of the library
 * was called before, since memory of one set of functions must not be freed by another set.
 *
 * Memory whose ownership a function passes to the caller (evbuffer_readln() and others) comes from malloc_fn
 * as well; free it with free_fn, not with free(). Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_set_mem_functions(void *(*malloc_fn)(size_t size), void *(*realloc_fn)(void *old, size_t size),
                             void (*free_fn)(void *memory));

/* Defined because event_set_mem_functions() exists, on every platform. Since 2.0. */
#define EVENT_SET_MEM_FUNCTIONS_IMPLEMENTED 1

/* The severity of a log message. Since 2.1; older versions have only the names below. */
#define EVENT_LOG_DEBUG 0 /* for debugging; off until event_enable_debug_logging() */
#define EVENT_LOG_MSG 1   /* information */
#define EVENT_LOG_WARN 2  /* something failed, and the caller received an error */
#define EVENT_LOG_ERR 3   /* a fatal misuse; the fatal callback is invoked next */

/* The 2.0 names. */
#define _EVENT_LOG_DEBUG EVENT_LOG_DEBUG
#define _EVENT_LOG_MSG EVENT_LOG_MSG
#define _EVENT_LOG_WARN EVENT_LOG_WARN
#define _EVENT_LOG_ERR EVENT_LOG_ERR

/* Receives a log message: severity is one of EVENT_LOG_*, message is one line without a newline, valid during
 * the call. Thread: any that uses the library. It must not call the library. Since 2.0. */
typedef void (*event_log_cb)(int severity, const char *message);

/* Sends log messages to cb; NULL sends them to the standard error stream, which is the default. To silence
 * the library pass a function that does nothing. Affects the whole process. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_set_log_callback(event_log_cb cb);

/* Is called after a fatal error; err is the error code. Since 2.0. */
typedef void (*event_fatal_cb)(int err);

/* Sets the callback that is invoked, after the message was logged, when the program misused the library in a
 * way that would corrupt memory (as found by debug mode and lock debugging). cb must not return: it ends the
 * process or the thread; if it returns, the process is aborted. NULL, the default, aborts at once. Network
 * input and failed allocations never invoke it. Affects the whole process. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_set_fatal_callback(event_fatal_cb cb);

/* The arguments of event_enable_debug_logging(). Since 2.1. */
#define EVENT_DBG_NONE 0
#define EVENT_DBG_ALL 0xffffffffu

/* Turns messages of severity EVENT_LOG_DEBUG on (EVENT_DBG_ALL) or off (EVENT_DBG_NONE). There are many of
 * them. Affects the whole process; may be called at any time. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void event_enable_debug_logging(ev_uint32_t which);

/* Makes the library record all events and check each use against the record: adding an event that was never
 * initialized, initializing one that is still pending, mixing edge-triggered and level-triggered events on
 * one descriptor. A misuse is fatal (event_set_fatal_callback()), except that the last one makes event_add()
 * fail.
 *
 * Requires: no event or base has been created yet; a later call is fatal. Cannot be undone before
 * libevent_global_shutdown(). Costs memory, and a hash look-up for each operation. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_enable_debug_mode(void);

/* In debug mode, removes an event from the record: one that was initialized with event_assign() and whose
 * memory is about to be reused or to go out of scope. Requires: the event is neither pending nor active. Does
 * nothing without debug mode. Not needed for events from event_new(), where event_free() does it. Since
 * 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_debug_unassign(struct event *ev);

/* Frees all process-wide state of the library: locks, tables, the old interface's state. For leak checkers; a
 * process that ends need not call it. Requires: all bases and all objects that use them have been freed, and
 * no other thread is inside the library. To use the library again afterwards, repeat the set-up: the settings
 * above, then threads, then a base. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void libevent_global_shutdown(void);

/* --- creating a base -------------------------------------------------------------------------------- */

/* Creates a base with the default settings: one priority, and the best method that the system supports and
 * that no environment variable excludes.
 *
 * An environment variable EVENT_NO<METHOD> excludes a method: EVENT_NOEPOLL, EVENT_NOPOLL, and so on.
 * EVENT_SHOW_METHOD logs the choice. Set-user-ID programs ignore these variables.
 *
 * Returns the base, to be freed with event_base_free(), or NULL if no method is left, or if out of memory or
 * file descriptors. Since 1.4.3. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *event_base_new(void);

/* Creates an empty configuration, to be freed with event_config_free(). Returns NULL if out of memory. A
 * configuration has no lock. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_config *event_config_new(void);

/* Frees a configuration; bases created with it are not affected. NULL is allowed. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_config_free(struct event_config *cfg);

/* Excludes a method by its name ("epoll", "poll", "select", ...; see event_get_supported_methods()). Names
 * that this build does not have are accepted and have no effect. Returns 0, or -1 if an argument is NULL or
 * if out of memory. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_config_avoid_method(struct event_config *cfg, const char *method);

/* Features of a method; see event_config_require_features() and event_base_get_features(). Since 2.0. */
enum event_method_feature {
  /* Supports EV_ET. */
  EV_FEATURE_ET = 0x01,
  /* The cost of adding a descriptor, and of reporting one, does not grow with the number of descriptors. */
  EV_FEATURE_O1 = 0x02,
  /* Accepts every kind of descriptor, including regular files, not only sockets, pipes and terminals. */
  EV_FEATURE_FDS = 0x04,
  /* Reports EV_CLOSED. Since 2.1. */
  EV_FEATURE_EARLY_CLOSE = 0x08
};

/* Requires a method that has all of the given features (EV_FEATURE_* or'ed together). Replaces the
 * requirement of an earlier call. If no method has them all, event_base_new_with_config() returns NULL.
 * Returns 0, or -1 if cfg is NULL. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_config_require_features(struct event_config *cfg, int features);

/* Flags of a configuration; see event_config_set_flag(). Since 2.0. */
enum event_base_config_flag {
  /* The base has no lock even if threads are enabled: slightly faster, and for use by one thread only. */
  EVENT_BASE_FLAG_NOLOCK = 0x01,
  /* The EVENT_NO* environment variables, and the others named in this list, are ignored. */
  EVENT_BASE_FLAG_IGNORE_ENV = 0x02,
  /* Windows: socket bufferevents and listeners of the base use overlapped I/O on a completion port. Their
   * callbacks run in the loop, as always, and no thread is started. The method is then wepoll, which waits at
   * the port; if that is avoided or excluded, a warning is logged and the sockets are served by readiness. No
   * effect on other systems. */
  EVENT_BASE_FLAG_STARTUP_IOCP = 0x04,
  /* The clock is read whenever the time is needed, not once per loop iteration. */
  EVENT_BASE_FLAG_NO_CACHE_TIME = 0x08,
  /* epoll: changes made between two waits may be batched, so that changes that cancel each other cost no
   * system call. Not for programs that watch duplicates (dup(2)) of one descriptor, or that close a
   * descriptor before deleting its events. The method is then called "epoll (with changelist)". The
   * environment variable EVENT_EPOLL_USE_CHANGELIST sets it too. No effect with other methods. */
  EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST = 0x10,
  /* Waits have microsecond resolution where the system offers it, even if that costs more: on epoll by
   * epoll_pwait2(2) or timerfd_create(2), on poll by ppoll(2). Without the flag these methods round a wait up
   * to whole milliseconds. The clock is the most precise one in either case. The environment variable
   * EVENT_PRECISE_TIMER sets it too. Since 2.1. */
  EVENT_BASE_FLAG_PRECISE_TIMER = 0x20,
  /* epoll: EVENT_BASE_FLAG_PRECISE_TIMER does not use a timerfd. Since 2.2. */
  EVENT_BASE_FLAG_EPOLL_DISALLOW_TIMERFD = 0x40,
  /* Signals are read from a signalfd(2) where the system has it, instead of being caught by a handler that
   * wakes the loop. Requires: all threads of the process except the loop's have these signals blocked. The
   * environment variable EVENT_USE_SIGNALFD sets it too. Since 2.2. */
  EVENT_BASE_FLAG_USE_SIGNALFD = 0x80
};

/* Sets flags (EVENT_BASE_FLAG_* or'ed together) in addition to those that are set. Returns 0, or -1 if cfg is
 * NULL. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_config_set_flag(struct event_config *cfg, int flag);

/* Declares how many processors the program expects to use. No method uses this hint: one thread runs a base's
 * loop and also waits at its completion port. Returns 0, or -1 if cfg is NULL. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_config_set_num_cpus_hint(struct event_config *cfg, int cpus);

/* Limits the time for which less important callbacks can delay more important events. By default all active
 * events of one priority run before the loop polls for new ones. With this call it polls again
 *   - when max_interval has passed since the last poll, unless max_interval is NULL, and
 *   - when max_callbacks callbacks have run since the last poll, unless that is negative,
 * while it runs events of priority min_priority or a greater number (0: of every priority).
 * Returns 0. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_config_set_max_dispatch_interval(struct event_config *cfg, const struct timeval *max_interval,
                                           int max_callbacks, int min_priority);

/* Creates a base as configured by cfg; NULL means the defaults of event_base_new(). The caller keeps
 * ownership of cfg and may use it again. Returns the base, to be freed with event_base_free(), or NULL if no
 * method has the required features, or for the reasons given for event_base_new(). Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *event_base_new_with_config(const struct event_config *cfg);

/* Frees a base. Requires: its loop is not running, and no other thread uses the base.
 *
 * Events that are still pending or active are deleted. They are not freed and their descriptors are not
 * closed; the program may still call event_free() on them. Queued finalizers (event_finalize()) are run.
 * Events of event_base_once() are freed without invoking their callbacks. Free bufferevents, listeners and
 * other users of the base first. NULL is allowed. Since 1.2. */
EVENT2_CORE_EXPORT_SYMBOL
void event_base_free(struct event_base *base);

/* Frees a base as event_base_free() does, but does not run queued finalizers; what they would have freed is
 * leaked. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void event_base_free_nofinalize(struct event_base *base);

/* Makes a base usable in a child process after fork(2): replaces all kernel objects that the child would
 * share with its parent, and adds all pending events to the new ones. Call it in the child before any other
 * use of the base there; the parent is not affected. Returns 0, or -1 if a kernel object could not be created
 * or an event could not be added again. Since 1.4.3. */
EVENT2_CORE_EXPORT_SYMBOL
int event_reinit(struct event_base *base);

/* --- inspecting a base ------------------------------------------------------------------------------ */

/* Returns the names of the methods in this build, best first, terminated by NULL, whether or not the running
 * system supports them. Static; do not free. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
const char **event_get_supported_methods(void);

/* Returns the name of the method that the base uses, a static string. Since 1.4.3. */
EVENT2_CORE_EXPORT_SYMBOL
const char *event_base_get_method(const struct event_base *base);

/* Returns the name of the mechanism by which the base receives signals, a static string. Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
const char *event_base_get_signal_method(const struct event_base *base);

/* Returns the features of the base's method, EV_FEATURE_* or'ed together. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_get_features(const struct event_base *base);

/* The kinds that event_base_get_num_events() counts; to be or'ed together. Since 2.1. */
#define EVENT_BASE_COUNT_ACTIVE 1U  /* active events and queued callbacks */
#define EVENT_BASE_COUNT_VIRTUAL 2U /* work in flight that is not an event but keeps the loop running */
#define EVENT_BASE_COUNT_ADDED 4U   /* pending events; one with a descriptor and a timeout counts twice */

/* Returns the number of items of the given kinds (EVENT_BASE_COUNT_* or'ed together), without the library's
 * internal events. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_get_num_events(struct event_base *base, unsigned int kinds);

/* Returns the maximum that each kind has reached, summed over the given kinds. A non-zero reset sets the
 * maxima of these kinds back to 0. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_get_max_events(struct event_base *base, unsigned int kinds, int reset);

/* Is called for one event of a base. Returns 0 to continue, any other value to stop. Since 2.1. */
typedef int (*event_base_foreach_event_cb)(const struct event_base *base, const struct event *ev, void *arg);

/* Calls fn once for each event that is pending or active, in no particular order. fn runs with the base's
 * lock held and must not change events or the base, nor wait for another thread. Returns 0 after the last
 * event, the value that fn returned to stop, or -1 if base or fn is NULL. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_foreach_event(struct event_base *base, event_base_foreach_event_cb fn, void *arg);

/* Writes a list of all pending and active events to a stream. It is meant for people; the format may change.
 * Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_base_dump_events(struct event_base *base, FILE *out);

/* Returns the event whose callback is running, or NULL if none is. Thread: the loop's only. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
struct event *event_base_get_running_event(struct event_base *base);

/* --- running the loop ------------------------------------------------------------------------------- */

/* Flags for event_base_loop(); to be or'ed together. */
#define EVLOOP_ONCE 0x01             /* wait until events are active, run them, return */
#define EVLOOP_NONBLOCK 0x02         /* poll without waiting, run the active events, return */
#define EVLOOP_NO_EXIT_ON_EMPTY 0x04 /* keep waiting when no event is left; since 2.1 */

/* Waits for events and runs the callbacks of those that become active, until
 *   - no event is pending or active, unless EVLOOP_NO_EXIT_ON_EMPTY was given,
 *   - event_base_loopexit() or event_base_loopbreak() ends it, or
 *   - EVLOOP_ONCE or EVLOOP_NONBLOCK was given and all events that were active have run.
 *
 * Returns 1 if it ended because there were no events, 0 if it ended otherwise, -1 if the method failed or if
 * the loop of this base is already running (in another thread, or because a callback called this function).
 * The calling thread is the loop's thread until the call returns. Since 1.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_loop(struct event_base *base, int flags);

/* Calls event_base_loop() without flags. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_dispatch(struct event_base *base);

/* Ends the loop after the time *tv, or with NULL as soon as the events that are active have run. If no loop
 * is running, the next one ends, after at least one iteration, so the delay may be set before the loop is
 * started. Returns 0, or -1 if out of memory. Since 1.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_loopexit(struct event_base *base, const struct timeval *tv);

/* Ends the loop when the running callback returns, or at once if the loop is waiting; active events stay
 * active for the next loop. If no loop is running, the call has no effect on the next one. Returns 0, or -1
 * if base is NULL. Since 1.4.3. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_loopbreak(struct event_base *base);

/* Makes the loop poll for new events as soon as the running callback returns, before it continues with the
 * active events, most important first. No effect unless called while callbacks run. Returns 0, or -1 if base
 * is NULL. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_loopcontinue(struct event_base *base);

/* Return non-zero if the last loop was ended by event_base_loopexit(), or by event_base_loopbreak()
 * respectively. Both states are reset when the next loop starts. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_got_exit(struct event_base *base);
EVENT2_CORE_EXPORT_SYMBOL
int event_base_got_break(struct event_base *base);

/* --- time ------------------------------------------------------------------------------------------- */

/* Stores the time of day in *tv. While callbacks run it is the cached time of this loop iteration, which
 * costs no system call; otherwise, and if base is NULL, it is the present time. Returns 0, or -1 if the clock
 * failed. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_gettimeofday_cached(struct event_base *base, struct timeval *tv);

/* Updates the cached time of this loop iteration. Call it inside a callback after a long operation, so that
 * timeouts added afterwards count from the present time. No effect outside of callbacks. Returns 0, or -1 if
 * base is NULL or the clock failed. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_update_cache_time(struct event_base *base);

/* Stores the time of the base's monotonic clock in *tv, by which timeouts are measured. It never goes
 * backwards; its zero point has no meaning. Each call reads the clock. Returns 0, or -1 if an argument is
 * NULL or the clock failed. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_gettime_monotonic(struct event_base *base, struct timeval *tv);

/* Creates a common timeout, for many events with equal timeouts: they are kept in a list, where adding and
 * deleting take constant time, instead of the timer heap. To use it, pass the returned timeval, or a copy of
 * it, to event_add() for events of this base. Its contents are a tag that is a valid duration for event_add()
 * only. Calling it again with an equal duration returns the same timeval.
 *
 * The base owns the returned timeval. Returns NULL if the duration is out of range, if the base already has
 * 256 common timeouts, or if out of memory. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
const struct timeval *event_base_init_common_timeout(struct event_base *base, const struct timeval *duration);

/* --- priorities ------------------------------------------------------------------------------------- */

/* An exclusive upper bound of the number of priorities. */
#define EVENT_MAX_PRIORITIES 256

/* Sets the number of priorities of a base: 0, the most important, to count - 1. Events initialized later get
 * priority count / 2; existing events keep theirs, so call this first. A new base has one priority. Returns
 * 0, or -1 if count is not in 1..EVENT_MAX_PRIORITIES - 1, if events are active, or if out of memory. Since
 * 1.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_priority_init(struct event_base *base, int count);

/* Returns the number of priorities of a base. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_get_npriorities(struct event_base *base);

/* Changes the priority of an event that is not active; it may be pending. Returns 0, or -1 if it is active or
 * its base has no such priority. Since 1.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_priority_set(struct event *ev, int priority);

/* --- setting up an event ---------------------------------------------------------------------------- */

/* What to wait for, and what an event reports; to be or'ed together. */
#define EV_TIMEOUT 0x01  /* the timeout has expired: only reported; event_add() sets the timeout */
#define EV_READ 0x02     /* the descriptor is readable, or at EOF */
#define EV_WRITE 0x04    /* the descriptor is writable */
#define EV_SIGNAL 0x08   /* the signal was received; not together with EV_READ, EV_WRITE, EV_CLOSED */
#define EV_PERSIST 0x10  /* stay pending when the callback runs */
#define EV_ET 0x20       /* edge-triggered: needs EV_FEATURE_ET; since 2.0 */
#define EV_FINALIZE 0x40 /* event_del() does not wait for a running callback; since 2.1 */
#define EV_CLOSED 0x80   /* the peer closed the connection: needs EV_FEATURE_EARLY_CLOSE; since 2.1 */

/* The callback of an event. fd is the descriptor or signal number of the event; what holds the EV_* bits of
 * everything that has happened; arg is the argument given to event_new() or event_assign(). Runs in the
 * loop's thread without a lock held. It may add, delete and free any event, including this one. Since 2.0. */
typedef void (*event_callback_fn)(evutil_socket_t fd, short what, void *arg);

/* Returns a value that, passed as arg to event_new() or event_assign(), makes the callback receive the event
 * itself. Opaque; it has no meaning elsewhere. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void *event_self_cbarg(void);

/* Creates an event.
 *
 * base    the base of the event. NULL is allowed if event_base_set() is called before event_add()
 * fd      a descriptor, preferably non-blocking; a signal number with EV_SIGNAL; -1 for neither
 * what    EV_READ, EV_WRITE, EV_CLOSED or EV_SIGNAL, with EV_PERSIST, EV_ET, EV_FINALIZE; 0 for a timer
 * cb      the callback
 * arg     the last argument for cb
 *
 * The caller keeps ownership of fd; delete its events before closing it. Several events may wait for the same
 * descriptor or signal; all of them become active.
 *
 * Returns the event, to be freed with event_free(), or NULL for an invalid combination of bits or if out of
 * memory. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
struct event *event_new(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn cb,
                        void *arg);

/* Deletes an event from event_new(), waiting as event_del() does, and frees it. Allowed in its own callback.
 * Not for events initialized with event_assign(). Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_free(struct event *ev);

/* Initializes an event as event_new() does, in memory that the caller provides (<event2/event_struct.h>). The
 * memory may be uninitialized. Requires: *ev is not a pending or active event; otherwise the base is
 * corrupted. The event must not be moved or freed while it is pending or active. Returns 0, or -1 for an
 * invalid combination of bits. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_assign(struct event *ev, struct event_base *base, evutil_socket_t fd, short what,
                 event_callback_fn cb, void *arg);

/* Returns the size in bytes of struct event in the library. Programs that keep events in their own memory,
 * but do not want to depend on <event2/event_struct.h>, allocate this size, aligned for a pointer. Since
 * 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
size_t event_get_struct_event_size(void);

/* Moves an event to another base, with the default priority there. Returns 0, or -1 if the event is not
 * initialized, is pending, or is active. Since 1.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_set(struct event_base *base, struct event *ev);

/* --- adding and deleting ---------------------------------------------------------------------------- */

/* Makes an event pending.
 *
 * tv is the time after which it becomes active with EV_TIMEOUT even if nothing else happened; zero is
 * allowed, and negative values count as zero. NULL sets no timeout. With EV_PERSIST the timeout restarts
 * whenever the callback is about to run, whatever the reason; an event with EV_PERSIST and no descriptor is
 * therefore a periodic timer.
 *
 * If the event is already pending, a non-NULL tv replaces its timeout, and NULL changes nothing. An active
 * event stays active, except that an event active for its timeout alone waits for the new timeout instead.
 *
 * Returns 0, or -1 if the system rejects the descriptor or signal, or if out of memory. Thread: any. Since
 * 0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_add(struct event *ev, const struct timeval *tv);

/* Makes an event neither pending nor active: its callback does not start after this call has returned. If the
 * callback is running in another thread, the call waits until it returns, unless the event has EV_FINALIZE.
 * The caller may then free what the callback uses, but must not hold a lock that the callback may take. No
 * effect if the event is neither pending nor active. Returns 0, or -1 if the event has no base. Since 0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_del(struct event *ev);

/* Variants of event_del(): event_del_noblock() never waits; event_del_block() always waits for a callback
 * that runs in another thread, even with EV_FINALIZE. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_del_noblock(struct event *ev);
EVENT2_CORE_EXPORT_SYMBOL
int event_del_block(struct event *ev);

/* Removes the timeout of a pending event and leaves it pending for its descriptor or signal; an event that
 * had only the timeout is not pending afterwards. Returns 0, or -1 if the event has no base. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_remove_timer(struct event *ev);

/* Makes an event active as if what (EV_* bits) had happened. The event need not be pending, and does not
 * become pending.
 *
 * ncalls is the number of times that the callback of an EV_SIGNAL event is invoked; for other events it is
 * ignored and the callback runs once. If the event is already active, what is added to the bits that its
 * callback will receive. An event that calls this in its own callback in every iteration prevents less
 * important events from running. Thread: any. Since 0.1. */
EVENT2_CORE_EXPORT_SYMBOL
void event_active(struct event *ev, int what, short ncalls);

/* Makes all events active, as event_active() does, that are pending on this base for the given descriptor and
 * at least one of the bits of what (EV_READ, EV_WRITE, EV_CLOSED; with EV_TIMEOUT also those that have a
 * timeout). Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void event_base_active_by_fd(struct event_base *base, evutil_socket_t fd, short what);

/* Makes all events active that are pending on this base for the given signal, as if it had been received
 * once. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void event_base_active_by_signal(struct event_base *base, int signum);

/* Invokes cb once, without an event for the program to manage.
 *
 * what is EV_READ or EV_WRITE or both, or EV_TIMEOUT alone; EV_SIGNAL and EV_PERSIST are errors. tv is the
 * timeout; EV_TIMEOUT with tv NULL or zero invokes cb in the next iteration. The priority is the base's
 * default. The call cannot be cancelled; if the base is freed first, cb is never invoked and the caller still
 * owns arg.
 *
 * Returns 0, or -1 for other bits, if the system rejects the descriptor, or if out of memory. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_once(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn cb, void *arg,
                    const struct timeval *tv);

/* --- inspecting an event ---------------------------------------------------------------------------- */

/* Returns those of the EV_READ, EV_WRITE, EV_CLOSED, EV_SIGNAL and EV_TIMEOUT bits in what for which the
 * event is pending, or with which it is active; 0 if none. If the result contains EV_TIMEOUT and tv is not
 * NULL, *tv receives the time of day at which the timeout expires. Since 0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_pending(const struct event *ev, short what, struct timeval *tv);

/* Returns non-zero if the event was initialized, zero if its memory holds only zeros. The result is undefined
 * for other uninitialized memory. Since 1.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_initialized(const struct event *ev);

/* Return what an event was initialized with; the signal number is stored as the descriptor. They take no
 * lock: these values change only when the event is initialized again. Since 2.0; event_get_priority() since
 * 2.1. */
#define event_get_signal(ev) ((int)event_get_fd(ev))
EVENT2_CORE_EXPORT_SYMBOL
evutil_socket_t event_get_fd(const struct event *ev);
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *event_get_base(const struct event *ev);
EVENT2_CORE_EXPORT_SYMBOL
short event_get_events(const struct event *ev);
EVENT2_CORE_EXPORT_SYMBOL
event_callback_fn event_get_callback(const struct event *ev);
EVENT2_CORE_EXPORT_SYMBOL
void *event_get_callback_arg(const struct event *ev);
EVENT2_CORE_EXPORT_SYMBOL
int event_get_priority(const struct event *ev);

/* Stores all of these values at once in those pointers that are not NULL. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_get_assignment(const struct event *ev, struct event_base **base_out, evutil_socket_t *fd_out,
                          short *events_out, event_callback_fn *callback_out, void **arg_out);

/* --- freeing an event without waiting for its callback ---------------------------------------------- */

/* A finalizer: runs when the library no longer uses the event; arg is the argument of the event's callback.
 * Since 2.1. */
typedef void (*event_finalize_callback_fn)(struct event *ev, void *arg);

/* Delete an event permanently without waiting for a callback that is running in another thread: the loop
 * invokes cb later, when the callback has returned; cb may free what event and callback share. Until then the
 * event's memory must stay valid; its callback does not start any more, and adding, activating or deleting
 * the event has no effect. Initialize such events with EV_FINALIZE, so that event_del() does not wait for
 * their callbacks either.
 *
 * flags must be 0. After event_finalize() cb owns the memory and may initialize the event again;
 * event_free_finalize() requires an event from event_new() and frees it after cb. If the base is freed first,
 * event_base_free() invokes cb, event_base_free_nofinalize() does not. Until cb has run, event_add() returns
 * -1. Both return 0, or -1 if the event has no base or flags are not 0. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_finalize(unsigned int flags, struct event *ev, event_finalize_callback_fn cb);
EVENT2_CORE_EXPORT_SYMBOL
int event_free_finalize(unsigned int flags, struct event *ev, event_finalize_callback_fn cb);

/* --- short names for common kinds of events --------------------------------------------------------- */

/* Timers: events with only a timeout. Add EV_PERSIST with event_new() for a periodic one. */
#define evtimer_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evtimer_assign(ev, b, cb, arg) event_assign((ev), (b), -1, 0, (cb), (arg))
#define evtimer_add(ev, tv) event_add((ev), (tv))
#define evtimer_del(ev) event_del(ev)
#define evtimer_pending(ev, tv) event_pending((ev), EV_TIMEOUT, (tv))
#define evtimer_initialized(ev) event_initialized(ev)

/* Signals: x is the signal number. The events are persistent. The callback runs in the loop, not in a signal
 * handler, so it may call any function; it is invoked once for each signal that was counted. The library
 * replaces the process's disposition of the signal (sigaction(2)) while an event is pending for it, and
 * restores it when the last event is deleted. Since 2.0. */
#define evsignal_new(b, x, cb, arg) event_new((b), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define evsignal_assign(ev, b, x, cb, arg) event_assign((ev), (b), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define evsignal_add(ev, tv) event_add((ev), (tv))
#define evsignal_del(ev) event_del(ev)
#define evsignal_pending(ev, tv) event_pending((ev), EV_SIGNAL, (tv))
#define evsignal_initialized(ev) event_initialized(ev)

/* User events: never pending; their callback runs when they are triggered. Since 2.1. */
#define evuser_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evuser_del(ev) event_del(ev)
#define evuser_pending(ev, tv) event_pending((ev), 0, (tv))
#define evuser_initialized(ev) event_initialized(ev)
#define evuser_trigger(ev) event_active((ev), 0, 0)

#ifdef __cplusplus
}
#endif

#endif

/* Bases, which run a loop, and events, which say what to wait for and what to call.
 *
 *   struct event_base *base = event_base_new();
 *   struct event *ev = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, arg);
 *   event_add(ev, NULL);
 *   event_base_dispatch(base);
 *   event_free(ev);
 *   event_base_free(base);
 *
 * The life of an event. event_new() or event_assign() sets it up: it knows its base, what to wait for, and
 * its callback. event_add() makes it pending: the loop waits for it. When its descriptor is ready, its signal
 * has arrived, its time has come, or event_active() was called, it is active: its callback is due. An event
 * without EV_PERSIST stops being pending just before its callback runs. event_del() takes it out of both
 * states at any time, and event_free() gives back its memory.
 *
 * Priorities. Where several events are active, those of the most important priority (the lowest number) run
 * first, then the loop looks for new events before it turns to less important ones. Among equals the order is
 * that in which they became active.
 *
 * Time. A duration is a struct timeval, seconds and microseconds, measured from the call on a clock that does
 * not follow changes of the system's date.
 *
 * Threads. A base created after evthread_use_pthreads() or its like (<event2/thread.h>) has a lock. Then
 * every function that takes this base or one of its events may be called from any thread, and wakes the loop
 * if it must, except where an entry says otherwise; one thread at a time runs the loop, and all callbacks run
 * in that thread, without the lock. A base without a lock belongs to one thread. event_new(), event_assign()
 * and event_free() on one event, and the struct itself, are never to be used from two threads at once.
 *
 * Errors. Functions that return int return 0 for success and -1 for failure unless the entry says more.
 * Nothing is changed by a call that fails. Memory that cannot be had makes the call fail with errno ENOMEM.
 *
 * "Since" names the version of the interface in which an entry appeared first.
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

/* A loop with everything that it waits for. Opaque. */
struct event_base;

/* What to wait for, and what to call then. Its layout is in <event2/event_struct.h>, which a program needs
 * only if it keeps events in its own memory. */
struct event;

/* Demands on a base that is yet to be created. Opaque. Since 2.0. */
struct event_config;

/* --- the version ------------------------------------------------------------------------------------ */

/* The version of this header: as text, and as a number with major, minor and patch in a byte each (2.1.12 is
 * 0x02010c00). Since 2.0; the number since 2.0.1. */
#define LIBEVENT_VERSION EVENT__VERSION
#define LIBEVENT_VERSION_NUMBER EVENT__NUMERIC_VERSION

/* The version of the interface that the library at run time implements, in the same two forms. The text is
 * static. May be called at any time from any thread. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
const char *event_get_version(void);
EVENT2_CORE_EXPORT_SYMBOL
ev_uint32_t event_get_version_number(void);

/* --- settings of the whole process, made first ------------------------------------------------------ */

/* Makes the libraries take all their memory from these functions instead of malloc(), realloc() and free().
 *
 * malloc_fn and realloc_fn must return memory aligned for any type, or NULL, and be callable from every
 * thread that uses the libraries; realloc_fn(NULL, n) must act as malloc_fn(n), and free_fn must accept what
 * the other two returned. NULL for one of the three selects the C library's function again. free_fn releases
 * whatever the library allocated, so the three must be changed together and before anything else of the
 * library is used: memory that came from one set must not be given to another.
 *
 * What a function hands over to be freed by the program with free() (evbuffer_readln() and others) comes from
 * malloc_fn as well; then free it with the counterpart. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_set_mem_functions(void *(*malloc_fn)(size_t size), void *(*realloc_fn)(void *old, size_t size),
                             void (*free_fn)(void *memory));

/* Defined where event_set_mem_functions() exists: everywhere. Since 2.0. */
#define EVENT_SET_MEM_FUNCTIONS_IMPLEMENTED 1

/* How serious a log message is. Since 2.1; until then only the names below. */
#define EVENT_LOG_DEBUG 0 /* of use to those who look for a fault; off until event_enable_debug_logging() */
#define EVENT_LOG_MSG 1   /* information */
#define EVENT_LOG_WARN 2  /* something failed, and the caller was told so */
#define EVENT_LOG_ERR 3   /* a misuse that cannot be survived; the fatal callback is next */

/* The 2.0 names. */
#define _EVENT_LOG_DEBUG EVENT_LOG_DEBUG
#define _EVENT_LOG_MSG EVENT_LOG_MSG
#define _EVENT_LOG_WARN EVENT_LOG_WARN
#define _EVENT_LOG_ERR EVENT_LOG_ERR

/* Receives a log message: severity is one of EVENT_LOG_*, message is one line without its end, valid during
 * the call. It may be called in any thread that uses the library, and must not call the library.
 * Since 2.0. */
typedef void (*event_log_cb)(int severity, const char *message);

/* Sends log messages to cb; NULL sends them to the standard error stream, as at the start. To silence the
 * library pass a function that does nothing. For the whole process. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_set_log_callback(event_log_cb cb);

/* Receives the number of an error from which the library cannot go on. Since 2.0. */
typedef void (*event_fatal_cb)(int err);

/* Has cb called, after the message was logged, when the program misused the library so that going on would
 * damage memory (what debug mode and lock debugging find). cb must not return: it ends the process or the
 * thread in its own way, and if it does return the process is aborted. NULL, as at the start, aborts at once.
 * Input from the network and lack of memory never lead here. For the whole process. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_set_fatal_callback(event_fatal_cb cb);

/* What event_enable_debug_logging() takes. Since 2.1. */
#define EVENT_DBG_NONE 0
#define EVENT_DBG_ALL 0xffffffffu

/* Turns messages of severity EVENT_LOG_DEBUG on (EVENT_DBG_ALL) or off (EVENT_DBG_NONE). They are many. For
 * the whole process; may be called at any time. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void event_enable_debug_logging(ev_uint32_t which);

/* Makes the library keep a record of all events and check each use against it: adding an event that was never
 * set up, setting up one that is still pending, mixing edge-triggered and level-triggered events on one
 * descriptor. A misuse is fatal (event_set_fatal_callback()), except that the last one makes event_add()
 * fail.
 *
 * Must be called before the first event or base is created, and cannot be undone; a later call is fatal.
 * Costs memory and a look-up for each operation. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_enable_debug_mode(void);

/* In debug mode: forgets an event that was set up with event_assign() and whose memory is about to be reused
 * or to go out of scope. The event must not be pending or active. Does nothing otherwise, and is not needed
 * for events from event_new(), where event_free() does it. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_debug_unassign(struct event *ev);

/* Frees everything that the library keeps for the process and not for one base: locks, tables, the old
 * interface's state. For leak checkers; a process that ends need not call it. All bases and everything built
 * on them must have been freed, and no other thread may be inside the library. Afterwards a program that
 * wants the library again sets it up anew: the settings above, then threads, then a base. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void libevent_global_shutdown(void);

/* --- creating a base -------------------------------------------------------------------------------- */

/* Creates a base with the default settings: the best method that the system offers and that no environment
 * variable forbids, one priority, no descriptors.
 *
 * Methods are excluded by setting EVENT_NO and the method's name in capitals: EVENT_NOEPOLL, EVENT_NOPOLL,
 * ... Environment variables are not looked at in set-user-ID programs. EVENT_SHOW_METHOD logs the choice.
 *
 * Returns the base, to be freed with event_base_free(), or NULL if no method is left or memory or descriptors
 * are short. Since 1.4.3. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *event_base_new(void);

/* Creates an empty set of demands, to be freed with event_config_free(). NULL without memory. A configuration
 * has no lock. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_config *event_config_new(void);

/* Frees a configuration. Bases made with it stay. NULL is allowed. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_config_free(struct event_config *cfg);

/* Excludes a method by its name ("epoll", "poll", "select", ...; see event_get_supported_methods()). Names
 * that this build does not know are accepted and have no effect. 0, or -1 without memory. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_config_avoid_method(struct event_config *cfg, const char *method);

/* Properties of a method; see event_config_require_features() and event_base_get_features(). Since 2.0. */
enum event_method_feature {
  /* Offers EV_ET. */
  EV_FEATURE_ET = 0x01,
  /* One more descriptor, or one that becomes ready, costs the same however many there are. */
  EV_FEATURE_O1 = 0x02,
  /* Takes every kind of descriptor, plain files too, and not just sockets, pipes and terminals. */
  EV_FEATURE_FDS = 0x04,
  /* Reports EV_CLOSED. Since 2.1. */
  EV_FEATURE_EARLY_CLOSE = 0x08
};

/* Requires all of the given features (EV_FEATURE_* or'ed together) of the method. Replaces what an earlier
 * call required. If no method has them all, event_base_new_with_config() fails. Returns 0; -1 if cfg is NULL.
 * Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_config_require_features(struct event_config *cfg, int features);

/* Ways to differ from the default; see event_config_set_flag(). Since 2.0. */
enum event_base_config_flag {
  /* The base gets no lock even if threads were enabled: a little faster, and for one thread only. */
  EVENT_BASE_FLAG_NOLOCK = 0x01,
  /* The EVENT_NO* environment variables do not count, nor do the others that this list names. */
  EVENT_BASE_FLAG_IGNORE_ENV = 0x02,
  /* Windows: socket bufferevents and listeners of the base use overlapped I/O on a completion port. Their
   * callbacks run in the loop, as always, and no thread is started. The method is then wepoll, which waits at
   * the port; if that is avoided or forbidden, a warning is logged, and sockets are served when they are
   * ready. Without effect on other systems. */
  EVENT_BASE_FLAG_STARTUP_IOCP = 0x04,
  /* The time is read anew whenever it is wanted, not once per round of callbacks. */
  EVENT_BASE_FLAG_NO_CACHE_TIME = 0x08,
  /* epoll: changes made between two waits may be collected, so that those which cancel each other cost
   * nothing. Not for programs that watch duplicates (dup()) of one descriptor, or close a descriptor before
   * deleting its events. The method is then called "epoll (with changelist)". Also asked for by the
   * environment variable EVENT_EPOLL_USE_CHANGELIST. Without effect with other methods. */
  EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST = 0x10,
  /* Waits end to the microsecond where the system can do that, also where it costs more: on epoll by
   * epoll_pwait2() or a timerfd, on poll by ppoll(). Without it they end at whole milliseconds there, never
   * early. The clock is the finest in either case. Also asked for by the environment variable
   * EVENT_PRECISE_TIMER. Since 2.1. */
  EVENT_BASE_FLAG_PRECISE_TIMER = 0x20,
  /* epoll: no timerfd is used to wait more finely than in milliseconds. Since 2.2. */
  EVENT_BASE_FLAG_EPOLL_DISALLOW_TIMERFD = 0x40,
  /* Signals are taken from a signalfd where the system has one, instead of a handler that wakes the loop.
   * Such signals must be blocked in all threads of the process but the loop's. Also asked for by
   * EVENT_USE_SIGNALFD. Since 2.2. */
  EVENT_BASE_FLAG_USE_SIGNALFD = 0x80
};

/* Adds a flag (EVENT_BASE_FLAG_*, several may be or'ed) to those that are set. Returns 0; -1 if cfg is NULL.
 * Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_config_set_flag(struct event_config *cfg, int flag);

/* Tells how many processors the program expects to use. A hint only, and one that no method has a use for:
 * the one thread that runs a base's loop also waits at its completion port. Returns 0; -1 if cfg is NULL.
 * Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_config_set_num_cpus_hint(struct event_config *cfg, int cpus);

/* Bounds the time that less important callbacks can keep more important events waiting. Normally all active
 * events of one priority run before the loop looks for new ones. With this call it looks again
 *   - when max_interval has passed since it last did, unless max_interval is NULL, and
 *   - when max_callbacks callbacks have run since, unless that is negative,
 * while it runs events of priority min_priority or a greater number (0: of every priority).
 * Returns 0. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_config_set_max_dispatch_interval(struct event_config *cfg, const struct timeval *max_interval,
                                           int max_callbacks, int min_priority);

/* Creates a base that meets the demands of cfg, which stays the caller's and may be used again; NULL is as
 * event_base_new(). Returns NULL if no method meets them, or as event_base_new() does. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *event_base_new_with_config(const struct event_config *cfg);

/* Frees a base. Its loop must not be running, and no other thread may use the base.
 *
 * Events that are still pending or active are deleted, but neither freed nor are their descriptors closed:
 * the program may still event_free() them. Finalizers that are due (event_finalize()) are run. Events of
 * event_base_once() are freed without a call. Bufferevents, listeners and the like must be freed before.
 * NULL is allowed. Since 1.2. */
EVENT2_CORE_EXPORT_SYMBOL
void event_base_free(struct event_base *base);

/* As event_base_free(), but finalizers that are due are not run; what they would have freed stays.
 * Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void event_base_free_nofinalize(struct event_base *base);

/* Makes a base usable in a child process after fork(): everything in the kernel that the child would share
 * with its parent is made anew, and all pending events are added to it again. To be called in the child,
 * before anything else is done with the base there; the parent is not affected. 0, or -1 if something could
 * not be made or an event could not be added again. Since 1.4.3. */
EVENT2_CORE_EXPORT_SYMBOL
int event_reinit(struct event_base *base);

/* --- inspecting a base ------------------------------------------------------------------------------ */

/* The names of the methods in this build, best first and ended by NULL, whether or not the system that runs
 * the program supports them. Static; do not free. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
const char **event_get_supported_methods(void);

/* The name of the method that the base uses, static. Since 1.4.3. */
EVENT2_CORE_EXPORT_SYMBOL
const char *event_base_get_method(const struct event_base *base);

/* The name of the way in which the base receives signals, static. Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
const char *event_base_get_signal_method(const struct event_base *base);

/* The properties of the base's method, EV_FEATURE_* or'ed together. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_get_features(const struct event_base *base);

/* What event_base_get_num_events() counts; may be or'ed. Since 2.1. */
#define EVENT_BASE_COUNT_ACTIVE 1U  /* callbacks that are due */
#define EVENT_BASE_COUNT_VIRTUAL 2U /* work in flight that is not an event but keeps the loop running */
#define EVENT_BASE_COUNT_ADDED 4U   /* pending events; one with a descriptor and a timeout counts twice */

/* The number of things of the given kinds. What the library adds for itself is not counted. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_get_num_events(struct event_base *base, unsigned int kinds);

/* The greatest number that each kind has reached, summed over the given kinds, since the base was created or
 * this was last called for that kind with reset non-zero. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_get_max_events(struct event_base *base, unsigned int kinds, int reset);

/* Sees one event of a base. Returns 0 to go on, anything else to stop. Since 2.1. */
typedef int (*event_base_foreach_event_cb)(const struct event_base *base, const struct event *ev, void *arg);

/* Calls fn once for each event that is pending or active, in no particular order. fn runs with the base's
 * lock held and must neither change events or the base nor wait for another thread. Returns 0 after the last
 * event, or what fn returned to stop; -1 if base or fn is NULL. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_foreach_event(struct event_base *base, event_base_foreach_event_cb fn, void *arg);

/* Writes a list of all pending and active events to a stream, for people: the format may change.
 * Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_base_dump_events(struct event_base *base, FILE *out);

/* The event whose callback is running; NULL if none is. Only for use in the loop's thread, that is, inside a
 * callback. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
struct event *event_base_get_running_event(struct event_base *base);

/* --- running the loop ------------------------------------------------------------------------------- */

/* What event_base_loop() does differently; may be or'ed. */
#define EVLOOP_ONCE 0x01             /* wait until events are active, run them, return */
#define EVLOOP_NONBLOCK 0x02         /* run what is active now, wait for nothing, return */
#define EVLOOP_NO_EXIT_ON_EMPTY 0x04 /* wait on although there is no event left; since 2.1 */

/* Waits for events and runs the callbacks of those that become active, until
 *   - no event is pending or active, unless EVLOOP_NO_EXIT_ON_EMPTY was given,
 *   - event_base_loopexit() or event_base_loopbreak() ends it, or
 *   - EVLOOP_ONCE or EVLOOP_NONBLOCK was given and all events that were active have run.
 *
 * Returns 1 if it ended because there were no events, 0 if it ended otherwise, -1 if the method failed or if
 * the loop of this base is running already (in another thread, or because a callback called this). The thread
 * that calls it is the loop's thread until it returns. Since 1.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_loop(struct event_base *base, int flags);

/* event_base_loop() without flags. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_dispatch(struct event_base *base);

/* Ends the loop after a time, or with NULL as soon as the events that are active have run. When the loop is
 * not running, it is the next one that ends, after at least one round; so a delay may be set before the loop
 * is started. 0, or -1 without memory. Since 1.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_loopexit(struct event_base *base, const struct timeval *tv);

/* Ends the loop when the callback that is running returns, or at once if it is waiting; events that are
 * active stay so for the next loop. When the loop is not running, this has no effect on the next. 0, or -1 if
 * base is NULL. Since 1.4.3. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_loopbreak(struct event_base *base);

/* Makes the loop look for new events as soon as the callback that is running returns, and only then go on
 * with the events that are active, the most important first. No effect unless called while callbacks run. 0,
 * or -1 if base is NULL. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_loopcontinue(struct event_base *base);

/* Non-zero if the last loop was ended by event_base_loopexit(), or event_base_loopbreak() respectively. Both
 * are forgotten when the next loop begins. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_got_exit(struct event_base *base);
EVENT2_CORE_EXPORT_SYMBOL
int event_base_got_break(struct event_base *base);

/* --- time ------------------------------------------------------------------------------------------- */

/* Fills *tv with the time of day. While callbacks run it is the time at which this round of them began, which
 * costs no system call; otherwise, and if base is NULL, the present time. 0, or -1 if the clock failed. Since
 * 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_gettimeofday_cached(struct event_base *base, struct timeval *tv);

/* Reads the clocks anew for the rest of this round of callbacks: for use inside a callback, after something
 * that took long, so that timeouts added now are counted from now. No effect outside. 0, or -1 if base is
 * NULL or the clock failed. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_update_cache_time(struct event_base *base);

/* Fills *tv with the time by the base's own clock, on which timeouts are measured: it never goes back, and
 * its zero has no meaning. Read anew in each call. 0, or -1 if an argument is NULL or the clock failed.
 * Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_gettime_monotonic(struct event_base *base, struct timeval *tv);

/* Prepares for very many events with one and the same timeout: those wait in a list, where adding and
 * deleting cost the same however many there are, and no longer in a heap. To use it pass the returned
 * timeval, or a copy, to event_add() for events of this base; its contents are not a duration that anything
 * else understands. Calling it again with an equal duration returns the same.
 *
 * The returned timeval belongs to the base. NULL if the duration is out of range, if 256 different ones exist
 * already, or without memory. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
const struct timeval *event_base_init_common_timeout(struct event_base *base, const struct timeval *duration);

/* --- priorities ------------------------------------------------------------------------------------- */

/* The number of priorities of a base is less than this. */
#define EVENT_MAX_PRIORITIES 256

/* Gives a base priorities 0, the most important, to count - 1. Events set up later get count / 2; those that
 * exist keep their number, so do this first. A new base has one.
 * 0, or -1 if count is not in 1..EVENT_MAX_PRIORITIES - 1, if events are active, or without memory.
 * Since 1.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_priority_init(struct event_base *base, int count);

/* The number of priorities of a base. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_get_npriorities(struct event_base *base);

/* Changes the priority of an event that is not active; it may be pending. 0, or -1 if it is active or its
 * base has no such priority. Since 1.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_priority_set(struct event *ev, int priority);

/* --- setting up an event ---------------------------------------------------------------------------- */

/* What to wait for, and what has happened; to be or'ed together. */
#define EV_TIMEOUT 0x01  /* the time has passed: only told, the wish is made with event_add() */
#define EV_READ 0x02     /* the descriptor can be read, or is at its end */
#define EV_WRITE 0x04    /* the descriptor can be written */
#define EV_SIGNAL 0x08   /* the signal has arrived; not together with EV_READ, EV_WRITE, EV_CLOSED */
#define EV_PERSIST 0x10  /* stay pending when the callback runs */
#define EV_ET 0x20       /* tell changes, not states: needs EV_FEATURE_ET; since 2.0 */
#define EV_FINALIZE 0x40 /* event_del() does not wait for a running callback; since 2.1 */
#define EV_CLOSED 0x80   /* the peer has closed: needs EV_FEATURE_EARLY_CLOSE; since 2.1 */

/* What an event calls. fd is the descriptor or signal number that the event was set up with, what tells with
 * EV_* bits all that has happened, arg is the program's. Runs in the loop's thread without a lock. It may
 * add, delete, and free any event, this one included. Since 2.0. */
typedef void (*event_callback_fn)(evutil_socket_t fd, short what, void *arg);

/* To be passed as arg to event_new() and event_assign(): the callback will receive the event itself. Opaque,
 * and means nothing elsewhere. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void *event_self_cbarg(void);

/* Sets up a new event.
 *
 * base    where it will be pending. NULL is allowed if event_base_set() is called before it is added
 * fd      a descriptor, best in non-blocking mode; a signal's number with EV_SIGNAL; -1 for neither
 * what    EV_READ, EV_WRITE, EV_CLOSED or EV_SIGNAL, with EV_PERSIST, EV_ET, EV_FINALIZE; 0 for a timer
 * cb      what to call
 * arg     the last argument for cb
 *
 * The descriptor stays the program's; delete its events before closing it. Several events may wait for the
 * same descriptor or signal; then all of them become active.
 *
 * Returns the event, to be freed with event_free(), or NULL for a senseless combination or without memory.
 * Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
struct event *event_new(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn cb,
                        void *arg);

/* Deletes an event from event_new(), waiting as event_del() does, and frees it. Allowed in its own callback.
 * Not for events set up with event_assign(). Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_free(struct event *ev);

/* As event_new(), in memory of the program's (<event2/event_struct.h>). The memory may hold anything before;
 * but an event that is pending or active must be deleted first, or the base is damaged. It must stay where it
 * is while the event is pending or active. 0, or -1 for a senseless combination. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_assign(struct event *ev, struct event_base *base, evutil_socket_t fd, short what,
                 event_callback_fn cb, void *arg);

/* The size in bytes of struct event in the library. Programs that keep events in their own memory and do not
 * want to depend on <event2/event_struct.h> set aside so much, aligned for a pointer. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
size_t event_get_struct_event_size(void);

/* Moves an event to another base, with the default priority there. It must have been set up and be neither
 * pending nor active. 0, or -1 otherwise. Since 1.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_set(struct event_base *base, struct event *ev);

/* --- adding and deleting ---------------------------------------------------------------------------- */

/* Makes an event pending.
 *
 * tv is the time after which it becomes active with EV_TIMEOUT even if nothing else happened; zero is
 * allowed, and less than zero counts as zero. NULL sets no timeout. With EV_PERSIST the time begins anew
 * whenever the callback is about to run, whatever the reason: so an event with EV_PERSIST and no descriptor
 * is a periodic timer.
 *
 * If the event is pending already, a tv replaces its timeout, and NULL changes nothing. An event that is
 * active stays so, except that one which is active for its timeout waits for the new one.
 *
 * 0, or -1 if the system refuses the descriptor or signal, or without memory. Any thread. Since 0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_add(struct event *ev, const struct timeval *tv);

/* Makes an event neither pending nor active: its callback will not begin after this has returned. If the
 * callback is running in another thread, waits until it returns, unless the event has EV_FINALIZE. So the
 * program may free what the callback uses; but it must not hold a lock here that the callback may want.
 * Harmless if the event is neither. 0, or -1 if the event has no base. Since 0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_del(struct event *ev);

/* event_del() that never waits, and that always waits for a callback which runs in another thread, whatever
 * EV_FINALIZE says. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_del_noblock(struct event *ev);
EVENT2_CORE_EXPORT_SYMBOL
int event_del_block(struct event *ev);

/* Takes away the timeout of a pending event and leaves it pending for its descriptor or signal; an event that
 * has nothing else is not pending afterwards. 0, or -1 if the event has no base. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_remove_timer(struct event *ev);

/* Makes an event active as if what (EV_* bits) had happened. It need not be pending, and does not become so.
 *
 * ncalls is how often the callback of an EV_SIGNAL event is called; else it has no meaning and the callback
 * runs once. If the event is active already, what is added to that which it will be told. Calling this in the
 * event's own callback again and again keeps other events of lesser importance from running. Any thread.
 * Since 0.1. */
EVENT2_CORE_EXPORT_SYMBOL
void event_active(struct event *ev, int what, short ncalls);

/* Makes all events active that are pending on this base for the given descriptor and some of the bits of what
 * (EV_READ, EV_WRITE, EV_CLOSED; with EV_TIMEOUT those that have a timeout), as event_active(). Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void event_base_active_by_fd(struct event_base *base, evutil_socket_t fd, short what);

/* Makes all events active that are pending on this base for the given signal, as if it had arrived once.
 * Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void event_base_active_by_signal(struct event_base *base, int signum);

/* Calls cb once, with no event for the program to keep.
 *
 * what is EV_READ or EV_WRITE or both, or EV_TIMEOUT alone; EV_SIGNAL and EV_PERSIST are refused. tv is the
 * timeout; EV_TIMEOUT with tv NULL or zero calls cb in the next round. The priority is the base's default.
 * What was asked for cannot be undone; if the base is freed before, cb is never called and its arg is the
 * program's to free.
 *
 * 0, or -1 for other bits, if the system refuses, or without memory. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_base_once(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn cb, void *arg,
                    const struct timeval *tv);

/* --- inspecting an event ---------------------------------------------------------------------------- */

/* Which of the EV_READ, EV_WRITE, EV_CLOSED, EV_SIGNAL and EV_TIMEOUT bits in what the event is pending for
 * or active with; 0 if none. If EV_TIMEOUT is among those returned and tv is not NULL, *tv is the time of day
 * at which the timeout is due. Since 0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_pending(const struct event *ev, short what, struct timeval *tv);

/* Non-zero if the event was set up, zero if its memory holds zeros only. Other memory cannot be judged.
 * Since 1.0. */
EVENT2_CORE_EXPORT_SYMBOL
int event_initialized(const struct event *ev);

/* What an event was set up with. The signal's number is the descriptor. Nothing is locked: these values
 * change only when the event is set up again. Since 2.0; event_get_priority() since 2.1. */
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

/* All of it at once, into those of the pointers that are not NULL. Since 2.0. */
EVENT2_CORE_EXPORT_SYMBOL
void event_get_assignment(const struct event *ev, struct event_base **base_out, evutil_socket_t *fd_out,
                          short *events_out, event_callback_fn *callback_out, void **arg_out);

/* --- freeing an event without waiting for its callback ---------------------------------------------- */

/* Runs when nothing of the library uses the event any more; arg is that of the event's callback.
 * Since 2.1. */
typedef void (*event_finalize_callback_fn)(struct event *ev, void *arg);

/* Deletes an event for good without waiting for a callback that is running in another thread: cb is called
 * from the loop later, when the callback has returned, and may free what event and callback share. Until then
 * the event's memory must stay; from now on its callback does not begin, and adding, activating or deleting
 * it does nothing. Events for which this is used should be set up with EV_FINALIZE, so that an event_del() on
 * them does not wait either.
 *
 * flags must be 0. event_finalize() leaves the memory to cb, which may set the event up anew; with
 * event_free_finalize() the event is from event_new() and is freed after cb. If the base is freed first,
 * event_base_free() calls cb, event_base_free_nofinalize() does not. Until cb has run event_add() is -1.
 * 0, or -1 if the event has no base or flags are not 0.
 * Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int event_finalize(unsigned int flags, struct event *ev, event_finalize_callback_fn cb);
EVENT2_CORE_EXPORT_SYMBOL
int event_free_finalize(unsigned int flags, struct event *ev, event_finalize_callback_fn cb);

/* --- short names for common kinds of events --------------------------------------------------------- */

/* Timers: events that have nothing but a timeout. Add EV_PERSIST with event_new() for a periodic one. */
#define evtimer_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evtimer_assign(ev, b, cb, arg) event_assign((ev), (b), -1, 0, (cb), (arg))
#define evtimer_add(ev, tv) event_add((ev), (tv))
#define evtimer_del(ev) event_del(ev)
#define evtimer_pending(ev, tv) event_pending((ev), EV_TIMEOUT, (tv))
#define evtimer_initialized(ev) event_initialized(ev)

/* Signals: x is the number. They are persistent. The callback runs in the loop, not in a signal handler, so
 * it may do anything; it is called as often as the signal was seen to arrive. The process's disposition of
 * the signal is taken over while an event is pending for it, and restored after the last. Since 2.0. */
#define evsignal_new(b, x, cb, arg) event_new((b), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define evsignal_assign(ev, b, x, cb, arg) event_assign((ev), (b), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define evsignal_add(ev, tv) event_add((ev), (tv))
#define evsignal_del(ev) event_del(ev)
#define evsignal_pending(ev, tv) event_pending((ev), EV_SIGNAL, (tv))
#define evsignal_initialized(ev) event_initialized(ev)

/* User events: never pending, run when triggered. Since 2.1. */
#define evuser_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evuser_del(ev) event_del(ev)
#define evuser_pending(ev, tv) event_pending((ev), 0, (tv))
#define evuser_initialized(ev) event_initialized(ev)
#define evuser_trigger(ev) event_active((ev), 0, 0)

#ifdef __cplusplus
}
#endif

#endif

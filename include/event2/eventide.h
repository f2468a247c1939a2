/* Functions beyond libevent's interface: metrics of a running loop, a notification of slow callbacks, a break
 * that is kept until a loop runs, a callback for drained output, and the state of a base as JSON.
 *
 *   struct eventide_metrics m;
 *   eventide_metrics_enable(base);
 *   ...
 *   if (eventide_metrics_get(base, &m, sizeof(m)) == 0)
 *     printf("%.1f %% busy\n", 100.0 * m.callback_ns / (m.callback_ns + m.wait_ns));
 *
 * Metrics are enabled per base; without them the loop spends no time on measuring. With them it reads the
 * clock before and after the wait and each callback, which costs some ten nanoseconds each.
 *
 * Callbacks, as counted here, are the calls that the loop makes for events, deferred work and finalizers. The
 * library's internal events, by which other threads and signals wake the loop, and watchers
 * (<event2/watch.h>) are not counted. For a bufferevent or a listener the loop calls a function of the
 * library, which invokes the program's callbacks: metrics report the address of that function, with the
 * object as its argument.
 *
 * Units. Names that end in _ns are nanoseconds of a monotonic clock. Counters start at zero when metrics are
 * enabled or reset and do not wrap in practice (64 bits).
 *
 * Threads. If the base has a lock, all functions may be called from any thread while its loop runs. Without a
 * lock only the thread that uses the base may call them.
 *
 * Since: no version of libevent has these functions. Test for them by the presence of this header, or at run
 * time with dlsym(3).
 */
#ifndef EVENT2_EVENTIDE_H_INCLUDED_
#define EVENT2_EVENTIDE_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>
#ifdef EVENT__HAVE_SYS_TIME_H
#include <sys/time.h>
#endif
#include <stddef.h>
#include <stdio.h>

#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bufferevent;
struct event_base;

/* --- metrics ------------------------------------------------------------------------------------------ */

/* The number of buckets of a histogram. Bucket 0 counts durations of 0 and 1 ns, bucket i those from 2^i ns
 * up to, but not including, 2^(i+1) ns, and the last bucket all from 2^39 ns (about nine minutes) on. Bucket
 * 10 starts at about a microsecond, 20 at a millisecond and 30 at a second. */
#define EVENTIDE_METRICS_BUCKETS 40

/* The number of entries in the slowest-callbacks table. */
#define EVENTIDE_METRICS_SLOWEST 16

/* One callback, identified by its address, over all its calls for any events. */
struct eventide_slowest {
  const void *callback; /* its address, or NULL in unused entries, which come last */
  ev_uint64_t worst_ns; /* the duration of its longest call */
  ev_uint64_t count;    /* the number of its calls since it entered the table */
  ev_uint64_t total_ns; /* the total duration of these calls */
};

/* The metrics of a loop since they were enabled or reset. Later versions may add fields at the end; see
 * eventide_metrics_get(). */
struct eventide_metrics {
  ev_uint64_t elapsed_ns; /* the time since metrics were enabled or reset */
  ev_uint64_t iterations; /* loop iterations; each waits once, possibly with a timeout of 0 */
  ev_uint64_t wait_ns;    /* time in the method's wait, including the processing of its reports */

  ev_uint64_t callbacks;   /* calls made */
  ev_uint64_t callback_ns; /* the total duration of these calls */

  /* The same calls by the bits that they received (EV_READ and so on). A call with two bits counts for both;
   * an event made active by event_active() counts for the bits given there. */
  ev_uint64_t reads;
  ev_uint64_t writes;
  ev_uint64_t closes;
  ev_uint64_t signals; /* each delivery is a call */
  ev_uint64_t timeouts;
  ev_uint64_t others; /* calls with none of these bits, mainly deferred callbacks and finalizers */

  ev_uint64_t slow_callbacks; /* calls that took longer than eventide_set_slow_callback() allows */

  /* Timers that expired, and the time from their deadlines until the loop processed them, to a
   * microsecond. */
  ev_uint64_t timers_due;
  ev_uint64_t lateness_ns;
  ev_uint64_t worst_lateness_ns;

  ev_uint64_t callback_time[EVENTIDE_METRICS_BUCKETS];  /* calls by how long they took */
  ev_uint64_t timer_lateness[EVENTIDE_METRICS_BUCKETS]; /* timers_due by how late they were */

  /* The callbacks with the longest single calls, the longest first. When the table is full, a callback whose
   * call exceeds the smallest worst_ns replaces that entry. */
  struct eventide_slowest slowest[EVENTIDE_METRICS_SLOWEST];
};

/* Enables the metrics of a base; a running loop is measured from its next wait on. No effect if they are
 * already enabled. Returns 0, or -1 if out of memory. They take about two kilobytes, which
 * eventide_metrics_disable() or freeing the base releases. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_metrics_enable(struct event_base *base);

/* Disables the metrics at once, also during a callback, and discards the counters. No effect if they are not
 * enabled. Does not remove the callback of eventide_set_slow_callback(). */
EVENT2_CORE_EXPORT_SYMBOL
void eventide_metrics_disable(struct event_base *base);

/* Sets all counters back to zero. A callback or wait in progress is counted with its full duration when it
 * ends. Returns 0, or -1 if metrics are not enabled. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_metrics_reset(struct event_base *base);

/* Copies the metrics to *out, consistently even while the loop runs in another thread. `size` is sizeof(*out)
 * at the program's compile time: a program with fewer fields than the library receives only those, and fields
 * that the library does not have are set to zero. A callback or wait in progress is not included. Returns 0;
 * -1, without changing *out, if metrics are not enabled or size is zero. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_metrics_get(struct event_base *base, struct eventide_metrics *out, size_t size);

/* --- slow callbacks ----------------------------------------------------------------------------------- */

/* A call that exceeded the threshold; valid during the report. It holds the values passed to the call; the
 * event itself and the object at callback_arg may already be freed. Later versions may add fields at the
 * end. */
struct eventide_slow_call {
  const void *callback;    /* the function that was called */
  void *callback_arg;      /* its argument */
  evutil_socket_t fd;      /* the event's descriptor or signal number; -1 if it has none */
  short what;              /* the EV_* bits that it received; 0 for deferred work and finalizers */
  ev_uint64_t duration_ns; /* how long it took */
};

/* Reports a slow call. Runs in the loop's thread directly after the call, without the base's lock held; it
 * may do everything that an event's callback may. arg is that of eventide_set_slow_callback(). Its own
 * duration is not counted. A thread that waits for the slow callback to return, for example in event_del(),
 * also waits for the report. */
typedef void (*eventide_slow_cb)(struct event_base *base, const struct eventide_slow_call *call, void *arg);

/* Invokes `callback` whenever a callback of the base took longer than `threshold`; a threshold of zero
 * reports every call that took measurable time. Replaces an earlier callback; NULL for `callback` or
 * `threshold` removes it. Does not require metrics to be enabled, but costs the same clock readings. Takes
 * effect with the next wait at the latest.
 *
 * Returns 0; -1, without any change, if out of memory or if the threshold is not a valid duration. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_set_slow_callback(struct event_base *base, const struct timeval *threshold,
                               eventide_slow_cb callback, void *arg);

/* --- leaving the loop --------------------------------------------------------------------------------- */

/* Like event_base_loopbreak(), but kept if no loop runs: the next event_base_loop() then returns 0 at once,
 * before any callback, and event_base_got_break() returns non-zero. A thread can thus stop a loop that
 * another thread is about to start. Several calls end one loop. Thread: any, if the base has a lock.
 *
 * Returns 0, or -1 if base is NULL. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_loopbreak(struct event_base *base);

/* --- output that has left ----------------------------------------------------------------------------- */

/* Is called once when all output of a bufferevent has been sent. `what` is 0; if an error prevented it,
 * `what` holds the BEV_EVENT_* flags with which the event callback was invoked before. */
typedef void (*eventide_drained_cb)(struct bufferevent *bev, short what, void *arg);

/* Invokes `callback` once, from the loop and never inside this call, when the output buffers of the
 * bufferevent and of all underlying bufferevents are empty: the kernel, or the partner of a pair, has
 * received every byte. If they are already empty, the loop invokes it in a following iteration; data that is
 * written before that must be sent first.
 *
 *   static void done(struct bufferevent *bev, short what, void *arg) { bufferevent_free(bev); }
 *   ...
 *   bufferevent_write(filter, "bye", 3);
 *   eventide_bufferevent_when_drained(filter, done, NULL);
 *
 * Purpose: the write callback of a filter is invoked when data has passed to the underlying bufferevent,
 * where it may still be queued for a slow peer; it is discarded if both are freed.
 *
 * An error (BEV_EVENT_ERROR in an event of this bufferevent) invokes it too, after the event callback. A
 * timeout or EOF does not, since output may still be sent. It is not invoked while writing is disabled, or
 * after the bufferevent was freed. A second call of this function replaces a pending callback; NULL removes
 * it. Each bufferevent of a stack may have its own callback. BEV_OPT_UNLOCK_CALLBACKS applies to it.
 *
 * Returns 0; -1 if out of memory, or if bev is NULL or was freed. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_bufferevent_when_drained(struct bufferevent *bev, eventide_drained_cb callback, void *arg);

/* --- the state of a base ------------------------------------------------------------------------------ */

/* Writes the state of a base as one JSON object (RFC 8259, ASCII, followed by a newline):
 *
 *   method, signal_method   strings, as event_base_get_method() returns them
 *   features                those of the method: some of "et", "o1", "fds", "early_close"
 *   running, priorities     whether a loop runs, and how many priorities there are
 *   counts                  added, virtual, active as event_base_get_num_events() counts them, each with its
 *                           maximum; next_turn: active callbacks postponed to the next iteration
 *   events                  every event of the base, including internal ones: event, callback and arg are
 *                           addresses ("0x..."); fd or signal is a number; flags: some of "read", "write",
 *                           "closed", "signal", "persist", "et", "finalize"; internal, priority; pending and
 *                           active: the bits it waits for, and those its queued callback will receive;
 *                           due_in_us: the time left until its timeout (negative: overdue), null if none is
 *                           set
 *   active                  the queued callbacks, in the order in which they will run: kind ("event",
 *                           "deferred", "finalizer"), event (null if none), callback and arg, priority,
 *                           next_turn
 *   metrics                 null unless enabled; else the fields of struct eventide_metrics, a histogram as a
 *                           list of its non-empty buckets {"below_ns", "count"}; below_ns is null in the last
 *                           bucket
 *
 * Later versions may add members. Holds the base's lock while it writes to the file, so a loop in another
 * thread is blocked during that time. Returns 0, or -1 if writing fails. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_dump_json(struct event_base *base, FILE *out);

#ifdef __cplusplus
}
#endif

#endif

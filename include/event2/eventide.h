/* What Eventide offers beyond libevent's interface: metrics of a running loop, a call for callbacks that take
 * too long, and the state of a base as JSON.
 *
 *   struct eventide_metrics m;
 *   eventide_metrics_enable(base);
 *   ...
 *   if (eventide_metrics_get(base, &m, sizeof(m)) == 0)
 *     printf("%.1f %% busy\n", 100.0 * m.callback_ns / (m.callback_ns + m.wait_ns));
 *
 * Nothing is measured until it is asked for, base by base; a loop that is not measured loses no time to it.
 * Then it reads the clock around the wait and around each callback, some ten nanoseconds each.
 *
 * What is a callback here. The calls that the loop makes for events, deferred work and finalizers. Not
 * counted are the library's own events, by which other threads and signals wake the loop, and watchers
 * (<event2/watch.h>). A bufferevent or a listener is served by a function of the library, which in turn calls
 * the program: that function's address is what is told, with the object as its argument.
 *
 * Units. Names that end in _ns are nanoseconds of a clock that does not follow changes of the system's date.
 * Counters start at zero when metrics are enabled or reset and do not wrap in practice (64 bits).
 *
 * Threads. If the base has a lock all functions may be called from any thread while its loop runs. Without a
 * lock they belong, as everything of the base, to one thread.
 *
 * Since: these functions are Eventide's; no version of libevent has them. They can be told from the header's
 * presence, or at run time by dlsym().
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

/* A histogram has this many buckets. Bucket 0 counts durations of 0 and 1 ns, bucket i those from 2^i ns
 * up to, but not including, 2^(i+1) ns, and the last everything from 2^39 ns (about nine minutes) on. So
 * bucket 10 begins at about a microsecond, 20 at a millisecond and 30 at a second. */
#define EVENTIDE_METRICS_BUCKETS 40

/* So many callbacks are told of one by one. */
#define EVENTIDE_METRICS_SLOWEST 16

/* One callback, known by its address, over all its calls for whatever events. */
struct eventide_slowest {
  const void *callback; /* its address, or NULL in entries behind the last one used */
  ev_uint64_t worst_ns; /* its longest call */
  ev_uint64_t count;    /* its calls since it came into the table */
  ev_uint64_t total_ns; /* how long they took together */
};

/* What a loop did since its metrics were enabled or reset. Fields may be added at the end in later versions;
 * see eventide_metrics_get(). */
struct eventide_metrics {
  ev_uint64_t elapsed_ns; /* how long ago that was */
  ev_uint64_t iterations; /* turns of the loop: each waits once, if only for no time */
  ev_uint64_t wait_ns;    /* inside the method's wait, sorting what the kernel reported included */

  ev_uint64_t callbacks;   /* calls made */
  ev_uint64_t callback_ns; /* how long they took together */

  /* The same calls by what they were told (EV_READ and so on). A call told of two things counts for both, and
   * an event made active by hand counts for what the hand said. */
  ev_uint64_t reads;
  ev_uint64_t writes;
  ev_uint64_t closes;
  ev_uint64_t signals; /* each delivery is a call */
  ev_uint64_t timeouts;
  ev_uint64_t others; /* told of none of these: deferred callbacks and finalizers above all */

  ev_uint64_t slow_callbacks; /* calls that took longer than eventide_set_slow_callback() allows */

  /* Timers that came due, and by how much too late the loop found them so, which is when its turn came to
   * look at them; to a microsecond. */
  ev_uint64_t timers_due;
  ev_uint64_t lateness_ns;
  ev_uint64_t worst_lateness_ns;

  ev_uint64_t callback_time[EVENTIDE_METRICS_BUCKETS];  /* calls by how long they took */
  ev_uint64_t timer_lateness[EVENTIDE_METRICS_BUCKETS]; /* timers_due by how late they were */

  /* The callbacks with the longest single calls, the longest first. In a program with more callbacks than
   * there are entries a new record makes its callback displace the one whose worst is least. */
  struct eventide_slowest slowest[EVENTIDE_METRICS_SLOWEST];
};

/* Begins to measure the loop of a base, with its next wait if it is running. No effect if it is measured
 * already. Returns 0, or -1 without memory. What it takes, about two kilobytes, is freed by
 * eventide_metrics_disable() or with the base. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_metrics_enable(struct event_base *base);

/* Ends it at once, in the middle of a callback too, and forgets what was counted. No effect if the base is
 * not measured. A slow callback stays set. */
EVENT2_CORE_EXPORT_SYMBOL
void eventide_metrics_disable(struct event_base *base);

/* Sets all counters back to zero. The callback or wait that is under way counts, in full, when it ends.
 * Returns 0, or -1 if metrics are not enabled. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_metrics_reset(struct event_base *base);

/* Copies what was counted so far into *out, consistently even while the loop runs in another thread. `size`
 * is sizeof(*out) as the program was compiled: a program that knows fewer fields than the library gets those,
 * and fields that the library does not know are set to zero. What is under way is not contained yet. Returns
 * 0, or -1, leaving *out alone, if metrics are not enabled, or size is zero. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_metrics_get(struct event_base *base, struct eventide_metrics *out, size_t size);

/* --- slow callbacks ----------------------------------------------------------------------------------- */

/* A call that took too long. Valid during the report. Only what was passed to the call: the event itself, and
 * what callback_arg points to, may be gone by then. Fields may be added at the end in later versions. */
struct eventide_slow_call {
  const void *callback;    /* the function that took long */
  void *callback_arg;      /* the argument it was given */
  evutil_socket_t fd;      /* the event's descriptor or signal number; -1 if it has none */
  short what;              /* what it was told: EV_READ and so on; 0 for deferred work and finalizers */
  ev_uint64_t duration_ns; /* how long it took */
};

/* A report of a slow call. Runs in the loop's thread right after the call, without the base's lock, so it may
 * do whatever an event's callback may; arg is the program's. Its own time is not counted. Who waits in
 * another thread for the slow callback to end, as event_del() does, waits for the report as well. */
typedef void (*eventide_slow_cb)(struct event_base *base, const struct eventide_slow_call *call, void *arg);

/* Has `callback` called whenever a callback of the base took longer than `threshold`: with zero, whenever it
 * took any time at all. It replaces the one set before; NULL for either sets none. Needs no metrics to be
 * enabled, but costs the same clock readings. Takes effect with the next wait at the latest.
 *
 * Returns 0, or -1, changing nothing, without memory or if the threshold is not a valid duration. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_set_slow_callback(struct event_base *base, const struct timeval *threshold,
                               eventide_slow_cb callback, void *arg);

/* --- leaving the loop --------------------------------------------------------------------------------- */

/* Like event_base_loopbreak(), but not forgotten if no loop runs: then the next event_base_loop() returns 0
 * at once, before any callback, and event_base_got_break() is true. So a thread may stop a loop that another
 * one is about to start. Asked for several times it ends one loop. Allowed from any thread if the base has a
 * lock.
 *
 * Returns 0, or -1 if base is NULL. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_loopbreak(struct event_base *base);

/* --- output that has left ----------------------------------------------------------------------------- */

/* Called once when everything that was written to a bufferevent has left it. `what` is 0, or, if an error
 * ended that, the BEV_EVENT_* flags that the event callback was called with before. */
typedef void (*eventide_drained_cb)(struct bufferevent *bev, short what, void *arg);

/* Has `callback` called once, from the loop and never inside of this call, when the output buffer of the
 * bufferevent and those of all underlying bufferevents are empty: the kernel, or the other end of a pair, has
 * every byte then. If they are empty already it is called soon; if more is written before the call, that has
 * to leave too.
 *
 *   static void done(struct bufferevent *bev, short what, void *arg) { bufferevent_free(bev); }
 *   ...
 *   bufferevent_write(filter, "bye", 3);
 *   eventide_bufferevent_when_drained(filter, done, NULL);
 *
 * What it is for: the write callback of a filter is called when data has passed to the underlying
 * bufferevent, where it may still wait for a slow peer, and is lost if both are freed.
 *
 * An error (BEV_EVENT_ERROR in an event of this bufferevent) calls it too, after the event callback. A
 * timeout does not, nor does EOF: output may still leave. Nor is there a call while writing is disabled, or
 * after the bufferevent was freed. A call replaces the callback that waited; with NULL none waits any more.
 * Each bufferevent of a stack may have a callback of its own. The option BEV_OPT_UNLOCK_CALLBACKS holds for
 * it.
 *
 * Returns 0; -1 if out of memory, or if bev is NULL or was freed. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_bufferevent_when_drained(struct bufferevent *bev, eventide_drained_cb callback, void *arg);

/* --- the state of a base ------------------------------------------------------------------------------ */

/* Writes one JSON object (RFC 8259, ASCII, followed by a newline) that tells the state of a base:
 *
 *   method, signal_method   strings, as event_base_get_method() has them
 *   features                of the method: some of "et", "o1", "fds", "early_close"
 *   running, priorities     whether a loop runs, and how many priorities there are
 *   counts                  added, virtual, active as event_base_get_num_events() counts them, each with its
 *                           maximum; next_turn, active callbacks that wait for the next iteration
 *   events                  every event of the base, the library's own included: event, callback and arg are
 *                           addresses ("0x..."); fd or signal is a number; flags some of "read", "write",
 *                           "closed", "signal", "persist", "et", "finalize"; internal, priority; pending and
 *                           active are what it waits for and what it is about to be told; due_in_us is the
 * time left until its timeout (negative: overdue), null if none is set active                  what will run,
 * in that order: kind ("event", "deferred", "finalizer"), event (null if none), callback and arg, priority,
 * next_turn metrics                 null unless enabled; else the fields of struct eventide_metrics, a
 * histogram as a list of its non-empty buckets {"below_ns", "count"}, below_ns being null in the last bucket
 * of all
 *
 * More members may be added in later versions. Holds the base's lock, so a loop in another thread stands
 * still while the file takes the output. Returns 0, or -1 if it cannot be written. */
EVENT2_CORE_EXPORT_SYMBOL
int eventide_dump_json(struct event_base *base, FILE *out);

#ifdef __cplusplus
}
#endif

#endif

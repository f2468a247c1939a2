/* The layout of struct event, for programs that keep events in their own memory.
 *
 * The layout is part of the binary interface, because programs compile it in (event_assign() on a member of
 * their own struct). The library owns the fields. Read them with the functions of <event2/event.h>
 * (event_get_fd(), event_get_events(), event_pending() and others) and change them only with event_assign(),
 * event_add() and event_del(), which also take the base's lock; direct access does not. A program that wants
 * to be independent of the layout uses event_new(), or event_get_struct_event_size() for the size.
 *
 * Since 2.0; event_callback since 2.1.
 */
#ifndef EVENT2_EVENT_STRUCT_H_INCLUDED_
#define EVENT2_EVENT_STRUCT_H_INCLUDED_

#include <event2/event-config.h>
#ifdef EVENT__HAVE_SYS_TYPES_H
#include <sys/types.h>
#endif
#ifdef EVENT__HAVE_SYS_TIME_H
#include <sys/time.h>
#endif

#include <event2/keyvalq_struct.h>
#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bits of event_callback::evcb_flags: the queues that contain the event, and its state. */
#define EVLIST_TIMEOUT 0x01      /* has a deadline among the base's timeouts */
#define EVLIST_INSERTED 0x02     /* waits for its descriptor or signal */
#define EVLIST_SIGNAL 0x04       /* kept for old programs; never set */
#define EVLIST_ACTIVE 0x08       /* its callback is queued in this iteration */
#define EVLIST_INTERNAL 0x10     /* the library's own: not counted, does not keep the loop running */
#define EVLIST_ACTIVE_LATER 0x20 /* its callback is queued for the next iteration */
#define EVLIST_FINALIZING 0x40   /* event_finalize() was called; only the finalizer will run */
#define EVLIST_INIT 0x80         /* set up by event_assign() or event_new() */
#define EVLIST_ALL 0xff          /* every bit above */

/* The macros of <sys/queue.h>, which not every platform has; undefined again below if they were defined
 * here. */
#ifndef TAILQ_ENTRY
#define EVENT_DEFINED_TAILQ_ENTRY_
#define TAILQ_ENTRY(type)   \
  struct {                  \
    struct type *tqe_next;  \
    struct type **tqe_prev; \
  }
#endif
#ifndef TAILQ_HEAD
#define EVENT_DEFINED_TAILQ_HEAD_
#define TAILQ_HEAD(name, type) \
  struct name {                \
    struct type *tqh_first;    \
    struct type **tqh_last;    \
  }
#endif
#ifndef LIST_ENTRY
#define EVENT_DEFINED_LIST_ENTRY_
#define LIST_ENTRY(type)   \
  struct {                 \
    struct type *le_next;  \
    struct type **le_prev; \
  }
#endif
#ifndef LIST_HEAD
#define EVENT_DEFINED_LIST_HEAD_
#define LIST_HEAD(name, type) \
  struct name {               \
    struct type *lh_first;    \
  }
#endif

struct event;
struct event_base;

/* A callback that the loop can queue: the part of an event that is linked into the active queue. */
struct event_callback {
  TAILQ_ENTRY(event_callback) evcb_active_next; /* the base's queue of active callbacks */
  short evcb_flags;                             /* EVLIST_ bits */
  ev_uint8_t evcb_pri;                          /* priority, 0 is the most important */
  ev_uint8_t evcb_closure;                      /* which member of the union to call, and how */
  union {
    void (*evcb_callback)(evutil_socket_t, short, void *);
    void (*evcb_selfcb)(struct event_callback *, void *);
    void (*evcb_evfinalize)(struct event *, void *);
    void (*evcb_cbfinalize)(struct event_callback *, void *);
  } evcb_cb_union;
  void *evcb_arg; /* the last argument of the called member */
};

/* One event. 128 bytes where pointers have 64 bits. */
struct event {
  struct event_callback ev_evcallback; /* must be first: a queued event_callback is cast back */

  /* The position of the deadline: in a list of a common timeout, or at this index of the base's heap. */
  union {
    TAILQ_ENTRY(event) ev_next_with_common_timeout;
    size_t min_heap_idx;
  } ev_timeout_pos;
  evutil_socket_t ev_fd; /* descriptor, or signal number with EV_SIGNAL */

  struct event_base *ev_base;

  union {
    /* EV_READ, EV_WRITE, EV_CLOSED, or a timeout alone */
    struct {
      LIST_ENTRY(event) ev_io_next; /* the other events of this descriptor */
      struct timeval ev_timeout;    /* the period of a persistent event */
    } ev_io;

    /* EV_SIGNAL */
    struct {
      LIST_ENTRY(event) ev_signal_next; /* the other events of this signal */
      short ev_ncalls;                  /* calls that are pending for signals that arrived */
      short *ev_pncalls;                /* the running callback's count, so that event_del() can stop it */
    } ev_signal;
  } ev_;

  short ev_events;           /* EV_ bits the event was assigned */
  short ev_res;              /* EV_ bits passed to the running callback */
  struct timeval ev_timeout; /* the deadline, on the base's monotonic clock */
};

/* Heads of lists of events, for programs that link events into queues of their own. */
TAILQ_HEAD(event_list, event);
LIST_HEAD(event_dlist, event);

#ifdef EVENT_DEFINED_TAILQ_ENTRY_
#undef TAILQ_ENTRY
#undef EVENT_DEFINED_TAILQ_ENTRY_
#endif
#ifdef EVENT_DEFINED_TAILQ_HEAD_
#undef TAILQ_HEAD
#undef EVENT_DEFINED_TAILQ_HEAD_
#endif
#ifdef EVENT_DEFINED_LIST_ENTRY_
#undef LIST_ENTRY
#undef EVENT_DEFINED_LIST_ENTRY_
#endif
#ifdef EVENT_DEFINED_LIST_HEAD_
#undef LIST_HEAD
#undef EVENT_DEFINED_LIST_HEAD_
#endif

#ifdef __cplusplus
}
#endif

#endif

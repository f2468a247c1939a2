/* A list of name and value pairs, for HTTP headers and query parameters.
 *
 * The layout is part of the binary interface: programs walk the list with the TAILQ_ macros of <sys/queue.h>
 * or by hand (tqh_first, then next.tqe_next until NULL). To change a list use the functions of
 * <event2/http.h> (evhttp_add_header() and others), because the library owns the memory of the entries. A
 * list has no lock of its own.
 *
 * Since 2.0 (before that part of <evhttp.h>).
 */
#ifndef EVENT2_KEYVALQ_STRUCT_H_INCLUDED_
#define EVENT2_KEYVALQ_STRUCT_H_INCLUDED_

#include <event2/event-config.h>

#ifdef __cplusplus
extern "C" {
#endif

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

/* One pair. key and value are NUL-terminated; the list owns them. */
struct evkeyval {
  TAILQ_ENTRY(evkeyval) next;

  char *key;
  char *value;
};

/* The list. tqh_first is its first pair or NULL; tqh_last points to the link for the next pair. */
TAILQ_HEAD(evkeyvalq, evkeyval);

#ifdef EVENT_DEFINED_TAILQ_ENTRY_
#undef TAILQ_ENTRY
#undef EVENT_DEFINED_TAILQ_ENTRY_
#endif
#ifdef EVENT_DEFINED_TAILQ_HEAD_
#undef TAILQ_HEAD
#undef EVENT_DEFINED_TAILQ_HEAD_
#endif

#ifdef __cplusplus
}
#endif

#endif

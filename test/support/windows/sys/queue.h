/* Lists, as much of them as the tests walk through. */
#ifndef EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_QUEUE_H
#define EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_QUEUE_H

#define TAILQ_HEAD(name, type)          \
  struct name {                         \
    struct type *tqh_first, **tqh_last; \
  }
#define TAILQ_ENTRY(type)              \
  struct {                             \
    struct type *tqe_next, **tqe_prev; \
  }
#define LIST_HEAD(name, type) \
  struct name {               \
    struct type *lh_first;    \
  }
#define LIST_ENTRY(type)             \
  struct {                           \
    struct type *le_next, **le_prev; \
  }
#define TAILQ_FIRST(head) ((head)->tqh_first)
#define TAILQ_NEXT(at, field) ((at)->field.tqe_next)
#define TAILQ_EMPTY(head) ((head)->tqh_first == NULL)
#define TAILQ_FOREACH(at, head, field) for ((at) = TAILQ_FIRST(head); (at); (at) = TAILQ_NEXT(at, field))
#define TAILQ_INIT(head)                   \
  do {                                     \
    (head)->tqh_first = NULL;              \
    (head)->tqh_last = &(head)->tqh_first; \
  } while (0)
#define TAILQ_INSERT_TAIL(head, at, field)    \
  do {                                        \
    (at)->field.tqe_next = NULL;              \
    (at)->field.tqe_prev = (head)->tqh_last;  \
    *(head)->tqh_last = (at);                 \
    (head)->tqh_last = &(at)->field.tqe_next; \
  } while (0)

#endif

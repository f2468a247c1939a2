/* The lists of <sys/queue.h> as far as samples and tests use them, for Windows, which has no such header. */
#ifndef SAMPLE_WINDOWS_SYS_QUEUE_H
#define SAMPLE_WINDOWS_SYS_QUEUE_H

#define LIST_HEAD(name, type) \
  struct name {               \
    struct type *lh_first;    \
  }
#define LIST_ENTRY(type)             \
  struct {                           \
    struct type *le_next, **le_prev; \
  }
#define LIST_EMPTY(head) ((head)->lh_first == NULL)
#define LIST_FIRST(head) ((head)->lh_first)
#define LIST_NEXT(element, field) ((element)->field.le_next)
#define LIST_FOREACH(element, head, field) \
  for ((element) = LIST_FIRST(head); (element); (element) = LIST_NEXT(element, field))
#define LIST_INIT(head) ((void)((head)->lh_first = NULL))
#define LIST_INSERT_HEAD(head, element, field)                                         \
  do {                                                                                 \
    (element)->field.le_next = (head)->lh_first;                                       \
    (element)->field.le_prev = &(head)->lh_first;                                      \
    if ((head)->lh_first) (head)->lh_first->field.le_prev = &(element)->field.le_next; \
    (head)->lh_first = (element);                                                      \
  } while (0)
#define LIST_REMOVE(element, field)                                                                   \
  do {                                                                                                \
    if ((element)->field.le_next) (element)->field.le_next->field.le_prev = (element)->field.le_prev; \
    *(element)->field.le_prev = (element)->field.le_next;                                             \
  } while (0)

#define TAILQ_HEAD(name, type)          \
  struct name {                         \
    struct type *tqh_first, **tqh_last; \
  }
#define TAILQ_ENTRY(type)              \
  struct {                             \
    struct type *tqe_next, **tqe_prev; \
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

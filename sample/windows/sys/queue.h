/* The lists of <sys/queue.h> as far as the samples use them, for Windows, which has no such header. */
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

#endif

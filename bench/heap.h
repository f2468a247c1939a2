/* Counting variants of malloc and related functions, for event_set_mem_functions. One thread only. */
#ifndef EVENTIDE_BENCH_HEAP_H
#define EVENTIDE_BENCH_HEAP_H

#include <stddef.h>

struct heap {
  long bytes;       /* in use, with malloc's header of each block */
  long allocations; /* calls of malloc, and of realloc for a new block, so far */
};
extern struct heap heap;

void *heap_malloc(size_t size);
void *heap_realloc(void *old, size_t size);
void heap_free(void *p);

#endif

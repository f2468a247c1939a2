/* Counts what a library has allocated. */
#include "heap.h"

#include <malloc.h>
#include <stdlib.h>

enum { kMallocHeader = 8 };

struct heap heap;

static long bytes_of(void *p) { return p ? (long)malloc_usable_size(p) + kMallocHeader : 0; }

void *heap_malloc(size_t size) {
  void *p = malloc(size);
  heap.bytes += bytes_of(p);
  heap.allocations += p != NULL;
  return p;
}

void *heap_realloc(void *old, size_t size) {
  const long before = bytes_of(old);
  void *p = realloc(old, size);
  if (p || size == 0) heap.bytes += bytes_of(p) - before;
  heap.allocations += p && !old;
  return p;
}

void heap_free(void *p) {
  heap.bytes -= bytes_of(p);
  free(p);
}

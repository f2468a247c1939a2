/* Memory functions that keep and overwrite what is freed, so that a use after it is noticed without a
 * sanitizer: what is read there is no valid pointer or flag, and what is written there is found by
 * poison_intact(). */
#ifndef EVENTIDE_TEST_API_POISONED_MEMORY_H
#define EVENTIDE_TEST_API_POISONED_MEMORY_H

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum { POISON = 0xdd };

struct poisoned_block {
  struct poisoned_block *next; /* in the list of those that were freed */
  size_t size;
};
static struct poisoned_block *poisoned_blocks;
static long poison_live; /* blocks that were allocated and not freed */

static int poison_refuse; /* whether there is no more memory */

static void *poison_alloc(size_t size) {
  struct poisoned_block *block = poison_refuse ? NULL : malloc(sizeof(*block) + size);
  if (!block) return NULL;
  ++poison_live;
  block->next = NULL;
  block->size = size;
  return block + 1;
}
static void poison_free(void *memory) {
  struct poisoned_block *block = memory;
  if (!memory) return;
  --block;
  --poison_live;
  memset(memory, POISON, block->size);
  block->next = poisoned_blocks;
  poisoned_blocks = block;
}
static void *poison_realloc(void *memory, size_t size) {
  void *moved = poison_alloc(size);
  if (!moved || !memory) return moved;
  const size_t old = ((struct poisoned_block *)memory - 1)->size;
  memcpy(moved, memory, old < size ? old : size);
  poison_free(memory);
  return moved;
}

/* To be called before the library allocates anything. */
static void use_poisoned_memory(void) { event_set_mem_functions(poison_alloc, poison_realloc, poison_free); }

/* Whether nothing was written to freed memory; gives it back to the system. */
static int poison_intact(void) {
  int intact = 1;
  while (poisoned_blocks) {
    struct poisoned_block *block = poisoned_blocks;
    const unsigned char *bytes = (const unsigned char *)(block + 1);
    size_t i;
    for (i = 0; i < block->size; ++i) intact = intact && bytes[i] == POISON;
    poisoned_blocks = block->next;
    free(block);
  }
  return intact;
}

#endif

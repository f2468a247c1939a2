/* Numbers that look random and repeat with their seed. */
#ifndef EVENTIDE_TEST_FAULTS_RANDOM_H
#define EVENTIDE_TEST_FAULTS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The state that a seed begins with: neighbouring seeds have nothing in common. */
static inline uint64_t seed_random(uint64_t seed) {
  seed = (seed + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
  return (seed ^ (seed >> 31)) * 0x94d049bb133111ebu;
}

static inline uint32_t random_below(uint64_t *state, uint32_t bound) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33) % bound;
}

static inline void fill_random(uint64_t *state, unsigned char *bytes, size_t size) {
  size_t i;
  for (i = 0; i < size; ++i) bytes[i] = (unsigned char)random_below(state, 256);
}

#endif

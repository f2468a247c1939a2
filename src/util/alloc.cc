// The memory functions in force, and the checks in front of them.
#include "util/alloc.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace evi {
namespace {

// Written before any other call of the library, as event_set_mem_functions asks; read without a lock.
constinit MallocFn user_malloc = nullptr;
constinit ReallocFn user_realloc = nullptr;
constinit FreeFn user_free = nullptr;

void *reported(void *memory) {
  if (!memory) errno = ENOMEM;
  return memory;
}

}  // namespace

void set_mem_functions(MallocFn malloc_fn, ReallocFn realloc_fn, FreeFn free_fn) noexcept {
  user_malloc = malloc_fn;
  user_realloc = realloc_fn;
  user_free = free_fn;
}

void *mm_malloc(std::size_t size) noexcept {
  if (size == 0) return nullptr;
  return reported(user_malloc ? user_malloc(size) : std::malloc(size));
}

void *mm_calloc(std::size_t count, std::size_t size) noexcept {
  if (count == 0 || size == 0) return nullptr;
  if (count > SIZE_MAX / size) return reported(nullptr);
  if (!user_malloc) return reported(std::calloc(count, size));
  void *memory = reported(user_malloc(count * size));
  if (memory) std::memset(memory, 0, count * size);
  return memory;
}

void *mm_realloc(void *old, std::size_t size) noexcept {
  return reported(user_realloc ? user_realloc(old, size) : std::realloc(old, size));
}

char *mm_strdup(const char *text) noexcept {
  const std::size_t size = std::strlen(text) + 1;
  void *copy = mm_malloc(size);
  return copy ? static_cast<char *>(std::memcpy(copy, text, size)) : nullptr;
}

void mm_free(void *memory) noexcept {
  if (!memory) return;
  if (user_free) {
    user_free(memory);
  } else {
    std::free(memory);
  }
}

}  // namespace evi

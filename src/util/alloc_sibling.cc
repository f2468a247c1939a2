// util/alloc.h in a shared library beside event_core, where the functions of event_set_mem_functions live.
//
// Archives and the unit tests take alloc.cc's instead: there is one copy of the library's state in any case.
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "util/alloc.h"
#include "util/private_alloc.h"

namespace evi {

void *mm_malloc(std::size_t size) noexcept { return evi_private_malloc(size); }

void *mm_calloc(std::size_t count, std::size_t size) noexcept {
  if (count == 0 || size == 0) return nullptr;
  if (count > SIZE_MAX / size) {
    errno = ENOMEM;
    return nullptr;
  }
  void *memory = evi_private_malloc(count * size);
  return memory ? std::memset(memory, 0, count * size) : nullptr;
}

char *mm_strdup(const char *text) noexcept {
  const std::size_t size = std::strlen(text) + 1;
  void *copy = evi_private_malloc(size);
  return copy ? static_cast<char *>(std::memcpy(copy, text, size)) : nullptr;
}

void mm_free(void *memory) noexcept { evi_private_free(memory); }

}  // namespace evi

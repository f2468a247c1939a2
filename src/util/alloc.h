// The only way memory is had: functions that go through event_set_mem_functions and report failure.
#ifndef EVI_UTIL_ALLOC_H
#define EVI_UTIL_ALLOC_H

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "util/platform.h"

namespace evi {

// malloc, calloc, realloc, free and strdup through the user's functions. A failure is nullptr with errno
// ENOMEM; a size of zero gives nullptr without an error. calloc refuses a product that overflows.
[[nodiscard]] EVI_VISIBLE void *mm_malloc(std::size_t size) noexcept;
[[nodiscard]] EVI_VISIBLE void *mm_calloc(std::size_t count, std::size_t size) noexcept;
[[nodiscard]] void *mm_realloc(void *old, std::size_t size) noexcept;
[[nodiscard]] EVI_VISIBLE char *mm_strdup(const char *text) noexcept;
EVI_VISIBLE void mm_free(void *memory) noexcept;

using MallocFn = void *(*)(std::size_t);
using ReallocFn = void *(*)(void *, std::size_t);
using FreeFn = void (*)(void *);
// Any of the three may be null: then the C library's serves.
void set_mem_functions(MallocFn malloc_fn, ReallocFn realloc_fn, FreeFn free_fn) noexcept;

// Makes a T in memory of its own, nullptr when there is none. T's constructor cannot fail.
template <typename T, typename... Args>
[[nodiscard]] T *make(Args &&...args) noexcept {
  void *memory = mm_malloc(sizeof(T));
  if (!memory) return nullptr;
  // clang 14 does not yet initialise aggregates by parentheses.
  if constexpr (std::is_aggregate_v<T>) {
    return ::new (memory) T{std::forward<Args>(args)...};
  } else {
    return ::new (memory) T(std::forward<Args>(args)...);
  }
}

template <typename T>
void destroy(T *object) noexcept {
  if (object) {
    object->~T();
    mm_free(object);
  }
}

struct Destroyer {
  template <typename T>
  void operator()(T *object) const noexcept {
    destroy(object);
  }
};
struct Freer {
  void operator()(void *memory) const noexcept { mm_free(memory); }
};

template <typename T>
using Owned = std::unique_ptr<T, Destroyer>;  // an object from make<T>
template <typename T>
using OwnedMemory = std::unique_ptr<T, Freer>;  // raw memory from mm_malloc

}  // namespace evi

#endif

// Atomic operations on a plain integer: std::atomic_ref, which libc++ has since version 19 only.
#ifndef EVI_UTIL_ATOMIC_REF_H
#define EVI_UTIL_ATOMIC_REF_H

#include <atomic>

namespace evi {

template <typename T>
class AtomicRef {
 public:
  explicit AtomicRef(T &value) noexcept : value_(value) {}

  T fetch_add(T n, std::memory_order order) noexcept {
    return __atomic_fetch_add(&value_, n, static_cast<int>(order));
  }
  T fetch_sub(T n, std::memory_order order) noexcept {
    return __atomic_fetch_sub(&value_, n, static_cast<int>(order));
  }

 private:
  T &value_;
};

}  // namespace evi

#endif

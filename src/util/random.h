// Random numbers: bytes from the operating system for what must not be guessed, and a cheap generator for
// spreading load.
#ifndef EVI_UTIL_RANDOM_H
#define EVI_UTIL_RANDOM_H

#include <cstddef>
#include <cstdint>

namespace evi {

// Fills the memory from the operating system; waits for its pool during early boot. Keeps no state: there is
// nothing to lock, and a forked child shares nothing. False if there is no source.
[[nodiscard]] bool random_bytes(void *out, std::size_t size) noexcept;

// Returns: the number of bytes from the system's own call: all, or fewer where it is missing or forbidden.
// One file per platform.
std::size_t system_random_bytes(char *out, std::size_t size) noexcept;

// Tries the source, and opens the fall-back device if the system call is missing. False if there is neither.
[[nodiscard]] bool init_random() noexcept;

// The device that replaces a missing system call. `path` is kept, not copied. False after random numbers were
// read.
[[nodiscard]] bool set_random_device(const char *path) noexcept;

// Adds bytes to the kernel's pool. False if the kernel does not accept them.
bool add_random_bytes(const void *data, std::size_t size) noexcept;

// For choices that need not be secret, such as where to begin: its next numbers can be computed from earlier
// ones. Thread: one at a time.
class WeakRandom {
 public:
  explicit WeakRandom(std::uint64_t seed) noexcept : state_(seed) {}
  // Seeded from the operating system, or from the time where that fails.
  static WeakRandom seeded() noexcept;

  std::uint32_t next() noexcept;
  // 0 to below - 1, each as likely as the others; `below` is not 0.
  std::uint32_t next_below(std::uint32_t below) noexcept;

 private:
  std::uint64_t state_;
};

}  // namespace evi

#endif

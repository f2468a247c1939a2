// Random numbers: bytes from the operating system for what must not be guessed, and a cheap generator for
// spreading load.
#ifndef EVI_UTIL_RANDOM_H
#define EVI_UTIL_RANDOM_H

#include <cstddef>
#include <cstdint>

namespace evi {

// Fills the memory from the operating system, waiting for it in an early boot. Keeps no state, so that there
// is nothing to lock and nothing that a forked child would share. False if there is no source.
[[nodiscard]] bool random_bytes(void *out, std::size_t size) noexcept;

// How many of the bytes the system's own call gave: all, or fewer where it is missing or forbidden. One file
// per platform.
std::size_t system_random_bytes(char *out, std::size_t size) noexcept;

// Tries the source, and opens the fall-back file if that is what will serve. False if there is none.
[[nodiscard]] bool init_random() noexcept;

// The file that stands in for a missing system call; kept, not copied. False once random numbers were had.
[[nodiscard]] bool set_random_device(const char *path) noexcept;

// Gives bytes to the kernel to stir into its pool. False if it does not take them.
bool add_random_bytes(const void *data, std::size_t size) noexcept;

// For choosing where to begin and the like; whoever sees some of its numbers can tell the next ones. Not for
// two threads at once.
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

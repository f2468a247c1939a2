// A splitmix64 generator, seeded by the system.
#include "util/random.h"

#include "util/assert.h"
#include "util/clock.h"

namespace evi {

WeakRandom WeakRandom::seeded() noexcept {
  std::uint64_t seed = 0;
  if (!random_bytes(&seed, sizeof(seed))) {
    const Clock &clock = system_clock();
    seed = static_cast<std::uint64_t>(clock.monotonic(clock)) ^ static_cast<std::uint64_t>(clock.wall(clock))
                                                                    << 20;
  }
  return WeakRandom{seed};
}

// splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
std::uint32_t WeakRandom::next() noexcept {
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
}

// The upper half of a product is even but for a few low products, which are drawn again: Lemire (2019).
std::uint32_t WeakRandom::next_below(std::uint32_t below) noexcept {
  EVI_ASSERT(below > 0);
  const std::uint32_t uneven = (0U - below) % below;
  for (;;) {
    const std::uint64_t product = std::uint64_t{next()} * below;
    if (static_cast<std::uint32_t>(product) >= uneven) return static_cast<std::uint32_t>(product >> 32);
  }
}

}  // namespace evi

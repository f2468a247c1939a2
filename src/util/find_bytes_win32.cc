// memmem(), which Windows' run-time library lacks: a rolling hash (Karp and Rabin 1987) selects the positions
// to compare.
#include <cstdint>
#include <cstring>

#include "util/assert.h"
#include "util/find_bytes.h"

namespace evi {
namespace {

// Odd, so that no byte's part of the sum is shifted out.
constexpr std::uint64_t kBase = 0x9e3779b97f4a7c15;

std::uint64_t sum_of(const unsigned char *bytes, std::size_t size) noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum = sum * kBase + bytes[i];
  return sum;
}

}  // namespace

const void *find_bytes(const void *in, std::size_t room, const void *what, std::size_t size) noexcept {
  EVI_ASSERT(size > 0);
  if (room < size) return nullptr;
  const auto *at = static_cast<const unsigned char *>(in);
  const unsigned char *last = at + (room - size);
  const std::uint64_t wanted = sum_of(static_cast<const unsigned char *>(what), size);
  std::uint64_t sum = sum_of(at, size);
  std::uint64_t weight = 1;  // of the byte that leaves
  for (std::size_t i = 1; i < size; ++i) weight *= kBase;
  for (;; ++at) {
    if (sum == wanted && std::memcmp(at, what, size) == 0) return at;
    if (at == last) return nullptr;
    sum = (sum - *at * weight) * kBase + at[size];
  }
}

}  // namespace evi

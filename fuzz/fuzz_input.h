// The input bytes of a fuzzer, decoded as numbers.
#ifndef EVENTIDE_FUZZ_FUZZ_INPUT_H
#define EVENTIDE_FUZZ_FUZZ_INPUT_H

#include <cstddef>
#include <cstdint>

#include "util/assert.h"

namespace fuzz {

static_assert(evi::kAssertions, "fuzzers are built without NDEBUG: a failed assertion is a finding");

class Input {
 public:
  Input(const std::uint8_t *data, std::size_t size) : at_(data), end_(data + size) {}

  bool empty() const { return at_ == end_; }
  // Of two bytes, so that sizes beyond a chain occur; zeros once there are none left.
  unsigned number() {
    const unsigned low = byte();
    return low | byte() << 8;
  }

 private:
  unsigned byte() { return empty() ? 0 : *at_++; }

  const std::uint8_t *at_;
  const std::uint8_t *end_;
};

}  // namespace fuzz

#endif

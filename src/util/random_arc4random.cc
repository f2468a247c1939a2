// Random bytes by arc4random_buf(3), which cannot fail.
#include <stdlib.h>

#include "util/random.h"

namespace evi {

std::size_t system_random_bytes(char *out, std::size_t size) noexcept {
  arc4random_buf(out, size);
  return size;
}

}  // namespace evi

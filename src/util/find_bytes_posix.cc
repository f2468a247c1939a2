// Searching for bytes by memmem(3).
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <string.h>

#include "util/assert.h"
#include "util/find_bytes.h"

namespace evi {

const void *find_bytes(const void *in, std::size_t room, const void *what, std::size_t size) noexcept {
  EVI_ASSERT(size > 0);
  return ::memmem(in, room, what, size);
}

}  // namespace evi

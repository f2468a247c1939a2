// The first occurrence of some bytes in others, in linear time. Each platform has its file.
#ifndef EVI_UTIL_FIND_BYTES_H
#define EVI_UTIL_FIND_BYTES_H

#include <cstddef>

namespace evi {

// Null if there is none. Requires: size > 0.
const void *find_bytes(const void *in, std::size_t room, const void *what, std::size_t size) noexcept;

}  // namespace evi

#endif

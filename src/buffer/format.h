// Formatting of the printf directives that network protocols use, without the C library's generality.
#ifndef EVI_BUFFER_FORMAT_H
#define EVI_BUFFER_FORMAT_H

#include <cstdarg>
#include <cstddef>

namespace evi {

inline constexpr int kFormatUnsupported = -2;

// As vsnprintf, for %d %i %u %x %X (with h, l, ll, j, z, t), %s, %c and %%, each with '-', '0', a width and,
// for %s, a precision. Returns kFormatUnsupported for other directives; the text is then incomplete. Writes
// no terminating NUL.
int format_simple(char *out, std::size_t room, const char *format, std::va_list args) noexcept;

}  // namespace evi

#endif

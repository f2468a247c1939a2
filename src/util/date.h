// Dates as HTTP writes them.
#ifndef EVI_UTIL_DATE_H
#define EVI_UTIL_DATE_H

#include <time.h>

#include <cstddef>

#include "util/platform.h"

namespace evi {

// "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL: RFC 9110 5.6.7, RFC 1123 5.2.14. Years have more digits from
// 10 000 on.
inline constexpr std::size_t kDateRoom = 30;

// As snprintf(): the length of the whole text, cut if `room` is too small. Fields out of their range are
// written as the names or digits that are nearest.
int format_date_rfc1123(char *out, std::size_t room, const tm &utc) noexcept;
// The same for a time, and for now; -1 if it has no date.
EVI_VISIBLE int format_time_rfc1123(char *out, std::size_t room, time_t at) noexcept;
int format_current_date_rfc1123(char *out, std::size_t room) noexcept;

}  // namespace evi

#endif

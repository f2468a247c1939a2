// Dates of RFC 1123, written without regard to the locale.
#include "util/date.h"

#include <algorithm>
#include <cstdio>

namespace evi {
namespace {

constexpr const char *kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr const char *kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

int format_date_rfc1123(char *out, std::size_t room, const tm &utc) noexcept {
  return std::snprintf(out, room, "%s, %02d %s %4ld %02d:%02d:%02d GMT", kDays[std::clamp(utc.tm_wday, 0, 6)],
                       utc.tm_mday, kMonths[std::clamp(utc.tm_mon, 0, 11)], 1900L + utc.tm_year, utc.tm_hour,
                       utc.tm_min, utc.tm_sec);
}

int format_time_rfc1123(char *out, std::size_t room, time_t at) noexcept {
  tm utc;
#ifdef _WIN32
  const bool known = gmtime_s(&utc, &at) == 0;
#else
  const bool known = gmtime_r(&at, &utc) != nullptr;
#endif
  return known ? format_date_rfc1123(out, room, utc) : -1;
}

int format_current_date_rfc1123(char *out, std::size_t room) noexcept {
  return format_time_rfc1123(out, room, time(nullptr));
}

}  // namespace evi

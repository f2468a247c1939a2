#include "util/date.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <climits>
#include <clocale>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "support/guard_page.h"

namespace {

tm date(int year, int month, int day, int weekday, int hour, int minute, int second) {
  tm out{};
  out.tm_year = year - 1900;
  out.tm_mon = month;
  out.tm_mday = day;
  out.tm_wday = weekday;
  out.tm_hour = hour;
  out.tm_min = minute;
  out.tm_sec = second;
  return out;
}

std::string shown(const tm &when) {
  char out[128];
  const int length = evi::format_date_rfc1123(out, sizeof(out), when);
  EXPECT_EQ(static_cast<std::size_t>(length), std::strlen(out));
  return out;
}

TEST(Date, is_formatted_as_in_rfc_9110) {
  EXPECT_EQ(shown(date(1994, 10, 6, 0, 8, 49, 37)), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(shown(date(2000, 1, 29, 2, 23, 59, 60)), "Tue, 29 Feb 2000 23:59:60 GMT");
  EXPECT_EQ(shown(date(1970, 0, 1, 4, 0, 0, 0)), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(shown(date(9999, 11, 31, 5, 23, 59, 59)), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(shown(date(10000, 11, 31, 6, 0, 0, 0)), "Sat, 31 Dec 10000 00:00:00 GMT");
  EXPECT_EQ(shown(date(5, 0, 1, 0, 0, 0, 0)), "Sun, 01 Jan    5 00:00:00 GMT");
}

TEST(Date, agrees_with_strftime_over_a_century) {
  ASSERT_NE(std::setlocale(LC_ALL, "C"), nullptr);
  constexpr std::int64_t kEnd =
      std::min<std::int64_t>(100LL * 366 * 86400, std::numeric_limits<time_t>::max());
  for (std::int64_t seconds = 0; seconds < kEnd; seconds += 86400 * 3 + 12345) {
    const time_t when = static_cast<time_t>(seconds);
    tm utc;
    ASSERT_NE(gmtime_r(&when, &utc), nullptr);
    char want[64];
    ASSERT_NE(strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &utc), 0u);
    ASSERT_EQ(shown(utc), want);
  }
}

TEST(Date, fits_into_k_date_room_and_is_truncated_in_less) {
  const tm when = date(1994, 10, 6, 0, 8, 49, 37);
  const std::string whole = shown(when);
  EXPECT_EQ(whole.size() + 1, evi::kDateRoom);
  for (std::size_t room = 0; room <= evi::kDateRoom; ++room) {
    test::GuardedBytes out{std::string(room, '#')};
    EXPECT_EQ(evi::format_date_rfc1123(out.data(), room, when), 29);
    if (room > 0) {
      EXPECT_EQ(std::string(out.data()), whole.substr(0, room - 1));
    }
  }
}

TEST(Date, fields_out_of_range_are_harmless) {
  for (const int wild : {INT_MIN, -1, 7, 12, INT_MAX}) {
    tm when = date(2000, wild, wild, wild, wild, wild, wild);
    when.tm_year = wild;
    EXPECT_NE(shown(when), "");
  }
}

TEST(Date, now_is_formatted_as_the_current_time) {
  char out[evi::kDateRoom];
  const time_t before = time(nullptr);
  ASSERT_EQ(evi::format_current_date_rfc1123(out, sizeof(out)), 29);
  const time_t after = time(nullptr);
  bool found = false;
  for (time_t when = before; when <= after; ++when) {
    tm utc;
    gmtime_r(&when, &utc);
    found = found || shown(utc) == out;
  }
  EXPECT_TRUE(found) << out;
}

}  // namespace

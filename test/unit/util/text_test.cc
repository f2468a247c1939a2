#include "util/text.h"

#include <gtest/gtest.h>

#include <climits>
#include <clocale>
#include <cstdint>
#include <string>

#include "support/guard_page.h"

namespace {

using evi::head;
using evi::tail;

int sign(int value) { return (value > 0) - (value < 0); }

TEST(Text, classes_agree_with_the_c_locale_for_every_byte) {
  ASSERT_NE(std::setlocale(LC_ALL, "C"), nullptr);
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    SCOPED_TRACE(i);
    EXPECT_EQ(evi::is_digit(c), std::isdigit(i) != 0);
    EXPECT_EQ(evi::is_hex_digit(c), std::isxdigit(i) != 0);
    EXPECT_EQ(evi::is_alpha(c), std::isalpha(i) != 0);
    EXPECT_EQ(evi::is_alnum(c), std::isalnum(i) != 0);
    EXPECT_EQ(evi::is_space(c), std::isspace(i) != 0);
    EXPECT_EQ(evi::to_lower(c), static_cast<char>(std::tolower(i)));
    EXPECT_EQ(evi::to_upper(c), static_cast<char>(std::toupper(i)));
  }
}

TEST(Text, hex_value_accepts_both_cases_and_nothing_else) {
  const std::string digits = "0123456789abcdef";
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const std::size_t at = digits.find(static_cast<char>(std::tolower(i)));
    EXPECT_EQ(evi::hex_value(c), at == std::string::npos ? -1 : static_cast<int>(at)) << i;
  }
}

constexpr struct {
  const char *name, *a, *b;
  std::size_t max;
  int whole, part;
} comparisons[] = {
    {"equal", "abc", "abc", 3, 0, 0},
    {"case does not count", "aBcZ", "AbCz", 4, 0, 0},
    {"last differs", "abc", "ABD", 3, -1, -1},
    {"differs behind max", "abc", "ABD", 2, -1, 0},
    {"prefix is less", "abc", "abcd", 4, -1, -1},
    {"prefix within max", "abc", "abcd", 3, -1, 0},
    {"max beyond the end", "abc", "ABC", 100, 0, 0},
    {"empty and not", "", "a", 1, -1, -1},
    {"nothing to compare", "a", "b", 0, -1, 0},
    {"signs next to letters have no case", "[", "{", 1, -1, -1},
    {"at sign and grave", "@", "`", 1, -1, -1},
    {"underscore sorts before small letters", "_", "A", 1, -1, -1},
    {"bytes are unsigned", "\xff", "a", 1, 1, 1},
    {"no case beyond ASCII", "\xc4", "\xe4", 1, -1, -1},
};

TEST(Text, compares_ignoring_case) {
  for (const auto &c : comparisons) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(sign(evi::compare_ignoring_case(c.a, c.b)), c.whole);
    EXPECT_EQ(sign(evi::compare_ignoring_case(c.b, c.a)), -c.whole);
    EXPECT_EQ(sign(evi::compare_ignoring_case(c.a, c.b, c.max)), c.part);
    EXPECT_EQ(evi::equal_ignoring_case(c.a, c.b), c.whole == 0);
  }
}

TEST(Text, compares_up_to_max_or_the_nul) {
  const test::GuardedBytes unterminated{"abc"};
  EXPECT_EQ(evi::compare_ignoring_case(unterminated.data(), "abcd", 3), 0);
  const test::GuardedString terminated{"abc"};
  EXPECT_EQ(evi::compare_ignoring_case(terminated.c_str(), "ABC", 100), 0);
  EXPECT_LT(evi::compare_ignoring_case(terminated.c_str(), "abcd"), 0);
  EXPECT_TRUE(evi::equal_ignoring_case(unterminated.view(), "ABC"));
}

TEST(Text, starts_with_compares_prefixes) {
  EXPECT_TRUE(evi::starts_with("abc", "ab"));
  EXPECT_TRUE(evi::starts_with("abc", ""));
  EXPECT_TRUE(evi::starts_with("abc", "abc"));
  EXPECT_FALSE(evi::starts_with("abc", "abcd"));
  EXPECT_FALSE(evi::starts_with("abc", "aB"));
  EXPECT_TRUE(evi::starts_with_ignoring_case("abc", "aB"));
  EXPECT_FALSE(evi::starts_with_ignoring_case("ab", "abc"));
}

TEST(Text, head_and_tail_are_clamped_to_the_text) {
  EXPECT_EQ(head("abc", 2), "ab");
  EXPECT_EQ(head("abc", 3), "abc");
  EXPECT_EQ(head("abc", 4), "abc");
  EXPECT_EQ(head("", 1), "");
  EXPECT_EQ(tail("abc", 0), "abc");
  EXPECT_EQ(tail("abc", 2), "c");
  EXPECT_EQ(tail("abc", 3), "");
  EXPECT_EQ(tail("abc", SIZE_MAX), "");
}

TEST(Text, trims_white_space_only_at_the_ends) {
  EXPECT_EQ(evi::trim(" \t\r\n\v\f a b \n"), "a b");
  EXPECT_EQ(evi::trim_left("  a "), "a ");
  EXPECT_EQ(evi::trim_right("  a "), "  a");
  EXPECT_EQ(evi::trim(" \t "), "");
  EXPECT_EQ(evi::trim(""), "");
  EXPECT_EQ(evi::trim({}), "");
}

constexpr struct {
  const char *text;
  bool found;
  const char *before, *after;
} splits[] = {
    {"a:b", true, "a", "b"}, {"a:b:c", true, "a", "b:c"}, {":", true, "", ""}, {"a:", true, "a", ""},
    {":b", true, "", "b"},   {"ab", false, "ab", ""},     {"", false, "", ""},
};

TEST(Text, splits_at_the_first_separator) {
  for (const auto &c : splits) {
    SCOPED_TRACE(c.text);
    std::string_view before = "x";
    std::string_view after = "x";
    EXPECT_EQ(evi::split(c.text, ':', before, after), c.found);
    EXPECT_EQ(before, c.before);
    EXPECT_EQ(after, c.after);
  }
}

TEST(Text, splits_off_words_one_by_one) {
  const test::GuardedBytes text{"  one\ttwo  three"};
  std::string_view rest = text.view();
  EXPECT_EQ(evi::next_word(rest), "one");
  EXPECT_EQ(evi::next_word(rest), "two");
  EXPECT_EQ(evi::next_word(rest), "three");
  EXPECT_EQ(evi::next_word(rest), "");
  EXPECT_EQ(evi::next_word(rest), "");
}

template <typename T>
std::string parsed(std::string_view text, int base = 10) {
  const test::GuardedBytes guarded{text};
  T value = 77;
  if (!evi::parse_number(guarded.view(), value, base)) return value == 77 ? "bad" : "bad, but written";
  return std::to_string(value);
}

TEST(Text, numbers_are_parsed_up_to_their_bounds) {
  EXPECT_EQ(parsed<std::uint8_t>("255"), "255");
  EXPECT_EQ(parsed<std::uint8_t>("256"), "bad");
  EXPECT_EQ(parsed<std::uint16_t>("65535"), "65535");
  EXPECT_EQ(parsed<std::uint16_t>("65536"), "bad");
  EXPECT_EQ(parsed<std::int64_t>("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(parsed<std::int64_t>("9223372036854775808"), "bad");
  EXPECT_EQ(parsed<std::int64_t>("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(parsed<std::int64_t>("-9223372036854775809"), "bad");
  EXPECT_EQ(parsed<std::uint64_t>("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(parsed<std::uint64_t>("18446744073709551616"), "bad");
  EXPECT_EQ(parsed<std::uint32_t>("ffffffff", 16), "4294967295");
  EXPECT_EQ(parsed<std::uint32_t>("100000000", 16), "bad");
}

TEST(Text, numbers_consist_of_digits_only) {
  for (const char *bad : {"", " 1", "1 ", "+1", "-", "0x1", "1x", "1.0", "1e3", "--1"}) {
    EXPECT_EQ(parsed<std::int64_t>(bad), "bad") << bad;
  }
  EXPECT_EQ(parsed<std::uint32_t>("-1"), "bad");
  EXPECT_EQ(parsed<std::uint32_t>(std::string_view("1\0", 2)), "bad");
  EXPECT_EQ(parsed<std::uint32_t>("000000000000000000000000000000001"), "1");
}

TEST(Text, writes_the_longest_number_into_k_max_number_text) {
  char out[evi::kMaxNumberText];
  EXPECT_EQ(std::string(out, evi::write_number(out, std::uint64_t{UINT64_MAX})), "18446744073709551615");
  EXPECT_EQ(std::string(out, evi::write_number(out, std::int64_t{INT64_MIN})), "-9223372036854775808");
  EXPECT_EQ(std::string(out, evi::write_number(out, 0)), "0");
  EXPECT_EQ(std::string(out, evi::write_number(out, 255u, 16)), "ff");
}

TEST(Text, copies_only_text_that_fits_with_its_nul) {
  test::GuardedBytes room{"####"};
  EXPECT_FALSE(evi::copy_text(room.data(), 4, "four"));
  EXPECT_EQ(room.view(), "####");
  EXPECT_TRUE(evi::copy_text(room.data(), 4, "thr"));
  EXPECT_EQ(room.view(), std::string_view("thr\0", 4));
  EXPECT_FALSE(evi::copy_text(room.data(), 0, ""));
  EXPECT_TRUE(evi::copy_text(room.data(), 1, ""));
  EXPECT_EQ(room.data()[0], '\0');
}

}  // namespace

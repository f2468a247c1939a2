// ASCII text without a locale: classes of characters, case, trimming, splitting and whole numbers.
//
// std::string_view::substr can throw and so drags in libstdc++, as does starts_with() of a text, which is
// made of it; tail(), head() and the starts_with() here stand in for them.
#ifndef EVI_UTIL_TEXT_H
#define EVI_UTIL_TEXT_H

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "util/platform.h"

namespace evi {

namespace text_detail {

enum : std::uint8_t { kDigit = 1, kHexLetter = 2, kUpper = 4, kLower = 8, kSpace = 16 };

constexpr std::uint8_t class_of(int c) noexcept {
  if (c >= '0' && c <= '9') return kDigit;
  if (c >= 'A' && c <= 'Z') return c <= 'F' ? kUpper | kHexLetter : kUpper;
  if (c >= 'a' && c <= 'z') return c <= 'f' ? kLower | kHexLetter : kLower;
  return c == ' ' || (c >= '\t' && c <= '\r') ? kSpace : 0;
}

inline constexpr auto kClasses = [] {
  std::array<std::uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) table[static_cast<std::size_t>(c)] = class_of(c);
  return table;
}();

inline constexpr auto kToLower = [] {
  std::array<char, 256> table{};
  for (int c = 0; c < 256; ++c) {
    table[static_cast<std::size_t>(c)] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  return table;
}();

constexpr bool is(char c, unsigned classes) noexcept {
  return (kClasses[static_cast<unsigned char>(c)] & classes) != 0;
}

}  // namespace text_detail

constexpr bool is_digit(char c) noexcept { return text_detail::is(c, text_detail::kDigit); }
constexpr bool is_hex_digit(char c) noexcept {
  return text_detail::is(c, text_detail::kDigit | text_detail::kHexLetter);
}
constexpr bool is_alpha(char c) noexcept {
  return text_detail::is(c, text_detail::kUpper | text_detail::kLower);
}
constexpr bool is_alnum(char c) noexcept {
  return text_detail::is(c, text_detail::kUpper | text_detail::kLower | text_detail::kDigit);
}
// Blank, \t, \n, \v, \f, \r.
constexpr bool is_space(char c) noexcept { return text_detail::is(c, text_detail::kSpace); }

constexpr char to_lower(char c) noexcept { return text_detail::kToLower[static_cast<unsigned char>(c)]; }
constexpr char to_upper(char c) noexcept {
  return text_detail::is(c, text_detail::kLower) ? static_cast<char>(c - 32) : c;
}

// 0 to 15, or -1 for what is no hexadecimal digit.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  return is_hex_digit(c) ? to_lower(c) - 'a' + 10 : -1;
}

// Negative, 0 or positive; bytes count as unsigned and A-Z as a-z.
EVI_VISIBLE int compare_ignoring_case(const char *a, const char *b) noexcept;
EVI_VISIBLE int compare_ignoring_case(const char *a, const char *b, std::size_t max) noexcept;
EVI_VISIBLE bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

// What follows the first n bytes, and those bytes; n beyond the end counts as the end.
constexpr std::string_view tail(std::string_view text, std::size_t n) noexcept {
  return n < text.size() ? std::string_view(text.data() + n, text.size() - n)
                         : std::string_view(text.data() + text.size(), 0);
}
constexpr std::string_view head(std::string_view text, std::size_t n) noexcept {
  return std::string_view(text.data(), n < text.size() ? n : text.size());
}

constexpr bool starts_with(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() && head(text, prefix.size()) == prefix;
}
inline bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() && equal_ignoring_case(head(text, prefix.size()), prefix);
}

constexpr std::string_view trim_left(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}
constexpr std::string_view trim_right(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}
constexpr std::string_view trim(std::string_view text) noexcept { return trim_right(trim_left(text)); }

// Cuts at the first separator, which belongs to neither part. False without one: `before` is then the whole
// text and `after` empty.
constexpr bool split(std::string_view text, char separator, std::string_view &before,
                     std::string_view &after) noexcept {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) {
    before = text;
    after = tail(text, text.size());
    return false;
  }
  before = head(text, at);
  after = tail(text, at + 1);
  return true;
}

// Takes the next word, a run without white space, off the front of `rest`; empty when there are no more.
constexpr std::string_view next_word(std::string_view &rest) noexcept {
  rest = trim_left(rest);
  std::size_t length = 0;
  while (length < rest.size() && !is_space(rest[length])) ++length;
  const std::string_view word = head(rest, length);
  rest.remove_prefix(length);
  return word;
}

// The whole text as a number, digits alone: no sign for unsigned types and no '+' for any, no white space, no
// prefix, not empty, in range. `out` is written only on success.
template <std::integral T>
[[nodiscard]] bool parse_number(std::string_view text, T &out, int base = 10) noexcept {
  T value{};
  const char *const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc{} || stopped != end) return false;
  out = value;
  return true;
}

// The longest decimal text of a 64-bit integer, its sign included.
inline constexpr std::size_t kMaxNumberText = 20;

// Writes the number, without a NUL, to where at least kMaxNumberText bytes are; returns the length.
template <std::integral T>
std::size_t write_number(char *out, T value, int base = 10) noexcept {
  return static_cast<std::size_t>(std::to_chars(out, out + kMaxNumberText, value, base).ptr - out);
}

// Copies the text and a NUL to `out`, which holds `room` bytes. False, `out` as it was, if they do not fit.
[[nodiscard]] EVI_VISIBLE bool copy_text(char *out, std::size_t room, std::string_view text) noexcept;

}  // namespace evi

#endif

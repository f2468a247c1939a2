// Percent encoding, and HTML's escapes.
#include "http/uri_escape.h"

#include <cstdint>
#include <cstring>

#include "util/alloc.h"
#include "util/assert.h"
#include "util/text.h"

namespace evi {
namespace {

constexpr bool is_unreserved(char c) noexcept {
  return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

constexpr std::string_view html_entity(char c) noexcept {
  switch (c) {
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#039;";
    case '&':
      return "&amp;";
    default:
      return {};
  }
}

// The longest replacement of one byte.
constexpr std::size_t kMaxEntity = 6;
constexpr std::size_t kMaxEscape = 3;

}  // namespace

char *uri_encode(std::string_view text, bool blank_as_plus) noexcept {
  constexpr char kDigits[] = "0123456789ABCDEF";
  if (text.size() > SIZE_MAX / kMaxEscape - 1) return nullptr;
  std::size_t size = 1;
  for (const char c : text) size += is_unreserved(c) || (c == ' ' && blank_as_plus) ? 1 : kMaxEscape;
  auto *out = static_cast<char *>(mm_malloc(size));
  if (!out) return nullptr;
  char *at = out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      *at++ = c;
    } else if (c == ' ' && blank_as_plus) {
      *at++ = '+';
    } else {
      const auto byte = static_cast<unsigned char>(c);
      *at++ = '%';
      *at++ = kDigits[byte >> 4];
      *at++ = kDigits[byte & 15];
    }
  }
  *at = '\0';
  return out;
}

std::size_t uri_decode_to(char *out, std::string_view text, Plus plus) noexcept {
  const char *at = text.data(), *const end = at + text.size();
  char *put = out;
  while (at < end) {
    const char c = *at++;
    if (c == '?' && plus == Plus::blank_in_query) plus = Plus::blank;
    if (c == '%' && end - at >= 2 && is_hex_digit(at[0]) && is_hex_digit(at[1])) {
      *put++ = static_cast<char>(hex_value(at[0]) << 4 | hex_value(at[1]));
      at += 2;
    } else {
      *put++ = c == '+' && plus == Plus::blank ? ' ' : c;
    }
  }
  EVI_ASSERT(static_cast<std::size_t>(put - out) <= text.size());
  return static_cast<std::size_t>(put - out);
}

char *uri_decode(std::string_view text, Plus plus, std::size_t &size) noexcept {
  auto *out = static_cast<char *>(mm_malloc(text.size() + 1));
  if (!out) return nullptr;
  size = uri_decode_to(out, text, plus);
  out[size] = '\0';
  return out;
}

char *html_escape(std::string_view text) noexcept {
  if (text.size() > SIZE_MAX / kMaxEntity - 1) return nullptr;
  std::size_t size = 1;
  for (const char c : text) size += html_entity(c).empty() ? 1 : html_entity(c).size();
  auto *out = static_cast<char *>(mm_malloc(size));
  if (!out) return nullptr;
  char *at = out;
  for (const char c : text) {
    const std::string_view entity = html_entity(c);
    if (entity.empty()) {
      *at++ = c;
    } else {
      std::memcpy(at, entity.data(), entity.size());
      at += entity.size();
    }
  }
  *at = '\0';
  return out;
}

}  // namespace evi

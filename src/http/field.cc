// Parsing of fields and lists.
#include "http/field.h"

#include <array>
#include <cstdint>

#include "http/method.h"
#include "util/text.h"

namespace evi {
namespace {

// All but the tab.
constexpr auto kControl = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 32; ++c) table[c] = c != '\t';
  table[127] = true;
  return table;
}();

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

constexpr std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

bool has_control(std::string_view text) noexcept {
  bool found = false;
  for (const char c : text) found |= kControl[static_cast<unsigned char>(c)];
  return found;
}

bool parse_field(std::string_view line, Field &out) noexcept {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  out.name = head(line, colon);
  out.value = trim_blanks(tail(line, colon + 1));
  return is_token(out.name) && !has_control(out.value);
}

bool next_element(std::string_view &list, std::string_view &element) noexcept {
  if (!list.data()) return false;
  std::string_view rest;
  const bool more = split(list, ',', element, rest);
  element = trim_blanks(element);
  list = more ? rest : std::string_view();
  return true;
}

bool list_has(std::string_view list, std::string_view wanted) noexcept {
  std::string_view element;
  while (next_element(list, element)) {
    if (equal_ignoring_case(element, wanted)) return true;
  }
  return false;
}

}  // namespace evi

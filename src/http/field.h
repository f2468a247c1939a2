// Fields of messages, and values that are lists: RFC 9110 5, RFC 9112 5. Pure functions over text.
#ifndef EVI_HTTP_FIELD_H
#define EVI_HTTP_FIELD_H

#include <string_view>

namespace evi {

inline constexpr std::string_view kCrlf = "\r\n";

struct Field {
  std::string_view name;
  std::string_view value;
};

// False if the line folds (RFC 9112 5.2), if the name is no token or a blank follows it, or if the value
// contains a control character other than a tab.
bool parse_field(std::string_view line, Field &out) noexcept;

// RFC 9110 5.5: whether the text contains what a value may not, control characters other than tabs. A NUL or
// CR that one reader drops and another keeps turns one message into two.
bool has_control(std::string_view text) noexcept;

// Removes the next element from the front of a comma-separated list and trims it; false when there are no
// more. Elements may be empty.
bool next_element(std::string_view &list, std::string_view &element) noexcept;
// Whether the list contains that element, in any case.
bool list_has(std::string_view list, std::string_view element) noexcept;

}  // namespace evi

#endif

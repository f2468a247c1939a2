// The lines of a request's head, taken apart: RFC 9112 2 to 5. Pure functions over text.
#ifndef EVI_HTTP_REQUEST_HEAD_H
#define EVI_HTTP_REQUEST_HEAD_H

#include <string_view>

namespace evi {

struct RequestLine {
  std::string_view method;
  std::string_view target;
  int minor;  // of HTTP/1.
};

// `line` has no line end. A target may contain blanks, as libevent has it: the version is what follows the
// last one. False for anything else than HTTP/1.
bool parse_request_line(std::string_view line, RequestLine &out) noexcept;

struct Field {
  std::string_view name;
  std::string_view value;
};

// False if the line folds (RFC 9112 5.2), if the name is no token or a blank follows it, or if the value
// contains a control character other than a tab.
bool parse_field(std::string_view line, Field &out) noexcept;

// Takes the next element off a comma-separated list, trimmed; false when there are no more. Elements may be
// empty.
bool next_element(std::string_view &list, std::string_view &element) noexcept;
// Whether the list has that element, in any case.
bool list_has(std::string_view list, std::string_view element) noexcept;

}  // namespace evi

#endif

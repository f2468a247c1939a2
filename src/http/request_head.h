// The first line of a request: RFC 9112 3. A pure function over text.
#ifndef EVI_HTTP_REQUEST_HEAD_H
#define EVI_HTTP_REQUEST_HEAD_H

#include <string_view>

namespace evi {

struct RequestLine {
  std::string_view method;
  std::string_view target;
  int minor;  // of HTTP/1.
};

// `line` has no line end. A target may contain blanks, as in libevent: the version follows the last one.
// False for anything else than HTTP/1.
bool parse_request_line(std::string_view line, RequestLine &out) noexcept;

}  // namespace evi

#endif

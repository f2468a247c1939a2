// Percent encoding of RFC 3986, and the escaping of HTML.
#ifndef EVI_HTTP_URI_ESCAPE_H
#define EVI_HTTP_URI_ESCAPE_H

#include <cstddef>
#include <string_view>

namespace evi {

// Which '+' are decoded to a blank.
enum class Plus { literal, blank, blank_in_query };

// All three return a text from mm_malloc() that ends in a NUL. Null: out of memory.

// Everything but RFC 3986's unreserved characters becomes %XX, and with `blank_as_plus` a blank '+'.
[[nodiscard]] char *uri_encode(std::string_view text, bool blank_as_plus) noexcept;
// `size` is set to the length of the result, which may contain NULs. A '%' without two hexadecimal digits
// stays.
[[nodiscard]] char *uri_decode(std::string_view text, Plus plus, std::size_t &size) noexcept;
[[nodiscard]] char *html_escape(std::string_view text) noexcept;

// Decodes to `out` without a NUL; returns the length. Requires: `out` has the size of the text. A query
// begins after a '?'.
std::size_t uri_decode_to(char *out, std::string_view text, Plus plus) noexcept;

}  // namespace evi

#endif

// Percent encoding of RFC 3986, and the escaping of HTML.
#ifndef EVI_HTTP_URI_ESCAPE_H
#define EVI_HTTP_URI_ESCAPE_H

#include <cstddef>
#include <string_view>

namespace evi {

// Which '+' stand for a blank.
enum class Plus { literal, blank, blank_in_query };

// All three return a text from mm_malloc(), with a NUL behind it, or null without memory.

// Everything but RFC 3986's unreserved characters becomes %XX, and with `blank_as_plus` a blank '+'.
[[nodiscard]] char *uri_encode(std::string_view text, bool blank_as_plus) noexcept;
// `size` becomes the length of what is returned, which may hold NULs. A '%' without two hexadecimal digits
// stays.
[[nodiscard]] char *uri_decode(std::string_view text, Plus plus, std::size_t &size) noexcept;
[[nodiscard]] char *html_escape(std::string_view text) noexcept;

// Decodes to `out`, which has room for the whole text, without a NUL; returns the length. A query begins
// behind a '?' of the text.
std::size_t uri_decode_to(char *out, std::string_view text, Plus plus) noexcept;

}  // namespace evi

#endif

// The methods that have names: RFC 9110 9, RFC 5789, RFC 4918.
#ifndef EVI_HTTP_METHOD_H
#define EVI_HTTP_METHOD_H

#include <string_view>

#include "event2/http.h"

namespace evi {

// 0 for an unknown method. Methods are case-sensitive.
unsigned method_of(std::string_view name) noexcept;
// RFC 9110 5.6.2: token, the syntax of methods and field names.
bool is_token(std::string_view text) noexcept;

}  // namespace evi

#endif

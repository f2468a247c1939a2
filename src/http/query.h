// Query strings, "name=value&name=value", as lists of parameters.
#ifndef EVI_HTTP_QUERY_H
#define EVI_HTTP_QUERY_H

#include <string_view>

struct evkeyvalq;

namespace evi {

// Appends the parameters, values decoded. `flags` are EVHTTP_URI_QUERY_*. Requires: the list is empty. False,
// and the list is empty, if out of memory or if a parameter has no name or no '='.
[[nodiscard]] bool query_parse(std::string_view query, unsigned flags, evkeyvalq &list) noexcept;

}  // namespace evi

#endif

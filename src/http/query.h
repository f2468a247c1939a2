// Query strings, "name=value&name=value", as lists of parameters.
#ifndef EVI_HTTP_QUERY_H
#define EVI_HTTP_QUERY_H

#include <string_view>

struct evkeyvalq;

namespace evi {

// Appends the parameters, values decoded, to an empty list. `flags` are EVHTTP_URI_QUERY_*. False without
// memory or for a parameter that is no pair; the list is then empty again.
[[nodiscard]] bool query_parse(std::string_view query, unsigned flags, evkeyvalq &list) noexcept;

}  // namespace evi

#endif

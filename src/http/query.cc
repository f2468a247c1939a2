// The parser of query strings.
#include "http/query.h"

#include <algorithm>
#include <cstring>

#include "event2/http.h"
#include "http/headers.h"
#include "http/uri_escape.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/text.h"

namespace evi {
namespace {

bool append_parameter(std::string_view name, std::string_view value, evkeyvalq &list) noexcept {
  char *room = headers_append_room(list, name, value.size());
  if (!room) return false;
  room[uri_decode_to(room, value, Plus::blank)] = '\0';
  return true;
}

bool parse_all(std::string_view query, bool lenient, evkeyvalq &list) noexcept {
  while (!query.empty()) {
    std::string_view parameter, name, value;
    split(query, '&', parameter, query);
    const bool pair = split(parameter, '=', name, value);
    if (name.empty() || !pair) {
      if (!lenient) return false;
      if (name.empty()) continue;
    }
    if (!append_parameter(name, value, list)) return false;
  }
  return true;
}

struct Place {
  evkeyval *entry;
  std::size_t position;
};

bool name_then_position(const Place &a, const Place &b) noexcept {
  const int order = compare_ignoring_case(a.entry->key, b.entry->key);
  return order != 0 ? order < 0 : a.position < b.position;
}

// Keeps the last of the parameters with the same name. Sorted, as a query may have very many.
bool keep_last_values(evkeyvalq &list) noexcept {
  std::size_t count = 0;
  for (const evkeyval *entry = headers_first(list); entry; entry = headers_next(*entry)) ++count;
  if (count < 2) return true;
  const OwnedMemory<Place> places{static_cast<Place *>(mm_calloc(count, sizeof(Place)))};
  if (!places) return false;
  Place *const first = places.get();
  std::size_t at = 0;
  for (evkeyval *entry = headers_first(list); entry; entry = headers_next(*entry)) {
    first[at] = {entry, at};
    ++at;
  }
  std::sort(first, first + count, name_then_position);
  for (std::size_t i = 0; i + 1 < count; ++i) {
    if (compare_ignoring_case(first[i].entry->key, first[i + 1].entry->key) == 0) {
      headers_erase(list, *first[i].entry);
    }
  }
  return true;
}

}  // namespace

bool query_parse(std::string_view query, unsigned flags, evkeyvalq &list) noexcept {
  EVI_ASSERT(!headers_first(list));
  const bool good = parse_all(query, (flags & EVHTTP_URI_QUERY_NONCONFORMANT) != 0, list) &&
                    (!(flags & EVHTTP_URI_QUERY_LAST_VAL) || keep_last_values(list));
  if (!good) headers_clear(list);
  return good;
}

}  // namespace evi

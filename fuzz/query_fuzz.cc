// Fuzzes the parser of query strings: the list holds the parameters in order, values decoded, and with the
// flag for last values one of each name. HTML escapes leave no special character.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event2/http.h"
#include "http/headers.h"
#include "http/query.h"
#include "http/uri_escape.h"
#include "util/alloc.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::string decoded(std::string_view text) {
  std::size_t size = 0;
  const evi::OwnedMemory<char> out{evi::uri_decode(text, evi::Plus::blank, size)};
  return out.get();
}

std::string lower(std::string text) {
  for (char &c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

// The same in the plainest way. False for a query that is refused.
bool expected(std::string_view query, unsigned flags, Parameters &all) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t sign = std::min(parameter.find('='), parameter.size());
    const bool whole = sign > 0 && sign < parameter.size();
    if (!whole && !(flags & EVHTTP_URI_QUERY_NONCONFORMANT)) return false;
    if (sign == 0) continue;
    const std::string_view value = whole ? parameter.substr(sign + 1) : std::string_view();
    all.emplace_back(parameter.substr(0, sign), decoded(value));
  }
  if (!(flags & EVHTTP_URI_QUERY_LAST_VAL)) return true;
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < all.size(); ++i) last[lower(all[i].first)] = i;
  Parameters kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (last[lower(all[i].first)] == i) kept.push_back(all[i]);
  }
  all = kept;
  return true;
}

void check_query(std::string_view query, unsigned flags) {
  evkeyvalq list;
  evi::headers_init(list);
  Parameters all;
  const bool good = expected(query, flags, all);
  must(evi::query_parse(query, flags, list) == good);
  std::size_t i = 0;
  for (evkeyval *entry = evi::headers_first(list); entry; entry = evi::headers_next(*entry), ++i) {
    must(good && i < all.size());
    must(entry->key == all[i].first && entry->value == all[i].second);
  }
  must(!good || i == all.size());
  evi::headers_clear(list);
}

void check_html(std::string_view text) {
  const evi::OwnedMemory<char> escaped{evi::html_escape(text)};
  must(std::strpbrk(escaped.get(), "<>\"'") == nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  // Exactly as long as the text, so that a read beyond it is seen.
  const std::unique_ptr<char[]> copy(new char[size]);
  if (size > 0) std::memcpy(copy.get(), data, size);
  const std::string_view text(copy.get(), size);
  check_html(text);
  // Names and values are C strings.
  if (text.find('\0') != std::string_view::npos) return 0;
  for (const unsigned flags :
       {0u, unsigned{EVHTTP_URI_QUERY_NONCONFORMANT}, unsigned{EVHTTP_URI_QUERY_LAST_VAL},
        unsigned{EVHTTP_URI_QUERY_NONCONFORMANT | EVHTTP_URI_QUERY_LAST_VAL}}) {
    check_query(text, flags);
  }
  return 0;
}

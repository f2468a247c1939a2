// The table of methods.
#include "http/method.h"

#include <array>

#include "util/text.h"

namespace evi {
namespace {

struct Method {
  std::string_view name;
  evhttp_cmd_type type;
};

// The frequent ones first: the search is linear.
constexpr Method kMethods[] = {
    {"GET", EVHTTP_REQ_GET},           {"POST", EVHTTP_REQ_POST},           {"HEAD", EVHTTP_REQ_HEAD},
    {"PUT", EVHTTP_REQ_PUT},           {"DELETE", EVHTTP_REQ_DELETE},       {"OPTIONS", EVHTTP_REQ_OPTIONS},
    {"TRACE", EVHTTP_REQ_TRACE},       {"CONNECT", EVHTTP_REQ_CONNECT},     {"PATCH", EVHTTP_REQ_PATCH},
    {"PROPFIND", EVHTTP_REQ_PROPFIND}, {"PROPPATCH", EVHTTP_REQ_PROPPATCH}, {"MKCOL", EVHTTP_REQ_MKCOL},
    {"LOCK", EVHTTP_REQ_LOCK},         {"UNLOCK", EVHTTP_REQ_UNLOCK},       {"COPY", EVHTTP_REQ_COPY},
    {"MOVE", EVHTTP_REQ_MOVE},
};

constexpr auto kTokenChars = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 1; c < 256; ++c) {
    const char character = static_cast<char>(c);
    table[c] =
        is_alnum(character) || std::string_view("!#$%&'*+-.^_`|~").find(character) != std::string_view::npos;
  }
  return table;
}();

}  // namespace

unsigned method_of(std::string_view name) noexcept {
  for (const Method &method : kMethods) {
    if (method.name == name) return method.type;
  }
  return 0;
}

bool is_token(std::string_view text) noexcept {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!kTokenChars[static_cast<unsigned char>(c)]) return false;
  }
  return true;
}

}  // namespace evi

// Fuzzes the parser of URIs: parts lie within the text, and what is parsed survives being joined and parsed
// again. Percent encoding survives decoding.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "event2/http.h"
#include "http/uri.h"
#include "http/uri_escape.h"
#include "util/alloc.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

bool same(const char *a, const char *b) { return a && b ? std::strcmp(a, b) == 0 : a == b; }

void check_parts(const evhttp_uri &a, const evhttp_uri &b) {
  must(same(a.scheme(), b.scheme()));
  must(same(a.userinfo(), b.userinfo()));
  must(same(a.host(), b.host()));
  must(same(a.path(), b.path()));
  must(same(a.query(), b.query()));
  must(same(a.fragment(), b.fragment()));
  must(same(a.unix_socket(), b.unix_socket()));
  must(a.port() == b.port());
}

// Room for the text, the brackets that were stripped, and the NUL.
constexpr std::size_t kMoreRoom = 3;

void parse_and_join(std::string_view text, unsigned flags) {
  const evi::OwnedUri uri{evhttp_uri::parse(text, flags)};
  if (!uri) return;
  must(uri->path() != nullptr);
  must(uri->port() >= -1 && uri->port() <= 65535);
  const std::size_t room = text.size() + kMoreRoom;
  const std::unique_ptr<char[]> joined(new char[room]), again(new char[room]);
  must(uri->join(joined.get(), room));
  const evi::OwnedUri second{evhttp_uri::parse(joined.get(), flags)};
  must(second != nullptr);
  check_parts(*uri, *second);
  must(second->join(again.get(), room));
  must(same(joined.get(), again.get()));
  // One byte less is refused.
  must(!uri->join(again.get(), std::strlen(joined.get())));
}

void encode_and_decode(std::string_view text, bool blank_as_plus) {
  const evi::OwnedMemory<char> encoded{evi::uri_encode(text, blank_as_plus)};
  std::size_t size = 0;
  const evi::Plus plus = blank_as_plus ? evi::Plus::blank : evi::Plus::literal;
  const evi::OwnedMemory<char> decoded{evi::uri_decode(encoded.get(), plus, size)};
  must(std::string_view(decoded.get(), size) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  constexpr unsigned kFlags[] = {0, EVHTTP_URI_NONCONFORMANT,
                                 EVHTTP_URI_HOST_STRIP_BRACKETS | EVHTTP_URI_UNIX_SOCKET,
                                 EVHTTP_URI_NONCONFORMANT | EVHTTP_URI_UNIX_SOCKET};
  // Exactly as long as the text, so that a read beyond it is seen.
  const std::unique_ptr<char[]> copy(new char[size]);
  if (size > 0) std::memcpy(copy.get(), data, size);
  const std::string_view text(copy.get(), size);
  encode_and_decode(text, false);
  encode_and_decode(text, true);
  if (text.find('\0') != std::string_view::npos) return 0;
  for (const unsigned flags : kFlags) parse_and_join(text, flags);
  return 0;
}

// Fuzzes the parsers of addresses: nothing is read beyond the text, and accepted addresses survive formatting
// and parsing again.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "event2/util.h"
#include "fuzz_input.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void parse_with_port(const char *text) {
  sockaddr_storage address{}, again{};
  auto *as = reinterpret_cast<sockaddr *>(&address);
  int length = sizeof(address);
  if (evutil_parse_sockaddr_port(text, as, &length) != 0) return;
  char host[128], zone[16] = "", tail[16] = "", whole[192];
  unsigned port = 0;
  const bool v4 = as->sa_family == AF_INET;
  if (v4) {
    const auto &in = reinterpret_cast<const sockaddr_in &>(address);
    must(evutil_inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host)) != nullptr);
    port = ntohs(in.sin_port);
  } else {
    must(as->sa_family == AF_INET6);
    const auto &in6 = reinterpret_cast<const sockaddr_in6 &>(address);
    must(evutil_inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host)) != nullptr);
    port = ntohs(in6.sin6_port);
    if (in6.sin6_scope_id != 0) evutil_snprintf(zone, sizeof(zone), "%%%u", in6.sin6_scope_id);
  }
  if (port != 0) evutil_snprintf(tail, sizeof(tail), ":%u", port);
  evutil_snprintf(whole, sizeof(whole), v4 ? "%s%s%s" : "[%s%s]%s", host, zone, tail);
  int again_length = sizeof(again);
  must(evutil_parse_sockaddr_port(whole, reinterpret_cast<sockaddr *>(&again), &again_length) == 0);
  must(evutil_sockaddr_cmp(as, reinterpret_cast<sockaddr *>(&again), 1) == 0);
}

void parse_plain(int family, const char *text) {
  unsigned char bytes[16], again[16];
  char out[64];
  if (evutil_inet_pton(family, text, bytes) != 1) return;
  must(evutil_inet_ntop(family, bytes, out, sizeof(out)) != nullptr);
  must(evutil_inet_pton(family, out, again) == 1);
  must(std::memcmp(bytes, again, family == AF_INET ? 4 : 16) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  // Exactly as long as the text, so that a read beyond it is seen.
  const std::unique_ptr<char[]> text(new char[size + 1]);
  std::memcpy(text.get(), data, size);
  text[size] = '\0';
  parse_with_port(text.get());
  parse_plain(AF_INET, text.get());
  parse_plain(AF_INET6, text.get());
  return 0;
}

// Parsing, writing and comparing Internet addresses.
#include "util/address.h"

#ifndef _WIN32
#include <net/if.h>
#include <sys/un.h>
#else
#include <afunix.h>
#include <iphlpapi.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "util/assert.h"
#include "util/text.h"

namespace evi {
namespace {

constexpr int kIpv6Groups = 8;

// --- IPv6 to binary ---

// The groups read so far, and the index of the "::" among them.
struct GroupReader {
  std::uint16_t groups[kIpv6Groups];
  int count = 0;
  int gap = -1;

  bool add(std::uint32_t value) noexcept {
    if (count == kIpv6Groups) return false;
    groups[count++] = static_cast<std::uint16_t>(value);
    return true;
  }
  // A gap stands for at least one group.
  bool complete() const noexcept { return gap < 0 ? count == kIpv6Groups : count < kIpv6Groups; }
  void write(in6_addr &out) const noexcept {
    EVI_ASSERT(complete());
    EVI_ASSERT(gap <= count);
    out = {};
    const int missing = kIpv6Groups - count;
    for (int i = 0; i < count; ++i) {
      const int at = gap >= 0 && i >= gap ? i + missing : i;
      out.s6_addr[2 * at] = static_cast<std::uint8_t>(groups[i] >> 8);
      out.s6_addr[2 * at + 1] = static_cast<std::uint8_t>(groups[i] & 0xff);
    }
  }
};

// One to four hexadecimal digits.
bool parse_group(std::string_view text, std::uint32_t &value) noexcept {
  constexpr std::size_t max_digits = 4;
  if (text.size() > max_digits) return false;
  return parse_number(text, value, 16);
}

bool add_dotted_tail(std::string_view text, GroupReader &reader) noexcept {
  in_addr v4;
  if (!parse_ipv4(text, v4)) return false;
  const std::uint32_t bits = ntohl(v4.s_addr);
  return reader.add(bits >> 16) && reader.add(bits & 0xffff);
}

// Reads groups separated by single colons, with at most one "::" among them.
bool read_groups(std::string_view text, GroupReader &reader) noexcept {
  for (;;) {
    std::string_view group;
    std::string_view rest;
    const bool more = split(text, ':', group, rest);
    std::uint32_t value = 0;
    if (!more && group.find('.') != std::string_view::npos) return add_dotted_tail(group, reader);
    if (!parse_group(group, value) || !reader.add(value)) return false;
    if (!more) return true;
    if (rest.starts_with(':')) {
      if (reader.gap >= 0) return false;
      reader.gap = reader.count;
      rest.remove_prefix(1);
      if (rest.empty()) return true;
    }
    text = rest;
  }
}

// --- IPv6 to text ---

struct Run {
  int first = -1;
  int length = 0;
};

// The first of the longest runs of two or more zero groups: RFC 5952 4.2.
Run longest_zero_run(const std::uint16_t (&groups)[kIpv6Groups]) noexcept {
  Run best;
  Run current;
  for (int i = 0; i < kIpv6Groups; ++i) {
    if (groups[i] != 0) {
      current = {};
      continue;
    }
    if (current.length++ == 0) current.first = i;
    if (current.length > best.length) best = current;
  }
  EVI_ASSERT(best.first + best.length <= kIpv6Groups);
  return best.length >= 2 ? best : Run{};
}

std::size_t write_ipv4(const std::uint8_t *octets, char *out) noexcept {
  std::size_t used = 0;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) out[used++] = '.';
    used += write_number(out + used, octets[i]);
  }
  return used;
}

// Mapped (::ffff:0:0/96) and compatible (::/96) addresses end in an IPv4 address: RFC 5952 5, as inet_ntop().
bool ends_in_ipv4(const std::uint16_t (&groups)[kIpv6Groups], const Run &zeros) noexcept {
  return zeros.first == 0 && (zeros.length == 6 || (zeros.length == 5 && groups[5] == 0xffff));
}

std::size_t write_ipv6(const std::uint8_t *octets, char *out) noexcept {
  std::uint16_t groups[kIpv6Groups];
  for (int i = 0; i < kIpv6Groups; ++i) {
    groups[i] = static_cast<std::uint16_t>(octets[2 * i] << 8 | octets[2 * i + 1]);
  }
  const Run zeros = longest_zero_run(groups);
  const bool dotted = ends_in_ipv4(groups, zeros);
  const int hex_groups = dotted ? 6 : kIpv6Groups;
  std::size_t used = 0;
  for (int i = 0; i < hex_groups;) {
    if (i == zeros.first) {
      out[used++] = ':';
      out[used++] = ':';
      i += zeros.length;
      continue;
    }
    if (i > 0 && i != zeros.first + zeros.length) out[used++] = ':';
    used += write_number(out + used, groups[i++], 16);
  }
  if (!dotted) return used;
  if (zeros.length == 5) out[used++] = ':';
  return used + write_ipv4(octets + 12, out + used);
}

// --- structs ---

// Copied, since a sockaddr of the caller need not have the alignment of its family's struct.
decltype(sockaddr::sa_family) family_of(const sockaddr *address) noexcept {
  decltype(sockaddr::sa_family) family;
  std::memcpy(&family, reinterpret_cast<const char *>(address) + offsetof(sockaddr, sa_family),
              sizeof(family));
  return family;
}
sockaddr_in as_ipv4(const sockaddr *address) noexcept {
  EVI_ASSERT(family_of(address) == AF_INET);
  sockaddr_in out;
  std::memcpy(&out, address, sizeof(out));
  return out;
}
sockaddr_in6 as_ipv6(const sockaddr *address) noexcept {
  EVI_ASSERT(family_of(address) == AF_INET6);
  sockaddr_in6 out;
  std::memcpy(&out, address, sizeof(out));
  return out;
}

template <typename T>
int order(T a, T b) noexcept {
  return a < b ? -1 : a > b;
}

int compare_paths(const sockaddr *a, const sockaddr *b) noexcept {
  constexpr std::size_t offset = offsetof(sockaddr_un, sun_path);
  const char *path_a = reinterpret_cast<const char *>(a) + offset;
  const char *path_b = reinterpret_cast<const char *>(b) + offset;
  return order(std::strncmp(path_a, path_b, sizeof(sockaddr_un::sun_path)), 0);
}

// Requires: the families are the same.
int compare_hosts(const sockaddr *a, const sockaddr *b) noexcept {
  EVI_ASSERT(family_of(a) == family_of(b));
  switch (family_of(a)) {
    case AF_INET:
      return order(ntohl(as_ipv4(a).sin_addr.s_addr), ntohl(as_ipv4(b).sin_addr.s_addr));
    case AF_INET6: {
      const sockaddr_in6 x = as_ipv6(a);
      const sockaddr_in6 y = as_ipv6(b);
      return order(std::memcmp(&x.sin6_addr, &y.sin6_addr, sizeof(in6_addr)), 0);
    }
    case AF_UNIX:
      return compare_paths(a, b);
    default:
      return order(reinterpret_cast<std::uintptr_t>(a), reinterpret_cast<std::uintptr_t>(b));
  }
}

// --- address and port ---

bool parse_optional_port(bool present, std::string_view text, std::uint16_t &port) noexcept {
  port = 0;
  return !present || parse_port(text, port);
}

bool parse_ipv6_with_port(std::string_view host, bool has_port, std::string_view port_text,
                          Address &out) noexcept {
  in6_addr address;
  std::uint32_t scope = 0;
  std::uint16_t port = 0;
  if (!parse_optional_port(has_port, port_text, port) || !parse_ipv6_scoped(host, address, scope))
    return false;
  out = make_address(address, port, scope);
  return true;
}

// The rest of "[host]" or "[host]:port" after the first bracket.
bool parse_bracketed(std::string_view text, Address &out) noexcept {
  std::string_view host;
  std::string_view after;
  if (!split(text, ']', host, after)) return false;
  const bool has_port = after.starts_with(':');
  if (!has_port && !trim(after).empty()) return false;
  return parse_ipv6_with_port(host, has_port, tail(after, 1), out);
}

bool parse_ipv4_with_port(std::string_view text, Address &out) noexcept {
  std::string_view host;
  std::string_view port_text;
  const bool has_port = split(text, ':', host, port_text);
  in_addr address;
  std::uint16_t port = 0;
  if (!parse_ipv4(trim_left(host), address) || !parse_optional_port(has_port, port_text, port)) return false;
  out = make_address(address, port);
  return true;
}

}  // namespace

bool parse_ipv4(std::string_view text, in_addr &out) noexcept {
  std::uint32_t bits = 0;
  for (int i = 0; i < 4; ++i) {
    std::string_view octet;
    std::string_view rest;
    const bool more = split(text, '.', octet, rest);
    std::uint32_t value = 0;
    if (more != (i < 3) || octet.size() > kMaxOctetDigits) return false;
    if (!parse_number(octet, value) || value > 255) return false;
    bits = bits << 8 | value;
    text = rest;
  }
  out.s_addr = htonl(bits);
  return true;
}

bool parse_ipv6(std::string_view text, in6_addr &out) noexcept {
  GroupReader reader;
  if (text.starts_with(':')) {
    if (!starts_with(text, "::")) return false;
    reader.gap = 0;
    text.remove_prefix(2);
  }
  const bool nothing_more = reader.gap == 0 && text.empty();
  if (!nothing_more && !read_groups(text, reader)) return false;
  if (!reader.complete()) return false;
  reader.write(out);
  return true;
}

bool parse_zone(std::string_view zone, std::uint32_t &scope) noexcept {
  if (parse_number(zone, scope)) return true;
  char name[kMaxZoneText + 1];
  if (!copy_text(name, sizeof(name), zone)) return false;
  const unsigned index = if_nametoindex(name);
  if (index == 0) return false;
  scope = index;
  return true;
}

bool parse_ipv6_scoped(std::string_view text, in6_addr &out, std::uint32_t &scope) noexcept {
  std::string_view host;
  std::string_view zone;
  split(text, '%', host, zone);
  in6_addr address;
  std::uint32_t number = 0;
  if (!parse_ipv6(host, address) || (!zone.empty() && !parse_zone(zone, number))) return false;
  out = address;
  scope = number;
  return true;
}

bool parse_port(std::string_view text, std::uint16_t &port) noexcept {
  std::uint16_t value = 0;
  if (!parse_number(trim(text), value) || value == 0) return false;
  port = value;
  return true;
}

int inet_text_to_binary(int family, std::string_view text, void *out) noexcept {
  if (family == AF_INET) {
    in_addr address;
    if (!parse_ipv4(text, address)) return 0;
    std::memcpy(out, &address, sizeof(address));
    return 1;
  }
  if (family == AF_INET6) {
    in6_addr address;
    if (!parse_ipv6(text, address)) return 0;
    std::memcpy(out, &address, sizeof(address));
    return 1;
  }
  return -1;
}

const char *inet_binary_to_text(int family, const void *address, char *out, std::size_t room) noexcept {
  // write_number() requires room for the longest number, though no group is that long.
  char text[kIpv6TextRoom + kMaxNumberText];
  const auto *octets = static_cast<const std::uint8_t *>(address);
  std::size_t length = 0;
  if (family == AF_INET) {
    length = write_ipv4(octets, text);
  } else if (family == AF_INET6) {
    length = write_ipv6(octets, text);
  } else {
    return nullptr;
  }
  EVI_ASSERT(length < (family == AF_INET ? kIpv4TextRoom : kIpv6TextRoom));
  return copy_text(out, room, {text, length}) ? out : nullptr;
}

bool parse_address_port(std::string_view text, Address &out) noexcept {
  if (text.starts_with('[')) return parse_bracketed(tail(text, 1), out);
  // Two colons make it an IPv6 address, which then cannot have a port.
  const std::size_t first = text.find(':');
  const bool two_colons =
      first != std::string_view::npos && text.find(':', first + 1) != std::string_view::npos;
  return two_colons ? parse_ipv6_with_port(text, false, {}, out) : parse_ipv4_with_port(text, out);
}

Address make_address(const in_addr &address, std::uint16_t port) noexcept {
  sockaddr_in sin{};
  sin.sin_family = AF_INET;
  sin.sin_port = htons(port);
  sin.sin_addr = address;
  Address out{{}, sizeof(sin)};
  std::memcpy(&out.storage, &sin, sizeof(sin));
  return out;
}

Address make_address(const in6_addr &address, std::uint16_t port, std::uint32_t scope) noexcept {
  sockaddr_in6 sin6{};
  sin6.sin6_family = AF_INET6;
  sin6.sin6_port = htons(port);
  sin6.sin6_addr = address;
  sin6.sin6_scope_id = scope;
  Address out{{}, sizeof(sin6)};
  std::memcpy(&out.storage, &sin6, sizeof(sin6));
  return out;
}

const char *format_address_port(const sockaddr *address, char *out, std::size_t room) noexcept {
  if (room == 0) return out;
  char host[kIpv6TextRoom] = "";
  char zone[kMaxZoneText + 1] = "";
  const bool v6 = family_of(address) == AF_INET6;
  if (v6) {
    const sockaddr_in6 sin6 = as_ipv6(address);
    inet_binary_to_text(AF_INET6, &sin6.sin6_addr, host, sizeof(host));
    if (sin6.sin6_scope_id)
      std::snprintf(zone, sizeof(zone), "%%%u", static_cast<unsigned>(sin6.sin6_scope_id));
  } else if (family_of(address) == AF_INET) {
    const sockaddr_in sin = as_ipv4(address);
    inet_binary_to_text(AF_INET, &sin.sin_addr, host, sizeof(host));
  } else {
    std::snprintf(out, room, "<address of family %d>", static_cast<int>(family_of(address)));
    return out;
  }
  const unsigned port = address_port(address);
  if (port == 0) {
    std::snprintf(out, room, "%s%s", host, zone);
  } else {
    std::snprintf(out, room, v6 ? "[%s%s]:%u" : "%s%s:%u", host, zone, port);
  }
  return out;
}

std::string_view unix_path(const sockaddr *address, ev_socklen_t length) noexcept {
  constexpr std::size_t offset = offsetof(sockaddr_un, sun_path);
  const auto size = static_cast<std::size_t>(length);
  if (size <= offset || family_of(address) != AF_UNIX) return {};
  const std::size_t room = std::min(size, sizeof(sockaddr_un)) - offset;
  const std::string_view path{reinterpret_cast<const char *>(address) + offset, room};
  if (path[0] == '\0') return tail(path, 1);
  return head(path, path.find('\0'));
}

int compare_addresses(const sockaddr *a, const sockaddr *b, bool include_port) noexcept {
  if (family_of(a) != family_of(b)) return order(family_of(a), family_of(b));
  if (const int hosts = compare_hosts(a, b)) return hosts;
  return include_port ? order(address_port(a), address_port(b)) : 0;
}

std::uint16_t address_port(const sockaddr *address) noexcept {
  if (family_of(address) == AF_INET) return ntohs(as_ipv4(address).sin_port);
  return family_of(address) == AF_INET6 ? ntohs(as_ipv6(address).sin6_port) : std::uint16_t{0};
}

void set_address_port(sockaddr *address, std::uint16_t port) noexcept {
  const std::uint16_t bits = htons(port);
  auto *bytes = reinterpret_cast<char *>(address);
  if (family_of(address) == AF_INET)
    std::memcpy(bytes + offsetof(sockaddr_in, sin_port), &bits, sizeof(bits));
  if (family_of(address) == AF_INET6)
    std::memcpy(bytes + offsetof(sockaddr_in6, sin6_port), &bits, sizeof(bits));
}

bool is_loopback(const sockaddr *address) noexcept {
  if (family_of(address) == AF_INET) return (ntohl(as_ipv4(address).sin_addr.s_addr) >> 24) == 127;
  if (family_of(address) != AF_INET6) return false;
  const in6_addr host = as_ipv6(address).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&host)) return host.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&host);
}

}  // namespace evi

// Internet addresses from and to text, and their comparison: pure functions over bounded text, except that
// the name of a zone is looked up among this host's interfaces.
#ifndef EVI_UTIL_ADDRESS_H
#define EVI_UTIL_ADDRESS_H

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "event2/util.h"

namespace evi {

// Room for any address as text, the NUL included (as INET_ADDRSTRLEN and INET6_ADDRSTRLEN).
inline constexpr std::size_t kIpv4TextRoom = 16;
inline constexpr std::size_t kIpv6TextRoom = 46;
// The longest zone: an interface's name (IFNAMSIZ less the NUL) or a number.
inline constexpr std::size_t kMaxZoneText = 15;
// Room for "[address%zone]:port".
inline constexpr std::size_t kSockaddrTextRoom = kIpv6TextRoom + kMaxZoneText + 9;

// Exactly "a.b.c.d", each 0 to 255 in decimal. Leading zeros are allowed and do not mean octal, as in
// libevent; kMaxOctetDigits digits at most.
inline constexpr std::size_t kMaxOctetDigits = 10;
[[nodiscard]] bool parse_ipv4(std::string_view text, in_addr &out) noexcept;

// RFC 4291 2.2, all three forms; no zone.
[[nodiscard]] bool parse_ipv6(std::string_view text, in6_addr &out) noexcept;

// The same with an optional "%zone". `scope` becomes its number, 0 for none or an empty one.
[[nodiscard]] bool parse_ipv6_scoped(std::string_view text, in6_addr &out, std::uint32_t &scope) noexcept;

// A decimal number or the name of one of this host's interfaces.
[[nodiscard]] bool parse_zone(std::string_view zone, std::uint32_t &scope) noexcept;

// 1 to 65535 in decimal, white space around it allowed.
[[nodiscard]] bool parse_port(std::string_view text, std::uint16_t &port) noexcept;

// As inet_pton(): 1 on success, 0 for malformed text, -1 for an unknown family.
[[nodiscard]] int inet_text_to_binary(int family, std::string_view text, void *out) noexcept;

// As inet_ntop(): `out`, or nullptr for an unknown family or too small a room.
const char *inet_binary_to_text(int family, const void *address, char *out, std::size_t room) noexcept;

// An address of any family and its length.
struct Address {
  sockaddr_storage storage;
  ev_socklen_t length;

  sockaddr *get() noexcept { return reinterpret_cast<sockaddr *>(&storage); }
  const sockaddr *get() const noexcept { return reinterpret_cast<const sockaddr *>(&storage); }
};

// An address without or with a port: "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80", with zones. As in
// libevent, white space is skipped before an IPv4 address and after a bracket or port. Other text after a
// bracket or port is an error; libevent ignored it. The port is 0 if there is none. `out` is written on
// success.
[[nodiscard]] bool parse_address_port(std::string_view text, Address &out) noexcept;

Address make_address(const in_addr &address, std::uint16_t port) noexcept;
Address make_address(const in6_addr &address, std::uint16_t port, std::uint32_t scope) noexcept;

// "1.2.3.4:80", "[::1]:80", "[fe80::1%2]:80"; "1.2.3.4" or "::1" when the port is 0. For other families the
// text is the family's number. Cut if `room` is less than kSockaddrTextRoom. Returns `out`.
const char *format_address_port(const sockaddr *address, char *out, std::size_t room) noexcept;

// The path of an AF_UNIX address, whose `length` is from the kernel: empty for an unnamed socket or another
// family, without the leading NUL for an abstract one. Never reads beyond `length` or the struct.
std::string_view unix_path(const sockaddr *address, ev_socklen_t length) noexcept;

// Negative, 0 or positive: a total order of AF_INET, AF_INET6 and AF_UNIX addresses, by family first. Zones
// and flow labels are ignored, so that the source of a reply equals the address that was queried.
int compare_addresses(const sockaddr *a, const sockaddr *b, bool include_port) noexcept;

// In host order; 0 for families that have none.
std::uint16_t address_port(const sockaddr *address) noexcept;
void set_address_port(sockaddr *address, std::uint16_t port) noexcept;

// 127.0.0.0/8, ::1, or one of those mapped.
bool is_loopback(const sockaddr *address) noexcept;

}  // namespace evi

#endif

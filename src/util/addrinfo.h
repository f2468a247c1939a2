// Lists of struct addrinfo, and the parts of a lookup that need no name server: shared by evutil_getaddrinfo,
// which blocks, and evdns_getaddrinfo, which does not.
//
// A list is made here (its entries carry kAddrinfoOurs in ai_flags) or by the system's getaddrinfo(), and
// never of both kinds; free_addrinfo() knows the two apart. Codes are EVUTIL_EAI_*, 0 being success.
#ifndef EVI_UTIL_ADDRINFO_H
#define EVI_UTIL_ADDRINFO_H

#include <cstdint>
#include <memory>

#include "event2/util.h"

namespace evi {

// Marks our entries: a bit that no system uses in ai_flags. Users see it, as they see libevent's.
inline constexpr int kAddrinfoOurs = INT32_MIN;

// Null is allowed.
void free_addrinfo(addrinfo *list) noexcept;

struct AddrinfoFreer {
  void operator()(addrinfo *list) const noexcept { free_addrinfo(list); }
};
using OwnedAddrinfo = std::unique_ptr<addrinfo, AddrinfoFreer>;

// Appends the address with its port as one entry; if hints have no type, as one for TCP and one for UDP. If
// hints have no protocol, it follows from the type. Errors: EVUTIL_EAI_MEMORY, `list` is unchanged.
[[nodiscard]] int append_address(OwnedAddrinfo &list, const sockaddr *address, ev_socklen_t length,
                                 const addrinfo &hints) noexcept;

// Moves all entries of `other` to the end of `list`.
void append_list(OwnedAddrinfo &list, OwnedAddrinfo other) noexcept;

// Sets a copy of the name in the first entry of our list. False if out of memory.
[[nodiscard]] bool set_canonical_name(addrinfo &first, const char *name) noexcept;

// `service` is a port number, or a name from the system's list of services for the hinted type; null is port
// 0. Errors: EVUTIL_EAI_NONAME.
[[nodiscard]] int parse_service(const char *service, const addrinfo &hints, std::uint16_t &port) noexcept;

// Returned by answer_locally if a resolver is needed; no EVUTIL_EAI_ code has this value.
inline constexpr int kNeedsResolver = -90002;

// Answers what needs no lookup: no node, a node that is an address, bad hints. With kNeedsResolver, `port` is
// the port for the addresses of the answer. The family of `hints`, V4MAPPED, PASSIVE, NUMERICHOST,
// NUMERICSERV and CANONNAME are respected; ADDRCONFIG does not apply to numeric addresses.
[[nodiscard]] int answer_locally(const char *node, const char *service, const addrinfo &hints,
                                 OwnedAddrinfo &answer, std::uint16_t &port) noexcept;

// Applies ADDRCONFIG: if hints have no family and this host has addresses (other than loopback ones) of one
// family only, sets that family.
void restrict_to_configured_families(addrinfo &hints) noexcept;

// The families that this host has addresses of, other than loopback ones. Both if that cannot be determined.
struct ConfiguredFamilies {
  bool ipv4;
  bool ipv6;
};
ConfiguredFamilies configured_families() noexcept;

// evutil_getaddrinfo: waits for the system's resolver unless the arguments are numeric. `result` is null on
// failure.
[[nodiscard]] int getaddrinfo_blocking(const char *node, const char *service, const addrinfo *hints,
                                       addrinfo *&result) noexcept;

// An English text, never null.
const char *gai_error_text(int error) noexcept;

}  // namespace evi

#endif

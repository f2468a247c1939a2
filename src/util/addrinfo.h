// Lists of struct addrinfo, and what of a look-up needs no name server: shared by evutil_getaddrinfo, which
// blocks, and evdns_getaddrinfo, which does not.
//
// A list is made here (its entries carry kAddrinfoOurs in ai_flags) or by the system's getaddrinfo(), and
// never of both kinds; free_addrinfo() knows the two apart. Codes are EVUTIL_EAI_*, 0 being success.
#ifndef EVI_UTIL_ADDRINFO_H
#define EVI_UTIL_ADDRINFO_H

#include <cstdint>
#include <memory>

#include "event2/util.h"

namespace evi {

// The mark of our entries: a bit that no system uses in ai_flags. Also seen by users, as libevent's own is.
inline constexpr int kAddrinfoOurs = INT32_MIN;

// Null is allowed.
void free_addrinfo(addrinfo *list) noexcept;

struct AddrinfoFreer {
  void operator()(addrinfo *list) const noexcept { free_addrinfo(list); }
};
using OwnedAddrinfo = std::unique_ptr<addrinfo, AddrinfoFreer>;

// Appends the address, the port being in it, as one entry; or as one for TCP and one for UDP if hints leave
// the type open. The protocol follows from the type if hints leave it open. EVUTIL_EAI_MEMORY leaves `list`
// as it was.
[[nodiscard]] int append_address(OwnedAddrinfo &list, const sockaddr *address, ev_socklen_t length,
                                 const addrinfo &hints) noexcept;

// Moves all entries of `other` to the end of `list`.
void append_list(OwnedAddrinfo &list, OwnedAddrinfo other) noexcept;

// Gives the first entry a copy of the name. False if there is no memory.
[[nodiscard]] bool set_canonical_name(addrinfo &first, const char *name) noexcept;

// A port's number, or a service's name as the system knows it for the hinted type; null is port 0. Otherwise
// EVUTIL_EAI_NONAME.
[[nodiscard]] int parse_service(const char *service, const addrinfo &hints, std::uint16_t &port) noexcept;

// What answer_locally gives if only a resolver can answer; no EVUTIL_EAI_ code has this number.
inline constexpr int kNeedsResolver = -90002;

// Answers what can be answered without a look-up: no node, a node that is an address, bad hints. On
// kNeedsResolver `port` is what the answer's addresses are to have. The family of `hints`, V4MAPPED, PASSIVE,
// NUMERICHOST, NUMERICSERV and CANONNAME are obeyed; ADDRCONFIG does not matter to addresses.
[[nodiscard]] int answer_locally(const char *node, const char *service, const addrinfo &hints,
                                 OwnedAddrinfo &answer, std::uint16_t &port) noexcept;

// Carries ADDRCONFIG out: where this host has an address (other than loopback ones) of only one family, and
// hints leave the family open, it becomes that one.
void restrict_to_configured_families(addrinfo &hints) noexcept;

// Which families this host has addresses of, loopback ones not counted. Both if that cannot be told.
struct ConfiguredFamilies {
  bool ipv4;
  bool ipv6;
};
ConfiguredFamilies configured_families() noexcept;

// evutil_getaddrinfo: waits for the system's resolver unless the answer is plain. `result` is null on
// failure.
[[nodiscard]] int getaddrinfo_blocking(const char *node, const char *service, const addrinfo *hints,
                                       addrinfo *&result) noexcept;

// An English text, never null.
const char *gai_error_text(int error) noexcept;

}  // namespace evi

#endif

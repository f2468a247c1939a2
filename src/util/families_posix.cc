// The address families of this host, from its interfaces: getifaddrs(3).
#include <ifaddrs.h>
#include <net/if.h>

#include <cstring>

#include "util/address.h"
#include "util/addrinfo.h"

namespace evi {

ConfiguredFamilies configured_families() noexcept {
  ifaddrs *all = nullptr;
  if (getifaddrs(&all) != 0) return {true, true};
  ConfiguredFamilies have{false, false};
  for (const ifaddrs *each = all; each; each = each->ifa_next) {
    if (!each->ifa_addr || !(each->ifa_flags & IFF_UP) || is_loopback(each->ifa_addr)) continue;
    if (each->ifa_addr->sa_family == AF_INET) have.ipv4 = true;
    if (each->ifa_addr->sa_family != AF_INET6) continue;
    sockaddr_in6 sin6;
    std::memcpy(&sin6, each->ifa_addr, sizeof(sin6));
    // Every interface has a link-local address, which reaches no other network.
    if (!IN6_IS_ADDR_LINKLOCAL(&sin6.sin6_addr)) have.ipv6 = true;
  }
  freeifaddrs(all);
  if (!have.ipv4 && !have.ipv6) return {true, true};
  return have;
}

}  // namespace evi

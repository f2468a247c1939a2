// The address families of this host, from its adapters: GetAdaptersAddresses.
#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <iphlpapi.h>
#include <windows.h>
#include <ws2tcpip.h>

#include <cstring>

#include "util/address.h"
#include "util/addrinfo.h"
#include "util/alloc.h"

namespace evi {
namespace {

using Adapters = OwnedMemory<IP_ADAPTER_ADDRESSES>;

Adapters read_adapters() noexcept {
  constexpr ULONG kFlags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
  // The size that the system recommends. It reports when that is too small; adapters may be added meanwhile.
  ULONG size = 15'000;
  for (int tries = 0; tries < 4; ++tries) {
    Adapters adapters{static_cast<IP_ADAPTER_ADDRESSES *>(mm_malloc(size))};
    if (!adapters) return adapters;
    const ULONG error = GetAdaptersAddresses(AF_UNSPEC, kFlags, nullptr, adapters.get(), &size);
    if (error == ERROR_SUCCESS) return adapters;
    if (error != ERROR_BUFFER_OVERFLOW) break;
  }
  return Adapters{nullptr};
}

void note(const sockaddr *address, ConfiguredFamilies &have) noexcept {
  if (!address || is_loopback(address)) return;
  if (address->sa_family == AF_INET) have.ipv4 = true;
  if (address->sa_family != AF_INET6) return;
  sockaddr_in6 sin6;
  std::memcpy(&sin6, address, sizeof(sin6));
  // Every interface has a link-local address, which reaches no other network.
  if (!IN6_IS_ADDR_LINKLOCAL(&sin6.sin6_addr)) have.ipv6 = true;
}

}  // namespace

ConfiguredFamilies configured_families() noexcept {
  const Adapters adapters = read_adapters();
  ConfiguredFamilies have{false, false};
  for (const IP_ADAPTER_ADDRESSES *each = adapters.get(); each; each = each->Next) {
    if (each->OperStatus != IfOperStatusUp) continue;
    for (const IP_ADAPTER_UNICAST_ADDRESS *one = each->FirstUnicastAddress; one; one = one->Next) {
      note(one->Address.lpSockaddr, have);
    }
  }
  if (!have.ipv4 && !have.ipv6) return {true, true};
  return have;
}

}  // namespace evi

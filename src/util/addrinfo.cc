// The blocking getaddrinfo, lists of addrinfo, and answers that need no lookup.
#include "util/addrinfo.h"

#include <cerrno>
#include <cstring>

#include "util/address.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/text.h"

// Flags that the system's getaddrinfo lacks have values of event2/util.h and are never passed to it.
#ifdef AI_NUMERICSERV
#define EVI_NATIVE_NUMERICSERV AI_NUMERICSERV
#else
#define EVI_NATIVE_NUMERICSERV 0
#endif
#ifdef AI_ADDRCONFIG
#define EVI_NATIVE_ADDRCONFIG AI_ADDRCONFIG
#else
#define EVI_NATIVE_ADDRCONFIG 0
#endif
#ifdef AI_V4MAPPED
#define EVI_NATIVE_V4MAPPED (AI_V4MAPPED | AI_ALL)
#else
#define EVI_NATIVE_V4MAPPED 0
#endif

namespace evi {
namespace {

constexpr int kMappedFlags = EVUTIL_AI_V4MAPPED | EVUTIL_AI_ALL;

// --- lists ---

// An entry and its address are one block, so that an entry is freed by one call.
struct Entry {
  addrinfo info;
  sockaddr_storage address;
};

// Only as much of the address as its family has is allocated.
addrinfo *make_entry(const sockaddr *address, ev_socklen_t length, int type, int protocol,
                     int flags) noexcept {
  const auto size = static_cast<std::size_t>(length);
  if (size > sizeof(sockaddr_storage)) return nullptr;
  EVI_ASSERT(size >= sizeof(address->sa_family));
  void *memory = mm_calloc(1, offsetof(Entry, address) + size);
  if (!memory) return nullptr;
  auto *info = static_cast<addrinfo *>(memory);
  void *copy = static_cast<char *>(memory) + offsetof(Entry, address);
  std::memcpy(copy, address, size);
  info->ai_flags = flags | kAddrinfoOurs;
  info->ai_family = address->sa_family;
  info->ai_socktype = type;
  info->ai_protocol = protocol;
  info->ai_addrlen = static_cast<decltype(info->ai_addrlen)>(length);
  info->ai_addr = static_cast<sockaddr *>(copy);
  return info;
}

int protocol_of(int type) noexcept {
  return type == SOCK_STREAM ? IPPROTO_TCP : type == SOCK_DGRAM ? IPPROTO_UDP : 0;
}
int type_of(int protocol) noexcept {
  return protocol == IPPROTO_TCP ? SOCK_STREAM : protocol == IPPROTO_UDP ? SOCK_DGRAM : 0;
}

int append_entry(OwnedAddrinfo &list, const Address &address, int type, int flags) noexcept {
  OwnedAddrinfo entry{make_entry(address.get(), address.length, type, protocol_of(type), flags)};
  if (!entry) return EVUTIL_EAI_MEMORY;
  append_list(list, std::move(entry));
  return 0;
}

// --- answers without a lookup ---

bool wants(const addrinfo &hints, int family) noexcept {
  return hints.ai_family == AF_UNSPEC || hints.ai_family == family;
}

bool is_ours(const addrinfo &entry) noexcept { return (entry.ai_flags & kAddrinfoOurs) != 0; }

Address unnamed_ipv4(int flags, std::uint16_t port) noexcept {
  in_addr address{};
  address.s_addr = htonl((flags & EVUTIL_AI_PASSIVE) ? INADDR_ANY : INADDR_LOOPBACK);
  return make_address(address, port);
}
Address unnamed_ipv6(int flags, std::uint16_t port) noexcept {
  return make_address((flags & EVUTIL_AI_PASSIVE) ? in6addr_any : in6addr_loopback, port, 0);
}

int append(OwnedAddrinfo &list, const Address &address, const addrinfo &hints) noexcept {
  return append_address(list, address.get(), address.length, hints);
}

// Without a node: the wildcard addresses for bind(), or the loopback ones.
int answer_unnamed(const addrinfo &hints, std::uint16_t port, OwnedAddrinfo &answer) noexcept {
  OwnedAddrinfo list;
  if (wants(hints, AF_INET)) {
    if (const int error = append(list, unnamed_ipv4(hints.ai_flags, port), hints)) return error;
  }
  if (wants(hints, AF_INET6)) {
    if (const int error = append(list, unnamed_ipv6(hints.ai_flags, port), hints)) return error;
  }
  answer = std::move(list);
  return 0;
}

Address mapped(const in_addr &v4, std::uint16_t port) noexcept {
  in6_addr v6{};
  v6.s6_addr[10] = v6.s6_addr[11] = 0xff;
  std::memcpy(v6.s6_addr + 12, &v4, sizeof(v4));
  return make_address(v6, port, 0);
}

// Parses a numeric address. Returns 0; EVUTIL_EAI_ADDRFAMILY if hints exclude its family; or kNeedsResolver.
int parse_node(std::string_view text, const addrinfo &hints, std::uint16_t port, Address &out) noexcept {
  in_addr v4;
  if (parse_ipv4(text, v4)) {
    if (wants(hints, AF_INET)) {
      out = make_address(v4, port);
      return 0;
    }
    if (!(hints.ai_flags & EVUTIL_AI_V4MAPPED)) return EVUTIL_EAI_ADDRFAMILY;
    out = mapped(v4, port);
    return 0;
  }
  in6_addr v6;
  std::uint32_t scope = 0;
  if (!parse_ipv6_scoped(text, v6, scope)) return kNeedsResolver;
  if (!wants(hints, AF_INET6)) return EVUTIL_EAI_ADDRFAMILY;
  out = make_address(v6, port, scope);
  return 0;
}

int answer_numeric(const char *node, const addrinfo &hints, std::uint16_t port,
                   OwnedAddrinfo &answer) noexcept {
  Address address;
  const int parsed = parse_node(node, hints, port, address);
  if (parsed == kNeedsResolver && (hints.ai_flags & EVUTIL_AI_NUMERICHOST)) return EVUTIL_EAI_NONAME;
  if (parsed != 0) return parsed;
  OwnedAddrinfo list;
  if (const int error = append(list, address, hints)) return error;
  if ((hints.ai_flags & EVUTIL_AI_CANONNAME) && !set_canonical_name(*list, node)) return EVUTIL_EAI_MEMORY;
  answer = std::move(list);
  return 0;
}

// --- the blocking lookup ---

// For numeric arguments we build the answer of the system's getaddrinfo ourselves, without the files that it
// reads and its system calls. Only where the hints leave one possible answer.
bool plain_hints(const addrinfo &hints) noexcept {
  constexpr int plain_flags = EVUTIL_AI_PASSIVE | EVUTIL_AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV;
  const bool plain_type =
      hints.ai_socktype == 0 || hints.ai_socktype == SOCK_STREAM || hints.ai_socktype == SOCK_DGRAM;
  return plain_type && hints.ai_protocol == 0 && (hints.ai_flags & ~plain_flags) == 0;
}

bool plain_service(const char *service, std::uint16_t &port) noexcept {
  port = 0;
  return !service || parse_number(service, port);
}

// The system reads leading zeros as octal, parse_ipv4 as decimal: such an address is left to the system. So
// are zones.
bool plain_node(const char *node, const addrinfo &hints, std::uint16_t port, Address &out) noexcept {
  if (!node) {
    // With AF_UNSPEC the order depends on the host's configuration.
    if (hints.ai_family == AF_UNSPEC) return false;
    out =
        hints.ai_family == AF_INET ? unnamed_ipv4(hints.ai_flags, port) : unnamed_ipv6(hints.ai_flags, port);
    return true;
  }
  char text[kIpv6TextRoom];
  in6_addr binary;
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_text_to_binary(family, node, &binary) != 1) continue;
    if (!wants(hints, family)) return false;
    if (family == AF_INET6) {
      out = make_address(binary, port, 0);
      return true;
    }
    in_addr v4;
    std::memcpy(&v4, &binary, sizeof(v4));
    out = make_address(v4, port);
    return inet_binary_to_text(family, &v4, text, sizeof(text)) && std::strcmp(text, node) == 0;
  }
  return false;
}

// Returns kNeedsResolver if the system's getaddrinfo has to answer.
int answer_quickly(const char *node, const char *service, const addrinfo &hints,
                   OwnedAddrinfo &answer) noexcept {
  const bool known_family =
      hints.ai_family == AF_UNSPEC || hints.ai_family == AF_INET || hints.ai_family == AF_INET6;
  std::uint16_t port = 0;
  Address address;
  if (!known_family || !plain_hints(hints) || (!node && !service) || !plain_service(service, port) ||
      !plain_node(node, hints, port, address)) {
    return kNeedsResolver;
  }
  OwnedAddrinfo list;
  // Without a type the system returns an entry for raw sockets too.
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW}) {
    if (hints.ai_socktype != 0 && hints.ai_socktype != type) continue;
    if (const int error = append_entry(list, address, type, hints.ai_flags)) return error;
  }
  answer = std::move(list);
  return 0;
}

// Applies the flags that the system lacks to hints, and clears them.
int emulate_flags(const char *service, addrinfo &hints) noexcept {
  if (!EVI_NATIVE_NUMERICSERV && (hints.ai_flags & EVUTIL_AI_NUMERICSERV)) {
    std::uint16_t port = 0;
    if (!plain_service(service, port)) return EVUTIL_EAI_NONAME;
    hints.ai_flags &= ~EVUTIL_AI_NUMERICSERV;
  }
  if (!EVI_NATIVE_ADDRCONFIG && (hints.ai_flags & EVUTIL_AI_ADDRCONFIG)) {
    restrict_to_configured_families(hints);
    hints.ai_flags &= ~EVUTIL_AI_ADDRCONFIG;
  }
  // Such systems have no IPv4-mapped addresses.
  return !EVI_NATIVE_V4MAPPED && (hints.ai_flags & kMappedFlags) ? EVUTIL_EAI_BADFLAGS : 0;
}

}  // namespace

void free_addrinfo(addrinfo *list) noexcept {
  if (list && !is_ours(*list)) {
    freeaddrinfo(list);
    return;
  }
  while (list) {
    addrinfo *after = list->ai_next;
    mm_free(list->ai_canonname);
    mm_free(list);
    list = after;
  }
}

int append_address(OwnedAddrinfo &list, const sockaddr *address, ev_socklen_t length,
                   const addrinfo &hints) noexcept {
  const int only_type = hints.ai_socktype ? hints.ai_socktype : type_of(hints.ai_protocol);
  OwnedAddrinfo made;
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const int protocol = hints.ai_protocol ? hints.ai_protocol : protocol_of(only_type ? only_type : type);
    OwnedAddrinfo entry{make_entry(address, length, only_type ? only_type : type, protocol, 0)};
    if (!entry) return EVUTIL_EAI_MEMORY;
    append_list(made, std::move(entry));
    if (only_type) break;
  }
  append_list(list, std::move(made));
  return 0;
}

void append_list(OwnedAddrinfo &list, OwnedAddrinfo other) noexcept {
  EVI_ASSERT(!list || !other || is_ours(*list) == is_ours(*other));
  if (!list) {
    list = std::move(other);
    return;
  }
  addrinfo *last = list.get();
  while (last->ai_next) last = last->ai_next;
  last->ai_next = other.release();
}

bool set_canonical_name(addrinfo &first, const char *name) noexcept {
  EVI_ASSERT(is_ours(first) && name);
  char *copy = mm_strdup(name);
  if (!copy) return false;
  mm_free(first.ai_canonname);
  first.ai_canonname = copy;
  return true;
}

// getaddrinfo() without a node reads /etc/services and, unlike getservbyname(), is thread-safe.
int parse_service(const char *service, const addrinfo &hints, std::uint16_t &port) noexcept {
  if (plain_service(service, port)) return 0;
  if (hints.ai_flags & EVUTIL_AI_NUMERICSERV) return EVUTIL_EAI_NONAME;
  addrinfo ask{};
  ask.ai_family = AF_INET;
  ask.ai_flags = EVUTIL_AI_PASSIVE;
  ask.ai_socktype = hints.ai_socktype ? hints.ai_socktype : type_of(hints.ai_protocol);
  addrinfo *found = nullptr;
  const bool is_number = service[0] == '\0' || service[0] == '-' || is_digit(trim_left(service).data()[0]);
  if (is_number || getaddrinfo(nullptr, service, &ask, &found) != 0) return EVUTIL_EAI_NONAME;
  port = address_port(found->ai_addr);
  freeaddrinfo(found);
  return 0;
}

int answer_locally(const char *node, const char *service, const addrinfo &hints, OwnedAddrinfo &answer,
                   std::uint16_t &port) noexcept {
  if (!node && !service) return EVUTIL_EAI_NONAME;
  if (hints.ai_family != AF_UNSPEC && hints.ai_family != AF_INET && hints.ai_family != AF_INET6) {
    return EVUTIL_EAI_FAMILY;
  }
  if (const int error = parse_service(service, hints, port)) return error;
  return node ? answer_numeric(node, hints, port, answer) : answer_unnamed(hints, port, answer);
}

void restrict_to_configured_families(addrinfo &hints) noexcept {
  if (!(hints.ai_flags & EVUTIL_AI_ADDRCONFIG) || hints.ai_family != AF_UNSPEC) return;
  const ConfiguredFamilies have = configured_families();
  if (have.ipv4 && !have.ipv6) hints.ai_family = AF_INET;
  if (have.ipv6 && !have.ipv4) hints.ai_family = AF_INET6;
}

int getaddrinfo_blocking(const char *node, const char *service, const addrinfo *hints,
                         addrinfo *&result) noexcept {
  result = nullptr;
  // Null hints would give the system's default flags; ours are 0.
  addrinfo asked{};
  if (hints) asked = *hints;
  OwnedAddrinfo answer;
  const int quick = answer_quickly(node, service, asked, answer);
  if (quick == 0) {
    result = answer.release();
    return 0;
  }
  if (quick != kNeedsResolver) return quick;
  if (const int error = emulate_flags(service, asked)) return error;
  const int error = getaddrinfo(node, service, &asked, &result);
  if (error) result = nullptr;
  return error;
}

const char *gai_error_text(int error) noexcept {
  switch (error) {
    case 0:
      return "No error";
    case EVUTIL_EAI_CANCEL:
      return "Request canceled";
    case EVUTIL_EAI_ADDRFAMILY:
      return "address family for nodename not supported";
    case EVUTIL_EAI_AGAIN:
      return "temporary failure in name resolution";
    case EVUTIL_EAI_BADFLAGS:
      return "invalid value for ai_flags";
    case EVUTIL_EAI_FAIL:
      return "non-recoverable failure in name resolution";
    case EVUTIL_EAI_FAMILY:
      return "ai_family not supported";
    case EVUTIL_EAI_MEMORY:
      return "memory allocation failure";
    case EVUTIL_EAI_NODATA:
      return "no address associated with nodename";
    case EVUTIL_EAI_NONAME:
      return "nodename nor servname provided, or not known";
    case EVUTIL_EAI_SERVICE:
      return "servname not supported for ai_socktype";
    case EVUTIL_EAI_SOCKTYPE:
      return "ai_socktype not supported";
    case EVUTIL_EAI_SYSTEM:
      return "system error";
    default:
      return gai_strerror(error);
  }
}

}  // namespace evi

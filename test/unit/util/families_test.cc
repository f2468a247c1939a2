// Which address families the interfaces of this host have, from lists of interfaces that the test makes up:
// the definition of getifaddrs() here takes the place of the C library's.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "util/addrinfo.h"

namespace {

struct Interface {
  const char *address;  // null: it has none
  unsigned flags = IFF_UP;
};

// What the next calls of getifaddrs() return, as long as there is one.
struct Script {
  explicit Script(std::vector<Interface> interfaces, bool fails = false) : fails(fails) {
    list.resize(interfaces.size());
    addresses.resize(interfaces.size());
    for (std::size_t i = 0; i < interfaces.size(); ++i) {
      list[i].ifa_flags = interfaces[i].flags;
      list[i].ifa_addr = interfaces[i].address ? parse(interfaces[i].address, addresses[i]) : nullptr;
      list[i].ifa_next = i + 1 < list.size() ? &list[i + 1] : nullptr;
    }
    current() = this;
  }
  Script(const Script &) = delete;
  Script &operator=(const Script &) = delete;
  ~Script() {
    current() = nullptr;
    EXPECT_EQ(given, freed);
  }

  static Script *&current() {
    static Script *script = nullptr;
    return script;
  }

  bool fails;
  int given = 0;
  int freed = 0;
  std::vector<ifaddrs> list;

 private:
  static sockaddr *parse(const char *text, sockaddr_storage &storage) {
    auto &sin = reinterpret_cast<sockaddr_in &>(storage);
    auto &sin6 = reinterpret_cast<sockaddr_in6 &>(storage);
    if (inet_pton(AF_INET, text, &sin.sin_addr) == 1) {
      sin.sin_family = AF_INET;
    } else if (inet_pton(AF_INET6, text, &sin6.sin6_addr) == 1) {
      sin6.sin6_family = AF_INET6;
    } else {
      storage.ss_family = AF_UNIX;
    }
    return reinterpret_cast<sockaddr *>(&storage);
  }

  std::vector<sockaddr_storage> addresses;
};

}  // namespace

extern "C" int getifaddrs(ifaddrs **out) noexcept {
  Script *script = Script::current();
  if (!script) return reinterpret_cast<int (*)(ifaddrs **)>(dlsym(RTLD_NEXT, "getifaddrs"))(out);
  if (script->fails) {
    errno = ENOMEM;
    return -1;
  }
  ++script->given;
  *out = script->list.data();
  return 0;
}

extern "C" void freeifaddrs(ifaddrs *all) noexcept {
  Script *script = Script::current();
  if (!script) return reinterpret_cast<void (*)(ifaddrs *)>(dlsym(RTLD_NEXT, "freeifaddrs"))(all);
  ++script->freed;
}

namespace {

std::string families(std::vector<Interface> interfaces, bool fails = false) {
  const Script script{std::move(interfaces), fails};
  const evi::ConfiguredFamilies have = evi::configured_families();
  return std::string(have.ipv4 ? "4" : "") + (have.ipv6 ? "6" : "");
}

constexpr Interface kLoopback4{"127.0.0.1", IFF_UP | IFF_LOOPBACK};
constexpr Interface kLoopback6{"::1", IFF_UP | IFF_LOOPBACK};
constexpr Interface kLinkLocal{"fe80::1"};

TEST(Families, are_those_of_addresses_that_reach_other_hosts) {
  EXPECT_EQ(families({kLoopback4, kLoopback6, {"192.0.2.1"}}), "4");
  EXPECT_EQ(families({kLoopback4, kLoopback6, {"2001:db8::1"}}), "6");
  EXPECT_EQ(families({{"192.0.2.1"}, {"2001:db8::1"}}), "46");
  EXPECT_EQ(families({{"2001:db8::1"}, {"192.0.2.1"}}), "46");
}

TEST(Families, a_link_local_address_does_not_count) {
  EXPECT_EQ(families({{"192.0.2.1"}, kLinkLocal}), "4");
  EXPECT_EQ(families({kLinkLocal, {"192.0.2.1"}}), "4");
  EXPECT_EQ(families({kLinkLocal, {"febf::1"}, {"2001:db8::1"}}), "6");
  EXPECT_EQ(families({{"192.0.2.1"}, {"fec0::1"}}), "46") << "just beyond fe80::/10";
}

TEST(Families, an_interface_that_is_down_or_has_no_address_does_not_count) {
  EXPECT_EQ(families({{"192.0.2.1"}, {"2001:db8::1", 0}}), "4");
  EXPECT_EQ(families({{"192.0.2.1", 0}, {"2001:db8::1"}}), "6");
  EXPECT_EQ(families({{nullptr}, {"a packet socket"}, {"192.0.2.1"}}), "4");
}

TEST(Families, both_are_assumed_where_none_is_known) {
  EXPECT_EQ(families({}), "46");
  EXPECT_EQ(families({kLoopback4, kLoopback6}), "46");
  EXPECT_EQ(families({kLoopback4, kLinkLocal}), "46");
  EXPECT_EQ(families({{"192.0.2.1"}}, true), "46") << "getifaddrs() fails";
}

int family_asked_for(std::vector<Interface> interfaces) {
  const Script script{std::move(interfaces)};
  addrinfo hints{};
  hints.ai_flags = EVUTIL_AI_ADDRCONFIG;
  evi::restrict_to_configured_families(hints);
  return hints.ai_family;
}

TEST(Families, restrict_an_open_question) {
  EXPECT_EQ(family_asked_for({{"192.0.2.1"}, kLinkLocal}), AF_INET);
  EXPECT_EQ(family_asked_for({kLoopback4, {"2001:db8::1"}}), AF_INET6);
  EXPECT_EQ(family_asked_for({{"192.0.2.1"}, {"2001:db8::1"}}), AF_UNSPEC);
  EXPECT_EQ(family_asked_for({kLoopback4, kLinkLocal}), AF_UNSPEC);
}

}  // namespace

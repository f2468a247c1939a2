#include "util/addrinfo.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "support/fault_alloc.h"
#include "util/address.h"

namespace {

using evi::OwnedAddrinfo;

std::string shown(const addrinfo *list) {
  std::string out;
  for (const addrinfo *each = list; each; each = each->ai_next) {
    char text[evi::kSockaddrTextRoom];
    out += evi::format_address_port(each->ai_addr, text, sizeof(text));
    out.append("/").append(std::to_string(each->ai_socktype));
    out.append("/").append(std::to_string(each->ai_protocol));
    EXPECT_EQ(each->ai_family, each->ai_addr->sa_family);
    EXPECT_EQ(each->ai_addrlen, each->ai_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    if (each->ai_canonname) out += std::string("=") + each->ai_canonname;
    if (each->ai_next) out += " ";
  }
  return out;
}

struct Hints {
  int family = 0, type = 0, protocol = 0, flags = 0;
  addrinfo get() const {
    addrinfo out{};
    out.ai_family = family;
    out.ai_socktype = type;
    out.ai_protocol = protocol;
    out.ai_flags = flags;
    return out;
  }
};

std::string blocking(const char *node, const char *service, const addrinfo *hints) {
  addrinfo *list = reinterpret_cast<addrinfo *>(1);
  const int error = evi::getaddrinfo_blocking(node, service, hints, list);
  if (error) {
    EXPECT_EQ(list, nullptr);
    return std::to_string(error);
  }
  const std::string out = shown(list);
  evi::free_addrinfo(list);
  return out;
}

std::string systems(const char *node, const char *service, const addrinfo *hints) {
  const addrinfo none{};
  addrinfo *list = nullptr;
  const int error = getaddrinfo(node, service, hints ? hints : &none, &list);
  if (error) return std::to_string(error);
  const std::string out = shown(list);
  freeaddrinfo(list);
  return out;
}

// No name is looked up: the nodes are addresses, or NUMERICHOST forbids it.
TEST(Blocking, gives_the_answer_of_the_system_for_addresses) {
  const char *nodes[] = {nullptr,  "1.2.3.4",   "::1",   "fe80::1%lo", "1.2.3",
                         "0x7f.1", "010.2.3.4", "[::1]", "",           "x"};
  const char *services[] = {nullptr, "80", "0", "65535", "65536", "http", "-1", "080", "80x", ""};
  const int families[] = {AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX, 77};
  const int types[] = {0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, 99};
  const int protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP};
  const int flags[] = {0,           AI_PASSIVE,           AI_CANONNAME, AI_NUMERICSERV,
                       AI_V4MAPPED, AI_V4MAPPED | AI_ALL, 0x40000000};
  for (const char *node : nodes) {
    for (const char *service : services) {
      for (const int family : families) {
        for (const int type : types) {
          for (const int protocol : protocols) {
            for (const int flag : flags) {
              const addrinfo hints = Hints{family, type, protocol, flag | AI_NUMERICHOST}.get();
              ASSERT_EQ(blocking(node, service, &hints), systems(node, service, &hints))
                  << (node ? node : "(null)") << ' ' << (service ? service : "(null)") << ' ' << family << ' '
                  << type << ' ' << protocol << ' ' << flag;
            }
          }
        }
      }
    }
  }
}

TEST(Blocking, gives_the_answer_of_the_system_without_hints) {
  for (const char *node : {"1.2.3.4", "::1", static_cast<const char *>(nullptr)}) {
    for (const char *service : {"80", "http", static_cast<const char *>(nullptr)}) {
      EXPECT_EQ(blocking(node, service, nullptr), systems(node, service, nullptr));
    }
  }
}

TEST(Blocking, finds_localhost) {
  const addrinfo hints = Hints{AF_INET, SOCK_STREAM}.get();
  EXPECT_EQ(blocking("localhost", "80", &hints), systems("localhost", "80", &hints));
}

TEST(Blocking, a_local_answer_reports_out_of_memory_and_leaks_nothing) {
  const long needed = test::sweep([] {
    addrinfo *list = nullptr;
    const int error = evi::getaddrinfo_blocking("1.2.3.4", "80", nullptr, list);
    if (error) {
      EXPECT_EQ(error, EVUTIL_EAI_MEMORY);
      EXPECT_EQ(list, nullptr);
    }
    evi::free_addrinfo(list);
    return error == 0;
  });
  EXPECT_EQ(needed, 3);
}

TEST(Lists, lists_of_the_library_and_of_the_system_and_null_are_freed) {
  test::FaultAlloc memory;
  evi::free_addrinfo(nullptr);
  addrinfo *systems_own = nullptr;
  ASSERT_EQ(getaddrinfo("127.0.0.1", "80", nullptr, &systems_own), 0);
  EXPECT_EQ(systems_own->ai_flags & evi::kAddrinfoOurs, 0);
  evi::free_addrinfo(systems_own);
  addrinfo *ours = nullptr;
  ASSERT_EQ(evi::getaddrinfo_blocking("127.0.0.1", "80", nullptr, ours), 0);
  EXPECT_NE(ours->ai_flags & evi::kAddrinfoOurs, 0);
  EXPECT_GT(memory.live(), 0u);
  evi::free_addrinfo(ours);
  EXPECT_EQ(memory.live(), 0u);
}

std::string appended(const Hints &hints, const char *address) {
  evi::Address parsed;
  EXPECT_TRUE(evi::parse_address_port(address, parsed));
  OwnedAddrinfo list;
  EXPECT_EQ(evi::append_address(list, parsed.get(), parsed.length, hints.get()), 0);
  return shown(list.get());
}

TEST(Lists, an_unspecified_type_yields_tcp_and_udp) {
  EXPECT_EQ(appended({}, "1.2.3.4:5"), "1.2.3.4:5/1/6 1.2.3.4:5/2/17");
  EXPECT_EQ(appended({0, SOCK_STREAM}, "1.2.3.4:5"), "1.2.3.4:5/1/6");
  EXPECT_EQ(appended({0, SOCK_DGRAM}, "[::1]:5"), "[::1]:5/2/17");
  EXPECT_EQ(appended({0, SOCK_RAW}, "1.2.3.4:5"), "1.2.3.4:5/3/0");
  EXPECT_EQ(appended({0, 0, IPPROTO_TCP}, "1.2.3.4:5"), "1.2.3.4:5/1/6");
  EXPECT_EQ(appended({0, 0, IPPROTO_UDP}, "1.2.3.4:5"), "1.2.3.4:5/2/17");
  EXPECT_EQ(appended({0, SOCK_STREAM, IPPROTO_UDP}, "1.2.3.4:5"), "1.2.3.4:5/1/17");
}

TEST(Lists, appending_reports_out_of_memory_and_changes_nothing) {
  evi::Address address;
  ASSERT_TRUE(evi::parse_address_port("1.2.3.4:5", address));
  test::sweep([&] {
    OwnedAddrinfo list;
    const addrinfo hints{};
    for (int count = 1; count <= 2; ++count) {
      const std::string before = shown(list.get());
      const int error = evi::append_address(list, address.get(), address.length, hints);
      if (error) {
        EXPECT_EQ(error, EVUTIL_EAI_MEMORY);
        EXPECT_EQ(shown(list.get()), before);
        return false;
      }
    }
    return evi::set_canonical_name(*list, "name");
  });
}

TEST(Lists, lists_are_appended_in_order) {
  OwnedAddrinfo a;
  OwnedAddrinfo b;
  evi::Address address;
  ASSERT_TRUE(evi::parse_address_port("1.1.1.1:1", address));
  ASSERT_EQ(evi::append_address(a, address.get(), address.length, Hints{0, SOCK_STREAM}.get()), 0);
  ASSERT_TRUE(evi::parse_address_port("2.2.2.2:2", address));
  ASSERT_EQ(evi::append_address(b, address.get(), address.length, Hints{0, SOCK_STREAM}.get()), 0);
  OwnedAddrinfo all;
  evi::append_list(all, std::move(a));
  evi::append_list(all, std::move(b));
  evi::append_list(all, nullptr);
  EXPECT_EQ(shown(all.get()), "1.1.1.1:1/1/6 2.2.2.2:2/1/6");
}

TEST(Lists, the_canonical_name_is_a_copy_and_can_be_set_again) {
  test::FaultAlloc memory;
  evi::Address address;
  ASSERT_TRUE(evi::parse_address_port("1.2.3.4", address));
  OwnedAddrinfo list;
  ASSERT_EQ(evi::append_address(list, address.get(), address.length, Hints{0, SOCK_STREAM}.get()), 0);
  char name[] = "first";
  EXPECT_TRUE(evi::set_canonical_name(*list, name));
  name[0] = 'x';
  EXPECT_STREQ(list->ai_canonname, "first");
  EXPECT_TRUE(evi::set_canonical_name(*list, "second"));
  EXPECT_STREQ(list->ai_canonname, "second");
  list.reset();
  EXPECT_EQ(memory.live(), 0u);
}

std::string locally(const char *node, const char *service, const Hints &hints) {
  OwnedAddrinfo answer;
  std::uint16_t port = 0;
  const int error = evi::answer_locally(node, service, hints.get(), answer, port);
  if (error == evi::kNeedsResolver) return "look up, port " + std::to_string(port);
  if (error == 0) return shown(answer.get());
  EXPECT_EQ(answer, nullptr);
  return evi::gai_error_text(error);
}

constexpr int kStream = SOCK_STREAM;
const std::string kNoName = "nodename nor servname provided, or not known";

const struct {
  const char *node, *service;
  Hints hints;
  std::string want;
} local_cases[] = {
    {"1.2.3.4", "80", {}, "1.2.3.4:80/1/6 1.2.3.4:80/2/17"},
    {"1.2.3.4", "80", {0, kStream}, "1.2.3.4:80/1/6"},
    {"1.2.3.4", nullptr, {0, kStream}, "1.2.3.4/1/6"},
    {"01.2.3.4", "80", {0, kStream}, "1.2.3.4:80/1/6"},
    {"::1", "80", {0, kStream}, "[::1]:80/1/6"},
    {"fe80::1%1", "80", {0, kStream}, "[fe80::1%1]:80/1/6"},
    {nullptr, "80", {0, kStream}, "127.0.0.1:80/1/6 [::1]:80/1/6"},
    {nullptr, "80", {0, kStream, 0, EVUTIL_AI_PASSIVE}, "0.0.0.0:80/1/6 [::]:80/1/6"},
    {nullptr, "80", {AF_INET6, kStream}, "[::1]:80/1/6"},
    {nullptr, "80", {AF_INET, kStream, 0, EVUTIL_AI_PASSIVE}, "0.0.0.0:80/1/6"},
    {nullptr, nullptr, {}, kNoName},
    {"1.2.3.4", "80", {AF_INET6, kStream}, "address family for nodename not supported"},
    {"::1", "80", {AF_INET, kStream}, "address family for nodename not supported"},
    {"1.2.3.4", "80", {AF_INET6, kStream, 0, EVUTIL_AI_V4MAPPED}, "[::ffff:1.2.3.4]:80/1/6"},
    {"1.2.3.4", "80", {0, kStream, 0, EVUTIL_AI_CANONNAME}, "1.2.3.4:80/1/6=1.2.3.4"},
    {"1.2.3.4", "80", {0, kStream, 0, EVUTIL_AI_ADDRCONFIG}, "1.2.3.4:80/1/6"},
    {"www.example", "80", {0, kStream}, "look up, port 80"},
    {"www.example", nullptr, {0, kStream}, "look up, port 0"},
    {"www.example", "80", {0, kStream, 0, EVUTIL_AI_NUMERICHOST}, kNoName},
    {"1.2.3", "80", {0, kStream}, "look up, port 80"},
    {"", "80", {0, kStream}, "look up, port 80"},
    {"www.example", "65535", {0, kStream}, "look up, port 65535"},
    {"www.example", "65536", {0, kStream}, kNoName},
    {"www.example", "-1", {0, kStream}, kNoName},
    {"www.example", "80x", {0, kStream}, kNoName},
    {"www.example", " 80", {0, kStream}, kNoName},
    {"www.example", "", {0, kStream}, kNoName},
    {"www.example", "no-such-service", {0, kStream}, kNoName},
    {"www.example", "http", {0, kStream, 0, EVUTIL_AI_NUMERICSERV}, kNoName},
    {"1.2.3.4", "80", {AF_UNIX, kStream}, "ai_family not supported"},
    {"1.2.3.4", "80", {77, kStream}, "ai_family not supported"},
};

TEST(Local, answers_queries_that_need_no_resolver) {
  for (const auto &c : local_cases) {
    EXPECT_EQ(locally(c.node, c.service, c.hints), c.want)
        << (c.node ? c.node : "(null)") << ' ' << (c.service ? c.service : "(null)");
  }
}

TEST(Local, resolves_services_by_name) {
  if (access("/etc/services", R_OK) != 0) GTEST_SKIP() << "no list of services here";
  EXPECT_EQ(locally("1.2.3.4", "http", {0, kStream}), "1.2.3.4:80/1/6");
  EXPECT_EQ(locally("www.example", "domain", {0, SOCK_DGRAM}), "look up, port 53");
}

TEST(Local, reports_out_of_memory_and_leaks_nothing) {
  for (const char *node : {"1.2.3.4", static_cast<const char *>(nullptr)}) {
    test::sweep([&] {
      OwnedAddrinfo answer;
      std::uint16_t port = 0;
      const int error =
          evi::answer_locally(node, "80", Hints{0, 0, 0, EVUTIL_AI_CANONNAME}.get(), answer, port);
      if (error) {
        EXPECT_EQ(error, EVUTIL_EAI_MEMORY);
        EXPECT_EQ(answer, nullptr);
      }
      return error == 0;
    });
  }
}

TEST(AddrConfig, restricts_only_an_unspecified_family_and_only_if_requested) {
  addrinfo hints = Hints{}.get();
  evi::restrict_to_configured_families(hints);
  EXPECT_EQ(hints.ai_family, AF_UNSPEC);
  hints = Hints{AF_INET6, 0, 0, EVUTIL_AI_ADDRCONFIG}.get();
  evi::restrict_to_configured_families(hints);
  EXPECT_EQ(hints.ai_family, AF_INET6);
  hints = Hints{AF_UNSPEC, 0, 0, EVUTIL_AI_ADDRCONFIG}.get();
  evi::restrict_to_configured_families(hints);
  const evi::ConfiguredFamilies have = evi::configured_families();
  EXPECT_TRUE(have.ipv4 || have.ipv6);
  EXPECT_EQ(hints.ai_family, have.ipv4 && have.ipv6 ? AF_UNSPEC : have.ipv4 ? AF_INET : AF_INET6);
}

TEST(Errors, have_distinct_texts) {
  std::set<std::string> texts;
  const int errors[] = {0,
                        EVUTIL_EAI_ADDRFAMILY,
                        EVUTIL_EAI_AGAIN,
                        EVUTIL_EAI_BADFLAGS,
                        EVUTIL_EAI_FAIL,
                        EVUTIL_EAI_FAMILY,
                        EVUTIL_EAI_MEMORY,
                        EVUTIL_EAI_NODATA,
                        EVUTIL_EAI_NONAME,
                        EVUTIL_EAI_SERVICE,
                        EVUTIL_EAI_SOCKTYPE,
                        EVUTIL_EAI_SYSTEM,
                        EVUTIL_EAI_CANCEL,
                        12345};
  for (const int error : errors) texts.insert(evi::gai_error_text(error));
  EXPECT_EQ(texts.size(), std::size(errors));
}

}  // namespace

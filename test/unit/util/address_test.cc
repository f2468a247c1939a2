#include "util/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "support/guard_page.h"

namespace {

using evi::Address;

std::string shown(const Address &address) {
  char text[evi::kSockaddrTextRoom];
  std::string out = evi::format_address_port(address.get(), text, sizeof(text));
  const ev_socklen_t want = address.get()->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (address.length != want) out += " (wrong length)";
  return out;
}

// Returns the parsed address, with the input ending at an unmapped page; "bad" leaves the output unchanged.
std::string parsed(std::string_view text) {
  static test::GuardedArea area{1024};
  Address out;
  std::memset(static_cast<void *>(&out), 0xaa, sizeof(out));
  Address untouched = out;
  if (evi::parse_address_port(area.put(text), out)) return shown(out);
  return std::memcmp(&out, &untouched, sizeof(out)) == 0 ? "bad" : "bad, but written";
}

struct Case {
  const char *in;
  const char *want;
};

// The results are libevent 2.1.12's for the same texts.
constexpr Case as_libevent[] = {
    {"1.2.3.4", "1.2.3.4"},
    {"1.2.3.4:80", "1.2.3.4:80"},
    {"1.2.3.4:1", "1.2.3.4:1"},
    {"1.2.3.4:0", "bad"},
    {"1.2.3.4:65535", "1.2.3.4:65535"},
    {"1.2.3.4:65536", "bad"},
    {"1.2.3.4:-1", "bad"},
    {"1.2.3.4:", "bad"},
    {"1.2.3.4: 80", "1.2.3.4:80"},
    {"1.2.3.4:80 ", "1.2.3.4:80"},
    {"1.2.3.4:080", "1.2.3.4:80"},
    {"1.2.3.4:00000000000000000000000000000000000000000080", "1.2.3.4:80"},
    {"1.2.3.4:0x50", "bad"},
    {"1.2.3.4:99999999999999999999", "bad"},
    {"1.2.3.4:18446744073709551696", "bad"},
    {"1.2.3.4:80:90", "bad"},
    {"1.2.3", "bad"},
    {"1.2.3.256", "bad"},
    {"1.2.3.4.5", "bad"},
    {"1..2.3", "bad"},
    {"01.2.3.4", "1.2.3.4"},
    {"001.002.003.004", "1.2.3.4"},
    {" 1.2.3.4", "1.2.3.4"},
    {"1.2.3.4 ", "bad"},
    {"1.2.3.4%lo", "bad"},
    {"127.1", "bad"},
    {"0x7f.1", "bad"},
    {"", "bad"},
    {"foo", "bad"},
    {"foo:80", "bad"},
    {":80", "bad"},
    {":", "bad"},
    {"::", "::"},
    {"::1", "::1"},
    {" ::1", "bad"},
    {"::1:80", "::0.1.0.128"},
    {"::g", "bad"},
    {":::", "bad"},
    {"1::2::3", "bad"},
    {"12345::", "bad"},
    {"::12345", "bad"},
    {"00000::1", "bad"},
    {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
    {"1:2:3:4:5:6:7:8:9", "bad"},
    {"1:2:3:4:5:6:7", "bad"},
    {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
    {"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
    {"0000:0000:0000:0000:0000:ffff:255.255.255.255", "::ffff:255.255.255.255"},
    {"fe80::1%1", "fe80::1%1"},
    {"fe80::1%01", "fe80::1%1"},
    {"fe80::1%", "fe80::1"},
    {"fe80::1%4294967295", "fe80::1%4294967295"},
    {"fe80::1%no-such-if", "bad"},
    {"fe80::1%1x", "bad"},
    {"fe80::1%lo%lo", "bad"},
    {"[::1]", "::1"},
    {"[::1] ", "::1"},
    {"[::1]:80", "[::1]:80"},
    {"[::1]:0", "bad"},
    {"[::1]:65535", "[::1]:65535"},
    {"[::1]:65536", "bad"},
    {"[::1]:", "bad"},
    {"[fe80::1%1]:80", "[fe80::1%1]:80"},
    {"[0000:0000:0000:0000:0000:ffff:255.255.255.255]:65535", "[::ffff:255.255.255.255]:65535"},
    {"[::1", "bad"},
    {"::1]", "bad"},
    {"[]", "bad"},
    {"[]:80", "bad"},
    {"[::1]::80", "bad"},
    {"[[::1]]:80", "bad"},
    {"[1.2.3.4]", "bad"},
    {"[1.2.3.4]:80", "bad"},
    {"[", "bad"},
    {"]", "bad"},
    {"[:", "bad"},
    {"x[::1]:80", "bad"},
};

TEST(AddressPort, accepts_the_addresses_libevent_accepts) {
  for (const Case &c : as_libevent) EXPECT_EQ(parsed(c.in), c.want) << '"' << c.in << '"';
}

// libevent ignores trailing junk and lets numbers wrap; that is an error here.
constexpr Case stricter[] = {
    {"1.2.3.4:80x", "bad"},
    {"1.2.3.4:+80", "bad"},
    {"1.2.3.4:8 0", "bad"},
    {"1.2.3.4:4294967376", "bad"},
    {"[::1]x", "bad"},
    {"[::1]80", "bad"},
    {"[::1] :80", "bad"},
    {"[::1]x:80", "bad"},
    {"[::1]:80:90", "bad"},
    {"[::1]:4294967376", "bad"},
    {"1.2.3.+4", "bad"},
    {"1.2.3. 4", "bad"},
    {"::0x1", "bad"},
    {"1:2:3:4:5:6:7:8:", "bad"},
    {"fe80::1%-1", "bad"},
    {"fe80::1%+1", "bad"},
    {"fe80::1% 1", "bad"},
    {"fe80::1%4294967296", "bad"},
    {"fe80::1%99999999999999999999", "bad"},
};

TEST(AddressPort, rejects_addresses_libevent_misparses) {
  for (const Case &c : stricter) EXPECT_EQ(parsed(c.in), c.want) << '"' << c.in << '"';
}

// CVE-2016-10196: an address part of more than 128 bytes overran a buffer on the stack.
TEST(AddressPort, cve_2016_10196_long_parts_are_rejected_at_every_length) {
  for (std::size_t length = 1; length <= 300; ++length) {
    const std::string ones(length, '1');
    const std::string zeros(length, '0');
    SCOPED_TRACE(length);
    EXPECT_EQ(parsed(std::string("[").append(ones).append("]:80")), "bad");
    EXPECT_EQ(parsed(std::string("[").append(ones)), "bad");
    EXPECT_EQ(parsed(ones + ":80"), "bad");
    EXPECT_EQ(parsed(ones), "bad");
    EXPECT_EQ(parsed(std::string("[::1%x").append(ones).append("]:80")), "bad");
    const std::string colons = std::string("[").append(length, ':').append("]:80");
    EXPECT_EQ(parsed(colons), length == 2 ? "[::]:80" : "bad");
    const bool octet_is_short = length < evi::kMaxOctetDigits;
    EXPECT_EQ(parsed(std::string("1.2.3.").append(zeros).append("4")), octet_is_short ? "1.2.3.4" : "bad");
    EXPECT_EQ(parsed(std::string("::").append(zeros).append("1")), length < 4 ? "::1" : "bad");
  }
}

TEST(AddressPort, every_prefix_of_a_long_address_is_rejected_safely) {
  const std::string whole = "[0123:4567:89ab:cdef:0123:4567:255.255.255.255%4294967295]:65535";
  for (std::size_t length = 0; length < whole.size() - 6; ++length) {
    EXPECT_EQ(parsed(whole.substr(0, length)), "bad") << length;
  }
  EXPECT_NE(parsed(whole), "bad");
}

TEST(AddressPort, an_embedded_nul_is_rejected) {
  EXPECT_EQ(parsed(std::string_view("1.2.3.4\0:80", 11)), "bad");
  EXPECT_EQ(parsed(std::string_view("::1\0", 4)), "bad");
}

TEST(AddressPort, random_texts_are_rejected_or_survive_a_round_trip) {
  std::mt19937 random{1};
  constexpr std::string_view alphabet = "0123456789abcdefg.:[]% xF";
  int good = 0;
  for (int i = 0; i < 50000; ++i) {
    std::string text(random() % 20, '\0');
    for (char &c : text) c = alphabet[random() % alphabet.size()];
    const std::string first = parsed(text);
    if (first == "bad") continue;
    ++good;
    ASSERT_EQ(parsed(first), first) << text;
  }
  EXPECT_GT(good, 10);
}

TEST(Zone, is_an_index_or_an_interface_name) {
  const unsigned index = if_nametoindex("lo");
  std::uint32_t scope = 0;
  if (index) {
    EXPECT_TRUE(evi::parse_zone("lo", scope));
    EXPECT_EQ(scope, index);
  }
  EXPECT_TRUE(evi::parse_zone("7", scope));
  EXPECT_EQ(scope, 7u);
  const std::string longest(evi::kMaxZoneText, 'q');
  EXPECT_FALSE(evi::parse_zone(longest, scope));
  EXPECT_FALSE(evi::parse_zone(longest + "q", scope));
  EXPECT_FALSE(evi::parse_zone("", scope));
  EXPECT_EQ(scope, 7u);
#ifndef _WIN32
  static_assert(evi::kMaxZoneText == IF_NAMESIZE - 1);
#endif
}

// The C library is the model for everything but leading zeros, which it refuses in IPv4 addresses.
bool libc_reads(int family, const std::string &text, void *out) {
  return inet_pton(family, text.c_str(), out) == 1;
}

TEST(Binary, random_texts_are_parsed_as_by_the_c_library) {
  std::mt19937 random{2};
  constexpr std::string_view alphabet = "0123456789abcdefABCDEFg:::::::....% ";
  test::GuardedArea area{24};
  for (int i = 0; i < 100000; ++i) {
    std::string text(random() % 24, '\0');
    for (char &c : text) c = alphabet[random() % alphabet.size()];
    in6_addr want{};
    in6_addr got{};
    const bool ours = evi::inet_text_to_binary(AF_INET6, area.put(text), &got) == 1;
    ASSERT_EQ(ours, libc_reads(AF_INET6, text, &want)) << text;
    ASSERT_EQ(std::memcmp(&got, &want, sizeof(got)), 0) << text;
  }
}

std::string mutated(std::string text, std::mt19937 &random) {
  constexpr std::string_view alphabet = "0123456789abcdefABCDEFg:. ";
  for (unsigned edits = random() % 3; edits > 0 && !text.empty(); --edits) {
    const std::size_t at = random() % text.size();
    const char c = alphabet[random() % alphabet.size()];
    switch (random() % 3) {
      case 0:
        text[at] = c;
        break;
      case 1:
        text.insert(at, 1, c);
        break;
      default:
        text.erase(at, 1);
    }
  }
  return text;
}

in6_addr random_ipv6(std::mt19937 &random) {
  in6_addr address{};
  for (int group = 0; group < 8; ++group) {
    if (random() % 2) continue;
    address.s6_addr[2 * group] = static_cast<std::uint8_t>(random() % 3 ? 0 : random());
    address.s6_addr[2 * group + 1] = static_cast<std::uint8_t>(random());
  }
  if (random() % 4 == 0) std::memset(&address, 0, 10);
  if (random() % 4 == 0) address.s6_addr[10] = address.s6_addr[11] = 0xff;
  return address;
}

TEST(Binary, random_ipv6_addresses_are_formatted_and_parsed_as_by_the_c_library) {
  std::mt19937 random{3};
  for (int i = 0; i < 50000; ++i) {
    const in6_addr address = random_ipv6(random);
    char want[INET6_ADDRSTRLEN];
    char got[evi::kIpv6TextRoom];
    ASSERT_NE(inet_ntop(AF_INET6, &address, want, sizeof(want)), nullptr);
    ASSERT_EQ(evi::inet_binary_to_text(AF_INET6, &address, got, sizeof(got)), got);
    ASSERT_STREQ(got, want);
    in6_addr back{};
    ASSERT_EQ(evi::inet_text_to_binary(AF_INET6, got, &back), 1) << got;
    ASSERT_EQ(std::memcmp(&back, &address, sizeof(back)), 0) << got;
    const std::string nearly = mutated(want, random);
    in6_addr ours{};
    in6_addr theirs{};
    const bool read = evi::inet_text_to_binary(AF_INET6, nearly, &ours) == 1;
    // As in IPv4 addresses, leading zeros in the dotted end are ours alone to read.
    if (read != libc_reads(AF_INET6, nearly, &theirs)) {
      ASSERT_TRUE(read && nearly.find('.') != std::string::npos) << nearly;
    } else {
      ASSERT_EQ(std::memcmp(&ours, &theirs, sizeof(ours)), 0) << nearly;
    }
  }
}

TEST(Binary, random_ipv4_addresses_are_formatted_and_parsed_as_by_the_c_library) {
  std::mt19937 random{4};
  for (int i = 0; i < 30000; ++i) {
    in_addr address{};
    address.s_addr = static_cast<in_addr_t>(random());
    if (random() % 2) address.s_addr &= htonl(0x0f0f0f0f);
    char want[INET_ADDRSTRLEN];
    char got[evi::kIpv4TextRoom];
    ASSERT_NE(inet_ntop(AF_INET, &address, want, sizeof(want)), nullptr);
    ASSERT_EQ(evi::inet_binary_to_text(AF_INET, &address, got, sizeof(got)), got);
    ASSERT_STREQ(got, want);
    const std::string nearly = mutated(want, random);
    in_addr ours{};
    in_addr theirs{};
    const bool read = evi::inet_text_to_binary(AF_INET, nearly, &ours) == 1;
    if (!libc_reads(AF_INET, nearly, &theirs)) {
      ASSERT_TRUE(!read || nearly.find('0') != std::string::npos) << nearly;
    } else {
      ASSERT_TRUE(read) << nearly;
      ASSERT_EQ(ours.s_addr, theirs.s_addr) << nearly;
    }
  }
}

TEST(Binary, other_families_are_an_error) {
  char out[64];
  EXPECT_EQ(evi::inet_text_to_binary(AF_UNIX, "1.2.3.4", out), -1);
  EXPECT_EQ(evi::inet_binary_to_text(AF_UNIX, "\1\2\3\4", out, sizeof(out)), nullptr);
}

TEST(Binary, output_needs_space_for_its_nul) {
  const struct {
    int family;
    const char *text;
  } texts[] = {{AF_INET, "1.2.3.4"},
               {AF_INET, "255.255.255.255"},
               {AF_INET6, "::"},
               {AF_INET6, "::ffff:1.2.3.4"},
               {AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}};
  for (const auto &each : texts) {
    in6_addr binary;
    ASSERT_EQ(evi::inet_text_to_binary(each.family, each.text, &binary), 1);
    const std::size_t length = std::strlen(each.text);
    for (std::size_t room = 0; room <= length; ++room) {
      test::GuardedBytes out{std::string(room, '#')};
      EXPECT_EQ(evi::inet_binary_to_text(each.family, &binary, out.data(), room), nullptr);
      EXPECT_EQ(out.view(), std::string(room, '#'));
    }
    test::GuardedBytes out{std::string(length + 1, '#')};
    EXPECT_EQ(evi::inet_binary_to_text(each.family, &binary, out.data(), length + 1), out.data());
    EXPECT_STREQ(out.data(), each.text);
  }
}

Address address_of(const char *text) {
  Address out{};
  EXPECT_TRUE(evi::parse_address_port(text, out)) << text;
  return out;
}

sockaddr_un unix_address(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path)));
  return address;
}

// In the order that compare_addresses gives them.
TEST(Compare, is_a_total_order) {
  std::vector<Address> sorted;
  for (const char *path : {"/a", "/b"}) {
    const sockaddr_un address = unix_address(path);
    Address copy{{}, sizeof(address)};
    std::memcpy(&copy.storage, &address, sizeof(address));
    sorted.push_back(copy);
  }
  for (const char *text :
       {"0.0.0.0", "1.2.3.4", "1.2.3.4:5", "1.2.3.4:6", "1.2.3.5:1", "127.0.0.1:65535", "200.1.1.1",
        "255.255.255.255", "::", "[::1]:3", "[::1]:256", "[::2]:1", "[fe80::1]:2", "[ffff::1]:1"}) {
    sorted.push_back(address_of(text));
  }
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      const int got = evi::compare_addresses(sorted[i].get(), sorted[j].get(), true);
      EXPECT_EQ(got < 0, i < j) << i << ' ' << j;
      EXPECT_EQ(got == 0, i == j) << i << ' ' << j;
    }
  }
}

TEST(Compare, ports_are_compared_only_if_requested_and_zones_never) {
  const Address a = address_of("1.2.3.4:5");
  const Address b = address_of("1.2.3.4:6");
  EXPECT_EQ(evi::compare_addresses(a.get(), b.get(), false), 0);
  EXPECT_LT(evi::compare_addresses(a.get(), b.get(), true), 0);
  const Address c = address_of("[fe80::1%1]:2");
  const Address d = address_of("[fe80::1%2]:2");
  EXPECT_EQ(evi::compare_addresses(c.get(), d.get(), true), 0);
}

TEST(Format, truncates_at_the_size_of_the_output) {
  const Address address = address_of("[1:2:3:4:5:6:7:8]:65535");
  const std::string whole = shown(address);
  for (std::size_t room = 0; room <= whole.size() + 1; ++room) {
    test::GuardedBytes out{std::string(room, '#')};
    EXPECT_EQ(evi::format_address_port(address.get(), out.data(), room), out.data());
    if (room == 0) continue;
    EXPECT_EQ(std::string(out.data()), whole.substr(0, room - 1));
  }
}

TEST(Format, the_longest_address_fits) {
  const Address address = address_of("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
  EXPECT_EQ(shown(address), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}

TEST(Format, formats_other_families_by_their_number) {
  const sockaddr_un address = unix_address("/tmp/x");
  char text[64];
  evi::format_address_port(reinterpret_cast<const sockaddr *>(&address), text, sizeof(text));
  EXPECT_STREQ(text, "<address of family 1>");
}

std::string path_of(const sockaddr_un &address, std::size_t path_bytes) {
  const std::size_t length = offsetof(sockaddr_un, sun_path) + path_bytes;
  const test::GuardedBytes guarded{
      {reinterpret_cast<const char *>(&address), std::min(length, sizeof(address))}};
  return std::string(
      evi::unix_path(reinterpret_cast<const sockaddr *>(guarded.data()), static_cast<ev_socklen_t>(length)));
}

// CVE-2026-63388 was caused by trusting these lengths.
TEST(UnixPath, never_exceeds_the_length_or_the_struct) {
  constexpr std::size_t room = sizeof(sockaddr_un::sun_path);
  const sockaddr_un named = unix_address("/tmp/socket");
  EXPECT_EQ(path_of(named, 12), "/tmp/socket");
  EXPECT_EQ(path_of(named, 11), "/tmp/socket");
  EXPECT_EQ(path_of(named, 4), "/tmp");
  EXPECT_EQ(path_of(named, 0), "");
  EXPECT_EQ(path_of(named, room), "/tmp/socket");
  const sockaddr_un full = unix_address(std::string(room, 'x'));
  EXPECT_EQ(path_of(full, room), std::string(room, 'x'));
  EXPECT_EQ(path_of(full, room + 1), std::string(room, 'x'));
  const sockaddr_un abstract = unix_address(std::string_view("\0name", 5));
  EXPECT_EQ(path_of(abstract, 5), "name");
  EXPECT_EQ(path_of(abstract, 1), "");
}

TEST(UnixPath, is_empty_for_other_families_and_zero_length) {
  const Address address = address_of("1.2.3.4:5");
  EXPECT_EQ(evi::unix_path(address.get(), address.length), "");
  EXPECT_EQ(evi::unix_path(address.get(), 0), "");
}

TEST(Port, is_read_and_set_for_both_families) {
  for (const char *text : {"1.2.3.4:5", "[::1]:5"}) {
    Address address = address_of(text);
    EXPECT_EQ(evi::address_port(address.get()), 5);
    evi::set_address_port(address.get(), 65535);
    EXPECT_EQ(evi::address_port(address.get()), 65535);
  }
  sockaddr_un path = unix_address("/tmp/x");
  evi::set_address_port(reinterpret_cast<sockaddr *>(&path), 80);
  EXPECT_EQ(evi::address_port(reinterpret_cast<sockaddr *>(&path)), 0);
  EXPECT_STREQ(path.sun_path, "/tmp/x");
}

TEST(Loopback, includes_the_whole_network_and_mapped_addresses) {
  for (const char *yes : {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(evi::is_loopback(address_of(yes).get())) << yes;
  }
  for (const char *no : {"126.255.255.255", "128.0.0.0", "0.0.0.0", "::", "::2", "::ffff:1.2.3.4"}) {
    EXPECT_FALSE(evi::is_loopback(address_of(no).get())) << no;
  }
  const sockaddr_un path = unix_address("/tmp/x");
  EXPECT_FALSE(evi::is_loopback(reinterpret_cast<const sockaddr *>(&path)));
}

}  // namespace

// Tests of the pure parsers: request lines, fields, lists, framing, chunk lines, patterns of hosts.
#include "http/request_head.h"

#include <gtest/gtest.h>

#include <string>

#include "http/field.h"
#include "http/framing.h"
#include "http/headers.h"
#include "http/limits.h"
#include "http/method.h"
#include "http/route.h"
#include "http/status.h"

namespace {

using namespace evi;
using namespace std::string_view_literals;

TEST(RequestLine, TakenApart) {
  RequestLine line;
  ASSERT_TRUE(parse_request_line("GET /a b HTTP/1.0 ", line));
  EXPECT_EQ(line.method, "GET");
  EXPECT_EQ(line.target, "/a b");
  EXPECT_EQ(line.minor, 0);
  for (const auto bad : {""sv, "GET"sv, "GET /"sv, "GET HTTP/1.1"sv, "GET  HTTP/1.1"sv, "G(T / HTTP/1.1"sv,
                         "GET / HTTP/1."sv, "GET / HTTP/1.11"sv, "GET / HTTP/0.9"sv, "GET /\0 HTTP/1.1"sv,
                         "GET /\x7f HTTP/1.1"sv, " / HTTP/1.1"sv}) {
    EXPECT_FALSE(parse_request_line(bad, line)) << bad;
  }
}

TEST(Field, EachByteInNameAndValue) {
  Field field;
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    const std::string name = std::string("a") + byte + ": v", value = std::string("a: v") + byte + "w";
    const bool token = byte == ':' || is_token({&byte, 1});
    EXPECT_EQ(parse_field(name, field), token) << c;
    EXPECT_EQ(parse_field(value, field), c == '\t' || (c >= 32 && c != 127)) << c;
  }
  ASSERT_TRUE(parse_field("Name:\t a  b \t", field));
  EXPECT_EQ(field.name, "Name");
  EXPECT_EQ(field.value, "a  b");
}

TEST(List, Elements) {
  EXPECT_TRUE(list_has("close", "close"));
  EXPECT_TRUE(list_has("a ,\tCLOSE ", "close"));
  EXPECT_FALSE(list_has("closed, not close", "close"));
  EXPECT_FALSE(list_has("", "close"));
}

Framing framing_of(std::initializer_list<std::pair<const char *, const char *>> fields) {
  evkeyvalq list;
  headers_init(list);
  for (const auto &[name, value] : fields) EXPECT_TRUE(headers_append(list, name, value));
  const Framing framing = request_framing(list);
  headers_clear(list);
  return framing;
}

TEST(Framing, Kinds) {
  EXPECT_EQ(framing_of({}).kind, Framing::Kind::none);
  EXPECT_EQ(framing_of({{"content-LENGTH", "003"}}).bytes, 3u);
  EXPECT_EQ(framing_of({{"Content-Length", "9223372036854775807"}}).kind, Framing::Kind::length);
  EXPECT_EQ(framing_of({{"Transfer-Encoding", "CHUNKED"}}).kind, Framing::Kind::chunked);
  EXPECT_EQ(framing_of({{"Transfer-Encoding", "gzip, chunked;a=b"}}).kind, Framing::Kind::chunked);
  EXPECT_EQ(framing_of({{"Transfer-Encoding", "gzip"}, {"Transfer-Encoding", "chunked"}}).kind,
            Framing::Kind::chunked);
  EXPECT_EQ(framing_of({{"Transfer-Encoding", "chunked, gzip"}}).kind, Framing::Kind::bad);
  EXPECT_EQ(framing_of({{"Transfer-Encoding", "\"chunked\""}}).kind, Framing::Kind::bad);
  EXPECT_EQ(framing_of({{"Content-Length", "1"}, {"Content-Length", "1"}}).kind, Framing::Kind::bad);
  EXPECT_EQ(framing_of({{"Content-Length", " 1"}}).kind, Framing::Kind::bad);
}

TEST(ChunkLines, SizesAndExtensions) {
  std::uint64_t size = 0;
  EXPECT_TRUE(ChunkLines().parse("aB\r\n", size));
  EXPECT_EQ(size, 0xabu);
  EXPECT_TRUE(ChunkLines().parse("1;x=\"y\"\r\n", size));
  EXPECT_TRUE(ChunkLines().parse("7fffffffffffffff\r\n", size));
  for (const auto bad :
       {"\n"sv, "\r\n"sv, "1\n"sv, "1 \r\n"sv, "8000000000000000\r\n"sv, "1;\r\r\n"sv, "x\r\n"sv}) {
    EXPECT_FALSE(ChunkLines().parse(bad, size)) << bad;
  }
}

// A body of single bytes, each with an extension, costs far more than it brings.
TEST(ChunkLines, OverheadIsBounded) {
  std::uint64_t size = 0;
  ChunkLines fair, unfair;
  for (int i = 0; i < 100000; ++i) ASSERT_TRUE(fair.parse("1\r\n", size));
  const std::string line = "1;" + std::string(1000, 'x') + "\r\n";
  std::size_t accepted = 0;
  while (accepted < 100 && unfair.parse(line, size)) ++accepted;
  EXPECT_LT(accepted, 20u);
  EXPECT_GT(accepted, 10u);
}

TEST(Hosts, Patterns) {
  EXPECT_TRUE(host_matches("*.a.com", "x.A.com"));
  EXPECT_TRUE(host_matches("*.a.com", ".a.com"));
  EXPECT_FALSE(host_matches("*.a.com", "a.com"));
  EXPECT_TRUE(host_matches("sub.*", "sub.x.y"));
  EXPECT_TRUE(host_matches("*", ""));
  EXPECT_TRUE(host_matches("a*b*c", "axbxbc"));
  EXPECT_FALSE(host_matches("a*b*c", "axbxbcd"));
  EXPECT_FALSE(host_matches("", "a"));
  // Exponential in a naive matcher.
  EXPECT_FALSE(host_matches(std::string(50, '*') + std::string(50, 'a') + std::string(50, '*') + "b",
                            std::string(5000, 'a')));
}

TEST(Status, Phrases) {
  EXPECT_STREQ(reason_phrase(404), "Not Found");
  EXPECT_STREQ(reason_phrase(199), "Informational");
  EXPECT_STREQ(reason_phrase(-1), "Unknown Status Class");
  EXPECT_FALSE(status_has_body(204));
  EXPECT_TRUE(status_has_body(200));
}

}  // namespace

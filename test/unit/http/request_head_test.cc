// Tests of the parser of request lines.
#include "http/request_head.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using evi::parse_request_line;
using evi::RequestLine;
using namespace std::string_view_literals;

TEST(RequestLine, method_target_and_version_are_separated) {
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

// RFC 9112 3.2: spaces in a target are accepted, as libevent accepts them.
TEST(RequestLine, version_follows_the_last_blank) {
  RequestLine line;
  ASSERT_TRUE(parse_request_line("M a HTTP/1.1 b HTTP/1.9  ", line));
  EXPECT_EQ(line.method, "M");
  EXPECT_EQ(line.target, "a HTTP/1.1 b");
  EXPECT_EQ(line.minor, 9);
  EXPECT_FALSE(parse_request_line("GET\t/ HTTP/1.1", line));
  EXPECT_FALSE(parse_request_line("GET / http/1.1", line));
}

// Each byte in the target: what ends lines or texts is refused.
TEST(RequestLine, control_characters_are_refused) {
  RequestLine line;
  for (int c = 0; c < 256; ++c) {
    const std::string text = std::string("GET /") + static_cast<char>(c) + "x HTTP/1.1";
    EXPECT_EQ(parse_request_line(text, line), c >= 32 && c != 127) << c;
  }
}

}  // namespace

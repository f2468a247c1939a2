// Tests of percent encoding and of the escaping of HTML.
#include "http/uri_escape.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>

#include "support/fault_alloc.h"
#include "util/alloc.h"

namespace {

using evi::Plus;

std::string taken(char *text) {
  std::string copy = text ? text : "no memory";
  evi::mm_free(text);
  return copy;
}
std::string encoded(std::string_view text, bool blank_as_plus) {
  return taken(evi::uri_encode(text, blank_as_plus));
}
std::string decoded(std::string_view text, Plus plus) {
  std::size_t size = 0;
  char *const out = evi::uri_decode(text, plus, size);
  if (!out) return "no memory";
  EXPECT_EQ(out[size], '\0');
  std::string copy(out, size);
  evi::mm_free(out);
  return copy;
}

// RFC 3986 2.3.
TEST(UriEncode, unreserved_bytes_stay) {
  const std::string unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    char escaped[4];
    std::snprintf(escaped, sizeof(escaped), "%%%02X", c);
    const bool stays = unreserved.find(byte) != std::string::npos;
    EXPECT_EQ(encoded({&byte, 1}, false), stays ? std::string(1, byte) : escaped) << c;
    EXPECT_EQ(encoded({&byte, 1}, true), c == ' ' ? "+" : stays ? std::string(1, byte) : escaped) << c;
  }
  EXPECT_EQ(encoded("", false), "");
  EXPECT_EQ(encoded("a b/", true), "a+b%2F");
}

TEST(UriDecode, each_encoded_byte_is_decoded_in_either_case) {
  for (int c = 0; c < 256; ++c) {
    char upper[4], lower[4];
    std::snprintf(upper, sizeof(upper), "%%%02X", c);
    std::snprintf(lower, sizeof(lower), "%%%02x", c);
    EXPECT_EQ(decoded(upper, Plus::literal), std::string(1, static_cast<char>(c)));
    EXPECT_EQ(decoded(lower, Plus::literal), std::string(1, static_cast<char>(c)));
  }
}

TEST(UriDecode, incomplete_escapes_stay) {
  for (const char *text : {"%", "%4", "%g1", "%1g", "%%", "a%", "a%4", "%-1", "% 1"}) {
    EXPECT_EQ(decoded(text, Plus::literal), text);
  }
  EXPECT_EQ(decoded("%%41", Plus::literal), "%A");
  EXPECT_EQ(decoded("%2541", Plus::literal), "%41");
}

TEST(UriDecode, escape_that_the_end_of_the_text_divides_stays) {
  EXPECT_EQ(decoded(std::string_view("%41", 2), Plus::literal), "%4");
  EXPECT_EQ(decoded(std::string_view("a%41", 2), Plus::literal), "a%");
}

TEST(UriDecode, plus_is_a_blank_where_asked) {
  EXPECT_EQ(decoded("a+b?c+d", Plus::literal), "a+b?c+d");
  EXPECT_EQ(decoded("a+b?c+d", Plus::blank), "a b?c d");
  EXPECT_EQ(decoded("a+b?c+d?e+f", Plus::blank_in_query), "a+b?c d?e f");
  // An encoded one is neither a blank nor the beginning of a query.
  EXPECT_EQ(decoded("%2b%3f+", Plus::blank_in_query), "+?+");
  EXPECT_EQ(decoded("%2b", Plus::blank), "+");
}

// Text that is not ended by a NUL, in a block of its size, so that a sanitizer sees what is read behind it.
TEST(UriDecode, nothing_is_read_behind_the_text) {
  for (const std::string text : {"%", "%4", "a%41", "+"}) {
    const std::unique_ptr<char[]> exact(new char[text.size()]), out(new char[text.size()]);
    text.copy(exact.get(), text.size());
    EXPECT_LE(evi::uri_decode_to(out.get(), {exact.get(), text.size()}, Plus::blank), text.size());
  }
}

TEST(HtmlEscape, five_characters_are_replaced) {
  EXPECT_EQ(taken(evi::html_escape("<a href=\"x\">&'</a>")),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#039;&lt;/a&gt;");
  EXPECT_EQ(taken(evi::html_escape("")), "");
  EXPECT_EQ(taken(evi::html_escape("plain \xff")), "plain \xff");
}

TEST(UriEscape, failed_allocations_are_reported) {
  test::FaultAlloc memory;
  memory.fail_at(1, true);
  std::size_t size = 0;
  EXPECT_EQ(evi::uri_encode("a", false), nullptr);
  EXPECT_EQ(evi::uri_decode("a", Plus::literal, size), nullptr);
  EXPECT_EQ(evi::html_escape("a"), nullptr);
}

}  // namespace

// Tests of URIs: allocations, failed ones, and joining. Parsing is tested in test/api.
#include "http/uri.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

#include "support/fault_alloc.h"

namespace {

using evi::OwnedUri;

TEST(Uri, parsing_allocates_one_block) {
  const test::FaultAlloc memory;
  const OwnedUri uri{evhttp_uri::parse("http://user@host:80/path?query#fragment", 0)};
  ASSERT_TRUE(uri);
  EXPECT_EQ(memory.requests(), 1);
  EXPECT_STREQ(uri->fragment(), "fragment");
}

TEST(Uri, replaced_and_removed_parts_are_freed) {
  test::sweep([] {
    const OwnedUri uri{evhttp_uri::parse("http://user@host:80/path?query#fragment", 0)};
    if (!uri) return false;
    bool good = uri->set_host("elsewhere") && uri->set_path("/a") && uri->set_path("/b");
    good = good && uri->set_scheme("https") && uri->set_userinfo("u") && uri->set_query("q");
    good = good && uri->set_fragment("f") && uri->set_fragment(nullptr) && uri->set_unix_socket("/s");
    return good && uri->set_unix_socket(nullptr);
  });
}

TEST(Uri, failed_change_leaves_the_part_as_it_was) {
  test::FaultAlloc memory;
  const OwnedUri uri{evhttp_uri::parse("http://host/path", 0)};
  ASSERT_TRUE(uri);
  memory.fail_at(1, true);
  EXPECT_FALSE(uri->set_host("other"));
  EXPECT_FALSE(uri->set_path("/other"));
  EXPECT_STREQ(uri->host(), "host");
  EXPECT_STREQ(uri->path(), "/path");
}

// Every text of up to four of these bytes: no part may be lost or invented when what was parsed is joined.
TEST(Uri, joined_parts_of_short_texts_parse_to_the_same) {
  const std::string alphabet = "a1:/@?#[]%.v ";
  for (unsigned flags : {0u, unsigned{EVHTTP_URI_NONCONFORMANT},
                         unsigned{EVHTTP_URI_HOST_STRIP_BRACKETS | EVHTTP_URI_UNIX_SOCKET}}) {
    for (std::size_t n = 0; n < 13 * 13 * 13 * 13 * 13; ++n) {
      std::string text;
      for (std::size_t rest = n; rest > 0; rest /= 13) text += alphabet[rest % 13];
      const OwnedUri uri{evhttp_uri::parse(text, flags)};
      if (!uri) continue;
      char out[32];
      ASSERT_TRUE(uri->join(out, sizeof(out))) << text;
      const OwnedUri again{evhttp_uri::parse(out, flags)};
      ASSERT_TRUE(again) << text << " became " << out;
      char twice[32];
      ASSERT_TRUE(again->join(twice, sizeof(twice)));
      ASSERT_STREQ(out, twice);
      // An empty port loses its colon; nothing else changes.
      if (text.find("//") == std::string::npos || uri->port() < 0) {
        ASSERT_LE(std::strlen(out), text.size()) << text;
      }
    }
  }
}

// RFC 3986 3.3.
TEST(Uri, path_behind_a_unix_socket_is_empty_or_begins_with_a_slash) {
  const struct {
    const char *text;
    bool good;
  } rows[] = {{"//unix:s:", true},   {"//unix:s:/p", true},   {"//unix:s:?q", true},  {"//unix:s:#f", true},
              {"//unix:s:p", false}, {"//u@unix:s:p", false}, {"//unix:s::/p", false}};
  for (const auto &row : rows) {
    for (const unsigned more : {0u, unsigned{EVHTTP_URI_NONCONFORMANT}}) {
      const OwnedUri uri{evhttp_uri::parse(row.text, EVHTTP_URI_UNIX_SOCKET | more)};
      ASSERT_EQ(uri != nullptr, row.good) << row.text;
      char out[32];
      if (!uri) continue;
      EXPECT_TRUE(uri->join(out, sizeof(out)));
      EXPECT_STREQ(out, row.text);
      EXPECT_STREQ(uri->unix_socket(), "s");
    }
  }
}

TEST(Uri, join_needs_exactly_its_length) {
  const char text[] = "s://u@h:1/p?q#f";
  const OwnedUri uri{evhttp_uri::parse(text, 0)};
  ASSERT_TRUE(uri);
  for (std::size_t room = 0; room < sizeof(text); ++room) {
    const std::unique_ptr<char[]> out{new char[room]};
    EXPECT_FALSE(uri->join(out.get(), room)) << room;
  }
  const std::unique_ptr<char[]> out{new char[sizeof(text)]};
  EXPECT_TRUE(uri->join(out.get(), sizeof(text)));
  EXPECT_STREQ(out.get(), text);
}

}  // namespace

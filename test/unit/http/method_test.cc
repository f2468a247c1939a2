// The whole table of methods, and which characters a token may have.
#include "http/method.h"

#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <string>
#include <string_view>

namespace {

const std::map<std::string, unsigned> kMethods = {
    {"GET", EVHTTP_REQ_GET},           {"POST", EVHTTP_REQ_POST},           {"HEAD", EVHTTP_REQ_HEAD},
    {"PUT", EVHTTP_REQ_PUT},           {"DELETE", EVHTTP_REQ_DELETE},       {"OPTIONS", EVHTTP_REQ_OPTIONS},
    {"TRACE", EVHTTP_REQ_TRACE},       {"CONNECT", EVHTTP_REQ_CONNECT},     {"PATCH", EVHTTP_REQ_PATCH},
    {"PROPFIND", EVHTTP_REQ_PROPFIND}, {"PROPPATCH", EVHTTP_REQ_PROPPATCH}, {"MKCOL", EVHTTP_REQ_MKCOL},
    {"LOCK", EVHTTP_REQ_LOCK},         {"UNLOCK", EVHTTP_REQ_UNLOCK},       {"COPY", EVHTTP_REQ_COPY},
    {"MOVE", EVHTTP_REQ_MOVE},
};

TEST(Method, every_name_has_its_type) {
  unsigned all = 0;
  for (const auto &[name, type] : kMethods) {
    EXPECT_EQ(evi::method_of(name), type) << name;
    EXPECT_EQ(all & type, 0u) << name << " shares its bit with another method";
    all |= type;
  }
}

TEST(Method, names_must_match_in_length_and_case) {
  for (const auto &[name, type] : kMethods) {
    EXPECT_EQ(evi::method_of(name + "X"), 0u) << name;
    EXPECT_EQ(evi::method_of(name.substr(0, name.size() - 1)), 0u) << name;
    std::string lower = name;
    for (char &c : lower) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(evi::method_of(lower), 0u) << lower;
  }
  EXPECT_EQ(evi::method_of(""), 0u);
}

// RFC 9110 5.6.2.
TEST(Method, a_token_has_letters_digits_and_some_marks) {
  const std::string_view marks = "!#$%&'*+-.^_`|~";
  for (int c = 0; c < 256; ++c) {
    const char character = static_cast<char>(c);
    const bool wanted = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                        (c != 0 && marks.find(character) != std::string_view::npos);
    EXPECT_EQ(evi::is_token({&character, 1}), wanted) << c;
    const char inside[] = {'a', character, 'b'};
    EXPECT_EQ(evi::is_token({inside, 3}), wanted) << c;
  }
  EXPECT_FALSE(evi::is_token(""));
}

}  // namespace

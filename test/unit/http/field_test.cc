// Tests of the parsers of fields and lists.
#include "http/field.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/method.h"

namespace {

using evi::Field;
using evi::is_token;
using evi::list_has;
using evi::parse_field;

TEST(Field, each_byte_in_name_and_value_is_classified) {
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

TEST(Field, folded_nameless_and_colonless_lines_are_refused) {
  Field field;
  for (const char *line :
       {" folded", "\tfolded: x", ": value", "name", "na me: v", "name : v", "name\t: v", ""}) {
    EXPECT_FALSE(parse_field(line, field)) << line;
  }
  ASSERT_TRUE(parse_field("n:", field));
  EXPECT_EQ(field.value, "");
  ASSERT_TRUE(parse_field("n: \t ", field));
  EXPECT_EQ(field.value, "");
  ASSERT_TRUE(parse_field("n:a:b", field));
  EXPECT_EQ(field.value, "a:b");
}

TEST(FieldList, elements_are_found_in_any_case) {
  EXPECT_TRUE(list_has("close", "close"));
  EXPECT_TRUE(list_has("a ,\tCLOSE ", "close"));
  EXPECT_FALSE(list_has("closed, not close", "close"));
  EXPECT_FALSE(list_has("", "close"));
}

TEST(FieldList, elements_are_trimmed_and_may_be_empty) {
  const auto elements_of = [](std::string_view list) {
    std::vector<std::string> all;
    std::string_view element;
    while (evi::next_element(list, element)) all.emplace_back(element);
    return all;
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(elements_of("a, b\t,c d"), (List{"a", "b", "c d"}));
  EXPECT_EQ(elements_of(",a,,"), (List{"", "a", "", ""}));
  EXPECT_EQ(elements_of(""), List{""});
  EXPECT_EQ(elements_of({}), List{});
}

}  // namespace

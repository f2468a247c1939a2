// Tests of the parser of query strings.
#include "http/query.h"

#include <gtest/gtest.h>

#include <string>

#include "event2/http.h"
#include "http/headers.h"
#include "support/fault_alloc.h"

namespace {

constexpr unsigned kStrict = 0, kLenient = EVHTTP_URI_QUERY_NONCONFORMANT, kLast = EVHTTP_URI_QUERY_LAST_VAL;

// "name=value" in brackets for each parameter, or "refused".
std::string parameters(std::string_view query, unsigned flags) {
  evkeyvalq list;
  evi::headers_init(list);
  const bool parsed = evi::query_parse(query, flags, list);
  std::string text = parsed ? "" : "refused";
  for (evkeyval *entry = evi::headers_first(list); entry; entry = evi::headers_next(*entry)) {
    text += std::string("[") + entry->key + "=" + entry->value + "]";
  }
  evi::headers_clear(list);
  return text;
}

TEST(Query, parameters_are_split_and_values_decoded) {
  const struct {
    const char *query;
    unsigned flags;
    const char *want;
  } rows[] = {
      {"", kStrict, ""},
      {"a=b", kStrict, "[a=b]"},
      {"a=b&c=d", kStrict, "[a=b][c=d]"},
      {"a=b&", kStrict, "[a=b]"},
      {"a=", kStrict, "[a=]"},
      {"a=b=c", kStrict, "[a=b=c]"},
      {"a=%41+%2b%", kStrict, "[a=A +%]"},
      // Names stay encoded.
      {"%41=b", kStrict, "[%41=b]"},
      {"a", kStrict, "refused"},
      {"=b", kStrict, "refused"},
      {"a=b&&c=d", kStrict, "refused"},
      {"a=b&c", kStrict, "refused"},
      {"a", kLenient, "[a=]"},
      {"=b&a&&c=d", kLenient, "[a=][c=d]"},
      {"a=1&b=2&A=3", kStrict, "[a=1][b=2][A=3]"},
      {"a=1&b=2&A=3", kLast, "[b=2][A=3]"},
      {"a=1&a=2&a=3&b=4&b=5", kLast, "[a=3][b=5]"},
      {"a=1&b&a", kLast | kLenient, "[b=][a=]"},
      {"a=1&b", kLast, "refused"},
  };
  for (const auto &row : rows) EXPECT_EQ(parameters(row.query, row.flags), row.want) << row.query;
}

// With a scan for each parameter this would take minutes.
TEST(Query, last_values_of_100000_parameters_are_found_by_sorting) {
  std::string query;
  for (int i = 0; i < 100000; ++i) query += "k" + std::to_string(i % 1000) + "=" + std::to_string(i) + "&";
  evkeyvalq list;
  ASSERT_EQ(evhttp_parse_query_str_flags(query.c_str(), &list, EVHTTP_URI_QUERY_LAST_VAL), 0);
  std::size_t count = 0;
  for (evkeyval *entry = evi::headers_first(list); entry; entry = evi::headers_next(*entry)) ++count;
  EXPECT_EQ(count, 1000u);
  EXPECT_STREQ(evi::headers_find(list, "k7"), "99007");
  evi::headers_clear(list);
}

// The text behind an encoded NUL is not part of the value, which is a C string.
TEST(Query, value_ends_at_an_encoded_nul) { EXPECT_EQ(parameters("a=b%00c", kStrict), "[a=b]"); }

TEST(Query, each_failed_allocation_leaves_an_empty_list) {
  for (const unsigned flags : {kStrict, kLast}) {
    test::sweep([flags] {
      evkeyvalq list;
      evi::headers_init(list);
      const bool parsed = evi::query_parse("a=1&b=2&a=3", flags, list);
      EXPECT_TRUE(parsed || !evi::headers_first(list));
      evi::headers_clear(list);
      return parsed;
    });
  }
}

}  // namespace

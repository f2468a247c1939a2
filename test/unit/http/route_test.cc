// Tests of paths and their callbacks, of lists of host names, and of host patterns.
#include "http/route.h"

#include <gtest/gtest.h>

#include <string>

#include "support/fault_alloc.h"

namespace {

using evi::host_matches;
using evi::HostNames;
using evi::Routes;
using Result = evi::Routes::Result;

void first(evhttp_request *, void *) {}
void second(evhttp_request *, void *) {}
void general(evhttp_request *, void *) {}

TEST(Routes, path_is_compared_decoded) {
  Routes routes;
  int arg = 0;
  ASSERT_EQ(routes.add("/a b", first, &arg), Result::added);
  ASSERT_EQ(routes.add("/%41", second, nullptr), Result::added);
  EXPECT_EQ(routes.find("/a b").cb, first);
  EXPECT_EQ(routes.find("/a b").arg, &arg);
  EXPECT_EQ(routes.find("/%61%20b").cb, first);
  EXPECT_EQ(routes.find("/a+b").cb, nullptr);
  // Paths of the application are literal, and decoded ones are not decoded again.
  EXPECT_EQ(routes.find("/%41").cb, nullptr);
  EXPECT_EQ(routes.find("/%2541").cb, second);
}

TEST(Routes, whole_path_and_case_count) {
  Routes routes;
  ASSERT_EQ(routes.add("/path", first, nullptr), Result::added);
  for (const char *other : {"/pat", "/paths", "/Path", "/path/", "path", ""}) {
    EXPECT_EQ(routes.find(other).cb, nullptr) << other;
  }
  // A NUL that was encoded does not end the path.
  EXPECT_EQ(routes.find("/path%00").cb, nullptr);
}

TEST(Routes, other_paths_have_the_general_callback) {
  Routes routes;
  int arg = 0;
  EXPECT_EQ(routes.find("/%61").cb, nullptr);
  routes.set_general(general, &arg);
  ASSERT_EQ(routes.add("/a", first, nullptr), Result::added);
  EXPECT_EQ(routes.find("/b").cb, general);
  EXPECT_EQ(routes.find("/%62").arg, &arg);
  EXPECT_EQ(routes.find("/a").cb, first);
  EXPECT_TRUE(routes.remove("/a"));
  EXPECT_FALSE(routes.remove("/a"));
  EXPECT_EQ(routes.find("/a").cb, general);
}

TEST(Routes, second_callback_of_a_path_is_refused) {
  Routes routes;
  ASSERT_EQ(routes.add("/a", first, nullptr), Result::added);
  EXPECT_EQ(routes.add("/a", second, nullptr), Result::exists);
  EXPECT_EQ(routes.find("/a").cb, first);
  const test::FaultAlloc memory(1);
  EXPECT_EQ(routes.add("/b", second, nullptr), Result::no_memory);
  EXPECT_EQ(routes.find("/b").cb, nullptr);
}

TEST(HostNames, are_compared_in_any_case) {
  HostNames names;
  EXPECT_TRUE(names.add("Example.com"));
  EXPECT_TRUE(names.has("eXAMPLE.COM"));
  EXPECT_FALSE(names.has("example.co"));
  EXPECT_FALSE(names.has("example.com."));
  EXPECT_FALSE(names.has(""));
  // Each remove takes one of those of the same name.
  EXPECT_TRUE(names.add("example.com"));
  EXPECT_TRUE(names.remove("EXAMPLE.com"));
  EXPECT_TRUE(names.has("example.com"));
  EXPECT_TRUE(names.remove("example.com"));
  EXPECT_FALSE(names.remove("example.com"));
  const test::FaultAlloc memory(1);
  EXPECT_FALSE(names.add("other"));
}

TEST(HostPattern, star_stands_for_any_text) {
  const struct {
    const char *pattern, *name;
    bool matches;
  } rows[] = {
      {"*.a.com", "x.A.com", true},
      {"*.a.com", ".a.com", true},
      {"*.a.com", "a.com", false},
      {"sub.*", "sub.x.y", true},
      {"*", "", true},
      {"**", "x", true},
      {"", "", true},
      {"", "a", false},
      {"a", "", false},
      {"a", "A", true},
      {"a", "ab", false},
      {"a*b*c", "axbxbc", true},
      {"a*b*c", "axbxbcd", false},
      {"*ab", "aab", true},
      {"*ab*", "xaby", true},
      {"*aab", "aaab", true},
  };
  for (const auto &row : rows) {
    EXPECT_EQ(host_matches(row.pattern, row.name), row.matches) << row.pattern << " and " << row.name;
  }
}

// Exponential in a naive matcher.
TEST(HostPattern, many_stars_take_no_exponential_time) {
  EXPECT_FALSE(host_matches(std::string(50, '*') + std::string(50, 'a') + std::string(50, '*') + "b",
                            std::string(5000, 'a')));
}

}  // namespace

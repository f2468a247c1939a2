// The choice of a method on Windows.
#include <cstdlib>
#include <string>

#include "conformance/methods.h"

namespace {

std::string chosen(const event_config &config) {
  const test::QuietLog quiet;
  const test::Base base = test::make_base(&config);
  return base ? base->method() : "none";
}

TEST(Choice, win32_comes_before_wepoll_as_in_libevent) {
  event_config config;
  EXPECT_EQ(chosen(config), "win32");
  EXPECT_STREQ(evi::backend_names()[0], "win32");
  EXPECT_STREQ(evi::backend_names()[1], "wepoll");
  EXPECT_EQ(evi::backend_names()[2], nullptr);
}

TEST(Choice, wepoll_is_chosen_if_win32_is_avoided_or_lacks_features) {
  event_config avoiding;
  ASSERT_TRUE(avoiding.avoid("win32"));
  EXPECT_EQ(chosen(avoiding), "wepoll");
  event_config demanding;
  demanding.required_features = EV_FEATURE_O1;
  EXPECT_EQ(chosen(demanding), "wepoll");
  ASSERT_TRUE(avoiding.avoid("wepoll"));
  EXPECT_EQ(chosen(avoiding), "none");
}

TEST(Choice, overlapped_io_selects_wepoll) {
  event_config config;
  config.flags = EVENT_BASE_FLAG_STARTUP_IOCP;
  EXPECT_EQ(chosen(config), "wepoll");
  ASSERT_TRUE(config.avoid("wepoll"));
  EXPECT_EQ(chosen(config), "win32");
}

TEST(Choice, environment_variables_disable_methods) {
  event_config config, ignoring;
  ignoring.flags = EVENT_BASE_FLAG_IGNORE_ENV;
  setenv("EVENT_NOWIN32", "1", 1);
  EXPECT_EQ(chosen(config), "wepoll");
  EXPECT_EQ(chosen(ignoring), "win32");
  setenv("EVENT_NOWEPOLL", "1", 1);
  EXPECT_EQ(chosen(config), "none");
  unsetenv("EVENT_NOWIN32");
  EXPECT_EQ(chosen(config), "win32");
  unsetenv("EVENT_NOWEPOLL");
}

}  // namespace

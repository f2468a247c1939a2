// The configuration of a base: methods avoided, features required, environment variables.
#include "core/config.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "support/events.h"

namespace {

// A variable of the environment while one of these lives.
class Environment {
 public:
  Environment(const char *name, const char *value) : name_(name) { setenv(name, value, 1); }
  Environment(const Environment &) = delete;
  Environment &operator=(const Environment &) = delete;
  ~Environment() { unsetenv(name_); }

 private:
  const char *name_;
};

const char *best() { return evi::available_backends()[0]->name; }

std::string method_of(const event_config &config) {
  const test::QuietLog quiet;
  const test::Base base = test::make_base(&config);
  return base ? base->method() : "none";
}

TEST(Config, methods_are_tried_best_first) {
  event_config config;
  EXPECT_EQ(method_of(config), "epoll");
  ASSERT_TRUE(config.avoid("epoll"));
  EXPECT_EQ(method_of(config), "poll");
  ASSERT_TRUE(config.avoid("poll"));
  EXPECT_EQ(method_of(config), "select");
  ASSERT_TRUE(config.avoid("select"));
  EXPECT_EQ(method_of(config), "none");
}

TEST(Config, avoiding_an_unknown_method_has_no_effect) {
  event_config config;
  ASSERT_TRUE(config.avoid("kqueue"));
  ASSERT_TRUE(config.avoid(""));
  EXPECT_TRUE(config.avoids("kqueue"));
  EXPECT_FALSE(config.avoids(best()));
  EXPECT_EQ(method_of(config), best());
}

TEST(Config, required_features) {
  const struct {
    int features;
    const char *method;
  } cases[] = {
      {0, "epoll"},
      {EV_FEATURE_ET, "epoll"},
      {EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE, "epoll"},
      {EV_FEATURE_FDS, "poll"},
      {EV_FEATURE_FDS | EV_FEATURE_EARLY_CLOSE, "poll"},
      {EV_FEATURE_FDS | EV_FEATURE_ET, "none"},
      {0x40, "none"},
  };
  for (const auto &row : cases) {
    event_config config;
    config.required_features = row.features;
    EXPECT_EQ(method_of(config), row.method) << row.features;
  }
}

// Behaviour 19.
TEST(Config, environment_variables_disable_methods) {
  const Environment no_epoll("EVENT_NOEPOLL", "1");
  event_config config;
  EXPECT_EQ(method_of(config), "poll");
  {
    const Environment no_poll("EVENT_NOPOLL", "");  // set is enough
    EXPECT_EQ(method_of(config), "select");
    const Environment no_select("EVENT_NOSELECT", "0");
    EXPECT_EQ(method_of(config), "none");
    config.flags = EVENT_BASE_FLAG_IGNORE_ENV;
    EXPECT_EQ(method_of(config), "epoll");
  }
}

TEST(Config, environment_variables_disable_the_method_they_name) {
  const Environment forbidden("EVENT_NOEPOLL", "1");
  EXPECT_TRUE(evi::method_disabled_by_environment("epoll"));
  EXPECT_TRUE(evi::method_disabled_by_environment("epoll (with changelist)"));
  EXPECT_FALSE(evi::method_disabled_by_environment("poll"));
  EXPECT_FALSE(evi::method_disabled_by_environment("epol"));
  EXPECT_FALSE(evi::method_disabled_by_environment(std::string(1000, 'x').c_str()));
}

TEST(Config, changelist_is_selected_by_flag_or_environment) {
  event_config config;
  config.flags = EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
  EXPECT_EQ(method_of(config), "epoll (with changelist)");
  const Environment wanted("EVENT_EPOLL_USE_CHANGELIST", "1");
  config.flags = 0;
  EXPECT_EQ(method_of(config), "epoll (with changelist)");
  config.flags = EVENT_BASE_FLAG_IGNORE_ENV;
  EXPECT_EQ(method_of(config), "epoll");
  config.flags = 0;
  ASSERT_TRUE(config.avoid("epoll"));
  EXPECT_EQ(method_of(config), "poll");
}

TEST(Config, signalfd_is_selected_by_flag_or_environment) {
  event_config config;
  EXPECT_STREQ(test::make_base(&config)->signal_method(), "signal");
  config.flags = EVENT_BASE_FLAG_USE_SIGNALFD;
  EXPECT_STREQ(test::make_base(&config)->signal_method(), "signalfd_signal");
  const Environment wanted("EVENT_USE_SIGNALFD", "1");
  config.flags = 0;
  EXPECT_STREQ(test::make_base(&config)->signal_method(), "signalfd_signal");
}

// A method that works, or not, behind one with a completion port that works, or not.
struct PortMethods {
  explicit PortMethods(bool port_works, bool plain_works = true) {
    with_port.name = "port";
    with_port.completion_port = [](void *state) noexcept { return state; };
    if (!port_works) with_port.create = refuse;
    if (!plain_works) plain.create = refuse;
  }
  static void *refuse(evi::BackendHost &) noexcept {
    errno = ENOSYS;
    return nullptr;
  }
  std::string chosen_with(int flags) const {
    event_config config;
    config.flags = flags;
    const evi::Backend *const list[] = {&plain, &with_port, nullptr};
    const test::Base base{event_base::create(&config, {.methods = list})};
    return base ? base->method() : "none";
  }

  evi::Backend plain = *evi::available_backends()[0];
  evi::Backend with_port = plain;
};

TEST(Config, startup_iocp_selects_the_method_with_a_completion_port) {
  const test::QuietLog quiet;
  const PortMethods methods(true);
  EXPECT_EQ(methods.chosen_with(0), best());
  EXPECT_EQ(methods.chosen_with(EVENT_BASE_FLAG_STARTUP_IOCP), "port");
  EXPECT_TRUE(quiet.lines().empty());
}

TEST(Config, startup_iocp_falls_back_to_another_method_with_a_warning) {
  const test::QuietLog quiet;
  EXPECT_EQ(PortMethods(false).chosen_with(EVENT_BASE_FLAG_STARTUP_IOCP), best());
  ASSERT_EQ(quiet.lines().size(), 2u);
  EXPECT_EQ(quiet.lines()[0], "port does not work here: Function not implemented");
  EXPECT_EQ(quiet.lines()[1], std::string("event_base_new: ") + best() + " has no completion port");
}

TEST(Config, startup_iocp_fails_if_no_method_works) {
  const test::QuietLog quiet;
  EXPECT_EQ(PortMethods(false, false).chosen_with(EVENT_BASE_FLAG_STARTUP_IOCP), "none");
  ASSERT_EQ(quiet.lines().size(), 3u);
  EXPECT_EQ(quiet.lines()[2], "event_base_new: no event mechanism available");
}

TEST(Config, startup_iocp_is_ignored_silently_if_no_method_has_a_completion_port) {
  const test::QuietLog quiet;
  const PortMethods methods(true);
  const evi::Backend *const list[] = {&methods.plain, nullptr};
  event_config config;
  config.flags = EVENT_BASE_FLAG_STARTUP_IOCP;
  EXPECT_STREQ(
      test::Base { event_base::create(&config, {.methods = list}) } -> method(), best());
  EXPECT_TRUE(quiet.lines().empty());
}

TEST(Config, show_method_logs_the_method) {
  const test::QuietLog quiet;
  const Environment show("EVENT_SHOW_METHOD", "1");
  const test::Base base = test::make_base();
  ASSERT_EQ(quiet.lines().size(), 1u);
  EXPECT_EQ(quiet.lines()[0], std::string("libevent using: ") + best());
}

TEST(Config, a_precise_timer_is_requested_by_flag_or_environment) {
  const auto finely = [](int flags) {
    event_config config;
    config.flags = flags;
    return test::make_base(&config)->waits_finely();
  };
  EXPECT_FALSE(finely(0));
  EXPECT_TRUE(finely(EVENT_BASE_FLAG_PRECISE_TIMER));
  const Environment precise("EVENT_PRECISE_TIMER", "1");
  EXPECT_TRUE(finely(0));
  EXPECT_FALSE(finely(EVENT_BASE_FLAG_IGNORE_ENV));
  EXPECT_TRUE(finely(EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_PRECISE_TIMER));
}

}  // namespace

// The choice of a method: the order in which they are tried, the environment, and methods refused by the
// kernel.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "conformance/methods.h"
#include "models/refuse.h"

namespace evi {

const Backend *const *bsd_backends() noexcept;
const char **bsd_backend_names() noexcept;
const Backend *const *solaris_backends() noexcept;
const char **solaris_backend_names() noexcept;

}  // namespace evi

using conformance::all_backends;

namespace {

std::vector<std::string> names_of(const evi::Backend *const *list) {
  std::vector<std::string> names;
  for (; *list; ++list) names.emplace_back((*list)->name);
  return names;
}
std::vector<std::string> names_of(const char **list) {
  std::vector<std::string> names;
  for (; *list; ++list) names.emplace_back(*list);
  return names;
}
using Names = std::vector<std::string>;

TEST(Choice, each_platform_has_its_methods_in_libevents_order) {
  EXPECT_EQ(names_of(evi::available_backends()), (Names{"epoll", "poll", "select"}));
  EXPECT_EQ(names_of(evi::bsd_backends()), (Names{"kqueue", "poll", "select"}));
  EXPECT_EQ(names_of(evi::solaris_backends()), (Names{"evport", "devpoll", "poll", "select"}));
  EXPECT_EQ(names_of(evi::backend_names()), names_of(evi::available_backends()));
  EXPECT_EQ(names_of(evi::bsd_backend_names()), names_of(evi::bsd_backends()));
  EXPECT_EQ(names_of(evi::solaris_backend_names()), names_of(evi::solaris_backends()));
}

// While one of these lives the environment forbids these methods and no other.
class Forbidden {
 public:
  explicit Forbidden(const Names &names) {
    for (const std::string &name : names_of(all_backends())) {
      unsetenv(variable(name).c_str());
      if (std::find(names.begin(), names.end(), name) != names.end()) setenv(variable(name).c_str(), "1", 1);
    }
  }
  Forbidden(const Forbidden &) = delete;
  Forbidden &operator=(const Forbidden &) = delete;
  ~Forbidden() {
    for (const std::string &name : names_of(all_backends())) unsetenv(variable(name).c_str());
  }

 private:
  static std::string variable(std::string name) {
    for (char &c : name) c = static_cast<char>(c - 'a' + 'A');
    return "EVENT_NO" + name;
  }
};

std::string chosen(int flags = 0) {
  event_config config;
  config.flags = flags;
  const test::Base base{event_base::create(&config, {.methods = all_backends()})};
  return base ? base->method() : "none";
}

TEST(Choice, environment_variables_disable_methods_one_by_one) {
  const test::QuietLog quiet;
  const Names order = names_of(all_backends());
  for (std::size_t forbidden = 0; forbidden < order.size(); ++forbidden) {
    const Forbidden these({order.begin(), order.begin() + static_cast<std::ptrdiff_t>(forbidden)});
    EXPECT_EQ(chosen(), order[forbidden]);
    EXPECT_EQ(chosen(EVENT_BASE_FLAG_IGNORE_ENV), order[0]);
  }
  const Forbidden all(order);
  EXPECT_EQ(chosen(), "none");
}

TEST(Choice, required_features_and_avoided_methods_select_the_method) {
  const test::QuietLog quiet;
  const Forbidden none({});
  event_config config;
  config.required_features = EV_FEATURE_ET;
  const auto choose = [&] {
    const test::Base base{event_base::create(&config, {.methods = all_backends()})};
    return std::string(base ? base->method() : "none");
  };
  EXPECT_EQ(choose(), "kqueue");
  ASSERT_TRUE(config.avoid("kqueue"));
  EXPECT_EQ(choose(), "epoll");
  config.required_features |= EV_FEATURE_FDS;
  EXPECT_EQ(choose(), "none");
  config.required_features = EV_FEATURE_FDS;
  EXPECT_EQ(choose(), "evport");
}

TEST(Choice, a_method_refused_by_the_kernel_is_logged_once_and_the_next_is_tried) {
  const Forbidden none({});
  for (const int error : {ENOSYS, EPERM, EMFILE, ENOMEM}) {
    const test::QuietLog quiet;
    model::refuse_with = error;
    EXPECT_EQ(chosen(), "epoll");  // evport and kqueue were asked
    model::refuse_with = 0;
    ASSERT_EQ(quiet.lines().size(), 2u);
    EXPECT_EQ(quiet.lines()[0].find("evport"), 0u) << quiet.lines()[0];
    EXPECT_EQ(quiet.lines()[1].find("kqueue"), 0u) << quiet.lines()[1];
    EXPECT_NE(quiet.lines()[1].find(strerror(error)), std::string::npos) << quiet.lines()[1];
  }
}

TEST(Choice, no_base_is_created_when_every_method_fails) {
  const test::QuietLog quiet;
  const Forbidden these({"epoll", "poll", "select"});
  model::refuse_with = EPERM;
  EXPECT_EQ(chosen(), "none");
  model::refuse_with = 0;
  EXPECT_EQ(quiet.lines().size(), 4u);
}

// The library's own: no descriptor is left for epoll, poll needs none.
TEST(Choice, poll_is_chosen_when_no_descriptors_are_left) {
  const test::QuietLog quiet;
  std::vector<test::Fd> all;
  while (all.empty() || all.back() >= 0) all.emplace_back(dup(0));
  const Forbidden none({});
  const test::Base base = test::make_base();
  all.clear();
  ASSERT_NE(base, nullptr);
  EXPECT_EQ(std::string(base->method()), "poll");
  ASSERT_EQ(quiet.lines().size(), 1u);
  EXPECT_EQ(quiet.lines()[0].find("epoll"), 0u);
}

}  // namespace

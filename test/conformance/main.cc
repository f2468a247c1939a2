// The program `conformance`, and the table of its results, method by case.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "conformance/methods.h"

namespace conformance {

std::string label(const Method &method) {
  const bool changelist = method.flags & EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
  const bool precise = method.flags & EVENT_BASE_FLAG_PRECISE_TIMER;
  return std::string(method.name) + (changelist ? "_changelist" : "") + (precise ? "_precise" : "");
}

INSTANTIATE_TEST_SUITE_P(By, Conformance, testing::ValuesIn(methods()),
                         [](const auto &info) { return label(info.param); });

namespace {

// Collects the result of each case under each method, and prints the table at the end.
class Table : public testing::EmptyTestEventListener {
 public:
  void OnTestEnd(const testing::TestInfo &info) override {
    if (!info.value_param()) return;
    const std::string name = info.name();
    const auto slash = name.rfind('/');
    if (slash == std::string::npos) return;
    const std::string what = name.substr(0, slash);
    if (results_.find(what) == results_.end()) cases_.push_back(what);
    const testing::TestResult &result = *info.result();
    results_[what][name.substr(slash + 1)] = result.Failed() ? "FAIL" : result.Skipped() ? "-" : "ok";
  }
  void OnTestProgramEnd(const testing::UnitTest &) override {
    if (cases_.empty()) return;
    // A longer name would leave no room for the columns.
    std::printf("table: %-66s", "");
    for (const Method &method : methods()) std::printf(" %-8s", short_label(method).c_str());
    std::printf("\n");
    for (const std::string &what : cases_) {
      std::printf("table: %-66s", what.c_str());
      for (const Method &method : methods()) {
        const auto &row = results_[what];
        const auto at = row.find(label(method));
        std::printf(" %-8s", at == row.end() ? "" : at->second.c_str());
      }
      std::printf("\n");
    }
    std::printf("table: -: the method has no such feature, and says so.\n");
    std::printf("table: %s\n", kWhereTheyRun);
  }

 private:
  static std::string short_label(const Method &method) {
    const char *variant = method.flags & EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST ? "+cl"
                          : method.flags & EVENT_BASE_FLAG_PRECISE_TIMER      ? "+pt"
                                                                              : "";
    return std::string(method.name) + variant;
  }

  std::vector<std::string> cases_;
  std::map<std::string, std::map<std::string, std::string>> results_;
};

}  // namespace
}  // namespace conformance

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  testing::UnitTest::GetInstance()->listeners().Append(new conformance::Table);
  return RUN_ALL_TESTS();
}

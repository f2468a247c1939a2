// The program `conformance`: which methods there are to test, and the table of its results, method by case.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "conformance/methods.h"

namespace evi {

extern const Backend epoll_backend;
extern const Backend poll_backend;
extern const Backend select_backend;
extern const Backend kqueue_backend;
extern const Backend evport_backend;
extern const Backend devpoll_backend;

}  // namespace evi

namespace conformance {

const std::vector<Method> &methods() {
  constexpr int kEdges = EV_FEATURE_ET, kFast = EV_FEATURE_O1, kFiles = EV_FEATURE_FDS,
                kClosed = EV_FEATURE_EARLY_CLOSE;
  static const std::vector<Method> all = {
      {"epoll", 0, &evi::epoll_backend, kEdges | kFast | kClosed, true, false},
      {"epoll", EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, &evi::epoll_backend, kEdges | kFast | kClosed, true,
       false},
      {"poll", 0, &evi::poll_backend, kFiles | kClosed, true, false},
      {"select", 0, &evi::select_backend, kFiles, true, false},
      {"kqueue", 0, &evi::kqueue_backend, kEdges | kFast | kFiles | kClosed, true, true},
      {"evport", 0, &evi::evport_backend, kFast | kFiles | kClosed, true, true},
      {"devpoll", 0, &evi::devpoll_backend, kFast | kFiles | kClosed, false, true},
  };
  return all;
}

const evi::Backend *const *all_backends() {
  static const evi::Backend *const all[] = {&evi::evport_backend,
                                            &evi::kqueue_backend,
                                            &evi::epoll_backend,
                                            &evi::devpoll_backend,
                                            &evi::poll_backend,
                                            &evi::select_backend,
                                            nullptr};
  return all;
}

std::string label(const Method &method) {
  return std::string(method.name) + (method.flags ? "_changelist" : "");
}

INSTANTIATE_TEST_SUITE_P(By, Conformance, testing::ValuesIn(methods()),
                         [](const auto &info) { return label(info.param); });

namespace {

// Collects what became of each case under each method, and prints it at the end.
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
    std::printf(
        "table: -: the method has no such feature, and says so. epoll+cl is epoll with changelist.\n");
    std::printf("table: kqueue, evport and devpoll run on models of their kernels.\n");
  }

 private:
  static std::string short_label(const Method &method) {
    return method.flags ? std::string(method.name) + "+cl" : method.name;
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

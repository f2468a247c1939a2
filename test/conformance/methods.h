// The methods that the suite runs over, and the fixtures of its cases.
//
// The real ones and, on Linux, those of other systems on models of their kernels
// (test/models). A case is a TEST_P of Conformance; one that a method has no use for skips itself.
#ifndef EVENTIDE_TEST_CONFORMANCE_METHODS_H
#define EVENTIDE_TEST_CONFORMANCE_METHODS_H

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ostream>
#include <string>
#include <vector>

#include "event2/watch.h"
#include "support/events.h"

namespace conformance {

struct Method {
  const char *name;
  int flags;  // EVENT_BASE_FLAG_*
  const evi::Backend *backend;
  int features;
  bool finely_timed;  // waits to the microsecond, not to the millisecond
};

// Those of this system: methods_<system>.cc.
const std::vector<Method> &methods();
// The last lines of the table.
extern const char *const kWhereTheyRun;
// In libevent's order of preference, for all platforms at once, ended by null.
const evi::Backend *const *all_backends();

// "epoll", "epoll_changelist", "kqueue" ...
std::string label(const Method &method);
inline void PrintTo(const Method &method, std::ostream *out) { *out << label(method); }

class Conformance : public testing::TestWithParam<Method> {
 protected:
  void SetUp() override {
    base = make();
    ASSERT_NE(base, nullptr);
  }
  // One more base with the same method.
  static test::Base make() {
    event_config config;
    config.flags = GetParam().flags | EVENT_BASE_FLAG_IGNORE_ENV;
    const evi::Backend *const only[] = {GetParam().backend, nullptr};
    return test::Base{event_base::create(&config, {.methods = only})};
  }

  bool has(int feature) const { return (base->features() & feature) != 0; }
  static bool is(const char *name) { return GetParam().name == std::string(name); }
  void turn() {
    EXPECT_GE(base->loop(EVLOOP_NONBLOCK), 0);
    EXPECT_TRUE(base->check_invariants());
  }
  // Whether the loop waits again and again while there is nothing to report. A few waits may return early.
  bool spins() {
    test::Event end(*base, test::kNoFd, 0, [&](int, short) { base->loop_break(); });
    end.add(0.03);
    int waits = 0;
    evwatch *watch = evwatch_prepare_new(
        base.get(),
        [](evwatch *, const evwatch_prepare_cb_info *, void *count) { ++*static_cast<int *>(count); },
        &waits);
    EXPECT_EQ(base->loop(0), 0);
    evwatch_free(watch);
    EXPECT_GE(waits, 1);
    return waits > 5;
  }
  // Iterations that must return immediately, although nothing else would wake the loop.
  int callbacks_in_turns(test::Event &ev, int turns) {
    const int before = ev.calls;
    for (int i = 0; i < turns; ++i) turn();
    return ev.calls - before;
  }

  test::Base base;
};

// Runs f in a forked child; true if it returned true there and nothing failed.
template <typename F>
bool child_agrees(F &&f) {
  const pid_t child = fork();
  if (child == 0) _exit(f() && !testing::Test::HasFailure() ? 0 : 1);
  int status = -1;
  return waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace conformance

#endif

// Under the same random use two methods report the same to the same callbacks in each iteration: epoll and
// its change-list also when fds are duplicated, closed and reused without the loop's knowledge, poll and
// select as long as events are deleted before their fd is closed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "support/events.h"

using test::Event;
using test::Fd;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned kSeeds = 10;
#elif defined(_WIN32)
constexpr unsigned kSeeds = 5;
#else
constexpr unsigned kSeeds = 60;
#endif
constexpr int kSteps = 600;
constexpr int kPlaces = 5;
constexpr int kEventsPerPlace = 3;
constexpr int kFirstFd =
    100 * evi::kDescriptorStep;  // of the watched descriptors, the same in each world; others come after
constexpr int kFirstOther = 150 * evi::kDescriptorStep;

enum Op {
  kTurn,
  kAdd,
  kDel,
  kWrite,
  kDrain,
  kEnd,
  kDuplicate,
  kDropDuplicate,
  kReplace,  // the fd refers to another file from now on
  kDelAndClose,
  kTameOps,  // what follows happens without deleting events first
  kClose = kTameOps,
  kReuse,
  kAnother,  // the fd becomes a duplicate of that of another place
  kBack,     // the fd refers to the file of the duplicate again
  kOps,
};
constexpr const char *kNames[] = {"turn", "add",     "del",          "write", "drain", "end",     "duplicate",
                                  "drop", "replace", "delete+close", "close", "reuse", "another", "back"};

struct Step {
  Op op;
  int place;
  int other;
};

// When events are deleted whose fd is closed or reused.
enum class Deletes { first, late };

struct Scenario {
  unsigned seed;
  Deletes deletes;
  int features;
  bool behind() const { return deletes != Deletes::first; }
};

std::vector<Step> steps_of(const Scenario &scenario) {
  std::mt19937 random(scenario.seed);
  std::vector<Step> steps;
  for (int i = 0; i < kSteps; ++i) {
    // Most steps are adds and iterations, or little would ever be reported.
    constexpr Op kOften[] = {kAdd, kAdd, kTurn};
    const auto any = static_cast<Op>(random() % (scenario.behind() ? kOps : kTameOps));
    const Op op = random() % 4 == 0 ? any : kOften[random() % 3];
    steps.push_back({op, static_cast<int>(random() % kPlaces), static_cast<int>(random() % 64)});
  }
  return steps;
}

// The reports of one iteration: the result, then each call as (event, what).
using Reports = std::vector<std::pair<int, int>>;

// One base and its descriptors.
class World {
 public:
  World(test::Base base, const Scenario &scenario) : base_(std::move(base)), scenario_(scenario) {
    std::mt19937 random(scenario.seed + 1000000);
    for (int i = 0; i < kPlaces; ++i) {
      const short edge = (scenario.features & EV_FEATURE_ET) && random() % 2 ? EV_ET : 0;
      for (int k = 0; k < kEventsPerPlace; ++k) add_event(i, kind(random) | edge);
      reuse(i);
    }
  }
  World(const World &) = delete;
  World &operator=(const World &) = delete;
  ~World() {
    for (Event &ev : events_) ev.del();
    for (int i = 0; i < kPlaces; ++i) close(fd_of(i));
  }

  Reports take(const Step &step) {
    const int result = step.op == kTurn ? turn() : act(step);
    Reports reports = std::exchange(reports_, {});
    // The order in which ready descriptors are reported is unspecified.
    std::sort(reports.begin(), reports.end());
    reports.emplace_back(-1, result);
    return reports;
  }
  bool sound() { return base_->check_invariants(); }
  int calls() const { return calls_; }

 private:
  struct File {
    Fd fd;
    std::shared_ptr<Fd> peer;
  };
  struct Place {
    std::shared_ptr<Fd> peer;  // of the file that the fd refers to, null while it is closed
    std::deque<File> duplicates;
  };

  short kind(std::mt19937 &random) const {
    const short ways[] = {EV_READ, EV_WRITE, EV_READ | EV_WRITE, EV_CLOSED, EV_READ | EV_CLOSED};
    const bool closed = scenario_.features & EV_FEATURE_EARLY_CLOSE;
    const short way = ways[random() % (closed ? 5 : 3)];
    return static_cast<short>(way | (random() % 2 ? EV_PERSIST : 0));
  }
  void add_event(int place, int what) {
    const int id = static_cast<int>(events_.size());
    events_.emplace_back(*base_, fd_of(place), static_cast<short>(what),
                         [this, id](int, short what) { on_call(id, what); });
  }

  static int fd_of(int place) { return kFirstFd + place * evi::kDescriptorStep; }
  Event &event_of(int place, int which) {
    return events_[static_cast<std::size_t>(place * kEventsPerPlace + which % kEventsPerPlace)];
  }

  // After something was done behind the loop's back.
  void deleted_late(int place) {
    if (scenario_.deletes == Deletes::late) delete_all(place);
  }

  int turn() {
    const int result = base_->loop(EVLOOP_ONCE | EVLOOP_NONBLOCK);
    calls_ += static_cast<int>(reports_.size());
    return result;
  }

  int act(const Step &step) {
    Place &place = places_[static_cast<std::size_t>(step.place)];
    switch (step.op) {
      case kAdd:
        return event_of(step.place, step.other).add();
      case kDel:
        return event_of(step.place, step.other).del();
      case kWrite:
        return place.peer ? static_cast<int>(send(*place.peer, "x", 1, MSG_NOSIGNAL)) : 0;
      case kDrain:
        test::drain(fd_of(step.place));
        return 0;
      case kEnd:
        return place.peer ? shutdown(*place.peer, SHUT_WR) : 0;
      case kDuplicate:
        if (place.peer) place.duplicates.push_back({moved_up(dup(fd_of(step.place))), place.peer});
        return 0;
      case kDropDuplicate:
        if (!place.duplicates.empty()) place.duplicates.pop_front();
        return 0;
      case kReplace:
        delete_all(step.place);
        reuse(step.place);
        return 0;
      case kDelAndClose:
        delete_all(step.place);
        close_fd(step.place);
        return 0;
      case kClose:
        close_fd(step.place);
        break;
      case kReuse:
        reuse(step.place);
        break;
      case kAnother:
        another(step.place, step.other % kPlaces);
        break;
      case kBack:
        if (!place.duplicates.empty()) become(step.place, place.duplicates.back());
        break;
      default:
        return 0;
    }
    deleted_late(step.place);
    return 0;
  }

  void delete_all(int place) {
    for (int k = 0; k < kEventsPerPlace; ++k) event_of(place, k).del();
  }
  void close_fd(int place) {
    close(fd_of(place));
    places_[static_cast<std::size_t>(place)].peer.reset();
  }
  void another(int place, int other) {
    const auto &peer = places_[static_cast<std::size_t>(other)].peer;
    if (!peer || place == other) return;
    EXPECT_EQ(dup3(fd_of(other), fd_of(place), O_CLOEXEC), fd_of(place));
    places_[static_cast<std::size_t>(place)].peer = peer;
  }
  void become(int place, const File &file) {
    EXPECT_EQ(dup3(file.fd, fd_of(place), O_CLOEXEC), fd_of(place));
    places_[static_cast<std::size_t>(place)].peer = file.peer;
  }
  void reuse(int place) {
    test::Pair pair = test::socket_pair();
    const auto peer = std::make_shared<Fd>(moved_up(pair.b.release()));
    become(place, {std::move(pair.a), peer});
  }
  // Outside the range of the watched fds.
  static Fd moved_up(int fd) {
    const Fd low{fd};
    return Fd{fcntl(low, F_DUPFD_CLOEXEC, kFirstOther)};
  }

  // What a callback does depends on the event and on how often it was called, and concerns its place alone.
  void on_call(int id, short what) {
    reports_.emplace_back(id, what);
    const int place = id / kEventsPerPlace;
    const unsigned choice = (scenario_.seed * 31 + static_cast<unsigned>(id)) * 7919u +
                            static_cast<unsigned>(events_[static_cast<std::size_t>(id)].calls) * 104729u;
    const int which = static_cast<int>(choice >> 8);
    switch ((choice >> 3) % (scenario_.behind() ? 12 : 10)) {
      case 0:
      case 1:
      case 2:
        test::drain(fd_of(place));
        break;
      case 3:
        event_of(place, id).del();
        break;
      case 4:
        event_of(place, id).add();
        break;
      case 5:
        event_of(place, which).del();
        break;
      case 6:
        event_of(place, which).add();
        break;
      case 7:
        delete_all(place);
        close_fd(place);
        break;
      case 8:
        delete_all(place);
        reuse(place);
        event_of(place, which).add();
        break;
      case 10:
        close_fd(place);
        deleted_late(place);
        break;
      case 11:
        reuse(place);
        deleted_late(place);
        break;
      default:
        break;
    }
  }

  test::Base base_;
  Scenario scenario_;
  std::array<Place, kPlaces> places_;
  std::deque<Event> events_;
  Reports reports_;
  int calls_ = 0;
};

std::string text_of(const Reports &reports) {
  std::string text;
  for (const auto &[id, what] : reports) {
    text += id < 0 ? " = " : " " + std::to_string(id) + ":";
    text += std::to_string(what);
  }
  return text;
}

std::vector<Reports> run(test::Base base, const Scenario &scenario, int &calls) {
  std::vector<Reports> all;
  World world(std::move(base), scenario);
  for (const Step &step : steps_of(scenario)) {
    all.push_back(world.take(step));
    EXPECT_TRUE(world.sound());
  }
  calls += world.calls();
  return all;
}

// The steps that led to the first difference, if there is one.
std::string difference(const Scenario &scenario, const std::vector<Reports> &one,
                       const std::vector<Reports> &other) {
  const auto at = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  if (at.first == one.end() && at.second == other.end()) return "";
  const auto differs = at.first - one.begin();
  const std::vector<Step> steps = steps_of(scenario);
  std::string text = "seed " + std::to_string(scenario.seed) + " deletes " +
                     std::to_string(static_cast<int>(scenario.deletes)) + " step " + std::to_string(differs);
  for (auto i = std::max<std::ptrdiff_t>(0, differs - 12); i <= differs; ++i) {
    const Step &step = steps[static_cast<std::size_t>(i)];
    text += std::string("\n  ") + kNames[step.op] + " " + std::to_string(step.place) + " " +
            std::to_string(step.other) + " ->" + text_of(one[static_cast<std::size_t>(i)]);
  }
  return text + "\n  but" + text_of(other[static_cast<std::size_t>(differs)]);
}

// By the configuration, as the change-list has it.
test::Base make_base(const char *method, int flags = 0) {
  event_config config;
  config.flags = flags | EVENT_BASE_FLAG_IGNORE_ENV;
  for (const char **other = evi::backend_names(); *other; ++other) {
    if (*other == std::string(method)) continue;
    EXPECT_TRUE(config.avoid(*other));
  }
  test::Base base = test::make_base(&config);
  EXPECT_EQ(base->method(), method + std::string(flags ? " (with changelist)" : ""));
  return base;
}

constexpr int kAllFeatures = EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE;

// The reference for each method of this system, by features.
#ifdef _WIN32
constexpr const char *kReference = "win32";
const auto kOthers = testing::Values(std::tuple{"wepoll", 0});
#else
constexpr const char *kReference = "epoll";
const auto kOthers = testing::Values(std::tuple{"poll", int{EV_FEATURE_EARLY_CLOSE}}, std::tuple{"poll", 0},
                                     std::tuple{"select", 0});

// must-not 15.
TEST(Differential, the_changelist_changes_no_result) {
  const test::QuietLog quiet;
  int calls = 0;
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    for (const Deletes deletes : {Deletes::first, Deletes::late}) {
      const Scenario scenario{seed, deletes, kAllFeatures};
      const auto plain = run(make_base("epoll"), scenario, calls);
      const auto listed = run(make_base("epoll", EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST), scenario, calls);
      ASSERT_EQ(plain.size(), static_cast<std::size_t>(kSteps));
      ASSERT_EQ(difference(scenario, plain, listed), "");
    }
  }
  EXPECT_GT(calls, static_cast<int>(kSeeds) * kSteps / 5);
}

#endif

class Portable : public testing::TestWithParam<std::tuple<const char *, int>> {};

TEST_P(Portable, agrees_with_the_reference) {
  const test::QuietLog quiet;
  const auto &[method, features] = GetParam();
  int calls = 0;
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    const Scenario scenario{seed, Deletes::first, features};
    const auto reference = run(make_base(kReference), scenario, calls);
    const auto other = run(make_base(method), scenario, calls);
    ASSERT_EQ(other.size(), static_cast<std::size_t>(kSteps));
    ASSERT_EQ(difference(scenario, reference, other), "");
  }
  EXPECT_GT(calls, static_cast<int>(kSeeds) * kSteps / 8);
}

INSTANTIATE_TEST_SUITE_P(Differential, Portable, kOthers, [](const auto &info) {
  return std::string(std::get<0>(info.param)) + (std::get<1>(info.param) ? "_with_closed" : "");
});

}  // namespace

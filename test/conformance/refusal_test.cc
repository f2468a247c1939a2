// Kernels that fail registrations with ENOMEM: interest registered before is still reported, however often
// they fail.
#include <cerrno>

#include "conformance/methods.h"
#include "models/refuse.h"

using conformance::Method;
using test::Event;

namespace {

constexpr int kMostRefusals = 5;

// Runs f(base) over each method of which there is a model; after n refusals of one sort, n from 1 on.
template <typename F>
void over_models(F &&f) {
  for (const Method &method : conformance::methods()) {
    const std::string name = method.name;
    if (name != "kqueue" && name != "evport" && name != "devpoll") continue;
    for (const int error : {ENOMEM, EAGAIN}) {
      for (int refusals = 1; refusals <= kMostRefusals; ++refusals) {
        for (const bool ends_association : {true, false}) {
          if (!ends_association && name != "evport") continue;
          SCOPED_TRACE(name + ", " + std::to_string(refusals) +
                       (ends_association ? "" : ", association kept"));
          const test::QuietLog quiet;
          model::refusal_ends_association = ends_association;
          const evi::Backend *const only[] = {method.backend, nullptr};
          const test::Base base{event_base::create(nullptr, {.methods = only})};
          ASSERT_NE(base, nullptr);
          f(*base, [=] { model::refused_additions.set(refusals, error); });
          EXPECT_TRUE(base->check_invariants());
          EXPECT_EQ(model::refused_additions.left(), 0);
          model::refused_additions.set(0, 0);
        }
      }
    }
  }
  model::refusal_ends_association = true;
}

// Runs the loop until the event was called that often, or until a while has passed without a report.
void run_until(event_base &base, const Event &ev, int calls) {
  bool late = false;
  Event guard(base, test::kNoFd, 0, [&](int, short) { late = true; });
  guard.add(5);
  while (ev.calls < calls && !late && base.loop(EVLOOP_ONCE) == 0) {
  }
  EXPECT_EQ(ev.calls, calls);
}

// Takes the refusals that are left.
void use_up(event_base &base) {
  for (int i = 0; i < kMostRefusals && model::refused_additions.left(); ++i) {
    Event soon(base, test::kNoFd, 0);
    soon.add(0.0);
    base.loop(EVLOOP_ONCE);
  }
}

// The number of iterations while there is nothing to report.
unsigned long long turns_in(event_base &base, double seconds) {
  Event end(base, test::kNoFd, 0, [&](int, short) { base.loop_break(); });
  end.add(seconds);
  EXPECT_EQ(base.metrics().enable(), 0);
  base.loop(0);
  eventide_metrics metrics{};
  EXPECT_TRUE(base.metrics().read(metrics));
  return metrics.iterations;
}

TEST(Refusal, a_failed_add_does_not_change_other_events) {
  for (const short what : {EV_READ, EV_READ | EV_PERSIST}) {
    over_models([=](event_base &base, auto &&refuse) {
      const test::Pair pair = test::socket_pair();
      Event reader(base, pair.a, what), writer(base, pair.a, EV_WRITE | EV_PERSIST);
      ASSERT_EQ(reader.add(), 0);
      refuse();
      EXPECT_EQ(writer.add(), -1);
      EXPECT_TRUE(errno == ENOMEM || errno == EAGAIN);
      test::put(pair.b);
      run_until(base, reader, 1);
      EXPECT_EQ(writer.calls, 0);
      model::refused_additions.set(0, 0);
      ASSERT_EQ(writer.add(), 0);
      run_until(base, writer, 1);
    });
  }
}

// A report of the interest that was removed does not repeat for ever either.
TEST(Refusal, remaining_interest_is_watched_after_a_failed_update) {
  for (const short what : {EV_READ, EV_READ | EV_PERSIST}) {
    over_models([=](event_base &base, auto &&refuse) {
      const test::Pair pair = test::socket_pair();
      Event reader(base, pair.a, what), writer(base, pair.a, EV_WRITE | EV_PERSIST);
      ASSERT_EQ(reader.add(), 0);
      ASSERT_EQ(writer.add(), 0);
      refuse();
      writer.del();
      use_up(base);
      // kqueue takes a lasting filter out without adding another.
      model::refused_additions.set(0, 0);
      EXPECT_LE(turns_in(base, 0.02), 8u);
      test::put(pair.b);
      run_until(base, reader, 1);
      EXPECT_EQ(writer.calls, 0);
    });
  }
}

TEST(Refusal, a_persistent_event_is_re_armed_after_a_failed_update) {
  over_models([](event_base &base, auto &&refuse) {
    const test::Pair pair = test::socket_pair(), other = test::socket_pair();
    Event reader(base, pair.a, EV_READ | EV_PERSIST, [](int fd, short) { test::drain(fd); });
    Event second(base, other.a, EV_READ | EV_PERSIST, [](int fd, short) { test::drain(fd); });
    ASSERT_EQ(reader.add(), 0);
    ASSERT_EQ(second.add(), 0);
    test::put(pair.b);
    test::put(other.b);
    run_until(base, reader, 1);
    run_until(base, second, 1);
    refuse();
    test::put(pair.b);
    test::put(other.b);
    run_until(base, reader, 2);
    run_until(base, second, 2);
    model::refused_additions.set(0, 0);  // only event ports are asked
  });
}

// That refusal stays.
TEST(Refusal, registering_a_closed_fd_is_not_retried) {
  over_models([](event_base &base, auto &&) {
    if (std::string(base.method()) != "evport") return;
    test::Pair pair = test::socket_pair();
    Event reader(base, pair.a, EV_READ | EV_PERSIST);
    ASSERT_EQ(reader.add(), 0);
    test::put(pair.b);
    run_until(base, reader, 1);
    pair.a.close();
    EXPECT_LE(turns_in(base, 0.05), 3u);
    EXPECT_EQ(reader.calls, 1);
  });
}

TEST(Refusal, the_other_one_shot_event_is_re_armed_after_a_failed_update) {
  over_models([](event_base &base, auto &&refuse) {
    if (!(base.features() & EV_FEATURE_EARLY_CLOSE)) return;
    const test::Pair pair = test::socket_pair();
    Event reader(base, pair.a, EV_READ), closer(base, pair.a, EV_CLOSED);
    ASSERT_EQ(reader.add(), 0);
    ASSERT_EQ(closer.add(), 0);
    test::put(pair.b);
    refuse();
    run_until(base, reader, 1);
    EXPECT_EQ(closer.calls, 0);
    shutdown(pair.b, SHUT_WR);
    run_until(base, closer, 1);
    model::refused_additions.set(0, 0);
  });
}

TEST(Refusal, eof_is_reported_in_every_iteration_despite_failed_updates) {
  over_models([](event_base &base, auto &&refuse) {
    if (!(base.features() & EV_FEATURE_EARLY_CLOSE)) return;
    const test::Pair pair = test::socket_pair();
    Event closer(base, pair.a, EV_CLOSED | EV_PERSIST);
    ASSERT_EQ(closer.add(), 0);
    shutdown(pair.b, SHUT_WR);
    refuse();
    for (int i = 1; i <= 4; ++i) run_until(base, closer, i);
    model::refused_additions.set(0, 0);
  });
}

TEST(Refusal, wake_returns_whether_it_succeeded) {
  for (const Method &method : conformance::methods()) {
    if (!method.backend->wake) continue;
    SCOPED_TRACE(method.name);
    const test::QuietLog quiet;
    const test::Base base = test::make_base();
    void *state = method.backend->create(*base);
    ASSERT_NE(state, nullptr);
    ASSERT_TRUE(method.backend->prepare_wake(state));
    model::refused_wakes.set(1, EAGAIN);
    EXPECT_FALSE(method.backend->wake(state));
    EXPECT_EQ(quiet.lines().size(), 1u);
    EXPECT_TRUE(method.backend->wake(state));
    method.backend->destroy(state);
  }
}

}  // namespace

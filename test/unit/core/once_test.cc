// event_base_once: one call, no event to keep.
#include "core/once.h"

#include <gtest/gtest.h>

#include <csignal>

#include "support/events.h"
#include "support/fault_alloc.h"

using test::kNoFd;

namespace {

struct Seen {
  int calls = 0;
  int fd = 0;
  short what = 0;
  static void run(evutil_socket_t fd, short what, void *arg) {
    auto *seen = static_cast<Seen *>(arg);
    ++seen->calls;
    seen->fd = fd;
    seen->what = what;
  }
};

class OnceTest : public testing::Test {
 protected:
  int once(int fd, short what, const timeval *tv) { return base->once(fd, what, Seen::run, &seen, tv); }

  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  test::Pair pair = test::socket_pair();
  Seen seen;
};

// Behaviour 10.
TEST_F(OnceTest, rejects_invalid_arguments) {
  const timeval tv = test::seconds(1);
  EXPECT_EQ(once(SIGUSR1, EV_SIGNAL, nullptr), -1);
  EXPECT_EQ(once(pair.a, EV_READ | EV_PERSIST, nullptr), -1);
  EXPECT_EQ(once(pair.a, EV_READ | EV_SIGNAL, nullptr), -1);
  EXPECT_EQ(once(kNoFd, 0, &tv), -1);
  EXPECT_EQ(once(pair.a, 0, &tv), -1);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE), 0);
}

TEST_F(OnceTest, a_null_or_zero_timeout_runs_in_the_next_iteration) {
  const timeval zero{0, 0};
  for (const timeval *tv : {static_cast<const timeval *>(nullptr), &zero}) {
    seen = {};
    EXPECT_EQ(once(kNoFd, EV_TIMEOUT, tv), 0);
    EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ACTIVE), 1);
    EXPECT_EQ(base->loop(0), 1);
    EXPECT_EQ(seen.calls, 1);
    EXPECT_EQ(seen.what, EV_TIMEOUT);
  }
}

TEST_F(OnceTest, fires_after_its_timeout) {
  const timeval tv = test::seconds(2);
  EXPECT_EQ(once(kNoFd, EV_TIMEOUT, &tv), 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(seen.calls, 1);
  EXPECT_EQ(seen.what, EV_TIMEOUT);
  EXPECT_EQ(script.waits.front(), 2'000'000);
}

TEST_F(OnceTest, reports_readiness_of_an_fd) {
  EXPECT_EQ(once(pair.a, EV_READ | EV_WRITE, nullptr), 0);
  script.ready(pair.a, EV_WRITE);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(seen.calls, 1);
  EXPECT_EQ(seen.fd, pair.a);
  EXPECT_EQ(seen.what, EV_WRITE);
  EXPECT_EQ(base->loop(0), 1);
}

TEST_F(OnceTest, reports_the_timeout_of_an_fd) {
  const timeval tv = test::seconds(2);
  EXPECT_EQ(once(pair.a, EV_READ | EV_TIMEOUT, &tv), 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(seen.what, EV_TIMEOUT);
  EXPECT_EQ(script.updates.back(), (test::ScriptBackend::Update{pair.a, 0}));
}

TEST_F(OnceTest, uses_the_default_priority) {
  ASSERT_EQ(base->set_priorities(5), 0);
  std::string order;
  test::Event low(*base, kNoFd, 0, [&](int, short) { order += 'l'; });
  test::Event high(*base, kNoFd, 0, [&](int, short) { order += 'h'; });
  low.set_priority(3);
  high.set_priority(1);
  low.activate(0);
  base->once(
      kNoFd, EV_TIMEOUT, [](evutil_socket_t, short, void *arg) { *static_cast<std::string *>(arg) += 'o'; },
      &order, nullptr);
  high.activate(0);
  base->loop(0);
  EXPECT_EQ(order, "hol");
}

TEST_F(OnceTest, an_unwatchable_fd_leaves_nothing_allocated) {
  test::FaultAlloc memory;
  script.fail_updates = 1;
  EXPECT_EQ(once(pair.a, EV_READ, nullptr), -1);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(seen.calls, 0);
}

TEST_F(OnceTest, the_callback_may_call_once_again) {
  struct Chain {
    event_base *base;
    int left;
    static void run(evutil_socket_t, short, void *arg) {
      auto *chain = static_cast<Chain *>(arg);
      if (--chain->left > 0) {
        EXPECT_EQ(chain->base->once(-1, EV_TIMEOUT, run, chain, nullptr), 0);
      }
    }
  } chain{base.get(), 10};
  EXPECT_EQ(base->once(-1, EV_TIMEOUT, Chain::run, &chain, nullptr), 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(chain.left, 0);
}

TEST(OnceMemory, callbacks_never_invoked_are_freed_with_the_base) {
  test::FaultAlloc memory;
  {
    Seen seen;
    const test::Pair pair = test::socket_pair();
    const test::Base base = test::make_base();
    const timeval tv = test::seconds(1000);
    EXPECT_EQ(base->once(pair.a, EV_READ, Seen::run, &seen, &tv), 0);
    EXPECT_EQ(base->once(kNoFd, EV_TIMEOUT, Seen::run, &seen, &tv), 0);
    EXPECT_EQ(base->once(kNoFd, EV_TIMEOUT, Seen::run, &seen, nullptr), 0);
    EXPECT_EQ(base->loop_exit_after(&tv), 0);
  }
  EXPECT_EQ(memory.live(), 0u);
}

}  // namespace

// Finalizers: the last callback of an event, on the thread of the loop.
#include <gtest/gtest.h>

#include <csignal>

#include "support/events.h"
#include "support/fault_alloc.h"

using test::kNoFd;

namespace {

struct Counts {
  int callbacks = 0;
  int finalizers = 0;
  event *seen = nullptr;
};
void callback(evutil_socket_t, short, void *arg) { ++static_cast<Counts *>(arg)->callbacks; }
void finalizer(event *ev, void *arg) {
  auto *counts = static_cast<Counts *>(arg);
  ++counts->finalizers;
  counts->seen = ev;
}

class FinalizeTest : public testing::Test {
 protected:
  void assign(short what = 0, int fd = kNoFd) {
    ASSERT_EQ(evi::assign_event(ev, base.get(), fd, what, callback, &counts), 0);
  }
  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  Counts counts;
  event ev = {};
  const timeval soon = test::seconds(1);
};

// Behaviour 16.
TEST_F(FinalizeTest, runs_from_the_loop_even_if_the_event_was_never_added) {
  assign();
  EXPECT_EQ(base->finalize(ev, finalizer, false), 0);
  EXPECT_EQ(counts.finalizers, 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(counts.finalizers, 1);
  EXPECT_EQ(counts.seen, &ev);
  EXPECT_EQ(counts.callbacks, 0);
}

TEST_F(FinalizeTest, replaces_a_pending_callback) {
  const test::Pair pair = test::socket_pair();
  assign(EV_READ | EV_PERSIST, pair.a);
  base->add(ev, &soon);
  base->activate(ev, EV_READ, 1);
  base->finalize(ev, finalizer, false);
  EXPECT_EQ(script.updates.back(), (test::ScriptBackend::Update{pair.a, 0}));
  script.ready(pair.a, EV_READ);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(counts.callbacks, 0);
  EXPECT_EQ(counts.finalizers, 1);
}

TEST_F(FinalizeTest, the_event_cannot_be_used_while_its_finalizer_is_pending) {
  assign();
  base->finalize(ev, finalizer, false);
  EXPECT_EQ(base->add(ev, &soon), -1);
  base->activate(ev, EV_READ, 1);
  EXPECT_EQ(base->del(ev, evi::DelMode::automatic), 0);
  EXPECT_EQ(base->pending(ev, EV_TIMEOUT | EV_READ, nullptr), 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(counts.callbacks, 0);
  EXPECT_EQ(counts.finalizers, 1);
}

TEST_F(FinalizeTest, using_the_event_after_its_finalizer_does_nothing) {
  assign(EV_PERSIST);
  base->finalize(ev, finalizer, false);
  base->loop(0);
  base->add(ev, &soon);
  base->activate(ev, EV_READ, 1);
  EXPECT_EQ(base->loop(0), 1);
  base->del(ev, evi::DelMode::automatic);
  EXPECT_EQ(counts.callbacks, 0);
  EXPECT_EQ(counts.finalizers, 1);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 0);
}

TEST_F(FinalizeTest, the_finalizer_may_assign_the_event_again) {
  assign();
  base->finalize(
      ev,
      [](event *it, void *arg) {
        event_base *on = it->ev_base;
        EXPECT_EQ(evi::assign_event(*it, on, -1, 0, callback, arg), 0);
        const timeval tv = test::seconds(1);
        EXPECT_EQ(on->add(*it, &tv), 0);
      },
      false);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(counts.callbacks, 1);
}

TEST_F(FinalizeTest, runs_once_even_if_requested_twice) {
  assign();
  base->finalize(ev, finalizer, false);
  base->finalize(ev, finalizer, false);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(counts.finalizers, 1);
}

TEST_F(FinalizeTest, may_be_requested_in_the_callback_of_the_event) {
  struct Both {
    Counts counts;
    event ev;
    event_base *base;
  } both{{}, {}, base.get()};
  for (const short what : {short{EV_PERSIST}, short{0}, short{EV_SIGNAL}}) {
    both.counts = {};
    const auto finalizing = [](evutil_socket_t, short, void *arg) {
      auto *b = static_cast<Both *>(arg);
      ++b->counts.callbacks;
      b->base->finalize(
          b->ev, [](event *, void *a) { ++static_cast<Both *>(a)->counts.finalizers; }, false);
    };
    ASSERT_EQ(
        evi::assign_event(both.ev, base.get(), what & EV_SIGNAL ? SIGUSR2 : -1, what, finalizing, &both), 0);
    base->activate(both.ev, what & EV_SIGNAL ? EV_SIGNAL : EV_TIMEOUT, 3);
    EXPECT_EQ(base->loop(0), 1);
    EXPECT_EQ(both.counts.callbacks, 1);  // a series of signals ends
    EXPECT_EQ(both.counts.finalizers, 1);
  }
}

TEST_F(FinalizeTest, finalizing_a_signal_event_restores_the_handler) {
  assign(EV_SIGNAL | EV_PERSIST, SIGUSR2);
  ASSERT_EQ(base->add(ev, nullptr), 0);
  base->finalize(ev, finalizer, false);
  struct sigaction action = {};
  ASSERT_EQ(sigaction(SIGUSR2, nullptr, &action), 0);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
  base->loop(0);
  EXPECT_EQ(counts.finalizers, 1);
}

TEST(FinalizeMemory, finalize_with_free_releases_the_memory) {
  test::FaultAlloc memory;
  {
    Counts counts;
    const test::Base base = test::make_base();
    for (int i = 0; i < 3; ++i) {
      auto *ev = static_cast<event *>(evi::mm_malloc(sizeof(event)));
      ASSERT_EQ(evi::assign_event(*ev, base.get(), -1, 0, callback, &counts), 0);
      base->finalize(*ev, finalizer, true);
    }
    base->loop(0);
    EXPECT_EQ(counts.finalizers, 3);
    // One is due when the base is freed.
    auto *ev = static_cast<event *>(evi::mm_malloc(sizeof(event)));
    ASSERT_EQ(evi::assign_event(*ev, base.get(), -1, 0, callback, &counts), 0);
    base->finalize(*ev, finalizer, true);
  }
  EXPECT_EQ(memory.live(), 0u);
}

TEST_F(FinalizeTest, freeing_the_base_runs_pending_finalizers) {
  assign();
  base->finalize(ev, finalizer, false);
  base.reset();
  EXPECT_EQ(counts.finalizers, 1);
}

TEST_F(FinalizeTest, freeing_the_base_without_finalizing_skips_pending_finalizers) {
  assign();
  base->finalize(ev, finalizer, false);
  base.release()->dispose(false);
  EXPECT_EQ(counts.finalizers, 0);
}

TEST_F(FinalizeTest, a_finalizer_may_finalize_another_while_the_base_is_freed) {
  struct Chain {
    event ev[3];
    int done;
  } chain{};
  const auto next = [](event *it, void *arg) {
    auto *c = static_cast<Chain *>(arg);
    if (++c->done < 3) {
      it[1].ev_base->finalize(
          it[1], [](event *, void *a) { ++static_cast<Chain *>(a)->done; }, false);
    }
  };
  for (event &it : chain.ev) {
    ASSERT_EQ(evi::assign_event(
                  it, base.get(), -1, 0, [](evutil_socket_t, short, void *) {}, &chain),
              0);
  }
  base->finalize(chain.ev[0], next, false);
  base.reset();
  EXPECT_EQ(chain.done, 2);
}

}  // namespace

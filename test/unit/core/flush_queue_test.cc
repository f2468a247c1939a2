// The queue of work flushed before the wait: order, counting, and cancelling during a flush.
#include "core/flush_queue.h"

#include <gtest/gtest.h>

#include <csetjmp>
#include <functional>
#include <string>
#include <vector>

#include "support/events.h"

using evi::flush_cancel;
using evi::flush_schedule;

namespace {

struct Work : evi::FlushHook {
  explicit Work(std::function<void()> fn = {}, const evi::FlushKind &kind = kNoEvent) : does(std::move(fn)) {
    flush_kind = &kind;
  }
  static void run(evi::FlushHook &hook, bool abandoned) noexcept {
    auto &self = static_cast<Work &>(hook);
    ++(abandoned ? self.abandoned : self.runs);
    if (const auto does = self.does) does();
  }
  static constexpr evi::FlushKind kNoEvent = {run};
  int runs = 0;
  int abandoned = 0;
  std::function<void()> does;
};

// Work that stands for the write event of a descriptor.
struct Output : Work {
  Output(event_base &base, int fd, std::function<void()> fn = {})
      : Work(std::move(fn), kKind), ev(base, fd, EV_WRITE | EV_PERSIST | EV_FINALIZE) {}
  static event *event_of(evi::FlushHook &hook) noexcept { return &*static_cast<Output &>(hook).ev; }
  static constexpr evi::FlushKind kKind = {run, event_of};
  test::Event ev;
};

class FlushQueue : public testing::Test {
 protected:
  test::FakeClock clock;
  test::ScriptBackend script{&clock};
  test::Base base = test::make_base(clock, script);
  std::string order;

  Work noting(char c) {
    return Work([this, c] { order += c; });
  }
};

TEST_F(FlushQueue, runs_once_before_the_wait) {
  test::Event timer(*base, test::kNoFd, 0);
  timer.add(100);
  Work work([&] { EXPECT_TRUE(script.waits.empty()); });
  EXPECT_TRUE(flush_schedule(*base, work));
  EXPECT_FALSE(flush_schedule(*base, work));  // queued already
  EXPECT_TRUE(work.queued());
  EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(work.runs, 1);
  EXPECT_FALSE(work.queued());
  EXPECT_EQ(script.waits.size(), 1u);
  EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(work.runs, 1);
}

TEST_F(FlushQueue, keeps_an_otherwise_empty_loop_alive) {
  Work work;
  flush_schedule(*base, work);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(work.runs, 1);
}

TEST_F(FlushQueue, counts_as_the_iteration_of_a_loop_run_once) {
  test::Event timer(*base, test::kNoFd, 0);
  timer.add(100);
  Work work;
  flush_schedule(*base, work);
  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(work.runs, 1);
  EXPECT_EQ(timer.calls, 0);
  EXPECT_EQ(script.waits, std::vector<evi::Micros>{0});  // looked, did not wait

  EXPECT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(timer.calls, 1);
}

TEST_F(FlushQueue, work_queued_while_flushing_runs_in_the_next_iteration) {
  Work again;
  again.does = [&] {
    if (again.runs < 3) flush_schedule(*base, again);
  };
  flush_schedule(*base, again);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(again.runs, 3);
  // Each time but the last the kernel was asked in between, without waiting.
  ASSERT_GE(script.waits.size(), 2u);
  EXPECT_EQ(script.waits[0], 0);
  EXPECT_EQ(script.waits[1], 0);
}

TEST_F(FlushQueue, work_queued_by_callbacks_runs_in_the_same_iteration) {
  Work work;
  test::Event ev(*base, test::kNoFd, 0, [&](int, short) { flush_schedule(*base, work); });
  ev.activate(EV_TIMEOUT);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(work.runs, 1);
}

TEST_F(FlushQueue, cancelled_work_does_not_run) {
  Work a = noting('a'), b = noting('b'), c = noting('c');
  for (Work *work : {&a, &b, &c}) flush_schedule(*base, *work);
  EXPECT_TRUE(flush_cancel(*base, b));
  EXPECT_FALSE(b.queued());
  EXPECT_FALSE(flush_cancel(*base, b));
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "ac");
}

// Each of the queued ones is freed by each of those that run before it: the list must stay whole.
TEST_F(FlushQueue, work_may_cancel_other_queued_work) {
  for (std::size_t canceller = 0; canceller < 3; ++canceller) {
    for (std::size_t victim = canceller + 1; victim < 4; ++victim) {
      SCOPED_TRACE(testing::Message() << canceller << " cancels " << victim);
      order.clear();
      Work works[4] = {noting('a'), noting('b'), noting('c'), noting('d')};
      Work late = noting('z');
      works[canceller].does = [&] {
        order += static_cast<char>('a' + canceller);
        flush_cancel(*base, works[victim]);
        flush_schedule(*base, late);
      };
      for (Work &work : works) flush_schedule(*base, work);
      EXPECT_EQ(base->loop(0), 1);
      std::string expected = "abcdz";
      expected.erase(victim, 1);
      EXPECT_EQ(order, expected);
      EXPECT_FALSE(works[victim].queued());

      // And the queue works as before.
      order.clear();
      flush_schedule(*base, works[victim]);
      flush_schedule(*base, works[canceller]);
      works[canceller].does = nullptr;
      EXPECT_EQ(base->loop(0), 1);
      EXPECT_EQ(order, std::string(1, static_cast<char>('a' + victim)));
    }
  }
}

TEST_F(FlushQueue, work_may_cancel_itself_after_queueing_itself_again) {
  Work work;
  work.does = [&] {
    flush_schedule(*base, work);
    flush_cancel(*base, work);
  };
  flush_schedule(*base, work);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(work.runs, 1);
}

TEST_F(FlushQueue, loopbreak_keeps_the_remaining_work_in_order) {
  Work a([&] {
    order += 'a';
    base->loop_break();
  });
  Work b = noting('b'), c = noting('c'), d = noting('d');
  for (Work *work : {&a, &b, &c}) flush_schedule(*base, *work);
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(order, "a");
  EXPECT_TRUE(script.waits.empty());
  flush_schedule(*base, d);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(order, "abcd");
}

TEST_F(FlushQueue, a_nonblocking_loop_continues_while_work_queues_work) {
  test::Event timer(*base, test::kNoFd, 0);
  timer.add(100);
  Work work;
  work.does = [&] {
    if (work.runs < 3) flush_schedule(*base, work);
  };
  flush_schedule(*base, work);
  EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(work.runs, 3);
  flush_schedule(*base, work);
  work.runs = 0;
  EXPECT_EQ(base->loop(EVLOOP_NONBLOCK | EVLOOP_ONCE), 0);
  EXPECT_EQ(work.runs, 1);
  flush_cancel(*base, work);
}

TEST_F(FlushQueue, work_without_an_event_is_not_counted) {
  Work work;
  flush_schedule(*base, work);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ACTIVE | EVENT_BASE_COUNT_ADDED), 0);
  EXPECT_EQ(base->set_priorities(3), 0);
  flush_cancel(*base, work);
}

// --- work that stands for an event ---

class QueuedOutput : public FlushQueue {
 protected:
  int added() { return base->count_events(EVENT_BASE_COUNT_ADDED); }
  std::vector<const event *> visited() {
    std::vector<const event *> seen;
    base->for_each_event(
        [](const event_base *, const event *ev, void *arg) {
          static_cast<std::vector<const event *> *>(arg)->push_back(ev);
          return 0;
        },
        &seen);
    return seen;
  }
  test::Pair pair = test::socket_pair();
  Output output{*base, pair.a};
};

TEST_F(QueuedOutput, counts_as_its_event_until_it_is_flushed) {
  flush_schedule(*base, output);
  flush_schedule(*base, output);
  EXPECT_EQ(added(), 1);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ACTIVE), 0);
  EXPECT_EQ(visited(), std::vector<const event *>{&*output.ev});
  EXPECT_EQ(output.ev.pending(), EV_WRITE);
  EXPECT_EQ(output.ev.pending(EV_READ | EV_TIMEOUT), 0);
  EXPECT_TRUE(base->check_invariants());
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(added(), 0);
  EXPECT_EQ(output.ev.pending(), 0);
  EXPECT_TRUE(visited().empty());
  EXPECT_EQ(base->max_events(EVENT_BASE_COUNT_ADDED, true), 1);
  EXPECT_EQ(base->max_events(EVENT_BASE_COUNT_ADDED, true), 0);
}

TEST_F(QueuedOutput, is_not_counted_after_cancel) {
  flush_schedule(*base, output);
  EXPECT_TRUE(flush_cancel(*base, output));
  EXPECT_FALSE(flush_cancel(*base, output));
  EXPECT_EQ(added(), 0);
  EXPECT_TRUE(base->check_invariants());
}

// The event may come and go by itself before, while and after its output is queued.
TEST_F(QueuedOutput, is_counted_once_together_with_its_event) {
  output.ev.add();
  flush_schedule(*base, output);
  EXPECT_EQ(added(), 1);
  EXPECT_EQ(visited().size(), 1u);
  output.ev.del();
  EXPECT_EQ(added(), 1);
  EXPECT_EQ(visited().size(), 1u);
  output.ev.activate(EV_WRITE);
  EXPECT_EQ(added(), 1);
  EXPECT_EQ(visited().size(), 1u);
  EXPECT_TRUE(base->check_invariants());
  output.ev.add(100);
  EXPECT_EQ(added(), 3);  // inserted, active and timed, as without output
  EXPECT_EQ(visited().size(), 1u);
  flush_cancel(*base, output);
  EXPECT_EQ(added(), 3);
  output.ev.del();
  EXPECT_EQ(added(), 0);
  EXPECT_TRUE(base->check_invariants());
}

TEST_F(QueuedOutput, counts_while_other_work_is_flushed) {
  int counted = 0, seen = 0, pending = 0;
  Work first([&] {
    counted = added();
    seen = static_cast<int>(visited().size());
    pending = output.ev.pending();
  });
  flush_schedule(*base, first);
  flush_schedule(*base, output);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(counted, 1);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(pending, EV_WRITE);
}

TEST_F(QueuedOutput, the_count_stays_correct_while_the_base_is_freed) {
  event_base *const freed = base.get();
  Output second(*base, pair.b, [&] { EXPECT_EQ(freed->count_events(EVENT_BASE_COUNT_ADDED), 1); });
  flush_schedule(*base, second);
  flush_schedule(*base, output);
  output.ev.forget();
  second.ev.forget();
  base.reset();
  EXPECT_EQ(output.abandoned, 1);
  EXPECT_EQ(second.abandoned, 1);
}

// --- the loop and queued work ---

TEST_F(FlushQueue, a_loop_for_one_iteration_returns_zero_if_it_only_flushed) {
  for (const int flags : {EVLOOP_ONCE, EVLOOP_ONCE | EVLOOP_NONBLOCK}) {
    Work work;
    flush_schedule(*base, work);
    EXPECT_EQ(base->loop(flags), 0) << flags;
    EXPECT_EQ(base->loop(flags), 1) << flags;
  }
}

TEST_F(FlushQueue, loopexit_attempts_queued_output_once) {
  for (const int flags : {0, EVLOOP_ONCE, EVLOOP_NONBLOCK}) {
    test::Event timer(*base, test::kNoFd, 0);
    timer.add(100);
    Work work;
    work.does = [&] { flush_schedule(*base, work); };
    test::Event ev(*base, test::kNoFd, 0, [&](int, short) {
      flush_schedule(*base, work);
      base->loop_exit_after(nullptr);
    });
    ev.activate(EV_TIMEOUT);
    EXPECT_EQ(base->loop(flags), 0) << flags;
    EXPECT_EQ(work.runs, 1) << flags;
    EXPECT_TRUE(base->got_exit());
    flush_cancel(*base, work);
  }
}

TEST_F(FlushQueue, loopbreak_does_not_attempt_queued_output) {
  Work work;
  test::Event ev(*base, test::kNoFd, 0, [&](int, short) {
    flush_schedule(*base, work);
    base->loop_break();
  });
  ev.activate(EV_TIMEOUT);
  EXPECT_EQ(base->loop(0), 0);
  EXPECT_EQ(work.runs, 0);
  flush_cancel(*base, work);
}

// --- ends ---

// A flush keeps no state on the stack.
TEST_F(FlushQueue, a_callback_may_leave_by_longjmp_and_free_the_base) {
  static std::jmp_buf out;
  static int jumps;
  jumps = 0;
  Work leaves([] {
    if (jumps++ == 0) std::longjmp(out, 1);
  });
  Work a, b;
  for (Work *work : {&a, &leaves, &b}) flush_schedule(*base, *work);
  if (setjmp(out) == 0) base->loop(0);
  EXPECT_EQ(jumps, 1);
  Work later;
  flush_schedule(*base, later);
  flush_schedule(*base, leaves);
  base.reset();
  EXPECT_EQ(a.runs, 1);
  EXPECT_EQ(b.runs + b.abandoned, 1);
  EXPECT_EQ(later.abandoned, 1);
  EXPECT_EQ(leaves.abandoned, 1);
}

TEST_F(FlushQueue, is_abandoned_with_its_base) {
  Work a, b;
  flush_schedule(*base, a);
  flush_schedule(*base, b);
  base.reset();
  EXPECT_EQ(a.runs, 0);
  EXPECT_EQ(a.abandoned, 1);
  EXPECT_EQ(b.abandoned, 1);
  EXPECT_FALSE(a.queued());
  EXPECT_FALSE(b.queued());
}

}  // namespace

// Descriptors that another thread closes and reuses while the method waits for them.
#include "conformance/methods.h"

#ifndef EVENT__DISABLE_THREAD_SUPPORT

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using conformance::Conformance;
using test::Event;

namespace {

// A lock that counts the threads waiting for it.
std::atomic<int> contenders{0};

struct evthread_lock_callbacks telling_locks() {
  struct evthread_lock_callbacks callbacks = {};
  callbacks.lock_api_version = EVTHREAD_LOCK_API_VERSION;
  callbacks.supported_locktypes = EVTHREAD_LOCKTYPE_RECURSIVE;
  callbacks.alloc = [](unsigned) -> void * {
    auto *mutex = new pthread_mutex_t;
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(mutex, &recursive);
    pthread_mutexattr_destroy(&recursive);
    return mutex;
  };
  callbacks.free = [](void *lock, unsigned) {
    pthread_mutex_destroy(static_cast<pthread_mutex_t *>(lock));
    delete static_cast<pthread_mutex_t *>(lock);
  };
  callbacks.lock = [](unsigned, void *lock) {
    auto *mutex = static_cast<pthread_mutex_t *>(lock);
    if (pthread_mutex_trylock(mutex) == 0) return 0;
    ++contenders;
    const int result = pthread_mutex_lock(mutex);
    --contenders;
    return result;
  };
  callbacks.unlock = [](unsigned, void *lock) {
    return pthread_mutex_unlock(static_cast<pthread_mutex_t *>(lock));
  };
  return callbacks;
}

// Makes its bases itself, when the locks are there.
class ConformanceOfOneLock : public Conformance {
 protected:
  void SetUp() override {}
};

TEST_P(ConformanceOfOneLock, a_report_for_the_old_fd_does_not_reach_a_new_event_on_it) {
  const auto locks = telling_locks();
  ASSERT_EQ(evi::set_lock_callbacks(&locks), 0);
  evi::set_id_callback([] { return static_cast<unsigned long>(pthread_self()); });
  {
    const test::Base base = make();
    ASSERT_NE(base, nullptr);
    test::Pair noisy = test::socket_pair();
    const test::Pair quiet = test::socket_pair();
    const int watched_fd = noisy.a;
    Event before(*base, watched_fd, EV_READ | EV_PERSIST);
    Event after(*base, watched_fd, EV_READ | EV_PERSIST, [](int fd, short) { test::drain(fd); });
    Event keeper(*base, test::kNoFd, 0);
    ASSERT_EQ(before.add(), 0);
    ASSERT_EQ(keeper.add(100), 0);
    std::thread loop([&] { base->loop(0); });
    while (!base->loop_runs_elsewhere()) sched_yield();

    {
      const evi::LockGuard held(base->lock());
      test::put(noisy.b);  // the wait ends, and its thread comes to the lock
      while (contenders == 0) sched_yield();
      before.del(evi::DelMode::no_block);
      EXPECT_EQ(dup2(quiet.a, watched_fd), watched_fd);
      EXPECT_EQ(after.add(), 0);
    }
    Event last(*base, test::kNoFd, 0, [&](int, short) { base->loop_break(); });
    last.add(0.0);
    loop.join();
    EXPECT_EQ(before.calls, 0);
    EXPECT_EQ(after.calls, 0);
    test::put(quiet.b);
    base->loop(EVLOOP_NONBLOCK);
    EXPECT_EQ(after.calls, 1);
  }
  evi::set_log_callback([](int, const char *) {});
  evi::set_lock_callbacks(nullptr);
  evi::set_log_callback(nullptr);
}

// Duplicates of one socket become readable together, so one wait has reports for all of them. They are given
// up in an order of their own.
TEST_P(ConformanceOfOneLock, reports_of_many_old_descriptors_do_not_reach_the_new_ones) {
  constexpr int kMany = 20;
  const auto locks = telling_locks();
  ASSERT_EQ(evi::set_lock_callbacks(&locks), 0);
  evi::set_id_callback([] { return static_cast<unsigned long>(pthread_self()); });
  {
    const test::Base base = make();
    ASSERT_NE(base, nullptr);
    const test::Pair noisy = test::socket_pair();
    const test::Pair quiet = test::socket_pair();
    std::vector<int> numbers;
    std::vector<std::unique_ptr<Event>> before;
    std::vector<std::unique_ptr<Event>> after;
    for (int i = 0; i < kMany; ++i) {
      numbers.push_back(dup(noisy.a));
      before.push_back(std::make_unique<Event>(*base, numbers[i], EV_READ | EV_PERSIST));
      after.push_back(std::make_unique<Event>(*base, numbers[i], EV_READ | EV_PERSIST));
      ASSERT_EQ(before[i]->add(), 0);
    }
    Event keeper(*base, test::kNoFd, 0);
    ASSERT_EQ(keeper.add(100), 0);
    std::thread loop([&] { base->loop(0); });
    while (!base->loop_runs_elsewhere()) sched_yield();

    {
      const evi::LockGuard held(base->lock());
      test::put(noisy.b);
      while (contenders == 0) sched_yield();
      for (int i = 0; i < kMany; ++i) {
        const int which = kMany - 1 - i;
        before[which]->del(evi::DelMode::no_block);
        EXPECT_EQ(dup2(quiet.a, numbers[which]), numbers[which]);
        EXPECT_EQ(after[which]->add(), 0);
      }
    }
    Event last(*base, test::kNoFd, 0, [&](int, short) { base->loop_break(); });
    last.add(0.0);
    loop.join();
    for (int i = 0; i < kMany; ++i) {
      EXPECT_EQ(before[i]->calls, 0) << i;
      EXPECT_EQ(after[i]->calls, 0) << i;
      after[i]->del();
    }
    for (const int number : numbers) close(number);
  }
  evi::set_log_callback([](int, const char *) {});
  evi::set_lock_callbacks(nullptr);
  evi::set_log_callback(nullptr);
}

INSTANTIATE_TEST_SUITE_P(By, ConformanceOfOneLock, testing::ValuesIn(conformance::methods()),
                         [](const auto &info) { return conformance::label(info.param); });

}  // namespace

#endif

// Descriptors that another thread gives up and opens anew while poll or select waits for them.
#include "backends/withdrawn.h"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <thread>

#include "support/events.h"

using test::Event;

namespace {

TEST(Withdrawn, notes_what_goes_during_the_wait) {
  evi::Withdrawn withdrawn;
  withdrawn.note(7);
  EXPECT_FALSE(withdrawn.contains(7));
  withdrawn.wait_begins();
  for (int fd = 99; fd >= 0; fd -= 2) withdrawn.note(fd);
  withdrawn.wait_ended();
  for (int fd = 0; fd < 100; ++fd) EXPECT_EQ(withdrawn.contains(fd), fd % 2 == 1) << fd;
  withdrawn.note(0);
  EXPECT_FALSE(withdrawn.contains(0));
  withdrawn.wait_begins();
  withdrawn.wait_ended();
  EXPECT_FALSE(withdrawn.contains(99));
}

#ifndef EVENT__DISABLE_THREAD_SUPPORT

// A lock that tells who waits for it.
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

class WithdrawnFrom : public testing::TestWithParam<const char *> {};

TEST_P(WithdrawnFrom, a_report_of_the_old_descriptor_does_not_reach_the_new_one) {
  const auto locks = telling_locks();
  ASSERT_EQ(evi::set_lock_callbacks(&locks), 0);
  evi::set_id_callback([] { return static_cast<unsigned long>(pthread_self()); });
  {
    const test::Base base = test::make_base_with(GetParam());
    ASSERT_NE(base, nullptr);
    test::Pair noisy = test::socket_pair();
    const test::Pair quiet = test::socket_pair();
    const int number = noisy.a;
    Event before(*base, number, EV_READ | EV_PERSIST);
    Event after(*base, number, EV_READ | EV_PERSIST, [](int fd, short) { test::drain(fd); });
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
      ASSERT_EQ(dup2(quiet.a, number), number);
      ASSERT_EQ(after.add(), 0);
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

INSTANTIATE_TEST_SUITE_P(By, WithdrawnFrom, testing::Values("poll", "select"),
                         [](const auto &info) { return std::string(info.param); });

#endif

}  // namespace

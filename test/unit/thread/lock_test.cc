// The choice of a lock implementation, and locks and conditions under each.
#include "thread/lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "event2/event.h"
#include "event2/thread.h"
#include "support/fault_alloc.h"
#include "thread/thread_config.h"
#include "util/log.h"

using evi::Condition;
using evi::Lock;
using evi::LockGuard;
using evi::Unlocked;

namespace {

// Locks of a program's own, which count and know their mistakes.
struct OwnLock {
  unsigned type;
  std::thread::id holder;
  int depth = 0;
  pthread_mutex_t mutex;
};
int own_locks = 0;
int own_conditions = 0;
std::atomic<int> own_acquired{0};
bool own_fails = false;

void *own_alloc(unsigned type) {
  if (own_fails) return nullptr;
  ++own_locks;
  auto *lock = new OwnLock{type, {}, 0, {}};
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&lock->mutex, &attributes);
  return lock;
}
void own_free(void *lock, unsigned type) {
  auto *own = static_cast<OwnLock *>(lock);
  EXPECT_EQ(own->type, type);
  EXPECT_EQ(own->depth, 0);
  pthread_mutex_destroy(&own->mutex);
  --own_locks;
  delete own;
}
int own_lock(unsigned mode, void *lock) {
  auto *own = static_cast<OwnLock *>(lock);
  const int error =
      mode & EVTHREAD_TRY ? pthread_mutex_trylock(&own->mutex) : pthread_mutex_lock(&own->mutex);
  if (error) return -1;
  ++own->depth;
  ++own_acquired;
  return 0;
}
int own_unlock(unsigned, void *lock) {
  auto *own = static_cast<OwnLock *>(lock);
  EXPECT_GT(own->depth, 0);
  --own->depth;
  return pthread_mutex_unlock(&own->mutex);
}
void *own_condition_new(unsigned type) {
  EXPECT_EQ(type, 0u);
  ++own_conditions;
  auto *condition = new pthread_cond_t;
  pthread_cond_init(condition, nullptr);
  return condition;
}
void own_condition_free(void *condition) {
  --own_conditions;
  pthread_cond_destroy(static_cast<pthread_cond_t *>(condition));
  delete static_cast<pthread_cond_t *>(condition);
}
int own_signal(void *condition, int broadcast) {
  auto *c = static_cast<pthread_cond_t *>(condition);
  return broadcast ? pthread_cond_broadcast(c) : pthread_cond_signal(c);
}
int own_wait(void *condition, void *lock, const timeval *timeout) {
  EXPECT_EQ(timeout, nullptr);
  auto *own = static_cast<OwnLock *>(lock);
  EXPECT_EQ(own->depth, 1);
  own->depth = 0;
  const int error = pthread_cond_wait(static_cast<pthread_cond_t *>(condition), &own->mutex);
  own->depth = 1;
  return error;
}
unsigned long own_id() { return std::hash<std::thread::id>{}(std::this_thread::get_id()); }

constexpr evthread_lock_callbacks kOwnLocks = {
    EVTHREAD_LOCK_API_VERSION, EVTHREAD_LOCKTYPE_RECURSIVE, own_alloc, own_free, own_lock, own_unlock};
constexpr evthread_condition_callbacks kOwnConditions = {EVTHREAD_CONDITION_API_VERSION, own_condition_new,
                                                         own_condition_free, own_signal, own_wait};

enum class With { native, callbacks };

void forget_all() {
  evi::set_lock_callbacks(nullptr);
  evi::set_condition_callbacks(nullptr);
  evi::set_id_callback(nullptr);
}

class LockTest : public testing::TestWithParam<With> {
 protected:
  void SetUp() override {
    if (!evi::kThreadSupport) GTEST_SKIP() << "there are no locks";
    evi::set_log_callback([](int, const char *) {});
    own_locks = own_conditions = 0;
    own_fails = false;
    if (GetParam() == With::native) {
      ASSERT_EQ(evi::use_native_threads(0), 0);
    } else {
      ASSERT_EQ(evi::set_lock_callbacks(&kOwnLocks), 0);
      ASSERT_EQ(evi::set_condition_callbacks(&kOwnConditions), 0);
      evi::set_id_callback(own_id);
    }
  }
  void TearDown() override {
    forget_all();
    EXPECT_EQ(own_locks, 0);
    EXPECT_EQ(own_conditions, 0);
    evi::set_log_callback(nullptr);
  }
};

TEST_P(LockTest, excludes_other_threads) {
  Lock lock;
  ASSERT_TRUE(lock.init());
  ASSERT_TRUE(static_cast<bool>(lock));
  long count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const LockGuard held(lock);
        ++count;
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
  EXPECT_EQ(count, 6000);
}

TEST_P(LockTest, is_recursive) {
  Lock lock;
  ASSERT_TRUE(lock.init());
  const LockGuard once(lock);
  const LockGuard twice(lock);
  std::thread other([&] { EXPECT_FALSE(evi::raw_lock_try(lock.raw())); });
  other.join();
}

TEST_P(LockTest, try_acquires_a_free_lock) {
  Lock lock;
  ASSERT_TRUE(lock.init());
  EXPECT_TRUE(evi::raw_lock_try(lock.raw()));
  evi::raw_lock_release(lock.raw());
}

TEST_P(LockTest, unlocked_releases_the_lock_for_a_scope) {
  Lock lock;
  ASSERT_TRUE(lock.init());
  const LockGuard held(lock);
  {
    const Unlocked open(lock);
    std::thread other([&] {
      EXPECT_TRUE(evi::raw_lock_try(lock.raw()));
      evi::raw_lock_release(lock.raw());
    });
    other.join();
  }
  std::thread other([&] { EXPECT_FALSE(evi::raw_lock_try(lock.raw())); });
  other.join();
}

// With the program's callbacks nothing is known, and without assertions nothing is recorded.
TEST_P(LockTest, held_is_true_for_the_holder_and_false_for_others_where_that_is_known) {
  const bool known = GetParam() == With::native && evi::kAssertions;
  Lock lock;
  EXPECT_TRUE(lock.held());
  ASSERT_TRUE(lock.init());
  EXPECT_EQ(lock.held(), !known);
  {
    const LockGuard once(lock);
    { const LockGuard twice(lock); }
    EXPECT_TRUE(lock.held());
    std::thread([&] { EXPECT_EQ(lock.held(), !known); }).join();
    const Unlocked open(lock);
    EXPECT_EQ(lock.held(), !known);
  }
  ASSERT_TRUE(evi::raw_lock_try(lock.raw()));
  EXPECT_TRUE(lock.held());
  evi::raw_lock_release(lock.raw());
  EXPECT_EQ(lock.held(), !known);
}

#ifndef NDEBUG
TEST_P(LockTest, opening_a_lock_that_is_not_held_asserts) {
  if (GetParam() != With::native) GTEST_SKIP() << "whether the program's locks are held is not known";
  evi::set_log_callback(nullptr);
  Lock lock;
  ASSERT_TRUE(lock.init());
  EXPECT_DEATH(const Unlocked open(lock), "lock_\\.held\\(\\) failed");
}
#endif

TEST_P(LockTest, broadcast_wakes_every_waiter) {
  Lock lock;
  Condition condition;
  ASSERT_TRUE(lock.init());
  ASSERT_TRUE(condition.init());
  ASSERT_TRUE(static_cast<bool>(condition));
  bool go = false;
  int waiting = 0, woken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      const LockGuard held(lock);
      ++waiting;
      while (!go) condition.wait(lock);
      ++woken;
    });
  }
  for (bool all = false; !all;) {
    const LockGuard held(lock);
    all = waiting == 3;
    go = all;
    if (all) condition.broadcast();
  }
  for (std::thread &thread : threads) thread.join();
  EXPECT_EQ(woken, 3);
}

TEST_P(LockTest, init_is_idempotent) {
  Lock lock;
  Condition condition;
  ASSERT_TRUE(lock.init());
  void *raw = lock.raw();
  EXPECT_TRUE(lock.init());
  EXPECT_EQ(lock.raw(), raw);
  EXPECT_TRUE(condition.init());
  EXPECT_TRUE(condition.init());
}

TEST_P(LockTest, threads_have_distinct_ids) {
  std::set<unsigned long> ids{evi::thread_id()};
  EXPECT_EQ(evi::thread_id(), *ids.begin());
  for (int t = 0; t < 3; ++t) {
    std::thread([&] { ids.insert(evi::thread_id()); }).join();
  }
  EXPECT_GE(ids.size(), 2u);  // the id of a thread that ended may be reused
}

TEST_P(LockTest, an_event_base_works_with_these_locks) {
  event_base *base = event_base_new();
  ASSERT_NE(base, nullptr);
  EXPECT_EQ(own_locks > 0, GetParam() == With::callbacks);
  int calls = 0;
  const auto callback = [](evutil_socket_t, short, void *arg) { ++*static_cast<int *>(arg); };
  event *ev = event_new(base, -1, EV_PERSIST, callback, &calls);
  std::thread other([&] { event_active(ev, EV_TIMEOUT, 1); });
  other.join();
  EXPECT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  EXPECT_EQ(calls, 1);
  event_free(ev);
  event_base_free(base);
}

INSTANTIATE_TEST_SUITE_P(With, LockTest, testing::Values(With::native, With::callbacks),
                         [](const auto &info) {
                           return info.param == With::native ? "native" : "callbacks";
                         });

class ThreadConfig : public testing::Test {
 protected:
  void SetUp() override {
    lines().clear();
    evi::set_log_callback([](int, const char *message) { lines().emplace_back(message); });
    own_fails = false;
  }
  void TearDown() override {
    forget_all();
    evi::set_log_callback(nullptr);
  }
  static std::vector<std::string> &lines() {
    static std::vector<std::string> kept;
    return kept;
  }
};

TEST_F(ThreadConfig, locks_are_empty_before_threads_are_enabled) {
  EXPECT_FALSE(evi::threads_enabled());
  Lock lock;
  EXPECT_TRUE(lock.init());
  EXPECT_FALSE(static_cast<bool>(lock));
  const LockGuard once(lock), twice(lock);
  Condition condition;
  EXPECT_TRUE(condition.init());
  EXPECT_FALSE(static_cast<bool>(condition));
  condition.broadcast();
  condition.wait(lock);  // returns at once
  EXPECT_TRUE(evi::raw_lock_try(nullptr));
  evi::raw_lock_free(nullptr);
  EXPECT_EQ(evi::thread_id(), 0u);
}

TEST_F(ThreadConfig, native_threads_may_be_requested_again) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "there are no locks";
  EXPECT_EQ(evi::use_native_threads(0), 0);
#ifdef EVTHREAD_PTHREAD_PRIO_INHERIT
  EXPECT_EQ(evi::use_native_threads(EVTHREAD_PTHREAD_PRIO_INHERIT), 0);
#endif
  EXPECT_TRUE(evi::threads_enabled());
  Lock lock;
  EXPECT_TRUE(lock.init());
  const LockGuard held(lock);
  EXPECT_EQ(evi::use_native_threads(0), 0);
}

// Behaviour 18.
TEST_F(ThreadConfig, lock_callbacks_cannot_be_replaced_until_removed) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "there are no locks";
  EXPECT_EQ(evi::set_lock_callbacks(&kOwnLocks), 0);
  EXPECT_EQ(evi::set_lock_callbacks(&kOwnLocks), 0);  // the same
  evthread_lock_callbacks other = kOwnLocks;
  other.unlock = [](unsigned, void *) { return 0; };
  EXPECT_EQ(evi::set_lock_callbacks(&other), -1);
  EXPECT_EQ(evi::use_native_threads(0), -1);
  EXPECT_EQ(lines().size(), 2u);
  EXPECT_EQ(evi::set_lock_callbacks(nullptr), 0);
  EXPECT_FALSE(evi::threads_enabled());
  EXPECT_EQ(evi::set_lock_callbacks(&other), 0);
  EXPECT_EQ(evi::set_lock_callbacks(nullptr), 0);
  EXPECT_EQ(evi::use_native_threads(0), 0);
  EXPECT_EQ(evi::set_lock_callbacks(&kOwnLocks), -1);
  EXPECT_EQ(evi::set_condition_callbacks(&kOwnConditions), -1);
}

// In a library built without threads no lock is created, whatever the application sets.
TEST_F(ThreadConfig, no_lock_is_created_without_thread_support) {
  if (evi::kThreadSupport) GTEST_SKIP() << "there are locks";
  EXPECT_EQ(evi::set_lock_callbacks(&kOwnLocks), -1);
  EXPECT_EQ(evi::set_condition_callbacks(&kOwnConditions), -1);
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(evi::threads_enabled());
    Lock lock;
    EXPECT_TRUE(lock.init());
    EXPECT_FALSE(static_cast<bool>(lock));
    const LockGuard once(lock), twice(lock);
    EXPECT_EQ(own_locks, 0);
    forget_all();
    EXPECT_EQ(evi::use_native_threads(0), -1);
  }
}

TEST_F(ThreadConfig, incomplete_callbacks_are_rejected) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "all are";
  const auto refused = [](auto change) {
    evthread_lock_callbacks locks = kOwnLocks;
    change(locks);
    return evi::set_lock_callbacks(&locks) == -1 && !evi::threads_enabled();
  };
  EXPECT_TRUE(refused([](auto &l) { l.lock_api_version = 2; }));
  EXPECT_TRUE(refused([](auto &l) { l.alloc = nullptr; }));
  EXPECT_TRUE(refused([](auto &l) { l.free = nullptr; }));
  EXPECT_TRUE(refused([](auto &l) { l.lock = nullptr; }));
  EXPECT_TRUE(refused([](auto &l) { l.unlock = nullptr; }));
  const auto refused_condition = [](auto change) {
    evthread_condition_callbacks conditions = kOwnConditions;
    change(conditions);
    return evi::set_condition_callbacks(&conditions) == -1;
  };
  EXPECT_TRUE(refused_condition([](auto &c) { c.condition_api_version = 7; }));
  EXPECT_TRUE(refused_condition([](auto &c) { c.alloc_condition = nullptr; }));
  EXPECT_TRUE(refused_condition([](auto &c) { c.free_condition = nullptr; }));
  EXPECT_TRUE(refused_condition([](auto &c) { c.signal_condition = nullptr; }));
  EXPECT_TRUE(refused_condition([](auto &c) { c.wait_condition = nullptr; }));
  EXPECT_EQ(evi::set_condition_callbacks(&kOwnConditions), 0);
  EXPECT_EQ(evi::set_condition_callbacks(&kOwnConditions), 0);
}

TEST_F(ThreadConfig, event_del_does_not_wait_without_conditions) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "there are no locks";
  ASSERT_EQ(evi::set_lock_callbacks(&kOwnLocks), 0);
  Condition condition;
  EXPECT_TRUE(condition.init());
  EXPECT_FALSE(static_cast<bool>(condition));
}

TEST_F(ThreadConfig, a_failed_lock_allocation_is_reported) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "there are no locks";
  ASSERT_EQ(evi::set_lock_callbacks(&kOwnLocks), 0);
  own_fails = true;
  {
    Lock lock;
    EXPECT_FALSE(lock.init());
    EXPECT_EQ(event_base_new(), nullptr);
  }
  own_fails = false;
  forget_all();
  ASSERT_EQ(evi::use_native_threads(0), 0);
  test::FaultAlloc memory{1};
  Lock lock;
  EXPECT_FALSE(lock.init());
  memory.fail_at(1);
  Condition condition;
  EXPECT_FALSE(condition.init());
}

// evthread_enable_lock_debugging cannot be undone: each case dies in a process of its own.
using LockDebuggingDeathTest = ThreadConfig;

void start_debugging() {
  evi::set_log_callback(nullptr);
  evi::use_native_threads(0);
  evi::enable_lock_debugging();
}

TEST_F(LockDebuggingDeathTest, misuse_aborts) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "there are no locks";
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        start_debugging();
        evi::raw_lock_release(evi::raw_lock_new());
      },
      "not locked");
  EXPECT_DEATH(
      {
        start_debugging();
        void *lock = evi::raw_lock_new();
        evi::raw_lock_acquire(lock);
        std::thread([&] { evi::raw_lock_release(lock); }).join();
      },
      "does not hold");
  EXPECT_DEATH(
      {
        start_debugging();
        void *lock = evi::raw_lock_new();
        evi::raw_lock_acquire(lock);
        evi::raw_lock_free(lock);
      },
      "freed while");
}

TEST_F(LockDebuggingDeathTest, correct_use_passes) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "there are no locks";
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        start_debugging();
        {
          Lock lock;
          Condition condition;
          if (!lock.init() || !condition.init()) _exit(1);
          bool woken = false;
          std::thread other([&] {
            const LockGuard held(lock);
            woken = true;
            condition.broadcast();
          });
          if (lock.held()) _exit(2);
          const LockGuard held(lock);
          while (!woken) condition.wait(lock);
          other.detach();
          { const LockGuard again(lock); }
          { const Unlocked open(lock); }
          if (!lock.held()) _exit(3);
        }
        event_base *base = event_base_new();
        event_base_loop(base, EVLOOP_NONBLOCK);
        event_base_free(base);
        _exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace

// Mutexes and conditions of POSIX threads.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "event2/thread.h"
#include "thread/lock.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/time.h"

namespace evi::native {
namespace {

// Whether new locks get PTHREAD_PRIO_INHERIT.
constinit bool inherit_priority = false;

bool initialise(pthread_mutex_t &mutex, bool recursive) noexcept {
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes) != 0) return false;
  bool good = !recursive || pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE) == 0;
  if (good && inherit_priority) good = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) == 0;
  good = good && pthread_mutex_init(&mutex, &attributes) == 0;
  pthread_mutexattr_destroy(&attributes);
  return good;
}

// For assertions: the locks that a thread holds, each as often as it was taken. They are kept here and not in
// the lock, which may be a pthread_mutex_t of the program (evbuffer_enable_locking). Locks beyond the bound
// are only counted; while there are such, every lock counts as held.
class HeldLocks {
 public:
  void add(void *lock) noexcept {
    if (known_ == kMaxKnown) {
      ++unknown_;
    } else {
      locks_[known_++] = lock;
    }
  }
  void remove(void *lock) noexcept {
    for (int i = known_; i-- > 0;) {
      if (locks_[i] != lock) continue;
      locks_[i] = locks_[--known_];
      return;
    }
    if (unknown_ > 0) --unknown_;
  }
  bool contain(void *lock) const noexcept {
    return unknown_ > 0 || std::find(locks_, locks_ + known_, lock) != locks_ + known_;
  }

 private:
  static constexpr int kMaxKnown = 32;
  void *locks_[kMaxKnown] = {};
  int known_ = 0;
  int unknown_ = 0;
};

[[maybe_unused]] constinit thread_local HeldLocks held_locks;

// The result of pthread_mutex_*lock() on `lock`, recorded.
int acquired(int error, void *lock) noexcept {
  if constexpr (kAssertions) {
    if (error == 0) held_locks.add(lock);
  }
  return error;
}

}  // namespace

void set_lock_flags(int flags) noexcept { inherit_priority = (flags & EVTHREAD_PTHREAD_PRIO_INHERIT) != 0; }

void *lock_new(bool recursive) noexcept {
  OwnedMemory<pthread_mutex_t> mutex{static_cast<pthread_mutex_t *>(mm_malloc(sizeof(pthread_mutex_t)))};
  return mutex && initialise(*mutex, recursive) ? mutex.release() : nullptr;
}

void lock_free(void *lock) noexcept {
  pthread_mutex_destroy(static_cast<pthread_mutex_t *>(lock));
  mm_free(lock);
}

int lock_acquire(void *lock) noexcept {
  return acquired(pthread_mutex_lock(static_cast<pthread_mutex_t *>(lock)), lock);
}

int lock_try(void *lock) noexcept {
  return acquired(pthread_mutex_trylock(static_cast<pthread_mutex_t *>(lock)), lock);
}

int lock_release(void *lock) noexcept {
  const int error = pthread_mutex_unlock(static_cast<pthread_mutex_t *>(lock));
  if constexpr (kAssertions) {
    if (error == 0) held_locks.remove(lock);
  }
  return error;
}

bool lock_held(void *lock) noexcept {
  if constexpr (kAssertions) return held_locks.contain(lock);
  return true;
}

void *condition_new() noexcept {
  OwnedMemory<pthread_cond_t> condition{static_cast<pthread_cond_t *>(mm_malloc(sizeof(pthread_cond_t)))};
  if (!condition || pthread_cond_init(condition.get(), nullptr) != 0) return nullptr;
  return condition.release();
}

void condition_free(void *condition) noexcept {
  pthread_cond_destroy(static_cast<pthread_cond_t *>(condition));
  mm_free(condition);
}

int condition_signal(void *condition, bool broadcast) noexcept {
  auto *c = static_cast<pthread_cond_t *>(condition);
  return (broadcast ? pthread_cond_broadcast(c) : pthread_cond_signal(c)) == 0 ? 0 : -1;
}

int condition_wait(void *condition, void *lock, const timeval *timeout) noexcept {
  EVI_ASSERT(condition && lock);
  auto *c = static_cast<pthread_cond_t *>(condition);
  auto *m = static_cast<pthread_mutex_t *>(lock);
  if (!timeout) return pthread_cond_wait(c, m) == 0 ? 0 : -1;
  timespec until{};
  clock_gettime(CLOCK_REALTIME, &until);
  const Micros wait = to_micros(*timeout);
  Micros seconds = until.tv_sec + wait / kMicrosPerSecond;
  std::int64_t nanos = until.tv_nsec + wait % kMicrosPerSecond * 1000;
  if (nanos >= 1'000'000'000) {
    nanos -= 1'000'000'000;
    ++seconds;
  }
  EVI_ASSERT(nanos >= 0 && nanos < 1'000'000'000);
  until.tv_sec = static_cast<time_t>(std::min<Micros>(seconds, std::numeric_limits<time_t>::max()));
  until.tv_nsec = static_cast<long>(nanos);
  const int error = pthread_cond_timedwait(c, m, &until);
  return error == 0 ? 0 : error == ETIMEDOUT ? 1 : -1;
}

void yield() noexcept { sched_yield(); }

unsigned long thread_id() noexcept {
  static_assert(sizeof(pthread_t) <= sizeof(unsigned long));
  return (unsigned long)pthread_self();  // an integer or a pointer, depending on the system
}

}  // namespace evi::native

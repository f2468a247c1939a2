// Locks and conditions. Before the program enables threads they are null, and their operations do nothing.
//
// A process uses one implementation, chosen before the first lock is made: our own (evthread_use_pthreads),
// which is called directly, or the program's callbacks (evthread_set_lock_callbacks). All locks made here are
// recursive.
#ifndef EVI_THREAD_LOCK_H
#define EVI_THREAD_LOCK_H

#include <sys/time.h>

#include <atomic>

#include "thread/annotations.h"
#include "util/assert.h"
#include "util/platform.h"

namespace evi {

// --- raw handles, which are void* in public interfaces (evbuffer_enable_locking) ---

// Set when an implementation is chosen (lock.cc).
extern std::atomic<bool> locks_chosen;

// True once new objects get locks.
inline bool threads_enabled() noexcept {
  return kThreadSupport && locks_chosen.load(std::memory_order_acquire);
}

// Null if threads are off or out of memory; threads_enabled() distinguishes the two.
[[nodiscard]] void *raw_lock_new() noexcept;
void raw_lock_free(void *lock) noexcept;
void raw_lock_acquire_slow(void *lock) noexcept;
void raw_lock_release_slow(void *lock) noexcept;
// True if the lock was free, or held by this thread. Does not wait.
bool raw_lock_try(void *lock) noexcept;

inline void raw_lock_acquire(void *lock) noexcept {
  if (kThreadSupport && EVI_UNLIKELY(lock != nullptr)) raw_lock_acquire_slow(lock);
}
inline void raw_lock_release(void *lock) noexcept {
  if (kThreadSupport && EVI_UNLIKELY(lock != nullptr)) raw_lock_release_slow(lock);
}

// For assertions. False if the calling thread does not hold the lock; true if it does, if the lock is null,
// or if the lock is one of the program's callbacks and locks are not debugged: then nothing is known.
bool raw_lock_held(void *lock) noexcept;

// The calling thread's id by the id callback; 0 if threads are off.
unsigned long thread_id() noexcept;

// Lets other threads run: for waits that are nearly always over when they begin.
void yield_thread() noexcept;

// --- the annotated class for members ---

class EVI_CAPABILITY("lock") Lock {
 public:
  Lock() noexcept = default;
  Lock(const Lock &) = delete;
  Lock &operator=(const Lock &) = delete;
  ~Lock() { raw_lock_free(raw_); }

  // False only if threads are enabled and out of memory.
  [[nodiscard]] bool init() noexcept {
    if (!raw_ && threads_enabled()) raw_ = raw_lock_new();
    return raw_ || !threads_enabled();
  }
  explicit operator bool() const noexcept { return raw_ != nullptr; }
  void *raw() const noexcept { return raw_; }

  void acquire() const noexcept EVI_ACQUIRE() EVI_NO_THREAD_SAFETY_ANALYSIS { raw_lock_acquire(raw_); }
  void release() const noexcept EVI_RELEASE() EVI_NO_THREAD_SAFETY_ANALYSIS { raw_lock_release(raw_); }
  // See raw_lock_held().
  bool held() const noexcept { return raw_lock_held(raw_); }

 private:
  void *raw_ = nullptr;
};

class EVI_SCOPED_CAPABILITY LockGuard {
 public:
  explicit LockGuard(const Lock &lock) noexcept EVI_ACQUIRE(lock) : lock_(lock) { lock_.acquire(); }
  ~LockGuard() EVI_RELEASE() { lock_.release(); }
  LockGuard(const LockGuard &) = delete;
  LockGuard &operator=(const LockGuard &) = delete;

 private:
  const Lock &lock_;
};

// The same for a raw handle, which may be null.
class RawLockGuard {
 public:
  explicit RawLockGuard(void *lock) noexcept : lock_(lock) { raw_lock_acquire(lock_); }
  ~RawLockGuard() { raw_lock_release(lock_); }
  RawLockGuard(const RawLockGuard &) = delete;
  RawLockGuard &operator=(const RawLockGuard &) = delete;

 private:
  void *lock_;
};

// Releases a held lock for a scope: around the program's callbacks and the kernel's wait.
class Unlocked {
 public:
  explicit Unlocked(const Lock &lock) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS : lock_(lock) {
    EVI_ASSERT(lock_.held());
    lock_.release();
  }
  ~Unlocked() EVI_NO_THREAD_SAFETY_ANALYSIS { lock_.acquire(); }
  Unlocked(const Unlocked &) = delete;
  Unlocked &operator=(const Unlocked &) = delete;

 private:
  const Lock &lock_;
};

class Condition {
 public:
  Condition() noexcept = default;
  Condition(const Condition &) = delete;
  Condition &operator=(const Condition &) = delete;
  ~Condition();

  // False only if out of memory.
  [[nodiscard]] bool init() noexcept;
  explicit operator bool() const noexcept { return raw_ != nullptr; }
  void broadcast() noexcept;
  // Requires: this thread holds `lock` exactly once. Releases it while it waits.
  void wait(const Lock &lock) noexcept;

 private:
  void *raw_ = nullptr;
};

// --- for src/thread only ---

// Our own mutexes, one file per platform. `flags` are EVTHREAD_PTHREAD_* of event2/thread.h.
namespace native {
void *lock_new(bool recursive) noexcept;
void lock_free(void *lock) noexcept;
int lock_acquire(void *lock) noexcept;
int lock_try(void *lock) noexcept;
int lock_release(void *lock) noexcept;
// With assertions: false if the calling thread does not hold the lock. Without: true.
bool lock_held(void *lock) noexcept;
void *condition_new() noexcept;
void condition_free(void *condition) noexcept;
int condition_signal(void *condition, bool broadcast) noexcept;
// Returns: 0 if signalled, 1 after the timeout, -1 on an error. `timeout` may be null.
int condition_wait(void *condition, void *lock, const timeval *timeout) noexcept;
unsigned long thread_id() noexcept;
void yield() noexcept;
void set_lock_flags(int flags) noexcept;
}  // namespace native

}  // namespace evi

#endif

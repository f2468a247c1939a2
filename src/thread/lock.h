// Locks and conditions that exist only once the program enabled threads; before that, a null lock is a no-op.
//
// Which implementation serves is one choice per process, made before the first lock: our own (chosen by
// evthread_use_pthreads, called without going through a function pointer) or the user's callbacks
// (evthread_set_lock_callbacks). All locks made here are recursive.
#ifndef EVI_THREAD_LOCK_H
#define EVI_THREAD_LOCK_H

#include <sys/time.h>

#include <atomic>

#include "thread/annotations.h"
#include "util/platform.h"

namespace evi {

// --- the raw handles, which public interfaces (evbuffer_enable_locking) show as void* ---

// Set by the choice of an implementation (lock.cc).
extern std::atomic<bool> locks_chosen;

// True once locks are to be had: then new objects get theirs.
inline bool threads_enabled() noexcept {
  return kThreadSupport && locks_chosen.load(std::memory_order_acquire);
}

// Null when threads are off, or when there is no memory: a caller for whom the lock matters asks
// threads_enabled() to tell the two apart.
[[nodiscard]] void *raw_lock_new() noexcept;
void raw_lock_free(void *lock) noexcept;
void raw_lock_acquire_slow(void *lock) noexcept;
void raw_lock_release_slow(void *lock) noexcept;
// True if the lock was had at once.
bool raw_lock_try(void *lock) noexcept;

inline void raw_lock_acquire(void *lock) noexcept {
  if (kThreadSupport && EVI_UNLIKELY(lock != nullptr)) raw_lock_acquire_slow(lock);
}
inline void raw_lock_release(void *lock) noexcept {
  if (kThreadSupport && EVI_UNLIKELY(lock != nullptr)) raw_lock_release_slow(lock);
}

// The calling thread's number by the id callback; 0 when threads are off.
unsigned long thread_id() noexcept;

// Lets other threads run: for waits that are nearly always over before they begin.
void yield_thread() noexcept;

// --- the annotated class for members ---

class EVI_CAPABILITY("lock") Lock {
 public:
  Lock() noexcept = default;
  Lock(const Lock &) = delete;
  Lock &operator=(const Lock &) = delete;
  ~Lock() { raw_lock_free(raw_); }

  // False only if threads are on and there is no memory for the lock.
  [[nodiscard]] bool init() noexcept {
    if (!raw_ && threads_enabled()) raw_ = raw_lock_new();
    return raw_ || !threads_enabled();
  }
  explicit operator bool() const noexcept { return raw_ != nullptr; }
  void *raw() const noexcept { return raw_; }

  void acquire() const noexcept EVI_ACQUIRE() EVI_NO_THREAD_SAFETY_ANALYSIS { raw_lock_acquire(raw_); }
  void release() const noexcept EVI_RELEASE() EVI_NO_THREAD_SAFETY_ANALYSIS { raw_lock_release(raw_); }

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

// The same over a raw handle, null included.
class RawLockGuard {
 public:
  explicit RawLockGuard(void *lock) noexcept : lock_(lock) { raw_lock_acquire(lock_); }
  ~RawLockGuard() { raw_lock_release(lock_); }
  RawLockGuard(const RawLockGuard &) = delete;
  RawLockGuard &operator=(const RawLockGuard &) = delete;

 private:
  void *lock_;
};

// Opens a held lock for a scope: around the user's callbacks and the wait for the kernel.
class Unlocked {
 public:
  explicit Unlocked(const Lock &lock) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS : lock_(lock) {
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

  // False only if conditions are to be had and there is no memory for one.
  [[nodiscard]] bool init() noexcept;
  explicit operator bool() const noexcept { return raw_ != nullptr; }
  void broadcast() noexcept;
  // Waits with `lock` held exactly once by this thread; opens it meanwhile.
  void wait(const Lock &lock) noexcept;

 private:
  void *raw_ = nullptr;
};

// --- for src/thread alone ---

// Our own mutexes, one file per platform. `flags` are EVTHREAD_PTHREAD_* of event2/thread.h.
namespace native {
void *lock_new(bool recursive) noexcept;
void lock_free(void *lock) noexcept;
int lock_acquire(void *lock) noexcept;
int lock_try(void *lock) noexcept;
int lock_release(void *lock) noexcept;
void *condition_new() noexcept;
void condition_free(void *condition) noexcept;
int condition_signal(void *condition, bool broadcast) noexcept;
// 0 when signalled, 1 at the time-out, -1 on an error; `timeout` may be null.
int condition_wait(void *condition, void *lock, const timeval *timeout) noexcept;
unsigned long thread_id() noexcept;
void yield() noexcept;
void set_lock_flags(int flags) noexcept;
}  // namespace native

}  // namespace evi

#endif

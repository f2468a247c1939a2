// The process's choice of a lock implementation, and the dispatch to it.
#include "thread/lock.h"

#include <atomic>

#include "event2/thread.h"
#include "thread/thread_config.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/log.h"

namespace evi {
namespace {

enum class Provider : unsigned char { none, native, callbacks };

constexpr int kLockMisuse = 1;  // the argument of the fatal callback

// A lock while locks are debugged: the provider's lock and its holder. Only the holder writes the fields.
struct DebugLock {
  void *inner;  // null if no provider was chosen: then uses are checked, but nothing is locked
  std::atomic<unsigned long> holder{0};
  std::atomic<int> depth{0};
};

struct ThreadConfig {
  std::atomic<Provider> provider{Provider::none};
  evthread_lock_callbacks locks{};
  evthread_condition_callbacks conditions{};
  unsigned long (*id)() = nullptr;
  std::atomic<bool> debugging{false};
  std::atomic<bool> lock_exists{false};
};

// Set before the first base or lock, as event2/thread.h requires; the release store of the provider publishes
// the other fields.
constinit ThreadConfig config;

bool same(const evthread_lock_callbacks &a, const evthread_lock_callbacks &b) noexcept {
  return a.lock_api_version == b.lock_api_version && a.supported_locktypes == b.supported_locktypes &&
         a.alloc == b.alloc && a.free == b.free && a.lock == b.lock && a.unlock == b.unlock;
}

bool same(const evthread_condition_callbacks &a, const evthread_condition_callbacks &b) noexcept {
  return a.condition_api_version == b.condition_api_version && a.alloc_condition == b.alloc_condition &&
         a.free_condition == b.free_condition && a.signal_condition == b.signal_condition &&
         a.wait_condition == b.wait_condition;
}

Provider provider() noexcept { return config.provider.load(std::memory_order_acquire); }

void choose(Provider chosen) noexcept {
  EVI_ASSERT(kThreadSupport || chosen == Provider::none);
  config.provider.store(chosen, std::memory_order_release);
  locks_chosen.store(chosen != Provider::none || config.debugging.load(), std::memory_order_release);
}

}  // namespace

constinit std::atomic<bool> locks_chosen{false};

namespace {

// In a build without threads locks could be made but would never be taken.
bool can_lock(const char *function) noexcept {
  if (kThreadSupport) return true;
  log_warnx("%s: this library was built without thread support", function);
  return false;
}

}  // namespace

int use_native_threads(int flags) noexcept {
  if (!can_lock("evthread_use_pthreads")) return -1;
  if (provider() == Provider::callbacks) {
    log_warnx("evthread: the program's own lock callbacks are in use already");
    return -1;
  }
  native::set_lock_flags(flags);
  choose(Provider::native);
  return 0;
}

int set_lock_callbacks(const evthread_lock_callbacks *callbacks) noexcept {
  if (!callbacks) {
    if (provider() != Provider::none)
      log_warnx("evthread: locks that exist are useless without their functions");
    config.locks = {};
    choose(Provider::none);
    return 0;
  }
  if (!can_lock("evthread_set_lock_callbacks")) return -1;
  switch (provider()) {
    case Provider::callbacks:
      if (same(config.locks, *callbacks)) return 0;
      [[fallthrough]];
    case Provider::native:
      log_warnx("evthread: lock functions cannot be exchanged once they are set");
      return -1;
    case Provider::none:
      break;
  }
  if (callbacks->lock_api_version != EVTHREAD_LOCK_API_VERSION || !callbacks->alloc || !callbacks->free ||
      !callbacks->lock || !callbacks->unlock) {
    return -1;
  }
  config.locks = *callbacks;
  choose(Provider::callbacks);
  return 0;
}

int set_condition_callbacks(const evthread_condition_callbacks *callbacks) noexcept {
  if (!callbacks) {
    config.conditions = {};
    return 0;
  }
  if (!can_lock("evthread_set_condition_callbacks")) return -1;
  if (provider() == Provider::native || config.conditions.alloc_condition) {
    if (same(config.conditions, *callbacks)) return 0;
    log_warnx("evthread: condition functions cannot be exchanged once they are set");
    return -1;
  }
  if (callbacks->condition_api_version != EVTHREAD_CONDITION_API_VERSION || !callbacks->alloc_condition ||
      !callbacks->free_condition || !callbacks->signal_condition || !callbacks->wait_condition) {
    return -1;
  }
  config.conditions = *callbacks;
  return 0;
}

void set_id_callback(unsigned long (*id)()) noexcept { config.id = id; }

namespace {

void *provider_lock_new() noexcept {
  switch (provider()) {
    case Provider::native:
      return native::lock_new(true);
    case Provider::callbacks:
      return config.locks.alloc(EVTHREAD_LOCKTYPE_RECURSIVE);
    case Provider::none:
      break;
  }
  return nullptr;
}

void provider_lock_free(void *lock) noexcept {
  EVI_ASSERT(lock);
  switch (provider()) {
    case Provider::native:
      native::lock_free(lock);
      break;
    case Provider::callbacks:
      config.locks.free(lock, EVTHREAD_LOCKTYPE_RECURSIVE);
      break;
    case Provider::none:
      break;
  }
}

int provider_acquire(void *lock, unsigned mode) noexcept {
  EVI_ASSERT(lock);
  if (provider() == Provider::native)
    return mode & EVTHREAD_TRY ? native::lock_try(lock) : native::lock_acquire(lock);
  return config.locks.lock ? config.locks.lock(mode, lock) : 0;
}

void provider_release(void *lock) noexcept {
  EVI_ASSERT(lock);
  if (provider() == Provider::native) {
    native::lock_release(lock);
  } else if (config.locks.unlock) {
    config.locks.unlock(0, lock);
  }
}

bool debugging() noexcept { return EVI_UNLIKELY(config.debugging.load(std::memory_order_relaxed)); }

void note_acquired(DebugLock &lock) noexcept {
  const unsigned long self = thread_id();
  if (lock.depth.load(std::memory_order_relaxed) > 0 && lock.holder.load(std::memory_order_relaxed) != self) {
    fatal(kLockMisuse, "lock %p was given to two threads at once", static_cast<void *>(&lock));
  }
  lock.holder.store(self, std::memory_order_relaxed);
  const int depth = lock.depth.fetch_add(1, std::memory_order_relaxed);
  EVI_ASSERT(depth >= 0);
}

void note_release(DebugLock &lock) noexcept {
  const bool held = lock.depth.load(std::memory_order_relaxed) > 0;
  if (!held) fatal(kLockMisuse, "lock %p is unlocked but not locked", static_cast<void *>(&lock));
  if (lock.holder.load(std::memory_order_relaxed) != thread_id()) {
    fatal(kLockMisuse, "lock %p is unlocked by a thread that does not hold it", static_cast<void *>(&lock));
  }
  if (lock.depth.fetch_sub(1, std::memory_order_relaxed) == 1)
    lock.holder.store(0, std::memory_order_relaxed);
}

DebugLock &debug_lock(void *lock) noexcept {
  EVI_ASSERT(lock && debugging());
  return *static_cast<DebugLock *>(lock);
}

// A lock that was made before a provider was chosen has no inner lock, also afterwards.
int inner_acquire(DebugLock &lock, unsigned mode) noexcept {
  return lock.inner ? provider_acquire(lock.inner, mode) : 0;
}

}  // namespace

void enable_lock_debugging() noexcept {
  if (config.debugging.load()) return;
  if (config.lock_exists.load()) {
    log_warnx("evthread_enable_lock_debugging must be called before anything with a lock is made");
    return;
  }
  config.debugging.store(true);
  // As in libevent, objects get locks from now on, though the locks exclude no thread before a provider is
  // chosen.
  if (kThreadSupport) locks_chosen.store(true, std::memory_order_release);
}

void *raw_lock_new() noexcept {
  void *inner = provider_lock_new();
  const bool checks_alone = kThreadSupport && debugging() && provider() == Provider::none;
  if (!inner && !checks_alone) return nullptr;
  config.lock_exists.store(true, std::memory_order_relaxed);
  if (!debugging()) return inner;
  auto *lock = make<DebugLock>(inner);
  if (!lock && inner) provider_lock_free(inner);
  return lock;
}

void raw_lock_free(void *lock) noexcept {
  if (!lock) return;
  if (!debugging()) {
    provider_lock_free(lock);
    return;
  }
  DebugLock &debugged = debug_lock(lock);
  if (debugged.depth.load() > 0) fatal(kLockMisuse, "lock %p is freed while it is held", lock);
  if (debugged.inner) provider_lock_free(debugged.inner);
  destroy(&debugged);
}

bool raw_lock_held(void *lock) noexcept {
  if (!kThreadSupport || !lock) return true;
  if (debugging()) {
    return debug_lock(lock).depth.load(std::memory_order_relaxed) > 0 &&
           debug_lock(lock).holder.load(std::memory_order_relaxed) == thread_id();
  }
  return provider() != Provider::native || native::lock_held(lock);
}

void raw_lock_acquire_slow(void *lock) noexcept {
  EVI_ASSERT(lock);
  if (debugging()) {
    inner_acquire(debug_lock(lock), 0);
    note_acquired(debug_lock(lock));
  } else if (EVI_LIKELY(provider() == Provider::native)) {
    native::lock_acquire(lock);
  } else {
    provider_acquire(lock, 0);
  }
}

void raw_lock_release_slow(void *lock) noexcept {
  EVI_ASSERT(lock);
  if (debugging()) {
    note_release(debug_lock(lock));
    if (debug_lock(lock).inner) provider_release(debug_lock(lock).inner);
  } else if (EVI_LIKELY(provider() == Provider::native)) {
    native::lock_release(lock);
  } else {
    provider_release(lock);
  }
}

bool raw_lock_try(void *lock) noexcept {
  if (!lock) return true;
  if (!debugging()) return provider_acquire(lock, EVTHREAD_TRY) == 0;
  if (inner_acquire(debug_lock(lock), EVTHREAD_TRY) != 0) return false;
  note_acquired(debug_lock(lock));
  return true;
}

unsigned long thread_id() noexcept {
  if (!kThreadSupport) return 0;
  if (EVI_UNLIKELY(config.id != nullptr)) return config.id();
  return provider() == Provider::native ? native::thread_id() : 0;
}

void yield_thread() noexcept { native::yield(); }

bool Condition::init() noexcept {
  if (raw_) return true;
  switch (provider()) {
    case Provider::native:
      raw_ = native::condition_new();
      return raw_ != nullptr;
    case Provider::callbacks:
      if (!config.conditions.alloc_condition) return true;
      raw_ = config.conditions.alloc_condition(0);
      return raw_ != nullptr;
    case Provider::none:
      break;
  }
  return true;
}

Condition::~Condition() {
  if (!raw_) return;
  if (provider() == Provider::native) {
    native::condition_free(raw_);
  } else if (config.conditions.free_condition) {
    config.conditions.free_condition(raw_);
  }
}

void Condition::broadcast() noexcept {
  if (!raw_) return;
  if (provider() == Provider::native) {
    native::condition_signal(raw_, true);
  } else if (config.conditions.signal_condition) {
    config.conditions.signal_condition(raw_, 1);
  }
}

void Condition::wait(const Lock &lock) noexcept {
  if (!raw_) return;
  EVI_ASSERT(lock && lock.held());
  void *inner = lock.raw();
  if (debugging()) {
    note_release(debug_lock(lock.raw()));
    inner = debug_lock(lock.raw()).inner;
  }
  if (provider() == Provider::native) {
    native::condition_wait(raw_, inner, nullptr);
  } else if (config.conditions.wait_condition) {
    config.conditions.wait_condition(raw_, inner, nullptr);
  }
  if (debugging()) note_acquired(debug_lock(lock.raw()));
}

}  // namespace evi

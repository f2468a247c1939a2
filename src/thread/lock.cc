// The one choice of a lock implementation per process, and the dispatch to it.
#include "thread/lock.h"

#include <atomic>

#include "event2/thread.h"
#include "thread/thread_config.h"
#include "util/log.h"

namespace evi {
namespace {

enum class Provider : unsigned char { none, native, callbacks };

struct ThreadConfig {
  std::atomic<Provider> provider{Provider::none};
  evthread_lock_callbacks locks{};
  evthread_condition_callbacks conditions{};
  unsigned long (*id)() = nullptr;
};

// Set before the first base or lock, as event2/thread.h asks; the provider's release store publishes the
// rest.
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

}  // namespace

bool threads_enabled() noexcept { return kThreadSupport && provider() != Provider::none; }

int use_native_threads(int flags) noexcept {
  if (provider() == Provider::callbacks) {
    log_warnx("evthread: lock callbacks of the program's own are in use already");
    return -1;
  }
  native::set_lock_flags(flags);
  config.provider.store(Provider::native, std::memory_order_release);
  return 0;
}

int set_lock_callbacks(const evthread_lock_callbacks *callbacks) noexcept {
  if (!callbacks) {
    if (provider() != Provider::none)
      log_warnx("evthread: locks that exist are useless without their functions");
    config.locks = {};
    config.provider.store(Provider::none, std::memory_order_release);
    return 0;
  }
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
  config.provider.store(Provider::callbacks, std::memory_order_release);
  return 0;
}

int set_condition_callbacks(const evthread_condition_callbacks *callbacks) noexcept {
  if (!callbacks) {
    config.conditions = {};
    return 0;
  }
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

void *raw_lock_new() noexcept {
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

void raw_lock_free(void *lock) noexcept {
  if (!lock) return;
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

void raw_lock_acquire_slow(void *lock) noexcept {
  if (EVI_LIKELY(provider() == Provider::native)) {
    native::lock_acquire(lock);
  } else if (config.locks.lock) {
    config.locks.lock(0, lock);
  }
}

void raw_lock_release_slow(void *lock) noexcept {
  if (EVI_LIKELY(provider() == Provider::native)) {
    native::lock_release(lock);
  } else if (config.locks.unlock) {
    config.locks.unlock(0, lock);
  }
}

bool raw_lock_try(void *lock) noexcept {
  if (!lock) return true;
  if (provider() == Provider::native) return native::lock_try(lock) == 0;
  return !config.locks.lock || config.locks.lock(EVTHREAD_TRY, lock) == 0;
}

unsigned long thread_id() noexcept {
  if (!kThreadSupport) return 0;
  if (EVI_UNLIKELY(config.id != nullptr)) return config.id();
  return provider() == Provider::native ? native::thread_id() : 0;
}

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
  if (provider() == Provider::native) {
    native::condition_wait(raw_, lock.raw(), nullptr);
  } else if (config.conditions.wait_condition) {
    config.conditions.wait_condition(raw_, lock.raw(), nullptr);
  }
}

}  // namespace evi

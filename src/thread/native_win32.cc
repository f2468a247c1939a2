// Critical sections and condition variables of Windows, and evthread_use_windows_threads.
#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <windows.h>

#include "event2/thread.h"
#include "thread/lock.h"
#include "thread/thread_config.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/time.h"

namespace evi::native {
namespace {

// Most of our locks are held for a shorter time than a thread takes to sleep and wake up.
constexpr DWORD kSpins = 2000;

CRITICAL_SECTION *section(void *lock) noexcept { return static_cast<CRITICAL_SECTION *>(lock); }
CONDITION_VARIABLE *variable(void *condition) noexcept {
  return static_cast<CONDITION_VARIABLE *>(condition);
}

// Rounded up: never shorter than `timeout`.
DWORD to_milliseconds(const timeval *timeout) noexcept {
  if (!timeout) return INFINITE;
  const Micros micros = to_micros(*timeout);
  if (micros <= 0) return 0;
  const Micros rounded = (micros - 1) / 1000 + 1;
  return rounded < INFINITE ? static_cast<DWORD>(rounded) : INFINITE - 1;
}

}  // namespace

// Critical sections have no priority protocol.
void set_lock_flags(int) noexcept {}

// Critical sections are always recursive.
void *lock_new(bool) noexcept {
  OwnedMemory<CRITICAL_SECTION> lock{static_cast<CRITICAL_SECTION *>(mm_malloc(sizeof(CRITICAL_SECTION)))};
  if (!lock || !InitializeCriticalSectionAndSpinCount(lock.get(), kSpins)) return nullptr;
  return lock.release();
}

void lock_free(void *lock) noexcept {
  DeleteCriticalSection(section(lock));
  mm_free(lock);
}

int lock_acquire(void *lock) noexcept {
  EnterCriticalSection(section(lock));
  return 0;
}

int lock_try(void *lock) noexcept { return TryEnterCriticalSection(section(lock)) ? 0 : -1; }

int lock_release(void *lock) noexcept {
  LeaveCriticalSection(section(lock));
  return 0;
}

bool lock_held(void *lock) noexcept {
  if (!kAssertions) return true;
  const auto self = reinterpret_cast<HANDLE>(static_cast<ULONG_PTR>(GetCurrentThreadId()));
  return __atomic_load_n(&section(lock)->OwningThread, __ATOMIC_RELAXED) == self;
}

void *condition_new() noexcept {
  auto *condition = static_cast<CONDITION_VARIABLE *>(mm_malloc(sizeof(CONDITION_VARIABLE)));
  if (condition) InitializeConditionVariable(condition);
  return condition;
}

void condition_free(void *condition) noexcept { mm_free(condition); }

int condition_signal(void *condition, bool broadcast) noexcept {
  broadcast ? WakeAllConditionVariable(variable(condition)) : WakeConditionVariable(variable(condition));
  return 0;
}

int condition_wait(void *condition, void *lock, const timeval *timeout) noexcept {
  EVI_ASSERT(condition && lock);
  if (SleepConditionVariableCS(variable(condition), section(lock), to_milliseconds(timeout))) return 0;
  return GetLastError() == ERROR_TIMEOUT ? 1 : -1;
}

unsigned long thread_id() noexcept { return GetCurrentThreadId(); }

void yield() noexcept { SwitchToThread(); }

}  // namespace evi::native

extern "C" int evthread_use_windows_threads(void) { return evi::use_native_threads(0); }

// A process-wide mutex for the few tables that all bases share. It needs no initialisation and works whether
// or not the program enabled threads.
#ifndef EVI_UTIL_STATIC_MUTEX_H
#define EVI_UTIL_STATIC_MUTEX_H

#ifdef _WIN32
#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <windows.h>
#else
#include <pthread.h>
#endif

#include "util/assert.h"

namespace evi {

class StaticMutex {
 public:
  constexpr StaticMutex() noexcept = default;
  StaticMutex(const StaticMutex &) = delete;
  StaticMutex &operator=(const StaticMutex &) = delete;

#ifdef _WIN32
  void lock() noexcept { AcquireSRWLockExclusive(&mutex_); }
  void unlock() noexcept { ReleaseSRWLockExclusive(&mutex_); }

 private:
  SRWLOCK mutex_ = SRWLOCK_INIT;
#else
  void lock() noexcept {
    const int error = pthread_mutex_lock(&mutex_);
    EVI_ASSERT(error == 0);
  }
  void unlock() noexcept {
    const int error = pthread_mutex_unlock(&mutex_);
    EVI_ASSERT(error == 0);
  }

 private:
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
#endif
};

}  // namespace evi

#endif

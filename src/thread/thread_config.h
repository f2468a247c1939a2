// Setters of the process's lock implementation, for event2/thread.h and libevent_pthreads.
#ifndef EVI_THREAD_THREAD_CONFIG_H
#define EVI_THREAD_THREAD_CONFIG_H

#include "event2/thread.h"
#include "util/platform.h"

namespace evi {

// Chooses our own mutexes, for libevent_pthreads. Returns 0, or -1 if the application set callbacks.
EVI_VISIBLE int use_native_threads(int flags) noexcept;

// As evthread_set_lock_callbacks, _condition_callbacks and _id_callback.
int set_lock_callbacks(const evthread_lock_callbacks *callbacks) noexcept;
int set_condition_callbacks(const evthread_condition_callbacks *callbacks) noexcept;
void set_id_callback(unsigned long (*id)()) noexcept;
// From now on each lock records its holder, and a wrong unlock or free is fatal.
void enable_lock_debugging() noexcept;

}  // namespace evi

#endif

// The façade of event2/thread.h, but for the choice of POSIX threads (src/thread/pthread.cc).
#include "core/event_base.h"
#include "event2/thread.h"
#include "thread/thread_config.h"

extern "C" {

int evthread_set_lock_callbacks(const struct evthread_lock_callbacks *callbacks) {
  return evi::set_lock_callbacks(callbacks);
}

int evthread_set_condition_callbacks(const struct evthread_condition_callbacks *callbacks) {
  return evi::set_condition_callbacks(callbacks);
}

void evthread_set_id_callback(unsigned long (*id_fn)(void)) { evi::set_id_callback(id_fn); }

void evthread_enable_lock_debugging(void) { evi::enable_lock_debugging(); }
// The name as it was first spelt.
void evthread_enable_lock_debuging(void) { evi::enable_lock_debugging(); }

int evthread_make_base_notifiable(struct event_base *base) {
  return base && base->make_notifiable() ? 0 : -1;
}

}  // extern "C"

#ifndef EVENT2_THREAD_H_INCLUDED_
#define EVENT2_THREAD_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EVTHREAD_CONDITION_API_VERSION 1
#define EVTHREAD_LOCKTYPE_READWRITE 2
#define EVTHREAD_LOCKTYPE_RECURSIVE 1
#define EVTHREAD_LOCK_API_VERSION 1
#define EVTHREAD_READ 8
#define EVTHREAD_TRY 16
#define EVTHREAD_WRITE 4
#define EVTHREAD_PTHREAD_PRIO_INHERIT 1
#define EVTHREAD_USE_PTHREADS_IMPLEMENTED 1
struct event_base;
struct timeval;
struct evthread_lock_callbacks {
  int lock_api_version;
  unsigned supported_locktypes;
  void *(*alloc)(unsigned);
  void (*free)(void *, unsigned);
  int (*lock)(unsigned, void *);
  int (*unlock)(unsigned, void *);
};
struct evthread_condition_callbacks {
  int condition_api_version;
  void *(*alloc_condition)(unsigned);
  void (*free_condition)(void *);
  int (*signal_condition)(void *, int);
  int (*wait_condition)(void *, void *, const struct timeval *);
};

EVENT2_EXPORT_SYMBOL void evthread_enable_lock_debugging(void);
EVENT2_EXPORT_SYMBOL void evthread_enable_lock_debuging(void);
EVENT2_EXPORT_SYMBOL int evthread_make_base_notifiable(struct event_base *);
EVENT2_EXPORT_SYMBOL int evthread_set_condition_callbacks(const struct evthread_condition_callbacks *);
EVENT2_EXPORT_SYMBOL void evthread_set_id_callback(unsigned long (*)(void));
EVENT2_EXPORT_SYMBOL int evthread_set_lock_callbacks(const struct evthread_lock_callbacks *);
EVENT2_EXPORT_SYMBOL int evthread_use_pthreads(void);
EVENT2_EXPORT_SYMBOL int evthread_use_pthreads_with_flags(int);

#ifdef __cplusplus
}
#endif

#endif

/* Included before a test: event_base_new() makes bases with a completion port, those that the environment's
 * EVENTIDE_TEST_METHOD names (win32 or wepoll). With win32 the base's own thread waits at the port. */
#ifndef EVENTIDE_TEST_WINDOWS_OVERLAPPED_BASE_H
#define EVENTIDE_TEST_WINDOWS_OVERLAPPED_BASE_H

#include <sys/socket.h>
/* The order matters: winsock comes before what the others include. */
#include <event2/event.h>
#include <event2/thread.h>
#include <stdlib.h>
#include <string.h>

static __attribute__((unused)) struct event_base *overlapped_base_new(void) {
  struct event_config *config = event_config_new();
  const char *method = getenv("EVENTIDE_TEST_METHOD");
  struct event_base *base;
  if (method && strcmp(method, "win32") == 0) {
    evthread_use_windows_threads();
    event_config_avoid_method(config, "wepoll");
  } else {
    event_config_avoid_method(config, "win32");
  }
  event_config_set_flag(config, EVENT_BASE_FLAG_STARTUP_IOCP);
  base = event_base_new_with_config(config);
  event_config_free(config);
  return base;
}

#define event_base_new overlapped_base_new

#endif

/* Included before a test: event_base_new() makes bases with a completion port. */
#ifndef EVENTIDE_TEST_WINDOWS_OVERLAPPED_BASE_H
#define EVENTIDE_TEST_WINDOWS_OVERLAPPED_BASE_H

#include <sys/socket.h>
/* The order matters: winsock comes before the headers that the others include. */
#include <event2/event.h>
#include <string.h>

static __attribute__((unused)) struct event_base *overlapped_base_new(void) {
  struct event_config *config = event_config_new();
  struct event_base *base;
  event_config_set_flag(config, EVENT_BASE_FLAG_STARTUP_IOCP);
  base = event_base_new_with_config(config);
  event_config_free(config);
  if (base && strcmp(event_base_get_method(base), "wepoll") != 0) {
    event_base_free(base);
    return NULL;
  }
  return base;
}

#define event_base_new overlapped_base_new

#endif

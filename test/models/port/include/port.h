/* The part of illumos' <port.h> that the library and the model of event ports use. Names and numbers are
 * facts of that system's binary interface. */
#ifndef EVENTIDE_TEST_MODELS_PORT_H
#define EVENTIDE_TEST_MODELS_PORT_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define PORT_SOURCE_USER 3
#define PORT_SOURCE_FD 4

typedef unsigned int uint_t;
typedef struct port_event {
  int portev_events;
  unsigned short portev_source;
  unsigned short portev_pad;
  uintptr_t portev_object;
  void *portev_user;
} port_event_t;

extern "C" {
int port_create(void);
int port_associate(int port, int source, uintptr_t object, int events, void *user);
int port_dissociate(int port, int source, uintptr_t object);
int port_getn(int port, port_event_t list[], uint_t max, uint_t *count, const struct timespec *timeout);
int port_send(int port, int events, void *user);
}

#endif

/* The part of illumos' <sys/devpoll.h> that the library and the model of /dev/poll use. Names and numbers are
 * facts of that system's binary interface. */
#ifndef EVENTIDE_TEST_MODELS_SYS_DEVPOLL_H
#define EVENTIDE_TEST_MODELS_SYS_DEVPOLL_H

#include <poll.h>

#define DP_POLL 0xD001

/* Linux' <poll.h> may have another number of that name, which nothing here uses. */
#undef POLLREMOVE
#define POLLREMOVE 0x0800

typedef struct dvpoll {
  struct pollfd *dp_fds;
  nfds_t dp_nfds;
  int dp_timeout;
} dvpoll_t;

#endif

/* How much a stream socket takes before it is full, whatever the machine's defaults are. */
#ifndef EVENTIDE_TEST_SUPPORT_SOCKET_ROOM_H
#define EVENTIDE_TEST_SUPPORT_SOCKET_ROOM_H

#include <sys/socket.h>

/* What Linux gives a socket by default, half of it: the kernel doubles what is set. */
enum { kUsualRoom = 212992 / 2, kLittleRoom = 4096 };

/* Both directions. The kernel's own adaption of TCP buffers ends with it. */
static inline void set_socket_room(int fd, int bytes) {
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, (const char *)&bytes, sizeof(bytes));
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, (const char *)&bytes, sizeof(bytes));
}

#endif

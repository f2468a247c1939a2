/* Sets the buffer sizes of stream sockets, so that tests do not depend on the defaults of the machine. */
#ifndef EVENTIDE_TEST_SUPPORT_SOCKET_ROOM_H
#define EVENTIDE_TEST_SUPPORT_SOCKET_ROOM_H

#include <sys/socket.h>

/* Half of the default of Linux: the kernel doubles the value that is set. */
enum { kUsualRoom = 212992 / 2, kLittleRoom = 4096 };

/* Both directions. The kernel's own adaption of TCP buffers ends with it. */
static inline void set_socket_room(int fd, int bytes) {
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, (const char *)&bytes, sizeof(bytes));
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, (const char *)&bytes, sizeof(bytes));
}

#endif

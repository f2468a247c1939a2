/* poll() is winsock's WSAPoll(); without sockets it waits all the same. */
#ifndef EVENTIDE_TEST_SUPPORT_WINDOWS_POLL_H
#define EVENTIDE_TEST_SUPPORT_WINDOWS_POLL_H

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

int poll(struct pollfd *fds, unsigned long count, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif

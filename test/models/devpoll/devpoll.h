// open, write and ioctl as they are on a system with /dev/poll; anything else goes to the C library. The
// library's file is compiled with these names in place of the usual ones.
#ifndef EVENTIDE_TEST_MODELS_DEVPOLL_H
#define EVENTIDE_TEST_MODELS_DEVPOLL_H

#include <sys/types.h>

#include <cstddef>

extern "C" {
int devpoll_open(const char *path, int flags, ...);
ssize_t devpoll_write(int fd, const void *data, size_t size);
int devpoll_ioctl(int fd, unsigned long request, ...) noexcept;
}

#endif

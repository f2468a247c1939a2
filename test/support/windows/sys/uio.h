/* For the layout alone. */
#ifndef EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_UIO_H
#define EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_UIO_H

#include <stddef.h>

struct iovec {
  void *iov_base;
  size_t iov_len;
};

#endif

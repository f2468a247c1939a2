/* Addresses of AF_UNIX, which not every Windows takes: for tests that write and read them. */
#ifndef EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_UN_H
#define EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_UN_H

#include <afunix.h>
#include <sys/socket.h>

#endif

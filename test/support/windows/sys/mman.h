/* Enough of mmap() for pages without access. */
#ifndef EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_MMAN_H
#define EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_MMAN_H

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define MAP_PRIVATE 1
#define MAP_ANONYMOUS 2
#define MAP_FAILED ((void *)-1)
#define _SC_PAGESIZE 30

void *mmap(void *at, size_t size, int protection, int flags, int fd, long long offset);
int munmap(void *at, size_t size);
int mprotect(void *at, size_t size, int protection);
long sysconf(int name);

#ifdef __cplusplus
}
#endif

#endif

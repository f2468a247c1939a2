/* Winsock under the names of POSIX, for tests that were written for these: every test that is built for
 * Windows starts with this file. posix.c says what the calls do. The libraries themselves do not see any of
 * it. */
#ifndef EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_SOCKET_H
#define EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_SOCKET_H

/* The declarations of winsock are renamed: below are functions of the same names. */
#define accept winsock_accept
#define bind winsock_bind
#define connect winsock_connect
#define getpeername winsock_getpeername
#define getsockname winsock_getsockname
#define getsockopt winsock_getsockopt
#define listen winsock_listen
#define recv winsock_recv
#define recvfrom winsock_recvfrom
#define send winsock_send
#define sendto winsock_sendto
#define setsockopt winsock_setsockopt
#define shutdown winsock_shutdown
#define socket winsock_socket
#include <winsock2.h>
#include <ws2tcpip.h>
#undef accept
#undef bind
#undef connect
#undef getpeername
#undef getsockname
#undef getsockopt
#undef listen
#undef recv
#undef recvfrom
#undef send
#undef sendto
#undef setsockopt
#undef shutdown
#undef socket

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <iphlpapi.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>
#include <windows.h>

/* windows.h uses these words up. */
#undef near
#undef far
#undef interface
#undef ERROR
#undef DELETE
#undef IGNORE

#ifdef __cplusplus
extern "C" {
#endif

#define SHUT_RD SD_RECEIVE
#define SHUT_WR SD_SEND
#define SHUT_RDWR SD_BOTH
#define SOCK_NONBLOCK 0x10000
#define SOCK_CLOEXEC 0x20000
#define MSG_NOSIGNAL 0
#define MSG_DONTWAIT 0x40000

#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_DUPFD_CLOEXEC 1030
#define F_SETPIPE_SZ 1031
#define FD_CLOEXEC 1
#ifndef O_NONBLOCK
#define O_NONBLOCK 0x4000
#endif
#define O_CLOEXEC O_NOINHERIT

/* Signals that nothing else sends here: the run-time library raises them as any other. */
#define SIGUSR1 SIGTERM
#define SIGUSR2 SIGBREAK
/* These the library refuses. */
#define SIGHUP 1
#define SIGPIPE 13
#define SIGALRM 14
#define SIGVTALRM 26
#define SIGWINCH 28

#define evthread_use_pthreads evthread_use_windows_threads

/* A separate symbol name, so that the library still calls the functions of winsock. */
#define TEST_POSIX(name) __asm__("test_" #name)

int accept(int fd, struct sockaddr *address, socklen_t *length) TEST_POSIX(accept);
int bind(int fd, const struct sockaddr *address, socklen_t length) TEST_POSIX(bind);
int connect(int fd, const struct sockaddr *address, socklen_t length) TEST_POSIX(connect);
int getpeername(int fd, struct sockaddr *address, socklen_t *length) TEST_POSIX(getpeername);
int getsockname(int fd, struct sockaddr *address, socklen_t *length) TEST_POSIX(getsockname);
int getsockopt(int fd, int level, int option, void *value, socklen_t *size) TEST_POSIX(getsockopt);
int listen(int fd, int backlog) TEST_POSIX(listen);
int setsockopt(int fd, int level, int option, const void *value, socklen_t size) TEST_POSIX(setsockopt);
int shutdown(int fd, int how) TEST_POSIX(shutdown);
int socket(int family, int type, int protocol) TEST_POSIX(socket);
ssize_t recv(int fd, void *data, size_t size, int flags) TEST_POSIX(recv);
ssize_t send(int fd, const void *data, size_t size, int flags) TEST_POSIX(send);
ssize_t recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *length)
    TEST_POSIX(recvfrom);
ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length)
    TEST_POSIX(sendto);

int fcntl(int fd, int command, ...) TEST_POSIX(fcntl);
int pipe(int ends[2]) TEST_POSIX(pipe);
int pipe2(int ends[2], int flags) TEST_POSIX(pipe2);
int socketpair(int family, int type, int protocol, int ends[2]) TEST_POSIX(socketpair);

/* Of sockets and of the run-time library's files. dup2() of a socket closes the fd and reuses it. */
int dup(int fd) TEST_POSIX(dup);
int dup2(int fd, int number) TEST_POSIX(dup2);
#define dup3(fd, number, flags) dup2(fd, number)
ssize_t pread(int fd, void *data, size_t size, long long offset);
ssize_t pwrite(int fd, const void *data, size_t size, long long offset);

/* The run-time library forgets a handler when it calls it. */
struct sigaction {
  void (*sa_handler)(int);
  int sa_mask, sa_flags;
};
int sigaction(int number, const struct sigaction *action, struct sigaction *before);
#define sigemptyset(set) (*(set) = 0)

/* No timers send signals: these fail with ENOSYS. */
struct itimerval {
  struct timeval it_interval, it_value;
};
#define ITIMER_REAL 0
int setitimer(int which, const struct itimerval *value, struct itimerval *before);
unsigned alarm(unsigned seconds);

/* The name ends with XXXXXX, which is replaced. */
char *mkdtemp(char *name);
int mkstemp(char *name) TEST_POSIX(mkstemp);

typedef uint32_t in_addr_t;
#define IF_NAMESIZE NDIS_IF_MAX_STRING_SIZE
#define malloc_usable_size _msize

int setenv(const char *name, const char *value, int overwrite);
int unsetenv(const char *name);

#ifdef __cplusplus
}
#endif

#endif

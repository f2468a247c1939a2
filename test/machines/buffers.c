/* Preloaded into a program, it gives every stream socket that the program opens buffers of SOCKET_BUFFERS
 * bytes, as a machine with other defaults would. The kernel raises too small a value to its minimum; more
 * than net.core.wmem_max needs CAP_NET_ADMIN. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static void set_buffer(int fd, int size, int forced, int option) {
  if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) != 0)
    setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size));
}

static void set_buffers(int fd) {
  const char *bytes = getenv("SOCKET_BUFFERS");
  const int saved = errno;
  int type = 0;
  socklen_t length = sizeof(type);
  if (bytes && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM) {
    set_buffer(fd, atoi(bytes), SO_SNDBUFFORCE, SO_SNDBUF);
    set_buffer(fd, atoi(bytes), SO_RCVBUFFORCE, SO_RCVBUF);
  }
  errno = saved;
}

/* An accepted socket inherits its listener's. */
int socket(int domain, int type, int protocol) {
  const int fd = NEXT(socket)(domain, type, protocol);
  if (fd >= 0) set_buffers(fd);
  return fd;
}

int socketpair(int domain, int type, int protocol, int fds[2]) {
  const int result = NEXT(socketpair)(domain, type, protocol, fds);
  if (result == 0) {
    set_buffers(fds[0]);
    set_buffers(fds[1]);
  }
  return result;
}

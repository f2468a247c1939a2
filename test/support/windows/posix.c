/* The calls that tests of POSIX programs make, done with winsock: read(), write() and close() take sockets as
 * well as files, pairs and pipes are connections over the loopback interface, and errno is set from the error
 * of winsock. What does not exist here fails with ENOSYS. Starts winsock before main(). Nothing of it is part
 * of the libraries.
 *
 * This file does not begin with sys/socket.h, so the names are winsock's own in it, and ours are test_*. */
#include <winsock2.h>
/* The order matters: winsock2.h comes before windows.h. */
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <windows.h>
#include <ws2tcpip.h>

/* As sys/socket.h and the others give them to the tests. */
enum { kSockNonblock = 0x10000, kSockCloexec = 0x20000, kMsgDontwait = 0x40000 };
enum { kGetFd = 1, kSetFd = 2, kGetFl = 3, kSetFl = 4, kDupFd = 1030, kNonblock = 0x4000, kCloexec = 1 };

/* Runs before the constructors of other files. */
__attribute__((constructor(101))) static void start(void) {
  WSADATA data;
  WSAStartup(MAKEWORD(2, 2), &data);
  setvbuf(stdout, NULL, _IONBF, 0);
  /* Files are bytes, and a line ends with one. */
  _fmode = _O_BINARY;
  _setmode(1, _O_BINARY);
  _setmode(2, _O_BINARY);
}

/* --- errors --- */

static int to_errno(int error) {
  static const int same[][2] = {{WSAEACCES, EACCES},
                                {WSAEADDRINUSE, EADDRINUSE},
                                {WSAEADDRNOTAVAIL, EADDRNOTAVAIL},
                                {WSAEAFNOSUPPORT, EAFNOSUPPORT},
                                {WSAEALREADY, EALREADY},
                                {WSAECONNABORTED, ECONNABORTED},
                                {WSAECONNREFUSED, ECONNREFUSED},
                                {WSAECONNRESET, ECONNRESET},
                                {WSAEFAULT, EFAULT},
                                {WSAEINPROGRESS, EINPROGRESS},
                                {WSAEINTR, EINTR},
                                {WSAEINVAL, EINVAL},
                                {WSAEISCONN, EISCONN},
                                {WSAEMFILE, EMFILE},
                                {WSAEMSGSIZE, EMSGSIZE},
                                {WSAENOBUFS, ENOBUFS},
                                {WSAENOPROTOOPT, ENOPROTOOPT},
                                {WSAENOTCONN, ENOTCONN},
                                {WSAENOTSOCK, EBADF},
                                {WSAEOPNOTSUPP, EOPNOTSUPP},
                                {WSAESHUTDOWN, EPIPE},
                                {WSAETIMEDOUT, ETIMEDOUT},
                                {WSAEWOULDBLOCK, EAGAIN},
                                {WSAEPROTONOSUPPORT, EPROTONOSUPPORT}};
  size_t i;
  for (i = 0; i < sizeof(same) / sizeof(same[0]); ++i) {
    if (same[i][0] == error) return same[i][1];
  }
  return EBADF;
}

static int with_errno(int result) {
  if (result < 0) errno = to_errno(WSAGetLastError());
  return result;
}

static int missing(void) {
  errno = ENOSYS;
  return -1;
}

/* --- sockets and files --- */

static int is_socket(int fd) {
  int type, length = sizeof(type);
  return fd >= 0 && getsockopt((SOCKET)fd, SOL_SOCKET, SO_TYPE, (char *)&type, &length) == 0;
}

/* An fd that the run-time library never opened would end the program. */
static void ignore_parameter(const wchar_t *a, const wchar_t *b, const wchar_t *c, unsigned line,
                             uintptr_t d) {
  (void)a, (void)b, (void)c, (void)line, (void)d;
}
static int is_file(int fd) {
  const _invalid_parameter_handler before = _set_invalid_parameter_handler(ignore_parameter);
  const int known = fd >= 0 && _get_osfhandle(fd) != -1;
  _set_invalid_parameter_handler(before);
  return known;
}
static int file_or_error(int fd) {
  if (is_file(fd)) return 1;
  errno = EBADF;
  return 0;
}

static int wait_for(SOCKET s, short events, int timeout_ms) {
  WSAPOLLFD one;
  one.fd = s;
  one.events = events;
  one.revents = 0;
  return WSAPoll(&one, 1, timeout_ms);
}

static int set_nonblocking(SOCKET s, u_long on) { return ioctlsocket(s, (long)FIONBIO, &on); }

/* There is no direct query. With a receive timeout, recv() on a blocking socket times out. */
static int is_nonblocking(SOCKET s) {
  DWORD before = 0, brief = 1;
  int length = sizeof(before), error = 0;
  char byte;
  if (getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&before, &length) != 0) return 0;
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&brief, sizeof(brief));
  if (recv(s, &byte, 1, MSG_PEEK) < 0) error = WSAGetLastError();
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&before, sizeof(before));
  return error == WSAEWOULDBLOCK;
}

/* --- reading and writing --- */

int read(int fd, void *data, unsigned size) {
  if (is_socket(fd)) return with_errno(recv((SOCKET)fd, data, (int)size, 0));
  return file_or_error(fd) ? _read(fd, data, size) : -1;
}

/* What is written to a pair is there to be read when write() returns, as in one machine it is expected to be.
 */
static void until_delivered(SOCKET s);

int write(int fd, const void *data, unsigned size) {
  int sent;
  if (!is_socket(fd)) return file_or_error(fd) ? _write(fd, data, size) : -1;
  sent = with_errno(send((SOCKET)fd, data, (int)size, 0));
  if (sent > 0) until_delivered((SOCKET)fd);
  return sent;
}

ssize_t test_recv(int fd, void *data, size_t size, int flags) {
  if ((flags & kMsgDontwait) && wait_for((SOCKET)fd, POLLRDNORM, 0) == 0) {
    errno = EAGAIN;
    return -1;
  }
  return with_errno(recv((SOCKET)fd, data, (int)size, flags & ~kMsgDontwait));
}

/* A blocking send() would wait until everything is sent: with MSG_DONTWAIT the socket no longer blocks
 * meanwhile. */
ssize_t test_send(int fd, const void *data, size_t size, int flags) {
  const int unblock = (flags & kMsgDontwait) && !is_nonblocking((SOCKET)fd);
  ssize_t sent;
  if (unblock) set_nonblocking((SOCKET)fd, 1);
  sent = with_errno(send((SOCKET)fd, data, (int)size, flags & ~kMsgDontwait));
  if (unblock) set_nonblocking((SOCKET)fd, 0);
  if (sent > 0) until_delivered((SOCKET)fd);
  return sent;
}

ssize_t test_recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *length) {
  return with_errno(recvfrom((SOCKET)fd, data, (int)size, flags & ~kMsgDontwait, from, length));
}
ssize_t test_sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to,
                    socklen_t length) {
  return with_errno(sendto((SOCKET)fd, data, (int)size, flags & ~kMsgDontwait, to, length));
}

static ssize_t at_offset(int fd, void *data, size_t size, long long offset, int writes) {
  const long long before = _lseeki64(fd, 0, SEEK_CUR);
  ssize_t moved = -1;
  if (before >= 0 && _lseeki64(fd, offset, SEEK_SET) == offset) {
    moved = writes ? _write(fd, data, (unsigned)size) : _read(fd, data, (unsigned)size);
  }
  _lseeki64(fd, before, SEEK_SET);
  return moved;
}
ssize_t pread(int fd, void *data, size_t size, long long offset) {
  return at_offset(fd, data, size, offset, 0);
}
ssize_t pwrite(int fd, const void *data, size_t size, long long offset) {
  return at_offset(fd, (void *)data, size, offset, 1);
}

/* --- sockets --- */

int test_accept(int fd, struct sockaddr *address, socklen_t *length) {
  return with_errno((int)accept((SOCKET)fd, address, length));
}
int test_bind(int fd, const struct sockaddr *address, socklen_t length) {
  return with_errno(bind((SOCKET)fd, address, length));
}
int test_connect(int fd, const struct sockaddr *address, socklen_t length) {
  const int result = connect((SOCKET)fd, address, length);
  if (result == 0 || WSAGetLastError() != WSAEWOULDBLOCK) return with_errno(result);
  errno = EINPROGRESS;
  return -1;
}
int test_getpeername(int fd, struct sockaddr *address, socklen_t *length) {
  return with_errno(getpeername((SOCKET)fd, address, length));
}
int test_getsockname(int fd, struct sockaddr *address, socklen_t *length) {
  return with_errno(getsockname((SOCKET)fd, address, length));
}
int test_getsockopt(int fd, int level, int option, void *value, socklen_t *size) {
  /* Boolean options may be returned as a single byte. */
  memset(value, 0, (size_t)*size);
  return with_errno(getsockopt((SOCKET)fd, level, option, value, size));
}
int test_listen(int fd, int backlog) { return with_errno(listen((SOCKET)fd, backlog)); }
int test_setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
  return with_errno(setsockopt((SOCKET)fd, level, option, value, size));
}
int test_shutdown(int fd, int how) { return with_errno(shutdown((SOCKET)fd, how)); }

static int with_flags(SOCKET s, int flags) {
  if (s == INVALID_SOCKET) return with_errno(-1);
  SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, flags & kSockCloexec ? 0 : HANDLE_FLAG_INHERIT);
  if ((flags & kSockNonblock) && set_nonblocking(s, 1) != 0) return with_errno(-1);
  return (int)s;
}
int test_socket(int family, int type, int protocol) {
  return with_flags(socket(family, type & 0xffff, protocol), type);
}

/* --- pairs --- */

/* The peers of the pairs: their ports show whether the fds still refer to the same sockets. */
enum { kMostSockets = 1 << 16 };
static struct {
  SOCKET peer;
  unsigned short port, peer_port;
  int late; /* how often it took long */
} peers[kMostSockets];

static unsigned short port_of(SOCKET s) {
  struct sockaddr_in address;
  int length = sizeof(address);
  return getsockname(s, (struct sockaddr *)&address, &length) == 0 ? address.sin_port : 0;
}

/* What another thread reads meanwhile is never seen there, or late: where that goes on nothing is waited for.
 */
enum { kLateMs = 5, kMostLate = 20 };
static void until_delivered(SOCKET s) {
  const size_t at = s / 4;
  ULONGLONG began;
  SOCKET peer;
  if (at >= kMostSockets || !peers[at].port || peers[at].port != port_of(s)) return;
  peer = peers[at].peer;
  if (peers[at].late >= kMostLate || port_of(peer) != peers[at].peer_port) return;
  began = GetTickCount64();
  wait_for(peer, POLLRDNORM, 20);
  if (GetTickCount64() - began >= kLateMs) ++peers[at].late;
}

static void remember(SOCKET a, SOCKET b) {
  if (a / 4 >= kMostSockets) return;
  peers[a / 4].peer = b;
  peers[a / 4].port = port_of(a);
  peers[a / 4].peer_port = port_of(b);
  peers[a / 4].late = 0;
}

static int connected_pair(SOCKET pair[2]) {
  struct sockaddr_in address;
  int length = sizeof(address), yes = 1, i;
  const SOCKET listener = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  pair[0] = socket(AF_INET, SOCK_STREAM, 0);
  pair[1] = INVALID_SOCKET;
  if (bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0 &&
      getsockname(listener, (struct sockaddr *)&address, &length) == 0 &&
      connect(pair[0], (struct sockaddr *)&address, length) == 0) {
    pair[1] = accept(listener, NULL, NULL);
  }
  closesocket(listener);
  if (pair[1] == INVALID_SOCKET) {
    closesocket(pair[0]);
    return -1;
  }
  for (i = 0; i < 2; ++i) setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, (char *)&yes, sizeof(yes));
  remember(pair[0], pair[1]);
  remember(pair[1], pair[0]);
  return 0;
}

/* Two datagram sockets, each connected to the other. */
static int datagram_pair(SOCKET pair[2]) {
  struct sockaddr_in address[2];
  int i, length = sizeof(address[0]), failed = 0;
  memset(address, 0, sizeof(address));
  for (i = 0; i < 2; ++i) {
    pair[i] = socket(AF_INET, SOCK_DGRAM, 0);
    address[i].sin_family = AF_INET;
    address[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    failed |= bind(pair[i], (struct sockaddr *)&address[i], length);
    failed |= getsockname(pair[i], (struct sockaddr *)&address[i], &length);
  }
  for (i = 0; i < 2; ++i) failed |= connect(pair[i], (struct sockaddr *)&address[1 - i], length);
  remember(pair[0], pair[1]);
  remember(pair[1], pair[0]);
  return failed ? -1 : 0;
}

int test_socketpair(int family, int type, int protocol, int ends[2]) {
  SOCKET pair[2];
  int i;
  (void)family, (void)protocol;
  if (((type & 0xffff) == SOCK_DGRAM ? datagram_pair(pair) : connected_pair(pair)) != 0)
    return with_errno(-1);
  for (i = 0; i < 2; ++i) {
    ends[i] = with_flags(pair[i], type);
    if (ends[i] < 0) return -1;
  }
  return 0;
}

int test_pipe2(int ends[2], int flags) {
  const int type = SOCK_STREAM | (flags & kNonblock ? kSockNonblock : 0);
  return test_socketpair(AF_INET, type | (flags & _O_NOINHERIT ? kSockCloexec : 0), 0, ends);
}
int test_pipe(int ends[2]) { return test_pipe2(ends, 0); }

/* --- descriptors --- */

int close(int fd) {
  if (is_socket(fd)) {
    if (fd / 4 < kMostSockets) peers[fd / 4].port = 0;
    return with_errno(closesocket((SOCKET)fd));
  }
  return file_or_error(fd) ? _close(fd) : -1;
}

static int dup_socket(SOCKET s) {
  WSAPROTOCOL_INFOW info;
  if (WSADuplicateSocketW(s, GetCurrentProcessId(), &info) != 0) return with_errno(-1);
  return with_errno((int)WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, 0));
}
int test_dup(int fd) {
  if (is_socket(fd)) return dup_socket((SOCKET)fd);
  return file_or_error(fd) ? _dup(fd) : -1;
}

/* The lowest free handle is given out first. While a socket is duplicated the system needs a handle of its
 * own, for which this one, lower than the closed one, is free then. */
static HANDLE low_handle;
__attribute__((constructor(101))) static void keep_low_handle(void) {
  low_handle = CreateEventA(NULL, TRUE, FALSE, NULL);
}

/* A duplicate with this very handle; another one, or -1, if a call in another thread uses it just now. */
static int dup_socket_at(SOCKET s, int number) {
  enum { kMostBelow = 4096 };
  int below[kMostBelow];
  int count = 0, made;
  CloseHandle(low_handle);
  while ((made = dup_socket(s)) >= 0 && made < number && count < kMostBelow) below[count++] = made;
  while (count > 0) closesocket((SOCKET)below[--count]);
  keep_low_handle();
  return made;
}

int test_dup2(int fd, int number) {
  int tries, made;
  if (!is_socket(fd)) return file_or_error(fd) ? (_dup2(fd, number) == 0 ? number : -1) : -1;
  if (is_socket(number)) closesocket((SOCKET)number);
  for (tries = 0; tries < 4096; ++tries) {
    made = dup_socket_at((SOCKET)fd, number);
    if (made == number) return made;
    if (made < 0) break;
    closesocket((SOCKET)made);
    SwitchToThread();
  }
  errno = EBADF;
  return -1;
}

/* The first that is not below. */
static int dup_socket_from(SOCKET s, int lowest) {
  enum { kTries = 4096 };
  int below[kTries];
  int count = 0, made;
  while ((made = dup_socket(s)) >= 0 && made < lowest && count < kTries) below[count++] = made;
  while (count > 0) closesocket((SOCKET)below[--count]);
  return made;
}

static int socket_fcntl(SOCKET s, int command, int value) {
  DWORD flags = 0;
  switch (command) {
    case kGetFd:
      return GetHandleInformation((HANDLE)s, &flags) && !(flags & HANDLE_FLAG_INHERIT) ? kCloexec : 0;
    case kSetFd:
      return SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, value & kCloexec ? 0 : HANDLE_FLAG_INHERIT)
                 ? 0
                 : -1;
    case kGetFl:
      return is_nonblocking(s) ? kNonblock : 0;
    case kSetFl:
      return with_errno(set_nonblocking(s, (value & kNonblock) != 0));
    case kDupFd:
      return dup_socket_from(s, value);
    default:
      return missing();
  }
}
int test_fcntl(int fd, int command, ...) {
  va_list rest;
  int value;
  va_start(rest, command);
  value = command == kGetFd || command == kGetFl ? 0 : va_arg(rest, int);
  va_end(rest);
  if (is_socket(fd)) return socket_fcntl((SOCKET)fd, command, value);
  if (!file_or_error(fd)) return -1;
  return command == kGetFd ? kCloexec : 0;
}

int poll(WSAPOLLFD *fds, unsigned long count, int timeout_ms) {
  if (count > 0) return with_errno(WSAPoll(fds, count, timeout_ms));
  Sleep(timeout_ms < 0 ? INFINITE : (DWORD)timeout_ms);
  return 0;
}

/* --- the environment, memory --- */

int setenv(const char *name, const char *value, int overwrite) {
  if (!overwrite && getenv(name)) return 0;
  return _putenv_s(name, value) == 0 ? 0 : -1;
}
int unsetenv(const char *name) { return _putenv_s(name, "") == 0 ? 0 : -1; }

void *mmap(void *at, size_t size, int protection, int flags, int fd, long long offset) {
  void *pages = VirtualAlloc(at, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  (void)protection, (void)flags, (void)fd, (void)offset;
  return pages ? pages : (void *)-1;
}
int munmap(void *at, size_t size) {
  (void)size;
  return VirtualFree(at, 0, MEM_RELEASE) ? 0 : -1;
}
int mprotect(void *at, size_t size, int protection) {
  DWORD before;
  return VirtualProtect(at, size, protection ? PAGE_READWRITE : PAGE_NOACCESS, &before) ? 0 : -1;
}
long sysconf(int name) {
  SYSTEM_INFO info;
  (void)name;
  GetSystemInfo(&info);
  return (long)info.dwPageSize;
}

char *mkdtemp(char *name) { return _mktemp(name) && CreateDirectoryA(name, NULL) ? name : NULL; }

/* _mktemp() has 26 names for each process, and as many as there are files already left by others of its
 * number. A file that is open can be removed, and is gone when it is closed. */
int test_mkstemp(char *name) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  char *const end = name + strlen(name) - 6;
  static LONG count;
  int tries, i;
  for (tries = 0; tries < 100; ++tries) {
    unsigned long long number = (unsigned long long)GetTickCount64() * 40503 + GetCurrentProcessId();
    HANDLE file;
    number = number * 6364136223846793005ULL + (unsigned long)InterlockedIncrement(&count) * 2654435761ULL;
    for (i = 0; i < 6; ++i, number /= 36) end[i] = letters[number % 36];
    file = CreateFileA(name, GENERIC_READ | GENERIC_WRITE,
                       FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, CREATE_NEW,
                       FILE_ATTRIBUTE_NORMAL, NULL);
    if (file != INVALID_HANDLE_VALUE) return _open_osfhandle((intptr_t)file, _O_RDWR | _O_BINARY);
    if (GetLastError() != ERROR_FILE_EXISTS) break;
  }
  errno = EEXIST;
  return -1;
}

/* --- processes --- */

int fork(void) { return missing(); }
pid_t getppid(void) { return missing(); }
pid_t waitpid(pid_t child, int *status, int options) {
  (void)child, (void)status, (void)options;
  return missing();
}
int kill(pid_t process, int number) {
  (void)process, (void)number;
  return missing();
}

struct sigaction {
  void (*sa_handler)(int);
  int sa_mask, sa_flags;
};
int sigaction(int number, const struct sigaction *action, struct sigaction *before) {
  void (*old)(int) = signal(number, action ? action->sa_handler : SIG_DFL);
  if (old == SIG_ERR) return -1;
  if (!action) signal(number, old);
  if (before) before->sa_handler = old;
  return 0;
}

struct itimerval;
int setitimer(int which, const struct itimerval *value, struct itimerval *before) {
  (void)which, (void)value, (void)before;
  return missing();
}
unsigned alarm(unsigned seconds) {
  (void)seconds;
  return 0;
}

struct rlimit {
  unsigned long rlim_cur, rlim_max;
};
int getrlimit(int what, struct rlimit *limit) {
  (void)what;
  limit->rlim_cur = limit->rlim_max = 1 << 16;
  return 0;
}
int setrlimit(int what, const struct rlimit *limit) {
  (void)what, (void)limit;
  return missing();
}

/* Loopback sockets and the load generators, by bare system calls. */
#define _GNU_SOURCE
#include "net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((unsigned short)port);
  return address;
}

/* TCP_NODELAY, and the simplest congestion control: the system's default may pace sending by timers. */
static void tune(int fd) {
  const int on = 1;
  static const char reno[] = "reno";
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof reno - 1) == 0);
}

int listen_on_loopback(int *port) {
  struct sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0);
  tune(fd); /* accepted sockets inherit it */
  CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(listen(fd, 128) == 0);
  CHECK(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
  *port = ntohs(address.sin_port);
  return fd;
}

int accept_one(int listener) {
  struct pollfd ready = {listener, POLLIN, 0};
  CHECK(poll(&ready, 1, 10000) == 1);
  const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  CHECK(fd >= 0);
  return fd;
}

void make_pair(int fds[2]) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
}

pid_t start_load(load_fn *load, int listener, int port) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid > 0) return pid;
  CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
  if (getppid() != parent) _exit(1); /* the parent died before the line above */
  close(listener); /* otherwise it would accept connections after the parent has closed it */
  load(port, pin_to_load_cpu() ? 0 : -1);
  _exit(0);
}

void wait_for_load(pid_t pid) {
  int status;
  CHECK(waitpid(pid, &status, 0) == pid);
  if (status != 0) fail("the load generator ended with wait status %d", status);
}

static int server_gone(ssize_t result) {
  return result == 0 || (result < 0 && (errno == ECONNRESET || errno == EPIPE || errno == ECONNREFUSED));
}

static int connect_to(int port) {
  const struct sockaddr_in address = loopback(port);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0);
  tune(fd);
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
  if (!server_gone(-1)) fail("connect");
  close(fd);
  return -1;
}

/* Returns the number of ready events; with sleep_ms 0 it polls until there is one. */
static int wait_for_events(int epoll, struct epoll_event *events, int max, int sleep_ms) {
  int n;
  do {
    n = epoll_wait(epoll, events, max, sleep_ms);
  } while (n == 0);
  CHECK(n > 0);
  return n;
}

static void watch(int epoll, int fd, uint32_t what, void *data) {
  struct epoll_event interest = {.events = what, .data = {.ptr = data}};
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest) == 0);
}

struct client {
  int fd;
  size_t received; /* of the message that is being echoed */
};

static void send_message(const struct client *client) {
  static const char message[kEchoMessage];
  const ssize_t n = send(client->fd, message, sizeof message, MSG_NOSIGNAL);
  if (n < 0 && server_gone(n)) _exit(0);
  CHECK(n == kEchoMessage);
}

static void receive_message(struct client *client) {
  char message[kEchoMessage];
  const ssize_t n = recv(client->fd, message, kEchoMessage - client->received, 0);
  if (server_gone(n)) _exit(0);
  CHECK(n > 0);
  client->received += (size_t)n;
  if (client->received < kEchoMessage) return;
  client->received = 0;
  send_message(client);
}

void echo_load(int port, int sleep_ms) {
  static struct client clients[kEchoClients];
  struct epoll_event events[kEchoClients];
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  for (int i = 0; i < kEchoClients; ++i) {
    CHECK((clients[i].fd = connect_to(port)) >= 0);
    watch(epoll, clients[i].fd, EPOLLIN, &clients[i]);
  }
  for (int i = 0; i < kEchoClients; ++i) send_message(&clients[i]);
  for (;;) {
    const int n = wait_for_events(epoll, events, kEchoClients, sleep_ms);
    for (int i = 0; i < n; ++i) receive_message(events[i].data.ptr);
  }
}

/* Fills the connection; the process ends with the server. */
static void fill(int fd) {
  static const char block[kBulkWrite];
  ssize_t n;
  do {
    n = send(fd, block, sizeof block, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n > 0);
  if (server_gone(n)) _exit(0);
  CHECK(errno == EAGAIN);
}

void bulk_load(int port, int sleep_ms) {
  struct pollfd writable = {connect_to(port), POLLOUT, 0};
  CHECK(writable.fd >= 0);
  for (;;) {
    fill(writable.fd);
    while (poll(&writable, 1, sleep_ms) == 0) continue;
  }
}

/* Discards received data: with MSG_TRUNC TCP does not copy it (tcp(7)). */
static void discard(int fd) {
  const ssize_t n = recv(fd, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);
  if (server_gone(n)) _exit(0);
  CHECK(n > 0 || errno == EAGAIN);
}

void sink_load(int port, int sleep_ms) {
  struct pollfd readable = {connect_to(port), POLLIN, 0};
  CHECK(readable.fd >= 0);
  for (;;) {
    while (poll(&readable, 1, sleep_ms) == 0) continue;
    discard(readable.fd);
  }
}

void proxy_load(int port, int sleep_ms) {
  struct pollfd ends[2] = {{connect_to(port), POLLOUT, 0}, {connect_to(port), POLLIN, 0}};
  CHECK(ends[0].fd >= 0 && ends[1].fd >= 0);
  for (;;) {
    while (poll(ends, 2, sleep_ms) == 0) continue;
    if (ends[0].revents) fill(ends[0].fd);
    if (ends[1].revents) discard(ends[1].fd);
  }
}

void multicast_load(int port, int sleep_ms) {
  static struct client clients[kMulticastClients];
  struct epoll_event events[kMulticastClients];
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  for (int i = 0; i < kMulticastClients; ++i) {
    CHECK((clients[i].fd = connect_to(port)) >= 0);
    watch(epoll, clients[i].fd, EPOLLIN, &clients[i]);
  }
  for (;;) {
    const int n = wait_for_events(epoll, events, kMulticastClients, sleep_ms);
    for (int i = 0; i < n; ++i) discard(((struct client *)events[i].data.ptr)->fd);
  }
}

static void connect_client(struct client *client, int epoll, int port) {
  const struct linger reset = {1, 0};
  client->fd = connect_to(port);
  if (client->fd < 0) _exit(0); /* the listener is closed: the run is over */
  CHECK(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
  watch(epoll, client->fd, EPOLLIN, client);
}

void connect_load(int port, int sleep_ms) {
  static struct client clients[kConnectClients];
  struct epoll_event events[kConnectClients];
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  for (int i = 0; i < kConnectClients; ++i) connect_client(&clients[i], epoll, port);
  for (;;) {
    const int n = wait_for_events(epoll, events, kConnectClients, sleep_ms);
    for (int i = 0; i < n; ++i) {
      struct client *client = events[i].data.ptr;
      char byte;
      CHECK(server_gone(recv(client->fd, &byte, 1, 0)));
      CHECK(close(client->fd) == 0);
      connect_client(client, epoll, port);
    }
  }
}

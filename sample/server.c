/* Functions that the sample servers share; server.h documents them. */
#include "server.h"

#include <errno.h>
#include <event2/util.h>
#ifndef _WIN32
#include <netinet/in.h>
#endif
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef _WIN32
#define SOCKET_ERROR_NUMBER(name) WSA##name
#else
#define SOCKET_ERROR_NUMBER(name) name
#endif

void prepare_sockets(void) {
#ifdef _WIN32
  WSADATA data;

  if (WSAStartup(MAKEWORD(2, 2), &data) != 0) {
    fprintf(stderr, "there are no sockets\n");
    exit(1);
  }
#else
  signal(SIGPIPE, SIG_IGN);
#endif
}

void report_socket_error(const char *doing) {
  fprintf(stderr, "%s: %s\n", doing, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}

int parse_number(const char *text, long max, long *value) {
  char *end;

  if (*text < '0' || *text > '9') return -1;
  errno = 0;
  *value = strtol(text, &end, 10);
  return *end == '\0' && errno == 0 && *value <= max ? 0 : -1;
}

int parse_address(const char *host, long port, struct listen_address *result) {
  struct sockaddr_in *in4 = (struct sockaddr_in *)&result->storage;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&result->storage;

  memset(result, 0, sizeof(*result));
  if (evutil_inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
    in4->sin_family = AF_INET;
    in4->sin_port = htons((unsigned short)port);
    result->length = sizeof(*in4);
    return 0;
  }
  if (evutil_inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((unsigned short)port);
    result->length = sizeof(*in6);
    return 0;
  }
  return -1;
}

void parse_server_options(int argc, char **argv, long default_port, struct listen_address *result) {
  const char *host = "127.0.0.1";
  long port = default_port;
  int option;

  while ((option = getopt(argc, argv, "p:b:h")) != -1) {
    if (option == 'b') {
      host = optarg;
    } else if (option == 'h') {
      printf("usage: %s [-p PORT] [-b ADDRESS]    (default: port %ld on 127.0.0.1)\n", argv[0], default_port);
      exit(0);
    } else if (option != 'p' || parse_number(optarg, 65535, &port) != 0) {
      goto usage;
    }
  }
  if (optind == argc && parse_address(host, port, result) == 0) return;
usage:
  fprintf(stderr, "usage: %s [-p PORT] [-b ADDRESS]\n", argv[0]);
  exit(2);
}

evutil_socket_t open_listening_socket(const struct listen_address *address) {
  evutil_socket_t fd = socket(address->storage.ss_family, SOCK_STREAM, 0);

  if (fd >= 0 && evutil_make_socket_closeonexec(fd) == 0 && evutil_make_socket_nonblocking(fd) == 0 &&
      evutil_make_listen_socket_reuseable(fd) == 0 &&
      bind(fd, (const struct sockaddr *)&address->storage, address->length) == 0 &&
      listen(fd, SOMAXCONN) == 0) {
    return fd;
  }
  report_socket_error("listening socket");
  if (fd >= 0) evutil_closesocket(fd);
  return -1;
}

int announce(FILE *out, evutil_socket_t listening) {
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);
  char host[64]; /* the longest IPv6 address in text needs 46 */

  if (getsockname(listening, (struct sockaddr *)&address, &length) != 0) {
    report_socket_error("getsockname");
    return -1;
  }
  if (address.ss_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address;
    evutil_inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
    fprintf(out, "listening on [%s]:%d\n", host, ntohs(in6->sin6_port));
  } else {
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)&address;
    evutil_inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
    fprintf(out, "listening on %s:%d\n", host, ntohs(in4->sin_port));
  }
  if (fflush(out) == 0) return 0;
  perror("writing the address");
  return -1;
}

int accept_must_wait(int error) {
#ifndef _WIN32
  if (error == ENFILE || error == ENOMEM) return 1;
#endif
  return error == SOCKET_ERROR_NUMBER(EMFILE) || error == SOCKET_ERROR_NUMBER(ENOBUFS);
}

int must_try_again(int error) {
  return error == SOCKET_ERROR_NUMBER(EWOULDBLOCK) || error == SOCKET_ERROR_NUMBER(EINTR);
}

void rot13(char *bytes, size_t count) {
  size_t i;

  for (i = 0; i < count; i++) {
    char c = bytes[i];
    if ((c >= 'a' && c <= 'm') || (c >= 'A' && c <= 'M')) {
      bytes[i] = (char)(c + 13);
    } else if ((c >= 'n' && c <= 'z') || (c >= 'N' && c <= 'Z')) {
      bytes[i] = (char)(c - 13);
    }
  }
}

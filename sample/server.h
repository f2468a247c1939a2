/* Functions that the sample servers share: the options -p and -b, the listening socket, the line that prints
 * the address, and the cipher of the ROT13 servers.  What a sample demonstrates is in its own file. */
#ifndef SAMPLE_SERVER_H
#define SAMPLE_SERVER_H

#include <event2/util.h>
#include <stddef.h>
#include <stdio.h>
#ifdef _WIN32 /* event2/util.h includes the socket headers */
#define MSG_NOSIGNAL 0
#else
#include <sys/socket.h>
#endif

/* The longest line that the ROT13 servers answer as a whole, newline included.  A longer one is answered
 * in pieces of this size, so that no client makes a server buffer an unbounded amount of input. */
enum { MAX_LINE = 16 * 1024 };

struct listen_address {
  struct sockaddr_storage storage;
  socklen_t length;
};

/* Call this first in main(): it initializes the sockets of Windows; on POSIX it ignores SIGPIPE, so that
 * writing to a closed connection fails with EPIPE. */
void prepare_sockets(void);

/* Prints `doing` and the error of the last socket call, which on Windows is not in errno. */
void report_socket_error(const char *doing);

/* Reads `text`, a decimal number from 0 to `max`, into `*value`.  Returns -1 if it is anything else. */
int parse_number(const char *text, long max, long *value);

/* Converts a numeric IPv4 or IPv6 address and a port to a socket address.  Returns -1 if it is neither. */
int parse_address(const char *host, long port, struct listen_address *result);

/* Reads `-p PORT` (0 lets the system choose) and `-b ADDRESS` (numeric, 127.0.0.1 if not given).  Other
 * arguments end the program with status 2 and a usage line; -h ends it with status 0. */
void parse_server_options(int argc, char **argv, long default_port, struct listen_address *result);

/* Returns a non-blocking socket that listens on the address and is owned by the caller, or -1 after printing
 * an error. */
evutil_socket_t open_listening_socket(const struct listen_address *address);

/* Prints "listening on ADDRESS:PORT" (an IPv6 address in brackets) and flushes, so that the
 * caller of a server with port 0 can read the port.  Returns 0, or -1 after printing an error. */
int announce(FILE *out, evutil_socket_t listening);

/* Returns whether accept() failed because descriptors or memory ran out.  All other errors concern only the
 * connection that failed. */
int accept_must_wait(int error);

/* Returns whether a failed recv() or send() is to be retried when the socket is ready. */
int must_try_again(int error);

/* Replaces each ASCII letter with the one 13 places on; all other bytes stay as they are. */
void rot13(char *bytes, size_t count);

#endif

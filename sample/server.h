/* What the sample servers share: the options -p and -b, the listening socket, the line that tells
 * where they listen, and the cipher of the ROT13 servers.  Everything that a sample wants to show is
 * in its own file. */
#ifndef SAMPLE_SERVER_H
#define SAMPLE_SERVER_H

#include <event2/util.h>
#include <stddef.h>
#include <stdio.h>
#ifdef _WIN32 /* event2/util.h has brought its sockets along */
#define MSG_NOSIGNAL 0
#else
#include <sys/socket.h>
#endif

/* The longest line that the ROT13 servers answer as a whole, newline included.  A longer one is passed on
 * in pieces of this size, so that no client makes a server keep an unbounded amount of input. */
enum { MAX_LINE = 16 * 1024 };

struct listen_address {
  struct sockaddr_storage storage;
  socklen_t length;
};

/* Comes first in main(): Windows' sockets have to be started, and on POSIX a peer that is gone shall be an
 * error of the call that writes to it, not a signal that ends the program. */
void prepare_sockets(void);

/* Prints what was done and why the last call on a socket failed: Windows does not tell it in errno. */
void report_socket_error(const char *doing);

/* Reads `text`, a decimal number from 0 to `max`, into `*value`.  Returns -1 if it is anything else. */
int parse_number(const char *text, long max, long *value);

/* Makes a socket address of a numeric IPv4 or IPv6 address and a port.  Returns -1 if it is neither. */
int parse_address(const char *host, long port, struct listen_address *result);

/* Reads `-p PORT` (0 lets the system choose) and `-b ADDRESS` (numeric, 127.0.0.1 if not given).  What is
 * not understood ends the program with status 2 and a usage line; -h with status 0. */
void parse_server_options(int argc, char **argv, long default_port, struct listen_address *result);

/* Returns a non-blocking socket that listens there, which the caller closes, or -1 after it reported an
 * error. */
evutil_socket_t open_listening_socket(const struct listen_address *address);

/* Prints "listening on ADDRESS:PORT" (an IPv6 address in brackets) and flushes, so that whoever started
 * the server on port 0 can read where to connect.  Returns 0, or -1 after it reported an error. */
int announce(FILE *out, evutil_socket_t listening);

/* Whether a failed accept() means that connections must wait until descriptors or memory are free again.
 * All other errors concern only the one connection that failed. */
int accept_must_wait(int error);

/* Whether a failed recv() or send() is tried again when the loop says so. */
int must_try_again(int error);

/* Replaces each ASCII letter with the one 13 places on; all other bytes stay as they are. */
void rot13(char *bytes, size_t count);

#endif

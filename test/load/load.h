/* The record of each connection, in memory shared by the server and the client process. */
#ifndef EVENTIDE_TEST_LOAD_LOAD_H
#define EVENTIDE_TEST_LOAD_LOAD_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdint.h>

/* How a client ends its connection. */
enum fate {
  kHalfClose,     /* sends all, says that it is all, reads the echo to its end */
  kReadThenClose, /* sends all, reads all of the echo, closes */
  kReset,         /* resets somewhere while it sends */
  kResetUnread,   /* sends all, reads nothing, resets */
  kSilent,        /* sends only its number, then resets */
  kFates
};

struct record {
  enum fate fate;
  uint32_t size; /* of what it sends, its number included */
  /* of the client */
  uint32_t sent, received;
  int client_wrong, client_ended, client_saw_end;
  /* of the server, where the number arrived */
  uint32_t server_received;
  int server_wrong, server_ends, server_saw_eof, server_saw_error;
};

struct shared {
  atomic_uint accepted; /* by the server */
  atomic_int go;        /* all are connected: traffic may begin */
  atomic_uint failed_connects;
  struct record records[];
};

/* The byte that connection `number` sends at a position after its number. */
static inline unsigned char load_byte(uint32_t number, uint32_t at) {
  return (unsigned char)(((number + 1) * 2654435761u + at * 40503u) >> 13);
}

enum { kNumberSize = 4 };

/* The clients: connects `count` of them, waits for `go`, and plays them. Returns the status of the process.
 */
int load_clients(struct shared *shared, uint32_t count, struct sockaddr_in server, uint64_t seed);

#endif

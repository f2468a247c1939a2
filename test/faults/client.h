/* The clean sides: a client that talks to the server under test, and a server that the client under test
 * talks to. Each is a thread whose system calls are not disturbed. */
#ifndef EVENTIDE_TEST_FAULTS_CLIENT_H
#define EVENTIDE_TEST_FAULTS_CLIENT_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdint.h>

#include "faults/plan.h"

struct talk {
  struct plan plan;
  int fd; /* -1 once it has ended */
  SSL *ssl;
  size_t sent;
  size_t give_up_at; /* it is reset after that many bytes; beyond out_size: never */
  int half_closes;   /* when all is sent */
  int said_all;
  int whole;
};

struct client {
  struct sockaddr_in address;
  enum plan_kind kind;
  SSL_CTX *tls; /* or NULL */
  uint64_t random;
  struct talk *talks;
  unsigned count;
  int done; /* the writable end of a pipe, closed at the end */
  pthread_t thread;
};

/* Returns 0 if there is no thread. */
int client_start(struct client *client);
/* Waits for the end. The talks are the caller's to look at, until client_free(). */
void client_join(struct client *client);
void client_free(struct client *client);

/* An echo server, which resets one connection of `reset_one_in` somewhere, if not 0. */
struct clean_server {
  struct sockaddr_in address;
  int listener;
  unsigned connections; /* how many it serves */
  unsigned reset_one_in;
  uint64_t random;
  int stop[2];
  pthread_t thread;
};
int clean_server_start(struct clean_server *server);
void clean_server_stop(struct clean_server *server);

#endif

/* One run: a loop whose system calls fail at random, and a clean side that accounts for every byte. */
#ifndef EVENTIDE_TEST_FAULTS_RUN_H
#define EVENTIDE_TEST_FAULTS_RUN_H

#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdint.h>

#include "faults/client.h"
#include "faults/random.h"
#include "faults/shim.h"

struct run {
  struct event_base *base;
  uint64_t random;
  SSL_CTX *server_tls, *client_tls;
  unsigned live;     /* connections of the loop's side that have not ended */
  unsigned whole;    /* connections whose bytes all arrived */
  unsigned cut;      /* that ended early, as after a fault they may */
  unsigned mistakes; /* of the library, each reported as it is found */
  int all_must_arrive;
};

struct scenario {
  const char *name;
  /* Returns the state passed to free_state and the others, or NULL after a fault: it is tried again. */
  void *(*start)(struct run *run);
  /* The clean side, whose thread closes `done` when all of its connections have ended. Undisturbed. */
  int (*start_clean)(struct run *run, void *state, int done);
  unsigned (*connections_left)(struct run *run, void *state);
  /* After the loop, undisturbed: adds to the counts, and frees. */
  void (*finish)(struct run *run, void *state);
};
extern const struct scenario echo_scenario, tls_scenario, filter_scenario, tls_filter_scenario, http_scenario,
    connect_scenario;

enum { kTalks = 30 };

void run_mistake(struct run *run, const char *what);
/* Starts a client of a listening socket, whose kind and TLS context are set. As scenario.start_clean. */
int run_start_client(struct run *run, struct client *client, int listening, int done);
/* Waits for its end, counts its talks, and frees it. */
void run_end_client(struct run *run, struct client *client);
/* A listener's address: any port of 127.0.0.1. */
struct sockaddr_in run_loopback(void);

#endif

/* Sockets and load generators by bare system calls, the same for every library. */
#ifndef EVENTIDE_BENCH_NET_H
#define EVENTIDE_BENCH_NET_H

#include <stddef.h>
#include <sys/types.h>

enum {
  kEchoClients = 50,
  kEchoMessage = 64,
  kBulkWrite = 64 * 1024,
  kConnectClients = 8,
  kMulticastClients = 200,
  kMulticastSendBuffer = 128 * 1024
};

/* A non-blocking listening TCP socket on a free loopback port. */
int listen_on_loopback(int *port);

/* Accepts one connection, waiting for it; the result is non-blocking and close-on-exec. */
int accept_one(int listener);

/* A pair of connected non-blocking stream sockets. */
void make_pair(int fds[2]);

/* Starts a process on the load's CPU that runs `load` against the listener's port until the server ends.
 * The load sleeps for up to sleep_ms when it has nothing to do: -1 without a limit, 0 it polls. */
typedef void load_fn(int port, int sleep_ms);
pid_t start_load(load_fn *load, int listener, int port);

/* Waits for the load to end by itself; any failure there fails the benchmark. */
void wait_for_load(pid_t pid);

/* kEchoClients connections, each with one message of kEchoMessage bytes in flight. */
load_fn echo_load;

/* One connection that is always full, by writes of kBulkWrite bytes. */
load_fn bulk_load;

/* One connection whose bytes are discarded without a copy. */
load_fn sink_load;

/* Two connections: the first is always full, the bytes of the second are discarded. */
load_fn proxy_load;

/* kMulticastClients connections whose bytes are discarded. */
load_fn multicast_load;

/* kConnectClients times at once: connects, waits for the server to close, resets, and again. No TIME_WAIT
 * is left on either side. */
load_fn connect_load;

#endif

/* Accepting by evconnlistener: each connection is closed as soon as it is accepted. */
#include <event2/event.h>
#include <event2/listener.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

static struct event_base *base;
static struct progress progress;
static int finished;

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                          int length, void *arg) {
  (void)listener;
  (void)address;
  (void)length;
  (void)arg;
  CHECK(close(fd) == 0);
  if (!finished && progress_add(&progress, 1)) {
    finished = 1;
    CHECK(event_base_loopbreak(base) == 0);
  }
}

static void on_error(struct evconnlistener *listener, void *arg) {
  (void)listener;
  (void)arg;
  fail("accept");
}

int main(int argc, char **argv) {
  int port;
  const long ops = bench_start(argc, argv, 20000);
  const int fd = listen_on_loopback(&port);
  base = event_base_new();
  CHECK(base != NULL);
  const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
  struct evconnlistener *listener = evconnlistener_new(base, on_connection, NULL, flags, 0, fd);
  CHECK(listener != NULL);
  evconnlistener_set_error_cb(listener, on_error);
  progress_init(&progress, "accept", ops / 10, ops);
  const pid_t load = start_load(connect_load, fd, port);
  CHECK(event_base_dispatch(base) == 0);
  CHECK(finished);
  evconnlistener_free(listener);
  event_base_free(base);
  wait_for_load(load);
  bench_finish();
  return 0;
}

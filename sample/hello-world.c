/* A server that greets each client, and closes the connection when the greeting is sent.
 *
 * It shows the smallest use of an evconnlistener and of a bufferevent that only writes: its write callback
 * runs when the output is empty, and frees it.  It also shows that a loop ends when no event is left: SIGINT
 * removes the listener and the signal's own event, and event_base_dispatch() returns as soon as the last
 * greeting was sent.
 *
 *   $ ./hello-world -p 9996 &
 *   $ nc 127.0.0.1 9996
 *   $ kill -INT %1
 */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "server.h"

static const char kGreeting[] = "Hello, World!\n";

struct server {
  struct event_base *base;
  struct evconnlistener *listener;
  struct event *accept_again; /* resumes accepting after descriptors ran out */
  struct event *interrupt;
};

static void on_sent(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_free(bev);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  (void)what; /* it only writes, so the only event is an error */
  (void)arg;
  bufferevent_free(bev);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                          int length, void *arg) {
  struct server *server = arg;
  struct bufferevent *bev = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);

  (void)listener;
  (void)peer;
  (void)length;
  if (bev == NULL) {
    fprintf(stderr, "a client could not be greeted\n");
    evutil_closesocket(fd);
    return;
  }
  bufferevent_setcb(bev, NULL, on_sent, on_event, NULL);
  if (bufferevent_enable(bev, EV_WRITE) != 0 || bufferevent_write(bev, kGreeting, strlen(kGreeting)) != 0) {
    bufferevent_free(bev);
  }
}

/* The connection that could not be accepted stays in the backlog: without a pause the listener would report
 * it again at once. */
static void on_accept_error(struct evconnlistener *listener, void *arg) {
  static const struct timeval pause = {0, 100 * 1000};
  struct server *server = arg;

  report_socket_error("accept");
  if (event_add(server->accept_again, &pause) == 0) evconnlistener_disable(listener);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg) {
  struct server *server = arg;

  (void)fd;
  (void)what;
  if (evconnlistener_enable(server->listener) != 0) event_base_loopbreak(server->base);
}

static void on_interrupt(evutil_socket_t signal_number, short what, void *arg) {
  struct server *server = arg;

  (void)signal_number;
  (void)what;
  evconnlistener_free(server->listener);
  server->listener = NULL;
  event_del(server->accept_again);
  event_del(server->interrupt);
}

static int server_run(struct server *server, const struct listen_address *address) {
  server->base = event_base_new();
  if (server->base == NULL) return -1;
  server->accept_again = evtimer_new(server->base, on_pause_over, server);
  server->interrupt = evsignal_new(server->base, SIGINT, on_interrupt, server);
  if (server->accept_again == NULL || server->interrupt == NULL) return -1;
  if (event_add(server->interrupt, NULL) != 0) return -1;

  server->listener = evconnlistener_new_bind(
      server->base, on_connection, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
      -1, (const struct sockaddr *)&address->storage, (int)address->length);
  if (server->listener == NULL) {
    report_socket_error("listening socket");
    return -1;
  }
  evconnlistener_set_error_cb(server->listener, on_accept_error);
  if (announce(stdout, evconnlistener_get_fd(server->listener)) != 0) return -1;
  return event_base_dispatch(server->base) < 0 ? -1 : 0; /* 1: no events remain, the normal end here */
}

static void server_clear(struct server *server) {
  if (server->listener != NULL) evconnlistener_free(server->listener);
  if (server->accept_again != NULL) event_free(server->accept_again);
  if (server->interrupt != NULL) event_free(server->interrupt);
  if (server->base != NULL) event_base_free(server->base);
}

int main(int argc, char **argv) {
  struct listen_address address;
  struct server server = {0};
  int result;

  prepare_sockets();
  parse_server_options(argc, argv, 9996, &address);
  result = server_run(&server, &address);
  if (result != 0) fprintf(stderr, "%s: the event loop could not run\n", argv[0]);
  server_clear(&server);
  libevent_global_shutdown();
  return result == 0 ? 0 : 1;
}

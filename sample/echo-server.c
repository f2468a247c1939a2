/* An echo server: sends every byte back to the client it came from.
 *
 * It shows an evconnlistener with bufferevents, and how whole buffers move from the input to the output of a
 * client without a copy.  Two rules make it correct under load: reading is suspended while a client does not
 * receive its echo, and a client that has shut down its sending side receives the rest before the connection
 * is closed.  SIGINT ends the server.
 *
 *   $ ./echo-server -p 9997 &
 *   $ nc 127.0.0.1 9997
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "server.h"

/* Reading from a client is suspended while its output exceeds this size. */
enum { MAX_OUTPUT = 256 * 1024 };

struct server {
  struct event_base *base;
  struct evconnlistener *listener;
  struct event *accept_again; /* resumes accepting after descriptors ran out */
  struct event *interrupt;
  LIST_HEAD(, client) clients;
};

struct client {
  struct bufferevent *bev;
  int saw_end;
  LIST_ENTRY(client) link;
};

static void client_free(struct client *client) {
  LIST_REMOVE(client, link);
  bufferevent_free(client->bev);
  free(client);
}

static void on_read(struct bufferevent *bev, void *arg) {
  struct client *client = arg;
  struct evbuffer *output = bufferevent_get_output(bev);

  if (evbuffer_add_buffer(output, bufferevent_get_input(bev)) != 0 ||
      (evbuffer_get_length(output) >= MAX_OUTPUT && bufferevent_disable(bev, EV_READ) != 0)) {
    fprintf(stderr, "a client's data could not be echoed\n");
    client_free(client);
  }
}

/* Runs when at most half of MAX_OUTPUT is left to send. */
static void on_drained(struct bufferevent *bev, void *arg) {
  struct client *client = arg;

  if (client->saw_end) {
    if (evbuffer_get_length(bufferevent_get_output(bev)) == 0) client_free(client);
  } else if (bufferevent_enable(bev, EV_READ) != 0) {
    client_free(client);
  }
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct client *client = arg;

  if (what & BEV_EVENT_ERROR) {
    fprintf(stderr, "client: %s\n", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    client_free(client);
  } else if (what & BEV_EVENT_EOF) {
    client->saw_end = 1;
    if (evbuffer_get_length(bufferevent_get_output(bev)) == 0) client_free(client);
  }
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                          int length, void *arg) {
  struct server *server = arg;
  struct client *client = calloc(1, sizeof(*client));
  struct bufferevent *bev = NULL;

  (void)listener;
  (void)peer;
  (void)length;
  if (client != NULL) bev = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
  if (bev == NULL) {
    fprintf(stderr, "a new client could not be set up\n");
    evutil_closesocket(fd);
    free(client);
    return;
  }
  client->bev = bev;
  LIST_INSERT_HEAD(&server->clients, client, link);
  bufferevent_setcb(bev, on_read, on_drained, on_event, client);
  bufferevent_setwatermark(bev, EV_WRITE, MAX_OUTPUT / 2, 0);
  if (bufferevent_enable(bev, EV_READ | EV_WRITE) != 0) client_free(client);
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
  (void)signal_number;
  (void)what;
  event_base_loopbreak(arg);
}

static int server_run(struct server *server, const struct listen_address *address) {
  server->base = event_base_new();
  if (server->base == NULL) return -1;
  server->accept_again = evtimer_new(server->base, on_pause_over, server);
  server->interrupt = evsignal_new(server->base, SIGINT, on_interrupt, server->base);
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
  return event_base_dispatch(server->base);
}

static void server_clear(struct server *server) {
  while (!LIST_EMPTY(&server->clients)) client_free(LIST_FIRST(&server->clients));
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
  parse_server_options(argc, argv, 9997, &address);
  LIST_INIT(&server.clients);
  result = server_run(&server, &address);
  if (result != 0) fprintf(stderr, "%s: the event loop could not run\n", argv[0]);
  server_clear(&server);
  libevent_global_shutdown();
  return result == 0 ? 0 : 1;
}

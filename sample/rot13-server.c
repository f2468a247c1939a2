/* A ROT13 server in the recommended style: an evconnlistener accepts connections, bufferevents transfer the
 * data, and signals shut the server down gracefully.
 *
 * It shows all phases of a server: listening, a pause when descriptors run out, bounded memory per client,
 * moving lines from the input to the output evbuffer with a single copy, and a shutdown in two steps.  The
 * first SIGINT or SIGTERM closes the listening socket and stops reading; lines already read are still
 * answered, within two seconds.  A second signal ends the program at once.  (The connection of a client that
 * is still sending at the end is reset, which may discard the last replies.)
 *
 * Each line is answered when it is complete.  A line longer than MAX_LINE is answered in pieces, and a last
 * line without a newline when the client has shut down its sending side.
 *
 *   $ ./rot13-server -p 9995 &
 *   $ printf 'Uryyb\n' | nc -N 127.0.0.1 9995
 *   $ kill %1
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
enum { MAX_OUTPUT = 4 * MAX_LINE };

struct server {
  struct event_base *base;
  struct evconnlistener *listener; /* NULL after the shutdown has started */
  struct event *accept_again;      /* resumes accepting after descriptors ran out */
  struct event *interrupt;
  struct event *terminate;
  LIST_HEAD(, client) clients;
};

struct client {
  struct server *server;
  struct bufferevent *bev;
  int saw_end; /* EOF, or shutting down */
  LIST_ENTRY(client) link;
};

static void client_free(struct client *client) {
  struct server *server = client->server;

  LIST_REMOVE(client, link);
  bufferevent_free(client->bev); /* closes the socket, see BEV_OPT_CLOSE_ON_FREE below */
  free(client);
  if (server->listener == NULL && LIST_EMPTY(&server->clients)) event_base_loopbreak(server->base);
}

/* Returns the number of bytes at the front of the input that can be answered: a line with its newline, or a
 * piece of a line that is too long or ends with EOF.  0 if the line is not complete. */
static size_t answerable(struct evbuffer *input, int saw_end) {
  size_t length = evbuffer_get_length(input);
  struct evbuffer_ptr newline = evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_LF);

  if (newline.pos >= 0) {
    length = (size_t)newline.pos + 1;
  } else if (length < MAX_LINE && !saw_end) {
    return 0;
  }
  return length < MAX_LINE ? length : MAX_LINE;
}

/* Copies bytes from the input into reserved space of the output, and encodes them there. */
static int answer(struct evbuffer *input, struct evbuffer *output, size_t length) {
  struct evbuffer_iovec space;

  if (evbuffer_reserve_space(output, (ev_ssize_t)length, &space, 1) != 1) return -1;
  if (evbuffer_remove(input, space.iov_base, length) != (int)length) return -1;
  rot13(space.iov_base, length);
  space.iov_len = length; /* the extent may be larger than requested */
  return evbuffer_commit_space(output, &space, 1);
}

/* Answers lines while the output has room, and frees the client when it is done or has failed. */
static void client_answer(struct client *client) {
  struct evbuffer *input = bufferevent_get_input(client->bev);
  struct evbuffer *output = bufferevent_get_output(client->bev);
  int reading = 1;
  size_t length;

  while ((length = answerable(input, client->saw_end)) > 0 && reading) {
    if (answer(input, output, length) != 0) {
      fprintf(stderr, "a client's line could not be answered\n");
      client_free(client);
      return;
    }
    reading = evbuffer_get_length(output) < MAX_OUTPUT;
  }
  if (client->saw_end) {
    if (length == 0 && evbuffer_get_length(output) == 0) client_free(client);
  } else if ((reading ? bufferevent_enable : bufferevent_disable)(client->bev, EV_READ) != 0) {
    client_free(client);
  }
}

static void on_read(struct bufferevent *bev, void *arg) {
  (void)bev;
  client_answer(arg);
}

static void on_drained(struct bufferevent *bev, void *arg) {
  (void)bev;
  client_answer(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct client *client = arg;

  (void)bev;
  if (what & BEV_EVENT_ERROR) {
    fprintf(stderr, "client: %s\n", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    client_free(client);
  } else if (what & BEV_EVENT_EOF) {
    client->saw_end = 1;
    client_answer(client);
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
  client->server = server;
  client->bev = bev;
  LIST_INSERT_HEAD(&server->clients, client, link);
  bufferevent_setcb(bev, on_read, on_drained, on_event, client);
  bufferevent_setwatermark(bev, EV_READ, 0, MAX_LINE);
  bufferevent_setwatermark(bev, EV_WRITE, MAX_OUTPUT / 2, 0); /* on_drained runs at this level and below */
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
  if (server->listener != NULL && evconnlistener_enable(server->listener) != 0)
    event_base_loopbreak(server->base);
}

static void on_stop_signal(evutil_socket_t signal_number, short what, void *arg) {
  static const struct timeval patience = {2, 0};
  struct server *server = arg;
  struct client *client, *next;

  (void)signal_number;
  (void)what;
  if (server->listener == NULL || LIST_EMPTY(&server->clients) ||
      event_base_loopexit(server->base, &patience) != 0) {
    event_base_loopbreak(server->base);
    return;
  }
  evconnlistener_free(server->listener);
  server->listener = NULL;
  for (client = LIST_FIRST(&server->clients); client != NULL; client = next) {
    next = LIST_NEXT(client, link);
    bufferevent_disable(client->bev, EV_READ);
    client->saw_end = 1;
    client_answer(client);
  }
}

static int server_run(struct server *server, const struct listen_address *address) {
  server->base = event_base_new();
  if (server->base == NULL) return -1;
  server->accept_again = evtimer_new(server->base, on_pause_over, server);
  server->interrupt = evsignal_new(server->base, SIGINT, on_stop_signal, server);
  server->terminate = evsignal_new(server->base, SIGTERM, on_stop_signal, server);
  if (server->accept_again == NULL || server->interrupt == NULL || server->terminate == NULL) return -1;
  if (event_add(server->interrupt, NULL) != 0 || event_add(server->terminate, NULL) != 0) return -1;

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
  if (server->terminate != NULL) event_free(server->terminate);
  if (server->base != NULL) event_base_free(server->base);
}

int main(int argc, char **argv) {
  struct listen_address address;
  struct server server = {0};
  int result;

  prepare_sockets();
  parse_server_options(argc, argv, 9995, &address);
  LIST_INIT(&server.clients);
  result = server_run(&server, &address);
  if (result != 0) fprintf(stderr, "%s: the event loop could not run\n", argv[0]);
  server_clear(&server);
  libevent_global_shutdown();
  return result == 0 ? 0 : 1;
}

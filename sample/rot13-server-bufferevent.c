/* A ROT13 server on bufferevents: the library reads, writes and buffers; the program handles lines.
 *
 * It shows how to take whole lines from an input evbuffer, how to reply through an output evbuffer, and how
 * watermarks limit both: the input never exceeds one line, and reading from a client that does not read its
 * replies is suspended until the output has drained.  This program handles the listening socket itself, with
 * a plain event; rot13-server.c uses an evconnlistener instead.
 *
 * Each line is answered when it is complete.  A line longer than MAX_LINE is answered in pieces, and a last
 * line without a newline when the client has shut down its sending side.
 *
 *   $ ./rot13-server-bufferevent -p 9995 &
 *   $ printf 'Uryyb\n' | nc -N 127.0.0.1 9995
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
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
  struct event *accepting;
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
  bufferevent_free(client->bev); /* closes the socket, see BEV_OPT_CLOSE_ON_FREE below */
  free(client);
}

/* Answers one line, or a piece of one that is too long or has no end.  Returns 1, 0 if there is nothing to
 * answer yet, or -1. */
static int answer_line(struct client *client) {
  struct evbuffer *input = bufferevent_get_input(client->bev);
  struct evbuffer *output = bufferevent_get_output(client->bev);
  char piece[MAX_LINE];
  int count, result;
  size_t length;
  char *line = evbuffer_readln(input, &length, EVBUFFER_EOL_LF);

  if (line != NULL) {
    rot13(line, length);
    line[length] = '\n'; /* where readln has put the terminating NUL */
    result = evbuffer_add(output, line, length + 1);
    free(line);
    return result == 0 ? 1 : -1;
  }
  length = evbuffer_get_length(input);
  if (length == 0 || (length < MAX_LINE && !client->saw_end)) return 0;
  count = evbuffer_remove(input, piece, sizeof(piece));
  if (count <= 0) return -1;
  rot13(piece, (size_t)count);
  return evbuffer_add(output, piece, (size_t)count) == 0 ? 1 : -1;
}

/* Answers lines while the output has room, and frees the client when it is done or has failed. */
static void client_answer(struct client *client) {
  struct evbuffer *output = bufferevent_get_output(client->bev);
  int result = 1;

  while (result > 0 && evbuffer_get_length(output) < MAX_OUTPUT) result = answer_line(client);
  if (result > 0) {
    result = bufferevent_disable(client->bev, EV_READ);
  } else if (result == 0 && !client->saw_end) {
    result = bufferevent_enable(client->bev, EV_READ);
  } else if (result == 0 && evbuffer_get_length(output) == 0) {
    client_free(client); /* EOF, and all replies are sent */
    return;
  }
  if (result == 0) return;
  fprintf(stderr, "a client's line could not be answered\n");
  client_free(client);
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

static void client_new(struct server *server, evutil_socket_t fd) {
  struct client *client = calloc(1, sizeof(*client));
  struct bufferevent *bev = NULL;

  if (client != NULL && evutil_make_socket_nonblocking(fd) == 0) {
    bev = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
  }
  if (bev == NULL) {
    fprintf(stderr, "a new client could not be set up\n");
    evutil_closesocket(fd);
    free(client);
    return;
  }
  client->bev = bev;
  LIST_INSERT_HEAD(&server->clients, client, link);
  bufferevent_setcb(bev, on_read, on_drained, on_event, client);
  bufferevent_setwatermark(bev, EV_READ, 0, MAX_LINE);
  bufferevent_setwatermark(bev, EV_WRITE, MAX_OUTPUT / 2, 0); /* on_drained runs at this level and below */
  if (bufferevent_enable(bev, EV_READ | EV_WRITE) != 0) client_free(client);
}

/* The connection that could not be accepted stays in the backlog and the socket readable: without a pause the
 * loop would report it again at once. */
static void pause_accepting(struct server *server) {
  static const struct timeval pause = {0, 100 * 1000};

  report_socket_error("accept");
  if (event_add(server->accept_again, &pause) == 0) event_del(server->accepting);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg) {
  struct server *server = arg;

  (void)fd;
  (void)what;
  if (event_add(server->accepting, NULL) != 0) event_base_loopbreak(server->base);
}

static void on_connection(evutil_socket_t listening, short what, void *arg) {
  struct server *server = arg;
  evutil_socket_t fd = accept(listening, NULL, NULL);

  (void)what;
  if (fd >= 0) {
    client_new(server, fd);
  } else if (accept_must_wait(EVUTIL_SOCKET_ERROR())) {
    pause_accepting(server);
  }
}

static void on_interrupt(evutil_socket_t signal_number, short what, void *arg) {
  struct server *server = arg;

  (void)signal_number;
  (void)what;
  event_base_loopbreak(server->base);
}

static int server_run(struct server *server, evutil_socket_t listening) {
  server->base = event_base_new();
  if (server->base == NULL) return -1;
  server->accepting = event_new(server->base, listening, EV_READ | EV_PERSIST, on_connection, server);
  server->accept_again = evtimer_new(server->base, on_pause_over, server);
  server->interrupt = evsignal_new(server->base, SIGINT, on_interrupt, server);
  if (server->accepting == NULL || server->accept_again == NULL || server->interrupt == NULL) return -1;
  if (event_add(server->accepting, NULL) != 0 || event_add(server->interrupt, NULL) != 0) return -1;
  if (announce(stdout, listening) != 0) return -1;
  return event_base_dispatch(server->base);
}

static void server_clear(struct server *server) {
  while (!LIST_EMPTY(&server->clients)) client_free(LIST_FIRST(&server->clients));
  if (server->accepting != NULL) event_free(server->accepting);
  if (server->accept_again != NULL) event_free(server->accept_again);
  if (server->interrupt != NULL) event_free(server->interrupt);
  if (server->base != NULL) event_base_free(server->base);
}

int main(int argc, char **argv) {
  struct listen_address address;
  struct server server = {0};
  evutil_socket_t listening;
  int result;

  prepare_sockets();
  parse_server_options(argc, argv, 9995, &address);
  listening = open_listening_socket(&address);
  if (listening < 0) return 1;
  LIST_INIT(&server.clients);
  result = server_run(&server, listening);
  if (result != 0) fprintf(stderr, "%s: the event loop could not run\n", argv[0]);
  server_clear(&server);
  evutil_closesocket(listening);
  libevent_global_shutdown();
  return result == 0 ? 0 : 1;
}

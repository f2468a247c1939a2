/* A ROT13 server on plain events: one event for the listening socket, two for each client.
 *
 * It shows what a program without bufferevents does itself: non-blocking reads and writes, one bounded
 * buffer per client, a write event that is pending only while there is data to write, and a read event that
 * is deleted while the buffer is full, so that reading from a client that does not read its replies is
 * suspended.
 *
 * Each line is answered when it is complete.  A line longer than MAX_LINE is answered in pieces, and a last
 * line without a newline when the client has shut down its sending side.
 *
 *   $ ./rot13-server-events -p 9995 &
 *   $ printf 'Uryyb\n' | nc -N 127.0.0.1 9995
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "server.h"

struct server {
  struct event_base *base;
  struct event *accepting;
  struct event *accept_again; /* resumes accepting after descriptors ran out */
  struct event *interrupt;
  LIST_HEAD(, client) clients;
};

/* buffer[sent, ready) waits to be sent, already encoded; buffer[ready, filled) is a line not yet complete. */
struct client {
  evutil_socket_t fd;
  struct event *readable;
  struct event *writable;
  LIST_ENTRY(client) link;
  int saw_end;
  size_t sent;
  size_t ready;
  size_t filled;
  char buffer[MAX_LINE];
};

static void client_free(struct client *client) {
  LIST_REMOVE(client, link);
  if (client->readable != NULL) event_free(client->readable);
  if (client->writable != NULL) event_free(client->writable);
  evutil_closesocket(client->fd); /* only after its events are freed */
  free(client);
}

static void client_fail(struct client *client, const char *doing) {
  report_socket_error(doing);
  client_free(client);
}

/* Adds the events that the buffer allows: reading if it has room, writing if it holds a reply.  If neither
 * applies, all is sent and the client is done. */
static void client_wait(struct client *client) {
  int may_read = !client->saw_end && client->filled < MAX_LINE;
  int may_write = client->sent < client->ready;

  if (!may_read && !may_write) {
    client_free(client);
  } else if ((may_read ? event_add(client->readable, NULL) : event_del(client->readable)) != 0 ||
             (may_write ? event_add(client->writable, NULL) : event_del(client->writable)) != 0) {
    client_fail(client, "waiting for a client");
  }
}

/* Encodes all complete lines, or everything at EOF or if the buffer is full. */
static void encode_lines(struct client *client) {
  size_t end = client->filled;

  if (!client->saw_end && client->filled < MAX_LINE) {
    while (end > client->ready && client->buffer[end - 1] != '\n') end--;
  }
  rot13(client->buffer + client->ready, end - client->ready);
  client->ready = end;
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
  struct client *client = arg;
  ssize_t count = recv(fd, client->buffer + client->filled, MAX_LINE - client->filled, 0);

  (void)what;
  if (count < 0) {
    if (!must_try_again(EVUTIL_SOCKET_ERROR())) client_fail(client, "recv");
    return;
  }
  if (count == 0) client->saw_end = 1;
  client->filled += (size_t)count;
  encode_lines(client);
  client_wait(client);
}

static void on_writable(evutil_socket_t fd, short what, void *arg) {
  struct client *client = arg;
  ssize_t count = send(fd, client->buffer + client->sent, client->ready - client->sent, MSG_NOSIGNAL);

  (void)what;
  if (count < 0) {
    if (!must_try_again(EVUTIL_SOCKET_ERROR())) client_fail(client, "send");
    return;
  }
  client->sent += (size_t)count;
  if (client->sent == client->ready) { /* make room: the incomplete line moves to the front */
    memmove(client->buffer, client->buffer + client->ready, client->filled - client->ready);
    client->filled -= client->ready;
    client->sent = client->ready = 0;
  }
  client_wait(client);
}

static void client_new(struct server *server, evutil_socket_t fd) {
  struct client *client = calloc(1, sizeof(*client));

  if (client == NULL) {
    perror("a new client");
    evutil_closesocket(fd);
    return;
  }
  client->fd = fd;
  LIST_INSERT_HEAD(&server->clients, client, link);
  client->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, client);
  client->writable = event_new(server->base, fd, EV_WRITE | EV_PERSIST, on_writable, client);
  if (client->readable == NULL || client->writable == NULL || evutil_make_socket_nonblocking(fd) != 0) {
    client_fail(client, "a new client");
    return;
  }
  client_wait(client);
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

/* An HTTP server that sends bodies back, whole or in chunks, and parts of a file. */
#define _GNU_SOURCE
#include <event2/buffer.h>
#include <event2/http.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faults/run.h"

struct http {
  struct run *run;
  struct evhttp *server;
  struct evhttp_bound_socket *bound;
  int file;
  struct client client;
};

static void send_whole(struct evhttp_request *request, void *arg) {
  (void)arg;
  evhttp_send_reply(request, HTTP_OK, "OK", evhttp_request_get_input_buffer(request));
}

static void send_chunks(struct evhttp_request *request, void *arg) {
  struct http *h = arg;
  struct evbuffer *body = evhttp_request_get_input_buffer(request);
  struct evbuffer *chunk = evbuffer_new();
  if (!chunk) {
    evhttp_send_error(request, HTTP_INTERNAL, NULL);
    return;
  }
  evhttp_send_reply_start(request, HTTP_OK, "OK");
  while (evbuffer_get_length(body) > 0) {
    if (evbuffer_remove_buffer(body, chunk, 1 + random_below(&h->run->random, 9000)) <= 0) break;
    evhttp_send_reply_chunk(request, chunk);
  }
  /* An incomplete body must not look like a complete one. The request outlives its connection. */
  if (evbuffer_get_length(body) > 0) evhttp_connection_free(evhttp_request_get_connection(request));
  evhttp_send_reply_end(request);
  evbuffer_free(chunk);
}

static void send_part(struct evhttp_request *request, void *arg) {
  struct http *h = arg;
  const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
  struct evbuffer *body = evbuffer_new();
  const int fd = fcntl(h->file, F_DUPFD_CLOEXEC, 0);
  unsigned long at, size;
  /* Sent by sendfile() then, otherwise from memory. */
  if (body && random_below(&h->run->random, 2)) evbuffer_set_flags(body, EVBUFFER_FLAG_DRAINS_TO_FD);
  if (query && sscanf(query, "%lu,%lu", &at, &size) == 2 && body &&
      evbuffer_add_file(body, fd, (ev_off_t)at, (ev_off_t)size) == 0) {
    evhttp_send_reply(request, HTTP_OK, "OK", body);
  } else {
    close(fd);
    evhttp_send_error(request, HTTP_INTERNAL, NULL);
  }
  if (body) evbuffer_free(body);
}

static int make_file(void) {
  static unsigned char bytes[kFileSize];
  const int fd = memfd_create("file", MFD_CLOEXEC);
  size_t i;
  for (i = 0; i < kFileSize; ++i) bytes[i] = plan_file_byte(i);
  if (fd >= 0 && pwrite(fd, bytes, kFileSize, 0) == kFileSize) return fd;
  abort();
}

static void *start(struct run *run) {
  struct http *h = calloc(1, sizeof(*h));
  h->run = run;
  h->server = evhttp_new(run->base);
  if (h->server) h->bound = evhttp_bind_socket_with_handle(h->server, "127.0.0.1", 0);
  if (h->bound && evhttp_set_cb(h->server, "/echo", send_whole, h) == 0 &&
      evhttp_set_cb(h->server, "/chunks", send_chunks, h) == 0 &&
      evhttp_set_cb(h->server, "/file", send_part, h) == 0) {
    h->file = make_file();
    return h;
  }
  if (h->server) evhttp_free(h->server);
  free(h);
  return NULL;
}

static int start_clean(struct run *run, void *state, int done) {
  struct http *h = state;
  h->client.kind = kPlanHttp;
  return run_start_client(run, &h->client, evhttp_bound_socket_get_fd(h->bound), done);
}

static unsigned connections_left(struct run *run, void *state) {
  (void)run;
  return (unsigned)evhttp_get_connection_count(((struct http *)state)->server);
}

static void finish(struct run *run, void *state) {
  struct http *h = state;
  run_end_client(run, &h->client);
  evhttp_free(h->server);
  close(h->file);
  free(h);
}

const struct scenario http_scenario = {"http", start, start_clean, connections_left, finish};

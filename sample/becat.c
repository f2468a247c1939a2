/* A cat over a TCP connection: sends standard input to the peer, and writes received data to standard output.
 *
 * It shows a bufferevent for the socket together with plain events for the two standard descriptors; the
 * evbuffers of the bufferevent are the only buffers.  Each direction ends separately: at EOF of standard
 * input, the sending side of the socket is shut down and the peer may still reply; at EOF from the peer,
 * standard output is closed and standard input is still sent.  becat ends after both.  Each direction also
 * has its own limit: a slow peer suspends reading standard input, and a slow reader of standard output
 * suspends reading the socket.
 *
 * It also shows event_config_require_features(): epoll cannot watch regular files, so if one of the two is
 * a regular file, a method is required that can.
 *
 *   $ ./becat -l -p 9998 > copy          (waits for one connection; prints the address to stderr)
 *   $ ./becat 127.0.0.1 9998 < original
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"

enum {
  MAX_BUFFERED = 64 * 1024, /* in each direction */
  /* Standard output may be shared with other processes and is therefore left blocking.  A pipe or terminal
   * that is ready for writing takes this much without blocking. */
  WRITE_SIZE = 4096
};

struct cat {
  struct event_base *base;
  struct evconnlistener *listener;
  struct bufferevent *bev; /* NULL until a connection exists or is being established */
  struct event *input;     /* standard input is readable */
  struct event *output;    /* standard output is writable; pending only while there is something to write */
  int input_ended;         /* EOF of standard input */
  int sending_ended;       /* EOF was sent to the peer */
  int peer_ended;
  int failed;
};

static void cat_fail(struct cat *cat, const char *doing, const char *why) {
  fprintf(stderr, "becat: %s: %s\n", doing, why);
  cat->failed = 1;
  event_base_loopbreak(cat->base);
}

/* Call it when data has been written at either end: passes EOF on if that direction is drained. */
static void cat_settle(struct cat *cat) {
  if (cat->input_ended && !cat->sending_ended && evbuffer_get_length(bufferevent_get_output(cat->bev)) == 0) {
    cat->sending_ended = 1;
    if (shutdown(bufferevent_getfd(cat->bev), SHUT_WR) != 0 && errno != ENOTCONN) {
      cat_fail(cat, "shutdown", strerror(errno));
    }
  }
  if (cat->peer_ended && cat->output != NULL && evbuffer_get_length(bufferevent_get_input(cat->bev)) == 0) {
    event_free(cat->output);
    cat->output = NULL;
    if (close(STDOUT_FILENO) != 0) cat_fail(cat, "standard output", strerror(errno));
  }
  if (cat->sending_ended && cat->output == NULL) event_base_loopbreak(cat->base);
}

static void on_input(evutil_socket_t fd, short what, void *arg) {
  struct cat *cat = arg;
  struct evbuffer *sending = bufferevent_get_output(cat->bev);
  int count = evbuffer_read(sending, fd, MAX_BUFFERED / 4);

  (void)what;
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) cat_fail(cat, "standard input", strerror(errno));
  } else if (count == 0) {
    cat->input_ended = 1;
    event_del(cat->input);
    cat_settle(cat);
  } else if (evbuffer_get_length(sending) >= MAX_BUFFERED) {
    event_del(cat->input); /* on_sent adds it again */
  }
}

static void on_output(evutil_socket_t fd, short what, void *arg) {
  struct cat *cat = arg;
  struct evbuffer *received = bufferevent_get_input(cat->bev);

  (void)what;
  if (evbuffer_write_atmost(received, fd, WRITE_SIZE) < 0) {
    if (errno != EAGAIN && errno != EINTR) cat_fail(cat, "standard output", strerror(errno));
    return;
  }
  if (evbuffer_get_length(received) == 0) event_del(cat->output);
  cat_settle(cat);
}

static void on_received(struct bufferevent *bev, void *arg) {
  struct cat *cat = arg;

  (void)bev;
  if (event_add(cat->output, NULL) != 0) cat_fail(cat, "standard output", "cannot be waited for");
}

/* Runs when at most half of MAX_BUFFERED is left to send. */
static void on_sent(struct bufferevent *bev, void *arg) {
  struct cat *cat = arg;

  (void)bev;
  if (!cat->input_ended && event_add(cat->input, NULL) != 0) {
    cat_fail(cat, "standard input", "cannot be waited for");
    return;
  }
  cat_settle(cat);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct cat *cat = arg;

  if (what & BEV_EVENT_CONNECTED) {
    on_sent(bev, cat); /* the output is empty: starts reading standard input */
  } else if (what & BEV_EVENT_EOF) {
    cat->peer_ended = 1;
    cat_settle(cat);
  } else if (what & BEV_EVENT_ERROR) {
    int error = bufferevent_socket_get_dns_error(bev);
    cat_fail(cat, "connection",
             error != 0 ? evutil_gai_strerror(error) : evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
  }
}

static int cat_attach(struct cat *cat, evutil_socket_t fd) {
  cat->bev = bufferevent_socket_new(cat->base, fd, BEV_OPT_CLOSE_ON_FREE);
  if (cat->bev == NULL) return -1;
  bufferevent_setcb(cat->bev, on_received, on_sent, on_event, cat);
  bufferevent_setwatermark(cat->bev, EV_READ, 0, MAX_BUFFERED);
  bufferevent_setwatermark(cat->bev, EV_WRITE, MAX_BUFFERED / 2, 0);
  return bufferevent_enable(cat->bev, EV_READ | EV_WRITE);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                          int length, void *arg) {
  struct cat *cat = arg;

  (void)peer;
  (void)length;
  cat->listener = NULL;
  evconnlistener_free(listener); /* accepts only one connection */
  if (cat_attach(cat, fd) != 0) {
    if (cat->bev == NULL) evutil_closesocket(fd);
    cat_fail(cat, "connection", "cannot be set up");
  } else {
    on_sent(cat->bev, cat);
  }
}

static int cat_listen(struct cat *cat, const struct listen_address *address) {
  cat->listener = evconnlistener_new_bind(
      cat->base, on_connection, cat, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 1,
      (const struct sockaddr *)&address->storage, (int)address->length);
  if (cat->listener == NULL) {
    perror("becat: listening socket");
    return -1;
  }
  return announce(stderr, evconnlistener_get_fd(cat->listener));
}

/* Without an evdns_base the name look-up blocks this call, which is acceptable in a sample. */
static int cat_connect(struct cat *cat, const char *host, long port) {
  if (cat_attach(cat, -1) != 0) return -1;
  return bufferevent_socket_connect_hostname(cat->bev, NULL, AF_UNSPEC, host, (int)port);
}

static int is_plain(int fd) {
  struct stat status;

  return fstat(fd, &status) == 0 && !S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode) && !isatty(fd);
}

static struct event_base *base_for_standard_descriptors(void) {
  struct event_base *base = NULL;
  struct event_config *config = event_config_new();

  if (config == NULL) return NULL;
  if (!(is_plain(STDIN_FILENO) || is_plain(STDOUT_FILENO)) ||
      event_config_require_features(config, EV_FEATURE_FDS) == 0) {
    base = event_base_new_with_config(config);
  }
  event_config_free(config);
  return base;
}

static int cat_prepare(struct cat *cat) {
  cat->base = base_for_standard_descriptors();
  if (cat->base == NULL) return -1;
  cat->input = event_new(cat->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, cat);
  cat->output = event_new(cat->base, STDOUT_FILENO, EV_WRITE | EV_PERSIST, on_output, cat);
  return cat->input != NULL && cat->output != NULL ? 0 : -1;
}

static void cat_clear(struct cat *cat) {
  if (cat->listener != NULL) evconnlistener_free(cat->listener);
  if (cat->bev != NULL) bufferevent_free(cat->bev);
  if (cat->input != NULL) event_free(cat->input);
  if (cat->output != NULL) event_free(cat->output);
  if (cat->base != NULL) event_base_free(cat->base);
}

struct options {
  int listen;
  struct listen_address address; /* if it listens */
  const char *host;              /* if it connects */
  long port;
};

static int parse_options(int argc, char **argv, struct options *options) {
  const char *bind_host = NULL;
  int option;

  options->port = 9998;
  while ((option = getopt(argc, argv, "lb:p:")) != -1) {
    if (option == 'l') {
      options->listen = 1;
    } else if (option == 'b') {
      bind_host = optarg;
    } else if (option != 'p' || parse_number(optarg, 65535, &options->port) != 0) {
      return -1;
    }
  }
  if (options->listen) {
    if (optind != argc) return -1;
    return parse_address(bind_host != NULL ? bind_host : "127.0.0.1", options->port, &options->address);
  }
  if (bind_host != NULL || argc - optind < 1 || argc - optind > 2) return -1;
  options->host = argv[optind];
  if (argc - optind == 2 && parse_number(argv[optind + 1], 65535, &options->port) != 0) return -1;
  return options->port > 0 ? 0 : -1;
}

int main(int argc, char **argv) {
  struct options options = {0};
  struct cat cat = {0};
  int result;

  if (parse_options(argc, argv, &options) != 0) {
    fprintf(stderr, "usage: %s HOST [PORT]\n       %s -l [-p PORT] [-b ADDRESS]\n", argv[0], argv[0]);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN); /* report a closed peer or reader by EPIPE */
  result = cat_prepare(&cat);
  if (result == 0) {
    result =
        options.listen ? cat_listen(&cat, &options.address) : cat_connect(&cat, options.host, options.port);
  }
  if (result == 0) result = event_base_dispatch(cat.base);
  if (result != 0) fprintf(stderr, "becat: the event loop could not run\n");
  cat_clear(&cat);
  libevent_global_shutdown();
  return result == 0 && !cat.failed ? 0 : 1;
}

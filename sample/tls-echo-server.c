/* An echo server over TLS: sends every byte back, encrypted, to the client it came from.
 *
 * It differs from echo-server.c only in the bufferevent, which is created with an OpenSSL session and
 * performs the handshake by itself. The certificate is created at the start and self-signed, so clients must
 * not verify it. The connection is closed if the handshake takes too long or the client is silent for a
 * minute.
 *
 *   $ ./tls-echo-server -p 9996 &
 *   $ openssl s_client -quiet -connect 127.0.0.1:9996
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
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
  struct event *interrupt;
  SSL_CTX *tls;
  LIST_HEAD(, client) clients;
};

struct client {
  struct bufferevent *bev;
  int saw_end;
  LIST_ENTRY(client) link;
};

/* All output has been sent: freeing the bufferevent also sends close_notify. */
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

static void report(struct bufferevent *bev) {
  const unsigned long error = bufferevent_get_openssl_error(bev);
  const char *reason = ERR_reason_error_string(error);

  if (reason == NULL) reason = evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR());
  fprintf(stderr, "client: %s\n", reason);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct client *client = arg;

  if (what & BEV_EVENT_CONNECTED) {
    printf("client: %s, %s\n", SSL_get_version(bufferevent_openssl_get_ssl(bev)),
           SSL_get_cipher(bufferevent_openssl_get_ssl(bev)));
    fflush(stdout);
  } else if (what & BEV_EVENT_ERROR) {
    report(bev);
    client_free(client);
  } else if (what & BEV_EVENT_TIMEOUT) {
    fprintf(stderr, "client: timed out\n");
    client_free(client);
  } else if (what & BEV_EVENT_EOF) {
    client->saw_end = 1;
    if (evbuffer_get_length(bufferevent_get_output(bev)) == 0) client_free(client);
  }
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                          int length, void *arg) {
  static const struct timeval patience = {60, 0};
  struct server *server = arg;
  struct client *client = calloc(1, sizeof(*client));
  SSL *ssl = SSL_new(server->tls);
  struct bufferevent *bev = NULL;

  (void)listener;
  (void)peer;
  (void)length;
  if (client != NULL && ssl != NULL) {
    bev = bufferevent_openssl_socket_new(server->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                         BEV_OPT_CLOSE_ON_FREE);
  }
  if (bev == NULL) {
    /* The constructor failed, so this function still owns them. */
    fprintf(stderr, "a new client could not be set up\n");
    SSL_free(ssl);
    evutil_closesocket(fd);
    free(client);
    return;
  }
  client->bev = bev;
  LIST_INSERT_HEAD(&server->clients, client, link);
  bufferevent_setcb(bev, on_read, on_drained, on_event, client);
  bufferevent_setwatermark(bev, EV_WRITE, MAX_OUTPUT / 2, 0);
  bufferevent_set_timeouts(bev, &patience, NULL);
  if (bufferevent_enable(bev, EV_READ | EV_WRITE) != 0) client_free(client);
}

static void on_interrupt(evutil_socket_t signal_number, short what, void *arg) {
  (void)signal_number;
  (void)what;
  event_base_loopbreak(arg);
}

static EVP_PKEY *make_key(void) {
  EVP_PKEY *key = NULL;
  EVP_PKEY_CTX *making = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);

  if (making == NULL || EVP_PKEY_keygen_init(making) <= 0 ||
      EVP_PKEY_CTX_set_ec_paramgen_curve_nid(making, NID_X9_62_prime256v1) <= 0 ||
      EVP_PKEY_keygen(making, &key) <= 0) {
    key = NULL;
  }
  EVP_PKEY_CTX_free(making);
  return key;
}

/* Creates a self-signed certificate for "localhost", valid for one day. */
static X509 *make_certificate(EVP_PKEY *key) {
  static const unsigned char name[] = "localhost";
  X509 *certificate = X509_new();

  if (certificate == NULL || X509_set_version(certificate, 2) != 1 ||
      ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) != 1 ||
      X509_gmtime_adj(X509_getm_notBefore(certificate), 0) == NULL ||
      X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 60 * 60) == NULL ||
      X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, name, -1, -1, 0) !=
          1 ||
      X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
      X509_set_pubkey(certificate, key) != 1 || X509_sign(certificate, key, EVP_sha256()) <= 0) {
    X509_free(certificate);
    return NULL;
  }
  return certificate;
}

static SSL_CTX *make_context(void) {
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  EVP_PKEY *key = make_key();
  X509 *certificate = key != NULL ? make_certificate(key) : NULL;

  if (context == NULL || certificate == NULL || SSL_CTX_use_certificate(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey(context, key) != 1 ||
      SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
    ERR_print_errors_fp(stderr);
    SSL_CTX_free(context);
    context = NULL;
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

static int server_run(struct server *server, const struct listen_address *address) {
  server->tls = make_context();
  server->base = event_base_new();
  if (server->tls == NULL || server->base == NULL) return -1;
  server->interrupt = evsignal_new(server->base, SIGINT, on_interrupt, server->base);
  if (server->interrupt == NULL || event_add(server->interrupt, NULL) != 0) return -1;

  server->listener = evconnlistener_new_bind(
      server->base, on_connection, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
      -1, (const struct sockaddr *)&address->storage, (int)address->length);
  if (server->listener == NULL) {
    perror("listening socket");
    return -1;
  }
  if (announce(stdout, evconnlistener_get_fd(server->listener)) != 0) return -1;
  return event_base_dispatch(server->base);
}

static void server_clear(struct server *server) {
  while (!LIST_EMPTY(&server->clients)) client_free(LIST_FIRST(&server->clients));
  if (server->listener != NULL) evconnlistener_free(server->listener);
  if (server->interrupt != NULL) event_free(server->interrupt);
  if (server->base != NULL) event_base_free(server->base);
  SSL_CTX_free(server->tls);
}

int main(int argc, char **argv) {
  struct listen_address address;
  struct server server = {0};
  int result;

  parse_server_options(argc, argv, 9996, &address);
  signal(SIGPIPE, SIG_IGN); /* report a closed connection as an error of its bufferevent */
  LIST_INIT(&server.clients);
  result = server_run(&server, &address);
  if (result != 0) fprintf(stderr, "%s: the event loop could not run\n", argv[0]);
  server_clear(&server);
  libevent_global_shutdown();
  return result == 0 ? 0 : 1;
}

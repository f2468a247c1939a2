/* Shared by the tests of TLS bufferevents over OpenSSL, in addition to tls_fixture.h. */
#ifndef EVENTIDE_TEST_API_OPENSSL_FIXTURE_H
#define EVENTIDE_TEST_API_OPENSSL_FIXTURE_H

#include <stdlib.h>

#include "api/tls_fixture.h"

TLS_SHARED void run_for(int ms) {
  struct timeval end;
  end.tv_sec = ms / 1000;
  end.tv_usec = ms % 1000 * 1000;
  event_base_loopexit(base, &end);
  event_base_dispatch(base);
}

TLS_SHARED int is_open(evutil_socket_t fd) { return fcntl(fd, F_GETFD) != -1; }

static struct bufferevent *make_tls(enum form form, evutil_socket_t fd, int server, int options,
                                    const char *name) {
  SSL *ssl = SSL_new(server ? server_ctx : client_ctx);
  const enum bufferevent_ssl_state state = server ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING;
  struct bufferevent *bev;
  options |= threadsafe();
  if (form == over_socket) {
    bev = bufferevent_openssl_socket_new(base, fd, ssl, state, options);
  } else {
    struct bufferevent *under = bufferevent_socket_new(base, fd, options & ~BEV_OPT_UNLOCK_CALLBACKS);
    bev = bufferevent_openssl_filter_new(base, under, ssl, state, options);
  }
  if (bev) bufferevent_setcb(bev, on_read, on_write, on_event, (void *)name);
  return bev;
}

/* With both versions of the protocol. */
TLS_SHARED void in_all_ways(body run) {
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  size_t i;
  for (i = 0; i < 2 && !CHECK_FAILED(); ++i) {
    server_ctx = tls_context(1, versions[i]);
    client_ctx = tls_context(0, versions[i]);
    in_each_form(run);
    if (CHECK_FAILED()) printf("with TLS 1.%d\n", versions[i] == TLS1_2_VERSION ? 2 : 3);
    SSL_CTX_free(server_ctx);
    SSL_CTX_free(client_ctx);
  }
  server_ctx = client_ctx = NULL;
}

TLS_SHARED void use_version(int version) {
  log_text[0] = 0;
  server_ctx = tls_context(1, version);
  client_ctx = tls_context(0, version);
}
TLS_SHARED void drop_contexts(void) {
  SSL_CTX_free(server_ctx);
  SSL_CTX_free(client_ctx);
  server_ctx = client_ctx = NULL;
}

static void *session_of(struct bufferevent *bev) { return bufferevent_openssl_get_ssl(bev); }
static void free_session(void *session) { SSL_free(session); }

#endif

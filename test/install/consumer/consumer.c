/* A user's program of the smallest kind: a timer that writes into a buffer, with locks and TLS if they are linked in. */
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <stdio.h>

static void on_timer(evutil_socket_t fd, short what, void *buffer) {
  (void)fd;
  evbuffer_add_printf((struct evbuffer *)buffer, "timer %#x", (unsigned)what);
}

int main(void) {
  const struct timeval soon = {0, 1000};
  struct evbuffer *buffer = evbuffer_new();
  struct event_base *base;
  char text[32] = "";

#ifdef WITH_PTHREADS
  if (evthread_use_pthreads() != 0) return 1;
#endif
#ifdef WITH_OPENSSL
  if (bufferevent_openssl_socket_new(NULL, -1, NULL, BUFFEREVENT_SSL_CONNECTING, 0) != NULL) return 1;
#endif
#ifdef WITH_MBEDTLS
  if (bufferevent_mbedtls_dyncontext_new(NULL) != NULL) return 1;
#endif
  base = event_base_new();
  if (base == NULL || buffer == NULL) return 1;
  event_base_once(base, -1, EV_TIMEOUT, on_timer, buffer, &soon);
  event_base_dispatch(base);
  evbuffer_remove(buffer, text, sizeof(text) - 1);
  printf("%s %s\n", event_get_version(), text);
  evbuffer_free(buffer);
  event_base_free(base);
  return 0;
}

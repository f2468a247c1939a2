/* Shared by the tests of Windows: recorded callbacks, short timeouts, an echo over the loopback interface. */
#ifndef EVENTIDE_TEST_WINDOWS_LOOPBACK_H
#define EVENTIDE_TEST_WINDOWS_LOOPBACK_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <string.h>
#include <windows.h>

#include "api/check.h"

struct seen {
  int calls;
  short what;
};

static __attribute__((unused)) void note_seen(evutil_socket_t fd, short what, void *arg) {
  struct seen *seen = arg;
  (void)fd;
  ++seen->calls;
  seen->what |= what;
}

static struct timeval after_ms(long ms) {
  struct timeval tv;
  tv.tv_sec = ms / 1000;
  tv.tv_usec = ms % 1000 * 1000;
  return tv;
}

/* --- an echo server and one client of it, which sends much and reads it back --- */

enum { loopback_much = 1 << 20 };
static struct bufferevent *loopback_server_side;

static void loopback_echo(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}
static void loopback_accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                              int length, void *arg) {
  (void)peer, (void)length, (void)arg;
  loopback_server_side = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(loopback_server_side, loopback_echo, NULL, NULL, NULL);
  bufferevent_enable(loopback_server_side, EV_READ | EV_WRITE);
}
static void loopback_count_back(struct bufferevent *bev, void *arg) {
  if (evbuffer_get_length(bufferevent_get_input(bev)) == loopback_much) event_base_loopexit(arg, NULL);
}

static __attribute__((unused)) void check_echo_over_loopback(struct event_base *base) {
  struct timeval limit = after_ms(60000);
  struct sockaddr_in address;
  int length = sizeof(address);
  struct evconnlistener *listener;
  struct bufferevent *client;
  static char sent[loopback_much], got[loopback_much];
  int i;
  for (i = 0; i < loopback_much; ++i) sent[i] = (char)(i * 7);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = evconnlistener_new_bind(base, loopback_accepted, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                     -1, (struct sockaddr *)&address, sizeof(address));
  CHECK(listener);
  CHECK_INT_EQ(getsockname((SOCKET)evconnlistener_get_fd(listener), (struct sockaddr *)&address, &length), 0);
  client = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(client, loopback_count_back, NULL, NULL, base);
  bufferevent_enable(client, EV_READ | EV_WRITE);
  CHECK_INT_EQ(bufferevent_socket_connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
  bufferevent_write(client, sent, loopback_much);
  event_base_loopexit(base, &limit);
  event_base_dispatch(base);
  CHECK_INT_EQ(bufferevent_read(client, got, loopback_much), loopback_much);
  CHECK_MEM_EQ(sent, got, loopback_much);
  bufferevent_free(client);
  bufferevent_free(loopback_server_side);
  evconnlistener_free(listener);
}

#endif

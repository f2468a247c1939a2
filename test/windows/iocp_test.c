/* Bases with EVENT_BASE_FLAG_STARTUP_IOCP: bufferevents and listeners on a completion port. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <windows.h>

#include "api/bufferevent_log.h"
#include "api/check.h"
#include "windows/imports.h"
#include "windows/loopback.h"

static struct event_base *base;

static int logged;
static void count_log(int severity, const char *message) {
  (void)severity, (void)message;
  ++logged;
}

/* `avoided` may be NULL. */
static struct event_base *new_base_without(const char *avoided, int flags) {
  struct event_config *config = event_config_new();
  struct event_base *made;
  if (avoided) event_config_avoid_method(config, avoided);
  event_config_set_flag(config, flags);
  made = event_base_new_with_config(config);
  event_config_free(config);
  return made;
}
static struct event_base *new_base(int flags) { return new_base_without(NULL, flags); }

static void stop(void) { event_base_loopbreak(base); }
/* Of run_for(10): longer than a busy machine takes for anything here. */
enum { many_rounds = 3000 };
static void run_for(long ms) {
  struct timeval limit = after_ms(ms);
  event_base_loopexit(base, &limit);
  event_base_dispatch(base);
}

/* --- sockets --- */

static evutil_socket_t pair[2];

/* Some tests fill it: how much it holds must not follow from the machine. What receives does not grow while
 * nothing is read. */
static void plain_pair(void) {
  const int room = 106496;
  int i;
  CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_STREAM, 0, pair), 0);
  for (i = 0; i < 2; ++i)
    setsockopt((SOCKET)pair[i], SOL_SOCKET, SO_SNDBUF, (const char *)&room, sizeof(room));
}

static int overlapped(struct bufferevent *bev) { return bev->ev_read.ev_fd < -1; }

static struct bufferevent *ends[2];

/* Two bufferevents of the base, connected. */
static void open_ends(int options) {
  int i;
  plain_pair();
  for (i = 0; i < 2; ++i) {
    ends[i] = bufferevent_socket_new(base, pair[i], BEV_OPT_CLOSE_ON_FREE | options);
    CHECK(ends[i]);
    CHECK(overlapped(ends[i]));
    CHECK_INT_EQ(bufferevent_getfd(ends[i]), pair[i]);
  }
}
static void free_ends(void) {
  bufferevent_free(ends[0]);
  bufferevent_free(ends[1]);
}

static void begin(void) {
  base = new_base(EVENT_BASE_FLAG_STARTUP_IOCP);
  CHECK(base);
  CHECK_STR_EQ(event_base_get_method(base), "wepoll");
  log_text[0] = 0;
}
static void end(void) { event_base_free(base); }

static void note_events(struct bufferevent *bev, short what, void *name) {
  (void)bev;
  note("%s:", (char *)name);
  if (what & BEV_EVENT_CONNECTED) note("connected");
  if (what & BEV_EVENT_READING) note("reading-");
  if (what & BEV_EVENT_WRITING) note("writing-");
  if (what & BEV_EVENT_EOF) note("eof");
  if (what & BEV_EVENT_ERROR) note("error");
  if (what & BEV_EVENT_TIMEOUT) note("timeout");
  note(" ");
}
static void note_and_stop(struct bufferevent *bev, short what, void *name) {
  note_events(bev, what, name);
  stop();
}
static void read_and_stop(struct bufferevent *bev, void *name) {
  on_read(bev, name);
  stop();
}
static void write_and_stop(struct bufferevent *bev, void *name) {
  on_write(bev, name);
  stop();
}

/* The byte at a place of a long stream. */
static unsigned char byte_at(size_t at) { return (unsigned char)(at * 2654435761u >> 13); }

static char *stream(size_t from, size_t size) {
  char *bytes = malloc(size);
  size_t i;
  for (i = 0; i < size; ++i) bytes[i] = (char)byte_at(from + i);
  return bytes;
}

static int is_stream(const char *bytes, size_t from, size_t size) {
  size_t i;
  for (i = 0; i < size; ++i) {
    if ((unsigned char)bytes[i] != byte_at(from + i)) return 0;
  }
  return 1;
}

/* --- listeners --- */

static struct evconnlistener *listener;
static struct sockaddr_in address;

static void listen_with(evconnlistener_cb accepted, unsigned flags) {
  int length = sizeof(address);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = evconnlistener_new_bind(base, accepted, NULL, LEV_OPT_CLOSE_ON_FREE | flags, -1,
                                     (struct sockaddr *)&address, sizeof(address));
  CHECK(listener);
  CHECK_INT_EQ(getsockname((SOCKET)evconnlistener_get_fd(listener), (struct sockaddr *)&address, &length), 0);
}

/* A blocking connection of the test's own. */
static SOCKET connect_plain(void) {
  SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(s, (struct sockaddr *)&address, sizeof(address)) != 0) note("connect failed ");
  return s;
}

static struct bufferevent *connect_bev(int options) {
  struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE | options);
  if (!bev || bufferevent_socket_connect(bev, (struct sockaddr *)&address, sizeof(address)) != 0)
    note("connect failed ");
  return bev;
}

/* --- the tests --- */

enum { much = 10 << 20, block = 100000 };

static void echo(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}
static void free_at_end(struct bufferevent *bev, short what, void *arg) {
  (void)arg;
  if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) bufferevent_free(bev);
}
static int accepted_overlapped;
static void accept_echo(struct evconnlistener *from, evutil_socket_t fd, struct sockaddr *peer, int length,
                        void *arg) {
  struct bufferevent *bev = bufferevent_socket_new(evconnlistener_get_base(from), fd, BEV_OPT_CLOSE_ON_FREE);
  (void)peer, (void)length, (void)arg;
  accepted_overlapped += overlapped(bev);
  bufferevent_setcb(bev, echo, NULL, free_at_end, NULL);
  bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static size_t sent_bytes, got_bytes;
static int content_good;

static void feed(struct bufferevent *bev, void *arg) {
  (void)arg;
  while (sent_bytes < much && output_length(bev) < 4 * block) {
    char *bytes = stream(sent_bytes, block);
    bufferevent_write(bev, bytes, block);
    free(bytes);
    sent_bytes += block;
  }
}
static void take(struct bufferevent *bev, void *arg) {
  char bytes[4096];
  size_t got;
  (void)arg;
  while ((got = bufferevent_read(bev, bytes, sizeof(bytes))) > 0) {
    content_good = content_good && is_stream(bytes, got_bytes, got);
    got_bytes += got;
  }
  if (got_bytes >= much) stop();
}

TEST(ten_megabytes_are_echoed_unchanged) {
  struct bufferevent *client;
  begin();
  accepted_overlapped = 0;
  listen_with(accept_echo, 0);
  if (CHECK_FAILED()) return;
  client = connect_bev(0);
  CHECK(overlapped(client));
  bufferevent_setcb(client, take, feed, note_events, (void *)"c");
  bufferevent_enable(client, EV_READ | EV_WRITE);
  sent_bytes = got_bytes = 0;
  content_good = 1;
  feed(client, NULL);
  event_base_dispatch(base);
  CHECK_LOG("c:connected ");
  CHECK_INT_EQ(accepted_overlapped, 1);
  CHECK_INT_GE(got_bytes, much);
  CHECK(content_good);
  bufferevent_free(client);
  run_for(50);
  evconnlistener_free(listener);
  end();
}

TEST(a_refused_connection_is_reported) {
  struct bufferevent *bev;
  begin();
  listen_with(accept_echo, 0);
  if (CHECK_FAILED()) return;
  evconnlistener_free(listener);
  bev = connect_bev(0);
  bufferevent_setcb(bev, NULL, NULL, note_and_stop, (void *)"c");
  event_base_dispatch(base);
  CHECK_LOG("c:error ");
  bufferevent_free(bev);
  end();
}

TEST(host_names_can_be_connected_to) {
  struct bufferevent *bev;
  begin();
  listen_with(accept_echo, 0);
  if (CHECK_FAILED()) return;
  bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(bev, read_and_stop, NULL, note_events, (void *)"c");
  bufferevent_enable(bev, EV_READ);
  bufferevent_write(bev, "hello", 5);
  CHECK_INT_EQ(bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "127.0.0.1", ntohs(address.sin_port)),
               0);
  CHECK(overlapped(bev));
  event_base_dispatch(base);
  CHECK_LOG("c:connected c:r5 ");
  bufferevent_free(bev);
  evconnlistener_free(listener);
  end();
}

TEST(eof_and_a_reset_are_reported) {
  struct linger hard = {1, 0};
  begin();
  open_ends(0);
  if (CHECK_FAILED()) return;
  bufferevent_setcb(ends[0], on_read, NULL, note_and_stop, (void *)"a");
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_setcb(ends[1], NULL, write_and_stop, NULL, (void *)"b");
  bufferevent_write(ends[1], "abc", 3);
  event_base_dispatch(base);
  shutdown((SOCKET)pair[1], SD_SEND);
  event_base_dispatch(base);
  CHECK_LOG("b:w0 a:r3 a:reading-eof ");
  CHECK_INT_EQ(bufferevent_get_enabled(ends[0]) & EV_READ, 0);
  free_ends();
  open_ends(0);
  bufferevent_setcb(ends[0], on_read, NULL, note_and_stop, (void *)"a");
  bufferevent_enable(ends[0], EV_READ);
  setsockopt((SOCKET)pair[1], SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof(hard));
  bufferevent_free(ends[1]);
  event_base_dispatch(base);
  CHECK_LOG("a:reading-error ");
  bufferevent_free(ends[0]);
  end();
}

TEST(timeouts_are_reported_and_do_not_break_the_connection) {
  struct timeval soon = after_ms(40);
  char *bytes = calloc(1, much);
  int i;
  begin();
  open_ends(0);
  if (CHECK_FAILED()) return;
  bufferevent_set_timeouts(ends[0], &soon, NULL);
  bufferevent_setcb(ends[0], read_and_stop, NULL, note_and_stop, (void *)"a");
  bufferevent_enable(ends[0], EV_READ);
  event_base_dispatch(base);
  CHECK_LOG("a:reading-timeout ");
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_write(ends[1], "abc", 3);
  event_base_dispatch(base);
  CHECK_LOG("a:r3 ");
  bufferevent_disable(ends[0], EV_READ);
  /* The peer does not read the output of end 1. */
  bufferevent_set_timeouts(ends[1], NULL, &soon);
  bufferevent_setcb(ends[1], NULL, NULL, note_and_stop, (void *)"b");
  bufferevent_write(ends[1], bytes, much);
  event_base_dispatch(base);
  CHECK_LOG("b:writing-timeout ");
  bufferevent_set_timeouts(ends[0], NULL, NULL);
  bufferevent_set_timeouts(ends[1], NULL, NULL);
  bufferevent_setcb(ends[0], NULL, NULL, NULL, NULL);
  bufferevent_setcb(ends[1], NULL, write_and_stop, note_events, (void *)"b");
  evbuffer_drain(bufferevent_get_input(ends[0]), 3);
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_enable(ends[1], EV_WRITE);
  event_base_dispatch(base);
  CHECK_LOG("b:w0 ");
  for (i = 0; i < many_rounds && input_length(ends[0]) < much; ++i) run_for(10);
  CHECK_INT_EQ(input_length(ends[0]), much);
  free_ends();
  free(bytes);
  end();
}

TEST(reading_stops_at_the_high_watermark) {
  char *bytes = stream(0, much);
  char *got = malloc(much);
  size_t all = 0;
  int rounds = 0;
  begin();
  open_ends(0);
  if (CHECK_FAILED()) return;
  bufferevent_setwatermark(ends[0], EV_READ, 0, 5000);
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_write(ends[1], bytes, 100000);
  for (; all < 100000 && rounds < 500; ++rounds) {
    run_for(10);
    CHECK_INT_LE(input_length(ends[0]), 5000);
    all += bufferevent_read(ends[0], got + all, 5000);
  }
  CHECK_INT_EQ(all, 100000);
  CHECK_MEM_EQ(bytes, got, all);
  /* A low one holds the callback back. */
  bufferevent_setwatermark(ends[0], EV_READ, 10, 0);
  bufferevent_setcb(ends[0], read_and_stop, NULL, NULL, (void *)"a");
  bufferevent_write(ends[1], bytes, 9);
  run_for(50);
  CHECK_LOG("");
  bufferevent_write(ends[1], bytes, 1);
  event_base_dispatch(base);
  CHECK_LOG("a:r10 ");
  free_ends();
  free(bytes);
  free(got);
  end();
}

static void free_in_read(struct bufferevent *bev, void *arg) {
  (void)arg;
  bufferevent_free(bev);
}
static void free_in_event(struct bufferevent *bev, short what, void *arg) {
  (void)what, (void)arg;
  bufferevent_free(bev);
}

TEST(callbacks_may_free) {
  begin();
  open_ends(0);
  if (CHECK_FAILED()) return;
  bufferevent_setcb(ends[0], free_in_read, NULL, NULL, NULL);
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_setcb(ends[1], NULL, NULL, free_in_event, NULL);
  bufferevent_enable(ends[1], EV_READ);
  bufferevent_write(ends[1], "abc", 3);
  /* The one frees itself when it reads, the other at the end that this is. Then nothing is left. */
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  open_ends(0);
  bufferevent_setcb(ends[0], NULL, free_in_read, NULL, NULL);
  bufferevent_write(ends[0], "abc", 3);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  bufferevent_free(ends[1]);
  end();
}

static int cleaned;
static void count_cleanup(const void *data, size_t size, void *arg) {
  (void)size, (void)arg;
  ++cleaned;
  free((void *)data);
}

TEST(data_in_flight_outlives_the_bufferevent) {
  char *bytes;
  int i;
  begin();
  open_ends(0);
  if (CHECK_FAILED()) return;
  cleaned = 0;
  bytes = stream(0, much);
  evbuffer_add_reference(bufferevent_get_output(ends[0]), bytes, much, count_cleanup, NULL);
  run_for(50);
  CHECK_INT_GT(output_length(ends[0]), 0);
  CHECK_INT_EQ(cleaned, 0);
  bufferevent_enable(ends[1], EV_READ);
  bufferevent_setcb(ends[1], NULL, NULL, note_and_stop, (void *)"b");
  bufferevent_free(ends[0]);
  event_base_dispatch(base);
  for (i = 0; i < many_rounds && !cleaned; ++i) run_for(10);
  CHECK_INT_EQ(cleaned, 1);
  CHECK(strstr(log_text, "b:reading-"));
  bufferevent_free(ends[1]);
  end();
}

TEST(freeing_closes_the_connection_immediately) {
  char byte;
  begin();
  plain_pair();
  ends[0] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
  bufferevent_enable(ends[0], EV_READ);
  run_for(20);
  bufferevent_free(ends[0]);
  /* No loop runs. */
  CHECK_INT_EQ(recv((SOCKET)pair[1], &byte, 1, 0), 0);
  evutil_closesocket(pair[1]);
  end();
}

TEST(the_base_may_be_freed_before_its_bufferevents) {
  char *bytes = calloc(1, much);
  begin();
  open_ends(0);
  if (CHECK_FAILED()) return;
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_write(ends[0], bytes, much);
  run_for(50);
  end();
  free_ends();
  begin();
  listen_with(accept_echo, 0);
  ends[0] = connect_bev(0);
  bufferevent_enable(ends[0], EV_READ);
  evconnlistener_free(listener);
  end();
  bufferevent_free(ends[0]);
  free(bytes);
}

TEST(no_data_is_lost_while_reading_is_disabled) {
  char got[10];
  begin();
  open_ends(0);
  if (CHECK_FAILED()) return;
  bufferevent_setcb(ends[0], read_and_stop, NULL, NULL, (void *)"a");
  bufferevent_enable(ends[0], EV_READ);
  run_for(20);
  bufferevent_disable(ends[0], EV_READ);
  bufferevent_write(ends[1], "abcdef", 6);
  run_for(50);
  CHECK_LOG("");
  CHECK_INT_EQ(input_length(ends[0]), 0);
  bufferevent_enable(ends[0], EV_READ);
  event_base_dispatch(base);
  CHECK_LOG("a:r6 ");
  CHECK_INT_EQ(bufferevent_read(ends[0], got, sizeof(got)), 6);
  CHECK_MEM_EQ(got, "abcdef", 6);
  /* Output waits while writing is disabled. */
  bufferevent_disable(ends[1], EV_WRITE);
  bufferevent_write(ends[1], "ghi", 3);
  run_for(50);
  CHECK_LOG("");
  bufferevent_enable(ends[1], EV_WRITE);
  event_base_dispatch(base);
  CHECK_LOG("a:r3 ");
  free_ends();
  end();
}

TEST(enabling_writing_invokes_the_write_callback) {
  begin();
  open_ends(0);
  if (CHECK_FAILED()) return;
  bufferevent_setcb(ends[0], NULL, write_and_stop, NULL, (void *)"a");
  bufferevent_enable(ends[0], EV_WRITE);
  event_base_dispatch(base);
  CHECK_LOG("a:w0 ");
  run_for(30);
  CHECK_LOG("");
  free_ends();
  end();
}

TEST(a_reading_bufferevent_keeps_the_loop_alive) {
  begin();
  open_ends(0);
  if (CHECK_FAILED()) return;
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  bufferevent_enable(ends[0], EV_READ);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_NONBLOCK), 0);
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
  bufferevent_disable(ends[0], EV_READ);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  free_ends();
  end();
}

TEST(rates_are_limited) {
  struct timeval tick = after_ms(50);
  struct ev_token_bucket_cfg *limit = ev_token_bucket_cfg_new(1000, 2000, 1000, 2000, &tick);
  char *bytes = stream(0, 10000);
  char *got = malloc(10000);
  ULONGLONG began;
  begin();
  open_ends(0);
  if (CHECK_FAILED()) return;
  bufferevent_set_rate_limit(ends[0], limit);
  bufferevent_setwatermark(ends[0], EV_READ, 10000, 0);
  bufferevent_setcb(ends[0], read_and_stop, NULL, NULL, (void *)"a");
  bufferevent_enable(ends[0], EV_READ);
  began = GetTickCount64();
  bufferevent_write(ends[1], bytes, 10000);
  event_base_dispatch(base);
  CHECK_LOG("a:r10000 ");
  CHECK_INT_GE(GetTickCount64() - began, 250);
  CHECK_INT_EQ(bufferevent_read(ends[0], got, 10000), 10000);
  CHECK_MEM_EQ(bytes, got, 10000);
  bufferevent_setwatermark(ends[1], EV_READ, 10000, 0);
  bufferevent_setcb(ends[1], read_and_stop, NULL, NULL, (void *)"b");
  bufferevent_enable(ends[1], EV_READ);
  began = GetTickCount64();
  bufferevent_write(ends[0], bytes, 10000);
  event_base_dispatch(base);
  CHECK_LOG("b:r10000 ");
  CHECK_INT_GE(GetTickCount64() - began, 250);
  free_ends();
  ev_token_bucket_cfg_free(limit);
  free(bytes);
  free(got);
  end();
}

enum { many = 500 };
static int answered;
static void count_answer(struct bufferevent *bev, void *arg) {
  (void)arg;
  if (input_length(bev) == 4 && ++answered == many) stop();
}

TEST(many_connections_are_served) {
  static struct bufferevent *clients[many];
  int i;
  begin();
  accepted_overlapped = answered = 0;
  listen_with(accept_echo, 0);
  if (CHECK_FAILED()) return;
  for (i = 0; i < many; ++i) {
    clients[i] = connect_bev(0);
    bufferevent_setcb(clients[i], count_answer, NULL, NULL, NULL);
    bufferevent_enable(clients[i], EV_READ);
    bufferevent_write(clients[i], "ping", 4);
    if (i % 50 == 49) event_base_loop(base, EVLOOP_NONBLOCK);
  }
  if (answered < many) event_base_dispatch(base);
  CHECK_INT_EQ(answered, many);
  CHECK_INT_EQ(accepted_overlapped, many);
  for (i = 0; i < many; ++i) bufferevent_free(clients[i]);
  run_for(100);
  evconnlistener_free(listener);
  CHECK_LOG("");
  end();
}

static DWORD WINAPI write_from_thread(void *bev) {
  int i;
  for (i = 0; i < 1000; ++i) {
    char *bytes = stream((size_t)i * 1000, 1000);
    bufferevent_write(bev, bytes, 1000);
    free(bytes);
  }
  return 0;
}
static void take_million(struct bufferevent *bev, void *arg) {
  take(bev, arg);
  if (got_bytes == 1000000) stop();
}

TEST(other_threads_may_write) {
  HANDLE thread;
  begin();
  open_ends(BEV_OPT_THREADSAFE);
  if (CHECK_FAILED()) return;
  got_bytes = 0;
  content_good = 1;
  bufferevent_setcb(ends[0], take_million, NULL, NULL, NULL);
  bufferevent_enable(ends[0], EV_READ);
  thread = CreateThread(NULL, 0, write_from_thread, ends[1], 0, NULL);
  CHECK(thread);
  event_base_dispatch(base);
  CHECK_INT_EQ(WaitForSingleObject(thread, 60000), WAIT_OBJECT_0);
  CloseHandle(thread);
  CHECK_INT_EQ(got_bytes, 1000000);
  CHECK(content_good);
  free_ends();
  end();
}

static DWORD WINAPI free_from_thread(void *bev) {
  Sleep(1);
  bufferevent_free(bev);
  return 0;
}

TEST(other_threads_may_free) {
  int i;
  begin();
  for (i = 0; i < 20; ++i) {
    HANDLE thread;
    open_ends(BEV_OPT_THREADSAFE);
    if (CHECK_FAILED()) return;
    bufferevent_setcb(ends[0], echo, NULL, NULL, NULL);
    bufferevent_setcb(ends[1], echo, NULL, free_at_end, NULL);
    bufferevent_enable(ends[0], EV_READ);
    bufferevent_enable(ends[1], EV_READ);
    bufferevent_write(ends[1], "back and forth", 14);
    thread = CreateThread(NULL, 0, free_from_thread, ends[0], 0, NULL);
    CHECK(thread);
    CHECK_INT_EQ(event_base_dispatch(base), 1);
    CHECK_INT_EQ(WaitForSingleObject(thread, 60000), WAIT_OBJECT_0);
    CloseHandle(thread);
  }
  end();
}

/* Reads all there is. */
static size_t drain_socket(evutil_socket_t fd, char *into, size_t room) {
  size_t all = 0;
  int got;
  while ((got = recv((SOCKET)fd, into + all, (int)(room - all), 0)) > 0) all += (size_t)got;
  return all;
}

TEST(replacing_the_socket_sends_the_rest_to_the_new_one) {
  evutil_socket_t first[2], second[2];
  char *bytes = stream(0, much);
  char *got = malloc(much);
  size_t before, all;
  struct bufferevent *bev;
  int rounds = 0;
  begin();
  plain_pair();
  first[0] = pair[0], first[1] = pair[1];
  plain_pair();
  second[0] = pair[0], second[1] = pair[1];
  evutil_make_socket_nonblocking(second[1]);
  bev = bufferevent_socket_new(base, first[0], 0);
  bufferevent_write(bev, bytes, much);
  run_for(50);
  CHECK_INT_GT(output_length(bev), 0);
  CHECK_INT_EQ(bufferevent_setfd(bev, second[0]), 0);
  CHECK_INT_EQ(bufferevent_getfd(bev), second[0]);
  CHECK(overlapped(bev));
  /* The bytes accepted by the first socket and the remaining ones are all bytes. */
  evutil_closesocket(first[0]);
  before = drain_socket(first[1], got, much);
  CHECK_INT_EQ(before + output_length(bev), much);
  all = before;
  for (; all < much && rounds < 2000; ++rounds) {
    run_for(5);
    all += drain_socket(second[1], got + all, much - all);
  }
  CHECK_INT_EQ(all, much);
  CHECK_MEM_EQ(bytes, got, much);
  CHECK_INT_EQ(bufferevent_replacefd(bev, -1), 0);
  CHECK_INT_EQ(bufferevent_getfd(bev), -1);
  bufferevent_free(bev);
  evutil_closesocket(first[1]);
  evutil_closesocket(second[0]);
  evutil_closesocket(second[1]);
  free(bytes);
  free(got);
  end();
}

/* Fills the socket: some output, less than one send takes, is being sent to a peer that does not read. */
static size_t fill(struct bufferevent *bev) {
  char *bytes;
  size_t all = 0;
  int still = 0;
  log_text[0] = 0;
  while (still < 3 && all < 100 * (size_t)block) {
    if (output_length(bev) == 0) {
      bytes = stream(all, block);
      bufferevent_write(bev, bytes, block);
      free(bytes);
      all += block;
      still = 0;
    }
    event_base_loop(base, EVLOOP_NONBLOCK);
    ++still;
  }
  if (output_length(bev) == 0) note("not full ");
  return all;
}

/* Reads until there are so many, while no loop runs: true if that ends in time. */
static int drain_until(evutil_socket_t fd, char *into, size_t *all, size_t wanted) {
  int rounds;
  for (rounds = 0; rounds < many_rounds && *all < wanted; ++rounds) {
    *all += drain_socket(fd, into + *all, wanted - *all);
    if (*all < wanted) Sleep(1);
  }
  return *all == wanted;
}

TEST(bytes_accepted_by_a_cancelled_send_are_not_resent) {
  evutil_socket_t first[2], second[2];
  char *bytes = stream(0, much);
  char *got = malloc(much);
  struct bufferevent *bev;
  size_t all, before;
  int step;
  for (step = 0; step < 8; ++step) {
    u_long blocking = 0;
    int small = 32768;
    begin();
    plain_pair();
    first[0] = pair[0], first[1] = pair[1];
    /* Less than one send takes. */
    CHECK_INT_EQ(setsockopt((SOCKET)first[0], SOL_SOCKET, SO_SNDBUF, (char *)&small, sizeof(small)), 0);
    plain_pair();
    second[0] = pair[0], second[1] = pair[1];
    evutil_make_socket_nonblocking(first[1]);
    evutil_make_socket_nonblocking(second[1]);
    bev = bufferevent_socket_new(base, first[0], 0);
    bufferevent_write(bev, bytes, much);
    for (all = 0; all < 20; ++all) event_base_loop(base, EVLOOP_NONBLOCK);
    before = output_length(bev);
    CHECK_INT_GT(before, 0);
    /* Makes some room: the socket accepts a part of the data in flight. */
    all = 0;
    CHECK(drain_until(first[1], got, &all, (much - before) / 8 * (size_t)(step + 1)));
    CHECK_INT_EQ(output_length(bev), before);
    CHECK_INT_EQ(bufferevent_setfd(bev, second[0]), 0);
    evutil_closesocket(first[0]);
    CHECK_INT_EQ(ioctlsocket((SOCKET)first[1], (long)FIONBIO, &blocking), 0);
    all += drain_socket(first[1], got + all, much - all);
    CHECK_INT_EQ(all + output_length(bev), much);
    bufferevent_free(bev);
    evutil_closesocket(first[1]);
    evutil_closesocket(second[0]);
    evutil_closesocket(second[1]);
    end();
    if (CHECK_FAILED()) break;
  }
  free(bytes);
  free(got);
}

/* --- a driver that does not cancel --- */

static BOOL WINAPI cancel_nothing(HANDLE file, OVERLAPPED *operation) {
  (void)file, (void)operation;
  return TRUE;
}

static ULONG_PTR real_cancel;
static int set_cancel(ULONG_PTR function) {
  HMODULE core = GetModuleHandleA("libevent_core-2-1-7.dll");
  ULONG_PTR *import = core ? import_of(core, "CancelIoEx", NULL) : NULL;
  DWORD old;
  if (!import || !VirtualProtect(import, sizeof(*import), PAGE_READWRITE, &old)) return 0;
  real_cancel = *import;
  *import = function;
  return VirtualProtect(import, sizeof(*import), old, &old);
}
static int cancel_fails(void) { return set_cancel((ULONG_PTR)cancel_nothing); }
static int cancel_works(void) { return set_cancel(real_cancel); }

TEST(a_send_that_cannot_be_cancelled_in_time_is_an_error_of_writing) {
  evutil_socket_t first[2];
  struct event_base *other, *now;
  char *bytes = stream(0, much);
  ULONGLONG began;
  int moves, good;
  for (moves = 0; moves < 2; ++moves) {
    begin();
    other = new_base(EVENT_BASE_FLAG_STARTUP_IOCP);
    now = moves ? other : base;
    plain_pair();
    first[0] = pair[0], first[1] = pair[1];
    plain_pair();
    evutil_make_socket_nonblocking(pair[1]);
    ends[0] = bufferevent_socket_new(base, first[0], 0);
    bufferevent_setcb(ends[0], NULL, NULL, note_events, (void *)"a");
    fill(ends[0]);
    CHECK_LOG("");
    if (moves) bufferevent_disable(ends[0], EV_READ | EV_WRITE);
    began = GetTickCount64();
    CHECK(cancel_fails());
    good = (!moves || bufferevent_base_set(other, ends[0]) == 0) && bufferevent_setfd(ends[0], pair[0]) == 0;
    CHECK(cancel_works());
    CHECK(good);
    CHECK_INT_LT(GetTickCount64() - began, 5000);
    CHECK_INT_EQ(bufferevent_get_enabled(ends[0]) & EV_WRITE, 0);
    event_base_loop(now, EVLOOP_NONBLOCK);
    CHECK_LOG("a:writing-error ");
    event_base_loop(now, EVLOOP_NONBLOCK);
    CHECK_INT_EQ(recv((SOCKET)pair[1], bytes, 1, 0), -1);
    CHECK_INT_EQ(WSAGetLastError(), WSAEWOULDBLOCK);
    bufferevent_free(ends[0]);
    evutil_closesocket(first[0]);
    evutil_closesocket(first[1]);
    evutil_closesocket(pair[0]);
    evutil_closesocket(pair[1]);
    end();
    event_base_free(other);
  }
  free(bytes);
}

static HANDLE freeing;
static DWORD WINAPI send_later(void *peer) {
  WaitForSingleObject(freeing, 60000);
  Sleep(2000);
  return send((SOCKET)(evutil_socket_t)peer, "x", 1, 0) == 1 ? 0 : 1;
}

TEST(freeing_the_base_waits_for_operations_in_flight) {
  evutil_socket_t watched[2];
  struct event *readable;
  struct seen seen = {0, 0};
  HANDLE thread;
  DWORD failed = 1;
  begin();
  event_set_log_callback(count_log);
  logged = 0;
  plain_pair();
  watched[0] = pair[0], watched[1] = pair[1];
  readable = event_new(base, watched[0], EV_READ | EV_PERSIST, note_seen, &seen);
  event_add(readable, NULL);
  plain_pair();
  ends[0] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
  bufferevent_enable(ends[0], EV_READ);
  event_base_loop(base, EVLOOP_NONBLOCK);
  /* Now something that is not an operation lies at the port. */
  CHECK_INT_EQ(send((SOCKET)watched[1], "x", 1, 0), 1);
  freeing = CreateEventA(NULL, TRUE, FALSE, NULL);
  thread = CreateThread(NULL, 0, send_later, (void *)(evutil_socket_t)pair[1], 0, NULL);
  CHECK(thread);
  CHECK(cancel_fails());
  SetEvent(freeing);
  end();
  CHECK(cancel_works());
  CHECK_INT_EQ(WaitForSingleObject(thread, 60000), WAIT_OBJECT_0);
  CHECK(GetExitCodeThread(thread, &failed) && !failed);
  CloseHandle(thread);
  CloseHandle(freeing);
  event_set_log_callback(NULL);
  CHECK_INT_EQ(logged, 0);
  CHECK_INT_EQ(seen.calls, 0);
  bufferevent_free(ends[0]);
  event_free(readable);
  evutil_closesocket(watched[0]);
  evutil_closesocket(watched[1]);
  evutil_closesocket(pair[1]);
}

/* --- write callbacks --- */

static void enable_writing(evutil_socket_t fd, short what, void *bev) {
  (void)fd, (void)what;
  bufferevent_enable(bev, EV_WRITE);
}

TEST(send_completion_and_enabling_cause_one_write_callback) {
  struct event *enabler;
  char *got = malloc(100 * (size_t)block);
  size_t written, all = 0;
  begin();
  plain_pair();
  evutil_make_socket_nonblocking(pair[1]);
  ends[0] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(ends[0], NULL, on_write, note_events, (void *)"a");
  written = fill(ends[0]);
  CHECK(!strstr(log_text, "not full"));
  log_text[0] = 0;
  bufferevent_disable(ends[0], EV_WRITE);
  CHECK(drain_until(pair[1], got, &all, written));
  run_for(10);
  /* Not while it is disabled. */
  CHECK_LOG("");
  enabler = event_new(base, -1, 0, enable_writing, ends[0]);
  event_active(enabler, EV_TIMEOUT, 1);
  run_for(20);
  CHECK_LOG("a:w0 ");
  CHECK_INT_EQ(output_length(ends[0]), 0);
  /* The same where both are reported in one iteration. */
  written = fill(ends[0]);
  CHECK(!strstr(log_text, "not full"));
  all = 0;
  log_text[0] = 0;
  bufferevent_disable(ends[0], EV_WRITE);
  CHECK(drain_until(pair[1], got, &all, written));
  event_active(enabler, EV_TIMEOUT, 1);
  run_for(20);
  CHECK_LOG("a:w0 ");
  event_free(enabler);
  bufferevent_free(ends[0]);
  evutil_closesocket(pair[1]);
  free(got);
  end();
}

TEST(datagram_sockets_connect_without_overlapped_operations) {
  int flags;
  for (flags = 0; flags <= EVENT_BASE_FLAG_STARTUP_IOCP; flags += EVENT_BASE_FLAG_STARTUP_IOCP) {
    struct bufferevent *bev;
    evutil_socket_t fd;
    SOCKET peer = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in name;
    int length = sizeof(name);
    char got[8];
    memset(&name, 0, sizeof(name));
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_INT_EQ(bind(peer, (struct sockaddr *)&name, sizeof(name)), 0);
    CHECK_INT_EQ(getsockname(peer, (struct sockaddr *)&name, &length), 0);
    base = new_base(flags);
    log_text[0] = 0;
    fd = (evutil_socket_t)socket(AF_INET, SOCK_DGRAM, 0);
    evutil_make_socket_nonblocking(fd);
    bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(bev, read_and_stop, NULL, note_and_stop, (void *)"d");
    CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&name, sizeof(name)), 0);
    CHECK(!overlapped(bev));
    CHECK_INT_EQ(bufferevent_getfd(bev), fd);
    event_base_dispatch(base);
    CHECK_LOG("d:connected ");
    bufferevent_enable(bev, EV_READ);
    bufferevent_write(bev, "abc", 3);
    event_base_loop(base, EVLOOP_NONBLOCK);
    CHECK_INT_EQ(recvfrom(peer, got, sizeof(got), 0, (struct sockaddr *)&name, &length), 3);
    CHECK_INT_EQ(sendto(peer, got, 3, 0, (struct sockaddr *)&name, length), 3);
    event_base_dispatch(base);
    CHECK_LOG("d:r3 ");
    bufferevent_free(bev);
    closesocket(peer);
    end();
    if (CHECK_FAILED()) return;
  }
}

TEST(a_socket_may_move_to_another_bufferevent) {
  struct bufferevent *bev;
  begin();
  plain_pair();
  bev = bufferevent_socket_new(base, pair[0], 0);
  bufferevent_enable(bev, EV_READ);
  run_for(20);
  bufferevent_free(bev);
  bev = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(bev, read_and_stop, NULL, NULL, (void *)"a");
  bufferevent_enable(bev, EV_READ);
  send((SOCKET)pair[1], "abc", 3, 0);
  event_base_dispatch(base);
  CHECK_LOG("a:r3 ");
  bufferevent_free(bev);
  evutil_closesocket(pair[1]);
  end();
}

TEST(a_bufferevent_may_move_to_another_base) {
  struct event_base *other;
  int flags;
  for (flags = 0; flags <= EVENT_BASE_FLAG_STARTUP_IOCP; flags += EVENT_BASE_FLAG_STARTUP_IOCP) {
    begin();
    other = new_base(flags);
    plain_pair();
    ends[0] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
    CHECK(overlapped(ends[0]));
    bufferevent_setcb(ends[0], on_read, NULL, NULL, (void *)"a");
    bufferevent_enable(ends[0], EV_READ);
    run_for(20);
    bufferevent_disable(ends[0], EV_READ | EV_WRITE);
    CHECK_INT_EQ(bufferevent_base_set(other, ends[0]), 0);
    /* Its socket belongs to the first one's port. */
    CHECK(!overlapped(ends[0]));
    bufferevent_enable(ends[0], EV_READ | EV_WRITE);
    /* The operations in flight there complete now. */
    end();
    send((SOCKET)pair[1], "abc", 3, 0);
    event_base_loop(other, EVLOOP_ONCE);
    CHECK_LOG("a:r3 ");
    bufferevent_free(ends[0]);
    evutil_closesocket(pair[1]);
    event_base_free(other);
  }
}

TEST(a_moved_bufferevent_does_not_wait_for_its_old_base) {
  struct event_base *other;
  begin();
  other = new_base(EVENT_BASE_FLAG_STARTUP_IOCP);
  plain_pair();
  ends[0] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
  cleaned = 0;
  bufferevent_enable(ends[0], EV_READ);
  run_for(20);
  bufferevent_disable(ends[0], EV_READ | EV_WRITE);
  evbuffer_add_reference(bufferevent_get_output(ends[0]), malloc(10), 10, count_cleanup, NULL);
  CHECK_INT_EQ(bufferevent_base_set(other, ends[0]), 0);
  bufferevent_free(ends[0]);
  CHECK_INT_EQ(cleaned, 1);
  run_for(20);
  evutil_closesocket(pair[1]);
  event_base_free(other);
  end();
}

/* Loops of two threads, and bufferevents without locks that go from the one to the other. */
enum { movers = 200 };
static struct event_base *second_base;
static struct bufferevent *moving[movers];
static int arrived;

static void count_and_free(struct bufferevent *bev, void *arg) {
  char got[8];
  (void)arg;
  if (bufferevent_read(bev, got, sizeof(got)) != 3 || memcmp(got, "abc", 3) != 0) note("not abc ");
  bufferevent_free(bev);
  if (++arrived == movers) event_base_loopbreak(second_base);
}
static void receive_there(evutil_socket_t fd, short what, void *bev) {
  (void)fd, (void)what;
  if (bufferevent_base_set(second_base, bev) != 0) note("stays ");
  bufferevent_setcb(bev, count_and_free, NULL, free_at_end, NULL);
  if (bufferevent_enable(bev, EV_READ | EV_WRITE) != 0) note("not enabled ");
}
static DWORD WINAPI loop_there(void *arg) {
  struct timeval limit = after_ms(60000);
  event_base_loopexit(arg, &limit);
  event_base_loop(arg, EVLOOP_NO_EXIT_ON_EMPTY);
  return 0;
}

TEST(a_bufferevent_without_a_lock_may_move_to_the_base_of_another_thread) {
  static evutil_socket_t peers[movers];
  struct timeval at_once = {0, 0};
  HANDLE thread;
  int i;
  begin();
  second_base = new_base(EVENT_BASE_FLAG_STARTUP_IOCP);
  arrived = 0;
  thread = CreateThread(NULL, 0, loop_there, second_base, 0, NULL);
  CHECK(thread);
  for (i = 0; i < movers; ++i) {
    plain_pair();
    peers[i] = pair[1];
    moving[i] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
    CHECK(overlapped(moving[i]));
    bufferevent_enable(moving[i], EV_READ);
    event_base_loop(base, EVLOOP_NONBLOCK);
    bufferevent_disable(moving[i], EV_READ | EV_WRITE);
    /* Operations waiting for input complete by themselves, or are cancelled by the other thread. */
    if (i % 2) send((SOCKET)pair[1], "abc", 3, 0);
    CHECK_INT_EQ(event_base_once(second_base, -1, EV_TIMEOUT, receive_there, moving[i], &at_once), 0);
    if (!(i % 2)) send((SOCKET)pair[1], "abc", 3, 0);
    event_base_loop(base, EVLOOP_NONBLOCK);
  }
  CHECK_INT_EQ(WaitForSingleObject(thread, 90000), WAIT_OBJECT_0);
  CloseHandle(thread);
  CHECK_INT_EQ(arrived, movers);
  run_for(20);
  CHECK_LOG("");
  for (i = 0; i < movers; ++i) evutil_closesocket(peers[i]);
  event_base_free(second_base);
  end();
}

TEST(no_operation_is_overlapped_without_the_flag) {
  base = new_base(0);
  plain_pair();
  ends[0] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
  CHECK(!overlapped(ends[0]));
  bufferevent_free(ends[0]);
  evutil_closesocket(pair[1]);
  end();
}

/* A base that may not have the method with the port. */
static void check_readiness_serves(struct event_base *made) {
  base = made;
  CHECK(base);
  CHECK_STR_EQ(event_base_get_method(base), "win32");
  CHECK_INT_EQ(logged, 1);
  plain_pair();
  ends[0] = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
  CHECK(!overlapped(ends[0]));
  log_text[0] = 0;
  bufferevent_setcb(ends[0], read_and_stop, NULL, NULL, (void *)"a");
  bufferevent_enable(ends[0], EV_READ);
  send((SOCKET)pair[1], "abc", 3, 0);
  event_base_dispatch(base);
  CHECK_LOG("a:r3 ");
  bufferevent_free(ends[0]);
  evutil_closesocket(pair[1]);
  end();
}

TEST(a_base_without_the_method_uses_readiness_and_logs_a_warning) {
  event_set_log_callback(count_log);
  logged = 0;
  check_readiness_serves(new_base_without("wepoll", EVENT_BASE_FLAG_STARTUP_IOCP));
  logged = 0;
  _putenv("EVENT_NOWEPOLL=1");
  check_readiness_serves(new_base(EVENT_BASE_FLAG_STARTUP_IOCP));
  _putenv("EVENT_NOWEPOLL=");
  logged = 0;
  event_set_log_callback(NULL);
}

TEST(no_base_is_created_when_every_method_is_avoided) {
  struct event_config *config = event_config_new();
  const char **names = event_get_supported_methods();
  for (; *names; ++names) event_config_avoid_method(config, *names);
  event_config_set_flag(config, EVENT_BASE_FLAG_STARTUP_IOCP);
  event_set_log_callback(count_log);
  CHECK(!event_base_new_with_config(config));
  event_set_log_callback(NULL);
  event_config_free(config);
}

TEST(callbacks_may_be_deferred) {
  begin();
  open_ends(BEV_OPT_DEFER_CALLBACKS | BEV_OPT_THREADSAFE | BEV_OPT_UNLOCK_CALLBACKS);
  if (CHECK_FAILED()) return;
  bufferevent_setcb(ends[0], on_read, NULL, note_and_stop, (void *)"a");
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_setcb(ends[1], NULL, write_and_stop, NULL, (void *)"b");
  bufferevent_write(ends[1], "abc", 3);
  event_base_dispatch(base);
  CHECK(strstr(log_text, "b:w0 "));
  run_for(30);
  bufferevent_free(ends[1]);
  event_base_dispatch(base);
  CHECK_LOG("b:w0 a:r3 a:reading-eof ");
  bufferevent_free(ends[0]);
  end();
}

TEST(files_are_sent) {
  char name[L_tmpnam + 16];
  char *bytes = stream(0, 300000);
  char *got = malloc(400000);
  int fd;
  begin();
  sprintf(name, "iocp_test_%lu.tmp", GetCurrentProcessId());
  fd = _open(name, _O_RDWR | _O_CREAT | _O_TRUNC | _O_BINARY | _O_TEMPORARY, 0600);
  CHECK_INT_GE(fd, 0);
  CHECK_INT_EQ(_write(fd, bytes, 300000), 300000);
  open_ends(0);
  if (CHECK_FAILED()) return;
  bufferevent_setwatermark(ends[1], EV_READ, 300010, 0);
  bufferevent_setcb(ends[1], read_and_stop, NULL, NULL, (void *)"b");
  bufferevent_enable(ends[1], EV_READ);
  bufferevent_write(ends[0], "head:", 5);
  CHECK_INT_EQ(evbuffer_add_file(bufferevent_get_output(ends[0]), fd, 0, 300000), 0);
  bufferevent_write(ends[0], ":tail", 5);
  event_base_dispatch(base);
  CHECK_LOG("b:r300010 ");
  CHECK_INT_EQ(bufferevent_read(ends[1], got, 400000), 300010);
  CHECK_MEM_EQ(got, "head:", 5);
  CHECK_MEM_EQ(got + 5, bytes, 300000);
  CHECK_MEM_EQ(got + 300005, ":tail", 5);
  free_ends();
  free(bytes);
  free(got);
  end();
}

/* --- listeners --- */

static int accepted_ports[16], accepted_count, accepted_blocking, stop_after;
static void note_accepted(struct evconnlistener *from, evutil_socket_t fd, struct sockaddr *peer, int length,
                          void *arg) {
  struct sockaddr_in named;
  int named_length = sizeof(named);
  char byte;
  (void)from, (void)arg;
  if (length != (int)sizeof(struct sockaddr_in)) note("length %d ", length);
  if (getpeername((SOCKET)fd, (struct sockaddr *)&named, &named_length) != 0 ||
      named.sin_port != ((struct sockaddr_in *)peer)->sin_port)
    note("another peer ");
  accepted_ports[accepted_count++ % 16] = ((struct sockaddr_in *)peer)->sin_port;
  if (!accepted_blocking && (recv((SOCKET)fd, &byte, 1, 0) != -1 || WSAGetLastError() != WSAEWOULDBLOCK))
    note("blocks ");
  if (accepted_blocking && recv((SOCKET)fd, &byte, 1, 0) != 1) note("does not block ");
  evutil_closesocket(fd);
  if (accepted_count == stop_after) stop();
}

static int port_of(SOCKET s) {
  struct sockaddr_in named;
  int length = sizeof(named);
  getsockname(s, (struct sockaddr *)&named, &length);
  return named.sin_port;
}

TEST(connections_are_accepted_in_order) {
  SOCKET clients[12];
  int i;
  begin();
  accepted_count = accepted_blocking = 0;
  stop_after = 12;
  listen_with(note_accepted, 0);
  if (CHECK_FAILED()) return;
  CHECK_INT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
  for (i = 0; i < 12; ++i) clients[i] = connect_plain();
  event_base_dispatch(base);
  CHECK_LOG("");
  for (i = 0; i < 12; ++i) {
    CHECK_INT_EQ(accepted_ports[i], port_of(clients[i]));
    closesocket(clients[i]);
  }
  evconnlistener_free(listener);
  end();
}

TEST(a_disabled_listener_accepts_nothing) {
  SOCKET a, b;
  begin();
  accepted_count = accepted_blocking = 0;
  stop_after = 1;
  listen_with(note_accepted, LEV_OPT_DISABLED | LEV_OPT_THREADSAFE);
  if (CHECK_FAILED()) return;
  a = connect_plain();
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(evconnlistener_enable(listener), 0);
  event_base_dispatch(base);
  CHECK_INT_EQ(accepted_count, 1);
  CHECK_INT_EQ(evconnlistener_disable(listener), 0);
  b = connect_plain();
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  run_for(50);
  CHECK_INT_EQ(accepted_count, 1);
  stop_after = 2;
  CHECK_INT_EQ(evconnlistener_enable(listener), 0);
  event_base_dispatch(base);
  CHECK_INT_EQ(accepted_count, 2);
  CHECK_LOG("");
  closesocket(a);
  closesocket(b);
  evconnlistener_free(listener);
  end();
}

TEST(accepted_sockets_may_be_left_blocking) {
  SOCKET client;
  begin();
  accepted_count = 0;
  accepted_blocking = 1;
  stop_after = 1;
  listen_with(note_accepted, LEV_OPT_LEAVE_SOCKETS_BLOCKING | LEV_OPT_CLOSE_ON_EXEC);
  if (CHECK_FAILED()) return;
  client = connect_plain();
  send(client, "x", 1, 0);
  event_base_dispatch(base);
  CHECK_INT_EQ(accepted_count, 1);
  CHECK_LOG("");
  closesocket(client);
  evconnlistener_free(listener);
  end();
}

static void free_the_listener(struct evconnlistener *from, evutil_socket_t fd, struct sockaddr *peer,
                              int length, void *arg) {
  (void)peer, (void)length, (void)arg;
  evutil_closesocket(fd);
  evconnlistener_free(from);
}

TEST(a_listener_may_be_freed_in_its_callback) {
  SOCKET a, b;
  char byte;
  begin();
  listen_with(free_the_listener, 0);
  if (CHECK_FAILED()) return;
  a = connect_plain();
  b = connect_plain();
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  run_for(50);
  CHECK_INT_LE(recv(a, &byte, 1, 0), 0);
  CHECK_INT_LE(recv(b, &byte, 1, 0), 0);
  closesocket(a);
  closesocket(b);
  end();
}

/* --- memory --- */

static int allocations_left = -1;
static void *failing_malloc(size_t size) {
  if (allocations_left == 0) return NULL;
  if (allocations_left > 0) --allocations_left;
  return malloc(size);
}
static void *failing_realloc(void *old, size_t size) {
  if (allocations_left == 0) return NULL;
  if (allocations_left > 0) --allocations_left;
  return realloc(old, size);
}

TEST(running_out_of_memory_is_reported) {
  struct event_config *config;
  int i, made;
  begin();
  event_set_log_callback(count_log);
  plain_pair();
  for (i = 0, made = 0; i < 20 && !made; ++i) {
    allocations_left = i;
    ends[0] = bufferevent_socket_new(base, pair[0], BEV_OPT_THREADSAFE);
    allocations_left = -1;
    if (ends[0]) made = 1;
  }
  CHECK(made);
  CHECK_INT_GT(i, 1);
  bufferevent_free(ends[0]);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (i = 0, made = 0; i < 20 && !made; ++i) {
    allocations_left = i;
    listener = evconnlistener_new_bind(base, note_accepted, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
                                       (struct sockaddr *)&address, sizeof(address));
    allocations_left = -1;
    if (listener) made = 1;
  }
  CHECK(made);
  CHECK_INT_GT(i, 1);
  evconnlistener_free(listener);
  config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_STARTUP_IOCP);
  for (i = 0, made = 0; i < 100 && !made; ++i) {
    struct event_base *another;
    allocations_left = i;
    another = event_base_new_with_config(config);
    allocations_left = -1;
    if (another) {
      made = 1;
      event_base_free(another);
    }
  }
  event_set_log_callback(NULL);
  CHECK(made);
  CHECK_INT_GT(i, 1);
  event_config_free(config);
  evutil_closesocket(pair[0]);
  evutil_closesocket(pair[1]);
  end();
}

/* Before threads are enabled. */
static int without_locks(void) {
  int good;
  base = new_base(EVENT_BASE_FLAG_STARTUP_IOCP);
  if (!base) return 0;
  open_ends(0);
  bufferevent_setcb(ends[0], read_and_stop, NULL, NULL, (void *)"a");
  bufferevent_enable(ends[0], EV_READ);
  bufferevent_write(ends[1], "abc", 3);
  event_base_dispatch(base);
  good = strcmp(log_text, "a:r3 ") == 0;
  free_ends();
  end();
  return good;
}

int main(int argc, char **argv) {
  WSADATA data;
  if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return 1;
  event_set_mem_functions(failing_malloc, failing_realloc, free);
  if (!without_locks()) {
    printf("FAILED without locks\n");
    return 1;
  }
  if (evthread_use_windows_threads() != 0) return 1;
  RUN_TESTS(
      ten_megabytes_are_echoed_unchanged, a_refused_connection_is_reported, host_names_can_be_connected_to,
      eof_and_a_reset_are_reported, timeouts_are_reported_and_do_not_break_the_connection,
      reading_stops_at_the_high_watermark, callbacks_may_free, data_in_flight_outlives_the_bufferevent,
      freeing_closes_the_connection_immediately, the_base_may_be_freed_before_its_bufferevents,
      no_data_is_lost_while_reading_is_disabled, enabling_writing_invokes_the_write_callback,
      a_reading_bufferevent_keeps_the_loop_alive, rates_are_limited, many_connections_are_served,
      other_threads_may_write, other_threads_may_free, replacing_the_socket_sends_the_rest_to_the_new_one,
      bytes_accepted_by_a_cancelled_send_are_not_resent,
      a_send_that_cannot_be_cancelled_in_time_is_an_error_of_writing,
      freeing_the_base_waits_for_operations_in_flight, send_completion_and_enabling_cause_one_write_callback,
      datagram_sockets_connect_without_overlapped_operations, a_socket_may_move_to_another_bufferevent,
      a_bufferevent_may_move_to_another_base, a_moved_bufferevent_does_not_wait_for_its_old_base,
      a_bufferevent_without_a_lock_may_move_to_the_base_of_another_thread,
      no_operation_is_overlapped_without_the_flag,
      a_base_without_the_method_uses_readiness_and_logs_a_warning,
      no_base_is_created_when_every_method_is_avoided, callbacks_may_be_deferred, files_are_sent,
      connections_are_accepted_in_order, a_disabled_listener_accepts_nothing,
      accepted_sockets_may_be_left_blocking, a_listener_may_be_freed_in_its_callback,
      running_out_of_memory_is_reported);
}

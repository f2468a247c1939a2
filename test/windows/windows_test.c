/* The libraries on Windows: select on sockets, wake-ups by threads, signals of the run-time library,
 * listeners and bufferevents over the loopback interface, winsock's errors. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <event2/watch.h>
#include <signal.h>
#include <stdlib.h>
#include <windows.h>

#include "api/check.h"
#include "windows/loopback.h"

static void count_wait(struct evwatch *watch, const struct evwatch_prepare_cb_info *info, void *arg) {
  struct seen *seen = arg;
  (void)watch, (void)info;
  ++seen->calls;
}

TEST(the_default_method_is_win32) {
  struct event_base *base = event_base_new();
  CHECK(base);
  CHECK_STR_EQ(event_base_get_method(base), "win32");
  event_base_free(base);
}

TEST(pairs_are_connected_sockets) {
  evutil_socket_t pair[2];
  char buffer[8];
  CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  CHECK_INT_EQ(send((SOCKET)pair[0], "abc", 3, 0), 3);
  CHECK_INT_EQ(recv((SOCKET)pair[1], buffer, sizeof(buffer), 0), 3);
  CHECK_MEM_EQ(buffer, "abc", 3);
  evutil_closesocket(pair[0]);
  evutil_closesocket(pair[1]);
  CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_DGRAM, 0, pair), -1);
  CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), WSAEPROTONOSUPPORT);
}

TEST(errors_have_texts) {
  const char *text = evutil_socket_error_to_string(WSAECONNREFUSED);
  CHECK(strlen(text) > 0);
  CHECK_PTR_EQ(text, evutil_socket_error_to_string(WSAECONNREFUSED));
  CHECK(strcmp(text, evutil_socket_error_to_string(WSAEWOULDBLOCK)) != 0);
  CHECK(strlen(evutil_socket_error_to_string(-1)) > 0);
  CHECK(strlen(evutil_socket_error_to_string(1 << 30)) > 0);
}

/* Each has a text of its own, the system's or, where it has none, ours. */
TEST(winsock_errors_have_texts) {
  static const int errors[] = {
      WSAEINTR,          WSAEBADF,           WSAEACCES,         WSAEFAULT,       WSAEINVAL,
      WSAEMFILE,         WSAEWOULDBLOCK,     WSAEINPROGRESS,    WSAEALREADY,     WSAENOTSOCK,
      WSAEDESTADDRREQ,   WSAEMSGSIZE,        WSAEPROTOTYPE,     WSAENOPROTOOPT,  WSAEPROTONOSUPPORT,
      WSAEOPNOTSUPP,     WSAEPFNOSUPPORT,    WSAEAFNOSUPPORT,   WSAEADDRINUSE,   WSAEADDRNOTAVAIL,
      WSAENETDOWN,       WSAENETUNREACH,     WSAENETRESET,      WSAECONNABORTED, WSAECONNRESET,
      WSAENOBUFS,        WSAEISCONN,         WSAENOTCONN,       WSAESHUTDOWN,    WSAETIMEDOUT,
      WSAECONNREFUSED,   WSAENAMETOOLONG,    WSAEHOSTDOWN,      WSAEHOSTUNREACH, WSAEPROCLIM,
      WSASYSNOTREADY,    WSAVERNOTSUPPORTED, WSANOTINITIALISED, WSAEDISCON,      WSATYPE_NOT_FOUND,
      WSAHOST_NOT_FOUND, WSATRY_AGAIN,       WSANO_RECOVERY,    WSANO_DATA};
  const char *unknown = evutil_socket_error_to_string(11999);
  const size_t count = sizeof(errors) / sizeof(errors[0]);
  size_t i, other;
  for (i = 0; i < count; ++i) {
    const char *text = evutil_socket_error_to_string(errors[i]);
    CHECK(strcmp(text, unknown) != 0);
    for (other = 0; other < i; ++other)
      CHECK(strcmp(text, evutil_socket_error_to_string(errors[other])) != 0);
  }
}

TEST(failing_calls_leave_winsock_error_codes) {
  evutil_socket_t pair[2], accepted;
  char byte;
  CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_STREAM, 0, pair), 0);
  CHECK_INT_EQ(evutil_make_socket_nonblocking(pair[0]), 0);
  CHECK_INT_EQ(recv((SOCKET)pair[0], &byte, 1, 0), -1);
  CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), WSAEWOULDBLOCK);
  CHECK_INT_EQ(evutil_socket_geterror(pair[0]), WSAEWOULDBLOCK);
  accepted = (evutil_socket_t)accept((SOCKET)pair[0], NULL, NULL);
  CHECK_INT_EQ(accepted, -1);
  CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), WSAEINVAL);
  evutil_closesocket(pair[0]);
  CHECK_INT_EQ(evutil_closesocket(pair[0]), -1);
  CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), WSAENOTSOCK);
  EVUTIL_SET_SOCKET_ERROR(WSAECONNRESET);
  CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), WSAECONNRESET);
  evutil_closesocket(pair[1]);
}

TEST(integer_types_have_their_widths) {
  CHECK_INT_EQ(sizeof(evutil_socket_t), sizeof(SOCKET));
  CHECK_INT_EQ(sizeof(evutil_socket_t), sizeof(void *));
  CHECK((evutil_socket_t)-1 < 0);
  CHECK((evutil_socket_t)INVALID_SOCKET == -1);
  CHECK_INT_EQ(sizeof(ev_ssize_t), sizeof(size_t));
  CHECK((ev_ssize_t)-1 < 0);
  CHECK_INT_EQ(sizeof(ev_socklen_t), sizeof(int));
}

/* The performance counter's time, which has microseconds and does not go back. */
TEST(monotonic_time_follows_the_performance_counter) {
  struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
  LARGE_INTEGER frequency, counter[2];
  struct timeval first, last, now;
  long long counted_us, returned_us;
  int i;
  CHECK_INT_EQ(evutil_configure_monotonic_time(timer, EV_MONOT_PRECISE), 0);
  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&counter[0]);
  evutil_gettime_monotonic(timer, &first);
  last = first;
  for (i = 0; i < 1000; ++i) {
    evutil_gettime_monotonic(timer, &now);
    CHECK(evutil_timercmp(&last, &now, <=));
    CHECK(now.tv_usec >= 0 && now.tv_usec < 1000000);
    last = now;
  }
  Sleep(30);
  evutil_gettime_monotonic(timer, &now);
  QueryPerformanceCounter(&counter[1]);
  evutil_timersub(&now, &first, &now);
  returned_us = now.tv_sec * 1000000LL + now.tv_usec;
  counted_us = (counter[1].QuadPart - counter[0].QuadPart) * 1000000 / frequency.QuadPart;
  /* Within the counter's two readings, each rounded. */
  CHECK_INT_LE(returned_us, counted_us + 2);
  CHECK_INT_GE(returned_us, 30000 - 2000);
  evutil_monotonic_timer_free(timer);
}

TEST(sleeping_advances_the_clocks) {
  struct timeval before, after, now;
  struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
  CHECK(timer);
  evutil_gettime_monotonic(timer, &before);
  Sleep(20);
  evutil_gettime_monotonic(timer, &after);
  evutil_timersub(&after, &before, &after);
  CHECK_INT_GE(after.tv_sec * 1000000 + after.tv_usec, 10000);
  CHECK_INT_EQ((evutil_gettimeofday)(&now, NULL), 0);
  CHECK_INT_GT(now.tv_sec, 1600000000);
  evutil_monotonic_timer_free(timer);
}

TEST(random_bytes_differ) {
  unsigned char a[32], b[32];
  CHECK_INT_EQ(evutil_secure_rng_init(), 0);
  evutil_secure_rng_get_bytes(a, sizeof(a));
  evutil_secure_rng_get_bytes(b, sizeof(b));
  CHECK(memcmp(a, b, sizeof(a)) != 0);
}

TEST(readiness_and_timeouts_are_reported) {
  struct event_base *base = event_base_new();
  struct seen reading = {0, 0}, writing = {0, 0}, timer = {0, 0};
  struct timeval soon = after_ms(10);
  struct event *r, *w, *t;
  evutil_socket_t pair[2];
  CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_STREAM, 0, pair), 0);
  r = event_new(base, pair[0], EV_READ, note_seen, &reading);
  w = event_new(base, pair[0], EV_WRITE, note_seen, &writing);
  t = event_new(base, -1, 0, note_seen, &timer);
  CHECK_INT_EQ(event_add(r, NULL) | event_add(w, NULL) | event_add(t, &soon), 0);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(writing.what, EV_WRITE);
  CHECK_INT_EQ(reading.calls, 0);
  send((SOCKET)pair[1], "x", 1, 0);
  CHECK_INT_EQ(event_base_dispatch(base), 1);
  CHECK_INT_EQ(reading.what, EV_READ);
  CHECK_INT_EQ(timer.what, EV_TIMEOUT);
  event_free(r), event_free(w), event_free(t);
  evutil_closesocket(pair[0]);
  evutil_closesocket(pair[1]);
  event_base_free(base);
}

enum { many = 300 };

TEST(more_sockets_than_fd_setsize_are_watched) {
  static evutil_socket_t pairs[many][2];
  static struct event *events[many];
  struct seen seen = {0, 0};
  struct event_base *base = event_base_new();
  int i;
  for (i = 0; i < many; ++i) {
    CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_STREAM, 0, pairs[i]), 0);
    events[i] = event_new(base, pairs[i][0], EV_READ | EV_PERSIST, note_seen, &seen);
    CHECK_INT_EQ(event_add(events[i], NULL), 0);
  }
  send((SOCKET)pairs[many - 1][1], "x", 1, 0);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(seen.calls, 1);
  for (i = 0; i < many; ++i) {
    event_free(events[i]);
    evutil_closesocket(pairs[i][0]);
    evutil_closesocket(pairs[i][1]);
  }
  event_base_free(base);
}

static void silent(int severity, const char *message) { (void)severity, (void)message; }

TEST(adding_an_invalid_socket_fails) {
  struct event_base *base = event_base_new();
  struct seen seen = {0, 0};
  evutil_socket_t pair[2];
  struct event *ev;
  event_set_log_callback(silent);
  CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_STREAM, 0, pair), 0);
  evutil_closesocket(pair[1]);
  ev = event_new(base, pair[1], EV_READ, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), -1);
  event_free(ev);
  ev = event_new(base, pair[0] + 1, EV_READ, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), -1);
  event_free(ev);
  /* Closed while it is watched: the event is reported and the call on it fails. */
  ev = event_new(base, pair[0], EV_READ, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  evutil_closesocket(pair[0]);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(seen.calls, 1);
  event_free(ev);
  event_set_log_callback(NULL);
  event_base_free(base);
}

static DWORD WINAPI wake_from_thread(void *base) {
  event_base_loopbreak(base);
  return 0;
}

/* From within the loop: a break that comes before it is forgotten. */
static HANDLE waking_thread;
static void start_thread(evutil_socket_t fd, short what, void *base) {
  (void)fd, (void)what;
  waking_thread = CreateThread(NULL, 0, wake_from_thread, base, 0, NULL);
}

TEST(another_thread_wakes_the_loop) {
  struct event_base *base;
  struct timeval long_time = after_ms(60000);
  struct seen seen = {0, 0};
  struct event *ev;
  CHECK_INT_EQ(evthread_use_windows_threads(), 0);
  base = event_base_new();
  ev = event_new(base, -1, 0, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, &long_time), 0);
  CHECK_INT_EQ(event_base_once(base, -1, EV_TIMEOUT, start_thread, base, NULL), 0);
  event_base_loop(base, 0);
  CHECK(waking_thread);
  CHECK_INT_EQ(WaitForSingleObject(waking_thread, 60000), WAIT_OBJECT_0);
  CloseHandle(waking_thread);
  CHECK(event_base_got_break(base));
  CHECK_INT_EQ(seen.calls, 0);
  event_free(ev);
  event_base_free(base);
}

TEST(urgent_data_does_not_wake_writers) {
  struct event_base *base = event_base_new();
  struct timeval limit = after_ms(50);
  struct seen seen = {0, 0}, waits = {0, 0};
  struct event *ev;
  static char bytes[1 << 16];
  evutil_socket_t pair[2];
  struct evwatch *watch;
  CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_STREAM, 0, pair), 0);
  CHECK_INT_EQ(evutil_make_socket_nonblocking(pair[0]), 0);
  while (send((SOCKET)pair[0], bytes, sizeof(bytes), 0) > 0) continue;
  CHECK_INT_EQ(send((SOCKET)pair[1], "!", 1, MSG_OOB), 1);
  ev = event_new(base, pair[0], EV_WRITE | EV_PERSIST, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  watch = evwatch_prepare_new(base, count_wait, &waits);
  event_base_loopexit(base, &limit);
  event_base_dispatch(base);
  CHECK_INT_EQ(seen.calls, 0);
  CHECK_INT_LE(waits.calls, 10);
  evwatch_free(watch);
  event_free(ev);
  evutil_closesocket(pair[0]);
  evutil_closesocket(pair[1]);
  event_base_free(base);
}

TEST(signals_of_the_runtime_library_are_reported) {
  struct event_base *base = event_base_new();
  struct seen seen = {0, 0};
  struct event *ev = evsignal_new(base, SIGINT, note_seen, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  raise(SIGINT);
  raise(SIGINT);
  CHECK_INT_EQ(event_base_loop(base, EVLOOP_ONCE), 0);
  CHECK_INT_EQ(seen.calls, 2);
  event_free(ev);
  event_base_free(base);
}

TEST(an_echo_server_returns_the_bytes) {
  struct event_base *base = event_base_new();
  check_echo_over_loopback(base);
  event_base_free(base);
}

static int refused_with;

static void note_refusal(struct bufferevent *bev, short what, void *arg) {
  struct seen *seen = arg;
  ++seen->calls;
  refused_with = EVUTIL_SOCKET_ERROR();
  seen->what = what;
  event_base_loopexit(bufferevent_get_base(bev), NULL);
}

TEST(a_refused_connection_is_an_error) {
  struct event_base *base = event_base_new();
  struct timeval limit = after_ms(60000);
  struct sockaddr_in address;
  int length = sizeof(address);
  struct seen seen = {0, 0};
  SOCKET bound = socket(AF_INET, SOCK_STREAM, 0);
  struct bufferevent *client = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  /* Bound without listening: no other process gets the port meanwhile. */
  CHECK_INT_EQ(bind(bound, (struct sockaddr *)&address, sizeof(address)), 0);
  CHECK_INT_EQ(getsockname(bound, (struct sockaddr *)&address, &length), 0);
  bufferevent_setcb(client, NULL, NULL, note_refusal, &seen);
  CHECK_INT_EQ(bufferevent_socket_connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
  event_base_loopexit(base, &limit);
  event_base_dispatch(base);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(seen.what, BEV_EVENT_ERROR);
  CHECK_INT_EQ(refused_with, WSAECONNREFUSED);
  bufferevent_free(client);
  closesocket(bound);
  event_base_free(base);
}

int main(int argc, char **argv) {
  WSADATA data;
  if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return 1;
  RUN_TESTS(the_default_method_is_win32, pairs_are_connected_sockets, errors_have_texts,
            winsock_errors_have_texts, failing_calls_leave_winsock_error_codes,
            integer_types_have_their_widths, monotonic_time_follows_the_performance_counter,
            sleeping_advances_the_clocks, random_bytes_differ, readiness_and_timeouts_are_reported,
            more_sockets_than_fd_setsize_are_watched, adding_an_invalid_socket_fails,
            urgent_data_does_not_wake_writers, signals_of_the_runtime_library_are_reported,
            an_echo_server_returns_the_bytes, a_refused_connection_is_an_error,
            another_thread_wakes_the_loop);
}

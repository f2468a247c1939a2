/* File descriptor 0 is one like others: a daemon that closed its standard input gets it for its next socket.
 * Each test has a process of its own, whose standard input it replaces. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>

#include "api/child.h"
#include "api/events.h"

static int is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

/* A pair of sockets, one of them descriptor 0. */
static void start(void) {
  base = event_base_new();
  CHECK(base && open_pair() == 0);
  CHECK_INT_EQ(dup2(pair[0], 0), 0);
  close(pair[0]);
  pair[0] = 0;
}

static void use_event(void) {
  struct seen seen = {0, -1, 0}, once = {0, -1, 0};
  struct event *ev;
  start();
  ev = event_new(base, 0, EV_READ | EV_PERSIST, note_and_drain, &seen);
  CHECK_INT_EQ(event_add(ev, NULL), 0);
  CHECK_INT_EQ(write(pair[1], "x", 1), 1);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(seen.calls, 1);
  CHECK_INT_EQ(seen.fd, 0);
  event_base_active_by_fd(base, 0, EV_READ);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(seen.calls, 2);
  event_free(ev);
  CHECK_INT_EQ(event_base_once(base, 0, EV_WRITE, note, &once, NULL), 0);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(once.calls, 1);
  CHECK_INT_EQ(once.fd, 0);
}
TEST(events_watch_descriptor_0) { CHECK_INT_EQ(in_child(use_event), 0); }

static void exchange(struct bufferevent *bev) {
  char text[8];
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  CHECK_INT_EQ(write(pair[1], "in", 2), 2);
  bufferevent_write(bev, "out", 3);
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK_INT_EQ(bufferevent_read(bev, text, sizeof(text)), 2);
  CHECK_INT_EQ(read(pair[1], text, sizeof(text)), 3);
  CHECK_INT_EQ(bufferevent_getfd(bev), 0);
}
static void use_bufferevent(void) {
  struct bufferevent *bev;
  start();
  bev = bufferevent_socket_new(base, 0, BEV_OPT_CLOSE_ON_FREE);
  exchange(bev);
  CHECK(!CHECK_FAILED());
  bufferevent_free(bev);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK(!is_open(0));
}
TEST(a_bufferevent_serves_and_closes_descriptor_0) { CHECK_INT_EQ(in_child(use_bufferevent), 0); }

static void set_fd(void) {
  struct bufferevent *bev;
  start();
  bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  CHECK_INT_EQ(bufferevent_setfd(bev, 0), 0);
  exchange(bev);
  CHECK(!CHECK_FAILED());
  CHECK_INT_EQ(bufferevent_setfd(bev, -1), 0);
  CHECK(is_open(0));
  bufferevent_free(bev);
}
TEST(bufferevent_setfd_takes_descriptor_0) { CHECK_INT_EQ(in_child(set_fd), 0); }

static void connect_makes_it(void) {
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  const int listening = socket(AF_INET, SOCK_STREAM, 0);
  struct bufferevent *bev;
  base = event_base_new();
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_INT_EQ(bind(listening, (struct sockaddr *)&address, size), 0);
  CHECK_INT_EQ(listen(listening, 1), 0);
  getsockname(listening, (struct sockaddr *)&address, &size);
  bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  close(0);
  CHECK_INT_EQ(bufferevent_socket_connect(bev, (struct sockaddr *)&address, (int)size), 0);
  CHECK_INT_EQ(bufferevent_getfd(bev), 0);
  pair[0] = 0;
  pair[1] = accept(listening, NULL, NULL);
  event_base_loop(base, EVLOOP_ONCE);
  exchange(bev);
  CHECK(!CHECK_FAILED());
  bufferevent_free(bev);
  event_base_loop(base, EVLOOP_NONBLOCK);
  CHECK(!is_open(0));
}
TEST(bufferevent_socket_connect_may_get_descriptor_0) { CHECK_INT_EQ(in_child(connect_makes_it), 0); }

static evutil_socket_t accepted = -1;
static void take_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                            int size, void *arg) {
  (void)listener;
  (void)address;
  (void)size;
  (void)arg;
  accepted = fd;
}
static struct evconnlistener *listener;
static int connect_to_listener(void) {
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &size);
  return connect(client, (struct sockaddr *)&address, size);
}
static void listen_on_it(void) {
  struct sockaddr_in address;
  base = event_base_new();
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  close(0);
  CHECK_INT_EQ(socket(AF_INET, SOCK_STREAM, 0), 0);
  evutil_make_socket_nonblocking(0);
  CHECK_INT_EQ(bind(0, (struct sockaddr *)&address, sizeof(address)), 0);
  listener = evconnlistener_new(base, take_connection, NULL, LEV_OPT_CLOSE_ON_FREE, 8, 0);
  CHECK(listener != NULL);
  CHECK_INT_EQ(evconnlistener_get_fd(listener), 0);
  CHECK_INT_EQ(connect_to_listener(), 0);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_GT(accepted, 0);
  evconnlistener_free(listener);
  CHECK(!is_open(0));
}
TEST(a_listener_listens_on_and_closes_descriptor_0) { CHECK_INT_EQ(in_child(listen_on_it), 0); }

static void accept_it(void) {
  struct sockaddr_in address;
  base = event_base_new();
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = evconnlistener_new_bind(base, take_connection, NULL, LEV_OPT_CLOSE_ON_FREE, 8,
                                     (struct sockaddr *)&address, sizeof(address));
  CHECK(listener != NULL);
  CHECK_INT_EQ(connect_to_listener(), 0);
  close(0);
  event_base_loop(base, EVLOOP_ONCE);
  CHECK_INT_EQ(accepted, 0);
}
TEST(a_listener_passes_on_a_connection_on_descriptor_0) { CHECK_INT_EQ(in_child(accept_it), 0); }

static void use_buffer(void) {
  struct evbuffer *buffer = evbuffer_new();
  char text[16] = "";
  FILE *file = tmpfile();
  start();
  CHECK_INT_EQ(write(pair[1], "in", 2), 2);
  CHECK_INT_EQ(evbuffer_read(buffer, 0, -1), 2);
  CHECK_INT_EQ(evbuffer_write(buffer, 0), 2);
  CHECK_INT_EQ(read(pair[1], text, sizeof(text)), 2);
  /* A file as descriptor 0. */
  fputs("file", file);
  fflush(file);
  CHECK_INT_EQ(dup2(fileno(file), 0), 0);
  CHECK_INT_EQ(evbuffer_add_file(buffer, 0, 0, 4), 0);
  CHECK_INT_EQ(evbuffer_get_length(buffer), 4);
  CHECK_INT_EQ(evbuffer_remove(buffer, text, sizeof(text)), 4);
  CHECK_MEM_EQ(text, "file", 4);
  evbuffer_free(buffer);
  CHECK(!is_open(0));
}
TEST(an_evbuffer_reads_writes_and_sends_descriptor_0) { CHECK_INT_EQ(in_child(use_buffer), 0); }

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  RUN_TESTS(events_watch_descriptor_0, a_bufferevent_serves_and_closes_descriptor_0,
            bufferevent_setfd_takes_descriptor_0, bufferevent_socket_connect_may_get_descriptor_0,
            a_listener_listens_on_and_closes_descriptor_0, a_listener_passes_on_a_connection_on_descriptor_0,
            an_evbuffer_reads_writes_and_sends_descriptor_0);
}

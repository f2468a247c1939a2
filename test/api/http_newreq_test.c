/* The callback for a new request (evhttp_set_newreqcb), which may refuse, keep or free things before anything
 * of the request was read. Freed memory is overwritten, so that a use of it is noticed. */
#include "api/child.h"
#include "api/http_server.h"
#include "api/poisoned_memory.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static int begun, served;
static struct evhttp_request *kept;

static void serve(struct evhttp_request *request, void *arg) {
  (void)arg;
  ++served;
  evhttp_send_reply(request, 200, "OK", NULL);
}

/* What one client gets from a server with that callback. */
static void run_server(int (*callback)(struct evhttp_request *, void *)) {
  int fd;
  use_poisoned_memory();
  start_server();
  CHECK(!CHECK_FAILED());
  evhttp_set_gencb(http, serve, NULL);
  evhttp_set_newreqcb(http, callback, NULL);
  fd = client();
  ask_on(fd, REQUEST, "\r\n\r\n");
  close(fd);
}

static int keep_and_free_connection(struct evhttp_request *request, void *arg) {
  (void)arg;
  ++begun;
  kept = request;
  evhttp_request_own(request);
  evhttp_connection_free(evhttp_request_get_connection(request));
  return 0;
}
static void keep_then_free(void) {
  run_server(keep_and_free_connection);
  CHECK_INT_EQ(begun, 1);
  CHECK_INT_EQ(served, 0);
  CHECK(last.ended);
  CHECK_PTR_EQ(evhttp_request_get_connection(kept), NULL);
  evhttp_request_free(kept);
  stop_server();
  CHECK(poison_intact());
}
TEST(it_may_own_the_request_and_free_the_connection) { CHECK_INT_EQ(in_child(keep_then_free), 0); }

static int free_connection(struct evhttp_request *request, void *arg) {
  (void)arg;
  ++begun;
  evhttp_connection_free(evhttp_request_get_connection(request));
  return 0;
}
static void only_free(void) {
  run_server(free_connection);
  CHECK_INT_EQ(begun, 1);
  CHECK_INT_EQ(served, 0);
  CHECK(last.ended);
  stop_server();
  CHECK(poison_intact());
}
TEST(it_may_free_the_connection) { CHECK_INT_EQ(in_child(only_free), 0); }

static int free_connection_and_refuse(struct evhttp_request *request, void *arg) {
  free_connection(request, arg);
  return -1;
}
static void free_and_refuse(void) {
  run_server(free_connection_and_refuse);
  CHECK_INT_EQ(begun, 1);
  CHECK_INT_EQ(served, 0);
  CHECK(last.ended);
  stop_server();
  CHECK(poison_intact());
}
TEST(it_may_free_the_connection_and_refuse_the_request) { CHECK_INT_EQ(in_child(free_and_refuse), 0); }

static int refuse(struct evhttp_request *request, void *arg) {
  (void)request;
  (void)arg;
  ++begun;
  return -1;
}
static void only_refuse(void) {
  run_server(refuse);
  CHECK_INT_EQ(begun, 1);
  CHECK_INT_EQ(served, 0);
  CHECK(last.ended);
  stop_server();
  CHECK(poison_intact());
}
TEST(a_refused_request_ends_its_connection) { CHECK_INT_EQ(in_child(only_refuse), 0); }

static int pass(struct evhttp_request *request, void *arg) {
  (void)request;
  (void)arg;
  ++begun;
  return 0;
}
static void serve_two(void) {
  int fd;
  run_server(pass);
  CHECK_INT_EQ(served, 1);
  CHECK_INT_EQ(status_of(last.text), 200);
  fd = client();
  ask_on(fd, REQUEST REQUEST, "\r\n\r\n");
  CHECK_INT_EQ(served, 3);
  CHECK_INT_GE(begun, 3);
  close(fd);
  stop_server();
  CHECK(poison_intact());
}
TEST(it_is_called_for_each_request) { CHECK_INT_EQ(in_child(serve_two), 0); }

int main(int argc, char **argv) {
  RUN_TESTS(it_may_own_the_request_and_free_the_connection, it_may_free_the_connection,
            it_may_free_the_connection_and_refuse_the_request, a_refused_request_ends_its_connection,
            it_is_called_for_each_request);
}

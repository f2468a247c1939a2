/* Callbacks of an HTTP server that free the connection they run for, while the library is in the middle of a
 * request: nothing uses it afterwards. Freed memory is overwritten, and what is left is counted. */
#include "api/child.h"
#include "api/http_server.h"
#include "api/poisoned_memory.h"

static int calls;

static void free_connection_of(struct evhttp_request *request) {
  ++calls;
  evhttp_connection_free(evhttp_request_get_connection(request));
}

/* Sends the request and sees the connection end. */
static void send_and_end(const char *request) {
  const int fd = client();
  ask_on(fd, request, NULL);
  close(fd);
  poison_refuse = 0;
  CHECK_INT_EQ(calls, 1);
  CHECK(last.ended);
}
static void begin_server(void) {
  use_poisoned_memory();
  start_server();
}
static void end_server(void) {
  stop_server();
  libevent_global_shutdown();
  CHECK_INT_EQ(poison_live, 0);
  CHECK(poison_intact());
}

static int free_at_error(struct evhttp_request *request, struct evbuffer *body, int error, const char *reason,
                         void *arg) {
  (void)body;
  (void)error;
  (void)reason;
  (void)arg;
  free_connection_of(request);
  return -1;
}
static int body_then_free_at_error(struct evhttp_request *request, struct evbuffer *body, int error,
                                   const char *reason, void *arg) {
  evbuffer_add_printf(body, "%d %s", error, reason);
  free_at_error(request, body, error, reason, arg);
  return 0;
}
/* The usual page cannot be made either. */
static int free_and_refuse_memory(struct evhttp_request *request, struct evbuffer *body, int error,
                                  const char *reason, void *arg) {
  free_at_error(request, body, error, reason, arg);
  poison_refuse = 1;
  return -1;
}
static void refused(int (*callback)(struct evhttp_request *, struct evbuffer *, int, const char *, void *),
                    const char *request) {
  begin_server();
  evhttp_set_errorcb(http, callback, NULL);
  send_and_end(request);
  CHECK(!CHECK_FAILED());
  end_server();
}
static void bad_line(void) { refused(free_at_error, "nonsense\r\n\r\n"); }
static void bad_field(void) { refused(free_at_error, "GET / HTTP/1.1\r\n: x\r\n\r\n"); }
static void no_page(void) { refused(free_at_error, "GET / HTTP/1.1\r\n\r\n"); }
static void bad_line_with_body(void) { refused(body_then_free_at_error, "nonsense\r\n\r\n"); }
static void bad_line_out_of_memory(void) { refused(free_and_refuse_memory, "nonsense\r\n\r\n"); }
static void no_page_out_of_memory(void) { refused(free_and_refuse_memory, "GET / HTTP/1.1\r\n\r\n"); }
TEST(an_error_callback_may_free_the_connection) {
  CHECK_INT_EQ(in_child(bad_line), 0);
  CHECK_INT_EQ(in_child(bad_field), 0);
  CHECK_INT_EQ(in_child(no_page), 0);
  CHECK_INT_EQ(in_child(bad_line_with_body), 0);
  CHECK_INT_EQ(in_child(bad_line_out_of_memory), 0);
  CHECK_INT_EQ(in_child(no_page_out_of_memory), 0);
}

static void free_at_request(struct evhttp_request *request, void *arg) {
  (void)arg;
  free_connection_of(request);
}
static void served(void) {
  begin_server();
  evhttp_set_gencb(http, free_at_request, NULL);
  send_and_end("GET / HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
  CHECK(!CHECK_FAILED());
  end_server();
}
TEST(a_request_callback_may_free_the_connection) { CHECK_INT_EQ(in_child(served), 0); }

static struct evhttp_request *kept;
static void keep(struct evhttp_request *request, void *arg) {
  (void)arg;
  kept = request;
}
/* An error that the program sends later. */
static void error_sent_later(int (*callback)(struct evhttp_request *, struct evbuffer *, int, const char *,
                                             void *)) {
  int fd, i;
  begin_server();
  evhttp_set_errorcb(http, callback, NULL);
  evhttp_set_gencb(http, keep, NULL);
  fd = client();
  send_text(fd, "GET / HTTP/1.1\r\n\r\n", 18);
  for (i = 0; i < 1000 && !kept; ++i) event_base_loop(base, EVLOOP_ONCE);
  evhttp_send_error(kept, 500, NULL);
  poison_refuse = 0;
  CHECK_INT_EQ(calls, 1);
  close(fd);
  end_server();
}
static void error_later(void) { error_sent_later(free_at_error); }
static void error_with_body_later(void) { error_sent_later(body_then_free_at_error); }
static void error_later_out_of_memory(void) { error_sent_later(free_and_refuse_memory); }
TEST(an_error_callback_may_free_the_connection_of_an_error_sent_later) {
  CHECK_INT_EQ(in_child(error_later), 0);
  CHECK_INT_EQ(in_child(error_with_body_later), 0);
  CHECK_INT_EQ(in_child(error_later_out_of_memory), 0);
}

static void reply_and_free_when_done(struct evhttp_request *request, void *arg) {
  (void)arg;
  evhttp_request_set_on_complete_cb(request, free_at_request, NULL);
  evhttp_send_reply(request, 200, "OK", NULL);
}
static void completed(void) {
  begin_server();
  evhttp_set_gencb(http, reply_and_free_when_done, NULL);
  send_and_end("GET / HTTP/1.1\r\n\r\n");
  CHECK(!CHECK_FAILED());
  end_server();
}
TEST(a_completion_callback_may_free_the_connection) { CHECK_INT_EQ(in_child(completed), 0); }

int main(int argc, char **argv) {
  RUN_TESTS(an_error_callback_may_free_the_connection, a_request_callback_may_free_the_connection,
            a_completion_callback_may_free_the_connection,
            an_error_callback_may_free_the_connection_of_an_error_sent_later);
}

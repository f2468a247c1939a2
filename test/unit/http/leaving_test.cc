// Callbacks of HTTP servers that are left otherwise than by returning: by longjmp(), an exception, the end of
// their thread, exit(). Everything can be freed afterwards, in a child process for each of them.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csetjmp>
#include <cstdlib>
#include <string>
#include <string_view>

#include "event2/buffer.h"
#include "event2/bufferevent.h"
#include "event2/event.h"
#include "event2/http.h"
#include "http/server.h"

namespace {

enum class Way { jump, exception, thread_end, process_end };
struct Left {};

struct Scene {
  event_base *base = event_base_new();
  evhttp *http = evhttp_new(base);
  bufferevent *ends[2] = {};
  evutil_socket_t listening = -1;
};

Scene *scene;
Way way;
std::jmp_buf before_loop;

void free_everything() {
  Scene *const all = scene;
  evhttp_free(all->http);
  if (all->ends[0]) bufferevent_free(all->ends[0]);
  event_base_free(all->base);
}

void leave() {
  switch (way) {
    case Way::jump:
      std::longjmp(before_loop, 1);
    case Way::exception:
      throw Left{};
    case Way::thread_end:
      pthread_exit(nullptr);
    case Way::process_end:
      std::exit(1);
  }
}

// --- the callbacks ---

void reply(evhttp_request *req, void *) { evhttp_send_reply(req, 200, "OK", nullptr); }
void leave_request(evhttp_request *, void *) { leave(); }
int leave_headers(evhttp_request *, void *) {
  leave();
  return 0;
}
void leave_error(evhttp_request_error, void *) { leave(); }
void leave_connection(evhttp_connection *, void *) { leave(); }
int leave_page(evhttp_request *, evbuffer *, int, const char *, void *) {
  leave();
  return 0;
}
int leave_method(evhttp_ext_method *) {
  leave();
  return -1;
}
bufferevent *leave_maker(event_base *, void *) {
  leave();
  return nullptr;
}
void (*prepare_request)(evhttp_request *);
int begin_request(evhttp_request *req, void *) {
  prepare_request(req);
  return 0;
}
void on_each_request(void (*set)(evhttp_request *)) {
  prepare_request = set;
  evhttp_set_newreqcb(scene->http, begin_request, nullptr);
}
void stream(evhttp_request *req, void *) {
  evbuffer *data = evbuffer_new();
  evbuffer_add_printf(data, "data");
  evhttp_send_reply_start(req, 200, "OK");
  evhttp_send_reply_chunk_with_cb(req, data, leave_connection, nullptr);
  evbuffer_free(data);
}

struct Kind {
  const char *name;
  void (*prepare)();
  std::string_view input;
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\n\r\n";
constexpr std::string_view kPost = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab";

const Kind kKinds[] = {
    {"general", [] { evhttp_set_gencb(scene->http, leave_request, nullptr); }, kGet},
    {"path", [] { evhttp_set_cb(scene->http, "/", leave_request, nullptr); }, kGet},
    {"pipelined", [] { evhttp_set_cb(scene->http, "/2", leave_request, nullptr); },
     "GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"},
    {"new request", [] { evhttp_set_newreqcb(scene->http, leave_headers, nullptr); }, kGet},
    {"headers", [] { on_each_request([](evhttp_request *r) { r->header_cb = leave_headers; }); }, kGet},
    {"body",
     [] {
       on_each_request([](evhttp_request *r) { r->chunk_cb = [](evhttp_request *, void *) { leave(); }; });
     },
     kPost},
    {"complete",
     [] {
       on_each_request(
           [](evhttp_request *r) { evhttp_request_set_on_complete_cb(r, leave_request, nullptr); });
     },
     kGet},
    {"error", [] { on_each_request([](evhttp_request *r) { r->error_cb = leave_error; }); }, "GET / HT"},
    {"close",
     [] {
       on_each_request(
           [](evhttp_request *r) { evhttp_connection_set_closecb(r->evcon, leave_connection, nullptr); });
     },
     kGet},
    {"close with unsent replies",
     [] {
       on_each_request([](evhttp_request *r) {
         evhttp_connection_set_closecb(r->evcon, leave_connection, nullptr);
         bufferevent_disable(scene->ends[0], EV_READ);
       });
       evhttp_set_cb(
           scene->http, "/2", [](evhttp_request *r, void *) { evhttp_connection_free(r->evcon); }, nullptr);
     },
     "GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"},
    {"error page",
     [] {
       evhttp_set_gencb(scene->http, nullptr, nullptr);
       evhttp_set_errorcb(scene->http, leave_page, nullptr);
     },
     kGet},
    {"part sent", [] { evhttp_set_gencb(scene->http, stream, nullptr); }, kGet},
    {"method", [] { evhttp_set_ext_method_cmp(scene->http, leave_method); }, "OTHER / HTTP/1.1\r\n\r\n"},
    {"bufferevent", [] { evhttp_set_bevcb(scene->http, leave_maker, nullptr); }, ""},
};

// --- the child ---

void run_loop() {
  for (int i = 0; i < 10; ++i) event_base_loop(scene->base, EVLOOP_NONBLOCK);
  // The client disconnects, upon which the last callbacks are invoked.
  if (scene->ends[0]) bufferevent_flush(scene->ends[0], EV_WRITE, BEV_FINISHED);
  for (int i = 0; i < 10; ++i) event_base_loop(scene->base, EVLOOP_NONBLOCK);
}

void connect_socket() {
  evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(scene->http, "127.0.0.1", 0);
  sockaddr_in address{};
  socklen_t length = sizeof(address);
  getsockname(evhttp_bound_socket_get_fd(bound), reinterpret_cast<sockaddr *>(&address), &length);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(client, reinterpret_cast<sockaddr *>(&address), length) != 0) _exit(3);
}

void serve(const Kind &kind) {
  evhttp_set_gencb(scene->http, reply, nullptr);
  kind.prepare();
  if (kind.input.empty()) return connect_socket();
  if (bufferevent_pair_new(scene->base, 0, scene->ends) != 0 || !scene->http->serve(scene->ends[1])) _exit(3);
  bufferevent_enable(scene->ends[0], EV_READ | EV_WRITE);
  bufferevent_write(scene->ends[0], kind.input.data(), kind.input.size());
}

void *loop_in_thread(void *) {
  run_loop();
  return scene;  // never: the callback ended the thread
}

// Returns only if the callback was left.
void leave_callback() {
  if (way == Way::jump) {
    if (setjmp(before_loop) != 0) return;
    run_loop();
  } else if (way == Way::exception) {
    try {
      run_loop();
    } catch (const Left &) {
      return;
    }
  } else if (way == Way::thread_end) {
    pthread_t thread;
    void *result = scene;
    if (pthread_create(&thread, nullptr, loop_in_thread, nullptr) == 0) pthread_join(thread, &result);
    if (!result) return;
  } else {
    std::atexit([] {
      free_everything();
      _exit(0);
    });
    run_loop();
  }
  _exit(4);
}

[[noreturn]] void run_child(const Kind &kind) {
  alarm(20);
  scene = new Scene;
  serve(kind);
  leave_callback();
  free_everything();
  _exit(0);
}

TEST(Leaving, everything_can_be_freed_after_a_callback_was_left) {
  const std::pair<const char *, Way> ways[] = {{"longjmp", Way::jump},
                                               {"an exception", Way::exception},
                                               {"pthread_exit", Way::thread_end},
                                               {"exit", Way::process_end}};
  for (const Kind &kind : kKinds) {
    for (const auto &[name, chosen] : ways) {
      way = chosen;
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) run_child(kind);
      int status = -1;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0) << kind.name << " left by " << name;
    }
  }
}

}  // namespace

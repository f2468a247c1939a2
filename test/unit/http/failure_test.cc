// A connection on a socket of which each step fails once, as an allocation or the backend fails: neither the
// connection nor memory is leaked.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

#include "event2/buffer.h"
#include "event2/bufferevent.h"
#include "event2/event.h"
#include "event2/http.h"
#include "http/limits.h"
#include "http/server.h"
#include "support/events.h"
#include "support/fault_alloc.h"
#include "support/script_backend.h"

namespace {

evhttp_request *kept, *streamed;

// Ends the reply in parts once: when its last part was added, or when the connection was closed.
void end_stream() {
  if (evhttp_request *const request = std::exchange(streamed, nullptr)) evhttp_send_reply_end(request);
}
void on_close(evhttp_connection *, void *) { end_stream(); }
void add_last_part(evhttp_connection *, void *) {
  evbuffer *data = evbuffer_new();
  if (data && evbuffer_add_printf(data, "part") > 0) evhttp_send_reply_chunk(streamed, data);
  if (data) evbuffer_free(data);
  end_stream();
}
void stream(evhttp_request *req, void *) {
  streamed = req;
  evhttp_connection_set_closecb(req->evcon, on_close, nullptr);
  evbuffer *data = evbuffer_new();
  evhttp_send_reply_start(req, 200, nullptr);
  const bool added = data && evbuffer_add_printf(data, "first ") > 0;
  if (added && streamed) evhttp_send_reply_chunk_with_cb(req, data, add_last_part, nullptr);
  if (data) evbuffer_free(data);
  if (!added) end_stream();
}
void reply_big(evhttp_request *req, void *) {
  static const std::string big(600000, 'b');
  evbuffer *body = evbuffer_new();
  if (body) evbuffer_add_reference(body, big.data(), big.size(), nullptr, nullptr);
  evhttp_send_reply(req, 200, nullptr, body);
  if (body) evbuffer_free(body);
}
void keep(evhttp_request *req, void *) { kept = req; }
void echo(evhttp_request *req, void *) {
  evhttp_send_reply(req, 200, nullptr, evhttp_request_get_input_buffer(req));
}

// A server, its one client, and all that they send to each other.
class Talk {
 public:
  explicit Talk(event_base *base) : base_(base), http_(base ? evhttp_new(base) : nullptr) {
    kept = streamed = nullptr;
    if (!http_ || evhttp_set_cb(http_, "/keep", keep, nullptr) != 0 ||
        evhttp_set_cb(http_, "/stream", stream, nullptr) != 0 ||
        evhttp_set_cb(http_, "/big", reply_big, nullptr) != 0) {
      return;
    }
    evhttp_set_gencb(http_, echo, nullptr);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return;
    for (const int end : ends) EXPECT_EQ(evutil_make_socket_nonblocking(end), 0);
    client_ = ends[1];
    server_fd_ = ends[0];
    bufferevent *bev = bufferevent_socket_new(base, ends[0], BEV_OPT_CLOSE_ON_FREE);
    if (!bev) close(ends[0]);
    served_ = bev && http_->serve(bev);
  }
  Talk(const Talk &) = delete;
  Talk &operator=(const Talk &) = delete;
  ~Talk() {
    if (client_ >= 0) close(client_);
    for (int i = 0; i < 5 && base_; ++i) event_base_loop(base_, EVLOOP_NONBLOCK);
    if (http_) {
      EXPECT_EQ(http_->connection_count(), 0) << "a connection is left behind";
      evhttp_free(http_);
    }
    if (kept) evhttp_request_free(kept);
  }

  int server_fd() const { return server_fd_; }

  // Whether each request was answered.
  bool run() {
    if (!served_) return false;
    send("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n");
    send("body");
    send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nch");
    send("u\r\n2\r\nnk\r\n0\r\n\r\nGET /stream HTTP/1.1\r\n\r\nGET /keep HTTP/1.1\r\n\r\n");
    send("GET /big?" + std::string(evi::kMaxWaitingInput, 'x') + " HTTP/1.1\r\n\r\n");
    if (kept) {
      evhttp_request *const request = kept;
      kept = nullptr;
      evhttp_send_reply(request, 200, nullptr, nullptr);
    }
    turn();
    const std::size_t end = text_.size();
    return text_.find("body") != end && text_.find("chunk") < end && text_.find("4\r\npart\r\n0\r\n") < end &&
           text_.find(std::string(600000, 'b')) < end;
  }

 private:
  void send(std::string_view text) {
    if (::send(client_, text.data(), text.size(), MSG_NOSIGNAL) < 0) return;
    turn();
  }
  void turn() {
    static char piece[100000];
    for (int i = 0; i < 20; ++i) {
      event_base_loop(base_, EVLOOP_NONBLOCK);
      const ssize_t got = recv(client_, piece, sizeof(piece), 0);
      if (got > 0) text_.append(piece, static_cast<std::size_t>(got));
    }
  }

  event_base *base_;
  evhttp *http_;
  int client_ = -1;
  int server_fd_ = -1;
  bool served_ = false;
  std::string text_;
};

TEST(Failure, no_connection_is_leaked_when_an_allocation_fails) {
  const long steps = test::sweep([] {
    event_base *base = event_base_new();
    bool good;
    {
      Talk talk(base);
      good = talk.run();
    }
    if (base) event_base_free(base);
    return good;
  });
  EXPECT_GT(steps, 50);
}

// The backend refuses the first change of interest, then the second, and so on.
TEST(Failure, no_connection_is_leaked_when_the_backend_fails) {
  bool failed = true;
  int n = 1;
  for (; failed && n < 100; ++n) {
    SCOPED_TRACE(n);
    test::FakeClock clock;
    test::ScriptBackend script{&clock};
    auto base = test::make_base(clock, script);
    ASSERT_TRUE(base);
    script.fail_update_at = n;
    Talk talk(base.get());
    script.on_wait = [&](evi::Micros) {
      int wanted = 0;
      for (const auto &update : script.updates)
        wanted = update.fd == talk.server_fd() ? update.wanted : wanted;
      pollfd wait{talk.server_fd(), 0, 0};
      if (wanted & EV_READ) wait.events |= POLLIN;
      if (wanted & EV_WRITE) wait.events |= POLLOUT;
      if (!wait.events || poll(&wait, 1, 0) <= 0) return;
      const bool ended = (wait.revents & (POLLHUP | POLLERR)) != 0;
      short what = 0;
      if ((wanted & EV_READ) && (ended || (wait.revents & POLLIN))) what |= EV_READ;
      if ((wanted & EV_WRITE) && (ended || (wait.revents & POLLOUT))) what |= EV_WRITE;
      if (what) script.ready(talk.server_fd(), what);
    };
    const bool good = talk.run();
    failed = script.failed_update;
    EXPECT_TRUE(good || failed);
  }
  EXPECT_GT(n, 3);
}

}  // namespace

// Tests of a server's connections: input in pieces, failed allocations at each step, and bounds.
#include "http/connection.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "http/headers.h"
#include "http/limits.h"
#include "support/fault_alloc.h"
#include "unit/http/served.h"

namespace {

// Replies with what it was passed of the request.
void describe(evhttp_request *req, void *) {
  evbuffer *body = evbuffer_new();
  if (body) {
    evbuffer_add_printf(body, "%s", evhttp_request_get_uri(req));
    const evkeyvalq *headers = evhttp_request_get_input_headers(req);
    for (const evkeyval *field = evi::headers_first(*headers); field; field = evi::headers_next(*field)) {
      evbuffer_add_printf(body, " %s=%s", field->key, field->value);
    }
    evbuffer_add_buffer(body, evhttp_request_get_input_buffer(req));
  }
  evhttp_send_reply(req, 200, "OK", body);
  if (body) evbuffer_free(body);
}
void describe_in_chunks(evhttp_request *req, void *) {
  evbuffer *data = evbuffer_new();
  evhttp_send_reply_start(req, 200, "OK");
  if (data) {
    evbuffer_add_printf(data, "chunk");
    evhttp_send_reply_chunk(req, data);
    evbuffer_free(data);
  }
  evhttp_send_reply_end(req);
}

constexpr std::string_view kRequests =
    "GET /1?q HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n"
    "POST /%32 HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
    "\r\nPOST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n0\r\nT: r\r\n\r\n"
    "GET /4 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    "garbage\r\n";

// Cut in two at each byte, and byte by byte.
TEST(Connection, replies_do_not_depend_on_how_requests_are_divided) {
  const auto replies = [](std::size_t cut, bool bytes) {
    test::Served served;
    EXPECT_TRUE(served);
    evhttp_set_gencb(served.http(), describe, nullptr);
    if (bytes) {
      for (const char &byte : kRequests) served.send({&byte, 1});
    } else {
      served.send(kRequests.substr(0, cut));
      served.send(kRequests.substr(cut));
    }
    std::string text = served.received();
    for (std::size_t at = 0; (at = text.find("Date: ", at)) != std::string::npos;) text.erase(at, 37);
    return text;
  };
  const std::string whole = replies(kRequests.size(), false);
  EXPECT_NE(whole.find("/1?q Host=h A=b"), std::string::npos) << whole;
  EXPECT_NE(whole.find("/%32 Content-Length=4body"), std::string::npos) << whole;
  EXPECT_NE(whole.find("chunkedabcd"), std::string::npos) << whole;
  EXPECT_NE(whole.find("HTTP/1.0 200 OK"), std::string::npos) << whole;
  EXPECT_NE(whole.find("400 Bad Request"), std::string::npos) << whole;
  EXPECT_EQ(replies(0, true), whole);
  for (std::size_t cut = 0; cut < kRequests.size(); ++cut) ASSERT_EQ(replies(cut, false), whole) << cut;
}

// Lines that are set aside until they are complete, between others and with pipelined requests behind them.
TEST(Connection, long_lines_may_arrive_in_pieces) {
  const std::string header(9000, 'h'), target(5000, 't'), trailer(4095, 'r');
  const std::string requests =
      "GET /" + target + " HTTP/1.1\r\nA: " + header + "\r\nB: b\r\n\r\n" +
      "POST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: " + trailer +
      "\r\n\r\nGET /3 HTTP/1.1\r\nC: " + header + "\r\n\r\n";
  for (const std::size_t piece : {std::size_t{7}, std::size_t{1000}, std::size_t{4095}, std::size_t{4096},
                                  std::size_t{4097}, requests.size()}) {
    test::Served served;
    ASSERT_TRUE(served);
    evhttp_set_gencb(served.http(), describe, nullptr);
    for (std::size_t at = 0; at < requests.size(); at += piece) {
      served.send(std::string_view(requests).substr(at, piece));
    }
    const std::string text = served.received();
    EXPECT_NE(text.find("/" + target + " A=" + header + " B=bHTTP/1.1"), std::string::npos) << piece;
    EXPECT_NE(text.find("/2 Transfer-Encoding=chunkedabcHTTP/1.1"), std::string::npos) << piece;
    EXPECT_TRUE(text.ends_with("/3 C=" + header)) << piece;
  }
}

// Nothing leaks or hangs, and without a failure each request is answered.
TEST(Connection, each_failed_allocation_is_survived) {
  for (const auto cb : {describe, describe_in_chunks}) {
    test::sweep([cb] {
      test::Served served;
      if (!served) return false;
      evhttp_set_gencb(served.http(), cb, nullptr);
      served.send(kRequests);
      // A reply without length ends with the connection, before the garbage is read.
      const char *last = cb == describe ? "400 Bad Request" : "\r\n\r\nchunk";
      return served.received().find(last) != std::string::npos;
    });
  }
}

TEST(Connection, each_failed_allocation_of_setting_up_is_reported) {
  test::sweep([] {
    test::Served served;
    if (!served) return false;
    evhttp *vhost = evhttp_new(nullptr);
    if (!vhost) return false;
    if (evhttp_add_virtual_host(served.http(), "*.com", vhost) != 0) {
      evhttp_free(vhost);
      return false;
    }
    bool good =
        evhttp_set_cb(vhost, "/a b", describe, nullptr) == 0 && evhttp_add_server_alias(vhost, "x") == 0;
    good = good && evhttp_bind_socket(served.http(), "127.0.0.1", 0) == 0;
    if (good) served.send("GET /%61%20b HTTP/1.1\r\nHost: a.com\r\n\r\n");
    return good && served.received().find("/%61%20b Host=a.com") != std::string::npos;
  });
}

evhttp_connection *watched;
void free_watched(evbuffer *, const evbuffer_cb_info *info, void *) {
  if (info->n_deleted > 0 && watched) evhttp_connection_free(std::exchange(watched, nullptr));
}
int watch_input(evhttp_request *req, void *) {
  watched = req->evcon;
  evbuffer_add_cb(bufferevent_get_input(evhttp_connection_get_bufferevent(watched)), free_watched, nullptr);
  return 0;
}

// When the lines of the head are drained: at its end, and as a field or the request line is refused.
TEST(Connection, may_be_freed_by_a_callback_of_its_input_buffer) {
  for (const std::string_view input :
       {"GET / HTTP/1.1\r\nA: b\r\n\r\n", "GET / HTTP/1.1\r\nA\r\n", "GET\r\n"}) {
    test::Served served;
    ASSERT_TRUE(served);
    evhttp_set_newreqcb(served.http(), watch_input, nullptr);
    served.send(input);
    EXPECT_EQ(watched, nullptr);
    EXPECT_EQ(served.http()->connection_count(), 0);
    EXPECT_EQ(served.received(), "");
  }
}

// A line of the head that spans extents is copied and drained, and the beginning of a long one is moved.
TEST(Connection, may_be_freed_by_a_callback_of_its_input_buffer_within_a_line) {
  const std::string field = "A: " + std::string(5000, 'a');
  const std::string_view long_field = field;
  for (const auto &[first, second] : {std::pair<std::string_view, std::string_view>("GET / HT", "TP/1.1\r\n"),
                                      {"GET / HTTP/1.1\r\nA", ": b\r\n\r\n"},
                                      {"GET / HTTP/1.1\r\n", long_field}}) {
    test::Served served;
    ASSERT_TRUE(served);
    evhttp_set_newreqcb(served.http(), watch_input, nullptr);
    served.send_extents(first, second);
    EXPECT_EQ(watched, nullptr);
    EXPECT_EQ(served.http()->connection_count(), 0);
  }
}

// The application has taken the bufferevent over, so that the connection stays when the request is freed.
TEST(Connection, request_may_be_freed_by_a_callback_of_the_input_buffer) {
  static evhttp_request *request;
  test::Served served;
  ASSERT_TRUE(served);
  evhttp_set_newreqcb(
      served.http(),
      [](evhttp_request *req, void *) {
        request = req;
        bufferevent *const bev = evhttp_connection_get_bufferevent(req->evcon);
        bufferevent_setcb(bev, nullptr, nullptr, nullptr, nullptr);
        evbuffer_add_cb(
            bufferevent_get_input(bev),
            [](evbuffer *, const evbuffer_cb_info *info, void *) {
              if (info->n_deleted > 0 && request) evhttp_request_free(std::exchange(request, nullptr));
            },
            nullptr);
        return 0;
      },
      nullptr);
  served.send("GET / HTTP/1.1\r\nA: b\r\n\r\n");
  EXPECT_EQ(request, nullptr);
  EXPECT_EQ(served.http()->connection_count(), 1);
}

int changes_of_output_left;
void free_at_change_of_output(evbuffer *, const evbuffer_cb_info *, void *) {
  if (--changes_of_output_left == 0) evhttp_connection_free(std::exchange(watched, nullptr));
}
void watch_output(evhttp_request *req) {
  watched = req->evcon;
  evbuffer_add_cb(bufferevent_get_output(evhttp_connection_get_bufferevent(watched)),
                  free_at_change_of_output, nullptr);
}

// At the first change of the output buffer, at the second, and so on.
TEST(Connection, may_be_freed_by_a_callback_of_its_output_buffer) {
  const auto describe_watched = [](evhttp_request *req, void *arg) {
    watch_output(req);
    describe(req, arg);
  };
  const auto describe_watched_in_chunks = [](evhttp_request *req, void *) {
    evbuffer *const chunk = evbuffer_new();
    watch_output(req);
    evhttp_send_reply_start(req, 200, nullptr);
    for (int i = 0; i < 2 && watched; ++i) {
      evbuffer_add(chunk, "chunk", 5);
      evhttp_send_reply_chunk(req, chunk);
    }
    // Without its connection a request that was not answered is the application's.
    watched ? evhttp_send_reply_end(req) : evhttp_request_free(req);
    evbuffer_free(chunk);
  };
  const auto refuse_watched = [](evhttp_request *req, void *) {
    watch_output(req);
    evhttp_send_error(req, 500, nullptr);
  };
  using Callback = void (*)(evhttp_request *, void *);
  for (const Callback callback :
       {Callback{describe_watched}, Callback{describe_watched_in_chunks}, Callback{refuse_watched}}) {
    int at = 0;
    for (bool freed = true; freed; ++at) {
      test::Served served;
      ASSERT_TRUE(served);
      evhttp_set_gencb(served.http(), callback, nullptr);
      changes_of_output_left = at + 1;
      served.send("GET / HTTP/1.1\r\n\r\n");
      freed = !watched;
      if (freed) {
        EXPECT_EQ(served.http()->connection_count(), 0) << "change " << at + 1;
      } else {
        EXPECT_NE(served.received(), "");
      }
      changes_of_output_left = 0;
      watched = nullptr;
    }
    EXPECT_GT(at, 2);
  }
}

TEST(Connection, may_be_freed_while_it_discards_input) {
  test::Served served;
  ASSERT_TRUE(served);
  ASSERT_EQ(evhttp_set_flags(served.http(), EVHTTP_SERVER_LINGERING_CLOSE), 0);
  evhttp_set_max_body_size(served.http(), 10);
  static evhttp_connection *connection;
  evhttp_set_newreqcb(
      served.http(),
      [](evhttp_request *req, void *) {
        watch_input(req, nullptr);
        connection = std::exchange(watched, nullptr);
        return 0;
      },
      nullptr);
  served.connect();
  served.send("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n");
  const std::string reply = served.received();
  EXPECT_NE(reply.find(" 413 "), std::string::npos) << reply;
  const int before = served.http()->connection_count();
  watched = connection;
  served.send("part of the body");
  EXPECT_EQ(watched, nullptr);
  EXPECT_EQ(served.http()->connection_count(), before - 1);
}

// The application replaces the bufferevent's callbacks while a request is being read, frees that, and
// restores the callbacks: the next request is read from its beginning.
TEST(Connection, next_request_is_read_after_an_unfinished_one_was_freed) {
  static evhttp_request *unfinished;
  test::Served served;
  ASSERT_TRUE(served);
  evhttp_set_gencb(served.http(), describe, nullptr);
  evhttp_set_newreqcb(
      served.http(),
      [](evhttp_request *req, void *) {
        unfinished = req;
        return 0;
      },
      nullptr);
  for (const std::string_view part :
       {"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n12", "GET / HTTP/1.1\r\nA: b\r\n"}) {
    served.send(part);
    bufferevent *const bev = evhttp_connection_get_bufferevent(unfinished->evcon);
    bufferevent_data_cb read = nullptr, written = nullptr;
    bufferevent_event_cb event = nullptr;
    void *arg = nullptr;
    bufferevent_getcb(bev, &read, &written, &event, &arg);
    bufferevent_setcb(bev, nullptr, nullptr, nullptr, nullptr);
    evhttp_request_free(unfinished);
    bufferevent_setcb(bev, read, written, event, arg);
    served.send("GET /next HTTP/1.1\r\n\r\n");
    const std::string reply = served.received();
    EXPECT_TRUE(reply.ends_with("/next")) << reply;
  }
}

// At kMaxWaitingInput nothing more is read until the reply.
TEST(Connection, input_behind_a_pending_request_is_bounded) {
  static evhttp_request *kept;
  const auto waiting = [] {
    return evbuffer_get_length(bufferevent_get_input(evhttp_connection_get_bufferevent(kept->evcon)));
  };
  test::Served served;
  ASSERT_TRUE(served);
  evhttp_set_gencb(
      served.http(), [](evhttp_request *req, void *) { kept = req; }, nullptr);
  served.send("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(kept);
  const std::string next = "GET /next HTTP/1.1\r\nA: ";
  served.send(next + std::string(evi::kMaxWaitingInput - 1 - next.size(), 'x'));
  EXPECT_EQ(waiting(), evi::kMaxWaitingInput - 1);
  served.send("x");
  EXPECT_EQ(waiting(), evi::kMaxWaitingInput);
  served.send("x");
  EXPECT_EQ(waiting(), evi::kMaxWaitingInput);
  evhttp_set_gencb(served.http(), describe, nullptr);
  evhttp_send_reply(kept, 200, "OK", nullptr);
  served.send("\r\n\r\n");
  EXPECT_NE(served.received().find("/next"), std::string::npos);
}

}  // namespace

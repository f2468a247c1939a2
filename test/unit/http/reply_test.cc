// Tests of the heads of replies and of error pages.
#include "http/reply.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "event2/buffer.h"
#include "http/headers.h"
#include "http/request.h"
#include "http/status.h"
#include "owned_buffer.h"
#include "support/fault_alloc.h"

namespace {

using evi::HttpRequest;
using evi::ReplyShape;
using Buffer = test::OwnedBuffer;
using Persistence = evi::ReplyShape::Persistence;

struct Freer {
  void operator()(HttpRequest *request) const { request->dispose(); }
};

using Request = std::unique_ptr<HttpRequest, Freer>;

Request make_request(int minor, int code, const char *reason) {
  Request request{HttpRequest::create(nullptr, nullptr)};
  request->major = 1;
  request->minor = static_cast<char>(minor);
  request->response_code = code;
  EXPECT_TRUE(request->set_reason(reason));
  return request;
}

std::string text_of(evbuffer *buffer) {
  std::string text(evbuffer_get_length(buffer), '\0');
  EXPECT_EQ(evbuffer_copyout(buffer, text.data(), text.size()), static_cast<ev_ssize_t>(text.size()));
  return text;
}
std::string head_of(const HttpRequest &request, const ReplyShape &shape) {
  const Buffer out{evbuffer_new()};
  const std::size_t size = evi::write_reply_head(request, shape, out.get());
  EXPECT_EQ(size, evbuffer_get_length(out.get()));
  return text_of(out.get());
}

TEST(ReplyHead, is_status_line_and_empty_line_at_least) {
  EXPECT_EQ(head_of(*make_request(1, 204, "No Content"), {}), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(head_of(*make_request(0, 200, ""), {}), "HTTP/1.0 200 \r\n\r\n");
}

TEST(ReplyHead, fields_of_the_shape_follow_those_of_the_application) {
  const Request request = make_request(1, 200, "OK");
  ASSERT_TRUE(evi::headers_append(request->output(), "X", "y"));
  ASSERT_TRUE(evi::headers_append(request->output(), "X", ""));
  ReplyShape shape;
  shape.date = "today";
  shape.length = 0;
  shape.content_type = "text/plain";
  shape.persistence = Persistence::close;
  EXPECT_EQ(head_of(*request, shape),
            "HTTP/1.1 200 OK\r\nX: y\r\nX: \r\nDate: today\r\nContent-Length: 0\r\n"
            "Content-Type: text/plain\r\nConnection: close\r\n\r\n");
  shape = {};
  shape.chunked = true;
  shape.persistence = Persistence::keep_alive;
  EXPECT_EQ(head_of(*request, shape),
            "HTTP/1.1 200 OK\r\nX: y\r\nX: \r\nTransfer-Encoding: chunked\r\n"
            "Connection: keep-alive\r\n\r\n");
}

TEST(ReplyHead, date_and_type_of_the_application_stay_alone) {
  const Request request = make_request(1, 200, "OK");
  ASSERT_TRUE(evi::headers_append(request->output(), "DATE", "mine"));
  ASSERT_TRUE(evi::headers_append(request->output(), "content-type", "mine"));
  ReplyShape shape;
  shape.date = "today";
  shape.content_type = "text/plain";
  EXPECT_EQ(head_of(*request, shape), "HTTP/1.1 200 OK\r\nDATE: mine\r\ncontent-type: mine\r\n\r\n");
}

TEST(ReplyHead, longest_length_has_all_its_digits) {
  ReplyShape shape;
  shape.length = ReplyShape::kNoLength - 1;
  EXPECT_EQ(head_of(*make_request(1, 200, "OK"), shape),
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551614\r\n\r\n");
}

TEST(ReplyHead, failed_allocation_appends_nothing) {
  const Request request = make_request(1, 200, "OK");
  const Buffer out{evbuffer_new()};
  ASSERT_EQ(evbuffer_add(out.get(), "before", 6), 0);
  ASSERT_TRUE(evi::headers_append(request->output(), "X", std::string(10000, 'x')));
  test::FaultAlloc memory;
  memory.fail_at(1, true);
  EXPECT_EQ(evi::write_reply_head(*request, {}, out.get()), 0u);
  EXPECT_EQ(text_of(out.get()), "before");
}

TEST(Reason, line_ends_become_blanks) {
  const Request request = make_request(1, 200, "a\r\nSet-Cookie: x");
  EXPECT_STREQ(request->response_code_line, "a  Set-Cookie: x");
}

TEST(ErrorPage, replaces_the_fields_and_escapes_the_reason) {
  const Request request = make_request(0, 200, "OK");
  ASSERT_TRUE(evi::headers_append(request->output(), "X", "y"));
  const Buffer out{evbuffer_new()};
  ASSERT_TRUE(evi::write_error_page(*request, {}, 400, "<b>", out.get()));
  EXPECT_EQ(
      text_of(out.get()),
      "<HTML><HEAD>\n<TITLE>400 &lt;b&gt;</TITLE>\n</HEAD><BODY>\n<H1>&lt;b&gt;</H1>\n</BODY></HTML>\n");
  EXPECT_EQ(evi::headers_find(request->output(), "X"), nullptr);
  EXPECT_STREQ(evi::headers_find(request->output(), "Connection"), "close");
  EXPECT_STREQ(evi::headers_find(request->output(), "Content-Type"), "text/html");
  EXPECT_EQ(request->minor, 1);
}

TEST(ErrorPage, reason_is_that_of_the_code_by_default) {
  const Request request = make_request(1, 200, "OK");
  const Buffer out{evbuffer_new()};
  ASSERT_TRUE(evi::write_error_page(*request, {}, 413, nullptr, out.get()));
  EXPECT_NE(text_of(out.get()).find("<H1>" + std::string(evi::reason_phrase(413)) + "</H1>"),
            std::string::npos);
}

TEST(ErrorPage, of_a_missing_path_names_it_escaped) {
  const Request request = make_request(1, 200, "OK");
  ASSERT_TRUE(request->set_target("/<script>"));
  const Buffer out{evbuffer_new()};
  ASSERT_TRUE(evi::write_not_found_page(*request, {}, out.get()));
  EXPECT_NE(text_of(out.get()).find("URL /&lt;script&gt; was"), std::string::npos);
}

// The application's function writes the page, or declines; what it wrote before that is dropped.
TEST(ErrorPage, of_the_application_takes_precedence) {
  const evi::ErrorPage pages = {
      [](evhttp_request *, evbuffer *out, int code, const char *reason, void *declines) {
        EXPECT_STREQ(reason, evi::reason_phrase(code));
        evbuffer_add_printf(out, "mine %d", code);
        return declines ? -1 : 0;
      },
      nullptr};
  const Request request = make_request(1, 200, "OK");
  ASSERT_TRUE(request->set_target("/"));
  for (const int code : {404, 500}) {
    const auto write = [&](const evi::ErrorPage &page, evbuffer *out) {
      return code == 404 ? evi::write_not_found_page(*request, page, out)
                         : evi::write_error_page(*request, page, code, nullptr, out);
    };
    const Buffer mine{evbuffer_new()}, usual{evbuffer_new()}, declined{evbuffer_new()};
    ASSERT_TRUE(write(pages, mine.get()));
    EXPECT_EQ(text_of(mine.get()), "mine " + std::to_string(code));
    ASSERT_TRUE(write({}, usual.get()));
    int declines = 1;
    ASSERT_TRUE(write({pages.cb, &declines}, declined.get()));
    EXPECT_EQ(text_of(declined.get()), text_of(usual.get()));
  }
}

TEST(ErrorPage, each_failed_allocation_is_reported) {
  test::sweep([] {
    const Request request{HttpRequest::create(nullptr, nullptr)};
    const Buffer out{request ? evbuffer_new() : nullptr};
    return out && request->set_target("/") && evi::write_error_page(*request, {}, 400, nullptr, out.get()) &&
           evi::write_not_found_page(*request, {}, out.get());
  });
}

TEST(Status, phrase_is_that_of_the_code_or_of_its_class) {
  EXPECT_STREQ(evi::reason_phrase(404), "Not Found");
  EXPECT_STREQ(evi::reason_phrase(199), "Informational");
  EXPECT_STREQ(evi::reason_phrase(-1), "Unknown Status Class");
}

// RFC 9110 6.4.1.
TEST(Status, some_codes_have_no_body) {
  for (const int code : {100, 101, 199, 204, 304}) EXPECT_FALSE(evi::status_has_body(code)) << code;
  for (const int code : {200, 203, 205, 303, 305, 404, 500}) EXPECT_TRUE(evi::status_has_body(code)) << code;
}

}  // namespace

// Writing status lines, headers and error pages.
#include "http/reply.h"

#include <cstring>

#include "event2/buffer.h"
#include "http/headers.h"
#include "http/request.h"
#include "http/status.h"
#include "http/uri_escape.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/text.h"

namespace evi {
namespace {

struct Counter {
  std::size_t size = 0;
  void put(std::string_view text) noexcept { size += text.size(); }
};
struct Filler {
  char *at;
  void put(std::string_view text) noexcept {
    if (text.empty()) return;
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
};

class Number {
 public:
  template <typename T>
  explicit Number(T value) noexcept : size_(write_number(text_, value)) {}
  std::string_view text() const noexcept { return {text_, size_}; }

 private:
  char text_[kMaxNumberText];
  std::size_t size_;
};

template <typename Sink>
void put_field(Sink &out, std::string_view name, std::string_view value) noexcept {
  out.put(name);
  out.put(": ");
  out.put(value);
  out.put("\r\n");
}

// Which of the library's fields the application has set itself.
struct Preset {
  bool date = false, content_type = false;
};

Preset preset_in(const evkeyvalq &headers) noexcept {
  Preset found;
  for (const evkeyval *field = headers_first(headers); field; field = headers_next(*field)) {
    found.date |= equal_ignoring_case(field->key, "Date");
    found.content_type |= equal_ignoring_case(field->key, "Content-Type");
  }
  return found;
}

template <typename Sink>
void put_head(Sink &out, const HttpRequest &request, const ReplyShape &shape, Preset preset) noexcept {
  out.put(request.minor == 0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  EVI_ASSERT(request.response_code_line);
  out.put(Number(request.response_code).text());
  out.put(" ");
  out.put(request.response_code_line);
  out.put("\r\n");
  const evkeyvalq &headers = *request.output_headers;
  for (const evkeyval *field = headers_first(headers); field; field = headers_next(*field)) {
    put_field(out, field->key, field->value);
  }
  using Persistence = ReplyShape::Persistence;
  if (shape.chunked) put_field(out, "Transfer-Encoding", "chunked");
  if (!shape.date.empty() && !preset.date) put_field(out, "Date", shape.date);
  if (shape.persistence == Persistence::keep_alive) put_field(out, "Connection", "keep-alive");
  if (shape.length != ReplyShape::kNoLength) put_field(out, "Content-Length", Number(shape.length).text());
  if (!shape.content_type.empty() && !preset.content_type) put_field(out, "Content-Type", shape.content_type);
  if (shape.persistence == Persistence::close) put_field(out, "Connection", "close");
  out.put("\r\n");
}

// Pages have a length and a date also for HTTP/1.0 clients.
bool begin_page(HttpRequest &request) noexcept {
  request.major = 1;
  request.minor = 1;
  headers_clear(*request.output_headers);
  return headers_append(*request.output_headers, "Content-Type", "text/html") &&
         headers_append(*request.output_headers, "Connection", "close");
}

bool asked(HttpRequest &request, const ErrorPage &page, int code, const char *reason,
           evbuffer *out) noexcept {
  if (!page.cb) return false;
  if (page.cb(&request, out, code, reason, page.arg) >= 0) return true;
  evbuffer_drain(out, evbuffer_get_length(out));
  return false;
}

}  // namespace

std::size_t write_reply_head(const HttpRequest &request, const ReplyShape &shape, evbuffer *out) noexcept {
  const Preset preset = preset_in(*request.output_headers);
  Counter counter;
  put_head(counter, request, shape, preset);
  evbuffer_iovec space;
  if (evbuffer_reserve_space(out, static_cast<ev_ssize_t>(counter.size), &space, 1) != 1) return 0;
  EVI_ASSERT(space.iov_len >= counter.size);
  Filler filler{static_cast<char *>(space.iov_base)};
  put_head(filler, request, shape, preset);
  EVI_ASSERT(filler.at == static_cast<char *>(space.iov_base) + counter.size);
  space.iov_len = counter.size;
  return evbuffer_commit_space(out, &space, 1) == 0 ? counter.size : 0;
}

bool write_error_page(HttpRequest &request, const ErrorPage &page, int code, const char *reason,
                      evbuffer *out) noexcept {
  if (!reason) reason = reason_phrase(code);
  if (!begin_page(request)) return false;
  if (asked(request, page, code, reason, out)) return true;
  const OwnedMemory<char> text{html_escape(reason)};
  return text && evbuffer_add_printf(
                     out, "<HTML><HEAD>\n<TITLE>%d %s</TITLE>\n</HEAD><BODY>\n<H1>%s</H1>\n</BODY></HTML>\n",
                     code, text.get(), text.get()) >= 0;
}

bool write_not_found_page(HttpRequest &request, const ErrorPage &page, evbuffer *out) noexcept {
  const char *const reason = reason_phrase(HTTP_NOTFOUND);
  if (!begin_page(request)) return false;
  if (asked(request, page, HTTP_NOTFOUND, reason, out)) return true;
  const OwnedMemory<char> uri{html_escape(request.uri)};
  return uri &&
         evbuffer_add_printf(out,
                             "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1><p>The "
                             "requested URL %s was not found on this server.</p></body></html>\n",
                             uri.get()) >= 0;
}

}  // namespace evi

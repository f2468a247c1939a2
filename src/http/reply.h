// The head of a reply, written in one pass, and error pages.
#ifndef EVI_HTTP_REPLY_H
#define EVI_HTTP_REPLY_H

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "event2/http.h"

struct evbuffer;

namespace evi {

class HttpRequest;

// The fields that the library adds to those that the application set.
struct ReplyShape {
  enum class Persistence : unsigned char { unsaid, close, keep_alive };
  static constexpr std::uint64_t kNoLength = ~std::uint64_t{0};

  Persistence persistence = Persistence::unsaid;
  bool chunked = false;
  std::uint64_t length = kNoLength;
  std::string_view date;  // empty: no such field; the same below
  std::string_view content_type;
};

// Appends status line, headers and the empty line. Returns their size; 0 if out of memory, then nothing
// was appended.
[[nodiscard]] std::size_t write_reply_head(const HttpRequest &request, const ReplyShape &shape,
                                           evbuffer *out) noexcept;

// The application's function for error pages; it returns less than 0 to get the default page.
struct ErrorPage {
  int (*cb)(evhttp_request *, evbuffer *, int, const char *, void *) = nullptr;
  void *arg = nullptr;
};

// Replaces the request's headers by those of an error page, and appends the page to `out`. A null reason
// stands for that of the code. False: out of memory.
[[nodiscard]] bool write_error_page(HttpRequest &request, const ErrorPage &page, int code, const char *reason,
                                    evbuffer *out) noexcept;
// The same for 404: no callback is set for the request's path.
[[nodiscard]] bool write_not_found_page(HttpRequest &request, const ErrorPage &page, evbuffer *out) noexcept;

}  // namespace evi

#endif

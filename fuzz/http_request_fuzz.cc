// Fuzzes a server connection: the replies do not depend on how the input is split, each is well-formed, and a
// rejected request is the last one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "fuzz_input.h"
#include "unit/http/served.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void reply_with_body_length(evhttp_request *req, void *) {
  evbuffer *body = evbuffer_new();
  must(evhttp_request_get_uri(req) != nullptr);
  must(evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req)) != nullptr);
  evbuffer_add_printf(body, "%zu", evbuffer_get_length(evhttp_request_get_input_buffer(req)));
  evhttp_send_reply(req, 200, "OK", body);
  evbuffer_free(body);
}

std::string replies(std::string_view input, std::size_t piece) {
  test::Served served;
  evhttp_set_gencb(served.http(), reply_with_body_length, nullptr);
  evhttp_set_max_headers_size(served.http(), 500);
  evhttp_set_max_body_size(served.http(), 1000);
  evhttp_set_allowed_methods(served.http(), 0xffff);
  evhttp_set_default_content_type(served.http(), nullptr);
  while (!input.empty()) {
    const std::size_t size = input.size() < piece ? input.size() : piece;
    served.send(input.substr(0, size));
    input.remove_prefix(size);
    must(served.check_invariants());
  }
  std::string text = served.received();
  for (std::size_t at = 0; (at = text.find("Date: ", at)) != std::string::npos;) text.erase(at, 37);
  // Whether a client is sent 100 Continue depends on the framing of its body.
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  for (std::size_t at = 0; (at = text.find(kContinue, at)) != std::string::npos;)
    text.erase(at, kContinue.size());
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  if (size < 2) return 0;
  fuzz::Input input(data, 2);
  const std::size_t piece = input.number() % 64 + 1;
  const std::string_view text(reinterpret_cast<const char *>(data) + 2, size - 2);
  const std::string whole = replies(text, text.size() + 1), parts = replies(text, piece);
  must(whole == parts);
  must(whole.empty() || whole.starts_with("HTTP/1."));
  const std::size_t refused = whole.find(" 400 Bad Request\r\n");
  must(refused == std::string::npos || whole.find("HTTP/1.", refused) == std::string::npos);
  return 0;
}

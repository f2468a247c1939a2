// Lengths, transfer codings and chunks.
#include "http/framing.h"

#include "http/field.h"
#include "http/headers.h"
#include "http/limits.h"
#include "util/text.h"

namespace evi {
namespace {

// The transfer codings of all Transfer-Encoding fields, in order. Parameters of a coding are ignored.
class Codings {
 public:
  bool add(std::string_view list) noexcept {
    std::string_view element;
    while (next_element(list, element)) {
      if (chunked_) return false;
      std::string_view coding, parameters;
      split(element, ';', coding, parameters);
      chunked_ = equal_ignoring_case(trim(coding), "chunked");
    }
    return true;
  }
  bool chunked() const noexcept { return chunked_; }

 private:
  bool chunked_ = false;
};

}  // namespace

Framing request_framing(const evkeyvalq &headers) noexcept {
  constexpr Framing kBad{Framing::Kind::bad, 0};
  const char *length = nullptr;
  bool coded = false;
  Codings codings;
  for (const evkeyval *field = headers_first(headers); field; field = headers_next(*field)) {
    if (equal_ignoring_case(field->key, "Content-Length")) {
      if (length) return kBad;
      length = field->value;
    } else if (equal_ignoring_case(field->key, "Transfer-Encoding")) {
      if (!codings.add(field->value)) return kBad;
      coded = true;
    }
  }
  if (coded) return length || !codings.chunked() ? kBad : Framing{Framing::Kind::chunked, 0};
  if (!length) return {Framing::Kind::none, 0};
  std::uint64_t bytes = 0;
  if (!parse_number(std::string_view(length), bytes) || bytes > kMaxBody) return kBad;
  return {Framing::Kind::length, bytes};
}

bool ChunkLines::parse(std::string_view line, std::uint64_t &size) noexcept {
  if (line.size() < kCrlf.size() || tail(line, line.size() - kCrlf.size()) != kCrlf) return false;
  std::size_t digits = 0;
  while (is_hex_digit(line[digits])) ++digits;
  if (digits == 0 || digits > kMaxChunkDigits) return false;
  if (!parse_number(head(line, digits), size, 16) || size > kMaxBody) return false;
  // RFC 9112 7.1.1: extensions that are not known are ignored.
  std::string_view rest = head(tail(line, digits), line.size() - digits - kCrlf.size());
  if (!rest.empty() && rest.front() != ';') return false;
  for (const char c : rest) {
    if (c == '\r' || c == '\0') return false;
  }
  overhead_ += line.size() + kCrlf.size();
  const std::uint64_t allowed = size < SIZE_MAX / 2 ? kFreeChunkOverhead + size : SIZE_MAX / 2;
  overhead_ = overhead_ > allowed ? overhead_ - static_cast<std::size_t>(allowed) : 0;
  return overhead_ <= kMaxChunkOverhead;
}

}  // namespace evi

// Parsing of request lines.
#include "http/request_head.h"

#include "http/field.h"
#include "http/method.h"
#include "util/text.h"

namespace evi {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";

}  // namespace

bool parse_request_line(std::string_view line, RequestLine &out) noexcept {
  if (has_control(line) || line.find('\t') != std::string_view::npos) return false;
  while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  const std::string_view version = tail(line, last + 1);
  if (version.size() != kVersion.size() + 1 || !starts_with(version, kVersion) || !is_digit(version.back())) {
    return false;
  }
  out.method = head(line, first);
  out.target = tail(head(line, last), first + 1);
  out.minor = version.back() - '0';
  return is_token(out.method) && !out.target.empty();
}

}  // namespace evi

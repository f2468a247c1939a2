// Parsing, checking and joining URIs. Numbers before functions are sections of RFC 3986.
#include "http/uri.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <new>

#include "event2/util.h"
#include "util/assert.h"
#include "util/text.h"

namespace {

using evi::copy_text;
using evi::head;
using evi::is_alnum;
using evi::is_alpha;
using evi::is_hex_digit;
using evi::kMaxNumberText;
using evi::mm_free;
using evi::mm_malloc;
using evi::OwnedUri;
using evi::parse_number;
using evi::split;
using evi::starts_with;
using evi::tail;
using evi::to_lower;
using evi::write_number;

enum : std::uint8_t { kUserinfoChar = 1, kRegNameChar = 2, kPathChar = 4, kQueryChar = 8 };

constexpr bool is_one_of(char c, std::string_view set) noexcept {
  return set.find(c) != std::string_view::npos;
}

constexpr std::uint8_t allowed_parts(char c) noexcept {
  if (is_alnum(c) || is_one_of(c, "-._~!$&'()*+,;=")) {
    return kUserinfoChar | kRegNameChar | kPathChar | kQueryChar;
  }
  if (c == ':') return kUserinfoChar | kPathChar | kQueryChar;
  if (c == '@' || c == '/') return kPathChar | kQueryChar;
  return c == '?' ? kQueryChar : 0;
}

constexpr auto kAllowed = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 1; c < 256; ++c) table[c] = allowed_parts(static_cast<char>(c));
  return table;
}();

// Characters of the class, and pct-encoded ones.
bool consists_of(std::string_view text, std::uint8_t part) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (kAllowed[static_cast<unsigned char>(text[i])] & part) continue;
    if (text[i] != '%' || text.size() - i < 3 || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) {
      return false;
    }
    i += 2;
  }
  return true;
}

// 3.1: scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
bool is_scheme(std::string_view text) noexcept {
  if (text.empty() || !is_alpha(text.front())) return false;
  for (const char c : text) {
    if (!is_alnum(c) && c != '+' && c != '-' && c != '.') return false;
  }
  return true;
}

// 3.2.2: "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ), the last part possibly empty as in libevent.
bool is_ip_future(std::string_view text) noexcept {
  std::string_view version, address;
  if (text.empty() || to_lower(text.front()) != 'v' || !split(tail(text, 1), '.', version, address))
    return false;
  if (version.empty()) return false;
  for (const char c : version) {
    if (!is_hex_digit(c)) return false;
  }
  return address.find('%') == std::string_view::npos && consists_of(address, kUserinfoChar);
}

// The longest text of an IPv6 address, with an IPv4 address as its tail.
constexpr std::size_t kMaxIpv6Text = 45;

bool is_ipv6(std::string_view text) noexcept {
  char copy[kMaxIpv6Text + 1];
  unsigned char address[16];
  return copy_text(copy, sizeof(copy), text) && evutil_inet_pton(AF_INET6, copy, address) == 1;
}

// 3.2.2: host = IP-literal / IPv4address / reg-name
bool is_host(std::string_view text) noexcept {
  if (text.empty() || text.front() != '[') return consists_of(text, kRegNameChar);
  if (text.size() < 2 || text.back() != ']') return false;
  const std::string_view inside = head(tail(text, 1), text.size() - 2);
  return is_ip_future(inside) || is_ipv6(inside);
}

bool is_path(std::string_view text, bool lenient) noexcept {
  if (lenient) return text.find_first_of("?#") == std::string_view::npos;
  return consists_of(text, kPathChar);
}
bool is_query(std::string_view text, bool lenient) noexcept {
  return lenient ? text.find('#') == std::string_view::npos : consists_of(text, kQueryChar);
}
bool is_fragment(std::string_view text, bool lenient) noexcept {
  return lenient || consists_of(text, kQueryChar);
}

// Removes and returns everything before the first of the separators.
std::string_view take_until(std::string_view &rest, std::string_view separators) noexcept {
  std::size_t length = rest.find_first_of(separators);
  if (length == std::string_view::npos) length = rest.size();
  const std::string_view taken = head(rest, length);
  rest.remove_prefix(length);
  return taken;
}

constexpr std::string_view kUnixAuthority = "unix:";
constexpr int kMaxPort = 65535;

// Each part is followed by a NUL. The separators that are dropped make room for all of them but one.
constexpr std::size_t kNulRoom = 8;

// Appends to a buffer of limited size, and records whether something did not fit.
class Writer {
 public:
  Writer(char *out, std::size_t room) noexcept : at_(out), left_(room) {}
  void put(std::string_view text) noexcept {
    if (text.size() > left_) full_ = true;
    if (full_ || text.empty()) return;
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    left_ -= text.size();
  }
  bool finish() noexcept {
    put(std::string_view("", 1));
    return !full_;
  }

 private:
  char *at_;
  std::size_t left_;
  bool full_ = false;
};

}  // namespace

evhttp_uri *evhttp_uri::create(std::size_t text_room) noexcept {
  if (text_room > SIZE_MAX - sizeof(evhttp_uri)) return nullptr;
  void *memory = mm_malloc(sizeof(evhttp_uri) + text_room);
  return memory ? ::new (memory) evhttp_uri(text_room) : nullptr;
}

evhttp_uri *evhttp_uri::parse(std::string_view text, unsigned flags) noexcept {
  OwnedUri uri{text.size() <= SIZE_MAX / 2 ? create(text.size() + kNulRoom) : nullptr};
  if (!uri) return nullptr;
  uri->flags_ = flags;
  return uri->parse_parts(text) ? uri.release() : nullptr;
}

void evhttp_uri::dispose() noexcept {
  for (char *part : {scheme_, userinfo_, host_, path_, query_, fragment_, unix_socket_}) release(part);
  mm_free(this);
}

char *evhttp_uri::keep(std::string_view part) noexcept {
  EVI_ASSERT(part.size() < text_size_ - text_used_);
  char *copy = text() + text_used_;
  if (!part.empty()) std::memcpy(copy, part.data(), part.size());
  copy[part.size()] = '\0';
  text_used_ += part.size() + 1;
  return copy;
}

void evhttp_uri::release(char *part) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(part), own = reinterpret_cast<std::uintptr_t>(text());
  if (at < own || at >= own + text_size_) mm_free(part);
}

bool evhttp_uri::replace(char *&part, std::string_view text) noexcept {
  auto *copy = static_cast<char *>(mm_malloc(text.size() + 1));
  if (!copy || !copy_text(copy, text.size() + 1, text)) return false;
  release(part);
  part = copy;
  return true;
}

bool evhttp_uri::replace(char *&part, const char *text) noexcept {
  if (text) return replace(part, std::string_view(text));
  release(part);
  part = nullptr;
  return true;
}

std::string_view evhttp_uri::without_brackets(std::string_view host) const noexcept {
  const bool strip = strips_brackets() && !host.empty() && host.front() == '[';
  return strip ? head(tail(host, 1), host.size() - 2) : host;
}

// 4.1: URI-reference = URI / relative-ref
bool evhttp_uri::parse_parts(std::string_view text) noexcept {
  std::string_view rest = text;
  const std::string_view before = take_until(rest, ":/?#");
  if (!rest.empty() && rest.front() == ':' && is_scheme(before)) {
    scheme_ = keep(before);
    rest.remove_prefix(1);
  } else {
    rest = text;
  }
  if (starts_with(rest, "//")) {
    rest.remove_prefix(2);
    const bool unix_socket = (flags_ & EVHTTP_URI_UNIX_SOCKET) && parse_unix_authority(rest);
    if (!unix_socket && !parse_authority(take_until(rest, "/?#"))) return false;
  }
  const std::string_view path = take_until(rest, "?#");
  if (!is_path(path, lenient())) return false;
  // 3.3: any other authority ends where the path begins.
  if (unix_socket_ && !path.empty() && path.front() != '/') return false;
  // 4.2: the first segment of a relative path may not look like a scheme.
  if (!scheme_ && !host_ && head(path, path.find('/')).find(':') != std::string_view::npos) return false;
  path_ = keep(path);
  if (!rest.empty() && rest.front() == '?') {
    rest.remove_prefix(1);
    const std::string_view query = take_until(rest, "#");
    if (!is_query(query, lenient())) return false;
    query_ = keep(query);
  }
  if (rest.empty()) return true;
  rest.remove_prefix(1);
  if (!is_fragment(rest, lenient())) return false;
  fragment_ = keep(rest);
  return true;
}

// 3.2: authority = [ userinfo "@" ] host [ ":" port ]
bool evhttp_uri::parse_authority(std::string_view text) noexcept {
  std::string_view before, after;
  if (split(text, '@', before, after)) {
    if (!consists_of(before, kUserinfoChar)) return false;
    userinfo_ = keep(before);
    text = after;
  }
  const std::size_t colon = text.rfind(':');
  const bool in_brackets = !text.empty() && text.back() == ']';
  std::string_view host = text;
  if (colon != std::string_view::npos && !in_brackets) {
    host = head(text, colon);
    const std::string_view digits = tail(text, colon + 1);
    unsigned port = 0;
    if (!digits.empty()) {
      if (!parse_number(digits, port) || port > kMaxPort) return false;
      port_ = static_cast<int>(port);
    }
  }
  if (!is_host(host)) return false;
  host_ = keep(without_brackets(host));
  return true;
}

// [ userinfo "@" ] "unix:" path ":". False for an ordinary authority, and `rest` is then unchanged.
bool evhttp_uri::parse_unix_authority(std::string_view &rest) noexcept {
  std::string_view authority = rest, userinfo, after, socket;
  const std::size_t at = head(rest, rest.find_first_of("/?#")).find('@');
  if (at != std::string_view::npos) {
    userinfo = head(rest, at);
    authority = tail(rest, at + 1);
  }
  if (!starts_with(authority, kUnixAuthority)) return false;
  if (!split(tail(authority, kUnixAuthority.size()), ':', socket, after) || socket.empty()) return false;
  if (!consists_of(userinfo, kUserinfoChar)) return false;
  if (at != std::string_view::npos) userinfo_ = keep(userinfo);
  unix_socket_ = keep(socket);
  host_ = keep("");
  rest = after;
  return true;
}

bool evhttp_uri::set_scheme(const char *text) noexcept {
  return (!text || is_scheme(text)) && replace(scheme_, text);
}

bool evhttp_uri::set_userinfo(const char *text) noexcept {
  return (!text || consists_of(text, kUserinfoChar)) && replace(userinfo_, text);
}

bool evhttp_uri::set_host(const char *text) noexcept {
  if (!text) return replace(host_, text);
  return is_host(text) && replace(host_, without_brackets(text));
}

bool evhttp_uri::set_port(int port) noexcept {
  if (port < -1) return false;
  port_ = port;
  return true;
}

bool evhttp_uri::set_path(const char *text) noexcept {
  return (!text || is_path(text, lenient())) && replace(path_, text);
}

bool evhttp_uri::set_query(const char *text) noexcept {
  return (!text || is_query(text, lenient())) && replace(query_, text);
}

bool evhttp_uri::set_fragment(const char *text) noexcept {
  return (!text || is_fragment(text, lenient())) && replace(fragment_, text);
}

bool evhttp_uri::set_unix_socket(const char *text) noexcept { return replace(unix_socket_, text); }

// 5.3
bool evhttp_uri::join(char *out, std::size_t room) const noexcept {
  Writer to(out, room);
  if (scheme_) {
    to.put(scheme_);
    to.put(":");
  }
  if (host_ || unix_socket_) {
    // 3.3: behind an authority a path is empty or begins with a slash.
    if (path_ && path_[0] != '\0' && path_[0] != '/') return false;
    to.put("//");
    if (userinfo_) {
      to.put(userinfo_);
      to.put("@");
    }
    if (unix_socket_) {
      to.put(kUnixAuthority);
      to.put(unix_socket_);
      to.put(":");
    } else {
      const bool bare = strips_brackets() && host_[0] != '[' && std::strchr(host_, ':');
      if (bare) to.put("[");
      to.put(host_);
      if (bare) to.put("]");
      if (port_ >= 0) {
        char digits[kMaxNumberText];
        to.put(":");
        to.put(std::string_view(digits, write_number(digits, port_)));
      }
    }
  }
  if (path_) to.put(path_);
  if (query_) {
    to.put("?");
    to.put(query_);
  }
  if (fragment_) {
    to.put("#");
    to.put(fragment_);
  }
  return to.finish();
}

// struct evhttp_uri: the parts of a URI, RFC 3986.
#ifndef EVI_HTTP_URI_H
#define EVI_HTTP_URI_H

#include <cstddef>
#include <string_view>

#include "event2/http.h"
#include "util/alloc.h"

// Parsing allocates one block, in which the text of the parts follows the struct; a part that is set later is
// a block of its own.
struct evhttp_uri final {
 public:
  // With `text_room` bytes behind the struct. Null: out of memory.
  static evhttp_uri *create(std::size_t text_room = 0) noexcept;
  // `flags` are EVHTTP_URI_*. Null if the text is no URI reference, or if out of memory.
  static evhttp_uri *parse(std::string_view text, unsigned flags) noexcept;
  void dispose() noexcept;

  void set_flags(unsigned flags) noexcept { flags_ = flags; }

  const char *scheme() const noexcept { return scheme_; }
  const char *userinfo() const noexcept { return userinfo_; }
  const char *host() const noexcept { return host_; }
  int port() const noexcept { return port_; }
  const char *path() const noexcept { return path_; }
  const char *query() const noexcept { return query_; }
  const char *fragment() const noexcept { return fragment_; }
  const char *unix_socket() const noexcept { return unix_socket_; }

  // Each copies the text, or clears the part if it is null. False, and nothing changes, if the text is not
  // valid for the part, or if out of memory.
  bool set_scheme(const char *text) noexcept;
  bool set_userinfo(const char *text) noexcept;
  bool set_host(const char *text) noexcept;
  bool set_port(int port) noexcept;
  bool set_path(const char *text) noexcept;
  bool set_query(const char *text) noexcept;
  bool set_fragment(const char *text) noexcept;
  bool set_unix_socket(const char *text) noexcept;

  // Writes the URI and a NUL. False if they need more than `room` bytes, or if the parts contradict each
  // other.
  bool join(char *out, std::size_t room) const noexcept;

 private:
  explicit evhttp_uri(std::size_t text_room) noexcept : text_size_(text_room) {}

  bool lenient() const noexcept { return (flags_ & EVHTTP_URI_NONCONFORMANT) != 0; }
  bool strips_brackets() const noexcept { return (flags_ & EVHTTP_URI_HOST_STRIP_BRACKETS) != 0; }

  bool parse_parts(std::string_view text) noexcept;
  bool parse_authority(std::string_view text) noexcept;
  bool parse_unix_authority(std::string_view &rest) noexcept;
  std::string_view without_brackets(std::string_view host) const noexcept;

  char *text() noexcept { return reinterpret_cast<char *>(this + 1); }
  char *keep(std::string_view part) noexcept;
  void release(char *part) noexcept;
  bool replace(char *&part, const char *text) noexcept;
  bool replace(char *&part, std::string_view text) noexcept;

  unsigned flags_ = 0;
  int port_ = -1;
  char *scheme_ = nullptr;
  char *userinfo_ = nullptr;
  char *host_ = nullptr;
  char *path_ = nullptr;
  char *query_ = nullptr;
  char *fragment_ = nullptr;
  char *unix_socket_ = nullptr;
  std::size_t text_size_;
  std::size_t text_used_ = 0;
};

namespace evi {

struct UriDisposer {
  void operator()(evhttp_uri *uri) const noexcept { uri->dispose(); }
};
using OwnedUri = std::unique_ptr<evhttp_uri, UriDisposer>;

}  // namespace evi

#endif

// struct evhttp_request, followed by the library's private members.
#ifndef EVI_HTTP_REQUEST_H
#define EVI_HTTP_REQUEST_H

#include <cstddef>
#include <string_view>

#include "event2/http.h"
#include "event2/http_struct.h"
#include "event2/keyvalq_struct.h"
#include "util/alloc.h"

namespace evi {

// The longest numeric address, its scope included.
inline constexpr std::size_t kMaxPeerText = 64;

class HttpRequest final : public evhttp_request {
 public:
  // Null: out of memory.
  static HttpRequest *create(void (*cb)(evhttp_request *, void *), void *arg) noexcept;
  static HttpRequest &of(evhttp_request &request) noexcept { return static_cast<HttpRequest &>(request); }
  // Frees the request; while one of its callbacks runs, the last guard does that.
  void dispose() noexcept;

  const evkeyvalq &input() const noexcept { return input_; }
  evkeyvalq &input() noexcept { return input_; }
  evkeyvalq &output() noexcept { return output_; }

  bool is_owned() const noexcept { return (flags & EVHTTP_USER_OWNED) != 0; }
  bool set_target(std::string_view target) noexcept;
  void set_peer(std::string_view host, std::uint16_t port) noexcept;
  bool set_reason(const char *reason) noexcept;

  // The host of an absolute URI, else that of the Host field, without the port. Null if there is none, or if
  // out of memory.
  const char *find_host() noexcept;

  // Whether the application has the request and has not sent its reply yet.
  bool is_users() const noexcept { return dispatched_ && !userdone; }
  void mark_dispatched() noexcept { dispatched_ = true; }

 private:
  HttpRequest(void (*callback)(evhttp_request *, void *), void *arg) noexcept;
  ~HttpRequest() noexcept;

  friend class RequestGuard;

  evkeyvalq input_;
  evkeyvalq output_;
  unsigned guards_ = 0;
  bool disposed_ = false;  // freed with the last guard
  bool dispatched_ = false;
  char peer_[kMaxPeerText] = "";
};

// Keeps a request's memory while one of its callbacks runs. gone() returns whether the request was freed
// meanwhile; the last guard frees the memory.
class RequestGuard {
 public:
  explicit RequestGuard(HttpRequest &request) noexcept : request_(request) { ++request.guards_; }
  RequestGuard(const RequestGuard &) = delete;
  RequestGuard &operator=(const RequestGuard &) = delete;
  ~RequestGuard() {
    if (--request_.guards_ == 0 && gone()) request_.dispose();
  }
  bool gone() const noexcept { return request_.disposed_; }

 private:
  HttpRequest &request_;
};

}  // namespace evi

#endif

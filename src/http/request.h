// A request as the library holds it: struct evhttp_request, and behind it what programs do not see.
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
  // Null without memory.
  static HttpRequest *create(void (*cb)(evhttp_request *, void *), void *arg) noexcept;
  static HttpRequest &of(evhttp_request &request) noexcept { return static_cast<HttpRequest &>(request); }
  // Frees it, or, while one of its callbacks runs, has that done afterwards.
  void dispose() noexcept;

  const evkeyvalq &input() const noexcept { return input_; }
  evkeyvalq &input() noexcept { return input_; }
  evkeyvalq &output() noexcept { return output_; }

  bool is_owned() const noexcept { return (flags & EVHTTP_USER_OWNED) != 0; }
  bool set_target(std::string_view target) noexcept;
  void set_peer(std::string_view host, std::uint16_t port) noexcept;
  bool set_reason(const char *reason) noexcept;

  // The host that the request is for: of an absolute URI, else of the Host field, without its port. Null
  // without one, or without memory.
  const char *find_host() noexcept;

  // Whether the program has had the request and not sent its reply yet.
  bool is_users() const noexcept { return dispatched_ && !userdone; }
  void mark_dispatched() noexcept { dispatched_ = true; }

 private:
  HttpRequest(void (*callback)(evhttp_request *, void *), void *arg) noexcept;
  ~HttpRequest() noexcept;

  friend class RequestGuard;

  evkeyvalq input_;
  evkeyvalq output_;
  unsigned guards_ = 0;
  bool disposed_ = false;  // as soon as no guard is left
  bool dispatched_ = false;
  char peer_[kMaxPeerText] = "";
};

// Keeps a request alive while a callback of it runs. gone() tells whether somebody freed it meanwhile; the
// memory goes with the last guard.
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

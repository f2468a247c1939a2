// Creating, filling and freeing requests.
#include "http/request.h"

#include <cstddef>
#include <cstring>
#include <new>

#include "event2/buffer.h"
#include "http/connection.h"
#include "http/headers.h"
#include "http/uri.h"
#include "util/assert.h"
#include "util/text.h"

namespace evi {
namespace {

// The binary interface of applications that read requests' members.
static_assert(sizeof(void *) != 8 || sizeof(evhttp_request) == 216);
static_assert(sizeof(void *) != 8 || offsetof(evhttp_request, remote_host) == 48);
static_assert(sizeof(void *) != 8 || offsetof(evhttp_request, uri) == 96);
static_assert(sizeof(void *) != 8 || offsetof(evhttp_request, input_buffer) == 128);
static_assert(sizeof(void *) != 8 || offsetof(evhttp_request, cb) == 160);
static_assert(sizeof(void *) != 8 || offsetof(evhttp_request, on_complete_cb_arg) == 208);

char *copy_of(std::string_view text) noexcept {
  auto *copy = static_cast<char *>(mm_malloc(text.size() + 1));
  return copy && copy_text(copy, text.size() + 1, text) ? copy : nullptr;
}

// RFC 9110 7.2: host [ ":" port ]
std::string_view without_port(std::string_view host) noexcept {
  std::size_t end = host.size();
  while (end > 0 && is_digit(host[end - 1])) --end;
  return end > 1 && host[end - 1] == ':' ? head(host, end - 1) : host;
}

}  // namespace

HttpRequest::HttpRequest(void (*callback)(evhttp_request *, void *), void *arg) noexcept : evhttp_request{} {
  headers_init(input_);
  headers_init(output_);
  input_headers = &input_;
  output_headers = &output_;
  remote_host = peer_;
  ntoread = -1;
  cb = callback;
  cb_arg = arg;
  input_buffer = evbuffer_new();
  output_buffer = evbuffer_new();
}

HttpRequest::~HttpRequest() noexcept {
  headers_clear(input_);
  headers_clear(output_);
  if (input_buffer) evbuffer_free(input_buffer);
  if (output_buffer) evbuffer_free(output_buffer);
  if (uri_elems) uri_elems->dispose();
  if (remote_host != peer_) mm_free(remote_host);
  mm_free(uri);
  mm_free(host_cache);
  mm_free(response_code_line);
}

HttpRequest *HttpRequest::create(void (*callback)(evhttp_request *, void *), void *arg) noexcept {
  void *memory = mm_malloc(sizeof(HttpRequest));
  if (!memory) return nullptr;
  auto *made = ::new (memory) HttpRequest(callback, arg);
  if (made->input_buffer && made->output_buffer) return made;
  made->dispose();
  return nullptr;
}

void HttpRequest::dispose() noexcept {
  if (guards_ > 0) {
    disposed_ = true;
    return;
  }
  if (evcon) evcon->forget(*this);
  this->~HttpRequest();
  mm_free(this);
}

bool HttpRequest::set_target(std::string_view target) noexcept {
  EVI_ASSERT(!uri);
  uri = copy_of(target);
  return uri != nullptr;
}

void HttpRequest::set_peer(std::string_view host, std::uint16_t port) noexcept {
  if (!copy_text(peer_, sizeof(peer_), host)) peer_[0] = '\0';
  remote_port = port;
}

bool HttpRequest::set_reason(const char *reason) noexcept {
  EVI_ASSERT(reason);
  char *copy = mm_strdup(reason);
  if (!copy) return false;
  // A line end would let a reason forge fields.
  for (char *at = copy; *at; ++at) {
    if (*at == '\r' || *at == '\n') *at = ' ';
  }
  mm_free(response_code_line);
  response_code_line = copy;
  return true;
}

const char *HttpRequest::find_host() noexcept {
  if (host_cache) return host_cache;
  if (const char *host = uri_elems ? uri_elems->host() : nullptr) {
    host_cache = copy_of(host);
  } else if (const char *field = headers_find(input_, "Host")) {
    host_cache = copy_of(without_port(field));
  }
  return host_cache;
}

}  // namespace evi

// How a server's connection handles the items of requests, up to the application's callback.
#include <cstring>
#include <optional>

#include "event2/buffer.h"
#include "http/connection_pin.h"
#include "http/headers.h"
#include "http/limits.h"
#include "http/method.h"
#include "http/reply.h"
#include "http/request_head.h"
#include "http/server.h"
#include "http/server_connection.h"
#include "http/uri.h"
#include "util/assert.h"
#include "util/text.h"

namespace evi {

// Applications read these members of the public struct.
inline void ServerConnection::note_progress() noexcept {
  EVI_ASSERT(request_);
  EVI_ASSERT(request_->evcon == this);
  request_->headers_size = reader_.head_bytes();
  request_->body_size = static_cast<std::size_t>(reader_.body_bytes());
  request_->ntoread = reader_.left();
}

// What a server does with each item of a message.
inline bool ServerConnection::read_request() noexcept {
  if (!request_ && (evbuffer_get_length(input()) == 0 || !begin_request())) return false;
  const MessageReader::Item item = reader_.next(*input());
  // An evbuffer callback of the application may have freed the connection, or the request.
  if (is_dead() || !request_) return false;
  note_progress();
  switch (item) {
    case MessageReader::Item::incomplete:
      return false;
    case MessageReader::Item::start_line:
      return take_request_line(reader_.line());
    case MessageReader::Item::head:
      return take_head();
    case MessageReader::Item::body_part:
      return hand_out_body();
    case MessageReader::Item::end:
      return dispatch();
    case MessageReader::Item::refused:
      return refuse(reader_.refusal());
    case MessageReader::Item::no_memory:
      return give_up();
  }
  unreachable();
}

inline bool ServerConnection::step() noexcept {
  switch (state_) {
    case State::reading:
      return read_request();
    case State::replied:
      return after_reply();
    case State::handling:
    case State::streaming:
      return false;
  }
  unreachable();
}

void ServerConnection::process() noexcept {
  if (processing_) return;
  const Pin pin(*this);
  processing_ = true;
  while (!is_dead() && step()) {
  }
  processing_ = false;
  if (is_dead()) return;
  if (eof_ && (state_ == State::reading || ending_ == Ending::linger)) return finish_without_input();
  if (state_ == State::streaming && stream_eof_ == StreamEof::unchecked) check_stream_eof();
  update_reading();
}

// Out of memory, or refused by a callback of the application. Returns false, as a step.
bool ServerConnection::give_up() noexcept {
  dispose();
  return false;
}

// --- the head ---

bool ServerConnection::begin_request() noexcept {
  EVI_ASSERT(state_ == State::reading);
  request_ = HttpRequest::create(nullptr, nullptr);
  if (!request_) return give_up();
  request_->evcon = this;
  request_->flags |= EVHTTP_REQ_OWN_CONNECTION;
  request_->kind = EVHTTP_REQUEST;
  request_->set_peer(peer_host(), peer_port());
  reader_.begin(request_->input(), *request_->input_buffer);
  if (!server_.settings().new_request_cb) return true;
  const RequestGuard guard(*request_);
  const int wanted = server_.settings().new_request_cb(request_, server_.settings().new_request_arg);
  if (is_dead()) return false;
  return wanted >= 0 && !guard.gone() ? true : give_up();
}

bool ServerConnection::take_request_line(std::string_view line) noexcept {
  EVI_ASSERT(!request_->uri);
  RequestLine parts;
  if (!parse_request_line(line, parts)) return refuse(HTTP_BADREQUEST);
  request_->major = 1;
  request_->minor = static_cast<char>(parts.minor);
  unsigned type = method_of(parts.method);
  if (type == 0) type = ext_method_of(parts.method);
  // The application's function may have freed the connection, and with it the line, or the request.
  if (is_dead() || !request_) return false;
  request_->type = static_cast<evhttp_cmd_type>(type);
  if (!request_->set_target(parts.target)) return give_up();
  return take_target(parts.target) ? true : refuse(HTTP_BADREQUEST);
}

unsigned ServerConnection::ext_method_of(std::string_view name) noexcept {
  char text[kMaxExtMethod + 1];
  if (!settings_.ext_method || !copy_text(text, sizeof(text), name)) return 0;
  evhttp_ext_method method = {text, 0, 0};
  // A single bit outside of the library's own.
  if (settings_.ext_method(&method) != 0) return 0;
  if (method.type <= EVHTTP_REQ_MAX || method.type > EVHTTP_REQ_LAST_OWN) return 0;
  return (method.type & (method.type - 1)) == 0 ? method.type : 0;
}

// RFC 9112 3.2. The target of a CONNECT is an authority.
bool ServerConnection::take_target(std::string_view target) noexcept {
  const bool authority = request_->type == EVHTTP_REQ_CONNECT;
  if (authority) {
    const OwnedMemory<char> text{static_cast<char *>(mm_malloc(target.size() + 2))};
    if (!text) return false;
    std::memcpy(text.get(), "//", 2);
    std::memcpy(text.get() + 2, target.data(), target.size());
    request_->uri_elems = evhttp_uri::parse({text.get(), target.size() + 2}, EVHTTP_URI_NONCONFORMANT);
  } else {
    request_->uri_elems = evhttp_uri::parse(target, EVHTTP_URI_NONCONFORMANT);
  }
  const evhttp_uri *uri = request_->uri_elems;
  if (!uri) return false;
  if (authority || !uri->scheme() || !uri->host()) return true;
  const bool http = equal_ignoring_case(uri->scheme(), "http") || equal_ignoring_case(uri->scheme(), "https");
  if (http && !server_.find_host(uri->host())) request_->flags |= EVHTTP_PROXY_REQUEST;
  return true;
}

inline bool ServerConnection::take_head() noexcept {
  EVI_ASSERT(request_->uri_elems);
  if (request_->header_cb) {
    const RequestGuard guard(*request_);
    const int wanted = request_->header_cb(request_, request_->cb_arg);
    if (is_dead()) return false;
    if (wanted < 0 || guard.gone()) return give_up();
  }
  return begin_body();
}

namespace {

// RFC 9112 3.2: more than one Host lets two readers disagree about whose request this is.
bool names_two_hosts(const evkeyvalq &headers) noexcept {
  bool named = false;
  for (const evkeyval *field = headers_first(headers); field; field = headers_next(*field)) {
    if (!equal_ignoring_case(field->key, "Host")) continue;
    if (named) return true;
    named = true;
  }
  return false;
}

bool is_allowed(const evhttp &server, unsigned type) noexcept {
  return type > EVHTTP_REQ_MAX || (server.settings().allowed_methods & type) != 0;
}

}  // namespace

inline std::optional<int> ServerConnection::objection(Framing framing) const noexcept {
  if (framing.kind == Framing::Kind::bad || names_two_hosts(request_->input())) return HTTP_BADREQUEST;
  if (!is_allowed(server_, request_->type)) return HTTP_NOTIMPLEMENTED;
  if (framing.kind == Framing::Kind::none) return {};
  const char *expected = headers_find(request_->input(), "Expect");
  const bool known = !expected || equal_ignoring_case(expected, "100-continue");
  return known ? std::optional<int>() : HTTP_EXPECTATIONFAILED;
}

inline bool ServerConnection::begin_body() noexcept {
  const Framing framing = request_framing(request_->input());
  if (const std::optional<int> code = objection(framing)) return refuse(*code);
  const bool fits = reader_.begin_body(framing);
  request_->ntoread = reader_.left();
  if (!fits) return refuse_too_long(framing.bytes);
  const bool chunked = framing.kind == Framing::Kind::chunked;
  // RFC 9112 6.1: an HTTP/1.0 message with chunks may have passed a recipient that does not know them.
  if (chunked && request_->minor == 0) close_after_output();
  return (!chunked && framing.bytes == 0) || continue_if_expected() ? true : give_up();
}

// RFC 9110 10.1.1: a client that waits before it sends its body is asked to continue. False: out of memory.
bool ServerConnection::continue_if_expected() noexcept {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  if (request_->minor == 0 || evbuffer_get_length(input()) > 0) return true;
  if (!headers_find(request_->input(), "Expect")) return true;
  return evbuffer_add(output(), kContinue.data(), kContinue.size()) == 0;
}

// --- the body ---

// Passes the part of the body to the application's chunk callback, if there is one. False if the request was
// freed.
inline bool ServerConnection::hand_out_body() noexcept {
  if (!request_->chunk_cb || evbuffer_get_length(request_->input_buffer) == 0) return true;
  const RequestGuard guard(*request_);
  request_->chunk_cb(request_, request_->cb_arg);
  if (is_dead()) return false;
  if (guard.gone()) return give_up();
  evbuffer_drain(request_->input_buffer, evbuffer_get_length(request_->input_buffer));
  return true;
}

// --- the request is complete ---

bool ServerConnection::dispatch() noexcept {
  EVI_ASSERT(state_ == State::reading);
  EVI_ASSERT(!reader_.is_reading());
  HttpRequest &request = *request_;
  state_ = State::handling;
  const RequestGuard guard(request);
  request.mark_dispatched();
  server_.handle(request);
  // As in libevent, the request is freed with a connection that the application frees in the callback.
  const bool left = released_ && request.is_users() && !request.is_owned() && !guard.gone();
  if (left) request.dispose();
  return !is_dead();
}

bool ServerConnection::refuse(MessageReader::Refusal refusal) noexcept {
  switch (refusal) {
    case MessageReader::Refusal::malformed:
    case MessageReader::Refusal::head_too_large:
      return refuse(HTTP_BADREQUEST);
    case MessageReader::Refusal::body_too_large:
      return refuse_too_long(kMaxLingerBytes);
  }
  unreachable();
}

bool ServerConnection::refuse(int code) noexcept {
  EVI_ASSERT(state_ == State::reading);
  HttpRequest &request = *request_;
  const RequestGuard guard(request);
  reader_.stop();
  if (is_dead()) return false;
  close_after_output();
  state_ = State::handling;
  reply_error(request, code, nullptr);
  return !is_dead();
}

// Replies at once. With EVHTTP_SERVER_LINGERING_CLOSE the rest of the body is then read and discarded:
// closing a socket with unread input resets the connection, and the client may lose the reply.
bool ServerConnection::refuse_too_long(std::uint64_t unread) noexcept {
  EVI_ASSERT(ending_ != Ending::linger);
  if (lingers_) ending_ = Ending::linger;
  linger_bytes_ = unread;
  return refuse(HTTP_ENTITYTOOLARGE);
}

}  // namespace evi

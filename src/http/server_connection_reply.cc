// How a server's connection replies: heads, bodies, parts, error pages; and what follows the reply.
#include <algorithm>

#include "event2/buffer.h"
#include "http/client_socket.h"
#include "http/connection_pin.h"
#include "http/field.h"
#include "http/headers.h"
#include "http/limits.h"
#include "http/reply.h"
#include "http/server.h"
#include "http/server_connection.h"
#include "http/status.h"
#include "util/assert.h"
#include "util/text.h"

namespace evi {

bool ServerConnection::must_close(const HttpRequest &request) const noexcept {
  if (ending_ != Ending::none || (eof_ && evbuffer_get_length(input()) == 0)) return true;
  const bool proxy = (request.flags & EVHTTP_PROXY_REQUEST) != 0;
  const std::string_view name = proxy ? "Proxy-Connection" : "Connection";
  bool keep = request.minor > 0 && !proxy;
  for (const evkeyval *field = headers_first(request.input()); field; field = headers_next(*field)) {
    if (!equal_ignoring_case(field->key, name)) continue;
    if (list_has(field->value, "close")) return true;
    keep |= list_has(field->value, "keep-alive");
  }
  const char *sent = headers_find(*request.output_headers, "Connection");
  return !keep || (sent && list_has(sent, "close"));
}

void ServerConnection::begin_reply(HttpRequest &request, int code, const char *reason) noexcept {
  EVI_ASSERT(&request == request_);
  EVI_ASSERT(!is_dead());
  take_back();
  if (is_dead()) return;
  request.kind = EVHTTP_RESPONSE;
  request.response_code = code;
  if (!request.set_reason(reason ? reason : reason_phrase(code))) dispose();
}

namespace {

// RFC 9110 9.3.2, 9.3.6: whether a reply to that request has a body.
bool has_body(const HttpRequest &request) noexcept {
  if (request.type == EVHTTP_REQ_HEAD) return false;
  const bool tunnel = request.type == EVHTTP_REQ_CONNECT && request.response_code / 100 == 2;
  return !tunnel && status_has_body(request.response_code);
}

std::string_view text_or_nothing(const char *text) noexcept {
  return text ? std::string_view(text) : std::string_view();
}

}  // namespace

void ServerConnection::reply(HttpRequest &request, int code, const char *reason, evbuffer *body) noexcept {
  if (state_ != State::handling) return cut_short(request);
  const Pin pin(*this);
  // Also if the reply fails, the application no longer has the request.
  request.userdone = 1;
  begin_reply(request, code, reason);
  if (is_dead()) return;
  // The application may have added its body to the request already.
  evbuffer *whole = body;
  if (!body || evbuffer_get_length(request.output_buffer) > 0) {
    whole = request.output_buffer;
    if (body && evbuffer_add_buffer(whole, body) != 0) return dispose();
    if (is_dead()) return;
  }
  using Persistence = ReplyShape::Persistence;
  if (must_close(request)) close_after_output();
  const bool closes = ending_ != Ending::none;
  ReplyShape shape;
  const bool connection_said = headers_find(*request.output_headers, "Connection") != nullptr;
  const std::size_t size = evbuffer_get_length(whole);
  // A reply to HEAD describes the body that GET would get, if there is one.
  const bool described = status_has_body(code) && (size > 0 || request.type != EVHTTP_REQ_HEAD);
  const bool measured = described && (request.minor > 0 || !closes);
  if (!connection_said && closes && request.minor > 0) shape.persistence = Persistence::close;
  if (!connection_said && !closes && request.minor == 0) shape.persistence = Persistence::keep_alive;
  if (measured && !headers_find(*request.output_headers, "Content-Length")) shape.length = size;
  if (request.minor > 0) shape.date = server_.date();
  if (described) shape.content_type = text_or_nothing(server_.settings().default_content_type);
  const bool written = write_reply_head(request, shape, output()) > 0;
  // An evbuffer callback of the application may free the connection whenever output is added, and with it a
  // request that was answered.
  if (is_dead()) return;
  if (!written) return dispose();
  if (!has_body(request)) {
    evbuffer_drain(whole, size);
  } else if (evbuffer_add_buffer(output(), whole) != 0) {
    return dispose();
  }
  complete_reply();
}

void ServerConnection::start_reply(HttpRequest &request, int code, const char *reason) noexcept {
  const Pin pin(*this);
  if (state_ != State::handling) return;
  begin_reply(request, code, reason);
  if (is_dead()) return;
  using Persistence = ReplyShape::Persistence;
  const bool measured = headers_find(*request.output_headers, "Content-Length") != nullptr;
  const bool body = has_body(request);
  request.chunked = body && !measured && request.minor > 0;
  // A body without length and chunks ends at EOF.
  if (must_close(request) || (body && !measured && !request.chunked)) close_after_output();
  const bool closes = ending_ != Ending::none;
  ReplyShape shape;
  shape.chunked = request.chunked;
  if (!headers_find(*request.output_headers, "Connection")) {
    if (closes && request.minor > 0) shape.persistence = Persistence::close;
    if (!closes && request.minor == 0) shape.persistence = Persistence::keep_alive;
  }
  if (request.minor > 0) shape.date = server_.date();
  const bool described = status_has_body(code) && request.type != EVHTTP_REQ_HEAD;
  if (described) shape.content_type = text_or_nothing(server_.settings().default_content_type);
  reply_bytes_ = write_reply_head(request, shape, output());
  if (is_dead()) return;
  if (reply_bytes_ == 0) return dispose();
  state_ = State::streaming;
  // Most replies are complete when their callback returns.
  stream_eof_ = StreamEof::unchecked;
  if (!processing_) check_stream_eof();
}

void ServerConnection::check_stream_eof() noexcept {
  EVI_ASSERT(state_ == State::streaming);
  const bool ended = eof_ || has_no_more_input(bufferevent_getfd(bev_));
  stream_eof_ = ended ? StreamEof::half_closed : StreamEof::open;
}

bool ServerConnection::add_chunk(const HttpRequest &request, evbuffer *data, std::size_t size) noexcept {
  EVI_ASSERT(size > 0);
  EVI_ASSERT(reply_bytes_ > 0);
  reply_bytes_ += size;
  if (!request.chunked) return evbuffer_add_buffer(output(), data) == 0;
  constexpr std::string_view kEnd = "\r\n";
  const int line = evbuffer_add_printf(output(), "%llx\r\n", static_cast<unsigned long long>(size));
  if (line < 0 || is_dead()) return false;
  reply_bytes_ += static_cast<std::size_t>(line) + kEnd.size();
  if (evbuffer_add_buffer(output(), data) != 0 || is_dead()) return false;
  return evbuffer_add(output(), kEnd.data(), kEnd.size()) == 0;
}

void ServerConnection::send_chunk(HttpRequest &request, evbuffer *data, ConnectionCallback sent,
                                  void *arg) noexcept {
  const std::size_t size = evbuffer_get_length(data);
  if (state_ != State::streaming || size == 0 || !has_body(request)) return;
  const Pin pin(*this);
  take_back();
  if (is_dead()) return;
  // The reply cannot be completed, and no error page can replace it.
  if (!add_chunk(request, data, size)) return fail(EVREQ_HTTP_BUFFER_ERROR, Output::sent_first);
  if (is_dead()) return;
  sent_cb_ = sent;
  sent_arg_ = arg;
}

void ServerConnection::end_reply(HttpRequest &request) noexcept {
  if (state_ != State::streaming) return;
  const Pin pin(*this);
  request.userdone = 1;
  constexpr std::string_view kLastChunk = "0\r\n\r\n";
  if (request.chunked && evbuffer_add(output(), kLastChunk.data(), kLastChunk.size()) != 0) {
    return fail(EVREQ_HTTP_BUFFER_ERROR, Output::sent_first);
  }
  complete_reply();
}

template <typename WritePage>
void ServerConnection::reply_page(HttpRequest &request, int code, const char *reason,
                                  WritePage write) noexcept {
  if (state_ != State::handling) return cut_short(request);
  const Pin pin(*this);
  const RequestGuard guard(request);
  evbuffer *page = evbuffer_new();
  const bool written = page && write(page);
  // The application's function for pages may have freed the connection.
  const bool closed = is_dead();
  if (written && !closed) reply(request, code, reason, page);
  if (page) evbuffer_free(page);
  if (written && !closed) return;
  request.userdone = 1;
  dispose();
  // A connection that was freed before left the request to the application, which has answered it.
  if (closed && !request.is_owned() && !guard.gone()) request.dispose();
}

void ServerConnection::reply_error(HttpRequest &request, int code, const char *reason) noexcept {
  reply_page(request, code, reason, [&](evbuffer *page) noexcept {
    return write_error_page(request, server_.settings().error_page, code, reason, page);
  });
}

void ServerConnection::reply_not_found(HttpRequest &request) noexcept {
  reply_page(request, HTTP_NOTFOUND, nullptr, [&](evbuffer *page) noexcept {
    return write_not_found_page(request, server_.settings().error_page, page);
  });
}

// For a second reply: the first one is ended as it is, and the connection closed, so that the client notices
// that it is incomplete.
void ServerConnection::cut_short(HttpRequest &request) noexcept {
  if (state_ != State::streaming) return;
  request.userdone = 1;
  close_after_output();
  complete_reply();
}

void ServerConnection::complete_reply() noexcept {
  if (is_dead()) return;
  EVI_ASSERT(state_ == State::handling || state_ == State::streaming);
  state_ = State::replied;
  take_back();
  if (is_dead()) return;
  // Outside of process() after_reply() runs when all output was sent, which some transports do at once.
  if (!processing_ && unsent() == 0) {
    bufferevent_trigger(bev_, EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
  }
}

// --- after the reply ---

void ServerConnection::discard_input() noexcept {
  EVI_ASSERT(ending_ == Ending::linger);
  const std::size_t size = evbuffer_get_length(input());
  evbuffer_drain(input(), size);
  linger_bytes_ -= std::min<std::uint64_t>(linger_bytes_, size);
}

// Unless something waits for the output to be sent, the next request is parsed first, so that the replies to
// several are sent together.
bool ServerConnection::after_reply() noexcept {
  EVI_ASSERT(state_ == State::replied);
  if (ending_ == Ending::linger) {
    discard_input();
    if (is_dead()) return false;
    // The client reads EOF after the reply, although the connection stays open.
    if (unsent() == 0) end_writing(bufferevent_getfd(bev_));
    if (unsent() > 0 || linger_bytes_ > 0) return false;
    ending_ = Ending::close;
  }
  const bool waits = ending_ != Ending::none || (request_ && request_->on_complete_cb);
  if (unsent() > (waits ? 0 : kMaxQueuedReplies)) return false;
  if (!finish_request()) return false;
  if (ending_ == Ending::close) {
    dispose();
    return false;
  }
  state_ = State::reading;
  return true;
}

bool ServerConnection::finish_request() noexcept {
  HttpRequest *request = request_;
  if (!request) return true;
  if (request->on_complete_cb) {
    const RequestGuard guard(*request);
    request->on_complete_cb(request, request->on_complete_cb_arg);
    if (is_dead()) return false;
    if (guard.gone()) request_ = nullptr;
  }
  drop_request();
  return true;
}

}  // namespace evi

// The life of a server's connection, and the replies that go over it. What it reads is in connection_read.cc.
#include "http/connection.h"

#include <cstring>
#include <new>

#include "event2/buffer.h"
#include "http/connection_pin.h"
#include "http/headers.h"
#include "http/reply.h"
#include "http/request_head.h"
#include "http/server.h"
#include "http/status.h"
#include "util/alloc.h"
#include "util/text.h"

using namespace evi;

// --- life ---

evhttp_connection *evhttp_connection::accept(evhttp &server, bufferevent *bev, const sockaddr *address,
                                             int length, const ConnectionSettings &settings) noexcept {
  const std::size_t address_size = address && length > 0 ? static_cast<std::size_t>(length) : 0;
  void *memory = mm_malloc(sizeof(evhttp_connection) + address_size);
  if (!memory) {
    bufferevent_free(bev);
    return nullptr;
  }
  auto *made = ::new (memory) evhttp_connection(server, bev, settings, address_size);
  if (address_size > 0) {
    std::memcpy(static_cast<void *>(made + 1), address, address_size);
    made->set_peer(*address);
  }
  bufferevent_setcb(bev, on_read, on_written, on_event, made);
  made->apply_timeouts();
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  made->reading_ = true;
  return made;
}

const sockaddr *evhttp_connection::peer_address() const noexcept {
  return address_size_ > 0 ? reinterpret_cast<const sockaddr *>(this + 1) : nullptr;
}

// Unix sockets have no host.
void evhttp_connection::set_peer(const sockaddr &address) noexcept {
  if (address.sa_family == AF_INET && address_size_ >= sizeof(sockaddr_in)) {
    const auto &in = reinterpret_cast<const sockaddr_in &>(address);
    evutil_inet_ntop(AF_INET, &in.sin_addr, peer_host_, sizeof(peer_host_));
    peer_port_ = ntohs(in.sin_port);
  } else if (address.sa_family == AF_INET6 && address_size_ >= sizeof(sockaddr_in6)) {
    const auto &in6 = reinterpret_cast<const sockaddr_in6 &>(address);
    evutil_inet_ntop(AF_INET6, &in6.sin6_addr, peer_host_, sizeof(peer_host_));
    peer_port_ = ntohs(in6.sin6_port);
  }
}

void evhttp_connection::apply_timeouts() noexcept {
  bufferevent_set_timeouts(bev_, &settings_.read_timeout, &settings_.write_timeout);
}

void evhttp_connection::dispose() noexcept {
  if (dead_) return;
  const Pin pin(*this);
  dead_ = true;
  drop_request();
  server_.remove(*this);
  if (close_cb_) close_cb_(this, close_arg_);
  bufferevent_free(bev_);
  bev_ = nullptr;
}

// What the program has not replied to stays with it.
void evhttp_connection::drop_request() noexcept {
  HttpRequest *request = request_;
  if (!request) return;
  request_ = nullptr;
  request->evcon = nullptr;
  if (!request->is_users() && !request->is_owned()) request->dispose();
}

void evhttp_connection::forget(HttpRequest &request) noexcept {
  request.evcon = nullptr;
  if (&request != request_) return;
  request_ = nullptr;
  // Nobody will reply to it any more.
  if (state_ != State::replied) dispose();
}

void evhttp_connection::fail(evhttp_request_error error) noexcept {
  const Pin pin(*this);
  if (request_ && request_->error_cb) {
    const RequestGuard guard(*request_);
    request_->error_cb(error, request_->cb_arg);
  }
  dispose();
}

// --- what the bufferevent tells ---

void evhttp_connection::on_read(bufferevent *, void *self) noexcept {
  static_cast<evhttp_connection *>(self)->process();
}

void evhttp_connection::on_written(bufferevent *, void *self) noexcept {
  auto &connection = *static_cast<evhttp_connection *>(self);
  // A callback that was put off may come when there is output again.
  if (connection.unsent() > 0) return;
  const Pin pin(connection);
  if (ConnectionCallback sent = connection.sent_cb_) {
    connection.sent_cb_ = nullptr;
    sent(&connection, connection.sent_arg_);
    if (connection.dead_ || connection.unsent() > 0) return;
  }
  if (connection.state_ == State::replied) connection.process();
}

void evhttp_connection::on_event(bufferevent *, short what, void *self) noexcept {
  auto &connection = *static_cast<evhttp_connection *>(self);
  if (what & BEV_EVENT_TIMEOUT) return connection.fail(EVREQ_HTTP_TIMEOUT);
  if (what & BEV_EVENT_ERROR) return connection.fail(EVREQ_HTTP_BUFFER_ERROR);
  if (what & BEV_EVENT_EOF) connection.close_when_sent();
}

// The peer sends no more, but may well want to read the replies that it has asked for.
void evhttp_connection::close_when_sent() noexcept {
  closing_ = true;
  if (state_ == State::handling || state_ == State::streaming) return;
  if (state_ == State::replied && !lingering_) return;
  if (unsent() == 0) return fail(EVREQ_HTTP_EOF);
  lingering_ = false;
  if (state_ != State::replied) drop_request();
  state_ = State::replied;
  update_reading();
}

// --- replies ---

bool evhttp_connection::must_close(const HttpRequest &request) const noexcept {
  if (closing_) return true;
  const bool proxy = (request.flags & EVHTTP_PROXY_REQUEST) != 0;
  const std::string_view name = proxy ? "Proxy-Connection" : "Connection";
  bool keep = request.minor > 0 && !proxy;
  for (const evkeyval *field = headers_first(request.input()); field; field = headers_next(*field)) {
    if (!equal_ignoring_case(field->key, name)) continue;
    if (list_has(field->value, "close")) return true;
    keep |= list_has(field->value, "keep-alive");
  }
  const char *told = headers_find(*request.output_headers, "Connection");
  return !keep || (told && list_has(told, "close"));
}

void evhttp_connection::begin_reply(HttpRequest &request, int code, const char *reason) noexcept {
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

void evhttp_connection::reply(HttpRequest &request, int code, const char *reason, evbuffer *body) noexcept {
  if (state_ != State::handling) return cut_short(request);
  const Pin pin(*this);
  // Whatever happens, the request is not the program's any more.
  request.userdone = 1;
  begin_reply(request, code, reason);
  if (dead_) return;
  // A program may have collected its body in the request already.
  evbuffer *whole = body;
  if (!body || evbuffer_get_length(request.output_buffer) > 0) {
    whole = request.output_buffer;
    if (body) evbuffer_add_buffer(whole, body);
  }
  using Persistence = ReplyShape::Persistence;
  closing_ = must_close(request);
  ReplyShape shape;
  const bool connection_said = headers_find(*request.output_headers, "Connection") != nullptr;
  const bool described = status_has_body(code);
  const bool measured = described && (request.minor > 0 || !closing_);
  if (!connection_said && closing_ && request.minor > 0) shape.persistence = Persistence::close;
  if (!connection_said && !closing_ && request.minor == 0) shape.persistence = Persistence::keep_alive;
  if (measured && !headers_find(*request.output_headers, "Content-Length"))
    shape.length = evbuffer_get_length(whole);
  if (request.minor > 0) shape.date = server_.date();
  if (described) shape.content_type = text_or_nothing(server_.default_content_type);
  if (!write_reply_head(request, shape, output())) return dispose();
  if (!has_body(request)) {
    evbuffer_drain(whole, evbuffer_get_length(whole));
  } else if (evbuffer_add_buffer(output(), whole) != 0) {
    return dispose();
  }
  complete_reply();
}

void evhttp_connection::start_reply(HttpRequest &request, int code, const char *reason) noexcept {
  const Pin pin(*this);
  if (state_ != State::handling) return;
  begin_reply(request, code, reason);
  if (dead_) return;
  using Persistence = ReplyShape::Persistence;
  const bool measured = headers_find(*request.output_headers, "Content-Length") != nullptr;
  const bool body = has_body(request);
  request.chunked = body && !measured && request.minor > 0;
  // Without a length and without chunks the body ends with the connection.
  closing_ = must_close(request) || (body && !measured && !request.chunked);
  ReplyShape shape;
  shape.chunked = request.chunked;
  if (!headers_find(*request.output_headers, "Connection")) {
    if (closing_ && request.minor > 0) shape.persistence = Persistence::close;
    if (!closing_ && request.minor == 0) shape.persistence = Persistence::keep_alive;
  }
  if (request.minor > 0) shape.date = server_.date();
  if (status_has_body(code)) shape.content_type = text_or_nothing(server_.default_content_type);
  if (!write_reply_head(request, shape, output())) return dispose();
  state_ = State::streaming;
}

void evhttp_connection::send_chunk(HttpRequest &request, evbuffer *data, ConnectionCallback sent,
                                   void *arg) noexcept {
  const std::size_t size = evbuffer_get_length(data);
  if (state_ != State::streaming || size == 0 || !has_body(request)) return;
  const Pin pin(*this);
  bool added = !request.chunked ||
               evbuffer_add_printf(output(), "%llx\r\n", static_cast<unsigned long long>(size)) >= 0;
  added = added && evbuffer_add_buffer(output(), data) == 0;
  added = added && (!request.chunked || evbuffer_add(output(), "\r\n", 2) == 0);
  // What was sent so far cannot be taken back.
  if (!added) return fail(EVREQ_HTTP_BUFFER_ERROR);
  sent_cb_ = sent;
  sent_arg_ = arg;
}

void evhttp_connection::end_reply(HttpRequest &request) noexcept {
  if (state_ != State::streaming) return;
  const Pin pin(*this);
  request.userdone = 1;
  constexpr std::string_view kLastChunk = "0\r\n\r\n";
  if (request.chunked && evbuffer_add(output(), kLastChunk.data(), kLastChunk.size()) != 0) {
    return fail(EVREQ_HTTP_BUFFER_ERROR);
  }
  complete_reply();
}

template <typename WritePage>
void evhttp_connection::reply_page(HttpRequest &request, int code, const char *reason,
                                   WritePage write) noexcept {
  if (state_ != State::handling) return cut_short(request);
  const Pin pin(*this);
  evbuffer *page = evbuffer_new();
  const bool written = page && write(page);
  // The program's function for pages may have closed the connection.
  if (written && !dead_) reply(request, code, reason, page);
  if (page) evbuffer_free(page);
  if (written) return;
  request.userdone = 1;
  dispose();
}

void evhttp_connection::reply_error(HttpRequest &request, int code, const char *reason) noexcept {
  reply_page(request, code, reason, [&](evbuffer *page) noexcept {
    return write_error_page(request, server_.error_page, code, reason, page);
  });
}

void evhttp_connection::reply_not_found(HttpRequest &request) noexcept {
  reply_page(request, HTTP_NOTFOUND, nullptr, [&](evbuffer *page) noexcept {
    return write_not_found_page(request, server_.error_page, page);
  });
}

// A second reply: what was begun cannot be taken back, but the client shall see that it is not whole.
void evhttp_connection::cut_short(HttpRequest &request) noexcept {
  if (state_ != State::streaming) return;
  request.userdone = 1;
  closing_ = true;
  complete_reply();
}

void evhttp_connection::complete_reply() noexcept {
  state_ = State::replied;
  // Outside of process() the rest is done when all has been sent, which some transports do at once.
  if (!processing_ && unsent() == 0) {
    bufferevent_trigger(bev_, EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
  }
}

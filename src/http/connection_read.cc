// How a connection reads: head, body, trailers, then the program's callback, and the next request.
#include <algorithm>
#include <climits>
#include <cstring>

#include "event2/buffer.h"
#include "http/client_socket.h"
#include "http/connection.h"
#include "http/connection_pin.h"
#include "http/headers.h"
#include "http/limits.h"
#include "http/method.h"
#include "http/reply.h"
#include "http/request_head.h"
#include "http/server.h"
#include "http/uri.h"
#include "util/text.h"

using namespace evi;

void evhttp_connection::process() noexcept {
  if (processing_) return;
  const Pin pin(*this);
  processing_ = true;
  while (!dead_ && step()) {
  }
  processing_ = false;
  if (dead_) return;
  if (eof_ && (state_ < State::handling || lingering_)) return finish_without_input();
  if (state_ == State::streaming && begun_in_callback_) look_for_end();
  update_reading();
}

bool evhttp_connection::step() noexcept {
  switch (state_) {
    case State::head:
      return read_head();
    case State::body:
      return read_body();
    case State::chunk_line:
      return read_chunk_line();
    case State::chunk_data:
      return read_chunk_data();
    case State::chunk_end:
      return read_chunk_end();
    case State::trailers:
      return read_trailers();
    case State::replied:
      return after_reply();
    default:
      return false;
  }
}

// --- the head ---

bool evhttp_connection::begin_request() noexcept {
  request_ = HttpRequest::create(nullptr, nullptr);
  if (!request_) {
    dispose();
    return false;
  }
  request_->evcon = this;
  request_->flags |= EVHTTP_REQ_OWN_CONNECTION;
  request_->kind = EVHTTP_REQUEST;
  request_->set_peer(peer_host_, peer_port_);
  head_bytes_ = 0;
  fields_ = 0;
  if (server_.new_request_cb) {
    RequestGuard guard(*request_);
    const int wanted = server_.new_request_cb(request_, server_.new_request_arg);
    if (dead_) return false;
    if (wanted < 0 || guard.gone()) {
      dispose();
      return false;
    }
  }
  return true;
}

namespace {

// What taking a line comes to, if it is not the status code to refuse the request with.
enum : int { kNoMemory = -1, kMore = 0, kDone = 1 };

}  // namespace

bool evhttp_connection::read_head() noexcept {
  if (evbuffer_get_length(input()) == 0 || (!request_ && !begin_request())) return false;
  lines_.begin(input());
  std::string_view line;
  int result = kMore;
  LineReader::Result found;
  while (result == kMore && (found = lines_.next(line)) == LineReader::found) {
    result = take_head_line(line);
    if (dead_) return false;
  }
  if (result == kMore && found == LineReader::failed) result = kNoMemory;
  if (result == kMore && head_bytes_ + lines_.pending() > settings_.max_head) result = HTTP_BADREQUEST;
  lines_.end();
  if (result == kMore) return false;
  if (result == kDone) return end_head();
  if (result != kNoMemory) return refuse(result);
  dispose();
  return false;
}

int evhttp_connection::take_head_line(std::string_view line) noexcept {
  line = without_line_end(line);
  head_bytes_ += line.size();
  request_->headers_size = head_bytes_;
  if (head_bytes_ > settings_.max_head) return HTTP_BADREQUEST;
  if (request_->uri) return line.empty() ? kDone : take_field(line);
  if (line.empty()) return fields_++ < kMaxLeadingEmptyLines ? kMore : HTTP_BADREQUEST;
  fields_ = 0;
  return take_request_line(line);
}

int evhttp_connection::take_request_line(std::string_view line) noexcept {
  RequestLine parts;
  if (!parse_request_line(line, parts)) return HTTP_BADREQUEST;
  request_->major = 1;
  request_->minor = static_cast<char>(parts.minor);
  unsigned type = method_of(parts.method);
  if (type == 0) type = ext_method_of(parts.method);
  // The program's function may have freed the connection, and with it the line.
  if (dead_) return kNoMemory;
  request_->type = static_cast<evhttp_cmd_type>(type);
  if (!request_->set_target(parts.target)) return kNoMemory;
  return take_target(parts.target) ? kMore : HTTP_BADREQUEST;
}

unsigned evhttp_connection::ext_method_of(std::string_view name) noexcept {
  char text[kMaxExtMethod + 1];
  if (!settings_.ext_method || !copy_text(text, sizeof(text), name)) return 0;
  evhttp_ext_method method = {text, 0, 0};
  // One bit, which is none of ours.
  if (settings_.ext_method(&method) != 0) return 0;
  if (method.type <= EVHTTP_REQ_MAX || method.type > EVHTTP_REQ_LAST_OWN) return 0;
  return (method.type & (method.type - 1)) == 0 ? method.type : 0;
}

// RFC 9112 3.2. The target of a CONNECT is an authority.
bool evhttp_connection::take_target(std::string_view target) noexcept {
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

int evhttp_connection::take_field(std::string_view line) noexcept {
  Field field;
  if (fields_++ >= kMaxHeaderCount || !parse_field(line, field)) return HTTP_BADREQUEST;
  return headers_append(request_->input(), field.name, field.value) ? kMore : kNoMemory;
}

bool evhttp_connection::end_head() noexcept {
  if (request_->header_cb) {
    RequestGuard guard(*request_);
    const int wanted = request_->header_cb(request_, request_->cb_arg);
    if (dead_) return false;
    if (wanted < 0 || guard.gone()) {
      dispose();
      return false;
    }
  }
  return refuse_or_begin_body();
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
  return type > EVHTTP_REQ_MAX || (server.allowed_methods & type) != 0;
}

}  // namespace

// The status code to refuse the request with, or 0.
int evhttp_connection::check_head(Framing framing) noexcept {
  if (framing.kind == Framing::bad || names_two_hosts(request_->input())) return HTTP_BADREQUEST;
  if (!is_allowed(server_, request_->type)) return HTTP_NOTIMPLEMENTED;
  if (framing.kind == Framing::none) return 0;
  const char *expected = headers_find(request_->input(), "Expect");
  const bool known = !expected || equal_ignoring_case(expected, "100-continue");
  return known ? 0 : HTTP_EXPECTATIONFAILED;
}

bool evhttp_connection::refuse_or_begin_body() noexcept {
  const Framing framing = request_framing(request_->input());
  if (const int code = check_head(framing)) return refuse(code);
  if (framing.kind == Framing::none) return dispatch();
  request_->ntoread = static_cast<ev_int64_t>(framing.bytes);
  if (framing.bytes > settings_.max_body) return refuse_too_long(framing.bytes);
  // RFC 9112 6.1: an HTTP/1.0 message with chunks may come through something that does not know them.
  if (framing.kind == Framing::chunked && request_->minor == 0) closing_ = true;
  const bool empty = framing.kind == Framing::length && framing.bytes == 0;
  if (!empty && !expects_continue()) {
    dispose();
    return false;
  }
  chunks_ = {};
  state_ = framing.kind == Framing::chunked ? State::chunk_line : State::body;
  return true;
}

// RFC 9110 10.1.1: a client that waits before it sends its body is told to go on. False without memory.
bool evhttp_connection::expects_continue() noexcept {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  if (request_->minor == 0 || evbuffer_get_length(input()) > 0) return true;
  if (!headers_find(request_->input(), "Expect")) return true;
  return evbuffer_add(output(), kContinue.data(), kContinue.size()) == 0;
}

// --- the body ---

std::size_t evhttp_connection::move_body(std::size_t most) noexcept {
  const int moved =
      evbuffer_remove_buffer(input(), request_->input_buffer, std::min<std::size_t>(most, INT_MAX));
  if (moved < 0) {
    dispose();
    return 0;
  }
  request_->ntoread -= moved;
  request_->body_size += static_cast<std::size_t>(moved);
  return static_cast<std::size_t>(moved);
}

// Lets the program have what has arrived of the body, if it wants it in pieces. False if the request has
// gone.
bool evhttp_connection::hand_out_body() noexcept {
  if (!request_->chunk_cb || evbuffer_get_length(request_->input_buffer) == 0) return true;
  RequestGuard guard(*request_);
  request_->chunk_cb(request_, request_->cb_arg);
  if (dead_) return false;
  if (guard.gone()) {
    dispose();
    return false;
  }
  evbuffer_drain(request_->input_buffer, evbuffer_get_length(request_->input_buffer));
  return true;
}

bool evhttp_connection::read_body() noexcept {
  const auto left = static_cast<std::uint64_t>(request_->ntoread);
  if (left > 0) {
    if (evbuffer_get_length(input()) == 0) return false;
    move_body(static_cast<std::size_t>(std::min<std::uint64_t>(left, SIZE_MAX)));
    if (dead_ || !hand_out_body()) return false;
  }
  return request_->ntoread == 0 ? dispatch() : evbuffer_get_length(input()) > 0;
}

bool evhttp_connection::read_chunk_line() noexcept {
  lines_.begin(input());
  std::string_view line;
  const LineReader::Result found = lines_.next(line);
  std::uint64_t size = 0;
  const bool good = found == LineReader::found ? line.size() <= kMaxChunkLine && chunks_.parse(line, size)
                                               : lines_.pending() <= kMaxChunkLine;
  lines_.end();
  if (found == LineReader::failed) {
    dispose();
    return false;
  }
  if (!good) return refuse(HTTP_BADREQUEST);
  if (found == LineReader::incomplete) return false;
  if (size > settings_.max_body || request_->body_size > settings_.max_body - size) {
    return refuse_too_long(kMaxLingerBytes);
  }
  request_->ntoread = static_cast<ev_int64_t>(size);
  head_bytes_ = 0;
  fields_ = 0;
  state_ = size == 0 ? State::trailers : State::chunk_data;
  return true;
}

bool evhttp_connection::read_chunk_data() noexcept {
  if (evbuffer_get_length(input()) == 0) return false;
  move_body(static_cast<std::size_t>(request_->ntoread));
  if (dead_) return false;
  if (request_->ntoread == 0) state_ = State::chunk_end;
  return true;
}

bool evhttp_connection::read_chunk_end() noexcept {
  char end[2];
  const ev_ssize_t have = evbuffer_copyout(input(), end, sizeof(end));
  if ((have > 0 && end[0] != '\r') || (have == 2 && end[1] != '\n')) return refuse(HTTP_BADREQUEST);
  if (have < 2) return false;
  evbuffer_drain(input(), sizeof(end));
  state_ = State::chunk_line;
  return hand_out_body();
}

// RFC 9112 7.1.2: they are checked and dropped. Merged into the headers they would say what nobody has
// checked.
bool evhttp_connection::read_trailers() noexcept {
  lines_.begin(input());
  std::string_view line;
  bool good = true, last = false;
  LineReader::Result found = LineReader::incomplete;
  while (good && !last && (found = lines_.next(line)) == LineReader::found) {
    const std::string_view text = without_line_end(line);
    head_bytes_ += text.size();
    last = text.empty();
    Field field;
    good = line.size() == text.size() + 2 && head_bytes_ <= settings_.max_head &&
           (last || (fields_++ < kMaxHeaderCount && parse_field(text, field)));
  }
  good = good && (found != LineReader::incomplete || head_bytes_ + lines_.pending() <= settings_.max_head);
  lines_.end();
  if (found == LineReader::failed) {
    dispose();
    return false;
  }
  if (!good) return refuse(HTTP_BADREQUEST);
  return last && dispatch();
}

// --- the request is complete ---

bool evhttp_connection::dispatch() noexcept {
  HttpRequest &request = *request_;
  state_ = State::handling;
  const RequestGuard guard(request);
  request.mark_dispatched();
  server_.handle(request);
  // As in libevent, a connection that the program frees in the callback takes the request along.
  const bool left = released_ && request.is_users() && !request.is_owned() && !guard.gone();
  if (left) request.dispose();
  return !dead_;
}

bool evhttp_connection::refuse(int code) noexcept {
  HttpRequest &request = *request_;
  const RequestGuard guard(request);
  closing_ = true;
  state_ = State::handling;
  reply_error(request, code, nullptr);
  return !dead_;
}

// The reply goes out at once; with EVHTTP_CON_LINGERING_CLOSE what the client has still to send is then read
// and discarded, since a socket that is closed before takes back what it has sent.
bool evhttp_connection::refuse_too_long(std::uint64_t unread) noexcept {
  lingering_ = settings_.lingers;
  linger_bytes_ = unread;
  return refuse(HTTP_ENTITYTOOLARGE);
}

void evhttp_connection::discard_input() noexcept {
  const std::size_t size = evbuffer_get_length(input());
  evbuffer_drain(input(), size);
  linger_bytes_ -= std::min<std::uint64_t>(linger_bytes_, size);
}

// The reply is in the output buffer. Without anybody who waits for its end the next request is looked at
// already, so that the replies to several leave together.
bool evhttp_connection::after_reply() noexcept {
  if (lingering_) {
    discard_input();
    // The client sees the end of the reply although the connection stays.
    if (unsent() == 0) end_writing(bufferevent_getfd(bev_));
    if (unsent() > 0 || linger_bytes_ > 0) return false;
    lingering_ = false;
  }
  const bool told = closing_ || (request_ && request_->on_complete_cb);
  if (unsent() > (told ? 0 : kMaxQueuedReplies)) return false;
  if (!finish_request()) return false;
  if (closing_) {
    dispose();
    return false;
  }
  state_ = State::head;
  return true;
}

bool evhttp_connection::finish_request() noexcept {
  HttpRequest *request = request_;
  if (!request) return true;
  if (request->on_complete_cb) {
    const RequestGuard guard(*request);
    request->on_complete_cb(request, request->on_complete_cb_arg);
    if (dead_) return false;
    if (guard.gone()) request_ = nullptr;
  }
  drop_request();
  return true;
}

// The life of a server's connection. What it reads is in connection_read.cc, what it replies in
// connection_reply.cc.
#include "http/connection.h"

#include <cstring>
#include <new>

#include "bufferevent/read_whole.h"
#include "event2/buffer.h"
#include "event2/bufferevent_struct.h"
#include "event2/event.h"
#include "http/connection_pin.h"
#include "http/limits.h"
#include "http/server.h"
#include "util/alloc.h"

using namespace evi;

// --- the beginning ---

evhttp_connection *evhttp_connection::create(evhttp &server, bufferevent *bev, const sockaddr *address,
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
  return made;
}

void evhttp_connection::take_callbacks() noexcept {
  bufferevent_setcb(bev_, on_read, on_written, on_event, this);
  evi_private_read_whole(bev_);
}

bool evhttp_connection::start() noexcept {
  const Pin pin(*this);
  take_callbacks();
  if (set_timeouts() && bufferevent_enable(bev_, EV_READ | EV_WRITE) == 0) return true;
  dispose(Output::lost);
  return false;
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

// --- the bufferevent ---

// Without a timeout for reading while only what comes unasked is read: the time that the program takes is not
// the client's.
bool evhttp_connection::set_timeouts() noexcept {
  const bool unsolicited = reading_ == Reading::unsolicited && !taken_over();
  const timeval *reading = unsolicited ? nullptr : &settings_.read_timeout;
  return bufferevent_set_timeouts(bev_, reading, &settings_.write_timeout) == 0;
}

// Enabling again reports a timeout that could not be added. The program uses the connection, so that the
// error is deferred.
void evhttp_connection::apply_timeouts() noexcept {
  if (is_dead()) return;
  const bool reads = !taken_over() && (bev_->enabled & EV_READ) != 0;
  if (set_timeouts() && (!reads || bufferevent_enable(bev_, EV_READ) == 0)) return;
  bufferevent_trigger_event(bev_, BEV_EVENT_ERROR | BEV_EVENT_READING, BEV_TRIG_DEFER_CALLBACKS);
}

void evhttp_connection::set_closes_on_eof(bool closes) noexcept {
  settings_.closes_on_eof = closes;
  if (!closes || !eof_ || is_dead() || taken_over()) return;
  bufferevent_trigger_event(bev_, BEV_EVENT_EOF | BEV_EVENT_READING, BEV_TRIG_DEFER_CALLBACKS);
}

bool evhttp_connection::taken_over() const noexcept {
  return bev_->readcb != on_read || bev_->writecb != on_written || bev_->errorcb != on_event ||
         bev_->cbarg != this;
}

void evhttp_connection::take_back() noexcept {
  if (!taken_over()) return;
  take_callbacks();
  if (bufferevent_get_enabled(bev_) & EV_READ) {
    reading_ = Reading::request;
  } else if (reading_ != Reading::held) {
    reading_ = Reading::nothing;
  }
  // In process() at the latest, whose end it is otherwise.
  if (bufferevent_enable(bev_, EV_WRITE) != 0) return fail(EVREQ_HTTP_BUFFER_ERROR, Output::sent_first);
  if (!processing_) update_reading();
}

evhttp_connection::Reading evhttp_connection::wanted_reading() const noexcept {
  if (eof_) return Reading::nothing;
  if (ending_ == Ending::linger || state_ == State::reading) return Reading::request;
  if (reading_ == Reading::held) return Reading::held;
  return evbuffer_get_length(input()) < kMaxWaitingInput ? Reading::unsolicited : Reading::nothing;
}

// While the program works on a request the client may send the next ones, up to a bound; and its EOF or reset
// is noticed. A program that has disabled reading in its callback may read from the descriptor itself.
void evhttp_connection::update_reading() noexcept {
  if (taken_over()) return;
  const bool disabled = (bev_->enabled & EV_READ) == 0;
  if (state_ != State::reading && disabled && reads()) reading_ = Reading::held;
  const Reading wanted = wanted_reading();
  if (wanted == reading_ && (!reads() || !disabled)) return;
  reading_ = wanted;
  const bool done = reads() ? set_timeouts() && bufferevent_enable(bev_, EV_READ) == 0
                            : bufferevent_disable(bev_, EV_READ) == 0;
  // It may have called on_event().
  if (!done && !is_dead()) fail(EVREQ_HTTP_BUFFER_ERROR, Output::sent_first);
}

// --- the end ---

void evhttp_connection::dispose(Output output) noexcept {
  if (is_dead()) return;
  const Pin pin(*this);
  life_ = Life::dead;
  const bool sends = output == Output::sent_first && has_whole_replies() && !taken_over();
  drop_request();
  reader_.reset();
  server_.begin_close(*this);
  if (close_cb_) close_cb_(this, close_arg_);
  // The callback may have freed the server.
  if (life_ != Life::closed && !(sends && drain())) close();
}

void evhttp_connection::release_by_program() noexcept {
  released_ = true;
  dispose();
}

// A reply in parts that is cut off is not worth waiting for, those in front of it are.
bool evhttp_connection::has_whole_replies() const noexcept {
  return unsent() > (state_ == State::streaming ? reply_bytes_ : 0);
}

// Has the output sent, within the time that the client may take for a part of it.
bool evhttp_connection::drain() noexcept {
  if (unsent() == 0) return false;
  deadline_ = event_new(bufferevent_get_base(bev_), -1, EV_TIMEOUT, on_deadline, this);
  if (!deadline_ || event_add(deadline_, &settings_.write_timeout) != 0) return false;
  bufferevent_setcb(bev_, nullptr, on_drained, on_drain_failed, this);
  bufferevent_setwatermark(bev_, EV_WRITE, 0, 0);
  return bufferevent_disable(bev_, EV_READ) == 0 && bufferevent_enable(bev_, EV_WRITE) == 0 &&
         life_ != Life::closed;
}

void evhttp_connection::on_drained(bufferevent *, void *self) noexcept {
  auto &connection = *static_cast<evhttp_connection *>(self);
  if (connection.unsent() == 0) connection.close();
}

void evhttp_connection::on_drain_failed(bufferevent *, short, void *self) noexcept {
  static_cast<evhttp_connection *>(self)->close();
}

void evhttp_connection::on_deadline(evutil_socket_t, short, void *self) noexcept {
  static_cast<evhttp_connection *>(self)->close();
}

void evhttp_connection::close() noexcept {
  if (life_ == Life::closed) return;
  const Pin pin(*this);
  life_ = Life::closed;
  server_.remove(*this);
  if (deadline_) event_free(deadline_);
  bufferevent_free(bev_);
  bev_ = nullptr;
}

// What the program has not replied to stays with it, unless it has taken the connection for something else.
void evhttp_connection::drop_request() noexcept {
  HttpRequest *request = request_;
  if (!request) return;
  request_ = nullptr;
  request->evcon = nullptr;
  if (request->is_owned() || (request->is_users() && !taken_over())) return;
  request->dispose();
}

void evhttp_connection::forget(HttpRequest &request) noexcept {
  request.evcon = nullptr;
  if (&request != request_) return;
  request_ = nullptr;
  // No reply to it can come any more.
  if (state_ != State::replied && !taken_over()) dispose();
}

void evhttp_connection::fail(evhttp_request_error error, Output output) noexcept {
  const Pin pin(*this);
  if (request_ && request_->error_cb) {
    const RequestGuard guard(*request_);
    request_->error_cb(error, request_->cb_arg);
  }
  dispose(output);
}

// --- what the bufferevent reports ---

void evhttp_connection::on_read(bufferevent *, void *self) noexcept {
  static_cast<evhttp_connection *>(self)->process();
}

void evhttp_connection::on_written(bufferevent *, void *self) noexcept {
  auto &connection = *static_cast<evhttp_connection *>(self);
  // A deferred callback may come when there is output again.
  if (connection.unsent() > 0) return;
  const Pin pin(connection);
  if (ConnectionCallback sent = connection.sent_cb_) {
    connection.sent_cb_ = nullptr;
    sent(&connection, connection.sent_arg_);
    if (connection.is_dead() || connection.unsent() > 0) return;
  }
  if (connection.state_ == State::replied) connection.process();
}

void evhttp_connection::on_event(bufferevent *, short what, void *self) noexcept {
  auto &connection = *static_cast<evhttp_connection *>(self);
  if (what & BEV_EVENT_ERROR) return connection.fail(EVREQ_HTTP_BUFFER_ERROR, Output::lost);
  if (what & BEV_EVENT_EOF) return connection.input_ended();
  if (!(what & BEV_EVENT_TIMEOUT)) return;
  if (what & BEV_EVENT_WRITING) return connection.fail(EVREQ_HTTP_TIMEOUT, Output::lost);
  if (connection.reading_ == Reading::request) return connection.fail(EVREQ_HTTP_TIMEOUT, Output::sent_first);
  // It expired before the request was complete, and was reported after that.
  if (connection.reading_ == Reading::unsolicited) connection.reading_ = Reading::nothing;
  connection.update_reading();
}

// A client that half-closes before the reply is begun may wait for it. A later EOF counts as a disconnect, as
// in libevent.
void evhttp_connection::input_ended() noexcept {
  const Pin pin(*this);
  eof_ = true;
  const bool gone = (state_ == State::streaming && stream_eof_ != StreamEof::half_closed) ||
                    (state_ == State::handling && settings_.closes_on_eof);
  if (gone) return fail(EVREQ_HTTP_EOF, Output::lost);
  if (state_ == State::reading || ending_ == Ending::linger) return finish_without_input();
  update_reading();
}

// What is missing of a request never comes; replies to earlier ones are sent.
void evhttp_connection::finish_without_input() noexcept {
  ending_ = Ending::close;
  if (unsent() == 0) return fail(EVREQ_HTTP_EOF, Output::lost);
  if (state_ != State::replied) drop_request();
  state_ = State::replied;
  update_reading();
}

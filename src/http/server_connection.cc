// The beginning and the end of a server's connection, and what its bufferevent reports. What it reads is in
// server_connection_read.cc, what it replies in server_connection_reply.cc.
#include "http/server_connection.h"

#include <cstring>
#include <new>

#include "event2/buffer.h"
#include "event2/event.h"
#include "http/connection_pin.h"
#include "http/limits.h"
#include "http/server.h"
#include "util/alloc.h"
#include "util/assert.h"

namespace evi {

// --- the beginning ---

constinit const ConnectionRole ServerConnection::kRole = {
    .on_read = on_read,
    .on_written = on_written,
    .on_event = on_event,
    .release = on_release,
    .forget = on_forget,
    .destroy = on_destroy,
};

ServerConnection::ServerConnection(evhttp &server, bufferevent *bev,
                                   const ServerConnectionSettings &settings) noexcept
    : evhttp_connection(kRole, bev, settings),
      server_(server),
      lingers_(settings.lingers),
      closes_on_eof_(settings.closes_on_eof) {}

// The peer's address follows the connection.
ServerConnection *ServerConnection::create(evhttp &server, bufferevent *bev, const sockaddr *address,
                                           int length, const ServerConnectionSettings &settings) noexcept {
  const std::size_t address_size = address && length > 0 ? static_cast<std::size_t>(length) : 0;
  void *memory = mm_malloc(sizeof(ServerConnection) + address_size);
  if (!memory) {
    bufferevent_free(bev);
    return nullptr;
  }
  auto *made = ::new (memory) ServerConnection(server, bev, settings);
  if (address_size > 0) {
    std::memcpy(static_cast<void *>(made + 1), address, address_size);
    made->set_peer(*reinterpret_cast<const sockaddr *>(made + 1), address_size);
  }
  return made;
}

ServerConnection &ServerConnection::of(evhttp_connection &connection) noexcept {
  EVI_ASSERT(&connection.role() == &kRole);
  return static_cast<ServerConnection &>(connection);
}

// From the argument of the role's bufferevent callbacks.
ServerConnection &ServerConnection::of(void *self) noexcept {
  return of(*static_cast<evhttp_connection *>(self));
}

bool ServerConnection::start() noexcept {
  EVI_ASSERT(life_ == Life::live);
  EVI_ASSERT(state_ == State::reading);
  const Pin pin(*this);
  set_callbacks();
  if (set_timeouts() && bufferevent_enable(bev_, EV_READ | EV_WRITE) == 0) return true;
  dispose(Output::lost);
  return false;
}

// --- the bufferevent ---

void ServerConnection::set_closes_on_eof(bool closes) noexcept {
  closes_on_eof_ = closes;
  if (!closes || !eof_ || is_dead() || taken_over()) return;
  bufferevent_trigger_event(bev_, BEV_EVENT_EOF | BEV_EVENT_READING, BEV_TRIG_DEFER_CALLBACKS);
}

void ServerConnection::take_back() noexcept {
  if (!taken_over()) return;
  set_callbacks();
  if (bufferevent_get_enabled(bev_) & EV_READ) {
    reading_ = Reading::message;
  } else if (reading_ != Reading::held) {
    reading_ = Reading::nothing;
  }
  // In process() its end does that.
  if (bufferevent_enable(bev_, EV_WRITE) != 0) return fail(EVREQ_HTTP_BUFFER_ERROR, Output::sent_first);
  if (!processing_ && !is_dead()) update_reading();
}

ServerConnection::Reading ServerConnection::wanted_reading() const noexcept {
  if (eof_) return Reading::nothing;
  if (ending_ == Ending::linger || state_ == State::reading) return Reading::message;
  if (reading_ == Reading::held) return Reading::held;
  return evbuffer_get_length(input()) < kMaxWaitingInput ? Reading::unsolicited : Reading::nothing;
}

// While the application handles a request, input is buffered up to a bound, and EOF or a reset is noticed. An
// application that has disabled reading in its callback may read from the fd itself.
void ServerConnection::update_reading() noexcept {
  if (taken_over()) return;
  const bool disabled = reading_is_disabled();
  if (state_ != State::reading && disabled && reads()) reading_ = Reading::held;
  const Reading wanted = wanted_reading();
  if (wanted == reading_ && (!reads() || !disabled)) return;
  if (!change_reading(wanted) && !is_dead()) fail(EVREQ_HTTP_BUFFER_ERROR, Output::sent_first);
}

// --- the end ---

void ServerConnection::dispose(Output output) noexcept {
  if (is_dead()) return;
  EVI_ASSERT(bev_);
  const Pin pin(*this);
  life_ = Life::dead;
  const bool sends = output == Output::sent_first && has_whole_replies() && !taken_over();
  drop_request();
  reader_.reset();
  server_.begin_close(*this);
  call_close_callback();
  // The callback may have freed the server.
  if (life_ != Life::closed && !(sends && drain())) close();
}

void ServerConnection::on_release(evhttp_connection &self) noexcept {
  ServerConnection &connection = of(self);
  connection.released_ = true;
  connection.dispose();
}

void ServerConnection::on_destroy(evhttp_connection &self) noexcept { destroy(&of(self)); }

// An unfinished reply in parts is not sent first, the complete ones before it are.
bool ServerConnection::has_whole_replies() const noexcept {
  return unsent() > (state_ == State::streaming ? reply_bytes_ : 0);
}

// Sends the output, within the write timeout. False if there is none, or if that could not be started.
bool ServerConnection::drain() noexcept {
  EVI_ASSERT(life_ == Life::dead);
  EVI_ASSERT(!deadline_);
  if (unsent() == 0) return false;
  deadline_ = event_new(bufferevent_get_base(bev_), -1, EV_TIMEOUT, on_deadline, this);
  if (!deadline_ || event_add(deadline_, &settings_.write_timeout) != 0) return false;
  bufferevent_setcb(bev_, nullptr, on_drained, on_drain_failed, this);
  bufferevent_setwatermark(bev_, EV_WRITE, 0, 0);
  return bufferevent_disable(bev_, EV_READ) == 0 && bufferevent_enable(bev_, EV_WRITE) == 0 &&
         life_ != Life::closed;
}

void ServerConnection::on_drained(bufferevent *, void *self) noexcept {
  auto &connection = *static_cast<ServerConnection *>(self);
  if (connection.unsent() == 0) connection.close();
}

void ServerConnection::on_drain_failed(bufferevent *, short, void *self) noexcept {
  static_cast<ServerConnection *>(self)->close();
}

void ServerConnection::on_deadline(evutil_socket_t, short, void *self) noexcept {
  static_cast<ServerConnection *>(self)->close();
}

void ServerConnection::close() noexcept {
  if (life_ == Life::closed) return;
  EVI_ASSERT(life_ == Life::dead);
  EVI_ASSERT(!request_);
  const Pin pin(*this);
  life_ = Life::closed;
  server_.remove(*this);
  if (deadline_) event_free(deadline_);
  free_bufferevent();
}

// A request that the application has not replied to stays with it, unless it has taken the bufferevent over.
void ServerConnection::drop_request() noexcept {
  HttpRequest *request = request_;
  if (!request) return;
  EVI_ASSERT(request->evcon == this);
  request_ = nullptr;
  request->evcon = nullptr;
  if (request->is_owned() || (request->is_users() && !taken_over())) return;
  request->dispose();
}

void ServerConnection::on_forget(evhttp_connection &self, HttpRequest &request) noexcept {
  ServerConnection &connection = of(self);
  request.evcon = nullptr;
  if (&request != connection.request_) return;
  connection.request_ = nullptr;
  // The reader would append to it, once the application gives back the callbacks that it replaced.
  if (connection.reader_.is_reading()) connection.reader_.reset();
  // No reply to it can follow.
  if (connection.state_ != State::replied && !connection.taken_over()) connection.dispose();
}

void ServerConnection::fail(evhttp_request_error error, Output output) noexcept {
  const Pin pin(*this);
  if (request_ && request_->error_cb) {
    const RequestGuard guard(*request_);
    request_->error_cb(error, request_->cb_arg);
  }
  dispose(output);
}

// --- what the bufferevent reports ---

void ServerConnection::on_read(bufferevent *, void *self) noexcept { of(self).process(); }

void ServerConnection::on_written(bufferevent *, void *self) noexcept {
  ServerConnection &connection = of(self);
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

void ServerConnection::on_event(bufferevent *, short what, void *self) noexcept {
  ServerConnection &connection = of(self);
  if (what & BEV_EVENT_ERROR) return connection.fail(EVREQ_HTTP_BUFFER_ERROR, Output::lost);
  if (what & BEV_EVENT_EOF) return connection.input_ended();
  if (!(what & BEV_EVENT_TIMEOUT)) return;
  if (what & BEV_EVENT_WRITING) return connection.fail(EVREQ_HTTP_TIMEOUT, Output::lost);
  if (connection.reading_ == Reading::message) return connection.fail(EVREQ_HTTP_TIMEOUT, Output::sent_first);
  // The timeout expired before the request was complete, and is reported after that.
  if (connection.reading_ == Reading::unsolicited) connection.reading_ = Reading::nothing;
  connection.update_reading();
}

// A client that half-closes before the reply is begun may wait for it. A later EOF counts as a disconnect, as
// in libevent.
void ServerConnection::input_ended() noexcept {
  const Pin pin(*this);
  eof_ = true;
  const bool gone = (state_ == State::streaming && stream_eof_ != StreamEof::half_closed) ||
                    (state_ == State::handling && closes_on_eof_);
  if (gone) return fail(EVREQ_HTTP_EOF, Output::lost);
  if (state_ == State::reading || ending_ == Ending::linger) return finish_without_input();
  update_reading();
}

// An incomplete request is dropped; replies to earlier ones are sent.
void ServerConnection::finish_without_input() noexcept {
  ending_ = Ending::close;
  if (unsent() == 0) return fail(EVREQ_HTTP_EOF, Output::lost);
  if (state_ != State::replied) drop_request();
  state_ = State::replied;
  update_reading();
}

}  // namespace evi

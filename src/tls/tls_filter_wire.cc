// An underlying bufferevent as the wire of a TLS bufferevent.
#include "bufferevent/filter.h"
#include "tls/close_notify.h"
#include "tls/tls_bufferevent.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/socket.h"

namespace evi {

using socket_transport::fd_of;

namespace {

// How many bytes may be queued in the underlying output buffer before encrypting stops.
constexpr std::size_t kMaxUnderlyingOutput = 131072;

TlsBufferevent &of(TlsWire &wire) noexcept { return static_cast<TlsBufferevent &>(wire); }
TlsBufferevent &of_callback(void *arg) noexcept {
  return TlsBufferevent::of(*static_cast<BuffereventBase *>(arg));
}

}  // namespace

// --- life ---

bool TlsFilterWire::init(TlsBufferevent &self) noexcept { return self.init_on(*self.underlying_); }

// Its input is held back until the first pump() wants some. That it cannot be enabled is reported by an
// event.
void TlsFilterWire::begin(TlsBufferevent &self) noexcept {
  BuffereventBase &under = *self.underlying_;
  const BuffereventUse use(under);
  under.hold();
  under.set_relay(on_data, on_data, on_event, self, true);
  under.suspend(EV_READ, kFilterBusy);
  if (under.enable(EV_READ | EV_WRITE)) return;
  self.receive_failed(last_socket_error());
  self.send_failed(self.receive_error_);
}

void TlsFilterWire::leave(TlsBufferevent &self, bool owner, bool may_wait) noexcept {
  BuffereventBase &under = *self.underlying_;
  // The application may have replaced them by its own, which stay if it keeps the bufferevent.
  if (owner)
    silence_underlying(under);
  else if (under.cbarg == static_cast<BuffereventBase *>(&self))
    under.set_callbacks(nullptr, nullptr, nullptr, nullptr);
  self.end_session(owner);
  if (!owner) return under.resume(EV_READ, kFilterBusy);
  under.clear_reasons(EV_READ, kFilterBusy);
  write_underlying_out(under);
  if (may_wait) pass_on_close_notify(self);
}

// The socket at the bottom, which is freed with us, leaves it together with what is left of close_notify.
void TlsFilterWire::pass_on_close_notify(TlsBufferevent &self) noexcept {
  BuffereventBase *bottom = self.underlying_;
  while (bottom->has_option(BEV_OPT_CLOSE_ON_FREE) && below(*bottom)) bottom = below(*bottom);
  if (!bottom->be_ops->plain_socket || !bottom->has_option(BEV_OPT_CLOSE_ON_FREE)) return;
  SocketBufferevent &socket = SocketBufferevent::of(*bottom);
  evbuffer &output = socket.output_buffer();
  if (socket.socket_.overlapped || fd_of(socket) < 0 || output.empty() || !socket.wants(EV_WRITE)) return;
  const Unfrozen open(output, BufferEnd::front);
  if (send_close_notify_later(*self.ev_base, fd_of(socket), output))
    socket_transport::replace_fd(socket, kNoSocket);
}

void TlsFilterWire::dispose(BuffereventBase *bev) noexcept {
  TlsBufferevent *self = &TlsBufferevent::of(*bev);
  const bool owner = self->has_option(BEV_OPT_CLOSE_ON_FREE);
  BuffereventBase &under = *self->underlying_;
  self->free_session();
  evi::destroy(self);
  const BuffereventUse use(under);
  under.drop();
  if (owner) under.release_by_program();
}

bool TlsFilterWire::inherit(TlsWire &wire, const TlsRemains &remains) noexcept {
  TlsBufferevent &self = of(wire);
  const BuffereventUse use(*self.underlying_);
  if (remains.in_size && !self.wire_in_.add(remains.in, remains.in_size)) return false;
  return !remains.out_size || self.underlying_->output_buffer().add(remains.out, remains.out_size);
}

// --- the descriptor is the underlying bufferevent's ---

// It stays as it is for -1.
bool TlsFilterWire::set_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept {
  BuffereventBase &under = *TlsBufferevent::of(bev).underlying_;
  return fd < 0 || under.be_ops->set_fd(under, fd);
}

evutil_socket_t TlsFilterWire::get_fd(const BuffereventBase &bev) noexcept {
  const BuffereventBase &under = *TlsBufferevent::of(bev).underlying_;
  return under.be_ops->get_fd(under);
}
evutil_socket_t TlsFilterWire::fd(const TlsWire &wire) noexcept {
  return get_fd(static_cast<const TlsBufferevent &>(wire));
}
bufferevent *TlsFilterWire::get_underlying(const BuffereventBase &bev) noexcept {
  return TlsBufferevent::of(bev).underlying_;
}

// --- what is waited for ---

bool TlsFilterWire::connected(const TlsBufferevent &) noexcept { return true; }

// The events are timers, and are there only if there is a timeout.
bool TlsFilterWire::update_interest(TlsBufferevent &self) noexcept {
  if (self.wants_input() == self.underlying_->suspended(EV_READ, kFilterBusy))
    hold_back(self, !self.wants_input());
  if (self.freed()) return true;
  const bool output =
      self.phase_ == TlsBufferevent::Phase::open && self.wants(EV_WRITE) && !self.output_buffer().empty();
  return self.want(EV_READ, self.wants_input() && evutil_timerisset(&self.timeout_read)) &&
         self.want(EV_WRITE, output && evutil_timerisset(&self.timeout_write));
}

// A bufferevent in memory moves its data at once. What that brings is postponed to a flush turn: the
// application may be about to change one of our buffers, which is why we are here. Callbacks of the other
// side's buffers may free us.
void TlsFilterWire::hold_back(TlsBufferevent &self, bool back) noexcept {
  EVI_ASSERT(!self.pumping());
  BuffereventBase &under = *self.underlying_;
  self.pump_ = TlsBufferevent::Pump::running;
  back ? under.suspend(EV_READ, kFilterBusy) : under.resume(EV_READ, kFilterBusy);
  const bool again = self.pump_ == TlsBufferevent::Pump::requested;
  self.pump_ = TlsBufferevent::Pump::idle;
  if (again && !self.freed()) self.schedule_flush();
}

// --- what the underlying bufferevent reports ---

// With a lock the call may come from any thread, and what pump() uses of the loop's is for its thread alone.
void TlsFilterWire::pump_on_loop(TlsBufferevent &self) noexcept {
  self.lock() ? self.schedule_flush() : self.pump();
}

void TlsFilterWire::on_data(bufferevent *, void *arg) noexcept {
  TlsBufferevent &self = of_callback(arg);
  const BuffereventUse use(self);
  if (self.freed()) return;
  if (self.underlying_holds_data_) self.underlying_holds_data_ = !self.underlying_drained();
  if (!self.underlying_->input_buffer().empty()) {
    self.unread_ = true;
    self.input_arrived();
    self.restart_timeout(EV_READ);
  }
  pump_on_loop(self);
}

// The socket at the bottom failed to connect, or does not exist.
bool TlsFilterWire::not_connected(const TlsBufferevent &self) noexcept {
  const BuffereventBase *bottom = self.underlying_;
  while (const BuffereventBase *under = below(*bottom)) bottom = under;
  return bottom->be_ops->owns_events &&
         (SocketBufferevent::of(*bottom).socket_.refused || fd_of(*bottom) < 0);
}

void TlsFilterWire::on_event(bufferevent *, short what, void *arg) noexcept {
  const int error = last_socket_error();
  TlsBufferevent &self = of_callback(arg);
  const BuffereventUse use(self);
  if (self.freed()) return;
  // The session has not begun if the connection was refused, and the application may try again.
  const bool handshaking = self.phase_ == TlsBufferevent::Phase::handshaking;
  const bool refused = (what & BEV_EVENT_ERROR) && handshaking && not_connected(self);
  if ((what & BEV_EVENT_TIMEOUT) || refused) {
    set_socket_error(error);
    return self.trigger_event(what, 0);
  }
  self.unread_ = true;
  self.input_arrived();
  if (what & BEV_EVENT_EOF) self.wire_ended_ = true;
  if (what & BEV_EVENT_ERROR) {
    // Without a direction it ends both.
    if (!(what & BEV_EVENT_WRITING) || (what & BEV_EVENT_READING)) self.receive_failed(error);
    if (!(what & BEV_EVENT_READING) || (what & BEV_EVENT_WRITING)) self.send_failed(error);
  }
  pump_on_loop(self);
}

// --- ciphertext ---
//
// The session calls receive() and send() inside of the machine, which holds the lock, and when the
// application calls it by itself, as in SSL_shutdown(). The buffers are those of the underlying bufferevent.

std::size_t TlsFilterWire::ciphertext(const TlsBufferevent &self) noexcept {
  return self.wire_in_.length() + self.underlying_->input_buffer().length();
}

void TlsFilterWire::prepare_input(TlsBufferevent &) noexcept {}

// Older bytes first.
long TlsFilterWire::receive(TlsWire &wire, void *data, std::size_t size) noexcept {
  TlsBufferevent &self = of(wire);
  const RawLockGuard held(self.lock());
  evbuffer &from = self.wire_in_.empty() ? self.underlying_->input_buffer() : self.wire_in_;
  if (!from.empty()) return static_cast<long>(from.remove(data, size));
  if (self.receive_error_) return kWireFailed;
  return self.wire_ended_ ? kWireEnded : kWireBlocked;
}

bool TlsFilterWire::accepts_records(const TlsBufferevent &self) noexcept {
  return self.underlying_->output_buffer().length() < kMaxUnderlyingOutput;
}

bool TlsFilterWire::batch_goes_on(const TlsBufferevent &self) noexcept { return self.may_seal(); }

bool TlsFilterWire::send_batch(TlsBufferevent &) noexcept { return true; }

void TlsFilterWire::records_taken(TlsBufferevent &self) noexcept {
  self.underlying_holds_data_ = !self.underlying_drained();
  self.restart_timeout(EV_WRITE);
}

// wire_out_ stays empty.
bool TlsFilterWire::send_pending(TlsBufferevent &) noexcept {
  EVI_ASSERT(false);
  return true;
}

long TlsFilterWire::send(TlsWire &wire, const void *data, std::size_t size) noexcept {
  TlsBufferevent &self = of(wire);
  const RawLockGuard held(self.lock());
  const bool taken =
      !self.send_error_ && (self.underlying_->output_buffer().add(data, size) || self.send_failed(ENOMEM));
  return self.send_result(taken, size);
}

constinit const TlsWireKind TlsFilterWire::kKind = {
    .session = {.receive = receive, .send = send, .fd = fd, .inherit = inherit},
    .reports_errors = true,
    .init = init,
    .begin = begin,
    .leave = leave,
    .connected = connected,
    .ciphertext = ciphertext,
    .prepare_input = prepare_input,
    .accepts_records = accepts_records,
    .batch_goes_on = batch_goes_on,
    .send_batch = send_batch,
    .records_taken = records_taken,
    .send_pending = send_pending,
    .update_interest = update_interest,
};

}  // namespace evi

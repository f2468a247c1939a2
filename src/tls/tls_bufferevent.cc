// TLS bufferevents' life, their turns, and the handshake.
#include "tls/tls_bufferevent.h"

#include <utility>

#include "bufferevent/filter.h"
#include "bufferevent/lookup.h"
#include "bufferevent/socket_transport.h"
#include "core/event_base.h"
#include "tls/close_notify.h"
#include "tls/tls_stage.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/socket.h"

namespace evi {

using socket_transport::fd_of;

namespace {

constexpr short kBoth = EV_READ | EV_WRITE;

}  // namespace

// --- life ---

TlsBufferevent::TlsBufferevent(const TlsSetup &setup, const bufferevent_ops &ops,
                               const TlsWireKind &kind) noexcept
    : SocketBufferevent(setup.base, ops, setup.options),
      TlsWire{&kind.session},
      engine_(*setup.engine),
      wire_kind_(kind),
      session_(setup.session),
      underlying_(setup.underlying ? &BuffereventBase::of(*setup.underlying) : nullptr),
      base_watch_(setup.underlying ? setup.base : nullptr),
      phase_(setup.state == BUFFEREVENT_SSL_OPEN ? Phase::open : Phase::handshaking) {
  socket_transport::assign(*this, underlying_ ? kNoSocket : setup.fd, on_readable, on_writable);
}

TlsBufferevent::~TlsBufferevent() {
  if (received_) chain_release(received_);
  if (stage_.chunk) chain_release(stage_.chunk);
}

TlsBufferevent *TlsBufferevent::create(const TlsSetup &setup) noexcept {
  EVI_ASSERT(setup.engine && setup.session);
  Owned<TlsBufferevent> bev{setup.underlying ? make<TlsBufferevent>(setup, kFilterOps, TlsFilterWire::kKind)
                                             : make<TlsBufferevent>(setup, kSocketOps, TlsSocketWire::kKind)};
  if (!bev || !bev->wire_kind_.init(*bev)) return nullptr;
  const TlsSide side = setup.state == BUFFEREVENT_SSL_OPEN         ? TlsSide::settled
                       : setup.state == BUFFEREVENT_SSL_CONNECTING ? TlsSide::client
                                                                   : TlsSide::server;
  const TlsAttached attached = setup.engine->attach(setup.session, *bev, side, !setup.underlying);
  if (attached == TlsAttached::failed) return nullptr;
  bev->own_wire_ = attached == TlsAttached::own;
  bev->wire_kind_.begin(*bev);
  bev->schedule_flush();
  return bev.release();
}

TlsBufferevent *TlsBufferevent::of(bufferevent &bev) noexcept {
  const bool tls = bev.be_ops == &kSocketOps || bev.be_ops == &kFilterOps;
  return tls ? &of(BuffereventBase::of(bev)) : nullptr;
}

// Everything that was written has left: the peer may learn that this was all.
void TlsBufferevent::send_close_notify() noexcept {
  if (close_notify_ == CloseNotify::sent || in_engine_ || phase_ != Phase::open || send_error_) return;
  if (!output_buffer().empty() || !wire_out_.empty() || !has_wire()) return;
  EVI_ASSERT(session_);
  close_notify_ = CloseNotify::sent;
  const AddingToUnderlying adding(underlying_);
  const EngineCall call(*this);
  engine_.shutdown(session_);
}

// The program may free its session, and close its socket, as soon as bufferevent_free() has returned, though
// a call from the loop goes on here: no function of the engine is called any more.
void TlsBufferevent::give_back_session() noexcept {
  EVI_ASSERT(session_);
  TlsRemains remains;
  remains.in_size = wire_in_.length() + received();
  bool kept = wire_kind_.send_batch(*this);
  if (received() > 0) kept = wire_in_.add(received_->head, received()) && kept;
  remains.out_size = wire_out_.length();
  if (kept && remains.in_size) remains.in = wire_in_.pullup(-1);
  if (kept && remains.out_size) remains.out = wire_out_.pullup(-1);
  engine_.detach(std::exchange(session_, nullptr), fd_of(*this), remains);
}

void TlsBufferevent::unlink(BuffereventBase &bev) noexcept {
  TlsBufferevent &self = of(bev);
  const bool owner = self.has_option(BEV_OPT_CLOSE_ON_FREE);
  self.base_watch_.forget_if_gone(self);
  // What a socket does not take of close_notify at once is sent later, if nothing else is left.
  const bool may_wait = owner && base_lives(self) && self.wire_drained();
  socket_transport::disarm_read(self);
  socket_transport::disarm_write(self);
  self.wire_kind_.leave(self, owner, may_wait);
}

void TlsBufferevent::end_session(bool owner) noexcept { owner ? send_close_notify() : give_back_session(); }

void TlsBufferevent::free_session() noexcept {
  if (!has_option(BEV_OPT_CLOSE_ON_FREE)) return;
  EVI_ASSERT(session_);
  engine_.detach(session_, kNoSocket, TlsRemains{});
  engine_.free(session_);
}

// No output is pending, here or in the underlying bufferevents.
bool TlsBufferevent::wire_drained() const noexcept {
  return output_buffer().empty() && wire_out_.empty() && underlying_drained();
}

bool TlsBufferevent::underlying_drained() const noexcept {
  for (const BuffereventBase *bev = underlying_; bev; bev = below(*bev)) {
    if (!bev->output_buffer().empty()) return false;
  }
  return true;
}

// --- what the wires share ---

bool TlsBufferevent::receive_failed(int error) noexcept {
  receive_error_ = error ? error : kConnectionReset;
  return false;
}

bool TlsBufferevent::send_failed(int error) noexcept {
  send_error_ = error ? error : kConnectionReset;
  return false;
}

// OpenSSL looks at the thread's error: a server whose tickets meet EPIPE completes its handshake.
long TlsBufferevent::send_result(bool sent, std::size_t size) noexcept {
  EVI_ASSERT(sent || send_error_);
  if (sent) return static_cast<long>(size);
  set_socket_error(send_error_);
  return kWireFailed;
}

// --- one turn ---

bool TlsBufferevent::may_pump() const noexcept { return (enabled & kBoth) && has_wire(); }

void TlsBufferevent::pump() noexcept {
  if (pumping()) {
    pump_ = Pump::requested;
    return;
  }
  pump_ = Pump::running;
  pump_once();
  const bool again = pump_ == Pump::requested;
  pump_ = Pump::idle;
  may_receive_ = false;
  if (!freed() && underlying_failed()) report_underlying_error();
  if (freed()) return;
  if (again || work_left()) schedule_flush();
  if (!update_interest()) fail_session(BEV_EVENT_ERROR, last_socket_error());
}

void TlsBufferevent::pump_once() noexcept {
  EVI_ASSERT(pump_ == Pump::running && !freed());
  if (!has_wire()) return;
  if (phase_ == Phase::failed) return send_pending();
  if (phase_ == Phase::handshaking) handshake();
  if (freed() || phase_ != Phase::open) return;
  if (wants(EV_READ) && reads_on() && (unread_ || may_receive_)) read_records();
  if (freed() || phase_ != Phase::open) return;
  write_records();
  if (!freed() && phase_ == Phase::open) report_end();
}

// The underlying bufferevent has failed to receive, and neither that nor an end of reading was reported.
bool TlsBufferevent::underlying_failed() const noexcept {
  return receive_error_ && wire_kind_.reports_errors && input_end_ != InputEnd::reported &&
         phase_ != Phase::failed;
}

// Something was received that the application has not seen and can still read.
bool TlsBufferevent::input_left() const noexcept {
  if (deferred_read_pending()) return true;
  return reads_on() && (ciphertext_at_hand() > 0 || (phase_ == Phase::open && engine_.holds_input(session_)));
}

// Also while reading is disabled, but only after what was received before the error. An enabled read reports
// it as an end of reading.
void TlsBufferevent::report_underlying_error() noexcept {
  const bool read_follows = phase_ == Phase::open && wants(EV_READ) && reads_on() && unread_;
  if (!read_follows && !end_due() && !input_left()) fail_session(error_in(EV_READ), receive_error_);
}

// Also after a failure: an alert may be queued. An error is not reported then.
void TlsBufferevent::send_pending() noexcept {
  if (!wire_out_.empty() && !send_error_) static_cast<void>(wire_kind_.send_pending(*this));
}

// There is something to do that no event will report.
bool TlsBufferevent::work_left() const noexcept {
  if (underlying_failed() && deferred_read_pending()) return true;
  if (phase_ != Phase::open || !has_wire()) return false;
  if (unread_ && reads_on() && read_wait_ == Wait::none && wants(EV_READ)) return true;
  if (end_due()) return true;
  return wants(EV_WRITE) && !output_buffer().empty() && (send_error_ || may_seal());
}

bool TlsBufferevent::may_seal() const noexcept {
  if (send_error_ || write_wait_ != Wait::none || !wire_out_.empty()) return false;
  return wire_kind_.accepts_records(*this);
}

void TlsBufferevent::fail_session(short what, int error) noexcept {
  phase_ = Phase::failed;
  if (!pumping()) update_interest();
  set_socket_error(error);
  trigger_event(what, 0);
}

// --- handshake ---

void TlsBufferevent::handshake() noexcept {
  EVI_ASSERT(session_ && phase_ == Phase::handshaking);
  if (!may_pump()) return;
  // The peer may have sent the reason.
  if (!wire_out_.empty() && !send_error_ && !wire_kind_.send_pending(*this)) may_receive_ = true;
  errors_.count = 0;
  if (write_wait_ == Wait::output) write_wait_ = Wait::none;
  TlsOutcome outcome;
  {
    const AddingToUnderlying adding(underlying_);
    const EngineCall call(*this);
    outcome = engine_.handshake(session_, errors_);
  }
  if (freed()) return;
  switch (outcome.result) {
    case TlsResult::done:
      return handshake_done();
    case TlsResult::want_read:
      // The peer waits for records that cannot be sent.
      if (send_error_ && ciphertext_at_hand() == 0) fail_session(error_in(EV_WRITE), send_error_);
      return;
    case TlsResult::want_write:
      write_wait_ = Wait::output;
      return;
    case TlsResult::closed:
    case TlsResult::truncated:
    case TlsResult::failed:
      // The alert that gives the peer the reason may be in wire_out_ still: send_pending() sees to it.
      return fail_session(error_in(EV_READ), receive_error_ ? receive_error_ : send_error_);
  }
}

void TlsBufferevent::handshake_done() noexcept {
  EVI_ASSERT(phase_ == Phase::handshaking);
  phase_ = Phase::open;
  unread_ = true;
  set_socket_error(0);
  trigger_event(BEV_EVENT_CONNECTED, 0);
}

bool TlsBufferevent::renegotiate() noexcept {
  if (freed() || phase_ != Phase::open || input_end_ == InputEnd::reported) return false;
  errors_.count = 0;
  const AddingToUnderlying adding(underlying_);
  const EngineCall call(*this);
  if (!engine_.renegotiate(session_, errors_)) return false;
  phase_ = Phase::handshaking;
  schedule_flush();
  return true;
}

bool TlsBufferevent::check_invariants() const noexcept {
  if (!SocketBufferevent::check_invariants()) return false;
  if (!wire_in_.check_invariants() || !wire_out_.check_invariants()) return false;
  const std::size_t length = output_buffer().length();
  if (sealed_ > length || retry_ > length - sealed_) return false;
  if (!freed() && (!session_ || close_notify_ == CloseNotify::deferred)) return false;
  // A filter has neither unsent records nor a chunk of its own.
  if (underlying_ && (!wire_out_.empty() || received_)) return false;
  if (pumping() || in_engine_) return true;
  return !stage_.chunk && !decrypting_ && (!received_ || received() > 0);
}

}  // namespace evi

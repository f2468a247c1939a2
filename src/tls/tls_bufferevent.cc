// The machine of TLS bufferevents: handshakes, records in and out, and what is to be waited for.
#include "tls/tls_bufferevent.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bufferevent/lookup.h"
#include "bufferevent/socket_transport.h"
#include "core/event_base.h"
#include "tls/tls_stage.h"
#include "util/alloc.h"
#include "util/socket.h"

namespace evi {

using socket_transport::fd_of;

namespace {

constexpr bool kAtFront = true;
constexpr bool kAtEnd = false;

// Records that leave together, and room to copy one together.
constexpr std::size_t kSendStage = 4 * kMaxRecord + kMaxRecordPlaintext;
// One turn of the loop encrypts at most this much; then other connections have their turn.
constexpr std::size_t kMaxWrite = 262144;
// What may wait in the output buffer underneath before a filter stops encrypting.
constexpr std::size_t kMaxUnderneath = 131072;
// A piece of output that is worth a record of its own rather than a copy.
constexpr std::size_t kLargePiece = 8192;
constexpr int kMaxPieces = 64;
// Room in the input buffer that is worth decrypting into, and what is made if nothing tells how much will
// come.
constexpr std::size_t kWorthwhileRoom = 2048;
constexpr std::size_t kUnknownSize = 4096;

constexpr short kBoth = EV_READ | EV_WRITE;

short error_in(short direction) noexcept {
  return static_cast<short>(BEV_EVENT_ERROR | (direction == EV_READ ? BEV_EVENT_READING : BEV_EVENT_WRITING));
}

}  // namespace

// --- life ---

TlsBufferevent::TlsBufferevent(const TlsSetup &setup, const bufferevent_ops &kind) noexcept
    : BuffereventBase(setup.base, kind, setup.options),
      TlsWire{wire_receive, wire_send, wire_fd},
      engine_(*setup.engine),
      session_(setup.session),
      underlying_(setup.underlying ? &BuffereventBase::of(*setup.underlying) : nullptr),
      phase_(setup.state == BUFFEREVENT_SSL_OPEN ? Phase::open : Phase::handshaking) {
  socket_transport::assign(*this, underlying_ ? kNoSocket : setup.fd, on_readable, on_writable);
}

TlsBufferevent *TlsBufferevent::create(const TlsSetup &setup) noexcept {
  Owned<TlsBufferevent> bev{make<TlsBufferevent>(setup, setup.underlying ? kFilterOps : kSocketOps)};
  if (!bev || !(bev->underlying_ ? bev->init_on(*bev->underlying_) : bev->init())) return nullptr;
  const TlsSide side = setup.state == BUFFEREVENT_SSL_OPEN         ? TlsSide::settled
                       : setup.state == BUFFEREVENT_SSL_CONNECTING ? TlsSide::client
                                                                   : TlsSide::server;
  const TlsAttached attached = setup.engine->attach(setup.session, *bev, side);
  if (attached == TlsAttached::failed) return nullptr;
  bev->own_wire_ = attached == TlsAttached::own;
  if (bev->underlying_) bev->take_underlying();
  bev->schedule_flush();
  return bev.release();
}

TlsBufferevent *TlsBufferevent::of(bufferevent &bev) noexcept {
  const bool tls = bev.be_ops == &kSocketOps || bev.be_ops == &kFilterOps;
  return tls ? &of(BuffereventBase::of(bev)) : nullptr;
}

// Its input is held back until the first pump() wants some. That it cannot be enabled is its own failure,
// which it tells by an event.
void TlsBufferevent::take_underlying() noexcept {
  const BuffereventUse use(*underlying_);
  underlying_->hold();
  underlying_->set_relay(on_underlying_data, on_underlying_data, on_underlying_event, *this);
  underlying_->suspend(EV_READ, kFilterBusy);
  if (!underlying_->enable(kBoth)) wire_failed(last_socket_error());
}

// Everything that was written has left: the peer may know that this was all.
void TlsBufferevent::say_goodbye() noexcept {
  const bool all_left = output_buffer().empty() && wire_out_.empty();
  if (said_goodbye_ || phase_ != Phase::open || wire_error_ || !all_left) return;
  if (!underlying_ && (fd_of(*this) < 0 || socket_.connecting)) return;
  said_goodbye_ = true;
  engine_.shutdown(session_);
}

void TlsBufferevent::unlink(BuffereventBase &bev) noexcept {
  TlsBufferevent &self = of(bev);
  const bool owner = self.has_option(BEV_OPT_CLOSE_ON_FREE);
  socket_transport::disarm_read(self);
  socket_transport::disarm_write(self);
  if (owner) self.say_goodbye();
  BuffereventBase *under = self.underlying_;
  if (!under) return;
  if (under->cbarg == static_cast<BuffereventBase *>(&self))
    under->set_callbacks(nullptr, nullptr, nullptr, nullptr);
  under->clear_reasons(EV_READ, kFilterBusy);
  if (owner && under->be_ops->plain_socket && !under->output_buffer().empty())
    under->be_ops->flush_turn(*under);
}

void TlsBufferevent::dispose(BuffereventBase *bev) noexcept {
  TlsBufferevent *self = &of(*bev);
  const bool owner = self->has_option(BEV_OPT_CLOSE_ON_FREE);
  const evutil_socket_t fd = self->underlying_ ? kNoSocket : fd_of(*self);
  BuffereventBase *under = self->underlying_;
  const std::size_t rest = self->wire_in_.length();
  self->engine_.detach(self->session_, owner ? kNoSocket : fd,
                       rest ? self->wire_in_.pullup(static_cast<ev_ssize_t>(rest)) : nullptr, rest);
  if (owner) self->engine_.free(self->session_);
  evi::destroy(self);
  if (under) {
    const BuffereventUse use(*under);
    under->drop();
    if (owner) under->release_by_program();
  } else if (owner && fd >= 0) {
    close_socket(fd);
  }
}

// --- one turn ---

bool TlsBufferevent::may_pump() const noexcept {
  return (enabled & kBoth) && (underlying_ || (fd_of(*this) >= 0 && !socket_.connecting));
}

void TlsBufferevent::pump() noexcept {
  if (pumping_) {
    again_ = true;
    return;
  }
  pumping_ = true;
  pump_once();
  pumping_ = false;
  const bool again = again_;
  again_ = may_receive_ = false;
  if (freed()) return;
  if (again || work_left()) schedule_flush();
  if (!update_interest()) fail(BEV_EVENT_ERROR, last_socket_error());
}

void TlsBufferevent::pump_once() noexcept {
  if (!underlying_ && (fd_of(*this) < 0 || socket_.connecting)) return;
  if (phase_ == Phase::handshaking) handshake();
  if (freed() || phase_ != Phase::open) return;
  if (wants(EV_READ) && !ended_ && (unread_ || may_receive_)) read_records();
  if (freed() || phase_ != Phase::open) return;
  write_records();
}

// There is something to do that no event will tell of.
bool TlsBufferevent::work_left() const noexcept {
  if (phase_ != Phase::open) return false;
  if (unread_ && !ended_ && !read_wants_output_ && wants(EV_READ)) return true;
  return wants(EV_WRITE) && !output_buffer().empty() && may_seal();
}

bool TlsBufferevent::may_seal() const noexcept {
  if (write_wants_input_ || write_wants_output_ || !wire_out_.empty()) return false;
  return underlying_ ? underlying_->output_buffer().length() < kMaxUnderneath : fd_of(*this) >= 0;
}

void TlsBufferevent::fail(short what, int error) noexcept {
  phase_ = Phase::failed;
  if (!pumping_) static_cast<void>(update_interest());
  set_socket_error(error);
  trigger_event(what, 0);
}

// --- handshake ---

void TlsBufferevent::handshake() noexcept {
  if (!may_pump()) return;
  if (!wire_out_.empty() && !send_rest()) return fail(error_in(EV_READ), wire_error_);
  errors_.count = 0;
  write_wants_output_ = false;
  const TlsOutcome outcome = engine_.handshake(session_, errors_);
  switch (outcome.result) {
    case TlsResult::done:
      return handshake_done();
    case TlsResult::want_read:
      return;
    case TlsResult::want_write:
      write_wants_output_ = true;
      return;
    case TlsResult::closed:
    case TlsResult::truncated:
    case TlsResult::failed:
      // An alert that says why may be on its way.
      return fail(error_in(EV_READ), wire_error_);
  }
}

void TlsBufferevent::handshake_done() noexcept {
  phase_ = Phase::open;
  unread_ = true;
  set_socket_error(0);
  trigger_event(BEV_EVENT_CONNECTED, 0);
}

bool TlsBufferevent::renegotiate() noexcept {
  if (freed() || phase_ != Phase::open || ended_) return false;
  errors_.count = 0;
  if (!engine_.renegotiate(session_, errors_)) return false;
  phase_ = Phase::handshaking;
  schedule_flush();
  return true;
}

// --- reading ---

std::size_t TlsBufferevent::read_limit() noexcept {
  std::size_t limit = kMaxWrite;
  if (extra() && extra()->max_single_read) limit = std::min(limit, extra()->max_single_read);
  if (wm_read.high) {
    const std::size_t length = input_buffer().length();
    limit = wm_read.high > length ? std::min(limit, wm_read.high - length) : 0;
  }
  if (limit == 0) {
    check_read_watermark();
    return 0;
  }
  return read_allowance(limit);
}

void TlsBufferevent::read_records() noexcept {
  const std::size_t limit = read_limit();
  if (limit == 0) return;
  std::size_t total = 0;
  TlsOutcome outcome;
  errors_.count = 0;
  begin_reading();
  {
    const StageLease lease(*this, stage_size());
    if (may_receive_ && !underlying_ && !own_wire_) fill_stage();
    input_buffer().unfreeze(kAtEnd);
    outcome = decrypt(limit, total);
    input_buffer().freeze(kAtEnd);
    if (!keep_stage()) {
      wire_failed(ENOMEM);
      outcome.result = TlsResult::failed;
    }
  }
  unread_ = outcome.result == TlsResult::done;
  read_wants_output_ = outcome.result == TlsResult::want_write;
  charge_read(total);
  if (total > 0) trigger_data(EV_READ, 0);
  finish_reading();
  if (!freed() && phase_ == Phase::open) reading_ended(outcome.result);
}

// Saves the question for most messages.
bool TlsBufferevent::nothing_left() const noexcept {
  if (own_wire_ || wire_ended_ || wire_error_ || ciphertext_at_hand() > 0) return false;
  return !engine_.holds_input(session_);
}

// Until the session has no more, or the limit is reached, which is TlsResult::done.
TlsOutcome TlsBufferevent::decrypt(std::size_t limit, std::size_t &total) noexcept {
  evbuffer &input = input_buffer();
  const std::size_t unknown = own_wire_ ? kUnknownSize : 1;
  std::size_t expected = unread_ ? kUnknownSize : unknown;
  for (;;) {
    const std::size_t before = ciphertext_at_hand();
    if (before > 0) expected = std::min(before, kMaxRecordPlaintext);
    const std::size_t wanted = std::min(expected, limit - total);
    evbuffer_iovec room[2];
    const int count = input.reserve(wanted, room, 2);
    if (count < 1) {
      wire_failed(ENOMEM);
      return {TlsResult::failed, 0};
    }
    const bool beyond = count == 2 && room[0].iov_len < std::min(wanted, kWorthwhileRoom);
    evbuffer_iovec &into = room[beyond ? 1 : 0];
    const std::size_t size = std::min(into.iov_len, limit - total);
    const TlsOutcome outcome = engine_.read(session_, into.iov_base, size, errors_);
    if (outcome.result == TlsResult::done) {
      into.iov_len = outcome.bytes;
      static_cast<void>(input.commit(&into, 1));
      total += outcome.bytes;
      if (total >= limit) return outcome;
      if (outcome.bytes < size && nothing_left()) return {TlsResult::want_read, 0};
      // A record that did not fit is still inside.
      expected = outcome.bytes == size ? kUnknownSize : unknown;
    } else if (outcome.result != TlsResult::want_read || ciphertext_at_hand() == 0 ||
               ciphertext_at_hand() == before) {
      return outcome;
    }
  }
}

// A peer that closes without reading everything, a ticket for instance, resets the connection: that is no
// worse than any other end without close_notify.
void TlsBufferevent::reading_ended(TlsResult result) noexcept {
  const bool dirty_allowed = flags_ & BUFFEREVENT_SSL_DIRTY_SHUTDOWN;
  switch (result) {
    case TlsResult::done:
    case TlsResult::want_read:
    case TlsResult::want_write:
      return;
    case TlsResult::truncated:
      if (!dirty_allowed) return fail(error_in(EV_READ), 0);
      break;
    case TlsResult::closed:
      break;
    case TlsResult::failed:
      if (!dirty_allowed || wire_error_ != ECONNRESET) return fail(error_in(EV_READ), wire_error_);
      break;
  }
  ended_ = true;
  set_socket_error(result == TlsResult::failed ? wire_error_ : 0);
  trigger_event(BEV_EVENT_EOF | BEV_EVENT_READING, 0);
}

// --- writing ---

void TlsBufferevent::write_records() noexcept {
  if (!underlying_ && !wire_out_.empty() && !send_rest()) return fail(error_in(EV_WRITE), wire_error_);
  std::size_t moved = 0;
  if (wire_out_.empty()) moved = sealed_left();
  std::size_t allowed = 0;
  if (!freed() && wants(EV_WRITE) && !output_buffer().empty() && may_seal()) allowed = write_limit();
  TlsResult result = TlsResult::done;
  while (allowed > 0 && result == TlsResult::done && !freed() && may_seal()) {
    result = write_batch(allowed);
    if (wire_out_.empty()) moved += sealed_left();
  }
  if (freed()) return;
  if (moved > 0) charge_write(moved);
  if (result == TlsResult::failed) return fail(error_in(EV_WRITE), wire_error_);
  if (moved > 0) trigger_data(EV_WRITE, 0);
  if (!freed() && goodbye_) finish_writing();
}

std::size_t TlsBufferevent::write_limit() noexcept {
  const std::size_t most = extra() && extra()->max_single_write ? extra()->max_single_write : kMaxWrite;
  return write_allowance(std::min(most, output_buffer().length() - sealed_));
}

// Encrypts as many records as leave together, and sends them.
TlsResult TlsBufferevent::write_batch(std::size_t &allowed) noexcept {
  StageLease lease(*this, kSendStage);
  unsigned char *scratch = lease.split_scratch();
  errors_.count = 0;
  sealing_ = !underlying_;
  const TlsResult result = seal(allowed, scratch);
  const bool sent = !sealing_ || send_stage();
  sealing_ = false;
  write_wants_input_ = result == TlsResult::want_read;
  write_wants_output_ = result == TlsResult::want_write;
  return sent && !wire_error_ ? result : TlsResult::failed;
}

TlsResult TlsBufferevent::seal(std::size_t &allowed, unsigned char *scratch) noexcept {
  do {
    evbuffer_iovec record;
    if (!next_record(allowed, record, scratch)) return TlsResult::failed;
    const TlsOutcome outcome = engine_.write(session_, record.iov_base, record.iov_len, errors_);
    if (outcome.result == TlsResult::closed || outcome.result == TlsResult::truncated)
      return TlsResult::failed;
    if (outcome.result != TlsResult::done) {
      retry_ = record.iov_len;
      return outcome.result;
    }
    retry_ = 0;
    sealed_ += outcome.bytes;
    allowed -= std::min(allowed, outcome.bytes);
  } while (allowed > 0 && (underlying_ ? may_seal() : stage_.room() >= kMaxRecord));
  return TlsResult::done;
}

// The bytes that go into the next record: where they are, or copied together. False, with wire_error_, if
// they cannot be had.
bool TlsBufferevent::next_record(std::size_t allowed, evbuffer_iovec &record,
                                 unsigned char *scratch) noexcept {
  evbuffer &output = output_buffer();
  const std::size_t wanted = retry_ ? retry_ : std::min(allowed, kMaxRecordPlaintext);
  evbuffer_ptr from{};
  output.set_position(from, sealed_, EVBUFFER_PTR_SET);
  evbuffer_iovec pieces[kMaxPieces];
  const int needed = output.peek(static_cast<ev_ssize_t>(wanted), &from, pieces, kMaxPieces);
  if (needed < 1) return wire_failed(last_socket_error());
  record = {pieces[0].iov_base, std::min(pieces[0].iov_len, wanted)};
  const bool batch = flags_ & BUFFEREVENT_SSL_BATCH_WRITE;
  if (record.iov_len == wanted || (!retry_ && !batch && record.iov_len >= kLargePiece)) return true;
  if (!scratch) return !retry_ || wire_failed(ENOMEM);
  std::size_t copied = 0;
  for (int i = 0; i < std::min(needed, kMaxPieces) && copied < wanted; ++i) {
    const std::size_t here = std::min(pieces[i].iov_len, wanted - copied);
    std::memcpy(scratch + copied, pieces[i].iov_base, here);
    copied += here;
  }
  record = {scratch, copied};
  return true;
}

// All ciphertext has left: so has its plaintext. The number of bytes.
std::size_t TlsBufferevent::sealed_left() noexcept {
  const std::size_t bytes = sealed_;
  if (bytes == 0) return 0;
  sealed_ = 0;
  evbuffer &output = output_buffer();
  output.unfreeze(kAtFront);
  static_cast<void>(output.drain(bytes));
  output.freeze(kAtFront);
  if (output.empty()) output.release_spare();
  return bytes;
}

void TlsBufferevent::finish_writing() noexcept {
  if (!output_buffer().empty() || !wire_out_.empty()) return;
  goodbye_ = false;
  say_goodbye();
}

// --- what is waited for ---

bool TlsBufferevent::wants_input() const noexcept {
  if (wire_ended_ || wire_error_ || phase_ == Phase::failed) return false;
  if (phase_ == Phase::handshaking) return may_pump();
  return (wants(EV_READ) && !ended_) || write_wants_input_;
}

bool TlsBufferevent::wants_output() const noexcept {
  if (wire_error_ || (phase_ == Phase::handshaking && !may_pump())) return false;
  if (!wire_out_.empty()) return true;
  return phase_ != Phase::failed && (read_wants_output_ || write_wants_output_);
}

bool TlsBufferevent::want(event &ev, short direction, bool wanted) noexcept {
  const bool armed = direction == EV_READ ? socket_.read_armed : socket_.write_armed;
  if (wanted == armed) return true;
  if (!wanted) {
    direction == EV_READ ? socket_transport::disarm_read(*this) : socket_transport::disarm_write(*this);
    return true;
  }
  const timeval &timeout = direction == EV_READ ? timeout_read : timeout_write;
  if (!socket_transport::add(*this, ev, false, socket_transport::timeout_or_null(timeout))) return false;
  if (direction == EV_READ) {
    socket_.read_armed = true;
  } else {
    socket_.write_armed = true;
  }
  return true;
}

// Without a descriptor only the timeouts run.
bool TlsBufferevent::await_descriptor() noexcept {
  return !ev_base || (want(ev_read, EV_READ, wants(EV_READ) && evutil_timerisset(&timeout_read)) &&
                      want(ev_write, EV_WRITE, wants(EV_WRITE) && evutil_timerisset(&timeout_write)));
}

// A filter's events are timers, and are there only if there is a timeout.
bool TlsBufferevent::update_interest() noexcept {
  if (!underlying_) {
    if (socket_.connecting) return true;
    if (fd_of(*this) < 0) return await_descriptor();
    return want(ev_read, EV_READ, wants_input()) && want(ev_write, EV_WRITE, wants_output());
  }
  const bool input = wants_input();
  if (input == underlying_->suspended(EV_READ, kFilterBusy)) hold_underlying(!input);
  const bool output = phase_ == Phase::open && wants(EV_WRITE) && !output_buffer().empty();
  return want(ev_read, EV_READ, input && evutil_timerisset(&timeout_read)) &&
         want(ev_write, EV_WRITE, output && evutil_timerisset(&timeout_write));
}

// A bufferevent in memory moves its data at once. What that brings waits for the loop: the program may be
// about to change one of our buffers, which is why we are here.
void TlsBufferevent::hold_underlying(bool back) noexcept {
  pumping_ = true;
  back ? underlying_->suspend(EV_READ, kFilterBusy) : underlying_->resume(EV_READ, kFilterBusy);
  pumping_ = false;
  if (again_) schedule_flush();
  again_ = false;
}

void TlsBufferevent::restart_timeout(short direction) noexcept {
  if (direction == EV_READ && socket_.read_armed && evutil_timerisset(&timeout_read)) {
    static_cast<void>(socket_transport::add(*this, ev_read, true, &timeout_read));
  }
  if (direction == EV_WRITE && socket_.write_armed && evutil_timerisset(&timeout_write)) {
    static_cast<void>(socket_transport::add(*this, ev_write, true, &timeout_write));
  }
}

// As with libevent, the handshake's timeout names no direction, and none of them disables anything.
void TlsBufferevent::timed_out(short direction) noexcept {
  short what = BEV_EVENT_TIMEOUT;
  if (phase_ == Phase::open) {
    what = static_cast<short>(what | (direction == EV_READ ? BEV_EVENT_READING : BEV_EVENT_WRITING));
  }
  trigger_event(what, 0);
}

// --- what events tell ---

// The end of a connect. True if the connection is there, and we are.
bool TlsBufferevent::connected() noexcept {
  const int error = pending_socket_error(fd_of(*this));
  if (connect_in_progress(error)) return false;
  socket_.connecting = false;
  socket_transport::disarm_read(*this);
  socket_transport::disarm_write(*this);
  if (error == 0) return true;
  set_socket_error(error);
  trigger_event(BEV_EVENT_ERROR, 0);
  return false;
}

void TlsBufferevent::on_readable(evutil_socket_t, short what, void *arg) noexcept {
  auto &self = *static_cast<TlsBufferevent *>(arg);
  const BuffereventUse use(self);
  // Held back, or freed, by another thread since the loop saw it.
  if (!self.socket_.read_armed) return;
  if (what == EV_TIMEOUT) return self.timed_out(EV_READ);
  if (self.socket_.connecting && !self.connected()) return;
  self.may_receive_ = true;
  self.write_wants_input_ = false;
  self.pump();
}

void TlsBufferevent::on_writable(evutil_socket_t, short what, void *arg) noexcept {
  auto &self = *static_cast<TlsBufferevent *>(arg);
  const BuffereventUse use(self);
  if (!self.socket_.write_armed) return;
  if (what == EV_TIMEOUT) return self.timed_out(EV_WRITE);
  if (self.socket_.connecting && !self.connected()) return;
  if (self.read_wants_output_) self.unread_ = true;
  self.read_wants_output_ = self.write_wants_output_ = false;
  self.pump();
}

void TlsBufferevent::on_underlying_data(bufferevent *, void *arg) noexcept {
  TlsBufferevent &self = of(*static_cast<BuffereventBase *>(arg));
  const BuffereventUse use(self);
  if (self.freed()) return;
  if (!self.underlying_->input_buffer().empty()) {
    self.unread_ = true;
    self.write_wants_input_ = false;
    self.restart_timeout(EV_READ);
  }
  self.pump();
}

void TlsBufferevent::on_underlying_event(bufferevent *, short what, void *arg) noexcept {
  const int error = last_socket_error();
  TlsBufferevent &self = of(*static_cast<BuffereventBase *>(arg));
  const BuffereventUse use(self);
  if (self.freed()) return;
  if (what & BEV_EVENT_TIMEOUT) {
    set_socket_error(error);
    return self.trigger_event(what, 0);
  }
  self.unread_ = true;
  self.write_wants_input_ = false;
  if (what & BEV_EVENT_EOF) self.wire_ended_ = true;
  if (what & BEV_EVENT_ERROR) self.wire_failed(error);
  self.pump();
  // Also where nobody reads.
  const bool told = self.freed() || self.phase_ == Phase::failed || self.ended_ || self.pumping_;
  if ((what & BEV_EVENT_ERROR) && !told) {
    self.fail(static_cast<short>(what & (BEV_EVENT_ERROR | BEV_EVENT_READING | BEV_EVENT_WRITING)), error);
  }
}

// --- the table's functions ---

bool TlsBufferevent::start(BuffereventBase &bev, short directions, Start why) noexcept {
  TlsBufferevent &self = of(bev);
  if (why == Start::enabled) {
    if (directions & EV_READ) self.restart_timeout(EV_READ);
    if (directions & EV_WRITE) self.restart_timeout(EV_WRITE);
  }
  if (self.pumping_ || self.phase_ == Phase::failed) return true;
  if (self.phase_ == Phase::handshaking || self.work_left()) self.schedule_flush();
  return self.update_interest();
}

void TlsBufferevent::stop(BuffereventBase &bev, short) noexcept {
  TlsBufferevent &self = of(bev);
  if (!self.pumping_) static_cast<void>(self.update_interest());
}

void TlsBufferevent::apply_timeouts(BuffereventBase &bev) noexcept {
  TlsBufferevent &self = of(bev);
  for (const short direction : {short{EV_READ}, short{EV_WRITE}}) {
    const bool read = direction == EV_READ;
    if (!(read ? self.socket_.read_armed : self.socket_.write_armed)) continue;
    if (evutil_timerisset(read ? &self.timeout_read : &self.timeout_write)) {
      self.restart_timeout(direction);
    } else {
      self.ev_base->remove_timer(read ? self.ev_read : self.ev_write);
    }
  }
  if (!self.pumping_) static_cast<void>(self.update_interest());
}

void TlsBufferevent::output_added(BuffereventBase &bev) noexcept {
  TlsBufferevent &self = of(bev);
  if (!self.pumping_ && self.work_left()) self.schedule_flush();
}

void TlsBufferevent::flush_turn(BuffereventBase &bev) noexcept { of(bev).pump(); }

int TlsBufferevent::flush(BuffereventBase &bev, short directions, bufferevent_flush_mode mode) noexcept {
  TlsBufferevent &self = of(bev);
  if (self.freed()) return -1;
  if ((directions & EV_WRITE) && mode == BEV_FINISHED) self.goodbye_ = true;
  self.schedule_flush();
  return 0;
}

// A filter's descriptor is that of what is underneath, which stays as it is for -1.
bool TlsBufferevent::set_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept {
  TlsBufferevent &self = of(bev);
  if (BuffereventBase *under = self.underlying_) return fd < 0 || under->be_ops->set_fd(*under, fd);
  socket_transport::replace_fd(self, fd);
  self.wire_ended_ = false;
  self.wire_error_ = 0;
  if (fd < 0 || self.freed()) return true;
  self.schedule_flush();
  return self.pumping_ || self.update_interest();
}

evutil_socket_t TlsBufferevent::get_fd(const BuffereventBase &bev) noexcept {
  const BuffereventBase *under = of(bev).underlying_;
  return under ? under->be_ops->get_fd(*under) : fd_of(bev);
}

bufferevent *TlsBufferevent::get_underlying(const BuffereventBase &bev) noexcept {
  return of(bev).underlying_;
}

constinit const bufferevent_ops TlsBufferevent::kSocketOps = {
    .name = "tls",
    .owns_events = true,
    .start = start,
    .stop = stop,
    .apply_timeouts = apply_timeouts,
    .output_added = output_added,
    .flush_turn = flush_turn,
    .flush = flush,
    .set_fd = set_fd,
    .get_fd = get_fd,
    .get_underlying = get_underlying,
    .unlink = unlink,
    .dispose = dispose,
};

constinit const bufferevent_ops TlsBufferevent::kFilterOps = {
    .name = "tls filter",
    .owns_events = false,
    .start = start,
    .stop = stop,
    .apply_timeouts = apply_timeouts,
    .output_added = output_added,
    .flush_turn = flush_turn,
    .flush = flush,
    .set_fd = set_fd,
    .get_fd = get_fd,
    .get_underlying = get_underlying,
    .unlink = unlink,
    .dispose = dispose,
};

}  // namespace evi

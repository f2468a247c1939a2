// Records of TLS bufferevents: decrypted into the input buffer, and encrypted from the output buffer.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/event_base.h"
#include "tls/tls_bufferevent.h"
#include "tls/tls_stage.h"
#include "util/assert.h"
#include "util/socket.h"

namespace evi {
namespace {

// Records that leave together, and room to copy one together.
constexpr std::size_t kSendStage = 4 * kMaxRecord + kMaxRecordPlaintext;
// One iteration of the loop decrypts and encrypts at most this much; then other connections have their share.
constexpr std::size_t kMaxRead = 262144;
constexpr std::size_t kMaxWrite = 262144;
// A piece of output that is worth a record of its own rather than a copy.
constexpr std::size_t kLargePiece = 8192;
constexpr int kMaxPieces = 64;
// Room in the input buffer that is worth decrypting into, and what is made if nothing says how much will
// come.
constexpr std::size_t kWorthwhileRoom = 2048;
constexpr std::size_t kUnknownSize = 4096;

}  // namespace

// --- reading ---

std::size_t TlsBufferevent::read_limit(std::size_t budget) noexcept {
  const bool whole = reads_whole() && !(extra() && extra()->max_single_read);
  std::size_t limit = whole ? budget : std::min(budget, max_single_read());
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

// As between two reads: loopbreak, and callbacks that come before another of ours, have their effect between
// two slices. The rest follows from the flush turn.
void TlsBufferevent::read_records() noexcept {
  const auto others_wait = [this](int more_urgent) noexcept {
    return ev_base && ev_base->others_wait(ev_read.ev_evcallback.evcb_pri - more_urgent);
  };
  std::size_t budget = kMaxRead;
  if (unread_ && others_wait(1)) return;
  while (read_slice(budget) && !others_wait(0)) {
  }
  settle_received();
}

TlsBufferevent::InputEnd TlsBufferevent::end_of(TlsResult result) noexcept {
  switch (result) {
    case TlsResult::done:
    case TlsResult::want_read:
    case TlsResult::want_write:
      return InputEnd::none;
    case TlsResult::closed:
      return InputEnd::closed;
    case TlsResult::truncated:
      return InputEnd::truncated;
    case TlsResult::failed:
      return InputEnd::failed;
  }
  unreachable();
}

// One read, as the application sees it: a bounded number of bytes, then the callback, which may do anything.
// True if another one may follow at once.
bool TlsBufferevent::read_slice(std::size_t &budget) noexcept {
  if (deferred_read_pending()) return false;
  const std::size_t limit = read_limit(budget);
  if (limit == 0) return false;
  std::size_t total = 0;
  errors_.count = 0;
  begin_reading();
  const TlsOutcome outcome = take_slice(limit, total);
  const bool more = outcome.result == TlsResult::done;
  unread_ = more;
  read_wait_ = outcome.result == TlsResult::want_write ? Wait::output : Wait::none;
  input_end_ = end_of(outcome.result);
  budget -= std::min(budget, total);
  if (!freed()) charge_read(total);
  if (total > 0) bytes_arrived();
  finish_reading();
  return more && !freed() && phase_ == Phase::open && has_wire() && wants(EV_READ) && budget > 0;
}

TlsOutcome TlsBufferevent::take_slice(std::size_t limit, std::size_t &total) noexcept {
  const AddingToUnderlying adding(underlying_);
  wire_kind_.prepare_input(*this);
  const Unfrozen open(input_buffer(), BufferEnd::back);
  const TlsOutcome outcome = decrypt(limit, total);
  decrypting_ = false;
  give_back_received();
  return outcome;
}

// Saves the question for most messages.
bool TlsBufferevent::nothing_left() const noexcept {
  if (own_wire_ || wire_ended_ || receive_error_ || ciphertext_at_hand() > 0) return false;
  return !engine_.holds_input(session_);
}

TlsOutcome TlsBufferevent::read_session(void *data, std::size_t size) noexcept {
  EVI_ASSERT(session_ && phase_ == Phase::open);
  const EngineCall call(*this);
  return engine_.read(session_, data, size, errors_);
}

// Until the session has no more, or the limit is reached, which is TlsResult::done.
TlsOutcome TlsBufferevent::decrypt(std::size_t limit, std::size_t &total) noexcept {
  EVI_ASSERT(limit > 0 && total == 0);
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
      receive_failed(ENOMEM);
      return {TlsResult::failed, 0};
    }
    const bool beyond = count == 2 && room[0].iov_len < std::min(wanted, kWorthwhileRoom);
    evbuffer_iovec &into = room[beyond ? 1 : 0];
    const std::size_t size = std::min(into.iov_len, limit - total);
    const TlsOutcome outcome = read_session(into.iov_base, size);
    EVI_ASSERT(outcome.bytes <= size);
    if (outcome.result == TlsResult::done) {
      into.iov_len = outcome.bytes;
      static_cast<void>(input.commit(&into, 1));
      total += outcome.bytes;
      // A callback of the input may have renegotiated.
      if (total >= limit || freed() || phase_ != Phase::open) return outcome;
      if (outcome.bytes < size && nothing_left()) return {TlsResult::want_read, 0};
      // A record that did not fit is still inside.
      expected = outcome.bytes == size ? kUnknownSize : unknown;
    } else if (outcome.result != TlsResult::want_read || freed() || ciphertext_at_hand() == 0 ||
               ciphertext_at_hand() == before) {
      return outcome;
    }
  }
}

// A peer that closes without reading everything, a ticket for instance, resets the connection: that is no
// worse than any other end without close_notify.
void TlsBufferevent::report_end() noexcept {
  if (!end_due() || deferred_read_pending()) return;
  const InputEnd end = std::exchange(input_end_, InputEnd::none);
  const bool dirty_allowed = flags_ & BUFFEREVENT_SSL_DIRTY_SHUTDOWN;
  if (end == InputEnd::truncated && !dirty_allowed) return fail_session(error_in(EV_READ), 0);
  // A session that has to answer what it reads, and cannot, fails by the error of that.
  const int error = receive_error_ ? receive_error_ : send_error_;
  if (end == InputEnd::failed && (!dirty_allowed || error != ECONNRESET)) {
    return fail_session(error_in(EV_READ), error);
  }
  input_end_ = InputEnd::reported;
  set_socket_error(end == InputEnd::failed ? error : 0);
  trigger_event(BEV_EVENT_EOF | BEV_EVENT_READING, 0);
}

// --- writing ---

void TlsBufferevent::write_records() noexcept {
  send_pending();
  if (send_error_) return report_send_error();
  std::size_t moved = 0;
  if (wire_out_.empty()) moved = sealed_left();
  std::size_t allowed = 0;
  if (!freed() && wants(EV_WRITE) && !output_buffer().empty() && may_seal()) allowed = write_limit();
  TlsResult result = TlsResult::done;
  // A callback of the output may have renegotiated.
  while (allowed > 0 && result == TlsResult::done && !freed() && phase_ == Phase::open && may_seal()) {
    result = write_batch(allowed);
    if (wire_out_.empty() && !send_error_ && !freed()) moved += sealed_left();
  }
  if (freed()) return;
  if (moved > 0) charge_write(moved);
  if (moved > 0) wire_kind_.records_taken(*this);
  if (result == TlsResult::failed) return fail_writing();
  if (moved > 0) bytes_left();
  if (!freed() && close_notify_ == CloseNotify::wanted) finish_writing();
}

// An end of reading was there first. A transport that fails to send ends writing alone, a session that fails
// ends both directions.
void TlsBufferevent::fail_writing() noexcept {
  report_end();
  if (freed() || phase_ != Phase::open) return;
  if (!send_error_) return fail_session(error_in(EV_WRITE), 0);
  underlying_holds_data_ = false;
  set_socket_error(send_error_);
  fail(EV_WRITE, BEV_EVENT_ERROR);
}

// Reports it if the application's data is lost. Tickets and alerts that the peer does not take are not.
void TlsBufferevent::report_send_error() noexcept {
  const bool pending = wants(EV_WRITE) && !output_buffer().empty();
  if (!freed() && (pending || underlying_holds_data_)) fail_writing();
}

std::size_t TlsBufferevent::write_limit() noexcept {
  const std::size_t most = extra() && extra()->max_single_write ? extra()->max_single_write : kMaxWrite;
  return write_allowance(std::min(most, output_buffer().length() - sealed_));
}

// Encrypts as many records as leave together, and sends them.
TlsResult TlsBufferevent::write_batch(std::size_t &allowed) noexcept {
  EVI_ASSERT(allowed > 0 && wire_out_.empty());
  const AddingToUnderlying adding(underlying_);
  StageLease lease(*this, kSendStage);
  unsigned char *scratch = lease.split_scratch();
  errors_.count = 0;
  const TlsResult result = seal(allowed, scratch);
  const bool sent = wire_kind_.send_batch(*this);
  write_wait_ = result == TlsResult::want_read    ? Wait::input
                : result == TlsResult::want_write ? Wait::output
                                                  : Wait::none;
  // The transport is the session's own, and its error is the thread's.
  if (own_wire_ && result == TlsResult::failed) send_failed(last_socket_error());
  return sent && !send_error_ ? result : TlsResult::failed;
}

TlsOutcome TlsBufferevent::write_session(const evbuffer_iovec &record) noexcept {
  EVI_ASSERT(session_ && phase_ == Phase::open);
  const EngineCall call(*this);
  return engine_.write(session_, record.iov_base, record.iov_len, errors_);
}

TlsResult TlsBufferevent::seal(std::size_t &allowed, unsigned char *scratch) noexcept {
  do {
    evbuffer_iovec record;
    if (!next_record(allowed, record, scratch)) return TlsResult::failed;
    const TlsOutcome outcome = write_session(record);
    if (outcome.result == TlsResult::closed || outcome.result == TlsResult::truncated)
      return TlsResult::failed;
    if (outcome.result != TlsResult::done) {
      retry_ = record.iov_len;
      return outcome.result;
    }
    retry_ = 0;
    sealed_ += outcome.bytes;
    EVI_ASSERT(outcome.bytes <= record.iov_len && sealed_ <= output_buffer().length());
    allowed -= std::min(allowed, outcome.bytes);
  } while (allowed > 0 && !freed() && wire_kind_.batch_goes_on(*this));
  return TlsResult::done;
}

// The bytes that go into the next record: where they are, or copied together. False, with send_error_, if
// they cannot be had.
bool TlsBufferevent::next_record(std::size_t allowed, evbuffer_iovec &record,
                                 unsigned char *scratch) noexcept {
  evbuffer &output = output_buffer();
  const std::size_t wanted = retry_ ? retry_ : std::min(allowed, kMaxRecordPlaintext);
  EVI_ASSERT(wanted > 0 && sealed_ + wanted <= output.length());
  evbuffer_ptr from{};
  output.set_position(from, sealed_, EVBUFFER_PTR_SET);
  evbuffer_iovec pieces[kMaxPieces];
  const int needed = output.peek(static_cast<ev_ssize_t>(wanted), &from, pieces, kMaxPieces);
  if (needed < 1) return send_failed(last_socket_error());
  record = {pieces[0].iov_base, std::min(pieces[0].iov_len, wanted)};
  const bool batch = flags_ & BUFFEREVENT_SSL_BATCH_WRITE;
  if (record.iov_len == wanted || (!retry_ && !batch && record.iov_len >= kLargePiece)) return true;
  if (!scratch) return !retry_ || send_failed(ENOMEM);
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
  EVI_ASSERT(wire_out_.empty() && sealed_ <= output_buffer().length());
  const std::size_t bytes = sealed_;
  if (bytes == 0) return 0;
  sealed_ = 0;
  evbuffer &output = output_buffer();
  {
    const Unfrozen open(output, BufferEnd::front);
    static_cast<void>(output.drain(bytes));
  }
  if (output.empty()) output.release_spare();
  return bytes;
}

void TlsBufferevent::finish_writing() noexcept {
  if (!output_buffer().empty() || !wire_out_.empty()) return;
  close_notify_ = CloseNotify::none;
  send_close_notify();
}

}  // namespace evi

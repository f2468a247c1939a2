// The wire of a TLS bufferevent: ciphertext between the session and the socket, or the bufferevent
// underneath.
#include <algorithm>
#include <cstring>
#include <utility>

#include "buffer/descriptor_io.h"
#include "bufferevent/loop_chunks.h"
#include "core/event_base.h"
#include "tls/tls_bufferevent.h"
#include "tls/tls_stage.h"
#include "util/socket.h"

namespace evi {

using socket_transport::fd_of;

namespace {

// One read brings between these, as powers of two.
constexpr std::uint8_t kMinReadShift = 13;
constexpr std::uint8_t kMaxReadShift = 17;

}  // namespace

// --- the lent chunk ---

namespace {

// `shared` is the loop's, or null off its thread. The chunk is that one, if it has the room, or one like it;
// null without memory.
Chain *borrow_chunk(ReadChunk *shared, std::size_t size) noexcept {
  Chain *chunk = shared ? std::exchange(shared->chain, nullptr) : nullptr;
  if (chunk && chunk->capacity() < size) chain_release(std::exchange(chunk, nullptr));
  if (!chunk) chunk = chain_new_exact(size + sizeof(Chain));
  if (chunk) chunk->recyclable = true;
  return chunk;
}

}  // namespace

ReadChunk *TlsBufferevent::shared_chunk() const noexcept {
  return off_loop_ ? nullptr : socket_transport::shared_chunk(*ev_base);
}

StageLease::StageLease(TlsBufferevent &bev, std::size_t size) noexcept : bev_(bev) {
  TlsStage &stage = bev_.stage_;
  if (!stage.chunk) stage.chunk = borrow_chunk(bev_.shared_chunk(), size);
  if (Chain *chunk = stage.chunk) stage = {chunk, chunk->begin, chunk->begin, chunk->end};
}

StageLease::~StageLease() {
  Chain *chunk = std::exchange(bev_.stage_, TlsStage{}).chunk;
  if (chunk) return_chunk(bev_.shared_chunk(), *bev_.ev_base, *chunk);
}

unsigned char *StageLease::split_scratch() noexcept {
  if (!bev_.stage_.chunk) return nullptr;
  bev_.stage_.end -= kMaxRecordPlaintext;
  return bev_.stage_.end;
}

// --- receiving ---

bool TlsBufferevent::receive_failed(int error) noexcept {
  receive_error_ = error ? error : kConnectionReset;
  return false;
}

bool TlsBufferevent::send_failed(int error) noexcept {
  send_error_ = error ? error : kConnectionReset;
  return false;
}

std::size_t TlsBufferevent::stage_size() const noexcept { return std::size_t{1} << socket_.read_shift; }

void TlsBufferevent::follow_reads(std::size_t got, std::size_t offered) noexcept {
  const unsigned shift = socket_.read_shift;
  if (got == offered) {
    if (shift < kMaxReadShift) ++socket_.read_shift;
  } else if (got < offered / 4 && shift > kMinReadShift) {
    --socket_.read_shift;
  }
}

long TlsBufferevent::receive_now(void *data, std::size_t size) noexcept {
  const evbuffer_iovec extent{data, size};
  const ev_ssize_t got = read_extents(static_cast<int>(fd_of(*this)), &extent, 1);
  if (got > 0) {
    if (static_cast<std::size_t>(got) < size) may_receive_ = false;
    return static_cast<long>(got);
  }
  may_receive_ = false;
  if (got == 0) {
    wire_ended_ = true;
    return kWireEnded;
  }
  const int error = last_socket_error();
  if (rw_retriable(error)) return kWireBlocked;
  receive_failed(error);
  return kWireFailed;
}

// Out of memory there is none, and the session receives straight from the socket, in small steps.
void TlsBufferevent::lend_received() noexcept {
  if (!received_) received_ = borrow_chunk(shared_chunk(), stage_size());
}

// Once per iteration of the loop, so that other connections have their share; the rest is reported again.
void TlsBufferevent::fill_received() noexcept {
  lend_received();
  if (!received_) return;
  received_->reset();
  const std::size_t offered = std::min(received_->room(), stage_size());
  const long got = receive_now(received_->tail, offered);
  may_receive_ = false;
  if (got <= 0) return;
  received_->tail += got;
  follow_reads(static_cast<std::size_t>(got), offered);
}

void TlsBufferevent::give_back_received() noexcept {
  if (received_ && received() == 0)
    return_chunk(shared_chunk(), *ev_base, *std::exchange(received_, nullptr));
}

// Reading stops for now: little ciphertext must not hold a large chunk. It does if out of memory.
void TlsBufferevent::settle_received() noexcept {
  if (!received_ || received() >= received_->capacity() / 2) return;
  if (received() > 0 && !wire_in_.add(received_->head, received())) return;
  received_->reset();
  give_back_received();
}

std::size_t TlsBufferevent::ciphertext_at_hand() const noexcept {
  const std::size_t here = wire_in_.length() + received();
  return underlying_ ? here + underlying_->input_buffer().length() : here;
}

// Older bytes first.
long TlsBufferevent::wire_receive(TlsWire &wire, void *data, std::size_t size) noexcept {
  auto &self = static_cast<TlsBufferevent &>(wire);
  if (!self.wire_in_.empty()) return static_cast<long>(self.wire_in_.remove(data, size));
  if (self.received() == 0 && self.decrypting_ && self.may_receive_) self.fill_received();
  if (self.received() > 0) {
    const std::size_t taken = std::min(size, self.received());
    std::memcpy(data, self.received_->head, taken);
    self.received_->head += taken;
    return static_cast<long>(taken);
  }
  if (self.underlying_ && !self.underlying_->input_buffer().empty()) {
    return static_cast<long>(self.underlying_->input_buffer().remove(data, size));
  }
  if (self.receive_error_) return kWireFailed;
  if (self.wire_ended_) return kWireEnded;
  if (self.underlying_ || fd_of(self) < 0 || (self.pumping_ && !self.may_receive_)) return kWireBlocked;
  return self.receive_now(data, size);
}

// --- sending ---

// As much as the socket takes; the rest is kept, and leaves when the socket is writable.
bool TlsBufferevent::send_now(const void *data, std::size_t size) noexcept {
  ev_ssize_t put = fd_of(*this) >= 0 ? send_quietly(fd_of(*this), data, size) : 0;
  if (put < 0) {
    const int error = last_socket_error();
    // While the program's own connect() is in progress, which ends by a report of ev_write.
    const bool connecting = error == kNotConnected && !socket_.write_armed;
    if (!rw_retriable(error) && !connecting) return send_failed(error);
    put = 0;
  }
  const std::size_t left = size - static_cast<std::size_t>(put);
  if (left == 0) return true;
  if (!wire_out_.add(static_cast<const unsigned char *>(data) + put, left)) return send_failed(ENOMEM);
  if (!pumping_) schedule_flush();
  return true;
}

bool TlsBufferevent::send_stage() noexcept {
  const std::size_t size = stage_.length();
  unsigned char *head = stage_.head;
  stage_.head = stage_.tail;
  return size == 0 || send_now(head, size);
}

// A socket that blocks is never waited for.
ev_ssize_t TlsBufferevent::send_front() noexcept {
  if (!socket_transport::blocks(*this)) return wire_out_.write_some(fd_of(*this), wire_out_.length());
  const Chain *front = wire_out_.first_chain();
  const ev_ssize_t put = send_quietly(fd_of(*this), front->head, front->length());
  if (put > 0) static_cast<void>(wire_out_.drain(static_cast<std::size_t>(put)));
  return put;
}

bool TlsBufferevent::send_rest() noexcept {
  if (fd_of(*this) < 0) return true;
  const ev_ssize_t put = send_front();
  if (put < 0 && !rw_retriable(last_socket_error())) return send_failed(last_socket_error());
  if (wire_out_.empty()) wire_out_.release_spare();
  return true;
}

// False, with send_error_, if the record is lost.
bool TlsBufferevent::take_record(const void *data, std::size_t size) noexcept {
  if (underlying_) return underlying_->output_buffer().add(data, size) || send_failed(ENOMEM);
  if (sealing_ && wire_out_.empty()) {
    if (stage_.room() < size && !send_stage()) return false;
    if (wire_out_.empty() && stage_.room() >= size) {
      std::memcpy(stage_.tail, data, size);
      stage_.tail += size;
      return true;
    }
  }
  // Behind what waits already.
  if (!wire_out_.empty()) return wire_out_.add(data, size) || send_failed(ENOMEM);
  return send_now(data, size);
}

// OpenSSL looks at the thread's error: a server whose tickets meet EPIPE completes its handshake.
long TlsBufferevent::wire_send(TlsWire &wire, const void *data, std::size_t size) noexcept {
  auto &self = static_cast<TlsBufferevent &>(wire);
  if (!self.send_error_ && self.take_record(data, size)) return static_cast<long>(size);
  set_socket_error(self.send_error_);
  return kWireFailed;
}

bool TlsBufferevent::wire_inherit(TlsWire &wire, const TlsRemains &remains) noexcept {
  auto &self = static_cast<TlsBufferevent &>(wire);
  evbuffer &out = self.underlying_ ? self.underlying_->output_buffer() : self.wire_out_;
  if (remains.in_size && !self.wire_in_.add(remains.in, remains.in_size)) return false;
  return !remains.out_size || out.add(remains.out, remains.out_size);
}

evutil_socket_t TlsBufferevent::wire_fd(const TlsWire &wire) noexcept {
  return get_fd(static_cast<const TlsBufferevent &>(wire));
}

}  // namespace evi

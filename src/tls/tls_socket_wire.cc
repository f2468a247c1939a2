// A socket as the wire of a TLS bufferevent.
#include <algorithm>
#include <cstring>
#include <utility>

#include "buffer/descriptor_io.h"
#include "core/event_base.h"
#include "tls/close_notify.h"
#include "tls/tls_bufferevent.h"
#include "tls/tls_stage.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/socket.h"

namespace evi {

using socket_transport::fd_of;

namespace {

// One read brings between these, as powers of two.
constexpr std::uint8_t kMinReadShift = 13;
constexpr std::uint8_t kMaxReadShift = 17;

TlsBufferevent &of(TlsWire &wire) noexcept { return static_cast<TlsBufferevent &>(wire); }

// Adapts the size of the next read to what this one brought.
void follow_reads(SocketState &socket, std::size_t got, std::size_t offered) noexcept {
  switch (socket_transport::fit_of_read(got, offered)) {
    case socket_transport::ReadFit::too_small:
      return socket_transport::grow_reads(socket, kMaxReadShift);
    case socket_transport::ReadFit::too_large:
      return socket_transport::shrink_reads(socket, kMinReadShift);
    case socket_transport::ReadFit::fits:
      return;
  }
}

}  // namespace

// --- life ---

bool TlsSocketWire::init(TlsBufferevent &self) noexcept { return self.init(); }

void TlsSocketWire::begin(TlsBufferevent &) noexcept {}

void TlsSocketWire::leave(TlsBufferevent &self, bool owner, bool may_wait) noexcept {
  self.end_session(owner);
  const bool left = !self.wire_out_.empty() && !self.send_error_;
  if (left && may_wait && send_close_notify_later(*self.ev_base, fd_of(self), self.wire_out_))
    self.close_notify_ = TlsBufferevent::CloseNotify::deferred;
}

void TlsSocketWire::dispose(BuffereventBase *bev) noexcept {
  TlsBufferevent *self = &TlsBufferevent::of(*bev);
  const evutil_socket_t fd = fd_of(*self);
  const bool deferred = self->close_notify_ == TlsBufferevent::CloseNotify::deferred;
  const bool close = self->has_option(BEV_OPT_CLOSE_ON_FREE) && fd >= 0 && !deferred;
  self->free_session();
  evi::destroy(self);
  if (close) close_socket(fd);
}

bool TlsSocketWire::inherit(TlsWire &wire, const TlsRemains &remains) noexcept {
  TlsBufferevent &self = of(wire);
  if (remains.in_size && !self.wire_in_.add(remains.in, remains.in_size)) return false;
  return !remains.out_size || self.wire_out_.add(remains.out, remains.out_size);
}

bool TlsSocketWire::set_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept {
  TlsBufferevent &self = TlsBufferevent::of(bev);
  socket_transport::replace_fd(self, fd);
  self.new_wire();
  if (fd < 0 || self.freed()) return true;
  self.schedule_flush();
  return self.pumping() || self.update_interest();
}

evutil_socket_t TlsSocketWire::get_fd(const BuffereventBase &bev) noexcept { return fd_of(bev); }
evutil_socket_t TlsSocketWire::fd(const TlsWire &wire) noexcept {
  return fd_of(static_cast<const TlsBufferevent &>(wire));
}
bufferevent *TlsSocketWire::get_underlying(const BuffereventBase &) noexcept { return nullptr; }

// --- what is waited for ---

// After a refused connect there is none before another is begun.
bool TlsSocketWire::connected(const TlsBufferevent &self) noexcept {
  return fd_of(self) >= 0 && !self.socket_.connecting && !self.socket_.refused;
}

// Without a descriptor only the timeouts run.
bool TlsSocketWire::await_descriptor(TlsBufferevent &self) noexcept {
  if (!self.ev_base) return true;
  return self.want(EV_READ, self.wants(EV_READ) && evutil_timerisset(&self.timeout_read)) &&
         self.want(EV_WRITE, self.wants(EV_WRITE) && evutil_timerisset(&self.timeout_write));
}

bool TlsSocketWire::update_interest(TlsBufferevent &self) noexcept {
  if (self.socket_.refused) return true;
  if (self.socket_.connecting) return self.want(EV_READ, self.wants(EV_READ));
  if (fd_of(self) < 0) return await_descriptor(self);
  return self.want(EV_READ, self.wants_input()) && self.want(EV_WRITE, self.wants_output());
}

// --- receiving ---

std::size_t TlsSocketWire::read_size(const TlsBufferevent &self) noexcept {
  return std::size_t{1} << self.socket_.read_shift;
}

std::size_t TlsSocketWire::ciphertext(const TlsBufferevent &self) noexcept {
  return self.wire_in_.length() + self.received();
}

long TlsSocketWire::receive_now(TlsBufferevent &self, void *data, std::size_t size) noexcept {
  const evbuffer_iovec extent{data, size};
  const ev_ssize_t got = read_extents(static_cast<int>(fd_of(self)), &extent, 1);
  if (got > 0) {
    if (static_cast<std::size_t>(got) < size) self.may_receive_ = false;
    return static_cast<long>(got);
  }
  self.may_receive_ = false;
  if (got == 0) {
    self.wire_ended_ = true;
    return kWireEnded;
  }
  const int error = last_socket_error();
  if (rw_retriable(error)) return kWireBlocked;
  self.receive_failed(error);
  return kWireFailed;
}

// Once per iteration of the loop, so that other connections have their share; the rest is reported again.
// Out of memory there is no chunk, and the session receives straight from the socket, in small steps.
void TlsSocketWire::fill_received(TlsBufferevent &self) noexcept {
  if (!self.received_) self.received_ = borrow_chunk(self.shared_chunk(), read_size(self));
  if (!self.received_) return;
  Chain &chunk = *self.received_;
  chunk.reset();
  const std::size_t offered = std::min(chunk.room(), read_size(self));
  const long got = receive_now(self, chunk.tail, offered);
  self.may_receive_ = false;
  if (got <= 0) return;
  chunk.tail += got;
  follow_reads(self.socket_, static_cast<std::size_t>(got), offered);
}

void TlsSocketWire::prepare_input(TlsBufferevent &self) noexcept {
  self.decrypting_ = !self.own_wire_;
  if (self.may_receive_ && self.decrypting_ && ciphertext(self) == 0) fill_received(self);
}

// Older bytes first.
long TlsSocketWire::receive(TlsWire &wire, void *data, std::size_t size) noexcept {
  TlsBufferevent &self = of(wire);
  if (!self.wire_in_.empty()) return static_cast<long>(self.wire_in_.remove(data, size));
  if (self.received() == 0 && self.decrypting_ && self.may_receive_) fill_received(self);
  if (self.received() > 0) {
    const std::size_t taken = std::min(size, self.received());
    std::memcpy(data, self.received_->head, taken);
    self.received_->head += taken;
    return static_cast<long>(taken);
  }
  if (self.receive_error_) return kWireFailed;
  if (self.wire_ended_) return kWireEnded;
  if (fd_of(self) < 0 || (self.pumping() && !self.may_receive_)) return kWireBlocked;
  return receive_now(self, data, size);
}

// --- sending ---

// As much as the socket takes; the rest is kept, and leaves when the socket is writable.
bool TlsSocketWire::send_now(TlsBufferevent &self, const void *data, std::size_t size) noexcept {
  ev_ssize_t put = fd_of(self) >= 0 ? send_quietly(fd_of(self), data, size) : 0;
  if (put < 0) {
    const int error = last_socket_error();
    // While the program's own connect() is in progress, which ends by a report of ev_write.
    const bool connecting = error == kNotConnected && !self.socket_.write_armed;
    if (!rw_retriable(error) && !connecting) return self.send_failed(error);
    put = 0;
  }
  const std::size_t left = size - static_cast<std::size_t>(put);
  if (left == 0) return true;
  if (!self.wire_out_.add(static_cast<const unsigned char *>(data) + put, left))
    return self.send_failed(ENOMEM);
  if (!self.pumping()) self.schedule_flush();
  return true;
}

bool TlsSocketWire::batch_goes_on(const TlsBufferevent &self) noexcept {
  return self.stage_.room() >= kMaxRecord;
}

bool TlsSocketWire::send_batch(TlsBufferevent &self) noexcept {
  TlsStage &stage = self.stage_;
  EVI_ASSERT(stage.head <= stage.tail && stage.tail <= stage.end);
  const std::size_t size = stage.length();
  unsigned char *head = std::exchange(stage.head, stage.tail);
  return size == 0 || send_now(self, head, size);
}

void TlsSocketWire::records_taken(TlsBufferevent &) noexcept {}

// A socket that blocks is never waited for.
ev_ssize_t TlsSocketWire::send_front(TlsBufferevent &self) noexcept {
  evbuffer &out = self.wire_out_;
  if (!socket_transport::blocks(self)) return out.write_some(fd_of(self), out.length());
  const Chain *front = out.first_chain();
  const ev_ssize_t put = send_quietly(fd_of(self), front->head, front->length());
  if (put > 0) static_cast<void>(out.drain(static_cast<std::size_t>(put)));
  return put;
}

bool TlsSocketWire::send_pending(TlsBufferevent &self) noexcept {
  EVI_ASSERT(!self.wire_out_.empty() && !self.send_error_);
  if (fd_of(self) < 0) return true;
  const ev_ssize_t put = send_front(self);
  if (put < 0 && !rw_retriable(last_socket_error())) return self.send_failed(last_socket_error());
  if (self.wire_out_.empty()) self.wire_out_.release_spare();
  return true;
}

// False, with send_error_, if the record is lost.
bool TlsSocketWire::take_record(TlsBufferevent &self, const void *data, std::size_t size) noexcept {
  TlsStage &stage = self.stage_;
  if (stage.chunk && self.wire_out_.empty()) {
    if (stage.room() < size && !send_batch(self)) return false;
    if (self.wire_out_.empty() && stage.room() >= size) {
      std::memcpy(stage.tail, data, size);
      stage.tail += size;
      return true;
    }
  }
  // Behind what is queued already.
  if (!self.wire_out_.empty()) return self.wire_out_.add(data, size) || self.send_failed(ENOMEM);
  return send_now(self, data, size);
}

long TlsSocketWire::send(TlsWire &wire, const void *data, std::size_t size) noexcept {
  TlsBufferevent &self = of(wire);
  return self.send_result(!self.send_error_ && take_record(self, data, size), size);
}

constinit const TlsWireKind TlsSocketWire::kKind = {
    .session = {.receive = receive, .send = send, .fd = fd, .inherit = inherit},
    .reports_errors = false,
    .init = init,
    .begin = begin,
    .leave = leave,
    .connected = connected,
    .ciphertext = ciphertext,
    .prepare_input = prepare_input,
    .accepts_records = connected,
    .batch_goes_on = batch_goes_on,
    .send_batch = send_batch,
    .records_taken = records_taken,
    .send_pending = send_pending,
    .update_interest = update_interest,
};

}  // namespace evi

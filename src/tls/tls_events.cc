// What TLS bufferevents wait for, their events, and the entries of their table.
#include "bufferevent/filter.h"
#include "bufferevent/socket_transport.h"
#include "core/event_base.h"
#include "tls/tls_bufferevent.h"
#include "util/assert.h"
#include "util/socket.h"

namespace evi {

using socket_transport::fd_of;

// --- what is waited for ---

bool TlsBufferevent::wants_input() const noexcept {
  if (wire_ended_ || receive_error_ || phase_ == Phase::failed) return false;
  if (phase_ == Phase::handshaking) return may_pump();
  return (wants(EV_READ) && reads_on()) || write_wait_ == Wait::input;
}

bool TlsBufferevent::wants_output() const noexcept {
  if (send_error_ || (phase_ == Phase::handshaking && !may_pump())) return false;
  if (!wire_out_.empty()) return true;
  return phase_ != Phase::failed && (read_wait_ == Wait::output || write_wait_ == Wait::output);
}

bool TlsBufferevent::want(short direction, bool wanted) noexcept {
  EVI_ASSERT(direction == EV_READ || direction == EV_WRITE);
  const bool armed = direction == EV_READ ? socket_.read_armed : socket_.write_armed;
  if (wanted == armed) return true;
  if (!wanted) {
    direction == EV_READ ? socket_transport::disarm_read(*this) : socket_transport::disarm_write(*this);
    return true;
  }
  event &ev = direction == EV_READ ? ev_read : ev_write;
  const timeval &timeout = direction == EV_READ ? timeout_read : timeout_write;
  if (!socket_transport::add(*this, ev, false, socket_transport::timeout_or_null(timeout))) return false;
  if (direction == EV_READ) {
    socket_.read_armed = true;
  } else {
    socket_.write_armed = true;
  }
  return true;
}

void TlsBufferevent::restart_timeout(short direction) noexcept {
  const bool read = direction == EV_READ;
  const timeval &timeout = read ? timeout_read : timeout_write;
  if (!(read ? socket_.read_armed : socket_.write_armed) || !evutil_timerisset(&timeout)) return;
  if (!socket_transport::add(*this, read ? ev_read : ev_write, true, &timeout))
    report_lost_timeout(direction);
}

// As with libevent, the handshake's timeout names no direction, and none of them disables anything.
void TlsBufferevent::timed_out(short direction) noexcept {
  short what = BEV_EVENT_TIMEOUT;
  if (phase_ == Phase::open) {
    what = static_cast<short>(what | event_side(direction));
  }
  trigger_event(what, 0);
}

// --- events ---

// What became of the old one counts no more; what the session itself has come to does.
void TlsBufferevent::new_wire() noexcept {
  wire_ended_ = false;
  receive_error_ = send_error_ = 0;
  if (input_end_ == InputEnd::truncated || input_end_ == InputEnd::failed) input_end_ = InputEnd::none;
}

// True if the connection is there. The handshake is to begin, and decides what is waited for.
bool TlsBufferevent::connected() noexcept {
  if (!socket_transport::take_connection(*this)) return false;
  socket_transport::disarm_read(*this);
  socket_transport::disarm_write(*this);
  new_wire();
  return true;
}

void TlsBufferevent::on_readable(evutil_socket_t, short what, void *arg) noexcept {
  auto &self = *static_cast<TlsBufferevent *>(arg);
  const BuffereventUse use(self);
  // Held back, or freed, by another thread since the loop saw it.
  if (!self.socket_.read_armed) return;
  if (what == EV_TIMEOUT) return self.timed_out(EV_READ);
  if (self.socket_.connecting && !self.connected()) return;
  self.may_receive_ = true;
  self.input_arrived();
  self.pump_ = Pump::idle;
  self.pump();
}

void TlsBufferevent::on_writable(evutil_socket_t, short what, void *arg) noexcept {
  auto &self = *static_cast<TlsBufferevent *>(arg);
  const BuffereventUse use(self);
  if (!self.socket_.write_armed) return;
  if (what == EV_TIMEOUT) return self.timed_out(EV_WRITE);
  if (self.socket_.connecting && !self.connected()) return;
  if (self.read_wait_ == Wait::output) self.unread_ = true;
  self.read_wait_ = Wait::none;
  if (self.write_wait_ == Wait::output) self.write_wait_ = Wait::none;
  self.pump_ = Pump::idle;
  self.pump();
}

// --- the table's functions ---

bool TlsBufferevent::start(BuffereventBase &bev, short directions, Start why) noexcept {
  TlsBufferevent &self = of(bev);
  if (self.socket_.connecting) return socket_transport::start(bev, directions, why);
  if (why == Start::enabled) {
    if (directions & EV_READ) self.restart_timeout(EV_READ);
    if (directions & EV_WRITE) self.restart_timeout(EV_WRITE);
  }
  if (self.pumping() || self.phase_ == Phase::failed) return true;
  if (self.phase_ == Phase::handshaking || self.work_left()) self.schedule_flush();
  return self.update_interest();
}

void TlsBufferevent::stop(BuffereventBase &bev, short directions) noexcept {
  TlsBufferevent &self = of(bev);
  if (self.socket_.connecting) return socket_transport::stop(bev, directions);
  if (!self.pumping()) self.update_interest();
}

void TlsBufferevent::apply_timeouts(BuffereventBase &bev) noexcept {
  TlsBufferevent &self = of(bev);
  if (self.socket_.connecting) return socket_transport::apply_timeouts(bev);
  for (const short direction : {short{EV_READ}, short{EV_WRITE}}) {
    const bool read = direction == EV_READ;
    if (!(read ? self.socket_.read_armed : self.socket_.write_armed)) continue;
    if (evutil_timerisset(read ? &self.timeout_read : &self.timeout_write)) {
      self.restart_timeout(direction);
    } else {
      self.ev_base->remove_timer(read ? self.ev_read : self.ev_write);
    }
  }
  if (!self.pumping() && !self.update_interest()) self.report_lost_timeout(EV_READ);
}

void TlsBufferevent::output_added(BuffereventBase &bev) noexcept {
  TlsBufferevent &self = of(bev);
  if (!self.pumping() && self.work_left()) self.schedule_flush();
}

// A callback that control left by longjmp() may have left pump_ set: the loop calls nothing inside of
// pump().
void TlsBufferevent::flush_turn(BuffereventBase &bev) noexcept {
  of(bev).pump_ = Pump::idle;
  of(bev).pump();
}

// Possibly inside of pump(), from one of its callbacks.
void TlsBufferevent::write_last(BuffereventBase &bev) noexcept {
  TlsBufferevent &self = of(bev);
  if (self.in_engine_ || self.phase_ != Phase::open || !self.has_wire()) return;
  const Pump before = self.pump_;
  if (before == Pump::idle) self.pump_ = Pump::running;
  self.off_loop_ = self.lock() != nullptr;
  self.write_records();
  self.off_loop_ = false;
  if (before == Pump::idle) self.pump_ = Pump::idle;
}

int TlsBufferevent::flush(BuffereventBase &bev, short directions, bufferevent_flush_mode mode) noexcept {
  TlsBufferevent &self = of(bev);
  if (self.freed()) return -1;
  if ((directions & EV_WRITE) && mode == BEV_FINISHED && self.close_notify_ == CloseNotify::none)
    self.close_notify_ = CloseNotify::wanted;
  self.schedule_flush();
  return 0;
}

template <typename Wire>
constexpr bufferevent_ops TlsBufferevent::ops(const char *name, bool owns_events) noexcept {
  return {
      .name = name,
      .owns_events = owns_events,
      .start = start,
      .stop = stop,
      .apply_timeouts = apply_timeouts,
      .output_added = output_added,
      .flush_turn = flush_turn,
      .write_last = write_last,
      .flush = flush,
      .set_fd = Wire::set_fd,
      .get_fd = Wire::get_fd,
      .get_underlying = Wire::get_underlying,
      .read_whole = socket_transport::read_whole,
      .events_armed = socket_transport::events_armed,
      .unlink = unlink,
      .dispose = Wire::dispose,
  };
}

constinit const bufferevent_ops TlsBufferevent::kSocketOps = ops<TlsSocketWire>("tls", true);
constinit const bufferevent_ops TlsBufferevent::kFilterOps = ops<TlsFilterWire>("tls filter", false);

}  // namespace evi

// What TLS bufferevents wait for, what events tell them, and what the program asks of them.
#include "bufferevent/filter.h"
#include "bufferevent/socket_transport.h"
#include "core/event_base.h"
#include "tls/tls_bufferevent.h"
#include "util/socket.h"

namespace evi {

using socket_transport::fd_of;

// --- what is waited for ---

bool TlsBufferevent::wants_input() const noexcept {
  if (wire_ended_ || receive_error_ || phase_ == Phase::failed) return false;
  if (phase_ == Phase::handshaking) return may_pump();
  return (wants(EV_READ) && reads_on()) || write_wants_input_;
}

bool TlsBufferevent::wants_output() const noexcept {
  if (send_error_ || (phase_ == Phase::handshaking && !may_pump())) return false;
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
    if (socket_.refused) return true;
    if (socket_.connecting) return want(ev_read, EV_READ, wants(EV_READ));
    if (fd_of(*this) < 0) return await_descriptor();
    return want(ev_read, EV_READ, wants_input()) && want(ev_write, EV_WRITE, wants_output());
  }
  if (wants_input() == underlying_->suspended(EV_READ, kFilterBusy)) hold_underlying(!wants_input());
  if (freed()) return true;
  const bool input = wants_input();
  const bool output = phase_ == Phase::open && wants(EV_WRITE) && !output_buffer().empty();
  return want(ev_read, EV_READ, input && evutil_timerisset(&timeout_read)) &&
         want(ev_write, EV_WRITE, output && evutil_timerisset(&timeout_write));
}

// A bufferevent in memory moves its data at once. What that brings waits for the loop: the program may be
// about to change one of our buffers, which is why we are here. Callbacks of the other side's buffers may
// free us.
void TlsBufferevent::hold_underlying(bool back) noexcept {
  pumping_ = true;
  back ? underlying_->suspend(EV_READ, kFilterBusy) : underlying_->resume(EV_READ, kFilterBusy);
  pumping_ = false;
  if (again_ && !freed()) schedule_flush();
  again_ = false;
}

void TlsBufferevent::restart_timeout(short direction) noexcept {
  const bool read = direction == EV_READ;
  const timeval &timeout = read ? timeout_read : timeout_write;
  if (!(read ? socket_.read_armed : socket_.write_armed) || !evutil_timerisset(&timeout)) return;
  if (!socket_transport::add(*this, read ? ev_read : ev_write, true, &timeout)) no_timeout(direction);
}

// A wait would have no end. The session goes on.
void TlsBufferevent::no_timeout(short direction) noexcept {
  defer_event(error_in(direction), last_socket_error());
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

// What became of the old one counts no more; what the session itself has come to does.
void TlsBufferevent::new_wire() noexcept {
  wire_ended_ = false;
  receive_error_ = send_error_ = 0;
  if (end_ != TlsResult::closed) end_ = TlsResult::done;
}

// The end of a connect. True if the connection is there, and we are.
bool TlsBufferevent::connected() noexcept {
  const int error = pending_socket_error(fd_of(*this));
  if (connect_in_progress(error)) return false;
  socket_.connecting = false;
  socket_transport::disarm_read(*this);
  socket_transport::disarm_write(*this);
  if (error == 0) {
    new_wire();
    return true;
  }
  socket_.refused = true;
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
  self.pumping_ = false;
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
  self.pumping_ = false;
  self.pump();
}

// With a lock the call may come from any thread, and what pump() uses of the loop's is for its thread alone.
void TlsBufferevent::pump_on_loop() noexcept { lock() ? schedule_flush() : pump(); }

void TlsBufferevent::on_underlying_data(bufferevent *, void *arg) noexcept {
  TlsBufferevent &self = of(*static_cast<BuffereventBase *>(arg));
  const BuffereventUse use(self);
  if (self.freed()) return;
  if (self.data_underneath_) self.data_underneath_ = !self.drained_underneath();
  if (!self.underlying_->input_buffer().empty()) {
    self.unread_ = true;
    self.write_wants_input_ = false;
    self.restart_timeout(EV_READ);
  }
  self.pump_on_loop();
}

// The socket at the bottom failed to connect, or does not exist.
bool TlsBufferevent::not_connected() const noexcept {
  const BuffereventBase *bottom = underlying_;
  while (const BuffereventBase *under = below(*bottom)) bottom = under;
  return bottom->be_ops->owns_events &&
         (SocketBufferevent::of(*bottom).socket_.refused || fd_of(*bottom) < 0);
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
  // The session has not begun then, and the program may try again.
  if ((what & BEV_EVENT_ERROR) && self.phase_ == Phase::handshaking && self.not_connected()) {
    set_socket_error(error);
    return self.trigger_event(what, 0);
  }
  self.unread_ = true;
  self.write_wants_input_ = false;
  if (what & BEV_EVENT_EOF) self.wire_ended_ = true;
  if (what & BEV_EVENT_ERROR) {
    // Without a direction it ends both.
    if (!(what & BEV_EVENT_WRITING) || (what & BEV_EVENT_READING)) self.receive_failed(error);
    if (!(what & BEV_EVENT_READING) || (what & BEV_EVENT_WRITING)) self.send_failed(error);
  }
  self.pump_on_loop();
}

// --- the table's functions ---

bool TlsBufferevent::start(BuffereventBase &bev, short directions, Start why) noexcept {
  TlsBufferevent &self = of(bev);
  if (self.socket_.connecting) return socket_transport::start(bev, directions, why);
  if (why == Start::enabled) {
    if (directions & EV_READ) self.restart_timeout(EV_READ);
    if (directions & EV_WRITE) self.restart_timeout(EV_WRITE);
  }
  if (self.pumping_ || self.phase_ == Phase::failed) return true;
  if (self.phase_ == Phase::handshaking || self.work_left()) self.schedule_flush();
  return self.update_interest();
}

void TlsBufferevent::stop(BuffereventBase &bev, short directions) noexcept {
  TlsBufferevent &self = of(bev);
  if (self.socket_.connecting) return socket_transport::stop(bev, directions);
  if (!self.pumping_) self.update_interest();
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
  if (!self.pumping_ && !self.update_interest()) self.no_timeout(EV_READ);
}

void TlsBufferevent::output_added(BuffereventBase &bev) noexcept {
  TlsBufferevent &self = of(bev);
  if (!self.pumping_ && self.work_left()) self.schedule_flush();
}

// A callback that control left by longjmp() may have left pumping_ set: the loop calls nothing inside of
// pump().
void TlsBufferevent::flush_turn(BuffereventBase &bev) noexcept {
  of(bev).pumping_ = false;
  of(bev).pump();
}

// Possibly inside of pump(), from one of its callbacks.
void TlsBufferevent::write_last(BuffereventBase &bev) noexcept {
  TlsBufferevent &self = of(bev);
  if (self.in_engine_ || self.phase_ != Phase::open || !self.has_wire()) return;
  const bool pumping = self.pumping_;
  self.pumping_ = true;
  self.off_loop_ = self.lock() != nullptr;
  self.write_records();
  self.off_loop_ = false;
  self.pumping_ = pumping;
}

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
  self.new_wire();
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
      .set_fd = set_fd,
      .get_fd = get_fd,
      .get_underlying = get_underlying,
      .read_whole = socket_transport::read_whole,
      .events_armed = socket_transport::events_armed,
      .unlink = unlink,
      .dispose = dispose,
  };
}

constinit const bufferevent_ops TlsBufferevent::kSocketOps = ops("tls", true);
constinit const bufferevent_ops TlsBufferevent::kFilterOps = ops("tls filter", false);

}  // namespace evi

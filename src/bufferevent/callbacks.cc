// Calling the program's callbacks: at once, or from the loop.
#include "bufferevent/bufferevent.h"
#include "bufferevent/drained.h"
#include "core/deferred.h"
#include "util/assert.h"
#include "util/socket.h"

namespace evi {

static_assert(static_cast<int>(BEV_TRIG_DEFER_CALLBACKS) == static_cast<int>(BEV_OPT_DEFER_CALLBACKS));

void BuffereventBase::set_callbacks(bufferevent_data_cb on_read, bufferevent_data_cb on_write,
                                    bufferevent_event_cb on_event, void *arg) noexcept {
  if (freed_) return;
  readcb = on_read;
  writecb = on_write;
  errorcb = on_event;
  cbarg = arg;
  relays_ = whole_reads_ = false;
}

void BuffereventBase::trigger_data(short directions, int options) noexcept {
  const bool regardless = (options & BEV_TRIG_IGNORE_WATERMARKS) != 0;
  const bool later = has_option(BEV_OPT_DEFER_CALLBACKS) || (options & BEV_TRIG_DEFER_CALLBACKS);
  const bool read = (directions & EV_READ) && readcb && (regardless || input_.length() >= wm_read.low);
  if (read && !later) call_read();
  // Asked only now: the read callback may have written, or freed.
  const bool write = (directions & EV_WRITE) && writecb && (regardless || output_.length() <= wm_write.low);
  if (write && !later) call_write();
  if (!later || !(read || write)) return;
  read_pending_ = read_pending_ || read;
  write_pending_ = write_pending_ || write;
  schedule_deferred();
}

// Those on top may be asked too whether all has left.
void BuffereventBase::output_emptied() noexcept {
  for (BuffereventBase *bev = this; bev;
       bev = bev->relays_ ? static_cast<BuffereventBase *>(bev->cbarg) : nullptr) {
    if (bev->extra_ && bev->extra_->drained) bev->extra_->drained->check();
  }
}

void BuffereventBase::end_drained(short what) noexcept {
  if ((what & BEV_EVENT_ERROR) && extra_ && extra_->drained) extra_->drained->fail(what);
}

void BuffereventBase::trigger_event(short what, int options) noexcept {
  end_drained(what);
  if (!errorcb) return;
  if (!has_option(BEV_OPT_DEFER_CALLBACKS) && !(options & BEV_TRIG_DEFER_CALLBACKS)) return call_event(what);
  defer_event(what, last_socket_error());
}

void BuffereventBase::defer_event(short what, int socket_error) noexcept {
  end_drained(what);
  error_pending_ = socket_error;
  events_pending_ = static_cast<short>(events_pending_ | what);
  schedule_deferred();
}

void BuffereventBase::fail(short direction, short what, int trigger_options) noexcept {
  EVI_ASSERT(direction == EV_READ || direction == EV_WRITE);
  const int error = last_socket_error();
  disable(direction);
  set_socket_error(error);
  trigger_event(static_cast<short>(event_side(direction) | what), trigger_options);
}

void BuffereventBase::report_lost_timeout(short direction) noexcept {
  EVI_ASSERT(direction == EV_READ || direction == EV_WRITE);
  defer_event(static_cast<short>(BEV_EVENT_ERROR | event_side(direction)), last_socket_error());
}

// --- one call ---

void BuffereventBase::call_data(bufferevent_data_cb cb) noexcept {
  if (!cb) return;
  void *arg = cbarg;
  void *open = has_option(BEV_OPT_UNLOCK_CALLBACKS) && !relays_ ? lock() : nullptr;
  raw_lock_release(open);
  cb(this, arg);
  raw_lock_acquire(open);
}

// A program that takes less than all at the high watermark must be called again, because nothing more will
// arrive to cause it. One that takes nothing waits for something else.
void BuffereventBase::call_read() noexcept {
  const std::size_t before = input_.length();
  const bool inside = in_read_callback_;
  in_read_callback_ = true;
  call_data(readcb);
  in_read_callback_ = inside;
  const std::size_t after = input_.length();
  if (!wm_read.high || after < wm_read.high || after >= before || !(enabled & EV_READ)) return;
  trigger_data(EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

void BuffereventBase::call_write() noexcept {
  const bool inside = in_write_callback_;
  in_write_callback_ = true;
  call_data(writecb);
  in_write_callback_ = inside;
}

void BuffereventBase::call_event(short what) noexcept {
  const bufferevent_event_cb cb = errorcb;
  if (!cb) return;
  void *arg = cbarg;
  const int error = last_socket_error();
  void *open = has_option(BEV_OPT_UNLOCK_CALLBACKS) && !relays_ ? lock() : nullptr;
  raw_lock_release(open);
  set_socket_error(error);
  cb(this, what, arg);
  raw_lock_acquire(open);
}

// --- from the loop ---

void BuffereventBase::on_deferred(event_callback *queued, void *self) noexcept {
  auto &bev = *static_cast<BuffereventBase *>(self);
  raw_lock_acquire(bev.lock());
  if (!bev.deferred_queued_) {
    // Cancelled by another thread after the loop had taken it from its queue.
    raw_lock_release(bev.lock());
    return;
  }
  const BuffereventUse use(bev, BuffereventUse::Locked{});
  bev.deferred_queued_ = false;
  bev.drop();
  if (queued) bev.run_deferred();
}

// A connection begins before its data, and ends after it.
void BuffereventBase::run_deferred() noexcept {
  if (events_pending_ & BEV_EVENT_CONNECTED) {
    events_pending_ &= static_cast<short>(~BEV_EVENT_CONNECTED);
    call_event(BEV_EVENT_CONNECTED);
  }
  if (read_pending_) {
    read_pending_ = false;
    const event_base *const base = ev_base;
    begin_reading();
    call_read();
    finish_reading(ev_base == base);
    if (!freed_ && be_ops->read_on) be_ops->read_on(*this);
  }
  if (write_pending_) {
    write_pending_ = false;
    call_write();
  }
  if (events_pending_) {
    const short what = events_pending_;
    events_pending_ = 0;
    set_socket_error(error_pending_);
    call_event(what);
  }
  if (extra_ && extra_->drained) extra_->drained->run();
}

}  // namespace evi

// Timers that end the wait of a direction, for bufferevents without a socket of their own.
#include "bufferevent/timeouts.h"

#include "bufferevent/event_removal.h"
#include "core/event_access.h"
#include "core/event_base.h"
#include "util/socket.h"

namespace evi {

TimedBufferevent::TimedBufferevent(event_base *base, const bufferevent_ops &kind, int options) noexcept
    : BuffereventBase(base, kind, options) {
  static_cast<void>(assign_event(ev_read, base, kNoSocket, EV_FINALIZE, on_read_timeout, this));
  static_cast<void>(assign_event(ev_write, base, kNoSocket, EV_FINALIZE, on_write_timeout, this));
}

bool TimedBufferevent::restart_timeout(short direction) noexcept {
  const timeval &duration = direction == EV_READ ? timeout_read : timeout_write;
  if (!evutil_timerisset(&duration) || !ev_base) return true;
  if (ev_base->add(direction == EV_READ ? ev_read : ev_write, &duration) != 0) return false;
  running_ = static_cast<short>(running_ | direction);
  return true;
}

void TimedBufferevent::keep_timeout(short direction) noexcept {
  if (!restart_timeout(direction)) report_lost_timeout(direction);
}

void TimedBufferevent::stop_timeouts(short directions) noexcept {
  for (const short direction : {static_cast<short>(EV_READ), static_cast<short>(EV_WRITE)}) {
    event &ev = direction == EV_READ ? ev_read : ev_write;
    if (!(running_ & directions & direction)) continue;
    running_ = static_cast<short>(running_ & ~direction);
    delete_if_queued(ev_base, ev, lock());
  }
}

void TimedBufferevent::on_read_timeout(evutil_socket_t, short, void *self) noexcept {
  static_cast<TimedBufferevent *>(self)->time_out(EV_READ);
}

void TimedBufferevent::on_write_timeout(evutil_socket_t, short, void *self) noexcept {
  static_cast<TimedBufferevent *>(self)->time_out(EV_WRITE);
}

void TimedBufferevent::time_out(short direction) noexcept {
  const BuffereventUse use(*this);
  // Stopped, or freed, by another thread since the loop saw it.
  if (!timeout_runs(direction)) return;
  // Restarted by another thread that held the lock meanwhile: the new timeout replaces this one, and the flag
  // has to say what the base has.
  if (lock() && ev_base->pending(direction == EV_READ ? ev_read : ev_write, EV_TIMEOUT, nullptr)) return;
  running_ = static_cast<short>(running_ & ~direction);
  fail(direction, BEV_EVENT_TIMEOUT);
}

}  // namespace evi

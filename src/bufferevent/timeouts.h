// Timeouts of the bufferevents that have no socket of their own.
#ifndef EVI_BUFFEREVENT_TIMEOUTS_H
#define EVI_BUFFEREVENT_TIMEOUTS_H

#include "bufferevent/bufferevent.h"

namespace evi {

// A bufferevent whose ev_read and ev_write are mere timers, which do not repeat. A direction that times out
// is disabled.
class TimedBufferevent : public BuffereventBase {
 public:
  TimedBufferevent(event_base *base, const bufferevent_ops &kind, int options) noexcept;

  // Lets the timeout of one direction begin anew, if it has one. False without memory.
  [[nodiscard]] bool restart_timeout(short direction) noexcept;
  // The same where no caller can report a failure: out of memory, there is an error event, because the wait
  // would have no end.
  void keep_timeout(short direction) noexcept;
  void stop_timeouts(short directions) noexcept;
  bool timeout_runs(short direction) const noexcept { return (running_ & direction) != 0; }

  // Disables a direction and tells of BEV_EVENT_EOF, ERROR or TIMEOUT in it.
  void fail(short direction, short what, int trigger_options = 0) noexcept;

 private:
  static void on_read_timeout(evutil_socket_t, short, void *self) noexcept;
  static void on_write_timeout(evutil_socket_t, short, void *self) noexcept;
  void time_out(short direction) noexcept;

  short running_ = 0;
};

}  // namespace evi

#endif

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

  // Restarts the timeout of one direction, if it has one. False if out of memory.
  [[nodiscard]] bool restart_timeout(short direction) noexcept;
  // The same where no caller can report a failure: see report_lost_timeout().
  void keep_timeout(short direction) noexcept;
  void stop_timeouts(short directions) noexcept;
  bool timeout_runs(short direction) const noexcept { return (running_ & direction) != 0; }

 private:
  static void on_read_timeout(evutil_socket_t, short, void *self) noexcept;
  static void on_write_timeout(evutil_socket_t, short, void *self) noexcept;
  void time_out(short direction) noexcept;

  short running_ = 0;
};

}  // namespace evi

#endif

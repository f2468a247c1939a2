// Drained: calls the application when its output has left a bufferevent and all underlying ones.
#ifndef EVI_BUFFEREVENT_DRAINED_H
#define EVI_BUFFEREVENT_DRAINED_H

#include "bufferevent/bufferevent.h"
#include "event2/eventide.h"

namespace evi {

// Created with the first request, and owned by its bufferevent, whose lock guards it. An output buffer that
// becomes empty checks the requests of the bufferevents on top (BuffereventBase::output_emptied); the
// callback is a deferred one.
class Drained {
 public:
  explicit Drained(BuffereventBase &bev) noexcept : bev_(bev) {}
  Drained(const Drained &) = delete;
  Drained &operator=(const Drained &) = delete;

  // Replaces the previous request. A null callback only cancels it. False if out of memory.
  [[nodiscard]] static bool ask(BuffereventBase &bev, eventide_drained_cb callback, void *arg) noexcept;

  // Some output has left: if that was all, the callback becomes due.
  void check() noexcept;
  // The remaining output will never leave.
  void fail(short what) noexcept;
  // From the deferred callback: invokes the application's callback if it is due.
  void run() noexcept;

 private:
  bool nothing_left() const noexcept;

  BuffereventBase &bev_;
  eventide_drained_cb callback_ = nullptr;
  void *arg_ = nullptr;
  short error_ = 0;  // BEV_EVENT_* that ended it
  bool due_ = false;
};

}  // namespace evi

#endif

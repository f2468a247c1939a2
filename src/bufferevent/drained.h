// Drained: the program's question when everything that it wrote has left a bufferevent and all underneath.
#ifndef EVI_BUFFEREVENT_DRAINED_H
#define EVI_BUFFEREVENT_DRAINED_H

#include "bufferevent/bufferevent.h"
#include "event2/eventide.h"

namespace evi {

// Made with the first question, and kept by its bufferevent, whose lock guards it. An output buffer that
// becomes empty asks those on top (BuffereventBase::output_emptied); the answer is a deferred callback of the
// bufferevent.
class Drained {
 public:
  explicit Drained(BuffereventBase &bev) noexcept : bev_(bev) {}
  Drained(const Drained &) = delete;
  Drained &operator=(const Drained &) = delete;

  // Replaces the question before. A null callback asks nothing. False without memory.
  [[nodiscard]] static bool ask(BuffereventBase &bev, eventide_drained_cb callback, void *arg) noexcept;

  // Some output left: has the loop call if that was all.
  void check() noexcept;
  // What is left will not leave.
  void fail(short what) noexcept;
  // From the deferred callback: calls the program if it is time.
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

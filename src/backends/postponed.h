// Interest that the kernel had no memory for: it is told again as each wait begins, until it is taken.
//
// A refused update may leave less in the kernel than there was, or more than is wanted now, and the events
// that were there before it are told of no error.
#ifndef EVI_BACKENDS_POSTPONED_H
#define EVI_BACKENDS_POSTPONED_H

#include <algorithm>
#include <cerrno>

#include "core/event_base.h"
#include "core/fd_table.h"
#include "util/time.h"

namespace evi {

class Postponed {
 public:
  // After each refusal. False if `error` is not one that passes: nobody need try again.
  bool note(int error) noexcept {
    const bool passes = error == EAGAIN || error == ENOMEM;
    any_ |= passes;
    return passes;
  }

  bool any() const noexcept { return any_; }
  // Calls tell(fd, slot, wanted), which notes refusals as ever, for each descriptor that is watched for
  // something else than its events want. Returns how long the wait may be that begins now.
  template <typename F>
  Nanos tell_again(event_base &base, Nanos timeout, F &&tell) noexcept {
    if (EVI_LIKELY(!any_)) return timeout;
    any_ = false;
    FdTable &fds = base.fds();
    for (int fd = 0; fd < fds.size(); fd += kDescriptorStep) {
      FdSlot &slot = fds[fd];
      const std::uint8_t wanted = slot.wanted();
      if (wanted != slot.armed) tell(fd, slot, wanted);
    }
    return timeout < 0 ? kRetryAfter : std::min(timeout, kRetryAfter);
  }

 private:
  static constexpr Nanos kRetryAfter = 10'000'000;

  bool any_ = false;
};

}  // namespace evi

#endif

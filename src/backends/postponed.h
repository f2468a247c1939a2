// Interest that the kernel had no memory for: the update is repeated as each wait begins, until it succeeds.
//
// A refused update may leave less in the kernel than there was, or more than is wanted now, and no error is
// reported to the events that were there before it.
#ifndef EVI_BACKENDS_POSTPONED_H
#define EVI_BACKENDS_POSTPONED_H

#include <algorithm>
#include <cerrno>

#include "core/backend_host.h"
#include "core/fd_table.h"
#include "util/time.h"

namespace evi {

class Postponed {
 public:
  // After each refusal. False if `error` is permanent: a retry would fail again.
  bool note(int error) noexcept {
    const bool passes = error == EAGAIN || error == ENOMEM;
    any_ |= passes;
    return passes;
  }

  bool any() const noexcept { return any_; }
  // Calls update(fd, slot, wanted), which notes refusals as usual, for each descriptor that is watched for
  // something else than its events want. Returns how long the wait that begins now may take.
  template <typename F>
  Nanos retry(BackendHost &host, Nanos timeout, F &&update) noexcept {
    if (EVI_LIKELY(!any_)) return timeout;
    any_ = false;
    FdTable &fds = host.fds();
    for (int fd = 0; fd < fds.size(); fd += kDescriptorStep) {
      FdSlot &slot = fds[fd];
      const std::uint8_t wanted = slot.wanted();
      if (wanted != slot.armed) update(fd, slot, wanted);
    }
    return timeout < 0 ? kRetryAfter : std::min(timeout, kRetryAfter);
  }

 private:
  static constexpr Nanos kRetryAfter = 10'000'000;

  bool any_ = false;
};

}  // namespace evi

#endif

// Waiting by poll(2), to the millisecond, or by ppoll(2), to the nanosecond.
#include "backends/poll_mask.h"
#include "backends/timespec.h"

namespace evi {

int wait_by_poll(pollfd *fds, int count, Nanos timeout, bool finely) noexcept {
  const auto size = static_cast<nfds_t>(count);
  if (!finely) return poll(fds, size, to_milliseconds(timeout));
  const timespec ts = to_timespec(timeout);
  return ppoll(fds, size, timeout < 0 ? nullptr : &ts, nullptr);
}

}  // namespace evi

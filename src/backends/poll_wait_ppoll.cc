// Waiting by ppoll(2), to the nanosecond.
#include "backends/poll_mask.h"
#include "backends/timespec.h"

namespace evi {

int poll_nanos(pollfd *fds, int count, Nanos timeout) noexcept {
  const timespec ts = to_timespec(timeout);
  return ppoll(fds, static_cast<nfds_t>(count), timeout < 0 ? nullptr : &ts, nullptr);
}

}  // namespace evi

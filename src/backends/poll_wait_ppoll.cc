// Waiting by ppoll(2), to the nanosecond.
#include <ctime>

#include "backends/poll_mask.h"

namespace evi {

int poll_nanos(pollfd *fds, int count, Nanos timeout) noexcept {
  timespec ts{};
  if (timeout > 0) {
    ts.tv_sec = static_cast<time_t>(timeout / 1'000'000'000);
    ts.tv_nsec = static_cast<long>(timeout % 1'000'000'000);
  }
  return ppoll(fds, static_cast<nfds_t>(count), timeout < 0 ? nullptr : &ts, nullptr);
}

}  // namespace evi

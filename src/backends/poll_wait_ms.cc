// Waiting by poll(2), to the millisecond, for systems without ppoll.
#include "backends/poll_mask.h"
#include "backends/timespec.h"

namespace evi {

int wait_by_poll(pollfd *fds, int count, Nanos timeout, bool) noexcept {
  return poll(fds, static_cast<nfds_t>(count), to_milliseconds(timeout));
}

}  // namespace evi

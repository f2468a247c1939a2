// Waiting by poll(2), to the millisecond, for systems without ppoll.
#include "backends/poll_mask.h"

namespace evi {

int poll_nanos(pollfd *fds, int count, Nanos timeout) noexcept {
  return poll(fds, static_cast<nfds_t>(count), to_poll_milliseconds(timeout));
}

}  // namespace evi

// The events of poll(2), which /dev/poll and event ports speak too, and what they mean to ours.
#ifndef EVI_BACKENDS_POLL_MASK_H
#define EVI_BACKENDS_POLL_MASK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // POLLRDHUP
#endif
#include <poll.h>

#include <cstdint>

#include "core/fd_table.h"
#include "event2/event.h"
#include "util/time.h"

// macOS and the older systems cannot distinguish EOF from input.
#ifdef POLLRDHUP
#define EVI_POLL_CLOSED POLLRDHUP
#else
#define EVI_POLL_CLOSED 0
#endif

namespace evi {

inline constexpr int kPollFeatures = EVI_POLL_CLOSED ? EV_FEATURE_EARLY_CLOSE : 0;

inline short to_poll(std::uint8_t wanted) noexcept {
  short mask = 0;
  if (wanted & EV_READ) mask |= POLLIN;
  if (wanted & EV_WRITE) mask |= POLLOUT;
  if (wanted & EV_CLOSED) mask |= EVI_POLL_CLOSED;
  return mask;
}

inline short from_poll(short mask, short asked) noexcept {
  short what = 0;
  if (mask & POLLIN) what |= EV_READ;
  if (mask & POLLOUT) what |= EV_WRITE;
  if (mask & EVI_POLL_CLOSED) what |= EV_CLOSED;
  // An event for EV_CLOSED alone must be made active by an end in any form, or it would be reported for ever.
  if ((mask & (POLLERR | POLLHUP)) && (asked & EVI_POLL_CLOSED) && asked == EVI_POLL_CLOSED)
    what |= EV_CLOSED;
  // A descriptor that was closed behind our back is ready for the error that its user will get.
  if (mask & (POLLERR | POLLHUP | POLLNVAL)) what |= EV_READ | EV_WRITE;
  return what;
}

// Waits for `fds`, never shorter than `timeout` (kWaitForever: without bound): by poll(), to the millisecond,
// or as finely as the system can if `finely`. One file per platform: poll_wait_ppoll.cc, poll_wait_ms.cc.
int wait_by_poll(pollfd *fds, int count, Nanos timeout, bool finely) noexcept;

}  // namespace evi

#endif

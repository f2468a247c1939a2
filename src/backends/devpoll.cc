// /dev/poll of Solaris and illumos, poll(7D): the kernel keeps the array of poll(2), written to it entry by
// entry.
//
// What is written for a descriptor adds to what is watched; to watch less the entry is removed first. The set
// knows numbers and not files: an entry outlives the close of its descriptor, and means the next one of that
// number.
#include <fcntl.h>
#include <sys/devpoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backends/poll_mask.h"
#include "backends/postponed.h"
#include "backends/rotation.h"
#include "backends/timespec.h"
#include "backends/withdrawn.h"
#include "core/backend.h"
#include "core/backend_host.h"
#include "util/alloc.h"
#include "util/held_fd.h"
#include "util/log.h"

namespace evi {
namespace {

constexpr int kFirstReports = 32;
constexpr long kMostReports = 4096;

struct DevpollState {
  HeldFd device;
  int capacity = 0;
  pollfd *reports = nullptr;
  Rotation rotation;
  Withdrawn withdrawn;
  Postponed postponed;

  DevpollState() noexcept = default;
  DevpollState(const DevpollState &) = delete;
  DevpollState &operator=(const DevpollState &) = delete;
  ~DevpollState() { mm_free(reports); }

  int dpfd() const noexcept { return static_cast<int>(device.get()); }
};

bool open_device(DevpollState &state) noexcept {
  state.device.reset(open("/dev/poll", O_RDWR | O_CLOEXEC));
  return state.device.is_open();
}

void *devpoll_make(BackendHost &) noexcept {
  Owned<DevpollState> state{make<DevpollState>()};
  if (!state) return nullptr;
  state->reports = static_cast<pollfd *>(mm_malloc(kFirstReports * sizeof(pollfd)));
  if (!state->reports) return nullptr;
  state->capacity = kFirstReports;
  return open_device(*state) ? state.release() : nullptr;
}

void devpoll_unmake(void *state) noexcept { destroy(static_cast<DevpollState *>(state)); }

bool devpoll_reopen(void *arg) noexcept {
  auto &state = *static_cast<DevpollState *>(arg);
  state.device.close();
  return open_device(state);
}

void devpoll_disown(void *state) noexcept { static_cast<DevpollState *>(state)->device.forget(); }

bool write_entries(const DevpollState &state, const pollfd *entries, std::size_t count) noexcept {
  ssize_t taken = 0;
  do {
    taken = write(state.dpfd(), entries, count * sizeof(pollfd));
  } while (taken < 0 && errno == EINTR);
  return taken == static_cast<ssize_t>(count * sizeof(pollfd));
}

bool forget(const DevpollState &state, int fd) noexcept {
  const pollfd entry{fd, POLLREMOVE, 0};
  return write_entries(state, &entry, 1);
}

// Replaces an entry in one call. One that vanished, or whose descriptor did, is another matter: then it is
// taken out and put in again, and the error is that of putting it in.
bool replace(const DevpollState &state, int fd, short mask) noexcept {
  const pollfd entries[2] = {{fd, POLLREMOVE, 0}, {fd, mask, 0}};
  if (write_entries(state, entries, 2)) return true;
  static_cast<void>(forget(state, fd));
  return write_entries(state, entries + 1, 1);
}

void drop(DevpollState &state, int fd, FdSlot &slot) noexcept {
  static_cast<void>(forget(state, fd));
  state.withdrawn.note(fd);
  slot.armed = slot.registered = 0;
}

// False with errno if the kernel refuses. For want of memory it may have lost what there was, which is put
// back then, unless it is more than is wanted: that would be reported in every wait.
bool watch(DevpollState &state, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  if (wanted == 0) {
    drop(state, fd, slot);
    return true;
  }
  const short mask = to_poll(wanted);
  const pollfd entry{fd, mask, 0};
  const bool narrower = slot.registered && (to_poll(slot.armed) & ~mask) != 0;
  if (narrower ? replace(state, fd, mask) : write_entries(state, &entry, 1)) {
    slot.armed = wanted;
    slot.registered = 1;
    return true;
  }
  const int error = errno;
  const bool may_be_lost = state.postponed.note(error);
  if (slot.registered && (narrower || (may_be_lost && !replace(state, fd, to_poll(slot.armed)))))
    drop(state, fd, slot);
  errno = error;
  return false;
}

bool devpoll_update(void *arg, BackendHost &, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  if (watch(*static_cast<DevpollState *>(arg), fd, slot, wanted)) return true;
  log_warn("/dev/poll: descriptor %d", fd);
  return false;
}

// The kernel refuses an array longer than the number of descriptors that the process may have.
void grow_reports(DevpollState &state) noexcept {
  const long most = std::min(sysconf(_SC_OPEN_MAX), kMostReports);
  const int capacity = state.capacity * 2;
  if (capacity > most) return;
  void *more = mm_realloc(state.reports, static_cast<std::size_t>(capacity) * sizeof(pollfd));
  if (!more) return;
  state.reports = static_cast<pollfd *>(more);
  state.capacity = capacity;
}

void deliver(DevpollState &state, BackendHost &host, int count) noexcept {
  const int start = state.rotation.next(count);
  for (int i = 0, at = start; i < count; ++i, at = at + 1 < count ? at + 1 : 0) {
    const pollfd &report = state.reports[at];
    if (EVI_UNLIKELY(state.withdrawn.contains(report.fd) || !host.fds().contains(report.fd))) continue;
    const FdSlot &slot = host.fds()[report.fd];
    host.report_ready(report.fd, from_poll(report.revents, to_poll(slot.armed)));
  }
}

bool devpoll_await(void *arg, BackendHost &host, Nanos timeout) noexcept {
  auto &state = *static_cast<DevpollState *>(arg);
  timeout = state.postponed.retry(host, timeout, [&](int fd, FdSlot &slot, std::uint8_t wanted) {
    static_cast<void>(watch(state, fd, slot, wanted));
  });
  dvpoll wait{};
  wait.dp_fds = state.reports;
  wait.dp_nfds = static_cast<nfds_t>(state.capacity);
  wait.dp_timeout = to_milliseconds(timeout);
  int got = 0;
  int error = 0;
  state.withdrawn.wait_begins();
  {
    const Unlocked open(host.lock());
    got = ioctl(state.dpfd(), DP_POLL, &wait);
    error = errno;  // which taking the lock may change
  }
  state.withdrawn.wait_ended();
  if (got < 0) {
    if (error == EINTR) return true;
    errno = error;
    log_warn("/dev/poll");
    return false;
  }
  if (got > 0) deliver(state, host, got);
  if (EVI_UNLIKELY(got == state.capacity)) grow_reports(state);
  return true;
}

}  // namespace

extern constinit const Backend devpoll_backend = {
    .name = "devpoll",
    .changelist_name = nullptr,
    .features = EV_FEATURE_O1 | EV_FEATURE_FDS | kPollFeatures,
    .updates_reach_wait = false,
    .create = devpoll_make,
    .destroy = devpoll_unmake,
    .update = devpoll_update,
    .wait = devpoll_await,
    .reopen = devpoll_reopen,
    .disown = devpoll_disown,
};

}  // namespace evi

// Event ports of Solaris and illumos, port_create(3C): a descriptor is associated with the port, and its
// first event ends the association.
//
// What fired is associated again right before the next wait, for what its events want by then, so that a
// deletion after a report costs no system call. An event of an association that was made earlier, while
// callbacks still ran, may be out of date when it is retrieved: such a report is looked at once more.
//
// Each association carries a generation, so that an event which crossed a deletion is not taken for one of
// the descriptor that has the number now.
#include <fcntl.h>
#include <port.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "backends/poll_mask.h"
#include "backends/postponed.h"
#include "backends/timespec.h"
#include "core/backend.h"
#include "core/backend_host.h"
#include "util/alloc.h"
#include "util/held_fd.h"
#include "util/log.h"

namespace evi {
namespace {

constexpr unsigned kFirstReports = 32;
constexpr unsigned kMostReports = 4096;
// Longer waits may overflow in the kernel. A spurious wake-up once a day costs nothing.
constexpr Nanos kLongestWait = Nanos{24} * 3600 * 1'000'000'000;

struct EvportState {
  HeldFd events;
  unsigned capacity = 0;
  port_event_t *reports = nullptr;
  int *fired = nullptr;  // by the last wait; as many as there may be reports
  unsigned fired_count = 0;
  std::uint32_t generation = 0;
  Postponed postponed;

  EvportState() noexcept = default;
  EvportState(const EvportState &) = delete;
  EvportState &operator=(const EvportState &) = delete;
  ~EvportState() {
    mm_free(reports);
    mm_free(fired);
  }

  int port() const noexcept { return static_cast<int>(events.get()); }
};

bool open_port(EvportState &state) noexcept {
  const int port = port_create();
  if (port >= 0) static_cast<void>(fcntl(port, F_SETFD, FD_CLOEXEC));
  state.events.reset(port);
  return port >= 0;
}

// Out of memory, the arrays stay as they are.
bool make_room(EvportState &state, unsigned capacity) noexcept {
  void *fired = mm_realloc(state.fired, capacity * sizeof(int));
  if (!fired) return false;
  state.fired = static_cast<int *>(fired);
  void *reports = mm_realloc(state.reports, capacity * sizeof(port_event_t));
  if (!reports) return false;
  state.reports = static_cast<port_event_t *>(reports);
  state.capacity = capacity;
  return true;
}

void *evport_make(BackendHost &) noexcept {
  Owned<EvportState> state{make<EvportState>()};
  if (!state || !make_room(*state, kFirstReports)) return nullptr;
  return open_port(*state) ? state.release() : nullptr;
}

void evport_unmake(void *state) noexcept { destroy(static_cast<EvportState *>(state)); }

bool evport_reopen(void *arg) noexcept {
  auto &state = *static_cast<EvportState *>(arg);
  state.events.close();
  state.fired_count = 0;
  return open_port(state);
}

void evport_disown(void *state) noexcept { static_cast<EvportState *>(state)->events.forget(); }

// slot.registered: associated since the last wait began; or, with nothing armed, to be associated by the
// next.

// False with errno, and the slot as it was, if the kernel refuses.
bool associate(EvportState &state, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  const std::uint32_t generation = ++state.generation;
  void *const tag = reinterpret_cast<void *>(static_cast<std::uintptr_t>(generation));
  if (port_associate(state.port(), PORT_SOURCE_FD, static_cast<std::uintptr_t>(fd), to_poll(wanted), tag) !=
      0)
    return false;
  slot.tag = generation;
  slot.armed = wanted;
  return true;
}

// A descriptor that was closed behind our back is let go without a word, as with the other methods whose
// entries vanish so.
void associate_again(EvportState &state, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  slot.registered = 0;
  if (associate(state, fd, slot, wanted)) return;
  slot.armed = 0;
  slot.registered = state.postponed.note(errno);
  if (!slot.registered && errno != EBADFD && errno != EBADF) log_warn("port_associate: descriptor %d", fd);
}

// The page does not say whether an association outlives the refusal of another in its place: it is made once
// more.
void restore(EvportState &state, int fd, FdSlot &slot, int error) noexcept {
  if (slot.armed) {
    associate_again(state, fd, slot, slot.armed);
    if (slot.armed) slot.registered = 1;
  } else {
    slot.registered = state.postponed.note(error);
  }
}

bool evport_update(void *arg, BackendHost &, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  auto &state = *static_cast<EvportState *>(arg);
  if (wanted == 0) {
    // Closed, or fired, in the meantime: then there is no association any more.
    static_cast<void>(port_dissociate(state.port(), PORT_SOURCE_FD, static_cast<std::uintptr_t>(fd)));
    slot.armed = slot.registered = 0;
    return true;
  }
  if (!associate(state, fd, slot, wanted)) {
    const int error = errno;
    log_warn("port_associate: descriptor %d", fd);
    restore(state, fd, slot, error);
    errno = error;
    return false;
  }
  slot.registered = 1;
  return true;
}

// An association that an update made meanwhile may have fired for what is over by now: it ends with its
// event.
void associate_fired(EvportState &state, BackendHost &host) noexcept {
  for (unsigned i = 0; i < state.fired_count; ++i) {
    const int fd = state.fired[i];
    FdSlot &slot = host.fds()[fd];
    if (slot.armed)
      static_cast<void>(port_dissociate(state.port(), PORT_SOURCE_FD, static_cast<std::uintptr_t>(fd)));
    slot.armed = slot.registered = 0;
    if (const std::uint8_t wanted = slot.wanted()) associate_again(state, fd, slot, wanted);
  }
  state.fired_count = 0;
}

struct Retrieved {
  unsigned count = 0;
  int error = 0;
};

// A failing call may have retrieved events all the same, above all one whose time ran out; what it says of
// their number is then only to be trusted if the first place was filled.
Retrieved retrieve(EvportState &state, Nanos timeout) noexcept {
  const timespec ts = to_timespec(std::min(timeout, kLongestWait));
  state.reports[0].portev_source = 0;
  Retrieved got{.count = 1};
  if (port_getn(state.port(), state.reports, state.capacity, &got.count, timeout < 0 ? nullptr : &ts) != 0) {
    got.error = errno;
    if (state.reports[0].portev_source == 0) got.count = 0;
  }
  return got;
}

// What is ready of an event that may be out of date.
short look_again(int fd, short asked) noexcept {
  pollfd entry{fd, asked, 0};
  return poll(&entry, 1, 0) > 0 ? entry.revents : 0;
}

void deliver_descriptor(EvportState &state, BackendHost &host, const port_event_t &report) noexcept {
  const int fd = static_cast<int>(report.portev_object);
  if (EVI_UNLIKELY(!host.fds().contains(fd))) return;
  FdSlot &slot = host.fds()[fd];
  const auto tag = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(report.portev_user));
  // Deleted by another thread while this one waited.
  if (EVI_UNLIKELY(!slot.armed || slot.tag != tag)) return;
  const short asked = to_poll(slot.armed);
  short mask = static_cast<short>(report.portev_events);
  if (slot.registered) mask = look_again(fd, asked);
  slot.armed = slot.registered = 0;
  state.fired[state.fired_count++] = fd;
  if (mask) host.report_ready(fd, from_poll(mask, asked));
}

bool evport_await(void *arg, BackendHost &host, Nanos timeout) noexcept {
  auto &state = *static_cast<EvportState *>(arg);
  associate_fired(state, host);
  timeout = state.postponed.retry(host, timeout, [&](int fd, FdSlot &slot, std::uint8_t wanted) {
    if (slot.registered && !slot.armed) associate_again(state, fd, slot, wanted);
  });
  Retrieved got;
  {
    const Unlocked open(host.lock());
    got = retrieve(state, timeout);
  }
  for (unsigned i = 0; i < got.count; ++i) {
    const port_event_t &report = state.reports[i];
    if (report.portev_source == PORT_SOURCE_FD) deliver_descriptor(state, host, report);
    if (report.portev_source == PORT_SOURCE_USER) host.woken();
  }
  if (got.error && got.error != EINTR && got.error != ETIME) {
    errno = got.error;
    log_warn("port_getn");
    return false;
  }
  if (EVI_UNLIKELY(got.count == state.capacity && state.capacity < kMostReports)) {
    static_cast<void>(make_room(state, 2 * state.capacity));
  }
  return true;
}

bool evport_prepare_wake(void *) noexcept { return true; }

// EAGAIN is not tried again here: if the port is full of events the loop wakes up anyway, and if it is full
// of associations nothing changes while we hold the lock.
bool evport_wake(void *arg) noexcept {
  if (port_send(static_cast<EvportState *>(arg)->port(), 0, nullptr) == 0) return true;
  log_warn("port_send: cannot wake the loop");
  return false;
}

}  // namespace

extern constinit const Backend evport_backend = {
    .name = "evport",
    .changelist_name = nullptr,
    .features = EV_FEATURE_O1 | EV_FEATURE_FDS | kPollFeatures,
    .updates_reach_wait = true,
    .create = evport_make,
    .destroy = evport_unmake,
    .update = evport_update,
    .wait = evport_await,
    .reopen = evport_reopen,
    .disown = evport_disown,
    .watch_signal = nullptr,
    .unwatch_signal = nullptr,
    .signal_name = nullptr,
    .prepare_wake = evport_prepare_wake,
    .wake = evport_wake,
};

}  // namespace evi

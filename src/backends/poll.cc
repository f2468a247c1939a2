// poll(2): an array of descriptors, handed to the kernel whole in each wait.
#include <cerrno>
#include <cstring>
#include <utility>

#include "backends/poll_mask.h"
#include "backends/rotation.h"
#include "backends/withdrawn.h"
#include "core/backend.h"
#include "core/backend_host.h"
#include "util/alloc.h"
#include "util/log.h"

namespace evi {
namespace {

constexpr int kFirstCapacity = 32;

struct PollState {
  pollfd *watched = nullptr;  // dense; a slot's tag is its index here plus one
  int count = 0;
  int capacity = 0;
  // What the kernel fills while other threads change `watched`, where there are any: for the next wait, with
  // room for the capacity; `lent` during a wait.
  OwnedMemory<pollfd> copy;
  OwnedMemory<pollfd> lent;
  bool finely = false;  // see wait_by_poll()
  Rotation rotation;
  Withdrawn withdrawn;

  PollState() noexcept = default;
  PollState(const PollState &) = delete;
  PollState &operator=(const PollState &) = delete;
  ~PollState() { mm_free(watched); }
};

bool ensure(PollState &state, const BackendHost &host, int wanted) noexcept {
  if (wanted <= state.capacity) return true;
  const int next = state.capacity ? 2 * state.capacity : kFirstCapacity;
  const std::size_t size = static_cast<std::size_t>(next) * sizeof(pollfd);
  void *grown = mm_realloc(state.watched, size);
  if (!grown) return false;
  state.watched = static_cast<pollfd *>(grown);
  if (host.lock()) {
    OwnedMemory<pollfd> copy{static_cast<pollfd *>(mm_malloc(size))};
    if (!copy) return false;
    state.copy = std::move(copy);
  }
  state.capacity = next;
  return true;
}

void *poll_make(BackendHost &host) noexcept {
  auto *state = make<PollState>();
  if (state) state->finely = host.waits_finely();
  return state;
}
void poll_unmake(void *state) noexcept { destroy(static_cast<PollState *>(state)); }

void take_out(PollState &state, BackendHost &host, FdSlot &slot) noexcept {
  const int hole = static_cast<int>(slot.tag) - 1;
  slot.tag = 0;
  const int last = --state.count;
  if (hole == last) return;
  state.watched[hole] = state.watched[last];
  host.fds()[state.watched[hole].fd].tag = static_cast<std::uint32_t>(hole) + 1;
}

bool poll_update(void *arg, BackendHost &host, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  auto &state = *static_cast<PollState *>(arg);
  if (wanted == 0) {
    if (slot.registered) {
      take_out(state, host, slot);
      state.withdrawn.note(fd);
    }
    slot.armed = slot.registered = 0;
    return true;
  }
  if (!slot.registered) {
    // poll itself would report a closed descriptor in every wait; here it is an error, as with epoll.
    if (!descriptor_is_open(fd) || !ensure(state, host, state.count + 1)) return false;
    slot.tag = static_cast<std::uint32_t>(++state.count);
    slot.registered = 1;
  }
  state.watched[slot.tag - 1] = pollfd{fd, to_poll(wanted), 0};
  slot.armed = wanted;
  return true;
}

// What a wait used, for the next one; if the capacity grew meanwhile there is a larger one, and the caller
// frees this when it has read the reports.
OwnedMemory<pollfd> hand_back(PollState &state) noexcept {
  if (state.copy) return std::move(state.lent);
  state.copy = std::move(state.lent);
  return {};
}

bool poll_await(void *arg, BackendHost &host, Nanos timeout) noexcept {
  auto &state = *static_cast<PollState *>(arg);
  const int count = state.count;
  state.lent = std::move(state.copy);
  pollfd *const reports = state.lent ? state.lent.get() : state.watched;
  if (state.lent) std::memcpy(reports, state.watched, static_cast<std::size_t>(count) * sizeof(pollfd));
  int got = 0;
  int error = 0;
  state.withdrawn.wait_begins();
  {
    const Unlocked open(host.lock());
    got = wait_by_poll(reports, count, timeout, state.finely);
    error = errno;  // which taking the lock may change
  }
  state.withdrawn.wait_ended();
  const OwnedMemory<pollfd> own = hand_back(state);
  if (got < 0) {
    if (error == EINTR) return true;
    errno = error;
    log_warn("poll");
    return false;
  }
  const int start = count ? state.rotation.next(count) : 0;
  for (int i = 0, at = start; i < count && got > 0; ++i, at = at + 1 < count ? at + 1 : 0) {
    const pollfd report = reports[at];
    if (!report.revents) continue;
    --got;
    if (EVI_UNLIKELY(state.withdrawn.contains(report.fd))) continue;
    host.report_ready(report.fd, from_poll(report.revents, report.events));
  }
  return true;
}

}  // namespace

extern constinit const Backend poll_backend = {
    .name = "poll",
    .changelist_name = nullptr,
    .features = EV_FEATURE_FDS | kPollFeatures,
    .updates_reach_wait = false,
    .create = poll_make,
    .destroy = poll_unmake,
    .update = poll_update,
    .wait = poll_await,
};

}  // namespace evi

// poll(2): an array of descriptors, handed to the kernel whole in each wait.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // ppoll, POLLRDHUP
#endif
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "backends/withdrawn.h"
#include "core/backend.h"
#include "core/event_base.h"
#include "util/alloc.h"
#include "util/log.h"

namespace evi {
namespace {

struct PollState {
  pollfd *watched = nullptr;  // dense; a slot's tag is its index here plus one
  int count = 0;
  int capacity = 0;
  pollfd *copy = nullptr;  // what the kernel fills while other threads change `watched`
  int copy_capacity = 0;
  int next_start = 0;
  Withdrawn withdrawn;

  PollState() noexcept = default;
  PollState(const PollState &) = delete;
  PollState &operator=(const PollState &) = delete;
  ~PollState() {
    mm_free(watched);
    mm_free(copy);
  }
};

bool ensure(pollfd *&array, int &capacity, int wanted) noexcept {
  if (wanted <= capacity) return true;
  int next = capacity ? capacity : 32;
  while (next < wanted) next *= 2;
  void *grown = mm_realloc(array, static_cast<std::size_t>(next) * sizeof(pollfd));
  if (!grown) return false;
  array = static_cast<pollfd *>(grown);
  capacity = next;
  return true;
}

void *poll_make(event_base &) noexcept { return make<PollState>(); }
void poll_unmake(void *state) noexcept { destroy(static_cast<PollState *>(state)); }

short to_poll(std::uint8_t wanted) noexcept {
  short mask = 0;
  if (wanted & EV_READ) mask |= POLLIN;
  if (wanted & EV_WRITE) mask |= POLLOUT;
#ifdef POLLRDHUP
  if (wanted & EV_CLOSED) mask |= POLLRDHUP;
#endif
  return mask;
}

short from_poll(short mask, short asked) noexcept {
  short what = 0;
  if (mask & POLLIN) what |= EV_READ;
  if (mask & POLLOUT) what |= EV_WRITE;
#ifdef POLLRDHUP
  if (mask & POLLRDHUP) what |= EV_CLOSED;
  if ((mask & (POLLERR | POLLHUP)) && asked == POLLRDHUP) what |= EV_CLOSED;
#else
  static_cast<void>(asked);
#endif
  // A descriptor that was closed behind our back is ready for the error that its user will get.
  if (mask & (POLLERR | POLLHUP | POLLNVAL)) what |= EV_READ | EV_WRITE;
  return what;
}

void take_out(PollState &state, event_base &base, FdSlot &slot) noexcept {
  const int hole = static_cast<int>(slot.tag) - 1;
  slot.tag = 0;
  const int last = --state.count;
  if (hole == last) return;
  state.watched[hole] = state.watched[last];
  base.fds()[state.watched[hole].fd].tag = static_cast<std::uint32_t>(hole) + 1;
}

bool poll_update(void *arg, event_base &base, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  auto &state = *static_cast<PollState *>(arg);
  if (wanted == 0) {
    if (slot.registered) {
      take_out(state, base, slot);
      state.withdrawn.note(fd);
    }
    slot.armed = slot.registered = 0;
    return true;
  }
  if (!slot.registered) {
    // poll itself would report a closed descriptor in every wait; here it is an error, as with epoll.
    if (!descriptor_is_open(fd) || !ensure(state.watched, state.capacity, state.count + 1)) return false;
    slot.tag = static_cast<std::uint32_t>(++state.count);
    slot.registered = 1;
  }
  state.watched[slot.tag - 1] = pollfd{fd, to_poll(wanted), 0};
  slot.armed = wanted;
  return true;
}

int wait_for_reports(pollfd *fds, int count, Nanos timeout) noexcept {
  timespec ts{};
  if (timeout > 0) {
    ts.tv_sec = static_cast<time_t>(timeout / 1'000'000'000);
    ts.tv_nsec = static_cast<long>(timeout % 1'000'000'000);
  }
  return ppoll(fds, static_cast<nfds_t>(count), timeout < 0 ? nullptr : &ts, nullptr);
}

bool poll_await(void *arg, event_base &base, Nanos timeout) noexcept {
  auto &state = *static_cast<PollState *>(arg);
  const int count = state.count;
  pollfd *reports = state.watched;
  if (base.lock()) {
    if (!ensure(state.copy, state.copy_capacity, count)) return false;
    if (count) std::memcpy(state.copy, state.watched, static_cast<std::size_t>(count) * sizeof(pollfd));
    reports = state.copy;
  }
  int got = 0;
  int error = 0;
  state.withdrawn.wait_begins();
  {
    const Unlocked open(base.lock());
    got = wait_for_reports(reports, count, timeout);
    error = errno;  // which taking the lock may change
  }
  state.withdrawn.wait_ended();
  if (got < 0) {
    if (error == EINTR) return true;
    errno = error;
    log_warn("poll");
    return false;
  }
  // A start that moves on keeps low numbers from being first for ever.
  const int start = count ? ++state.next_start % count : 0;
  for (int i = 0, at = start; i < count && got > 0; ++i, at = at + 1 < count ? at + 1 : 0) {
    const pollfd report = reports[at];
    if (!report.revents) continue;
    --got;
    if (EVI_UNLIKELY(state.withdrawn.contains(report.fd))) continue;
    base.report_ready(report.fd, from_poll(report.revents, report.events));
  }
  return true;
}

}  // namespace

extern constinit const Backend poll_backend = {
    .name = "poll",
    .changelist_name = nullptr,
#ifdef POLLRDHUP
    .features = EV_FEATURE_FDS | EV_FEATURE_EARLY_CLOSE,
#else
    .features = EV_FEATURE_FDS,
#endif
    .rebuild_after_fork = false,
    .updates_reach_wait = false,
    .create = poll_make,
    .destroy = poll_unmake,
    .update = poll_update,
    .wait = poll_await,
};

}  // namespace evi

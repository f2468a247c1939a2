// epoll(7): interest reaches the kernel at once, readiness comes in batches.
//
// A descriptor whose events are all non-persistent is armed with EPOLLONESHOT: the kernel forgets it when it
// reports, so that the deletion that follows a report costs no system call; the entry stays, disarmed, and a
// later add modifies it. Entries vanish with the last descriptor of their file, so every modification may
// find none and adds instead.
//
// Each registration carries a generation. A report of an older one comes from a file that is still open
// elsewhere (dup) after its number here was closed or reused; no epoll_ctl can name it any more, so the whole
// set is replaced by one without it.
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "backends/fine_wait.h"
#include "backends/postponed.h"
#include "backends/timespec.h"
#include "core/backend.h"
#include "core/backend_host.h"
#include "util/alloc.h"
#include "util/held_fd.h"
#include "util/log.h"

namespace evi {
namespace {

constexpr int kFirstReports = 32;
constexpr int kMostReports = 4096;
// A deletion by another thread can cross a report once; an entry that no fd refers to reports in every wait.
constexpr int kStaleWaitsBeforeRenewal = 3;

struct EpollState {
  HeldFd set;
  int capacity = 0;
  epoll_event *reports = nullptr;
  std::uint32_t generation = 0;
  bool finely = false;  // the base has EVENT_BASE_FLAG_PRECISE_TIMER
  int stale_waits = 0;  // in a row
  Postponed postponed;
  FineWait fine_wait;

  EpollState() noexcept = default;
  EpollState(const EpollState &) = delete;
  EpollState &operator=(const EpollState &) = delete;
  ~EpollState() { mm_free(reports); }

  int epfd() const noexcept { return static_cast<int>(set.get()); }
};

bool open_set(EpollState &state) noexcept {
  state.set.reset(epoll_create1(EPOLL_CLOEXEC));
  return state.set.is_open();
}

void *epoll_make(BackendHost &host) noexcept {
  Owned<EpollState> state{make<EpollState>()};
  if (!state) return nullptr;
  state->reports = static_cast<epoll_event *>(mm_malloc(kFirstReports * sizeof(epoll_event)));
  if (!state->reports) return nullptr;
  state->capacity = kFirstReports;
  state->finely = host.waits_finely();
  if (!host.may_use_timerfd()) state->fine_wait.forbid_timerfd();
  return open_set(*state) ? state.release() : nullptr;
}

void epoll_unmake(void *state) noexcept { destroy(static_cast<EpollState *>(state)); }

// --- in a forked child, which shares the set with its parent ---

bool epoll_reopen(void *arg) noexcept {
  auto &state = *static_cast<EpollState *>(arg);
  state.set.close();
  state.fine_wait.leave_parent();
  state.stale_waits = 0;
  return open_set(state);
}

void epoll_disown(void *state) noexcept { static_cast<EpollState *>(state)->set.forget(); }

// An entry is identified by file and fd, so this also distinguishes the set from another one. The parent's
// entry stays as it is; an addition to a set that is not ours reports nothing before it is removed.
bool epoll_has_entry(void *arg, int fd) noexcept {
  const auto &state = *static_cast<EpollState *>(arg);
  if (!state.set.is_open()) return true;  // reopen failed before: without a set there is no evidence
  epoll_event nothing{};
  if (epoll_ctl(state.epfd(), EPOLL_CTL_ADD, fd, &nothing) != 0) return errno == EEXIST;
  epoll_ctl(state.epfd(), EPOLL_CTL_DEL, fd, &nothing);
  return false;
}

std::uint32_t to_epoll(std::uint8_t wanted) noexcept {
  std::uint32_t mask = 0;
  if (wanted & EV_READ) mask |= EPOLLIN;
  if (wanted & EV_WRITE) mask |= EPOLLOUT;
  if (wanted & EV_CLOSED) mask |= EPOLLRDHUP;
  if (wanted & EV_ET) mask |= EPOLLET;
  if (wanted & kOneShot) mask |= EPOLLONESHOT;
  return mask;
}

// What may be reported. An error or a hang-up concerns every event on the descriptor.
short from_epoll(std::uint32_t mask, std::uint8_t armed) noexcept {
  short what = 0;
  if (mask & EPOLLIN) what |= EV_READ;
  if (mask & EPOLLOUT) what |= EV_WRITE;
  if (mask & EPOLLRDHUP) what |= EV_CLOSED;
  if ((mask & EPOLLERR) || ((mask & EPOLLHUP) && !(mask & EPOLLRDHUP))) what |= EV_READ | EV_WRITE;
  // An event for EV_CLOSED alone must be made active by an end in any form, or it would be reported for ever.
  if ((mask & (EPOLLERR | EPOLLHUP)) && !(what & armed)) what |= EV_CLOSED | EV_READ | EV_WRITE;
  return what;
}

bool control(EpollState &state, int op, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  epoll_event ev{};
  ev.events = to_epoll(wanted);
  if (op == EPOLL_CTL_ADD) slot.tag = ++state.generation;
  ev.data.u64 = static_cast<std::uint32_t>(fd) | static_cast<std::uint64_t>(slot.tag) << 32;
  return epoll_ctl(state.epfd(), op, fd, &ev) == 0;
}

// The same interest as before, edge-triggered: to modify an entry that is there would report its edges again.
EVI_COLD bool ensure_entry(EpollState &state, BackendHost &host, int fd, FdSlot &slot) noexcept {
  const std::uint32_t tag = slot.tag;
  if (control(state, EPOLL_CTL_ADD, fd, slot, slot.armed)) {
    host.entry_may_linger();
    return true;
  }
  slot.tag = tag;
  return errno == EEXIST;
}

bool set_interest(EpollState &state, BackendHost &host, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  if (slot.registered) {
    if (EVI_UNLIKELY((wanted & EV_ET) && wanted == slot.armed)) return ensure_entry(state, host, fd, slot);
    if (control(state, EPOLL_CTL_MOD, fd, slot, wanted)) return true;
    if (errno != ENOENT) return false;
    // The fd was closed, and perhaps reused, since: there is no entry for its present file, but there may be
    // one for the old file.
    host.entry_may_linger();
    slot.armed = slot.registered = 0;
    return control(state, EPOLL_CTL_ADD, fd, slot, wanted);
  }
  if (control(state, EPOLL_CTL_ADD, fd, slot, wanted)) return true;
  // An entry that was left behind, disarmed, and found its file again (dup2 back and forth): take it over.
  return errno == EEXIST && control(state, EPOLL_CTL_MOD, fd, slot, wanted);
}

// False with errno if the kernel refuses. Inline for the sake of updates, beside which the other use is rare.
EVI_ALWAYS_INLINE bool watch(EpollState &state, BackendHost &host, int fd, FdSlot &slot,
                             std::uint8_t wanted) noexcept {
  if (wanted == 0) {
    // Closed in the meantime: the kernel has taken it out itself, unless the file is open elsewhere.
    if (slot.registered && !control(state, EPOLL_CTL_DEL, fd, slot, 0)) host.entry_may_linger();
    slot.armed = 0;
    slot.registered = 0;
    return true;
  }
  if (!set_interest(state, host, fd, slot, wanted)) {
    static_cast<void>(state.postponed.note(errno));
    return false;
  }
  slot.armed = wanted;
  slot.registered = 1;
  return true;
}

bool epoll_update(void *arg, BackendHost &host, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  if (watch(*static_cast<EpollState *>(arg), host, fd, slot, wanted)) return true;
  log_warn("epoll_ctl on descriptor %d", fd);
  return false;
}

// By default in whole milliseconds and by epoll_wait of the C library, as programs know it of libevent: those
// that interpose it, and lists of allowed system calls, are written for that.
int wait_for_reports(EpollState &state, Nanos timeout) noexcept {
  if (EVI_UNLIKELY(state.finely)) {
    return state.fine_wait.wait(state.epfd(), state.reports, state.capacity, timeout);
  }
  return epoll_wait(state.epfd(), state.reports, state.capacity, to_milliseconds(timeout));
}

// One-shot: the kernel has disarmed the entry, also for what it did not report.
void rearm_rest(EpollState &state, int fd, FdSlot &slot, short reported) noexcept {
  const std::uint8_t rest =
      slot.armed & ~static_cast<std::uint8_t>(reported) & static_cast<std::uint8_t>(kIoEvents);
  const std::uint8_t edge = slot.armed & EV_ET;
  slot.armed = 0;
  if (!rest) return;
  const std::uint8_t wanted = static_cast<std::uint8_t>(rest | kOneShot | edge);
  if (control(state, EPOLL_CTL_MOD, fd, slot, wanted)) {
    slot.armed = wanted;
  } else {
    static_cast<void>(state.postponed.note(errno));
  }
}

// Makes a set without the entries that no fd refers to.
bool renew_set(EpollState &state, BackendHost &host) noexcept {
  const int fresh = epoll_create1(EPOLL_CLOEXEC);
  if (fresh < 0) return false;
  state.set.reset(fresh);
  state.fine_wait.set_renewed();
  host.rearm_all();
  return true;
}

// True if all reports belong to registrations that are in force.
bool deliver(EpollState &state, int count, BackendHost &host) noexcept {
  bool all_known = true;
  FdTable &fds = host.fds();
  for (int i = 0; i < count; ++i) {
    const epoll_event &report = state.reports[i];
    const int fd = static_cast<int>(static_cast<std::uint32_t>(report.data.u64));
    const auto generation = static_cast<std::uint32_t>(report.data.u64 >> 32);
    FdSlot &slot = fds[fd];
    if (EVI_UNLIKELY(!slot.registered || slot.tag != generation)) {
      // Deleted by another thread while this one waited, or left behind by a closed fd.
      all_known = false;
      continue;
    }
    const short what = from_epoll(report.events, slot.armed);
    host.report_ready(fd, what);
    if (slot.armed & kOneShot) rearm_rest(state, fd, slot, what);
  }
  return all_known;
}

// Out of memory, the next wait brings fewer reports at a time.
void grow_reports(EpollState &state) noexcept {
  const int capacity = state.capacity * 2;
  void *more = mm_realloc(state.reports, static_cast<std::size_t>(capacity) * sizeof(epoll_event));
  if (!more) return;
  state.reports = static_cast<epoll_event *>(more);
  state.capacity = capacity;
}

EVI_COLD Nanos retry(EpollState &state, BackendHost &host, Nanos timeout) noexcept {
  return state.postponed.retry(host, timeout, [&](int fd, FdSlot &slot, std::uint8_t wanted) {
    static_cast<void>(watch(state, host, fd, slot, wanted));
  });
}

bool epoll_await(void *arg, BackendHost &host, Nanos timeout) noexcept {
  auto &state = *static_cast<EpollState *>(arg);
  if (EVI_UNLIKELY(state.postponed.any())) timeout = retry(state, host, timeout);
  int got = 0;
  int error = 0;
  {
    const Unlocked open(host.lock());
    got = wait_for_reports(state, timeout);
    if (EVI_UNLIKELY(got < 0)) error = errno;  // which taking the lock may change
  }
  if (got < 0) {
    if (error == EINTR) return true;
    errno = error;
    log_warn("epoll_wait");
    return false;
  }
  state.stale_waits = deliver(state, got, host) ? 0 : state.stale_waits + 1;
  if (EVI_UNLIKELY(state.stale_waits >= kStaleWaitsBeforeRenewal)) {
    state.stale_waits = 0;
    if (!renew_set(state, host)) log_warn("epoll: cannot drop a closed descriptor's entry");
  }
  if (EVI_UNLIKELY(got == state.capacity && got < kMostReports)) grow_reports(state);
  return true;
}

}  // namespace

extern constinit const Backend epoll_backend = {
    .name = "epoll",
    .changelist_name = "epoll (with changelist)",
    .features = EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE,
    .updates_reach_wait = true,
    .create = epoll_make,
    .destroy = epoll_unmake,
    .update = epoll_update,
    .wait = epoll_await,
    .reopen = epoll_reopen,
    .disown = epoll_disown,
    .has_entry = epoll_has_entry,
};

}  // namespace evi

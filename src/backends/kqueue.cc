// kqueue(2) of macOS and the BSDs: one filter for each direction of a descriptor, signals and wake-ups too.
//
// Filters keep the flags they were added with: EV_ADD of one that is there changes neither EV_CLEAR nor
// EV_DISPATCH, so a filter whose flags change is deleted first. Every change asks for a receipt: a call with
// changes then reports how each went, and never readiness.
//
// A descriptor whose events are all non-persistent is armed with EV_DISPATCH: its report disables the filter,
// which stays, so that the deletion that follows a report costs no system call. (EV_ONESHOT would do without
// the rest, but FreeBSD hands such a filter out without looking whether it is still ready.)
//
// Filters vanish when the fd is closed, and a forked child does not inherit the kqueue: its fd is free there,
// or already refers to another file.
#include <fcntl.h>
#include <sys/types.h>

#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "backends/postponed.h"
#include "backends/timespec.h"
#include "core/backend.h"
#include "core/backend_host.h"
#include "util/alloc.h"
#include "util/held_fd.h"
#include "util/log.h"

// FreeBSD's way to call files readable as poll does, and not only before their end.
#ifdef NOTE_FILE_POLL
#define EVI_READ_NOTES NOTE_FILE_POLL
#else
#define EVI_READ_NOTES 0
#endif

namespace evi {
namespace {

constexpr int kFirstReports = 32;
constexpr int kMostReports = 4096;
// Some kernels refuse longer waits; to wake up for nothing that often is no burden.
constexpr Nanos kLongestWait = Nanos{24} * 3600 * 1'000'000'000;
constexpr std::uintptr_t kWakeIdent = 0;  // of the EVFILT_USER filter

using Flags = unsigned short;

struct KqueueState {
  HeldFd queue;
  pid_t owner = 0;
  int capacity = 0;
  struct kevent *reports = nullptr;
  std::uint32_t generation = 0;
  Postponed postponed;

  KqueueState() noexcept = default;
  KqueueState(const KqueueState &) = delete;
  KqueueState &operator=(const KqueueState &) = delete;
  ~KqueueState() {
    mm_free(reports);
    leave_to_child();
  }

  int kq() const noexcept { return static_cast<int>(queue.get()); }
  void leave_to_child() noexcept {
    if (owner != getpid()) queue.forget();
  }
};

bool open_queue(KqueueState &state) noexcept {
  state.owner = getpid();
  const int kq = kqueue();
  if (kq >= 0) static_cast<void>(fcntl(kq, F_SETFD, FD_CLOEXEC));
  state.queue.reset(kq);
  return kq >= 0;
}

void *kqueue_make(BackendHost &) noexcept {
  Owned<KqueueState> state{make<KqueueState>()};
  if (!state) return nullptr;
  state->reports = static_cast<struct kevent *>(mm_malloc(kFirstReports * sizeof(struct kevent)));
  if (!state->reports) return nullptr;
  state->capacity = kFirstReports;
  return open_queue(*state) ? state.release() : nullptr;
}

void kqueue_unmake(void *state) noexcept { destroy(static_cast<KqueueState *>(state)); }

bool kqueue_reopen(void *arg) noexcept {
  auto &state = *static_cast<KqueueState *>(arg);
  state.leave_to_child();
  state.queue.close();
  return open_queue(state);
}

void kqueue_disown(void *state) noexcept { static_cast<KqueueState *>(state)->queue.forget(); }

// --- changes ---

// Up to two deletions and two additions for one descriptor, or one change of another filter.
class Changes {
 public:
  void note(std::uintptr_t ident, int filter, int flags, unsigned notes = 0, std::uint32_t tag = 0) noexcept {
    deletions_ |= (flags & EV_DELETE) ? 1u << count_ : 0;
    struct kevent *change = &list_[count_++];
    EV_SET(change, ident, filter, static_cast<Flags>(flags | EV_RECEIPT), notes, 0,
           reinterpret_cast<void *>(static_cast<std::uintptr_t>(tag)));
  }

  // Submits the changes; the kernel stores each result in place. False with errno if it accepted none.
  bool submit(const KqueueState &state) noexcept {
    const timespec at_once{};
    const int asked = count_;
    do {
      count_ = asked == 0 ? 0 : kevent(state.kq(), list_, asked, list_, asked, &at_once);
    } while (count_ < 0 && errno == EINTR);
    return count_ == asked;
  }

  int count() const noexcept { return count_; }
  int filter(int i) const noexcept { return list_[i].filter; }
  // The answer has other flags than the question.
  bool is_deletion(int i) const noexcept { return ((deletions_ >> i) & 1) != 0; }
  // After submit(): 0, or why the kernel did not take the change.
  int error(int i) const noexcept { return static_cast<int>(list_[i].data); }

 private:
  struct kevent list_[4];
  int count_ = 0;
  unsigned deletions_ = 0;
};

bool change_one(const KqueueState &state, std::uintptr_t ident, int filter, int flags,
                unsigned notes = 0) noexcept {
  Changes changes;
  changes.note(ident, filter, flags, notes);
  if (!changes.submit(state)) return false;
  errno = changes.error(0);
  return errno == 0;
}

// --- interest in descriptors ---

constexpr std::uint8_t kReadInterest = EV_READ | EV_CLOSED;

// How the filter of one direction is added for an interest; 0 for not at all.
Flags lasting_or_not(std::uint8_t wanted) noexcept {
  return static_cast<Flags>(EV_ADD | EV_ENABLE | ((wanted & EV_ET) ? EV_CLEAR : 0) |
                            ((wanted & kOneShot) ? EV_DISPATCH : 0));
}
Flags read_flags(std::uint8_t wanted) noexcept {
  if (wanted & EV_READ) return lasting_or_not(wanted);
  // There is no filter for the end alone. With EV_CLEAR unread data is reported only as it comes.
  return (wanted & EV_CLOSED) ? EV_ADD | EV_ENABLE | EV_CLEAR : 0;
}
Flags write_flags(std::uint8_t wanted) noexcept { return (wanted & EV_WRITE) ? lasting_or_not(wanted) : 0; }

struct Direction {
  int filter;
  Flags old_flags, new_flags;
  unsigned notes;
  bool clean;  // take out a disabled filter too
  bool again;  // add what is there already, too
};

void note_direction(Changes &changes, int fd, std::uint32_t tag, const Direction &way) noexcept {
  const bool same = way.old_flags == way.new_flags;
  const auto ident = static_cast<std::uintptr_t>(fd);
  if ((!same && way.old_flags) || (!way.old_flags && way.clean)) changes.note(ident, way.filter, EV_DELETE);
  if (way.new_flags && (!same || way.again)) changes.note(ident, way.filter, way.new_flags, way.notes, tag);
}

void note_changes(Changes &changes, int fd, const FdSlot &slot, std::uint8_t old_mask,
                  std::uint8_t new_mask) noexcept {
  const Flags reading = read_flags(new_mask), writing = write_flags(new_mask);
  // A disabled filter would keep the flags of its time.
  const bool clean_reading = slot.registered && (reading || !new_mask);
  const bool clean_writing = slot.registered && (writing || !new_mask);
  // Costs no call of its own unless an event joins others with the same interest, and restores the filter
  // after fd reuse.
  const bool again = (new_mask & ~old_mask & kIoEvents) != 0 || new_mask == old_mask;
  note_direction(changes, fd, slot.tag,
                 {EVFILT_READ, read_flags(old_mask), reading, EVI_READ_NOTES, clean_reading, again});
  note_direction(changes, fd, slot.tag,
                 {EVFILT_WRITE, write_flags(old_mask), writing, 0, clean_writing, again});
}

// A pipe without a reader takes no filter for writing: its events are reported at once, as poll
// would.
bool is_broken_pipe(int filter, int error) noexcept { return filter == EVFILT_WRITE && error == EPIPE; }

void disarm(FdSlot &slot, std::uint8_t interest) noexcept {
  slot.armed &= static_cast<std::uint8_t>(~interest);
  if (!(slot.armed & kIoEvents)) slot.armed = 0;
}

// A filter that the kernel did not take: its events may have been there before, and no error is reported to
// them.
void lose(KqueueState &state, FdSlot &slot, int filter, int error) noexcept {
  disarm(slot, filter == EVFILT_READ ? kReadInterest : static_cast<std::uint8_t>(EV_WRITE));
  static_cast<void>(state.postponed.note(error));
}

// Back to the old interest, as far as that goes.
void restore(KqueueState &state, int fd, FdSlot &slot, std::uint8_t attempted) noexcept {
  Changes back;
  note_changes(back, fd, slot, attempted, slot.armed);
  static_cast<void>(back.submit(state));
  for (int i = 0; i < back.count(); ++i) {
    if (back.error(i) && !back.is_deletion(i)) lose(state, slot, back.filter(i), back.error(i));
  }
}

// False with errno if the kernel refuses.
bool watch(KqueueState &state, BackendHost &host, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  if (!(slot.armed & kIoEvents)) slot.tag = ++state.generation;
  Changes changes;
  note_changes(changes, fd, slot, slot.armed, wanted);
  const bool submitted = changes.submit(state);
  if (!submitted && wanted) {
    static_cast<void>(state.postponed.note(errno));
    return false;
  }
  std::uint8_t armed = wanted;
  for (int i = 0; submitted && i < changes.count(); ++i) {
    const int error = changes.error(i);
    if (error == 0 || changes.is_deletion(i)) continue;
    if (is_broken_pipe(changes.filter(i), error)) {
      armed &= static_cast<std::uint8_t>(~EV_WRITE);
      continue;
    }
    restore(state, fd, slot, wanted);
    // What was put back may also be more than the events want from now on.
    static_cast<void>(state.postponed.note(error));
    errno = error;
    return false;
  }
  const bool broken = armed != wanted;
  slot.armed = (armed & kIoEvents) ? armed : 0;
  // A report may leave a disabled filter behind; where nothing is wanted none is left.
  slot.registered = wanted != 0 && (slot.registered || (wanted & kOneShot));
  if (EVI_UNLIKELY(broken)) host.report_ready(fd, EV_WRITE);
  return true;
}

bool kqueue_update(void *arg, BackendHost &host, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  if (watch(*static_cast<KqueueState *>(arg), host, fd, slot, wanted)) return true;
  log_warn("kevent on descriptor %d", fd);
  return false;
}

// --- reports ---

// After a one-shot report, or at EOF for events that wait for EV_CLOSED alone.
void rearm_rest(KqueueState &state, int fd, FdSlot &slot, std::uint8_t rest) noexcept {
  Changes changes;
  note_changes(changes, fd, slot, 0, rest);
  if (!changes.submit(state)) return;
  const int error = changes.error(changes.count() - 1);
  if (error == 0) {
    slot.armed |= rest;
  } else {
    static_cast<void>(state.postponed.note(error));
  }
}

// The end of input lasts: from now on its report may come in every wait, as the others' do.
void repeat_end(KqueueState &state, int fd, FdSlot &slot) noexcept {
  Changes changes;
  const auto ident = static_cast<std::uintptr_t>(fd);
  changes.note(ident, EVFILT_READ, EV_DELETE);
  changes.note(ident, EVFILT_READ, EV_ADD | EV_ENABLE, 0, slot.tag);
  if (changes.submit(state) && changes.error(1)) lose(state, slot, EVFILT_READ, changes.error(1));
}

void deliver_readable(KqueueState &state, BackendHost &host, int fd, FdSlot &slot, bool ended) noexcept {
  const std::uint8_t armed = slot.armed;
  const short what = static_cast<short>(EV_READ | (ended ? EV_CLOSED : 0));
  if (!(armed & what)) return;  // data, for events that wait for EV_CLOSED alone
  host.report_ready(fd, what);
  if (armed & kOneShot) {
    const auto rest = static_cast<std::uint8_t>(armed & kReadInterest & ~what);
    disarm(slot, kReadInterest);
    if (rest) rearm_rest(state, fd, slot, static_cast<std::uint8_t>(rest | (armed & ~kIoEvents)));
  } else if (!(armed & (EV_READ | EV_ET))) {
    repeat_end(state, fd, slot);
  }
}

void deliver_writable(BackendHost &host, int fd, FdSlot &slot) noexcept {
  host.report_ready(fd, EV_WRITE);
  if (slot.armed & kOneShot) disarm(slot, EV_WRITE);
}

void deliver_descriptor(KqueueState &state, BackendHost &host, const struct kevent &report) noexcept {
  const int fd = static_cast<int>(report.ident);
  FdSlot &slot = host.fds()[fd];
  const bool reading = report.filter == EVFILT_READ;
  const std::uint8_t interest = reading ? kReadInterest : static_cast<std::uint8_t>(EV_WRITE);
  const auto tag = static_cast<std::uint32_t>((std::uintptr_t)report.udata);  // an integer on older NetBSD
  // Deleted by another thread while this one waited.
  if (EVI_UNLIKELY(!(slot.armed & interest) || slot.tag != tag)) return;
  if (reading) {
    deliver_readable(state, host, fd, slot, (report.flags & (EV_EOF | EV_ERROR)) != 0);
  } else {
    deliver_writable(host, fd, slot);
  }
}

void deliver(KqueueState &state, BackendHost &host, const struct kevent &report) noexcept {
  switch (report.filter) {
    case EVFILT_READ:
    case EVFILT_WRITE:
      return deliver_descriptor(state, host, report);
    case EVFILT_SIGNAL:
      return host.report_signal(static_cast<int>(report.ident), static_cast<std::uint32_t>(report.data));
#ifdef EVFILT_USER
    case EVFILT_USER:
      return host.woken();
#endif
    default:
      return;
  }
}

// Out of memory, the next wait brings fewer reports at a time.
void grow_reports(KqueueState &state) noexcept {
  const int capacity = state.capacity * 2;
  void *more = mm_realloc(state.reports, static_cast<std::size_t>(capacity) * sizeof(struct kevent));
  if (!more) return;
  state.reports = static_cast<struct kevent *>(more);
  state.capacity = capacity;
}

int wait_for_reports(KqueueState &state, Nanos timeout) noexcept {
  const timespec ts = to_timespec(std::min(timeout, kLongestWait));
  return kevent(state.kq(), nullptr, 0, state.reports, state.capacity, timeout < 0 ? nullptr : &ts);
}

bool kqueue_await(void *arg, BackendHost &host, Nanos timeout) noexcept {
  auto &state = *static_cast<KqueueState *>(arg);
  timeout = state.postponed.retry(host, timeout, [&](int fd, FdSlot &slot, std::uint8_t wanted) {
    static_cast<void>(watch(state, host, fd, slot, wanted));
  });
  int got = 0;
  int error = 0;
  {
    const Unlocked open(host.lock());
    got = wait_for_reports(state, timeout);
    error = errno;  // which taking the lock may change
  }
  if (got < 0) {
    if (error == EINTR) return true;
    errno = error;
    log_warn("kevent");
    return false;
  }
  for (int i = 0; i < got; ++i) deliver(state, host, state.reports[i]);
  if (EVI_UNLIKELY(got == state.capacity && got < kMostReports)) grow_reports(state);
  return true;
}

// --- signals and wake-ups ---

bool kqueue_watch_signal(void *arg, int signal) noexcept {
  auto &state = *static_cast<KqueueState *>(arg);
  return change_one(state, static_cast<std::uintptr_t>(signal), EVFILT_SIGNAL, EV_ADD | EV_CLEAR);
}

void kqueue_unwatch_signal(void *arg, int signal) noexcept {
  auto &state = *static_cast<KqueueState *>(arg);
  if (!change_one(state, static_cast<std::uintptr_t>(signal), EVFILT_SIGNAL, EV_DELETE) && errno != ENOENT)
    log_warn("kevent on signal %d", signal);
}

// OpenBSD and older NetBSD have no wake-ups: the loop is woken through a pipe there.
#ifdef EVFILT_USER
bool kqueue_prepare_wake(void *arg) noexcept {
  return change_one(*static_cast<KqueueState *>(arg), kWakeIdent, EVFILT_USER, EV_ADD | EV_CLEAR);
}

bool kqueue_wake(void *arg) noexcept {
  if (change_one(*static_cast<KqueueState *>(arg), kWakeIdent, EVFILT_USER, EV_ENABLE, NOTE_TRIGGER))
    return true;
  log_warn("kevent: cannot wake the loop");
  return false;
}
#else
constexpr bool (*kqueue_prepare_wake)(void *) noexcept = nullptr;
constexpr bool (*kqueue_wake)(void *) noexcept = nullptr;
#endif

}  // namespace

extern constinit const Backend kqueue_backend = {
    .name = "kqueue",
    .changelist_name = nullptr,
    .features = EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_FDS | EV_FEATURE_EARLY_CLOSE,
    .updates_reach_wait = true,
    .create = kqueue_make,
    .destroy = kqueue_unmake,
    .update = kqueue_update,
    .wait = kqueue_await,
    .reopen = kqueue_reopen,
    .disown = kqueue_disown,
    .watch_signal = kqueue_watch_signal,
    .unwatch_signal = kqueue_unwatch_signal,
    .signal_name = "kqueue_signal",
    .prepare_wake = kqueue_prepare_wake,
    .wake = kqueue_wake,
};

}  // namespace evi

// Polling sockets of Windows through the driver behind them and a completion port: what a wait costs does not
// grow with how many sockets are idle.
//
// The driver reports once per request. What fired is asked for again right before the next wait, for what its
// events want by then, so that a deletion after a report costs no system call. New interest waits for that
// moment too, unless another thread adds it while the loop waits.
//
// A request that ended before the wait began may be out of date: a callback may have read the data since.
// So each wait first takes out what is at the port already, and asks for it again; what comes then, or
// comes later, is true.
//
// The kernel writes to a request until its completion is taken from the port. So one that is not wanted any
// more is cancelled, and freed when its completion comes; until then it stands for no descriptor, and cannot
// be taken for a request of the socket that has the number now.
#include "backends/afd.h"
// The order matters: winsock2.h, which afd.h includes, comes before what follows.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <utility>

#include "backends/timespec.h"
#include "core/backend.h"
#include "core/backend_host.h"
#include "core/completion_port.h"
#include "util/alloc.h"
#include "util/log.h"

namespace evi {
namespace {

constexpr ULONG kFirstReports = 32;
constexpr ULONG kMostReports = 4096;
constexpr int kFirstPolls = 32;
// The driver looks through a handle's requests one by one, and a handle for each socket is more than needed.
constexpr unsigned kSocketsPerDevice = 32;
// How long at most a request waits that the kernel had no memory for.
constexpr Nanos kRetryAfter = 10'000'000;
constexpr DWORD kLongestDrainMs = 10'000;

// Of completions at the port, beside kOperationKey.
constexpr ULONG_PTR kPollKey = 1;
constexpr ULONG_PTR kWakeKey = 2;

// A handle of the driver and how many polls use it.
struct Device {
  HANDLE handle = nullptr;
  unsigned users = 0;
  ListHook<Device> link;
};
struct DeviceLink {
  static auto &of(Device &device) noexcept { return device.link; }
};

// One watched descriptor. Either the kernel has its request, or it is due.
struct Poll {
  afd::Request request;  // first: a completion has its address
  Device *device;
  SOCKET socket;  // the driver's
  int fd;
  ULONG asked;          // of the request under way; 0 for none
  std::uint32_t round;  // the wait that started it
  bool given_up;
  ListHook<Poll> link;
};
struct PollLink {
  static auto &of(Poll &poll) noexcept { return poll.link; }
};

struct WepollState {
  HANDLE port = nullptr;
  Poll **polls = nullptr;  // by descriptor; null for those that are not watched
  int size = 0;            // of polls
  TailList<Poll, PollLink> due;
  TailList<Device, DeviceLink> devices;  // those with room come first
  OVERLAPPED_ENTRY *reports = nullptr;
  ULONG capacity = 0;
  std::size_t under_way = 0;  // requests that the kernel has
  std::uint32_t round = 0;    // counts waits
  bool looked = false;        // in this wait, the port was seen empty
  bool waiting = false;

  WepollState() noexcept = default;
  WepollState(const WepollState &) = delete;
  WepollState &operator=(const WepollState &) = delete;
  ~WepollState();

  Poll *&at(int fd) noexcept { return polls[fd / kDescriptorStep]; }
  Poll *find(int fd) noexcept { return fd / kDescriptorStep < size ? at(fd) : nullptr; }
};

// --- devices ---

bool add_device(WepollState &state) noexcept {
  Owned<Device> device{make<Device>()};
  if (!device) return false;
  device->handle = afd::open(state.port, kPollKey);
  if (!device->handle) return false;
  state.devices.push_front(*device.release());
  return true;
}

Device *join_device(WepollState &state) noexcept {
  Device *device = state.devices.front();
  if (!device || device->users == kSocketsPerDevice) {
    if (!add_device(state)) return nullptr;
    device = state.devices.front();
  }
  if (++device->users == kSocketsPerDevice) {
    state.devices.remove(*device);
    state.devices.push_back(*device);
  }
  return device;
}

void leave_device(WepollState &state, Device &device) noexcept {
  if (device.users-- < kSocketsPerDevice) return;
  state.devices.remove(device);
  state.devices.push_front(device);
}

// --- polls ---

// Null with errno. The new one is due.
Poll *make_poll(WepollState &state, int fd) noexcept {
  Poll *poll = make<Poll>();
  if (!poll) return nullptr;
  poll->device = join_device(state);
  if (!poll->device) {
    destroy(poll);
    return nullptr;
  }
  poll->fd = fd;
  state.due.push_back(*poll);
  return poll;
}

void free_poll(WepollState &state, Poll &poll) noexcept {
  leave_device(state, *poll.device);
  destroy(&poll);
}

// It stands for its descriptor no more.
void give_up(WepollState &state, Poll &poll) noexcept {
  state.at(poll.fd) = nullptr;
  if (poll.asked) {
    poll.given_up = true;
    afd::cancel(poll.device->handle, poll.request);
  } else {
    state.due.remove(poll);
    free_poll(state, poll);
  }
}

bool ensure(WepollState &state, int fd) noexcept {
  const int index = fd / kDescriptorStep;
  if (index < state.size) return true;
  const int wanted = std::max({index + 1, state.size + state.size / 2, kFirstPolls});
  void *grown = mm_realloc(state.polls, static_cast<std::size_t>(wanted) * sizeof(Poll *));
  if (!grown) return false;
  state.polls = static_cast<Poll **>(grown);
  std::fill(state.polls + state.size, state.polls + wanted, nullptr);
  state.size = wanted;
  return true;
}

// --- interest ---

// An end in any form is always asked for, and reported to every event on the socket.
constexpr ULONG kEnds = afd::kAbort | afd::kConnectFail | afd::kLocalClose;

ULONG to_afd(std::uint8_t wanted) noexcept {
  ULONG mask = kEnds;
  if (wanted & EV_READ) mask |= afd::kReceive | afd::kAccept | afd::kDisconnect;
  if (wanted & EV_WRITE) mask |= afd::kSend;
  if (wanted & EV_CLOSED) mask |= afd::kDisconnect;
  return mask;
}

// What may be reported. That a socket was closed here is ignored.
short from_afd(ULONG events) noexcept {
  short what = 0;
  if (events & (afd::kReceive | afd::kAccept | afd::kDisconnect)) what |= EV_READ;
  if (events & afd::kSend) what |= EV_WRITE;
  if (events & afd::kDisconnect) what |= EV_CLOSED;
  if (events & (afd::kAbort | afd::kConnectFail)) what |= EV_READ | EV_WRITE | EV_CLOSED;
  return what;
}

// A poll that is due.
afd::Start start(WepollState &state, Poll &poll, std::uint8_t wanted) noexcept {
  const ULONG mask = to_afd(wanted);
  const afd::Start result = afd::poll(poll.device->handle, poll.request, poll.socket, mask);
  if (result != afd::Start::ok) return result;
  poll.asked = mask;
  poll.round = state.round;
  ++state.under_way;
  state.due.remove(poll);
  return result;
}

bool wepoll_wake(void *arg) noexcept {
  if (PostQueuedCompletionStatus(static_cast<WepollState *>(arg)->port, 0, kWakeKey, nullptr)) return true;
  log_warnx("PostQueuedCompletionStatus: cannot wake the loop (error %lu)", GetLastError());
  return false;
}

// While the loop waits in another thread.
bool start_now(WepollState &state, Poll &poll, std::uint8_t wanted) noexcept {
  switch (start(state, poll, wanted)) {
    case afd::Start::ok:
      return true;
    case afd::Start::later:
      // It stays due, for what its events want by the next wait.
      if (wepoll_wake(&state)) return true;
      errno = ENOMEM;
      return false;
    case afd::Start::never:
      break;
  }
  give_up(state, poll);
  errno = EBADF;
  return false;
}

// The descriptor's poll, due to be started, and of the socket that has the number now. Null with errno.
Poll *renew_poll(WepollState &state, int fd) noexcept {
  if (!descriptor_is_open(fd) || !ensure(state, fd)) return nullptr;
  const SOCKET socket = afd::base_socket(static_cast<SOCKET>(fd));
  if (socket == INVALID_SOCKET) {
    errno = ENOTSUP;
    return nullptr;
  }
  Poll *poll = state.at(fd);
  if (!poll || poll->asked) {
    Poll *fresh = make_poll(state, fd);
    if (!fresh) return nullptr;
    if (poll) give_up(state, *poll);
    state.at(fd) = poll = fresh;
  }
  poll->socket = socket;
  return poll;
}

bool wepoll_update(void *arg, BackendHost &, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  auto &state = *static_cast<WepollState *>(arg);
  Poll *poll = state.find(fd);
  if (wanted == 0) {
    if (poll) give_up(state, *poll);
    slot.armed = 0;
    return true;
  }
  // A request for more than is wanted stays: what no event wants is not reported. One for the same interest
  // is made again, because the handle may have been reused for another socket.
  if (!poll || wanted == slot.armed || (to_afd(wanted) & ~poll->asked)) {
    poll = renew_poll(state, fd);
    if (!poll) {
      log_warn("wepoll: descriptor %d", fd);
      return false;
    }
    if (state.waiting && !start_now(state, *poll, wanted)) {
      slot.armed = 0;
      return false;
    }
  }
  slot.armed = wanted;
  return true;
}

// For what its events want by now. False if it has to be tried again.
bool restart(WepollState &state, BackendHost &host, Poll &poll) noexcept {
  FdSlot &slot = host.fds()[poll.fd];
  const std::uint8_t wanted = slot.wanted();
  const afd::Start result = wanted ? start(state, poll, wanted) : afd::Start::never;
  slot.armed = result == afd::Start::never ? 0 : wanted;
  // A socket that was closed behind our back vanishes without a word, as with epoll.
  if (result == afd::Start::never) give_up(state, poll);
  return result != afd::Start::later;
}

bool start_due(WepollState &state, BackendHost &host) noexcept {
  bool all = true;
  // What is started first is reported first; the start rotates.
  if (Poll *first = state.due.pop_front()) state.due.push_back(*first);
  Poll *next = nullptr;
  for (Poll *poll = state.due.front(); poll; poll = next) {
    next = state.due.next(*poll);
    if (!restart(state, host, *poll)) all = false;
  }
  return all;
}

// --- the wait ---

static_assert(INFINITE == static_cast<DWORD>(to_milliseconds(kWaitForever)));

// Out of memory, the next wait brings fewer reports at a time.
bool grow_reports(WepollState &state, ULONG capacity) noexcept {
  void *more = mm_realloc(state.reports, capacity * sizeof(OVERLAPPED_ENTRY));
  if (!more) return false;
  state.reports = static_cast<OVERLAPPED_ENTRY *>(more);
  state.capacity = capacity;
  return true;
}

// How many came before the time was over; -1 if the port is broken.
int retrieve(WepollState &state, DWORD timeout_ms) noexcept {
  ULONG count = 0;
  if (GetQueuedCompletionStatusEx(state.port, state.reports, state.capacity, &count, timeout_ms, FALSE))
    return static_cast<int>(count);
  if (GetLastError() == WAIT_TIMEOUT) return 0;
  log_warnx("GetQueuedCompletionStatusEx: error %lu", GetLastError());
  return -1;
}

Poll &poll_of(const OVERLAPPED_ENTRY &report) noexcept {
  return *reinterpret_cast<Poll *>(report.lpOverlapped);
}

// Takes a request back from the kernel. False if its poll was given up, and has been freed.
bool take_back(WepollState &state, Poll &poll) noexcept {
  --state.under_way;
  poll.asked = 0;
  if (poll.given_up) {
    free_poll(state, poll);
    return false;
  }
  state.due.push_back(poll);
  return true;
}

// What a look at the port brought.
struct Findings {
  int count = 0;       // of completions; -1 if the port is broken
  bool news = false;   // news, to the program or to the loop
  bool again = false;  // some requests were started again: look again
};

void deliver(WepollState &state, BackendHost &host, Poll &poll, Findings &found) noexcept {
  if (!take_back(state, poll)) return;
  FdSlot &slot = host.fds()[poll.fd];
  const std::uint8_t armed = std::exchange(slot.armed, 0);
  if (EVI_UNLIKELY(poll.request.lacked_memory())) {
    // It is due, and the next wait comes soon.
    found.news = true;
    return;
  }
  if (EVI_UNLIKELY(poll.request.failed() && !poll.request.was_cancelled())) return give_up(state, poll);
  const short what = poll.request.failed() ? 0 : from_afd(poll.request.events());
  const bool in_doubt = !state.looked && poll.round != state.round;
  if (in_doubt || !(what & armed)) {
    found.again = true;
    // For want of memory the next wait tries again, and soon.
    if (!restart(state, host, poll)) found.news = true;
    return;
  }
  found.news = true;
  host.report_ready(poll.fd, what);
}

void deliver_all(WepollState &state, BackendHost &host, Findings &found) noexcept {
  for (int i = 0; i < found.count; ++i) {
    const OVERLAPPED_ENTRY &report = state.reports[i];
    if (report.lpCompletionKey == kPollKey) deliver(state, host, poll_of(report), found);
    if (report.lpCompletionKey == kWakeKey) {
      host.woken();
      found.news = true;
    }
    if (report.lpCompletionKey == kOperationKey) {
      host.completion_port()->report(report);
      found.news = true;
    }
  }
}

Findings look(WepollState &state, BackendHost &host, Nanos timeout) noexcept {
  Findings found;
  state.waiting = true;
  {
    const Unlocked open(host.lock());
    found.count = retrieve(state, static_cast<DWORD>(to_milliseconds(timeout)));
  }
  state.waiting = false;
  deliver_all(state, host, found);
  if (found.count < static_cast<int>(state.capacity)) {
    state.looked = true;
  } else {
    found.again = true;
    if (state.capacity < kMostReports) static_cast<void>(grow_reports(state, 2 * state.capacity));
  }
  return found;
}

bool wepoll_await(void *arg, BackendHost &host, Nanos timeout) noexcept {
  auto &state = *static_cast<WepollState *>(arg);
  ++state.round;
  state.looked = state.under_way == 0;
  if (!start_due(state, host) && (timeout < 0 || timeout > kRetryAfter)) timeout = kRetryAfter;
  Nanos left = state.looked ? timeout : 0;
  for (bool reported = false;;) {
    const bool waited = state.looked || timeout == 0;
    const Findings found = look(state, host, left);
    if (found.count < 0) return false;
    reported |= found.news;
    if (!found.again && (reported || waited)) return true;
    left = reported || waited || !state.looked ? 0 : timeout;
  }
}

// --- birth and death ---

void *wepoll_make(BackendHost &) noexcept {
  Owned<WepollState> state{make<WepollState>()};
  if (!state || !grow_reports(*state, kFirstReports)) return nullptr;
  state->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1);
  if (!state->port) {
    errno = ENOMEM;
    return nullptr;
  }
  if (!add_device(*state)) return nullptr;
  return state.release();
}

void wepoll_unmake(void *state) noexcept { destroy(static_cast<WepollState *>(state)); }

WepollState::~WepollState() {
  for (int i = 0; i < size; ++i) {
    if (polls[i]) give_up(*this, *polls[i]);
  }
  for (int got = 1; under_way && got > 0;) {
    got = retrieve(*this, kLongestDrainMs);
    for (int i = 0; i < got; ++i) {
      if (reports[i].lpCompletionKey == kPollKey) take_back(*this, poll_of(reports[i]));
    }
  }
  // Rather than let the kernel write into what is others' memory by then.
  if (under_way) log_warnx("wepoll: the kernel keeps %zu requests, and their memory is lost", under_way);
  while (Device *device = devices.pop_front()) {
    CloseHandle(device->handle);
    destroy(device);
  }
  if (port) CloseHandle(port);
  mm_free(polls);
  mm_free(reports);
}

bool wepoll_prepare_wake(void *) noexcept { return true; }

void *wepoll_port(void *state) noexcept { return static_cast<WepollState *>(state)->port; }

}  // namespace

extern constinit const Backend wepoll_backend = {
    .name = "wepoll",
    .changelist_name = nullptr,
    .features = EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE,
    .updates_reach_wait = true,
    .create = wepoll_make,
    .destroy = wepoll_unmake,
    .update = wepoll_update,
    .wait = wepoll_await,
    .watch_signal = nullptr,
    .unwatch_signal = nullptr,
    .signal_name = nullptr,
    .prepare_wake = wepoll_prepare_wake,
    .wake = wepoll_wake,
    .completion_port = wepoll_port,
};

}  // namespace evi

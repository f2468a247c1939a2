// select() of Windows: lists of sockets, which may be longer than FD_SETSIZE says.
#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <windows.h>

#include <cstddef>
#include <utility>

#include "backends/timespec.h"
#include "backends/withdrawn.h"
#include "core/backend.h"
#include "core/backend_host.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/socket.h"

namespace evi {
namespace {

constexpr std::size_t kFirstCapacity = 64;

struct Watched {
  int fd;
  std::uint8_t wanted = 0;
  std::uint8_t reported = 0;  // while a wait's results are gathered
  bool connected = false;     // seen to be: it cannot fail to connect any more
};

// What select() takes and fills: its fd_set as long as it has to be.
struct SocketSet {
  u_int count;
  SOCKET sockets[1];  // as many as the memory holds

  fd_set *native() noexcept { return count ? reinterpret_cast<fd_set *>(this) : nullptr; }
  void add(SOCKET socket) noexcept { sockets[count++] = socket; }
  // f(fd) for each, around from a place that the caller moves on: so no socket is always first.
  template <typename F>
  void each(u_int start, F &&f) const noexcept {
    for (u_int i = 0, at = count ? start % count : 0; i < count; ++i, at = at + 1 < count ? at + 1 : 0)
      f(static_cast<int>(sockets[at]));
  }
};
static_assert(offsetof(SocketSet, sockets) == offsetof(fd_set, fd_array));

constexpr std::size_t set_size(std::size_t capacity) noexcept {
  return offsetof(SocketSet, sockets) + capacity * sizeof(SOCKET);
}

// One wait's sets, in one allocation. Failed connections are reported as exceptions, to events that wait to
// write; urgent data is reported so as well, and ignored.
class Sets {
 public:
  Sets() noexcept = default;
  Sets(Sets &&other) noexcept { *this = std::move(other); }
  Sets &operator=(Sets &&other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(reading_, other.reading_);
    std::swap(writing_, other.writing_);
    std::swap(failing_, other.failing_);
    return *this;
  }
  ~Sets() = default;

  [[nodiscard]] bool make(std::size_t capacity) noexcept {
    const std::size_t size = set_size(capacity);
    memory_.reset(static_cast<char *>(mm_malloc(3 * size)));
    if (!memory_) return false;
    reading_ = reinterpret_cast<SocketSet *>(memory_.get());
    writing_ = reinterpret_cast<SocketSet *>(memory_.get() + size);
    failing_ = reinterpret_cast<SocketSet *>(memory_.get() + 2 * size);
    clear();
    return true;
  }

  explicit operator bool() const noexcept { return reading_ != nullptr; }

  void clear() noexcept { reading_->count = writing_->count = failing_->count = 0; }

  void add(const Watched &one) noexcept {
    const auto socket = static_cast<SOCKET>(one.fd);
    if (one.wanted & EV_READ) reading_->add(socket);
    if (one.wanted & EV_WRITE) {
      writing_->add(socket);
      if (!one.connected) failing_->add(socket);
    }
  }

  // As select() returns. Never shorter than asked; a wait of more than a day may end early.
  int wait(Nanos timeout) noexcept {
    constexpr Nanos kLongest = Nanos{86'400} * 1'000'000'000;
    timeout = timeout < kLongest ? timeout : kLongest;
    if (reading_->count || writing_->count) {
      timeval limit = to_select_timeval(timeout);
      return select(0, reading_->native(), writing_->native(), failing_->native(),
                    timeout < 0 ? nullptr : &limit);
    }
    // select() refuses to wait for nothing.
    static_assert(INFINITE == static_cast<DWORD>(to_milliseconds(kWaitForever)));
    Sleep(static_cast<DWORD>(to_milliseconds(timeout)));
    return 0;
  }

  // f(fd, what) for each socket that is left, what being kFailed for an exception.
  template <typename F>
  void report(u_int start, F &&f) const noexcept {
    reading_->each(start, [&](int fd) { f(fd, EV_READ); });
    writing_->each(start, [&](int fd) { f(fd, EV_WRITE); });
    failing_->each(start, [&](int fd) { f(fd, kFailed); });
  }
  static constexpr short kFailed = EV_READ | EV_WRITE;

 private:
  OwnedMemory<char> memory_;
  SocketSet *reading_ = nullptr;
  SocketSet *writing_ = nullptr;
  SocketSet *failing_ = nullptr;
};

struct Win32State {
  Watched *watched = nullptr;  // dense; a slot's tag is its index here plus one
  Sets spare;                  // for the next wait, with room for the capacity; a wait has it to itself
  std::size_t count = 0;
  std::size_t capacity = 0;
  u_int next_start = 0;
  Withdrawn withdrawn;

  Win32State() noexcept = default;
  Win32State(const Win32State &) = delete;
  Win32State &operator=(const Win32State &) = delete;
  ~Win32State() { mm_free(watched); }
};

bool ensure(Win32State &state, std::size_t wanted) noexcept {
  if (wanted <= state.capacity) return true;
  const std::size_t next = state.capacity ? 2 * state.capacity : kFirstCapacity;
  void *grown = mm_realloc(state.watched, next * sizeof(Watched));
  if (!grown) return false;
  state.watched = static_cast<Watched *>(grown);
  Sets sets;
  if (!sets.make(next)) return false;
  state.spare = std::move(sets);
  state.capacity = next;
  return true;
}

void *win32_make(BackendHost &) noexcept {
  auto *state = make<Win32State>();
  if (!state || ensure(*state, 1)) return state;
  destroy(state);
  return nullptr;
}
void win32_unmake(void *state) noexcept { destroy(static_cast<Win32State *>(state)); }

void take_out(Win32State &state, BackendHost &host, FdSlot &slot) noexcept {
  const std::size_t hole = slot.tag - 1;
  slot.tag = 0;
  const std::size_t last = --state.count;
  if (hole == last) return;
  state.watched[hole] = state.watched[last];
  host.fds()[state.watched[hole].fd].tag = static_cast<std::uint32_t>(hole) + 1;
}

bool win32_update(void *arg, BackendHost &host, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  auto &state = *static_cast<Win32State *>(arg);
  if (wanted == 0) {
    if (slot.registered) {
      take_out(state, host, slot);
      state.withdrawn.note(fd);
    }
    slot.armed = slot.registered = 0;
    return true;
  }
  if (!slot.registered) {
    if (!descriptor_is_open(fd) || !ensure(state, state.count + 1)) return false;
    state.watched[state.count] = Watched{.fd = fd};
    slot.tag = static_cast<std::uint32_t>(++state.count);
    slot.registered = 1;
  }
  state.watched[slot.tag - 1].wanted = wanted;
  slot.armed = wanted;
  return true;
}

// select() refuses the whole set for one closed socket. Those are left out of another look, and are then
// ready for the error that their users will get.
void look_around_closed(Win32State &state, BackendHost &host, Sets &sets) noexcept {
  sets.clear();
  for (std::size_t i = 0; i < state.count; ++i) {
    const Watched one = state.watched[i];
    if (descriptor_is_open(one.fd)) {
      sets.add(one);
    } else {
      host.report_ready(one.fd, EV_READ | EV_WRITE);
    }
  }
  if (sets.wait(0) < 0) sets.clear();
}

// An exception of a connected socket is urgent data. Asking costs a call, once for each registration.
bool is_connected(int fd) noexcept {
  sockaddr_storage peer;
  int length = sizeof(peer);
  return getpeername(static_cast<SOCKET>(fd), reinterpret_cast<sockaddr *>(&peer), &length) == 0;
}

// A socket may be in several sets, and is reported once: the order in which its events are called is the same
// as with other methods.
void report_all(Win32State &state, BackendHost &host, const Sets &sets) noexcept {
  const auto watched = [&](int fd) -> Watched * {
    const std::uint32_t tag = host.fds()[fd].tag;
    return tag && !state.withdrawn.contains(fd) ? &state.watched[tag - 1] : nullptr;
  };
  const u_int start = ++state.next_start;
  sets.report(start, [&](int fd, short what) {
    Watched *one = watched(fd);
    if (!one) return;
    if (what == Sets::kFailed && (one->connected = is_connected(fd))) return;
    one->reported |= static_cast<std::uint8_t>(what);
  });
  sets.report(start, [&](int fd, short) {
    Watched *one = watched(fd);
    if (one && one->reported) host.report_ready(fd, std::exchange(one->reported, std::uint8_t{0}));
  });
}

bool win32_await(void *arg, BackendHost &host, Nanos timeout) noexcept {
  auto &state = *static_cast<Win32State *>(arg);
  Sets sets = std::move(state.spare);
  sets.clear();
  for (std::size_t i = 0; i < state.count; ++i) sets.add(state.watched[i]);
  int got = 0;
  int error = 0;
  state.withdrawn.wait_begins();
  {
    const Unlocked open(host.lock());
    got = sets.wait(timeout);
    error = last_socket_error();
  }
  state.withdrawn.wait_ended();
  // If the capacity grew meanwhile, there are larger ones.
  const Sets &results = state.spare ? sets : (state.spare = std::move(sets));
  if (got == 0 || (got < 0 && interrupted(error))) return true;
  if (got < 0) {
    if (error != WSAENOTSOCK) {
      log_warnx("select: winsock error %d", error);
      return false;
    }
    look_around_closed(state, host, state.spare);
  }
  report_all(state, host, got < 0 ? state.spare : results);
  return true;
}

}  // namespace

extern constinit const Backend win32_backend = {
    .name = "win32",
    .changelist_name = nullptr,
    .features = 0,
    .updates_reach_wait = false,
    .create = win32_make,
    .destroy = win32_unmake,
    .update = win32_update,
    .wait = win32_await,
};

}  // namespace evi

// select(2): bit sets as large as the highest descriptor needs, not FD_SETSIZE.
#include <sys/select.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "backends/rotation.h"
#include "backends/timespec.h"
#include "backends/withdrawn.h"
#include "core/backend.h"
#include "core/backend_host.h"
#include "util/alloc.h"
#include "util/log.h"

namespace evi {
namespace {

using Word = unsigned long;
constexpr int kWordBits = 8 * sizeof(Word);

// What is watched, or what the kernel fills, in one allocation.
class Sets {
 public:
  Sets() noexcept = default;
  [[nodiscard]] bool make(int words) noexcept {
    memory_.reset(static_cast<Word *>(mm_calloc(2 * static_cast<std::size_t>(words), sizeof(Word))));
    words_ = words;
    return memory_ != nullptr;
  }
  explicit operator bool() const noexcept { return memory_ != nullptr; }
  Word *reading() const noexcept { return memory_.get(); }
  Word *writing() const noexcept { return memory_.get() + words_; }
  // The first `words` of each.
  void copy(const Sets &from, int words) noexcept {
    const std::size_t bytes = static_cast<std::size_t>(words) * sizeof(Word);
    std::memcpy(reading(), from.reading(), bytes);
    std::memcpy(writing(), from.writing(), bytes);
  }

 private:
  OwnedMemory<Word> memory_;
  int words_ = 0;  // of each set
};

struct SelectState {
  Sets watched;
  Sets spare;     // for the next wait, as large
  Sets lent;      // the spare while the kernel fills it, since other threads add meanwhile
  int words = 0;  // of each set
  int highest = -1;
  Rotation rotation;
  Withdrawn withdrawn;

  SelectState() noexcept = default;
  SelectState(const SelectState &) = delete;
  SelectState &operator=(const SelectState &) = delete;
  ~SelectState() = default;
};

bool test(const Word *set, int fd) noexcept { return (set[fd / kWordBits] >> (fd % kWordBits)) & 1; }
void assign(Word *set, int fd, bool on) noexcept {
  const Word bit = Word{1} << (fd % kWordBits);
  if (on) {
    set[fd / kWordBits] |= bit;
  } else {
    set[fd / kWordBits] &= ~bit;
  }
}

bool ensure(SelectState &state, int fd) noexcept {
  const int needed = fd / kWordBits + 1;
  if (needed <= state.words) return true;
  int words = state.words ? state.words : FD_SETSIZE / kWordBits;
  while (words < needed) words *= 2;
  Sets watched;
  Sets spare;
  if (!watched.make(words) || !spare.make(words)) return false;
  if (state.words) watched.copy(state.watched, state.words);
  state.watched = std::move(watched);
  state.spare = std::move(spare);
  state.words = words;
  return true;
}

void *select_make(BackendHost &) noexcept {
  Owned<SelectState> state{make<SelectState>()};
  return state && ensure(*state, 0) ? state.release() : nullptr;
}
void select_unmake(void *state) noexcept { destroy(static_cast<SelectState *>(state)); }

bool select_update(void *arg, BackendHost &, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
  auto &state = *static_cast<SelectState *>(arg);
  if (wanted && !slot.registered && (!descriptor_is_open(fd) || !ensure(state, fd))) return false;
  assign(state.watched.reading(), fd, (wanted & EV_READ) != 0);
  assign(state.watched.writing(), fd, (wanted & EV_WRITE) != 0);
  if (wanted && fd > state.highest) state.highest = fd;
  if (!wanted) {
    state.withdrawn.note(fd);
    const Word *r = state.watched.reading();
    const Word *w = state.watched.writing();
    while (state.highest >= 0 && !test(r, state.highest) && !test(w, state.highest)) --state.highest;
  }
  slot.armed = wanted;
  slot.registered = wanted != 0;
  return true;
}

int wait_by_select(const Sets &sets, int highest, timeval *timeout) noexcept {
  return select(highest + 1, reinterpret_cast<fd_set *>(sets.reading()),
                reinterpret_cast<fd_set *>(sets.writing()), nullptr, timeout);
}

// select refuses the whole set for one closed descriptor. Those are left out of another look, and are then
// ready for the error that their users will get.
void look_around_closed(const SelectState &state, const Sets &ready, int highest) noexcept {
  const Word *wants_read = state.watched.reading();
  const Word *wants_write = state.watched.writing();
  Word *const reading = ready.reading();
  Word *const writing = ready.writing();
  const auto is_bad = [&](int fd) {
    return (test(wants_read, fd) || test(wants_write, fd)) && !descriptor_is_open(fd);
  };
  for (int fd = 0; fd <= highest; ++fd) {
    const bool good = !is_bad(fd);
    assign(reading, fd, good && test(wants_read, fd));
    assign(writing, fd, good && test(wants_write, fd));
  }
  timeval at_once{};
  const bool looked = wait_by_select(ready, highest, &at_once) >= 0;
  for (int fd = 0; fd <= highest; ++fd) {
    const bool bad = is_bad(fd);
    if (!bad && looked) continue;
    assign(reading, fd, bad && test(wants_read, fd));
    assign(writing, fd, bad && test(wants_write, fd));
  }
}

bool select_await(void *arg, BackendHost &host, Nanos timeout) noexcept {
  auto &state = *static_cast<SelectState *>(arg);
  const int highest = state.highest;
  timeval tv = to_select_timeval(timeout);
  state.lent = std::move(state.spare);
  state.lent.copy(state.watched, highest / kWordBits + 1);
  int got = 0;
  int error = 0;
  state.withdrawn.wait_begins();
  {
    const Unlocked open(host.lock());
    got = wait_by_select(state.lent, highest, timeout < 0 ? nullptr : &tv);
    error = errno;  // which taking the lock may change
  }
  state.withdrawn.wait_ended();
  Sets own = std::move(state.lent);
  // If they grew meanwhile, there are larger ones.
  const Sets &ready = state.spare ? own : (state.spare = std::move(own));
  if (got < 0) {
    if (error == EINTR) return true;
    if (error != EBADF) {
      errno = error;
      log_warn("select");
      return false;
    }
    look_around_closed(state, ready, highest);
    got = 1;
  }
  if (got <= 0) return true;
  const Word *const reading = ready.reading();
  const Word *const writing = ready.writing();
  const int count = highest + 1;
  const int start = state.rotation.next(count);
  for (int i = 0, fd = start; i < count; ++i, fd = fd + 1 < count ? fd + 1 : 0) {
    const short what =
        static_cast<short>((test(reading, fd) ? EV_READ : 0) | (test(writing, fd) ? EV_WRITE : 0));
    if (what && !state.withdrawn.contains(fd)) host.report_ready(fd, what);
  }
  return true;
}

}  // namespace

extern constinit const Backend select_backend = {
    .name = "select",
    .changelist_name = nullptr,
    .features = EV_FEATURE_FDS,
    .updates_reach_wait = false,
    .create = select_make,
    .destroy = select_unmake,
    .update = select_update,
    .wait = select_await,
};

}  // namespace evi

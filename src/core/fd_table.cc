// Growth of the descriptor table, and the counts of what its events want.
#include "core/fd_table.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>

#include "util/alloc.h"
#include "util/intrusive_list.h"

namespace evi {

using IoList = HeadList<event, IoHook>;

namespace {

constexpr int kFirstSlots = 32;

}  // namespace

FdTable::~FdTable() { mm_free(slots_); }

bool FdTable::reserve(int fd) noexcept {
  if (EVI_LIKELY(contains(fd))) return true;
  if (fd % kDescriptorStep != 0) {
    errno = EBADF;
    return false;
  }
  if (!descriptor_is_open(fd)) return false;
  // By a quarter: a big block moves without copying, and what is never used is never much.
  if (fd > INT_MAX - INT_MAX / 4) return false;
  const int last = fd / kDescriptorStep;
  const int wanted = std::max({last + 1, size_ + size_ / 4, kFirstSlots});
  // With 32 bits there is less memory than there may be numbers.
  if (static_cast<std::size_t>(wanted) > SIZE_MAX / sizeof(FdSlot)) {
    errno = ENOMEM;
    return false;
  }
  auto *slots = static_cast<FdSlot *>(mm_realloc(slots_, static_cast<std::size_t>(wanted) * sizeof(FdSlot)));
  if (!slots) return false;
  std::memset(static_cast<void *>(slots + size_), 0,
              static_cast<std::size_t>(wanted - size_) * sizeof(FdSlot));
  slots_ = slots;
  size_ = wanted;
  // The slots moved, and each list's first event knows where its head lies.
  for (int i = 0; i <= last; ++i) {
    if (slots_[i].first) hook_prev(IoHook::of(*slots_[i].first)) = &slots_[i].first;
  }
  return true;
}

bool FdTable::insert(FdSlot &slot, event &ev) noexcept {
  const short what = ev.ev_events;
  if (slot.readers == kMaxEventsPerFd || slot.writers == kMaxEventsPerFd || slot.closers == kMaxEventsPerFd ||
      slot.level == kMaxEventsPerFd || slot.persistent == kMaxEventsPerFd) {
    return false;
  }
  slot.readers += (what & EV_READ) != 0;
  slot.writers += (what & EV_WRITE) != 0;
  slot.closers += (what & EV_CLOSED) != 0;
  slot.level += (what & EV_ET) == 0;
  slot.persistent += (what & EV_PERSIST) != 0;
  IoList::push_front(slot.first, ev);
  return true;
}

void FdTable::remove(FdSlot &slot, event &ev) noexcept {
  const short what = ev.ev_events;
  slot.readers -= (what & EV_READ) != 0;
  slot.writers -= (what & EV_WRITE) != 0;
  slot.closers -= (what & EV_CLOSED) != 0;
  slot.level -= (what & EV_ET) == 0;
  slot.persistent -= (what & EV_PERSIST) != 0;
  IoList::remove(ev);
}

bool FdTable::check_invariants() const noexcept {
  for (int i = 0; i < size_; ++i) {
    FdSlot counted{};
    for (event *ev = slots_[i].first; ev; ev = IoList::next(*ev)) {
      if (ev->ev_fd != i * kDescriptorStep || !has(*ev, EVLIST_INSERTED)) return false;
      counted.readers += (ev->ev_events & EV_READ) != 0;
      counted.writers += (ev->ev_events & EV_WRITE) != 0;
      counted.closers += (ev->ev_events & EV_CLOSED) != 0;
    }
    if (counted.readers != slots_[i].readers || counted.writers != slots_[i].writers ||
        counted.closers != slots_[i].closers) {
      return false;
    }
  }
  return true;
}

}  // namespace evi

// The table from descriptor to the events on it, and to what the kernel watches.
#ifndef EVI_CORE_FD_TABLE_H
#define EVI_CORE_FD_TABLE_H

#include <cstddef>
#include <cstdint>

#include "core/event_access.h"
#include "util/platform.h"

namespace evi {

// In FdSlot::armed beside EV_READ, EV_WRITE, EV_CLOSED and EV_ET: the kernel reports once and then forgets.
inline constexpr std::uint8_t kOneShot = 0x01;

// One descriptor. How many events want what is counted, so that interest is known without walking the list.
struct FdSlot {
  event *first;  // the events, by IoHook
  std::uint16_t readers;
  std::uint16_t writers;
  std::uint16_t closers;          // EV_CLOSED
  std::uint16_t level;            // events without EV_ET: one of them makes the descriptor level-triggered
  std::uint16_t persistent;       // events with EV_PERSIST: none of them means that one report is enough
  std::uint8_t armed;             // what the kernel watches now, set by the method
  std::uint8_t registered : 1;    // the method's: the kernel has an entry, armed or not
  std::uint8_t change_noted : 1;  // in the base's changelist
  std::uint32_t tag;              // the method's: a generation or an index

  // What the events together want watched.
  std::uint8_t wanted() const noexcept {
    std::uint8_t mask = 0;
    if (readers) mask |= EV_READ;
    if (writers) mask |= EV_WRITE;
    if (closers) mask |= EV_CLOSED;
    if (mask && !level) mask |= EV_ET;
    if (mask && !persistent) mask |= kOneShot;
    return mask;
  }
};

static_assert(sizeof(FdSlot) <= 24, "a descriptor's slot counts in the memory of every connection");

// Whether the number names an open descriptor; errno says why not. One file per platform.
bool descriptor_is_open(int fd) noexcept;

class FdTable {
 public:
  static constexpr std::uint16_t kMaxEventsPerFd = UINT16_MAX;

  FdTable() noexcept = default;
  FdTable(const FdTable &) = delete;
  FdTable &operator=(const FdTable &) = delete;
  ~FdTable();

  // Makes room for `fd`; false with errno if out of memory, or if `fd` is not open (checked only when the
  // table would have to grow, so that a huge fd costs no memory).
  [[nodiscard]] bool reserve(int fd) noexcept;
  bool contains(int fd) const noexcept {
    return fd >= 0 && fd / kDescriptorStep < size_ && fd % kDescriptorStep == 0;
  }
  FdSlot &operator[](int fd) noexcept { return slots_[fd / kDescriptorStep]; }
  // One more than the highest number that there is room for. Those in between are kDescriptorStep apart.
  int size() const noexcept { return size_ * kDescriptorStep; }

  // Enters or takes out an event; the caller updates the method. insert is false when the counters are full.
  [[nodiscard]] static bool insert(FdSlot &slot, event &ev) noexcept;
  static void remove(FdSlot &slot, event &ev) noexcept;

  bool check_invariants() const noexcept;

 private:
  FdSlot *slots_ = nullptr;
  int size_ = 0;  // in slots
};

}  // namespace evi

#endif

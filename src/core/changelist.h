// Descriptors that no event waits for any more, and whose removal from the kernel's set is deferred.
//
// With EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST an event that is deleted and added again before the next wait
// costs one system call and not two. Nothing else is deferred: an add reaches the kernel at once, also when
// interest seems unchanged, since the fd may have been reused; so errors come back from event_add and no
// report is misdelivered. Everything noted is submitted before the loop waits, and before the first
// edge-triggered event is added: if the fd was closed meanwhile while its file is open elsewhere, the
// kernel's entry stays until the set is replaced, and a new set reports edges twice.
#ifndef EVI_CORE_CHANGELIST_H
#define EVI_CORE_CHANGELIST_H

#include "core/fd_table.h"
#include "util/alloc.h"

namespace evi {

class Changelist {
 public:
  Changelist() noexcept = default;
  Changelist(const Changelist &) = delete;
  Changelist &operator=(const Changelist &) = delete;
  ~Changelist() { mm_free(fds_); }

  bool empty() const noexcept { return count_ == 0; }

  // False if memory is short: then the change is submitted at once.
  [[nodiscard]] bool note(int fd, FdSlot &slot) noexcept {
    if (slot.change_noted) return true;
    if (count_ == capacity_ && !grow()) return false;
    slot.change_noted = 1;
    fds_[count_++] = fd;
    return true;
  }

  // Calls f(fd) for each noted descriptor and forgets it.
  template <typename F>
  void apply(FdTable &table, F &&f) noexcept {
    while (count_ > 0) {
      const int fd = fds_[--count_];
      table[fd].change_noted = 0;
      f(fd);
    }
  }

 private:
  bool grow() noexcept {
    const int capacity = capacity_ ? capacity_ * 2 : 32;
    void *grown = mm_realloc(fds_, static_cast<std::size_t>(capacity) * sizeof(int));
    if (!grown) return false;
    fds_ = static_cast<int *>(grown);
    capacity_ = capacity;
    return true;
  }

  int *fds_ = nullptr;
  int count_ = 0;
  int capacity_ = 0;
};

}  // namespace evi

#endif

// The descriptors that other threads withdrew while a method without registrations waited for them.
//
// Such a method hands the kernel a snapshot. When an fd in it is closed meanwhile and reused, the kernel's
// report is of the old file. Reports of these fds are discarded: a file that is ready is ready in the next
// wait too.
#ifndef EVI_BACKENDS_WITHDRAWN_H
#define EVI_BACKENDS_WITHDRAWN_H

#include <algorithm>
#include <cstddef>

#include "util/alloc.h"

namespace evi {

class Withdrawn {
 public:
  Withdrawn() noexcept = default;
  Withdrawn(const Withdrawn &) = delete;
  Withdrawn &operator=(const Withdrawn &) = delete;
  ~Withdrawn() { mm_free(fds_); }

  void wait_begins() noexcept {
    waiting_ = true;
    count_ = 0;
  }
  // Out of memory, the fd is not noted, and a report of it is taken for a true one.
  void note(int fd) noexcept {
    if (waiting_ && (count_ < capacity_ || grow())) fds_[count_++] = fd;
  }
  void wait_ended() noexcept {
    waiting_ = false;
    // With an order of our own: libc++ keeps the usual one's code in its library.
    std::sort(fds_, fds_ + count_, [](int a, int b) { return a < b; });
  }
  bool contains(int fd) const noexcept { return count_ != 0 && std::binary_search(fds_, fds_ + count_, fd); }

 private:
  bool grow() noexcept {
    const std::size_t wanted = capacity_ ? 2 * capacity_ : 16;
    void *grown = mm_realloc(fds_, wanted * sizeof(int));
    if (!grown) return false;
    fds_ = static_cast<int *>(grown);
    capacity_ = wanted;
    return true;
  }

  int *fds_ = nullptr;
  std::size_t count_ = 0;
  std::size_t capacity_ = 0;
  bool waiting_ = false;
};

}  // namespace evi

#endif
